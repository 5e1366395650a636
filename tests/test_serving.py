"""The scoring server: what it answers, and to whom."""

import http.client
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.serving import SECONDS, Server, asked, service, serving

_SCRIPT = """
    import json, os, sys

    def init():
        global model
        with open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.txt")) as stream:
            model = int(stream.read())
        print("model loaded")

    def run(data, request_headers):
        asked = json.loads(data)
        if asked == "where":
            names = ["AML_APP_ROOT", "AZUREML_ENTRY_SCRIPT", "AZUREML_MODEL_DIR", "ENVBUILD_MODEL_DIR"]
            return {name: os.environ[name] for name in names} | {"cwd": os.getcwd(), "path": sys.path, "argv": sys.argv}
        if asked == "headers":
            return request_headers
        if asked == "known":
            return sorted(sys.modules)
        if asked == "nothing":
            return None
        return {"got": asked, "model": model}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = service(tmp_path_factory.mktemp("serving") / "s", _SCRIPT, timeouts={"scoring": 30})
    (folder / "models" / "m" / "3").mkdir(parents=True)
    (folder / "models" / "m" / "3" / "model.txt").write_text("7")
    with serving(folder) as found:
        yield found.wait_until_ready()


def test_an_answer(server: Server) -> None:
    """JSON, with what Azure's server says of it."""
    reply = server.ask('{"a": [1, "ü"]}')
    assert (reply.status, reply.json) == (200, {"got": {"a": [1, "ü"]}, "model": 7})
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-ms-run-function-failed"] == "False"
    assert float(reply.headers["x-ms-run-fn-exec-ms"]) > 0
    assert server.ask('"nothing"').json == {}


def test_what_is_asked_behind_a_question_mark(server: Server) -> None:
    """Is JSON text for the script: each value as JSON if it is some, several of one name a list."""
    assert server.ask(path="/score?a=1&b=[2]&c=x&d=null&e=1&e=y&f=").json["got"] == {
        "a": 1, "b": [2], "c": "x", "d": None, "e": [1, "y"], "f": "",
    }  # fmt: skip


def test_what_a_script_is_told(server: Server) -> None:
    """Where it is, and its model, by Azure's names and ours; its own folder is the first that modules are sought in."""
    found = server.ask('"where"').json
    app = found["AML_APP_ROOT"]
    assert found["AZUREML_MODEL_DIR"] == found["ENVBUILD_MODEL_DIR"] == str(Path(app).parent / "models" / "m" / "3")
    assert (found["AZUREML_ENTRY_SCRIPT"], found["cwd"], found["argv"]) == ("score.py", app, ["score.py"])
    assert found["path"][0] == app
    assert not [path for path in found["path"] if path.endswith("serving")]


def test_a_script_sees_nothing_of_the_server(server: Server) -> None:
    """Not among its modules: a package of its own may have any name."""
    known = server.ask('"known"').json
    assert "entry_module" in known
    assert {name.partition(".")[0] for name in known} & {"envbuild", "uvicorn", "h11", "httptools", "click"} == set()


def test_headers_of_a_request(server: Server) -> None:
    """As WSGI names them."""
    assert server.ask('"headers"', X_Own_Thing="one", content_type="text/plain").json | {"Host": ""} == {
        "Accept-Encoding": "identity", "Content-Length": "9", "Content-Type": "text/plain", "Host": "",
        "X-Own-Thing": "one",
    }  # fmt: skip


def test_health(server: Server) -> None:
    """Of the server, and of its workers."""
    assert (server.ask(path="/").status, server.ask(path="/").body) == (200, b"Healthy")
    assert server.ask(path="/ready").json == {"status": "ready"}
    assert server.ask(path="/", method="HEAD").body == b""


def test_what_is_not_there(server: Server) -> None:
    """Paths and methods; all of it is JSON."""
    assert (server.ask(path="/nowhere").status, server.ask("{}", path="/ready").status) == (404, 405)
    assert server.ask(path="/score", method="DELETE").message == "the method DELETE is not for this: send POST"
    assert server.ask(path="/metrics", method="PUT", body="").status == 405
    allowed = [
        server.ask("", path=path, method="PUT").headers["allow"] for path in ("/score", "/ready", "/swagger.json")
    ]
    assert allowed == ["GET, POST, OPTIONS", "GET, HEAD", "GET, HEAD"]


