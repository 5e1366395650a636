"""What `serve:` says: read, checked at its line, and filled in."""

import pytest
from support.project import Project

from envbuild.errors import EnvbuildError
from envbuild.project import Project as Front
from envbuild.project.services.serving import check, service_named
from envbuild.service import Service, service_of


@pytest.fixture
def project(project: Project) -> Project:
    project.write("score.py", "def init(): ...\ndef run(data): ...\n")
    return project


def of(project: Project, text: str, **parents: str) -> Service:
    for name, parent in parents.items():
        project.write(f"manifests/{name}.yaml", parent)
    project.write("manifests/k.yaml", text)
    front = Front.load(project.path)
    found = service_of(front.one("k"))
    check(front, found)
    return found


def refused(project: Project, text: str, **parents: str) -> str:
    with pytest.raises(EnvbuildError) as caught:
        of(project, text, **parents)
    return str(caught.value).replace("\n  hint: ", " | ")


def test_what_is_not_said_is_filled_in(project: Project) -> None:
    """But for what Azure's variables may say."""
    found = of(project, "serve: {entry_script: ../score.py}\n")
    assert (found.script, found.source, found.entry_script, found.port) == ("score.py", "", "score.py", 5001)
    assert found.document() == {
        "format_version": 1, "name": "k", "entry_script": "score.py", "port": 5001, "workers": None, "timeouts": {},
        "routes": {"liveness": "/", "readiness": "/ready", "scoring": "/score", "metrics": "/metrics"},
        "body_bytes": None, "answer_bytes": None, "debug": False,
    }  # fmt: skip


def test_all_that_can_be_said(project: Project) -> None:
    """Each key, through inheritance, from the folder of who says it."""
    project.write("src/score/main.py", "")
    project.write("data/m.bin", "1")
    parent = "abstract: true\nserve: {source: ../src, models: {a: ../data/m.bin, b: ../data}, cpu: 500m, timeout: 3}\n"
    text = """
        extends: base
        serve:
          entry_script: ../src/score/main.py
          models: {b: null, c: churn@3}
          port: 80
          routes: {liveness: /health, metrics: /}
          workers: 2
          init_timeout: 7
          body_mib: 2
          answer_mib: 3
          memory: 4Gi
    """
    project.write("manifests/k.yaml", text)
    project.write("manifests/base.yaml", parent)
    found = service_of(Front.load(project.path).one("k"))
    assert (found.entry_script, found.source) == ("score/main.py", "src")
    models = [(one.name, one.path, one.registered, one.version, one.is_registered) for one in found.models]
    assert models == [("a", "data/m.bin", "", "1", False), ("c", "", "churn", "3", True)]
    assert (found.cpu, found.memory, found.workers, found.timeout) == ("500m", "4Gi", 2, 3)
    document = found.document(debug=True)
    assert document["timeouts"] == {"scoring": 3, "init": 7}
    assert (document["body_bytes"], document["answer_bytes"]) == (2 * 1024 * 1024, 3 * 1024 * 1024)
    assert (document["port"], document["debug"]) == (80, True)
    assert document["routes"] == {"liveness": "/health", "readiness": "/ready", "scoring": "/score", "metrics": "/"}


