"""What conda specs, channels and platforms come to when real channels are solved (DESIGN 4 and 5, DECISIONS 3, 21)."""

from dataclasses import replace
from pathlib import Path

import pytest
from support.condachannel import Channel
from support.condapkg import File, Package, archive
from support.condaworld import PLATFORMS, builds, manifest, pinned, second, settings, versions, world
from support.index import Index
from support.project import Project, clean_environment

ALL = "[linux-64, linux-aarch64, osx-arm64, win-64]"


@pytest.fixture
def first(tmp_path: Path) -> Channel:
    return world(tmp_path / "channels/first")


@pytest.fixture
def other(tmp_path: Path) -> Channel:
    return second(tmp_path / "channels/second")


# What a manifest says, and the package that shows what came of it. {first} and {second} are URLs of channels.
SPECS = {
    "range": ("numpy >=1.26,<2", "numpy", "1.26.4 py311_0"),
    "newest": ("numpy", "numpy", "2.1.0 py312_0"),
    "either": ("'numpy <1.27|>=9'", "numpy", "1.26.4 py311_0"),
    "unequal": ("numpy !=2.1.0", "numpy", "2.0.0 py312_0"),
    "starred": ("numpy 2.0.*", "numpy", "2.0.0 py312_0"),
    "fuzzy": ("libfoo=1", "libfoo", "1.5 0"),
    "exact": ("libfoo==1.0", "libfoo", "1.0 0"),
    "compatible": ("libfoo ~=1.0", "libfoo", "1.5 0"),
    "build": ("numpy=2.0.0=py311_0", "numpy", "2.0.0 py311_0"),
    "blanks": ("numpy 2.0.0 py311_0", "numpy", "2.0.0 py311_0"),
    "wildcard-build": ("pytorch=*=*cuda*", "pytorch", "2.3.0 cuda121_0"),
    "bracket-version": ("libfoo[version='<2']", "libfoo", "1.5 0"),
    "bracket-build": ("pytorch[build='cpu*']", "pytorch", "2.4.0 cpu_0"),
    "bracket-number": ("libfoo[version='2.0',build_number='<1']", "libfoo", "2.0 0"),
    "capitals": ("NumPy >=2.1", "numpy", "2.1.0 py312_0"),
    "named": ("'{second}::libfoo'", "libfoo", "3.0 0"),
    "bracket-channel": ("libfoo[channel='{second}']", "libfoo", "3.0 0"),
    "channel-and-range": ("'{second}::libfoo >=2'", "libfoo", "3.0 0"),
    "file": ("'{first}/linux-64/libfoo-1.0-0.conda'", "libfoo", "1.0 0"),
}


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory, uv_cache: Path) -> Project:
    """Lock a manifest for each of SPECS, all at once."""
    folder = tmp_path_factory.mktemp("specs")
    urls = {"first": world(folder / "first").url, "second": second(folder / "second").url}
    project = Project(folder / "project", clean_environment(folder, uv_cache))
    settings(project, urls["first"], more='system_requirements: {linux: {cuda: "12.2"}}\n')
    for name, (spec, _, _) in SPECS.items():
        manifest(project, name, spec.format(**urls))
    project.run("lock")
    return project


@pytest.mark.parametrize("name", SPECS)
def test_a_spec_means_what_conda_means_by_it(solved: Project, name: str) -> None:
    """Versions, builds, brackets, channels and files: the package that conda would take."""
    _, package, wanted = SPECS[name]
    assert builds(solved, name)[package] == wanted


def test_what_was_solved_is_current_without_its_channels(solved: Project) -> None:
    """Every spec is met by its own pin, as the check without a solver sees it; nothing is locked a second time."""
    before = solved.tree()
    assert solved.run("lock", "--check").out == f"{len(SPECS)} locks current, 0 not.\n"
    assert solved.run("lock").out == f"Lock: {len(SPECS)} current.\n"
    assert solved.tree() == before


