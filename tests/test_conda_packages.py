"""The conda packages that tests make are real: py-rattler installs them, and what is hostile in them is there."""

import bz2
import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest
from conda_package_streaming.package_streaming import stream_conda_component
from rattler.exceptions import InstallerError
from support.barerattler import BareRattler
from support.condachannel import Channel
from support.condapkg import PREFIX, File, Package, archive, from_wheel, link_script, script, zst
from support.wheels import wheel_bytes
from zstandard import ZstdDecompressor

_BINARY = f"\x7fELF\0{PREFIX}/share\0tail\0{PREFIX}/lib:{PREFIX}/lib64\0end"
_TOOL = Package(
    name="tool",
    files={
        "bin/tool": script(f"#!{PREFIX}/bin/sh\necho {PREFIX}\n"),
        "lib/tool.bin": File(_BINARY.encode(), prefix="binary"),
        "share/tool/data": File(b"data\n"),
        "share/tool/link": File(link="data"),
        "share/tool/copied": File(b"x = 1\n", no_link=True),
    },
)


@pytest.fixture
def rattler(tmp_path: Path) -> BareRattler:
    return BareRattler(tmp_path / "rattler", platform="linux-64")


def install(rattler: BareRattler, folder: Path, *packages: Package) -> Path:
    """Offer packages in a channel, ask for all of them, and give the prefix where they were installed."""
    channel = Channel(folder / "channel", *packages)
    rattler.install(rattler.solve(channel.url, *(package.name for package in packages)), folder / "prefix")
    return folder / "prefix"


def content(prefix: Path, path: str) -> bytes:
    return (prefix / path).read_bytes()


@pytest.mark.parametrize("size", [0, 1, 128 * 1024, 128 * 1024 + 1, 1_000_000])
def test_raw_frames_are_valid_zstd(size: int) -> None:
    """Another implementation reads them, by their length and as a stream."""
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    assert ZstdDecompressor().decompress(zst(data)) == data
    assert ZstdDecompressor().decompressobj().decompress(zst(data)) == data


@pytest.mark.parametrize("kind", [".conda", ".tar.bz2"])
def test_the_same_package_is_the_same_bytes(kind: str) -> None:
    """In whatever order its files were named."""
    files = dict(sorted(_TOOL.files.items(), reverse=True))
    one, other = (Package(name="tool", kind=kind, files=named) for named in (files, _TOOL.files))
    assert archive(one) == archive(other)
    assert archive(one).filename == f"tool-1.0-0{kind}"


def test_both_formats_hold_the_same_files() -> None:
    """Conda's own reader finds metadata and content in each; `.tar.bz2` holds `info` first."""
    old, new = (archive(Package(name="tool", kind=kind, files=_TOOL.files)) for kind in (".tar.bz2", ".conda"))
    with tarfile.open(fileobj=io.BytesIO(bz2.decompress(old.data))) as opened:
        names = opened.getnames()
    with zipfile.ZipFile(io.BytesIO(new.data)) as outer:
        assert outer.namelist() == ["metadata.json", "pkg-tool-1.0-0.tar.zst", "info-tool-1.0-0.tar.zst"]
    found = [
        [entry.name for _, entry in stream_conda_component(new.filename, io.BytesIO(new.data), component=component)]
        for component in ("info", "pkg")
    ]
    assert names == found[0] + found[1]
    assert found[1] == sorted(_TOOL.files)


def test_prefixes_are_replaced_in_text_and_binary_files(rattler: BareRattler, tmp_path: Path) -> None:
    """A binary file keeps its length: what follows in the same string moves up, and NULs fill the rest."""
    prefix = install(rattler, tmp_path, _TOOL)
    assert content(prefix, "bin/tool") == f"#!{prefix}/bin/sh\necho {prefix}\n".encode()
    shorter = len(PREFIX) - len(str(prefix))
    share = f"{prefix}/share".encode() + b"\0" * shorter
    libraries = f"{prefix}/lib:{prefix}/lib64".encode() + b"\0" * 2 * shorter
    assert content(prefix, "lib/tool.bin") == b"\x7fELF\0" + share + b"\0tail\0" + libraries + b"\0end"
    assert os.access(prefix / "bin/tool", os.X_OK)
    assert not os.access(prefix / "lib/tool.bin", os.X_OK)


def test_links_and_copies_are_what_the_package_says(rattler: BareRattler, tmp_path: Path) -> None:
    """Only what is not marked shares its inode with the cache."""
    prefix = install(rattler, tmp_path, _TOOL)
    assert (prefix / "share/tool/link").readlink() == Path("data")
    links = {name: (prefix / "share/tool" / name).stat().st_nlink for name in ("data", "copied")}
    assert links == {"data": 2, "copied": 1}


