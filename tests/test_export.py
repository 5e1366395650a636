"""`envbuild export` whatever the format: what is refused, what is never written, and texts that stay texts."""

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from support.exported import write_mixed
from support.index import Index
from support.project import Project

from envbuild.errors import LockError
from envbuild.interop.exports import FILES, FORMATS, exporter
from envbuild.interop.exports.quoting import comment, scalar, toml_table
from envbuild.interop.exports.subject import Subject, Wish
from envbuild.lock import Pin, safe_url
from envbuild.project import Project as Loaded
from envbuild.project.exporting import outgoing

OF_PACKAGES = sorted({*FORMATS} - {*FILES})  # what is no definition with an image: those have tests of their own
_PIECES = [
    "a",
    "no",
    "1",
    " #",
    ": ",
    ":",
    "#",
    " ",
    "- ",
    "'",
    '"',
    "\n",
    "[",
    "&",
    "*",
    "!",
    "=",
    "@",
    ".",
    "./",
    "{%",
]
_MARKS = st.builds(
    "{}{}".format, st.sampled_from(["", "a"]), st.lists(st.sampled_from(_PIECES), max_size=3).map("".join)
)
_TEXTS = st.one_of(_MARKS, st.text(st.characters(exclude_categories=["Cs"]), max_size=30))


@pytest.fixture
def plain(project: Project, index: Index) -> Project:
    project.write(
        "manifests/a.yaml", f"pip: {{index_url: '{index.url}'}}\ndependencies: [python =3.11, {{pip: [alpha]}}]\n"
    )
    return project


@pytest.mark.parametrize("file_format", OF_PACKAGES)
def test_a_lock_that_is_not_current(file_format: str, plain: Project) -> None:
    """Exit 3 with what to run, as `render` has it; nothing is written, and an old file stays."""
    before = plain.read("manifests/a.yaml")
    for item in ("alpha", "alpha ==1.0"):
        plain.write("manifests/a.yaml", before.replace("[alpha]", f"['{item}']"))
        plain.write("out.txt", "old")
        run = plain.run("export", file_format, "a", "-o", "out.txt", check=3)
        assert "the lock of 'a' is not current" in run.err
        assert "hint: run 'envbuild lock a'" in run.err
        assert plain.read("out.txt") == "old"
        plain.run("lock")


@pytest.mark.parametrize(
    ("arguments", "line", "hint"),
    [
        (["pixy", "a"], "FORMAT cannot be 'pixy'", "did you mean 'pixi'?"),
        (["conda", "b"], "no environment is named 'b'", "known are: a"),
        (["conda", "a@1"], "'a' was never built", "run 'envbuild apply'"),
        (["conda", "a@"], "'a@' names no version", "say 'a@1' or 'a@latest'"),
        (["conda", "a", "--exact"], "'export conda' takes no --exact", "use it with: azureml, azureml-v1, pixi"),
        (["pip", "a", "--requested"], "'export pip' takes no --requested", "use it with: conda"),
        (["pixi", "a", "--no-hashes"], "'export pixi' takes no --no-hashes", "use it with: pip"),
        (["pip", "a", "--sha256"], "'export pip' takes no --sha256", "use it with: explicit"),
        (["pip", "a", "--platform", "win-64"], "'a' is not locked for win-64", "choose one of: "),
        (["pixi", "a", "--platform", "amiga"], "'a' is not locked for amiga", "choose one of: "),
    ],
)
def test_bad_usage(arguments: list[str], line: str, hint: str, plain: Project) -> None:
    """Exit 64, and what would be right."""
    plain.run("lock")
    run = plain.run("export", *arguments, check=64)
    first, second = run.err.splitlines()
    assert first == f"error: {line}"
    assert second.startswith(f"  hint: {hint}")
    assert run.out == ""


def test_a_machine_that_the_lock_is_not_for(project: Project, index: Index, tmp_path: Path) -> None:
    """A platform has to be named; pixi.toml is for all of them."""
    write_mixed(project, index, tmp_path, "osx-arm64")
    project.run("lock")
    run = project.run("export", "conda", "a", check=64)
    assert run.err.splitlines() == [
        "error: this machine is linux-64, and 'a' is not locked for it",
        "  hint: say --platform with one of: osx-arm64",
    ]
    assert "numpy=2.1.2=py311_0" in project.run("export", "conda", "a", "--platform", "osx-arm64").out
    assert 'platforms = ["osx-arm64"]' in project.run("export", "pixi", "a").out


def test_a_platform_that_is_stated_no_more(project: Project, index: Index, tmp_path: Path) -> None:
    """The lock still has it and is current; what is exported is what the manifest says."""
    write_mixed(project, index, tmp_path)
    project.run("lock")
    text = project.read("manifests/a.yaml")
    project.write("manifests/a.yaml", text.replace("[linux-64, osx-arm64]", "[linux-64]"))
    project.run("lock", "--check")
    assert 'platforms = ["linux-64"]' in project.run("export", "pixi", "a").out
    run = project.run("export", "conda", "a", "--platform", "osx-arm64", check=64)
    assert run.err.splitlines()[1] == "  hint: choose one of: linux-64"


