"""The kinds of failure that builds of images know: how each is told from what was said, and what mends it."""

import re
from collections.abc import Sequence

import msgspec


class Kind(msgspec.Struct, frozen=True):
    name: str
    hint: str
    signs: tuple[str, ...]

    def is_told_by(self, line: str) -> bool:
        return any(re.search(sign, line, re.IGNORECASE) for sign in self.signs)


PASSING = "registry"
_WARNING = re.compile(r"\s*warning\b", re.IGNORECASE)
# The first that fits: what does not reach the network finds no package either.
KINDS = (
    Kind(
        "space",
        "make room where Docker keeps its data: 'docker system df' shows what takes it, 'docker buildx prune' frees it",
        (r"no space left on device", r"disk quota exceeded"),
    ),
    Kind(
        "memory",
        "give Docker more memory, for the want of which it was most likely killed, or build fewer at once (--jobs 1)",
        (r"exit code: 137\b", r"signal: killed", r"cannot allocate memory", r"ResourceExhausted"),
    ),
    Kind(
        "emulation",
        "install emulation (binfmt, qemu), without which programs of that platform do not run, or build where they do",
        (r"exec format error",),
    ),
    Kind(
        "secret",
        "name it under 'secrets' in envbuild.yaml, and in 'image.secrets' of the environment",
        (r"secret \S+: not found",),
    ),
    Kind(
        "syntax",
        "correct the Dockerfile, or the template that it comes from",
        (
            r"dockerfile parse error",
            r"unknown instruction",
            r"file with no instructions",
            r"no build stage",
            r"unterminated heredoc",
        ),
    ),
    Kind(
        "certificate",
        "name your network's certificates as 'ca_bundle' in envbuild.yaml; a registry's have to be trusted by Docker",
        (
            r"certificate.verify.failed",
            r"x509: ",
            r"local issuer certificate",
            r"SSL certificate problem",
            r"NOT trusted",
        ),
    ),
    Kind(
        "plain http",
        "name the registry in 'insecure-registries' of the engine's configuration, if it is to speak plain HTTP",
        (r"server gave HTTP response to HTTPS client", r"first record does not look like a TLS handshake"),
    ),
    Kind(
        "rate",
        "log in ('docker login'), use a mirror, or wait: the registry counts what is asked of it",
        (r"toomanyrequests", r"too many requests", r"rate limit"),
    ),
    Kind(
        "network",
        "look at the proxy, at the DNS of Docker, and at the host's name: the network of the build does not lead there",
        (
            *(r"no such host", r"Temporary failure (in name )?resol", r"Could not resolve host", r"bad address"),
            *(r"Name or service not known", r"Network is unreachable", r"No route to host", r"connection refused"),
            *(r"connection timed out", r"i/o timeout", r"server misbehaving", r"Failed to establish a new connection"),
            *(r"dns error", r"Could not connect to "),
        ),
    ),
    Kind(
        "login",
        "log in there ('docker login HOST'), or give the step the secret that it needs",
        (
            *(r"(pull|push|requested) access .*denied", r"insufficient_scope", r"no basic auth credentials"),
            *(r"authorization failed", r"authentication required", r"unauthorized", r"denied: ", r"User for \S+:"),
            *(r"\b40[13] (Client Error|Unauthorized|Forbidden)", r"status( code)?:? 40[13]\b", r"40[13] Error"),
        ),
    ),
    Kind(
        "image",
        "look at the name of the image, at its tag, and whether it has this platform",
        (
            *(r"manifest unknown", r"resolve source metadata for .*: not found", r"no match for platform in manifest"),
            *(r"repository does not exist", r"invalid reference format"),
        ),
    ),
    Kind(
        "hash",
        "see who serves it, then run 'envbuild lock --upgrade' for it: what is served is not what was locked",
        (r"DO NOT MATCH THE HASHES", r"hash mismatch", r"Hash Sum mismatch", r"checksum mismatch"),
    ),
    Kind(
        "package",
        "look at its name, and where it is to come from",
        (
            *(r"Unable to locate package", r"has no installation candidate", r"Version '\S+' for '\S+' was not found"),
            *(r"No matching distribution found", r"No solution found when resolving", r"PackagesNotFoundError"),
            *(r"Could not solve for environment specs", r"nothing provides \S+"),
        ),
    ),
    Kind(
        "file",
        "look at 'copy', and at the .dockerignore: the folder of the build has no such file",
        (r"failed to calculate checksum of ref .*: not found", r"lstat \S+: no such file"),
    ),
    Kind("command", "install what brings it: the image has no such command", (r"exit code: 127\b",)),
    Kind(
        PASSING,
        "try again later: the registry has failed, not what was asked of it",
        (r"HTTP status: 5\d\d", r"\b50[0-4] (Internal|Bad|Service|Gateway)"),
    ),
    Kind(
        "engine",
        "look whether Docker and the registry run, and try again: one of them ended in the middle",
        (
            *(r"Cannot connect to the Docker daemon", r"error reading from server", r"code = Unavailable"),
            *(r"connection reset by peer", r"broken pipe", r"\bEOF$", r"closed network connection"),
        ),
    ),
)


def known(errors: Sequence[str], lines: Sequence[str]) -> tuple[Kind | None, str]:
    """Which kind it is, by what BuildKit and the step said, and what tells it: of many lines the last one.

    A warning on the way may show the kind, and is not what a step ended with.
    """
    for kind in KINDS:
        for line in (*errors, *reversed(lines)):
            if kind.is_told_by(line):
                return kind, "" if _WARNING.match(line) else line.strip()
    return None, ""
