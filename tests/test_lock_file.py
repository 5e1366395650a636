"""Lock files (DECISIONS 16, 17): text and value, head and body, what damage is seen, and who else reads them."""

import hashlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from support.index import Index
from support.project import Project

from envbuild.errors import LockError
from envbuild.lock import Lock, Member, Pin, Pins, Request, lock_text, make_lock, read_head, read_lock
from envbuild.solvers.origins import public_url

# Said by conda-lock and what it carries with it, the first time that it is imported.
pytestmark = [
    pytest.mark.filterwarnings("ignore:conda_lock._vendor:PendingDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:path is deprecated:DeprecationWarning"),
]

PATH = "locks/team/train.conda-lock.yml"
PLATFORMS = ("linux-64", "linux-aarch64", "osx-arm64")
TRICKY = ("1.0", "3.10", "12", "0", "20240102", "2024.1.2", "1!2.0", "1.0+cu118", "1.0.post1", "2.0rc1")

NAMES = ("alpha", "beta", "gamma-two", "no", "null", "on", "true", "y", "yes", "1e3")

names = st.sampled_from(NAMES)
hashes = st.integers(0, 15).map(lambda digit: f"{digit:x}" * 64) | st.just("1" * 30 + "e" + "2" * 33)


@st.composite
def pins_of(draw: st.DrawFn, platform: str) -> Pins:
    found = sorted(draw(st.sets(names)))
    versions = st.sampled_from(TRICKY)
    pins = [
        Pin("pip", name, draw(versions), f"https://files.example/{name}.whl", draw(hashes), "", depends)
        for name in found
        if (depends := tuple(sorted(draw(st.sets(st.sampled_from(found), max_size=2))))) is not None
    ]
    wheels = [Member("wheels/own-1.0-py3-none-any.whl", "own", draw(versions), tuple(found[:1]))]
    return Pins(platform, tuple(sorted(pins)), tuple(wheels if draw(st.booleans()) else ()))


@st.composite
def locks(draw: st.DrawFn) -> Lock:
    platforms = draw(st.lists(st.sampled_from(PLATFORMS), min_size=1, unique=True))
    solved = {platform: draw(pins_of(platform)) for platform in platforms}
    roots = tuple(sorted(draw(st.sets(st.sampled_from(["alpha", "beta>=1", "alpha @ https://files.example/a.whl"])))))
    asked = tuple(Request(platform, "==3.12.*", roots, ("gamma<2",), "", {}) for platform in platforms)
    return make_lock("3.12", asked, solved)


def text_of(lock: Lock) -> str:
    return lock_text(lock, "manifests/team/train.yaml", "team/train")


def one_lock() -> Lock:
    pins = (
        Pin("pip", "alpha", "2.0", "https://files.example/alpha-2.0-py3-none-any.whl", "a" * 64),
        Pin("pip", "beta", "1.0", "https://files.example/beta-1.0-py3-none-any.whl", "b" * 64, "", ("alpha",)),
    )
    return make_lock("3.12", (Request("linux-64", "", ("beta",)),), {"linux-64": Pins("linux-64", pins)})


@given(locks())
def test_a_lock_is_what_its_text_says(lock: Lock) -> None:
    """Text and value, there and back, also for names and versions that YAML readers mistake."""
    text = text_of(lock)
    assert read_lock(PATH, text) == lock
    assert read_head(PATH, text) == lock.head


@given(locks(), st.randoms(use_true_random=False))
def test_the_same_lock_is_the_same_bytes(lock: Lock, random: Any) -> None:
    """Whatever order platforms and pins come in; nothing of time or machine stands in it."""

    def mixed(items: Mapping[str, Any]) -> dict[str, Any]:
        return dict(random.sample(list(items.items()), len(items)))

    solved = {
        platform: Pins(platform, tuple(random.sample(found.pins, len(found.pins))), found.members)
        for platform, found in lock.pins.items()
    }
    asked = tuple(mixed(lock.head.requests).values())
    assert text_of(make_lock("3.12", asked, mixed(solved))) == text_of(lock)


@given(locks())
def test_a_lock_is_sorted(lock: Lock) -> None:
    """A diff of two locks shows what moved and nothing else."""
    content = YAML(typ="safe").load(text_of(lock))
    listed = [(package["name"], package["platform"]) for package in content["package"]]
    assert listed == sorted(listed)
    assert content["metadata"]["platforms"] == sorted(lock.head.requests)


def test_the_head_is_read_without_the_body() -> None:
    """A body that is no list of packages is not looked into, as long as it is what was written."""
    text = text_of(one_lock())
    at = text.index("\npackage:") + 1
    body = "package:\n- {this: [is no package\n"
    stated = hashlib.sha256(text[at:].encode()).hexdigest()
    head = text[:at].replace(stated, hashlib.sha256(body.encode()).hexdigest())
    own = next(line for line in head.splitlines(keepends=True) if "envbuild.head" in line)
    seal = hashlib.sha256(head.replace(own, "").encode()).hexdigest()
    other = head.replace(own, f"    envbuild.head: '{seal}'\n") + body
    assert read_head(PATH, other) == one_lock().head


@pytest.mark.parametrize("read", [read_head, read_lock])
def test_line_ends_of_another_system_are_no_damage(read: Any) -> None:
    """Git may write them; they say the same."""
    text = text_of(one_lock())
    assert read(PATH, text.replace("\n", "\r\n")) == read(PATH, text)


