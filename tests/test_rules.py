"""The catalogue of `check` (docs/check.md): each rule fires at its line, not on its good twin, and can be silenced."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import pytest
from support.manifests import environment, write_all
from support.project import Project as Folder
from support.project import clean_environment

from envbuild.manifest import Code
from envbuild.project import Project, Selection, check
from envbuild.project.checking import Checked
from envbuild.rules import CATALOGUE, LEVELS, Given, of_environment

PAGE = Path(__file__).parents[1] / "docs" / "check.md"
_IMAGE = "builder: docker\nplatforms: [linux-64]\n"
_BASE = f"{_IMAGE}image: {{base: 'debian:12'}}\n"
_HASH = "0123456789abcdef" * 4
_TOKEN = "gh" + "p_" + "0123456789" * 4  # in two parts, so that no scanner takes this file for one that has it


@dataclass(frozen=True)
class Case:
    """A manifest that has a fault, where it has it, and one that has it not; further files by their paths."""

    code: str
    text: str
    place: str
    twin: str
    files: Mapping[str, str] = field(default_factory=dict)
    mended: Mapping[str, str] = field(default_factory=dict)


def _own(*lines: str, packages: str = "[{pip: [rich ==1]}]") -> str:
    """An image from a Dockerfile in the manifest, whose first line is the sixth of the file."""
    text = "".join(f"    {line}\n" for line in lines)
    return f"{_IMAGE}dependencies: {packages}\nimage:\n  dockerfile: |\n{text}"


CASES = {
    "no tag": Case("floating-base", f"{_IMAGE}image: {{base: debian}}\n", "k.yaml:3:15", _BASE),
    "latest": Case(
        "floating-base",
        f"{_IMAGE}image: {{base: 'reg.example.com:5000/x/y:latest'}}\n",
        "k.yaml:3:15",
        f"{_IMAGE}image: {{base: 'reg.example.com:5000/x/y@sha256:{_HASH}'}}\n",
    ),
    "the long form": Case(
        "floating-base",
        f"{_IMAGE}image: {{base: {{image: debian}}}}\n",
        "k.yaml:3:23",
        "builder: local\nimage: {base: debian}\n",
    ),
    "a stage": Case(
        "floating-base",
        _own("FROM --platform=$BUILDPLATFORM  debian AS a", "FROM a"),
        "k.yaml:6:37",
        _own("ARG V=1", "FROM debian:12 AS a", "FROM scratch AS b", "FROM $V AS c", "FROM a"),
    ),
    "a stage in a file": Case(
        "floating-base",
        f"{_IMAGE}image: {{dockerfile: ../Dockerfile.txt}}\n",
        "Dockerfile.txt:3:6",
        f"{_IMAGE}image: {{dockerfile: ../Dockerfile.txt}}\n",
        {"Dockerfile.txt": "# one\n\nFROM debian\n"},
        {"Dockerfile.txt": "FROM debian:12\n"},
    ),
    "an old Python": Case(
        "end-of-life-python", "dependencies: [python =3.8]\n", "k.yaml:1:16", "dependencies: [python >=3.8]\n"
    ),
    "an old Python by its key": Case(
        "end-of-life-python", "python: {version: '<3.7'}\n", "k.yaml:1:19", "python: {version: '!=3.8'}\n"
    ),
    "an old Python somewhere": Case(
        "end-of-life-python",
        "platforms: [linux-64, osx-64]\ndependencies: [{sel(linux): python =3.13}, {sel(osx): python =2.7}]\n",
        "k.yaml:2:55",
        "platforms: [linux-64, osx-64]\ndependencies: [{sel(linux): python =3.13}, {sel(win): python =2.7}]\n",
    ),
    "two Pythons": Case(
        "several-pythons",
        "dependencies: [python =3.13, python >=3.9]\n",
        "k.yaml:1:30",
        "dependencies: [python =3.13, python, 'python=3.13']\n",
    ),
    "two Pythons by two keys": Case(
        "several-pythons",
        "dependencies: [python >=3.9]\npython: {version: '=3.13'}\n",
        "k.yaml:2:19",
        "dependencies: [{sel(linux): python =3.13}, {sel(osx): python =3.12}]\n",
    ),
    "a token": Case(
        "plain-secret",
        f"setup:\n  - curl -H 'PRIVATE-TOKEN {_TOKEN}' x\n",
        "k.yaml:2:28",
        "setup:\n  - curl -H 'PRIVATE-TOKEN ghp_short' x\n",
    ),
    "a token in a comment": Case(
        "plain-secret", f"setup: [make]  # {_TOKEN}\n", "k.yaml:1:18", "setup: [make]  # ghp_\n"
    ),
    "a password in a URL": Case(
        "plain-secret",
        "variables: {DB: 'postgres://joe:s3cret@db/x'}\n",
        "k.yaml:1:29",
        "variables: {DB: 'postgres://joe:${PW}@db/x', AT: 'https://x/a:b/c@d'}\n",
    ),
    "a private key": Case(
        "plain-secret",
        "params:\n  it: |\n    -----BEGIN RSA PRIVATE KEY-----\n    aaaa\n    -----END RSA PRIVATE KEY-----\n",
        "k.yaml:3:5",
        "params:\n  it: |\n    -----BEGIN CERTIFICATE-----\n    aaaa\n    -----END CERTIFICATE-----\n",
    ),
    "a key of AWS": Case(
        "plain-secret",
        "variables: {WHO: " + "AKIA" + "ABCDEFGHIJKLMNOP}\n",
        "k.yaml:1:18",
        "variables: {WHO: AKIA-abcdefghijklmnop}\n",
    ),
    "a variable": Case(
        "plain-secret",
        "variables:\n  PGPASSWORD: hunter2\n",
        "k.yaml:2:15",
        "variables: {A_TOKEN: '', B_TOKEN: '1', C_SECRET: /run/s, D_PASSWORD: '{{ params.x }}', TOKENS: abc}\n"
        "params: {x: y, pad_token: <pad>}\n",
    ),
    "a variable of a cell": Case(
        "plain-secret",
        "matrix: {a: {x: {variables: {API_KEY: abcdef}}}}\n",
        "k.yaml:1:39",
        "matrix: {a: {x: {variables: {KEY: abcdef}}}}\n",
    ),
    "a variable of a command": Case(
        "plain-secret",
        "setup: ['X_TOKEN=abcdefgh make']\n",
        "k.yaml:1:10",
        "setup: ['X_TOKEN=$(cat t) make', 'TOKEN=/run/x make']\n",
    ),
    "a secret in a Dockerfile": Case(
        "plain-secret",
        f"{_IMAGE}image: {{dockerfile: ../Dockerfile.txt}}\n",
        "Dockerfile.txt:2:5",
        f"{_IMAGE}image: {{dockerfile: ../Dockerfile.txt}}\n",
        {"Dockerfile.txt": "FROM debian:12\nENV MY_SECRET=abcdefgh\n"},
        {"Dockerfile.txt": "FROM debian:12\nARG MY_SECRET\n"},
    ),
    "a variable of a run": Case(
        "runtime-variable",
        "variables:\n  A: b\n  CUDA_VISIBLE_DEVICES: '0'\n",
        "k.yaml:3:3",
        "variables: {CUDA_HOME: /usr, PYTHONUNBUFFERED: '1'}\n",
    ),
    "a rank": Case("runtime-variable", "variables: {NODE_RANK: '0'}\n", "k.yaml:1:13", "variables: {RANKS: '0'}\n"),
    "a scheduler's": Case(
        "runtime-variable", "variables: {SLURM_JOB_ID: '0'}\n", "k.yaml:1:13", "variables: {NODE_RANK: ~}\n"
    ),
    "a large Dockerfile": Case(
        "big-dockerfile",
        f"{_IMAGE}image: {{dockerfile: ../Dockerfile.txt}}\n",
        "k.yaml:3:21",
        f"{_IMAGE}image: {{dockerfile: ../Dockerfile.txt}}\n",
        {"Dockerfile.txt": "FROM debian:12\n" + "# padding\n" * 10_240},
        {"Dockerfile.txt": "FROM debian:12\n" + "# padding\n" * 10_238},
    ),
    "an install": Case(
        "unseen-install",
        _own("FROM debian:12", "RUN apt-get install -y python3-pip && \\", "    pip install -U pip; pip install flask"),
        "k.yaml:8:29",
        _own("FROM debian:12", "RUN apt-get install -y python3-pip && \\", "    pip install -U pip; pip --version"),
    ),
    "an install in the exec form": Case(
        "unseen-install",
        _own("FROM debian:12", 'RUN ["/opt/conda/bin/conda", "-q", "install", "numpy"]'),
        "k.yaml:7:11",
        f"python: {{managed: false}}\n{_own('FROM debian:12', 'RUN pip install flask', packages='[]')}",
    ),
    "an install in a here-document": Case(
        "unseen-install",
        _own("FROM debian:12", "RUN <<EOF", "set -e", "python3 -m pip install --user flask", "EOF"),
        "k.yaml:9:16",
        _own("FROM debian:12", "COPY <<EOF /x", "pip install flask", "EOF"),
    ),
    "an install that is run, and one that is printed": Case(
        "unseen-install",
        _own("FROM debian:12", "RUN echo y | pip install flask"),
        "k.yaml:7:18",
        _own(
            "FROM debian:12",
            "RUN --mount=type=cache,target=/x,id=y A=b echo 'see pip install flask' && printf 'uv sync' >x",
        ),
    ),
    "an install above the last stage": Case(
        "unseen-install",
        _own("FROM debian:12 AS a", "RUN uv pip install --system flask", "FROM a AS b", "FROM b"),
        "k.yaml:7:9",
        _own("FROM debian:12 AS a", "RUN poetry install", "FROM debian:12", "COPY --from=a /x /x"),
    ),
    "an install beside nothing": Case(
        "unseen-install",
        _own("FROM debian:12", "RUN mamba env create -f x"),
        "k.yaml:7:9",
        _own("FROM debian:12", "RUN mamba env create -f x", packages="[]"),
    ),
    "a version of conda's": Case(
        "unpinned-conda",
        "channels: [x]\ndependencies: [numpy, pip]\n",
        "k.yaml:2:16",
        "channels: [x]\ndependencies: [numpy]\nconstraints: [numpy <3]\n",
    ),
    "a version of pip's": Case(
        "unpinned-pip",
        "dependencies: [{pip: ['rich[jupyter]']}]\n",
        "k.yaml:1:23",
        "dependencies: [{pip: ['rich[jupyter] >1']}]\n",
    ),
    "no pip": Case(
        "implied-pip",
        "channels: [x]\ndependencies:\n  - numpy =1\n  - pip:\n      - rich ==1\n",
        "k.yaml:5:9",
        "channels: [x]\ndependencies:\n  - numpy =1\n  - pip\n  - pip:\n      - rich ==1\n",
    ),
    "a place of conda's": Case(
        "moved-option",
        f"{_BASE}prefix: /opt/x\n",
        "k.yaml:4:1",
        "prefix: /opt/x\ndependencies: [python]\ncheck: {ignore: [unpinned-conda]}\n",
    ),
    "an option among packages": Case(
        "moved-option",
        "tags: {a: b}\ndependencies: [{pip: ['rich ==1', '--pre']}]\npip: {index_url: 'https://x.example.com/s'}\n",
        "k.yaml:2:35",
        "name: x\ndependencies: [{pip: ['rich ==1', '--pre']}]\n",
    ),
    "an option in a variable": Case(
        "moved-option",
        "variables: {PIP_INDEX_URL: 'https://x.example.com/s'}\n",
        "k.yaml:1:13",
        "variables: {PIP_NO_INPUT: '1'}\n",
    ),
}
_SINCE_LONG = {
    "asked-twice", "comment-selector", "committed-secret", "editable-url", "foreign-export", "idle-parent",
    "idle-without", "no-channels", "not-installed",
}  # fmt: skip


def judged(folder: Path, text: str, **files: str) -> Checked:
    """What is said of a project with this one manifest, and files by their paths."""
    write_all(folder, {"k": text, **files})
    checked = check(Project(folder, {}), Selection())
    assert not checked.errors, [str(error) for error in checked.errors]
    return checked


def told(checked: Checked) -> list[tuple[str, str]]:
    return [(one.note.kind, str(one.note.where)) for one in checked.findings]


def codes(checked: Checked) -> set[str]:
    return {code for code, _ in told(checked)}


@pytest.mark.parametrize("name", CASES)
def test_each_rule_fires_at_its_line(name: str, tmp_path: Path) -> None:
    """Once, with its level, for the environment that it is true of."""
    case = CASES[name]
    checked = judged(tmp_path, case.text, **case.files)
    path = case.place if case.files and "k.yaml" not in case.place else f"manifests/{case.place}"
    assert [where for code, where in told(checked) if code == case.code] == [path], told(checked)
    (one,) = (one for one in checked.findings if one.note.kind == case.code)
    assert one.level == LEVELS[case.code]
    assert one.environments == (("k-x",) if "matrix" in case.text else ("k",))


@pytest.mark.parametrize("name", CASES)
def test_no_rule_fires_on_the_good_twin(name: str, tmp_path: Path) -> None:
    """Which differs as little as it can; nothing else is warned of either."""
    case = CASES[name]
    checked = judged(tmp_path, case.twin, **case.mended)
    assert case.code not in codes(checked), told(checked)
    assert not checked.warnings


@pytest.mark.parametrize("name", CASES)
def test_each_rule_is_silenced_by_its_manifest(name: str, tmp_path: Path) -> None:
    """Also where it stands in another file that the manifest names."""
    case = CASES[name]
    checked = judged(tmp_path, f"{case.text}check: {{ignore: [{case.code}]}}\n", **case.files)
    assert case.code not in codes(checked)


@pytest.mark.parametrize("name", CASES)
def test_each_rule_is_silenced_by_a_parent_or_by_all_children(name: str, tmp_path: Path) -> None:
    """What stands in a parent is told once, at its line, unless the parent or every child silences it."""
    case = CASES[name]
    if "prefix" in case.text:
        return  # is nobody's but its own
    parent, silent = f"{case.text}abstract: true\n", f"check: {{ignore: [{case.code}]}}\n"
    child = "extends: k\n"
    for number, (above, one, other, names) in enumerate(
        (
            (parent, child, child, ["a", "b"]),
            (parent, child + silent, child, ["b"]),
            (parent, child + silent, child + silent, []),
            (parent + silent, child, child, []),
            (f"{parent}extends: r\n", child, child, []),
        )
    ):
        every = {"r": f"abstract: true\n{silent}", "a": one, "b": other}
        checked = judged(tmp_path / str(number), above, **every, **case.files)
        found = [list(it.environments) for it in checked.findings if it.note.kind == case.code]
        suffix = "-x" if "matrix" in case.text else ""
        assert found == ([[f"{it}{suffix}" for it in names]] if names else []), number


def test_every_rule_has_a_case() -> None:
    """But for those that were notes before there was a catalogue: test_check.py and test_conda_files.py have these."""
    assert {case.code for case in CASES.values()} == LEVELS.keys() - _SINCE_LONG


def test_the_catalogue_has_every_code_that_may_be_silenced() -> None:
    """Each once; warnings first, by their names."""
    assert sorted(LEVELS) == sorted(get_args(Code)) == sorted(rule.code for rule in CATALOGUE)
    assert list(CATALOGUE) == sorted(CATALOGUE, key=lambda rule: (rule.level == "note", rule.code))


def test_the_page_has_the_catalogue() -> None:
    """Row by row, in its order."""
    text = PAGE.read_text(encoding="utf-8")
    rows = [f"| `{rule.code}` | {rule.level} | {rule.what} | {rule.why} |" for rule in CATALOGUE]
    written = re.sub(r"(?<=\|---\|---\|---\|---\|\n)(\|.*\n)*", "".join(f"{row}\n" for row in rows), text)
    if os.environ.get("ENVBUILD_TEST_GOLDEN") == "write":
        PAGE.write_text(written, encoding="utf-8")
    assert text == written or os.environ.get("ENVBUILD_TEST_GOLDEN") == "write"


def test_the_page_prints_what_it_says(tmp_path: Path, uv_cache: Path) -> None:
    """Each of its transcripts, in the project that stands above it."""
    text = PAGE.read_text(encoding="utf-8")
    shown = re.findall(r"```yaml\n# (\S+)\n(.*?)```\n\n```console\n\$ envbuild check\n(.*?)```", text, re.DOTALL)
    assert len(shown) == 2
    for number, (path, manifest, transcript) in enumerate(shown):
        project = Folder(tmp_path / str(number), clean_environment(tmp_path / str(number), uv_cache))
        project.write(path, f"# {path}\n{manifest}")
        printed = project.run("check").out
        if os.environ.get("ENVBUILD_TEST_GOLDEN") == "write":
            PAGE.write_text(PAGE.read_text(encoding="utf-8").replace(transcript, printed), encoding="utf-8")
        else:
            assert printed == transcript


def test_an_unknown_code_is_an_error_with_the_nearest_one(project: Folder) -> None:
    """For every command that reads the manifest."""
    project.write("manifests/k.yaml", "setup: [make]\ncheck: {ignore: [floatingbase, no-channels]}\n")
    for command in ("check", "plan"):
        assert project.run(command, check=1).err == (
            "manifests/k.yaml:2:18: an item of 'ignore' cannot be 'floatingbase'\n"
            "  hint: did you mean 'floating-base'?\n"
        )


def test_silence_is_inherited_and_counts_nowhere(project: Folder) -> None:
    """Its own behind what is inherited; a plan is the same without it."""
    project.write("manifests/r.yaml", "abstract: true\ncheck: {ignore: [no-channels, unpinned-pip]}\n")
    project.write("manifests/k.yaml", "extends: r\nsetup: [make]\n")
    before = project.json("plan", "k")
    project.write("manifests/k.yaml", "extends: r\nsetup: [make]\ncheck: {ignore: [floating-base, no-channels]}\n")
    assert project.json("plan", "k")["steps"][0]["fingerprint"] == before["steps"][0]["fingerprint"]
    values = [one["value"] for one in project.json("explain", "k", "check.ignore")["values"]]
    assert values == ["no-channels", "unpinned-pip", "floating-base"]


def test_the_settings_leave_out_a_warning_everywhere(project: Folder) -> None:
    """By its code."""
    project.write("manifests/k.yaml", "variables: {RANK: '0'}\n")
    assert project.run("check", "--strict", check=1).out.startswith("No problems in 1 manifest, 1 warning, 0 notes.\n")
    project.write("envbuild.yaml", "check: {ignore: [runtime-variable]}\n")
    assert project.run("check", "--strict").out == "No problems in 1 manifest, 0 notes.\n"


def test_strict_fails_by_warnings_alone(project: Folder) -> None:
    """Not by notes; and without it nothing of the kind fails."""
    project.write("manifests/k.yaml", "dependencies: [{pip: [rich]}]\n")
    assert project.json("check", "--strict")["notes"][0]["level"] == "note"
    project.write("manifests/k.yaml", "variables: {RANK: '0'}\n")
    assert project.run("check").code == 0
    assert project.json("check", "--strict", check=1)["errors"] == []


def test_warnings_are_told_in_full(project: Folder) -> None:
    """After the answer, as problems are, with their code; notes of one code stay one line."""
    project.write("manifests/k.yaml", "variables: {RANK: '0'}\ndependencies: [{pip: [rich, flask]}]\n")
    run = project.run("check")
    assert run.err == ""
    assert run.out == (
        "No problems in 1 manifest, 1 warning, 2 notes.\n"
        "manifests/k.yaml:1:13: warning runtime-variable: 'RANK' belongs to one run, and is part of the definition\n"
        "  hint: remove it here, and set it where it runs: in the shell, or under 'run: {env: …}'\n"
        "  unpinned-pip: 'rich' has no version, and no lock holds one  manifests/k.yaml:2 (and 1 more: -v)\n"
    )
    assert "warning runtime-variable" in project.run("plan", "-v").out


def test_json_has_all_of_them(project: Folder) -> None:
    """Warnings apart from notes, each in the order of files and lines."""
    project.write("manifests/r.yaml", "abstract: true\nvariables: {RANK: '0'}\n")
    project.write("manifests/a.yaml", "extends: r\ndependencies: [{pip: [rich]}]\n")
    project.write("manifests/b.yaml", "extends: r\n")
    checked = project.json("check")
    (note,), (warning,) = checked["notes"], checked["warnings"]
    assert warning == {
        "code": "runtime-variable",
        "level": "warning",
        "path": "manifests/r.yaml",
        "line": 2,
        "column": 13,
        "message": "'RANK' belongs to one run, and is part of the definition",
        "hint": "remove it here, and set it where it runs: in the shell, or under 'run: {env: …}'",
        "environments": ["a", "b"],
    }
    assert (note["code"], note["level"], note["environments"]) == ("unpinned-pip", "note", ["a"])


def test_the_catalogue_is_printed_anywhere(tmp_path: Path, uv_cache: Path) -> None:
    """A line a rule, with -v and in JSON also why; no project is needed."""
    nowhere = Folder(tmp_path / "nowhere", clean_environment(tmp_path, uv_cache))
    lines = nowhere.run("check", "--rules").out.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [[rule.code, rule.level] for rule in CATALOGUE]
    assert (
        "    it gets no security fixes, and packages stop to be made for it"
        in nowhere.run("check", "--rules", "-v").out
    )
    assert [rule["code"] for rule in nowhere.json("check", "--rules")["rules"]] == [rule.code for rule in CATALOGUE]


def test_warnings_stand_beside_their_lines_in_github(project: Folder) -> None:
    """As warnings, notes as notices."""
    project.write("manifests/k.yaml", "variables: {RANK: '0'}\ndependencies: [{pip: [rich]}]\n")
    env = {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(project.path)}
    shown = [line.split(" title=")[0] for line in project.run("check", env=env).err.splitlines()]
    assert [line.split("::")[1].partition(",title")[0] for line in shown] == [
        "warning file=manifests/k.yaml,line=1,col=13",
        "notice file=manifests/k.yaml,line=2,col=23",
    ]


def test_a_python_has_its_last_day() -> None:
    """The day after it is the first that is told; where several are asked for, the newest that all admit counts."""

    def ended(asked: str, today: str) -> list[str]:
        given = Given(today, frozenset(("k",)), lambda _path: "")
        found = of_environment(environment({"k": f"dependencies: [{asked}]\n"}), given)
        return [note.message for note in found if note.kind == "end-of-life-python"]

    assert ended("python =3.11", "2027-10-31") == []
    assert ended("python =3.11", "2027-11-01") == [
        "no Python that is asked for is maintained: 3.11 reached its end on 2027-10-31"
    ]
    assert ended("python <3.12", "2027-11-01") == ended("python =3.11.4", "2027-11-01")
    assert ended("python >=3.6, python <3.12", "2027-11-01") == ended("python =3.11", "2027-11-01")
    for asked in ("python", "python >=3.6", "python >=3.14", "python =3.15", "numpy"):
        assert ended(asked, "2030-10-31") == []


def test_a_parent_silences_its_own_lines_for_all(tmp_path: Path) -> None:
    """Where nothing extends it, also by what it inherits; and where a child wants to hear of the rest again."""
    text = f"abstract: true\nsetup: [make]  # {_TOKEN}\n"
    silent, deaf = "check: {ignore: [plain-secret]}\n", {"r": "abstract: true\ncheck: {ignore: [plain-secret]}\n"}
    assert codes(judged(tmp_path / "1", text)) == {"plain-secret"}
    assert not codes(judged(tmp_path / "2", text + silent))
    assert not codes(judged(tmp_path / "3", f"{text}extends: r\n", **deaf))
    child = f"extends: k\ncheck: {{ignore: !override []}}\nsetup: [x]  # {_TOKEN}\n"
    assert told(judged(tmp_path / "4", text + silent, a=child)) == [("plain-secret", "manifests/a.yaml:3:15")]


def test_a_cell_silences_for_itself(tmp_path: Path) -> None:
    """By the fragment that its value brings."""
    checked = judged(
        tmp_path,
        "variables: {RANK: '0'}\nmatrix: {a: {x: {check: {ignore: [runtime-variable]}}, y: {setup: [make]}}}\n",
    )
    assert [one.environments for one in checked.findings] == [("k-y",)]


def test_a_lock_holds_every_version(tmp_path: Path) -> None:
    """Then nothing is to be said of versions that are not asked for; of others all the same."""
    write_all(tmp_path, {"a": "dependencies: [{pip: [rich]}]\n", "b": "dependencies: [{pip: [rich]}]\n"})
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks/a.conda-lock.yml").write_text("")
    found = check(Project(tmp_path, {}), Selection()).findings
    assert [one.environments for one in found if one.note.kind == "unpinned-pip"] == [("b",)]


def test_what_is_an_error_is_no_warning_as_well(project: Folder) -> None:
    """A password in the URL of an index is refused; it is told once."""
    project.write("manifests/k.yaml", "pip:\n  index_url: https://joe:s3cret@x.example.com/s\n")
    found = project.json("check", check=1)
    assert [error["line"] for error in found["errors"]] == [2]
    assert (found["warnings"], found["notes"]) == ([], [])


SECRETS = f"""
variables:
  PGPASSWORD: hunter2
  RANK_PASSWORD_RANK: 'postgres://joe:s3cret@db/x'
