"""Errors as a person meets them: the line that is meant and a mark below it on a terminal, plain lines elsewhere."""

import os
import re
import stat
import sys
import textwrap
from pathlib import Path

import pytest
from support.project import Project
from support.terminal import Terminal

from envbuild.document import extent
from envbuild.errors import ManifestError, Place, Problems
from envbuild.report.errors import error_text
from envbuild.report.excerpt import excerpt
from envbuild.report.terminal import Look, cells

WIDE = Look(width=80)
_MISSPELT = "description: x\nextend: base\n"


def shown(line: str, column: int, path: str = "a.yaml", look: Look = WIDE) -> list[str]:
    return excerpt(f"{line}\n", Place(path, 1, column), look)


def test_a_terminal_shows_the_line_and_a_mark(project: Project) -> None:
    """Below a first line that an editor can follow; the hint comes last."""
    project.write("manifests/gpu.yaml", _MISSPELT)
    with project.terminal("plan") as terminal:
        assert terminal.finish() == 1
    assert terminal.lines == [
        "manifests/gpu.yaml:2:1: unknown key 'extend'",
        "    2 | extend: base",
        "      | ^^^^^^",
        "  hint: did you mean 'extends'?",
    ]


@pytest.mark.parametrize("columns", [40, 160])
def test_a_line_fits_the_terminal_that_it_is_shown_on(project: Project, columns: int) -> None:
    """Also where the answer goes elsewhere."""
    project.write("manifests/gpu.yaml", f"description: {'x' * 100}\nextend: {'y' * 100}\n")
    command = ["sh", "-c", f"{sys.executable} -m envbuild plan > /dev/null"]
    with Terminal(command, project.path, project.environ, columns=columns) as terminal:
        assert terminal.finish() == 1
    (shown,) = [line for line in terminal.lines if line.startswith("    2 | ")]
    assert len(shown) == min(columns, len("    2 | extend: ") + 100)


@pytest.mark.parametrize("env", [{}, {"CI": "1"}, {"FORCE_COLOR": "1"}, {"GITHUB_ACTIONS": "true"}])
def test_a_pipe_gets_where_what_and_how_alone(project: Project, env: dict[str, str | None]) -> None:
    """No line of the file reaches a log, in CI or coloured or not."""
    project.write("manifests/gpu.yaml", _MISSPELT)
    told = re.sub("\x1b\\[[0-9;]*m", "", project.run("plan", check=1, env=env).err).splitlines()
    assert told[:2] == ["manifests/gpu.yaml:2:1: unknown key 'extend'", "  hint: did you mean 'extends'?"]
    assert [line for line in told[2:] if not line.startswith("::error ")] == []


def test_colour_says_nothing_that_is_not_said_without(project: Project) -> None:
    """The same text in both; with colour the place is strong, the mark red, the hint quiet."""
    project.write("manifests/gpu.yaml", _MISSPELT)
    with project.terminal("plan") as coloured, project.terminal("plan", env={"NO_COLOR": "1"}) as plain:
        coloured.finish()
        plain.finish()
    assert coloured.lines == plain.lines
    assert b"\x1b[" not in plain.written
    for part in (b"\x1b[1mmanifests/gpu.yaml:2:1\x1b[0m", b"\x1b[31m^^^^^^\x1b[0m", b"\x1b[2m  hint: did"):
        assert part in coloured.written


@pytest.mark.parametrize(
    ("text", "column", "marked"),
    [
        ("extend: base", 1, "extend"),
        ("a: 'x: y'  # z", 4, "'x: y'"),
        ("a: x y  # z", 4, "x y"),
        ("a: [b, {c: d}] # z", 4, "[b, {c: d}]"),
        ("a: [b, {c: d}]", 8, "{c: d}"),
        ("a: [b, c]", 8, "c"),
        ("- !raw 'x'", 3, "!raw 'x'"),
        ("a: |\n  text", 4, "|"),
        ("a: 'x\n  y'", 4, "'x"),
        ("a: &b c", 4, "&b c"),
        ("日本: x", 1, "日本"),
        ("a: x", 2, ""),
        ("a: {b", 1, "a"),
        ("\tx: [", 1, ""),
    ],
)
def test_the_whole_value_is_marked(text: str, column: int, marked: str) -> None:
    """As far as YAML itself says that it reaches, on its line; nothing where no value begins."""
    line = text.split("\n", maxsplit=1)[0]
    assert line[column - 1 : column - 1 + extent(text, 1, column)] == marked


@pytest.mark.parametrize(
    ("line", "column", "below"),
    [
        ("\tx: y", 2, "    ^"),
        ("日本: [🎉, b]", 5, "      ^^^^^^^"),
        ("日本: [🎉, b]", 9, "           ^"),
        ("e\u0301e\u0301: x", 6, "   ^"),
        ("a\u200e: x", 5, "         ^"),
    ],
)
def test_the_mark_stands_under_the_right_cell(line: str, column: int, below: str) -> None:
    """Tabs, wide and combining characters, emoji, and what is shown by its name."""
    text, mark = (one[8:] for one in shown(line, column))
    assert mark == below
    assert not {"\t", "\u200e"} & set(text)


