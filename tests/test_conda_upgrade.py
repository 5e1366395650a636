"""What `lock` moves and what it leaves: nothing without being told, one package with what it must pull, or all."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.condachannel import Channel, ServedChannel
from support.condapkg import Package
from support.condaworld import manifest, pinned, settings, versions
from support.index import Index
from support.project import Project

from envbuild.lock import Lock, Pin, Pins, Request, make_lock, moves

_WORLD = {"a": ("b",), "b": (), "c": (), "d": ("c",)}


def generation(number: int) -> list[Package]:
    """Give version NUMBER of four packages; each version of `a` needs a `b` that is as new."""
    return [
        Package(
            name=name, version=str(number), depends=[f"{other} >={number}" if name == "a" else other for other in needs]
        )
        for name, needs in _WORLD.items()
    ]


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    return Channel(tmp_path / "channel", *generation(1))


@pytest.fixture
def aged(project: Project, channel: Channel) -> Project:
    """Give a project that was locked before its channel had anything newer."""
    settings(project, channel.url)
    manifest(project, "k", "a", "d")
    manifest(project, "churn/train", "a", "c")
    manifest(project, "churn/report", "d")
    project.run("lock")
    channel.add(*generation(2), *generation(3))
    return project


OLD = {"a": "1", "b": "1", "c": "1", "d": "1"}


def test_nothing_moves_by_itself(aged: Project) -> None:
    """A second lock changes no byte though newer packages are there."""
    before = aged.tree()
    assert aged.run("lock").out == "Lock: 3 current.\n"
    assert aged.tree() == before


def test_what_a_channel_brought_goes_with_it(aged: Project, tmp_path: Path) -> None:
    """P19: a pin of a channel that is named no longer does not stay, though its version would fit."""
    other = Channel(tmp_path / "other", *generation(1))
    settings(aged, other.url)
    aged.run("lock", "k")
    assert versions(aged) == OLD
    assert {pin.channel for pins in pinned(aged).values() for pin in pins.pins} == {other.url}


def test_a_new_root_moves_nothing_else(aged: Project, channel: Channel) -> None:
    """What is pinned stays where it fits; what is new is the newest that goes with it."""
    channel.add(Package(name="e", version="9", depends=["b"]))
    manifest(aged, "k", "a", "d", "e")
    out = aged.run("lock", "k", "--diff").out
    assert versions(aged) == {**OLD, "e": "9"}
    assert out == "k  solved  locks/k.conda-lock.yml\n  + e  9\nLock: 1 solved.\n"


def test_a_root_that_is_gone_takes_what_only_it_needed(aged: Project) -> None:
    """And nothing else is touched."""
    manifest(aged, "k", "d")
    out = aged.run("lock", "k", "--diff").out
    assert versions(aged) == {"c": "1", "d": "1"}
    assert [line for line in out.splitlines() if line.startswith("  ")] == ["  - a  1", "  - b  1"]


def test_a_narrower_wish_moves_what_it_must(aged: Project) -> None:
    """`a` cannot be new without a new `b`; the others stay."""
    manifest(aged, "k", "a =2", "d")
    aged.run("lock", "k")
    assert versions(aged) == {**OLD, "a": "2", "b": "3"}


def test_all_moves(aged: Project) -> None:
    """Every selected environment gets what a first lock would."""
    out = aged.run("lock", "--upgrade", "--diff").out
    assert versions(aged) == dict.fromkeys(OLD, "3")
    assert "  ~ a  1 -> 3\n" in out
    assert out.endswith("Lock: 3 solved.\n")


def test_one_package_moves_with_what_must(aged: Project) -> None:
    """In every environment that has it, and nowhere else."""
    report = aged.read("locks/churn/report.conda-lock.yml")
    aged.run("lock", "--upgrade", "a")
    assert versions(aged) == {**OLD, "a": "3", "b": "3"}
    assert versions(aged, "churn/train") == {"a": "3", "b": "3", "c": "1"}
    assert aged.read("locks/churn/report.conda-lock.yml") == report


def test_what_became_of_it_is_the_answer(aged: Project) -> None:
    """First in how many it moved, stayed and is not; then where, and by which line one stays."""
    manifest(aged, "k", "a =1", "d")
    aged.run("lock")
    run = aged.run("lock", "--upgrade", "a")
    assert run.out.splitlines() == [
        "a: moved in 1 environment, stays in 1 environment, 1 environment does not have it.",
        "churn/train  solved  locks/churn/train.conda-lock.yml",
        "  ~ a  1 -> 3",
        "k  solved  locks/k.conda-lock.yml",
        "  = a  stays at 1, as 'a 1.*' asks  manifests/k.yaml:2",
        "Lock: 2 solved, 1 current.",
    ]
    out = aged.run("lock", "--upgrade", "a", "-v").out
    assert out.splitlines()[:2] == [
        "a: stays in 2 environments, 1 environment does not have it.", "    not in churn/report",
    ]  # fmt: skip
    rows = aged.json("lock", "--upgrade", "d", "--dry-run")["environments"]
    moved = {
        "manager": "conda", "name": "d", "result": "moved", "before": "1", "now": "3", "where": None,
        "platforms": ["linux-64"],
    }  # fmt: skip
    assert {row["name"]: row["packages"] for row in rows} == {"churn/report": [moved], "churn/train": [], "k": [moved]}
    assert "packages" not in aged.json("lock")["environments"][0]


def test_a_name_that_is_a_package_and_an_environment(aged: Project) -> None:
    """Nothing is guessed: both ways to say it are told, and both do what they say."""
    manifest(aged, "d", "c", "d")
    aged.run("lock")
    settings_before = aged.tree()
    run = aged.run("lock", "--upgrade", "d", check=64)
    assert "'d' is an environment, and a package that is pinned" in run.err
    assert "'lock d --upgrade'" in run.err
    assert "'lock --upgrade d '**''" in run.err
    assert aged.tree() == settings_before
    assert aged.run("lock", "--upgrade", "d", "**").out.startswith("d: moved in 2 environments, stays in 1 ")


def test_a_package_that_others_need_moves_alone(aged: Project) -> None:
    """What needs it stays as long as it may."""
    aged.run("lock", "--upgrade", "b")
    assert versions(aged) == {**OLD, "b": "3"}


def test_several_packages(aged: Project) -> None:
    """Named one after the other, before and after the option."""
    aged.run("lock", "--upgrade", "b", "--upgrade", "c", "k")
    assert versions(aged) == {**OLD, "b": "3", "c": "3"}
    assert versions(aged, "churn/train")["c"] == "1"


def test_several_packages_after_the_option(aged: Project) -> None:
    """A further word that is no environment, and that a lock pins, is a package."""
    aged.run("lock", "--upgrade", "b", "c", "k")
    assert versions(aged) == {**OLD, "b": "3", "c": "3"}
    assert versions(aged, "churn/train")["c"] == "1"


def test_a_package_however_it_is_spelled(project: Project, index: Index) -> None:
    """As manifests take it: capitals, dots and underscores of PyPI's names, capitals of conda's."""
    index.add("foo-bar", "1.0")
    project.write("manifests/k.yaml", f"pip: {{index_url: '{index.url}'}}\ndependencies: [{{pip: [foo-bar]}}]\n")
    project.run("lock")
    index.add("foo-bar", "2.0")
    for word in ("pip/Foo_Bar", "FOO.bar"):
        out = project.run("lock", "--upgrade", word, "--dry-run").out
        assert "foo-bar: moved in 1 environment." in out
    assert "did you mean" in project.run("lock", "--upgrade", "foo-baz", check=64).err


def test_an_environment_is_spelled_as_it_is(project: Project, index: Index) -> None:
    """Its very name is no other spelling of a package."""
    index.add("data-tools", "1.0")
    for name, wish in (("data_tools", "alpha ==1.*"), ("k", "data-tools")):
        project.write(
            f"manifests/{name}.yaml", f"pip: {{index_url: '{index.url}'}}\ndependencies: [{{pip: [{wish}]}}]\n"
        )
    project.run("lock")
    index.add("data-tools", "2.0")
    index.add("alpha", "1.9")
    for words in (("--upgrade", "data_tools"), ("data_tools", "--upgrade")):
        rows = project.json("lock", *words, "--dry-run")["environments"]
        assert [(row["name"], [one["name"] for one in row["moves"]]) for row in rows] == [("data_tools", ["alpha"])]


def test_environments_after_the_option(aged: Project) -> None:
    """A glob, or a name that is an environment's, says where all is to move."""
    aged.run("lock", "--upgrade", "churn/*")
    assert versions(aged) == OLD
    assert versions(aged, "churn/train") == {"a": "3", "b": "3", "c": "3"}
    assert versions(aged, "churn/report") == {"c": "3", "d": "3"}


