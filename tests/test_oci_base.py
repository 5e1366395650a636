"""The image that another one starts from: its layers and settings by platform, and what is known of its files."""

import contextlib
import gzip
import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st
from support.assembling import PASSWD
from support.engine import Engine
from support.layered import Shelf, layer, member
from support.registered import blob, client
from support.registry import Registry as Real

from envbuild.builders.oci.accounts import Accounts
from envbuild.builders.oci.bases import Asked, Ground, base_of
from envbuild.builders.oci.headers import NoTar, Tar
from envbuild.builders.oci.listing import listing
from envbuild.builders.oci.pythons import Python, pythons, told_python
from envbuild.builders.oci.rootfs import Rootfs, rootfs
from envbuild.errors import BuildError, DigestError, EnvbuildError, Place
from envbuild.image.manifests import Manifest
from envbuild.registry.copying import Stored
from envbuild.render.assembly import Account

_WHERE = Place("manifests/web.yaml", 3, 9)
_ASKED = Asked("debian:12", _WHERE)
_FORMATS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
_MOST = 2**30
# What an engine puts into every container.
_OF_CONTAINERS = ("dev", "proc", "sys", ".dockerenv", "etc/hostname", "etc/hosts", "etc/resolv.conf", "etc/mtab")


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def files(cache: Path, *layers: bytes) -> Rootfs:
    return rootfs([blob(gzip.compress(one)) for one in layers], cache)


def raw(*entries: tarfile.TarInfo) -> bytes:
    return layer(*entries)


# Which image it is.


def test_a_base_of_each_platform(shelf: Shelf) -> None:
    """Its configuration and layers, with what is told of each; settings that made no layer are passed over."""
    arm = shelf.image(layer(one="1"), layer(two="2"), architecture="arm64", made_by=("COPY one", "COPY two"))
    index = shelf.index(amd64=shelf.image(layer(), starts={"Env": ["A=1", "B=x=y"]}), arm64=arm)
    ground = base_of(shelf, index, "linux-aarch64", _ASKED)
    assert (ground.manifest, [one.made_by for one in ground.layers]) == (arm, ["COPY one", "COPY two"])
    assert [one.diff_id for one in ground.layers] == ground.config["rootfs"]["diff_ids"]
    assert base_of(shelf, index, "linux-64", _ASKED).env == {"A": "1", "B": "x=y"}
    assert base_of(shelf, arm, "linux-aarch64", _ASKED) == ground


def test_layers_are_not_read_for_it(shelf: Shelf) -> None:
    """Where they are is enough: a base of gigabytes takes one small question."""
    web = shelf.image(layer(one="1"))
    ground = base_of(shelf, web, "linux-64", _ASKED)
    assert ground.layers[0].digest not in shelf.read


@pytest.mark.parametrize("is_index", [True, False])
def test_a_base_of_another_platform(shelf: Shelf, *, is_index: bool) -> None:
    """Is refused with those that it has, also when it claims to be of this one."""
    arm = shelf.image(layer(), architecture="arm64")
    root = shelf.index(arm64=arm, s390x=arm) if is_index else arm
    has = "linux/arm64, linux/s390x" if is_index else "linux/arm64"
    with pytest.raises(BuildError) as told:
        base_of(shelf, root, "linux-64", _ASKED)
    assert str(told.value).splitlines() == [
        f"manifests/web.yaml:3:9: debian:12 is not for linux/amd64, but for {has}",
        "  hint: choose a base that has it, or leave that platform out of 'platforms'",
    ]
    with pytest.raises(BuildError, match="is not for linux/amd64, but for linux/arm64"):
        base_of(shelf, shelf.index(amd64=arm), "linux-64", _ASKED)


