"""What PyPI calls a conda package, where no channel says it."""

import pytest

from envbuild.resolve import distribution


@pytest.mark.parametrize(
    ("conda", "pypi"),
    [
        ("numpy", "numpy"), ("typing_extensions", "typing-extensions"), ("ruamel.yaml", "ruamel-yaml"),
        ("pytorch", "torch"), ("matplotlib-base", "matplotlib"), ("python-graphviz", "graphviz"), ("redis-py", "redis"),
        ("python-tzdata", "tzdata"), ("snakemake-minimal", "snakemake"),
        ("graphviz", ""), ("redis-server", ""), ("ffmpeg", ""), ("cmake", ""), ("ninja", ""), ("python", ""),
        ("tzdata", ""), ("git", ""), ("blosc", ""), ("ruamel_yaml", ""),
    ],
)  # fmt: skip
def test_a_name_of_conda_s_on_pypi(conda: str, pypi: str) -> None:
    """Its own name, unless it is known by another or is no distribution at all."""
    assert distribution(conda, {}) == pypi


def test_the_settings_have_the_last_word() -> None:
    """In both directions."""
    assert distribution("pytorch", {"pytorch": "torch-of-ours"}) == "torch-of-ours"
    assert distribution("numpy", {"numpy": ""}) == ""
