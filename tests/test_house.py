"""The house (DESIGN 12, DECISIONS at its end, STYLE): which room may know which, and the shape of what stands in them.

Read from the source of the installed package; imports inside functions and for types count like any other.
"""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import get_type_hints

import msgspec
import networkx as nx
import pytest

import envbuild
from envbuild.manifest import RULES, Keys, Rule

PACKAGE = Path(envbuild.__file__).parent
DECIDING = (
    "version", "errors", "typed", "document", "written", "shape", "globs", "names", "urls", "quantities", "sandbox",
    "manifest", "settings", "resolve", "service", "deployed", "lock", "fingerprint", "record", "runs", "model",
    "render", "rules", "plan", "image", "difference",
)  # fmt: skip
DOING = (
    "machine",
    "entering",
    "process",
    "census",
    "memo",
    "serving",
    "attending",
    "workspace",
    "registry",
    "state",
    "solvers",
    "builders",
    "apply",
    "project",
    "report",
    "interop",
    "api",
    "cli",
)
ROOMS = (*DECIDING, *DOING)

TOUCHING = {
    "asyncio", "concurrent", "conda_lock.conda_lock", "ctypes", "datetime", "docker", "fcntl", "getpass", "glob",
    "http", "logging", "multiprocessing", "os", "pathlib", "platform", "random", "requests", "secrets", "shutil",
    "signal", "socket", "sqlite3", "ssl", "subprocess", "sys", "tempfile", "time", "urllib.request", "urllib3",
    "uuid", "zoneinfo",
}  # fmt: skip
EXEMPT = {("lock.condalock", "sys")}  # to load a package's modules without its command
OWNERS = {"click": "cli", "rich": "report cli", "subprocess": "process", "pty": "process", "sqlite3": "state"}
_OF_SCRIPTS = {"serving.script": {"flask"}}  # where a script has it, and asks for whole requests
NAMELESS = {"utils", "util", "helpers", "helper", "common", "core", "base", "models", "misc"}

MODULE_LINES = 320
HALF, NINE_OF_TEN, ALL = 8, 25, 50


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the package by its dotted name, below `envbuild`; the package itself is ''."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts[0] != "_shipped":
            dotted = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[dotted] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return found


def imports(name: str) -> Iterator[str]:
    """The full dotted name of everything that a module imports, wherever it does."""
    for node in ast.walk(modules()[name]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name}:{node.lineno}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(name: str) -> Iterator[str]:
    """The modules of this package that a module imports."""
    for full in imports(name):
        if full.partition(".")[0] == "envbuild":
            dotted = full.removeprefix("envbuild").removeprefix(".")
            yield dotted if dotted in modules() else dotted.rpartition(".")[0]


def room(name: str) -> str:
    return name.partition(".")[0]


def calls(name: str, function: str) -> list[int]:
    """The lines on which a module calls a function by its bare name."""
    return [
        node.lineno
        for node in ast.walk(modules()[name])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function
    ]


def test_every_module_stands_in_a_known_room() -> None:
    """A new room is entered in this list, at its place; none is named for nothing."""
    assert {room(name) for name in modules()} == {*ROOMS, "", "__main__"}
    assert not {part for name in modules() for part in name.split(".")} & NAMELESS


def test_imports_point_only_to_earlier_rooms() -> None:
    """In the order of the house; the deciding half never knows the doing half, and no room its own face."""
    at = {name: position for position, name in enumerate(ROOMS)}
    wrong = [
        f"{name} imports {other}"
        for name in modules()
        if room(name) in at
        for other in own_imports(name)
        if not other or at[room(other)] > at[room(name)]
    ]
    assert wrong == []


def test_the_deciding_half_touches_nothing() -> None:
    """No files, programs, clock, chance, network, threads, and nothing of the machine."""
    wrong = [
        f"{name} imports {full}"
        for name in modules()
        if room(name) in DECIDING
        for full in imports(name)
        if (name, full) not in EXEMPT and any(full == banned or full.startswith(f"{banned}.") for banned in TOUCHING)
    ]
    wrong += [
        f"{name}:{line} opens a file" for name in modules() if room(name) in DECIDING for line in calls(name, "open")
    ]
    assert wrong == []


def test_one_door_makes_values_of_our_types() -> None:
    """What msgspec knows of a type is made by one thread at a time, which is the business of `typed`."""
    wrong = [
        f"{name}:{node.lineno}"
        for name in modules()
        if name != "typed"
        for node in ast.walk(modules()[name])
        if isinstance(node, ast.Call) and _reads_a_type(node)
    ]
    assert wrong == []


def _reads_a_type(call: ast.Call) -> bool:
    called = ast.unparse(call.func)
    typed = any(keyword.arg == "type" for keyword in call.keywords)
    return called == "msgspec.convert" or (called in {"msgspec.json.decode", "msgspec.msgpack.decode"} and typed)


@pytest.mark.parametrize("library", OWNERS)
def test_a_door_has_one_owner(library: str) -> None:
    """Programs are started in `process`, records are kept in `state`, and only `cli` knows click."""
    users = {room(name) for name in modules() for full in imports(name) if full.partition(".")[0] == library}
    assert users <= set(OWNERS[library].split())


def test_only_the_command_line_prints() -> None:
    """Everything else gives values."""
    wrong = [f"{name}:{line}" for name in modules() if room(name) != "cli" for line in calls(name, "print")]
    wrong += [
        f"{name}: {full}"
        for name in modules()
        if room(name) not in {"cli", "__main__"}
        for full in imports(name)
        if full in {"sys.stdout", "sys.stderr"}
    ]
    assert wrong == []


