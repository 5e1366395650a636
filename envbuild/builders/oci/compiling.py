"""Run by a Python of any version, apart from us: modules -> bytecode. Nothing of a package is imported or run."""

import importlib.util
import json
import marshal
import sys
import warnings
from pathlib import Path

_CHECKED = (0b11).to_bytes(4, "little")  # Python holds the source against the hash of it, whatever its time
_NO_PYTHON = (SyntaxError, ValueError, RecursionError, OverflowError, MemoryError)


def compiled(source: bytes, shown: str) -> bytes:
    """As Python would write it, but for times: the same bytes of the same source, whenever and in whatever order."""
    code = compile(source, shown, "exec", dont_inherit=True, optimize=0)
    return importlib.util.MAGIC_NUMBER + _CHECKED + importlib.util.source_hash(source) + marshal.dumps(code)


def main() -> None:
    """Each line asks for one: [source, the path that it will have, where its bytecode goes]."""
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        path, shown, out = json.loads(line)
        try:
            code = compiled(Path(path).read_bytes(), shown)
        except _NO_PYTHON:
            continue
        Path(out).write_bytes(code)


if __name__ == "__main__":
    main()
