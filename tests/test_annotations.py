"""Problems beside the lines of a change, in GitHub's CI: bounded, escaped, and nothing of data becomes a command."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from support.project import Project, Run

from envbuild.errors import ManifestError, Note, Place
from envbuild.report.annotations import error_annotations, note_annotations
from envbuild.report.terminal import harmless


def commands(text: str) -> list[tuple[str, dict[str, str], str]]:
    """What a runner takes for commands: any line that begins with '::', blanks before it aside; and their parts."""
    found = []
    for line in text.splitlines():
        if match := re.fullmatch(r"\s*::(\w[\w-]*)\s?(.*?)::(.*)", line):
            parts = (part.partition("=") for part in match[2].split(",") if part)
            found.append((match[1], {name: _plain(value) for name, _, value in parts}, _plain(match[3])))
    return found


def _plain(text: str) -> str:
    for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, character)
    return text


@pytest.fixture
def ci(project: Project) -> Callable[..., Run]:
    """Run as a step of a workflow does, in a project that is a folder of the repository."""
    checkout = str(project.path.parent)

    def run(*args: str, check: int = 0) -> Run:
        return project.run(*args, env={"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": checkout}, check=check)

    return run


def test_each_problem_is_told_beside_its_line(project: Project, ci: Callable[..., Run]) -> None:
    """With the path from the root of the repository; and in words as anywhere."""
    project.write("manifests/a.yaml", "extend: b\nnope: 1\n")
    for command in ("plan", "apply", "lock", "check"):
        run = ci(command, check=1)
        place = {"file": "project/manifests/a.yaml", "col": "1", "title": "envbuild"}
        assert [one for one in commands(run.err) if one[2].startswith("unknown key 'extend'")] == [
            ("error", {**place, "line": "1"}, "unknown key 'extend'\nhint: did you mean 'extends'?")
        ]
        assert "manifests/a.yaml:1:1: unknown key 'extend'\n  hint: did you mean" in run.err
        assert commands(run.out) == []


def test_json_stays_json(project: Project, ci: Callable[..., Run]) -> None:
    """The answer is on standard output; what is for the runner, on the other."""
    project.write("manifests/a.yaml", "extend: b\n")
    run = ci("--json", "check", check=1)
    assert commands(run.out) == []
    assert len(commands(run.err)) == 1


def test_elsewhere_nothing_is_for_a_runner(project: Project) -> None:
    """A person's terminal, another CI."""
    project.write("manifests/a.yaml", "extend: b\n")
    for env in ({}, {"CI": "true"}, {"GITHUB_ACTIONS": "false"}):
        assert "::error" not in project.run("check", check=1, env=env).err


def test_a_project_outside_of_the_repository_names_no_file(project: Project, tmp_path: Path) -> None:
    """GitHub could not find it; the place is told in the message."""
    project.write("manifests/a.yaml", "extend: b\n")
    env = {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(tmp_path / "other")}
    (found,) = commands(project.run("check", check=1, env=env).err)
    assert found[1] == {"title": "envbuild"}
    assert found[2].startswith("manifests/a.yaml:1:1: unknown key")


def test_notes_of_check_are_notices(project: Project, ci: Callable[..., Run]) -> None:
    """Nothing is wrong with them; their kind is in the title."""
    project.write("manifests/a.yaml", "dependencies:\n  - python =3.11\n  - wincertstore  # [win]\n")
    found = [one for one in commands(ci("check").err) if "comment-selector" in one[1]["title"]]
    assert [(one[0], one[1]["line"], one[1]["title"]) for one in found] == [
        ("notice", "3", "envbuild: comment-selector")
    ]


def test_no_more_than_are_shown() -> None:
    """Ten of a kind; the last one says how many there are besides."""
    problems = [ManifestError("wrong", Place("a.yaml", number, 1)) for number in range(1, 31)]
    found = commands(error_annotations(problems, ""))
    assert len(found) == 10
    assert found[-1][2] == "21 more problems: see the log of this step"
    assert len(commands(error_annotations(problems[:10], ""))) == 10
    notes = [Note("k", "m", Place("a.yaml", number, 1), "h") for number in range(1, 31)]
    assert len(commands(note_annotations(notes, ""))) == 10


@pytest.mark.parametrize(
    "data",
    ["100%", "%0A::error::x", "a\n::error::forged", "a\r::error::x", "a:b,c=d", "::set-env name=A::b", "##[add-mask]x"],
)
def test_data_comes_back_as_it_was_and_forges_nothing(data: str) -> None:
    """In the message, the path and the title: one command, whatever they hold."""
    text = error_annotations([ManifestError(data, Place(f"{data}.yaml", 1, 1))], "")
    note = note_annotations([Note(data, data, Place(f"{data}.yaml", 1, 1), data)], "")
    assert "##[" not in text + note
    (found,), (noted,) = commands(text), commands(note)
    expected = data.replace("##[", "# #[")
    assert (found[0], found[1]["file"], found[2]) == ("error", f"{expected}.yaml", expected)
    assert (noted[0], noted[1]["title"]) == ("notice", f"envbuild: {expected}")


def test_what_we_print_is_no_command(project: Project, ci: Callable[..., Run]) -> None:
    """Names of files, arguments, what programs write: none begins a line with '::', and none holds '##['."""
    project.write("envbuild.yaml", "manifests: ['*.yaml']\n")
    project.write("::error ::x.yaml", "extend: '##[error]forged'\n")
    runs = [ci("check", check=1), ci("plan", "::warning::forged", check=64), ci("##[error]forged", check=64)]
    project.remove("::error ::x.yaml")
    project.write(
        "a.yaml", "description: '##[error]forged'\nsetup: ['echo ::error::forged; echo \"  ::x::y\"; exit 1']\n"
    )
    runs += [ci("apply", check=1), ci("show", "a"), ci("show", "a", "--json"), ci("list", "--json")]
    for run in runs:
        ours = [one for one in commands(run.out + run.err) if one[1].get("title") != "envbuild"]
        assert ours == [], run
        assert "##[" not in run.out + run.err


def test_harmless_text_reads_as_before() -> None:
    """Only what would be a command is changed."""
    assert harmless("a::b\n  c ::d\n# [x]") == "a::b\n  c ::d\n# [x]"
    assert harmless("  ::error::x\n::y") == "  :\\:error::x\n:\\:y"
    assert harmless('{"a": "##[b]"}', json=True) == '{"a": "\\u0023#[b]"}'
