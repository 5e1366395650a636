"""`envbuild serve`: from a manifest to answers, and nothing left behind."""

import json
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from support.channelled import write_conda
from support.condachannel import Channel
from support.condapkg import File, Package
from support.condapython import SUBDIR
from support.project import Project
from support.runs import is_alive, wait_for
from support.serving import Server, started

_SCRIPT = """
    import json, os, sys
    from pathlib import Path

    def init():
        global models
        folder = Path(os.environ["AZUREML_MODEL_DIR"])
        models = {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*.txt"))}

    def run(data):
        return {"models": models, "value": os.environ.get("VALUE"), "prefix": sys.prefix, "cwd": os.getcwd()}
"""


def serve(
    project: Project, *words: str, before: str = "http://127.0.0.1:", **env: str
) -> AbstractContextManager[Server]:
    command = [sys.executable, "-m", "envbuild", "serve", *words]
    return started(command, project.path, before, {**project.environ, **env})


@pytest.fixture
def scored(project: Project) -> Project:
    project.write("envbuild.yaml", "default_environment: churn/score\n")
    project.write("score.py", _SCRIPT)
    project.write("models/a.txt", "one")
    text = "variables: {VALUE: own}\nserve: {entry_script: ../../score.py, models: {m: ../../models/a.txt}}\n"
    project.write("manifests/churn/score.yaml", text)
    return project


@pytest.fixture(autouse=True)
def _nothing_is_left(project: Project) -> Iterator[None]:
    yield
    assert not (project.path / ".envbuild" / "services").exists()


def test_it_is_built_and_served(scored: Project) -> None:
    """By name or as the default; in its prefix, with its variables; the folder is there for as long as it is served."""
    for words in ((), ("churn/score",)):
        with serve(scored, *words, "--port", "0") as server:
            found = server.wait_until_ready().ask("{}").json
            assert found["models"] == {"a.txt": "one"}
            prefix = scored.json("show", "churn/score")["environment"]["reference"]
            assert (found["value"], found["prefix"]) == ("own", prefix)
            folder = Path(found["cwd"]).parent
            assert folder.parent == scored.path / ".envbuild" / "services" / "churn" / "score"
            (worker,) = server.workers
            assert server.stop(signal.SIGINT) == 0
            assert not folder.exists()
            assert not is_alive(worker)
    assert len(scored.json("history", "churn/score")["records"]) == 1


def test_json(scored: Project) -> None:
    """One object, with every route."""
    text = scored.read("manifests/churn/score.yaml").replace("models:", "routes: {readiness: /r}, models:")
    scored.write("manifests/churn/score.yaml", text)
    with serve(scored, "--json", "--port", "0", before='"metrics"') as server:
        assert server.process.stdout
        assert server.stop() == 0
        found = json.loads(server.said + server.process.stdout.read())
    url = f"http://127.0.0.1:{server.address[1]}"
    routes = {"liveness": "/", "readiness": "/r", "scoring": "/score", "metrics": "/metrics"}
    routes = {name: f"{url}{path}" for name, path in routes.items()}
    assert found == {"format_version": 1, "services": [{"environment": "churn/score", "url": url, "routes": routes}]}


def test_what_it_was_then(scored: Project) -> None:
    """Of a version: its script's name, its port, its routes; the files are those of now."""
    scored.run("apply")
    scored.write("manifests/churn/score.yaml", "variables: {VALUE: new}\n")
    scored.run("apply")
    with serve(scored, "churn/score@1", "--port", "0") as server:
        assert server.wait_until_ready().ask("{}").json["value"] == "own"
    run = scored.run("serve", "churn/score", check=1)
    assert "manifests/churn/score.yaml:1:1: 'churn/score': it serves nothing" in run.err