def test_a_package_in_one_environment(aged: Project) -> None:
    """Package and environment: only there."""
    aged.run("lock", "--upgrade", "c", "churn/report")
    assert versions(aged, "churn/report") == {"c": "3", "d": "1"}
    assert versions(aged) == OLD


def test_a_dry_run_writes_nothing(aged: Project) -> None:
    """It shows what would move."""
    before = aged.tree()
    run = aged.run("lock", "--upgrade", "a", "--dry-run")
    assert aged.tree() == before
    assert "  ~ a  1 -> 3\n" in run.out
    assert run.out.endswith("Nothing was written.\n")
    (row, *_) = aged.json("lock", "--upgrade", "b", "--dry-run", "k")["environments"]
    assert row["moves"] == [
        {"manager": "conda", "name": "b", "change": "moved", "before": "1", "now": "3", "platforms": ["linux-64"]}
    ]


@pytest.mark.parametrize(
    "words", [("--upgrade", ""), ("--upgrade=",), ("--upgrade", " \t"), ("--upgrade", "a", "--upgrade", "")]
)
def test_a_name_that_is_empty_moves_nothing(aged: Project, words: tuple[str, ...]) -> None:
    """As of a variable that is not set: everything moves where that is asked for, by no name at all."""
    before = aged.tree()
    run = aged.run("lock", *words, "k", check=64)
    assert (
        "names no package\n  hint: set the variable that is meant, or write '--upgrade' alone to move everything"
        in run.err
    )
    assert aged.tree() == before


