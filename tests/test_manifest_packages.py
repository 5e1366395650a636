"""Conda specs, and what manifests say of packages as a whole."""

import pytest

from envbuild.document import parse
from envbuild.errors import EnvbuildError, Place
from envbuild.manifest import Manifest, manifest

PATH = "manifests/a.yaml"


def read(text: str) -> Manifest:
    return manifest("a", parse(PATH, text.encode()), _no_file)


def _no_file(path: str, where: Place) -> bytes:
    raise AssertionError(f"{where} reads {path}")


def told(found: Manifest) -> list[str]:
    """Every definition: its key, its canonical text, and its line."""
    items = [(key, item) for key, items in found.dependencies.definitions.items() for item in items]
    return [f"{key}: {item.text} ({item.where})" for key, item in items]


def refused(text: str) -> list[str]:
    with pytest.raises(EnvbuildError) as caught:
        read(text)
    assert all(problem.hint for problem in caught.value.problems)
    return [str(one).removeprefix(f"{PATH}:").replace("\n  hint: ", " | ") for one in caught.value.problems]


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("python", "python"),
        ("Python=3.10", "python==3.10.*"),
        ("python 3.10", "python==3.10.*"),
        ("python==3.10", "python==3.10.*"),
        ("python=3.10.*", "python==3.10.*"),
        ("python=3", "python==3.*"),
        ("python==3.10.4", "python==3.10.4"),
        ("python >=3.10,<3.13", "python<3.13,>=3.10"),
        ("python~=3.10", "python~=3.10"),
        ("python!=3.9.*", "python!=3.9.*"),
        ("conda-forge::python=3.11", "conda-forge::python 3.11.*"),
        ("pip", "pip"),
        ("pip>=20", "pip>=20"),
        ("pip=20.1", "pip==20.1.*"),
    ],
)
def test_conda_python_and_pip_are_read_as_version_ranges(spec: str, text: str) -> None:
    """One `=` is a prefix, as conda means it; `3.10` without quotes stays 3.10."""
    assert [line.partition(": ")[2] for line in told(read(f"dependencies:\n- {spec}\n"))] == [f"{text} ({PATH}:2:3)"]


@pytest.mark.parametrize("version", ["3.10", "'3.10'", "=3.10", "'3.10.*'", "==3.10"])
def test_python_version_is_the_conda_package_python(version: str) -> None:
    """So that the two merge as one thing."""
    assert told(read(f"python:\n  version: {version}\n")) == [f"python: python==3.10.* ({PATH}:2:12)"]


@pytest.mark.parametrize("spec", ["python=abc", "python>=3.10|<3", "python=", "pip latest", "python>="])
def test_versions_of_python_and_pip_are_versions(spec: str) -> None:
    """What cannot be one is refused with its line."""
    (message,) = refused(f"dependencies:\n- {spec}\n")
    assert message.startswith("2:3: '")
    assert message.endswith(" is no version of python or pip | write it as '=3.11' or '>=3.10,<3.13'")


def test_a_star_within_a_number_is_not_misread() -> None:
    """To conda `3.1*` is also 3.10 and 3.11; it must not become 3.1 alone."""
    (message,) = refused("dependencies:\n- python=3.1*\n")
    assert message.startswith("2:3: ")


@pytest.mark.parametrize(
    "spec", ["numpy=>1.2", "numpy=<1.2", "pkg[extra]", "pkg[extra]>=1", "python=3.11=x|y", "a 1 b c"]
)
def test_specs_that_conda_misreads_are_refused(spec: str) -> None:
    """Silence would install something else."""
    (message,) = refused(f"dependencies:\n- {spec}\n")
    assert message.startswith("2:3: ")


@pytest.mark.parametrize("spec", ["-n", "--override-channels", "''", "' '", "'[x]'", '"numpy\\nevil"'])
def test_conda_specs_begin_with_a_name(spec: str) -> None:
    """Options, nothing, brackets and second lines are refused."""
    (message,) = refused(f"dependencies:\n- {spec}\n")
    assert message.endswith(" is no conda spec | write it as 'name' or 'name >=1.2,<2'")


def test_a_package_named_twice_is_one_definition() -> None:
    """Both specs hold; conda and pip are apart; names compare as their managers compare them."""
    found = read("""\
dependencies: [NumPy, numpy >1, a_b, a-b, {pip: [A_b, a.B<2]}]
python: {version: '3'}
without: [X, pip/A_b]
""")
    assert {key: [item.text for item in items] for key, items in found.dependencies.definitions.items()} == {
        "numpy": ["numpy", "numpy >1"],
        "a_b": ["a_b"],
        "a-b": ["a-b"],
        "pip/a-b": ["a-b", "a-b<2"],
        "python": ["python==3.*"],
    }
    assert list(found.without) == ["x", "pip/a-b"]


@pytest.mark.parametrize(
    ("text", "cleared"),
    [
        ("dependencies: !override [a]", {"conda", "pip"}),
        ("dependencies: !reset", {"conda", "pip"}),
        ("dependencies: [{pip: !override [a]}]", {"pip"}),
        ("dependencies: [{pip: !reset }]", {"pip"}),
        ("dependencies: [a]", set()),
    ],
)
def test_the_tags_say_which_packages_are_emptied(text: str, cleared: set[str]) -> None:
    """On the whole list both kinds, on the pip list pip's."""
    assert read(text + "\n").dependencies.cleared == cleared
