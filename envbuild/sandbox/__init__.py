"""Jinja, confined: expressions in values of manifests, and templates."""

from envbuild.sandbox.confined import Placed, Values, placed, shown
from envbuild.sandbox.expressions import Expression, Fault, compiled, evaluated
from envbuild.sandbox.templates import Steps, confined_templates

__all__ = [
    "Expression",
    "Fault",
    "Placed",
    "Steps",
    "Values",
    "compiled",
    "confined_templates",
    "evaluated",
    "placed",
    "shown",
]
