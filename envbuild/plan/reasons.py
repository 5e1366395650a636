"""Two lists of parts -> reasons: what of the content differs, in words, and the lines that say so."""

import json
import posixpath
from collections import Counter
from collections.abc import Iterator

import msgspec

from envbuild.document import Scalar, Sequence
from envbuild.errors import Place
from envbuild.fingerprint import Part, folder_of
from envbuild.lock import Change, lock_path
from envbuild.record import Reason
from envbuild.resolve import Environment

_MOST_FILES = 3
_RENDERING = {"spark", "r"}
_IN_DOCKERFILE = {"base", "image", "python", "setup", "variables", "file", *_RENDERING}
_SHOWN = 60
_DIGEST = len("sha256:") + 12


class Source(msgspec.Struct, frozen=True):
    """What the lines of reasons are looked up in: a manifest that stands, or only the path of one that stood once."""

    path: str
    environment: Environment | None = None
    name: str = ""

    @property
    def whole(self) -> Place:
        return Place(self.path)

    @property
    def lock(self) -> Place:
        return Place(lock_path(self.environment.name if self.environment else self.name))

    def where(self, *keys: str) -> Place:
        return self.environment.where(*keys) if self.environment else self.whole

    def file(self, path: str) -> Place:
        packages = self.environment.packages if self.environment else ()
        items = (item for package in packages for item in package.items if item.path == path)
        return next((item.where for item in items), self.whole)

    def key(self, name: str) -> Place:
        return self.environment.where_key(name) if self.environment else self.whole

    def python(self, key: str) -> Place:
        items = self.environment.package("python") if self.environment else ()
        return items[0].where if items else self.where("python", key)

    def setup(self, before: list[str]) -> Place:
        """The first command that was not there before, else the list."""
        stated = self.environment.body.get("setup") if self.environment else None
        items = stated.items if isinstance(stated, Sequence) else ()
        fresh = (node.place for node in items if isinstance(node, Scalar) and node.text not in before)
        return next(fresh, self.where("setup"))


def content_reasons(
    before: tuple[Part, ...], now: tuple[Part, ...], pins: tuple[Change, ...], source: Source
) -> tuple[Reason, ...]:
    """The difference of two part lists, each part explained by what it holds."""
    old_parts = {part.name: part for part in before}
    new_parts = {part.name: part for part in now}
    reasons: list[Reason] = []
    for name in sorted(old_parts.keys() | new_parts.keys()):
        old, new = old_parts.get(name), new_parts.get(name)
        if old is None or new is None or old.digest != new.digest:
            reasons += _part_reasons(name, old, new, pins, source)
    if any(reason.part in _IN_DOCKERFILE for reason in reasons):
        reasons = [reason for reason in reasons if reason.part != "template"]  # it moved because these did
    return tuple(dict.fromkeys(reasons))


def _part_reasons(
    name: str, old: Part | None, new: Part | None, pins: tuple[Change, ...], source: Source
) -> Iterator[Reason]:
    stem, _, rest = name.partition("/")
    match stem:
        case "dependencies":
            for change in pins or (Change("the pins changed", source.lock),):
                yield Reason(stem, change.text, change.where.line_only)
        case "file":
            where = source.file(rest).line_only
            yield from (Reason(stem, change, where) for change in _file_changes(rest, old, new))
        case "variables":
            yield from _variable_reasons(old, new, source)
        case "python":
            yield from _python_reasons(old, new, source)
        case "setup":
            yield Reason(stem, _setup_change(old, new), source.setup(_commands(old)).line_only)
        case "base":
            yield Reason(stem, _base_change(old, new, source), source.where("image", "base").line_only)
        case "image":
            yield Reason(stem, f"{rest} {_value_change(old, new)}", source.where("image", rest).line_only)
        case "template":
            yield Reason(stem, f"{rest} renders another text", source.path)
        case _:
            yield _other(stem, old, new, source)


