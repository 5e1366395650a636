"""Records as text and JSON."""

from collections.abc import Iterable
from typing import Any

from envbuild.project import Shown
from envbuild.record import Record
from envbuild.report.columns import Column, columns
from envbuild.report.terminal import Look, one_line, wrapped

_LABEL = 12
_PACKAGES = (Column("package"), Column("version", 1, 8))


def record_object(record: Record, labels: Iterable[str] = ()) -> dict[str, Any]:
    return {
        "environment": record.environment,
        "version": record.version,
        "fingerprint": record.fingerprint,
        "builder": record.builder,
        "reference": record.reference or None,
        "started": record.started,
        "seconds": record.seconds,
        "commit": record.commit,
        "dirty": record.dirty,
        "registered": record.registered or None,
        "labels": list(labels),
    }


def shown_object(found: Shown) -> dict[str, Any]:
    return {
        "name": found.name,
        "fingerprint": found.fingerprint,
        "version": found.version,
        "reference": found.reference,
        "builder": found.builder,
        "labels": list(found.labels),
        "packages": [
            {"manager": manager, "name": name, "version": version} for manager, name, version in found.packages
        ],
    }


def shown_text(found: Shown, root: str, look: Look) -> str:
    """One environment: what it is now, or was then; its packages below."""
    state = f"version {found.version}" if found.version else "not built yet"
    state += ", registered and not built yet" if found.version and not found.reference else ""
    rows = (
        ("description", found.description),
        ("labels", " ".join(found.labels)),
        ("fingerprint", found.fingerprint or "known after locking"),
        ("builder", found.builder),
        ("reference", found.reference or ""),
        ("project", root),
    )
    told = [
        line
        for label, value in rows
        if value
        for line in wrapped(one_line(value), look, f"  {label.ljust(_LABEL)}", " " * (_LABEL + 2))
    ]
    packages = [(name, version) for _, name, version in found.packages]
    listed = columns(_PACKAGES, packages, look, indent=2) if packages else []
    return "\n".join([*wrapped(f"{one_line(found.name)}  {state}", look), *told, *listed])
