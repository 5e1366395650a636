"""The entry script: imported, understood, and called for one request at a time, as the contract of Azure's has it."""

from __future__ import annotations

import inspect
import io
import os
import sys
import time
from json import JSONDecodeError, dumps, loads
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, quote

from envbuild.serving.words import FAILURE, RAW, SCHEMA, TEXT

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    Head = dict[str, Any]  # what is told of a request: method, path, query, client, headers

MODULE = "entry_module"

_RAW_MODULES = ("azureml_inference_server_http.api.aml_request", "azureml.contrib.services.aml_request")
_BY_NAME = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_BROKEN = 500  # from here on it is the script that failed, whatever it says itself
_LONGEST_SCHEMAS = 512 * 1024  # samples may be as large as what is sent
_EMPTY = inspect.Parameter.empty
_ANY: dict[str, Any] = {"type": "object", "example": {}}
_HOP = {"connection", "content-length", "transfer-encoding", "keep-alive", "upgrade", "date"}


class BadInputError(Exception):
    """The client's error, and answered as one."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class ScriptError(Exception):
    """The script is not what can be served; told as it is, without a traceback."""


class Whole(NamedTuple):
    """An answer that the script has made itself, down to its headers."""

    status: int
    headers: list[list[str]]
    body: bytes


class Script:
    """The form that its `run` has: of the body's text, of named values, or of the whole request."""

    def __init__(self, folder: str, path: str) -> None:
        self.folder = folder
        self.path = path
        self.form = TEXT
        self.wants_headers = False
        self.run: Callable[..., Any] = _nothing
        self._defaults: dict[str, Any] = {}
        self._app: Any = None

    def load(self) -> Callable[[], object]:
        """Its `init`. Modules are found as `python SCRIPT` finds them, and besides where all of the service is."""
        whole = os.path.join(self.folder, self.path)
        if not os.path.isfile(whole):
            raise ScriptError(f"there is no script '{self.path}'")
        sys.path[:0] = dict.fromkeys([os.path.dirname(whole), self.folder])
        module = _imported(self.path, whole)
        for name in ("init", "run"):
            if not callable(getattr(module, name, None)):
                raise ScriptError(f"{self.path} has no function {name}()")
        self._understand(module)
        init: Callable[[], object] = module.init
        return init

    def _understand(self, module: ModuleType) -> None:
        """A script that drives another one names it `driver_module`: that one's `run` is called."""
        driven = getattr(module, "driver_module", None)
        self.run = driven.run if inspect.ismodule(driven) and hasattr(driven, "run") else module.run
        found = inspect.signature(self.run).parameters
        if any(one.kind not in _BY_NAME for one in found.values()):
            raise ScriptError("run() is called by names: it cannot have *args, **kwargs or positional-only arguments")
        self.wants_headers = "request_headers" in found
        self._defaults = {name: one.default for name, one in found.items() if name != "request_headers"}
        if not self._defaults:
            raise ScriptError("run() has no argument for what is sent to it")
        is_raw = any(getattr(sys.modules.get(name), "_rawHttpRequested", False) for name in _RAW_MODULES)
        if is_raw and self._has_schema():
            raise ScriptError("run() has both @rawhttp and @input_schema, and can have one of them")
        self.form = RAW if is_raw else SCHEMA if self._has_schema() else TEXT

    def _has_schema(self) -> bool:
        known = sys.modules.get("inference_schema.schema_util")
        return bool(known and known.is_schema_decorated(self.run))

    @property
    def schemas(self) -> dict[str, Any]:
        """Of what `run` takes and gives, in which versions of OpenAPI; any object where its decorators say nothing."""
        usual = {"input": _ANY, "output": _ANY, "versions": []}
        if self.form != SCHEMA:
            return usual
        known = sys.modules["inference_schema.schema_util"]
        try:
            found = {
                "input": known.get_input_schema(self.run),
                "output": known.get_output_schema(self.run),
                "versions": known.get_supported_versions(self.run),
            }
            text = dumps(found, allow_nan=False)
            told: dict[str, Any] = loads(text) if len(text) <= _LONGEST_SCHEMAS else usual
        except Exception:  # noqa: BLE001 - samples are of any kind, and no reason not to serve
            return usual
        return told

    def call(self, head: Head | None, body: bytes) -> tuple[Any, float]:
        """What `run` gives for one request, and the milliseconds that it took."""
        if head is None:
            return self._timed({next(iter(self._defaults)): _decoded(body)})
        if self.form == RAW:
            return self._raw(head, body)
        given = self._text(head, body) if self.form == TEXT else self._values(head, body)
        return self._timed(self._with_headers(given, head))

    def _with_headers(self, given: dict[str, Any], head: Head) -> dict[str, Any]:
        return {**given, "request_headers": _titled(head["headers"])} if self.wants_headers else given

    def _timed(self, given: dict[str, Any]) -> tuple[Any, float]:
        began = time.perf_counter()
        result = self.run(**given)
        return result, (time.perf_counter() - began) * 1000

    def _text(self, head: Head, body: bytes) -> dict[str, Any]:
        name = next(iter(self._defaults))
        return {name: dumps(_asked(head["query"])) if head["method"] == "GET" else _decoded(body)}

    def _values(self, head: Head, body: bytes) -> dict[str, Any]:
        found = _asked(head["query"]) if head["method"] == "GET" else _object(head, body)
        given = {name: found.get(name, default) for name, default in self._defaults.items()}
        missing = [name for name, value in given.items() if value is _EMPTY]
        if missing:
            raise BadInputError(f"a value for '{missing[0]}' is missing")
        return given

    def _raw(self, head: Head, body: bytes) -> tuple[Any, float]:
        """With all that flask offers while a request is handled."""
        import flask

        self._app = self._app or flask.Flask(MODULE)
        with self._app.request_context(_environ(head, body)):
            given = {next(iter(self._defaults)): flask.request}
            result, spent = self._timed(self._with_headers(given, head))
            return whole(result), spent


