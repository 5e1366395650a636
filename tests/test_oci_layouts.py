"""Images in folders and files: read, written whole or not at all, the same bytes each time, as others have them."""

import json
import os
import sys
import tarfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from support.engine import Engine
from support.layered import Shelf, layer
from support.manifests import resolved
from support.ocitools import inspected, skopeo, umoci
from support.registered import client
from support.registry import Registry as Real
from support.services import require

from envbuild.builders.oci.bases import Asked, base_of, opened
from envbuild.errors import (
    BrokenError,
    BuildError,
    DigestError,
    EnvbuildError,
    GoneError,
    LockError,
    Place,
    RegistryError,
    SolveError,
)
from envbuild.image.manifests import Manifest
from envbuild.lock import Base, asked_base
from envbuild.registry import Line
from envbuild.registry.client import Registries
from envbuild.registry.copying import Source, Stored, Target, push
from envbuild.registry.layouts import Layout
from envbuild.registry.outputs import write_docker_archive, write_layout, write_oci_archive
from envbuild.resolve import Environment
from envbuild.solvers.bases import found_base

_BYTES = os.urandom(3_000_000).hex()
_COMPRESSIONS = ("gzip", "zstd", "")


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def web(shelf: Shelf) -> Manifest:
    return shelf.image(layer("bin/", bin__hello="hello\n"), layer(data=_BYTES), starts={"Env": ["A=1"]})


def held(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def tools() -> None:
    require("oci-tools")


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize("compression", _COMPRESSIONS)
def test_skopeo_reads_and_copies_a_folder(shelf: Shelf, tmp_path: Path, compression: str) -> None:
    """What it copies is what was written: digest, layers and settings, whatever they are packed with."""
    web = shelf.image(layer("bin/", bin__hello="hello\n"), compression=compression, starts={"Env": ["A=1"]})
    write_layout(shelf, web, tmp_path / "out", "web:1")
    told = inspected(f"oci:{tmp_path}/out:web:1")
    assert (told["Digest"], told["Env"]) == (web.digest, ["A=1"])
    skopeo("copy", "--preserve-digests", f"oci:{tmp_path}/out:web:1", f"oci:{tmp_path}/copied:web")
    copied = Layout(tmp_path / "copied")
    assert copied.manifest(copied.image("web")) == web


@pytest.mark.usefixtures("tools")
def test_umoci_unpacks_a_folder(shelf: Shelf, web: Manifest, tmp_path: Path) -> None:
    """Without root: files of all layers."""
    write_layout(shelf, web, tmp_path / "out", "web")
    umoci("unpack", "--rootless", "--image", f"{tmp_path}/out:web", str(tmp_path / "bundle"))
    assert (tmp_path / "bundle/rootfs/bin/hello").read_text() == "hello\n"
    assert (tmp_path / "bundle/rootfs/data").read_text() == _BYTES


@pytest.mark.usefixtures("tools")
def test_skopeo_reads_the_archives(shelf: Shelf, web: Manifest, tmp_path: Path) -> None:
    """Of both forms; that for Docker has the name by which it is loaded."""
    write_oci_archive(shelf, web, tmp_path / "oci.tar", "web")
    write_docker_archive(shelf, web, tmp_path / "docker.tar", ("team/web:1",))
    assert inspected(f"oci-archive:{tmp_path}/oci.tar:web")["Digest"] == web.digest
    assert inspected(f"docker-archive:{tmp_path}/docker.tar:team/web:1")["Env"] == ["A=1"]
    skopeo("copy", f"docker-archive:{tmp_path}/docker.tar", f"oci:{tmp_path}/copied:web")
    assert Layout(tmp_path / "copied").image()


@pytest.mark.parametrize("compression", _COMPRESSIONS)
@pytest.mark.parametrize("store", ["engine", "containerd_engine"])
def test_docker_loads_an_archive(
    shelf: Shelf, tmp_path: Path, request: pytest.FixtureRequest, store: str, compression: str
) -> None:
    """With its name, into either store an engine may have, and its files are there."""
    require("docker")
    engine = request.getfixturevalue(store)
    assert isinstance(engine, Engine)
    name = f"team/loaded-{compression or 'plain'}:1"
    image = shelf.image(
        layer(said="hello\n"), layer(more="x"), layer(more="x"), compression=compression, starts={"Cmd": ["/said"]}
    )
    write_docker_archive(shelf, image, tmp_path / "web.tar", (name,))
    assert f"Loaded image: {name}" in engine.docker("load", "--input", str(tmp_path / "web.tar"))
    container = engine.docker("create", name).strip()
    engine.docker("cp", f"{container}:/said", str(tmp_path / "said"))
    engine.docker("rm", container)
    assert (tmp_path / "said").read_text() == "hello\n"


@pytest.mark.parametrize(
    "write", [partial(write_oci_archive, name="web"), partial(write_docker_archive, names=("web:1",))]
)
def test_archives_are_the_same_bytes_each_time(
    shelf: Shelf, web: Manifest, tmp_path: Path, write: Callable[[Source, Manifest, Path], None]
) -> None:
    """Whoever writes them, wherever, whenever."""
    mask = os.umask(0o077)
    write(shelf, web, tmp_path / "a.tar")
    os.umask(mask)
    write(shelf, web, tmp_path / "deep/b.tar")
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "deep/b.tar").read_bytes()
    with tarfile.open(tmp_path / "a.tar") as tar:
        assert {(one.mtime, one.uid, one.gid, one.uname) for one in tar} == {(0, 0, 0, "")}


