"""What cannot be solved, as a person reads it: the line of a manifest, why, what to do, the solver's tree below."""

from pathlib import Path
from typing import Any

import pytest
from support.condachannel import Channel
from support.condapkg import Package
from support.condaworld import manifest, second, settings, world
from support.project import Project, clean_environment

from envbuild.solvers.conda_words import mentioned, roots, tree

# name: (specs, further lines of the manifest, the line that is named, the beginning of what is said, of the hint)
CASES: dict[str, tuple[tuple[str, ...], str, str, str, str]] = {
    "contradiction": (
        ("app =2", "legacy"), "", "contradiction.yaml:2",
        "no set of packages fits on linux-64\n",
        "ask for less in one of: app 2.* at {file}:2:5, legacy at {file}:3:5",
    ),
    "own-two": (
        ("libfoo <2", "legacy", "app >=2"), "", "own-two.yaml:", "no set of packages fits on linux-64\n",
        "ask for less in one of: ",
    ),
    "constraint": (
        ("app =2",), "constraints: [libfoo <2]\n", "constraint.yaml:2", "no set of packages fits on linux-64\n",
        "ask for less in one of: app 2.* at {file}:2:5, libfoo <2 at {file}:3:15",
    ),
    "hidden-culprit": (
        ("wide", "dep3 >1"), "", "hidden-culprit.yaml:2", "no set of packages fits on linux-64\n",
        "ask for less in one of: wide at {file}:2:5, dep3 >1 at {file}:3:5",
    ),
    "misspelt": (
        ("nmpy",), "", "misspelt.yaml:2", "no package is named 'nmpy' for linux-64 in ", "did you mean 'numpy'?",
    ),
    "unknown": (
        ("zzzzqqq",), "", "unknown.yaml:2", "no package is named 'zzzzqqq' for linux-64 in ",
        "check the spelling of its name, and which channel has it",
    ),
    "other-platform": (
        ("libblas", "only-mac"), "", "other-platform.yaml:3", "no package is named 'only-mac' for linux-64 in ",
        "write 'sel(osx): only-mac', or other 'platforms': there is one for osx-arm64",
    ),
    "no-such-platform": (
        ("libfoo",), "platforms: [linux-ppc64le]\n", "no-such-platform.yaml:2",
        "no package is named 'libfoo' for linux-ppc64le in ",
        "leave linux-ppc64le out of 'platforms', or name a channel that has packages for it",
    ),
    "needed-unknown": (
        ("orphan",), "", "needed-unknown.yaml:2", "no package is named 'nowhere' for linux-64 in ",
        "name the channel that has it",
    ),
    "no-version": (
        ("libfoo >=9",), "", "no-version.yaml:2", "libfoo has no version >=9 for linux-64 in ",
        "choose among the newest: 3.0, 2.0, 1.5, 1.0",
    ),
    "no-version-between": (
        ("libfoo >1.0,<1.2",), "", "no-version-between.yaml:2", "libfoo has no version >1.0,<1.2 for linux-64 in ",
        "choose among the newest: ",
    ),
    "needed-version": (
        ("needs-new",), "", "needed-version.yaml:2", "libfoo has no version >=9 for linux-64 in ",
        "choose among the newest: 3.0, 2.0, 1.5, 1.0",
    ),
    "no-build": (
        ("pytorch=2.4.0=cuda999_0",), "", "no-build.yaml:2", "pytorch 2.4.0 has no build cuda999_0 for linux-64 in ",
        "choose among its builds: cpu_0, cuda124_0",
    ),
    "exported": (
        ("libfoo=1.0=0", "numpy=2.0.0=py311_mac", "appnope=0.1=py_1"), "", "exported.yaml:3",
        "this was exported on osx-64, whose builds are not there for linux-64: numpy 2.0.0 py311_mac, appnope 0.1",
        "leave the builds out, as 'conda env export --from-history' does, and what only osx-64 has",
    ),
    "cuda": (
        ("pytorch=*=cuda*",), "", "cuda.yaml:2", "packages for linux-64 need cuda >=12.1, and it is locked for none\n",
        "say what there is: 'system_requirements: {cuda: \"12.1\"}', or ask for an older version",
    ),
    "libc": (
        ("app", "modern"), "", "libc.yaml:3", "packages for linux-64 need libc >=2.35, and it is locked for 2.28\n",
        "say what there is: 'system_requirements: {libc: \"2.35\"}', or ask for an older version",
    ),
    "processor": (
        ("fast",), "", "processor.yaml:2",
        "packages for linux-64 need archspec x86_64_v3, and it is locked for x86_64\n",
        "say what there is: 'system_requirements: {archspec: x86_64_v3}', or ask for an older version",
    ),
    "hidden": (
        ("only2",), "", "hidden.yaml:2", "libfoo 3.0 is in {second}, and a channel before it has libfoo, too\n",
        "write '{second}::libfoo', or 'channel_priority: flexible' in envbuild.yaml",
    ),
    "not-in-channel": (
        ("'{second}::app'",), "", "not-in-channel.yaml:2", "the channel {second} has no app that fits, for linux-64",
        "write '{first}::app'",
    ),
    "no-channel": (
        ("'file:///nowhere/at/all::app'",), "", "no-channel.yaml:2",
        "file:///nowhere/at/all is no channel: it has no folder 'noarch'", "check its name: every channel has one",
    ),
    "hostile": (
        ("evil",), "", "hostile.yaml:2", "no set of packages fits on linux-64\n", "ask for less in one of: evil at ",
    ),
}  # fmt: skip


