"""Specs as texts of requests and locks: taken apart, located and joined without changing what they mean."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rattler import BuildString, MatchSpec, PackageRecord

from envbuild.lock import joined_specs, spec_fields, spec_name, split_spec
from envbuild.lock.specs import located_spec
from envbuild.resolve import channel_url

names = st.from_regex(r"[a-z0-9_][a-z0-9_.-]{0,8}", fullmatch=True).filter(lambda name: ".." not in name)
bounds = st.sampled_from(
    [
        "",
        " *",
        " >=1",
        " <2",
        " 1.5.*",
        " ==1.5",
        " !=1.0",
        " >=1,<2",
        " <1|>=2",
        " >=1.5|<0.9,!=0.5",
        " 1.*|2.*",
        " ~=1.4",
    ]
)
versions = st.sampled_from(["0.5", "0.8", "1.0", "1.4", "1.5", "1.5.2", "2.0", "2.5"])
builds = st.sampled_from(["", " py311_0", " *_cp311", " py*"])
channels = st.sampled_from(["conda-forge", "pkgs/main", "https://c.example/x", "file:///c/x", "bioconda/label/dev"])


def record(name: str, version: str, build: str) -> PackageRecord:
    return PackageRecord(
        name=name, version=version, build=BuildString(build), build_number=0, subdir="linux-64", depends=[]
    )


@given(names, bounds, channels)
def test_a_spec_is_split_into_channel_and_rest(name: str, bound: str, channel: str) -> None:
    """In both ways that specs name channels; what is located is the same by its URL, and stays what it is."""
    plain = f"{name}{bound}"
    url = channel_url(channel)
    assert split_spec(plain) == ("", plain)
    assert split_spec(f"{channel}::{plain}") == (url, plain)
    bracket = f'{name}[version=">=1",channel="{channel}"]'
    assert split_spec(bracket) == (url, f'{name}[version=">=1"]')
    assert split_spec(f'{name}[channel="{channel}"]') == (url, name)
    for text in (plain, f"{channel}::{plain}", bracket):
        assert located_spec(located_spec(text)) == located_spec(text)
        assert split_spec(located_spec(text)) == split_spec(text)
        assert spec_name(text) == spec_name(located_spec(text)) == name


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("numpy", "numpy"), ("NumPy >=1", "numpy"), ("numpy>=1", "numpy"), ("numpy=1.0=py_0", "numpy"),
        ("numpy!=1", "numpy"), ("numpy~=1.0", "numpy"), ("numpy[version='>=1']", "numpy"), ("_x-y.z 1", "_x-y.z"),
        ("conda-forge::numpy <2", "numpy"), ("file:///a b::numpy", "numpy"), ("", ""), (" numpy", "numpy"),
    ],
)  # fmt: skip
def test_a_spec_has_a_name(spec: str, name: str) -> None:
    """However it is written."""
    assert spec_name(spec) == name


def test_fields_stand_in_brackets() -> None:
    """And only there."""
    assert spec_fields('numpy >=1[build_number=">=1",channel="x"]') == {"build_number": ">=1", "channel": "x"}
    assert spec_fields("numpy >=1") == {}


@given(
    st.lists(st.tuples(bounds, builds), min_size=1, max_size=4),
    versions,
    st.sampled_from(["py311_0", "1_cp311", "h0_0"]),
)
def test_joined_specs_hold_together(asked: list[tuple[str, str]], version: str, build: str) -> None:
    """A package fits what was joined if it fits each of them, also where they say `or`, or name builds."""
    specs = [f"pkg{bound or ' *' if named else bound}{named}" for bound, named in asked]
    joined, one = joined_specs(specs), record("pkg", version, build)
    assert _fits(one, joined) is _fits(one, specs)


def _fits(one: PackageRecord, specs: Iterable[str]) -> bool:
    return all(MatchSpec(spec, strict=False).matches(one) for spec in specs)


@given(st.lists(st.tuples(names, bounds), max_size=6))
def test_joining_is_settled(asked: list[tuple[str, str]]) -> None:
    """One spec a package, sorted, and joining again changes nothing."""
    specs = [f"{name}{bound}" for name, bound in asked]
    joined = joined_specs(specs)
    assert joined_specs(joined) == joined == tuple(sorted(joined))
    assert sorted(map(spec_name, joined)) == sorted({spec_name(spec) for spec in specs})


@given(st.lists(st.tuples(names, bounds, builds), min_size=1, max_size=5, unique_by=lambda one: one[0]))
def test_what_is_said_once_is_joined_like_the_rest(asked: list[tuple[str, str, str]]) -> None:
    """Whether or not something else is said of another package in two places."""
    specs = [f"{name.upper()} {bound or ' *'}{build}" for name, bound, build in asked]
    twice = ["zz-other >=1", "ZZ-other <9"]
    assert joined_specs([*specs, *twice]) == tuple(sorted((*joined_specs(specs), "zz-other >=1,<9")))
