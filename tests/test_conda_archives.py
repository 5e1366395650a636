"""Archives of channels: whole and as locked before anything reads them, bounded in time, confined in what they hold."""

import io
import tarfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.condachannel import (
    Channel,
    Fault,
    ServedChannel,
    cut,
    failing,
    instead,
    redirected,
    shortened,
    silent,
    trickling,
    wrong_bytes,
)
from support.condapkg import File, Package, archive, link_script
from support.loopback import basic
from support.pinned import pinned, rattler_in

from envbuild.errors import SolveError
from envbuild.lock import Pin
from envbuild.solvers.archives import fetch
from envbuild.solvers.contents import Content, content, members, unpack
from envbuild.solvers.rattler import Rattler

_DATA = Package(name="libfoo", files={"lib/libfoo": File(b"foo\n" * 10_000)})
_SIZE = len(archive(_DATA).data)


@pytest.fixture
def rattler(tmp_path: Path) -> Iterator[Rattler]:
    found = rattler_in(tmp_path, UV_HTTP_TIMEOUT="1")
    yield found
    found.stop()


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    return Channel(tmp_path / "channel", _DATA)


@pytest.fixture
def served(channel: Channel) -> Iterator[ServedChannel]:
    with ServedChannel(channel.folder) as served:
        yield served


def _fetched(rattler: Rattler, pin: Pin, folder: Path) -> tuple[Path, list[str]]:
    folder.mkdir(exist_ok=True)
    said: list[str] = []
    return fetch(rattler, pin, folder, said.append), said


def _refusal(rattler: Rattler, pin: Pin, folder: Path) -> SolveError:
    """Fetch in vain: nothing is left in the folder."""
    with pytest.raises(SolveError) as caught:
        _fetched(rattler, pin, folder)
    assert list(folder.iterdir()) == []
    return caught.value


def _content(rattler: Rattler, package: Package, folder: Path) -> Content:
    """What a package brings, unpacked and looked at as a build does."""
    folder.mkdir(parents=True, exist_ok=True)
    made = archive(package)
    path, pin = folder / made.filename, pinned(made, "file:///channel")
    path.write_bytes(made.data)
    files = members(rattler, path, pin)
    unpack(rattler, path, folder / "unpacked", pin)
    return content(folder / "unpacked", pin, files)


@pytest.mark.parametrize("way", ["folder", "http"])
def test_what_is_as_locked_is_given(rattler: Rattler, served: ServedChannel, tmp_path: Path, way: str) -> None:
    """By its own name, and the same bytes."""
    url = served.url if way == "http" else (tmp_path / "channel").as_uri()
    path, said = _fetched(rattler, pinned(_DATA, url), tmp_path / "in")
    assert (path.name, path.read_bytes(), said) == ("libfoo-1.0-0.conda", archive(_DATA).data, [])
    assert list((tmp_path / "in").iterdir()) == [path]


@pytest.mark.parametrize("way", ["folder", "http"])
@pytest.mark.parametrize("wrong", ["sha256", "md5"])
def test_bytes_that_are_not_as_locked_are_refused(
    rattler: Rattler, served: ServedChannel, tmp_path: Path, way: str, wrong: str
) -> None:
    """Each hash counts, also where the other one is right, and also for what lies in a folder."""
    url = served.url if way == "http" else (tmp_path / "channel").as_uri()
    locked = "0" * (64 if wrong == "sha256" else 32)
    error = _refusal(rattler, pinned(_DATA, url, **{wrong: locked}), tmp_path / "in")
    assert f"could not be fetched from {url}/linux-64/libfoo-1.0-0.conda: its {wrong} is " in error.message
    assert f"and {locked} is locked; {_SIZE:,} bytes came, tried 3 times" in error.message


def test_a_folder_s_changed_file_is_refused(rattler: Rattler, channel: Channel, tmp_path: Path) -> None:
    """No server stands between, and rattler itself would take it."""
    path = channel.path("libfoo-1.0-0.conda")
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    assert "its sha256 is " in _refusal(rattler, pinned(_DATA, channel.url), tmp_path / "in").message


_FAULTS: dict[str, tuple[Fault, str, str, int]] = {
    "other bytes": (wrong_bytes, f"{_SIZE:,} bytes came", "try again", 3),
    "another package": (instead(archive(Package(name="other")).data), "its sha256 is ", "try again", 3),
    "half of it": (shortened, "its sha256 is ", "try again", 3),
    "cut": (cut, "the connection ended after ", "try again", 3),
    "not found": (failing(404), "404 Not Found", "run 'envbuild lock --upgrade libfoo'", 1),
    "forbidden": (failing(403), "403 Forbidden", "keep them in a netrc file", 1),
    "overloaded": (failing(503), "503 Service Unavailable", "try again", 3),
}