def test_source_and_several_models(scored: Project) -> None:
    """The folder goes along without what git ignores; each model is at its name and version, by its own name."""
    scored.write("src/pkg/main.py", _SCRIPT.replace("import json,", "import helper, json,"))
    scored.write("src/helper.py", "")
    scored.write("src/secret.env", "")
    scored.write("src/.gitignore", "*.env\n")
    scored.write("src/build/kept.py", "")
    scored.write("models/b/deep/c.txt", "two")
    scored.write("manifests/s.yaml", """
        serve:
          entry_script: ../src/pkg/main.py
          source: ../src
          models: {m: ../models/a.txt, n: ../models/b}
    """)  # fmt: skip
    with serve(scored, "s", "--port", "0") as server:
        found = server.wait_until_ready().ask("{}").json
        assert found["models"]["m/1/a.txt"] == "one"
        assert Path(found["cwd"], "../models/n/1/b/deep/c.txt").read_text() == "two"
        assert Path(found["cwd"], "pkg", "main.py").is_file()
        assert Path(found["cwd"], "build", "kept.py").is_file()
        assert not Path(found["cwd"], "secret.env").exists()
    scored.write("envbuild.yaml", "runs: {snapshot_mib: 1}\n")
    scored.write("src/large", "x" * 2_000_000)
    run = scored.run("serve", "s", check=1)
    assert "the folder 'src' has 2 MiB, and 1 go with a script at most" in run.err


def test_options(scored: Project) -> None:
    """The command line wins over the manifest."""
    scored.write("score.py", "import time\ndef init(): ...\ndef run(data): time.sleep(float(data))\n")
    with serve(scored, "--port", "0", "--workers", "2", "--timeout", "0.5", "--debug") as server:
        server.wait_until_ready()
        assert len(server.workers) == 2
        assert server.ask("9").message == "run() took longer than 0.5 s"
        assert "traceback" in server.ask("x").json


def test_a_killed_server_leaves_nothing_for_long(scored: Project) -> None:
    """Its workers end with it; its folder is cleared by the next one, and that of a living one is not."""
    with serve(scored, "--port", "0") as server:
        (worker,) = server.wait_until_ready().workers
        server.process.kill()
        server.process.wait()
        wait_for(lambda: not is_alive(worker))
        home = scored.path / ".envbuild" / "services" / "churn" / "score"
        (left,) = home.iterdir()
    with serve(scored, "--port", "0") as first:
        assert not left.exists()
        with serve(scored, "--port", "0") as second:
            assert len(list(home.iterdir())) == 2
            assert second.wait_until_ready().ask("{}").status == 200
        assert first.wait_until_ready().ask("{}").status == 200