def test_a_base_that_makes_no_sense(shelf: Shelf) -> None:
    """Another number of layers, an artifact, what is no JSON, a hash that does not match: each is told at the line."""
    web = shelf.image(layer(one="1"))
    stated = msgspec.json.decode(web.data)
    cases = {
        "has 2 layers, and tells of 1": {**stated, "layers": stated["layers"] * 2},
        "is no image": {**stated, "config": None},
        "of a kind that is not known: text/html": {
            **stated,
            "layers": [{**stated["layers"][0], "mediaType": "text/html"}],
        },
    }
    for said, content in cases.items():
        with pytest.raises(BuildError, match=said) as told:
            base_of(shelf, Manifest(msgspec.json.encode(content), web.media_type), "linux-64", _ASKED)
        assert told.value.where == _WHERE
    config = stated["config"]["digest"]
    for data in (b"{", b"[" * 100_000, shelf.blobs[config].replace(b"amd64", b"arm64")):
        shelf.blobs[config] = data
        with pytest.raises(EnvbuildError, match="debian:12"):
            base_of(shelf, web, "linux-64", _ASKED)


# Tars.


@st.composite
def archives(draw: st.DrawFn) -> bytes:
    """Members as Python writes them, in each of its formats, with long, odd and large values."""
    stream = io.BytesIO()
    form = draw(st.sampled_from(_FORMATS))
    short = form == tarfile.USTAR_FORMAT
    text = st.text(
        st.characters(codec="ascii" if short else "utf-8", exclude_characters="\0/"), min_size=1, max_size=90
    )
    paths = st.lists(text, min_size=1, max_size=2 if short else 6).map("/".join)
    targets = text if short else paths
    with tarfile.open(fileobj=stream, mode="w", format=form) as tar:
        for path in draw(st.lists(paths, max_size=6)):
            one = tarfile.TarInfo(path)
            one.type = draw(
                st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
            )
            one.linkname = draw(targets) if one.type in {tarfile.SYMTYPE, tarfile.LNKTYPE} else ""
            one.mode = draw(st.integers(0, 0o7777))
            one.uid, one.gid = (draw(st.integers(0, 2**21 - 1 if short else 2**32)) for _ in "ug")
            data = draw(st.binary(max_size=1500)) if one.isreg() else b""
            one.size = len(data)
            tar.addfile(one, io.BytesIO(data))
    return stream.getvalue()


@given(archives())
@example(member(f"{'a' * 90}/{'b' * 90}").tobuf(tarfile.USTAR_FORMAT) + bytes(1024))
def test_headers_are_read_as_python_reads_them(data: bytes) -> None:
    """In every format, whatever they say."""
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        wanted = [(one.name.rstrip("/"), one.type, one.mode, one.uid, one.gid, one.size, one.linkname) for one in tar]
    found = [
        (one.path.decode().rstrip("/"), one.kind, one.mode, one.uid, one.gid, one.size, one.target.decode())
        for one in Tar(io.BytesIO(data), _MOST)
    ]
    assert found == wanted


@given(archives().filter(len), st.data())
def test_a_damaged_tar_is_told(data: bytes, draw: st.DataObject) -> None:
    """It is read in a sentence or as something else; nothing else ever comes of it."""
    at = draw.draw(st.integers(0, len(data) - 1))
    damaged = draw.draw(
        st.sampled_from([data[:at], data[:at] + b"\xff" + data[at + 1 :], data[:at] + b"0" + data[at + 1 :]])
    )
    with contextlib.suppress(NoTar):
        list(Tar(io.BytesIO(damaged), _MOST))


def _told(key: str, value: str, **more: object) -> tarfile.TarInfo:
    one = tarfile.TarInfo("file")
    one.pax_headers = {key: value}
    for name, given_value in more.items():
        setattr(one, name, given_value)
    return one


