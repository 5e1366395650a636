"""Many questions at once: so many in flight and no more, on connections that are kept, each with its own answer."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.front import Front, answers, hangs_up, waits
from support.registered import PAUSES, client, docker_config
from support.registry import LOGIN
from support.registry import Registry as Real
from support.relay import Relay
from support.services import require
from support.tokens import Tokens

from envbuild.errors import BusyError, LoginError, SilentError

_MANY = [("envs/a", f"fp-1-{number:064x}") for number in range(300)]


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Real]:
    require("registry")
    with Real(tmp_path / "registry") as real:
        yield real


def test_each_is_asked_once(real: Real) -> None:
    """What is there, what is not, and what is asked for twice; never more than twenty at the same time."""
    there = {pair: real.push(*pair, says=pair[1]) for pair in _MANY[:3]}
    with Front(real.server) as front, client(front.address) as (registry, told):
        front.inject(waits(0.05), times=40)
        found = registry.ask_all([*_MANY, *_MANY[:10]], at_once=50)
    assert found == {**dict.fromkeys(_MANY), **there}
    assert [*found] == _MANY
    assert (front.count("HEAD"), front.count(), told) == (300, 300, [])
    assert 10 < front.most_at_once <= 20


def test_connections_are_kept(real: Real) -> None:
    """No more of them than questions at the same time; one after the other there is a single one."""
    with Relay(real.server) as relay, client(relay.address) as (registry, _):
        registry.ask_all(_MANY)
        assert relay.connections <= 20
        before = relay.connections
        for pair in _MANY[:20]:
            registry.head(*pair)
        assert relay.connections == before
    with Relay(real.server) as relay, client(relay.address) as (registry, _):
        for pair in _MANY[:20]:
            registry.manifest(*pair)
        assert relay.connections == 1


def test_a_connection_that_was_closed_meanwhile(real: Real, tmp_path: Path) -> None:
    """It is another one's turn, which is no second try and needs no waiting."""
    digest = real.push("a", "1")
    with client(real.server) as (registry, told):
        assert registry.head("a", "1") == digest
        real.close()
        with Real(tmp_path / "registry", server=real.server):
            assert registry.head("a", "1") == digest
        assert told == []


def test_what_fails_for_one_is_its_answer(real: Real) -> None:
    """All others have theirs."""
    digest = real.push("a", "1")
    with Front(real.server) as front, client(front.address) as (registry, told):
        front.inject(answers(403), path="/envs/hidden/")
        front.inject(answers(429), path="/envs/busy/", times=99)
        front.inject(answers(500), path="/envs/once/")
        asked = [("envs/hidden", "1"), ("envs/busy", "1"), ("envs/once", "1"), ("a", "1"), ("a", "2")]
        found = registry.ask_all(asked)
    hidden, busy, *rest = found.values()
    assert isinstance(hidden, LoginError)
    assert isinstance(busy, BusyError)
    assert rest == [None, digest, None]
    assert len(told) == len(PAUSES) + 1


def test_a_registry_that_does_not_answer_is_not_asked_a_thousand_times(real: Real) -> None:
    """The first silence is everybody's."""
    with Front(real.server) as front, client(front.address) as (registry, _):
        front.inject(hangs_up, times=9999)
        found = registry.ask_all(_MANY)
        assert {type(one) for one in found.values()} == {SilentError}
        assert front.count() <= 20 * (1 + len(PAUSES))
    with client("127.0.0.1:1") as (registry, told):
        assert {type(one) for one in registry.ask_all(_MANY).values()} == {SilentError}
        assert told == []


def test_one_token_for_each_repository(tmp_path: Path) -> None:
    """However many are asked at once, and only the first ask before they know that one is needed."""
    require("registry")
    with Tokens(tmp_path / "tokens", LOGIN) as tokens, Real(tmp_path / "r", auth=tokens.auth()) as real:
        host = docker_config(tmp_path / "docker", **{real.server: LOGIN})
        with client(real.server, host) as (registry, _):
            registry.head("envs/a", "1")
            asked = [(f"envs/{name}", f"{number}") for name in "abcde" for number in range(20)]
            assert set(registry.ask_all(asked).values()) == {None}
    assert len(tokens.given) == 5
