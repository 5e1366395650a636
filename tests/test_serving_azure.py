"""Scripts that were written for Azure ML's own server, in the forms that its pages and examples show.

The package itself is installed for those that import it, in an environment that is built as any other.
"""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.project import Project, clean_environment
from support.runs import wait_for
from support.services import require
from support.serving import Server, free_port, service, serving

Serve = Callable[..., Server]

# Both decorators, and what they need of the environment.
_NEEDED = "azureml-inference-server-http==1.5.*, 'inference-schema[numpy-support]'"


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Several servers in one test, each of a script, ended with it."""
    with ExitStack() as stack:

        def begin(script: str, python: str = "", env: dict[str, str] | None = None, **said: object) -> Server:
            folder = service(tmp_path / str(len(list(tmp_path.iterdir()))) / "s", script, **said)
            return stack.enter_context(serving(folder, python=python, env=env)).wait_until_ready()

        yield begin


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory, uv_cache: Path) -> str:
    """The interpreter of an environment that has Azure's package, from PyPI."""
    require("pypi")
    folder = tmp_path_factory.mktemp("azure")
    project = Project(folder / "project", clean_environment(folder, uv_cache))
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    project.write(
        "manifests/azure.yaml", f"dependencies: [python ={version}, pip: [{_NEEDED}]]\npython: {{from: uv}}\n"
    )
    project.run("apply")
    reference: str = project.json("show", "azure")["environment"]["reference"]
    return f"{reference}/bin/python"


def test_hello_world(serve: Serve) -> None:
    """As the page that explains the server begins; asked with GET, without a body."""
    server = serve("""
        import time

        def init():
            time.sleep(0.1)

        def run(input_data):
            return {"message": "Hello, World!"}
    """)
    assert server.ask(path="/score?data=any").json == {"message": "Hello, World!"}
    assert server.ask().json == {"message": "Hello, World!"}


def test_a_model_that_is_loaded(serve: Serve) -> None:
    """Named by its folder's variable, with logging, and errors that a script makes answers of itself."""
    server = serve("""
        import json
        import logging
        import os
        import pickle

        def init():
            global model
            path = os.path.join(os.getenv("AZUREML_MODEL_DIR"), "model.pkl")
            if not os.path.exists(path):
                model = None
            logging.basicConfig(level=logging.INFO)
            logging.info("Init complete")

        def run(raw_data):
            logging.info("Request received")
            try:
                return [sum(row) for row in json.loads(raw_data)["data"]]
            except KeyError as error:
                return {"error": str(error)}
    """)
    assert server.ask('{"data": [[1, 2], [3, 4]]}').json == [3, 7]
    assert server.ask("{}").json == {"error": "'data'"}
    assert server.log.count("INFO:root:Request received") == 2


def test_a_script_that_drives_another_one(serve: Serve) -> None:
    """Its own `init` is called, and the `run` of the other."""
    server = serve("""
        import types

        driver_module = types.ModuleType("main")
        driver_module.run = lambda data, request_headers: {"inner": data, "agent": request_headers["User-Agent"]}

        def init():
            print("outer init")

        def run(data):
            raise NotImplementedError
    """)
    assert server.ask("x", User_Agent="me").json == {"inner": "x", "agent": "me"}
    assert "outer init" in server.log


def test_azure_s_variables(serve: Serve) -> None:
    """Say what is not said here: what is said here wins."""
    script = "import time\ndef init(): ...\ndef run(data): time.sleep(float(data))"
    env = {"SCORING_TIMEOUT_MS": "300", "WORKER_COUNT": "2", "HTTP_X_MS_SERVER_VERSION": "azmlinfsrv/9"}
    server = serve(script, env=env)
    assert len(server.workers) == 2
    reply = server.ask("60")
    assert (reply.status, reply.message) == (504, "run() took longer than 0.3 s")
    assert reply.headers["x-ms-server-version"] == "azmlinfsrv/9"
    said = serve(script, env=env, timeouts={"scoring": 20}, workers=1)
    assert len(said.workers) == 1
    assert said.ask("0.5").status == 200


def test_whole_requests(serve: Serve, python: str) -> None:
    """`@rawhttp`: flask's request, with all that belongs to it, and answers down to their headers."""
    server = serve(
        """
        from azureml_inference_server_http.api.aml_request import AMLRequest, rawhttp
        from azureml_inference_server_http.api.aml_response import AMLResponse
        import flask

        def init(): ...

        @rawhttp
        def run(request):
            if request.method == "GET":
                return AMLResponse(request.full_path, 200)
            if request.method == "OPTIONS":
                return AMLResponse("", 204)
            if request.files:
                return {name: len(one.read()) for name, one in request.files.items()}
            if request.is_json:
                return flask.jsonify(sorted(request.get_json()))
            if request.data == b"bad":
                return AMLResponse("bad request", 500, {"X-Why": "a, b"})
            return AMLResponse(request.get_data()[::-1], 201, {"Content-Type": "image/x", "X-Own": request.path})
        """,
        python=python,
    )
    reply = server.ask(b"\x00\xff\x01")
    assert (reply.status, reply.body, reply.headers["content-type"]) == (201, b"\x01\xff\x00", "image/x")
    assert (reply.headers["x-own"], reply.headers["x-ms-run-function-failed"]) == ("/score", "False")
    assert server.ask(path="/score?a=1&b=%20").body == b"/score?a=1&b=%20"
    assert server.ask('{"b": 1, "a": 2}', content_type="application/json").json == ["a", "b"]
    assert server.ask(method="OPTIONS").status == 204
    part = b'--x\r\nContent-Disposition: form-data; name="image"; filename="i"\r\n\r\n12345\r\n--x--\r\n'
    assert server.ask(part, content_type="multipart/form-data; boundary=x").json == {"image": 5}
    reply = server.ask(b"bad")
    assert (reply.status, reply.body, reply.headers["x-why"]) == (500, b"bad request", "a, b")
    assert reply.headers["x-ms-run-function-failed"] == "True"
    assert server.ask(path="/score", method="DELETE").status == 405


