"""Manifests -> Environments: names, lineage, merging."""

from envbuild.resolve.environment import Environment, Family, Python, Variable, parent_path, resolve
from envbuild.resolve.names import Names, name_all
from envbuild.resolve.packages import Package, manager_of

__all__ = [
    "Environment",
    "Family",
    "Names",
    "Package",
    "Python",
    "Variable",
    "manager_of",
    "name_all",
    "parent_path",
    "resolve",
]
