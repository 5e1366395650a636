"""A plan that found nothing to do is found again, until anything that it depended on has moved.

Whatever moves, the next plan says what a plan without a memo says: to the byte, with the same exit code.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.index import Index
from support.line import read_only, run_without_rights, write_base
from support.project import Project, Run, clean_environment
from support.services import require
from support.wheels import wheel_bytes

import envbuild
from envbuild import memo, names, workspace
from envbuild.cli import again

_WHEEL = "own-1.0-py3-none-any.whl"
_MEMO = ".envbuild/cache/plan"
_ASKED = ("plan", "--detailed-exitcode")
_NOTHING = "No changes. 2 environments are up to date.\n"


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory, uv_cache: Path) -> Project:
    """A project with an input of every kind, all of it built; its index is gone, for no plan needs it."""
    folder = tmp_path_factory.mktemp("memo")
    project = Project(folder / "work/project", clean_environment(folder, uv_cache))
    with Index() as index:
        index.add("alpha", "1.0")
        write_base(project, index)
        project.write("envbuild.yaml", "templates: [templates]\ngroups: {all: ['**']}\n")
        project.write("templates/Dockerfile.j2", "FROM scratch\n")
        project.write("parents/shared.yaml", "variables:\n  SHARED: '1'\n")
        project.write("manifests/more.txt", "alpha==1.0\n")
        packages = f"dependencies:\n  - pip:\n      - -r more.txt\n      - ./wheels/{_WHEEL}\n"
        project.write("manifests/a.yaml", f"extends: base\n{packages}")
        project.write("manifests/deep/b.yaml", "extends: ../../parents/shared.yaml\nvariables:\n  OWN: '1'\n")
        _write_wheel(project, "first")
        project.run("apply")
    shutil.copytree(folder / "work", folder / "kept", symlinks=True)
    shutil.copytree(_store(project), folder / "kept-store", symlinks=True)
    return project


@pytest.fixture
def remembered(settled: Project) -> Iterator[Project]:
    """The same with a memo, and as it was when the test is over."""
    _remember(settled)
    yield settled
    work, store = settled.path.parent, _store(settled)
    for place, kept in ((work, work.parent / "kept"), (store, work.parent / "kept-store")):
        shutil.rmtree(place)
        shutil.copytree(kept, place, symlinks=True)


def _remember(project: Project) -> None:
    """A plan remembers what had rested when it began, so there may have to be another one."""
    for _ in range(10):
        assert project.run("plan").out == _NOTHING
        if (project.path / _MEMO).exists():
            return
        time.sleep(0.01)
    raise AssertionError("nothing was remembered")


def test_an_apply_that_has_nothing_to_do_is_remembered(remembered: Project) -> None:
    """And says the same; what moves is built, and no other option is taken for it."""
    kept = remembered.path / ".envbuild/cache/apply"
    for _ in range(10):
        first = remembered.run("apply").out
        if kept.exists():
            break
        time.sleep(0.01)
    assert kept.exists()
    assert _answered(remembered, "apply")
    assert not _answered(remembered, "apply", "--no-push")
    assert first == remembered.run("apply").out == _NOTHING
    assert remembered.json("apply") == remembered.json("apply", "--no-push")
    remembered.write("manifests/deep/b.yaml", remembered.read("manifests/deep/b.yaml").replace("'1'", "'2'"))
    assert "done     deep/b" in remembered.run("apply").out
    shutil.rmtree(remembered.run("run", "deep/b", "--", "printenv", "VIRTUAL_ENV").out.strip())
    assert "! deep/b  restore" in remembered.run("apply").out


def _store(project: Project) -> Path:
    return Path(project.environ["ENVBUILD_STORE"])


def _plain(project: Project, *asked: str, env: dict[str, str] | None = None) -> Run:
    """What is said without a memo."""
    (project.path / _MEMO).unlink(missing_ok=True)
    return project.run(*asked, check=None, env=env)


def _answered(project: Project, *asked: str, env: dict[str, str] | None = None) -> bool:
    """Whether the answer was found in the memo: then no command was loaded."""
    command = [sys.executable, "-X", "importtime", "-m", "envbuild", *(asked or ("plan",))]
    variables = {**project.environ, **(env or {})}
    ran = subprocess.run(command, cwd=project.path, env=variables, capture_output=True, text=True, check=False)
    return "envbuild.cli.app" not in ran.stderr


def _write_wheel(project: Project, said: str) -> None:
    _, data = wheel_bytes("own", "1.0", modules={"own/__init__.py": f"SAID = {said!r}\n"})
    path = project.path / "manifests/wheels" / _WHEEL
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)


# What a person, a tool or time does to what a plan depends on.

Harm = Callable[[Project], object]


def _edit(path: str, old: str, new: str, *, hidden: bool = False) -> Harm:
    """In place; `hidden` with the time it had before, as one who means to deceive would."""

    def harm(project: Project) -> None:
        file = project.path / path
        before, text = file.stat(), file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))
        if hidden:
            assert len(old) == len(new)
            os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    return harm


def _swap(path: str, old: str, new: str) -> Harm:
    """Another file of the same size and time is renamed over it."""

    def harm(project: Project) -> None:
        file = project.path / path
        other = file.with_name("other")
        shutil.copy2(file, other)
        _edit(str(other.relative_to(project.path)), old, new, hidden=True)(project)
        other.replace(file)

    return harm


def _add(path: str, text: str) -> Harm:
    return lambda project: project.write(path, text)


def _remove(path: str) -> Harm:
    return lambda project: project.remove(path)


def _move(path: str, to: str) -> Harm:
    def harm(project: Project) -> None:
        (project.path / to).parent.mkdir(parents=True, exist_ok=True)
        (project.path / path).rename(project.path / to)

    return harm


def _link_folder(project: Project) -> None:
    _move("manifests", "elsewhere")(project)
    (project.path / "manifests").symlink_to("elsewhere")


def _link_out(project: Project) -> None:
    """The very same file, but reached through a link that leads out of the project."""
    outside = project.path.parent / "outside"
    outside.mkdir()
    (project.path / "parents/shared.yaml").rename(outside / "shared.yaml")
    (project.path / "parents").rmdir()
    (project.path / "parents").symlink_to(outside)


def _folder_out(project: Project) -> None:
    """Its files are not touched: the folder that holds them is moved as it is."""
    outside = project.path.parent / "outside"
    (project.path / "parents").rename(outside)
    (project.path / "parents").symlink_to(outside)


def _sql(statement: str) -> Harm:
    def harm(project: Project) -> None:
        connection = sqlite3.connect(project.path / ".envbuild/state.db")
        with connection:
            connection.execute(statement)
        connection.close()

    return harm


def _in_prefix(act: Callable[[Path], object]) -> Harm:
    """To every prefix; each has an interpreter, a census and a pyvenv.cfg."""

    def harm(project: Project) -> None:
        for census in _store(project).glob("*/.envbuild-complete"):
            act(census.parent)

    return harm


def _no_interpreter(prefix: Path) -> None:
    """The link to it stands, as counted; what it leads to is gone."""
    link = prefix / "bin/python"
    target = str(link.readlink())
    before = link.lstat()
    link.unlink()
    link.symlink_to("/" * (len(target) - len("/nowhere")) + "/nowhere")
    os.utime(link, ns=(before.st_atime_ns, before.st_mtime_ns), follow_symlinks=False)


_SAME_SIZE = ("OWN: '1'", "OWN: '2'")
_B = "manifests/deep/b.yaml"

CHANGES: dict[str, Harm] = {
    "a manifest is edited": _edit(_B, *_SAME_SIZE),
    "a manifest is edited, and its time set back": _edit(_B, *_SAME_SIZE, hidden=True),
    "a manifest is replaced by a like one": _swap(_B, *_SAME_SIZE),
    "a manifest is broken": _edit(_B, "variables", "variable?"),
    "a manifest is removed": _remove(_B),
    "a manifest is renamed": _move(_B, "manifests/deep/c.yaml"),
    "a manifest's folder is renamed": _move("manifests/deep", "manifests/deeper"),
    "a manifest is added": _add("manifests/c.yaml", "variables: {C: '1'}\n"),
    "a manifest is added to a folder": _add("manifests/deep/c.yaml", "variables: {C: '1'}\n"),
    "a manifest is added in a new folder": _add("manifests/new/er/c.yaml", "variables: {C: '1'}\n"),
    "a second manifest of one name is added": _add("manifests/deep/b.yml", "variables: {C: '1'}\n"),
    "a parent is edited": _edit("manifests/base.yaml", "abstract: true\n", "abstract: true\nvariables: {P: '1'}\n"),
    "a parent is concrete now": _edit("manifests/base.yaml", "abstract: true\n", "abstract: false\n"),
    "a parent elsewhere is edited": _edit("parents/shared.yaml", "'1'", "'2'", hidden=True),
    "a parent elsewhere is removed": _remove("parents/shared.yaml"),
    "a parent is reached through a link that leads out": _link_out,
    "a parent's folder is a link that leads out": _folder_out,
    "the settings are edited": _edit("envbuild.yaml", "groups:", "manifests: ['manifests/deep/*.yaml']\ngroups:"),
    "the settings are broken": _edit("envbuild.yaml", "groups", "grooup", hidden=True),
    "a requirements file is edited": _edit("manifests/more.txt", "1.0", "1.1", hidden=True),
    "a requirements file is removed": _remove("manifests/more.txt"),
    "a wheel has other bytes": lambda project: _write_wheel(project, "other"),
    "a wheel is removed": _remove(f"manifests/wheels/{_WHEEL}"),
    "a lock is edited": _edit("locks/a.conda-lock.yml", "alpha", "alphb", hidden=True),
    "a lock is removed": _remove("locks/a.conda-lock.yml"),
    "the records are removed": _remove(".envbuild/state.db"),
    "a record is forgotten": _sql("DELETE FROM records WHERE environment = 'a'"),
    "a record is of another build": _sql("UPDATE records SET fingerprint = '1:00' WHERE environment = 'a'"),
    "a record leads elsewhere": _sql("UPDATE records SET reference = '/nowhere' WHERE environment = 'a'"),
    "a record is of another machine": _sql("UPDATE records SET machine = 'other' WHERE environment = 'a'"),
    "there is a record without manifest": _sql("UPDATE records SET environment = 'gone' WHERE environment = 'a'"),
    "the records are damaged": lambda project: os.truncate(project.path / ".envbuild/state.db", 5000),
    "a file of a prefix is edited": _in_prefix(lambda prefix: (prefix / "pyvenv.cfg").write_text("home = /\n")),
    "a file of a prefix is touched": _in_prefix(lambda prefix: (prefix / "pyvenv.cfg").touch()),
    "a file of a prefix is removed": _in_prefix(lambda prefix: (prefix / "pyvenv.cfg").unlink()),
    "a file of a prefix has another mode": _in_prefix(lambda prefix: (prefix / "pyvenv.cfg").chmod(0o600)),
    "a file is added to a prefix": _in_prefix(lambda prefix: (prefix / "bin/more").touch()),
    "a prefix is removed": _in_prefix(shutil.rmtree),
    "a census is removed": _in_prefix(lambda prefix: (prefix / ".envbuild-complete").unlink()),
    "a census is damaged": _in_prefix(lambda prefix: (prefix / ".envbuild-complete").write_bytes(b"[[")),
    "a census is of other files": _in_prefix(lambda prefix: (prefix / ".envbuild-complete").write_bytes(b"[]")),
    "an interpreter is gone": _in_prefix(_no_interpreter),
}

HARMLESS: dict[str, Harm] = {
    "a manifest is touched": lambda project: (project.path / _B).touch(),
    "a manifest has another comment": _edit(_B, "variables:", "# why\nvariables:"),
    "the manifests' folder is a link": _link_folder,
    "the settings are removed": _remove("envbuild.yaml"),
    "there are settings further up": lambda project: (project.path.parent / "envbuild.yaml").write_text(""),
    "a template is edited": _edit("templates/Dockerfile.j2", "FROM", "from"),
    "a lock stands under another name": _move("locks/a.conda-lock.yml", "locks/other.conda-lock.yml"),
    "a journal lies beside the records": _add(".envbuild/state.db-journal", ""),
    "Python has written bytecode": _in_prefix(lambda prefix: (prefix / "bin/__pycache__").mkdir()),
}


@pytest.mark.parametrize("what", [*CHANGES, *HARMLESS])
def test_whatever_moves_the_plan_is_right(remembered: Project, what: str) -> None:
    """The plan with a memo of how it was before, and then one without any memo."""
    (CHANGES | HARMLESS)[what](remembered)
    found = remembered.run(*_ASKED, check=None)
    assert found == _plain(remembered, *_ASKED)
    assert (found.out != _NOTHING) == (what in CHANGES)


def test_links_are_followed_each_time(remembered: Project) -> None:
    """What is behind a link is what counts, also where the link itself does not move."""
    _move("manifests/wheels", "wheels")(remembered)
    (remembered.path / "manifests/wheels").symlink_to("../wheels")
    _move(_B, "parents/b")(remembered)
    (remembered.path / _B).symlink_to("../../parents/b")
    (remembered.path / _MEMO).unlink()
    _remember(remembered)
    assert _answered(remembered)
    for act in (_edit("parents/b", *_SAME_SIZE, hidden=True), _remove(f"wheels/{_WHEEL}")):
        act(remembered)
        found = remembered.run(*_ASKED, check=None)
        assert found.out != _NOTHING
        assert found == _plain(remembered, *_ASKED)


def test_a_nearer_project_is_meant(remembered: Project) -> None:
    """The search for the project begins anew each time, from the folder that is named."""
    deep = ("plan", "-C", "manifests/deep")
    assert _answered(remembered, *deep)
    assert remembered.run(*deep).out == _NOTHING
    remembered.write("manifests/deep/envbuild.yaml", "manifests: ['*.yaml']\n")
    found = remembered.run(*deep, check=None)
    assert found.out != _NOTHING
    assert found == _plain(remembered, *deep)


@pytest.mark.parametrize(
    ("name", "value"),
    [("ENVBUILD_STATE", "sqlite:///other.db"), ("ENVBUILD_STORE", "/proc/nowhere"), ("HOME", "/proc/nowhere"),
     ("XDG_DATA_HOME", "/proc/nowhere"), ("ENVBUILD_LOCKED", "maybe"), ("ENVBUILD_DIR", "/proc/nowhere"),
     ("GITHUB_ACTIONS", "true"), ("ENVBUILD_ACTIVE", "{}")],
)  # fmt: skip
def test_variables_count(remembered: Project, name: str, value: str) -> None:
    """What was found under other variables is not looked at."""
    assert not _answered(remembered, env={name: value}) if name not in {"ENVBUILD_LOCKED", "ENVBUILD_DIR"} else True
    _remember(remembered)
    found = remembered.run(*_ASKED, check=None, env={name: value})
    assert found == _plain(remembered, *_ASKED, env={name: value})


@pytest.mark.parametrize(
    "asked",
    [("plan",), ("plan", "--json"), ("--json", "plan"), ("plan", "--no-refresh", "--quiet"),
     ("plan", "--detailed-exitcode", "--color", "always"), ("plan", "-C", "manifests"),
     ("-C", ".", "-q", "plan")],
)  # fmt: skip
def test_the_answer_is_the_same_to_the_byte(remembered: Project, asked: tuple[str, ...]) -> None:
    """In every form that is answered without loading anything."""
    assert _answered(remembered, *asked)
    found = remembered.run(*asked)
    assert found == _plain(remembered, *asked)


@pytest.mark.parametrize(
    "asked",
    [("plan", "a"), ("plan", "--exclude", "a"), ("plan", "--tag", "a=b"), ("plan", "--help"), ("plan", "--nonsense"),
     ("list", "plan"), ("--no-refresh", "plan"), ("plan", "--color", "mauve"), ("plan", "-C"), ("plan", "plan"),
     ("plan", "-C", ""), ("plan", "-C", ".", "-C", "nowhere"), ("-C", "plan"), ("plan", "--", "b"),
     ("plan", "--locked"), ("plan", "-v"), ("--verbose", "plan")],
)  # fmt: skip
def test_other_questions_are_for_the_command(remembered: Project, asked: tuple[str, ...]) -> None:
    """A selection, a mistake and whatever else is not understood to the last word."""
    assert not _answered(remembered, *asked)
    found = remembered.run(*asked, check=None)
    assert found == _plain(remembered, *asked)


def test_without_a_look_nothing_is_said_of_prefixes(remembered: Project) -> None:
    """What `--no-refresh` found is no answer to who wants the prefixes looked at; the other way round it is."""
    assert _answered(remembered, "plan", "--no-refresh")
    _in_prefix(shutil.rmtree)(remembered)
    assert remembered.run("plan", "--no-refresh").out == _NOTHING
    assert (remembered.path / _MEMO).exists()
    assert _answered(remembered, "plan", "--no-refresh")
    assert "2 to restore" in remembered.run("plan").out


_DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut": lambda data: data[: len(data) // 2],
    "cut by one": lambda data: data[:-1],
    "longer": lambda data: data + b"\0/more",
    "a bit of the digest": lambda data: bytes([data[0] ^ 1]) + data[1:],
    "a bit of the second digest": lambda data: data[:40] + bytes([data[40] ^ 1]) + data[41:],
    "another answer": lambda data: data.replace(b"2 environments", b"3 environments"),
    "another path": lambda data: data.replace(b"/deep/b.yaml", b"/deep/c.yaml"),
    "another form": lambda data: data.replace(b"plan 1", b"plan 2"),
    "zeros": lambda data: bytes(len(data)),
    "JSON": lambda _: b'{"steps": []}',
    "no prefixes": lambda data: data[: data.rindex(b"\0")],
    "nothing to look at": lambda data: data[:64] + b"plan 1\0No changes.\0{}\0000\0000",
    "control characters": lambda data: data.replace(b"No changes", b"\x1b[31m changes"),
}


@pytest.mark.parametrize("kind", _DAMAGE)
def test_a_damaged_memo_is_not_used(remembered: Project, kind: str) -> None:
    """It is as if there were none; and the next one is whole again."""
    path = remembered.path / _MEMO
    whole = path.read_bytes()
    path.write_bytes(_DAMAGE[kind](whole))
    assert path.read_bytes() != whole
    assert not _answered(remembered)
    assert remembered.run(*_ASKED).out == _NOTHING
    assert _answered(remembered)


def test_a_memo_of_somebody_else_is_not_used(remembered: Project) -> None:
    """One that others can write, a link, a folder, another user's."""
    path = remembered.path / _MEMO
    path.chmod(0o620)
    assert not _answered(remembered)
    aside = path.rename(path.with_name("aside"))
    path.symlink_to(aside)
    assert not _answered(remembered)
    path.unlink(missing_ok=True)
    path.mkdir()
    assert not _answered(remembered)
    assert remembered.run("plan").out == _NOTHING
    assert [one.name for one in path.parent.iterdir() if one.name.startswith("plan.")] == []
    path.rmdir()
    _remember(remembered)
    if os.geteuid() == 0:
        os.chown(path, 12345, -1)
        assert not _answered(remembered)


