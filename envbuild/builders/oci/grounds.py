"""What an image is put upon: the base that the lock holds, or the image of another environment, and what that has."""

from collections.abc import Callable

from envbuild.builders.oci.bases import SCRATCH, Asked, Ground, base_of, opened
from envbuild.builders.oci.pythons import Python, pythons, told_python
from envbuild.builders.oci.rootfs import Rootfs, rootfs
from envbuild.builders.oci.shelf import OF_SHELF, Shelf
from envbuild.builders.oci.workshop import OciWorkshop
from envbuild.builders.recipe import Recipe
from envbuild.builders.staged_python import Interpreter
from envbuild.errors import BuildError, Place
from envbuild.image.manifests import Manifest
from envbuild.registry.copying import Source, Stored
from envbuild.registry.repositories import Repository

_LISTINGS = "bases"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def ground_of(recipe: Recipe, shop: OciWorkshop, platform: str) -> Ground:
    where = recipe.environment.where("image", "base")
    if recipe.base:
        return base_of(*_of_environment(recipe, shop), platform, Asked(recipe.base, where))
    base = recipe.start
    if base is None:
        return SCRATCH
    asked = Asked(f"{base.name}:{base.tag}" if base.tag else base.name, where)
    return base_of(*opened(base, shop.registries, shop.tools.root, where), platform, asked)


def _of_environment(recipe: Recipe, shop: OciWorkshop) -> tuple[Source, Manifest]:
    """What was built before this one, wherever it is."""
    where, reference = recipe.environment.where("image", "base"), recipe.base
    if reference.startswith(OF_SHELF) and isinstance(shop.keeper, Shelf):
        if (found := shop.keeper.find(reference)) is not None:
            return found
        raise BuildError(f"{reference} is not in {shop.keeper.called} any more", where, "run 'envbuild apply' again")
    if "/" not in reference:
        hint = "let a registry have it: set 'registry' in envbuild.yaml"
        raise BuildError("what this starts from is only in this machine's engine", where, hint)
    place, digest = Repository.of(reference), reference.rpartition("@")[2]
    registry = shop.registries.of(place.server)
    root = registry.manifest(place.path, digest)
    if root is None:
        raise BuildError(f"{place.server} does not have {reference} any more", where, "run 'envbuild apply' again")
    return Stored(registry, place.path), root


def files_of(ground: Ground, shop: OciWorkshop, say: Callable[[str], None]) -> Rootfs:
    """What the base has, each layer of it read once by a user."""
    if ground.layers:
        say("looking into the base")
    return rootfs(ground.blobs, shop.tools.rattler.cache / _LISTINGS)


def python_of(recipe: Recipe, ground: Ground, files: Callable[[], Rootfs]) -> Interpreter | None:
    """The base's own, where packages are for that: of the version that is locked."""
    found = _python(recipe, ground, files)
    return Interpreter(_program(found, files), found.full or found.version) if found else None


def _program(found: Python, files: Callable[[], Rootfs]) -> str:
    """That of a virtual environment, as of an environment below, is a link: no environment stands around another."""
    if found.known_by == "files" and files().kind(f"{found.path.rsplit('/', 2)[0]}/pyvenv.cfg"):
        return f"/{files().resolve(found.path)}"
    return found.path


def _python(recipe: Recipe, ground: Ground, files: Callable[[], Rootfs]) -> Python | None:
    stated = recipe.environment.python
    if stated.source != "image" or not stated.managed:
        return None
    minor, named = ".".join(recipe.python.split(".")[:2]), stated.interpreter or ""
    own = recipe.environment.prefix  # where nothing of the base is seen in the end
    told = told_python({**ground.env, "PATH": _path(ground, own, ground.env.get("VIRTUAL_ENV", ""))})
    if told and told.version == minor and named in {"", "python3", "python", told.path}:
        return told
    every = pythons(files(), _places(_path(ground, own), named))
    found = next((one for one in every if one.version == minor), None)
    if found is None:
        raise _other(recipe, minor, every)
    return found


def check_interpreter(recipe: Recipe, ground: Ground, files: Callable[[], Rootfs]) -> None:
    """Where nothing is installed, what is to run is there."""
    stated = recipe.environment.python
    if stated.managed:
        return
    name = stated.interpreter or "python3"
    folders = _path(ground).split(":")
    paths = [name] if name.startswith("/") else [f"{folder}/{name}" for folder in folders]
    base = files()
    if not any(base.kind(base.resolve(path)) == "file" for path in paths):
        where = _where(recipe, "interpreter")
        raise BuildError(f"the base has no '{name}'", where, "choose another base, or name the interpreter that it has")


def _places(path: str, named: str) -> str:
    """Where it is looked for: beside the one that is named, else by the base's PATH."""
    return named.rpartition("/")[0] if named.startswith("/") else path


def _path(ground: Ground, *but: str) -> str:
    """The base's, without some environments."""
    out = {f"{prefix}/bin" for prefix in but}
    return ":".join(one for one in (ground.env.get("PATH") or _PATH).split(":") if one not in out)


def _other(recipe: Recipe, minor: str, every: tuple[Python, ...]) -> BuildError:
    has = ", ".join(dict.fromkeys(one.version for one in every))
    what = f"the base has {f'Python {has}' if has else 'no Python'}, and {minor} is locked"
    hint = "choose another base or version, or bring a Python along: 'from: conda' or 'from: uv' under 'python'"
    return BuildError(what, _where(recipe, "version"), hint)


def _where(recipe: Recipe, key: str) -> Place:
    environment = recipe.environment
    return environment.where("python", key) if environment.node("python") else environment.where("image", "base")
