"""`register`: a definition is a version before anything is built of it, and a later apply builds that version."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.index import Index
from support.layered import Shelf as Layers
from support.layered import layer
from support.line import actions, apply_twice, reasons, steps, versions, write_base, write_child
from support.project import Project, clean_environment
from support.registry import Registry
from support.services import require

from envbuild.registry import Line
from envbuild.registry.client import Registry as Client
from envbuild.registry.copying import Target, push


def _variable(project: Project, value: str) -> None:
    project.write("manifests/a.yaml", f"variables:\n  ONE: '{value}'\n")


def _records(project: Project) -> bytes:
    return (project.path / ".envbuild/state.db").read_bytes()


@pytest.fixture
def two(project: Project) -> Project:
    """One version that is built, and a second one that is registered."""
    _variable(project, "1")
    project.run("apply")
    _variable(project, "2")
    project.run("register", "a")
    return project


def test_what_is_registered_is_a_version_that_apply_builds(project: Project) -> None:
    """The number stays; why there is such a version is told as it was then, and when it was registered."""
    _variable(project, "1")
    assert project.run("register", "a").out == "a@1 is registered; 'envbuild apply' builds it\n"
    assert not list((project.path / ".envbuild").glob("logs/*"))
    (record,) = project.json("history", "a")["records"]
    assert (record["version"], record["reference"], record["seconds"]) == (1, None, 0.0)
    assert record["registered"] == record["started"]
    step = steps(project)["a"]
    assert (step["action"], step["version"]) == ("create", 1)
    assert reasons(step) == [("record", "registered as v1, not built yet", "manifests/a.yaml")]
    apply_twice(project)
    (built,) = project.json("history", "a")["records"]
    assert (built["version"], built["registered"]) == (1, record["registered"])
    assert Path(built["reference"]).is_dir()
    assert built["reasons"] == [{"part": "record", "change": "not built yet", "where": "manifests/a.yaml"}]


def test_the_same_content_is_registered_once(two: Project) -> None:
    """Whether it is built or not, it says which version it is, and records nothing."""
    before = _records(two)
    assert two.run("register", "a").out == "a is a@2 already, registered and not built yet\n"
    assert _records(two) == before
    two.run("apply")
    assert two.run("register", "a").out == "a is a@2 already, built\n"
    assert versions(two, "a") == [2, 1]
    told = two.json("register", "a")["versions"]
    assert [(one["environment"], one["version"], one["new"]) for one in told] == [("a", 2, False)]


def test_what_is_registered_after_a_build_says_what_changed(two: Project) -> None:
    """It is created, for nothing was built of it; a registered version keeps the reasons for which there is one."""
    step = steps(two)["a"]
    assert (step["action"], step["version"]) == ("create", 2)
    assert two.json("history", "a")["records"][0]["reasons"] == [
        {"part": "variables", "change": 'ONE "1" -> "2"', "where": "manifests/a.yaml:2"}
    ]
    two.run("apply")
    assert two.json("history", "a")["records"][0]["reasons"][0]["part"] == "variables"


def test_a_change_after_registering_takes_the_next_number(two: Project) -> None:
    """What was registered stays as it was, and unbuilt."""
    _variable(two, "3")
    step = steps(two)["a"]
    assert (step["action"], step["version"]) == ("rebuild", 3)
    apply_twice(two)
    assert [(one["version"], bool(one["reference"])) for one in two.json("history", "a")["records"]] == [
        (3, True),
        (2, False),
        (1, True),
    ]


def test_what_was_never_built_is_created_however_often_it_was_registered(project: Project) -> None:
    _variable(project, "1")
    project.run("register", "a")
    _variable(project, "2")
    step = steps(project)["a"]
    assert (step["action"], step["version"]) == ("create", 2)


def test_a_number_that_is_insisted_on_is_that_or_an_error_that_shows_the_difference(two: Project) -> None:
    """Nothing changes where it is another content's, or not the next one."""
    _variable(two, "3")
    before = _records(two)
    taken = two.run("register", "a", "--version", "1", check=3)
    assert taken.err == (
        "error: a@1 is another definition than 'a' is now\n"
        "    1 field changed.\n"
        "    fields           version 1  now\n"
        '      variables.ONE  "1"        "3"  manifests/a.yaml:2\n'
        "    parts\n"
        "      variables  changed  environment variables\n"
        "  hint: leave '--version' out for the next version\n"
    )
    error = two.json("register", "a", "--version", "2", check=3)["errors"][0]
    assert error["message"].startswith("a@2 is another definition than 'a' is now\n1 field changed.")
    assert {"format_version": 1, **error["difference"]} == two.json("diff", "a@2")
    assert error["difference"]["fields"][0]["where"] == "manifests/a.yaml:2"
    assert "difference" not in two.json("register", "a", "--version", "7", check=3)["errors"][0]
    free = two.run("register", "a", "--version", "7", check=3)
    assert free.err == ("error: the next version of 'a' is 3, and not 7\n  hint: say '--version 3', or leave it out\n")
    assert _records(two) == before
    assert two.run("register", "a", "--version", "3").out.startswith("a@3 is registered")
    assert two.run("register", "a", "--version", "3").out.startswith("a is a@3 already")
    twice = two.run("register", "a", "--version", "4", check=3)
    assert twice.err.startswith("error: 'a' is a@3 already, and not version 4\n")
    _variable(two, "1")
    assert two.run("register", "a", "--version", "1").out == "a is a@1 already, built\n"


