"""Who wants to stop is heard by whatever is on its way to a registry or from it, however slow that is."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.front import Ask, Fault, Front, answers
from support.loopback import Reply, Request
from support.registered import blob, client
from support.registry import Registry as Real
from support.services import require

from envbuild.image.manifests import digest_of
from envbuild.process import Interrupted
from envbuild.registry import Line
from envbuild.registry.client import Registries, Registry

_AGES = 12.0
_SOON = 2.0
_LAYER = bytes(64_000_000)  # more than lies between two ends of a connection


@pytest.fixture
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    require("registry")
    with Real(tmp_path_factory.mktemp("registry")) as real, Front(real.server) as front:
        yield front


def says_nothing(_request: Request, _ask: Ask) -> Reply:
    """Neither read what is sent nor answer it."""
    return Reply(silence=_AGES)


def trickles(_request: Request, _ask: Ask) -> Reply:
    return Reply(body=_LAYER[:1000], trickle=_AGES)


def reads_slowly(request: Request, _ask: Ask) -> Reply:
    for at, _piece in enumerate(request.body):
        time.sleep(0.05 if at < 2 * _SOON / 0.05 else 0)
    return Reply(202)


def _asks(registry: Registry) -> object:
    return registry.head("a", "1")


def _fetches(registry: Registry) -> object:
    with registry.stream("a", digest_of(_LAYER)) as source:
        return [*iter(lambda: source.read(1000), b"")]


def _sends(registry: Registry) -> object:
    return registry.push_blob("a", blob(_LAYER))


_SLOW: dict[str, tuple[str, Fault, Callable[[Registry], object]]] = {
    "an answer": ("HEAD", says_nothing, _asks),
    "a blob that comes": ("GET", trickles, _fetches),
    "a blob that nobody reads": ("PATCH", says_nothing, _sends),
    "a blob that is read slowly": ("PATCH", reads_slowly, _sends),
    "a pause": ("HEAD", answers(500), _asks),
    "a pause of an upload": ("PATCH", answers(500), _sends),
}


@pytest.mark.parametrize("kind", _SLOW)
def test_what_is_slow_ends_with_a_stop(front: Front, kind: str) -> None:
    """Within two seconds, as an interrupt and no failure of the registry's; then nothing more is asked."""
    method, fault, does = _SLOW[kind]
    front.inject(fault, method, times=99)
    with client(front.address, pauses=(_AGES,), seconds=_AGES) as (registry, told), ThreadPoolExecutor(1) as pool:
        done = pool.submit(does, registry)
        while not front.count(method) or ("pause" in kind and not told):
            time.sleep(0.01)
        clock = time.monotonic()
        registry.stop()
        assert isinstance(done.exception(timeout=_AGES / 2), Interrupted)
        assert time.monotonic() - clock < _SOON
        before = front.count()
        with pytest.raises(Interrupted):
            registry.head("a", "1")
        assert front.count() == before


def test_all_registries_are_stopped(front: Front) -> None:
    """Those that were spoken to, and those that nobody has asked yet."""
    with Registries(Line({})) as registries:
        known = registries.of(front.address)
        assert known.head("a", "1") is None
        registries.stop()
        with pytest.raises(Interrupted):
            known.head("a", "1")
        with pytest.raises(Interrupted):
            registries.of("127.0.0.1:1").head("a", "1")
