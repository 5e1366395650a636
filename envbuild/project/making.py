"""What a project builds with: the makers of each builder, and where they work."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from envbuild.apply import Site
from envbuild.apply.prefixes import Prefixes
from envbuild.builders.target import Tools
from envbuild.project.commit import checked_out
from envbuild.project.front import Project
from envbuild.solvers.uv import Uv
from envbuild.workspace import PRIVATE

_WORK = "work"


@contextmanager
def site(project: Project, uv: Uv) -> Iterator[Site]:
    """While one apply works; what is put aside meanwhile, also by one that was killed, is taken away."""
    _clear(project)
    commit, dirty = checked_out(project.root, project.programs, project.host)
    allowed = frozenset(project.settings.allow_link_scripts)
    tools = Tools(project.store, project.root, project.programs, uv, project.rattler, project.shown, allowed)

    def stop() -> None:
        project.programs.stop()
        project.rattler.stop()

    try:
        yield Site(
            {"local": Prefixes(tools, project.platform, project.machine)},
            project.state,
            stop,
            lambda name: project.workspace.private("logs", *name.split("/")),
            lambda name: project.workspace.private(_WORK, *name.split("/")),
            commit,
            dirty,
        )
    finally:
        _clear(project)


def _clear(project: Project) -> None:
    shutil.rmtree(project.root / PRIVATE / _WORK, ignore_errors=True)
