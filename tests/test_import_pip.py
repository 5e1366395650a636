"""`envbuild import pip`: one list of all that a requirements file and those it names ask for; its options as keys."""

from pathlib import Path

import pytest
from support.index import Index
from support.project import Project

CANARY = "Canary-5ecret"


@pytest.fixture
def started(project: Project) -> Project:
    project.write("envbuild.yaml", "channels: [conda-forge]\n")
    project.write("pkg/pyproject.toml", "")
    return project


def text_of(project: Project, name: str) -> str:
    return project.read(f"manifests/{name}.yaml")


def test_all_that_pip_reads(started: Project) -> None:
    """Files within files from their own folders, remarks in their order, continued lines, markers, extras, options."""
    started.write("reqs/base.txt", "tabulate\n-c limits/held.txt\n-r more.txt\n")
    started.write("reqs/more.txt", "rich  # pretty\n-r base.txt\n")
    started.write("reqs/limits/held.txt", "attrs<24\n")
    started.write(
        "dev.txt",
        """
        # -*- coding: utf-8 -*-
        # our tools
        -i https://pypi.test/simple
        --extra-index-url=https://one.test/simple --pre
        --no-binary=lxml,pyyaml
        -r reqs/base.txt
        numpy==1.26.4 \\
            --hash=sha256:aaaa \\
            --hash=sha256:bbbb
            # via pandas
        requests[security] >=2 ; python_version > "3.8"  # why
        -e git+https://git.test/a/b@v1#egg=b
        -e ./pkg
        c @ https://files.test/c-1.0.tar.gz
        """,
    )
    run = started.run("import", "pip", "dev.txt")
    assert run.out.splitlines()[0] == "Imported dev.txt as 'dev': wrote manifests/dev.yaml."
    assert "dev.txt:7:1: hashes: the hashes of 1 item are not carried" in run.out
    assert "dev.txt:12:1: editable-url: " in run.out
    assert text_of(started, "dev") == (
        "# Imported from dev.txt.\n"
        "pip:\n"
        '  index_url: "https://pypi.test/simple"\n'
        "  extra_index_urls:\n"
        '    - "https://one.test/simple"\n'
        "  prerelease: true\n"
        "  no_binary:\n"
        "    - lxml\n"
        "    - pyyaml\n"
        "dependencies:\n"
        "  - pip:\n"
        "      # our tools\n"
        "      # from reqs/base.txt:\n"
        "      - tabulate\n"
        "      # from reqs/more.txt:\n"
        "      - rich  # pretty\n"
        '      - "numpy==1.26.4"\n'
        "      # via pandas\n"
        '      - "requests[security] >=2 ; python_version > \\"3.8\\""  # why\n'
        '      - "git+https://git.test/a/b@v1#egg=b"\n'
        '      - "-e ../pkg"\n'
        '      - "c @ https://files.test/c-1.0.tar.gz"\n'
        "constraints:\n"
        "  - pip:\n"
        "      # from reqs/limits/held.txt:\n"
        '      - "attrs<24"\n'
    )
    assert started.json("check", "dev")["errors"] == []


def test_what_is_imported_locks_to_the_same(started: Project, index: Index) -> None:
    """A manifest that reads the file, and the one that was made of it, have equal pins."""
    started.write("requirements.txt", f"--index-url {index.url}\ngamma\n-c held.txt\n")
    started.write("held.txt", "alpha<2\n")
    started.write("manifests/reads.yaml", "dependencies: [{pip: [-r ../requirements.txt]}]\n")
    started.run("import", "pip", "requirements.txt", "made")
    started.run("lock")
    one, other = (started.read(f"locks/{name}.conda-lock.yml").partition("package:")[2] for name in ("reads", "made"))
    assert one == other
    assert "version: '1.1'" in one or "version: 1.1" in one or '"1.1"' in one


