"""No text of a file, a name or a program moves a cursor, turns letters round or forges a line of ours."""

import json
import os
import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.project import Project, Run

from envbuild.errors import EnvbuildError, Place, Problems
from envbuild.report.columns import Column, columns
from envbuild.report.errors import error_json, error_text
from envbuild.report.terminal import PLAIN, Look, cells, one_line, wrapped
from envbuild.written import clean

_BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_BREAKS = "\u2028\u2029"
_ACTIVE = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_BREAKS}{_BIDI}\ud800-\udfff]")


def lines(run: Run) -> list[str]:
    """What a terminal shows; nothing in it may be active."""
    assert not _ACTIVE.search(run.out + run.err), run
    return (run.out + run.err).splitlines()


def test_every_control_character_and_turn_is_shown_as_what_it_is() -> None:
    """All of Unicode's control characters, breaks, turns and halves; line breaks and tabs stay."""
    assert clean("\x1b[31m\r\x9b\x07\u202e\u2028\udcff\x7f") == (
        "\\u001b[31m\\u000d\\u009b\\u0007\\u202e\\u2028\\udcff\\u007f"
    )
    assert clean("a\n\tb é 漢 😀") == "a\n\tb é 漢 😀"
    everything = "".join(map(chr, range(0x11000)))
    shown = clean(everything)
    assert not _ACTIVE.search(shown)
    kept = [one for one in everything if unicodedata.category(one) not in {"Cc", "Cs"} and not _ACTIVE.match(one)]
    assert set(kept) <= set(shown)


@given(st.text())
def test_one_line_is_one_line(text: str) -> None:
    """However lines are told apart, and only that is changed."""
    assert len(one_line(f"x{text}").splitlines()) == 1
    assert not _ACTIVE.search(one_line(text))


_TEXTS = st.text("\n\r\x1b\x9b\u202e\u2028:ae ") | st.text()
_ERRORS = st.builds(
    lambda message, path, line, hint: EnvbuildError(message, Place(path, line, line), hint),
    _TEXTS, _TEXTS.map(lambda text: f"p{text}"), st.integers(0, 3), _TEXTS,
)  # fmt: skip


@given(st.lists(_ERRORS, min_size=1, max_size=4))
@example([EnvbuildError("what", Place("a\nb: forged", 1, 1), "how")])
@example([EnvbuildError("what\nb: forged", Place("a", 1, 1), "how\nb: forged")])
@example([EnvbuildError("what\n\n:", Place("a", 1, 1), "")])
def test_no_message_looks_like_two(errors: list[EnvbuildError]) -> None:
    """Each error has one line that begins at the margin, whatever its texts hold, and nothing in it is active."""
    problems = Problems(errors)
    text = error_text(problems)
    assert not _ACTIVE.search(text)
    assert sum(not line.startswith("  ") for line in text.split("\n")) == len(problems.problems)
    assert sum(line.startswith("  hint: ") for line in text.split("\n")) == sum(
        bool(one.hint) for one in problems.problems
    )


@given(st.lists(_ERRORS, min_size=1, max_size=4))
@example([EnvbuildError("\x9b", Place("\x7f\udcff", 1, 1), "\u202e")])
def test_json_is_safe_to_show_and_says_the_same(errors: list[EnvbuildError]) -> None:
    """It is printed on terminals too: active characters are escapes in it, and a parser gives them back."""
    problems = Problems(errors)
    text = error_json(problems)
    assert not _ACTIVE.search(text)
    told = [(error["path"], error["message"], error["hint"]) for error in json.loads(text)["errors"]]
    assert told == [(one.where.path, one.message, one.hint) for one in problems.problems if one.where]


@given(st.text(max_size=60), st.integers(1, 40), st.sampled_from(["", "  ", "    hint: "]))
@example("漢字 " * 20, 12, "  ")
@example("a" * 50 + " b", 12, "")
def test_what_is_wrapped_fits_and_is_whole(text: str, width: int, first: str) -> None:
    """Wide letters take two cells, long words are broken, and no character is lost."""
    shown = one_line(text)
    lines = wrapped(shown, Look(width), first, "  ")
    assert all(cells(line) <= max(width, 12, cells(first) + 2) for line in lines)
    assert "".join("".join(lines).split()) == "".join((first + shown).split())


def test_a_table_keeps_its_rows() -> None:
    """A cell cannot begin a row."""
    table = columns((Column("a"), Column("b")), [("x\ny", "\x1b[2J")], PLAIN)
    assert table == ["a     b", "x\\ny  \\u001b[2J"]


_DIRTY = r"""
    description: "forged\nPlan: 9 to create\u202e"
    tags: {team: "\u202ea\nb"}
    variables: {A: "one\nenvironment: forged\u2066"}
    setup: ["true # \n: done in 0.0 s\u202e"]
    """


def test_values_are_shown_within_their_line(project: Project) -> None:
    """In plan, why and show, before and after a build."""
    project.write("manifests/a.yaml", _DIRTY)
    assert lines(project.run("plan", "-v")) == [
        "1 of 1 environment changes.",
        "+ a  create  version 1",
        "    record: not built yet  manifests/a.yaml",
        "Plan: 1 to create, 0 unchanged.",
    ]
    lines(project.run("apply"))
    assert lines(project.run("show", "a"))[:2] == ["a  version 1", "  description forged\\nPlan: 9 to create\\u202e"]
    project.write("manifests/a.yaml", _DIRTY.replace('"one', '"two').replace('"true', '":'))
    reasons = [
        '    setup: -"true # \\n: done in 0.0 s\\u202e" +": # \\n: done in 0.0 s\\u202e"  manifests/a.yaml:4',
        '    variables: A "one\\nenvironment: forged\\u2066" -> "two\\nenvironment: forged\\u2066"  manifests/a.yaml:3',
    ]
    assert lines(project.run("plan", "-v"))[2:4] == reasons
    assert [line.split() for line in lines(project.run("why", "a"))[1:3]] == [
        line.replace(":", "", 1).split() for line in reasons
    ]


