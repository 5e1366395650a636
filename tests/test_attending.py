"""What a run stands on, piece by piece: patterns as git reads them, masks, snapshots, variables as they are entered."""

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.attending.ignoring import Ignoring
from envbuild.attending.known import environment
from envbuild.attending.masking import Log, masked
from envbuild.attending.shelf import Shelf
from envbuild.attending.snapshot import SourceError, Wanted, take
from envbuild.builders.activation import entered
from envbuild.process import Programs
from envbuild.resolve import Variable

_PATHS = (
    "a", "b.txt", "keep.txt", "d/a", "d/b.txt", "d/e/f.log", "d/e/keep.log", "x y", "d/[z]", "build/out",
    "src/build/in", "deep/a/b/c.pyc", "foo-1", "foo-b", "#hash", "!bang", "tail ",
)  # fmt: skip
_PATTERNS = (
    "*.txt", "!keep.txt", "/a", "d/", "d/*", "**/a", "d/**", "build/", "/build", "*.log", "!d/e/keep.log", "a/**/c.pyc",
    "**/*.pyc", "foo-[0-9]", "foo-[!0-9]", "x\\ y", "\\#hash", "\\!bang", "# a comment", "", "   ", "[z]", "d/[[]z]",
    "?",
    "deep/**/c.pyc", "tail\\ ", "*", "**/**/a", "***/a", "d//", "d[/]a", "[[:alpha:]]", "foo-[[:digit:]]",
    "foo-[[:alpha:]_-]", "[[:none:]]", "foo-[b-_]", "d/[[\\]]z]", "[\\[]z]", "a[", "*.txt\r", "a\x0bb", "a\u2028b",
)  # fmt: skip


def git(folder: Path, *words: str) -> bytes:
    command = [shutil.which("git") or "git", "-C", str(folder), *words]
    return subprocess.run(command, check=True, capture_output=True, env={"PATH": os.environ["PATH"]}).stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tree")
    for name in _PATHS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    git(folder, "init", "-q")
    return folder


@given(st.lists(st.sampled_from(_PATTERNS), max_size=6), st.lists(st.sampled_from(_PATTERNS), max_size=3))
def test_patterns_mean_what_they_mean_to_git(tree: Path, above: list[str], below: list[str]) -> None:
    """Any of them in any order, in the folder and in one below it."""
    (tree / ".gitignore").write_text("".join(f"{one}\n" for one in above), encoding="utf-8-sig")
    (tree / "d/.gitignore").write_text("".join(f"{one}\n" for one in below))
    told = git(tree, "ls-files", "-z", "--others", "--exclude-standard")
    seen = {name for name in told.decode().split("\0") if name}
    ignoring = Ignoring(str(tree), (".gitignore",))
    assert {name for name in _PATHS if not ignoring.leaves_out(name)} == seen & {*_PATHS}


@given(st.lists(st.sampled_from([b"s3cr3t", b"s3c", b"r3t", b"x", b"\n", b"s3cr3", b"another-one"]), max_size=12))
def test_a_secret_never_reaches_the_log(tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]) -> None:
    """In whatever pieces it comes; everything else does, whole and in order."""
    path = tmp_path_factory.mktemp("log") / "log"
    log = Log(str(path), [b"s3cr3t", b"another-one"])
    for piece in pieces:
        log.add(piece)
    log.close()
    whole = b"".join(pieces)
    assert path.read_bytes() == whole.replace(b"another-one", b"***").replace(b"s3cr3t", b"***")


@given(st.lists(st.text("abc", max_size=6), max_size=8), st.sets(st.text("abc", min_size=3, max_size=7), max_size=4))
def test_secrets_that_overlap_are_masked_in_any_pieces(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[str], secrets: set[str]
) -> None:
    """As they are where all is there at once, and then none is left."""
    path = tmp_path_factory.mktemp("log") / "log"
    log = Log(str(path), [one.encode() for one in secrets])
    for piece in pieces:
        log.add(piece.encode())
    log.close()
    written = path.read_bytes()
    assert written == masked("".join(pieces).encode(), [one.encode() for one in secrets])
    assert [one for one in secrets if len(one) > 3 and one.encode() in written] == []


