"""What stands for interpreters on PATH without being any: pyenv's scripts, each slower to start than all of uv is."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

_SHIMS = "shims"
_SYSTEM = "system"


def without_shims(host: Mapping[str, str]) -> str:
    """PATH with the folders that these scripts would choose in place of their own."""
    return os.pathsep.join(one for entry in host.get("PATH", "").split(os.pathsep) for one in _meant(entry, host))


def _meant(entry: str, host: Mapping[str, str]) -> Iterator[str]:
    root = Path(entry).parent
    if Path(entry).name != _SHIMS or not (root / "versions").is_dir() or not (root / "version").is_file():
        yield entry
        return
    for name in _enabled(root, host):
        if folder := _folder(root / "versions", name):
            yield str(folder)


def _enabled(root: Path, host: Mapping[str, str]) -> list[str]:
    """As pyenv has it: a variable, else its own file. That of a folder means programs that are started in it."""
    said = host.get("PYENV_VERSION", "").replace(":", " ") or (root / "version").read_text(errors="replace")
    return [name for name in said.split() if name != _SYSTEM]


def _folder(versions: Path, name: str) -> Path | None:
    """Of a version in full, or of the newest that begins so."""
    full = versions / name
    found = [full] if full.is_dir() else sorted(versions.glob(f"{name}.*"), key=_number)
    return found[-1] / "bin" if found else None


def _number(path: Path) -> list[int]:
    return [int(part) if part.isdecimal() else -1 for part in path.name.split(".")]