def test_a_port_that_is_taken(scored: Project) -> None:
    """Is told before anything is built."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = scored.run("serve", "--port", str(port), check=1)
    assert run.err == (
        f"error: port {port} of 127.0.0.1 cannot be had: Address already in use\n"
        "  hint: free it, or choose another: '--port 0' is any\n"
    )
    assert scored.json("history", "churn/score", check=None).get("records", []) == []


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("none",), 64, "'none'"),
        (("churn/*",), 64, "'churn/*' is "),
        (("--host", "192.0.2.1"), 1, "of 192.0.2.1 cannot be had: "),
        (("--host", "192.0.2.256"), 1, "'192.0.2.256' is no address of this machine: "),
        (("--host", "192.0.2.256"), 1, "hint: check the address"),
        (("--host", "ä" * 70), 1, "is no address of this machine: it is no name"),
        (("--host", ""), 1, "'' is no address of this machine: "),
        (("--workers", "0"), 64, "--workers: 0"),
        (("--timeout", "0"), 64, "--timeout: 0.0"),
        (("--timeout", "nan"), 64, "is no time"),
        (("--port", "70000"), 64, "--port: 70000"),
    ],
)
def test_what_is_asked_wrongly(scored: Project, words: tuple[str, ...], code: int, told: str) -> None:
    """Is told, and nothing is started."""
    run = scored.run("serve", *words, check=code)
    assert told in run.err
    assert run.out == ""


def test_what_is_missing_is_told_before_it_is_built(scored: Project) -> None:
    """At the line that names it."""
    scored.remove("models/a.txt")
    run = scored.run("serve", check=1)
    assert run.err.startswith("manifests/churn/score.yaml:2:")
    assert "the model 'm' is not there: there is no 'models/a.txt'\n" in run.err
    scored.write("models/a.txt", "")
    scored.remove("score.py")
    assert "2:23: there is no file 'score.py'" in scored.run("serve", check=1).err
    assert not (scored.path / ".envbuild" / "state.db").exists()


@pytest.mark.parametrize(
    "serve", ["{entry_script: ../login.py}", "{entry_script: ../score.py, models: {m: ../login.py}}"]
)
def test_a_secret_is_not_served(scored: Project, serve: str) -> None:
    """Neither as a script nor as a model: both are handed on."""
    scored.write("envbuild.yaml", "secrets: {pypi: {file: login.py}}\n")
    scored.write("login.py", "canary")
    scored.write("manifests/k.yaml", f"serve: {serve}\n")
    run = scored.run("serve", "k", "--port", "0", check=1)
    assert run.err.startswith("manifests/k.yaml:1:")
    assert "login.py' holds a secret of this project\n" in run.err


def test_a_build_that_fails(scored: Project) -> None:
    """Nothing is served, and the port is free again."""
    scored.write("manifests/bad.yaml", "setup: ['exit 3']\nserve: {entry_script: ../score.py}\n")
    run = scored.run("serve", "bad", "--port", "0", check=1)
    assert "'bad' could not be built" in run.err


def test_an_environment_that_is_an_image(scored: Project) -> None:
    """Has no prefix of this machine."""
    scored.write("manifests/i.yaml", "builder: docker\nimage: {base: debian}\nserve: {entry_script: ../score.py}\n")
    run = scored.run("serve", "i", "--no-refresh", check=None)
    assert run.code in {1, 3, 64}
    assert "Traceback" not in run.err


def test_secrets_of_the_project_are_not_told(scored: Project) -> None:
    """Not in answers of the server itself; a script has the variables of who started it, as in a run."""
    scored.write("envbuild.yaml", "default_environment: churn/score\nsecrets: {pypi: {env: TOKEN}}\n")
    scored.write("score.py", "def init(): ...\ndef run(data): raise ValueError(data)\n")
    with serve(scored, "--port", "0", TOKEN="canary-123") as server:  # noqa: S106 - it is none
        server.wait_until_ready()
        told = [server.ask("x").body, server.ask(path="/metrics").body, server.ask(path="/nowhere").body]
        assert b"canary" not in b"".join(told)
        assert json.loads(told[0])["message"].startswith("run() raised")


@pytest.mark.parametrize("words", [("--image",), ("--image", "--build")])
def test_an_environment_that_is_no_image(scored: Project, words: tuple[str, ...]) -> None:
    """It is told how it can be served: as it says."""
    scored.run("apply")
    for title in ("churn/score", "churn/score@1"):
        run = scored.run("serve", title, *words, check=64)
        hint = run.err.partition("hint: ")[2].strip()
        assert f"{title}" in run.err.partition(" is a prefix of this machine, and no image\n")[0]
        assert hint == f"set 'builder: oci' for it, or serve it on this machine: 'envbuild serve {title}'"
        with serve(scored, title, "--port", "0") as server:
            assert server.wait_until_ready().ask("{}").status == 200


def test_an_environment_without_python(project: Project, tmp_path: Path) -> None:
    """Has nothing that could run a script, which is told at its line before anything is served."""
    package = Package(name="tool", subdir=SUBDIR, files={"share/tool": File(b"tool\n")})
    project.write("score.py", _SCRIPT)
    serve = "serve: {entry_script: ../score.py}\n"
    write_conda(project, "a", Channel(tmp_path / "channel", package), "tool", more=serve)
    project.run("lock")
    run = project.run("serve", "a", "--port", "0", check=1)
    assert run.err.endswith(
        "manifests/a.yaml:4:23: 'a' has no Python, by which a script is run\n  hint: name 'python' in 'dependencies'\n"
    )


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_model_that_is_a_link(scored: Project, kind: str) -> None:
    """It has the name that the manifest says, whatever it leads to."""
    scored.write("models/v3/a.txt", "three")
    (scored.path / "models" / "current").symlink_to("v3/a.txt" if kind == "file" else "v3")
    text = scored.read("manifests/churn/score.yaml").replace("a.txt", "current")
    scored.write("manifests/churn/score.yaml", text)
    where = "current" if kind == "file" else "current/a.txt"
    scored.write("score.py", f"""
        import os

        def init(): ...

        def run(data):
            with open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "{where}")) as stream:
                return stream.read()
    """)  # fmt: skip
    with serve(scored, "--port", "0") as server:
        assert server.wait_until_ready().ask("x").json == "three"
