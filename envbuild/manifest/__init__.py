"""What a person writes: Document -> Manifest, typed and checked, not yet inherited."""

from envbuild.manifest.keys import Keys, Platform, Rule, rules
from envbuild.manifest.packages import Item, Without, normalise, project_path, wheel_name
from envbuild.manifest.read import Manifest, Parent, manifest, parents

__all__ = [
    "Item",
    "Keys",
    "Manifest",
    "Parent",
    "Platform",
    "Rule",
    "Without",
    "manifest",
    "normalise",
    "parents",
    "project_path",
    "rules",
    "wheel_name",
]
