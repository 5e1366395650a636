"""Bad manifests through the command line, as far as `test_bad_input` and `test_bad_files` do not have them already.

Each: what, where and how, the exit code, no traceback, nothing half-written.
"""

from collections.abc import Iterable, Mapping

import pytest
from support.project import Project


def refused(project: Project, *args: str, code: int = 1) -> list[str]:
    """Each problem without its hint; every one of them has a hint, and nothing was written."""
    before = project.tree()
    run = project.run(*(args or ("plan",)), check=code)
    assert run.out == ""
    assert project.tree() == before
    lines = [line for line in run.err.splitlines() if not line.startswith("    ")]  # what a message breaks is indented
    assert all(line.startswith("  hint: ") and line != "  hint: " for line in lines[1::2])
    assert len(lines) % 2 == 0
    return lines[0::2]


def told(project: Project, texts: Iterable[str]) -> dict[str, list[str]]:
    """Every text as a manifest of its own, all planned at once: the problems of each."""
    names = {f"manifests/t{at:02}.yaml": text for at, text in enumerate(texts)}
    for path, text in names.items():
        project.write(path, "").write_text(text, encoding="utf-8", newline="")
    found: dict[str, list[str]] = {text: [] for text in names.values()}
    for line in refused(project):
        path, _, rest = line.partition(":")
        found[names[path]].append(rest)
    return found


def check_all(project: Project, table: Mapping[str, str]) -> None:
    """One problem for each text, which starts as the table says."""
    found = told(project, table)
    assert {text: [one[: len(table[text])] for one in problems] for text, problems in found.items()} == {
        text: [start] for text, start in table.items()
    }


MISSPELT = {
    "image: {aptt: [git]}": "1:9: unknown key 'aptt'",
    "image:\n  build:\n  - {comand: make}": "3:6: unknown key 'comand'",
    "pip: {indexes: {a: {url: 'https://example.com', package: [y]}}}": "1:49: unknown key 'package'",
    "python: {verzion: '3'}": "1:10: unknown key 'verzion'",
    "dependencies:\n- pipp: [a]": "2:3: unknown key 'pipp'",
    "publish: {tag: [a]}": "1:11: unknown key 'tag'",
    "test: {import: [a]}": "1:8: unknown key 'import'",
    "check: {ignored: [a]}": "1:9: unknown key 'ignored'",
}


def test_a_key_within_a_key_is_misspelt(project: Project) -> None:
    """At its own line and column, with the nearest of the keys that may stand there."""
    check_all(project, MISSPELT)
    assert project.run("plan", check=1).err.count("  hint: did you mean ") == len(MISSPELT)


WRONG_TYPES = {
    "tags: [a]": "1:7: 'tags' must be a mapping, not a list",
    "tags: {a: [b]}": "1:11: 'a' must be text, not a list",
    "variables: text": "1:12: 'variables' must be a mapping, not text",
    "variables: {A: [b]}": "1:16: 'A' must be text or a mapping, not a list",
    "platforms: linux-64": "1:12: 'platforms' must be a list, not text",
    "platforms: [linux]": "1:13: ",
    "abstract: maybe": "1:11: 'abstract' must be true or false, not 'maybe'",
    "builder: podman": "1:10: ",
    "python: {managed: perhaps}": "1:19: 'managed' must be true or false, not 'perhaps'",
    "serve: {port: http}": "1:15: 'port' must be a whole number, not text",
    "image: [git]": "1:8: 'image' must be a mapping, not a list",
    "image: {expose: [http]}": "1:18: ",
    "image: {copy: [{to: /x}]}": "1:16: the key 'from' is missing",
    "image: {base: {tag: x}}": "1:15: 'base' has keys that do not go together",
    "extends: {a: b}": "1:10: 'extends' must be text or a list, not a mapping",
    "params: [a]": "1:9: 'params' must be a mapping, not a list",
    'params: "{{ environment.name }}"': "1:9: 'params' must be a mapping, not an expression",
    "channels: {a: b}": "1:11: 'channels' must be a list, not a mapping",
    "setup: [~]": "1:9: ",
    "without: numpy": "1:10: 'without' must be a list, not text",
}


def test_a_value_has_the_wrong_type(project: Project) -> None:
    """Lists, mappings, numbers, words of a few, and mappings whose keys do not go together."""
    check_all(project, WRONG_TYPES)