params:
  # {_TOKEN}
  it: |
    -----BEGIN PRIVATE KEY-----
    bWluZQ==  # [linux]
    -----END PRIVATE KEY-----
dependencies: [{{pip: [rich]}}]  # {_TOKEN}
"""


@pytest.mark.parametrize("silence", ["", "check: {ignore: [plain-secret]}\n"])
def test_no_secret_is_shown(silence: str, project: Folder) -> None:
    """Not by the message, and not by the line that a terminal shows, also below another finding."""
    project.write("manifests/k.yaml", SECRETS + silence)
    said = [project.run("check", "-v").out, json.dumps(project.json("check"))]
    with project.terminal("check", "-v", columns=200) as terminal:
        assert terminal.finish() == 0
    assert "RANK_PASSWORD_RANK: 'postgres://***" in terminal.text
    assert "rich" in terminal.text
    for text in (*said, terminal.text):
        assert not [one for one in ("hunter2", "s3cret", _TOKEN[:10], "bWluZQ") if one in text]


def test_secrets_of_the_settings_are_told(project: Folder) -> None:
    """When all is checked; the file of no manifest is silenced by the settings alone."""
    project.write("manifests/k.yaml", "setup: [make]\ncheck: {ignore: [plain-secret]}\n")
    project.write("envbuild.yaml", f"params: {{x: {_TOKEN}}}\n")
    assert [one["path"] for one in project.json("check")["warnings"]] == ["envbuild.yaml"]
    assert project.json("check", "k")["warnings"] == []
    project.write("envbuild.yaml", f"params: {{x: {_TOKEN}}}\ncheck: {{ignore: [plain-secret]}}\n")
    assert project.json("check")["warnings"] == []


def test_a_long_line_is_searched_in_no_time(tmp_path: Path) -> None:
    """Nothing of what looks for secrets goes over a text again and again."""
    for part in ("sk-", "-eyJ", "TOKEN_", "a_TOKEN=", "://a:", "xoxb-", "sig=", "pypi-", "-----BEGIN "):
        checked = judged(tmp_path, f"# TOKEN= sk- eyJ :// {part * (900_000 // len(part))}\nsetup: [make]\n")
        assert {note.kind for note in checked.warnings} <= {"plain-secret"}, part


def test_good_projects_are_warned_of_nothing(tmp_path: Path, uv_cache: Path) -> None:
    """The quick start, the examples of the pages, and what `init` and `new` write."""
    root = Path(__file__).parents[1]
    kept = [path.read_text(encoding="utf-8") for path in sorted((root / "manifests").rglob("*.y*ml"))]
    pages = [root / "README.md", root / "docs" / "images.md", root / "docs" / "oci.md"]
    examples = [one for page in pages for one in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)]
    assert len(kept) >= 1
    assert len(examples) > 10
    for number, text in enumerate((*kept, *examples)):
        folder = tmp_path / str(number)
        write_all(folder, {"k": text, "base": "abstract: true\n"})
        assert check(Project(folder, {}), Selection()).warnings == (), text
    fresh = Folder(tmp_path / "fresh", clean_environment(tmp_path / "fresh", uv_cache))
    fresh.run("init")
    fresh.run("new", "churn/train")
    assert fresh.run("check", "--strict").out.startswith("No problems in ")