def test_a_folder_holds_several_images(shelf: Shelf, web: Manifest, tmp_path: Path) -> None:
    """In whatever order they came; what they share is there once, and a name that comes again is the new one's."""
    other = shelf.image(layer("bin/", bin__hello="hello\n"), layer(data="other"))
    for folder, order in (("a", ((web, "web"), (other, "api"))), ("b", ((other, "api"), (web, "web")))):
        for image, name in order:
            write_layout(shelf, image, tmp_path / folder, name)
    assert held(tmp_path / "a") == held(tmp_path / "b")
    assert Layout(tmp_path / "a").image("web").digest == web.digest
    write_layout(shelf, other, tmp_path / "a", "web")
    assert [Layout(tmp_path / "a").image(name).digest for name in ("api", "web")] == [other.digest] * 2


def test_what_others_put_into_a_folder_stays(shelf: Shelf, web: Manifest, tmp_path: Path) -> None:
    """Every word of it, also what we do not know."""
    entry = {"digest": f"sha256:{'a' * 64}", "size": 1, "mediaType": "x/y", "annotations": {"theirs": "z"}, "more": [1]}
    index = {"schemaVersion": 2, "manifests": [entry], "annotations": {"about": "all"}}
    (tmp_path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (tmp_path / "index.json").write_text(json.dumps(index))
    write_layout(shelf, web, tmp_path, "web")
    now = json.loads((tmp_path / "index.json").read_text())
    assert now["annotations"] == {"about": "all"}
    assert now["manifests"][0] == entry


def test_a_folder_of_something_else_is_left_alone(shelf: Shelf, web: Manifest, tmp_path: Path) -> None:
    """A mistyped place is not filled with blobs."""
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(EnvbuildError, match="is no OCI layout: it has no 'oci-layout', and is not empty"):
        write_layout(shelf, web, tmp_path, "web")
    assert held(tmp_path) == {"mine": b"mine"}


@pytest.mark.parametrize("stands", ["[1]", '{"manifests": {"a": 1}}', '{"manifests": [1, null]}', "[" * 100_000])
def test_an_index_that_says_nothing_is_told(shelf: Shelf, web: Manifest, tmp_path: Path, stands: str) -> None:
    """It is not guessed what it was to say, and stays as it is."""
    (tmp_path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (tmp_path / "index.json").write_text(stands)
    with pytest.raises(EnvbuildError, match=r"index\.json cannot be read"):
        write_layout(shelf, web, tmp_path, "web")
    assert (tmp_path / "index.json").read_text() == stands


def test_a_layout_of_another_version_is_left_alone(shelf: Shelf, web: Manifest, tmp_path: Path) -> None:
    """Who can read it would find blobs in it that nobody put there in its way."""
    (tmp_path / "oci-layout").write_text('{"imageLayoutVersion": "9"}')
    with pytest.raises(EnvbuildError, match="is an OCI layout of a version that is not known"):
        write_layout(shelf, web, tmp_path, "web")
    assert [*held(tmp_path)] == ["oci-layout"]


def test_an_archive_takes_the_place_of_files_alone(shelf: Shelf, web: Manifest, tmp_path: Path) -> None:
    """What root might name so is needed by the whole machine; a link stays, and what it leads to is written."""
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    with pytest.raises(EnvbuildError, match="is a device or a pipe"):
        write_oci_archive(shelf, web, pipe, "web")
    assert pipe.is_fifo()
    link.symlink_to("web.tar")
    write_oci_archive(shelf, web, link, "web")
    assert link.is_symlink()
    assert tarfile.is_tarfile(tmp_path / "web.tar")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["link", "pipe", "web.tar"]


def test_many_write_into_one_folder(shelf: Shelf, tmp_path: Path) -> None:
    """At the same time, and every name is there in the end."""
    names = [f"web{number}" for number in range(16)]
    images = {name: shelf.image(layer(shared=_BYTES[:100_000]), layer(own=name)) for name in names}
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: write_layout(shelf, images[name], tmp_path / "out", name), names))
    layout = Layout(tmp_path / "out")
    assert {name: layout.image(name).digest for name in names} == {name: images[name].digest for name in names}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["blobs", "index.json", "oci-layout"]


