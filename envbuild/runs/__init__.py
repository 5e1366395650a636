"""What is remembered of runs: which command ran in exactly what, from which source, and what became of it."""

from envbuild.runs.comparing import Comparison, compared
from envbuild.runs.run import Entry, Output, Run, Snapshot, Status, entries, run_of, selected

__all__ = [
    "Comparison",
    "Entry",
    "Output",
    "Run",
    "Snapshot",
    "Status",
    "compared",
    "entries",
    "run_of",
    "selected",
]
