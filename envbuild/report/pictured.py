"""What an image is made of, as text and JSON; no secret of a URL is repeated."""

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from envbuild.errors import redacted
from envbuild.project.pictured import Pictured
from envbuild.registry.inspecting import Layer, Variant
from envbuild.report.ages import size
from envbuild.report.columns import Column, columns
from envbuild.report.plans import document
from envbuild.report.terminal import Look, one_line, wrapped
from envbuild.written import clean

_LABEL = 12
_LAYERS = (Column("layer"), Column("size"), Column("made by", 1, 8))
_SHORT = len("sha256:") + 12


def image_json(found: Pictured) -> str:
    image, inside = found.image, found.inside
    told = {
        "environment": image.environment.name,
        "version": image.version,
        "reference": image.reference,
        "repository": image.homes[0].name,
        "digest": image.digest or image.id,
        "names": list(image.names),
        "media_type": inside.media_type,
        "size": inside.size,
        "annotations": dict(inside.annotations),
        "platforms": [_variant_object(one) for one in inside.variants],
        "dockerfile": found.dockerfile,
    }
    return document(image=_hidden(told))


def _variant_object(one: Variant) -> dict[str, Any]:
    conduct = one.conduct
    return {
        "platform": one.platform,
        "digest": one.digest,
        "size": one.size,
        "created": one.created,
        "entrypoint": list(conduct.entrypoint),
        "command": list(conduct.command),
        "user": conduct.user,
        "workdir": conduct.workdir,
        "env": list(conduct.env),
        "labels": dict(conduct.labels),
        "annotations": dict(one.annotations),
        "layers": [{"digest": layer.digest, "size": layer.size, "made_by": layer.made_by} for layer in one.layers],
    }


def _hidden(told: Any) -> Any:
    """Every text of it, however deep it lies, without what is not to be repeated."""
    if isinstance(told, str):
        return redacted(told)
    if isinstance(told, dict):
        return {key: _hidden(value) for key, value in told.items()}
    return [_hidden(one) for one in told] if isinstance(told, list) else told


def image_text(found: Pictured, look: Look) -> str:
    """What it is called and how it starts; its layers by platform; its Dockerfile last, for that is long."""
    image, inside = found.image, found.inside
    state = f"version {image.version}" if image.version else "a version that nobody has numbered"
    every = ", ".join(f"{one.platform} {size(one.size)}" for one in inside.variants)
    rows = [
        ("repository", image.homes[0].name),
        ("digest", image.digest or image.id),
        ("kept by", "this machine's engine" if image.id else ""),
        *_each("name", image.names),
        ("platforms", every),
        ("size", size(inside.size) if len(inside.variants) > 1 else ""),
        *(_conduct_rows(inside.variants[0]) if inside.variants else ()),
        *_each("annotation", _pairs({**(_own(inside.variants)), **inside.annotations})),
    ]
    lines = [*wrapped(f"{one_line(image.environment.name)}  {state}", look), *_told(rows, look)]
    for one in inside.variants:
        lines += ["", look.paint(one_line(f"Layers of {one.platform}"), "strong"), *_layers(one.layers, look)]
    if found.dockerfile:
        lines += ["", look.paint("Dockerfile", "strong"), clean(redacted(found.dockerfile)).rstrip("\n")]
    return "\n".join(lines)


def _own(variants: tuple[Variant, ...]) -> Mapping[str, str]:
    """What is said of an image of one platform stands with that."""
    return variants[0].annotations if len(variants) == 1 else {}


def _conduct_rows(one: Variant) -> list[tuple[str, str]]:
    conduct = one.conduct
    return [
        ("entrypoint", shlex.join(conduct.entrypoint)),
        ("command", shlex.join(conduct.command)),
        ("user", conduct.user),
        ("workdir", conduct.workdir),
        *_each("env", conduct.env),
        *_each("label", _pairs(conduct.labels)),
    ]


def _pairs(values: Mapping[str, str]) -> list[str]:
    return [f"{key}={value}" for key, value in sorted(values.items())]


def _each(label: str, values: Iterable[str]) -> list[tuple[str, str]]:
    """The label stands with the first of them."""
    return [(label if not at else "", value) for at, value in enumerate(values)]


def _told(rows: list[tuple[str, str]], look: Look) -> list[str]:
    return [
        line
        for label, value in rows
        if value
        for line in wrapped(one_line(redacted(value)), look, f"  {label.ljust(_LABEL)}", " " * (_LABEL + 2))
    ]


def _layers(layers: tuple[Layer, ...], look: Look) -> list[str]:
    rows = [(one.digest[:_SHORT], size(one.size), redacted(one.made_by)) for one in layers]
    return columns(_LAYERS, rows, look, indent=2)