def test_several_begin_a_folder_together(shelf: Shelf, tmp_path: Path) -> None:
    """None takes what another has just begun for something else, wherever it is with that."""
    image = shelf.image(layer(own="x"))

    def begin(number: int) -> None:
        time.sleep(number / 8_000)
        write_layout(shelf, image, folder, f"web{number}")

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(12) as pool:
            for round_ in range(40):
                folder = tmp_path / str(round_)
                list(pool.map(begin, range(12)))
    finally:
        sys.setswitchinterval(before)


@pytest.mark.parametrize(
    ("damage", "said"),
    [("another", " is sha256:"), ("cut", " lacks 9 bytes"), ("longer", " is longer than it was to be")],
)
def test_a_source_that_breaks_leaves_nothing(
    shelf: Shelf, web: Manifest, tmp_path: Path, damage: str, said: str
) -> None:
    """No archive, and no image in a folder, which keeps those it had; nothing unfinished is left."""
    write_layout(shelf, shelf.image(layer(one="1")), tmp_path / "out", "one")
    before = held(tmp_path / "out")
    digest = next(digest for digest, data in shelf.blobs.items() if len(data) > 1_000_000)
    data = shelf.blobs[digest]
    broken = {"another": data[:-1] + bytes([data[-1] ^ 1]), "cut": data[:-9], "longer": data + b"x"}
    shelf.blobs[digest] = broken[damage]
    with pytest.raises(DigestError, match=said):
        write_layout(shelf, web, tmp_path / "out", "web")
    with pytest.raises(DigestError, match=said):
        write_oci_archive(shelf, web, tmp_path / "web.tar", "web")
    after = held(tmp_path / "out")
    assert after["index.json"] == before["index.json"]
    assert digest.removeprefix("sha256:") not in str(after)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["blobs", "index.json", "oci-layout"]


def test_what_a_killed_writer_left_goes(shelf: Shelf, web: Manifest, tmp_path: Path) -> None:
    """With the next image; a folder that never got its first one is gone on with."""
    (tmp_path / "blobs/sha256").mkdir(parents=True)
    (tmp_path / ".new-abc").mkdir()
    (tmp_path / ".new-abc/half").write_text("half")
    write_layout(shelf, web, tmp_path, "web")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["blobs", "index.json", "oci-layout"]


def test_a_damaged_blob_is_written_again(shelf: Shelf, web: Manifest, tmp_path: Path) -> None:
    """That a file of its name and size is there proves nothing."""
    write_layout(shelf, web, tmp_path, "web")
    before = held(tmp_path)
    blob = max((tmp_path / "blobs/sha256").iterdir(), key=lambda path: path.stat().st_size)
    blob.write_bytes(blob.read_bytes()[::-1])
    write_layout(shelf, web, tmp_path, "web")
    assert held(tmp_path) == before


def test_a_folder_is_pushed(shelf: Shelf, web: Manifest, registry: Real, tmp_path: Path) -> None:
    """Of several platforms, with the same digests as ever; and a registry's image comes into a folder."""
    index = shelf.index(amd64=web, arm64=shelf.image(layer(one="1"), architecture="arm64"))
    write_layout(shelf, index, tmp_path / "out", "web")
    layout = Layout(tmp_path / "out")
    with client(registry.server) as (remote, _):
        root = layout.manifest(layout.image())
        assert push(layout, root, Target(remote, "layouts/web"), ("1",)) == index.digest
        found = remote.manifest("layouts/web", "1")
        assert found is not None
        write_layout(Stored(remote, "layouts/web"), found, tmp_path / "back", "web")
    assert held(tmp_path / "back") == held(tmp_path / "out")


def test_an_archive_for_docker_is_of_one_platform(shelf: Shelf, web: Manifest, tmp_path: Path) -> None:
    """An index of one is as good as the one; of several, none is chosen in silence."""
    alone, both = shelf.index(amd64=web), shelf.index(amd64=web, arm64=shelf.image(layer(), architecture="arm64"))
    write_docker_archive(shelf, web, tmp_path / "image.tar", ("web:1",))
    write_docker_archive(shelf, alone, tmp_path / "index.tar", ("web:1",))
    assert (tmp_path / "image.tar").read_bytes() == (tmp_path / "index.tar").read_bytes()
    with pytest.raises(BuildError, match="holds one image, and this is an index of 2"):
        write_docker_archive(shelf, both, tmp_path / "both.tar", ("web:1",))
    assert not (tmp_path / "both.tar").exists()


