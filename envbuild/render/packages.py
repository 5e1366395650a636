"""What installs the packages inside of a build: lists for each platform, and how the template is to use them."""

import re
from collections.abc import Iterator

from envbuild.errors import RenderError
from envbuild.lock import EVERY, Pin, direct, in_order, is_of_the_project, safe_url
from envbuild.manifest import normalise
from envbuild.render.given import ARCHITECTURES, LOCKS, PACKAGES, Given, adds, package_target, platforms_of
from envbuild.resolve import Environment

CONDA, REQUIREMENTS, SOURCES = "conda.txt", "requirements.txt", "sources.txt"
_PATH = re.compile(r"[A-Za-z0-9._/+-]+")


def installs(environment: Environment, given: Given) -> bool:
    """Whether there is anything to install, were it Python alone."""
    return environment.python.managed and given.lock is not None and given.lock.has_packages


def lists(environment: Environment, given: Given) -> dict[str, str]:
    """Each list by its path in the context; for every platform the same ones, were they empty."""
    if not installs(environment, given):
        return {}
    made = {platform: _of_platform(environment, given, platform) for platform in platforms_of(environment)}
    kinds = {kind for found in made.values() for kind, lines in found.items() if lines}
    return {
        f"{LOCKS}/{ARCHITECTURES[platform]}/{kind}": "".join(f"{line}\n" for line in found[kind])
        for platform, found in made.items()
        for kind in sorted(kinds)
    }


def _of_platform(environment: Environment, given: Given, platform: str) -> dict[str, list[str]]:
    pins = given.pins(platform)
    explicit = [f"{safe_url(pin.url)}#sha256:{pin.sha256}" for pin in in_order(pins)]
    hashed, bare = _requirements(environment, given, platform)
    options = list(_options(given, platform)) if hashed or bare else []
    return {
        CONDA: ["@EXPLICIT", *explicit] if explicit else [],
        REQUIREMENTS: [*options, *hashed] if hashed else [],
        SOURCES: [*options, *bare] if bare else [],
    }


def _options(given: Given, platform: str) -> Iterator[str]:
    """Where packages come from, by the manifest's word; what is none of its business the build's own network says."""
    request = given.request(platform)
    if request.index_url:
        yield f"--index-url {safe_url(request.index_url)}"
    yield from (f"--extra-index-url {safe_url(url)}" for url in request.extra_index_urls)
    yield from (f"--find-links {safe_url(link)}" for link in request.find_links if "://" in link)


def _requirements(environment: Environment, given: Given, platform: str) -> tuple[list[str], list[str]]:
    """What has a hash, and what has none: a repository is known by its commit, what the project brings by its bytes."""
    pins = given.pins(platform)
    bound = {normalise(name) for one in given.request(platform).indexes.values() for name in one.packages}
    hashed, bare = [], []
    for pin in sorted(pins.pip):
        asked = _asked(pin, environment, bound=pin.name in bound)
        if "+" in pin.url.partition("://")[0]:
            bare.append(asked)
        else:
            hashed += [f"{asked} \\", f"    --hash=sha256:{pin.sha256}"]
    bare += [_place(member.path) for member in sorted(pins.members)]
    return hashed, bare


def _asked(pin: Pin, environment: Environment, *, bound: bool) -> str:
    """By name and version where an index has it; a bound package is the very file of its index."""
    if is_of_the_project(pin):
        return _place(pin.url)
    if bound or direct(pin, environment):
        return f"{pin.name} @ {safe_url(pin.url)}"
    return f"{pin.name}=={pin.version}"


def _place(path: str) -> str:
    if not _PATH.fullmatch(path) or {"", ".."} & set(path.split("/")):
        what = f"pip cannot be told the path '{path}'"
        raise RenderError(what, hint="rename it: letters, digits and '._+-' are safe")
    return f"/run/{package_target(path)}"


def packages_values(environment: Environment, given: Given) -> dict[str, object]:
    """How the template goes about it."""
    settings, source = given.settings, environment.python.source
    kinds = {path.rpartition("/")[2] for path in lists(environment, given)}
    image = {"conda": settings.micromamba_image, "uv": settings.uv_image}.get(source)
    alone = any(EVERY in given.request(one).no_build_isolation for one in platforms_of(environment))
    return {
        "source": source,
        "image": image or "",
        "lacks": {"conda": "micromamba_image", "uv": "uv_image"}[source] if source != "image" and not image else "",
        "python": given.python,
        "interpreter": environment.python.interpreter or "python3",
        "grown": adds(environment, given),
        "locks": LOCKS,
        "folder": PACKAGES if any(_uses_folder(given, one) for one in platforms_of(environment)) else "",
        "conda": CONDA in kinds,
        "requirements": REQUIREMENTS in kinds,
        "sources": SOURCES in kinds,
        "isolated": not alone,
    }


def _uses_folder(given: Given, platform: str) -> bool:
    pins = given.pins(platform)
    return bool(pins.members) or any(is_of_the_project(pin) for pin in pins.pip)
