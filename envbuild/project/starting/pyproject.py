"""What a pyproject.toml says of environments, and what of that no manifest can say."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from envbuild.document import Scalar, decode
from envbuild.errors import EnvbuildError, ManifestError, Place
from envbuild.manifest import normalise, pip_item, python_version
from envbuild.project.starting.poetry import poetry_tables, range_of, requirement

_AT = re.compile(r"(?P<what>.*) \(at line (?P<line>\d+), column (?P<column>\d+)\)", re.DOTALL)
_SELF = re.compile(r"(?P<name>[\w.-]+)\s*\[(?P<extras>[\w.,\s-]+)\]")
_TOOLS = {
    ("tool", "uv", "sources"): "where single packages come from",
    ("tool", "uv", "index"): "indexes",
    ("tool", "uv", "constraint-dependencies"): "constraints",
    ("tool", "uv", "override-dependencies"): "overrides",
    ("tool", "poetry", "source"): "indexes",
    ("tool", "pixi", "dependencies"): "conda packages",
    ("tool", "pixi", "workspace"): "environments of another tool",
}


class Declared(msgspec.Struct, frozen=True):
    """Packages for the environment itself and for each group; `left` says what is not carried, and why."""

    name: str
    python: str
    packages: tuple[str, ...]
    groups: dict[str, tuple[str, ...]]
    left: tuple[str, ...]


def declared(path: str, data: bytes) -> Declared:
    """Both ways of saying it: the `project` table, and poetry's own."""
    content = _load(path, decode(path, data))
    reading = _Reading(content)
    return reading.poetry() if reading.is_poetrys else reading.project()