def test_a_package_that_nobody_has_is_told(aged: Project) -> None:
    """With the nearest that is pinned; nothing moves."""
    before = aged.tree()
    run = aged.run("lock", "--upgrade", "aa", check=64)
    assert "no lock that was selected pins 'aa'" in run.err
    assert "did you mean 'a'?" in run.err
    assert aged.tree() == before


def test_a_pin_that_its_channel_lost_stays(aged: Project, channel: Channel) -> None:
    """A lock does not move because somebody tidied up a channel."""
    channel.remove("b-1-0.conda")
    channel.remove("c-1-0.conda")
    manifest(aged, "k", "a", "d", "c")
    aged.run("lock", "--upgrade", "d", "k")
    assert versions(aged) == {**OLD, "d": "3"}


def test_only_a_build_moved(project: Project, channel: Channel) -> None:
    """It is told with the version."""
    settings(project, channel.url)
    manifest(project, "k", "c")
    project.run("lock")
    channel.add(Package(name="c", version="1", build="1", number=1))
    assert "  ~ c  1 0 -> 1 1\n" in project.run("lock", "--upgrade", "--diff").out


def test_a_move_on_one_platform_says_where(project: Project, channel: Channel) -> None:
    """And one on all platforms says nothing more."""
    channel.add(
        *(Package(name=name, version="1", subdir="win-64") for name in ("c", "f")), Package(name="f", version="1")
    )
    settings(project, channel.url, platforms="[linux-64, win-64]")
    manifest(project, "k", "c", "f")
    project.run("lock")
    channel.add(Package(name="c", version="2"))
    channel.add(*(Package(name="f", version="2", subdir=subdir) for subdir in ("linux-64", "win-64")))
    out = project.run("lock", "--upgrade", "--diff").out
    assert out.splitlines()[1:3] == ["  ~ c  1 -> 2  (linux-64)", "  ~ f  1 -> 2"]


def test_many_environments_share_one_look_at_a_channel(project: Project, channel: Channel) -> None:
    """Twenty environments, solved side by side: each file of the channel is fetched once, twins are copied."""
    with ServedChannel(channel.folder) as served:
        settings(project, served.url)
        for number in range(20):
            manifest(project, f"k{number:02}", "a", f"b >=0.{number % 10}")
        out = project.run("lock", "--jobs", "4").out
        fetched = [one.path for one in served.log if one.method == "GET"]
    assert out.endswith("Lock: 10 solved, 10 copied.\n")
    assert sorted(path for path in fetched if "repodata.json" in path) == [
        "/linux-64/repodata.json.zst",
        "/noarch/repodata.json.zst",
    ]
    assert {str(pinned(project, f"k{number:02}")) for number in range(20)} == {str(pinned(project, "k00"))}


names = st.sampled_from(["a", "b", "c"])
locked = st.dictionaries(names, st.sampled_from(["1", "2"]))
platforms = st.dictionaries(st.sampled_from(["linux-64", "win-64"]), locked, min_size=1)


def _lock(found: dict[str, dict[str, str]]) -> Lock:
    solved = {
        platform: Pins(
            platform,
            tuple(Pin("conda", name, version, "u", version * 64) for name, version in sorted(packages.items())),
        )
        for platform, packages in found.items()
    }
    return make_lock("", tuple(map(Request, solved)), solved)


@given(platforms, platforms)
def test_moves_are_exactly_the_difference(before: dict[str, dict[str, str]], now: dict[str, dict[str, str]]) -> None:
    """Applied to what was, they give what is, on every platform; what did not move is not among them."""
    found = moves(_lock(before), _lock(now))
    result = {platform: dict(packages) for platform, packages in before.items()}
    for move in found:
        assert move.before != move.now
        for platform in move.platforms:
            packages = result.setdefault(platform, {})
            assert packages.pop(move.name, "") == move.before
            packages |= {move.name: move.now} if move.now else {}
    assert {platform: packages for platform, packages in result.items() if packages} == {
        platform: packages for platform, packages in now.items() if packages
    }


def test_a_channel_that_is_down_is_told_where_an_old_pin_is_looked_for(aged: Project, tmp_path: Path) -> None:
    """With its line, as any channel: the lock stays, and nothing is called a bug."""
    before = aged.read("locks/k.conda-lock.yml")
    with ServedChannel(tmp_path / "channel") as gone:
        url = gone.url
    settings(aged, url)
    run = aged.run("lock", "k", check=1, env={"UV_HTTP_TIMEOUT": "2"})
    assert run.err.splitlines()[-1].startswith("  hint: ")
    assert "nothing answers at 127.0.0.1" in run.err
    assert "bug" not in run.err
    assert aged.read("locks/k.conda-lock.yml") == before