def test_notes_in_a_ci(plain: Project) -> None:
    """Beside the lines that they are about, and none beside a file that there is not."""
    plain.write("manifests/a.yaml", f"{plain.read('manifests/a.yaml')}setup: ['true']\n")
    plain.run("lock")
    run = plain.run("export", "conda", "a", env={"GITHUB_ACTIONS": "true"})
    told = [line for line in run.err.splitlines() if line.startswith("::")]
    assert len(told) == 1
    assert told[0].endswith("manifests/a.yaml:3:1: environment.yml has no place for setup")


def test_a_file_is_whole_or_not_there(plain: Project) -> None:
    """A folder is made for it; where it cannot be written nothing is left, and the error names the place."""
    plain.run("lock")
    run = plain.run("export", "pip", "a", "-o", "new/folder/requirements.txt")
    assert run.out == "requirements.txt of a for linux-64 written to new/folder/requirements.txt\n"
    assert sorted(path.name for path in (plain.path / "new" / "folder").iterdir()) == ["requirements.txt"]
    assert plain.run("export", "pip", "a", "-o", "-").out == plain.read("new/folder/requirements.txt")
    run = plain.run("export", "pip", "a", "-o", "new/folder", check=1)
    assert run.err == "new/folder: cannot be written: Is a directory\n  hint: name a file in it\n"
    run = plain.run("export", "pip", "a", "-o", "manifests/a.yaml/b", check=1)
    assert run.err.startswith("manifests/a.yaml/b: cannot be written: ")
    assert run.err.endswith("hint: remove the file that stands where a folder has to be, or choose another place\n")
    assert sorted(path.name for path in (plain.path / "new").iterdir()) == ["folder"]


def test_a_pipe_is_written_into_and_stays_one(plain: Project) -> None:
    """As a device would: who asks for `/dev/null` has one afterwards, too. `/dev/stdout` is standard output."""
    plain.run("lock")
    wanted, pipe = plain.run("export", "pip", "a").out, plain.path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        plain.run("export", "pip", "a", "-o", "pipe")
        assert pipe.is_fifo()
        assert os.read(reading, len(wanted) + 1).decode() == wanted
    finally:
        os.close(reading)
    assert [one.name for one in plain.path.iterdir() if one.name.startswith(".pipe")] == []
    assert plain.run("export", "pip", "a", "-o", "/dev/stdout").out == wanted


def test_json(plain: Project) -> None:
    """The text and the notes, and with -o the file as well; nothing on standard error."""
    plain.run("lock")
    run = plain.run("--json", "export", "pip", "a", "-o", "r.txt")
    told = json.loads(run.out)
    assert run.err == ""
    assert told["format_version"] == 1
    assert told["export"]["file"] == "r.txt"
    assert told["export"]["text"] == plain.read("r.txt")
    assert [one["kind"] for one in told["notes"]] == ["python"]
    assert json.loads(plain.run("--json", "export", "pip", "a").out)["export"]["file"] is None


@pytest.mark.parametrize("file_format", OF_PACKAGES)
def test_credentials_of_the_host_stay_there(file_format: str, project: Project, index: Index, tmp_path: Path) -> None:
    """Neither those of its netrc nor those in its own index and proxies, nor where it lies, nor when it was."""
    write_mixed(project, index, tmp_path, "linux-64")
    if file_format == "pip":
        project.write("manifests/a.yaml", "platforms: [linux-64]\ndependencies: [python =3.11, {pip: [beta]}]\n")
    project.write("../home/.netrc", "machine 127.0.0.1 login canary-one password canary-two\n")
    host = {"UV_DEFAULT_INDEX": index.url.replace("://", "://canary-three:canary-four@")}
    project.run("lock", env=host)
    project.run("apply", "-q", env=host, check=None)
    options = ["--exact"] if file_format == "pixi" else []
    run = project.run("export", file_format, "a", *options, env=host)
    text = (run.out + run.err).replace((tmp_path / "channel").as_uri(), "CHANNEL")
    assert "canary" not in text
    assert str(tmp_path) not in text
    assert project.run("export", file_format, "a", *options, env=host).out == run.out


