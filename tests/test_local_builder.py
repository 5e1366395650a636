"""The local builder: prefixes addressed by content, complete or absent, seen when they are harmed, and mended."""

import re
import shutil
import stat
from pathlib import Path

import pytest
from support.index import Index
from support.line import actions, apply_twice, reasons, reference, steps, versions, write_base, write_child
from support.project import Project

_ALPHA = "import alpha; print(alpha.__version__)"


@pytest.fixture
def built(project: Project, index: Index) -> Project:
    """One environment with alpha, and a tool with a command."""
    write_base(project, index)
    write_child(project, "a", "alpha ==1.0", "tool")
    apply_twice(project)
    return project


def _site(project: Project, name: str) -> Path:
    return next(Path(reference(project, name)).glob("lib/python*/site-packages"))


def _store(project: Project) -> list[str]:
    store = Path(project.environ["ENVBUILD_STORE"])
    return sorted(path.name for path in store.iterdir() if not path.name.startswith(".")) if store.exists() else []


def _change(project: Project) -> None:
    path = _site(project, "a") / "alpha/__init__.py"
    path.write_text(path.read_text() + "__version__ = 'harmed'\n")


def _remove_file(project: Project) -> None:
    (_site(project, "a") / "alpha/__init__.py").unlink()


def _remove_all(project: Project) -> None:
    shutil.rmtree(reference(project, "a"))


def _remove_census(project: Project) -> None:
    (Path(reference(project, "a")) / ".envbuild-complete").unlink()


def _break_census(project: Project) -> None:
    (Path(reference(project, "a")) / ".envbuild-complete").write_bytes(b"[[")


def _remove_interpreter(project: Project) -> None:
    path = Path(reference(project, "a"), "bin/python")
    path.unlink()
    path.symlink_to("/nowhere/python")


def _change_mode(project: Project) -> None:
    Path(reference(project, "a"), "bin/tool").chmod(0o644)


def _replace_by_file(project: Project) -> None:
    prefix = Path(reference(project, "a"))
    shutil.rmtree(prefix)
    prefix.write_text("in the way")


_HARMS = {
    "a changed file": (_change, r"alpha/__init__\.py was changed"),
    "a file that is gone": (_remove_file, r"alpha/__init__\.py is gone"),
    "a prefix that is gone": (_remove_all, "the prefix is gone"),
    "no census": (_remove_census, "the prefix is not complete"),
    "a broken census": (_break_census, "its census cannot be read"),
    "no interpreter": (_remove_interpreter, "interpreter is gone"),
    "another mode": (_change_mode, "bin/tool was changed"),
    "a file in its place": (_replace_by_file, "the prefix is not complete"),
}


def test_harm_is_seen_and_mended(built: Project) -> None:
    """Plan says what is wrong as a reason to restore; apply mends it, in the same place and as the same version."""
    before = reference(built, "a")
    for kind, (harm, said) in _HARMS.items():
        harm(built)
        found = steps(built)["a"]
        assert (found["action"], found["version"]) == ("restore", 1), kind
        ((part, change, where),) = reasons(found)
        assert (part, where) == ("reference", "manifests/a.yaml")
        assert re.search(said, change), kind
        assert built.run("apply").out.endswith("Apply: 1 done.\n")
        assert built.run("run", "a", "--", "sh", "-c", f"tool; python -c '{_ALPHA}'").out == "tool 1.0\n1.0\n", kind
    apply_twice(built)
    assert (reference(built, "a"), versions(built, "a")) == (before, [1])


def test_what_was_added_by_hand_is_a_change_too(built: Project) -> None:
    """A prefix with a package more is not what was built; the census tells."""
    (_site(built, "a") / "extra.py").write_text("")
    assert actions(built) == {"a": "restore"}
    apply_twice(built)
    assert not (_site(built, "a") / "extra.py").exists()


def test_harm_is_counted(built: Project) -> None:
    """The first file is named, and how many others there are."""
    for harm in (_change, _change_mode):
        harm(built)
    (_site(built, "a") / "extra.py").write_text("")
    ((_, change, _),) = reasons(steps(built)["a"])
    assert change.endswith(", and 2 more")


def test_bytecode_is_no_change(built: Project) -> None:
    """Python writes it as it likes."""
    built.run("run", "a", "--", "python", "-c", "import alpha, tool.cli")
    caches = list(_site(built, "a").rglob("__pycache__/*.pyc"))
    assert caches
    assert built.run("plan").out.startswith("No changes.")
    caches[0].write_bytes(b"")
    caches[-1].unlink()
    assert built.run("plan").out.startswith("No changes.")


@pytest.mark.parametrize("first", ["mended", "not mended"])
def test_a_harmed_file_never_reaches_another_environment(built: Project, index: Index, first: str) -> None:
    """Installers link files from a cache: what was changed in one prefix is not handed to the next."""
    _change(built)
    if first == "mended":
        apply_twice(built)
    write_child(built, "b", "alpha ==1.0", "delta")
    apply_twice(built, "b")
    assert built.run("run", "b", "--", "python", "-c", _ALPHA).out == "1.0\n"
    assert index.requests
    apply_twice(built)
    assert built.run("run", "a", "--", "python", "-c", _ALPHA).out == "1.0\n"