def _oversized(kind: bytes) -> bytes:
    """A header that announces gigabytes of words."""
    one = tarfile.TarInfo("words")
    one.type, one.size = kind, 3 * 2**30
    return one.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (raw(member("../up")), r"it holds '\.\./up', which leads out"),
        (raw(member("a/../../up")), "which leads out"),
        (raw(member("a/\x1b[31m/../up")), r"'a/\\x1b\[31m/\.\./up'"),
        (raw(member("a/.wh.")), "takes away what has no name"),
        (raw(member("a/.wh...")), "takes away what has no name"),
        (raw(member("x" * 5000)), "a path that no system has"),
        (raw(member(f"x -> {'y' * 5000}")), "a path that no system has"),
        (_oversized(b"x"), "tells more than 1,048,576 bytes"),
        (_oversized(b"L"), "tells more than 1,048,576 bytes"),
        (_oversized(b"g"), "tells more than 1,048,576 bytes"),
        (layer(etc__group="x" * 1_100_000), "holds more than 1,048,576 bytes"),
        (layer(one="1")[:700], "it is cut"),
        (layer(one="1")[:1024] + bytes(512) + layer(two="2"), "something follows its end"),
        (b"no tar at all" * 100, "it is cut, or no tar"),
    ],
)
def test_a_hostile_layer_is_refused(cache: Path, data: bytes, said: str) -> None:
    """In bounded memory, with the layer's digest and no more of its words than can be shown."""
    with pytest.raises(BuildError, match=said) as told:
        files(cache, data)
    assert "\x1b" not in str(told.value)
    assert not list(cache.glob("*"))


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_bomb_ends_early(cache: Path, pack: object) -> None:
    """Gigabytes of nothing in a small layer are not read to their end."""
    assert callable(pack)
    one = tarfile.TarInfo("zeros")
    one.size = 2**40
    zeros = pack(bytes(2**26))
    with pytest.raises(BuildError, match="far more than its size lets expect"):
        rootfs([blob(pack(one.tobuf(tarfile.GNU_FORMAT)) + zeros * 64)], cache)


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress, bytes])
def test_every_packing_is_read(cache: Path, pack: object) -> None:
    """By what is there, not by what it is called; in one part or in several."""
    assert callable(pack)
    data = layer("bin/", bin__hello="x" * 3000)
    parts = pack(data[:700]) + pack(data[700:])
    assert rootfs([blob(parts)], cache).kind("bin/hello") == "file"


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_layer_that_is_cut_or_another(cache: Path, pack: object) -> None:
    """Is told, and kept nowhere: not even when its damage lies after all that was looked for."""
    assert callable(pack)
    data = pack(layer(one="1") + os.urandom(500_000))
    whole = blob(data)
    for bad in (data[:-4], data[:-1] + bytes([data[-1] ^ 1]), data + b"x"):
        with pytest.raises((BuildError, DigestError)):
            listing(msgspec.structs.replace(whole, open=blob(bad).open), cache)
        assert not list(cache.glob("*"))


def test_a_layer_is_read_once(cache: Path) -> None:
    """And again when what was kept of it is damaged; where nothing can be kept, each time."""
    one = blob(gzip.compress(layer(one="1")))
    unread = msgspec.structs.replace(one, open=lambda: pytest.fail("it is read again"))
    wanted = listing(one, cache)
    assert listing(unread, cache) == wanted
    kept = next(cache.iterdir())
    for damage in (b"", kept.read_bytes()[:-1], kept.read_bytes().replace(b"one", b"two")):
        kept.write_bytes(damage)
        assert listing(one, cache) == wanted
        assert listing(unread, cache) == wanted
    (cache.parent / "file").write_text("")
    assert listing(one, cache.parent / "file/below") == wanted


# What is where.


def test_layers_lie_over_each_other(cache: Path) -> None:
    """What one takes away is what those below it have; what it brings itself stays, in whatever order it says so."""
    below = layer("a/", "b/", "b/sub/", a__one="1", a__two="2", b__old="1", b__sub__deep="1", c="1", d="1")
    above = layer(
        "b/", ".wh.d/", "d/", a__two="22", b__new="1", **{"a__.wh.one": "", "b__.wh..wh..opq": "", ".wh.c": ""}
    )
    found = files(cache, below, above)
    assert (found.names("/"), found.names("a"), found.names("/b/")) == (["a", "b", "d"], ["two"], ["new"])
    assert (found.kind("d"), found.kind("c"), found.kind("b/sub/deep")) == ("folder", None, None)
    entry = found.entry("a/two")
    assert entry is not None
    assert entry.size == 2


