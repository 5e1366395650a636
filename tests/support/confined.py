"""Work that may get out of hand: done in a process of its own, which is ended when it takes too much."""

import os
import subprocess
import sys
from pathlib import Path

SECONDS = 4  # of the processor, the imports among them; on a busy machine it is still the same
_BYTES = 1024 * 1024 * 1024
_LIMITS = f"""
import resource
resource.setrlimit(resource.RLIMIT_CPU, ({SECONDS}, {SECONDS}))
resource.setrlimit(resource.RLIMIT_AS, ({_BYTES}, {_BYTES}))
"""


def confined(script: str, text: str) -> str:
    """What a Python script prints that reads a text, if it ends by itself; `support` can be imported in it."""
    own = str(Path(__file__).parents[1])
    paths = os.pathsep.join(filter(None, (own, os.environ.get("PYTHONPATH"))))
    run = subprocess.run(
        [sys.executable, "-c", f"{_LIMITS}{script}"],
        input=text,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )
    told = run.stderr[-800:].strip() or "no message"
    assert run.returncode == 0, f"ended with {run.returncode} (below zero: a signal, for time or memory): {told}"
    return run.stdout
