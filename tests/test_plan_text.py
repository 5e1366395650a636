"""A plan as one reads it: the answer first, what many share told once, lines that fit; and what became of it."""

import re
from pathlib import Path

import pytest
from support.index import Index
from support.line import write_base, write_child
from support.project import Project

from envbuild.plan import Action, Plan, Step
from envbuild.record import Reason
from envbuild.report.plans import plan_text
from envbuild.report.terminal import PLAIN, Look, cells

_NUMPY = Reason("dependencies", "numpy 1.26.* -> 2.0.*", "manifests/base.yaml:7")
_PORT = Reason("variables", 'PORT "80" -> "8080"', "manifests/web.yaml:9")


def step(name: str, *reasons: Reason, action: Action = "rebuild") -> Step:
    new = action == "create"
    return Step(name, action, "local", "1:ab", None if new else "1:cd", 2, (), reasons, None if new else 1)


def fleet(count: int, *reasons: Reason) -> list[Step]:
    return [step(f"env/{number:04}", *reasons) for number in range(count)]


@pytest.mark.parametrize("count", [1, 40])
def test_a_cause_is_told_whole_however_narrow(count: int) -> None:
    """It goes on in the next line, and its place stands below."""
    cause = Reason("variables", f'A "1" -> "{"x" * 30}" and more', "manifests/a/b.yaml:5")
    lines = plan_text(Plan(tuple(fleet(count, cause))), look=Look(30)).splitlines()
    assert all(cells(line) <= 30 for line in lines[:-1])
    assert "".join(cause.change.split()) in "".join("".join(lines).split())
    assert "manifests/a/b.yaml:5" in [line.strip() for line in lines]


def test_the_answer_comes_first_and_the_sum_last() -> None:
    """How much of what was asked for changes; then each with why."""
    steps = [step("a", _NUMPY), step("b", action="keep"), step("c", _PORT, action="create")]
    assert plan_text(Plan(tuple(steps))).splitlines() == [
        "2 of 3 environments change.",
        "~ a  rebuild  version 1 -> 2",
        "    dependencies: numpy 1.26.* -> 2.0.*  manifests/base.yaml:7",
        "+ c  create  version 2",
        '    variables: PORT "80" -> "8080"  manifests/web.yaml:9',
        "Plan: 1 to create, 1 to rebuild, 1 unchanged.",
    ]
    assert plan_text(Plan((step("b", action="keep"),))) == "No changes. 1 environment is up to date."


def test_what_many_share_is_told_once() -> None:
    """By its cause, with the line; who has a cause of its own besides is listed with that."""
    steps = [*fleet(412, _NUMPY), step("web", _NUMPY, _PORT)]
    assert plan_text(Plan(tuple(steps))).splitlines() == [
        "413 of 413 environments change.",
        "~ 413 environments: numpy 1.26.* -> 2.0.*  manifests/base.yaml:7",
        f"    {', '.join(f'env/{number:04}' for number in range(12))} and 401 more: -v",
        "~ web  rebuild  version 1 -> 2",
        '    variables: PORT "80" -> "8080"  manifests/web.yaml:9',
        "    and 1 reason that stands above",
        "Plan: 413 to rebuild, 0 unchanged.",
    ]


def test_v_unfolds() -> None:
    """Every step with every reason."""
    lines = plan_text(Plan(tuple(fleet(20, _NUMPY, _PORT))), verbose=True).splitlines()
    assert len(lines) == 1 + 20 * 3 + 1
    assert sum("numpy" in line for line in lines) == 20


@pytest.mark.parametrize(("count", "lines"), [(7, 16), (8, 4)])
def test_a_few_are_not_folded(count: int, lines: int) -> None:
    """Seven are read more easily one by one."""
    assert len(plan_text(Plan(tuple(fleet(count, _NUMPY)))).splitlines()) == lines


def test_what_is_each_one_s_own_file_is_one_cause() -> None:
    """First builds, and pins that moved in each one's lock, are shared though each names its own file."""
    new = [step(f"e{n}", Reason("record", "not built yet", f"manifests/e{n}.yaml"), action="create") for n in range(9)]
    moved = [step(f"m{n}", Reason("dependencies", "six 1 -> 2", f"locks/m{n}.conda-lock.yml")) for n in range(9)]
    lines = plan_text(Plan((*new, *moved))).splitlines()
    assert lines[1] == "+ 9 environments: not built yet"
    assert lines[3] == "~ 9 environments: six 1 -> 2"
    assert len(lines) == 6


def test_causes_are_told_apart_by_their_line_and_what_becomes_of_them() -> None:
    """The same words on another line, or another action, are another cause."""
    other = Reason(_NUMPY.part, _NUMPY.change, "manifests/other.yaml:3")
    steps = [
        *fleet(8, _NUMPY),
        *(step(f"o{n}", other) for n in range(8)),
        *(step(f"n{n}", _NUMPY, action="adopt") for n in range(8)),
    ]
    lines = plan_text(Plan(tuple(steps))).splitlines()
    assert [line for line in lines if "8 environments" in line] == [
        "~ 8 environments: numpy 1.26.* -> 2.0.*  manifests/base.yaml:7",
        "~ 8 environments: numpy 1.26.* -> 2.0.*  manifests/other.yaml:3",
        "= 8 environments: numpy 1.26.* -> 2.0.*  manifests/base.yaml:7",
    ]


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_lines_fit_and_places_are_whole(width: int) -> None:
    """What has no room is cut; a place is never, since one wants to go there."""
    long = Reason("setup", f'+"{"very " * 60}long"', "manifests/a.yaml:12")
    text = plan_text(Plan((*fleet(9, _NUMPY), step("x" * 50, long), step("漢字" * 30, _PORT))), look=Look(width))
    assert all(cells(line) <= width for line in text.splitlines()), text
    assert text.count("manifests/a.yaml:12") == 1
    assert "…" in text or width == 200