def test_a_file_in_place_of_a_folder_and_back(cache: Path) -> None:
    """Nothing of what was below shines through."""
    one, two = layer("a/", a__b="1"), layer(a="file")
    assert files(cache, one, two).kind("a/b") is None
    assert files(cache, one, two, one).names("a") == ["b"]
    assert files(cache, one, two, layer("a/")).names("a") == []
    assert files(cache, one, layer("a/")).names("a") == ["b"]


def test_whose_a_folder_is(cache: Path) -> None:
    """As the highest layer that has it says; one that none has is root's."""
    one = raw(member("home/", mode=0o755), member("home/app/", uid=1000, gid=50, mode=0o2750))
    found = files(cache, one, layer(home__app__deep__er="1"), raw(member("home/", uid=7)))
    shown = {path: found.entry(path) for path in ("home", "home/app", "home/app/deep")}
    assert {path: (one.mode, one.uid, one.gid) for path, one in shown.items() if one} == {
        "home": (0o755, 7, 0),
        "home/app": (0o2750, 1000, 50),
        "home/app/deep": (0o755, 0, 0),
    }


def test_links_are_followed_inside_of_the_root(cache: Path) -> None:
    """However they lead up or around, and also where nothing is yet."""
    one = layer(
        "usr/", "usr/bin/", "bin -> usr/bin", "lib -> /usr/lib", "up -> ../../../usr", "a -> b", "b -> /bin/../c",
        "usr/bin/sh -> dash", usr__bin__dash="1",
    )  # fmt: skip
    found = files(cache, one)
    resolved = {
        path: found.resolve(path) for path in ("/bin/x", "bin/sh", "lib/x/y", "up/bin/sh", "a/d", "../../bin", "/")
    }
    assert resolved == {
        "/bin/x": "usr/bin/x",
        "bin/sh": "usr/bin/dash",
        "lib/x/y": "usr/lib/x/y",
        "up/bin/sh": "usr/bin/dash",
        "a/d": "usr/c/d",
        "../../bin": "usr/bin",
        "/": "",
    }
    assert found.resolve("/bin/sh", last=False) == "usr/bin/sh"
    link = found.entry("/bin/sh")
    assert link is not None
    assert (link.path, link.kind, link.target, found.kind("bin")) == ("usr/bin/sh", "link", "dash", "link")


def test_links_in_a_circle(cache: Path) -> None:
    """Are told, and end."""
    with pytest.raises(BuildError, match="the links of the base image lead in a circle at '/a'"):
        files(cache, layer("a -> b", "b -> a")).resolve("a/x")


def test_a_folder_covers_a_link_of_a_layer_below(cache: Path) -> None:
    """As file systems of layers have it: no build is to do that by mistake. In one layer a link is followed."""
    link = layer("usr/", "usr/bin/", "bin -> usr/bin")
    assert files(cache, link, layer(bin__x="1")).kind("bin") == "folder"
    assert files(cache, link, layer(bin__x="1")).kind("usr/bin/x") is None
    both = raw(member("usr/"), member("bin -> usr/bin"), member("bin/x"))
    assert (files(cache, both).kind("bin"), files(cache, both).kind("usr/bin/x")) == ("link", "file")


def test_too_many_files(cache: Path) -> None:
    """Also folders that are only implied: a few long paths are many."""
    deep = [member(f"{number}/{'a/' * 1900}x") for number in range(530)]
    with pytest.raises(BuildError, match="more than 1,000,000 files"):
        files(cache, raw(*deep))


def _exported(data: bytes) -> Iterator[tuple[str, tuple[object, ...]]]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for one in tar:
            path = one.name.strip("/").removeprefix("./")
            if path and not any(path == own or path.startswith(f"{own}/") for own in _OF_CONTAINERS):
                kind = "link" if one.issym() else "folder" if one.isdir() else "file"
                yield path, (kind, one.mode, one.uid, one.gid, one.linkname if kind == "link" else "")


