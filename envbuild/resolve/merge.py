"""What manifests of a lineage say, merged key by key; each value keeps the line it came from."""

from collections.abc import Callable

from envbuild.document import OVERRIDE, RESET, Entry, Mapping, Scalar, Sequence, Value, is_null
from envbuild.manifest import Manifest, Rule, rules

Merge = Callable[[Value, Value], Value]


def merge(lineage: tuple[Manifest, ...]) -> Mapping:
    """The body of an environment, as if one manifest had said it all; packages are merged apart."""
    own = lineage[-1].body
    merged: dict[str, Entry] = {}
    for manifest in lineage:
        for key, entry in manifest.body.entries.items():
            rule = _RULES[key]
            if rule in _MERGES:
                _state(merged, entry, _MERGES[rule])
            elif rule is Rule.OWN and manifest.body is own:
                merged[key] = entry
    return Mapping(own.path, own.line, own.column, None, merged)


def _state(merged: dict[str, Entry], entry: Entry, rule: Merge) -> None:
    """Apply one statement of a key to what is inherited for it."""
    key = entry.key.text
    if entry.value.tag == RESET or (entry.value.tag == OVERRIDE and is_null(entry.value)):
        merged.pop(key, None)
    elif not is_null(entry.value):
        inherited = merged.get(key)
        plain = _without_resets(entry.value)
        before = inherited.value if inherited and entry.value.tag != OVERRIDE else _nothing_like(plain)
        merged[key] = Entry(entry.key, rule(before, plain))


def _nothing_like(node: Value) -> Value:
    """What is inherited where nothing is: so that null and prepend mean the same in a root."""
    match node:
        case Mapping():
            return Mapping(node.path, node.line, node.column, None, {})
        case Sequence():
            return Sequence(node.path, node.line, node.column, None, ())
    return node


def _without_resets(node: Value) -> Value:
    if not isinstance(node, Mapping) or not any(entry.value.tag == RESET for entry in node.entries.values()):
        return node
    nothing = {
        key: Entry(entry.key, Scalar(node.path, entry.key.line, entry.key.column, None, "", plain=True))
        if entry.value.tag == RESET
        else entry
        for key, entry in node.entries.items()
    }
    return Mapping(node.path, node.line, node.column, node.tag, nothing)


def _replace(_inherited: Value, own: Value) -> Value:
    return own


def _overlay(inherited: Value, own: Value) -> Value:
    return _by_key(inherited, own, _replace)


def _variables(inherited: Value, own: Value) -> Value:
    return _by_key(inherited, own, _variable)


def _by_key(inherited: Value, own: Value, rule: Merge) -> Value:
    if not isinstance(inherited, Mapping) or not isinstance(own, Mapping):
        return own
    entries = dict(inherited.entries)
    for key, entry in own.entries.items():
        before = entries.get(key)
        if is_null(entry.value):
            entries.pop(key, None)
        else:
            value = rule(before.value, entry.value) if before else entry.value
            entries[key] = Entry(entry.key, value)
    return Mapping(own.path, own.line, own.column, None, entries)


def _variable(inherited: Value, own: Value) -> Value:
    """A text replaces; additions go around what is inherited, the child's outermost."""
    if not isinstance(own, Mapping) or own.tag == OVERRIDE:
        return own
    before = inherited.entries if isinstance(inherited, Mapping) else {"": Entry(_key("", inherited), inherited)}
    entries = dict(before)
    for end, order in (("prepend", _own_then), ("append", _then_own)):
        entry = own.entries.get(end)
        if entry and entry.value.tag == RESET:
            entries.pop(end, None)
        elif entry:
            earlier = before.get(end) if entry.value.tag != OVERRIDE else None
            entries[end] = Entry(entry.key, order(earlier.value, entry.value) if earlier else entry.value)
    return Mapping(own.path, own.line, own.column, None, entries)


def _key(text: str, like: Value) -> Scalar:
    return Scalar(like.path, like.line, like.column, None, text, plain=False)


def _items(node: Value) -> tuple[Value, ...]:
    return node.items if isinstance(node, Sequence) else ()


def _own_then(inherited: Value, own: Value) -> Value:
    return Sequence(own.path, own.line, own.column, None, _items(own) + _items(inherited))


def _then_own(inherited: Value, own: Value) -> Value:
    return Sequence(own.path, own.line, own.column, None, _items(inherited) + _items(own))


def _own_first(inherited: Value, own: Value) -> Value:
    """Own items first, then inherited ones that are not yet named; never one twice."""
    named = {item.text: item for item in reversed(_items(own) + _items(inherited)) if isinstance(item, Scalar)}
    ordered = dict.fromkeys(item.text for item in _items(own) + _items(inherited) if isinstance(item, Scalar))
    return Sequence(own.path, own.line, own.column, None, tuple(named[text] for text in ordered))


_RULES = rules()
_MERGES: dict[Rule, Merge] = {
    Rule.REPLACE: _replace,
    Rule.OVERLAY: _overlay,
    Rule.VARIABLES: _variables,
    Rule.OWN_FIRST: _own_first,
    Rule.APPEND: _then_own,
}