@pytest.mark.parametrize("read", [read_head, read_lock])
@given(st.data())
def test_a_body_that_was_edited_is_refused(read: Any, data: st.DataObject) -> None:
    """Any line of the body removed, repeated or changed."""
    lines = text_of(one_lock()).splitlines(keepends=True)
    at = data.draw(st.integers(lines.index("package:\n") + 1, len(lines) - 1))
    damage = data.draw(st.sampled_from([[], [lines[at], lines[at]], [lines[at][:-1] + " \n"], ["# note\n", lines[at]]]))
    with pytest.raises(LockError) as caught:
        read(PATH, "".join([*lines[:at], *damage, *lines[at + 1 :]]))
    hint = "run 'envbuild lock' to pin all of it anew, or take the file from git again"
    assert str(caught.value) == f"{PATH}: edited by hand or by a merge\n  hint: {hint}"


@given(st.data())
def test_the_marks_of_a_merge_are_refused(data: st.DataObject) -> None:
    """Conflict markers anywhere, in head or body."""
    lines = text_of(one_lock()).splitlines(keepends=True)
    start = data.draw(st.integers(0, len(lines) - 1))
    end = data.draw(st.integers(start + 1, len(lines)))
    ours = lines[start:end]
    marked = [*lines[:start], "<<<<<<< ours\n", *ours, "=======\n", *ours, ">>>>>>> theirs\n", *lines[end:]]
    with pytest.raises(LockError, match="edited by hand or by a merge"):
        read_lock(PATH, "".join(marked))


@pytest.mark.parametrize(
    "text", ["", "\n", "version: 1\n", "package: []\n", "a: [\npackage:\n", "metadata: 1\npackage:\n"]
)
def test_what_is_no_lock_of_ours_is_refused(text: str) -> None:
    """Empty, cut off, another tool's: an error with the file and what to run."""
    for read in (read_head, read_lock):
        with pytest.raises(LockError, match="run 'envbuild lock'"):
            read(PATH, text)


def test_a_head_of_another_lock_is_refused() -> None:
    """A merge that takes one side's head and the other's body."""
    lock = one_lock()
    moved = Pins("linux-64", lock.pins["linux-64"].pins[:1])
    other = make_lock("3.12", tuple(lock.head.requests.values()), {"linux-64": moved})
    head, body = text_of(other).split("\npackage:")[0], text_of(lock).split("\npackage:")[1]
    with pytest.raises(LockError, match="edited by hand or by a merge"):
        read_head(PATH, f"{head}\npackage:{body}")


def test_conda_lock_reads_it() -> None:
    """Conda-lock's own parser finds the same packages, also where YAML readers disagree, and texts as metadata."""
    from conda_lock.lockfile import parse_conda_lock_file

    pins = tuple(
        Pin("pip", name, version, f"https://files.example/{at}.whl", f"{at:064}", "", tuple(NAMES[:at]))
        for at, (name, version) in enumerate(zip(NAMES, TRICKY, strict=False))
    )
    lock = make_lock("3.10", (Request("linux-64", "", NAMES),), {"linux-64": Pins("linux-64", pins)})
    with tempfile.TemporaryDirectory(prefix="locks-") as folder:
        path = Path(folder, "train.conda-lock.yml")
        path.write_text(text_of(lock), encoding="utf-8")
        content = parse_conda_lock_file(path)
    found = {(one.platform, one.name, one.version, one.hash.sha256) for one in content.package}
    assert found == {("linux-64", pin.name, pin.version, pin.sha256) for pin in pins}
    custom = content.metadata.custom_metadata or {}
    assert {type(value) for value in custom.values()} == {str}


def test_no_credentials_stand_in_a_lock(project: Project) -> None:
    """The host's index may ask for a password; what is committed names the host only, and every file has a hash."""
    with Index(auth=("reader", "p@ss/word")) as private:
        private.add("alpha", "1.0")
        private.add("beta", "1.0", requires=["alpha"])
        project.write("manifests/k.yaml", "dependencies: [pip: [beta]]\n")
        run = project.run("lock", env={"UV_DEFAULT_INDEX": private.url_with_credentials})
    text = project.read("locks/k.conda-lock.yml")
    for secret in ("reader", "p@ss/word", "p%40ss%2Fword", "@127.0.0.1"):
        assert secret not in text + run.out + run.err
    lock = read_lock("locks/k.conda-lock.yml", text)
    assert [(pin.name, len(pin.sha256)) for pins in lock.pins.values() for pin in pins.pins] == [
        ("alpha", 64),
        ("beta", 64),
    ]


PUBLIC = {
    "https://user:secret@files.example/a-1.0-py3-none-any.whl": "https://files.example/a-1.0-py3-none-any.whl",
    "https://secret@files.example:8443/a.whl#sha256=00": "https://files.example:8443/a.whl",
    "git+https://user:s%40crt@files.example/a.git@0123abc#subdirectory=part": (
        "git+https://files.example/a.git@0123abc#subdirectory=part"
    ),
    "git+ssh://git@files.example/a.git@0123abc": "git+ssh://git@files.example/a.git@0123abc",
}


@pytest.mark.parametrize("url", PUBLIC)
def test_a_url_is_written_without_credentials(url: str) -> None:
    """Whatever uv answers with: no user, no password, no hash beside the one of the pin; ssh needs its user."""
    assert public_url(url) == PUBLIC[url]


def test_locking_twice_writes_the_same_bytes(project: Project, index: Index) -> None:
    """The second run touches nothing; a lock made anew from nothing is the same text."""
    project.write("manifests/k.yaml", f"dependencies: [pip: [gamma]]\npip: {{index_url: '{index.url}'}}\n")
    project.run("lock")
    first, stamp = project.tree(), (project.path / "locks/k.conda-lock.yml").stat().st_mtime_ns
    project.run("lock")
    assert (project.path / "locks/k.conda-lock.yml").stat().st_mtime_ns == stamp
    project.remove("locks")
    project.run("lock")
    assert project.tree() == first
