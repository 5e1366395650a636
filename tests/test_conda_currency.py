"""Whether locks of conda packages are current: by what is pinned, with no solver and no channel (DECISIONS 15)."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.condaworld import manifest, pinned, settings, versions, world
from support.project import Project

from envbuild.lock import CondaRequest, Pin, Pins, Request
from envbuild.lock.met import meets, still_met

SYSTEM = 'system_requirements: {linux: {libc: "2.30"}}\n'
K = ("app", "numpy >=1.26,<2.1", "{sel(linux): data}")

# What is written then, why the lock is not current (the text of its reasons), or nothing where it is.
CASES: dict[str, tuple[Callable[[Project], object], list[str]]] = {
    "nothing": (lambda p: manifest(p, "k", *K), []),
    "comments and order": (lambda p: manifest(p, "k", *reversed(K), more="# note\ndescription: other\n"), []),
    "loosened": (lambda p: manifest(p, "k", "app", "numpy >=1.26", K[2]), []),
    "narrowed to what is there": (lambda p: manifest(p, "k", "app >=2", "numpy =2.0", K[2]), []),
    "narrowed by its build": (lambda p: manifest(p, "k", "app", "numpy =2.0=py312_0", K[2]), []),
    "narrowed elsewhere": (
        lambda p: manifest(p, "k", "app", "numpy <2", K[2]),
        ["numpy >=1.26,<2.1 -> <2"],
    ),
    "another build": (
        lambda p: manifest(p, "k", "app", "numpy =2.0=py311_0", K[2]),
        ["numpy >=1.26,<2.1 -> ==2.0 py311_0"],
    ),
    "what is there by another is named": (lambda p: manifest(p, "k", *K, "libfoo >=1.5", "python =3.12"), []),
    "what is there is named with another wish": (
        lambda p: manifest(p, "k", *K, "libfoo <2"),
        ["libfoo <2 added"],
    ),
    "a new one": (lambda p: manifest(p, "k", *K, "pure"), ["pure * added"]),
    "one is removed that brought others": (lambda p: manifest(p, "k", *K[1:]), ["app * removed"]),
    "priority": (
        lambda p: p.write("envbuild.yaml", p.read("envbuild.yaml") + "channel_priority: flexible\n"),
        ["channel_priority strict -> flexible"],
    ),
    "constraint": (
        lambda p: manifest(p, "k", *K, more="constraints: [libfoo <3]\n"),
        ["constraints +libfoo <3"],
    ),
    "system": (
        lambda p: p.write("envbuild.yaml", p.read("envbuild.yaml") + SYSTEM),
        ["system_requirements none -> __glibc 2.30"],
    ),
    "a name for PyPI that nobody asks": (
        lambda p: p.write("envbuild.yaml", p.read("envbuild.yaml") + "pypi_names: {numpy: other}\n"),
        [],
    ),
    "platform": (
        lambda p: manifest(p, "k", *K[1:2], more="platforms: [linux-64, win-64]\n"),
        ["app * removed", "data * removed", "platform win-64 is not locked"],
    ),
}


@pytest.fixture
def locked(project: Project, tmp_path: Path) -> Project:
    """Give a project with a lock whose channel is gone."""
    channel = world(tmp_path / "channel")
    settings(project, channel.url)
    manifest(project, "k", *K)
    project.run("lock")
    shutil.rmtree(channel.folder)
    return project


def test_currency_is_decided_by_what_is_pinned(locked: Project) -> None:
    """Every change of a manifest or the settings: the reasons for a new lock, or none, and nothing is written."""
    start = locked.read("envbuild.yaml")
    lock = locked.read("locks/k.conda-lock.yml")
    for name, (change, reasons) in CASES.items():
        locked.write("envbuild.yaml", start)
        manifest(locked, "k", *K)
        change(locked)
        (row,) = locked.json("lock", "--check", check=3 if reasons else 0)["environments"]
        assert sorted(reason["change"] for reason in row["reasons"]) == reasons, name
        assert row["current"] is not bool(reasons), name
    assert locked.read("locks/k.conda-lock.yml") == lock


def test_a_reason_has_its_line(locked: Project) -> None:
    """That of the spec, of the key, of the settings; for what is gone the file."""
    manifest(locked, "k", "numpy <2", more="constraints:\n  - libfoo <3\n")
    settings(locked, "file:///elsewhere", more="channel_priority: flexible\n")
    run = locked.run("lock", "--check", check=3)
    told = {line.strip() for line in run.out.splitlines()}
    assert {
        "numpy >=1.26,<2.1 -> <2  manifests/k.yaml:2",
        "app * removed  manifests/k.yaml",
        "constraints +libfoo <3  manifests/k.yaml:4",
        "channel_priority strict -> flexible  envbuild.yaml:3",
    } <= told
    assert any(line.startswith("channels file://") and line.endswith("envbuild.yaml:1") for line in told)


def test_the_order_of_channels_counts_and_that_of_packages_does_not(project: Project, tmp_path: Path) -> None:
    """Who is asked first may bring another package: the lock is stale, and the content is the same if no pin moved."""
    one, two = world(tmp_path / "one"), world(tmp_path / "two")
    settings(project, one.url, two.url)
    manifest(project, "k", *K)
    project.run("lock")
    before = project.json("plan")["steps"][0]["fingerprint"]
    manifest(project, "k", *reversed(K))
    assert project.json("plan")["steps"][0]["fingerprint"] == before
    settings(project, two.url, one.url)
    (row,) = project.json("lock", "--check", check=3)["environments"]
    assert [reason["change"].partition(" ")[0] for reason in row["reasons"]] == ["channels"]
    project.run("lock")
    assert project.json("plan")["steps"][0]["fingerprint"] == before


def test_a_check_asks_nobody(project: Project, tmp_path: Path) -> None:
    """A channel over HTTP hears nothing of checks and plans, also when a root has changed; P9: nothing is written."""
    from support.condachannel import ServedChannel

    with ServedChannel(world(tmp_path / "channel").folder) as served:
        settings(project, served.url)
        manifest(project, "k", *K)
        project.run("lock")
        asked, home = len(served.requests), Project(tmp_path / "home", {})
        kept = home.tree()
        project.run("lock", "--check")
        assert project.run("lock").out == "Lock: 1 current.\n"
        manifest(project, "k", "app >=2", *K[1:])
        project.run("lock", "--check")
        project.run("plan", check=None)
        manifest(project, "k", "app <2", *K[1:])
        project.run("lock", "--check", check=3)
        assert len(served.requests) == asked
        assert home.tree() == kept


def test_a_met_manifest_is_locked_without_a_channel(locked: Project) -> None:
    """What still satisfies its manifest is left alone, by `lock` as well: no byte changes."""
    before = locked.tree()
    manifest(locked, "k", "app >=1", "numpy =2.0.0", K[2])
    assert locked.run("lock").out == "Lock: 1 current.\n"
    assert {path: text for path, text in locked.tree().items() if path.startswith("locks")} == {
        path: text for path, text in before.items() if path.startswith("locks")
    }


def test_a_twin_needs_no_solver(locked: Project) -> None:
    """Another name with the same wishes takes its pins; an old name's lock serves a new one."""
    manifest(locked, "twin", *reversed(K))
    assert "twin  copied" in locked.run("lock").out
    assert pinned(locked, "twin") == pinned(locked)
    locked.remove("locks/k.conda-lock.yml")
    assert "k  copied" in locked.run("lock").out
    assert versions(locked)["numpy"] == "2.0.0"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("numpy", True),
        ("numpy ==1.26.4", True),
        ("numpy 1.26.*", True),
        ("numpy >=2", False),
        ("numpy 1.26.4 py311_0", True),
        ("numpy 1.26.4 py312_0", False),
        ("numpy * py311*", True),
        ('numpy[build_number=">=1"]', True),
        ('numpy[build_number=">=2"]', False),
        (f'numpy[sha256="{"a" * 64}"]', True),
        (f'numpy[sha256="{"b" * 64}"]', False),
        (f'numpy[md5="{"c" * 32}"]', True),
        ("https://conda.example/c::numpy", True),
        ("https://conda.example/d::numpy", False),
        ("https://conda.example/c/d::numpy", False),
        ('numpy[channel="https://conda.example/c"]', True),
        ('numpy[channel="https://conda.example"]', False),
        ('numpy[url="https://conda.example/c/linux-64/numpy-1.26.4-py311_0.conda"]', True),
        ('numpy[url="https://conda.example/c/linux-64/numpy-1.26.4-py311_1.conda"]', False),
        ("other", False),
    ],
)
def test_a_pin_meets_a_spec_or_not(spec: str, expected: Literal[True, False]) -> None:
    """Every part of a spec is looked at, the channel by its whole URL."""
    url = "https://conda.example/c/linux-64/numpy-1.26.4-py311_0.conda"
    pin = Pin("conda", "numpy", "1.26.4", url, "a" * 64, "py311_0", md5="c" * 32, number=1)
    assert meets(spec, pin) is expected


packages = st.sampled_from(["a", "b", "c", "d", "e"])


@given(st.dictionaries(packages, st.sets(packages, max_size=2), min_size=1), st.data())
def test_pins_that_nothing_needs_make_a_lock_stale(edges: dict[str, set[str]], data: st.DataObject) -> None:
    """Current means that each root is pinned and each pin is reached from a root: no more and no less."""
    known = {name: {other for other in needs if other in edges} for name, needs in edges.items()}
    pins = tuple(
        Pin("conda", name, "1.0", f"https://c.example/linux-64/{name}-1.0-0.conda", "a" * 64, "0", tuple(sorted(needs)))
        for name, needs in sorted(known.items())
    )
    before, now = (data.draw(st.sets(st.sampled_from(sorted(known)), min_size=1)) for _ in range(2))
    asked, recorded = (
        Request("linux-64", conda=CondaRequest((), "strict", tuple(sorted(roots)))) for roots in (now, before)
    )
    reached, waiting = set[str](), list(now)
    while waiting:
        name = waiting.pop()
        waiting += known[name] - reached
        reached.add(name)
    assert still_met(asked, recorded, Pins("linux-64", pins)) is (reached == set(known))