BAD_REQUIREMENTS = {
    "dependencies: ['numpy=>1']": "1:16: ",
    "dependencies: ['pkg[extra]']": "1:16: ",
    "dependencies: ['a b c d']": "1:16: ",
    "dependencies:\n- numpy\n- {pip: ['-r']}": "3:10: ",
    "dependencies: [{pip: ['--trusted-host x']}]": "1:23: ",
    "dependencies: [{pip: ['alpha==']}]": "1:23: ",
    "dependencies: [{pip: ['alpha; python_version >']}]": "1:23: ",
    "dependencies: [{pip: ['-r https://example.com/r.txt']}]": "1:23: ",
    "constraints: ['numpy=>1']": "1:15: ",
}


def test_a_requirement_that_nobody_reads(project: Project) -> None:
    """For conda and for pip, in each of the lists."""
    check_all(project, BAD_REQUIREMENTS)


def test_a_requirement_over_several_lines(project: Project) -> None:
    """YAML folds them to one text: one problem, at the place where that text begins."""
    check_all(project, {"overrides: [{pip: [beta=\n\n=3]}]\n": "1:20: "})


def test_what_is_dropped_is_a_name_and_no_requirement(project: Project) -> None:
    """A version there would drop nothing, in silence."""
    check_all(project, {"without: ['numpy>1']": "1:11: ", "without: ['pip/alpha==1']": "1:11: "})


def test_a_bad_requirement_in_a_file_that_is_named(project: Project) -> None:
    """At the line of that file."""
    project.write("manifests/a.yaml", "dependencies: [{pip: [-r more/r.txt]}]\n")
    project.write("manifests/more/r.txt", "alpha\n# fine\nbeta=1\n")
    (found,) = refused(project)
    assert found.startswith("manifests/more/r.txt:3:1: 'beta=1': ")


def test_two_manifests_with_one_name(project: Project) -> None:
    """By ending, by case, by `environment`: each is told, once."""
    for path in ("a.yaml", "a.yml", "B.yaml", "b.yml", "c.yaml", "c/environment.yaml"):
        project.write(f"manifests/{path}", "setup: [make]\n")
    assert refused(project) == [
        "manifests/a.yml: 'manifests/a.yaml' is also named 'a'",
        "manifests/b.yml: 'manifests/B.yaml' is also named 'b'",
        "manifests/c/environment.yaml: 'manifests/c.yaml' is also named 'c'",
    ]


def test_a_reserved_name(project: Project) -> None:
    """Names under `curated/` are envbuild's own."""
    project.write("manifests/curated/a.yaml", "setup: [make]\n")
    assert refused(project) == ["manifests/curated/a.yaml: the name 'curated/a' is reserved"]


UNDEFINED = {
    'setup: ["{{ params.nothing }}"]': ["1:9: 'params.nothing' is undefined"],
    'setup: ["{{ nothing }}"]': ["1:9: 'nothing' is undefined"],
    'setup: ["{{ matrix.v }}", "{{ environment.nothing }}"]': [
        "1:9: 'matrix.v' is undefined",
        "1:27: 'environment.nothing' is undefined",
    ],
    'params: {a: "{{ params.b }}", b: "{{ params.a }}"}': ["1:13: these params need each other: a -> b -> a"],
    'params: {a: {b: 1}}\nsetup: ["{{ params.a.c }}"]': ["2:9: "],
    'variables: {A: "{{ git.commit }}"}': ["1:16: 'git' is undefined"],
}


def test_a_name_that_is_undefined(project: Project) -> None:
    """At the line of the text that uses it."""
    for text, problems in told(project, UNDEFINED).items():
        assert len(problems) == len(UNDEFINED[text])
        assert all(one.startswith(start) for one, start in zip(problems, UNDEFINED[text], strict=True))


NO_EXPRESSIONS = (
    "{{",
    "{{ }}",
    "{{ 1 + }}",
    "{{ a b }}",
    "{{ 'x }}",
    "{{ x | }}",
    "{{ x | nothing }}",
    "{{ f() }}",
    "{{ (1 }}",
)


def test_an_expression_that_is_none(project: Project) -> None:
    """Syntax, filters and calls that there are not."""
    check_all(project, {f'description: a\nsetup:\n  - "{one}"\n': "3:5: " for one in NO_EXPRESSIONS})


SYNTAX = {
    "name: x\n{% if %}\n": 2,
    "{% for x in %}\n": 1,
    "a\nb\n{% block x %}\n": 3,
    "{{ environment.name | nothing }}\n": 1,
}
VALUES = {"name: x\n\n{{ nothing | word }}\n": 3, "{{ environment.name }}\n": 1, "{% extends 'none.j2' %}\n": 1,
          "\n{% for x in environment %}{{ x.y.z | word }}{% endfor %}\n": 2}  # fmt: skip


