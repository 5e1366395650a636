"""What a plan decides (DESIGN 8, DECISIONS 27 to 29), from facts alone: no file, no record, no builder."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.manifests import Body, environment

from envbuild.errors import Place
from envbuild.fingerprint import Fingerprint, Inputs, fingerprint
from envbuild.lock import Change
from envbuild.plan import Plan, Step, Subject, plan
from envbuild.record import Reason, Version
from envbuild.resolve import Environment

SETUP = "description: d\nsetup: [echo]\n"


def found_in(made: Environment, files: dict[str, str] | None = None) -> Fingerprint:
    return fingerprint(made, Inputs("1", None, ("linux-64",), files or {}))


def recorded(name: str, text: str, version: int = 1) -> Version:
    return Version(
        environment=name,
        version=version,
        fingerprint=text,
        builder="local",
        platform="linux-64",
        machine="machine",
        reference=f"store/{name}",
        started="2026-01-01T00:00:00Z",
        manifest_path=f"manifests/{name}.yaml",
    )


def subject(name: str, text: str | Body = SETUP, **facts: Any) -> Subject:
    """An environment that was never built, with further facts."""
    made = environment({name: text}, name)
    stated: dict[str, Any] = {"environment": made, "fingerprint": found_in(made), **facts}
    return Subject(**stated)


def built(name: str, text: str | Body = SETUP, before: str | Body | None = None, **facts: Any) -> Subject:
    """An environment whose latest record is of BEFORE, in other words of the same content when that is not given."""
    old = found_in(environment({name: text if before is None else before}, name))
    return subject(name, text, latest=recorded(name, old.text, 3), before=old.parts, next_version=5, **facts)


def only(result: Plan) -> Step:
    (step,) = result.steps
    return step


def test_create_when_there_is_no_record() -> None:
    """The first version, and the manifest as the place."""
    step = only(plan([subject("k")]))
    assert (step.action, step.version, step.previous, step.after) == ("create", 1, None, ())
    assert step.reasons == (Reason("record", "not built yet", "manifests/k.yaml"),)


def test_keep_when_the_content_stands() -> None:
    """No reason, nothing to do: not listed, no change, the version it has."""
    result = plan([built("k")])
    step = only(result)
    assert (step.action, step.version, step.reasons) == ("keep", 3, ())
    assert (result.listed, result.changes, result.summary["keep"]) == ((), (), 1)


def test_rebuild_when_the_content_is_another() -> None:
    """The next number that was never used, the difference of the parts, and its line."""
    step = only(plan([built("k", "description: d\nsetup:\n- echo\n- more\n", before=SETUP)]))
    assert (step.action, step.version, step.previous_version) == ("rebuild", 5, 3)
    assert step.previous != step.fingerprint
    assert step.reasons == (Reason("setup", '+"more"', "manifests/k.yaml:4"),)


def test_restore_when_the_artifact_is_gone() -> None:
    """The complaint is the reason, and no version is taken."""
    step = only(plan([built("k", complaint="the prefix is gone")]))
    assert (step.action, step.version) == ("restore", 3)
    assert step.reasons == (Reason("reference", "the prefix is gone", "manifests/k.yaml"),)


def test_adopt_what_another_name_holds() -> None:
    """A new name takes version 1 and builds nothing."""
    step = only(plan([subject("k", elsewhere="old@2")]))
    assert (step.action, step.version, step.after) == ("adopt", 1, ())
    assert step.reasons == (Reason("content", "already built as old@2", "manifests/k.yaml"),)


def test_adopt_what_an_earlier_version_of_the_same_name_has() -> None:
    """A change back is a new version with nothing to build, and says what changed."""
    step = only(plan([built("k", before="setup: [other]\n", elsewhere="k@1")]))
    assert (step.action, step.version, step.previous_version) == ("adopt", 5, 3)
    assert [reason.part for reason in step.reasons] == ["content", "setup"]


def test_of_equal_fingerprints_the_first_builds_and_the_others_adopt_it() -> None:
    """By name, whatever order they come in; each of the others waits for the first."""
    steps = plan(
        [subject("c"), subject("a"), built("b", before="setup: [other]\n"), subject("d", "setup: [d]\n")]
    ).steps
    assert [(step.environment, step.action, step.after) for step in steps] == [
        ("a", "create", ()),
        ("b", "adopt", ("a",)),
        ("c", "adopt", ("a",)),
        ("d", "create", ()),
    ]
    assert [step.version for step in steps] == [1, 5, 1, 1]
    assert steps[2].reasons == (Reason("content", "the same as a", "manifests/c.yaml"),)


def test_of_equal_restores_the_first_builds() -> None:
    """One prefix is gone, two names stand on it: it is made once, and both keep their version."""
    steps = plan([built("b", complaint="gone"), built("a", complaint="gone")]).steps
    assert [(step.environment, step.action, step.after, step.version) for step in steps] == [
        ("a", "restore", (), 3),
        ("b", "adopt", ("a",), 3),
    ]


def test_a_create_and_a_restore_of_one_content_build_once() -> None:
    """Whichever is first by name."""
    steps = plan([subject("a"), built("b", complaint="gone")]).steps
    assert [(step.action, step.after, step.version) for step in steps] == [("create", (), 1), ("adopt", ("a",), 3)]
    steps = plan([built("a", complaint="gone"), subject("b")]).steps
    assert [(step.action, step.after, step.version) for step in steps] == [("restore", (), 3), ("adopt", ("a",), 1)]


def test_what_stands_already_is_adopted_by_each_without_waiting() -> None:
    """Nobody builds, so nobody waits."""
    steps = plan([subject("a", elsewhere="x@1"), subject("b", elsewhere="x@1")]).steps
    assert [(step.action, step.after) for step in steps] == [("adopt", ()), ("adopt", ())]


def test_forget_is_shown_and_is_no_change() -> None:
    """A record whose manifest is gone is listed with its reason, and nothing is done about it."""
    result = plan([built("k")], [recorded("gone", "1:00", 7)])
    (step,) = result.listed
    assert (step.action, step.environment, step.version) == ("forget", "gone", 7)
    assert step.reasons
    assert step.reasons[0].where == "manifests/gone.yaml"
    assert result.changes == ()
    assert (result.summary["forget"], result.summary["keep"]) == (1, 1)


LOCKING = (
    Change("numpy 1.26.* -> 2.0.*", Place("manifests/base.yaml", 7, 3)),
    Change("two", Place("manifests/k.yaml")),
)


def test_without_a_current_lock_fingerprint_and_version_are_null() -> None:
    """`create` or `rebuild`, with the part `lock` and a line for every change."""
    reasons = (
        Reason("lock", "numpy 1.26.* -> 2.0.*", "manifests/base.yaml:7"),
        Reason("lock", "two", "manifests/k.yaml"),
    )
    for given_, action in ((subject("k"), "create"), (built("k"), "rebuild")):
        unlocked = Subject(
            environment=given_.environment, fingerprint=None, locking=LOCKING, latest=given_.latest, next_version=9
        )
        step = only(plan([unlocked]))
        assert (step.action, step.fingerprint, step.version, step.reasons) == (action, None, None, reasons)
        assert step.after == ()
    assert step.previous == given_.latest.fingerprint if given_.latest else False


def test_two_without_a_fingerprint_never_share_one() -> None:
    """What is not known is not equal."""
    steps = plan(
        [subject("a", fingerprint=None, locking=LOCKING), subject("b", fingerprint=None, locking=LOCKING)]
    ).steps
    assert [step.action for step in steps] == ["create", "create"]


CHANGES = {
    "variables": ("variables:\n  A: one\n  B: two\n", "variables:\n  A: one\n  B: three\n", 'B "two" -> "three"', 3),
    "a variable more": ("variables:\n  A: one\n", "variables:\n  A: one\n  B: b\n", 'B none -> "b"', 3),
    "setup": ("setup:\n- one\n", "setup:\n- two\n- one\n", '+"two"', 2),
    "setup order": ("setup:\n- one\n- two\n", "setup:\n- two\n- one\n", "other order", 2),
    "python": ("python:\n  interpreter: a\n", "python:\n  interpreter: b\n", "interpreter a -> b", 2),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_each_change_names_its_line(kind: str) -> None:
    """What was, what is, and the line that now says so."""
    before, now, change, line = CHANGES[kind]
    (reason,) = only(plan([built("k", now, before=before)])).reasons
    assert (reason.change, reason.where) == (change, f"manifests/k.yaml:{line}")


def test_what_is_gone_names_the_file() -> None:
    """No line says what is no longer there."""
    (reason,) = only(plan([built("k", "description: k\n", before="variables: {A: one}\n")])).reasons
    assert (reason.part, reason.change, reason.where) == ("variables", 'A "one" -> none', "manifests/k.yaml")


def test_a_repeated_command_is_a_command_more() -> None:
    """Said twice it runs twice, and the reason says which one came, not that the order is another."""
    (reason,) = only(plan([built("k", "setup:\n- one\n- one\n", before="setup: [one]\n")])).reasons
    assert reason.change == '+"one"'


def test_changed_pins_name_what_moved() -> None:
    """The dependencies part is told by the pins' own changes."""
    made = environment({"k": SETUP})
    parts = found_in(made).parts
    moved = Change("numpy 1.26.* -> 2.0.*", Place("manifests/base.yaml", 7, 3), "numpy")
    old, new = (
        Fingerprint(tuple(sorted([*parts, type(parts[0])("dependencies/linux-64", digest * 64)]))) for digest in "ab"
    )
    step = only(plan([subject("k", fingerprint=new, latest=recorded("k", old.text), before=old.parts, pins=(moved,))]))
    assert step.reasons == (Reason("dependencies", "numpy 1.26.* -> 2.0.*", "manifests/base.yaml:7"),)


