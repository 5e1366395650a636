"""The whole line: manifests, plan with its reasons, locks, apply, and nothing to do the second time."""

import re
from pathlib import Path

import pytest
from support.index import Index
from support.line import (
    actions,
    apply_twice,
    read_only,
    reasons,
    run_without_rights,
    steps,
    versions,
    write_base,
    write_child,
)
from support.project import Project


@pytest.fixture
def family(project: Project, index: Index) -> Project:
    """One base that pins alpha, children that take it, and one override with a child of its own."""
    write_base(project, index, "alpha ==1.*")
    write_base(project, index, name="bare")
    write_child(project, "direct", "beta")
    write_child(project, "grand", "tool", extends="direct")
    write_child(project, "shield", "alpha ==1.0")
    write_child(project, "leaf", "delta", extends="shield")
    write_child(project, "other", "tool", extends="bare")
    return project


def test_a_change_in_a_base_rebuilds_what_it_reaches_and_names_the_line(family: Project, index: Index) -> None:
    """An override in between stops the spread, and what has another base is not touched."""
    apply_twice(family)
    write_base(family, index, "alpha ==2.*")
    asked = ("alpha 1.* -> 2.*", "manifests/base.yaml:6")
    found = steps(family)
    assert {name: reasons(step) for name, step in found.items()} == {
        name: [("lock", *asked)] for name in ("direct", "grand")
    }
    family.run("lock")
    found = steps(family)
    assert {name: (step["action"], step["version"]) for name, step in found.items()} == {
        "direct": ("rebuild", 2),
        "grand": ("rebuild", 2),
    }
    assert all(reasons(step) == [("dependencies", *asked)] for step in found.values())
    text = [
        "2 of 5 environments change.",
        "~ direct  rebuild  version 1 -> 2",
        "    dependencies: alpha 1.* -> 2.*  manifests/base.yaml:6",
        "~ grand  rebuild  version 1 -> 2",
        "    dependencies: alpha 1.* -> 2.*  manifests/base.yaml:6",
        "Plan: 2 to rebuild, 3 unchanged.",
    ]
    assert family.run("plan").out.splitlines() == text
    *shown, done, also, last = apply_twice(family).out.splitlines()
    assert (shown, last) == (text, "Apply: 2 done.")
    assert [re.sub(r"\d+\.\d s", "T", line) for line in (done, also)] == [
        f"done     {name}  version 2  T" for name in ("direct", "grand ")
    ]
    assert {name: versions(family, name)[0] for name in ("direct", "grand", "shield", "leaf", "other")} == {
        "direct": 2, "grand": 2, "shield": 1, "leaf": 1, "other": 1,
    }  # fmt: skip
    installed = family.run("run", "grand", "--", "python", "-c", "import alpha; print(alpha.__version__)")
    assert installed.out == "2.0\n"


def test_plan_twice_gives_the_same_bytes_and_writes_only_its_cache(project: Project, index: Index) -> None:
    """Before anything is locked, after it is locked, and after it is built: no file comes or changes elsewhere."""
    outside = Project(project.path.parent, project.environ)
    write_base(project, index)
    write_child(project, "a", "beta")
    write_child(project, "b", "beta", more="tags: {x: y}\n")
    for step in ("plan", "lock", "apply"):
        project.run(step)
        before = beside_cache(outside)
        for form in (["plan"], ["plan", "--json"], ["plan", "--no-refresh"], ["why", "a"]):
            assert project.run(*form) == project.run(*form)
        assert beside_cache(outside) == before
        assert (project.path / ".envbuild").exists() == (step == "apply")


def beside_cache(project: Project) -> dict[str, str]:
    """Every file but those that may be lost at any time."""
    return {path: digest for path, digest in project.tree().items() if "/.envbuild/cache/" not in path}


def test_what_people_write_for_people_rebuilds_nothing(family: Project, index: Index) -> None:
    """Comments, order of keys and packages, descriptions, tags, spelling: no change, and locks stay current."""
    apply_twice(family)
    family.write(
        "manifests/direct.yaml",
        """
        # a comment
        tags: {team: growth}
        dependencies:
          - python
          - pip:   # more of it
              - "Beta"
              - alpha>=1
              - alpha==1.*
        description: what it is for
        extends: [base]
        name: anything
        """,
    )
    locks = {path: digest for path, digest in family.tree().items() if path.startswith("locks/")}
    assert family.run("plan").out == "No changes. 5 environments are up to date.\n"
    family.run("lock", "--check")
    apply_twice(family)
    assert {path: digest for path, digest in family.tree().items() if path.startswith("locks/")} == locks
    assert index.url in family.read("manifests/base.yaml")


def test_a_renamed_manifest_is_adopted_with_the_lock_of_its_old_name(family: Project, index: Index) -> None:
    """Nothing is solved, fetched or built: the lock is copied, and the new name begins at version 1."""
    apply_twice(family)
    (family.path / "manifests/grand.yaml").rename(family.path / "manifests/fresh.yaml")
    asked = len(index.requests)
    found = steps(family)
    assert {name: step["action"] for name, step in found.items()} == {"fresh": "adopt", "grand": "forget"}
    assert found["fresh"]["version"] == 1
    assert found["fresh"]["fingerprint"] == found["grand"]["previous"]
    assert reasons(found["fresh"]) == [("content", "already built as grand@1", "manifests/fresh.yaml")]
    prefixes = sorted(Path(family.environ["ENVBUILD_STORE"]).iterdir())
    family.run("apply")
    assert sorted(Path(family.environ["ENVBUILD_STORE"]).iterdir()) == prefixes
    assert len(index.requests) == asked
    assert _pins(family, "fresh") == _pins(family, "grand")
    assert actions(family) == {"grand": "forget"}
    assert family.run("plan", "--detailed-exitcode").out.endswith("No changes. 5 environments are up to date.\n")


def _pins(project: Project, name: str) -> str:
    return project.read(f"locks/{name}.conda-lock.yml").partition("\npackage:")[2]


def test_of_two_with_one_content_the_first_builds_and_the_other_adopts(project: Project, index: Index) -> None:
    """One prefix, two records, and the second waits for the first."""
    write_base(project, index)
    write_child(project, "b", "alpha", "beta")
    write_child(project, "a", "beta", "alpha", more="description: the same\n")
    project.run("lock")
    found = steps(project)
    assert (found["a"]["action"], found["a"]["after"]) == ("create", [])
    assert (found["b"]["action"], found["b"]["after"]) == ("adopt", ["a"])
    assert found["a"]["fingerprint"] == found["b"]["fingerprint"]
    assert reasons(found["b"]) == [("content", "the same as a", "manifests/b.yaml")]
    apply_twice(project, "-j", "2")
    first, second = (project.json("show", name)["environment"] for name in ("a", "b"))
    assert (first["reference"], first["version"]) == (second["reference"], second["version"])


def test_plan_works_where_nothing_may_be_written(family: Project) -> None:
    """A read-only checkout, with records and without."""
    before = family.run("plan")
    with read_only(family.path):
        assert run_without_rights(family, "plan") == before
    family.run("apply")
    with read_only(family.path):
        assert run_without_rights(family, "plan").out == "No changes. 5 environments are up to date.\n"
