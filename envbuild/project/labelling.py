"""Labels, set and removed, by the name of an environment."""

import msgspec

from envbuild.errors import UsageError
from envbuild.project.front import Project
from envbuild.record import checked_label
from envbuild.shape import nearest


class Moved(msgspec.Struct, frozen=True):
    """What a label stands for now, and what it stood for; nothing where it is gone, or is new."""

    environment: str
    label: str
    version: int | None
    before: int | None


def labelled(project: Project, name: str, version: str, label: str) -> Moved:
    checked_label(label)
    record = project.record(name, version)
    return Moved(name, label, record.version, project.state.labels.set(name, label, record.version))


def removed(project: Project, name: str, _: str, label: str) -> Moved:
    known = project.state.labels.of(name)
    before = project.state.labels.remove(name, label) if label in known else None
    if before is None:
        hint = nearest(label, known) or "there are none yet"
        raise UsageError(f"'{name}' has no label '{label}'", hint=hint)
    return Moved(name, label, None, before)


def standing(project: Project, name: str, version: str) -> tuple[str, dict[str, int]]:
    """Those of an environment, or of one version."""
    known = project.state.labels.of(name)
    number = project.record(name, version).version if version else 0
    return name, {label: stands for label, stands in known.items() if number in {0, stands}}
