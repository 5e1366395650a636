"""Bad input through the command line: what, where, how, the exit code, and nothing half-written."""

from typing import Any

import pytest
from support.project import Project

from envbuild.manifest import Keys

_KNOWN = ", ".join(sorted(Keys.__struct_fields__))


def refused(project: Project, *args: str, code: int = 1) -> str:
    """Standard error of a command that may write nothing; `--json` has to say the same on standard output."""
    before = project.tree()
    run = project.run(*(args or ("plan",)), check=code)
    assert run.out == ""
    document = project.json(*(args or ("plan",)), check=code)
    assert document["format_version"] == 1
    assert run.err == "".join(_text(error) for error in document["errors"])
    assert project.tree() == before
    return run.err


def _text(error: dict[str, Any]) -> str:
    assert list(error) == ["path", "line", "column", "message", "hint"]
    path, line, column = error["path"], error["line"], error["column"]
    where = "error" if path is None else f"{path}:{line}:{column}" if line else path
    message = error["message"].replace("\n", "\n    ")
    return f"{where}: {message}\n  hint: {error['hint']}\n"


_BAD = {
    "descripton: x": ["1:1: unknown key 'descripton' | did you mean 'description'?"],
    "setup: [make]\nzzz: x": [f"2:1: unknown key 'zzz' | known are: {_KNOWN}"],
    "setup: make": ["1:8: 'setup' must be a list, not text | write setup: [make]"],
    "extends: [none, ./none.yaml]": [
        "1:11: no manifest is named 'none' | known are: a",
        "1:17: there is no file 'manifests/none.yaml' | check the path's spelling",
    ],
    "extends: ../../a.yaml": [
        "1:10: the path '../../a.yaml' leaves the project | keep what a project needs inside it",
    ],
    "extends: /etc/a.yaml": ["1:10: the path '/etc/a.yaml' is absolute | write it relative to this file"],
    "extends: a": ["1:10: these extend each other: a -> a | remove one of the 'extends'"],
    "dependencies:\n- pip:\n  - scipy=1.4.1": [
        "3:5: 'scipy=1.4.1': not a requirement that pip reads | pip compares with two signs: scipy==1.4.1",
    ],
    "dependencies:\n- pip:\n  - ./none-1.0-py3-none-any.whl": [
        "3:5: there is no file 'manifests/none-1.0-py3-none-any.whl' | check the path's spelling",
    ],
    "dependencies: [[numpy]]": [
        "1:16: an item of 'dependencies' must be text or a mapping, not a list | write text or a mapping",
    ],
    "setup: [make": [
        "2:1: this is not YAML: did not find expected ',' or ']' | quote text that holds special characters",
    ],
    "setup: " + "[" * 10_000: ["1:57: nested more than 50 deep | write it flatter"],
    "": ["1:1: nothing is said here | start with 'dependencies:'"],
    "{builder: oci, image: {apt: [git]}, setup: [make]}": [
        "1:24: builder 'oci' cannot do 'image.apt' | remove it, or use 'builder: docker'",
        "1:37: builder 'oci' cannot do 'setup' | remove it, or use 'builder: docker' or 'builder: local'",
    ],
}


@pytest.mark.parametrize("text", _BAD)
def test_a_bad_manifest_is_refused(project: Project, text: str) -> None:
    """Unknown keys, wrong types, missing parents, paths, cycles, requirements, YAML, depth."""
    project.write("manifests/a.yaml", f"{text}\n")
    expected = [f"manifests/a.yaml:{line}\n".replace(" | ", "\n  hint: ") for line in _BAD[text]]
    assert refused(project) == "".join(expected)


@pytest.mark.parametrize("name", ["name: [a]", "category: {a: b}", "prefix: [x]"])
def test_conda_keys_that_are_ignored_may_say_anything(project: Project, name: str) -> None:
    """The path is the identity."""
    project.write("manifests/a.yaml", f"{name}\nsetup: [make]\n")
    assert project.run("plan").out.endswith("Plan: 1 to create, 0 unchanged.\n")


