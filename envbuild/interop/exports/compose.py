"""A service for `docker compose up`: on this machine's loopback, with nothing to write to but /tmp."""

from collections.abc import Iterator

from envbuild.deployed import GRACE_SECONDS, Deployed
from envbuild.errors import Note, Place
from envbuild.interop.exports.deployment import Plain, yaml
from envbuild.quantities import bytes_of, nanos_of

_NANO = 1_000_000_000


def text(one: Deployed) -> str:
    return yaml({"name": one.name, "services": {one.name: _service(one)}})


def _service(one: Deployed) -> dict[str, Plain]:
    limits = _limits(one)
    return {
        "image": one.reference,
        **({} if one.is_stored else {"pull_policy": "never"}),
        "init": True,
        "restart": "unless-stopped",
        "stop_grace_period": f"{GRACE_SECONDS}s",
        "ports": [f"127.0.0.1:{one.port}:{one.port}"],
        "read_only": True,
        "tmpfs": ["/tmp"],  # noqa: S108 - the container's own
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "healthcheck": {
            "test": ["CMD", *map(_literal, one.health)],
            "interval": "30s",
            "timeout": "10s",
            "retries": 3,
            "start_period": f"{one.init_seconds}s",
        },
        "labels": {key: _literal(value) for key, value in one.labels.items()},
        **({"deploy": {"resources": {"limits": limits}}} if limits else {}),
    }


def _limits(one: Deployed) -> dict[str, Plain]:
    """In units that every version of Compose reads alike."""
    found: dict[str, Plain] = {}
    if one.cpu:
        found["cpus"] = f"{nanos_of(one.cpu) / _NANO:.9f}".rstrip("0").rstrip(".")
    if one.memory:
        found["memory"] = f"{max(1, bytes_of(one.memory))}b"
    return found


def _literal(value: str) -> str:
    """A dollar is no variable."""
    return value.replace("$", "$$")


def notes(one: Deployed, where: Place) -> Iterator[Note]:
    if not one.is_stored:
        what = f"the image of '{one.environment}' is only on this machine: this file is of use here alone"
        yield Note("image", what, where, "set 'registry' in envbuild.yaml, and build it again")
