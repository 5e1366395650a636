"""Locks with conda packages as files: stable, complete, read by conda-lock's own command, and honest when damaged."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from support.condapkg import Package
from support.condaworld import PLATFORMS, manifest, pinned, second, settings, world
from support.index import Index
from support.once import made_once
from support.project import Project, clean_environment

from envbuild.errors import LockError, NewerLockError
from envbuild.lock import (
    CondaRequest,
    Lock,
    Pin,
    Pins,
    Request,
    joined_specs,
    lock_text,
    make_lock,
    read_head,
    read_lock,
)
from envbuild.lock.file import HEAD_LINE, head_digest

pytestmark = [
    pytest.mark.filterwarnings("ignore:conda_lock._vendor:PendingDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:path is deprecated:DeprecationWarning"),
]
PATH = "locks/k.conda-lock.yml"
ALL = "[linux-64, linux-aarch64, osx-arm64, win-64]"
COMMAND = Path(sys.executable).with_name("conda-lock")

words = st.text("abcxyz019_", min_size=1, max_size=6)
names = st.sampled_from(["numpy", "_libgcc_mutex", "typing_extensions", "r-base", "no", "y", "1e3", "python"])
versions = st.sampled_from(["1.0", "3.10", "2024.1.2", "1!2.0", "9e", "0x1", "1.1.1w", "2.0rc1", "20240102"])
bounds = st.sampled_from(["", " *", " >=1", " >=1,<2", " 3.11.* *_cp311", " ==1.0 h0_0", " >=1|<0.5", " !=1.5"])
hashes = st.integers(0, 15).map(lambda digit: f"{digit:x}")


@st.composite
def conda_pins(draw: st.DrawFn, platform: str) -> tuple[Pin, ...]:
    found = []
    for name in sorted(draw(st.sets(names))):
        version, build = draw(versions), draw(st.sampled_from(["0", "h0_0", "1e5", "py311_0", "null"]))
        depends = draw(st.lists(st.tuples(names | st.sampled_from(["__glibc", "__unix"]), bounds), max_size=5))
        specs = joined_specs(f"{one}{bound}" for one, bound in depends)
        url = f"https://conda.example/c/{platform}/{name}-{version}-{build}.conda"
        digit, number = draw(hashes), draw(st.integers(0, 3))
        rules, brings = (
            tuple(sorted(draw(st.sets(one)))) for one in (bounds.map(lambda bound: f"other{bound}"), words)
        )
        found.append(Pin("conda", name, version, url, digit * 64, build, specs, digit * 32, number, rules, brings))
    return tuple(found)


@st.composite
def locks(draw: st.DrawFn) -> Lock:
    platforms = sorted(draw(st.sets(st.sampled_from(PLATFORMS), min_size=1)))
    conda = CondaRequest(("https://conda.example/c",), "strict", ("numpy >=1",))
    asked = tuple(
        Request(platform, conda=conda, host=draw(st.just({}) | st.just({"__cuda": "12"}))) for platform in platforms
    )
    return make_lock("3.11", asked, {one: Pins(one, draw(conda_pins(one))) for one in platforms})


def text_of(lock: Lock) -> str:
    return lock_text(lock, "manifests/k.yaml", "k")


@given(locks())
def test_a_conda_lock_is_what_its_text_says(lock: Lock) -> None:
    """Builds, numbers, both hashes, specs of dependencies, what is brought and ruled out: there and back."""
    assert read_lock(PATH, text_of(lock)) == lock
    assert read_head(PATH, text_of(lock)) == lock.head


@given(locks(), st.randoms(use_true_random=False))
def test_the_same_conda_lock_is_the_same_bytes(lock: Lock, random: Any) -> None:
    """Whatever order platforms and packages come in."""

    def mixed(items: Mapping[str, Any]) -> dict[str, Any]:
        return dict(random.sample(list(items.items()), len(items)))

    solved = {one: Pins(one, tuple(random.sample(pins.pins, len(pins.pins)))) for one, pins in lock.pins.items()}
    asked = tuple(mixed(lock.head.requests).values())
    assert text_of(make_lock("3.11", asked, mixed(solved))) == text_of(lock)


def write_locks(folder: Path) -> None:
    """Make locks of each kind: mixed on every platform, libraries alone, PyPI alone, a file by its URL, two channels.

    Beside them stands what the real `conda-lock render` makes of each.
    """
    first, other = world(folder / "channels/first"), second(folder / "channels/second")
    first.add(Package(name="joined", depends=["libfoo >=1", "libfoo <3", "libblas"]))
    project = Project(folder / "project", clean_environment(folder, folder / "uv-cache"))
    settings(project, first.url, other.url)
    with Index() as index:
        index.add("alpha", "1.0")
        index.add("beta", "1.0", requires=["alpha>=1", "numpy"])
        pip = f"pip: {{index_url: '{index.url}'}}\n"
        manifest(project, "mixed", "numpy <2.1", "pure", "{pip: [beta]}", more=f"platforms: {ALL}\n{pip}")
        manifest(project, "pip-only", "{pip: [beta, numpy]}", more=pip)
        index.add("numpy", "2.0.0")
        manifest(project, "libraries", "joined", "extra", "data")
        manifest(project, "file", f"'{first.url}/linux-64/libfoo-1.0-0.conda'")
        project.run("lock")
    (folder / "empty").mkdir()
    for name in NAMES:
        rendered = folder / "rendered" / name
        rendered.mkdir(parents=True)
        lock = project.path / f"locks/{name}.conda-lock.yml"
        command = [str(COMMAND), "render", "-k", "explicit", "-k", "env", str(lock)]
        environ = {"HOME": str(folder / "empty"), "PATH": ""}
        run = subprocess.run(command, cwd=rendered, env=environ, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr


NAMES = ("mixed", "pip-only", "libraries", "file")


@pytest.fixture(scope="session")
def written(shared: Path) -> Project:
    folder = made_once(shared / "conda-locks", write_locks)
    return Project(folder / "project", clean_environment(folder, folder / "uv-cache"))


@pytest.fixture
def rendered(written: Project) -> dict[str, dict[str, str]]:
    """Give what conda-lock made of each lock, by the lock's name and the file's."""
    folders = (written.path.parent / "rendered").iterdir()
    return {one.name: {path.name: path.read_text(encoding="utf-8") for path in one.iterdir()} for one in folders}


def _md5(url: str) -> str:
    """Of the file itself, which lay in a folder of another name when it was locked."""
    path = Path(url.removeprefix("file://").replace(".unfinished", ""))
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


@pytest.mark.parametrize("name", NAMES)
def test_conda_lock_renders_an_explicit_list(written: Project, rendered: Any, name: str) -> None:
    """Every package of every platform by its URL and hash, and nothing else."""
    for platform, pins in pinned(written, name).items():
        lines = rendered[name][f"conda-{platform}.lock"].splitlines()
        conda = {f"{pin.url}#{_md5(pin.url)}" for pin in pins.conda}
        assert {line for line in lines if line.startswith(("http", "file"))} == conda
        pip = {f"# pip {pin.name} @ {pin.url}#sha256={pin.sha256}" for pin in pins.pip}
        assert {line for line in lines if line.startswith("# pip")} == pip


@pytest.mark.parametrize("name", NAMES)
def test_conda_lock_renders_an_environment(written: Project, rendered: Any, name: str) -> None:
    """A conda environment file with channels, versions and builds."""
    for platform, pins in pinned(written, name).items():
        content: Any = YAML(typ="safe").load(rendered[name][f"conda-{platform}.lock.yml"])
        stated = {item for item in content["dependencies"] if isinstance(item, str)}
        assert {item.replace("==", "=") for item in stated} >= {
            f"{pin.name}={pin.version}={pin.build}" for pin in pins.conda
        }
        if pins.conda:
            assert content["channels"] == list(written_channels(written, name))


def written_channels(project: Project, name: str) -> tuple[str, ...]:
    (channels,) = {request.conda.channels for request in _head(project, name).requests.values() if request.conda}
    return tuple(channels)


def _head(project: Project, name: str = "k") -> Any:
    return read_head(PATH, project.read(f"locks/{name}.conda-lock.yml"))


@pytest.mark.parametrize("command", ["conda", "mamba", "micromamba"])
def test_others_install_from_it(written: Project, tmp_path: Path, command: str) -> None:
    """What conda-lock and micromamba do with a lock, where they are."""
    program = shutil.which(command)
    if program is None:
        pytest.skip(f"{command} is not on this machine")
    lock = str(written.path / "locks/libraries.conda-lock.yml")
    install = [str(COMMAND), "install", "--conda", program, "-p", str(tmp_path / "prefix"), lock]
    create = [program, "create", "-y", "-p", str(tmp_path / "prefix"), "-f", lock]
    run = subprocess.run(create if command == "micromamba" else install, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert list((tmp_path / "prefix/conda-meta").glob("joined-*.json"))


def test_a_lock_has_all_that_the_format_asks_for(written: Project) -> None:
    """Both hashes of conda's, categories, what is needed as specs, channels in order, and sorted."""
    content: Any = YAML(typ="safe").load(written.read("locks/mixed.conda-lock.yml"))
    assert content["version"] == 1
    assert [channel["url"].rpartition("/")[2] for channel in content["metadata"]["channels"]] == ["first", "second"]
    assert content["metadata"]["platforms"] == sorted(PLATFORMS)
    order = [(one["manager"], one["name"], one["platform"]) for one in content["package"]]
    assert order == sorted(order)
    for one in content["package"]:
        assert (one["category"], one["optional"], len(one["hash"]["sha256"])) == ("main", False, 64)
        assert (len(one["hash"].get("md5", "")), bool(one.get("build"))) == (
            (32, True) if one["manager"] == "conda" else (0, False)
        )
    joined: Any = YAML(typ="safe").load(written.read("locks/libraries.conda-lock.yml"))
    needs = {one["name"]: one["dependencies"] for one in joined["package"]}
    assert needs["joined"] == {"libblas": "*", "libfoo": ">=1,<3"}