def test_a_number_is_one_environments(project: Project) -> None:
    for name in ("a", "b"):
        project.write(f"manifests/{name}.yaml", f"variables: {{ONE: {name}}}\n")
    assert "2 are selected" in project.run("register", "**", "--version", "1", check=64).err
    assert "say which environments" in project.run("register", check=64).err


def test_many_are_registered_together_or_none(project: Project) -> None:
    """One that cannot be told ends it before anything is recorded."""
    project.write("manifests/a.yaml", "variables: {ONE: a}\n")
    project.write("manifests/b.yaml", "builder: oci\nsetup: [make]\nimage: {base: scratch}\n")
    project.run("register", "**", check=1)
    assert not (project.path / ".envbuild/state.db").exists()
    project.write("manifests/b.yaml", "variables: {ONE: b}\n")
    assert project.run("register", "**", "--label", "first").out.splitlines() == [
        "a@1 is registered; 'envbuild apply' builds it; first: version 1",
        "b@1 is registered; 'envbuild apply' builds it; first: version 1",
    ]


def test_what_is_not_locked_is_locked_first_unless_that_is_refused(project: Project, index: Index) -> None:
    """With its lock in the record, from which it is exported and compared like any other."""
    index.add("alpha", "2.0")
    write_base(project, index, "alpha")
    write_child(project, "a")
    assert "locked" in project.run("register", "a", "--locked", check=3).err
    project.run("register", "a")
    assert (project.path / "locks/a.conda-lock.yml").is_file()
    assert project.json("show", "a@1")["environment"]["packages"] == [
        {"manager": "pip", "name": "alpha", "version": "2.0"}
    ]
    assert "alpha==2.0" in project.run("export", "pip", "a@1").out


def test_one_that_cannot_be_locked_is_not_registered(project: Project, index: Index) -> None:
    write_base(project, index, "nowhere")
    write_child(project, "a")
    assert "nowhere" in project.run("register", "a", check=1).err
    project.run("history", "a", check=64)


def test_what_is_only_registered_is_told_as_that_everywhere(two: Project) -> None:
    """Looking at it works; where something would have to stand it is told what to do."""
    row = two.run("history", "a").out.splitlines()[1]
    assert row.startswith("2        just now  registered  no commit")
    assert two.json("list")["environments"][0]["state"] == "registered"
    shown = two.json("show", "a@2")["environment"]
    assert (shown["version"], shown["reference"]) == (2, None)
    assert two.json("show", "a")["environment"] == shown
    assert two.run("show", "a@2").out.startswith("a  version 2, registered and not built yet\n")
    assert two.run("why", "a@2").out.startswith("a@2 is registered, and not built yet.\n")
    assert two.run("why", "a").out.startswith("a was registered, and would be built: version 2.\n")
    assert "variables.ONE" in two.run("diff", "a@1", "a@2").out
    expected = (
        "error: a@2 is registered, and not built yet\n"
        "  hint: run 'envbuild apply a'; where its manifest says otherwise by now, "
        "'envbuild export manifest a@2 DIR' first\n"
    )
    for command in (["run", "a@2", "--", "true"], ["run", "a@latest", "--", "true"], ["logs", "a@2"]):
        assert two.run(*command, check=1).err == expected
    _variable(two, "3")
    two.run("apply")
    old = two.run("run", "a@2", "--", "true", check=1).err
    assert old.endswith("hint: run 'envbuild export manifest a@2 DIR', and 'envbuild apply' there\n")
    two.run("run", "a@latest", "--", "true")