def test_the_first_channel_wins(project: Project, first: Channel, other: Channel) -> None:
    """Strict, as it is by default: a newer version of a later channel is not looked at; the order is the manifest's."""
    settings(project, first.url, other.url)
    manifest(project, "k", "libfoo", "extra")
    manifest(project, "turned", "libfoo", more=f'channels: ["{other.url}", "{first.url}"]\n')
    project.run("lock")
    assert versions(project) == {"extra": "1.0", "libfoo": "2.0"}
    assert versions(project, "turned") == {"libfoo": "3.0"}


def test_priority_is_set_for_a_project(project: Project, first: Channel, other: Channel) -> None:
    """Flexible takes a later channel where the first has nothing that fits; disabled takes the newest of all."""
    manifest(project, "k", "only2")
    manifest(project, "newest", "libfoo")
    settings(project, first.url, other.url)
    strict = project.run("lock", "k", check=1)
    assert "libfoo 3.0 is in" in strict.err
    assert f"{other.url}::libfoo" in strict.err
    settings(project, first.url, other.url, more="channel_priority: flexible\n")
    project.run("lock")
    assert versions(project) == {"libfoo": "3.0", "only2": "1.0"}
    assert versions(project, "newest") == {"libfoo": "2.0"}
    settings(project, first.url, other.url, more="channel_priority: disabled\n")
    (row,) = project.json("lock", "--check", "newest", check=3)["environments"]
    assert row["reasons"] == [{"change": "channel_priority flexible -> disabled", "where": "envbuild.yaml:3"}]
    project.run("lock", "--upgrade")
    assert versions(project, "newest") == {"libfoo": "3.0"}


def test_a_version_that_only_a_later_channel_has_is_no_answer(project: Project, tmp_path: Path) -> None:
    """P19: a private package is not filled from a public channel, whatever version its manifest asks for."""
    own = Channel(tmp_path / "own", Package(name="acme", version="1.0"))
    other = Channel(tmp_path / "public", Package(name="acme", version="99"))
    settings(project, own.url, other.url)
    manifest(project, "k", "acme >5")
    said = project.run("lock", check=1).err
    assert f"acme 99 is in {other.url}, and a channel before it has acme, too" in said
    manifest(project, "k", f"{other.url}::acme >5")
    project.run("lock")
    assert versions(project)["acme"] == "99"


def test_what_the_hint_says_helps(project: Project, first: Channel, other: Channel) -> None:
    """A spec that names its channel overrides the priority for that package."""
    settings(project, first.url, other.url)
    manifest(project, "k", "only2", f"'{other.url}::libfoo'")
    project.run("lock")
    assert versions(project) == {"libfoo": "3.0", "only2": "1.0"}


def test_a_channel_that_only_a_spec_names_is_asked_for_that_alone(
    project: Project, first: Channel, other: Channel
) -> None:
    """Other packages come from the channels of the list."""
    settings(project, first.url)
    manifest(project, "k", f"'{other.url}::extra'", "libfoo")
    project.run("lock")
    assert {pin.name: pin.url.rpartition("/linux-64")[0] for pin in pinned(project)["linux-64"].pins} == {
        "extra": other.url,
        "libfoo": first.url,
    }


def test_specs_of_a_platform_hold_there(project: Project, first: Channel) -> None:
    """`sel(linux): …` counts on Linux only, and every platform is solved from this machine."""
    settings(project, first.url, platforms=ALL)
    manifest(project, "k", "python =3.11", "{sel(linux): numpy <2}", "{sel(win): pure}", "{sel(osx): only-mac}")
    project.run("lock")
    found = {platform: versions(project, platform=platform) for platform in PLATFORMS}
    linux = {"libblas": "3.9", "numpy": "1.26.4", "python": "3.11.9"}
    assert found == {
        "linux-64": linux,
        "linux-aarch64": linux,
        "osx-arm64": {"only-mac": "1.0", "python": "3.11.9"},
        "win-64": {"pure": "1.0", "python": "3.11.9"},
    }
    assert all(pin.subdir in {platform, "noarch"} for platform in PLATFORMS for pin in pinned(project)[platform].pins)


