"""What `spark` and `r` add to an environment, and who brings it: conda or PyPI, Debian, or the system that it is on."""

from collections.abc import Iterator, Mapping

import msgspec

from envbuild.document import PREFIX, Scalar, Value
from envbuild.document import Mapping as Node
from envbuild.manifest import Item, Keys, R, Spark, conda_item, pip_item, r_package
from envbuild.resolve.packages import Package, Packages, manager_of

SPARK_FOLDER = "share/spark"  # below the prefix; its `home` leads to where pyspark lies
_PYTHON_ALONE = {"python", "pip"}
_JRE = "default-jre-headless"
_R = ("r-base-core", "r-base-dev")  # the second one has the compilers that packages need


class Added(msgspec.Struct, frozen=True):
    """`java` and `r` say who brings them: nobody where it is empty, and they are not asked for or nothing says who."""

    items: tuple[Item, ...] = ()
    debian: tuple[str, ...] = ()
    variables: Mapping[str, str] = {}
    java: str = ""
    r: str = ""


NOTHING = Added()


def added(body: Node, keys: Keys, packages: tuple[Package, ...], builder: str) -> Added:
    """`packages` are those that manifests list themselves."""
    if keys.spark is None and keys.r is None:
        return NOTHING
    conda = keys.python.source == "conda" or (keys.python.source is None and _are_of_conda(packages))
    r = _r_from(keys.r, builder, conda=conda) if keys.r else ""
    conda = conda or (r == "conda" and keys.python.source is None)
    java = _java_from(keys.spark, builder, conda=conda) if keys.spark else ""
    conda = conda or (java == "conda" and keys.python.source is None)
    stated = {package.key for package in packages}
    return Added(
        items=tuple(_items(body, keys, stated, Added(java=java, r=r), conda=conda)),
        debian=tuple(_debian(keys, Added(java=java, r=r))),
        variables=_variables() if keys.spark else {},
        java=java,
        r=r,
    )


def _are_of_conda(packages: tuple[Package, ...]) -> bool:
    return any(manager_of(package.key) == "conda" and package.key not in _PYTHON_ALONE for package in packages)


def _r_from(stated: R, builder: str, *, conda: bool) -> str:
    """As the rest comes from conda, or where nothing else could bring it: only steps of an image install Debian's."""
    return stated.source or ("conda" if conda or builder != "docker" else "apt")


def _java_from(stated: Spark, builder: str, *, conda: bool) -> str:
    return stated.java or ("conda" if conda else "apt" if builder == "docker" else "")


def _items(body: Node, keys: Keys, stated: set[str], who: Added, *, conda: bool) -> Iterator[Item]:
    """What a manifest lists itself is not asked for again, unless a version of it is."""
    if keys.spark:
        version = keys.spark.version or ""
        of_pip = "pip/pyspark" in stated or not (conda or "pyspark" in stated)
        if version or not {"pyspark", "pip/pyspark"} & stated:
            at = _at(body, "spark", "version")
            yield _pip("pyspark", version, at) if of_pip else _conda("pyspark", version, at)
        if who.java == "conda" and "openjdk" not in stated:
            yield _conda("openjdk", "", _at(body, "spark", "java"))
    if keys.r and who.r == "conda":
        if keys.r.version or "r-base" not in stated:
            yield _conda("r-base", keys.r.version or "", _at(body, "r", "version"))
        listed = body.get("r")
        for text, node in _listed(listed.get("packages") if isinstance(listed, Node) else None):
            name, version = r_package(text)
            yield _conda(f"r-{name.lower()}", version, node)


def _listed(stated: Value | None) -> Iterator[tuple[str, Scalar]]:
    items = getattr(stated, "items", ())
    return ((node.text, node) for node in items if isinstance(node, Scalar))


def _at(body: Node, key: str, inner: str) -> Scalar:
    """The line that asks for it: where a version or a source is stated there, else the key's own."""
    stated = body.get(key)
    node = stated.get(inner) if isinstance(stated, Node) else None
    place = node or body.entries[key].key
    return Scalar(place.path, place.line, place.column, None, "", plain=False)


def _conda(name: str, version: str, at: Scalar) -> Item:
    text = f"{name}={version.replace('-', '_')}" if version else name
    return conda_item(_with_text(at, text))


def _pip(name: str, version: str, at: Scalar) -> Item:
    """Two numbers mean any of theirs, as conda has it."""
    wild = "" if version.count(".") > 1 else ".*"
    return pip_item(_with_text(at, f"{name}=={version}{wild}" if version else name), "")


def _with_text(at: Scalar, text: str) -> Scalar:
    return Scalar(at.path, at.line, at.column, None, text, plain=False)


def _debian(keys: Keys, who: Added) -> Iterator[str]:
    if who.java == "apt":
        yield _JRE
    if keys.r and who.r == "apt":
        yield from _R if keys.r.builds else _R[:1]
        yield from (f"r-cran-{r_package(one)[0].lower()}" for one in keys.r.packages)


def _variables() -> dict[str, str]:
    folder = f"{PREFIX}/{SPARK_FOLDER}"
    return {"SPARK_HOME": f"{folder}/home", "SPARK_CONF_DIR": f"{folder}/conf"}


def with_items(packages: Packages, items: tuple[Item, ...]) -> Packages:
    """On every platform, beside what is listed there."""
    if not items:
        return packages
    known: dict[int, tuple[Package, ...]] = {}
    for one in packages.by_platform.values():
        known.setdefault(id(one), _beside(one, items))
    return Packages({platform: known[id(one)] for platform, one in packages.by_platform.items()})


def _beside(packages: tuple[Package, ...], items: tuple[Item, ...]) -> tuple[Package, ...]:
    found = {package.key: package.items for package in packages}
    for item in items:
        found[item.key] = (*found.get(item.key, ()), item)
    return tuple(Package(key, found[key]) for key in sorted(found))
