"""What is wrong with `spark` and `r` once a lineage is merged: what nobody brings, or what is named twice."""

from collections.abc import Iterator

from envbuild.document import Mapping, Scalar, Sequence, Value, scalars
from envbuild.errors import EnvbuildError, Place, ResolveError
from envbuild.manifest import CranPackage, Item, Keys, R, Spark, r_package, r_places
from envbuild.resolve.additions import Added
from envbuild.resolve.packages import Package
from envbuild.settings import Settings
from envbuild.shape import nearest

_KEEP_ONE = "keep one of the two"


def additions_problems(
    body: Mapping, keys: Keys, packages: tuple[Package, ...], brought: Added, settings: Settings
) -> Iterator[EnvbuildError]:
    """`packages` are those that manifests list themselves."""
    if keys.spark:
        yield from _spark(body, keys, keys.spark, packages, brought)
    if keys.r:
        yield from _r(body, keys, keys.r, packages, brought)
    for key in ("spark", "r"):
        yield from _secrets(body.get(key), settings)


def _spark(
    body: Mapping, keys: Keys, spark: Spark, packages: tuple[Package, ...], brought: Added
) -> Iterator[EnvbuildError]:
    where = _place(body, "spark")
    if not brought.java:
        hint = "write 'java: conda' under 'spark', or 'java: system' where it is there already"
        yield ResolveError("Spark needs Java, and nothing says who brings it", where, hint)
    yield from _of_conda("Java", brought.java, keys, _place(body, "spark", "java"))
    if keys.python.managed is False:
        what = "'spark' brings packages of Python, and this Python is not managed"
        yield ResolveError(what, where, "remove 'managed: false' under 'python'")
    if spark.version:
        items = (*_items(packages, "pyspark"), *_items(packages, "pip/pyspark"))
        yield from _twice("pyspark", items, _place(body, "spark", "version"))
    if spark.fetches and "spark.jars" in spark.properties:
        what = "'spark.jars' is what 'precache' makes of 'packages'"
        yield ResolveError(what, _place(body, "spark", "properties", "spark.jars"), _KEEP_ONE)
    if not spark.fetches and any(one.secret for one in spark.places):
        what = "a repository has a secret, and secrets are for building alone"
        hint = "write 'precache: true' under 'spark', so that its packages are fetched while building"
        yield ResolveError(what, _place(body, "spark", "repositories"), hint)


def _r(body: Mapping, keys: Keys, r: R, packages: tuple[Package, ...], brought: Added) -> Iterator[EnvbuildError]:
    yield from _of_conda("R", brought.r, keys, _place(body, "r", "from"))
    if r.version:
        yield from _twice("r-base", _items(packages, "r-base"), _place(body, "r", "version"))
    stated = body.get("r")
    yield from _named_twice(stated if isinstance(stated, Mapping) else None, packages)
    yield from _unbrought(body, brought)
    yield from _nowhere(body, r)


def _of_conda(what: str, source: str, keys: Keys, where: Place) -> Iterator[EnvbuildError]:
    """Its packages go where conda's Python is, or nowhere."""
    if source != "conda":
        return
    if keys.python.source not in {None, "conda"}:
        told = f"{what} is to come from conda, and this environment's Python comes from {keys.python.source}"
        yield ResolveError(told, where, "write 'from: conda' under 'python'")
    elif keys.python.managed is False and what == "R":
        told = "R is to come from conda, and this Python is not managed"
        yield ResolveError(told, where, "remove 'managed: false' under 'python', or write 'from: system' under 'r'")


def _items(packages: tuple[Package, ...], key: str) -> tuple[Item, ...]:
    return next((package.items for package in packages if package.key == key), ())


def _twice(name: str, items: tuple[Item, ...], where: Place) -> Iterator[EnvbuildError]:
    versions = [item for item in items if item.wish != "*"]
    if versions:
        yield ResolveError(f"the version of '{name}' is said twice: at {versions[0].where}, too", where, _KEEP_ONE)


def _named_twice(stated: Mapping | None, packages: tuple[Package, ...]) -> Iterator[EnvbuildError]:
    """One package of R, whoever brings it."""
    known = {package.key: package.items[0].where for package in packages if package.key.startswith(("r-", "biocon"))}
    names = {key.removeprefix("r-").removeprefix("bioconductor-"): where for key, where in known.items()}
    for name, where in r_places(stated) if stated else ():
        if first := names.get(name):
            yield ResolveError(f"the R package '{name}' is named twice: at {first}, too", where, _KEEP_ONE)
        names.setdefault(name, where)


def _unbrought(body: Mapping, brought: Added) -> Iterator[EnvbuildError]:
    """Packages that are to come from where R comes from, which has none, or none of that version."""
    listed = _sequence(body, "r", "packages")
    if listed and brought.r == "system":
        what = "nobody brings 'r.packages': R is there already"
        yield ResolveError(what, listed.place, "take them from 'cran', or write 'from: apt' under 'r'")
    for node in listed.items if listed and brought.r == "apt" else ():
        if isinstance(node, Scalar) and r_package(node.text)[1]:
            what = f"Debian has one version of each package, and '{node.text}' asks for one"
            yield ResolveError(what, node.place, "take it from 'cran'")


def _nowhere(body: Mapping, r: R) -> Iterator[EnvbuildError]:
    """What comes from a repository that nothing names."""
    listed = _sequence(body, "r", "cran")
    for one, node in zip(r.of_cran, listed.items if listed else (), strict=False):
        if not (one.repository or r.repositories.cran):
            yield _unnamed("cran", _shown(one), node.place)
            break
    if r.bioconductor and not r.repositories.bioconductor:
        yield _unnamed("bioconductor", r.bioconductor[0], _place(body, "r", "bioconductor"))


def _unnamed(key: str, package: str, where: Place) -> ResolveError:
    hint = f"name it, or a mirror of it, under 'r': 'repositories: {{{key}: URL}}'"
    return ResolveError(f"nothing says where '{package}' of '{key}' comes from", where, hint)


def _shown(one: CranPackage) -> str:
    return f"{one.name}@{one.version}" if one.version else one.name


def _secrets(stated: Value | None, settings: Settings) -> Iterator[EnvbuildError]:
    """Each is named in the settings, where it is said what keeps it."""
    for node in _named_secrets(stated):
        if node.text not in settings.secrets:
            known = settings.secrets
            hint = (
                nearest(node.text, known) if known else "name it in envbuild.yaml: 'secrets: {NAME: {env: VARIABLE}}'"
            )
            yield ResolveError(f"there is no secret '{node.text}' in the settings", node.place, hint)


def _named_secrets(stated: Value | None) -> Iterator[Scalar]:
    for key in ("repositories", "github"):
        listed = stated.get(key) if isinstance(stated, Mapping) else None
        for one in listed.items if isinstance(listed, Sequence) else ():
            secret = one.get("secret") if isinstance(one, Mapping) else None
            yield from scalars(secret) if secret else ()


def _sequence(body: Mapping, *keys: str) -> Sequence | None:
    found = _node(body, *keys)
    return found if isinstance(found, Sequence) else None


def _node(body: Mapping, *keys: str) -> Value | None:
    found: Value | None = body
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _place(body: Mapping, *keys: str) -> Place:
    """The line of a value, else of the key that it would stand below."""
    found = _node(body, *keys) if keys[1:] else None
    return found.place if found else body.entries[keys[0]].key.place
