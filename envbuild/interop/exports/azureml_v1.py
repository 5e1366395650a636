"""The folder that Azure ML's first SDK loads: the definition, a conda file, a Dockerfile."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from envbuild.errors import Note, UsageError
from envbuild.interop.azureml_terms import (
    CONDA,
    DEFINITION,
    DOCKERFILE,
    INTERPRETER,
    LIBRARIES,
    PLATFORMS,
    REGISTRY,
    SHM_SIZE,
    VERSION,
    host_of_registry,
)
from envbuild.interop.azureml_writing import bare, lines_of
from envbuild.interop.exports.azureml_common import (
    azure_name,
    base_of,
    notes_of,
    on_one_platform,
    secrets_in,
    set_variables,
)
from envbuild.interop.exports.azureml_conda import specification
from envbuild.interop.exports.quoting import comment
from envbuild.interop.exports.subject import Exported, Subject
from envbuild.manifest import Spark

_HELD = frozenset(
    {"image.base", "image.base.image", "image.dockerfile", "run.shm_size", "spark.repositories", "spark.packages",
     "spark.precache", "r.version", "r.snapshot", "r.cran", "r.bioconductor", "r.github", "r.urls"}
)  # fmt: skip


def export(subject: Subject) -> Exported:
    subject = on_one_platform(subject)
    platform = subject.platform
    name, notes = azure_name(subject)
    conda = specification(subject, sections=True)
    text = f"{json.dumps(_definition(subject, name, platform), indent=4)}\n"
    files = {DEFINITION: text}
    if conda:
        head = f"{subject.title}, written by envbuild; {DEFINITION} is the rest of it."
        files[CONDA] = f"{comment(head)}\n" + "".join(f"{line}\n" for line, _ in lines_of(bare(conda)))
    if dockerfile := _dockerfile(subject):
        files[DOCKERFILE] = dockerfile
    return Exported(text, (*notes, *_notes(subject), *secrets_in(files)), (platform,), files)


def _definition(subject: Subject, name: str, platform: str) -> dict[str, Any]:
    """Every field that the SDK itself saves, in its order."""
    environment, version = subject.environment, subject.outgoing.version
    return {
        "name": name,
        "version": str(version) if version else environment.tags.get(VERSION),
        "environmentVariables": set_variables(subject),
        "python": {
            "userManagedDependencies": not environment.python.managed,
            "interpreterPath": (not environment.python.managed and environment.python.interpreter) or INTERPRETER,
            "condaDependenciesFile": None,
            "baseCondaEnvironment": None,
        },
        "docker": _docker(subject, platform),
        "spark": _spark(subject),
        "databricks": {one: [] for one in LIBRARIES},
        "r": _r(subject),
        "inferencingStackVersion": None,
        "assetId": None,
    }


def _docker(subject: Subject, platform: str) -> dict[str, Any]:
    base, address = base_of(subject), subject.environment.tags.get(REGISTRY, "")
    before = f"{host_of_registry(address)}/"
    is_apart = bool(address) and base.startswith(before)
    system, machine = next((key for key, one in PLATFORMS.items() if one == platform), ("", ""))
    if not system:
        what = f"Azure ML has no word for {platform}"
        raise UsageError(what, hint="say --platform with another one")
    registry = {"address": address if is_apart else None, "username": None, "password": None, "registryIdentity": None}
    found: dict[str, Any] = {
        "enabled": False,
        "baseImage": (base.removeprefix(before) if is_apart else base) or None,
        "baseDockerfile": None,
        "buildContext": None,
        "sharedVolumes": True,
        "shmSize": subject.environment.keys.run.shm_size or SHM_SIZE,
        "arguments": [],
        "baseImageRegistry": registry,
        "platform": {"os": {"linux": "Linux", "windows": "Windows", "osx": "OSX"}[system], "architecture": machine},
    }
    if subject.environment.keys.image.dockerfile:
        del found["baseDockerfile"]  # it is a file of its own
    return found


def _dockerfile(subject: Subject) -> str:
    stated, text = subject.environment.keys.image.dockerfile, subject.outgoing.dockerfile
    if not stated:
        return ""
    where = subject.environment.where("image", "dockerfile")
    if not text:
        what = f"of a version the Dockerfile '{stated}' is not kept"
        raise UsageError(what, where, f"export what the manifest says now: '{subject.environment.name}'")
    if stated.endswith(".j2"):
        hint = "write it out, or name a Dockerfile without expressions"
        raise UsageError(f"'{stated}' is a template, which Azure ML does not render", where, hint)
    return text


def _spark(subject: Subject) -> dict[str, Any]:
    spark = subject.environment.keys.spark or Spark()
    return {
        "repositories": [one.url for one in spark.places],
        "packages": [_artifact(one) for one in spark.coordinates],
        "precachePackages": spark.precache is not False,
    }


def _artifact(coordinates: str) -> dict[str, str]:
    """Maven's own short form has the same three parts."""
    return dict(zip(("group", "artifact", "version"), coordinates.split(":"), strict=True))


def _r(subject: Subject) -> dict[str, Any] | None:
    stated = subject.environment.keys.r
    if stated is None:
        return None
    return {
        "rVersion": stated.version,
        "userManaged": stated.source == "system",
        "rscriptPath": None,
        "snapshotDate": stated.snapshot,
        "cranPackages": [msgspec.to_builtins(one) for one in stated.of_cran] or None,
        "githubPackages": [{"repository": one.repository, "authToken": None} for one in stated.of_github] or None,
        "customUrlPackages": [one.url for one in stated.urls] or None,
        "bioconductorPackages": list(stated.bioconductor) or None,
    }


def _notes(subject: Subject) -> Iterator[Note]:
    environment = subject.environment
    is_brought = bool(environment.keys.r and environment.keys.r.source == "system")
    yield from notes_of(subject, DEFINITION, _HELD | ({"r.from"} if is_brought else frozenset()))
    yield from _of_packages(subject)
    if not environment.keys.image.base and not environment.keys.image.dockerfile:
        hint = "say 'image: {base: …}' in the manifest: a builder 'local' leaves it alone"
        yield subject.note("image", "no image is named that Azure ML could install on", environment.where_itself, hint)


def _of_packages(subject: Subject) -> Iterator[Note]:
    """What is said of a package or of its place besides its name."""
    keys, where = subject.environment.keys, subject.environment.where
    for place in keys.spark.places if keys.spark else ():
        if place.secret:
            what = f"{DEFINITION} has no place for the secret that opens {place.url}"
            yield subject.note("spark.repositories", what, where("spark", "repositories"))
    for package in keys.r.of_github if keys.r else ():
        if package.secret:
            what = f"{DEFINITION} has no place for the secret that opens {package.repository}"
            yield subject.note("r.github", what, where("r", "github"))
    if keys.r and keys.r.urls:
        what = f"{DEFINITION} has no place for hashes: what lies behind a URL may change"
        yield subject.note("r.urls", what, where("r", "urls"))