def test_control_characters_do_not_reach_the_terminal(project: Project) -> None:
    """A file may hold what it likes: it is shown by name."""
    (project.path / "manifests").mkdir()
    (project.path / "manifests/a.yaml").write_bytes(b"name: \x1b[31mred\x1b[0m\n")
    with project.terminal("plan", env={"NO_COLOR": "1"}) as terminal:
        assert terminal.finish() == 1
    assert b"\x1b" not in terminal.written
    assert "    1 | name: \\u001b[31mred\\u001b[0m" in terminal.lines
    assert "      |       ^^^^^^" in terminal.lines


@pytest.mark.parametrize("width", [20, 40, 80])
@pytest.mark.parametrize("column", [1, 4, 57, 300, 597])
def test_long_lines_are_cut_around_the_mark(width: int, column: int) -> None:
    """Both lines fit, the mark is under what it means, and what was cut left its sign."""
    line = f"{'ab: ' * 149}end"
    text, mark = excerpt(line, Place("x.txt", 1, column), Look(width=width))
    assert cells(text) <= width
    assert cells(mark) <= width
    assert "…" in text
    if column > 1:
        assert text[len(mark) - 1] == line[column - 1]


def test_a_line_of_a_megabyte_is_no_burden() -> None:
    """Only what can be seen is looked at closely."""
    line = "x" * 500_000 + ": y"
    text, mark = shown(line, 500_003)
    assert text.endswith("x: y")
    assert mark[8:].strip() == "^"


def test_no_password_is_shown(project: Project) -> None:
    """What stands before a host is hidden, and the mark stays where it belongs."""
    project.write("manifests/a.yaml", "pip: {index_url: 'https://joe:s3cret@host/x', nope: 1}\n")
    with project.terminal("plan", columns=90) as terminal:
        assert terminal.finish() == 1
    assert "s3cret" not in terminal.text
    line = terminal.lines.index("    1 | pip: {index_url: 'https://***@host/x', nope: 1}")
    assert terminal.lines[line + 1] == f"      | {' ' * 17}{'^' * 20}"
    again = terminal.lines.index("    1 | pip: {index_url: 'https://***@host/x', nope: 1}", line + 1)
    assert terminal.lines[again + 1] == f"      | {' ' * 39}^^^^"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_files_are_read_as_they_are(project: Project, encoding: str) -> None:
    """With a byte order mark, in UTF-16, with CR LF."""
    (project.path / "manifests").mkdir()
    (project.path / "manifests/a.yaml").write_bytes("tags: {}\r\nextend: é\r\n".encode(encoding))
    with project.terminal("plan") as terminal:
        terminal.finish()
    assert terminal.lines[1:3] == ["    2 | extend: é", "      | ^^^^^^"]


def test_what_stands_elsewhere_is_shown_as_well(project: Project) -> None:
    """Settings, requirement files and templates."""
    project.write("envbuild.yaml", "bulder: local\n")
    project.write("manifests/a.yaml", "dependencies:\n  - pip: ['-r r.txt']\n")
    project.write("manifests/r.txt", "alpha\n  scipy=1.4.1  # why\n")
    project.write("templates/x.j2", "one\n  {{ nope }}\n{% if %}\n")
    with project.terminal("check") as settings:
        settings.finish()
    assert settings.lines[1:3] == ["    1 | bulder: local", "      | ^^^^^^"]
    project.write("envbuild.yaml", "")
    with project.terminal("check") as terminal:
        terminal.finish()
    for line, mark in (("2 |   scipy=1.4.1  # why", "  ^^^^^^^^^^^"), ("3 | {% if %}", "^^^^^^^^")):
        at = terminal.lines.index(f"    {line}")
        assert terminal.lines[at + 1] == f"      | {mark}"


def test_a_file_that_is_gone_or_was_changed_is_not_shown() -> None:
    """The words are told all the same."""
    error = ManifestError("wrong", Place("a.yaml", 7, 3), "mend it")
    told = "a.yaml:7:3: wrong\n  hint: mend it"
    for text in (None, "", "one line\n", "\n" * 9):
        assert error_text(error, WIDE, {"a.yaml": text}.get) == told


def test_a_file_that_was_changed_since_is_not_shown(project: Project) -> None:
    """Its lines are others by now, perhaps: a date after our beginning is enough to leave them out."""
    path = project.write("manifests/gpu.yaml", _MISSPELT)
    os.utime(path, (4_000_000_000, 4_000_000_000))
    with project.terminal("plan") as terminal:
        terminal.finish()
    assert terminal.lines == ["manifests/gpu.yaml:2:1: unknown key 'extend'", "  hint: did you mean 'extends'?"]