@pytest.mark.parametrize("kind", _FAULTS)
def test_what_goes_wrong_is_told(rattler: Rattler, served: ServedChannel, tmp_path: Path, kind: str) -> None:
    """Which URL, what came instead, how often it was tried, what to do; what stays as it is, is tried once."""
    fault, said, hint, tries = _FAULTS[kind]
    served.fault("*.conda", fault)
    error = _refusal(rattler, pinned(_DATA, served.url), tmp_path / "in")
    assert f"libfoo 1.0 could not be fetched from {served.url}/linux-64/libfoo-1.0-0.conda: " in error.message
    assert said in error.message
    assert error.hint.startswith(hint)
    assert error.message.endswith(", tried 3 times") == (tries == 3)
    assert len(served.requests) == tries


def test_nothing_there_is_told(rattler: Rattler, tmp_path: Path) -> None:
    """A server that is gone, and a folder that is."""
    gone = _refusal(rattler, pinned(_DATA, "http://127.0.0.1:9/channel"), tmp_path / "in")
    assert gone.message.endswith("no connection, tried 3 times")
    missing = _refusal(rattler, pinned(_DATA, (tmp_path / "nowhere").as_uri()), tmp_path / "in")
    assert missing.message.endswith("libfoo-1.0-0.conda: No such file or directory")


@pytest.mark.parametrize("fault", [cut, failing(500), wrong_bytes])
def test_another_try_may_do(rattler: Rattler, served: ServedChannel, tmp_path: Path, fault: Fault) -> None:
    """And it is said that it was needed."""
    served.fault("*.conda", fault, times=2)
    path, said = _fetched(rattler, pinned(_DATA, served.url), tmp_path / "in")
    assert path.read_bytes() == archive(_DATA).data
    assert len(said) == 2
    assert all(line.startswith("fetching libfoo 1.0 again: ") for line in said)


def test_a_slow_line_is_waited_for(rattler: Rattler, served: ServedChannel, tmp_path: Path) -> None:
    """Longer than the time-out in all, as long as something comes."""
    served.fault("*.conda", trickling(2.5))
    began = time.monotonic()
    path, said = _fetched(rattler, pinned(_DATA, served.url), tmp_path / "in")
    assert (path.read_bytes(), said) == (archive(_DATA).data, [])
    assert time.monotonic() - began > 2


def test_silence_ends(rattler: Rattler, served: ServedChannel, tmp_path: Path) -> None:
    """After as many seconds as are set, each time; and it is told."""
    served.fault("*.conda", silent(30))
    began = time.monotonic()
    error = _refusal(rattler, pinned(_DATA, served.url), tmp_path / "in")
    assert error.message.endswith("nothing came for 1 s, after 0 bytes, tried 3 times")
    assert time.monotonic() - began < 15


def test_credentials_go_to_their_own_host(channel: Channel, tmp_path: Path) -> None:
    """Those of a netrc file open a private channel, follow no redirect, and stand in no message."""
    with ServedChannel(channel.folder, auth=("user", "CANARY")) as private, ServedChannel(channel.folder) as other:
        host = private.url.split("/")[2]
        (tmp_path / ".netrc").write_text(f"machine {host} login user password CANARY\n")
        rattler = rattler_in(tmp_path)
        path, _ = _fetched(rattler, pinned(_DATA, private.url), tmp_path / "in")
        assert path.read_bytes() == archive(_DATA).data
        private.fault("*.conda", redirected(other.url))
        _fetched(rattler, pinned(_DATA, private.url), tmp_path / "in")
        private.mend()
        private.fault("*.conda", wrong_bytes)
        path.unlink()
        error = _refusal(rattler, pinned(_DATA, private.url), tmp_path / "in")
        rattler.stop()
    assert {one.headers.get("authorization") for one in private.log} == {basic("user", "CANARY")}
    assert {one.headers.get("authorization") for one in other.log} == {None}
    assert "CANARY" not in str(error)


@pytest.mark.parametrize(("field", "value"), [("name", "../up"), ("version", "1/2"), ("build", "x\ny"), ("build", "")])
def test_a_lock_names_no_way_to_elsewhere(rattler: Rattler, tmp_path: Path, field: str, value: str) -> None:
    """What stands there becomes a file's name."""
    pin = pinned(_DATA, (tmp_path / "channel").as_uri(), **{field: value})
    assert "cannot be a package of a channel" in _refusal(rattler, pin, tmp_path / "in").message


