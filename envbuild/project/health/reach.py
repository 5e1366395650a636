"""Whether what lies beyond this machine answers: the package index, and the registries that images go to."""

import re
import sys
from collections.abc import Mapping
from typing import Literal

from envbuild import registry
from envbuild.project.front import Project
from envbuild.solvers.uv import Uv, host_indexes

Found = tuple[Literal["ok", "note", "failed"], str, str]

_PUBLIC = "https://pypi.org/simple"
_ASKED_FOR = "pip"
_ABSENT = re.compile(r"was not found in|there are no versions of|is not in the")
_REFUSED = re.compile(r"\b(401|403)\b|[Uu]nauthorized|[Ff]orbidden")


def index(uv: Uv, host: Mapping[str, str]) -> Found:
    """Ask uv, which knows proxies, certificates and credentials; that it lacks the package is an answer, too."""
    found = host_indexes(host)
    shown = ", ".join(one.url for one in (found.default, *found.extra) if one) or _PUBLIC
    source = uv.request_file(f"{_ASKED_FOR}\n")
    ran = uv.run(["pip", "compile", "--no-cache", "--no-deps", "--quiet", "--python", sys.executable, source])
    if not ran.code or (_ABSENT.search(ran.errors) and not _REFUSED.search(ran.errors)):
        return "ok", shown, ""
    if _REFUSED.search(ran.errors):
        return "failed", f"{shown} refuses the credentials", "set those of uv or pip for this index"
    causes = [line.strip(" ╰─▶├│·") for line in ran.errors.splitlines() if line.strip()]
    return (
        "failed",
        f"{shown} does not answer: {causes[-1] if causes else ran.code}",
        ("check the network, HTTPS_PROXY and SSL_CERT_FILE, or set UV_DEFAULT_INDEX; '--offline' leaves this out"),
    )


def registries(project: Project, host: Mapping[str, str]) -> Found:
    settings = project.settings
    names = settings.publish.registries or (() if settings.registry is None else (settings.registry,))
    servers = sorted({name.partition("/")[0] for name in names})
    if not servers:
        return "ok", "none named", ""
    bundle = str(project.root / settings.ca_bundle) if settings.ca_bundle else ""
    plain = set(settings.insecure_registries)
    complaints = {
        server: registry.complaint(server, host, plain=server in plain, ca_bundle=bundle) for server in servers
    }
    wrong = "; ".join(f"{server}: {why}" for server, why in complaints.items() if why)
    if wrong:
        return "failed", wrong, "check its name in 'publish', the network, and 'insecure_registries'"
    return "ok", f"{', '.join(servers)} answers" if len(servers) == 1 else f"{', '.join(servers)} answer", ""