def test_files_are_those_that_an_engine_has(engine: Engine, registry: Real, tmp_path: Path) -> None:
    """Of an image with everything that steps do: what is removed, replaced, and made anew, and whose it is."""
    steps = (
        "mkdir -p /etc /a/b/c /d/e && touch /etc/own /a/b/c/x /d/e/y /f /g && ln -s a /l && ln -s ../d/e /a/m",
        "rm -r /a/b && mkdir /a/b && touch /a/b/new && rm /f && mkdir /f && touch /f/z",
        "rm -r /d && ln -s a /d && rm /l && mkdir /l && touch /l/x && chown 7:8 /a && chmod 2711 /a && ln /g /h",
        "rm -r /a/b && touch /a/.whoops && rm /h",
    )
    base = f"{registry.server}/laid/base:1"
    text = f"FROM {engine.base('busybox')}\n" + "".join(f"RUN {step}\n" for step in steps)
    (tmp_path / "Dockerfile").write_text(text)
    engine.docker("buildx", "build", "--load", "--tag", base, str(tmp_path))
    engine.docker("push", base)
    container = engine.docker("create", base, "sh").strip()
    engine.docker("export", "--output", str(tmp_path / "export.tar"), container)
    engine.docker("rm", container)
    with client(registry.server) as (remote, _):
        root = remote.manifest("laid/base", "1")
        assert root is not None
        ground = base_of(Stored(remote, "laid/base"), root, "linux-64", _ASKED)
        found = rootfs(ground.blobs, tmp_path / "cache")
    assert dict(_walked(found, "")) == dict(_exported((tmp_path / "export.tar").read_bytes()))


def _walked(found: Rootfs, folder: str) -> Iterator[tuple[str, tuple[object, ...]]]:
    for name in found.names(folder):
        path = f"{folder}/{name}".lstrip("/")
        entry = found.entry(path)
        if entry and not any(path == own or path.startswith(f"{own}/") for own in _OF_CONTAINERS):
            yield path, (entry.kind, entry.mode, entry.uid, entry.gid, entry.target)
            if entry.kind == "folder":
                yield from _walked(found, path)


# Pythons.


def _runnable(*paths: str) -> list[tarfile.TarInfo]:
    return [member(path, mode=0o755) for path in paths]


def test_the_python_that_settings_tell(shelf: Shelf) -> None:
    """As the images called 'python' do, and nobody else is believed."""
    env = {"PATH": "/usr/local/bin:/usr/bin", "PYTHON_VERSION": "3.12.4", "PYTHON_SHA256": "f"}
    wanted = Python(
        "3.12", "/usr/local/bin/python3.12", "/usr/local/lib/python3.12/site-packages", "settings", "3.12.4"
    )
    assert told_python(env) == wanted
    starts = {"Env": [f"{name}={value}" for name, value in env.items()]}
    assert told_python(base_of(shelf, shelf.image(layer(), starts=starts), "linux-64", _ASKED).env) == wanted
    for other in ({"PYTHON_VERSION": "3"}, {"PYTHON_VERSION": "2.7.1"}, {"PATH": "/opt/bin:/usr/local/bin"}):
        assert told_python({**env, **other}) is None
    assert told_python({"PATH": "/usr/local/bin", "PYTHON_VERSION": "3.12.4"}) is None


