"""The benchmark's own parts: the projects it makes are the same everywhere, sound, and measured in turns."""

import hashlib
import http.client
import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support.condafleet import write_fleet

from bench import bake, bare, channels, fleet, generate, index, rows
from bench.__main__ import Row, as_table
from bench.fleet import Package, Shape
from bench.process import CommandError, Run, place
from bench.rows import Answer, Question

_SHAPE = Shape(environments=60, kinds=7)


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _written(folder: Path, shape: Shape) -> dict[str, bytes]:
    generate.write(folder, shape)
    return _bytes(folder)


def _fetched(url: str, relative: str) -> tuple[str | None, bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    try:
        connection.request("GET", urlsplit(url).path + relative)
        reply = connection.getresponse()
        return reply.headers["Cache-Control"], reply.read()
    finally:
        connection.close()


def test_equal_shapes_are_equal_bytes_and_another_seed_is_not(tmp_path: Path) -> None:
    """Two runs can be compared only if they measured the same project."""
    first = _written(tmp_path / "a", _SHAPE)
    assert first == _written(tmp_path / "b", _SHAPE)
    assert first != _written(tmp_path / "c", replace(_SHAPE, seed=1))


@pytest.mark.parametrize(("depth", "width"), [(1, 1), (2, 1), (4, 6), (7, 9)])
def test_every_environment_has_an_order(depth: int, width: int) -> None:
    """Python linearises classes by the same rule, and refuses those that have no order."""
    classes: dict[str, type] = {}
    for one in fleet.manifests(Shape(200, depth=depth, width=width, kinds=50)):
        classes[one.name] = type(one.name, tuple(classes[parent] for parent in one.extends), {})
    assert len(classes) == 200 + 1 + (depth - 1) * width


def test_only_kinds_differ_in_content() -> None:
    """What is locked and built is as many things as there are kinds, and each has a file of its own."""
    real = [one for one in fleet.manifests(_SHAPE) if not one.abstract]
    assert len({(one.extends, one.packages, tuple(one.variables.items()), one.without) for one in real}) == 7
    assert len({one.description for one in real}) == len({one.name for one in real}) == 60


def test_whatever_is_asked_for_is_in_the_index() -> None:
    """An environment that cannot be solved would measure an error."""
    offered = {package.name for package in fleet.packages(_SHAPE)}
    asked = {spec.split()[0] for one in fleet.manifests(_SHAPE) for spec in one.packages}
    needed = {need.split(">")[0] for package in fleet.packages(_SHAPE) for need in package.requires}
    assert asked | needed <= offered


def test_the_index_is_the_same_bytes_and_is_served(tmp_path: Path) -> None:
    """A page links each wheel with its hash, and lets clients keep what they got."""
    packages = [Package("bench-a"), Package("bench-b", ("bench-a>=1.0",))]
    for name in ("one", "two"):
        index.write(tmp_path / name, packages, modules=3)
    assert _bytes(tmp_path / "one") == _bytes(tmp_path / "two")
    with index.served(tmp_path / "one") as url:
        kept, page = _fetched(url, "bench-b/")
        file, digest = page.decode().split('href="')[1].split('"')[0].split("#sha256=")
        assert kept == "max-age=600"
        assert hashlib.sha256(_fetched(url, f"bench-b/{file}")[1]).hexdigest() == digest


def test_targets_are_the_environments(tmp_path: Path) -> None:
    """Bake prints as many targets as there are environments, each with its parents among the targets."""
    bake.write(tmp_path / bake.FILE, _SHAPE)
    found = json.loads((tmp_path / bake.FILE).read_text())
    assert len(found["group"]["default"]["targets"]) == 60
    assert {parent for one in found["target"].values() for parent in one["inherits"]} <= found["target"].keys()


def test_the_bare_script_sees_a_change(tmp_path: Path) -> None:
    """It is a yardstick only if it does what a no-op plan must."""
    generate.write(tmp_path, Shape(3, depth=1))
    script = [sys.executable, bare.__file__, str(tmp_path)]
    subprocess.run([*script, "--write"], check=True)
    assert subprocess.run(script, check=False).returncode == 0
    (tmp_path / "manifests" / "parents" / "ground.yaml").write_text("abstract: true\n")
    assert subprocess.run(script, check=False).returncode == 1


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    """Manifests of two projects in one folder would be neither."""
    (tmp_path / "notes").touch()
    command = [sys.executable, "-m", "tests.bench.generate", str(tmp_path), "--environments", "1"]
    ran = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, check=False)
    assert (ran.returncode, sorted(path.name for path in tmp_path.iterdir())) == (1, ["notes"])
    assert b"holds something else" in ran.stderr


