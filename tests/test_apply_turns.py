"""Building, shipping, testing and naming are turns of one step: what ends one of them, and what then goes on."""

import errno
from pathlib import Path
from threading import Event as Flag

import pytest
from support.hands import Hands, Turn, applied
from support.project import Project

from envbuild.apply import End, Event, Pace, Task, ended
from envbuild.errors import BuildError
from envbuild.project import Project as Records

_NAMES = ("a", "b", "c", "d")
_TURNS = ("build", "ship", "test", "name")


@pytest.fixture
def four(project: Project) -> Project:
    """Environments that have nothing to do with each other."""
    for name in _NAMES:
        project.write(f"manifests/{name}.yaml", f"variables: {{NAME: {name}}}\n")
    return project


def _run(project: Project, hands: Hands, pace: Pace) -> list[Event]:
    """What it told."""
    heard: list[Event] = []
    applied(project.path, dict(project.environ), hands, pace, heard.append)
    return heard


def _unrecorded(project: Project) -> set[str]:
    state = Records.load(project.path, dict(project.environ)).state
    return {name for name in _NAMES if not state.history(name)}


def _first_ship(then: Turn) -> Hands:
    """The first that is shipped waits for the last to be built: all others stand in line behind it."""
    built: set[str] = set()
    all_built = Flag()

    def build(name: str, _task: Task) -> None:
        built.add(name)
        if built == {*_NAMES}:
            all_built.set()

    def ship(name: str, task: Task) -> None:
        all_built.wait(10)
        then(name, task)

    return Hands(build=build, ship=ship)


def test_nothing_more_is_shipped_behind_a_bug(four: Project) -> None:
    """What is already built and stands in line is neither shipped nor named nor recorded."""

    def fails(_name: str, _task: Task) -> None:
        raise ValueError("a bug")

    hands = _first_ship(fails)
    with pytest.raises(ValueError, match="a bug"):
        _run(four, hands, Pace(4, 1))
    assert hands.all("build") == {*_NAMES}
    assert (len(hands.all("ship")), hands.all("name")) == (1, set())
    assert _unrecorded(four) == {*_NAMES}


def test_nothing_more_is_done_once_a_stop_is_asked_for(four: Project) -> None:
    """By who listens, while one is shipped: that one is neither tested nor named, and the others are not shipped."""
    four.write("manifests/waits.yaml", four.read("manifests/a.yaml"))
    shipping, stopped = Flag(), Flag()

    def build(name: str, _task: Task) -> None:
        if name == "a":
            shipping.wait(10)
            raise BuildError("it fails, and what waits for it is skipped")

    def ship(_name: str, _task: Task) -> None:
        shipping.set()
        stopped.wait(10)

    def tell(event: Event) -> None:
        if event.kind == "skipped":
            raise KeyboardInterrupt

    hands = Hands(build=build, ship=ship)
    with pytest.raises(KeyboardInterrupt):
        applied(four.path, dict(four.environ), hands, Pace(4, 1), tell, stopped.set)
    assert (len(hands.all("ship")), hands.all("test"), hands.all("name")) == (1, set(), set())
    assert _unrecorded(four) == {*_NAMES}
    ends = [ended(one) for one in four.path.glob(".envbuild/logs/*/*.log")]
    assert sorted(one.result for one in ends if isinstance(one, End)) == ["failed", *["interrupted"] * (len(ends) - 1)]


@pytest.mark.parametrize("turn", _TURNS)
def test_a_file_that_cannot_be_had_fails_its_step_alone(four: Project, turn: str) -> None:
    """A full disk, in whichever turn: with the file and what to do, in its log too; the others are recorded."""

    def fails(name: str, _task: Task) -> None:
        if name == "b":
            raise OSError(errno.ENOSPC, "No space left on device", "/somewhere/image.tar")

    heard = _run(four, Hands(**{turn: fails}), Pace(4))
    assert {one.environment: one.kind for one in heard if one.kind in {"done", "failed", "skipped"}} == {
        "a": "done", "b": "failed", "c": "done", "d": "done",
    }  # fmt: skip
    (failed,) = (one for one in heard if one.kind == "failed")
    said = "'b' cannot be built: No space left on device: /somewhere/image.tar"
    assert failed.error is not None
    assert failed.error.message == said
    assert failed.error.hint == "check the folder's permissions and the space on its disk"
    assert said in Path(failed.log).read_text()
    assert _unrecorded(four) == {"b"}


def test_that_nobody_listens_is_no_failure_of_a_step(four: Project) -> None:
    """A pipe that is closed ends the whole, as it does elsewhere."""

    def unheard(event: Event) -> None:
        if event.kind == "progress":
            raise BrokenPipeError

    hands = Hands(ship=lambda _name, task: task.say("on its way"))
    with pytest.raises(BrokenPipeError):
        applied(four.path, dict(four.environ), hands, Pace(1, 1), unheard)
    assert hands.all("name") == set()


def test_what_waits_to_be_named_holds_nothing(four: Project) -> None:
    """With --atomic: neither its folder, which may be large, nor an open file; its log says in the end how it went."""
    folders: list[Path] = []
    logs: list[Path] = []
    left: list[Path] = []

    def ship(_name: str, task: Task) -> None:
        held = {_target(one) for one in Path("/proc/self/fd").iterdir()}
        left.extend(folder for folder in folders if folder.exists())
        left.extend(log for log in logs if str(log.with_suffix(".end")) in held)
        logs.append(task.log)
        folders.append(task.folder)
        task.folder.mkdir(parents=True)
        (task.folder / "image.tar").write_bytes(b"large")

    heard = _run(four, Hands(ship=ship), Pace(1, 1, atomic=True))
    done = [one for one in heard if one.kind == "done"]
    assert [one.environment for one in done] == [*_NAMES]
    assert (len(folders), left) == (4, [])
    assert [getattr(ended(Path(one.log)), "result", None) for one in done] == ["done"] * 4
    assert not any(folder.exists() for folder in folders)


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""
