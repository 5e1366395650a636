"""`lock --outdated`: what could move, by environment and package, beside the newest there is; nothing moves."""

from pathlib import Path

import pytest
from support.condachannel import Channel
from support.condafleet import fleet_name, write_fleet
from support.condapkg import Package
from support.condaworld import manifest, settings, versions
from support.index import Index
from support.project import Project


def offered(name: str, version: str, *depends: str, subdir: str = "linux-64") -> Package:
    return Package(name=name, version=version, depends=depends, subdir=subdir)


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    return Channel(tmp_path / "channel", offered("lib", "1.0"), offered("app", "1.0", "lib"), offered("old", "1.0"))


@pytest.fixture
def aged(project: Project, channel: Channel) -> Project:
    """Three environments, locked before there was anything newer: of `old` there is nothing newer now either."""
    settings(project, channel.url)
    manifest(project, "k", "app", "lib <3")
    manifest(project, "churn/train", "app =1.0")
    manifest(project, "still", "old")
    project.run("lock")
    channel.add(
        offered("lib", "2.0"), offered("lib", "3.0"), offered("app", "2.0", "lib >=2"), offered("app", "3.0", "lib >=3")
    )
    return project


def test_what_could_move_is_listed_and_moves_nothing(aged: Project) -> None:
    """The sum first; what a manifest holds back stands with its line; no byte of the project changes."""
    before = aged.tree()
    assert aged.run("lock", "--outdated").out.splitlines() == [
        "3 packages of 2 environments could move, 1 package held back, 1 environment up to date.",
        "environment  package  locked  fits  newest  held by",
        "churn/train  app      1.0     1.0   3.0     app 1.0.*  manifests/churn/train.yaml:2",
        "             lib      1.0     3.0",
        "k            app      1.0     2.0   3.0     it needs lib >=3, not 2.0  manifests/k.yaml:3",
        "             lib      1.0     2.0   3.0     lib <3  manifests/k.yaml:3",
    ]
    assert aged.tree() == before
    assert versions(aged) == {"app": "1.0", "lib": "1.0"}


def test_as_json(aged: Project) -> None:
    """By environment, each with its state; what a selection leaves out is not there."""
    found = {row["name"]: row for row in aged.json("lock", "--outdated")["environments"]}
    assert {name: row["state"] for name, row in found.items()} == {
        "churn/train": "behind", "k": "behind", "still": "newest",
    }  # fmt: skip
    assert found["k"]["packages"][1] == {
        "manager": "conda", "name": "lib", "locked": "1.0", "fits": "2.0", "way": "up", "newest": "3.0",
        "held_by": "lib <3", "where": "manifests/k.yaml:3", "platforms": ["linux-64"],
    }  # fmt: skip
    assert [row["name"] for row in aged.json("lock", "--outdated", "churn/*")["environments"]] == ["churn/train"]


def test_after_an_upgrade_nothing_could_move_but_what_is_held(aged: Project) -> None:
    """What was said to fit is what an upgrade locks."""
    fits = {
        row["name"]: {one["name"]: one["fits"] for one in row["packages"]}
        for row in aged.json("lock", "--outdated")["environments"]
    }
    aged.run("lock", "--upgrade")
    for name, found in fits.items():
        assert found.items() <= versions(aged, name).items()
    assert aged.run("lock", "--outdated", "k").out.startswith(
        "2 packages held back, 1 environment with only held-back ones.\n"
    )
    assert aged.json("lock", "--outdated", "k")["environments"][0]["state"] == "held"
    assert aged.run("lock", "--outdated", "still").out == "1 environment up to date.\n"


def test_what_would_go_down_is_told_as_that(aged: Project, channel: Channel) -> None:
    """A version that a channel has lost: an upgrade takes an older one, which is no news to be glad of."""
    aged.run("lock", "--upgrade", "k")
    channel.remove("app-2.0-0.conda")
    run = aged.run("lock", "--outdated", "k")
    assert run.out.splitlines()[0] == "1 package of 1 environment would go down, 1 package held back."
    assert "k            app      2.0     1.0 (lower)  3.0" in run.out.splitlines()[2]
    (row,) = aged.json("lock", "--outdated", "k")["environments"]
    assert (row["state"], row["packages"][0]["way"]) == ("ahead", "down")
    aged.run("lock", "--upgrade", "k")
    assert versions(aged) == {"app": "1.0", "lib": "2.0"}