def test_the_scoring_server_stands_alone() -> None:
    """It is put into images as it is: it knows the standard library, uvicorn, and itself; a worker not even uvicorn."""
    allowed = {*sys.stdlib_module_names, "envbuild", "uvicorn"}
    for name in modules():
        if room(name) == "serving":
            assert {full.partition(".")[0] for full in imports(name)} <= allowed | _OF_SCRIPTS.get(name, set()), name
            assert {room(other) for other in own_imports(name) if other} <= {"serving"}
    of_worker = {"serving.worker"}
    while more := {other for name in of_worker for other in own_imports(name)} - of_worker:
        of_worker |= more
    assert of_worker == {"serving.worker", "serving.script", "serving.words"}
    for name in of_worker:
        ast.parse((PACKAGE / f"{name.replace('.', '/')}.py").read_text(encoding="utf-8"), feature_version=(3, 8))


def test_no_import_cycle() -> None:
    """Not between rooms, and not between modules."""
    graph: nx.DiGraph[str] = nx.DiGraph(
        (name, other) for name in modules() for other in own_imports(name) if other and other != name
    )
    assert list(nx.simple_cycles(graph)) == []


def functions() -> list[tuple[int, str]]:
    """Every function and method, also nested ones, with the lines from its `def` to its end."""
    return sorted(
        ((node.end_lineno or node.lineno) - node.lineno + 1, f"{name}:{node.lineno} {node.name}")
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def test_functions_are_small() -> None:
    """Half of them at most 8 lines, nine of ten at most 25, none over 50."""
    found = functions()
    sizes = [size for size, _ in found]
    assert sizes[len(sizes) // 2] <= HALF
    assert sizes[len(sizes) * 9 // 10] <= NINE_OF_TEN
    assert [where for size, where in found if size > ALL] == []


def test_modules_are_small() -> None:
    """About 300 lines at most."""
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE.rglob("*.py")}
    assert {path.name: size for path, size in sizes.items() if size > MODULE_LINES} == {}


def test_every_key_has_a_rule() -> None:
    """How a key is inherited stands beside its type; asked of `rules`, and read here from the types themselves."""
    hints = get_type_hints(Keys, include_extras=True)
    fields = {field.encode_name: hints[field.name] for field in msgspec.structs.fields(Keys)}
    stated = {
        key: [meta.extra["rule"] for meta in getattr(hint, "__metadata__", ()) if meta.extra and "rule" in meta.extra]
        for key, hint in fields.items()
    }
    assert {key: len(found) for key, found in stated.items()} == dict.fromkeys(fields, 1)
    assert {key: rule.rule for key, rule in RULES.items()} == {key: found[0] for key, found in stated.items()}


def test_every_rule_is_as_the_design_says() -> None:
    """The first table of DESIGN 4."""
    assert {key: rule.rule for key, rule in RULES.items()} == {
        **dict.fromkeys(("name", "prefix", "category", "extends", "abstract", "description", "without"), Rule.OWN),
        **dict.fromkeys(("platforms", "builder", "solve_group"), Rule.REPLACE),
        **dict.fromkeys(("tags", "params", "python", "pip", "system_requirements"), Rule.OVERLAY),
        **dict.fromkeys(("run", "serve", "spark", "r"), Rule.OVERLAY),
        **dict.fromkeys(("image", "publish", "test", "check"), Rule.FIELDS),
        **dict.fromkeys(("dependencies", "constraints", "overrides"), Rule.PACKAGES),
        "channels": Rule.OWN_FIRST,
        "setup": Rule.APPEND,
        "variables": Rule.VARIABLES,
        "matrix": Rule.MATRIX,
    }


def test_every_rule_of_image_is_as_the_design_says() -> None:
    """The second table of DESIGN 4, and what DECISIONS 11 says of `publish`."""
    assert {key: rule.rule for key, rule in RULES["image"].within.items()} == {
        **dict.fromkeys(("base", "dockerfile", "context", "user", "owner"), Rule.REPLACE),
        **dict.fromkeys(("entrypoint", "command", "shell", "healthcheck", "workdir", "stop_signal"), Rule.REPLACE),
        **dict.fromkeys(("gpu", "prefix", "template"), Rule.REPLACE),
        **dict.fromkeys(("with", "trim", "expose", "secrets"), Rule.APPEND_NEW),
        "apt": Rule.FIELDS,
        "build": Rule.STEPS,
        "copy": Rule.TARGETS,
        "labels": Rule.OVERLAY,
    }
    assert RULES["image"].within["apt"].within["packages"].rule is Rule.APPEND_NEW
    assert {key: rule.rule for key, rule in RULES["publish"].within.items()} == {
        **dict.fromkeys(("registries", "repository", "prefix"), Rule.REPLACE),
        "tags": Rule.APPEND_NEW,
        "annotations": Rule.OVERLAY,
    }


def test_every_error_of_a_room_is_drawn() -> None:
    """The tree in the docstring of `errors` names each class, so that it can be trusted."""
    tree = modules()["errors"]
    drawn = ast.get_docstring(tree) or ""
    classes = [node.name for node in tree.body if isinstance(node, ast.ClassDef) and node.name.endswith("Error")]
    assert [name for name in classes if name not in drawn] == []