def test_a_file_that_goes_in_is_named() -> None:
    """A wheel whose bytes changed."""
    made = environment({"k": SETUP})
    old, new = (found_in(made, {"wheels/own.whl": digest * 64}) for digest in "ab")
    step = only(plan([subject("k", fingerprint=new, latest=recorded("k", old.text), before=old.parts)]))
    assert [(reason.part, reason.change) for reason in step.reasons] == [("file", "wheels/own.whl changed")]


texts = st.sampled_from(["a", "b", ""])
bodies = st.fixed_dictionaries(
    {"description": texts},
    optional={
        "variables": st.dictionaries(
            st.sampled_from("AB"),
            st.one_of(texts, st.sampled_from([{}, {"prepend": ["x"]}, {"append": []}])),
            max_size=2,
        ),
        "setup": st.lists(st.sampled_from("ab"), max_size=2),
        "python": st.sampled_from([{"managed": False}, {"interpreter": "python3"}]),
    },
)


@given(bodies, bodies)
def test_no_reason_nothing_to_do(before: Body, now: Body) -> None:
    """Between any two contents: a change has a reason, equal content has none."""
    step = only(plan([built("k", now, before=before)]))
    assert (step.action == "keep") == (not step.reasons) == (step.previous == step.fingerprint)


FACTS: dict[str, Callable[[str], Subject]] = {
    "new": subject,
    "kept": built,
    "changed": lambda name: built(name, before="setup: [other]\n"),
    "gone": lambda name: built(name, complaint="gone"),
    "unlocked": lambda name: subject(name, fingerprint=None, locking=LOCKING),
    "apart": lambda name: subject(name, f"setup: [{name}]\n"),
}


@given(st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(sorted(FACTS)), min_size=1), st.randoms())
def test_a_plan_holds_together(facts: dict[str, str], random: Random) -> None:
    """Sorted by name and the same for any order of facts; content is built once; who waits, waits for who builds."""
    subjects = [FACTS[kind](name) for name, kind in facts.items()]
    result = plan(subjects)
    assert plan(random.sample(subjects, len(subjects))) == result
    assert [step.environment for step in result.steps] == sorted(facts)
    assert sum(result.summary.values()) == len(facts)
    building = {step.environment: step for step in result.steps if step.action in {"create", "rebuild", "restore"}}
    known = [step.fingerprint for step in building.values() if step.fingerprint]
    assert len(set(known)) == len(known)
    for step in result.steps:
        assert all(building[name].fingerprint == step.fingerprint for name in step.after)
        assert bool(step.after) <= (step.action == "adopt")
