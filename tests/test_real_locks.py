"""Real environment files (tests/real): each locks against channels and an index of its own names, or says why not."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.project import Project
from support.realfiles import Sample, samples
from support.reallocks import RealLocks

_TENTH = 10


@pytest.fixture
def chosen() -> Sequence[Sample]:
    """All that load; in CI a tenth of those that lock."""
    locking, loading = samples("locks"), samples("loads")
    return (*(locking if os.environ.get("ENVBUILD_TEST_FULL") == "1" else locking[::_TENTH]), *loading)


def test_each_locks_or_says_why_not(chosen: Sequence[Sample], tmp_path: Path, uv_cache: Path) -> None:
    """What is locked is current by its own word, with nobody left to ask."""
    locks = RealLocks(tmp_path, uv_cache, chosen)
    outcomes = dict(locks.outcomes())
    assert {slug: why for slug, why in outcomes.items() if why and _expected(chosen, slug) == "locks"} == {}
    for one in chosen:
        if one.expected == "loads":
            assert one.message in outcomes[one.slug]
    for project, slugs in _by_project(locks, [slug for slug, why in outcomes.items() if not why]).items():
        before = {slug: (project / "locks" / f"{slug}.conda-lock.yml").read_bytes() for slug in slugs}
        again = Project(project, locks.projects[slugs[0]].environ)
        again.run("lock", "--check", *slugs)
        again.run("lock", *slugs)
        assert {slug: (project / "locks" / f"{slug}.conda-lock.yml").read_bytes() for slug in slugs} == before


def _expected(chosen: Sequence[Sample], slug: str) -> str:
    return next(one.expected for one in chosen if one.slug == slug)


def _by_project(locks: RealLocks, slugs: Sequence[str]) -> dict[Path, list[str]]:
    found: dict[Path, list[str]] = {}
    for slug in slugs:
        found.setdefault(locks.projects[slug].path, []).append(slug)
    return found