_FOLDERS = st.lists(st.sampled_from(["/a", "/b", "/bin"]), max_size=2).map(tuple)
_VARIABLES = st.lists(
    st.one_of(
        st.builds(Variable, st.sampled_from(["PLAIN", "PATH", "HOST"]), st.sampled_from(["", "value", "é'\"$"])),
        st.builds(Variable, st.sampled_from(["LIST", "PATH"]), st.none(), _FOLDERS, _FOLDERS),
    ),
    max_size=4,
    unique_by=lambda one: one.name,
).map(tuple)
_HOSTS = st.dictionaries(
    st.sampled_from(
        ["PATH", "PLAIN", "HOST", "LIST", "CONDA_PREFIX", "PYTHONHOME", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT"]
    ),
    st.sampled_from(["/usr/bin:/bin", "x", ""]),
)


@given(_VARIABLES, _HOSTS, st.sampled_from(["venv", "conda"]))
def test_what_is_begun_at_once_has_the_same_variables(
    tmp_path_factory: pytest.TempPathFactory, variables: tuple[Variable, ...], host: dict[str, str], kind: str
) -> None:
    """As an environment is entered with all that was loaded, so it is entered without."""
    prefix = tmp_path_factory.getbasetemp() / kind
    (prefix / ("conda-meta" if kind == "conda" else "bin")).mkdir(parents=True, exist_ok=True)
    changes = entered("a", "a", variables, prefix, {}, Programs()).changes
    told = {
        "label": "a",
        "texts": {name: ours for name, (ours, _) in changes.texts.items()},
        "lists": changes.lists,
        "is_conda": kind == "conda",
        "env": {},
    }
    assert environment(told, host) == entered("a", "a", variables, prefix, host, Programs()).env


def _taken(folder: Path, shelf: Path, *, limit: int = 1, secret: frozenset[str] = frozenset()) -> dict[str, object]:
    return take(Wanted(str(folder), limit, secret), Shelf(str(shelf)), str(shelf / "index"), dict(os.environ))


def _files(shelf: Path, snapshot: dict[str, object]) -> dict[str, tuple[str, str]]:
    digest = str(snapshot["digest"])
    rows = json.loads((shelf / digest[:2] / digest[2:]).read_bytes())
    return {name: (mode, content) for name, mode, content, _ in rows}


def test_a_snapshot_has_what_counts(tmp_path: Path) -> None:
    """Links as links, programs as programs; not what is ignored, nor results, secrets, pipes, or our own files."""
    source, shelf = tmp_path / "source", tmp_path / "shelf"
    for name in (
        "a.py",
        "data.bin",
        "outputs/m",
        "logs/l",
        "src/outputs/kept",
        ".envbuild/x",
        "secret",
        "big/x",
        "__pycache__/a",
    ):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name)
    (source / "a.py").chmod(0o755)
    (source / "link").symlink_to("/etc/passwd")
    (source / "also-secret").symlink_to("secret")
    os.mkfifo(source / "pipe")
    (source / ".gitignore").write_text("*.bin\n")
    (source / ".envbuildignore").write_text("big/\n!data.bin\n")
    found = _files(shelf, _taken(source, shelf, secret=frozenset({str(source / "secret")})))
    assert set(found) == {"a.py", "data.bin", "src/outputs/kept", "link", ".gitignore", ".envbuildignore"}
    assert found["link"] == ("120000", "/etc/passwd")
    assert found["a.py"][0] == "100755"


def test_in_a_repository_git_says_what_is_ignored(tmp_path: Path) -> None:
    """What is tracked counts although it is ignored, and .envbuildignore has the last word."""
    source, shelf = tmp_path / "source", tmp_path / "shelf"
    for name in ("a.py", "kept.bin", "other.bin", "no.txt", "outputs/tracked", "outputs/new", "inner/x"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name)
    git(source, "init", "-q")
    git(source / "inner", "init", "-q")
    git(source, "add", "-f", "a.py", "kept.bin", "outputs/tracked")
    (source / ".gitignore").write_text("*.bin\n")
    (source / ".envbuildignore").write_text("no.txt\n")
    found = _files(shelf, _taken(source, shelf))
    assert set(found) == {"a.py", "kept.bin", "outputs/tracked", "inner/x", ".gitignore", ".envbuildignore"}