def test_what_is_not_locked_is_said(aged: Project, channel: Channel) -> None:
    """It is neither locked nor solved; one that cannot be solved any more is told, and the others are listed."""
    manifest(aged, "k", "app", "lib >=2")
    manifest(aged, "new", "old")
    aged.write("manifests/still.yaml", "dependencies: [old]\nchannels: ['file:///nowhere/gone']\n")
    before = aged.tree()
    run = aged.run("lock", "--outdated")
    assert run.out.splitlines()[0].endswith("3 environments without a current lock. Run 'envbuild lock'.")
    assert run.out.splitlines()[-6:] == [
        "k: no current lock",
        "    lib <3 -> >=2  manifests/k.yaml:3",
        "new: no current lock",
        "    locks/still.conda-lock.yml has all of it, and it is not copied yet  manifests/new.yaml",
        "still: no current lock",
        f"    channels {channel.url} -> file:///nowhere/gone  manifests/still.yaml:2",
    ]
    assert "churn/train" in run.out
    assert aged.tree() == before


@pytest.mark.parametrize(
    ("garbage", "why"),
    [(b"\x00\xff garbage", "the file is not UTF-8 text"), (b"package: [", "edited by hand or by a merge")],
)
def test_a_lock_that_is_damaged_is_told_as_one(aged: Project, garbage: bytes, why: str) -> None:
    """Its reason and what to do, as with every lock that is not current; JSON has the same words."""
    (aged.path / "locks/k.conda-lock.yml").write_bytes(garbage)
    assert aged.run("lock", "--outdated", "k").out.splitlines() == [
        "1 environment without a current lock. Run 'envbuild lock'.",
        "k: no current lock",
        f"    {why}  locks/k.conda-lock.yml",
    ]
    (row,) = aged.json("lock", "--outdated", "k")["environments"]
    assert row["reasons"] == [{"change": why, "where": "locks/k.conda-lock.yml"}]


def test_a_lock_that_stands_under_another_name_alone(aged: Project) -> None:
    """After a rename: where it stands is said."""
    (aged.path / "manifests/k.yaml").rename(aged.path / "manifests/renamed.yaml")
    assert aged.run("lock", "--outdated", "renamed").out.splitlines()[1:] == [
        "renamed: no current lock",
        "    locks/k.conda-lock.yml has all of it, and it is not copied yet  manifests/renamed.yaml",
    ]


def test_an_environment_that_fails_does_not_hide_the_others(project: Project, channel: Channel, tmp_path: Path) -> None:
    """Its error is told at its line, with exit code 1."""
    other = Channel(tmp_path / "other", offered("own", "1.0"))
    settings(project, channel.url)
    manifest(project, "k", "app")
    manifest(project, "lost", "own", more=f"channels: ['{other.url}']\n")
    project.run("lock")
    channel.add(offered("lib", "2.0"))
    other.remove("own-1.0-0.conda")
    run = project.run("lock", "--outdated", check=1)
    assert run.out.splitlines()[0] == "1 package of 1 environment could move, 1 environment failed."
    assert "manifests/lost.yaml" in run.err
    assert project.json("lock", "--outdated", check=1)["environments"][1]["state"] == "failed"


def test_packages_of_pip(project: Project, index: Index) -> None:
    """By the same columns; a name that is bound to an index is looked for there alone."""
    with Index() as private:
        private.add("own", "1.0")
        index.add("needs", "1.0")
        project.write(
            "manifests/a.yaml",
            f"pip:\n  index_url: '{index.url}'\n  indexes: {{private: {{url: '{private.url}', packages: [own]}}}}\n"
            "dependencies:\n  - pip:\n      - needs ==1.*\n      - own\n",
        )
        project.run("lock")
        index.add("needs", "1.5")
        index.add("needs", "2.0")
        index.add("own", "9.0")
        private.add("own", "1.1")
        assert project.run("lock", "--outdated").out.splitlines() == [
            "2 packages of 1 environment could move.",
            "environment  package    locked  fits  newest  held by",
            "a            pip/needs  1.0     1.5   2.0     needs==1.*  manifests/a.yaml:6",
            "             pip/own    1.0     1.1",
        ]


def test_a_line_that_holds_nothing_is_not_blamed(project: Project, channel: Channel) -> None:
    """What is: what else is locked, by the line that asks for that."""
    channel.add(offered("needs", "1.0", "lib <2"))
    settings(project, channel.url)
    manifest(project, "k", "needs", "lib >=1")
    project.run("lock")
    channel.add(offered("lib", "2.0"))
    (row,) = project.json("lock", "--outdated")["environments"]
    (one,) = row["packages"]
    assert (one["name"], one["newest"]) == ("lib", "2.0")
    assert (one["held_by"], one["where"]) == ("needs 1.0 needs lib <2", "manifests/k.yaml:2")
    assert "  = lib  stays at 1.0\n" in project.run("lock", "--upgrade", "lib").out


def test_one_that_cannot_be_had_hides_no_other(project: Project, index: Index) -> None:
    """A package for another platform alone has no newest one here."""
    index.add("elsewhere", "1.0", tag="py3-none-win_amd64")
    project.write(
        "manifests/a.yaml",
        f"pip: {{index_url: '{index.url}'}}\ndependencies:\n  - pip:\n      - alpha ==1.0\n"
        "      - elsewhere ==1.0; sys_platform == 'win32'\n",
    )
    project.run("lock")
    (row,) = project.json("lock", "--outdated")["environments"]
    assert [(one["name"], one["newest"]) for one in row["packages"]] == [("alpha", "2.0")]


