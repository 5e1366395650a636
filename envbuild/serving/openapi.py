"""What a service takes and gives, as OpenAPI says it: of version 2, which Azure's clients ask for, or of 3."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from envbuild.serving.place import Place

    Told = dict[str, Any]

ROUTE = "/swagger.json"
USUAL = "2.0"
VERSIONS = {"2": "2.0", "2.0": "2.0", "3": "3.0", "3.0": "3.0", "3.1": "3.1"}
_FILES = {"2.0": ("swagger.json", "swagger2.json"), "3.0": ("swagger3.json",), "3.1": ("swagger3.1.json",)}
_FULL = {"3.0": "3.0.3", "3.1": "3.1.0"}
_JSON, _TEXT = "application/json", "text/plain"


def own(folder: str, version: str) -> bytes:
    """What a file beside the script says of itself, by Azure's names for it; nothing where there is none."""
    for name in _FILES[version]:
        try:
            with open(os.path.join(folder, name), "rb") as stream:
                return stream.read()
        except OSError:
            continue
    return b""


def described(place: Place, taken: Told, given: Told, version: str) -> Told:
    """`taken` and `given` are the schemas of what is sent and of what is answered."""
    schemas = {
        "ServiceInput": taken,
        "ServiceOutput": given,
        "ErrorResponse": {"type": "object", "properties": {"message": {"type": "string"}}},
    }
    title = place.name or "service"
    info = {"title": title, "description": f"What '{title}' answers.", "version": "1.0"}
    if version == USUAL:
        ways = {"consumes": [_JSON], "produces": [_JSON], "paths": _paths(place, _old), "definitions": schemas}
        return {"swagger": version, "info": info, **ways}
    return {
        "openapi": _FULL[version], "info": info, "paths": _paths(place, _new), "components": {"schemas": schemas},
    }  # fmt: skip


def _paths(place: Place, written: Any) -> Told:
    health = {"operationId": "ServiceHealthCheck", "description": "Whether there is a server."}
    score = {"operationId": "RunMLService", "description": "Calls run() of the entry script."}
    return {
        place.routes.liveness: {"get": {**health, **written("", "", _TEXT)}},
        place.routes.scoring: {"post": {**score, **written("ServiceInput", "ServiceOutput", _JSON)}},
    }


def _old(taken: str, given: str, kind: str) -> Told:
    body = {"name": "serviceInputPayload", "in": "body", "schema": _named("definitions", taken)}
    schema = _named("definitions", given) if given else {"type": "string"}
    return {
        **({"parameters": [body]} if taken else {}),
        **({} if kind == _JSON else {"produces": [kind]}),
        "responses": {
            "200": {"description": "The answer.", "schema": schema},
            "default": {"description": "What was wrong.", "schema": _named("definitions", "ErrorResponse")},
        },
    }


def _new(taken: str, given: str, kind: str) -> Told:
    schema = _named("components/schemas", given) if given else {"type": "string"}
    failed = _named("components/schemas", "ErrorResponse")
    return {
        **({"requestBody": {"content": {_JSON: {"schema": _named("components/schemas", taken)}}}} if taken else {}),
        "responses": {
            "200": {"description": "The answer.", "content": {kind: {"schema": schema}}},
            "default": {"description": "What was wrong.", "content": {_JSON: {"schema": failed}}},
        },
    }


def _named(where: str, name: str) -> Told:
    return {"$ref": f"#/{where}/{name}"}
