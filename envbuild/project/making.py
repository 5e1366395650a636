"""What a project builds with: the makers of each builder, and where they work."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from envbuild.apply import Maker, Site
from envbuild.apply.images import Images
from envbuild.apply.prefixes import Prefixes
from envbuild.builders import BUILDERS
from envbuild.builders.recipe import Workshop
from envbuild.builders.target import Tools
from envbuild.project.commit import checked_out
from envbuild.project.place import Place
from envbuild.project.shop import shop_of
from envbuild.solvers.uv import Uv
from envbuild.workspace import PRIVATE

_WORK = "work"


class _Makers(dict[str, Maker]):
    """By the name of a builder, each made when it is first needed: what one works with takes a while to load."""

    def __init__(self, make: Callable[[str], Maker]) -> None:
        self._make = make

    def __missing__(self, kind: str) -> Maker:
        return self.setdefault(kind, self._make(kind))


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

    def maker(kind: str) -> Maker:
        if kind == "local":
            return Prefixes(tools, project.platform, project.machine)
        build, shop = BUILDERS[kind].build, workshop(project, tools, kind)
        return Images(build, shop, source, project.machine, project.wishes, project.state)

    try:
        yield Site(
            _Makers(maker),
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
    known = (project.store, project.workspace, project.programs, uv, project.rattler, project.shown, allowed)
    return Tools(*known, project.origins.secrets)


def workshop(project: Place, tools: Tools, kind: str) -> Workshop:
    """What a builder of images works with."""
    shop = shop_of(project, tools, kind)
    if kind == "oci":
        from envbuild.project.assembling import assembling

        return assembling(project, shop)
    return _of_docker(project, shop)


def _of_docker(project: Place, shop: Workshop) -> Workshop:
    from envbuild.builders.buildx import Buildx
    from envbuild.builders.docker import Means

    wishes, secrets = project.wishes, project.origins.secrets
    return Means(
        **{name: getattr(shop, name) for name in shop.__struct_fields__},
        buildx=Buildx(project.programs, project.host, secrets.variables),
        secrets=secrets,
        host=project.host,
        builder=wishes.builder,
        docker_context=wishes.docker_context,
        sbom=wishes.sbom,
    )


def _clear(project: Place) -> None:
    shutil.rmtree(project.root / PRIVATE / _WORK, ignore_errors=True)
