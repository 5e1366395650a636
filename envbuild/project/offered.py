"""What can be offered to somebody who is still typing: whatever can be read, however broken the rest is."""

from envbuild.project.front import Project
from envbuild.resolve import Environment, explain, resolve


def readable(project: Project) -> tuple[Environment, ...]:
    """Every environment that can be resolved."""
    files = project.reader.files
    read = [files.found[path] for name, path in sorted(files.names.paths.items()) if files.is_readable(name)]
    concrete = [one for one in read if not one.abstract]
    return resolve(concrete, files.family, project.settings, project.platform).environments


def fields_of(project: Project, name: str) -> list[tuple[str, str]]:
    """What `explained` can be asked of an environment: its keys, what stands within them, and its packages by name."""
    rows = explain(project.one(name), project.settings)
    found: dict[str, str] = {}
    for row in rows:
        key, _, within = row.field.partition(".")
        found.setdefault(key.partition("[")[0], "")
        if key in {"dependencies", "constraints", "overrides"}:
            found.setdefault(within.rpartition("/")[2], row.value or "")
        elif within:
            found.setdefault(row.field, row.value or "")
    return [(field, value) for field, value in found.items() if field]