@pytest.mark.parametrize("command", ["plan", "why", "show", "history", "diff", "logs", "list"])
def test_json_of_values_is_safe_to_show(project: Project, command: str) -> None:
    """A terminal shows `--json` as well."""
    project.write("manifests/a.yaml", _DIRTY)
    project.run("apply")
    project.write("manifests/a.yaml", _DIRTY.replace('"one', '"two'))
    lines(project.run("--json", command, "a"))


def test_what_a_program_says_is_shown_within_its_lines(project: Project) -> None:
    """The output of a failed command, as in its log: no colours, turns, bells, forged lines, passwords of URLs."""
    said = r"\033[31mred\033[0m\nline\007\302\233x\342\200\256\n\377\na: done in 0.0 s\nhttps://u:s3cret@h/"
    project.write("manifests/a.yaml", f"setup: [\"printf '%b\\\\n' '{said.replace(chr(92), chr(92) * 2)}'; exit 3\"]\n")
    run = project.run("apply", check=1)
    tail = [line for line in lines(run) if line.startswith("    | ")]
    assert tail[1:] == [
        "    | red",
        "    | line\\u0007\\u202e",
        "    | \ufffd",
        "    | a: done in 0.0 s",
        "    | https://***@h/",
    ]
    told = project.run("apply", "--progress", "jsonl", check=1).err.splitlines()
    (failed,) = [one for one in map(json.loads, told[:-1]) if one["event"] == "failed"]
    assert failed["tail"] == [line.removeprefix("    | ") for line in tail]
    assert "s3cret" not in "".join(told)
    assert [line for line in lines(run) if line.startswith("a: done")] == []


def test_what_a_program_says_is_kept_as_it_was_in_the_log(project: Project) -> None:
    """The log has the bytes themselves."""
    project.write("manifests/a.yaml", "setup: [\"printf '\\\\033[31mred\\\\n'; exit 3\"]\n")
    run = project.run("apply", check=1)
    path = next(line for line in run.err.splitlines() if line.startswith("    log: ")).partition(": ")[2]
    with open(project.path / path, "rb") as log:  # noqa: PTH123 - a path as the command printed it
        assert b"\x1b[31mred\n" in log.read()


def test_file_names_are_shown_within_their_line(project: Project) -> None:
    """A name can hold a line break, an escape sequence, a turn, and bytes that are no text."""
    folder = os.fsencode(project.path / "manifests")
    os.mkdir(folder)  # noqa: PTH102 - names of bytes
    for name in (b"a\nerror: forged", b"b\x1b[2J", "c\u202e\x9b".encode(), b"d\xff"):
        with open(folder + b"/" + name + b".yaml", "w") as file:  # noqa: PTH123 - as above
            file.write("foo: 1\n")
    found = [line for line in lines(project.run("plan", check=1)) if "hint: " not in line]
    assert found == [
        "manifests/a\\nerror: forged.yaml:1:1: unknown key 'foo'",
        "manifests/b\\u001b[2J.yaml:1:1: unknown key 'foo'",
        "manifests/c\\u202e\\u009b.yaml:1:1: unknown key 'foo'",
        "manifests/d\\udcff.yaml:1:1: unknown key 'foo'",
    ]
    run = project.run("plan", "--json", check=1)
    lines(run)
    assert [error["path"] for error in json.loads(run.out)["errors"]] == [
        "manifests/a\nerror: forged.yaml",
        "manifests/b\x1b[2J.yaml",
        "manifests/c\u202e\x9b.yaml",
        "manifests/d\udcff.yaml",
    ]


def test_requirements_are_shown_within_their_line(project: Project) -> None:
    """Whatever a manifest or a requirement file says a package is called."""
    project.write("manifests/r.txt", "al\x1b[31mpha==\x9b1\n").write_bytes("al\x1b[31mpha==\x9b1\n".encode())
    items = r'["alpha\u202e", "alpha\nerror: forged", "-r r.txt", "--\u202ex", "a @ ./\u202eb"]'
    project.write("manifests/a.yaml", f"dependencies: [{{pip: {items}}}]\n")
    found = [line for line in lines(project.run("plan", check=1)) if "hint: " not in line]
    told = ": not a requirement that pip reads"
    lines_told = "an item of several lines, or with control characters"
    assert found[:2] == [f"manifests/a.yaml:1:23: 'alpha\\u202e'{told}", f"manifests/a.yaml:1:38: {lines_told}"]
    assert found[-1] == f"manifests/r.txt:1:1: {lines_told}"
    lines(project.run("plan", "--json", check=1))


@pytest.mark.parametrize(
    "args",
    [
        ("\x1b[31m",),
        ("plan", "\x1b[31m\nerror: forged\u202e"),
        ("plan", "--\x1b[31m"),
        ("-C", "\x1b[31m\nerror: forged", "plan"),
        ("show", "a@\x9b1"),
        ("history", "\u202ea"),
        ("apply", "-j", "\x1b[31m"),
        ("run", "\u202ea", "--", "true"),
    ],
)
def test_arguments_are_shown_within_their_line(project: Project, args: tuple[str, ...]) -> None:
    """What was typed, or what a script put there, comes back as text."""
    project.write("manifests/a.yaml", "setup: ['true']\n")
    found = lines(project.run(*args, check=64))
    assert [line for line in found if not line.startswith("  ")] == found[:1]
    lines(project.run("--json", *args, check=64))