def _packages() -> list[Package]:
    deps = [Package(name=f"dep{number}", version=version) for number in range(40) for version in ("0.5", "1", "2")]
    return [
        *deps,
        Package(name="needs-new", depends=["libfoo >=9"]),
        Package(name="numpy", version="2.0.0", build="py311_mac", subdir="osx-64"),
        Package(name="appnope", version="0.1", build="py_1", subdir="osx-64"),
        Package(name="wide", depends=[f"dep{number} <1" for number in range(40)]),
        Package(name="evil", depends=["libfoo <1.0\x1b[31mred\x07 ]0;title"]),
    ]


class Failed:
    """What one `lock` of all of CASES said: as text, and each error by the manifest's name."""

    def __init__(self, folder: Path, uv_cache: Path) -> None:
        first, other = world(folder / "first"), second(folder / "second")
        first.add(*_packages())
        self.urls = {"first": first.url, "second": other.url}
        self.project = Project(folder / "project", clean_environment(folder, uv_cache))
        settings(self.project, first.url, other.url)
        for name, (specs, more, *_) in CASES.items():
            manifest(self.project, name, *(spec.format(**self.urls) for spec in specs), more=more)
        self.text = self.project.run("lock", check=1).err
        found = self.project.json("lock", check=1)["errors"]
        self.errors: dict[str, dict[str, Any]] = {Path(one["path"]).stem: one for one in found}


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory, uv_cache: Path) -> Failed:
    return Failed(tmp_path_factory.mktemp("failed"), uv_cache)


def filled(text: str, **values: str) -> str:
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text


@pytest.mark.parametrize("name", CASES)
def test_a_failure_names_line_reason_and_remedy(failed: Failed, name: str) -> None:
    """For each way to fail."""
    *_, where, what, hint = CASES[name]
    error = failed.errors[name]
    assert f"{error['path']}:{error['line']}".startswith(f"manifests/{where}")
    assert error["message"].startswith(filled(what, **failed.urls))
    assert error["hint"].startswith(filled(hint, file=error["path"], **failed.urls))


def test_nothing_is_written_of_what_failed(failed: Failed) -> None:
    """Not a lock, not a piece of one."""
    assert not (failed.project.path / "locks").exists()


