"""The same requests to rattler, through envbuild's own questions and bare, in one process where all is loaded and read.

`python -m tests.bench.insolve CHANNEL DIR PLATFORM` asks for each environment of the project in DIR, in turns, and
writes the medians of both sides, in seconds for one request, to DIR/.bench/solved.json.
"""

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rattler import Gateway, RepoDataRecord

from envbuild.lock import Pin, Request
from envbuild.project import Prepared, Project, Selection
from envbuild.solvers.channels import View
from envbuild.solvers.conda import CondaQuestion

from . import barelock

_ROUNDS = 15


def main(channel: str, folder: Path, platform: str) -> dict[str, float]:
    project = Project.load(folder)
    prepared = project.to_lock(Selection())
    view = View(project.rattler, [_request(one) for one in prepared])
    gateway = Gateway(cache_dir=folder / ".bench" / "repodata", default_config=barelock.SOURCES)
    loop = asyncio.new_event_loop()

    def ours(one: Prepared) -> tuple[Pin, ...]:
        return CondaQuestion(view, _request(one), one.environment).answer(None)

    def theirs(one: Prepared) -> list[RepoDataRecord]:
        return loop.run_until_complete(barelock.solved(gateway, channel, platform, _request(one).conda_roots))

    for one in prepared:
        found, wanted = {pin.url for pin in ours(one)}, {record.url for record in theirs(one)}
        if found != wanted:
            raise SystemExit(f"{one.environment.name}: envbuild and rattler do not agree")
    taken = [[(_timed(ours, one), _timed(theirs, one)) for one in prepared] for _ in range(_ROUNDS)]
    rounds = [tuple(sum(side) / len(prepared) for side in zip(*one, strict=True)) for one in taken]
    return {name: statistics.median(one[at] for one in rounds) for at, name in enumerate(("ours", "theirs"))}


def _request(one: Prepared) -> Request:
    return one.locked.requests[0]


def _timed(ask: Callable[[Prepared], object], one: Prepared) -> float:
    start = time.perf_counter()
    ask(one)
    return time.perf_counter() - start


if __name__ == "__main__":
    place = Path(sys.argv[2])
    (place / ".bench" / "solved.json").write_text(json.dumps(main(sys.argv[1], place, sys.argv[3])))
    os._exit(0)  # a thread of rattler that is still at work would break while Python ends
