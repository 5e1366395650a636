"""`envbuild export` for those who use an environment: shells, editors."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from envbuild.cli.options import Common
from envbuild.cli.problems import tell_notes
from envbuild.errors import UsageError
from envbuild.interop.exports import USES

if TYPE_CHECKING:
    from envbuild.interop.exports.used import Used


def leave(common: Common, environment: str, output: str, options: dict[str, Any]) -> int:
    """Standard output has the main file; with `-o` that is written, and what it names beside it."""
    from envbuild.cli.progress import patience
    from envbuild.interop.exports.used import used

    use = options["format"]
    target = Path(output) if output not in {"", "-"} else None
    with patience(common, "reading manifests"):
        found = used(common.project(), use, environment, target, options)
    if target:
        _write(target, found, force=options["force"])
    _tell(common, use, output if target else "", found)
    return 0


def _write(target: Path, found: "Used", *, force: bool) -> None:
    from envbuild.workspace import write_whole

    if target.exists() and not (force or found.merges or _is_ours(target, found)):
        raise UsageError(f"'{target}' is there already", hint="choose another file, or say '--force' to write over it")
    for name, text in found.files.items():
        write_whole(target.parent / name, text)
    write_whole(target, found.text)


def _is_ours(target: Path, found: "Used") -> bool:
    try:
        data = target.read_bytes()
    except OSError:
        return False
    return data == found.text.encode() or (bool(found.mark) and found.mark.encode() in data)


def _tell(common: Common, use: str, file: str, found: "Used") -> None:
    from envbuild.report.exports import Told, exported_json, written_text
    from envbuild.written import clean

    tell_notes(common, found.notes)
    told = Told(found.name, found.version, use, found.platforms, found.text, file, found.files)
    if common.json:
        common.out(exported_json(told, found.notes))
    elif file:
        common.out(written_text(told, USES[use][0]))
    else:
        common.document(clean(found.text).removesuffix("\n"))
