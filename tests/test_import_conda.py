"""`envbuild import conda`: the text is kept, paths are rewritten, and what cannot be carried is named."""

import json
from pathlib import Path

import pytest
from support.project import Project
from support.realfiles import Sample, samples

from envbuild.errors import Place

CANARY = "Canary-5ecret"
FILE = """\
# what the team uses
name: Churn_Env
channels:
  - conda-forge   # first of all
dependencies:
  - python =3.11     # the servers have it
  # quick arrays
  - numpy>=1.20
  - pip:
      # ours
      - -e ./pkg
      - -r reqs.txt
      - --find-links=./wheels
prefix: /home/joe/envs/churn
"""


@pytest.fixture
def started(project: Project) -> Project:
    """A project with a folder that is a package, a requirements file, and no manifest yet."""
    project.write("envbuild.yaml", "channels: [conda-forge]\n")
    project.write("pkg/pyproject.toml", "")
    project.write("reqs.txt", "tabulate\n")
    (project.path / "wheels").mkdir()
    return project


def test_text_is_kept_but_for_what_depends_on_its_place(started: Project) -> None:
    """Remarks, order and blanks stay; paths lead to where they led; the prefix is gone, and said to be."""
    started.write("environment.yml", FILE)
    run = started.run("import", "conda", "environment.yml")
    assert run.out.splitlines()[0] == "Imported environment.yml as 'churn_env': wrote manifests/churn_env.yaml."
    assert "environment.yml:14:1: prefix: " in run.out
    expected = FILE.replace("-e ./pkg", '"-e ../pkg"').replace("-r reqs.txt", '"-r ../reqs.txt"')
    expected = expected.replace("--find-links=./wheels", '"--find-links=../wheels"').partition("prefix:")[0]
    assert started.read("manifests/churn_env.yaml") == expected
    assert started.json("check", "churn_env")["errors"] == []


@pytest.mark.parametrize("bad", ["-r ./gone.txt", "./gone", "-e ../outside", "-e /tmp", "--find-links=./none"])
def test_a_path_that_cannot_come_along_is_named(started: Project, bad: str) -> None:
    """With its line; nothing is written."""
    (started.path.parent / "outside").mkdir(exist_ok=True)
    started.write("environment.yml", f"dependencies:\n  - python\n  - pip:\n      - six\n      - {bad}\n")
    run = started.run("import", "conda", "environment.yml", "x", check=1)
    assert run.err.startswith(f"environment.yml:5:9: '{bad}' is not carried: the path ")
    assert "hint: " in run.err
    assert not (started.path / "manifests/x.yaml").exists()
    text = started.run("import", "conda", "environment.yml", "x", "--partial")
    assert "Not carried: 1 thing." in text.out
    assert f"      # left out: - {bad} (the path " in started.read("manifests/x.yaml")
    assert started.json("check", "x")["errors"] == []


def test_a_file_outside_of_the_project(started: Project) -> None:
    """Its own files stay where they are, so that they are not carried; the rest of it is."""
    outside = started.path.parent / "elsewhere"
    outside.mkdir()
    (outside / "more.txt").write_text("six\n")
    (outside / "environment.yaml").write_text("name: far\ndependencies: [python, {pip: [-r more.txt, rich]}]\n")
    run = started.run("import", "conda", str(outside / "environment.yaml"), check=1)
    assert "leaves the project" in run.err
    started.run("import", "conda", str(outside / "environment.yaml"), "--partial")
    text = started.read("manifests/far.yaml")
    assert text.startswith("name: far\ndependencies: [python, {pip: [rich]}]\n# left out: -r more.txt (the path")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-8"])
def test_any_encoding_and_line_end(started: Project, encoding: str) -> None:
    """What Windows writes comes to the same text."""
    text = "name: größe\r\ndependencies:\r\n  - python  # für alle\r\n"
    (started.path / "e.yaml").write_bytes(text.encode(encoding))
    started.run("import", "conda", "e.yaml", "x")
    assert started.read("manifests/x.yaml") == text.replace("\r\n", "\n")


