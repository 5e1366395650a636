"""`system_requirements`: what a platform has to offer, checked word by word."""

import re
from collections.abc import Iterator

from envbuild.document import Mapping, Scalar, Value, is_null
from envbuild.errors import EnvbuildError, ManifestError
from envbuild.shape import is_rendered

_VERSION = r"[0-9]+(\.[0-9]+)*"
_WORDS = {
    "cuda": (_VERSION, "write the newest CUDA that the driver supports: '12.4'"),
    "libc": (rf"(glibc |musl )?{_VERSION}", "write the version of glibc: '2.28', or 'musl 1.2'"),
    "linux": (_VERSION, "write the version of the kernel: '5.10'"),
    "macos": (_VERSION, "write the version of the system: '13.0'"),
    "archspec": (r"[a-z][a-z0-9_]*", "write a microarchitecture: 'x86_64_v3'"),
}


def system_problems(stated: Value | None) -> Iterator[EnvbuildError]:
    """What says no version; what Jinja is to write is looked at when it has written it."""
    entries = stated.entries if isinstance(stated, Mapping) else {}
    for key, entry in entries.items():
        node, (pattern, hint) = entry.value, _WORDS.get(key, ("", ""))
        if not pattern or not isinstance(node, Scalar) or is_null(node) or is_rendered(node):
            continue
        if not re.fullmatch(pattern, node.text):
            yield ManifestError(f"'{node.text}' is no version of {key}", node.place, hint)