def test_the_tree_of_the_solver_is_a_tree(failed: Failed) -> None:
    """Its indentation says what belongs to what."""
    assert (
        """\
    ├─ app 2.* cannot be installed because there are no viable options:
    │  └─ app 2.0 would require
    │     └─ libfoo >=2, which cannot be installed because there are no viable options:
"""
        in failed.text
    )
    assert (
        """    └─ orphan 1.0 would require
       └─ nowhere >=1, for which no candidates were found.
"""
        in failed.text
    )


def test_a_package_that_is_needed_is_told_with_who_needs_it(failed: Failed) -> None:
    """The line of the manifest names another package: the tree shows the way."""
    for name, needed in (("needed-unknown", "nowhere >=1"), ("needed-version", "libfoo >=9")):
        assert (
            failed.errors[name]["message"].splitlines()[-1].endswith(f"{needed}, for which no candidates were found.")
        )


def test_words_of_a_channel_are_harmless(failed: Failed) -> None:
    """P27: whatever a package's record says, no control sequence reaches a terminal."""
    assert "\x1b" not in failed.text
    assert "\x07" not in failed.text
    assert r"\u001b" in failed.text


def test_all_lines_of_all_manifests_are_named(project: Project, tmp_path: Path) -> None:
    """Those that are inherited, too."""
    settings(project, world(tmp_path / "channel").url)
    project.write("manifests/up.yaml", "abstract: true\ndependencies: [app =2]\n")
    project.write("manifests/k.yaml", "extends: up\ndependencies: [legacy]\n")
    error = project.run("lock", check=1).err
    assert "hint: ask for less in one of: legacy at manifests/k.yaml:2:16, app 2.* at manifests/up.yaml:2:16" in error


def test_a_failure_leaves_the_old_lock(project: Project, tmp_path: Path) -> None:
    """And the other environments get theirs."""
    channel = world(tmp_path / "channel")
    settings(project, channel.url)
    manifest(project, "k", "app")
    project.run("lock")
    before = project.read("locks/k.conda-lock.yml")
    manifest(project, "k", "app =2", "legacy")
    manifest(project, "other", "libblas")
    run = project.run("lock", check=1)
    assert run.out == "other  solved  locks/other.conda-lock.yml\nLock: 1 solved, 1 failed.\n"
    assert project.read("locks/k.conda-lock.yml") == before


def test_a_channel_without_anything_is_told(project: Project, tmp_path: Path) -> None:
    """Its name is probably another's."""
    empty = Channel(tmp_path / "empty")
    settings(project, world(tmp_path / "channel").url, empty.url)
    manifest(project, "k", "zzzzqqq")
    assert f"check the name of the channel {empty.url}: it has nothing for linux-64" in project.run("lock", check=1).err


WORDS = """\
The following packages are incompatible
├─ wide * can be installed with any of the following options:
│  └─ wide 1.0 would require
│     ├─ dep1 <1, which can be installed with any of the following options:
│     │  ├─ dep1 0.5
│     │  └─ dep1 0.5
├─ dep3 >1 cannot be installed because there are no viable options:
│  └─ dep3 2, which conflicts with the versions reported above.
├─ the constraint dep1 <1 cannot be fulfilled
└─ the constraint dep1 <1 cannot be fulfilled"""


def test_the_solver_s_words_are_read() -> None:
    """Roots are what was asked for, in order; everything named comes after them; what is said twice is shown once."""
    assert roots(WORDS) == ["wide", "dep3", "dep1"]
    assert mentioned(WORDS) == ["wide", "dep3", "dep1"]
    assert mentioned("└─ a 1 would require\n   └─ b <1, for which no candidates were found.") == ["a", "b"]
    assert [line.lstrip("│├└─ ") for line in tree(WORDS)][-2:] == [
        "dep3 2, which conflicts with the versions reported above.",
        "the constraint dep1 <1 cannot be fulfilled",
    ]


def test_a_long_tree_is_cut() -> None:
    """As much as a person reads, and how much more there is."""
    words = "\n".join(f"├─ p{number} * cannot be installed" for number in range(100))
    assert tree(words)[-2:] == ["├─ p29 * cannot be installed", "… and 70 lines more"]
    assert len(tree("\n".join(words.splitlines()[:31]))) == 31