def test_no_virtual_package_is_a_dependency(written: Project) -> None:
    """Other tools would look for a package of that name; it is kept beside."""
    content: Any = YAML(typ="safe").load(written.read("locks/mixed.conda-lock.yml"))
    assert not any(name.startswith("__") for one in content["package"] for name in one["dependencies"])
    python = next(pin for pin in pinned(written, "mixed")["linux-64"].pins if pin.name == "python")
    assert python.dependencies == ("__glibc >=2.17",)


def test_pip_and_conda_hang_together(written: Project) -> None:
    """What conda brings to Python is not locked a second time; uv's packages lead to it."""
    pins = {pin.key: pin for pin in pinned(written, "mixed")["linux-64"].pins}
    assert set(pins) == {"libblas", "numpy", "pip", "pip/alpha", "pip/beta", "pure", "python"}
    assert pins["pip/beta"].dependencies == ("alpha", "numpy")


@pytest.fixture
def locked(project: Project, tmp_path: Path) -> Project:
    """Give a project with a lock whose channel is gone since."""
    channel = world(tmp_path / "channel")
    settings(project, channel.url)
    manifest(project, "k", "app", "data")
    project.run("lock")
    shutil.rmtree(channel.folder)
    return project


def _resealed(text: str) -> str:
    """A text whose head has the digest of what it holds, as whoever writes a lock gives it."""
    line = HEAD_LINE.search(text)
    assert line
    head = text[: text.index("\npackage:") + 1]
    return text.replace(line[0], f"{line['key']}'{head_digest(head)}'\n")


