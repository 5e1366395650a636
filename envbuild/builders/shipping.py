"""Images on their way: to the registries that are to have them, with what they are made of, and under which names."""

from collections.abc import Iterable, Mapping

import msgspec

from envbuild.builders.draft import Draft
from envbuild.builders.engine import failure, is_refusal
from envbuild.builders.recipe import Recipe, Workshop
from envbuild.errors import BrokenError, LoginError, RegistryError
from envbuild.fingerprint import Part
from envbuild.image.manifests import MANIFEST, OCI, Manifest, content
from envbuild.registry.client import Registry
from envbuild.registry.copying import Target, copy, push
from envbuild.registry.finding import Found, find
from envbuild.registry.parts import Parts, put_parts
from envbuild.registry.repositories import Repository


def found(recipe: Recipe, elsewhere: Iterable[Repository], means: Workshop) -> Found | None:
    """The content, whole, or else the share that is to be built; first where it is to be, and then `elsewhere`."""
    every = tuple(elsewhere)
    for share in dict.fromkeys(("", recipe.share)):
        if one := found_share(recipe, share, every, means):
            return one
    return None


def found_share(recipe: Recipe, share: str, elsewhere: Iterable[Repository], means: Workshop) -> Found | None:
    """Its own places have to answer, unless another one has it: where it was once may be gone for good."""
    refused: list[RegistryError] = []
    for place in dict.fromkeys((*recipe.homes, *elsewhere)):
        try:
            if one := find(means.registries.of(place.server), [place.path], recipe.fingerprint.text, share):
                return one
        except RegistryError as error:
            if place in recipe.homes:
                refused.append(error)
    if refused:
        raise refused[0]
    return None


def found_as(reference: str, recipe: Recipe, means: Workshop) -> Found | None:
    """What was built before, by its digest: its names may be gone, and it is the same all the same."""
    place, digest = Repository.of(reference), reference.rpartition("@")[2]
    try:
        stands = means.registries.of(place.server).head(place.path, digest)
    except RegistryError:
        return None
    return Found(place.server, place.path, digest, recipe.share, named=False) if stands == digest else None


def settle(content: Found, recipe: Recipe, means: Workshop) -> str:
    """What a registry has already, wherever it is to be: nothing is built for that. Gives its digest."""
    source = (means.registries.of(content.server), content.repository, content.digest)
    for home in recipe.homes:
        if (home.server, home.path) != (content.server, content.repository):
            recipe.say(f"copying to {home.name}")
            copy(source, (means.registries.of(home.server), home.path), (recipe.tag,))
        elif not content.named:
            source[0].tag(home.path, content.digest, [recipe.tag])
    return content.digest


def ship(draft: Draft, recipe: Recipe, means: Workshop) -> str:
    """To every registry, under the name of its content; what they serve then is its digest.

    What somebody else has pushed since it was looked for is the same content, and stays.
    """
    first, *others = recipe.homes
    registry = means.registries.of(first.server)
    if theirs := registry.head(first.path, recipe.tag, to_write=True):
        return settle(Found(first.server, first.path, theirs, recipe.share), recipe, means)
    recipe.say(f"pushing to {first.name}")
    digest = _pushed(draft, recipe, registry, first) or _of_engine(draft, recipe, means, registry)
    for home in others:
        recipe.say(f"pushing to {home.name}")
        copy((registry, first.path, digest), (means.registries.of(home.server), home.path), (recipe.tag,))
    return digest


def _pushed(draft: Draft, recipe: Recipe, registry: Registry, home: Repository) -> str:
    """What can be read here."""
    if draft.source is None or draft.root is None:
        return ""
    return push(draft.source, draft.root, Target(registry, home.path, _near(recipe, home)), (recipe.tag,))


def _near(recipe: Recipe, home: Repository) -> str:
    """The repository of the same registry that most layers come from, be it an environment's or somebody else's."""
    said = recipe.environment.keys.image.base
    base = Repository.of(recipe.base or (said if isinstance(said, str) else ""))
    return base.path if base.server == home.server and base.path != home.path else ""


def _of_engine(draft: Draft, recipe: Recipe, means: Workshop, registry: Registry) -> str:
    """By the engine itself, which knows the layers that the registry has; then with what it does not know."""
    home = recipe.homes[0]
    login = registry.login(home.path)
    for told in means.daemon.push(home.name, recipe.tag, login):
        if error := failure(told):
            raise _refused(error, home)
    pushed = registry.manifest(home.path, recipe.tag)
    if pushed is None:
        what = f"the engine says that it has pushed {home.tagged(recipe.tag)}, and {home.server} does not have it"
        raise BrokenError(what, hint="try again; if it stays so, look at the engine's own log")
    if draft.id not in {pushed.digest, _config(pushed, home.tagged(recipe.tag))}:
        what = f"{home.server} has another image under {home.tagged(recipe.tag)} than the engine was to push"
        raise BrokenError(
            what, hint="see that nobody else pushes there, and that the engine has it under no other name"
        )
    return registry.put(home.path, recipe.tag, annotated(pushed, recipe.annotations))


def _config(manifest: Manifest, what: str) -> str:
    """By which an engine of the usual store calls an image; others call it by its manifest."""
    config = content(manifest, what).config
    return config.digest if config else ""


def _refused(words: str, home: Repository) -> RegistryError:
    if is_refusal(words):
        return LoginError(
            f"{home.server} does not let the engine push to {home.path}", hint=f"run 'docker login {home.server}'"
        )
    return BrokenError(f"the engine cannot push to {home.name}: {words}", hint="try again once it answers")


def annotated(manifest: Manifest, annotations: Mapping[str, str]) -> Manifest:
    """The same image in OCI's form, which has a place for them."""
    stated = msgspec.json.decode(manifest.data)
    if manifest.is_index or not annotations:
        return manifest
    stated["mediaType"] = MANIFEST
    for one in (stated["config"], *stated["layers"]):
        one["mediaType"] = OCI.get(one["mediaType"], one["mediaType"])
    stated["annotations"] = {**stated.get("annotations", {}), **annotations}
    return Manifest(msgspec.json.encode(stated), MANIFEST)


def describe(parts: tuple[Part, ...], version: int, digest: str, recipe: Recipe, means: Workshop) -> None:
    """What it is made of, beside it, so that whoever finds it knows."""
    told = Parts(recipe.environment.name, version, digest, parts)
    for home in recipe.homes:
        put_parts(means.registries.of(home.server), home.path, told)


def number(digest: str, version: int, recipe: Recipe, means: Workshop) -> None:
    """Which is never another's, in any of the registries."""
    for home in recipe.homes:
        means.registries.of(home.server).tag(home.path, digest, [home.version_tag(version)], moves=False)


def name(digest: str, version: int, tags: Iterable[str], recipe: Recipe, means: Workshop) -> tuple[str, ...]:
    """The names that move; gives all that it has, in full."""
    every = tuple(tags)
    for home in recipe.homes:
        means.registries.of(home.server).tag(home.path, digest, every)
    return tuple(home.tagged(one) for home in recipe.homes for one in (home.version_tag(version), *every))


def name_here(image: str, version: int, tags: Iterable[str], recipe: Recipe, means: Workshop) -> tuple[str, ...]:
    """The same for an image that stays on this machine."""
    given = [(home, one) for home in recipe.homes for one in (home.version_tag(version), *tags)]
    for home, one in given:
        means.keeper.tag(image, home.name, one)
    return tuple(home.tagged(one) for home, one in given)
