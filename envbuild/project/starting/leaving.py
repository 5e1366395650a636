"""What is said of a file that was found, and of those that nothing is made of."""

import shlex
from collections.abc import Iterator, Mapping

import msgspec

from envbuild.errors import EnvbuildError
from envbuild.project.starting.drafting import relative
from envbuild.project.starting.finding import Findings, Kind
from envbuild.project.starting.included import readers_of, requirements_name
from envbuild.workspace import Workspace

NO_USE = "is not used: write '-c' and its path into the pip list that it is for"


class Told(msgspec.Struct, frozen=True):
    """What is said of one file: what became of it, and what of it could not be carried or read."""

    path: str
    kind: Kind
    says: str
    environments: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    error: EnvbuildError | None = None
    hint: str = ""


def uncarried(workspace: Workspace, findings: Findings, names: Mapping[str, str], main: str) -> Iterator[Told]:
    """In a project that is there already nothing is written: what no manifest reads is told, with how one could."""
    readers = readers_of(workspace, names)
    for one in findings.files:
        if one.path in readers and one.kind in {"requirements", "constraints"}:
            yield Told(one.path, one.kind, f"is read by {readers[one.path]}", (names[readers[one.path]],))
        elif one.kind == "requirements":
            hint = how_to_write(one.path, requirements_name(one.path, main))
            yield Told(one.path, one.kind, "is read by no manifest", error=one.error, hint=hint)
        elif one.kind == "constraints":
            yield Told(one.path, one.kind, NO_USE, error=one.error)
        elif one.kind == "pyproject":
            yield Told(one.path, one.kind, "is not read: manifests hold a copy of its packages", error=one.error)


def other_files(findings: Findings) -> Iterator[Told]:
    """What this version makes nothing of."""
    for one in findings.files:
        if one.kind == "dockerfile":
            at = relative(one.path, "manifests/x.yaml")
            later = f"'image: {{dockerfile: {at}}}' in a manifest will build on it"
            yield Told(one.path, one.kind, f"is not used: this version builds no images yet; later {later}")
        elif one.kind == "conda-lock":
            own = "'envbuild lock' writes one for each environment in locks/"
            yield Told(one.path, one.kind, f"is not read: {own}")
        elif one.kind == "pixi":
            yield Told(one.path, one.kind, "is not read: list its packages in a manifest ('envbuild new NAME')")


def how_to_write(path: str, name: str) -> str:
    return f"'envbuild new {name} -r {shlex.quote(path)}' writes a manifest that reads it"
