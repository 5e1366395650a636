"""Manifests -> Environments: names, lineage, cells, values, merging, links."""

from envbuild.resolve.additions import SPARK_FOLDER, Added
from envbuild.resolve.channels import channel_url
from envbuild.resolve.distributions import distribution
from envbuild.resolve.environment import DEFAULT_PREFIX, Environment, Python, Variable
from envbuild.resolve.explain import Explained, Overridden, explain, rows_of
from envbuild.resolve.family import Family, Resolved, parent_path, resolve
from envbuild.resolve.fields import fields
from envbuild.resolve.graph import Edge, EdgeKind, Graph, Node, graph
from envbuild.resolve.lineage import lineages
from envbuild.resolve.links import Candidates, Link, link, needs
from envbuild.resolve.notes import notes, silenced
from envbuild.resolve.packages import Package, Packages, contradictions, manager_of
from envbuild.resolve.resolved import resolved_text
from envbuild.resolve.variants import uses_gpu

__all__ = [
    "DEFAULT_PREFIX",
    "SPARK_FOLDER",
    "Added",
    "Candidates",
    "Edge",
    "EdgeKind",
    "Environment",
    "Explained",
    "Family",
    "Graph",
    "Link",
    "Node",
    "Overridden",
    "Package",
    "Packages",
    "Python",
    "Resolved",
    "Variable",
    "channel_url",
    "contradictions",
    "distribution",
    "explain",
    "fields",
    "graph",
    "lineages",
    "link",
    "manager_of",
    "needs",
    "notes",
    "parent_path",
    "resolve",
    "resolved_text",
    "rows_of",
    "silenced",
    "uses_gpu",
]
