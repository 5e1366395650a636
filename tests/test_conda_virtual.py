"""Virtual packages: what a platform offers is the project's word, then conda's own variables, never this machine."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.condachannel import Channel
from support.condaworld import builds, manifest, settings, versions, world
from support.project import Project

from envbuild.lock import host_system, virtual_packages
from envbuild.lock.virtual import stated_system
from envbuild.manifest import SystemRequirements

# Whatever a machine of somebody who uses conda, mamba or rattler may say; nothing of it is ours.
HOSTILE = {
    "CONDA_CHANNELS": "nowhere",
    "CONDA_CHANNEL_ALIAS": "https://alias.example",
    "CONDA_CHANNEL_PRIORITY": "disabled",
    "CONDA_DEFAULT_CHANNELS": "https://defaults.example/main",
    "CONDA_ENVS_PATH": "/nowhere/envs",
    "CONDA_OFFLINE": "1",
    "CONDA_PKGS_DIRS": "/nowhere/pkgs",
    "CONDA_PREFIX": "/nowhere/prefix",
    "CONDA_SOLVER": "classic",
    "CONDA_SSL_VERIFY": "false",
    "CONDA_SUBDIR": "osx-arm64",
    "CONDA_TRACK_FEATURES": "mkl",
    "CONDARC": "/nowhere/condarc",
    "MAMBA_CHANNELS": "nowhere",
    "MAMBA_ROOT_PREFIX": "/nowhere/mamba",
    "RATTLER_CACHE_DIR": "/nowhere/rattler",
    "RATTLER_DEFAULT_CHANNELS": "nowhere",
    "PIXI_PROJECT_ROOT": "/nowhere/pixi",
    "LANG": "tr_TR.UTF-8",
    "TZ": "Pacific/Kiritimati",
}


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    return world(tmp_path / "channel")


def test_a_manifest_says_what_there_is(project: Project, channel: Channel) -> None:
    """With a driver for CUDA 12.2 the build for 12.1 is the newest that runs; without any the one for processors."""
    settings(project, channel.url)
    manifest(project, "plain", "pytorch")
    manifest(project, "cuda", "pytorch =*=cuda*", more='system_requirements: {cuda: "12.2"}\n')
    manifest(project, "newer", "modern", more='system_requirements: {libc: "2.36"}\n')
    manifest(project, "wide", "fast", more="system_requirements: {archspec: x86_64_v3}\n")
    project.run("lock")
    assert builds(project, "plain")["pytorch"] == "2.4.0 cpu_0"
    assert builds(project, "cuda")["pytorch"] == "2.3.0 cuda121_0"
    assert versions(project, "newer") == {"modern": "1.0"}
    assert versions(project, "wide") == {"fast": "1.0"}


def test_settings_say_it_for_a_platform_or_a_system(project: Project, channel: Channel) -> None:
    """The platform's word before its system's, and a manifest's before both."""
    more = 'system_requirements: {linux: {cuda: "12.4", libc: "2.36"}, linux-64: {cuda: "12.2"}}\n'
    settings(project, channel.url, more=more)
    manifest(project, "general", "pytorch =*=cuda*", "modern")
    manifest(project, "own", "pytorch =*=cuda*", more='system_requirements: {cuda: "12.9"}\n')
    project.run("lock")
    assert builds(project, "general")["pytorch"] == "2.3.0 cuda121_0"
    assert builds(project, "own")["pytorch"] == "2.4.0 cuda124_0"


def test_what_a_system_says_for_another_changes_nothing(project: Project, channel: Channel) -> None:
    """The lock of a platform depends on what is said for it alone."""
    settings(project, channel.url)
    manifest(project, "k", "libfoo")
    project.run("lock")
    settings(project, channel.url, more='system_requirements: {osx: {macos: "14.0"}, win: {cuda: "12"}}\n')
    project.run("lock", "--check")
    settings(project, channel.url, more='system_requirements: {linux: {cuda: "12"}}\n')
    (row,) = project.json("lock", "--check", check=3)["environments"]
    assert row["reasons"] == [{"change": "system_requirements none -> __cuda 12", "where": "envbuild.yaml:3"}]


@pytest.mark.parametrize("libc", ["musl 1.2", "glibc 2.34"])
def test_a_platform_may_have_another_libc(project: Project, channel: Channel, libc: str) -> None:
    """Where musl is, glibc is not: what needs it does not fit."""
    settings(project, channel.url)
    manifest(project, "k", "numpy", more=f'system_requirements: {{libc: "{libc}"}}\n')
    run = project.run("lock", check=None)
    assert (run.code, "need libc >=2.17" in run.err) == ((1, True) if "musl" in libc else (0, False))


def test_what_conda_s_variables_say_helps_and_makes_nothing_stale(project: Project, channel: Channel) -> None:
    """They stand for a detection where the project says nothing; the lock tells of it, and holds everywhere."""
    settings(project, channel.url)
    manifest(project, "k", "pytorch =*=cuda*")
    manifest(project, "said", "pytorch =*=cuda*", more='system_requirements: {cuda: "12.2"}\n')
    assert "need cuda" in project.run("lock", "k", check=1).err
    project.run("lock", env={"CONDA_OVERRIDE_CUDA": "12.9"})
    assert builds(project, "k")["pytorch"] == "2.4.0 cuda124_0"
    assert builds(project, "said")["pytorch"] == "2.3.0 cuda121_0"
    assert '"host":{"__cuda":"12.9"}' in project.read("locks/k.conda-lock.yml")
    before = project.tree()
    for env in ({}, {"CONDA_OVERRIDE_CUDA": "11.0"}, {"CONDA_OVERRIDE_CUDA": ""}, {"CONDA_OVERRIDE_CUDA": "nonsense"}):
        project.run("lock", "--check", env=env)
        assert project.run("lock", env=env).out == "Lock: 2 current.\n"
    assert project.tree() == before


