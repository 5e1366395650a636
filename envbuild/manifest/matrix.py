"""`matrix` of one manifest: axes with their values and fragments, whole cells to add, and cells to leave out."""

import re
from collections.abc import Callable, Iterator

from envbuild.document import OVERRIDE, RESET, Entry, Mapping, Scalar, Sequence, Value, is_null, plain_value
from envbuild.errors import EnvbuildError, ManifestError
from envbuild.manifest.values import Axis, Choice, Combination, Manifest, Matrix, MatrixValue
from envbuild.shape import damaged_number, is_rendered

Fragment = Callable[[Mapping, str], Manifest]
NOT_IN_FRAGMENTS = ("extends", "abstract", "matrix", "name")
_AXIS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NO_AXES = {"name", "include", "exclude"}


def read_matrix(stated: Value, fragment: Fragment, problems: list[EnvbuildError]) -> Matrix | None:
    """Everything wrong is added to the problems; what is left is only to be used when there are none."""
    if stated.tag == RESET or (isinstance(stated, Scalar) and stated.tag == OVERRIDE and is_null(stated)):
        return Matrix(stated.place, replaces=True)
    if not isinstance(stated, Mapping):
        return None
    reader = _Reader(fragment, problems)
    axes = {key: reader.axis(entry) for key, entry in stated.entries.items() if key not in _NO_AXES}
    return Matrix(
        where=stated.place,
        axes=axes,
        include=tuple(reader.combinations("include", stated.get("include"))),
        exclude=tuple(reader.combinations("exclude", stated.get("exclude"))),
        name=reader.name(stated.get("name")),
        replaces=stated.tag == OVERRIDE,
        clears=frozenset(key for key in _NO_AXES & stated.entries.keys() if _clears(key, stated.entries[key].value)),
    )


def _clears(key: str, node: Value) -> bool:
    return node.tag in {OVERRIDE, RESET} or (key == "name" and is_null(node))


class _Reader:
    def __init__(self, fragment: Fragment, problems: list[EnvbuildError]) -> None:
        self._fragment = fragment
        self._problems = problems

    def axis(self, entry: Entry) -> Axis | None:
        name, stated = entry.key.text, entry.value
        if not _AXIS.fullmatch(name):
            self._wrong(f"'{name}' cannot name an axis", entry.key, "use letters, digits and '_', no digit first")
        if is_null(stated) or stated.tag == RESET:
            return None
        before = len(self._problems)
        choices = tuple(self._choices(name, stated))
        if not choices and len(self._problems) == before:
            self._wrong(f"the axis '{name}' must be a list of values", stated, f"write {name}: [one, two]")
        for at, choice in enumerate(choices):
            if any(choice.is_value(other.value) for other in choices[:at]):
                value = str(choice.value).lower() if isinstance(choice.value, bool) else choice.value
                message = f"the axis '{name}' has '{value}' twice"
                self._problems.append(ManifestError(message, choice.where, "remove one of the two"))
        return Axis(name, entry.key.place, choices)

    def _choices(self, axis: str, stated: Value) -> Iterator[Choice]:
        if isinstance(stated, Sequence):
            for item in stated.items:
                if (value := self._value(item)) is not None:
                    yield Choice(value, item.place)
        if isinstance(stated, Mapping):
            for key, entry in stated.entries.items():
                if (value := self._value(entry.key)) is not None:
                    yield Choice(value, entry.key.place, self._part(f"{axis}={key}", entry))

    def _part(self, label: str, entry: Entry) -> Manifest | None:
        if is_null(entry.value):
            return None
        if not isinstance(entry.value, Mapping) or entry.value.tag:
            self._wrong("a fragment must be a mapping", entry.value, "write keys of a manifest, or nothing")
            return None
        for key in NOT_IN_FRAGMENTS:
            if stated := entry.value.entries.get(key):
                self._wrong(f"'{key}' cannot stand in a fragment", stated.key, "state it in the manifest itself")
        return self._fragment(entry.value, label)

    def _value(self, node: Value) -> MatrixValue | None:
        if not isinstance(node, Scalar) or is_null(node):
            self._wrong("a value of an axis must be text, a whole number, true or false", node, "write it so")
        elif is_rendered(node):
            self._wrong("'matrix' is read before there are values for '{{ }}'", node, "write the value itself")
        elif why := damaged_number(node):
            self._wrong(why, node, f'quote it: "{node.text}"')
        else:
            return plain_value(node)
        return None

    def combinations(self, key: str, stated: Value | None) -> Iterator[Combination]:
        if stated is None or is_null(stated):
            return
        for item in stated.items if isinstance(stated, Sequence) else (stated,):
            if not isinstance(stated, Sequence) or not isinstance(item, Mapping) or not item.entries:
                self._wrong(f"'{key}' must be a list of cells", item, f"write {key}: [{{axis: value}}]")
                continue
            values = {name: self._value(entry.value) for name, entry in item.entries.items()}
            yield Combination({name: value for name, value in values.items() if value is not None}, item.place)

    def name(self, stated: Value | None) -> Scalar | None:
        if stated is None or is_null(stated) or stated.tag == RESET:
            return None
        if not isinstance(stated, Scalar):
            self._wrong("'name' must be text", stated, "write 'name: \"x-{{ matrix.axis }}\"'")
            return None
        return stated

    def _wrong(self, message: str, node: Value, hint: str) -> None:
        self._problems.append(ManifestError(message, node.place, hint))
