"""What manifests of a lineage say, merged key by key; each value keeps the line it came from."""

from collections.abc import Callable, Iterable, Mapping

from envbuild.document import OVERRIDE, RESET, Entry, Scalar, Sequence, Value, is_null
from envbuild.document import Mapping as Node
from envbuild.manifest import RULES, Image, KeyRule, Manifest, Rule, path_of

Entries = dict[str, Entry]
Merge = Callable[[Value, Value], Value]
_APART = {Rule.PACKAGES, Rule.MATRIX}


def merge(lineage: tuple[Manifest, ...], ancestors: Mapping[str, frozenset[str]], publish: Value | None) -> Node:
    """The body of an environment, as if one manifest had said it all; packages and the matrix are merged apart.

    `publish` is what the settings say of it.
    """
    own = lineage[-1].body
    path = lineage[-1].path
    merged: Entries = {}
    if publish is not None:
        _state(merged, Entry(_key("publish", publish), publish), RULES["publish"])
    dropping = [manifest for manifest in lineage if any(key.startswith("apt/") for key in manifest.without)]
    for manifest in lineage:
        stated = _without_apt(manifest, dropping, ancestors) if dropping else manifest.body
        for key, entry in stated.entries.items():
            rule = RULES[key]
            if rule.rule in _APART:
                continue
            if rule.rule is not Rule.OWN:
                _state(merged, entry, rule)
            elif manifest.path == path and not is_null(entry.value):
                merged[key] = entry
    return Node(own.path, own.line, own.column, None, merged)


def merge_params(stated: Iterable[Value | None]) -> Node:
    """The params of a lineage, after those of the settings."""
    merged: Entries = {}
    for value in stated:
        if value is not None:
            key = Scalar(value.path, value.line, value.column, None, "params", plain=True)
            _state(merged, Entry(key, value), RULES["params"])
    found = merged["params"].value if "params" in merged else None
    return found if isinstance(found, Node) else Node("", 0, 0, None, {})


def _state(merged: Entries, entry: Entry, rule: KeyRule) -> None:
    """Apply one statement of a key to what is inherited for it."""
    key, own = entry.key.text, entry.value
    if own.tag == RESET or (own.tag == OVERRIDE and is_null(own)):
        merged.pop(key, None)
    elif not is_null(own):
        inherited = merged.get(key)
        before = inherited.value if inherited and own.tag != OVERRIDE else None
        merged[key] = Entry(entry.key, _combined(before, long_form(key, own), rule))


def long_form(key: str, node: Value) -> Value:
    """A list under `apt` is short for its packages."""
    if key != "apt" or not isinstance(node, Sequence):
        return node
    packages = Scalar(node.path, node.line, node.column, None, "packages", plain=True)
    return Node(node.path, node.line, node.column, node.tag, {"packages": Entry(packages, node)})


def _combined(inherited: Value | None, own: Value, rule: KeyRule) -> Value:
    """`inherited` is None where nothing is: null and prepend mean the same in a root."""
    match rule.rule:
        case Rule.OVERLAY:
            return _overlaid(inherited, own, rule.within)
        case Rule.FIELDS:
            return _fields(inherited, own, rule.within)
        case Rule.VARIABLES:
            return _overlaid(inherited, own, {}, _variable)
    combine = _LISTS.get(rule.rule)
    if combine is None or not isinstance(own, Sequence):
        return own
    items = inherited.items if isinstance(inherited, Sequence) else ()
    return _sequence(own, combine(items, own.items))


def _overlaid(inherited: Value | None, own: Value, within: Mapping[str, KeyRule], merge: Merge | None = None) -> Value:
    """Key by key; null and `!reset` remove what is inherited."""
    if not isinstance(own, Node):
        return own
    entries = dict(inherited.entries) if isinstance(inherited, Node) else {}
    for key, entry in own.entries.items():
        before = entries.get(key)
        if is_null(entry.value) or entry.value.tag == RESET:
            entries.pop(key, None)
        elif merge:
            entries[key] = Entry(entry.key, merge(before.value, entry.value) if before else entry.value)
        elif rule := within.get(key):
            _state(entries, entry, rule)
        else:
            entries[key] = entry
    return Node(own.path, own.line, own.column, None, entries)


def _fields(inherited: Value | None, own: Value, within: Mapping[str, KeyRule]) -> Value:
    """Each key by its own rule; keys that exclude each other: the nearest wins."""
    if not isinstance(own, Node):
        return own
    entries = dict(inherited.entries) if isinstance(inherited, Node) else {}
    for key, entry in own.entries.items():
        if "dockerfile" in within and not is_null(entry.value):
            for other in excluded_by(key):
                entries.pop(other, None)
        _state(entries, entry, within[key])
    return Node(own.path, own.line, own.column, None, entries)


def excluded_by(key: str) -> tuple[str, ...]:
    return tuple(other for pair in Image.EXCLUDES if key in pair for other in pair if other != key)