def test_a_variable_can_take_something_away(project: Project, channel: Channel) -> None:
    """Empty means that there is none; what is no version is no word."""
    settings(project, channel.url)
    manifest(project, "k", "numpy")
    assert "need libc >=2.17" in project.run("lock", check=1, env={"CONDA_OVERRIDE_GLIBC": ""}).err
    project.run("lock", env={"CONDA_OVERRIDE_GLIBC": "x y"})
    assert '"host"' not in project.read("locks/k.conda-lock.yml")


def test_what_a_machine_says_otherwise_changes_no_byte(project: Project, channel: Channel) -> None:
    """P12: variables and files of conda, mamba and rattler are not ours; P9: nothing is written where they say."""
    settings(project, channel.url, platforms="[linux-64, win-64]")
    manifest(project, "k", "numpy <2.1", "pure")
    manifest(project, "other", "libblas", more="channels: []\n")
    project.run("lock")
    locks = {path: text for path, text in project.tree().items() if path.startswith("locks/")}
    told = [project.run(*command, check=None) for command in (("lock", "--check"), ("plan",))]
    project.remove("locks")
    home = Path(project.environ["HOME"])
    for path, text in {
        ".condarc": "channels: [nowhere]\nchannel_priority: disabled\nsubdir: osx-64\nssl_verify: false\n",
        ".mambarc": "channels: [nowhere]\n",
        ".conda/condarc": "pinned_packages: [numpy 1.26.4]\n",
        ".rattler/credentials.json": '{"*.example": {"BearerToken": "CANARY"}}',
        ".config/rattler/config.toml": 'default-channels = ["nowhere"]\nmirrors = {"file://" = ["file:///nowhere"]}\n',
        ".config/pixi/config.toml": 'default-channels = ["nowhere"]\n',
    }.items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(text, encoding="utf-8")
    project.run("lock", env=HOSTILE)
    assert {path: text for path, text in project.tree().items() if path.startswith("locks/")} == locks
    again = [project.run(*command, check=None, env=HOSTILE) for command in (("lock", "--check"), ("plan",))]
    assert again == told
    assert not Path("/nowhere").exists()


@given(st.dictionaries(st.sampled_from(["cuda", "libc", "linux", "macos", "archspec"]), st.just("12.4")))
def test_what_is_stated_is_what_is_offered(said: dict[str, str]) -> None:
    """On every platform a word of the project stands, and what belongs to another system is not there."""
    for platform in ("linux-64", "linux-aarch64", "osx-arm64", "win-64"):
        stated = stated_system(SystemRequirements(**said), platform)
        offered = virtual_packages(platform, stated)
        assert stated.items() <= offered.items()
        assert ("__win" in offered, "__unix" in offered) == (platform == "win-64", platform != "win-64")
        assert ("__osx" in offered) == platform.startswith("osx")
        assert ("__glibc" in offered) == platform.startswith("linux")
        assert not (platform.startswith("osx") and "__cuda" in offered)


@pytest.mark.parametrize(
    ("archspec", "platforms"),
    [
        ("x86_64_v3", {"linux-64", "osx-64", "win-64"}),
        ("zen3", {"linux-64", "osx-64", "win-64"}),
        ("neoverse_v1", {"linux-aarch64", "osx-arm64"}),
        ("power9le", {"linux-ppc64le"}),
    ],
)
def test_an_architecture_is_of_its_own_platforms(archspec: str, platforms: set[str]) -> None:
    """One word in a manifest for many platforms reaches only those that can be meant."""
    known = ("linux-64", "osx-64", "win-64", "linux-aarch64", "osx-arm64", "linux-ppc64le")
    said = SystemRequirements(archspec=archspec)
    assert {one for one in known if stated_system(said, one).get("__archspec") == archspec} == platforms


@pytest.mark.parametrize(
    ("value", "taken"),
    [("12.4", "12.4"), (" 12 ", "12"), ("", ""), ("  ", ""), ("12.x", None), ("-1", None), ("1;2", None), ("٣", None)],
)
def test_a_variable_is_a_version_or_nothing(value: str, taken: str | None) -> None:
    """What is no version is ignored, as if it were not set."""
    assert host_system({"CONDA_OVERRIDE_CUDA": value}, "linux-64").get("__cuda") == taken


def test_variables_of_another_system_are_not_looked_at() -> None:
    """A Mac's version says nothing of Linux."""
    host = {"CONDA_OVERRIDE_OSX": "14.0", "CONDA_OVERRIDE_GLIBC": "2.40", "CONDA_OVERRIDE_WIN": "11"}
    assert host_system(host, "linux-64") == {"__glibc": "2.40"}
    assert host_system(host, "osx-arm64") == {"__osx": "14.0"}
    assert host_system(host, "win-64") == {"__win": "11"}
