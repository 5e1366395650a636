"""What an environment serves: its script, its models and how it answers, complete, with what is not said filled in."""

import posixpath
from collections.abc import Iterator
from typing import Any

import msgspec

from envbuild.document import Mapping
from envbuild.errors import EnvbuildError, Place, ResolveError, UsageError, raise_all
from envbuild.manifest import registered, routes_problems
from envbuild.resolve import Environment

FORMAT = 1
PORT = 5001
MIB = 1024 * 1024
FIRST = "1"  # the version of a model that is a file of the project


class Routes(msgspec.Struct, frozen=True):
    liveness: str = "/"
    readiness: str = "/ready"
    scoring: str = "/score"
    metrics: str = "/metrics"


class Model(msgspec.Struct, frozen=True):
    """A file or folder of the project, else one of the registry: `registered` and its version."""

    name: str
    path: str
    registered: str
    version: str
    where: Place

    @property
    def is_registered(self) -> bool:
        return bool(self.registered)


class Service(msgspec.Struct, frozen=True):
    """`script` and `source` are paths of the project; `entry_script` is the script as it lies in the service's folder.

    What is nothing is left to the server: `timeout`, `init_timeout` and `workers` may come from Azure's variables.
    """

    environment: str
    script: str
    source: str
    entry_script: str
    models: tuple[Model, ...]
    routes: Routes
    port: int
    workers: int | None
    timeout: float | None
    init_timeout: int | None
    body_mib: int | None
    answer_mib: int | None
    cpu: str | None
    memory: str | None
    where: Place
    where_source: Place

    def document(self, *, debug: bool = False) -> dict[str, Any]:
        """`service.json`, as the server reads it."""
        timeouts = {"scoring": self.timeout, "init": self.init_timeout}
        return {
            "format_version": FORMAT,
            "name": self.environment,
            "entry_script": self.entry_script,
            "routes": msgspec.structs.asdict(self.routes),
            "port": self.port,
            "workers": self.workers,
            "timeouts": {name: seconds for name, seconds in timeouts.items() if seconds is not None},
            "body_bytes": None if self.body_mib is None else self.body_mib * MIB,
            "answer_bytes": None if self.answer_mib is None else self.answer_mib * MIB,
            "debug": debug,
        }


def service_of(environment: Environment) -> Service:
    """What `serve:` says after inheritance; everything wrong with it is raised together."""
    serve = environment.keys.serve
    if serve.entry_script is None:
        stated = environment.node("serve")
        what = "nothing says what it serves: 'serve' names no 'entry_script'" if stated else "it serves nothing"
        where = environment.where_key("serve") if stated else environment.where_itself
        raise ResolveError(f"'{environment.name}': {what}", where, "name a script: 'serve: {entry_script: score.py}'")
    raise_all(list(_problems(environment)))
    source, script = serve.source or "", serve.entry_script
    return Service(
        environment=environment.name,
        script=script,
        source=source,
        entry_script=posixpath.relpath(script, source) if source else posixpath.basename(script),
        models=tuple(_models(environment)),
        routes=_routes(environment),
        port=serve.port or PORT,
        workers=serve.workers,
        timeout=serve.timeout,
        init_timeout=serve.init_timeout,
        body_mib=serve.body_mib,
        answer_mib=serve.answer_mib,
        cpu=serve.cpu,
        memory=serve.memory,
        where=environment.where("serve", "entry_script"),
        where_source=environment.where("serve", "source"),
    )


def said_anew(service: Service, *, workers: int | None = None, timeout: float | None = None) -> Service:
    """With what a command line says of it."""
    if workers is not None and workers < 1:
        raise UsageError(f"there is no service of {workers} workers", hint="say how many, from 1 on")
    if timeout is not None and not 0 < timeout < float("inf"):
        raise UsageError(f"'{timeout}' is no time", hint="say how many seconds, or leave '--timeout' out")
    return msgspec.structs.replace(service, workers=workers or service.workers, timeout=timeout or service.timeout)


def _problems(environment: Environment) -> Iterator[EnvbuildError]:
    """What manifests that are right by themselves may come to together."""
    serve = environment.keys.serve
    if serve.source and serve.entry_script and not _is_below(serve.entry_script, serve.source):
        what = f"the entry script '{serve.entry_script}' is not in '{serve.source}', the folder that goes with it"
        where = environment.where("serve", "entry_script")
        yield ResolveError(what, where, "name a folder that has it, or leave 'source' out")
    if serve.source == ".":
        where = environment.where("serve", "source")
        yield ResolveError("the whole project is no source folder", where, "name a folder below it")
    stated = environment.node("serve", "routes")
    clashing = [*routes_problems(stated)]
    yield from clashing
    if not clashing:
        yield from _taken(environment)


def _taken(environment: Environment) -> Iterator[EnvbuildError]:
    """A route may be one that is not stated, and stands for itself."""
    routes = msgspec.structs.asdict(_routes(environment))
    stated = environment.node("serve", "routes")
    for name in stated.entries if isinstance(stated, Mapping) else ():
        other = next((one for one, path in routes.items() if one != name and path == routes.get(name)), None)
        if other and routes[name]:
            what = f"'{routes[name]}' is the route of {other}, too"
            yield ResolveError(what, environment.where("serve", "routes", name), f"choose another, or state '{other}'")


def _routes(environment: Environment) -> Routes:
    stated = msgspec.structs.asdict(environment.keys.serve.routes)
    return Routes(**{name: path for name, path in stated.items() if path})


def _models(environment: Environment) -> Iterator[Model]:
    for name, said in environment.keys.serve.models.items():
        if said is None:
            continue
        known = registered(said)
        where = environment.where("serve", "models", name)
        if known:
            yield Model(name, "", *known, where)
        else:
            yield Model(name, posixpath.normpath(said), "", FIRST, where)


def _is_below(path: str, folder: str) -> bool:
    return folder == "." or path.startswith(f"{folder}/")