def test_other_formats_are_refused(rattler: Rattler, tmp_path: Path) -> None:
    """Only conda's two are known."""
    pin = pinned(_DATA, "", url="https://channel.invalid/linux-64/libfoo-1.0-0.zip")
    assert "is in no format that is known" in _refusal(rattler, pin, tmp_path / "in").message


@pytest.mark.parametrize("kind", [".conda", ".tar.bz2"])
def test_what_a_sound_package_brings(rattler: Rattler, tmp_path: Path, kind: str) -> None:
    """Its paths, where its links lead, its link scripts; of a package for Python its commands."""
    files = {"bin/x": File(b"", 0o755), "lib/y": File(link="../bin/x"), **link_script("a", "post-link", "true\n")}
    found = _content(rattler, Package(name="a", kind=kind, files=files), tmp_path / "a")
    assert found == Content(("bin/.a-post-link.sh", "bin/x", "lib/y"), {"lib/y": "../bin/x"}, ("bin/.a-post-link.sh",))
    pure = Package(
        name="b", kind=kind, noarch="python", subdir="noarch",
        files={"site-packages/b.py": File()}, entry_points=["b-x = b:main", "c.d=b.e:f.g"],
    )  # fmt: skip
    found = _content(rattler, pure, tmp_path / "b")
    assert (found.paths, found.commands, found.python) == (("site-packages/b.py",), ("b-x", "c.d"), True)


def test_modes_are_the_same_on_any_machine(rattler: Rattler, tmp_path: Path) -> None:
    """A file may be run or not; no bit for others to write, none that lends rights."""
    files = {"bin/x": File(b"", 0o6777), "share/y": File(b"", 0o666), "share/z": File(b"", 0o600)}
    _content(rattler, Package(name="a", files=files), tmp_path)
    found = {path: (tmp_path / "unpacked" / path).stat().st_mode & 0o7777 for path in ("bin", *files)}
    assert found == {"bin": 0o755, "bin/x": 0o755, "share/y": 0o644, "share/z": 0o644}


_HARD, _FIFO, _DEVICE = tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE
_PLAIN = Package(name="evil", files={"share/x": File(b"x")})
_HOSTILE: dict[str, tuple[Package, str]] = {
    "a path told above": (replace(_PLAIN, listed={"../up": File(b"x")}), "leaves its folder"),
    "a path told from the root": (replace(_PLAIN, listed={"/root": File(b"x")}), "leaves its folder"),
    "a line break told": (
        replace(_PLAIN, files={"a\nb": File(b"x")}),
        "it holds 'a\\nb', which leaves its folder or is no name",
    ),
    "an escape told": (replace(_PLAIN, files={"a\x1b[2Jb": File(b"x")}), "it holds 'a\\x1b[2Jb', which leaves"),
    "a venv": (replace(_PLAIN, files={"pyvenv.cfg": File(b"x")}), "it brings 'pyvenv.cfg', which no package may"),
    "a path told of nothing": (replace(_PLAIN, listed={"share/y": File(b"x")}), "tells of 'share/y'"),
    "a member above": (replace(_PLAIN, members=[("../up", File(b"x"))]), "it cannot be read"),
    "a member from the root": (replace(_PLAIN, members=[("/root", File(b"x"))]), "it cannot be read"),
    "a member twice": (replace(_PLAIN, members=[("share/x", File(b"y"))]), "holds 'share/x' twice"),
    "a second index": (replace(_PLAIN, members=[("info/index.json", File(b"{}"))]), "holds 'info/index.json' twice"),
    "a hard link out": (replace(_PLAIN, members=[("h", File(link="/etc/hostname", link_type=_HARD))]), "leaves its"),
    "a pipe": (replace(_PLAIN, members=[("p", File(link="x", link_type=_FIFO))]), "read in two ways: 'p'"),
    "a device": (replace(_PLAIN, members=[("d", File(link="x", link_type=_DEVICE))]), "read in two ways: 'd'"),
    "through a link": (
        replace(_PLAIN, members=[("l", File(link="/tmp")), ("l/x", File(b"x"))]),  # noqa: S108 - it is refused
        "it cannot be unpacked",
    ),
    "another name": (replace(_PLAIN, claimed={"name": "good"}), "its name is good"),
    "another version": (replace(_PLAIN, claimed={"version": "2.0"}), "its version is 2.0"),
    "another build": (replace(_PLAIN, claimed={"build": "1"}), "its build is 1"),
    "a number for a name": (replace(_PLAIN, claimed={"name": 1}), "says nothing that can be read"),
    "a mark of ours": (replace(_PLAIN, files={".envbuild-complete": File(b"[]")}), "which no package may"),
    "another package's note": (replace(_PLAIN, files={"conda-meta/a-1-0.json": File(b"{}")}), "which no package may"),
    "conda's folder as a link": (replace(_PLAIN, files={"conda-meta": File(link="share")}), "which no package may"),
    "a command above": (
        Package(name="evil", subdir="noarch", noarch="python", entry_points=["../../x = os:system"]),
        "is no 'NAME = MODULE:FUNCTION'",
    ),
    "a command with code": (
        Package(name="evil", subdir="noarch", noarch="python", entry_points=["x = os:system\nimport evil"]),
        "is no 'NAME = MODULE:FUNCTION'",
    ),
}


