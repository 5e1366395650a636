"""What envbuild needs of a machine, checked: what works, what does not, and how to mend it. Nothing lasting is written.

Every check runs beside the others and has a time to answer in, so that a dead network or a dead disk costs seconds.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from envbuild.errors import EnvbuildError, UsageError, redacted
from envbuild.process import Interrupted, Programs
from envbuild.project.front import Project
from envbuild.project.health import ailments, reach
from envbuild.solvers.mirrors import is_mirrored
from envbuild.solvers.origins import Origins
from envbuild.solvers.uv import Uv
from envbuild.workspace import passing_folder

SECONDS = 20.0
# What envbuild can do without, for a while at least.
_SPARE = {"python", "git", "engine", "completion", "secrets"}
State = Literal["ok", "note", "failed"]


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at. A note is worth knowing and stops nobody; what failed is needed."""

    name: str
    state: State
    found: str
    hint: str = ""


Ask = Callable[[], tuple[State, str, str]]


def examine(start: str, host: Mapping[str, str], *, offline: bool = False) -> tuple[Check, ...]:
    """All checks, in a fixed order; those that are about a project, or mirrors, only where there are any."""
    project, outside = _project(start, host)
    programs = Programs()
    with passing_folder(host) as folder:
        uv = Uv(programs, {"UV_HTTP_TIMEOUT": "5", **host}, folder, origins=_origins(project, host))
        asks: dict[str, Ask] = {
            "python": lambda: ailments.python(uv),
            "uv": lambda: ailments.uv_itself(uv),
            "store": lambda: ailments.store(host),
            "disk": lambda: ailments.disk(host, project.root if project else None),
            "git": lambda: ailments.git(programs, host, project.root if project else None),
            "engine": lambda: ailments.engine(programs, host),
            "variables": lambda: ailments.variables(host),
            "completion": lambda: ailments.completion(host),
            "index": lambda: ("note", "not asked", "") if offline else reach.index(uv, host),
            "project": lambda: outside if project is None else ailments.project(project),
        }
        if is_mirrored(host):
            asks["mirrors"] = lambda: ailments.mirrors(host)
        if project:
            asks["secrets"] = lambda: ailments.secrets(project)
            asks["records"] = lambda: ailments.records(project)
            asks["registries"] = lambda: ("note", "not asked", "") if offline else reach.registries(project, host)
        try:
            return tuple(_asked(asks))
        finally:
            programs.stop()


def _project(start: str, host: Mapping[str, str]) -> tuple[Project | None, tuple[State, str, str]]:
    try:
        return Project.load(start, host), ("ok", "", "")
    except UsageError as error:
        is_folder = Path(start).is_dir()
        return None, ("note" if is_folder else "failed", error.message, error.hint)


def _origins(project: Project | None, host: Mapping[str, str]) -> Origins:
    """What settings and mirrors that can be read say; those that cannot are told by another check."""
    try:
        found = project.origins if project else Origins(host)
        return found if found.mirrors else Origins({})
    except EnvbuildError:
        return Origins({})


def _asked(asks: Mapping[str, Ask]) -> Iterable[Check]:
    found: dict[str, Check] = {}
    threads = [threading.Thread(target=_ask, args=(name, ask, found), daemon=True) for name, ask in asks.items()]
    for thread in threads:
        thread.start()
    ends = threading.Event()
    timer = threading.Timer(SECONDS, ends.set)
    timer.daemon = True
    timer.start()
    while any(thread.is_alive() for thread in threads) and not ends.wait(0.01):
        pass
    timer.cancel()
    late = f"no answer within {SECONDS:.0f} seconds"
    for name in asks:
        state: State = "note" if name in _SPARE else "failed"
        yield found.get(name) or Check(name, state, late, "see whether its disk, program or network answers")


def _ask(name: str, ask: Ask, found: dict[str, Check]) -> None:
    try:
        state, what, hint = ask()
    except EnvbuildError as error:
        state, what, hint = "failed", f"{error.where}: {error.message}" if error.where else error.message, error.hint
    except OSError as error:
        place = f": {error.filename}" if error.filename else ""
        state, what, hint = "failed", f"{error.strerror or error}{place}", "check its permissions and its disk"
    except Interrupted:
        return
    found[name] = Check(name, state, redacted(what), redacted(hint))