def test_standard_input_needs_a_name(started: Project) -> None:
    """The file's own, or the one that is said."""
    started.run("import", "conda", "-", stdin="name: team/piped env\ndependencies: [python]\n")
    assert "dependencies" in started.read("manifests/piped-env.yaml")
    run = started.run("import", "conda", "-", stdin="dependencies: [python]\n", check=64)
    assert "nothing in standard input can name the environment" in run.err
    started.run("import", "conda", "-", "b/c", stdin="dependencies: [python]\n")
    assert started.read("manifests/b/c.yaml") == "dependencies: [python]\n"


def test_wrong_spellings_are_mended_and_said(started: Project) -> None:
    """Where the right one is certain; where it is not, the item is named."""
    started.write(
        "environment.yml",
        "dependencies:\n  - numpy=>1.20\n  - conda-forge/linux-64::xz =5\n  - pip:\n"
        "      - scipy=1.4.1\n      - git@github.com:org/repo.git\n",
    )
    done = started.json("import", "conda", "environment.yml", "x")
    assert [one["line"] for one in done["notes"] if one["kind"] == "spelling"] == [6, 5, 3, 2]
    for right in ('"numpy>=1.20"', "conda-forge::xz", '"scipy==1.4.1"', "git+ssh://git@github.com/org/repo.git"):
        assert right in started.read("manifests/x.yaml")
    started.write("environment.yml", "dependencies:\n  - dask[array]\n  - python\n")
    run = started.run("import", "conda", "environment.yml", "y", check=1)
    assert run.err.startswith("environment.yml:2:5: 'dask[array]' is not carried: conda misreads '[array]'")


def test_credentials_are_neither_written_nor_shown(started: Project) -> None:
    """Wherever they stand: in channels, in URLs of packages, in remarks, in a query, in what is broken."""
    started.write(
        "environment.yml",
        f"""
        name: x  # was https://joe:{CANARY}@old.test/
        channels:
          - https://joe:{CANARY}@conda.test/one
          - https://conda.test/t/{CANARY}/two
          - https://{CANARY}@conda.test/three
          - https://joe:{CANARY}/slash@conda.test/four
        dependencies:
          - python
          - pip:
              - a @ git+https://joe:{CANARY}@git.test/a.git@main
              - b @ https://files.test/b-1.0.tar.gz?token={CANARY}
              - --extra-index-url=https://joe:{CANARY}@pypi.test/simple
              - c @ https://joe:{CANARY}@files.test/c.tar.gz and more
        variables: {{A: "postgresql://joe:{CANARY}@db.test/x"}}
        """,
    )
    run = started.run("import", "conda", "environment.yml", check=1)
    assert CANARY not in run.out + run.err
    assert "environment.yml:3:5: the credentials of 'https://conda.test/one' are not carried" in run.err
    for way in ("'secrets' in envbuild.yaml", "netrc", "'uv auth login'", "'rattler auth login'"):
        assert way in run.err
    assert "let git keep them" in run.err
    for args in (("--partial", "-n"), ("--partial", "--json", "-n"), ("--partial",)):
        run = started.run("import", "conda", "environment.yml", *args)
        assert CANARY not in run.out + run.err
    text = started.read("manifests/x.yaml")
    assert CANARY not in text
    for url in ("- https://conda.test/one", "- https://conda.test/two", "git+https://git.test/a.git@main"):
        assert url in text
    assert not [path for path in started.path.rglob("*") if path.suffix != ".yml" and _holds(path)]


def _holds(path: Path) -> bool:
    return path.is_file() and CANARY.encode() in path.read_bytes()


def test_a_prefix_over_several_lines_stays(started: Project) -> None:
    """Without one of them the rest would be something else."""
    text = "dependencies: [python]\nprefix: /opt\n  /conda\n"
    started.write("environment.yml", text)
    started.run("import", "conda", "environment.yml", "x", "--partial")
    assert started.read("manifests/x.yaml") == text