def test_cycles_are_each_named_whole(project: Project) -> None:
    """Every cycle, with a line that closes it."""
    for child, parent in ("ab", "bc", "ca", "de", "ed", "fa"):
        project.write(f"manifests/{child}.yaml", f"extends: {parent}\n")
    hint = "\n  hint: remove one of the 'extends'\n"
    assert refused(project) == (
        f"manifests/c.yaml:1:10: these extend each other: a -> b -> c -> a{hint}"
        f"manifests/e.yaml:1:10: these extend each other: d -> e -> d{hint}"
    )


def test_everything_is_reported_at_once_and_in_order(project: Project) -> None:
    """Across files: names, YAML, keys and parents."""
    project.write("manifests/a.yaml", "extends: [x, y]\nfoo: 1\n")
    project.write("manifests/b.yml", "setup: [make]\n")
    project.write("manifests/b.yaml", "a: 1\na: 2\n")
    project.write("manifests/c.yaml", "dependencies: [{pip: [scipy=1]}]\nabstract: yes\n")
    places = [line.partition(": ")[0] for line in refused(project).splitlines() if not line.startswith("  hint")]
    assert places == [
        "manifests/a.yaml:1:11",
        "manifests/a.yaml:1:14",
        "manifests/a.yaml:2:1",
        "manifests/b.yaml:2:1",
        "manifests/b.yml",
        "manifests/c.yaml:1:23",
        "manifests/c.yaml:2:11",
    ]


def test_bad_settings_stop_everything(project: Project) -> None:
    """With their own file, line and column."""
    project.write("envbuild.yaml", "bulder: local\nstate: elsewhere\n")
    project.write("manifests/a.yaml", "setup: [make]\n")
    assert refused(project) == (
        "envbuild.yaml:1:1: unknown key 'bulder'\n  hint: did you mean 'builder'?\n"
        "envbuild.yaml:2:8: records cannot be kept in 'elsewhere'\n"
        "  hint: keep them in sqlite:///PATH: this version has no other\n"
    )


_MISUSE = {
    ("plam",): "there is no command 'plam' | did you mean 'plan'?",
    ("plan", "--nope"): "there is no option '--nope' | see 'envbuild plan --help'",
    ("apply", "-j", "0"): "-j / --jobs must be at least 1, not 0 | see 'envbuild apply --help'",
    ("why",): "say which environments: ENV or --tag | name one, or write '**' for all of them",
    (
        "run",
        "a",
    ): "nothing says what to run | "
    "write it after '--': envbuild run a -- COMMAND; or as 'run: {command: …}' in the manifest",
    ("plan", "b"): "no environment is named 'b' | known are: a",
    ("plan", "b*"): "no environment matches 'b*' | known are: a",
    ("lock", "b"): "no environment is named 'b' | known are: a",
    ("apply", "b"): "no environment is named 'b' | known are: a",
    ("show", "b"): "no environment is named 'b' | known are: a",
    ("history", "b"): "no environment is named 'b' | known are: a",
    ("history", "a"): "'a' was never built | run 'envbuild apply'",
    ("-C", "none", "plan"): "'none' is not a folder | name the project's folder with -C",
    ("plan", "[z-a]"): "no environment matches '[z-a]' | known are: a",
    ("plan", "[[a]b"): "no environment matches '[[a]b' | known are: a",
}


@pytest.mark.parametrize("args", _MISUSE)
def test_misuse_of_the_command_line_is_64(project: Project, args: tuple[str, ...]) -> None:
    """Commands, options, values and names that do not exist."""
    project.write("manifests/a.yaml", "setup: [make]\n")
    assert refused(project, *args, code=64) == f"error: {_MISUSE[args]}\n".replace(" | ", "\n  hint: ")


def test_an_abstract_manifest_cannot_be_asked_for(project: Project) -> None:
    """It is only extended; with everything selected it is passed over."""
    project.write("manifests/a.yaml", "abstract: true\n")
    (error,) = project.json("plan", "a", check=64)["errors"]
    assert (error["path"], error["message"]) == (
        "manifests/a.yaml",
        "'a' is abstract: it is only extended, never built",
    )
    assert error["hint"]
    assert project.run("plan").out.startswith("No changes.")


def test_no_project_here(project: Project) -> None:
    """Neither settings nor manifests upwards."""
    assert refused(project, "plan", code=64) == (
        "error: no project here: neither 'envbuild.yaml' nor a folder 'manifests'\n"
        "  hint: change into the project, name it with -C DIR, or start one here with 'envbuild init'\n"
    )