def test_a_pipe_gets_whole_lines() -> None:
    """Nothing is cut where a program reads."""
    long = Reason("setup", f'+"{"very " * 60}long"', "manifests/a.yaml:12")
    assert f"{long.change}  manifests/a.yaml:12" in plan_text(Plan((step("a", long),)), look=PLAIN)


def test_colour_only_adds() -> None:
    """Without its colours the text is the same: nothing is said by colour alone."""
    plan = Plan((*fleet(9, _NUMPY), step("a", _PORT, action="create"), step("b", _PORT, action="restore")))
    for width in (None, 40, 100):
        coloured = plan_text(plan, look=Look(width, colour=True))
        assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plan_text(plan, look=Look(width))
        assert "\x1b[32m+" in coloured


def test_forgotten_ones_are_told_though_nothing_changes(project: Project) -> None:
    """The headline says so, and the sum that nothing is to be built."""
    project.write("manifests/a.yaml", "setup: ['true']\n")
    project.write("manifests/b.yaml", "setup: ['true']\n")
    project.run("apply")
    project.remove("manifests/b.yaml")
    lines = project.run("plan").out.splitlines()
    assert lines[:2] == ["1 environment has no manifest.", "- b  forget  version 1"]
    assert lines[-1] == "No changes. 1 environment is up to date."


def test_a_fleet_is_folded_by_the_line_that_moved_it(project: Project, index: Index) -> None:
    """Before and after locking: the line is one, and so is what is told."""
    write_base(project, index, "alpha ==1.0")
    for number in range(9):
        write_child(project, f"e{number}", more=f"variables: {{ONE: '{number}'}}\n")
    project.run("apply", "-q")
    project.write("manifests/base.yaml", project.read("manifests/base.yaml").replace("==1.0", "==2.0"))
    told = "~ 9 environments: alpha 1.0 -> 2.0  manifests/base.yaml:6"
    assert project.run("plan").out.splitlines()[1] == told
    project.run("lock")
    assert project.run("plan").out.splitlines()[1] == told


def timeless(text: str) -> list[str]:
    return [re.sub(r"[0-9.]+ s$", "N s", line) for line in text.splitlines()]


def test_the_summary_tells_durations_failures_logs_and_what_next(project: Project) -> None:
    """In the end, where one looks: what was done, what was not, and how to go on."""
    project.write("manifests/a.yaml", "setup: ['true']\n")
    project.write("manifests/long-name.yaml", "setup: ['echo boom; exit 3']\n")
    project.write("manifests/twin.yaml", project.read("manifests/long-name.yaml"))
    out = timeless(project.run("apply", check=1).out)
    (log,) = (project.path / ".envbuild/logs/long-name").glob("*.log")
    assert out[out.index("Plan: 2 to create, 1 to adopt, 0 unchanged.") + 1 :] == [
        "done     a  version 1  N s",
        "skipped  twin  long-name failed",
        "failed   long-name  manifests/long-name.yaml:1:9: setup command 1 ended with 3",
        f"         log: {log}",
        "Next: mend it, then 'envbuild apply'; 'envbuild logs long-name' shows all it said.",
        "Apply: 1 done, 1 failed, 1 skipped.",
    ]


def test_a_first_build_says_how_to_use_it_and_a_later_one_does_not(project: Project) -> None:
    """Once is enough."""
    project.write("manifests/a.yaml", "setup: ['true']\n")
    assert "Next: 'envbuild run a -- COMMAND' runs something in it." in project.run("apply").out
    project.write("manifests/a.yaml", "setup: ['true', 'true']\n")
    assert "Next: " not in project.run("apply").out


def test_many_that_were_done_are_counted_and_the_slowest_named(project: Project) -> None:
    """More than ten are no list any more."""
    for number in range(11):
        project.write(f"manifests/e{number:02}.yaml", f"setup: ['sleep {6 if number == 7 else 0}; : {number}']\n")
    out = timeless(project.run("apply", "-j", "4").out)
    line = next(line for line in out if line.startswith("done"))
    assert re.match(r"done     11 environments; the slowest: e07 [0-9.]+ s, e[0-9]{2} [0-9.]+ s, ", line), line


def test_the_log_of_a_failure_is_there(project: Project) -> None:
    """The path that is told can be opened as it stands."""
    project.write("manifests/a.yaml", "setup: ['echo boom; exit 3']\n")
    out = project.run("apply", check=1).out
    told = next(line for line in out.splitlines() if line.strip().startswith("log: "))
    assert "boom" in Path(told.partition("log: ")[2]).read_text()