def _variable(inherited: Value, own: Value) -> Value:
    """A text replaces; additions go around what is inherited, the child's outermost."""
    if not isinstance(own, Node) or own.tag == OVERRIDE:
        return own
    before = inherited.entries if isinstance(inherited, Node) else {"": Entry(_key("", inherited), inherited)}
    entries = dict(before)
    for end, order in (("prepend", _own_then), ("append", _then_own)):
        entry = own.entries.get(end)
        if entry and entry.value.tag == RESET:
            entries.pop(end, None)
        elif entry:
            earlier = before.get(end) if entry.value.tag != OVERRIDE else None
            items = order(_items(earlier.value) if earlier else (), _items(entry.value))
            entries[end] = Entry(entry.key, _sequence(entry.value, items))
    return Node(own.path, own.line, own.column, None, entries)


def _key(text: str, like: Value) -> Scalar:
    return Scalar(like.path, like.line, like.column, None, text, plain=False)


def _items(node: Value) -> tuple[Value, ...]:
    return node.items if isinstance(node, Sequence) else ()


def _sequence(like: Value, items: tuple[Value, ...]) -> Sequence:
    return Sequence(like.path, like.line, like.column, None, items)


def _own_then(inherited: tuple[Value, ...], own: tuple[Value, ...]) -> tuple[Value, ...]:
    return own + inherited


def _then_own(inherited: tuple[Value, ...], own: tuple[Value, ...]) -> tuple[Value, ...]:
    return inherited + own


def _own_first(inherited: tuple[Value, ...], own: tuple[Value, ...]) -> tuple[Value, ...]:
    """Own items first, then inherited ones that are not yet named; never one twice."""
    return _each_once(own + inherited)


def _append_new(inherited: tuple[Value, ...], own: tuple[Value, ...]) -> tuple[Value, ...]:
    return _each_once(inherited + own)


def _each_once(items: tuple[Value, ...]) -> tuple[Value, ...]:
    """The first of each, in its place."""
    found: dict[str, Value] = {}
    for item in items:
        found.setdefault(identity(item), item)
    return tuple(found.values())


def _steps(inherited: tuple[Value, ...], own: tuple[Value, ...]) -> tuple[Value, ...]:
    """All steps, in order; a step with the id of an earlier one takes its place."""
    return _placed(inherited, own, "id")


def _targets(inherited: tuple[Value, ...], own: tuple[Value, ...]) -> tuple[Value, ...]:
    return _placed(inherited, own, "to")


def _placed(inherited: tuple[Value, ...], own: tuple[Value, ...], key: str) -> tuple[Value, ...]:
    """What one manifest says under one name takes the place of all that is inherited under it."""
    named: dict[str, list[Value]] = {}
    for item in own:
        named.setdefault(_name_in(item, key), []).append(item)
    replaced = {name for item in inherited if (name := _name_in(item, key)) in named and name}
    found: list[Value] = []
    for item in inherited:
        name = _name_in(item, key)
        found += named.pop(name, []) if name in replaced else [item]
    return (*found, *(item for item in own if _name_in(item, key) not in replaced))


def _name_in(item: Value, key: str) -> str:
    node = item.get(key) if isinstance(item, Node) else None
    return node.text if isinstance(node, Scalar) else ""


def identity(node: Value) -> str:
    """What makes two items of a list the same item."""
    match node:
        case Scalar():
            return path_of("apt", node) or node.text
        case Sequence():
            return f"[{','.join(identity(item) for item in node.items)}]"
    return f"{{{','.join(sorted(f'{key}:{identity(entry.value)}' for key, entry in node.entries.items()))}}}"


def _without_apt(manifest: Manifest, dropping: list[Manifest], ancestors: Mapping[str, frozenset[str]]) -> Node:
    """A body without the Debian packages that `without: apt/NAME` of a descendant drops."""
    names = {key.removeprefix("apt/") for one in dropping if manifest.key in ancestors[one.key] for key in one.without}
    body = manifest.body
    image = body.get("image")
    apt = long_form("apt", image.get("apt") or image) if isinstance(image, Node) else None
    packages = apt.get("packages") if isinstance(apt, Node) else None
    if not names or not isinstance(image, Node) or not isinstance(apt, Node) or not isinstance(packages, Sequence):
        return body
    left = tuple(item for item in packages.items if apt_name(identity(item)) not in names)
    shorter = _with(apt, "packages", Sequence(packages.path, packages.line, packages.column, packages.tag, left))
    return _with(body, "image", _with(image, "apt", shorter))


def _with(node: Node, key: str, value: Value) -> Node:
    entry = node.entries[key] if key in node.entries else Entry(_key(key, node), value)
    entries = {**node.entries, key: Entry(entry.key, value)}
    return Node(node.path, node.line, node.column, node.tag, entries)


def apt_name(text: str) -> str:
    """`nano=5.4`, `nano/stable` and `nano:arm64` are the package nano."""
    return text.replace("/", "=").replace(":", "=").partition("=")[0].strip()


_LISTS: dict[Rule, Callable[[tuple[Value, ...], tuple[Value, ...]], tuple[Value, ...]]] = {
    Rule.APPEND: _then_own,
    Rule.APPEND_NEW: _append_new,
    Rule.OWN_FIRST: _own_first,
    Rule.STEPS: _steps,
    Rule.TARGETS: _targets,
}
