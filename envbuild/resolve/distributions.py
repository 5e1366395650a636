"""What PyPI calls a conda package, where no channel says it."""

from collections.abc import Mapping

from envbuild.manifest import normalise

# Empty where PyPI has something else of that name, or nothing.
_ON_PYPI = {
    **dict.fromkeys(("graphviz", "blosc", "snappy", "git", "snakemake-minimal"), ""),
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "opencv": "opencv-python",
    "py-opencv": "opencv-python",
    "pytables": "tables",
    "python-graphviz": "graphviz",
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
}


def distribution(name: str, known: Mapping[str, str]) -> str:
    """The distribution that a conda package is; `known` are the settings' own names, and have the last word."""
    return normalise(known.get(name, _ON_PYPI.get(name, name)))
