"""`serve`: how an environment answers over HTTP, what goes with it, and what a service needs of its machine."""

import re
from collections.abc import Iterator
from typing import Annotated, TypeGuard

import msgspec

from envbuild.document import RESET, Mapping, Scalar, Value, is_null
from envbuild.errors import EnvbuildError, ManifestError, Place
from envbuild.manifest.rules import File, Overlay, Word, about
from envbuild.shape import is_rendered

Model = Annotated[str, msgspec.Meta(min_length=1, extra={"path": "model"})]

_LAST_PORT = 65535
_WHOLE, _LONGEST = re.compile(r"[+-]?[0-9]+"), 12
_CPU = re.compile(r"(?=.*[1-9])([0-9]{1,6}(\.[0-9]{1,3})?|[0-9]{1,9}m)")  # no cluster knows less than 1m
_MEMORY = re.compile(r"(?=.*[1-9])[0-9]{1,18}(\.[0-9]{1,9})?([KMGTPE]i|[kMGTPE])?")
_MODEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_REGISTERED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*@([0-9]{1,18}|latest)")
_MISNAMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*@[A-Za-z][A-Za-z0-9_-]*")  # meant so, by a version that there is not
_ROUTE = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@/-]*")
_MOST = {"workers": 1024, "timeout": 86_400, "init_timeout": 86_400, "body_mib": 4_095, "answer_mib": 4_095}


class Routes(msgspec.Struct, frozen=True):
    liveness: Annotated[Word | None, about("Answers as soon as there is a server: '/'.")] = None
    readiness: Annotated[Word | None, about("Answers with 200 once a worker is ready: '/ready'.")] = None
    scoring: Annotated[Word | None, about("Where run() is called: '/score'.")] = None
    metrics: Annotated[Word | None, about("What is counted, for Prometheus: '/metrics'.")] = None


class Serve(msgspec.Struct, frozen=True):
    entry_script: Annotated[File | None, about("The script with init() and run(data).")] = None
    source: Annotated[File | None, about("The folder that goes with the script; default: the script alone.")] = None
    models: Annotated[Overlay[dict[str, Model | None]], about("By name: a file or folder, or NAME@VERSION.")] = (
        msgspec.field(default_factory=dict)
    )
    port: Annotated[int | None, about("Where it listens; default: 5001.")] = None
    routes: Annotated[Overlay[Routes], about("The paths of its answers.")] = Routes()
    workers: Annotated[int | None, about("Processes that call run(), each one request at a time; default: 1.")] = None
    timeout: Annotated[int | None, about("Seconds that run() may take; default: 60.")] = None
    init_timeout: Annotated[int | None, about("Seconds that init() may take; default: 300.")] = None
    body_mib: Annotated[int | None, about("The largest body that is taken, in MiB; default: 64.")] = None
    answer_mib: Annotated[int | None, about("The largest answer that is given, in MiB; default: 64.")] = None
    cpu: Annotated[Word | None, about("Of a deployment, as Kubernetes has it: '2', '500m'.")] = None
    memory: Annotated[Word | None, about("The same: '4Gi'.")] = None


def registered(text: str) -> tuple[str, str] | None:
    """Name and version of a model of the registry; nothing for what can only be a path."""
    said = text.strip()
    if not (_REGISTERED.fullmatch(said) or _MISNAMED.fullmatch(said)):
        return None
    name, _, version = said.partition("@")
    return name, version


def serve_problems(stated: Value | None) -> Iterator[EnvbuildError]:
    """What types cannot say; what Jinja is to write is looked at when it has written it."""
    if not isinstance(stated, Mapping):
        return
    yield from _numbers(stated)
    yield from _quantities(stated)
    yield from routes_problems(stated.get("routes"))
    models = stated.get("models")
    for name, entry in models.entries.items() if isinstance(models, Mapping) else ():
        if not _MODEL.fullmatch(name):
            yield ManifestError(
                f"'{name}' cannot name a model", entry.key.place, "use letters, digits, '.', '_' and '-'"
            )


def _is_said(node: Value | None) -> TypeGuard[Scalar]:
    return isinstance(node, Scalar) and not is_null(node) and node.tag != RESET and not is_rendered(node)


def _numbers(stated: Mapping) -> Iterator[EnvbuildError]:
    port = stated.get("port")
    if _is_said(port) and _is_outside(port.text, _LAST_PORT):
        yield ManifestError(f"{port.text} is no port", port.place, f"choose one from 1 to {_LAST_PORT}")
    for key, most in _MOST.items():
        node = stated.get(key)
        if _is_said(node) and _is_outside(node.text, most):
            yield ManifestError(f"'{key}' cannot be {node.text}", node.place, f"choose a number from 1 to {most}")


def _is_outside(text: str, most: int) -> bool:
    """What is no number is told by its type; one of thousands of digits is read by nobody."""
    if not _WHOLE.fullmatch(text):
        return False
    return len(text) > _LONGEST or not 1 <= int(text) <= most


def _quantities(stated: Mapping) -> Iterator[EnvbuildError]:
    cpu, memory = stated.get("cpu"), stated.get("memory")
    if _is_said(cpu) and not _CPU.fullmatch(cpu.text):
        yield ManifestError(f"'{cpu.text}' is no number of CPUs", cpu.place, "write it as '2', '0.5' or '500m'")
    if _is_said(memory) and not _MEMORY.fullmatch(memory.text):
        yield ManifestError(f"'{memory.text}' is no size of memory", memory.place, "write it as '4Gi' or '512Mi'")


def routes_problems(stated: Value | None) -> Iterator[EnvbuildError]:
    """Each is a path, and no two are the same one."""
    known: dict[str, Place] = {}
    for entry in stated.entries.values() if isinstance(stated, Mapping) else ():
        node = entry.value
        if not _is_said(node):
            continue
        if not _ROUTE.fullmatch(node.text):
            yield ManifestError(f"'{node.text}' is no route", node.place, "write a path: '/score'")
        elif first := known.get(node.text):
            what = f"two routes are '{node.text}': at line {first.line}, too"
            yield ManifestError(what, node.place, "choose another path for one of them")
        else:
            known[node.text] = node.place
