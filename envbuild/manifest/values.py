"""What reading a manifest makes: typed, checked, not yet inherited."""

from typing import TypeAlias

import msgspec

from envbuild.document import Mapping, Scalar
from envbuild.errors import Note, Place
from envbuild.manifest.items import Item, Without

MatrixValue: TypeAlias = str | int | bool


class Parent(msgspec.Struct, frozen=True):
    """One item of `extends`: a name, or a path from the project's root."""

    text: str
    where: Place

    @property
    def is_path(self) -> bool:
        return self.text.startswith(("./", "../")) or self.text.endswith((".yaml", ".yml"))


class PackageSet(msgspec.Struct, frozen=True):
    """What one manifest says under one key of packages: definitions by package, and which managers it empties."""

    definitions: dict[str, tuple[Item, ...]] = {}
    cleared: frozenset[str] = frozenset()


class Choice(msgspec.Struct, frozen=True):
    """One value of an axis, and the fragment that it brings."""

    value: MatrixValue
    where: Place
    fragment: "Manifest | None" = None

    def is_value(self, other: MatrixValue) -> bool:
        return same_value(self.value, other)


class Axis(msgspec.Struct, frozen=True):
    name: str
    where: Place
    choices: tuple[Choice, ...]


class Combination(msgspec.Struct, frozen=True):
    """One item of `include` or `exclude`."""

    values: dict[str, MatrixValue]
    where: Place


class Matrix(msgspec.Struct, frozen=True):
    """What one manifest says of its matrix; an axis that is None is removed, and `clears` drops what is inherited."""

    where: Place
    axes: dict[str, Axis | None] = {}
    include: tuple[Combination, ...] = ()
    exclude: tuple[Combination, ...] = ()
    name: Scalar | None = None
    replaces: bool = False
    clears: frozenset[str] = frozenset()


class Manifest(msgspec.Struct, frozen=True):
    """One file, or a fragment of one that a value of an axis brings.

    `body` is what merges; `written` is what the file says, and differs where a pip list holds options.
    """

    name: str
    path: str
    extends: tuple[Parent, ...]
    abstract: bool
    body: Mapping
    written: Mapping
    dependencies: PackageSet
    limits: PackageSet
    constraints: PackageSet
    overrides: PackageSet
    without: dict[str, Without]
    matrix: Matrix | None = None
    notes: tuple[Note, ...] = ()
    is_templated: bool = False
    cell: str = ""

    @property
    def key(self) -> str:
        """What tells manifests of a lineage apart: the path, and for a fragment the value that brings it."""
        return f"{self.path}#{self.cell}" if self.cell else self.path

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0]

    @property
    def place(self) -> Place:
        return Place(self.path, 1, 1)


def same_value(one: MatrixValue, other: MatrixValue) -> bool:
    """`1`, `true` and `"1"` are three values."""
    return type(one) is type(other) and one == other
