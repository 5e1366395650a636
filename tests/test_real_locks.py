"""Real environment files (tests/real): each locks against channels and an index of its own names, or says why not."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version
from ruamel.yaml import YAML
from support.project import Project
from support.realasks import Asked, read
from support.realfiles import Sample, samples
from support.reallocks import RealLocks

_COMMAND = Path(sys.executable).with_name("conda-lock")
_PINNED = re.compile(r"(?P<name>[\w.-]+)(?:\[[^\]]*\])?\s*==\s*(?P<version>[\w.!+-]+)")
_TENTH = 10
# Exports of three systems; a wheel, a repository and a folder beside conda packages; pip's pin beside conda's.
_RENDERED = frozenset(
    {
        "linux-export-with-epoch",
        "osx-prefixed-bio",
        "windows-export-gpu-selector",
        "folders-below",
        "pinned-by-both",
    }
)

Packages = Mapping[tuple[str, str], Mapping[str, Any]]


@pytest.fixture(scope="module")
def chosen() -> Sequence[Sample]:
    """All that load; in CI a tenth of those that lock, and those that conda-lock reads."""
    locking, loading = samples("locks"), samples("loads")
    if os.environ.get("ENVBUILD_TEST_FULL") != "1":
        locking = [one for at, one in enumerate(locking) if at % _TENTH == 0 or one.slug in _RENDERED]
    return (*locking, *loading)


@pytest.fixture(scope="module")
def made(chosen: Sequence[Sample], tmp_path_factory: pytest.TempPathFactory, uv_cache: Path) -> RealLocks:
    return RealLocks(tmp_path_factory.mktemp("real"), uv_cache, chosen)


@pytest.fixture(scope="module")
def outcomes(made: RealLocks) -> Mapping[str, str]:
    """What was said for each; nothing for one that locked."""
    return made.outcomes()


@pytest.fixture
def locked(chosen: Sequence[Sample], outcomes: Mapping[str, str]) -> Sequence[Sample]:
    return [one for one in chosen if one.expected == "locks" and not outcomes[one.slug]]


def test_each_locks_or_says_why_not(chosen: Sequence[Sample], made: RealLocks, outcomes: Mapping[str, str]) -> None:
    """The reason that is written down for each, told at the manifest or a line of it; no lock is left."""
    assert {one.slug: outcomes[one.slug] for one in chosen if one.expected == "locks" and outcomes[one.slug]} == {}
    refused = [one for one in chosen if one.expected == "loads"]
    assert {one.slug: outcomes[one.slug] for one in refused if one.message not in outcomes[one.slug]} == {}
    assert [one.slug for one in refused if _lock_of(made, one).exists()] == []


def test_what_is_locked_is_current_and_left_alone(made: RealLocks, locked: Sequence[Sample]) -> None:
    """By its own word, with nobody left to ask."""
    for folder, several in _by_project(made, locked).items():
        before = {one.slug: _lock_of(made, one).read_bytes() for one in several}
        again, slugs = Project(folder, made.projects[several[0].slug].environ), list(before)
        again.run("lock", "--check", *slugs)
        again.run("lock", *slugs)
        assert {one.slug: _lock_of(made, one).read_bytes() for one in several} == before


def test_a_lock_holds_what_its_file_asks_for(made: RealLocks, locked: Sequence[Sample]) -> None:
    """Held against the file by a reading of its own."""
    unmet = {one.slug: list(_unmet(_packages(made, one), one)) for one in locked}
    assert {slug: found for slug, found in unmet.items() if found} == {}


def test_conda_lock_reads_them(made: RealLocks, locked: Sequence[Sample], tmp_path: Path) -> None:
    """Its own command makes lists and environments of them, in which no conda package is missing."""
    rendered = [one for one in locked if one.slug in _RENDERED]
    assert {one.slug for one in rendered} == _RENDERED
    for one in rendered:
        conda = {name for manager, name in _packages(made, one) if manager == "conda"}
        listed, stated = _render(_lock_of(made, one), one, tmp_path / one.slug)
        assert listed == conda
        assert stated >= conda


def _lock_of(made: RealLocks, sample: Sample) -> Path:
    return made.projects[sample.slug].path / f"locks/{sample.slug}.conda-lock.yml"


def _packages(made: RealLocks, sample: Sample) -> Packages:
    content: Any = YAML(typ="safe").load(_lock_of(made, sample))
    return {(one["manager"], one["name"]): one for one in content["package"]}


def _by_project(made: RealLocks, several: Sequence[Sample]) -> dict[Path, list[Sample]]:
    found: dict[Path, list[Sample]] = {}
    for one in several:
        found.setdefault(made.projects[one.slug].path, []).append(one)
    return found


def _unmet(packages: Packages, sample: Sample) -> Iterator[str]:
    """What a file asks for and its lock does not hold so; by conda, where pip's list does not ask for it as well."""
    file = read(sample.text)
    wanted = {canonicalize_name(name): version for name, version in _exact(file.pip)}
    for name, version in wanted.items():
        found = packages.get(("pip", name))
        if found is None or Version(found["version"]) != Version(version):
            yield f"pip: {name} {version}: {found}"
    by_conda = any(manager == "conda" for manager, _ in packages)  # else it names no more of conda than python and pip
    for one in file.asked if by_conda else ():
        found = packages.get(("conda", one.name))
        if found is None and ("pip", one.name) in packages:
            continue  # asked of both, and PyPI's
        if found is None or not _answers(found, one):
            yield f"conda: {one}: {found and found['url']}"


def _exact(items: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What a pip list pins, by name."""
    for item in items:
        if found := _PINNED.fullmatch(item.partition(" #")[0].strip()):
            yield found["name"], found["version"]


def _answers(found: Mapping[str, Any], one: Asked) -> bool:
    *_, channel, _subdir, file = found["url"].split("/")
    build = file.removesuffix(".conda").removesuffix(".tar.bz2").rpartition("-")[2]
    at_home = not one.channel or one.channel == "defaults" or one.channel.rpartition("/")[2] == channel
    begins = one.name == "python" and one.exact.count(".") == 1  # `==3.11` of python is any 3.11
    same = found["version"].startswith(f"{one.exact}.") if begins else one.exact in {"", found["version"]}
    return at_home and same and fnmatchcase(build, one.build or "*")


def _render(lock: Path, sample: Sample, folder: Path) -> tuple[set[str], set[str]]:
    """The conda packages in what conda-lock makes of a lock: a list, and an environment."""
    folder.mkdir()
    command = [str(_COMMAND), "render", "-p", sample.platform, "-k", "explicit", "-k", "env", str(lock)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
    listed = (folder / f"conda-{sample.platform}.lock").read_text(encoding="utf-8").splitlines()
    content: Any = YAML(typ="safe").load(folder / f"conda-{sample.platform}.lock.yml")
    return (
        {Path(line).name.rsplit("-", 2)[0] for line in listed if line.startswith("file:")},
        {item.split("=")[0] for item in content["dependencies"] if isinstance(item, str)},
    )
