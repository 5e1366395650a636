"""What plan decides for one environment and why: create, rebuild, restore, adopt, forget, keep; as text and as JSON."""

import shutil
from pathlib import Path

from support.index import Index
from support.line import actions, apply_twice, reasons, reference, steps, versions, write_base, write_child
from support.project import Project
from support.wheels import wheel_bytes

_NOTHING = {"create": 0, "rebuild": 0, "restore": 0, "adopt": 0, "forget": 0, "keep": 0}


def test_an_unlocked_environment_has_no_fingerprint_yet(project: Project, index: Index) -> None:
    """The JSON of a plan is exactly that of the contract; what is known only after locking is null."""
    write_base(project, index)
    write_child(project, "churn/train", "alpha")
    step = {
        "environment": "churn/train",
        "action": "create",
        "builder": "local",
        "fingerprint": None,
        "previous": None,
        "version": None,
        "after": [],
        "reasons": [{"part": "lock", "change": "not locked yet", "where": "manifests/churn/train.yaml"}],
    }
    assert project.json("plan") == {"format_version": 1, "summary": {**_NOTHING, "create": 1}, "steps": [step]}


def test_a_rebuild_knows_both_fingerprints_and_the_next_version(project: Project) -> None:
    """Without packages nothing is locked, and all is known at once; steps omits what is kept, the summary counts it."""
    project.write("manifests/a.yaml", "variables:\n  ONE: '1'\n")
    project.write("manifests/b.yaml", "variables:\n  TWO: '2'\n")
    before = steps(project)["a"]["fingerprint"]
    assert before.startswith("1:")
    assert len(before) == len("1:") + 64
    apply_twice(project)
    project.write("manifests/a.yaml", "variables:\n  NEW: x\n  ONE: '2'\n")
    plan = project.json("plan")
    after = plan["steps"][0].pop("fingerprint")
    assert plan["summary"] == {**_NOTHING, "rebuild": 1, "keep": 1}
    assert plan["steps"] == [
        {
            "environment": "a",
            "action": "rebuild",
            "builder": "local",
            "previous": before,
            "version": 2,
            "after": [],
            "reasons": [
                {"part": "variables", "change": 'NEW none -> "x"', "where": "manifests/a.yaml:2"},
                {"part": "variables", "change": 'ONE "1" -> "2"', "where": "manifests/a.yaml:3"},
            ],
        }
    ]
    apply_twice(project)
    assert project.json("show", "a")["environment"]["fingerprint"] == after != before


def test_each_kind_of_input_is_a_reason_with_its_line(project: Project) -> None:
    """Variables that go, setup, and Python's own version; an inherited line is named where it stands."""
    project.write("manifests/base.yaml", "abstract: true\nvariables:\n  KEPT: '1'\n  GONE: '1'\nsetup:\n  - echo one\n")
    project.write("manifests/a.yaml", "extends: base\npython:\n  version: '3.11'\n")
    apply_twice(project)
    project.write(
        "manifests/base.yaml", "abstract: true\nvariables:\n  KEPT: '2'\nsetup:\n  - echo one\n  - echo two\n"
    )
    project.write("manifests/a.yaml", "extends: base\ndependencies:\n  - python >=3.11,<3.99\n")
    assert reasons(steps(project)["a"]) == [("lock", "python 3.11.* -> >=3.11,<3.99", "manifests/a.yaml:3")]
    project.run("lock")
    found = reasons(steps(project)["a"])
    assert found == [  # and none for Python, since the locked minor version still fits
        ("setup", '+"echo two"', "manifests/base.yaml:6"),
        ("variables", 'GONE "1" -> none', "manifests/a.yaml"),
        ("variables", 'KEPT "1" -> "2"', "manifests/base.yaml:3"),
    ]


def test_the_bytes_of_a_local_wheel_count(project: Project, index: Index) -> None:
    """With the same metadata the lock stays current, and the part is `file`, at the line that names the wheel."""
    write_base(project, index)
    write_child(project, "a", "./wheels/own-1.0-py3-none-any.whl")
    filename = _own_wheel(project, "1.0", "first")
    apply_twice(project)
    _own_wheel(project, "1.0", "second")
    project.run("lock", "--check")
    found = steps(project)["a"]
    assert found["action"] == "rebuild"
    assert reasons(found) == [("file", f"manifests/wheels/{filename} changed", "manifests/a.yaml:4")]
    apply_twice(project)
    assert project.run("run", "a", "--", "python", "-c", "import own; print(own.SAID)").out == "second\n"
    _own_wheel(project, "1.0", "first")
    assert actions(project) == {"a": "adopt"}


def _own_wheel(project: Project, version: str, said: str) -> str:
    filename, data = wheel_bytes("own", version, modules={"own/__init__.py": f"SAID = {said!r}\n"}, requires=["alpha"])
    path = project.path / "manifests/wheels" / filename
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return filename