def test_tests_are_run_on_what_was_built_last(project: Project) -> None:
    """A definition that was registered since is no build; without any build there is nothing to test."""
    text = "variables: {{ONE: '{}'}}\ntest: {{commands: ['true']}}\n"
    project.write("manifests/a.yaml", text.format(1))
    project.run("register", "a")
    assert "registered, and not built yet" in project.run("test", "a", check=1).err
    project.run("apply")
    project.write("manifests/a.yaml", text.format(2))
    project.run("register", "a")
    assert project.json("test", "a")["tests"][0]["version"] == 1


def test_what_is_registered_lends_its_content_to_nobody(project: Project) -> None:
    """Only what stands can be adopted: the first of two builds, and both get their versions."""
    for name in ("a", "b"):
        project.write(f"manifests/{name}.yaml", "variables: {ONE: same}\n")
    project.run("register", "a")
    assert actions(project) == {"a": "create", "b": "adopt"}
    assert reasons(steps(project)["b"]) == [("content", "the same as a", "manifests/b.yaml")]
    assert actions(project, "b") == {"b": "create"}
    project.run("apply", "b")
    assert reasons(steps(project)["a"])[0] == ("content", "already built as b@1", "manifests/a.yaml")
    apply_twice(project)
    assert [one["version"] for one in project.json("history", "a")["records"]] == [1]


def test_forgetting_takes_what_is_registered_too(two: Project) -> None:
    """And its labels; the numbers stay taken."""
    two.run("label", "a@2", "next")
    two.remove("manifests/a.yaml")
    two.write("manifests/b.yaml", "variables: {ONE: b}\n")
    assert actions(two) == {"a": "forget", "b": "create"}
    two.run("apply", "--prune", "-y")
    _variable(two, "2")
    two.run("register", "a")
    assert versions(two, "a") == [3]
    assert two.json("label", "a")["labels"] == []


def test_a_file_that_changes_while_it_is_registered_is_not_registered(project: Project) -> None:
    """What is recorded is what was planned, or nothing."""
    project.write("wheels/note.txt", "1\n")
    project.write(
        "manifests/a.yaml",
        "builder: oci\nplatforms: [linux-64]\nimage:\n  base: scratch\n  copy: [{from: ../wheels, to: /w}]\n",
    )
    script = """
import sys
from envbuild.errors import RefusedError
from envbuild.project import Project, Selection
from envbuild.project.registering import definitions, register
project = Project.load(".")
planned = project.plan(Selection(("a",)))
wanted = definitions(project, planned, ("a",))
open("wheels/note.txt", "w").write("2")
try:
    register(project, wanted)
except RefusedError as error:
    sys.exit(str(error.message) != "files of 'a' were changed while it was registered")
sys.exit(2)
"""
    subprocess.run([sys.executable, "-c", script], cwd=project.path, env=dict(project.environ), check=True)
    project.run("history", "a", check=64)


def test_records_of_before_are_read_and_brought_up_to_date_by_the_next_write(two: Project, tmp_path: Path) -> None:
    """A file of schema 1 has no labels; to read it changes nothing, and to write to it adds what it lacks."""
    two.run("apply")
    path = two.path / ".envbuild/state.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("DROP TABLE labels")
    connection.execute("PRAGMA user_version=1")
    for version, text in connection.execute("SELECT version, record FROM records").fetchall():
        old = {key: value for key, value in json.loads(text).items() if key not in {"registered", "sources"}}
        connection.execute("UPDATE records SET record = ? WHERE version = ?", (json.dumps(old), version))
    connection.close()
    before = path.read_bytes()
    assert versions(two, "a") == [2, 1]
    assert two.json("label", "a")["labels"] == []
    assert two.run("plan").out.startswith("No changes.")
    assert two.run("show", "a@prod", check=64).err.startswith("error: 'a' has no version 'prod'\n")
    assert path.read_bytes() == before
    two.run("export", "manifest", "a@1", str(tmp_path / "out"))
    two.run("label", "a@1", "prod")
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (2,)
    connection.close()
    assert two.json("show", "a@prod")["environment"]["version"] == 1
    _variable(two, "3")
    apply_twice(two)


