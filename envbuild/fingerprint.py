"""Everything a build will use -> Fingerprint: one hash over named parts, so that a difference names its cause.

Scheme 1. Each part has a content (canonical text) and its SHA-256; the fingerprint is the SHA-256 over the sorted lines
`name digest`. A hash is a contract: tests/vectors/fingerprint-1.json holds this scheme fixed, and any change of what a
part holds is a new scheme.
"""

import hashlib
import re
from collections.abc import Mapping

import msgspec

from envbuild.lock import Head, canonical
from envbuild.manifest import Build
from envbuild.resolve import DEFAULT_PREFIX, Environment, Variable
from envbuild.typed import from_json

SCHEME = "1"
_PATCH = re.compile(r"[0-9]+\.[0-9]+\.[0-9]")  # what asks for more than a minor version is content, too


class Part(msgspec.Struct, frozen=True, order=True):
    """One named input. `content` is empty where it is long and can be had elsewhere: the pins."""

    name: str
    digest: str
    content: str = ""

    @property
    def stem(self) -> str:
        return self.name.partition("/")[0]


class Fingerprint(msgspec.Struct, frozen=True):
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        lines = "".join(f"{part.name} {part.digest}\n" for part in self.parts)
        return f"{SCHEME}:{hashlib.sha256(lines.encode()).hexdigest()}"


class Inputs(msgspec.Struct, frozen=True):
    """What is not in the environment itself: the builder's format, the lock, the digests of what goes in.

    `contents` say of folders what their digests are of. `additions` are the texts that `spark` and `r` render, by key.
    """

    builder_format: str
    head: Head | None
    platforms: tuple[str, ...]
    files: dict[str, str]
    contents: dict[str, str] = {}
    additions: Mapping[str, Mapping[str, str]] = {}


def fingerprint(environment: Environment, inputs: Inputs) -> Fingerprint:
    """The parts of DECISIONS 25 that a builder of local prefixes uses."""
    parts = [
        _part("builder", {"format": inputs.builder_format, "kind": environment.builder}),
        _part("python", _python(environment, inputs)),
        *_dependencies(inputs),
        *(Part(f"file/{path}", digest, inputs.contents.get(path, "")) for path, digest in inputs.files.items()),
    ]
    if environment.variables:
        parts.append(_part("variables", {one.name: _variable(one) for one in environment.variables}))
    if environment.setup:
        parts.append(_part("setup", list(environment.setup)))
    parts += [_part(key, texts) for key, texts in inputs.additions.items()]
    return Fingerprint(tuple(sorted(parts)))


class ImageInputs(msgspec.Struct, frozen=True):
    """What an image is made of besides: a Dockerfile that is executed, the content of a base that is an environment.

    `apt` are the Debian packages themselves, whether they are named or listed in a file. `further` is what only one
    builder has, by key of `image`, and no Dockerfile says.
    """

    dockerfile: str = ""
    base: str = ""
    apt: tuple[str, ...] = ()
    further: Mapping[str, object] = {}


# Said by parts of their own: what the image starts from, and what the Dockerfile is made of.
_ELSEWHERE = {"base", "dockerfile", "context", "template", "apt", "prefix", "gpu"}


def image_fingerprint(environment: Environment, inputs: Inputs, image: ImageInputs) -> Fingerprint:
    """The parts that a builder of images uses: those of a prefix, and what only images have."""
    parts = [*fingerprint(environment, inputs).parts]
    if image.dockerfile:
        parts.append(Part("template/Dockerfile.j2", hashlib.sha256(image.dockerfile.encode()).hexdigest()))
    if base := _base(inputs, image):
        parts.append(_part("base", base))
    stated = {**_image(environment, image), **image.further}
    parts += [_part(f"image/{key}", value) for key, value in stated.items()]
    return Fingerprint(tuple(sorted(parts)))


def _base(inputs: Inputs, image: ImageInputs) -> dict[str, str]:
    """By its content, whatever a registry calls it."""
    if image.base:
        return {"environment": image.base}
    base = inputs.head.base if inputs.head else None
    return {"digest": base.digest} if base else {}


def _image(environment: Environment, image: ImageInputs) -> dict[str, object]:
    """Each key that says something; what says what holds anyway says nothing."""
    stated = msgspec.to_builtins(environment.keys.image)
    found = {key: _said(value) for key, value in stated.items() if value and key not in _ELSEWHERE}
    if steps := environment.keys.image.build:
        found["build"] = [_step(step) for step in steps]
    if image.apt:
        found["apt"] = sorted(image.apt)
    if environment.prefix != DEFAULT_PREFIX:
        found["prefix"] = environment.prefix
    return found


def _step(step: str | Build) -> object:
    """Its `id` is a name by which a child replaces it, and no content."""
    long = Build(command=step) if isinstance(step, str) else msgspec.structs.replace(step, id=None)
    return _said(msgspec.to_builtins(long))


def _said(value: object) -> object:
    """Without what says nothing, so that a key that comes later changes no hash."""
    if isinstance(value, dict):
        return {key: _said(one) for key, one in value.items() if one not in (None, (), [], {})}
    return [_said(one) for one in value] if isinstance(value, (list, tuple)) else value


class Folder(msgspec.Struct, frozen=True):
    """What the part of a folder holds: each file with its SHA-256, and `x` before that where it may be run.

    Of one that is editable only the files that say how it is built.
    """

    editable: bool
    files: dict[str, str]

    @property
    def text(self) -> str:
        return canonical(self).decode()

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def folder_of(part: Part | None) -> Folder | None:
    """The folder that a part is about, if it is about one."""
    is_one = part is not None and part.stem == "file" and part.content
    return from_json(part.content, Folder) if part and is_one else None


def is_tied(parts: tuple[Part, ...]) -> bool:
    """Whether a build belongs to one checkout: it uses a folder where that lies."""
    return any(folder.editable for part in parts if (folder := folder_of(part)))


def _part(name: str, value: object) -> Part:
    content = canonical(value).decode()
    return Part(name, hashlib.sha256(content.encode()).hexdigest(), content)


def _python(environment: Environment, inputs: Inputs) -> dict[str, object]:
    python, head = environment.python, inputs.head
    items = {item for platform in inputs.platforms for item in environment.package("python", platform)}
    narrower = sorted({item.specifier for item in items if _PATCH.search(item.specifier)})
    return {
        "from": python.source,
        "interpreter": python.interpreter,
        "managed": python.managed,
        "version": head.python if head else "",
        **({"range": narrower} if narrower else {}),
    }


def _dependencies(inputs: Inputs) -> list[Part]:
    pins = inputs.head.pins if inputs.head else {}
    return [Part(f"dependencies/{platform}", pins[platform]) for platform in inputs.platforms if platform in pins]


def _variable(variable: Variable) -> object:
    if not variable.prepend and not variable.append:
        return variable.value
    return {"append": list(variable.append), "prepend": list(variable.prepend), "value": variable.value}


def recorded_variables(part: Part | None) -> tuple[Variable, ...]:
    """The variables that a recorded part holds."""
    stated = from_json(part.content, dict[str, str | _Additions | None]) if part else {}
    return tuple(
        Variable(name, value.value, value.prepend, value.append)
        if isinstance(value, _Additions)
        else Variable(name, value)
        for name, value in stated.items()
    )


class _Additions(msgspec.Struct, frozen=True):
    append: tuple[str, ...]
    prepend: tuple[str, ...]
    value: str | None