def test_a_project_that_cannot_be_written(remembered: Project) -> None:
    """Plan works there as ever, with a memo and without."""
    with read_only(remembered.path):
        assert run_without_rights(remembered, "plan").out == _NOTHING
    (remembered.path / _MEMO).unlink()
    with read_only(remembered.path):
        ran = run_without_rights(remembered, "plan")
        assert (ran.code, ran.out, ran.err) == (0, _NOTHING, "")
        assert not (remembered.path / _MEMO).exists()


def test_many_at_once(remembered: Project) -> None:
    """All are right, and what is left is one memo that is used."""
    (remembered.path / _MEMO).unlink()
    command = [sys.executable, "-m", "envbuild", "plan"]
    running = [
        subprocess.Popen(command, cwd=remembered.path, env=remembered.environ, stdout=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    assert [one.communicate()[0] for one in running] == [_NOTHING] * 6
    _remember(remembered)
    assert _answered(remembered)
    assert [one.name for one in (remembered.path / _MEMO).parent.iterdir()] == ["plan"]


@pytest.mark.parametrize("rights", [["--bounding-set=-dac_override,-dac_read_search"], ["--regid=9", "--keep-groups"]])
def test_other_rights_ask_anew(remembered: Project, rights: list[str]) -> None:
    """What one group may read, or one capability, another may not: of the same user."""
    require("mount")  # that is, root
    path = remembered.path / _B
    os.chown(path, 4321, 0)
    path.chmod(0o000)
    (remembered.path / _MEMO).unlink()
    _remember(remembered)
    command = ["setpriv", *rights, sys.executable, "-X", "importtime", "-m", "envbuild", "plan"]
    ran = subprocess.run(
        command, cwd=remembered.path, env=remembered.environ, capture_output=True, text=True, check=False
    )
    assert "envbuild.cli.app" in ran.stderr
    assert ran.returncode == ("--regid=9" not in rights)


def test_only_nothing_to_do_is_remembered(remembered: Project) -> None:
    """A plan with steps, a selection and a broken project leave what stands there, and write nothing."""
    (remembered.path / _MEMO).unlink()
    remembered.run("plan", "a")
    remembered.write("manifests/c.yaml", "variables: {C: '1'}\n")
    remembered.run("plan")
    remembered.write("manifests/c.yaml", "nonsense: 1\n")
    remembered.run("plan", check=1)
    assert list((remembered.path / _MEMO).parent.iterdir()) == []


def test_another_envbuild_plans_anew(remembered: Project, tmp_path: Path) -> None:
    """Each installation, and each edit of one, has to find out by itself."""
    source = Path(envbuild.__file__).parent
    shutil.copytree(source, tmp_path / "envbuild", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(source.parent / "templates", tmp_path / "templates") if not (source / "_shipped").exists() else None
    other = {"PYTHONPATH": str(tmp_path)}
    assert not _answered(remembered, env=other)
    remembered.run("plan", env=other)
    assert _answered(remembered, env=other)
    assert not _answered(remembered)
    _plain(remembered, "plan", env=other)
    for module in ("project/facts.py", "resolve/merge.py", "memo.py"):
        path = tmp_path / "envbuild" / module
        path.write_text(f"{path.read_text()}\n")
        assert not _answered(remembered, env=other), module
        remembered.run("plan", env=other)


def test_changes_within_one_tick_are_told_apart(tmp_path: Path) -> None:
    """What rested before a moment of the file system's own cannot change again without looking different."""
    (tmp_path / "cache").mkdir()
    file, rested = tmp_path / "file", 0
    for _ in range(300):
        file.write_text("one")
        moment = memo.moment(str(tmp_path))
        seen = memo.look(str(file))
        assert moment
        if memo.rested([seen], moment):
            rested += 1
            file.write_text("two")
            os.utime(file, ns=(seen[1], seen[1]))
            assert memo.look(str(file)) != seen
        else:
            time.sleep(0.002)
    moment = memo.moment(str(tmp_path))
    file.write_text("one")
    assert moment
    assert not memo.rested([memo.look(str(file))], moment)
    assert memo.rested([memo.look(str(tmp_path.parent)), memo.look("/nowhere")], moment)


def test_places_go_by_the_names_of_the_house() -> None:
    """They are said again only where loading their room would take longer than the answer may."""
    assert (again.FILE, again.PRIVATE) == (names.FILE, workspace.PRIVATE)
    assert names.MANIFESTS[0].startswith(f"{again.MANIFESTS}/")