@pytest.mark.parametrize("kind", [".conda", ".tar.bz2"])
def test_a_package_tells_the_truth_of_its_files(rattler: BareRattler, tmp_path: Path, kind: str) -> None:
    """A second install holds every file against its hash and finds no fault, until one is damaged in the cache."""
    channel = Channel(tmp_path / "channel", Package(name="tool", kind=kind, files=_TOOL.files))
    records = rattler.solve(channel.url, "tool")
    rattler.install(records, tmp_path / "first")
    channel.path(f"tool-1.0-0{kind}").unlink()
    rattler.install(records, tmp_path / "second", deeply=True)
    (tmp_path / "first/share/tool/data").write_bytes(b"DATA\n")
    with pytest.raises(InstallerError, match="tool"):
        rattler.install(records, tmp_path / "third", deeply=True)


def test_a_pure_wheel_becomes_a_noarch_package(rattler: BareRattler, tmp_path: Path) -> None:
    """Its modules go to where the python of the prefix looks, and its commands are made there."""
    filename, data = wheel_bytes("Some.Name", "1.0", scripts={"some-Name": "some_name:main"})
    package = from_wheel(filename, data, subdir="linux-64", python="3.11", depends=["libfoo"])
    assert (package.name, package.subdir, package.depends) == ("some-name", "noarch", ("python", "libfoo"))
    python = Package(name="python", version="3.11.5", files={"bin/python3.11": File(b"", 0o755)})
    prefix = install(rattler, tmp_path, package, python, Package(name="libfoo"))
    site_packages = prefix / "lib/python3.11/site-packages"
    assert content(site_packages, "some_name/__init__.py") == b'__version__ = "1.0"\n'
    assert content(site_packages, "some_name-1.0.dist-info/INSTALLER") == b"conda\n"
    assert content(prefix, "bin/some-Name").startswith(f"#!{prefix}/bin/python3.11\n".encode())


def test_a_compiled_wheel_becomes_a_package_of_one_python() -> None:
    """Its files lie where that python looks, and it asks for no other."""
    filename, data = wheel_bytes("fast", "1.0", tag="cp311-cp311-manylinux_2_17_x86_64")
    package = from_wheel(filename, data, subdir="linux-64", python="3.11")
    assert (package.subdir, package.noarch, package.depends) == ("linux-64", "", ("python >=3.11,<3.12.0a0",))
    assert "lib/python3.11/site-packages/fast/__init__.py" in package.files


def test_link_scripts_run_only_when_allowed(rattler: BareRattler, tmp_path: Path) -> None:
    """The script is in the prefix either way."""
    scripts = link_script("linked", "post-link", '#!/bin/sh\necho "$PKG_NAME" > "$PREFIX/ran.txt"\n')
    channel = Channel(tmp_path / "channel", Package(name="linked", files=scripts))
    records = rattler.solve(channel.url, "linked")
    rattler.install(records, tmp_path / "quiet")
    rattler.install(records, tmp_path / "loud", run_scripts=True)
    assert all((tmp_path / name / "bin/.linked-post-link.sh").exists() for name in ("quiet", "loud"))
    assert not (tmp_path / "quiet/ran.txt").exists()
    assert (tmp_path / "loud/ran.txt").read_bytes() == b"linked\n"


def test_hostile_paths_are_told_and_packed_as_given(rattler: BareRattler, tmp_path: Path) -> None:
    """A file told to lie above the prefix leaves it: py-rattler takes what stands there beside its cache."""
    told = {"../../escaped.txt": File(b"away")}
    channel = Channel(tmp_path / "channel", Package(name="evil", listed=told))
    (tmp_path / "rattler").mkdir()
    (tmp_path / "rattler/escaped.txt").write_bytes(b"away")
    rattler.install(rattler.solve(channel.url, "evil"), tmp_path / "deep/er/prefix")
    assert (tmp_path / "deep/escaped.txt").read_bytes() == b"away"


def test_an_archive_may_hold_what_it_does_not_tell() -> None:
    """Names that climb, names twice, hard links, and an index of another name than the record's."""
    members = [("../up", File(b"1")), ("/root", File(b"2")), ("twice", File(b"3")), ("twice", File(b"4"))]
    hard = ("hard", File(link="/etc/hostname", link_type=tarfile.LNKTYPE))
    made = archive(Package(name="evil", kind=".tar.bz2", members=[*members, hard], claimed={"name": "good"}))
    with tarfile.open(fileobj=io.BytesIO(bz2.decompress(made.data))) as opened:
        found = [(entry.name, entry.type) for entry in opened if not entry.name.startswith("info/")]
        index = opened.extractfile("info/index.json")
        assert index is not None
        assert b'"name": "good"' in index.read()
    names = ["../up", "/root", "twice", "twice"]
    assert found == [*((name, tarfile.REGTYPE) for name in names), ("hard", tarfile.LNKTYPE)]
    assert made.record["name"] == "evil"


def test_a_link_may_lead_out_of_the_prefix(rattler: BareRattler, tmp_path: Path) -> None:
    """So a file of another package would be written through it."""
    prefix = install(rattler, tmp_path, Package(name="evil", files={"etc/out": File(link=str(tmp_path))}))
    assert (prefix / "etc/out").readlink() == tmp_path