def test_request_ids(server: Server) -> None:
    """Given back by the names that Azure has for them, made where there is none, and refused where they are long."""
    own = server.ask("1").headers
    assert re.fullmatch(r"[0-9a-f-]{36}", own["x-request-id"])
    assert own["x-ms-request-id"] == own["x-request-id"]
    assert "x-ms-client-request-id" not in own
    given = server.ask("1", x_request_id="r", x_ms_client_request_id="c", TraceId="t").headers
    assert [given[f"x-{name}"] for name in ("request-id", "ms-request-id", "ms-client-request-id")] == ["r", "c", "c"]
    assert given["traceid"] == "t"
    assert server.ask("1", x_ms_request_id="old").headers["x-ms-client-request-id"] == "old"
    for name in ("x_request_id", "x_ms_request_id", "x_ms_client_request_id"):
        reply = server.ask("1", **{name: "x" * 101})
        assert reply.status == 431
        assert "100 characters" in reply.message


def test_the_log_has_a_line_of_each_request(server: Server) -> None:
    """Time, client, method, path, status, time taken, bytes, id; what a client has said cannot forge another one."""
    reply = server.ask("1", path="/score?secret=canary", x_request_id="the-one")
    server.wait_for_log("the-one")
    (line,) = (one for one in server.log.splitlines() if "the-one" in one)
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    assert re.fullmatch(rf"{stamp} 127\.0\.0\.1 POST /score 200 \d+\.\d{{3}}ms {len(reply.body)}B the-one", line)
    assert "canary" not in server.log
    server.ask(path="/a%0a2026-11-28T00:00:00.000Z%20forged%1b[31m%e2%80%ae", x_request_id="id \x9b2J")
    server.wait_for_log("forged")
    (line,) = (one for one in server.log.splitlines() if "forged" in one)
    assert " GET /a\\x0a2026-11-28T00:00:00.000Z\\x20forged\\x1b[31m\\u202e 404 " in line
    assert line.endswith(" id\\x20\\x9b2J")
    assert "\x1b" not in server.log


def test_what_a_script_prints_is_in_the_log(server: Server) -> None:
    """And nowhere else."""
    assert "model loaded\n" in server.log


def test_metrics(server: Server) -> None:
    """In the format of Prometheus; a histogram counts what came to its end within each bound."""
    before = server.metrics()
    server.ask("1")
    server.ask(path="/nowhere")
    found = server.metrics()
    grown = {name: value - before.get(name, 0) for name, value in found.items() if value != before.get(name, 0)}
    assert grown['envbuild_requests_total{route="scoring",status="200"}'] == 1
    assert grown['envbuild_requests_total{route="other",status="404"}'] == 1
    assert grown["envbuild_scoring_seconds_count"] == grown['envbuild_scoring_seconds_bucket{le="+Inf"}'] == 1
    assert grown["envbuild_scoring_seconds_sum"] > 0
    assert (found['envbuild_workers{state="ready"}'], found["envbuild_requests_in_flight"]) == (1, 0)
    bounds = [value for name, value in found.items() if name.startswith("envbuild_scoring_seconds_bucket")]
    assert bounds == sorted(bounds)
    text = server.ask(path="/metrics")
    assert text.headers["content-type"].startswith("text/plain; version=0.0.4")
    named = {line.split()[2] for line in text.body.decode().splitlines() if line.startswith("# TYPE")}
    assert {re.sub(r"_(bucket|sum|count)(?=\{|$)|\{.*", "", name) for name in found} <= named | {
        "envbuild_scoring_seconds"
    }


