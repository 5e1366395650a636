"""Whether a lock is current (DECISIONS 15): what a manifest asks for, against what was asked for and what is pinned."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.index import Index
from support.manifests import environment, flow
from support.project import Project

from envbuild.errors import LockError
from envbuild.lock import Pin, Pins, Request, lock_path, lock_text, make_lock, request_changes, requests, still_met
from envbuild.process import Programs
from envbuild.project.locks import Locked, Locks
from envbuild.workspace import Workspace
from envbuild.workspace.folders import Folders

# Said by conda-lock and what it carries with it, the first time that it is imported.
pytestmark = [
    pytest.mark.filterwarnings("ignore:conda_lock._vendor:PendingDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:path is deprecated:DeprecationWarning"),
]

PACKAGES: Mapping[str, tuple[str, ...]] = {"alpha": (), "beta": ("alpha",), "gamma": ("beta",), "delta": ()}


def pins_of(*names: str) -> Pins:
    return Pins("linux-64", tuple(pin(name, PACKAGES[name]) for name in names))


def pin(name: str, edges: tuple[str, ...]) -> Pin:
    return Pin("pip", name, "1.5", f"https://files.example/{name}-1.5-py3-none-any.whl", "a" * 64, "", edges)


def manifest(*roots: str, more: str = "") -> str:
    return f"dependencies: {flow([{'pip': list(roots)}])}\nplatforms: [linux-64]\n{more}"


def request(*roots: str, more: str = "") -> Request:
    (found,) = requests(environment({"k": manifest(*roots, more=more)}), {})
    return found


CURRENT = {
    "nothing new": (["beta"], ["beta"], ["alpha", "beta"]),
    "a looser spec": (["beta==1.5"], ["beta>=1"], ["alpha", "beta"]),
    "a tighter spec that the pin meets": (["beta"], ["beta>=1.5,<2"], ["alpha", "beta"]),
    "a root that is pinned already": (["beta"], ["beta", "alpha<2"], ["alpha", "beta"]),
    "a root less that another one reaches": (["beta", "alpha"], ["beta"], ["alpha", "beta"]),
    "another order, another spelling": (["beta", "Alpha"], ["alpha", "BETA"], ["alpha", "beta"]),
}
STALE = {
    "a spec that the pin does not meet": (["beta"], ["beta>=2"], ["alpha", "beta"]),
    "a root that is not pinned": (["beta"], ["beta", "delta"], ["alpha", "beta"]),
    "a root less whose pin nothing reaches": (["beta", "delta"], ["beta"], ["alpha", "beta", "delta"]),
    "a root less whose dependencies nothing reaches": (
        ["gamma", "delta"],
        ["delta"],
        ["alpha", "beta", "gamma", "delta"],
    ),
    "an extra": (["beta"], ["beta[fast]"], ["alpha", "beta"]),
    "an extra less": (["beta[fast]"], ["beta"], ["alpha", "beta"]),
    "a marker": (["beta"], ["beta; python_version > '3'"], ["alpha", "beta"]),
    "a URL": (["beta"], ["beta @ https://files.example/beta-1.5-py3-none-any.whl"], ["alpha", "beta"]),
    "a URL less": (["beta @ https://files.example/beta-1.5-py3-none-any.whl"], ["beta"], ["alpha", "beta"]),
    "an extra less of what another root reaches": (["gamma", "beta[fast]"], ["gamma"], ["alpha", "beta", "gamma"]),
    "a URL less of what another root reaches": (
        ["gamma", "beta @ https://files.example/beta-1.5-py3-none-any.whl"],
        ["gamma"],
        ["alpha", "beta", "gamma"],
    ),
    "a root less beside one with a marker": (
        ["beta", "beta; sys_platform == 'win32'"],
        ["beta; sys_platform == 'win32'"],
        ["alpha", "beta"],
    ),
}


@pytest.mark.parametrize("case", CURRENT)
def test_a_change_that_the_pins_answer_needs_no_solver(case: str) -> None:
    """Each root is met by a pin, and each pin is reached from a root."""
    before, now, pinned = CURRENT[case]
    assert still_met(request(*now), request(*before), pins_of(*pinned))


@pytest.mark.parametrize("case", STALE)
def test_a_change_that_the_pins_do_not_answer_makes_a_lock_stale(case: str) -> None:
    """What a solver could answer otherwise has to be asked."""
    before, now, pinned = STALE[case]
    assert not still_met(request(*now), request(*before), pins_of(*pinned))


@pytest.mark.parametrize(
    "more", ["python: {version: '3.12'}\n", "pip: {index_url: 'https://one.example/simple'}\n"], ids=["python", "index"]
)
def test_a_change_of_anything_but_the_roots_makes_a_lock_stale(more: str) -> None:
    """Python and the index decide the pins too."""
    assert not still_met(request("beta", more=more), request("beta"), pins_of("alpha", "beta"))
    assert not still_met(request("beta"), request("beta", more=more), pins_of("alpha", "beta"))


def closure(roots: list[str]) -> set[str]:
    found = set(roots)
    for root in roots:
        found |= closure(list(PACKAGES[root]))
    return found


roots_of = st.lists(st.sampled_from(sorted(PACKAGES)), unique=True, min_size=1)


@given(roots_of, roots_of)
def test_a_lock_is_current_when_a_solver_that_keeps_pins_would_change_nothing(
    before: list[str], now: list[str]
) -> None:
    """For plain roots: current exactly when both closures are the same packages."""
    pinned = pins_of(*sorted(closure(before)))
    assert still_met(request(*now), request(*before), pinned) == (closure(before) == closure(now))


asking = st.lists(
    st.sampled_from(["alpha", "alpha==1", "alpha===1", "alpha[fast]", "beta>=1,<2", "beta; os_name == 'nt'", "pip"]),
    max_size=3,
)
besides = st.sampled_from(
    ["", "python: {version: '3.11'}\n", "python: {version: '>=3.11'}\n", "pip: {index_url: 'https://one.example/'}\n"]
)


@given(asking, besides, asking, besides)
def test_requests_that_differ_say_in_what(before: list[str], more: str, now: list[str], other: str) -> None:
    """A stale lock always has a reason, and an equal request has none."""
    old = environment({"k": manifest(*before, more=more)})
    new = environment({"k": manifest(*now, more=other)})
    for one, two in zip(requests(old, {}), requests(new, {}), strict=False):
        assert bool(request_changes(one, two, new)) == (one.digest != two.digest)


def stand(project: Project, name: str, text: str) -> None:
    """A manifest whose lock was made from TEXT."""
    found = environment({name: text}, name)
    asked = requests(found, {})
    lock = make_lock("3.12", asked, {one.platform: pins_of("alpha", "beta") for one in asked})
    project.write(lock_path(name), lock_text(lock, f"manifests/{name}.yaml", name))


def locks(project: Project) -> Locks:
    workspace = Workspace(project.path)
    return Locks(workspace, Folders(workspace, Programs(), project.environ))


def locked(project: Project, text: str, name: str = "k") -> Locked:
    return locks(project).locked(environment({name: text}, name), repair=False)


def test_a_lock_under_its_own_path_is_current(project: Project) -> None:
    """And is stale, with the reason and its line, once a root does not fit."""
    stand(project, "k", manifest("beta"))
    found = locked(project, manifest("beta"))
    assert (found.current, found.path) == (True, lock_path("k"))
    stale = locked(project, "description: k\n" + manifest("beta>=2"))
    assert [(change.text, str(change.where)) for change in stale.changes] == [
        ("beta * -> >=2", "manifests/k.yaml:2:25")
    ]
    assert stale.path == ""


def test_a_lock_is_also_found_under_another_name(project: Project) -> None:
    """A rename and a twin: any lock of the project that was made for the very same request."""
    stand(project, "old/name", manifest("beta"))
    found = locked(project, manifest("beta"), "new")
    assert (found.current, found.path) == (True, lock_path("old/name"))
    assert not found.is_own(environment({"new": manifest("beta")}, "new"))
    assert not locked(project, manifest("beta>=1"), "new").current


def test_a_platform_more_is_not_locked_and_one_less_is_current(project: Project) -> None:
    """Platforms are locked each on its own."""
    both = manifest("beta").replace("[linux-64]", "[linux-64, osx-arm64]")
    stand(project, "k", both)
    assert locked(project, manifest("beta")).current
    more = locked(project, both.replace("osx-arm64", "osx-arm64, win-64"))
    assert [change.text for change in more.changes] == ["platform win-64 is not locked"]


def test_an_extra_less_is_seen_by_lock_check(project: Project, index: Index) -> None:
    """`delta[fast]` asks for alpha, `delta` does not: the lock that holds alpha is stale."""
    more = f"pip: {{index_url: '{index.url}'}}\n"
    project.write("manifests/k.yaml", manifest("delta[fast]", more=more))
    project.run("lock")
    project.run("lock", "--check")
    project.write("manifests/k.yaml", manifest("delta", more=more))
    project.run("lock", "--check", check=3)


def test_what_requests_nothing_has_no_lock_and_is_current(project: Project) -> None:
    """Variables and commands need no solver."""
    found = locked(project, "variables: {A: one}\n")
    assert (found.current, found.requests, found.path) == (True, (), "")


def test_a_damaged_lock_is_an_error_unless_it_is_to_be_mended(project: Project) -> None:
    """`plan` refuses it, `lock` makes it anew; a damaged twin is passed over."""
    stand(project, "k", manifest("beta"))
    project.write(lock_path("k"), project.read(lock_path("k")) + "\n")
    wanted = environment({"k": manifest("beta")})
    with pytest.raises(LockError, match="edited by hand"):
        locks(project).locked(wanted, repair=False)
    assert not locks(project).locked(wanted, repair=True).current
    assert not locked(project, manifest("beta"), "other").current
