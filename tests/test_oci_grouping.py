"""Which packages share a layer: what moves when packages, budgets and other environments change."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from envbuild.image.grouping import grouped


class Some(msgspec.Struct, frozen=True):
    name: str
    version: str = "1"
    manager: str = "conda"


NAMES = st.lists(st.text("abcxyz", min_size=1, max_size=3), unique=True, max_size=12)
COUNTS = st.dictionaries(st.text("abcxyz", min_size=1, max_size=3), st.integers(0, 4))
BUDGETS = st.integers(1, 14)
Groups = tuple[tuple[Some, ...], ...]


def names(groups: Groups) -> list[list[str]]:
    return [[one.name for one in group] for group in groups]


def last(groups: Groups) -> set[str]:
    """Those that share a layer, if any do."""
    return {one.name for group in groups if len(group) > 1 for one in group}


def test_the_least_shared_are_together() -> None:
    """Two layers of their own, and one for the rest; of those that are as rare, the later names are in it."""
    packages = [Some(name) for name in ("numpy", "zlib", "pandas", "attrs", "mine")]
    shared = {"numpy": 9, "zlib": 3, "pandas": 3, "attrs": 3}
    assert names(grouped(packages, shared, 3)) == [["attrs"], ["numpy"], ["mine", "pandas", "zlib"]]
    assert names(grouped(packages, shared, 1)) == [["attrs", "mine", "numpy", "pandas", "zlib"]]
    assert names(grouped(packages, shared, 0)) == names(grouped(packages, shared, 1))
    assert grouped([], shared, 3) == ()


def test_one_name_of_two_managers_is_two_packages() -> None:
    """In the order in which they are placed: what comes later stands upon what came before."""
    conda, pypi = Some("pip"), Some("pip", manager="pip")
    assert grouped([Some("zlib"), conda, pypi], {}, 3) == ((conda,), (pypi,), (Some("zlib"),))


@given(NAMES, COUNTS, BUDGETS, st.randoms(use_true_random=False))
def test_each_package_is_in_one_group(
    given_names: list[str], shared: dict[str, int], budget: int, chance: object
) -> None:
    """No more groups than the budget, as many as there can be, and the same for any order that they come in."""
    packages = [Some(name) for name in given_names]
    groups = grouped(packages, shared, budget)
    assert sorted(one.name for group in groups for one in group) == sorted(given_names)
    assert len(groups) == min(budget, len(packages))
    chance.shuffle(packages)  # type: ignore[attr-defined]
    assert grouped(packages, shared, budget) == groups


@given(NAMES.filter(bool), COUNTS, BUDGETS, st.data())
def test_a_new_version_changes_its_own_group_alone(
    given_names: list[str], shared: dict[str, int], budget: int, data: st.DataObject
) -> None:
    """All others are the same packages, at the same places."""
    packages = [Some(name) for name in given_names]
    moved = data.draw(st.sampled_from(given_names))
    before = grouped(packages, shared, budget)
    after = grouped([Some(one.name, "2") if one.name == moved else one for one in packages], shared, budget)
    assert names(before) == names(after)
    assert sum(old != new for old, new in zip(before, after, strict=True)) == 1


@given(NAMES, COUNTS, COUNTS)
def test_the_others_have_no_say_within_the_budget(
    given_names: list[str], one: dict[str, int], two: dict[str, int]
) -> None:
    """While each package has its own layer, no other environment of the project can change an image."""
    packages = [Some(name) for name in given_names]
    assert grouped(packages, one, len(packages)) == grouped(packages, two, len(packages) + 3)


@given(NAMES, COUNTS, BUDGETS)
def test_who_shares_all_changes_nothing(given_names: list[str], shared: dict[str, int], budget: int) -> None:
    """Nor does an environment that has none of the packages: only how they compare counts."""
    packages = [Some(name) for name in given_names]
    more = {name: shared.get(name, 0) + 1 for name in given_names}
    before = grouped(packages, shared, budget)
    assert grouped(packages, more, budget) == before
    assert grouped(packages, {**shared, "elsewhere": 7}, budget) == before


@given(NAMES.filter(bool), COUNTS, BUDGETS, st.data())
def test_one_count_moves_two_packages_at_most(
    given_names: list[str], shared: dict[str, int], budget: int, data: st.DataObject
) -> None:
    """The package itself, out of the last group or into it, and the one that makes room for it."""
    packages = [Some(name) for name in given_names]
    name = data.draw(st.sampled_from(given_names))
    before = last(grouped(packages, shared, budget))
    after = last(grouped(packages, {**shared, name: data.draw(st.integers(0, 9))}, budget))
    assert before == after or (len(before ^ after) == 2 and name in before ^ after)


@given(NAMES.filter(bool), COUNTS, BUDGETS)
def test_a_further_package_moves_two_at_most(given_names: list[str], shared: dict[str, int], budget: int) -> None:
    """It has a layer of its own or is in the last one; that whose place it takes goes there, with the first."""
    *packages, new = [Some(name) for name in given_names]
    before, after = last(grouped(packages, shared, budget)), last(grouped([*packages, new], shared, budget))
    assert before <= after
    assert len(after - before) <= (1 if before else 2)
