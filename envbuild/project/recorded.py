"""A record -> the environment that it is of, as its manifest said then."""

import msgspec

from envbuild.document import parse
from envbuild.errors import Place, WorkspaceError
from envbuild.manifest import manifest
from envbuild.names import Names
from envbuild.record import Record
from envbuild.resolve import Environment, Family, resolve
from envbuild.settings import Settings


def as_recorded(record: Record) -> Environment:
    """What the recorded manifest says, which needs no parents; that it may say so was decided then."""
    path = record.manifest_path
    alone = manifest(record.environment, parse(path, record.manifest.encode()), _no_file)
    family = Family({path: alone}, Names({record.environment: path}, {}), _no_file)
    found = resolve((alone,), family, Settings(), record.platform)
    if not found.environments:
        raise found.problems[0].error
    return msgspec.structs.replace(found.environments[0], name=record.environment)


def _no_file(path: str, where: Place) -> bytes:
    raise WorkspaceError(f"'{path}' is read from no record", where, "export what the manifest says now")
