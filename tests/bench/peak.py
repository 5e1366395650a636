"""The most memory that a command used, told by a process that is small itself: `python peak.py FILE COMMAND…`.

What a process starts begins with that process's own peak, and the one that measures all the rest is large.
"""

import os
import subprocess
import sys
from pathlib import Path

_UNIT = 1 if sys.platform == "darwin" else 1024


def main(file: str, *command: str) -> int:
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    Path(file).write_text(str(usage.ru_maxrss * _UNIT))
    return process.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
