"""What a person writes: Document -> Manifest, typed and checked, not yet inherited."""

from envbuild.manifest.braces import is_dockerfile, rendered
from envbuild.manifest.codes import Code
from envbuild.manifest.conda import conda_item, excludes, python_version
from envbuild.manifest.image import Apt, Base, Build, Copy, Image, Publish, User
from envbuild.manifest.items import (
    Item,
    Without,
    admits,
    families,
    is_loopback,
    normalise,
    project_path,
    refuse_credentials,
    wish,
)
from envbuild.manifest.keys import RULES, Check, Keys, Platform, Run, SystemRequirements
from envbuild.manifest.layouts import LayoutName, layout_name
from envbuild.manifest.members import (
    Asked,
    asked_member,
    extras_text,
    is_nameless,
    root_of,
    shown_path,
    source_of,
    wheel_name,
)
from envbuild.manifest.notes import notes
from envbuild.manifest.packages import without
from envbuild.manifest.pip import pip_item, wish_of
from envbuild.manifest.r import GITHUB, CranPackage, GithubName, R, github_name, r_package, r_places
from envbuild.manifest.read import is_variable, manifest, parents, path_of, read_again, repathed
from envbuild.manifest.requirements import Open
from envbuild.manifest.rules import Data, KeyRule, Quoted, Rule, Word, about
from envbuild.manifest.schema import manifest_schema
from envbuild.manifest.serve import registered, routes_problems
from envbuild.manifest.spark import MavenRepository, Spark
from envbuild.manifest.system import system_problems
from envbuild.manifest.values import (
    Axis,
    Choice,
    Combination,
    Manifest,
    Matrix,
    MatrixValue,
    PackageSet,
    Parent,
    same_value,
)

__all__ = [
    "GITHUB",
    "RULES",
    "Apt",
    "Asked",
    "Axis",
    "Base",
    "Build",
    "Check",
    "Choice",
    "Code",
    "Combination",
    "Copy",
    "CranPackage",
    "Data",
    "GithubName",
    "Image",
    "Item",
    "KeyRule",
    "Keys",
    "LayoutName",
    "Manifest",
    "Matrix",
    "MatrixValue",
    "MavenRepository",
    "Open",
    "PackageSet",
    "Parent",
    "Platform",
    "Publish",
    "Quoted",
    "R",
    "Rule",
    "Run",
    "Spark",
    "SystemRequirements",
    "User",
    "Without",
    "Word",
    "about",
    "admits",
    "asked_member",
    "conda_item",
    "excludes",
    "extras_text",
    "families",
    "github_name",
    "is_dockerfile",
    "is_loopback",
    "is_nameless",
    "is_variable",
    "layout_name",
    "manifest",
    "manifest_schema",
    "normalise",
    "notes",
    "parents",
    "path_of",
    "pip_item",
    "project_path",
    "python_version",
    "r_package",
    "r_places",
    "read_again",
    "refuse_credentials",
    "registered",
    "rendered",
    "repathed",
    "root_of",
    "routes_problems",
    "same_value",
    "shown_path",
    "source_of",
    "system_problems",
    "wheel_name",
    "wish",
    "wish_of",
    "without",
]