def test_nothing_is_written_over(started: Project) -> None:
    """But when that is said, and then at the place where it stands."""
    started.write("manifests/x/environment.yml", "dependencies: [python]\n")
    started.write("e.yml", "dependencies: [python =3.12]\n")
    run = started.run("import", "conda", "e.yml", "x", check=64)
    assert "there is an environment 'x' already" in run.err
    assert "--force" in run.err
    started.run("import", "conda", "e.yml", "x", "--force", "-n")
    assert started.read("manifests/x/environment.yml") == "dependencies: [python]\n"
    started.run("import", "conda", "e.yml", "x", "--force")
    assert started.read("manifests/x/environment.yml") == "dependencies: [python =3.12]\n"
    started.run("import", "conda", "e.yml", "curated/x", "--force", check=64)


def test_dry_run_prints_the_manifest_alone(started: Project) -> None:
    """What else there is to say goes beside it."""
    started.write("environment.yml", FILE)
    before = started.tree()
    run = started.run("import", "conda", "environment.yml", "-n")
    assert run.out.startswith("# what the team uses\n")
    assert "prefix: the prefix is left out" in run.err
    assert started.tree() == before
    told = started.json("import", "conda", "environment.yml", "-n")
    assert (told["written"], told["manifest"]) == (False, run.out)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "environment.yml:"),
        ("- a\n", "the file must be a mapping"),
        ("nonsense: 1\n", "environment.yml:1:1: unknown key 'nonsense'"),
        ("", "nothing is said here"),
        ("dependencies: [a]\ndependencies: [b]\n", "the key 'dependencies' stands twice"),
        ("channels:\n  =>a\n \t b\ndependencies: [python]\n", "environment.yml:2:3: "),
        ("dependencies: {a: b}\n", "'dependencies' must be a list"),
        ("dependencies: [python, {pip: [null]}]\n", "environment.yml:1:"),
        ("dependencies:\n  - python\npip:\n  - six\n", "indent it as '- pip:' under 'dependencies'"),
        ("dependencies:\n  - pip:\n      - 'a==1'\n      - 'a==2'\n", "environment.yml:"),
    ],
)
def test_bad_files(started: Project, text: str, said: str) -> None:
    """Each is told with its place in the source; nothing is written."""
    started.write("environment.yml", text)
    run = started.run("import", "conda", "environment.yml", "x", check=1)
    assert said in run.err
    assert "manifests/" not in run.err
    assert not (started.path / "manifests").exists()


def test_odd_texts_stay_texts(started: Project) -> None:
    """Quotes, signs of YAML and of Jinja, line breaks and control characters in names become no other key."""
    names = ["'a: b #c'", '"x\\ny: 1"', "'- d'", "'{{ evil }}'", "'é'", "'!override e'", "'a\\tb'"]
    started.write("environment.yml", "dependencies:\n  - python\n  - pip:\n" + "".join(f"      - {n}\n" for n in names))
    run = started.run("import", "conda", "environment.yml", "x", "--partial")
    assert f"Not carried: {len(names)} things." in run.out
    assert started.json("check", "x")["errors"] == []
    assert started.json("show", "x", "--resolved", check=None) is not None


@pytest.mark.parametrize("sample", samples("locks", "loads"), ids=lambda one: one.slug)
def test_real_files_are_carried_whole(sample: Sample, started: Project) -> None:
    """What loads is imported from beside its own files, and says the same as where it stood."""
    from envbuild.document import parse
    from envbuild.manifest import manifest

    folder = started.path / "vendor"
    folder.mkdir()
    (folder / "environment.yml").write_bytes(sample.text.encode())
    for name, content in sample.files.items():
        (folder / name).write_text(content)

    def read(path: str, _where: Place) -> bytes:
        return (started.path / path).read_bytes()

    before = manifest("x", parse("vendor/environment.yml", sample.text.encode()), read)
    for item in [item for items in before.dependencies.definitions.values() for item in items if item.path]:
        path = started.path / item.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch() if path.suffix == ".whl" else path.mkdir(exist_ok=True)
    done = json.loads(started.run("--json", "import", "conda", "vendor/environment.yml", "x", check=None).out)
    assert done.get("left") == [], done
    after = manifest("x", parse("manifests/x.yaml", done["manifest"].encode()), read)
    for one, other in ((before.dependencies, after.dependencies), (before.limits, after.limits)):
        assert {key: [item.text for item in items] for key, items in one.definitions.items()} == {
            key: [item.text for item in items] for key, items in other.definitions.items()
        }
    lines = [line for line in sample.text.splitlines() if line.lstrip().startswith("#")]
    assert set(lines) <= set(done["manifest"].splitlines())


