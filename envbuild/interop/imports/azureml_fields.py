"""The values of an Azure ML definition by their names, and all of it that has no place in a manifest."""

from collections.abc import Iterator, Mapping

import msgspec

from envbuild.document import Mapping as Node
from envbuild.document import Scalar, Sequence, Value, is_null, scalars, unprintable
from envbuild.errors import EnvbuildError, ManifestError, Note, Place, raise_all
from envbuild.interop.imports.masking import hidden, without_login
from envbuild.project.starting import not_carried
from envbuild.shape import nearest

# Names and what is known below each: nothing where it is a value, or a mapping of anything.
Known = Mapping[str, "Known | None"]


class Fields:
    """One definition; what of it a manifest cannot say is collected in `left`, what is worth a word in `notes`."""

    def __init__(self, root: Node, known: Known) -> None:
        raise_all(_unsound(root))
        self.root = root
        self.left: list[EnvbuildError] = []
        self.notes: list[Note] = []
        self.left += _unknown(root, known, "")

    def node(self, name: str) -> Value | None:
        """By a name with dots; nothing for null."""
        found: Value | None = self.root
        for key in name.split("."):
            if found is not None and not isinstance(found, Node):
                raise _mistyped(name.rpartition(".")[0], found, "a mapping")
            found = found.get(key) if found else None
            found = None if found is None or is_null(found) else found
        return found

    def key(self, name: str) -> Place:
        """Where a name stands."""
        above, _, last = name.rpartition(".")
        holder = self.node(above) if above else self.root
        entry = holder.entries.get(last) if isinstance(holder, Node) else None
        return entry.key.place if entry else self.root.place

    def text(self, name: str) -> Scalar | None:
        """Nothing for an empty text either: it says nothing to Azure."""
        found = self.node(name)
        if found is not None and not isinstance(found, Scalar):
            raise _mistyped(name, found, "a text")
        return found if found and found.text else None

    def image(self, name: str) -> Scalar | None:
        """The name of an image, without whom its registry is to let in."""
        found = self.text(name)
        plain = without_login(found.text) if found else ""
        if found is None or plain == found.text:
            return found
        self.left.append(hidden(plain, found.place))
        return msgspec.structs.replace(found, text=plain)

    def flag(self, name: str, default: bool) -> bool:  # noqa: FBT001 - it stands behind a name that says what it is
        found = self.node(name)
        if found is None:
            return default
        if not isinstance(found, Scalar) or not found.plain or found.text.lower() not in {"true", "false"}:
            raise _mistyped(name, found, "true or false")
        return found.text.lower() == "true"

    def items(self, name: str) -> tuple[Value, ...]:
        found = self.node(name)
        if found is not None and not isinstance(found, Sequence):
            raise _mistyped(name, found, "a list")
        return tuple(one for one in found.items if not is_null(one)) if found else ()

    def texts(self, name: str) -> tuple[Scalar, ...]:
        found = self.items(name)
        for one in found:
            if not isinstance(one, Scalar):
                raise _mistyped(name, one, "a list of texts")
        return tuple(one for one in found if isinstance(one, Scalar))

    def pairs(self, name: str) -> Iterator[tuple[Scalar, Scalar]]:
        """Names with a text each."""
        found = self.node(name)
        if found is not None and not isinstance(found, Node):
            raise _mistyped(name, found, "a mapping")
        for key, entry in found.entries.items() if found else ():
            if not isinstance(entry.value, Scalar):
                raise _mistyped(f"{name}.{key}", entry.value, "a text")
            if is_null(entry.value):
                hint = "give it one, or remove it"
                self.left.append(not_carried(f"{name}.{key}", "it has no value", entry.key.place, hint))
            else:
                yield entry.key, entry.value


def _mistyped(name: str, found: Value, expected: str) -> ManifestError:
    return ManifestError(f"'{name}' must be {expected}", found.place, "mend it, or save the definition again")


def _unsound(root: Node) -> Iterator[EnvbuildError]:
    for one in scalars(root):
        if bad := unprintable(one.text):
            yield ManifestError(bad, one.place, "remove it")


def _unknown(node: Node, known: Known, above: str) -> Iterator[EnvbuildError]:
    for key, entry in node.entries.items():
        if key not in known:
            said = f"{above}{key}"
            yield not_carried(said, "Azure ML has no such field here", entry.key.place, nearest(key, known))
        elif (below := known[key]) and isinstance(entry.value, Node):
            yield from _unknown(entry.value, below, f"{above}{key}.")
        elif below and isinstance(entry.value, Sequence):
            for one in entry.value.items:
                yield from _unknown(one, below, f"{above}{key}.") if isinstance(one, Node) else ()
