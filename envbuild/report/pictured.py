"""What an image is made of, as text and JSON; no secret of a URL is repeated."""

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from envbuild.errors import redacted
from envbuild.project.distributing.pictured import Pictured
from envbuild.project.distributing.sharing import Fleet
from envbuild.registry.inspecting import Layer, Variant
from envbuild.report.ages import size
from envbuild.report.columns import Column, columns
from envbuild.report.plans import document
from envbuild.report.terminal import Look, one_line, plural, wrapped
from envbuild.written import clean

_LABEL = 12
_LAYERS = (Column("layer"), Column("size"), Column("made by", 1, 8))
_SHARED = (Column("layer"), Column("size"), Column("also in"), Column("packages", 1, 8))
_SHORT = len("sha256:") + 12


def image_json(found: Pictured, fleet: Fleet | None = None) -> str:
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
        "platforms": [_variant_object(one, fleet) for one in inside.variants],
        "dockerfile": found.dockerfile,
    }
    return document(image=_hidden(told), **({"project": _fleet_object(fleet)} if fleet else {}))


def _fleet_object(fleet: Fleet) -> dict[str, Any]:
    untold = list(fleet.untold)
    return {"images": fleet.images, "stored": fleet.stored, "unshared": fleet.unshared, "untold": untold}


def _variant_object(one: Variant, fleet: Fleet | None) -> dict[str, Any]:
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
        "layers": [_layer_object(layer, fleet) for layer in one.layers],
    }


def _layer_object(layer: Layer, fleet: Fleet | None) -> dict[str, Any]:
    told = {"digest": layer.digest, "size": layer.size, "made_by": layer.made_by}
    return {**told, "packages": list(layer.packages), "also_in": _others(layer, fleet)} if fleet else told


def _others(layer: Layer, fleet: Fleet) -> int:
    """How many other environments have it; the one that is shown may be of a version that is not the latest."""
    return max(fleet.holders.get(layer.digest, 0) - 1, 0)


def _hidden(told: Any) -> Any:
    """Every text of it, however deep it lies, without what is not to be repeated."""
    if isinstance(told, str):
        return redacted(told)
    if isinstance(told, dict):
        return {key: _hidden(value) for key, value in told.items()}
    return [_hidden(one) for one in told] if isinstance(told, list) else told


def image_text(found: Pictured, look: Look, fleet: Fleet | None = None) -> str:
    """What it is called and how it starts; its layers by platform; its Dockerfile last, for that is long."""
    image, inside = found.image, found.inside
    state = f"version {image.version}" if image.version else "a version that nobody has numbered"
    every = ", ".join(f"{one.platform} {size(one.size)}" for one in inside.variants)
    rows = [
        ("repository", image.homes[0].name),
        ("digest", image.digest or image.id),
        ("kept by", found.kept_by),
        *_each("name", image.names),
        ("platforms", every),
        ("size", size(inside.size) if len(inside.variants) > 1 else ""),
        *(_conduct_rows(inside.variants[0]) if inside.variants else ()),
        *_each("annotation", _pairs({**(_own(inside.variants)), **inside.annotations})),
    ]
    lines = [*wrapped(f"{one_line(image.environment.name)}  {state}", look), *_told(rows, look)]
    for one in inside.variants:
        rows = _shared(one.layers, look, fleet) if fleet else _layers(one.layers, look)
        lines += ["", look.paint(one_line(f"Layers of {one.platform}"), "strong"), *rows]
    if fleet:
        return "\n".join([*lines, "", *_fleet_lines(fleet, look)])
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


def _shared(layers: tuple[Layer, ...], look: Look, fleet: Fleet) -> list[str]:
    rows = [
        (
            one.digest[:_SHORT],
            size(one.size),
            f"{_others(one, fleet):,}",
            redacted(", ".join(one.packages) or one.made_by),
        )
        for one in layers
    ]
    return columns(_SHARED, rows, look, indent=2)


def _fleet_lines(fleet: Fleet, look: Look) -> list[str]:
    """What all images of the project take, and would take."""
    sizes = f"{size(fleet.stored)} stored, {size(fleet.unshared)} if nothing were shared"
    told = f"{plural(fleet.images, 'image')} of the project: {sizes}"
    untold = f"not looked at: {', '.join(fleet.untold)}" if fleet.untold else ""
    return [line for one in (told, untold) if one for line in wrapped(one_line(one), look)]
