"""A service for a cluster: a Deployment with probes and limits, and a Service before it. No secret is in either."""

from collections.abc import Iterator

import msgspec

from envbuild.deployed import GRACE_SECONDS, Deployed
from envbuild.errors import Note, Place, UsageError
from envbuild.interop.exports.deployment import Plain, yaml

_NAME = "app.kubernetes.io/name"
_PORT, _OUTER_PORT = "http", 80
_PERIOD_SECONDS = 5
_LONGEST_KEY = 63


class Wanted(msgspec.Struct, frozen=True):
    """How many of it, and by which secret of the cluster its image is pulled, by name."""

    replicas: int = 1
    pull_secret: str = ""


def text(one: Deployed, wanted: Wanted) -> str:
    """Two documents, as `kubectl apply -f` reads them."""
    return f"{yaml(_deployment(one, wanted))}---\n{yaml(_service(one))}"


def refuse(one: Deployed, where: Place) -> None:
    if not one.is_stored:
        what = f"the image of '{one.environment}' is only on this machine, where no cluster can have it"
        raise UsageError(what, where, "set 'registry' in envbuild.yaml, and build it again")


def notes(one: Deployed, where: Place) -> Iterator[Note]:
    if one.is_root:
        what = f"the image of '{one.environment}' runs as root, which many clusters refuse"
        yield Note("user", what, where, "name a user: 'image: {user: {name: app, uid: \"1000\"}}'")
    elif one.uid is None:
        what = f"the image runs as '{one.user}', of whom a cluster does not know whether that is root"
        yield Note("user", what, where, "name the user by number: 'image: {user: \"1000\"}'")


def _labels(one: Deployed) -> dict[str, Plain]:
    return {_NAME: one.name, "app.kubernetes.io/managed-by": "envbuild"}


def _annotations(one: Deployed) -> dict[str, Plain]:
    """Those whose names a cluster takes; the content says it all."""
    return {key: value for key, value in one.labels.items() if len(key) <= _LONGEST_KEY}


def _deployment(one: Deployed, wanted: Wanted) -> dict[str, Plain]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": one.name, "labels": _labels(one), "annotations": _annotations(one)},
        "spec": {
            "replicas": wanted.replicas,
            "selector": {"matchLabels": {_NAME: one.name}},
            "template": {
                "metadata": {"labels": _labels(one), "annotations": _annotations(one)},
                "spec": _pod(one, wanted),
            },
        },
    }


def _pod(one: Deployed, wanted: Wanted) -> dict[str, Plain]:
    return {
        **({"imagePullSecrets": [{"name": wanted.pull_secret}]} if wanted.pull_secret else {}),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "securityContext": {**_user(one), "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [_container(one)],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }


def _user(one: Deployed) -> dict[str, Plain]:
    """By number alone a cluster knows that it is not root."""
    if one.is_root or one.uid is None:
        return {}
    return {"runAsNonRoot": True, "runAsUser": one.uid}


def _container(one: Deployed) -> dict[str, Plain]:
    tries = -(-one.init_seconds // _PERIOD_SECONDS) + 1
    amounts = {key: value for key, value in (("cpu", one.cpu), ("memory", one.memory)) if value}
    return {
        "name": one.name,
        "image": one.reference,
        "ports": [{"name": _PORT, "containerPort": one.port}],
        "startupProbe": {**_probe(one.routes.readiness), "failureThreshold": tries},
        "livenessProbe": {**_probe(one.routes.liveness, 10), "failureThreshold": 3},
        "readinessProbe": {**_probe(one.routes.readiness), "failureThreshold": 2},
        **({"resources": {"requests": amounts, "limits": amounts}} if amounts else {}),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - the container's own
    }


def _probe(route: str, seconds: int = _PERIOD_SECONDS) -> dict[str, Plain]:
    return {"httpGet": {"path": route, "port": _PORT}, "periodSeconds": seconds, "timeoutSeconds": _PERIOD_SECONDS}


def _service(one: Deployed) -> dict[str, Plain]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": one.name, "labels": _labels(one)},
        "spec": {
            "selector": {_NAME: one.name},
            "ports": [{"name": _PORT, "port": _OUTER_PORT, "targetPort": _PORT}],
        },
    }