def test_two_specs_of_a_package_hold_together(project: Project, first: Channel) -> None:
    """In one file, and from parents neither of which descends from the other."""
    settings(project, first.url)
    manifest(project, "one", "libfoo >=1.0", "libfoo <2", "libfoo !=1.5")
    manifest(project, "up", "libfoo >=1.0", more="abstract: true\n")
    manifest(project, "down", "libfoo <2", more="abstract: true\n")
    project.write("manifests/both.yaml", "extends: [up, down]\n")
    manifest(project, "nearest", "libfoo >=2", more="extends: [up, down]\n")
    project.run("lock")
    assert [versions(project, name)["libfoo"] for name in ("one", "both", "nearest")] == ["1.0", "1.5", "2.0"]


def test_constraints_bring_nothing(project: Project, first: Channel) -> None:
    """They hold where the package comes in by another one, and only there."""
    settings(project, first.url)
    manifest(project, "k", "app", more="constraints: [libfoo <2, numpy <2]\n")
    project.run("lock")
    assert versions(project) == {"app": "1.0", "libfoo": "1.5"}


def test_python_is_not_needed(project: Project, first: Channel) -> None:
    """An environment of libraries alone is one."""
    settings(project, first.url)
    manifest(project, "k", "app =2", "data")
    project.run("lock")
    assert versions(project) == {"app": "2.0", "data": "1.0", "libfoo": "2.0"}
    assert "envbuild.python: ''\n" in project.read("locks/k.conda-lock.yml")


def test_the_newest_build_of_a_version_is_taken(project: Project, first: Channel) -> None:
    """By its number, as conda does."""
    settings(project, first.url)
    manifest(project, "k", "libfoo")
    project.run("lock")
    assert builds(project) == {"libfoo": "2.0 1"}


def test_defaults_and_nodefaults(project: Project, first: Channel) -> None:
    """`nodefaults` is a marker and no channel; `defaults` beside it would be Anaconda's two channels."""
    settings(project, "conda-forge")
    manifest(project, "k", "libfoo", more=f'channels: ["{first.url}", nodefaults]\n')
    manifest(project, "anaconda", "libfoo", more="channels: [defaults]\n")
    project.run("lock", "k")
    assert project.read("locks/k.conda-lock.yml").startswith(f"metadata:\n  channels:\n  - url: {first.url}\n    used")
    shown = project.run("explain", "anaconda", "channels").out
    assert "defaults" in shown


def test_a_channel_may_name_its_platform(project: Project, first: Channel) -> None:
    """As some exports do; it is the same channel."""
    settings(project, f"{first.url}/linux-64", f"{first.url}/")
    manifest(project, "k", "libfoo")
    project.run("lock")
    assert {pin.url for pin in pinned(project)["linux-64"].pins} == {f"{first.url}/linux-64/libfoo-2.0-1.conda"}


def test_a_channel_cannot_bring_another_in(project: Project, tmp_path: Path, other: Channel) -> None:
    """P19: what a channel's own file names besides is not asked, and nothing of it is taken."""
    luring = Channel(tmp_path / "channels/luring", says={"channel_relations": {"base": "../second", "overrides": None}})
    assert other.folder == luring.folder.with_name("second")
    settings(project, luring.url)
    manifest(project, "k", "extra")
    run = project.run("lock", check=1)
    assert "no package is named 'extra'" in run.err
    assert not (project.path / "locks").exists()