def test_many_problems_are_all_told_and_counted() -> None:
    """The lines of the first twenty are shown; the last line is the sum."""
    text = "".join(f"k{number}: x\n" for number in range(1, 213))
    problems = Problems(ManifestError("wrong", Place("a.yaml", number, 1), "mend it") for number in range(1, 213))
    lines = error_text(problems, WIDE, lambda _path: text).splitlines()
    assert sum(line.endswith(": wrong") for line in lines) == 212
    assert sum(line.endswith("^") for line in lines) == 20
    assert lines[-1] == "212 problems in 1 file."
    assert "problems in" not in error_text(problems)


def test_lines_of_a_message_stand_below_the_mark() -> None:
    """They are indented, so that none looks like another problem."""
    error = ManifestError("wrong\na.yaml:9:9: forged\n  more", Place("a.yaml", 1, 1), "mend it")
    assert error_text(error, WIDE, lambda _path: "k: x").splitlines() == [
        "a.yaml:1:1: wrong", "    1 | k: x", "      | ^", "    a.yaml:9:9: forged", "      more", "  hint: mend it",
    ]  # fmt: skip


def test_notes_of_check_are_shown_with_their_lines(project: Project) -> None:
    """Each with -v on a terminal; folded they are one line a kind."""
    project.write("manifests/a.yaml", "dependencies:\n  - python =3.11\n  - wincertstore  # [win]\n")
    with project.terminal("check", "-v") as terminal:
        assert terminal.finish() == 0
    at = next(number for number, line in enumerate(terminal.lines) if "comment-selector" in line)
    assert "    3 |   - wincertstore  # [win]" in terminal.lines[at:]
    with project.terminal("check") as folded:
        folded.finish()
    assert " | " not in folded.text


# Python reads a sitecustomize before all else: the way to break what we stand on, without touching a line of ours.
_BROKEN = """
    import json, os

    def dumps(*args, **options):
        raise RuntimeError("at https://joe:s3cret@host/ with " + os.environ["MY_TOKEN"])

    json.dumps = dumps
"""


@pytest.fixture
def broken(project: Project) -> Project:
    project.write("manifests/a.yaml", "variables: {A: b}\n")
    project.write("../site/sitecustomize.py", _BROKEN)
    return project


def _site(project: Project, **more: str) -> dict[str, str | None]:
    folder = project.path.parent
    (folder / "tmp").mkdir(exist_ok=True)
    return {"PYTHONPATH": str(folder / "site"), "TMPDIR": str(folder / "tmp"), "MY_TOKEN": "tok-12345", **more}


def test_a_bug_is_one_line_and_a_file(broken: Project) -> None:
    """The file holds what is needed to mend it, is its owner's alone, and tells no secret."""
    run = broken.run("apply", "--color", "never", check=1, env=_site(broken))
    line, hint = [one for one in run.err.splitlines() if "bug" in one or "hint" in one]
    found = re.fullmatch(r"error: this is a bug in envbuild \(RuntimeError\); the details are in (\S+)", line)
    assert found, run
    assert hint == "  hint: report it, and attach that file"
    path = Path(found[1])
    text = path.read_text()
    for part in ("envbuild ", "Python 3.", "platform ", "command envbuild apply --color never", "Traceback", "dumps"):
        assert part in text
    assert "s3cret" not in text + run.err
    assert "tok-12345" not in text + run.err
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_bug_in_a_thread_is_told_the_same(broken: Project) -> None:
    """A worker's traceback is kept; the others end."""
    broken.write(
        "../site/sitecustomize.py",
        "import os\n\ndef fsync(*_):\n    raise RuntimeError('worker')\n\nos.fsync = fsync\n",
    )
    broken.write(".envbuild/.gitignore", "*\n")
    run = broken.run("apply", check=1, env=_site(broken))
    kept = re.search(r"the details are in (\S+)", run.err)
    assert kept, run
    assert "RuntimeError: worker" in Path(kept[1]).read_text()


def test_a_bug_is_not_lost_without_a_place_for_it(broken: Project) -> None:
    """Then it is told in whole, below the line that says so."""
    more = "\n    import tempfile\n    tempfile.tempdir = '/proc/nowhere'\n"
    broken.write("../site/sitecustomize.py", textwrap.dedent(_BROKEN + more))
    environ = {name: value for name, value in {**broken.environ, **_site(broken)}.items() if value is not None}
    with Project(broken.path, environ).terminal("plan", "--json", columns=200, rows=100) as terminal:
        assert terminal.finish() == 1
    assert "the details could not be kept in a file (No such file or directory)" in terminal.text
    assert "Traceback" in terminal.text
    assert "s3cret" not in terminal.text


def test_what_is_for_another_program_is_not_kept(broken: Project) -> None:
    """After '--' stand that program's arguments, and perhaps its secrets."""
    run = broken.run("run", "a", "--", "curl", "-H", "key: 98765", check=1, env=_site(broken))
    kept = re.search(r"the details are in (\S+)", run.err)
    assert kept, run
    text = Path(kept[1]).read_text()
    assert "command envbuild run a -- …" in text
    assert "98765" not in text
