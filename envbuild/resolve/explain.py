"""Where each value of an environment came from, and what it overrode."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from envbuild.document import OVERRIDE, PREFIX, RESET, Scalar, Sequence, Value, is_null, written
from envbuild.document import Mapping as Node
from envbuild.errors import Place
from envbuild.manifest import RULES, Item, KeyRule, Manifest, MatrixValue, Rule, normalise
from envbuild.resolve.environment import Environment, publishing
from envbuild.resolve.merge import apt_name, excluded_by, long_form
from envbuild.resolve.packages import Field
from envbuild.settings import Settings

PACKAGES: dict[Field, str] = {
    "dependencies": "dependencies",
    "limits": "constraints",
    "constraints": "constraints",
    "overrides": "overrides",
}
_LISTS = {Rule.OWN_FIRST, Rule.APPEND, Rule.APPEND_NEW}
_NAMED = {Rule.STEPS: "id", Rule.TARGETS: "to"}
_FOREIGN = {"name", "prefix", "category"}
_DEFAULTS = ("channels", "platforms", "builder")


class Overridden(msgspec.Struct, frozen=True):
    value: str
    where: str


class Explained(msgspec.Struct, frozen=True):
    """One value; None where what was inherited has been removed."""

    field: str
    value: str | None
    where: str
    overrides: tuple[Overridden, ...] = ()


class _Stated(msgspec.Struct, frozen=True):
    """One value as one manifest states it; `item` is what tells the items of a list apart."""

    field: str
    item: str
    value: str
    where: Place
    keys: tuple[str, ...]


def explain(environment: Environment, settings: Settings) -> tuple[Explained, ...]:
    """Every value, by field; the keys in the order in which a manifest has them."""
    rows = [*_matrix(environment), *_values(environment, settings), *_packages(environment)]
    rows += _defaults(environment, settings)
    order = {key: at for at, key in enumerate(RULES)}
    return tuple(sorted(rows, key=lambda row: order[row.field.partition(".")[0].partition("[")[0]]))


def rows_of(rows: Iterable[Explained], field: str) -> tuple[Explained, ...]:
    """The rows of a field, of all within it, or of a package by its name."""
    return tuple(
        row
        for row in rows
        if row.field == field
        or row.field.startswith((f"{field}.", f"{field}["))
        or row.field.partition(".")[2] in {field.lower(), f"pip/{normalise(field)}", f"pip/{normalise(field[4:])}"}
    )


def _values(environment: Environment, settings: Settings) -> Iterator[Explained]:
    own = environment.path
    bodies = [manifest.body for manifest in environment.lineage]
    roots = [_root("publish", publishing(settings))]
    roots += [_root(key, settings.body.get(key)) for key in ("params", "builder", "platforms")]
    stated = [one for body in roots for one in flat(body)]
    for manifest, body in zip(environment.lineage, bodies, strict=True):
        stated += [one for one in flat(body) if RULES[one.keys[0]].rule is not Rule.OWN or manifest.path == own]
    left = flat(environment.body)
    held = {(one.field, one.item, one.where) for one in left}
    order = {(one.field, one.item, one.where): at for at, one in enumerate(stated)}
    lost = [(at, one) for at, one in enumerate(stated) if (one.field, one.item, one.where) not in held]
    for one in left:
        yield Explained(one.field, shown(one.value), str(one.where), _overridden(one, lost, order))
    kept = {(one.field, one.item) for one in left}
    gone: dict[tuple[str, str], list[_Stated]] = {}
    for one in stated:
        if (one.field, one.item) not in kept:
            gone.setdefault((one.field, one.item), []).append(one)
    for before in gone.values():
        if remover := _remover(before[-1], bodies) or _displaced(before[-1], environment):
            overrides = tuple(Overridden(shown(one.value), str(one.where)) for one in reversed(before))
            yield Explained(before[-1].field, None, str(remover), overrides)


def _root(key: str, value: Value | None) -> Node:
    from envbuild.resolve.environment import node_with

    return node_with(None, key, value) if value else Node("", 0, 0, None, {})


def _overridden(
    one: _Stated, lost: list[tuple[int, _Stated]], order: Mapping[tuple[str, str, Place], int]
) -> tuple[Overridden, ...]:
    """What was stated of the same value before, nearest first; what comes after it in a list is a repeat of it."""
    own = order.get((one.field, one.item, one.where), len(order))
    same = (other for at, other in reversed(lost) if at < own or not one.item)
    others = [other for other in same if (other.field, other.item) == (one.field, one.item)]
    return tuple(Overridden(shown(other.value), str(other.where)) for other in others)


def flat(body: Node) -> list[_Stated]:
    found: list[_Stated] = []
    for key, entry in body.entries.items():
        rule = RULES[key]
        if key not in _FOREIGN and rule.rule not in {Rule.PACKAGES, Rule.MATRIX} and not _says_nothing(entry.value):
            found += _flattened((key,), entry.value, rule)
    return found


def _says_nothing(node: Value) -> bool:
    return is_null(node) or node.tag == RESET


def _flattened(keys: tuple[str, ...], node: Value, rule: KeyRule) -> Iterator[_Stated]:
    field = ".".join(keys)
    if rule.rule is Rule.VARIABLES:
        yield from _variables(keys, node)
    elif rule.rule in {Rule.OVERLAY, Rule.FIELDS} and isinstance(node, Node):
        for key, entry in node.entries.items():
            if not _says_nothing(entry.value):
                yield from _flattened(
                    (*keys, key),
                    long_form(key, entry.value) if keys == ("image",) else entry.value,
                    rule.within.get(key, KeyRule(Rule.REPLACE)),
                )
    elif rule.rule in _LISTS and isinstance(node, Sequence):
        yield from (_Stated(field, flow(item), flow(item), item.place, keys) for item in node.items)
    elif rule.rule in _NAMED and isinstance(node, Sequence):
        for item in node.items:
            name = item.get(_NAMED[rule.rule]) if isinstance(item, Node) else None
            own = f"{field}[{name.text}]" if isinstance(name, Scalar) else field
            yield _Stated(own, "" if own != field else flow(item), flow(item), item.place, keys)
    else:
        yield _Stated(field, "", flow(node), node.place, keys)


def _variables(keys: tuple[str, ...], node: Value) -> Iterator[_Stated]:
    for name, entry in node.entries.items() if isinstance(node, Node) else ():
        field, value = ".".join((*keys, name)), entry.value
        if not isinstance(value, Node):
            if not _says_nothing(value):
                yield _Stated(field, "", flow(value), value.place, (*keys, name))
            continue
        for end, part in value.entries.items():
            if not end:
                yield _Stated(field, "", flow(part.value), part.value.place, (*keys, name))
            for item in part.value.items if isinstance(part.value, Sequence) else ():
                yield _Stated(f"{field}.{end}", flow(item), flow(item), item.place, (*keys, name, end))


def _remover(gone: _Stated, bodies: list[Node]) -> Place | None:
    """The nearest line that clears or replaces what was stated there."""
    for body in reversed(bodies):
        node: Value | None = body
        for key in gone.keys:
            node = node.get(key) if isinstance(node, Node) else None
            if node is None:
                break
            if node.place != gone.where and (node.tag in {OVERRIDE, RESET} or is_null(node)):
                return node.place
    return None


def _displaced(gone: _Stated, environment: Environment) -> Place | None:
    """The nearest `without: apt/NAME` of a Debian package, or the key that excludes this one."""
    if gone.keys == ("image", "apt", "packages"):
        key = f"apt/{apt_name(gone.item.strip(chr(34)))}"
        return next((one.without[key].where for one in reversed(environment.lineage) if key in one.without), None)
    if gone.keys[0] == "variables" and isinstance(text := environment.node(*gone.keys[:2]), Scalar):
        return text.place
    others = [other for key in gone.keys[1:2] for other in excluded_by(key)] if gone.keys[0] == "image" else []
    return next((node.place for other in others if (node := environment.node("image", other))), None)


def _packages(environment: Environment) -> Iterator[Explained]:
    for field, key in PACKAGES.items():
        left = {package.key: package.items for package in getattr(environment, field).every}
        for name in sorted({name for one in environment.lineage for name in getattr(one, field).definitions}):
            stated = [item for one in environment.lineage for item in getattr(one, field).definitions.get(name, ())]
            every = [item for item in stated if any(item.holds_on(platform) for platform in environment.platforms)]
            items = left.get(name, ())
            over = tuple(Overridden(asked(item), str(item.where)) for item in reversed(every) if item not in items)
            for at, item in enumerate(items):
                yield Explained(f"{key}.{name}", asked(item), str(item.where), over if not at else ())
            dropper = None if items else _dropper(environment.lineage, field, name)
            if dropper:
                yield Explained(f"{key}.{name}", None, str(dropper), over)


def asked(item: Item) -> str:
    text = shown(item.shown)
    return f"sel({item.selector}): {text}" if item.selector else text


def _dropper(lineage: tuple[Manifest, ...], field: Field, name: str) -> Place | None:
    manager = "pip" if name.startswith("pip/") else "conda"
    for manifest in reversed(lineage):
        if field == "dependencies" and name in manifest.without:
            return manifest.without[name].where
        if manager in getattr(manifest, field).cleared:
            stated = manifest.body.get(PACKAGES[field])
            return stated.place if stated else manifest.place
    return None


def _matrix(environment: Environment) -> Iterator[Explained]:
    for name, value in environment.matrix.items():
        axes = [one.matrix.axes[name] for one in environment.lineage if one.matrix and one.matrix.axes.get(name)]
        axis = axes[-1] if axes else None
        choices = [choice for choice in axis.choices if choice.is_value(value)] if axis else []
        where = choices[0].where if choices else axis.where if axis else environment.where_itself
        yield Explained(f"matrix.{name}", _value_text(value), str(where))


def _defaults(environment: Environment, settings: Settings) -> Iterator[Explained]:
    """What no manifest of the lineage says, and every environment has."""
    values = {
        "channels": f"[{', '.join(environment.channels)}]",
        "platforms": f"[{', '.join(environment.platforms)}]",
        "builder": environment.builder,
    }
    for key in _DEFAULTS:
        if environment.node(key) is None:
            yield Explained(key, values[key], str(settings.place(key) or "default"))


def flow(node: Value) -> str:
    """A value on one line."""
    match node:
        case Scalar():
            return written(node) or "null"
        case Sequence():
            return f"[{', '.join(flow(item) for item in node.items)}]"
    return f"{{{', '.join(f'{key}: {flow(entry.value)}' for key, entry in node.entries.items())}}}"


def _value_text(value: MatrixValue) -> str:
    """A value of an axis as a manifest writes it, so that text and numbers are told apart."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return written(Scalar("", 0, 0, None, text, plain=not isinstance(value, str)))


def shown(text: str) -> str:
    """A text as a person reads it: the place that only a builder knows by its name."""
    return text.replace(PREFIX, "{{ environment.prefix }}").replace("\\ufdd0prefix\\ufdd1", "{{ environment.prefix }}")