@pytest.mark.parametrize("hashes", [("sha256",), ("md5",)])
def test_a_hash_that_the_channel_lacks_is_taken_of_what_it_serves(
    project: Project, tmp_path: Path, hashes: tuple[str, ...]
) -> None:
    """Both are in the lock; what is served is held against the one that is known first."""
    package = archive(Package(name="lone", files={"lone.txt": File(b"lone\n")}))
    channel = Channel(tmp_path / "channel", package, hashes=hashes)
    settings(project, channel.url)
    manifest(project, "k", "lone")
    project.run("lock")
    (pin,) = pinned(project)["linux-64"].pins
    assert (pin.sha256, pin.md5) == (package.record["sha256"], package.record["md5"])
    channel.path(package.filename).write_bytes(package.data + b"!")
    before = project.tree()
    run = project.run("lock", "--upgrade", check=1)
    assert run.err.splitlines()[-2].startswith(
        f"manifests/k.yaml:2:5: lone 1.0 could not be fetched from {channel.url}"
    )
    assert project.tree() == before


def test_a_package_without_any_hash_is_refused(project: Project, tmp_path: Path) -> None:
    """Nobody could tell what was meant; the line that asks for it is named."""
    settings(project, Channel(tmp_path / "channel", Package(name="lone"), hashes=()).url)
    manifest(project, "k", "lone")
    run = project.run("lock", check=1)
    assert "manifests/k.yaml:2:5: the channel gives no hash for lone" in run.err
    assert "hint: use a channel that lists hashes" in run.err


def test_a_pip_list_implies_python_and_pip(project: Project, first: Channel) -> None:
    """From conda, where conda brings anything else; what a manifest says of them counts."""
    settings(project, first.url)
    with Index() as index:
        index.add("alpha", "1.0")
        more = f"pip: {{index_url: '{index.url}'}}\n"
        manifest(project, "implied", "libblas", "{pip: [alpha]}", more=more)
        manifest(project, "stated", "libblas", "python =3.11", "{pip: [alpha]}", more=more)
        project.run("lock")
    rest = {"libblas": "3.9", "pip": "24.0", "pip/alpha": "1.0"}
    assert versions(project, "implied") == {**rest, "python": "3.12.4"}
    assert versions(project, "stated") == {**rest, "python": "3.11.9"}


@pytest.mark.parametrize(
    ("channel", "told"),
    [
        ("http://conda.example/c", "the channel 'http://conda.example/c' is not https"),
        ("local", "'local' is no channel"),
        ("c:/channel", "'c:/channel' is no channel"),
        ("file://host/c", "'file://host/c' is no channel"),
        ("https://conda.example/c?token=x", "is no channel"),
    ],
)
@pytest.mark.parametrize("place", ["envbuild.yaml:1:12", "manifests/k.yaml:3:12"])
def test_what_is_no_channel_is_refused(project: Project, channel: str, told: str, place: str) -> None:
    """At its line, in a manifest and in the settings alike, before anybody is asked."""
    general = place.startswith("envbuild")
    settings(project, channel if general else "conda-forge")
    manifest(project, "k", "libfoo", more="" if general else f'channels: ["{channel}"]\n')
    run = project.run("lock", check=1)
    assert run.err.startswith(f"{place}: ")
    assert told in run.err
    assert "hint: " in run.err


def test_a_file_by_its_url_tells_of_itself_and_no_other_environment(project: Project, tmp_path: Path) -> None:
    """A channel may list a package otherwise than the package does, as those do that mend old ones."""
    made = archive(Package(name="foo", subdir="linux-64", depends=["bar"]))
    mended = replace(made, record={**made.record, "depends": []})
    channel = Channel(tmp_path / "channel", mended, Package(name="bar", subdir="linux-64"))
    settings(project, channel.url)
    manifest(project, "by-url", f"{channel.url}/linux-64/{made.filename}")
    manifest(project, "named", "foo")
    project.run("lock", "-j", "1")
    names = {name: [pin.name for pin in pinned(project, name)["linux-64"].pins] for name in ("by-url", "named")}
    assert names == {"by-url": ["bar", "foo"], "named": ["foo"]}