def test_checkouts_that_share_their_records_take_different_numbers(tmp_path: Path, uv_cache: Path) -> None:
    """Whoever comes second is refused and plans again: every content has one number, and no number two contents."""
    everybody = {"ENVBUILD_STATE": f"sqlite:///{tmp_path}/state.db"}
    checkouts = []
    for at in range(3):
        (tmp_path / str(at)).mkdir()
        environ = {**clean_environment(tmp_path / str(at), uv_cache), **everybody}
        checkouts.append(Project(tmp_path / str(at) / "project", environ))

    def work(at: int) -> set[str]:
        own = set()
        for turn in range(3):
            checkouts[at].write("manifests/a.yaml", f"variables: {{ONE: '{at}-{turn}'}}\n")
            while (run := checkouts[at].run("register", "a", "--json", check=None)).code:
                assert run.code == 3, run
            own.add(json.loads(run.out)["versions"][0]["fingerprint"])
        return own

    with ThreadPoolExecutor(3) as pool:
        contents = set[str]().union(*pool.map(work, range(3)))
    records = checkouts[0].json("history", "a")["records"]
    assert [one["version"] for one in records] == list(range(9, 0, -1))
    assert {one["fingerprint"] for one in records} == contents


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """With a small base in it."""
    require("registry")
    with Registry(tmp_path / "registry") as registry, Client(registry.server, Line({})) as client:
        base = Layers()
        push(base, base.image(layer("usr/")), Target(client, "base"), ("1",))
        yield registry


@pytest.fixture
def runners(tmp_path: Path, uv_cache: Path, registry: Registry) -> tuple[Project, Project]:
    """Two checkouts of one project, each with records of its own, and one registry."""
    found = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        project = Project(tmp_path / name / "project", clean_environment(tmp_path / name, uv_cache))
        settings = f"registry: {registry.server}/team\nplatforms: [linux-64]\nbuilder: oci\n"
        project.write("envbuild.yaml", settings)
        _image(project, registry, "1")
        found.append(project)
    return found[0], found[1]


def _image(project: Project, registry: Registry, value: str) -> None:
    text = f"variables: {{VALUE: '{value}'}}\nimage: {{base: '{registry.server}/base:1', command: [web]}}\n"
    project.write("manifests/web.yaml", text)


def test_an_image_is_registered_without_being_built_or_pushed(
    runners: tuple[Project, Project], registry: Registry
) -> None:
    """Whatever would need an image says so; a later apply pushes that version."""
    one, _ = runners
    one.run("register", "web", "--label", "next")
    with Client(registry.server, Line({})) as client:
        assert client.tags("team/web") == []
    for command in (
        ["promote", "web@1", "--tag", "prod"],
        ["promote", "web@next", "--tag", "prod"],
        ["pull", "web@latest"],
        ["publish", "web@1"],
        ["show", "web@1", "--image"],
        ["run", "web@1", "--image", "--", "true"],
    ):
        assert one.run(*command, check=1).err.startswith("error: web@1 is registered, and not built yet\n"), command
    assert "was not built as it is now" in one.run("verify", "web", check=1).err
    assert actions(one, "--refresh") == actions(one, "--no-refresh") == {"web": "create"}
    one.run("apply")
    assert one.run("plan", "--refresh").out.startswith("No changes.")
    with Client(registry.server, Line({})) as client:
        assert "v1" in client.tags("team/web")
    one.run("promote", "web@next", "--tag", "prod")


def test_two_runners_give_no_number_to_two_contents(runners: tuple[Project, Project], registry: Registry) -> None:
    """Whose version is in the registry first has the number; the other one's takes the next, and its label with it."""
    one, other = runners
    one.run("register", "web")
    _image(other, registry, "2")
    other.run("register", "web", "--label", "mine")
    one.run("apply")
    step = steps(other)["web"]
    assert (step["action"], step["version"]) == ("create", 2)
    assert reasons(step) == [
        (
            "record",
            "registered as v1, not built yet, a number that is another's in the registry by now",
            "manifests/web.yaml",
        )
    ]
    other.run("apply")
    assert versions(other, "web") == [2]
    assert other.json("label", "web")["labels"] == [{"label": "mine", "version": 2}]
    with Client(registry.server, Line({})) as client:
        assert client.head("team/web", "v1") != client.head("team/web", "v2")
    assert versions(one, "web") == [1]


def test_a_new_number_is_above_those_of_the_registry(runners: tuple[Project, Project], registry: Registry) -> None:
    """As a plan's is; and what another runner has built of the registered content is adopted."""
    one, other = runners
    one.run("apply")
    _image(other, registry, "2")
    assert other.run("register", "web").out.startswith("web@2 is registered")
    shutil.copy(other.path / "manifests/web.yaml", one.path / "manifests/web.yaml")
    one.run("apply")
    step = steps(other)["web"]
    assert (step["action"], step["version"]) == ("adopt", 2)
    other.run("apply")
    assert versions(other, "web") == [2]
