"""Any text at all through the whole reading line: a value or a plain error, whose places lie within the text."""

import os
from collections import Counter
from pathlib import Path

import pytest
from support.texts import Texts

from envbuild.document import parse
from envbuild.errors import EnvbuildError
from envbuild.manifest import manifest
from envbuild.project import Project, Selection, check
from envbuild.report.looking import explain_json, explain_text
from envbuild.resolve import Environment, explain, resolved_text
from envbuild.settings import Settings

FULL, TENTH = 200_000, 20_000
COUNT = FULL if os.environ.get("ENVBUILD_TEST_FULL") == "1" else TENTH
CHUNK = 1_000
PARENT = """\
abstract: true
params: {one: text, two: "{{ params.one }}2"}
variables: {A: "{{ params.two }}", B: {prepend: [x]}}
dependencies: [numpy =1, {pip: [alpha==1]}]
image: {apt: [git], build: [{command: make, id: a}]}
"""
ROW = {"manifests/r.yaml": PARENT}


class Line:
    """A project of one parent and of one manifest after another; files are small, and memory is not the disk."""

    def __init__(self, folder: Path) -> None:
        (folder / "manifests").mkdir()
        (folder / "manifests/r.yaml").write_text(PARENT)
        self._folder = folder
        self._k = folder / "manifests/k.yaml"

    def through(self, text: str) -> str:
        """What came of a text: how many environments, or the kind of the first problem."""
        self._k.write_bytes(text.encode("utf-8", "surrogatepass"))
        project = Project.load(self._folder)
        try:
            checked = check(project, Selection(("k",)))
        except EnvbuildError as error:
            problems = error.problems
        else:
            problems = tuple(one for error in checked.errors for one in error.problems)
            assert all(note.hint and note.message for note in checked.notes), text
        for problem in problems:
            self._within(problem, text)
        if problems:
            return type(problems[0]).__name__
        found = project.environments(Selection(("k",)))
        for one in found:
            self._shown(one, project.settings)
        return "cells" if len(found) > 1 else "environment"

    def _within(self, problem: EnvbuildError, text: str) -> None:
        """Its place is one that an editor can go to, and message and hint say something."""
        assert problem.message, text
        assert problem.hint, (problem.message, text)
        if problem.where is None or not problem.where.line:
            assert problem.exit_code == 64 or "also named" in problem.message, (str(problem), text)
            return
        stated = {**ROW, "manifests/k.yaml": text}[problem.where.path]
        lines = stated.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
        assert 1 <= problem.where.line <= len(lines), (str(problem), text)
        assert 1 <= problem.where.column <= len(lines[problem.where.line - 1]) + 1, (str(problem), text)

    def _shown(self, one: Environment, settings: Settings) -> None:
        rows = explain(one, settings)
        assert explain_text(rows)
        assert explain_json(rows)
        again = resolved_text(one)
        assert manifest(one.name, parse(one.path, again.encode()), lambda *_: b"").path == one.path


@pytest.mark.parametrize("start", range(0, COUNT, COUNT // 4))
def test_any_text_is_read_or_refused(tmp_path: Path, start: int) -> None:
    """No traceback for any of them; enough of them are read to the end, and enough refused by each room."""
    tried: Counter[str] = Counter()
    line = Line(tmp_path)
    for seed in range(start, start + COUNT // 4, CHUNK):
        texts = Texts(seed)
        for at in range(CHUNK):
            text = texts.text()
            try:
                tried[line.through(text)] += 1
            except Exception as error:
                error.add_note(f"seed {seed}, text {at}: {text!r}")
                raise
    print(f"generated YAML: {tried.total()} texts, {dict(tried)}")  # noqa: T201
    assert min(tried[kind] for kind in ("environment", "cells", "DocumentError", "ManifestError", "ResolveError")) > 3