def whole(result: Any) -> Any:
    """A response of flask's, which is also what an AMLResponse is, taken apart; anything else as it is."""
    flask = sys.modules.get("flask")
    if flask is None or not isinstance(result, flask.Response):
        return result
    result.direct_passthrough = False
    headers = [[name, value] for name, value in result.headers.items() if name.lower() not in _HOP]
    if result.status_code >= _BROKEN:
        headers = [*([name, value] for name, value in headers if name.lower() != FAILURE), [FAILURE, "True"]]
    return Whole(result.status_code, headers, result.get_data())


def _nothing() -> None:
    raise NotImplementedError


def _imported(path: str, at: str) -> ModuleType:
    import importlib.util

    found = importlib.util.spec_from_file_location(MODULE, at)
    if found is None or found.loader is None:
        raise ScriptError(f"'{path}' is no Python script: its name must end in '.py'")
    module = sys.modules[MODULE] = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise BadInputError("the body is not UTF-8") from None


def _object(head: Head, body: bytes) -> dict[str, Any]:
    kind = dict(head["headers"]).get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise BadInputError("the body is to be JSON: send 'Content-Type: application/json'", 415)
    try:
        found = loads(body)
    except JSONDecodeError as error:
        at = f"the body is not JSON: see its line {error.lineno}, column {error.colno}"
        raise BadInputError(at if body.strip() else "the body is empty, and is to be a JSON object") from None
    except (ValueError, RecursionError):
        raise BadInputError("the body is not JSON") from None
    if not isinstance(found, dict):
        raise BadInputError("the body is to be a JSON object, of a value for each argument of run()")
    return found


def _titled(headers: list[list[str]]) -> dict[str, str]:
    """As WSGI names them; what came several times is one value."""
    found: dict[str, str] = {}
    for lower, value in headers:
        name = "-".join(part.capitalize() for part in lower.split("-"))
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def _asked(query: str) -> dict[str, Any]:
    """What stands behind `?`, each value as JSON if it is some; what is said several times is a list."""
    found = {}
    for name, values in parse_qs(query, keep_blank_values=True).items():
        read = [_as_json(value) for value in values]
        found[name] = read if len(read) > 1 else read[0]
    return found


def _as_json(text: str) -> Any:
    try:
        return loads(text)
    except (ValueError, RecursionError):
        return text


def _environ(head: Head, body: bytes) -> dict[str, Any]:
    """The request as WSGI has it."""
    titled = _titled(head["headers"])
    host, _, port = titled.get("Host", "localhost").rpartition(":")
    found = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in titled.items()}
    found.pop("HTTP_CONTENT_LENGTH", None)
    return {
        **found,
        "CONTENT_TYPE": found.pop("HTTP_CONTENT_TYPE", ""),
        "CONTENT_LENGTH": str(len(body)),
        "PATH_INFO": head["path"].encode().decode("latin-1"),
        "QUERY_STRING": head["query"],
        "REMOTE_ADDR": head["client"],
        "REQUEST_METHOD": head["method"],
        "REQUEST_URI": quote(head["path"]),
        "SCRIPT_NAME": "",
        "SERVER_NAME": host or "localhost",
        "SERVER_PORT": port if port.isdecimal() else "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.errors": sys.stderr,
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
        "wsgi.multiprocess": True,
        "wsgi.multithread": False,
        "wsgi.run_once": False,
        "wsgi.url_scheme": "http",
        "wsgi.version": (1, 0),
    }