def test_pythons_by_their_files(cache: Path) -> None:
    """In the order of PATH, and first the one that 'python3' is; what cannot be run, or leads nowhere, is none."""
    one = raw(
        *_runnable("usr/local/bin/python3.9", "usr/local/bin/python3.12", "usr/local/bin/python3.12-config"),
        *_runnable("usr/bin/python3.11"),
        member("usr/local/bin/python3 -> python3.9"),
        member("usr/bin/python3.13 -> nowhere"),
        member("usr/bin/python3.10"),
        member("usr/lib/python3/dist-packages/"),
        member("usr/lib/python3.11/EXTERNALLY-MANAGED"),
        member("bin -> usr/bin"),
    )
    found = pythons(files(cache, one), "/usr/local/bin:/usr/local/bin/:relative:/sbin:/usr/bin")
    assert [(one.path, one.site) for one in found] == [
        ("/usr/local/bin/python3.9", "/usr/local/lib/python3.9/site-packages"),
        ("/usr/local/bin/python3.12", "/usr/local/lib/python3.12/site-packages"),
        ("/usr/bin/python3.11", "/usr/local/lib/python3.11/dist-packages"),
    ]
    assert {one.known_by for one in found} == {"files"}
    assert [one.site for one in pythons(files(cache, one), "/bin")] == ["/usr/local/lib/python3.11/dist-packages"]


def test_a_virtual_environment_is_where_it_is(cache: Path) -> None:
    """And not where the Python is that it was made from; a link to a Python elsewhere is that Python."""
    one = raw(
        *_runnable("opt/py/bin/python3.11"),
        member("venv/bin/python3.11 -> /opt/py/bin/python3.11"),
        member("venv/pyvenv.cfg"),
        member("usr/bin/python3.11 -> ../../opt/py/bin/python3.11"),
    )
    found = pythons(files(cache, one), "/venv/bin:/usr/bin")
    assert [(one.path, one.site) for one in found] == [
        ("/venv/bin/python3.11", "/venv/lib/python3.11/site-packages"),
        ("/usr/bin/python3.11", "/opt/py/lib/python3.11/site-packages"),
    ]


def test_the_python_of_debian(engine: Engine, registry: Real, tmp_path: Path) -> None:
    """Its packages go where Debian's own Python looks, and where pip would put them."""
    name = f"{registry.server}/laid/python:1"
    engine.docker("tag", engine.base("python"), name)
    engine.docker("push", name)
    with client(registry.server) as (remote, _):
        root = remote.manifest("laid/python", "1")
        assert root is not None
        ground = base_of(Stored(remote, "laid/python"), root, "linux-64", _ASKED)
        (found,) = pythons(rootfs(ground.blobs, tmp_path / "cache"), "/usr/local/bin:/usr/bin:/bin")
    asks = "import site, sysconfig as s; print(s.get_path('purelib') in site.getsitepackages(), s.get_path('purelib'))"
    assert engine.docker("run", "--rm", name, found.path, "-c", asks).split() == ["True", found.site]


# Users.

_ACCOUNTS = Accounts(
    "root:x:0:0:root:/root:/bin/bash\n# a note\nbroken\napp:x:1000:50:App:/srv/app:/bin/sh\n",
    "root:x:0:\nstaff:x:50:app\napps:x:60:",
)


def test_owners_by_name_and_number() -> None:
    """As the image calls them; root is known in an image that tells of nobody."""
    told = {
        "root": (0, 0), "app": (1000, 50), "app:apps": (1000, 60), "0:staff": (0, 50), "7": (7, 7), "7:8": (7, 8),
        "app:9": (1000, 9),
    }  # fmt: skip
    assert {text: _ACCOUNTS.owner(text, _WHERE) for text in told} == told
    assert Accounts().owner("root:root", _WHERE) == (0, 0)
    for text, said in (
        ("web", "no user 'web'"),
        ("app:web", "no group 'web'"),
        ("4294967295", "4294967295 is no number"),
    ):
        with pytest.raises(BuildError, match=said) as error:
            _ACCOUNTS.owner(text, _WHERE)
        assert error.value.where == _WHERE