def test_sides_run_in_turns() -> None:
    """A machine that slows down meanwhile slows both sides."""
    order = ""

    def side(name: str) -> Callable[[], Run]:
        def once() -> Run:
            nonlocal order
            order += name
            return Run(float(len(order)))

        return once

    first, second = rows.in_turns(side("a"), side("b"), budget=0)
    assert order == "ababab"
    assert [one.seconds for one in first] == [1, 3, 5]
    assert [one.seconds for one in second] == [2, 4, 6]


def test_the_memory_of_a_command_is_its_own(tmp_path: Path) -> None:
    """What the process that measures holds is not counted."""
    ballast = bytearray(256 << 20)
    ballast[:: 1 << 12] = bytes([1]) * len(ballast[:: 1 << 12])
    assert 8 << 20 < place(tmp_path).peak("--version") < len(ballast) // 2


def test_a_command_that_fails_says_how(tmp_path: Path) -> None:
    """The last lines of its standard error are all that one has to go by."""
    with pytest.raises(CommandError, match=r"exit code 3: .*(?s:.)*out of paper"):
        place(tmp_path).run(
            sys.executable, "-c", "raise SystemExit(print('out of paper', file=__import__('sys').stderr) or 3)"
        )


def test_the_table() -> None:
    """Everything that was measured, missed, failed or left out is said."""

    def question(what: str, reach: float, unit: str = "x") -> Question:
        return Question(what, "that" if unit == "x" else "", reach, lambda _: Answer(0), unit)

    table = as_table(
        [
            Row(question("fast", 0.15), Answer(0.01, 0.5)),
            Row(question("slow", 0.15), Answer(2.0, 1.0)),
            Row(question("big", 300, "MiB"), Answer(28.5)),
            Row(question("broken", 1), problem="exit code 1: this", failed=True),
            Row(question("lonely", 1), problem=bake.INSTALL),
        ],
        [("images", "no builder")],
    )
    assert table.splitlines() == [
        "what    against  measured   reach                ours       theirs",
        "fast    that     0.0200 x   <= 0.15 x   ok       10.0 ms    500.0 ms",
        "slow    that     2.00 x     <= 0.15 x   missed   2.00 s     1.00 s",
        "big     -        28.50 MiB  <= 300 MiB  ok       28.50 MiB  -",
        "broken  that     -          <= 1 x      failed   -          -",
        "lonely  that     -          <= 1 x      skipped  -          -",
        "",
        "broken: exit code 1: this",
        "",
        "lonely: needs buildx: tests/services/install buildx",
        "",
        "Not measured: images (no builder).",
    ]


def test_what_a_bare_solver_finds_is_what_is_locked(tmp_path: Path) -> None:
    """Both sides of the row do the same work: they come to the same packages, and ours is a whole lock each time."""
    write_fleet(tmp_path / "conda-channel", versions=3)
    with channels.solving(place(tmp_path)) as (ours, theirs):
        folder = tmp_path / "conda-one"
        lock, listed = folder / "locks" / "team-00" / "env-0000.conda-lock.yml", folder / ".bench" / "explicit.txt"
        for side, written in ((ours, lock), (theirs, listed)):
            written.unlink()
            side()
        urls = {line.partition("#")[0] for line in listed.read_text().splitlines()[1:]}
        assert 30 < len(urls) < 60
        assert set(re.findall(r"^  url: (.*\.conda)$", lock.read_text(), re.MULTILINE)) == urls


def test_environments_on_a_channel_differ() -> None:
    """A twin would be copied, and measured as if it had been solved."""
    assert len({tuple(channels.specs(number)) for number in range(1000)}) == 1000