def test_nothing_is_read_twice(tmp_path: Path) -> None:
    """A file that is as it was is not opened: here it could not even be. What was changed since is read."""
    source, shelf = tmp_path / "source", tmp_path / "shelf"
    source.mkdir()
    for name in "ab":
        (source / name).write_text(name)
    old = _taken(source, shelf)
    index = (shelf / "index").read_text() if (shelf / "index").exists() else "{}"
    for _ in range(50):  # what was written in one tick with the snapshot is read again, until it has rested
        if len(json.loads(index)) == 2:
            break
        time.sleep(0.05)
        assert _taken(source, shelf) == old
        index = (shelf / "index").read_text() if (shelf / "index").exists() else "{}"
    rows = json.loads(index)
    rows["a"][-1] = next(row[-1] for name, row in rows.items() if name == "b")
    (shelf / "index").write_text(json.dumps(rows))
    found = _files(shelf, _taken(source, shelf))
    assert found["a"] == found["b"]  # what the index says was believed
    (source / "a").write_text("a, and more")
    assert _files(shelf, _taken(source, shelf))["a"] != found["b"]


def test_a_source_that_is_too_large_is_refused(tmp_path: Path) -> None:
    """With the size, the limit, the largest file, and what to do."""
    source, shelf = tmp_path / "source", tmp_path / "shelf"
    source.mkdir()
    (source / "huge").write_bytes(b"x" * (1 << 20))
    (source / "small").write_bytes(b"x")
    with pytest.raises(SourceError) as error:
        _taken(source, shelf)
    assert "has 2 MiB, and 1 are kept at most; the largest file is 'huge' (1 MiB)" in error.value.message
    assert "'.envbuildignore'" in error.value.hint
    assert not shelf.exists()


def test_what_cannot_be_read_is_not_taken_for_gone(tmp_path: Path) -> None:
    """Else a snapshot would lack it without a word."""
    with pytest.raises(IsADirectoryError):
        Shelf(str(tmp_path / "shelf")).put_file(str(tmp_path))


def test_what_vanishes_meanwhile_is_not_there(tmp_path: Path) -> None:
    """Among the temporary files of others; what is there and cannot be read is told."""
    source, shelf = tmp_path / "source", tmp_path / "shelf"
    for number in range(2000):
        (source / f"{number % 20}").mkdir(parents=True, exist_ok=True)
        (source / f"{number % 20}" / str(number)).write_text(str(number))
    (source / "kept").write_text("kept")
    remover = subprocess.Popen([shutil.which("rm") or "rm", "-rf", *map(str, source.glob("[0-9]*"))])
    found = _taken(source, shelf)
    assert remover.wait() == 0
    assert "kept" in _files(shelf, found)
    assert [*_files(shelf, _taken(source, shelf))] == ["kept"]


def test_of_a_source_that_is_too_large_by_far_not_all_is_looked_at(tmp_path: Path) -> None:
    """A million files of data take no minute to be refused; which is to be left out is told."""
    source, shelf = tmp_path / "source", tmp_path / "shelf"
    for number in range(60):
        folder = source / f"{number:02}"
        folder.mkdir(parents=True)
        with (folder / "0000").open("wb") as stream:
            stream.truncate(1 << 20)
        for other in range(1, 1000):
            os.link(folder / "0000", folder / f"{other:04}")
    with pytest.raises(SourceError) as error:
        _taken(source, shelf)
    told = r"has over 50,000 MiB, and 1 are kept at most; the largest file is '\d\d/\d{4}' \(1 MiB\)"
    assert re.search(told, error.value.message)
    (source / ".envbuildignore").write_text("??\n")
    assert _taken(source, shelf)["files"] == 1
