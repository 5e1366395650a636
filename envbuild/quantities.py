"""Amounts of processors and memory, as Kubernetes writes them."""

import re

_UNITS = {
    "": 1, "k": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4, "P": 1000**5, "E": 1000**6,
    "Ki": 1024, "Mi": 1024**2, "Gi": 1024**3, "Ti": 1024**4, "Pi": 1024**5, "Ei": 1024**6,
}  # fmt: skip
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)([KMGTPE]i|[kMGTPE])?")
_MILLI, _NANO = 1000, 1_000_000_000


def bytes_of(text: str) -> int:
    """Of a size; none of what is no size."""
    found = _QUANTITY.fullmatch(text)
    return int(float(found[1]) * _UNITS[found[2] or ""]) if found else 0


def nanos_of(text: str) -> int:
    """Billionths of a processor."""
    return int(text.removesuffix("m")) * (_NANO // _MILLI) if text.endswith("m") else int(float(text) * _NANO)
