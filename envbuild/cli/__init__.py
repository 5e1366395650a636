"""The command line: the only room that prints. One small module per command, imported when it is called."""

import gc
import os
import sys

from envbuild.cli import interrupts, streams
from envbuild.version import __version__

COMPLETE = "_ENVBUILD_COMPLETE"
_ALLOCATIONS = 50_000  # between two looks for garbage: nearly all that is made here stays, and looking takes a tenth


def main() -> None:
    try:
        _main()
    except KeyboardInterrupt:  # while what does the work was still being loaded: from then on it says more
        os.write(2, b"interrupted\n")
        sys.exit(130)


def _main() -> None:
    interrupts.come_again()
    interrupts.hear_children()
    streams.open_closed()
    if sys.argv[1:] == ["--version"]:  # the answer to a script's first question, without loading anything
        sys.exit(streams.told(f"envbuild {__version__}"))
    if shell := os.environ.get(COMPLETE):  # somebody has pressed Tab and waits
        from envbuild.cli.glance import answer

        answer(shell, sys.argv[1:])
        return
    from envbuild.cli import again

    code, moment = None, None
    said = {*sys.argv[: sys.argv.index("--") if "--" in sys.argv else None]}
    if "run" in said and not {"apply", "lock", "plan"} & said:
        from envbuild.cli import atonce

        code, moment = atonce.answer(sys.argv[1:])
    elif {"apply", "lock", "plan"} & said:
        code, moment = again.answer(sys.argv[1:])
    if code is None:
        gc.set_threshold(_ALLOCATIONS)
        from envbuild.cli.app import run

        code = run(sys.argv[1:], moment)
    streams.end(code)