@pytest.mark.parametrize("kind", [".conda", ".tar.bz2"])
@pytest.mark.parametrize("what", _HOSTILE)
def test_hostile_archives_are_refused(rattler: Rattler, tmp_path: Path, what: str, kind: str) -> None:
    """Whatever leaves its folder, may be read in two ways, or is not the package that is locked."""
    package, said = _HOSTILE[what]
    with pytest.raises(SolveError) as caught:
        _content(rattler, replace(package, kind=kind), tmp_path / "deep/er")
    assert said in caught.value.message
    assert caught.value.message.startswith("file:///channel/")
    assert {path.name for path in tmp_path.iterdir()} <= {"deep"}
    assert {path.name for path in (tmp_path / "deep").iterdir()} == {"er"}


def test_an_old_package_lists_its_files(rattler: Rattler, tmp_path: Path) -> None:
    """In a plain file; its paths are held to the same."""
    for listed, said in ((["share/x"], ""), (["share/x", "../up"], "leaves its folder"), (["x"], "does not hold")):
        folder = tmp_path / listed[-1].replace("/", "-")
        made = archive(replace(_PLAIN, kind=".tar.bz2"))
        with tarfile.open(fileobj=io.BytesIO(made.data)) as old, tarfile.open(tmp_path / "new.tar.bz2", "w:bz2") as new:
            for entry in old:
                text = "".join(f"{path}\n" for path in listed).encode() if entry.name == "info/files" else None
                data = old.extractfile(entry).read() if text is None else text  # type: ignore[union-attr]
                entry.size = len(data)
                if entry.name != "info/paths.json":
                    new.addfile(entry, io.BytesIO(data))
        pin = pinned(made, "file:///channel")
        files = members(rattler, tmp_path / "new.tar.bz2", pin)
        unpack(rattler, tmp_path / "new.tar.bz2", folder, pin)
        if said:
            with pytest.raises(SolveError, match=said):
                content(folder, pin, files)
        else:
            assert content(folder, pin, files).paths == ("share/x",)


def test_a_format_that_can_be_read_in_two_ways(rattler: Rattler, tmp_path: Path) -> None:
    """A zip may hold a name twice: what is unpacked must be what was looked at."""
    made, other = archive(_PLAIN), archive(replace(_PLAIN, files={"share/x": File(b"x"), "share/y": File(b"y")}))
    path, pin = tmp_path / made.filename, pinned(made, "file:///channel")
    path.write_bytes(made.data)
    with zipfile.ZipFile(io.BytesIO(other.data)) as second, zipfile.ZipFile(path, "a") as both:
        name = "pkg-evil-1.0-0.tar.zst"
        with pytest.warns(UserWarning, match="Duplicate name"):
            both.writestr(name, second.read(name))
    with pytest.raises(SolveError, match=r"it can be read in two ways|it cannot be (read|unpacked)"):
        content(tmp_path / "unpacked", pin, _unpacked(rattler, path, pin))


def _unpacked(rattler: Rattler, path: Path, pin: Pin) -> frozenset[str]:
    files = members(rattler, path, pin)
    unpack(rattler, path, path.parent / "unpacked", pin)
    return files


def test_a_bomb_is_refused_before_it_goes_off(
    rattler: Rattler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is unpacked of what is so many times its archive."""
    monkeypatch.setattr("envbuild.solvers.contents.BOUND_FREE", 2**20)
    bomb = Package(name="evil", kind=".tar.bz2", files={"zeros": File(bytes(30 * 2**20))})
    assert len(archive(bomb).data) < 20_000
    with pytest.raises(SolveError, match=r"it holds more than [\d,]+ bytes"):
        _content(rattler, bomb, tmp_path / "in")
    assert not (tmp_path / "in/unpacked").exists()


@pytest.mark.parametrize("size", [0, 10, 1000])
def test_a_broken_archive_is_told(rattler: Rattler, tmp_path: Path, size: int) -> None:
    """Its hash may be right, and it is no package all the same."""
    made = archive(_DATA)
    path, pin = tmp_path / made.filename, pinned(made, "file:///channel")
    path.write_bytes(made.data[:size])
    with pytest.raises(SolveError, match="it cannot be read"):
        members(rattler, path, pin)
