"""What a project builds with: the makers of each builder, and where they work."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from envbuild.apply import Maker, Site
from envbuild.apply.images import Images
from envbuild.apply.prefixes import Prefixes
from envbuild.builders import docker
from envbuild.builders.buildx import Buildx
from envbuild.builders.daemon import Daemon
from envbuild.builders.docker import Means
from envbuild.builders.target import Tools
from envbuild.project.commit import checked_out
from envbuild.project.place import Place
from envbuild.solvers.uv import Uv
from envbuild.workspace import PRIVATE

_WORK = "work"


@contextmanager
def site(project: Place, uv: Uv) -> Iterator[Site]:
    """While one apply works; what is put aside meanwhile, also by one that was killed, is taken away."""
    _clear(project)
    source = checked_out(project.root, project.programs, project.host)
    tools = tools_of(project, uv)

    def stop() -> None:
        project.registries.stop()  # at once; programs are given time to end
        project.programs.stop()
        project.rattler.stop()

    makers: dict[str, Maker] = {
        "docker": Images(
            docker.build, means_of(project, tools), source, project.machine, project.wishes, project.state
        ),
        "local": Prefixes(tools, project.platform, project.machine),
    }
    try:
        yield Site(
            makers,
            project.state,
            stop,
            lambda name: project.workspace.private("logs", *name.split("/")),
            lambda name: project.workspace.private(_WORK, *name.split("/")),
            source.commit,
            source.dirty,
        )
    finally:
        project.registries.close()
        _clear(project)


def tools_of(project: Place, uv: Uv) -> Tools:
    allowed = frozenset(project.settings.allow_link_scripts)
    return Tools(project.store, project.root, project.programs, uv, project.rattler, project.shown, allowed)


def means_of(project: Place, tools: Tools) -> Means:
    wishes, secrets = project.wishes, project.origins.secrets
    daemon = Daemon(project.host, project.programs, wishes.docker_context, wishes.builder)
    return Means(
        buildx=Buildx(project.programs, project.host, secrets.variables),
        daemon=daemon,
        keeper=daemon,
        registries=project.registries,
        tools=tools,
        settings=project.settings,
        secrets=secrets,
        host=project.host,
        pushes=wishes.push,
        builder=wishes.builder,
        docker_context=wishes.docker_context,
        sbom=wishes.sbom,
    )


def _clear(project: Place) -> None:
    shutil.rmtree(project.root / PRIVATE / _WORK, ignore_errors=True)
