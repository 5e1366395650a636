"""A process in what a record says was built: only where that still stands as it was."""

from pathlib import Path
from typing import TYPE_CHECKING

from envbuild.builders import local
from envbuild.builders.activation import Activation, entered
from envbuild.errors import BuildError, UsageError
from envbuild.fingerprint import is_tied, recorded_variables
from envbuild.record import Record

if TYPE_CHECKING:
    from envbuild.project.place import Place


def activated(project: "Place", record: Record, label: str, hint: str) -> Activation:
    if record.builder != "local":
        raise no_prefix(record.title)
    checkout = str(project.root) if is_tied(record.parts) else ""
    stray = local.strays(record.reference, record.fingerprint, checkout)
    if complaint := stray or local.complaint(record.reference):
        raise BuildError(f"{record.title} does not stand as it was built: {complaint}", hint=hint)
    variables = recorded_variables(next((part for part in record.parts if part.name == "variables"), None))
    name = record.environment
    return entered(name, label, variables, Path(record.reference), project.host, project.programs)


def no_prefix(shown: str) -> UsageError:
    hint = "use '--image' to run something in a container, or 'envbuild export devcontainer' for editors"
    return UsageError(f"{shown} is an image, and no prefix of this machine", hint=hint)
