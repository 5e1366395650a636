"""Versions that were registered, and labels that stand for versions."""

from collections.abc import Mapping, Sequence

from envbuild.project.labelling import Moved
from envbuild.project.registering import Registered
from envbuild.report.plans import document
from envbuild.report.terminal import one_line


def registered_text(every: Sequence[Registered]) -> str:
    """A line for each: which version it is, and whether it was before."""
    return "\n".join(one_line(f"{_registered(one)}{_label(one)}") for one in every)


def _registered(one: Registered) -> str:
    if one.is_new:
        return f"{one.record.title} is registered; 'envbuild apply' builds it"
    name = one.record.environment
    return f"{name} is {one.record.title} already, {'built' if one.record.is_built else 'registered and not built yet'}"


def _label(one: Registered) -> str:
    if not one.label:
        return ""
    return f"; {one.label}: {_stands(one.record.version, one.before)}"


def _stands(version: int | None, before: int | None) -> str:
    if version == before:
        return f"version {version}, as before"
    return f"version {before} -> {version}" if before and version else f"version {version or before}"


def registered_json(every: Sequence[Registered]) -> str:
    return document(
        versions=[
            {
                "environment": one.record.environment,
                "version": one.record.version,
                "fingerprint": one.record.fingerprint,
                "builder": one.record.builder,
                "new": one.is_new,
                "reference": one.record.reference or None,
                "label": one.label or None,
                "before": one.before,
            }
            for one in every
        ]
    )


def label_text(moved: Moved) -> str:
    """From where to where."""
    title = f"{moved.environment}@{moved.label}"
    if moved.version is None:
        return one_line(f"{title} is gone: it was version {moved.before}")
    return one_line(f"{title}: {_stands(moved.version, moved.before)}{'' if moved.before else ', new'}")


def label_json(moved: Moved) -> str:
    return document(environment=moved.environment, label=moved.label, version=moved.version, before=moved.before)


def labels_text(name: str, labels: Mapping[str, int]) -> str:
    if not labels:
        return one_line(f"{name} has no labels.")
    return "\n".join(one_line(f"{label}  version {version}") for label, version in labels.items())


def labels_json(name: str, labels: Mapping[str, int]) -> str:
    return document(
        environment=name, labels=[{"label": label, "version": version} for label, version in labels.items()]
    )