def _other(stem: str, old: Part | None, new: Part | None, source: Source) -> Reason:
    """What a key of the manifest renders has its line."""
    if stem in _RENDERING:
        return Reason(stem, _texts_change(old, new), source.key(stem).line_only)
    return Reason(stem, _came_or_went(old, new), source.path)


def _came_or_went(old: Part | None, new: Part | None) -> str:
    return "changed" if old and new else "added" if new else "removed"


def _texts_change(old: Part | None, new: Part | None) -> str:
    """Of what is rendered for a key, the files that are others now."""
    before, now = _object(old), _object(new)
    names = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    return f"{', '.join(names)} {_came_or_went(old, new)}"


def _base_change(old: Part | None, new: Part | None, source: Source) -> str:
    """Images have no shorter name than their digests; an environment has one."""
    before, now = _object(old), _object(new)
    if before.keys() == now.keys() == {"environment"}:
        stated = source.environment.node("image", "base", "environment") if source.environment else None
        return f"{stated.text} has changed" if isinstance(stated, Scalar) else "the environment has changed"
    kinds = [next(iter(one), "none") if "digest" not in one else str(one["digest"])[:_DIGEST] for one in (before, now)]
    return " -> ".join(kinds)


def _value_change(old: Part | None, new: Part | None) -> str:
    """Both values where they are short, else only that it is another one."""
    if old is None or new is None:
        return _came_or_went(old, new)
    return f"{old.content} -> {new.content}" if len(old.content) + len(new.content) <= _SHOWN else "changed"


def _file_changes(path: str, old: Part | None, new: Part | None) -> Iterator[str]:
    """Of a folder the files; where they are many, one of them and how many more."""
    before, now = folder_of(old), folder_of(new)
    if before is None or now is None or before.editable != now.editable:
        how = "editable" if now and now.editable else "a copy"
        yield f"{path} is {how} now" if before and now else f"{path} {_came_or_went(old, new)}"
        return
    names = sorted(
        name for name in before.files.keys() | now.files.keys() if before.files.get(name) != now.files.get(name)
    )
    shown = names if len(names) <= _MOST_FILES else names[:1]
    for name in shown:
        how = "added" if name not in before.files else "removed" if name not in now.files else "changed"
        more = f", and {len(names) - 1} more files" if len(names) > len(shown) else ""
        yield f"{posixpath.normpath(posixpath.join(path, name))} {how}{more}"


def _object(part: Part | None) -> dict[str, object]:
    return json.loads(part.content) if part and part.content else {}


def _variable_reasons(old: Part | None, new: Part | None, source: Source) -> Iterator[Reason]:
    before, now = _object(old), _object(new)
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) != now.get(name):
            where = source.where("variables", name) if name in now else source.whole
            yield Reason("variables", f"{name} {_shown(before.get(name))} -> {_shown(now.get(name))}", where.line_only)


def _shown(value: object) -> str:
    return "none" if value is None else json.dumps(value, ensure_ascii=False)


def _python_reasons(old: Part | None, new: Part | None, source: Source) -> Iterator[Reason]:
    before, now = _object(old), _object(new)
    for key in sorted(before.keys() | now.keys()):
        if before.get(key) != now.get(key):
            label = "" if key == "version" else f"{key} "
            change = f"{label}{_plain(before.get(key))} -> {_plain(now.get(key))}"
            yield Reason("python", change, source.python(key).line_only)


def _plain(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else "none" if value is None else str(value)


def _commands(part: Part | None) -> list[str]:
    return json.loads(part.content) if part else []


def _setup_change(old: Part | None, new: Part | None) -> str:
    before, now = _commands(old), _commands(new)
    gone = [f"-{json.dumps(command, ensure_ascii=False)}" for command in (Counter(before) - Counter(now)).elements()]
    come = [f"+{json.dumps(command, ensure_ascii=False)}" for command in (Counter(now) - Counter(before)).elements()]
    return " ".join([*gone, *come]) or "other order"
