"""Scoring requests: through envbuild's server, and through a bare one, which calls the same handler by itself.

Both stand while wrk asks them in turns, over several connections; the bare one is uvicorn with all that makes it quick.
"""

import contextlib
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from support.services import load_generator
from support.serving import Server, free_port, started

from .channels import Side
from .process import CommandError, Place, Run

CONNECTIONS = 16
_SECONDS = 2
_NAME = "score"
_TIMEOUT_SECONDS = 60
_MANY = 1000

_MODEL = """
    import json, os
    import joblib, numpy

    def init():
        global model
        model = joblib.load(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.joblib"))

    def run(data):
        return {"result": model.predict(numpy.array(json.loads(data)["data"])).tolist()}
"""
_NOTHING = """
    import json

    def init(): ...

    def run(data):
        return {"rows": len(json.loads(data)["data"])}
"""
_TRAIN = """
    import joblib, numpy
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x = numpy.random.default_rng(0).normal(size=(500, 10))
    made = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, x.sum(axis=1) > 0)
    joblib.dump(made, "model.joblib")
"""
_BARE = """
    import json, sys
    import uvicorn
    from score import init, run

    async def app(scope, receive, send):
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        told = json.dumps(run(body.decode())).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(told)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": told})

    init()
    port = int(sys.argv[1])
    print(f"http://127.0.0.1:{port}", flush=True)
    uvicorn.run(app, port=port, http="httptools", loop="asyncio", lifespan="off", access_log=False, log_level="error")
"""
_POST = """
    wrk.method = "POST"
    wrk.body = '{"data": [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]]}'
    wrk.headers["Content-Type"] = "application/json"
"""


@contextmanager
def scoring(work: Place, *, model: bool) -> Iterator[tuple[Side, Side]]:
    """Seconds for a thousand requests, of one worker and of one process."""
    project = _project(work, model=model)
    python = _prefix(project) / "bin" / "python"
    if model:
        project.run(python, "train.py")
    ours = ["envbuild", "serve", _NAME, "--port", "0"]
    bare = [str(python), "bare.py", str(free_port())]
    with (
        _begun([sys.executable, "-m", *ours], project) as first,
        _begun(bare, project, {"AZUREML_MODEL_DIR": str(project.folder)}) as second,
    ):
        first.wait_until_ready()
        yield lambda: _asked(project, first), lambda: _asked(project, second)


def _project(work: Place, *, model: bool) -> Place:
    folder = work.folder / f"serve-{'model' if model else 'nothing'}"
    (folder / "manifests").mkdir(parents=True, exist_ok=True)
    files = {"score.py": _MODEL if model else _NOTHING, "train.py": _TRAIN, "bare.py": _BARE, "post.lua": _POST}
    for name, text in files.items():
        (folder / name).write_text(textwrap.dedent(text))
    (folder / "model.joblib").touch()
    packages = "uvicorn, httptools" + (", scikit-learn" if model else "")
    served = "serve: {entry_script: ../score.py, models: {m: ../model.joblib}}"
    (folder / "manifests" / f"{_NAME}.yaml").write_text(f"dependencies: [python, pip: [{packages}]]\n{served}\n")
    project = work.beside(folder)
    project.envbuild("apply")
    return project


def _prefix(project: Place) -> Path:
    command = [sys.executable, "-m", "envbuild", "run", _NAME, "--no-history", "--"]
    command += ["python", "-c", "import sys; print(sys.prefix)"]
    found = subprocess.run(
        command, cwd=project.folder, env=project.environment, capture_output=True, text=True, check=True
    )
    return Path(found.stdout.strip())


def _begun(command: list[str], project: Place, more: dict[str, str] | None = None) -> AbstractContextManager[Server]:
    return started(command, project.folder, "http://127.0.0.1:", {**project.environment, **(more or {})})


def _asked(project: Place, server: Server) -> Run:
    """As often as it answers; an answer that is no 200 measures nothing."""
    program, libraries = load_generator()
    url = f"http://{server.address[0]}:{server.address[1]}/score"
    command = [str(program), "-t1", f"-c{CONNECTIONS}", f"-d{_SECONDS}", "-s", "post.lua", url]
    with contextlib.suppress(OSError):
        server.ask('{"data": [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]]}')
    told = subprocess.run(
        command, cwd=project.folder, env={"LD_LIBRARY_PATH": libraries}, capture_output=True, text=True,
        timeout=_TIMEOUT_SECONDS, check=True,
    ).stdout  # fmt: skip
    rate = re.search(r"Requests/sec:\s+([\d.]+)", told)
    if rate is None or "Non-2xx" in told or "Socket errors" in told:
        raise CommandError(told)
    return Run(_MANY / float(rate[1]))