_BASE = "entry_script: ../score.py"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tags: {a: b}", "1:1: 'k': it serves nothing | name a script: 'serve: {entry_script: score.py}'"),
        (
            "serve: {port: 80}",
            "1:1: 'k': nothing says what it serves: 'serve' names no 'entry_script' | name a script: ",
        ),
        ("serve: {entry_script: ../scores.py}", "1:23: there is no file 'scores.py' | did you mean 'score.py'?"),
        ("serve: {entry_script: .}", "1:23: 'manifests' is not a file | name a file"),
        (f"serve: {{{_BASE}, port: 0}}", "1:42: 0 is no port | choose one from 1 to 65535"),
        (f"serve: {{{_BASE}, port: 65536}}", "1:42: 65536 is no port"),
        (f"serve: {{{_BASE}, workers: 0}}", "1:45: 'workers' cannot be 0 | choose a number from 1 to 1024"),
        (f"serve: {{{_BASE}, timeout: -1}}", "1:45: 'timeout' cannot be -1 | choose a number from 1 to 86400"),
        (f"serve: {{{_BASE}, timeout: soon}}", "1:45: 'timeout' must be a whole number, not text"),
        (f"serve: {{{_BASE}, body_mib: 5000}}", "1:46: 'body_mib' cannot be 5000"),
        (f"serve: {{{_BASE}, answer_mib: 0}}", "1:48: 'answer_mib' cannot be 0 | choose a number from 1 to 4095"),
        (f"serve: {{{_BASE}, cpu: many}}", "1:41: 'many' is no number of CPUs | write it as '2', '0.5' or '500m'"),
        (f"serve: {{{_BASE}, cpu: '0'}}", "1:41: '0' is no number of CPUs"),
        (f"serve: {{{_BASE}, cpu: '0.0005'}}", "1:41: '0.0005' is no number of CPUs"),
        (f"serve: {{{_BASE}, memory: 4g}}", "1:44: '4g' is no size of memory | write it as '4Gi' or '512Mi'"),
        (f"serve: {{{_BASE}, routes: {{scoring: score}}}}", "1:54: 'score' is no route | write a path: '/score'"),
        (f"serve: {{{_BASE}, routes: {{scoring: '/a b'}}}}", "1:54: '/a b' is no route"),
        (f"serve: {{{_BASE}, routes: {{scoring: '/a%20b'}}}}", "1:54: '/a%20b' is no route"),
        (
            f"serve: {{{_BASE}, routes: {{scoring: /x, liveness: /x}}}}",
            "1:68: two routes are '/x': at line 1, too | choose another path for one of them",
        ),
        (
            f"serve: {{{_BASE}, routes: {{scoring: /ready}}}}",
            "1:54: '/ready' is the route of readiness, too | choose another, or state 'readiness'",
        ),
        (f"serve: {{{_BASE}, models: {{a/b: x}}}}", "1:45: 'a/b' cannot name a model | use letters"),
        (
            f"serve: {{{_BASE}, models: {{a: ./m}}}}",
            "1:48: the model 'a' is not there: there is no 'manifests/m' | check the path's spelling, or run what ",
        ),
        (f"serve: {{{_BASE}, models: {{a: m@2}}}}", "1:48: there is no model 'm' | "),
        (f"serve: {{{_BASE}, models: {{a: ../../m}}}}", "1:48: "),
        (f"serve: {{{_BASE}, source: ../src}}", "the entry script 'score.py' is not in 'src', the folder"),
        (f"serve: {{{_BASE}, source: ..}}", "the whole project is no source folder | name a folder below it"),
        ("serve: {entry: x}", "1:9: unknown key 'entry'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_line(project: Project, text: str, told: str) -> None:
    """With what to do."""
    found = refused(project, text + "\n")
    assert told in found, found
    assert "manifests/k.yaml:1" in found


def test_two_manifests_that_are_right_alone(project: Project) -> None:
    """May have one route for two things together."""
    parent = "abstract: true\nserve: {entry_script: ../score.py, routes: {metrics: /x}}\n"
    found = refused(project, "extends: base\nserve: {routes: {scoring: /x}}\n", base=parent)
    assert found.startswith("manifests/k.yaml:2:27: two routes are '/x'")


@pytest.mark.parametrize(
    ("said", "path", "registered"),
    [
        ("m@b.pkl", "manifests/m@b.pkl", ""), ("data/m@b", "manifests/data/m@b", ""), ("./m@3", "manifests/m@3", ""),
        ("m.pkl@b", "manifests/m.pkl@b", ""), ("m@3.pkl", "manifests/m@3.pkl", ""), ("m@3", "", "m@3"),
        ("team/m@3", "", "team/m@3"), ("team/m@latest", "", "team/m@latest"), ("v1.2@3", "", "v1.2@3"),
        ("m@newest", "", "m@newest"),
    ],
)  # fmt: skip
def test_what_is_a_path_and_what_a_model(project: Project, said: str, path: str, registered: str) -> None:
    """A version is a number or 'latest'; what has a slash or a suffix besides is a path, and so is what is there."""
    project.write("manifests/k.yaml", f"serve: {{entry_script: ../score.py, models: {{m: '{said}'}}}}\n")
    (found,) = service_named(Front.load(project.path), "k").models
    assert (found.path, f"{found.registered}@{found.version}") == (path, registered or "@1")
    project.write(f"manifests/{said}", "")
    (found,) = service_named(Front.load(project.path), "k").models
    assert (found.path, found.version, found.is_registered) == (f"manifests/{said.removeprefix('./')}", "1", False)


def test_it_is_no_part_of_what_is_built(project: Project) -> None:
    """Every builder takes it, and nothing is rebuilt when it changes."""
    project.write("manifests/k.yaml", "serve: {entry_script: ../score.py}\n")
    project.run("apply")
    project.write("manifests/k.yaml", "serve: {entry_script: ../score.py, port: 99, models: {m: ../none}}\n")
    assert project.json("plan")["summary"]["keep"] == 1
