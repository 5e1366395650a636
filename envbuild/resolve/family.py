"""Manifests -> Environments: lineage, cells, values, merging, in this order."""

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Mapping as Dict

import msgspec

from envbuild.errors import EnvbuildError, ResolveError
from envbuild.manifest import Manifest, Open, Parent, project_path
from envbuild.names import Names, qualified
from envbuild.resolve.cells import Expanded, expand
from envbuild.resolve.environment import Environment, Origin, environment
from envbuild.resolve.lineage import lineages
from envbuild.resolve.merge import merge_params
from envbuild.resolve.packages import contradictions
from envbuild.resolve.values import Context, render_lineage
from envbuild.settings import Settings
from envbuild.shape import nearest

Ancestors = Dict[str, frozenset[str]]


class Family(msgspec.Struct, frozen=True):
    """Manifests that name each other: all that were read, by path, the project's names, and how files are opened."""

    manifests: Dict[str, Manifest]
    names: Names
    open_file: Open

    def parents(self, manifest: Manifest) -> tuple[Manifest, ...]:
        return tuple(self.manifests[parent_path(manifest.folder, parent, self.names)] for parent in manifest.extends)


def parent_path(folder: str, parent: Parent, names: Names) -> str:
    """The file that an `extends` item means; whether a path exists is found out by reading it."""
    if parent.is_path:
        return project_path(parent.text, folder, parent.where)
    name = qualified(parent.text, parent.where.path)
    if path := names.path(name):
        return path
    raise ResolveError(f"no manifest is named '{name}'", parent.where, nearest(name, names.beside(name)))


class Wrong(msgspec.Struct, frozen=True):
    """What is wrong with an environment, and the manifest that it comes from."""

    path: str
    error: EnvbuildError


class Resolved(msgspec.Struct, frozen=True):
    """Environments, and beside them all that is wrong with them."""

    environments: tuple[Environment, ...]
    problems: tuple[Wrong, ...]


def resolve(wanted: Iterable[Manifest], family: Family, settings: Settings, platform: str) -> Resolved:
    """One environment for each manifest, or for each cell of its matrix. `platform` is the machine's own."""
    manifests = tuple(wanted)
    ordered, wrong = lineages(manifests, family.parents)
    above = _ancestors(ordered, family.parents)
    problems = [Wrong(path, error) for path, error in wrong.items()]
    environments: list[Environment] = []
    for manifest in (one for one in manifests if one.path in ordered):
        try:
            cells = expand(ordered[manifest.path])
        except EnvbuildError as error:
            problems.append(Wrong(manifest.path, error))
            continue
        for cell in cells:
            try:
                found, own = _one(cell, above, family, settings, platform)
            except EnvbuildError as error:
                problems.append(Wrong(manifest.path, error))
            else:
                environments.append(found)
                problems += (Wrong(manifest.path, error) for error in own)
    return Resolved(tuple(environments), tuple(problems))


def _one(
    cell: Expanded, above: Ancestors, family: Family, settings: Settings, platform: str
) -> tuple[Environment, list[EnvbuildError]]:
    own = cell.lineage[-1]
    params = merge_params([settings.body.get("params"), *(one.body.get("params") for one in cell.lineage)])
    context = Context(cell.name, own.folder, cell.values)
    lineage, params = render_lineage(cell.lineage, params, context, family.open_file)
    origin = Origin(cell.name, cell.values, lineage, _with_fragments(lineage, above), params)
    found, problems = environment(origin, settings, platform)
    return found, [*problems, *_contradictions(found)]


def _contradictions(found: Environment) -> Iterator[EnvbuildError]:
    for packages in (found.dependencies, found.limits, found.constraints, found.overrides):
        for different in {id(one): one for one in packages.by_platform.values()}.values():
            yield from contradictions(different)


def _ancestors(
    ordered: Dict[str, tuple[Manifest, ...]], parents: Callable[[Manifest], tuple[Manifest, ...]]
) -> dict[str, frozenset[str]]:
    """Each manifest's ancestors, by path; a lineage lists parents before children, so one pass does."""
    found: dict[str, frozenset[str]] = {}
    for lineage in ordered.values():
        for manifest in lineage:
            if manifest.path not in found:
                direct = [parent.path for parent in parents(manifest)]
                found[manifest.path] = frozenset(direct).union(*(found[path] for path in direct))
    return found


def _with_fragments(lineage: tuple[Manifest, ...], above: Ancestors) -> Ancestors:
    """A fragment descends from the manifest that states its axis, and what extends that one from the fragment."""
    fragments = [manifest for manifest in lineage if manifest.cell]
    if not fragments:
        return above
    found = {
        manifest.key: above[manifest.path] | {one.key for one in fragments if one.path in above[manifest.path]}
        for manifest in lineage
        if not manifest.cell
    }
    return found | {one.key: found[one.path] | {one.path} for one in fragments}
