"""BuildKit, through Docker's command and its plugin buildx: finds them, builds, and tells how it goes."""

import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from envbuild.builders import order as orders
from envbuild.builders.dockerconfig import with_logins
from envbuild.builders.engine import Capabilities, capabilities
from envbuild.builders.order import Order
from envbuild.builders.plainly import Plainly
from envbuild.builders.steps import Steps, Write
from envbuild.builders.unbuilt import UnbuiltError, unbuilt
from envbuild.errors import BuildError
from envbuild.process import Programs, Ran, child_environment
from envbuild.solvers.logins import traces
from envbuild.typed import from_json
from envbuild.written import log_line

_KEPT = frozenset(
    {
        *("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"),
        *("DOCKER_AUTH_CONFIG", "BUILDX_BUILDER", "BUILDX_CONFIG"),
    }
)
_DROPPED = ("DOCKER_", "BUILDX_", "BUILDKIT_", "SOURCE_DATE_EPOCH", "LC_", "LANG", "TZ", "OTEL_", "TRACEPARENT")
_OWN = {"LC_ALL": "C", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1", "BUILDX_GIT_INFO": "false", "DOCKER_CLI_HINTS": "false"}
_VERSION = re.compile(r"\bv?(\d+)\.(\d+)\.(\d+)")
_OLDEST = (0, 10, 0)
_TELLS_ALL = (0, 13, 0)  # --progress=rawjson
_PAUSES = (0.5, 2)
_HIDDEN = "***"
_TELLING = 6  # letters of a line, of a secret of several
_COMMON = re.compile(r"\W*|-----(?:BEGIN|END) [A-Z0-9 ]+-----")


class Built(msgspec.Struct, frozen=True):
    """What was made: the digest of the image or index, that of its configuration, and all that buildx says of it."""

    digest: str
    config: str
    metadata: dict[str, Any]


class Buildx:
    """Builds images; what it starts is ended with all other programs."""

    def __init__(self, programs: Programs, host: Mapping[str, str], hidden: Collection[str] = ()) -> None:
        """What is `hidden` among the variables is shown to a build alone that asks for it by name."""
        self._programs = programs
        self._host = host
        self._guard = threading.Lock()
        self._known: dict[tuple[str, str], Capabilities] = {}
        seen = {name: value for name, value in child_environment(host).items() if name not in hidden}
        self._env = {
            **{name: value for name, value in seen.items() if not name.startswith(_DROPPED)},
            **{name: host[name] for name in _KEPT if host.get(name)},
            **_OWN,
        }

    @cached_property
    def version(self) -> tuple[int, int, int]:
        """Of the plugin; zeros where it says something else, and is expected to be able to do little."""
        ran = self._ask(["buildx", "version"])
        if ran.code:
            hint = "install it: package docker-buildx-plugin of Docker, docker-buildx of Debian and Ubuntu"
            raise BuildError("Docker has no buildx here, which builds the images", hint=hint)
        found = _VERSION.search(ran.output)
        if not found:
            return _OLDEST
        version = (int(found[1]), int(found[2]), int(found[3]))
        if version < _OLDEST:
            what = f"buildx {'.'.join(found.groups())} is too old: 0.10 or later is needed"
            raise BuildError(what, hint="install a newer docker-buildx-plugin, or docker-buildx")
        return version

    def capabilities(self, builder: str = "", docker_context: str = "") -> Capabilities:
        """What can be asked of a builder, or of the one in use; it is asked once."""
        key = (builder, docker_context)
        with self._guard:
            if key not in self._known:
                self.version  # noqa: B018 - without one nothing else is asked
                place = [f"--context={docker_context}"] if docker_context else []
                self._known[key] = capabilities(lambda words: self._ask([*place, *words]), builder)
            return self._known[key]

    def build(self, order: Order, log: Path, say: Callable[[str], None]) -> Built:
        """Build it; the log is whole, and what fails says which step, and why.

        BuildKit goes on with what it has done when a registry, which has failed it for a moment, is asked once more.
        """
        for pause in _PAUSES:
            try:
                return self._build(order, log, say)
            except UnbuiltError as error:
                if not error.unbuilt.may_pass:
                    raise
                say(f"again in {pause:g} s: {error.unbuilt.said}")
                self._programs.pause(pause)
        return self._build(order, log, say)

    def _build(self, order: Order, log: Path, say: Callable[[str], None]) -> Built:
        veil = _veil(orders.secret_values(order, self._host))
        can = self.capabilities(order.builder, order.docker_context)
        orders.refuse(order, can)
        tells_all = self.version >= _TELLS_ALL
        with tempfile.TemporaryDirectory(prefix="envbuild-") as folder, _opened(log) as write:
            told = (Steps if tells_all else Plainly)(write, say, lambda line: veil(log_line(line)))
            metadata = Path(folder, "metadata.json")
            words = orders.words(order, can, "rawjson" if tells_all else "plain", metadata)
            with with_logins(order.logins, self._host) as config:
                if self._run(words, {**orders.environment(order, self._host), **config}, told):
                    raise UnbuiltError(unbuilt(told.failed, told.text))
            return _built(metadata)

    def _run(self, words: list[str], env: Mapping[str, str], told: Steps | Plainly) -> int:
        try:
            return self._programs.heard([self._docker, *words], told.hear, env={**self._env, **env})
        finally:
            told.close()

    def _ask(self, words: list[str]) -> Ran:
        return self._programs.run([self._docker, *words], env=self._env)

    @cached_property
    def _docker(self) -> str:
        if found := shutil.which("docker", path=self._host.get("PATH", "")):
            return found
        hint = "install Docker with its plugin buildx (docs.docker.com/engine/install), or use 'builder: oci'"
        raise BuildError("there is no command 'docker' here, which builds the images", hint=hint)


def _veil(secrets: Iterable[str]) -> Callable[[str], str]:
    """Puts stars for secrets, should a step write what it was shown: for each line of one, as steps write them."""
    hidden = sorted({line for secret in secrets for line in _lines(secret)}, key=len, reverse=True)
    if not hidden:
        return str
    pattern = re.compile("|".join(traces(one).pattern for one in hidden))
    return lambda text: pattern.sub(_HIDDEN, text)


def _lines(secret: str) -> Iterator[str]:
    """Without those, among several, that tell nothing, and stand in many a text."""
    known = [line.strip() for line in secret.strip().splitlines()]
    if len(known) == 1:
        return iter(known)
    return (line for line in known if len(line) >= _TELLING and not _COMMON.fullmatch(line))


@contextmanager
def _opened(log: Path) -> Iterator[Write]:
    """Lines for a log, each seen at once by who follows it."""
    with log.open("a", encoding="utf-8", errors="replace", buffering=1) as stream:

        def write(line: str) -> None:
            stream.write(f"{line}\n")

        yield write


def _built(metadata: Path) -> Built:
    try:
        found = from_json(metadata.read_bytes(), dict[str, Any])
    except (OSError, msgspec.DecodeError):
        found = {}
    return Built(str(found.get("containerimage.digest", "")), str(found.get("containerimage.config.digest", "")), found)