@pytest.mark.parametrize("file_format", sorted({*OF_PACKAGES} - {"pip"}))
def test_no_text_becomes_a_line_of_its_own(file_format: str, project: Project, index: Index, tmp_path: Path) -> None:
    """Line breaks, quotes and options in a description, a tag or a variable stay where they are."""
    write_mixed(project, index, tmp_path, "linux-64")
    hostile = "x\n- evil\n--index-url https://evil.example\n[tool.evil]\n@EXPLICIT\r\nevil: 1 # \"'"
    text = project.read("manifests/a.yaml").replace('"trains\\nthe model"', json.dumps(hostile))
    project.write("manifests/a.yaml", text.replace('SMALL: "yes"', f"SMALL: {json.dumps(hostile)}"))
    project.run("lock")
    run = project.run("export", file_format, "a")
    held = ("# x - evil", "  SMALL: ", "SMALL = ", "description = ")
    assert [line for line in run.out.splitlines() if "evil" in line and not line.startswith(held)] == []
    assert run.out.count("@EXPLICIT\n") == (file_format == "explicit")
    if file_format == "conda":
        found: Any = YAML(typ="safe").load(run.out)
        assert found["variables"] == {"SMALL": hostile}
        assert list(found) == ["name", "channels", "dependencies", "variables"]
    if file_format == "pixi":
        read = tomllib.loads(run.out)
        assert read["activation"]["env"]["SMALL"] == hostile
        assert "tool" not in read


_HOSTILE = [
    {"name": "x\n--index-url https://evil.example"},
    {"name": "x --index-url https://evil.example"},
    {"version": "1.0\nevil"},
    {"version": "1.0 ; evil"},
    {"sha256": "0" * 64 + "\nevil"},
    {"sha256": ""},
    {"md5": "evil"},
    {"build": "0\n- evil"},
]


@pytest.mark.filterwarnings("ignore:conda_lock._vendor:PendingDeprecationWarning")
@pytest.mark.parametrize("file_format", ["conda", "explicit", "pip", "pixi"])
@pytest.mark.parametrize("hostile", _HOSTILE, ids=str)
def test_what_is_no_pin_is_in_no_file(
    file_format: str, hostile: dict[str, str], plain: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever writes a lock, with all its hashes, writes no line of what is exported."""
    plain.run("lock")
    monkeypatch.chdir(plain.path)
    out = outgoing(Loaded.load(plain.path, plain.environ), "a", None)
    assert out.lock
    ((platform, pins),) = out.lock.pins.items()
    url = "https://example.com/linux-64/x-1.0-0.conda"
    sound: dict[str, Any] = {
        "manager": "conda",
        "name": "x",
        "version": "1.0",
        "url": url,
        "sha256": "0" * 64,
        "build": "0",
    }
    given = Pin(**{**sound, "manager": "pip" if file_format == "pip" else "conda", **hostile})
    lock = msgspec.structs.replace(out.lock, pins={platform: msgspec.structs.replace(pins, pins=(given,))})
    subject = Subject(msgspec.structs.replace(out, lock=lock), Wish(platform, exact=True))
    with pytest.raises(LockError, match="is no package"):
        exporter(file_format)(subject)


@pytest.mark.parametrize("url", ["https://h/a b\n--index-url c", "https://h/$HOME/${X}", "https://u:canary@h/x#y=z"])
def test_a_url_is_one_word(url: str) -> None:
    """Nothing in it ends a word or a line, is replaced, or is a secret."""
    safe = safe_url(url)
    assert safe.isprintable()
    assert not {*safe} & {*" $\\\"'`{}<>"}
    assert "canary" not in safe
    assert safe_url(safe) == safe


@example("a:")
@example("a: b")
@example("a #b")
@example("No")
@example("./a ./b:")
@given(_TEXTS)
def test_a_text_comes_back_from_yaml(text: str) -> None:
    """As an item of a list and as a value, in both versions of YAML."""
    source = f"a:\n  - {scalar(text)}\nb: {scalar(text)}\n"
    for version in ((1, 1), (1, 2)):
        yaml: Any = YAML(typ="safe", pure=True)
        yaml.version = version
        assert yaml.load(source) == {"a": [text], "b": text}


@given(st.dictionaries(_TEXTS, _TEXTS, max_size=3), st.dictionaries(_TEXTS, st.lists(_TEXTS, max_size=2), max_size=2))
def test_a_table_comes_back_from_toml(texts: dict[str, str], lists: dict[str, list[str]]) -> None:
    """Keys and values of any text, within a line and in tables within tables."""
    values = {**texts, "lists": lists, "flag": True}
    assert tomllib.loads(toml_table(("a", "b c"), values)) == {"a": {"b c": values}}


@given(_TEXTS)
def test_a_comment_is_one_line(text: str) -> None:
    """Whatever is in it."""
    assert len(f"{comment(text)}|".splitlines()) == 1
    assert comment(text).startswith("#")


def test_the_page_names_every_format_and_option() -> None:
    """docs/exchange.md has a heading for each format, and what each takes stands in its row."""
    page = (Path(__file__).parent.parent / "docs" / "exchange.md").read_text(encoding="utf-8")
    for name, (file, options) in FORMATS.items():
        assert f"\n### {name}\n" in page
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
        assert file in row
        assert all(f"`--{option.replace('_', '-')}`" in row for option in options)
