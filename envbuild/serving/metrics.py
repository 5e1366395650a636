"""What is counted, in the text format of Prometheus."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        self.in_flight = 0
        self.restarts: Counter[str] = Counter()
        self._within = [0] * (len(_BOUNDS) + 1)
        self._seconds = 0.0

    def scored(self, seconds: float) -> None:
        self._within[bisect_left(_BOUNDS, seconds)] += 1
        self._seconds += seconds

    def text(self, workers: Mapping[str, int], waiting: int) -> str:
        return "".join(f"{one}\n" for one in self._lines(workers, waiting))

    def _lines(self, workers: Mapping[str, int], waiting: int) -> Iterator[str]:
        yield from _about("requests_total", "counter", "Requests answered, by route and status.")
        for (route, status), count in sorted(self.requests.items()):
            yield f'envbuild_requests_total{{route="{route}",status="{status}"}} {count}'
        yield from _about("scoring_seconds", "histogram", "How long scoring requests took, waiting included.")
        total = 0
        for bound, count in zip((*_BOUNDS, "+Inf"), self._within, strict=True):
            total += count
            yield f'envbuild_scoring_seconds_bucket{{le="{bound}"}} {total}'
        yield f"envbuild_scoring_seconds_sum {self._seconds:.6f}"
        yield f"envbuild_scoring_seconds_count {total}"
        yield from _about("requests_in_flight", "gauge", "Scoring requests that are not answered yet.")
        yield f"envbuild_requests_in_flight {self.in_flight}"
        yield from _about("requests_waiting", "gauge", "Those of them that wait for a worker.")
        yield f"envbuild_requests_waiting {waiting}"
        yield from _about("workers", "gauge", "Workers, by what they are at.")
        for state, count in workers.items():
            yield f'envbuild_workers{{state="{state}"}} {count}'
        yield from _about("worker_restarts_total", "counter", "Workers that had to be started again, by why.")
        for why in ("died", "timed out", "not ready"):
            yield f'envbuild_worker_restarts_total{{why="{why}"}} {self.restarts[why]}'


def _about(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP envbuild_{name} {text}"
    yield f"# TYPE envbuild_{name} {kind}"
