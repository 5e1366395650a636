"""An image or a Dockerfile that somebody names, with the packages of a file on it."""

import re
from pathlib import Path

import msgspec

from envbuild.errors import EnvbuildError, Place
from envbuild.interop.azureml_writing import Said, plain, said
from envbuild.interop.imports import pip
from envbuild.interop.imports.azureml_conda import carried, specification
from envbuild.interop.imports.azureml_whole import Habits, as_dockerfile, joined, surroundings
from envbuild.interop.imports.brought import Brought
from envbuild.interop.imports.masking import hidden, masked
from envbuild.interop.imports.paths import moved
from envbuild.interop.imports.source import Source, opened
from envbuild.manifest import is_dockerfile
from envbuild.project.starting import Carried, not_carried

_LOGIN = re.compile(r"^[^/@\s]*:[^/@\s]*@(?=[^/@]+/)")  # before the host of an image's name


class Ground(msgspec.Struct, frozen=True):
    """What packages are to lie on: an image by its name, or a Dockerfile, by its path or as a text."""

    kind: str
    stated: str

    @property
    def where(self) -> Place:
        """It is named in no file."""
        return Place(self.kind)


def bring(ground: Ground, packages: Source | None, kind: str, habits: Habits, beside: Source) -> Brought:
    """`kind` is the format of the packages; `beside` stands where paths are named from."""

    def carry(path: str) -> Carried:
        left: list[EnvbuildError] = []
        keys: dict[str, Said] = surroundings(habits, "", ground.where, has_image=True)
        keys["python"] = _python(ground, packages)
        if image := _image(ground, beside, path, left):
            keys["image"] = image
        found = _packages(packages, kind, path, keys) if packages else Carried("", ())
        called = packages.called if packages and kind == "conda" else ""
        done = joined(called, keys, found, tuple(left))
        return Carried(done.text, tuple(one or ground.where for one in done.origins), done.left, done.notes)

    return Brought("", carry)


def _python(ground: Ground, packages: Source | None) -> dict[str, Said]:
    """As Azure has it: conda brings Python with packages, and an image alone brings its own."""
    return {"from": plain("conda", ground.where)} if packages else {"managed": plain("false", ground.where)}


def _packages(packages: Source, kind: str, path: str, keys: dict[str, Said]) -> Carried:
    return pip.bring(packages).carry(path) if kind == "pip" else carried(specification(packages), path, keys)


def _image(ground: Ground, beside: Source, path: str, left: list[EnvbuildError]) -> dict[str, Said]:
    text, problems = masked(ground.kind, ground.stated)
    left += problems
    if ground.kind == "image":
        name = _LOGIN.sub("", text)
        left += [hidden(name, ground.where)] if name != text else []
        return {"base": said(name, ground.where)}
    if is_dockerfile(text):
        return {"dockerfile": said(as_dockerfile(text), ground.where)}
    source = opened(text, beside.start, Path(beside.root))
    source.read()
    found = moved(text, (source.start,), source, path)
    if found.why:
        left.append(not_carried(text, found.why, ground.where, found.hint))
        return {}
    return {"dockerfile": said(found.text, ground.where)}