def test_paths_as_pip_takes_them(started: Project) -> None:
    """From where pip is run, else from the file's own folder; files within files always from theirs."""
    started.write("reqs/dev.txt", "-e .\n./own\n-f wheels\n")
    started.write("pyproject.toml", "[project]\nname = 'x'\n")
    started.write("reqs/own/setup.py", "")
    (started.path / "reqs/wheels").mkdir()
    started.run("import", "pip", "reqs/dev.txt")
    for line in ("-e ..", "../reqs/own", "../reqs/wheels"):
        assert f'- "{line}"\n' in text_of(started, "dev")
    assert started.json("check", "dev")["errors"] == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "--trusted-host pypi.test",
            "there is no key for '--trusted-host'\n  hint: name the host in 'insecure_indexes'",
        ),
        ("--only-binary=:all:", "there is no key for '--only-binary'"),
        ("--no-index", "there is no key for '--no-index'"),
        ("-r https://files.test/r.txt", "it is not a file of this machine"),
        ("-r gone.txt", "there is no file 'gone.txt'"),
        ("-r pkg", "'pkg' is a folder"),
        ("-i", "the option '-i' has no value"),
        ('-i "https://x', "a quote is not closed"),
        ("a @ https://h.test/${VERSION}/a.tar.gz", "it holds the variable '${VERSION}'"),
        ("--index-url https://h.test/${TEAM}/simple", "it holds the variable '${TEAM}'"),
        ('a --config-settings="x=y"', "'--config-settings' has no meaning here"),
        ("a --global-option=x", "'--global-option' has no meaning here"),
        ("a b c", "not a requirement that pip reads"),
        ("a>=1.0.*", "not a requirement that pip reads"),
        ("six @ file:///croot/six_1/work", "an archive or folder of the machine where it was written"),
        ("./gone-1.0.tar.gz", "the path './gone-1.0.tar.gz' is not there"),
        ("http://plain.test/a-1.0.tar.gz", "is not https"),
        ("a @ ftp://h.test/a.tar.gz", "'ftp:' URLs are not read"),
        ("~/x/y", "another machine's"),
        ("-r \x00", "the character U+0000 may not stand in a file"),
        ("./a\x00", "the character U+0000 may not stand in a file"),
    ],
)
def test_each_thing_that_cannot_be_carried(started: Project, line: str, said: str) -> None:
    """Is named with its line, its reason and what to do; nothing is written but with '--partial'."""
    started.write("r.txt", f"rich\n\n{line}\n")
    run = started.run("import", "pip", "r.txt", check=1)
    assert run.err.startswith("r.txt:3:1: ")
    assert said in run.err
    assert "  hint: " in run.err
    assert not (started.path / "manifests").exists()
    told = started.json("import", "pip", "r.txt", check=1)
    assert [(one["path"], one["line"]) for one in told["errors"]] == [("r.txt", 3)]
    started.run("import", "pip", "r.txt", "--partial")
    text = text_of(started, "r")
    assert "# left out: " in text
    assert "- rich\n" in text
    assert started.json("check", "r")["errors"] == []


def test_credentials_are_neither_written_nor_shown(started: Project) -> None:
    """In options, items, remarks and files within files; what of an item is no secret is carried with '--partial'."""
    started.write("more.txt", f"d @ git+https://{CANARY}@git.test/d.git\n")
    started.write(
        "r.txt",
        f"""
        # from https://joe:{CANARY}@wiki.test/page
        --index-url https://joe:{CANARY}@pypi.test/simple
        --extra-index-url https://${{USER}}:${{PASS}}@two.test/simple
        a @ https://joe:{CANARY}@files.test/a-1.0.tar.gz  # https://x:{CANARY}@y.test
        b @ https://files.test/b-1.0.tar.gz?X-Amz-Signature={CANARY}&x=1
        c @ git+ssh://git:{CANARY}@git.test/c.git
        -r more.txt
        -r https://joe:{CANARY}@files.test/r.txt
        --{CANARY}=https://joe:{CANARY}@x.test --pre
        """.replace(f"--{CANARY}", "--proxy"),
    )
    for args in ((), ("--json",), ("--partial", "-n"), ("--partial",)):
        run = started.run("import", "pip", "r.txt", *args, check=None)
        assert CANARY not in run.out + run.err
        assert run.code == (0 if "--partial" in args else 1)
    text = text_of(started, "r")
    assert CANARY not in text
    assert "${PASS}" not in text
    for kept in (
        '"https://pypi.test/simple"',
        '"https://two.test/simple"',
        "a-1.0.tar.gz",
        "git+ssh://git@git.test/c.git",
    ):
        assert kept in text
    assert "b-1.0" not in text.partition("dependencies:")[2]
    assert [path for path in started.path.rglob("*") if path.is_file() and _holds(path)] == [
        started.path / "more.txt", started.path / "r.txt",
    ]  # fmt: skip