def _load(path: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = _AT.fullmatch(str(error))
        where = Place(path, int(at["line"]), int(at["column"])) if at else Place(path)
        raise ManifestError(f"this is not TOML: {at['what'] if at else error}", where, "mend it") from None
    except (RecursionError, ValueError):
        raise ManifestError("this is not TOML that can be read", Place(path), "mend it") from None


class _Reading:
    """One file, and all of it that cannot be carried."""

    def __init__(self, content: dict[str, Any]) -> None:
        self._content = content
        self._project = table(content, "project")
        self._left: list[str] = []

    @property
    def is_poetrys(self) -> bool:
        stated = table(self._content, "tool", "poetry")
        return "dependencies" in stated and "dependencies" not in self._project

    def project(self) -> Declared:
        name = _text(self._project.get("name"))
        for field in set(map(_text, _list(self._project.get("dynamic")))) & {"dependencies", "optional-dependencies"}:
            self._left.append(f"'{field}' is dynamic: only a build of the project knows it")
        packages = self._requirements("project.dependencies", self._project.get("dependencies"))
        groups = {group: self._group(group, ()) for group in table(self._content, "dependency-groups")}
        extras = table(self._project, "optional-dependencies")
        for extra in extras:
            groups[extra] = (*groups.get(extra, ()), *self._extra(name, extra, extras, ()))
        return self._declared(name, _text(self._project.get("requires-python")), packages, groups)

    def poetry(self) -> Declared:
        stated = table(self._content, "tool", "poetry")
        main = dict(table(stated, "dependencies"))
        python = self._python_of_poetry(main.pop("python", ""))
        optional = {name for name, one in main.items() if isinstance(one, dict) and one.get("optional") is True}
        packages = self._of_poetry({name: one for name, one in main.items() if name not in optional})
        groups = {group: self._of_poetry(entries) for group, entries in poetry_tables(stated)}
        for extra, names in table(stated, "extras").items():
            wanted = {name: main[name] for name in map(_text, _list(names)) if name in main}
            groups[extra] = (*groups.get(extra, ()), *self._of_poetry(wanted))
        name = _text(self._project.get("name")) or _text(stated.get("name"))
        python = _text(self._project.get("requires-python")) or python
        return self._declared(name, python, packages, groups)

    def _declared(
        self, name: str, python: str, packages: tuple[str, ...], groups: dict[str, tuple[str, ...]]
    ) -> Declared:
        for keys, what in _TOOLS.items():
            if _at(self._content, keys):
                self._left.append(f"{'.'.join(keys)} ({what})")
        if "build-system" in self._content and (packages or groups or python):
            self._left.append("the project itself, which is a folder: build a wheel and name that")
        filled = {group: tuple(dict.fromkeys(found)) for group, found in groups.items() if found}
        self._left += [f"'{group}' holds nothing" for group in groups if group not in filled]
        left = tuple(dict.fromkeys(self._left))
        return Declared(name, self._python(python), tuple(dict.fromkeys(packages)), filled, left)

    def _python(self, stated: str) -> str:
        """The range where a manifest can say it."""
        spec = re.sub(r"\s+", "", stated).rstrip(",")
        try:
            if spec:
                python_version(Scalar("pyproject.toml", 0, 0, None, spec, plain=False))
        except EnvbuildError as error:
            self._left.append(f"requires-python '{stated}': {error.message}")
            return ""
        return spec

    def _requirements(self, where: str, stated: Any) -> tuple[str, ...]:
        if stated is not None and not isinstance(stated, list):
            self._left.append(f"{where} is no list")
        return tuple(one for one in _list(stated) if self._is_carried(where, one))

    def _is_carried(self, where: str, stated: Any) -> bool:
        try:
            if not isinstance(stated, str):
                self._left.append(f"{where}: {stated!r} is no text")
                return False
            item = pip_item(Scalar("pyproject.toml", 0, 0, None, stated, plain=False), "")
        except EnvbuildError as error:
            self._left.append(f"{where}: {error.message}")
            return False
        if item.path or not stated.isprintable():
            self._left.append(f"{where}: '{stated}' is a path")
        return not item.path and stated.isprintable()

    def _group(self, name: str, open_: tuple[str, ...]) -> tuple[str, ...]:
        """A group with those that it includes."""
        groups = {normalise(key): value for key, value in table(self._content, "dependency-groups").items()}
        key, where = normalise(name), f"dependency-groups.{name}"
        if key in open_ or key not in groups:
            self._left.append(f"{where}: " + ("it includes itself" if key in open_ else "there is no such group"))
            return ()
        found: list[str] = []
        for one in _list(groups[key]):
            included = one.get("include-group") if isinstance(one, dict) else None
            if isinstance(included, str):
                found += self._group(included, (*open_, key))
            else:
                found += self._requirements(where, [one])
        return tuple(found)

    def _extra(self, project: str, name: str, extras: Mapping[str, Any], open_: tuple[str, ...]) -> tuple[str, ...]:
        """An extra with those of the project itself that it asks for: `all = ["app[fast,docs]"]`."""
        known = {normalise(key): value for key, value in extras.items()}
        found: list[str] = []
        for one in _list(known.get(normalise(name))):
            own = _SELF.fullmatch(one.strip()) if isinstance(one, str) else None
            if own and normalise(own["name"]) == normalise(project):
                wanted = {normalise(extra) for extra in re.split(r"[,\s]+", own["extras"]) if extra}
                for extra in sorted(wanted - {*open_, normalise(name)}):
                    found += self._extra(project, extra, extras, (*open_, normalise(name)))
            else:
                found += self._requirements(f"project.optional-dependencies.{name}", [one])
        return tuple(found)

    def _python_of_poetry(self, stated: Any) -> str:
        found = range_of(_text(stated))
        if found is None:
            self._left.append(f"python '{stated}': no manifest can say this range")
        return found or ""

    def _of_poetry(self, entries: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(text for name, one in entries.items() for text in self._one_of_poetry(name, one))

    def _one_of_poetry(self, name: str, stated: Any) -> Iterator[str]:
        found = requirement(name, stated) if name != "python" else None
        if found and self._is_carried("tool.poetry", found):
            yield found
        elif not found:
            self._left.append(f"tool.poetry: '{name}': no manifest can say this")


def table(content: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    found = _at(content, keys)
    return found if isinstance(found, dict) else {}


def _at(content: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    found: Any = content
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _list(stated: Any) -> list[Any]:
    return stated if isinstance(stated, list) else []


def _text(stated: Any) -> str:
    return stated if isinstance(stated, str) else ""