@pytest.mark.parametrize("sample", samples("refused"), ids=lambda one: one.slug)
def test_real_files_that_are_refused(sample: Sample, started: Project) -> None:
    """Each is told, or mended with a note; what is written of the rest loads."""
    started.write("environment.yml", sample.text)
    run = started.run("import", "conda", "environment.yml", "x", check=None)
    assert run.code == 1 or "spelling" in run.out
    if run.code:
        run = started.run("import", "conda", "environment.yml", "x", "--partial", check=None)
    if not run.code:
        assert started.json("check", "x")["errors"] == []


def test_other_paths_and_blocks_of_lines(started: Project) -> None:
    """Files of the image, folders of an index, a parent by its path, and entries of a block; shared ones once."""
    started.write("vendor/Dockerfile", "FROM x\n")
    started.write("vendor/base.yaml", "abstract: true\nchannels: [conda-forge]\n")
    started.write("vendor/more.txt", "six\n")
    started.write(
        "vendor/environment.yml",
        """
        extends: ./base.yaml
        dependencies:
          - python
          - pip: &shared
              - |
                -r more.txt   # theirs
                rich
        constraints:
          - pip: [attrs <24]
        image: {dockerfile: Dockerfile}
        """,
    )
    started.write("vendor/own/setup.py", "")
    started.run("import", "conda", "vendor/environment.yml", "deep/x")
    text = started.read("manifests/deep/x.yaml")
    for line in (
        'extends: "../../vendor/base.yaml"',
        "        -r ../../vendor/more.txt   # theirs",
        'dockerfile: "../../vendor',
    ):
        assert line in text
    assert started.json("check", "deep/x")["errors"] == []


def test_a_path_over_several_lines_is_named(started: Project) -> None:
    """It cannot be rewritten where it stands, and must not lead elsewhere."""
    started.write("environment.yml", "dependencies:\n  - python\n  - pip:\n      - six\n      - -e\n        ./pkg\n")
    run = started.run("import", "conda", "environment.yml", "x", check=1)
    assert "environment.yml:5:9: '-e ./pkg' is not carried: a path that goes over several lines" in run.err
    started.run("import", "conda", "environment.yml", "x", "--partial")
    assert started.read("manifests/x.yaml").endswith("several lines is not rewritten)\n        # ./pkg\n")


def test_no_secret_on_a_terminal_either(started: Project) -> None:
    """There a problem is shown with its line, but no line of what is imported."""
    started.write("environment.yml", f"name: x\nchannels:\n  - https://conda.test/t/{CANARY}/a\n")
    with started.terminal("import", "conda", "environment.yml") as terminal:
        assert terminal.finish() == 1
        assert CANARY not in terminal.text
        assert "credentials" in terminal.text


def test_what_hangs_on_something_left_out_is_left_out_as_well(started: Project) -> None:
    """An anchor that is gone, an item that is empty, a list with nothing left in it."""
    started.write(
        "environment.yml",
        "foo: &p [a]\nchannels: *p\ndependencies:\n  - python\n  - pip:\n      - six\n      -\n  - {pip: ['a b']}\n",
    )
    told = started.json("import", "conda", "environment.yml", "x", check=1)["errors"]
    assert [(one["line"], bool(one["hint"])) for one in told] == [(1, True), (2, True), (7, True), (8, True)]
    started.run("import", "conda", "environment.yml", "x", "--partial")
    text = started.read("manifests/x.yaml")
    assert text.startswith("# left out: foo: &p [a] (unknown key 'foo')\n# left out: channels: *p (no anchor '&p' ")
    assert "dependencies:\n  - python\n  - pip:\n      - six\n      # left out: - (" in text
    assert started.json("check", "x")["errors"] == []
