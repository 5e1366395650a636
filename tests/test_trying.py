"""`test` of manifests, in prefixes: what must hold of an environment before anything is recorded."""

from pathlib import Path

import pytest
from support.index import Index
from support.line import reference, versions
from support.project import Project

from envbuild.builders import local


def write(project: Project, index: Index, test: str, more: str = "") -> None:
    project.write(
        "manifests/a.yaml",
        f"dependencies: [python, pip: [alpha==1.0]]\npip: {{index_url: '{index.url}'}}\n{more}test:\n{test}",
    )


def test_what_holds_is_recorded(project: Project, index: Index) -> None:
    """Imports, commands and files, with the environment's variables, in an empty folder; nothing is written to it."""
    commands = (
        '    - test -z "$(ls -A)" && touch x\n'
        "    - test $OWN = own && command -v python | grep ^{{ environment.prefix }}\n"
    )
    write(
        project,
        index,
        f"  imports: [alpha, json]\n  commands:\n{commands}  files: [bin/python]\n",
        "variables: {OWN: own}\n",
    )
    project.run("apply")
    assert versions(project, "a") == [1]
    assert local.complaint(reference(project, "a")) is None
    assert project.json("plan")["summary"]["keep"] == 1


def test_what_does_not_hold_fails_the_step(project: Project, index: Index) -> None:
    """All of it is told, each with its line and what it said; nothing is recorded."""
    test = "  imports:\n    - alpha\n    - nosuch\n  commands: [echo too bad; exit 3]\n  files: [bin/none]\n"
    write(project, index, test)
    run = project.run("apply", check=1)
    for said in (
        "manifests/a.yaml:6:7: test.imports[1]: 'nosuch' cannot be imported: ModuleNotFoundError: No module named",
        "manifests/a.yaml:7:14: test.commands[0]: 'echo too bad; exit 3' ended with 3: too bad",
        "manifests/a.yaml:8:11: test.files[0]: there is no file 'bin/none'",
    ):
        assert said in run.err
    assert "was never built" in project.run("history", "a", check=64).err
    write(project, index, "  imports: [alpha]\n")
    project.run("apply")
    assert versions(project, "a") == [1]


def test_tests_are_no_content(project: Project, index: Index) -> None:
    """Changed alone they change nothing."""
    write(project, index, "  imports: [alpha]\n")
    project.run("apply")
    write(project, index, "  imports: [nosuch]\n")
    assert project.json("plan")["summary"]["keep"] == 1


def test_packages_that_only_the_tests_need(project: Project, index: Index) -> None:
    """They and what they need are there for the tests alone, behind what the environment has, in its version."""
    show = 'python -c "import alpha, beta, sys; assert beta.__file__.startswith(sys.prefix) is False; print(alpha)"'
    write(project, index, f"  imports: [beta]\n  commands: ['{show}', tool]\n  with: [pip: [beta, tool]]\n")
    project.run("apply")
    logged = project.run("logs", "a").out
    assert " + beta==1.0" in logged
    assert logged.count(" + alpha") == 1  # the environment's own
    assert "tool 1.0" in logged
    absent = "import importlib.util as u; assert u.find_spec('alpha') and not u.find_spec('beta')"
    project.run("run", "a", "--", "python", "-c", absent)
    assert list(Path(reference(project, "a")).glob("lib/*/site-packages/alpha/__pycache__")) == []
    assert local.complaint(reference(project, "a")) is None


def test_packages_that_cannot_be_had(project: Project, index: Index) -> None:
    """The line that names them, and why."""
    write(project, index, "  imports: [alpha]\n  with: [pip: [nosuch]]\n")
    run = project.run("apply", check=1)
    assert "manifests/a.yaml:5:3: the packages that the tests need cannot be had: " in run.err
    assert "nosuch" in run.err


def test_what_cannot_be_put_beside_is_refused_at_its_line(project: Project, index: Index) -> None:
    """Conda packages, also for some platforms, and what is no package of an index; before anything is built."""
    write(project, index, "  with:\n    - pytest\n    - sel(linux): [nose]\n    - pip: [./here, -e ./there]\n")
    run = project.run("plan", check=1)
    assert [line.partition(" of ")[0] for line in run.err.splitlines() if " of 'test.with'" in line] == [
        "manifests/a.yaml:5:7: 'pytest'",
        "manifests/a.yaml:6:20: 'nose'",
        "manifests/a.yaml:7:13: './here'",
        "manifests/a.yaml:7:21: '-e ./there'",
    ]


def test_tests_that_change_the_environment(project: Project, index: Index) -> None:
    """It is another one then, and not recorded."""
    write(project, index, "  commands: ['echo x > {{ environment.prefix }}/more']\n")
    run = project.run("apply", check=1)
    assert "the tests have changed the environment: " in run.err
    assert "was never built" in project.run("history", "a", check=64).err


@pytest.mark.parametrize("module", ["-c", "os; x", "sys as y", "'; import os"])
def test_a_module_is_a_name_and_no_code(project: Project, index: Index, module: str) -> None:
    """Whatever stands there is asked for as a module."""
    quoted = module.replace("'", "''")
    write(project, index, f"  imports: ['{quoted}']\n")
    assert "test.imports[0]: " in project.run("apply", check=1).err


def test_again(project: Project, index: Index) -> None:
    """`envbuild test` runs them on what was built last, as the manifest says now; nothing is built or recorded."""
    write(project, index, "  imports: [alpha]\n")
    project.write("manifests/b.yaml", "variables: {OWN: b}\n")
    project.run("apply")
    before = project.tree()
    run = project.run("test", "a", "b")
    assert [line.split()[:2] for line in run.out.splitlines()[:2]] == [["passed", "a@1"], ["no", "test"]]
    assert run.out.splitlines()[2] == "Test: 1 passed, 1 without a test."
    assert project.tree() == before
    write(project, index, "  imports: [alpha, nosuch]\n  commands: [echo said; exit 3]\n")
    run = project.run("test", "a", check=1)
    assert "failed   a@1  2 of 3 tests" in run.out
    assert "    | said" in run.out
    assert "manifests/a.yaml:4:20: test.imports[1]: 'nosuch' cannot be imported" in run.err
    found = project.json("test", "a", check=1)
    assert [{**one, "seconds": 0} for one in found["tests"]] == [
        _row("import", "alpha", "passed", "4:13"),
        _row("import", "nosuch", "failed", "4:20"),
        _row("command", "echo said; exit 3", "failed", "5:14"),
    ]
    assert len(found["errors"]) == 2
    assert project.json("plan")["summary"]["keep"] == 2


def _row(kind: str, what: str, result: str, at: str) -> dict[str, object]:
    place = {"where": f"manifests/a.yaml:{at}", "seconds": 0}
    return {"environment": "a", "version": 1, "kind": kind, "what": what, "result": result, **place}


def test_again_needs_what_was_built(project: Project, index: Index) -> None:
    """What was never built, and a prefix that is not as it was."""
    write(project, index, "  imports: [alpha]\n")
    assert "'a' was never built" in project.run("test", "a", check=1).err
    project.run("apply")
    (next((project.path.parent / "store").glob("*/bin")) / "more").write_text("x")
    assert "a@1 does not stand as it was built" in project.run("test", "a", check=1).err