def test_owners_are_those_of_docker(engine: Engine, tmp_path: Path) -> None:
    """Who copies with the same words gets the same numbers."""
    told = ("app", "app:apps", "7", "7:8", "root", "0:staff")
    (tmp_path / "passwd").write_text(_ACCOUNTS.passwd.replace("broken\n", ""))
    (tmp_path / "group").write_text(f"{_ACCOUNTS.group}\n")
    copies = [f"COPY --chown={text} passwd /{number}" for number, text in enumerate(told)]
    shown = "RUN for n in 0 1 2 3 4 5; do stat -c %u:%g /$n; done >/shown"
    lines = [f"FROM {engine.base('busybox')}", "COPY passwd group /etc/", *copies, shown]
    (tmp_path / "Dockerfile").write_text("\n".join(lines))
    engine.docker("buildx", "build", "--load", "--tag", "owners:1", str(tmp_path))
    found = engine.docker("run", "--rm", "owners:1", "cat", "/shown").split()
    assert found == [":".join(map(str, _ACCOUNTS.owner(text, _WHERE))) for text in told]


def test_one_more_user() -> None:
    """With a group of its name, unless there is one of its number; what is there stays, and twice is once."""
    new = Account("web", 1001, 1001, "/home/web", "/bin/bash")
    grown = _ACCOUNTS.with_user(new, _WHERE)
    assert grown.passwd == f"{_ACCOUNTS.passwd}web:x:1001:1001::/home/web:/bin/bash\n"
    assert grown.group == f"{_ACCOUNTS.group}\nweb:x:1001:\n"
    assert grown.owner("web:web", _WHERE) == (1001, 1001)
    assert grown.with_user(new, _WHERE) == grown
    assert _ACCOUNTS.with_user(msgspec.structs.replace(new, gid=50), _WHERE).group == _ACCOUNTS.group


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (Account("app", 1001, 1001), "has a user 'app' already: 1000:50"),
        (Account("web", 1000, 1000), "has the user 1000 already: 'app'"),
        (Account("apps", 1001, 1001), "has a group 'apps' already: 60"),
        (Account("we:b", 1001, 1001), "'we:b' cannot be a user"),
        (Account("web", 1001, 1001, "/home\nroot2:x:0:0::/:/bin/sh"), "'web' cannot be a user"),
    ],
)
def test_a_user_that_cannot_be(new: Account, said: str) -> None:
    """Nobody becomes somebody else, and no line is forged."""
    with pytest.raises(BuildError, match=said):
        _ACCOUNTS.with_user(new, _WHERE)


def test_users_come_from_the_image(cache: Path) -> None:
    """From its highest layer that has them, through links, and nobody when they were removed."""
    one = layer("usr/", "usr/etc/", "etc -> usr/etc", usr__etc__group="old\n")
    found = files(cache, one, layer(usr__etc__group="new\n"))
    assert [found.text(path) for path in ("/etc/group", "usr/etc/group", "etc/passwd")] == ["new\n", "new\n", ""]
    assert files(cache, layer(etc__group="x"), layer(**{"etc__.wh.group": ""})).text("etc/group") == ""
    assert files(cache, layer(etc__group="x"), layer("etc/group/")).text("etc/group") == ""


def hard_link(path: str, target: str) -> tarfile.TarInfo:
    info = member(f"{path} -> {target}")
    info.type = tarfile.LNKTYPE
    return info


@pytest.mark.parametrize(
    "one",
    [
        layer("etc/", "etc/passwd -> ../nix/passwd", nix__passwd=PASSWD),
        layer(hard_link("etc/passwd", "objects/1"), objects__1=PASSWD),
    ],
)
def test_users_that_lie_elsewhere_are_not_taken_for_none(cache: Path, one: bytes) -> None:
    """Whoever adds a user to nobody takes away all that there are, and root as well."""
    with pytest.raises(BuildError, match="the base has '/etc/passwd' as a link to another file"):
        files(cache, one).text("etc/passwd", _WHERE)


def test_scratch_has_nothing() -> None:
    """No layer, no setting, no file, no user but root."""
    assert (Ground().blobs, dict(Ground().env), Rootfs(()).names("/")) == ((), {}, [])
    assert pythons(Rootfs(()), "/usr/bin") == ()