def test_which_image_of_a_folder(shelf: Shelf, web: Manifest, tmp_path: Path) -> None:
    """The only one without a name; else the names are told."""
    with pytest.raises(GoneError, match="is no OCI layout: it has no 'oci-layout'"):
        Layout(tmp_path).image()
    write_layout(shelf, web, tmp_path, "web")
    assert Layout(tmp_path).image() == Layout(tmp_path).image("web")
    write_layout(shelf, web, tmp_path, "api")
    with pytest.raises(RegistryError, match="has 2 images\n  hint: name one that it has: api, web"):
        Layout(tmp_path).image()
    with pytest.raises(GoneError, match="has no image 'wbe'\n  hint: name one that it has: api, web"):
        Layout(tmp_path).image("wbe")


@pytest.mark.parametrize(
    ("path", "data", "said"),
    [
        ("index.json", b"{", "index.json cannot be read"),
        ("index.json", b'{"manifests": [{"digest": "sha256:x"}]}', "index.json cannot be read"),
        ("index.json", None, "index.json cannot be read: No such file"),
        ("oci-layout", b'{"imageLayoutVersion": "2.0.0"}', "of a version that is not known"),
        ("index.json", b'{"manifests": [{"digest": "sha256:../../../mine", "size": 4}]}', "which is no digest"),
        ("index.json", b'{"manifests": [{"digest": "sha512:abc", "size": 4}]}', "which is no digest"),
        ("index.json", b'{"manifests": [{"digest": "sha256:%s", "size": 99999999}]}' % (b"a" * 64), "is too large"),
        ("index.json", b'{"manifests": [{"digest": "sha256:%s", "size": 3}]}' % (b"a" * 64), "cannot be read: No such"),
    ],
)
def test_a_damaged_folder_is_told(
    shelf: Shelf, web: Manifest, tmp_path: Path, path: str, data: bytes | None, said: str
) -> None:
    """In a sentence, and what lies outside is not read."""
    write_layout(shelf, web, tmp_path / "out", "web")
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "out" / path).unlink()
    if data is not None:
        (tmp_path / "out" / path).write_bytes(data)
    layout = Layout(tmp_path / "out")
    with pytest.raises(RegistryError, match=said):
        layout.manifest(layout.image())


def test_what_is_no_file_is_not_waited_for(shelf: Shelf, web: Manifest, tmp_path: Path) -> None:
    """A pipe in the place of the index would never end."""
    write_layout(shelf, web, tmp_path, "web")
    (tmp_path / "index.json").unlink()
    os.mkfifo(tmp_path / "index.json")
    with pytest.raises(BrokenError, match=r"index.json is no file"):
        Layout(tmp_path).image()


# As the base of an image.

_LINE = Line({}, pauses=())


def of(text: str, builder: str = "oci", folder: str = "team") -> Environment:
    """An environment whose manifest, in a folder, says what it starts from."""
    return resolved({f"{folder}/a": f"builder: {builder}\nplatforms: [linux-64]\nimage:\n  base: {text}\n"})[
        f"{folder}/a"
    ]


def found(environment: Environment, root: Path) -> Base | None:
    return found_base(asked_base(environment), environment, _LINE, root)


@pytest.mark.parametrize("form", ["'{}'", "{{image: '{}'}}"])
def test_a_folder_is_a_base(shelf: Shelf, tmp_path: Path, form: str) -> None:
    """From where the manifest is, with its digest and how it starts; without a tag, when it holds one image."""
    web = shelf.image(layer(), starts={"User": "app", "Env": ["PATH=/srv/bin"], "Entrypoint": ["/tini"]})
    write_layout(shelf, shelf.index(amd64=web), tmp_path / "images/base", "12")
    digest = shelf.index(amd64=web).digest
    for tag in ("12", ""):
        base = of(form.format(f"oci:../../images/base{tag and ':'}{tag}"))
        assert asked_base(base) == f"oci:images/base{tag and ':'}{tag}"
        assert found(base, tmp_path) == Base("oci:images/base", tag, digest, "app", "/srv/bin", ("/tini",))


def test_a_child_inherits_the_folder_of_its_parent() -> None:
    """By the place of the manifest that names it."""
    parent = "abstract: true\nbuilder: oci\nimage: {base: 'oci:./own:1'}\n"
    child = resolved({"team/p": parent, "k": "extends: team/p\n"}, "k")["k"]
    assert asked_base(child) == "oci:manifests/team/own:1"