def test_a_requirements_file_counts_through_the_pins(project: Project, index: Index) -> None:
    """Another comment or spelling in it rebuilds nothing; another version does, at the line of that file."""
    write_base(project, index)
    write_child(project, "a", "-r more.txt")
    project.write("manifests/more.txt", "alpha==1.0\n")
    apply_twice(project)
    project.write("manifests/more.txt", "# a comment\n\nAlpha == 1.0  # another\n")
    apply_twice(project)
    assert versions(project, "a") == [1]
    project.write("manifests/more.txt", "# a comment\nalpha==1.1\n")
    assert reasons(steps(project)["a"]) == [("lock", "alpha 1.0 -> 1.1", "manifests/more.txt:2")]
    apply_twice(project)
    assert versions(project, "a") == [2, 1]


def test_a_prefix_that_is_gone_is_restored_as_the_same_version(project: Project) -> None:
    """Restore takes no new number and updates the reference."""
    project.write("manifests/a.yaml", "variables:\n  ONE: '1'\n")
    apply_twice(project)
    shutil.rmtree(reference(project, "a"))
    found = steps(project)["a"]
    assert (found["action"], found["version"]) == ("restore", 1)
    assert found["fingerprint"] == found["previous"]
    assert project.run("plan", "--no-refresh").out.startswith("No changes.")
    apply_twice(project)
    assert versions(project, "a") == [1]
    assert Path(reference(project, "a"), "bin/python").exists()


def test_going_back_adopts_the_earlier_version_of_the_same_name(project: Project) -> None:
    """The content stands already: nothing is built, and the change still takes the next number."""
    project.write("manifests/a.yaml", "variables:\n  ONE: '1'\n")
    apply_twice(project)
    project.write("manifests/a.yaml", "variables:\n  ONE: '2'\n")
    apply_twice(project)
    project.write("manifests/a.yaml", "variables:\n  ONE: '1'\n")
    found = steps(project)["a"]
    assert (found["action"], found["version"]) == ("adopt", 3)
    assert found["reasons"][0]["change"] == "already built as a@1"
    apply_twice(project)
    records = project.json("history", "a")["records"]
    assert [record["version"] for record in records] == [3, 2, 1]
    assert records[0]["reference"] == records[2]["reference"]


def test_what_has_no_manifest_any_more_is_shown_but_is_no_change(project: Project) -> None:
    """It is only forgotten with --prune; a selection of other names does not speak of it."""
    project.write("manifests/a.yaml", "variables:\n  ONE: '1'\n")
    project.write("manifests/b.yaml", "variables:\n  ONE: '2'\n")
    apply_twice(project)
    project.remove("manifests/b.yaml")
    plan = project.json("plan", "--detailed-exitcode")
    assert plan["summary"] == {**_NOTHING, "forget": 1, "keep": 1}
    assert [(step["environment"], step["action"]) for step in plan["steps"]] == [("b", "forget")]
    assert "- b  forget" in project.run("plan").out
    assert project.json("plan", "a")["steps"] == []
    apply_twice(project)
    assert versions(project, "b") == [1]


def test_why_tells_all_reasons_and_plan_the_first_few(project: Project) -> None:
    """Plan folds a long list and says where the rest is; why, and plan -v, show it all."""
    project.write("manifests/a.yaml", "variables:\n" + "".join(f"  V{n}: 'x'\n" for n in range(8)))
    apply_twice(project)
    assert project.run("why", "a").out.startswith("a is up to date: version 1, 1:")
    project.write("manifests/a.yaml", "variables:\n" + "".join(f"  V{n}: 'y'\n" for n in range(8)))
    lines = [f'    variables: V{n} "x" -> "y"  manifests/a.yaml:{n + 2}' for n in range(8)]
    head = "~ a  rebuild  version 1 -> 2"
    told = [f'    variables  V{n} "x" -> "y"  manifests/a.yaml:{n + 2}' for n in range(8)]
    assert project.run("why", "a").out.splitlines() == ["a would be built anew: version 1 -> 2.", *told]
    assert project.run("plan", "-v").out.splitlines()[1:-1] == [head, *lines]
    assert project.run("plan").out.splitlines() == [
        "1 of 1 environment changes.",
        head,
        *lines[:5],
        "    … and 3 more: envbuild why a",
        "Plan: 1 to rebuild, 0 unchanged.",
    ]
    assert project.json("why", "a") == {"format_version": 1, "steps": project.json("plan")["steps"]}


def test_a_package_that_moved_without_a_line_is_named_with_its_lock(project: Project, index: Index) -> None:
    """An upgrade moves what no manifest asked for: the lock is where to look."""
    write_base(project, index)
    write_child(project, "a", "beta")
    apply_twice(project)
    index.add("alpha", "3.0")
    assert project.run("plan").out.startswith("No changes.")
    project.run("lock", "--upgrade")
    assert reasons(steps(project)["a"]) == [("dependencies", "alpha 2.0 -> 3.0", "locks/a.conda-lock.yml")]
    apply_twice(project)
