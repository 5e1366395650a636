"""The folder that a service is in, read: what is served, how, and what its workers are told of it."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVICE, APP, MODELS = "service.json", "app", "models"
FORMAT = 1
MIB = 1024 * 1024
PORT = 5001

# Azure's names for what is said here by its own; what is said here wins.
_SCORING, _INIT, _WORKERS = "SCORING_TIMEOUT_MS", "WORKER_TIMEOUT", "WORKER_COUNT"


class PlaceError(Exception):
    """The folder is not one that can be served."""


class Routes(NamedTuple):
    liveness: str = "/"
    readiness: str = "/ready"
    scoring: str = "/score"
    metrics: str = "/metrics"


class Limits(NamedTuple):
    """In seconds: of one `run`, one `init`, the coming of a body and a head, the reading of an answer, the end."""

    scoring: float = 60
    init: float = 300
    body: float = 30
    head: float = 10
    answer: float = 30
    graceful: float = 30
    body_bytes: int = 64 * MIB
    answer_bytes: int = 64 * MIB


class Place(NamedTuple):
    folder: str
    name: str
    entry_script: str
    routes: Routes
    limits: Limits
    port: int = PORT
    workers: int = 1
    is_debugged: bool = False

    @property
    def app(self) -> str:
        return os.path.join(self.folder, APP)

    @property
    def model_folder(self) -> str:
        """Of one model where it lies, whatever its name; of several all of them."""
        models = os.path.join(self.folder, MODELS)
        found = [(name, version) for name in _listed(models) for version in _listed(os.path.join(models, name))]
        return os.path.join(models, *found[0]) if len(found) == 1 else models

    @property
    def variables(self) -> dict[str, str]:
        """What a script is told, by the names that Azure gives it, too."""
        models = self.model_folder
        return {
            "AML_APP_ROOT": self.app,
            "AZUREML_ENTRY_SCRIPT": self.entry_script,
            "AZUREML_MODEL_DIR": models,
            "ENVBUILD_MODEL_DIR": models,
        }


def place_at(folder: str, env: Mapping[str, str]) -> Place:
    """What is not said there is taken from Azure's variables, else it is the default."""
    path = os.path.join(folder, SERVICE)
    try:
        with open(path, encoding="utf-8") as stream:
            said = json.load(stream)
        return _place(os.path.abspath(folder), said, env)
    except OSError as error:
        raise PlaceError(f"{path}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise PlaceError(f"{path} is no description of a service: {error}") from None


def _place(folder: str, said: dict[str, Any], env: Mapping[str, str]) -> Place:
    if said["format_version"] != FORMAT:
        raise PlaceError(f"{folder} was written for another version of this server")
    usual, timeouts = Limits(), said.get("timeouts", {})
    return Place(
        folder=folder,
        name=str(said.get("name", "")),
        entry_script=str(said["entry_script"]),
        routes=Routes(**said.get("routes", {})),
        limits=Limits(
            scoring=float(timeouts.get("scoring") or _number(env, _SCORING) / 1000 or usual.scoring),
            init=float(timeouts.get("init") or _number(env, _INIT) or usual.init),
            body=float(timeouts.get("body") or usual.body),
            head=float(timeouts.get("head") or usual.head),
            answer=float(timeouts.get("answer") or usual.answer),
            graceful=float(timeouts.get("graceful") or usual.graceful),
            body_bytes=int(said.get("body_bytes") or usual.body_bytes),
            answer_bytes=int(said.get("answer_bytes") or usual.answer_bytes),
        ),
        port=int(said.get("port") or PORT),
        workers=int(said.get("workers") or _number(env, _WORKERS) or 1),
        is_debugged=bool(said.get("debug")),
    )


def _number(env: Mapping[str, str], name: str) -> float:
    """Nothing where it says nothing, or nothing of use."""
    text = env.get(name, "")
    return float(text) if text.isdecimal() else 0


def _listed(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