@pytest.mark.parametrize("workers", [1, 3])
def test_everyone_gets_the_own_answer(tmp_path: Path, workers: int) -> None:
    """Many at once, on connections that are kept; each process does one at a time."""
    script = """
        import json, os, threading
        guard = threading.Lock()

        def init(): ...

        def run(data):
            assert guard.acquire(blocking=False)
            try:
                return {"same": json.loads(data), "pid": os.getpid()}
            finally:
                guard.release()
    """
    wrong: list[object] = []
    pids: set[int] = set()

    def many(server: Server, name: int) -> None:
        connection = http.client.HTTPConnection(*server.address, timeout=SECONDS)
        for number in range(21):
            sent = {"who": name, "number": number, "fill": "x" * (number % 7) * 20_000}
            reply = asked(connection, json.dumps(sent))
            pids.add(reply.json.get("pid"))
            if reply.status != 200 or reply.json["same"] != sent:
                wrong.append(reply)
        connection.close()

    with serving(service(tmp_path / "s", script, workers=workers)) as server:
        server.wait_until_ready()
        threads = [threading.Thread(target=many, args=(server, name)) for name in range(8)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert wrong == []
        assert pids <= set(server.workers)
        assert len(server.workers) == workers


def test_a_slow_request_holds_up_no_other_one(tmp_path: Path) -> None:
    """Where there is another worker: it takes what waits, whoever was first."""
    script = """
        import os, time

        def init(): ...

        def run(data):
            while data == "slow" and not os.path.exists("go"):
                time.sleep(0.01)
            return data
    """
    folder = service(tmp_path / "s", script, workers=2)
    with serving(folder) as server:
        wait = threading.Thread(target=lambda: server.ask("slow"))
        server.wait_until_ready()
        server.wait_for_log("is ready", 2)
        wait.start()
        assert [server.ask(f"{number}").json for number in range(20)] == [f"{number}" for number in range(20)]
        (folder / "app" / "go").write_text("")
        wait.join()


def test_origins_that_may_ask(tmp_path: Path) -> None:
    """By Azure's own variable; all others get no word of it."""
    folder = service(tmp_path / "s", "def init(): ...\ndef run(data): return data")
    with serving(folder, env={"AML_CORS_ORIGINS": "https://a.example, https://b.example"}) as server:
        server.wait_until_ready()
        reply = server.ask("x", Origin="https://b.example")
        assert reply.headers["access-control-allow-origin"] == "https://b.example"
        assert "access-control-allow-origin" not in server.ask("x", Origin="https://c.example").headers
        asks = {"Origin": "https://a.example", "Access_Control_Request_Headers": "x-own"}
        reply = server.ask(method="OPTIONS", **asks)
        assert (reply.status, reply.headers["access-control-allow-methods"]) == (200, "GET, POST")
        assert reply.headers["access-control-allow-headers"] == "x-own"


def test_what_it_takes_and_gives_is_described(tmp_path: Path) -> None:
    """As OpenAPI has it, in each of its versions; a file beside the script says it better."""
    folder = service(tmp_path / "s", "def init(): ...\ndef run(data): return data")
    with serving(folder) as server:
        server.wait_until_ready()
        old, new = (server.ask(path=f"/swagger.json{query}").json for query in ("", "?version=3"))
        assert (old["swagger"], new["openapi"]) == ("2.0", "3.0.3")
        assert old == server.ask(path="/swagger.json?version=2.0").json
        assert server.ask(path="/swagger.json?version=3.1").json["openapi"] == "3.1.0"
        for found, schemas in ((old, old["definitions"]), (new, new["components"]["schemas"])):
            assert {path: [*ways] for path, ways in found["paths"].items()} == {"/": ["get"], "/score": ["post"]}
            assert schemas["ServiceInput"] == schemas["ServiceOutput"] == {"type": "object", "example": {}}
            references = set(re.findall(r'"#/[^"]*/(\w+)"', json.dumps(found)))
            assert references == set(schemas)
        reply = server.ask(path="/swagger.json?version=4%0a")
        assert reply.status == 404
        assert reply.message == "there is no version 4\\x0a of OpenAPI here: ask for 2, 3 or 3.1"
        assert server.ask("x", path="/swagger.json").status == 405
        (folder / "app" / "swagger3.json").write_text('{"own": 3}')
        assert server.ask(path="/swagger.json?version=3").json == {"own": 3}
        assert server.ask(path="/swagger.json").json == old
        (folder / "app" / "swagger.json").write_text('{"own": 2}')
        assert server.ask(path="/swagger.json").json == {"own": 2}
    routes = {"liveness": "/swagger.json"}
    with serving(service(tmp_path / "t", "def init(): ...", routes=routes)) as server:
        assert server.ask(path="/swagger.json").body == b"Healthy"


def test_routes_of_its_own(tmp_path: Path) -> None:
    """Then the usual ones are nothing special."""
    routes = {"liveness": "/l", "readiness": "/r", "scoring": "/", "metrics": "/m"}
    with serving(service(tmp_path / "s", "def init(): ...\ndef run(data): return data", routes=routes)) as server:
        server.ask(path="/l")
        while server.ask(path="/r").status != 200:
            pass
        assert server.ask("x", path="/").json == "x"
        assert server.ask("x", path="/score").status == 404