def _holds(path: Path) -> bool:
    return CANARY.encode() in path.read_bytes()


def test_a_later_option_holds(started: Project) -> None:
    """As pip has it, and it is said; ':none:' forgets what was to be built from source."""
    started.write("r.txt", "-i https://a.test/s\n--no-binary=a\n--no-binary :none:\n-i https://b.test/s\nrich\n")
    run = started.run("import", "pip", "r.txt")
    assert "r.txt:4:1: stated-again: 'index_url' is stated again: the later holds" in run.out
    assert text_of(started, "r") == (
        '# Imported from r.txt.\npip:\n  index_url: "https://b.test/s"\ndependencies:\n  - pip:\n      - rich\n'
    )


def test_wrong_spellings_are_mended(started: Project) -> None:
    """Where the right one is certain."""
    started.write("r.txt", "scipy=1.4.1\nnumpy=>1.2\ngit+git@git.test:org/repo.git\n")
    told = started.json("import", "pip", "r.txt")
    assert sorted(one["line"] for one in told["notes"]) == [1, 2, 3]
    for right in ('"scipy==1.4.1"', '"numpy>=1.2"', '"git+ssh://git@git.test/org/repo.git"'):
        assert f"- {right}\n" in told["manifest"]


@pytest.mark.parametrize(
    "data", ["# nur ä\nrich\n".encode("utf-16"), "# coding: latin-1\n# ä\nrich\n".encode("latin-1")]
)
def test_encodings(started: Project, data: bytes) -> None:
    """As pip takes them: by a mark, or by what the first line says."""
    (started.path / "r.txt").write_bytes(data)
    started.run("import", "pip", "r.txt")
    assert "ä" in text_of(started, "r")
    (started.path / "r.txt").write_bytes(b"\xff\xfe\xff bad")
    started.run("import", "pip", "r.txt", "y", check=1)


def test_no_text_becomes_another_key(started: Project) -> None:
    """Signs of YAML, quotes, control characters, Jinja, in items and in remarks."""
    lines = ["# a: b\x1b[31m\u2028", "x: y", "- z", "'q'", "{{ a }}", "!override", "a\x07b", "rich # \x85 c: d"]
    started.write("r.txt", "\n".join([*lines, "six"]) + "\n")
    run = started.run("import", "pip", "r.txt", "--partial")
    assert "\x1b" not in run.out
    assert "\x07" not in run.out
    text = text_of(started, "r")
    assert text.endswith("      - six\n")
    assert "\x1b" not in text
    assert started.json("check", "r")["errors"] == []


def test_an_empty_file_and_one_that_is_something_else(started: Project) -> None:
    """The first is an environment without packages; of the other each line is told."""
    started.write("r.txt", "# nothing\n")
    assert started.run("import", "pip", "r.txt", "-n").out == "# Imported from r.txt.\ndependencies: []\n"
    started.write("e.txt", "name: x\ndependencies:\n  - python =3.11\n")
    run = started.run("import", "pip", "e.txt", check=1)
    assert [line.partition(" ")[0] for line in run.err.splitlines() if line.startswith("e.txt")] == [
        "e.txt:1:1:", "e.txt:2:1:", "e.txt:3:3:",
    ]  # fmt: skip