@pytest.mark.parametrize("text", [*SYNTAX, *VALUES])
def test_a_template_that_fails(project: Project, text: str) -> None:
    """Its file and its line: what it says is checked without rendering it, what it does shows when it is rendered."""
    project.write("manifests/a.yaml", "setup: [make]\n")
    project.write("templates/environment.yml.j2", "").write_text(text)
    for command in ("check", "render") if text in SYNTAX else ("render",):
        run = project.run(command, check=1)
        problem, hint = run.err.splitlines()
        assert problem.startswith(f"templates/environment.yml.j2:{ {**SYNTAX, **VALUES}[text] }:"), command
        assert hint.startswith("  hint: ")
    assert not (project.path / ".envbuild").exists()


NO_YAML = (
    "a: b: c\n", "setup: [a\nb: c\n", "\tsetup: [a]\n", "setup:\n- a\n b: c\n", 'setup: ["a]\n', "setup: *nothing\n",
    "a: 1\na: 2\n", "<<: {a: 1}\n", "a: 1\n---\nb: 2\n", "%YAML 1.1\n---\na: 1\n",
    "setup: !python/object:os.system [a]\n",
    "setup: !override\nsetup: [a]\n", "setup: @a\n", "setup: {{ x }}\n", "name: [", "- a", "text", "[]", "3", "&a x",
    "? [a]\n: b\n",
)  # fmt: skip


def test_a_file_that_is_no_yaml_or_no_mapping(project: Project) -> None:
    """One problem each, at a line of the file."""
    for text, problems in told(project, NO_YAML).items():
        (problem,) = problems
        line, column = problem.partition(": ")[0].split(":")
        assert 1 <= int(line) <= text.count("\n") + 1
        assert 1 <= int(column) <= len((text.split("\n"))[int(line) - 1]) + 1


NO_URLS = (
    "https://h.example:99999/c",
    "https://h.example:abc/",
    "https://h.example:-1/c",
    "https://[::1",
    "https://h:٣/c",
)
NAMING = (
    "channels: ['{url}']\ndependencies: [app]\n",
    "dependencies: ['{url}::app']\n",
    "dependencies: ['{url}/linux-64/app-1-0.conda']\n",
    "pip: {{index_url: '{url}'}}\ndependencies: [{{pip: [a]}}]\n",
    "pip: {{extra_index_urls: ['{url}']}}\ndependencies: [{{pip: [a]}}]\n",
    "pip: {{find_links: ['{url}']}}\ndependencies: [{{pip: [a]}}]\n",
    "pip: {{indexes: {{c: {{url: '{url}', packages: [a]}}}}}}\ndependencies: [{{pip: [a]}}]\n",
    "dependencies: [{{pip: ['a @ {url}/a-1-py3-none-any.whl']}}]\n",
    "dependencies: [{{pip: ['git+{url}']}}]\n",
)


@pytest.mark.parametrize("url", NO_URLS)
def test_a_url_that_nobody_can_ask(project: Project, url: str) -> None:
    """Whatever names it: there is no such port, or what stands for the host is none."""
    problems = told(project, (text.format(url=url) for text in NAMING))
    assert {text: len(found) for text, found in problems.items()} == dict.fromkeys(problems, 1)
    assert all("has no valid host" in found[0] or "is no conda spec" in found[0] for found in problems.values())


def test_settings_name_a_channel_that_nobody_can_ask(project: Project) -> None:
    """At the line of the settings."""
    project.write("envbuild.yaml", "channels: ['https://h.example:99999/c']\n")
    project.write("manifests/a.yaml", "dependencies: [app]\n")
    assert refused(project) == ["envbuild.yaml:1:12: 'https://h.example:99999/c' has no valid host"]


@pytest.mark.parametrize("variable", ["PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX"])
@pytest.mark.parametrize("url", ["https://me:hush@h.example:99999/s", "https://[::1/s"])
def test_an_index_of_this_machine_that_nobody_can_ask(project: Project, variable: str, url: str) -> None:
    """Told as what it is, and with no credentials that stand in it."""
    project.write("manifests/a.yaml", "dependencies: [{pip: [a]}]\n")
    run = project.run("lock", check=1, env={variable: url})
    assert "which is no URL that can be asked\n  hint: mend" in run.err
    assert "hush" not in run.err