@pytest.mark.parametrize(
    ("base", "said", "hint"),
    [
        ("oci:../../gone", "there is no folder 'gone'", "check the path's spelling"),
        ("oci:../../empty", "empty is no OCI layout: it has no 'oci-layout'", "name a folder that"),
        ("oci:../../images:3", "images has no image '3'", "name one that it has: 1, 2"),
        ("oci:../../images", "images has 2 images", "name one that it has: 1, 2"),
        ("oci:../../out:1", "out/oci-layout leads out of the project", "keep a copy inside it"),
        ("oci:../../partly", "partly/index.json leads out of the project", "keep a copy inside it"),
    ],
)
def test_a_folder_that_is_no_base(shelf: Shelf, web: Manifest, tmp_path: Path, base: str, said: str, hint: str) -> None:
    """Each is told at its line, with what mends it, and nothing outside of the project is read."""
    root = tmp_path / "project"
    for tag in ("1", "2"):
        write_layout(shelf, web, root / "images", tag)
    write_layout(shelf, web, root / "partly", "1")
    write_layout(shelf, web, tmp_path / "outside", "1")
    (root / "empty").mkdir()
    (root / "out").symlink_to(tmp_path / "outside")
    (root / "partly/index.json").unlink()
    (root / "partly/index.json").symlink_to(tmp_path / "outside/index.json")
    with pytest.raises(SolveError) as told:
        found(of(f"'{base}'"), root)
    assert str(told.value.where) == "manifests/team/a.yaml:4:9"
    assert said in told.value.message
    assert hint in told.value.hint


@pytest.mark.parametrize(
    ("base", "said"),
    [
        ("'oci:../../../up'", "the path '../../../up' leaves the project"),
        ("'oci:/srv/images:1'", "the path '/srv/images' is absolute"),
        ("{image: 'oci:~/images'}", "the path '~/images' is absolute"),
        ("'oci:'", "'oci:' names no folder"),
        ("'oci::12'", "'oci::12' names no folder"),
    ],
)
def test_a_base_outside_of_the_project(base: str, said: str) -> None:
    """Is no base, and no folder is looked for."""
    with pytest.raises(EnvbuildError) as told:
        of(base)
    assert said in told.value.message
    assert str(told.value.where).startswith("manifests/team/a.yaml:4:")


def test_only_one_builder_starts_from_a_folder_or_from_nothing() -> None:
    """The other one is refused at the line; a folder takes no pattern, and prefixes of this machine have no base."""
    assert asked_base(of("scratch")) == ""
    assert found(of("scratch"), Path()) is None
    for base in ("'oci:images:1'", "scratch", "{image: 'oci:images'}"):
        with pytest.raises(LockError) as told:
            asked_base(of(base, "docker"))
        assert str(told.value.where).startswith("manifests/team/a.yaml:4:")
        assert told.value.hint
        assert asked_base(of(base, "local")) == ""
    with pytest.raises(LockError, match="is a folder, and takes no pattern"):
        asked_base(of("{image: 'oci:images', tag: '1.*'}"))


def test_the_image_that_a_lock_names(shelf: Shelf, web: Manifest, registry: Real, tmp_path: Path) -> None:
    """Of a folder or a registry, also when its name stands for another one now; what is gone is told at the line."""
    where = Place("manifests/a.yaml", 3, 9)
    other = shelf.image(layer(other="1"))
    for image in (web, other):
        write_layout(shelf, image, tmp_path / "images", "1")
    server = registry.server
    with Registries(Line({}, pauses=())) as registries:
        push(shelf, web, Target(registries.of(server), "opened/web"), ("1",))
        for name in ("oci:images", f"{server}/opened/web"):
            source, root = opened(Base(name, "1", web.digest), registries, tmp_path, where)
            assert root == web
            assert base_of(source, root, "linux-64", Asked(name, where)).env == {"A": "1"}
            with pytest.raises(BuildError, match=f"have (opened/web@)?sha256:{'a' * 64} any more") as told:
                opened(Base(name, "1", f"sha256:{'a' * 64}"), registries, tmp_path, where)
            assert told.value.where == where
        (tmp_path / "below").mkdir()
        with pytest.raises(BuildError, match="leads out of the project"):
            opened(Base("oci:../images", "1", web.digest), registries, tmp_path / "below", where)
        with pytest.raises(BuildError, match="no digest that is known"):
            opened(Base("oci:images", "1", "sha256:../../../x"), registries, tmp_path, where)
