"""`list` and `check` (DESIGN 11, DECISIONS 40): what there is, what is wrong with it, and what is worth a note."""

import pytest
from support.project import Project


@pytest.fixture
def fleet(project: Project) -> Project:
    """Three environments with tags, an abstract parent, and groups."""
    project.write("envbuild.yaml", "groups: {nightly: ['churn/*'], two: [report, churn/train]}\n")
    project.write("manifests/base.yaml", "abstract: true\ntags: {team: growth, gpu: 'true'}\nplatforms: [linux-64]\n")
    project.write("manifests/churn/train.yaml", "extends: base\nsetup: [make]\n")
    project.write("manifests/churn/score.yaml", "extends: base\ntags: {gpu: 'false'}\nsetup: [score]\n")
    project.write("manifests/report.yaml", "tags: {team: sales}\nplatforms: [linux-64, osx-arm64]\nsetup: [report]\n")
    return project


TABLE = """\
name         state      version  age  builder  platforms           tags                   file
churn/score  not built  -        -    local    linux-64            gpu=false team=growth  manifests/churn/score.yaml
churn/train  not built  -        -    local    linux-64            gpu=true team=growth   manifests/churn/train.yaml
report       not built  -        -    local    linux-64,osx-arm64  team=sales             manifests/report.yaml
3 environments: 3 not built.
"""


def test_a_list_is_a_table(fleet: Project) -> None:
    """Every environment by name, no abstract one, and how many they are."""
    assert fleet.run("list").out == TABLE


@pytest.mark.parametrize(
    ("args", "names"),
    [
        (["report"], ["report"]),
        (["churn/*"], ["churn/score", "churn/train"]),
        (["@nightly"], ["churn/score", "churn/train"]),
        (["@two"], ["churn/train", "report"]),
        (["@two", "@nightly"], ["churn/score", "churn/train", "report"]),
        (["--tag", "team=growth"], ["churn/score", "churn/train"]),
        (["--tag", "team=growth", "--tag", "gpu=true"], ["churn/train"]),
        (["@nightly", "--tag", "gpu=false"], ["churn/score"]),
    ],
)
def test_a_list_of_some(fleet: Project, args: list[str], names: list[str]) -> None:
    """Names, globs and groups together; tags must all be there."""
    assert [one["name"] for one in fleet.json("list", *args)["environments"]] == names


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["@nightli"], "no group is named 'nightli'\n  hint: did you mean 'nightly'?"),
        (["--tag", "team=x"], "no environment is tagged team=x\n  hint: known are: growth, sales"),
        (["--tag", "team=growht"], "no environment is tagged team=growht\n  hint: did you mean 'growth'?"),
        (["--tag", "teem=growth"], "no environment is tagged teem=growth\n  hint: did you mean 'team'?"),
        (
            ["report", "--tag", "team=growth"],
            "no environment is tagged team=growth\n  hint: 'envbuild list' shows all tags",
        ),
        (["reprt"], "no environment is named 'reprt'\n  hint: did you mean 'report'?"),
    ],
)
def test_a_list_of_none(fleet: Project, args: list[str], told: str) -> None:
    """What is asked for does not exist: 64."""
    assert fleet.run("list", *args, check=64).err == f"error: {told}\n"


def test_a_tag_is_a_key_and_a_value(fleet: Project) -> None:
    """As the command line says it."""
    for wrong in ("team", "=x", ""):
        run = fleet.run("list", "--tag", wrong, check=64)
        assert f"'{wrong}' is not KEY=VALUE" in run.err


def test_the_json_of_a_list_has_the_form_that_is_promised(fleet: Project) -> None:
    """Name, builder, platforms, tags, file, version, action, state, and when it was built; and its labels."""
    assert fleet.json("list", "churn/train", "report") == {
        "format_version": 1,
        "environments": [
            {
                "name": "churn/train",
                "builder": "local",
                "platforms": ["linux-64"],
                "tags": {"team": "growth", "gpu": "true"},
                "file": "manifests/churn/train.yaml",
                "version": None,
                "action": "create",
                "state": "not built",
                "built": None,
                "labels": {},
            },
            {
                "name": "report",
                "builder": "local",
                "platforms": ["linux-64", "osx-arm64"],
                "tags": {"team": "sales"},
                "file": "manifests/report.yaml",
                "version": None,
                "action": "create",
                "state": "not built",
                "built": None,
                "labels": {},
            },
        ],
    }


def test_a_list_shows_versions_and_what_cannot_be_planned(project: Project) -> None:
    """What is built, what has changed, and what this version cannot plan, side by side."""
    project.write("manifests/built.yaml", "variables: {A: one}\n")
    project.write("manifests/changed.yaml", "variables: {A: two}\n")
    project.run("apply")
    project.write("manifests/changed.yaml", "variables: {A: three}\n")
    project.write("manifests/image.yaml", "builder: docker\nsetup: [make]\n")
    found = {one["name"]: (one["version"], one["action"]) for one in project.json("list")["environments"]}
    assert found == {"built": (1, "keep"), "changed": (1, "rebuild"), "image": (None, None)}
    assert "image    refused     -        -         docker" in project.run("list").out


def test_a_list_of_nothing(project: Project) -> None:
    """A project that has only parents."""
    project.write("manifests/base.yaml", "abstract: true\n")
    assert project.run("list").out == "No environments.\n"
    assert project.json("list") == {"format_version": 1, "environments": []}


def test_a_list_writes_nothing(fleet: Project) -> None:
    """It only looks."""
    before = fleet.tree()
    fleet.run("list")
    fleet.run("check")
    fleet.run("explain", "report")
    fleet.run("show", "report", "--resolved")
    assert fleet.tree() == before
