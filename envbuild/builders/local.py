"""Builder `local`: a prefix in the user's store, made of the lock by rattler and uv, with no other program."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from envbuild import census
from envbuild.builders import additions, conda, store, wheels
from envbuild.builders.activation import activated
from envbuild.builders.target import Target, Tools, note
from envbuild.document import PREFIX
from envbuild.errors import BuildError
from envbuild.machine import own_python
from envbuild.process import Interrupted, child_environment

FORMAT = "local-1"
MAKES_IMAGES = False

# What a manifest may say that a local prefix cannot be: (key, value), where an empty value means any.
CANNOT_HONOUR = frozenset(
    {
        ("python.managed", "false"),
        ("python.interpreter", ""),
        ("python.from", "image"),
        ("spark.java", "apt"),
        ("r.from", "apt"),
        ("r.from", "system"),
    }
)


class _Waiting:
    """Says once that another process has the prefix, and gives up when we are to stop."""

    def __init__(self, target: Target, tools: Tools) -> None:
        self._target = target
        self._tools = tools
        self._told = False

    def __call__(self) -> None:
        if self._tools.programs.stopped:
            raise Interrupted
        if not self._told:
            self._target.say("waiting: the same content is being built already")
        self._told = True


def reference_of(folder: Path, fingerprint: str, checkout: str = "") -> Path:
    return folder / store.address(fingerprint, checkout)


def strays(reference: str, fingerprint: str, checkout: str) -> str | None:
    """What is wrong with a prefix that uses folders where they lie: that these are another checkout's."""
    is_own = not checkout or Path(reference).name == store.address(fingerprint, checkout)
    return None if is_own else "it uses the folders of another checkout"


def find(folder: Path, fingerprint: str, checkout: str = "") -> str | None:
    """The prefix that holds this content, if it is complete and unharmed."""
    prefix = reference_of(folder, fingerprint, checkout)
    return str(prefix) if complaint(str(prefix)) is None else None


def complaint(reference: str) -> str | None:
    """What is wrong with a prefix; None when it is as it was built."""
    prefix = Path(reference)
    if not store.is_complete(prefix):
        return "the prefix is gone" if not prefix.exists() else "the prefix is not complete"
    if not census.runs(reference):
        return "its Python interpreter is gone"
    try:
        found = list(store.damage(prefix))
    except (OSError, msgspec.DecodeError):
        return "its census cannot be read"
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    return f"{found[0][0]} {found[0][1]}{more}" if found else None


def stands(reference: str) -> bool:
    """Whether a prefix was completed and is there; unlike `complaint`, which looks at every file, at once."""
    return store.is_complete(Path(reference))


def build(target: Target, tools: Tools) -> str:
    """Make the prefix, or find that another process has just made it."""
    prefix = reference_of(tools.store, target.fingerprint, target.checkout)
    with store.held(tools.store, prefix.name, _Waiting(target, tools)) as lock:
        if complaint(str(prefix)) is None:
            return str(prefix)
        if store.is_complete(prefix):
            _heal_cache(prefix, target, tools)
        store.clear(tools.store, prefix)
        try:
            _make(prefix, msgspec.structs.replace(target, hold=(lock,)), tools)
            store.complete(prefix)
        except OSError as error:
            store.clear(tools.store, prefix)
            what = f"the prefix cannot be written: {error.strerror}: {error.filename or prefix}"
            raise BuildError(what, hint="check the space on its disk, or set ENVBUILD_STORE") from None
        except BaseException:
            store.clear(tools.store, prefix)
            raise
    return str(prefix)


def _make(prefix: Path, target: Target, tools: Tools) -> None:
    host = child_environment(tools.host)
    if target.uses_conda:
        scripted = conda.make(prefix, target, tools)
        conda.run_scripts(prefix, scripted, target, tools, activated(target.environment.variables, prefix, host))
    else:
        target.say("python")
        _venv(prefix, target, tools)
    wheels.install(prefix, target, tools)
    _set_up(prefix, target, tools, host)


def _set_up(prefix: Path, target: Target, tools: Tools, host: Mapping[str, str]) -> None:
    if not target.is_run_in:
        return
    target.rendered()  # nothing is run for what cannot be finished
    env = activated(target.environment.variables, prefix, host, tools.programs)
    additions.add(prefix, target, tools, env)
    for number, command in enumerate(target.environment.setup, 1):
        target.say(f"setup {number} of {len(target.environment.setup)}")
        placed = command.replace(PREFIX, str(prefix))
        note(target.log, f"$ {placed}")
        ran = tools.programs.run(["/bin/sh", "-ec", placed], env=env, cwd=prefix, log=target.log, hold=target.hold)
        if ran.code:
            where = target.environment.where_item("setup", number - 1)
            raise BuildError(f"setup command {number} ended with {ran.code}", where, "look at its output in the log")


def _venv(prefix: Path, target: Target, tools: Tools) -> None:
    wanted = target.python_range or (f"=={target.python}.*" if target.python else "")
    chosen = own_python(wanted)
    if not chosen:  # it may have to be fetched
        target.rendered()
        chosen = f"cpython{wanted}"
    command: list[str | Path] = ["venv", "--no-project", "--quiet", "--python", chosen, prefix]
    ran = tools.uv.run(command, log=target.log, hold=target.hold)
    if ran.code:
        found = ", ".join(tools.uv.pythons.versions(downloadable=False)) or "none"
        raise BuildError(
            f"no Python {target.python_range or target.python} could be found or fetched",
            next((item.where for item in target.environment.package("python")), target.environment.where("python")),
            f"found on this machine: {found}",
        )


def _heal_cache(prefix: Path, target: Target, tools: Tools) -> None:
    """Uv links files from its cache: what was changed in a prefix was changed there too, and is fetched again."""
    try:
        changed = {path for path, how in store.damage(prefix) if how == "was changed"}
    except (OSError, msgspec.DecodeError):
        changed = set()
    owners = sorted({owner for owner, path in wheels.owned(prefix) if path in changed})
    if owners:
        tools.uv.run(["cache", "clean", *owners], log=target.log)


def python_patch(reference: str) -> str:
    """The exact Python of a prefix and where it comes from: noted in the record, not part of the content."""
    if found := conda.python_patch(Path(reference)):
        return found
    try:
        lines = (Path(reference) / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    values = {key.strip(): value.strip() for key, _, value in (line.partition("=") for line in lines)}
    return f"{values.get('version_info', '')} {values.get('home', '')}".strip()