def test_platforms_that_differ(project: Project, channel: Channel) -> None:
    """Said where a package could move on some of them alone."""
    channel.add(offered("lib", "1.0", subdir="win-64"), offered("app", "1.0", "lib", subdir="win-64"))
    settings(project, channel.url, platforms="[linux-64, win-64]")
    manifest(project, "k", "app")
    project.run("lock")
    channel.add(offered("lib", "2.0"), offered("app", "2.0"), offered("app", "2.0", subdir="win-64"))
    assert project.json("lock", "--outdated")["environments"][0]["packages"] == [
        {"manager": "conda", "name": "app", "locked": "1.0", "fits": "2.0", "way": "up", "newest": None,
         "held_by": None, "where": None, "platforms": ["linux-64", "win-64"]},
    ]  # fmt: skip


def test_a_group_is_looked_at_as_a_whole(project: Project, channel: Channel) -> None:
    """What a mate cannot take does not fit, also where the mate is not selected."""
    channel.add(offered("holder", "1.0", "lib <2"))
    settings(project, channel.url)
    manifest(project, "a", "lib", more="solve_group: g\n")
    manifest(project, "b", "holder", more="solve_group: g\n")
    project.run("lock")
    channel.add(offered("lib", "1.5"), offered("lib", "2.0"))
    (row,) = project.json("lock", "--outdated", "a")["environments"]
    assert [(one["fits"], one["newest"], one["held_by"], one["where"]) for one in row["packages"]] == [
        ("1.5", "2.0", "holder 1.0 of b needs lib <2", "manifests/b.yaml:2"),
    ]


def test_what_a_machine_has_not_holds(project: Project, channel: Channel) -> None:
    """The newest may need more of a machine than is asked for, and may say it in words that are no spec."""
    settings(project, channel.url)
    manifest(project, "k", "lib", "old", more="system_requirements: {libc: '2.17'}\n")
    project.run("lock")
    channel.add(offered("lib", "2.0", "old ===", "__glibc >=2.35"))
    (row,) = project.json("lock", "--outdated")["environments"]
    assert [one["held_by"] for one in row["packages"]] == ["it needs __glibc >=2.35, not 2.17"]


def test_a_line_of_a_mate_holds(project: Project, channel: Channel) -> None:
    """The mate is named, and its line."""
    settings(project, channel.url)
    manifest(project, "a", "lib", more="solve_group: g\n")
    manifest(project, "b", "lib <2", more="solve_group: g\n")
    project.run("lock")
    channel.add(offered("lib", "2.0"))
    assert (
        project.run("lock", "--outdated", "a").out.splitlines()[-1].endswith("2.0     lib <2 of b  manifests/b.yaml:2")
    )


def test_what_holds_packages_of_pip(project: Project, index: Index) -> None:
    """Of them a lock knows who needs whom: they are named, as it is said where nobody is."""
    index.add("needs", "1.0", requires=["alpha <2"])
    project.write(
        "manifests/a.yaml",
        f"pip: {{index_url: '{index.url}'}}\ndependencies:\n  - pip:\n      - alpha\n      - needs\n",
    )
    project.run("lock")
    (row,) = project.json("lock", "--outdated")["environments"]
    assert [(one["name"], one["held_by"], one["where"]) for one in row["packages"]] == [
        ("alpha", "needed by needs", "manifests/a.yaml:5"),
    ]


@pytest.mark.parametrize("other", ["--check", "--upgrade", "--diff", "--dry-run"])
def test_what_contradicts_it(aged: Project, other: str) -> None:
    """To look is neither to move nor to check."""
    assert f"--outdated and {other} do not go together" in aged.run("lock", "--outdated", other, check=64).err
    assert "--check and --upgrade do not go together" in aged.run("lock", "--check", "--upgrade", check=64).err


def test_a_hundred_environments(project: Project, tmp_path: Path) -> None:
    """Side by side, with progress for each, and one line of sum; nothing is written."""
    channel = tmp_path / "fleet"
    write_fleet(channel, names=200, versions=4)
    settings(project, channel.as_uri())
    for number in range(100):
        names = (fleet_name(100 + (number + more) % 100) for more in range(3))
        manifest(project, f"k{number:03}", *(f"{name} <{2 + number % 3}" for name in names))
    project.run("lock", "--jobs", "2")
    before = project.tree()
    run = project.run("lock", "--outdated", "--jobs", "2", "--progress", "plain")
    sum_of_it = "201 packages held back, 67 environments with only held-back ones, 33 environments up to date."
    assert run.out.splitlines()[0] == sum_of_it
    assert sum("locking for linux-64" in line for line in run.err.splitlines()) == 100
    assert project.tree() == before