_MARKED = "<<<<<<< ours\npackage:\n=======\npackage:\n>>>>>>> theirs\n"
_OTHER_FACT = 'envbuild.conda: \'{"a":{"b":{"c":1}},'
DAMAGE: dict[str, Callable[[str], str]] = {
    "conflict": lambda text: text.replace("package:\n", _MARKED, 1),
    "two bodies": lambda text: text + text[text.index("package:\n") :],
    "cut": lambda text: text[: len(text) * 2 // 3],
    "cut head": lambda text: text[:200],
    "other version": lambda text: text.replace("version: '1.0'", "version: '1.1'", 1),
    "other hash": lambda text: re.sub(r"(md5: '?)(\w{8})", r"\g<1>01234567", text, count=1),
    "other channel": lambda text: text.replace("- url: file:", "- url: http:", 1),
    "other root": lambda text: text.replace('"roots":["app"', '"roots":["data"', 1),
    "empty": lambda _text: "",
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_lock_is_told_and_left(locked: Project, damage: str) -> None:
    """`--check` says what it is, `check` with its line; a lock that cannot be made anew stays as it is."""
    text = locked.read(PATH)
    damaged = DAMAGE[damage](text)
    assert damaged != text
    locked.write(PATH, damaged)
    (row,) = locked.json("lock", "--check", check=3)["environments"]
    assert row["reasons"] == [{"change": "edited by hand or by a merge", "where": PATH}]
    assert f"{PATH}: edited by hand or by a merge" in locked.run("check", check=1).err
    locked.run("lock", check=1)
    assert locked.read(PATH) == damaged


NEWER: dict[str, Callable[[str], str]] = {
    "another format": lambda text: text.replace("\nversion: 1\n", "\nversion: 2\n"),
    "a format after ten": lambda text: _resealed(text.replace("\nversion: 1\n", "\nversion: 11\n")),
    "a request's field": lambda text: _resealed(text.replace('"platform":"linux-64"', '"platform":"linux-64","x":"9"')),
    "a fact's field": lambda text: _resealed(text.replace("envbuild.conda: '{", _OTHER_FACT)),
    "other pins": lambda text: _resealed(re.sub(r"(envbuild\.pins: ).*", r"\1'[1]'", text)),
}  # fmt: skip


@pytest.mark.parametrize("change", NEWER)
def test_a_lock_of_a_newer_envbuild_is_said_to_be_one(locked: Project, change: str) -> None:
    """It is whole: nobody edited it, and nothing that this version does replaces it."""
    text = locked.read(PATH)
    newer = NEWER[change](text)
    assert newer != text
    locked.write(PATH, newer)
    run = locked.run("lock", "--upgrade", "app", check=1)
    assert f"{PATH}: " in run.err
    assert ("version " if "format" in change else "a newer envbuild wrote it") in run.err
    assert "edited" not in run.err
    assert "hint: upgrade envbuild, or remove the file to lock it anew" in run.err
    assert locked.read(PATH) == newer


@given(st.data())
def test_a_body_that_nobody_here_can_read_is_a_newer_one(data: st.DataObject) -> None:
    """Digests that are right leave one explanation, whatever stands there; never a crash."""
    lock = make_lock("", (Request("linux-64", conda=CondaRequest((), "strict")),), {"linux-64": Pins("linux-64", ())})
    text = text_of(lock)
    body = "package:\n" + data.draw(st.sampled_from(["- {a: 1}\n", "- [\n", "  x\n", "- name: 1\n", "{}\n", "- \t\n"]))
    stated = re.search(r"envbuild\.body: '?(\w+)", text)
    assert stated
    whole = text[: text.index("package:")].replace(stated[1], hashlib.sha256(body.encode()).hexdigest()) + body
    with pytest.raises(NewerLockError):
        read_lock(PATH, _resealed(whole))


def test_a_damaged_lock_is_made_anew(project: Project, tmp_path: Path) -> None:
    """With its channel there, `lock` mends it, and the mended lock is the one that was."""
    settings(project, world(tmp_path / "channel").url)
    manifest(project, "k", "app")
    project.run("lock")
    text = project.read(PATH)
    project.write(PATH, text[:-20])
    project.run("lock")
    assert project.read(PATH) == text


@pytest.mark.parametrize("platform", ["linux-65", "linux", "macos-arm64", "LINUX-64", "noarch"])
def test_a_platform_that_does_not_exist_is_refused(project: Project, platform: str) -> None:
    """At its line, with the one that is meant."""
    settings(project, "conda-forge")
    manifest(project, "k", "app", more=f"platforms: [{platform}]\n")
    run = project.run("lock", check=1)
    assert run.err.startswith("manifests/k.yaml:3:13: ")
    assert platform in run.err
    assert "hint: " in run.err
    assert not (project.path / "locks").exists()


def test_a_wrong_digest_is_an_edit_and_no_newer_lock() -> None:
    """The two are told apart by the digest alone."""
    text = text_of(make_lock("3.11", (Request("linux-64"),), {"linux-64": Pins("linux-64", ())}))
    changed = text.replace('"platform":"linux-64"', '"platform":"linux-64","speed":"9"')
    with pytest.raises(LockError) as caught:
        read_head(PATH, changed)
    assert not isinstance(caught.value, NewerLockError)
    assert json.loads(json.dumps(str(caught.value))).endswith(
        "hint: run 'envbuild lock' to pin all of it anew, or take the file from git again"
    )