_SCHEMA = """
    import numpy as np
    from azureml_inference_server_http.api.aml_response import AMLResponse
    from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
    from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
    from inference_schema.schema_decorators import input_schema, output_schema

    def init(): ...

    @input_schema(param_name="data", param_type=NumpyParameterType(np.array([[1, 2], [3, 4]])))
    @input_schema(param_name="factor", param_type=StandardPythonParameterType(2))
    @output_schema(output_type=NumpyParameterType(np.array([1, 2])))
    def run(data, factor=10):
        assert isinstance(data, np.ndarray)
        if factor == 0:
            return AMLResponse({"why": "nothing"}, 422, json_str=True)
        return (data.sum(axis=1) * factor).tolist()
"""


def test_values_by_name(serve: Serve, python: str) -> None:
    """`@input_schema`: each argument from the JSON object that was sent, made what the schema says."""
    server = serve(_SCHEMA, python=python)
    sent = {"content_type": "application/json; charset=utf-8"}
    assert server.ask('{"data": [[1, 2], [3, 4]], "factor": 2}', **sent).json == [6, 14]
    assert server.ask('{"data": [[1, 2]]}', **sent).json == [30]
    assert server.ask(path="/score?data=[[1,2]]&factor=3").json == [9]
    assert (server.ask('{"data": [[1, 2]], "factor": 0}', **sent).status) == 422
    for body, status, told in (
        ('{"factor": 1}', 400, "a value for 'data' is missing"),
        ("[1]", 400, "the body is to be a JSON object, of a value for each argument of run()"),
        ('{"data": [[1, 2]', 400, "the body is not JSON: see its line 1, column 17"),
        ("", 400, "the body is empty, and is to be a JSON object"),
        ("[" * 100_000, 400, "the body is not JSON"),
    ):
        reply = server.ask(body, **sent)
        assert (reply.status, reply.message) == (status, told)
    assert server.ask('{"data": [[1]]}', content_type="text/plain").status == 415
    schemas = server.ask(path="/swagger.json").json["definitions"]
    assert schemas["ServiceInput"]["example"] == {"data": [[1, 2], [3, 4]], "factor": 2}
    assert schemas["ServiceOutput"]["example"] == [1, 2]
    assert server.ask(path="/swagger.json?version=3").json["components"]["schemas"] == schemas


_ASKED: tuple[dict[str, Any], ...] = (
    {"body": '{"a": 1}', "X_Own": "1"}, {"body": "ü"}, {"path": "/score?a=1&a=2&b=x"}, {"body": "raise"},
    {"method": "PUT", "body": "x"}, {"path": "/nowhere"}, {"path": "/"}, {"body": b"\xff"},
    {"body": "1", "x_request_id": "x" * 101}, {"body": "1", "x_ms_client_request_id": "c"},
)  # fmt: skip


def test_the_same_answers_as_azure_s_own_server(serve: Serve, python: str, tmp_path: Path) -> None:
    """Both are asked the same: status, body, type, and what is said of the run are alike."""
    script = """
        import json

        def init(): ...

        def run(data, request_headers):
            if data == "raise":
                raise ValueError
            return {"data": data, "own": request_headers.get("X-Own"), "many": request_headers.get("X-Many")}
    """
    ours = serve(script, python=python)
    with _theirs(python, tmp_path, script) as theirs:
        for asked in _ASKED:
            own, other = ours.ask(**asked), theirs.ask(**asked)
            assert own.status == other.status, asked
            names = ["x-ms-run-function-failed", "x-ms-client-request-id"]
            if own.status == 200:
                assert own.body.replace(b" ", b"") == other.body.replace(b" ", b"").strip()
                if asked.get("path") != "/":  # where its text is said to be HTML
                    assert own.headers["content-type"] == other.headers["content-type"]
            else:
                assert list(own.json) == list(other.json) == ["message"]
                names = names[1:] if own.status != 500 else names
            assert [own.headers.get(name) for name in names] == [other.headers.get(name) for name in names], asked


@contextmanager
def _theirs(python: str, folder: Path, script: str) -> Iterator[Server]:
    """Azure's server, on a port of its own, once it answers."""
    (folder / "theirs.py").write_text(textwrap.dedent(script))
    port = free_port()
    command = [python, "-m", "azureml_inference_server_http", "--entry_script", "theirs.py", "--port", str(port)]
    log = folder / "theirs.log"
    with (
        log.open("wb") as stream,
        subprocess.Popen(
            command, cwd=folder, stdout=stream, stderr=stream, text=True, start_new_session=True
        ) as process,
    ):
        server = Server(process, ("127.0.0.1", port), log)
        try:
            wait_for(lambda: process.poll() is not None or _answers(server))
            assert process.poll() is None, server.log
            yield server
        finally:
            os.killpg(process.pid, signal.SIGTERM)


def _answers(server: Server) -> bool:
    try:
        return server.ask(path="/").status == 200
    except OSError:
        return False