def test_harm_in_one_prefix_leaves_the_others_sound(built: Project) -> None:
    """Two prefixes with one package do not share its files."""
    write_child(built, "b", "alpha ==1.0", "delta")
    apply_twice(built)
    _change(built)
    assert built.run("run", "b", "--", "python", "-c", _ALPHA).out == "1.0\n"
    assert actions(built) == {"a": "restore"}


def test_a_failing_setup_leaves_no_prefix(project: Project) -> None:
    """Nothing half-made, nothing recorded; mended, it is built as version 1."""
    project.write("manifests/a.yaml", "setup:\n  - touch made\n  - echo broken >&2; exit 3\n  - touch never\n")
    project.run("apply", check=1)
    assert _store(project) == []
    assert actions(project) == {"a": "create"}
    project.run("history", "a", check=64)
    project.write("manifests/a.yaml", "setup:\n  - touch made\n")
    apply_twice(project)
    assert versions(project, "a") == [1]
    assert Path(reference(project, "a"), "made").exists()


def test_setup_runs_in_the_activated_environment(project: Project, index: Index) -> None:
    """With its packages, Python and variables; inherited commands first; a failing line ends one."""
    write_base(project, index)
    project.write(
        "manifests/middle.yaml",
        """
        abstract: true
        extends: base
        variables: {GREETING: "hello, world", LIST: {prepend: [/first]}}
        setup:
          - echo middle > "$VIRTUAL_ENV/order"
        """,
    )
    project.write(
        "manifests/a.yaml",
        """
        extends: middle
        dependencies:
          - pip: [alpha ==1.0, tool]
        setup:
          - echo own >> "$VIRTUAL_ENV/order"
          - |
            python -c 'import alpha, os, sys
            print(alpha.__version__, os.environ["GREETING"], os.environ["LIST"].split(":")[0], sys.prefix)' > seen
            tool >> seen
        """,
    )
    apply_twice(project)
    prefix = Path(reference(project, "a"))
    assert (prefix / "order").read_text() == "middle\nown\n"
    assert (prefix / "seen").read_text() == f"1.0 hello, world /first {prefix}\ntool 1.0\n"
    project.write("manifests/a.yaml", "extends: middle\nsetup:\n  - |\n    false\n    echo went on\n")
    assert "    | went on" not in project.run("apply", check=1).err.splitlines()


def test_the_address_is_short_and_of_content_alone(project: Project) -> None:
    """32 hexadecimal digits below the store, the same for every project of a user; a script's first line has room."""
    project.write("manifests/a.yaml", "variables:\n  ONE: '1'\n")
    apply_twice(project)
    place = Path(reference(project, "a"))
    assert place.parent == Path(project.environ["ENVBUILD_STORE"])
    assert re.fullmatch("[0-9a-f]{32}", place.name)
    assert stat.S_IMODE(place.stat().st_mode) & 0o022 == 0


def test_two_projects_share_one_store(project: Project, tmp_path: Path) -> None:
    """The second finds the content there, adopts it, and builds nothing."""
    other = Project(tmp_path / "other", project.environ)
    project.write("manifests/a.yaml", "variables:\n  ONE: '1'\nsetup:\n  - echo x >> \"$HOME/ran\"\n")
    other.write("manifests/deep/b.yaml", project.read("manifests/a.yaml"))
    apply_twice(project)
    found = steps(other)["deep/b"]
    assert (found["action"], found["version"]) == ("adopt", 1)
    assert "store" in found["reasons"][0]["change"]
    apply_twice(other)
    assert reference(other, "deep/b") == reference(project, "a")
    assert Path(project.environ["HOME"], "ran").read_text() == "x\n"


@pytest.mark.parametrize("variable", ["XDG_DATA_HOME", "HOME"])
def test_the_default_store_is_the_user_s(project: Project, tmp_path: Path, variable: str) -> None:
    """XDG_DATA_HOME, else ~/.local/share."""
    project.write("manifests/a.yaml", "variables:\n  ONE: '1'\n")
    env: dict[str, str | None] = {"ENVBUILD_STORE": None, "XDG_DATA_HOME": None, variable: str(tmp_path / "there")}
    project.run("apply", env=env)
    below = "envbuild/store" if variable == "XDG_DATA_HOME" else ".local/share/envbuild/store"
    assert Path(reference(project, "a")).parent == tmp_path / "there" / below


def test_an_environment_without_packages_is_a_bare_python(project: Project) -> None:
    """No lock is asked for or written, and it is current."""
    project.write("manifests/a.yaml", "description: nothing\n")
    project.run("lock", "--check")
    apply_twice(project, "--locked")
    assert not (project.path / "locks").exists()
    run = project.run("run", "a", "--", "python", "-c", "import importlib.metadata as m; print(*m.distributions())")
    assert run.out == "\n"


def test_the_python_that_is_asked_for(project: Project) -> None:
    """The minor version of this interpreter; one that exists nowhere is refused with what was found."""
    project.write("manifests/a.yaml", "dependencies:\n  - python =3.11\n")
    apply_twice(project)
    code = "import sys; print(*sys.version_info[:2])"
    assert project.run("run", "a", "--", "python", "-c", code).out == "3 11\n"
    project.write("manifests/a.yaml", "dependencies:\n  - python =3.99\n")
    run = project.run("apply", check=1)
    assert "manifests/a.yaml:2:" in run.err
    assert "found on this machine: " in run.err
