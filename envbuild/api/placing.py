"""The manifest of a value, put where the globs of a project find it; nothing that stands is lost without a word."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import unified_diff

from envbuild.api.environment import Environment
from envbuild.document import decode, parse
from envbuild.errors import EnvbuildError, Place, RefusedError, UsageError
from envbuild.lock import lock_path
from envbuild.manifest.moving import named_in
from envbuild.project import Project, Selection
from envbuild.project.standing import Depth
from envbuild.project.starting import Asked, moved_text, place_of
from envbuild.workspace import Workspace


@contextmanager
def placed(project: Project, one: Environment, *, replace: bool) -> Iterator[None]:
    """It stands while this is at work, and stays if that ends well; else everything is as it was, its lock too."""
    if _is_there(project, one) or _is_current(project, one):
        yield
        return
    path = place_of(project, Asked(one.name, force=True))
    text, standing = _text(project, one, path), _read(project.workspace, path)
    if standing == text:
        yield
        return
    if standing is not None and not replace:
        what = f"another manifest stands under '{one.name}'\n{_difference(standing, text)}"
        raise RefusedError(what, Place(path), "say 'replace=True' to write over it, or choose another name")
    before = {path: standing, lock_path(one.name): project.workspace.text(lock_path(one.name))}
    (project.workspace.write_new if standing is None else project.workspace.write)(path, text)
    try:
        yield
    except BaseException:
        _restore(project.workspace, before)
        raise


def _is_there(project: Project, one: Environment) -> bool:
    """Its own file says this; a version says it in the words of its record."""
    return one.root == str(project.root) and _read(project.workspace, one.path) == one.manifest


def _is_current(project: Project, one: Environment) -> bool:
    """Whether a version has the content that its manifest comes to now."""
    try:
        steps = project.plan(Selection((one.name,)), Depth.RECORDS).plan.steps if one.fingerprint else ()
    except EnvbuildError:
        return False
    return any((step.environment, step.fingerprint) == (one.name, one.fingerprint) for step in steps)


def _read(workspace: Workspace, path: str) -> str | None:
    return decode(path, workspace.read(path)) if workspace.exists(path) else None


def _text(project: Project, one: Environment, path: str) -> str:
    """As it has to be said there; what names something of one project means nothing in another."""
    if one.root == str(project.root):
        return moved_text(project, one.path, one.manifest, path)
    if names := named_in(parse(one.path, one.manifest.encode()).root):
        shown = ", ".join(f"'{name}'" for name in names)
        what = f"'{one.name}' is of the project in '{one.root}', and names what is there: {shown}"
        raise UsageError(what, hint="make it for this project: say 'project=' where it is made")
    return one.manifest


def _difference(standing: str, text: str) -> str:
    lines = unified_diff(standing.splitlines(), text.splitlines(), "the manifest", "the value", lineterm="", n=1)
    return "\n".join(lines)


def _restore(workspace: Workspace, before: Mapping[str, str | None]) -> None:
    for path, text in before.items():
        if text is None:
            workspace.discard(path)
        elif _read(workspace, path) != text:
            workspace.write(path, text)
