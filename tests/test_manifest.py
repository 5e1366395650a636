"""The keys of a manifest: the types of each, what is refused, and that all of it is said at once, in order."""

import pytest

from envbuild.document import parse
from envbuild.errors import EnvbuildError, Place, WorkspaceError
from envbuild.manifest import Manifest, manifest

PATH = "manifests/a.yaml"


def read(text: str) -> Manifest:
    return manifest("a", parse(PATH, text.encode()), _no_file)


def _no_file(path: str, where: Place) -> bytes:
    raise WorkspaceError(f"there is no file '{path}'", where, "check the path's spelling")


def refused(text: str) -> list[str]:
    """Each problem with its hint, the file's name left out."""
    with pytest.raises(EnvbuildError) as caught:
        read(text)
    problems = caught.value.problems
    assert all(problem.hint and problem.where for problem in problems)
    assert list(problems) == sorted(problems, key=lambda problem: problem.where or Place(""))
    return [str(problem).removeprefix(f"{PATH}:").replace("\n  hint: ", " | ") for problem in problems]


_KNOWN = (
    "abstract, builder, category, channels, check, constraints, dependencies, description, extends, image, matrix, "
    "name, overrides, params, pip, platforms, prefix, publish, python, r, run, serve, setup, solve_group, spark, "
    "system_requirements, tags, test, variables, without"
)


@pytest.mark.parametrize(
    "text",
    [
        "name: anything", "name: null", "name: /a/b", "name: [a]", "name: {a: b}", "prefix: /opt/x", "prefix: [x]",
        "category: [a]", "category: {a: b}",
        "extends: base", "extends: [base, ../b.yaml]", "extends: []", "extends: null", "extends: !reset",
        "abstract: true", "abstract: False", "abstract: TRUE", "abstract:",
        "description: 3.10", "description: null", "description: no", "description: |\n  two\n  lines",
        "tags: {a: b, c: '3.10', d: null, e: 5, f: 1.2.3, g: 2024-01-01, h: no, i: true}", "tags:\n  a: '1:30'",
        "tags: !override {a: b}", "tags: !reset", "tags: {a: !reset , b: !override c}",
        "channels: [conda-forge, defaults]", "channels: !override [a]", "channels: []",
        "platforms: [linux-64, osx-arm64, win-64]", "platforms: !reset",
        "dependencies: []", "dependencies: [numpy, python=3.11, {pip: [alpha]}]", "dependencies: !override [a]",
        "dependencies: !reset", "dependencies: [{pip: !override [a]}]", "dependencies: [{pip: !reset }]",
        "dependencies: [{pip: []}]", "dependencies: null", "dependencies:\n- pip:",
        "without: [numpy, pip/Torch]", "without: []",
        "variables: {A: text, B: 3.10, C: no, D: 012, E: null, _f: '', G: 1e3, H: true}", "variables:\n  A: 1:30",
        "variables: {A: {prepend: [x], append: [y]}, B: !override x, C: !reset }",
        "python: {version: 3.10, managed: true, from: uv, interpreter: python3}", "python: {version: !reset }",
        "python: !reset", "python: null",
        "pip: {index_url: 'https://example.com/simple/'}", "pip: {index_url: 'http://127.0.0.1:8000/simple/'}",
        "pip: {index_url: 'http://localhost/simple/'}", "pip: {index_url: 'http://[::1]:80/simple/'}",
        "pip: {index_url: !reset }", "pip: null",
        "setup: [make, 1, 'true']", "setup: !override [make]", "setup: []",
        "builder: local", "builder: docker", "builder: oci", "builder: null", "builder: !reset",
    ],
)  # fmt: skip
def test_what_a_manifest_may_say(text: str) -> None:
    """Each key with each of its shapes; null says nothing, and the two tags stand on values of keys."""
    assert read(text + "\n").path == PATH


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("extends: {a: b}", "1:10: 'extends' must be text or a list, not a mapping | write text or a list"),
        ("extends: [a, [b]]", "1:14: an item of 'extends' must be text, not a list | write text"),
        ("extends: [null]", "1:11: an item of 'extends' must be text, not nothing | write text"),
        ("abstract: maybe", "1:11: 'abstract' must be true or false, not 'maybe' | write true or false"),
        ("abstract: 'true'", "1:11: 'abstract' must be true or false, not 'true' | write true or false"),
        ("abstract: 1", "1:11: 'abstract' must be true or false, not '1' | write true or false"),
        ("abstract: [x]", "1:11: 'abstract' must be true or false, not a list | write true or false"),
        ("description: [x]", "1:14: 'description' must be text, not a list | write text"),
        ("tags: [a]", "1:7: 'tags' must be a mapping, not a list | write a mapping"),
        ("tags: {a: [x]}", "1:11: 'a' must be text, not a list | write text"),
        ("channels: a", "1:11: 'channels' must be a list, not text | write channels: [a]"),
        ("channels: [null]", "1:12: an item of 'channels' must be text, not nothing | write text"),
        ("platforms: linux-64", "1:12: 'platforms' must be a list, not text | write platforms: [linux-64]"),
        ("platforms: [linux64]", "1:13: an item of 'platforms' cannot be 'linux64' | did you mean 'linux-64'?"),
        ("dependencies: a", "1:15: 'dependencies' must be a list, not text | write dependencies: [a]"),
        ("dependencies: {a: b}", "1:15: 'dependencies' must be a list | start each item with '- '"),
        ("dependencies: [null]", "1:16: an item of 'dependencies' must be text, not nothing | write text"),
        (
            "dependencies: [[a]]",
            "1:16: an item of 'dependencies' must be text or a mapping, not a list | write text or a mapping",
        ),
        ("dependencies: [{pip: a}]", "1:22: 'pip' must be a list, not text | write pip: [a]"),
        ("dependencies: [{pip: [{a: b}]}]", "1:23: an item of 'pip' must be text, not a mapping | write text"),
        ("dependencies: [{pip: [null]}]", "1:23: an item of 'pip' must be text, not nothing | write text"),
        ("dependencies: [{pop: [a]}]", "1:17: unknown key 'pop' | did you mean 'pip'?"),
        ("without: a", "1:10: 'without' must be a list, not text | write without: [a]"),
        ("without: [deb/nano]", "1:11: 'deb/nano' names no package | write 'name', 'pip/name' or 'apt/name'"),
        ("without: ['pip/']", "1:11: 'pip/' names no package | write 'name', 'pip/name' or 'apt/name'"),
        ("without: [a/b/c]", "1:11: 'a/b/c' names no package | write 'name', 'pip/name' or 'apt/name'"),
        ("variables: [A]", "1:12: 'variables' must be a mapping, not a list | write a mapping"),
        ("variables: {A: [x]}", "1:16: 'A' must be text or a mapping, not a list | write text or a mapping"),
        ("variables: {A: {prepend: x}}", "1:26: 'prepend' must be a list, not text | write prepend: [x]"),
        ("variables: {A: {apend: [x]}}", "1:17: unknown key 'apend' | did you mean 'append'?"),
        ("python: 3.11", "1:9: 'python' must be a mapping, not text | write a mapping"),
        ("python: {from: cond}", "1:16: 'from' cannot be 'cond' | did you mean 'conda'?"),
        ("python: {version: [3]}", "1:19: 'version' must be text, not a list | write text"),
        ("python: {source: uv}", "1:10: unknown key 'source' | known are: from, interpreter, managed, version"),
        ("pip: a", "1:6: 'pip' must be a mapping, not text | write a mapping"),
        ("pip: [a]", "1:6: a list of pip packages stands at the top | indent it as '- pip:' under 'dependencies'"),
        ("pip: {index-url: x}", "1:7: unknown key 'index-url' | did you mean 'index_url'?"),
        ("setup: make", "1:8: 'setup' must be a list, not text | write setup: [make]"),
        ("setup: [{a: b}]", "1:9: an item of 'setup' must be text, not a mapping | write text"),
        ("builder: podman", "1:10: 'builder' cannot be 'podman' | known are: docker, local, oci"),
        ("", "1:1: nothing is said here | start with 'dependencies:'"),
    ],
)  # fmt: skip
def test_wrong_types_are_refused_at_their_value(text: str, message: str) -> None:
    """Each key with what it cannot be, and how to write it."""
    assert refused(text + "\n") == [message]


@pytest.mark.parametrize("text", ["extends: ''", "extends: ['']", "setup: ['']"])
def test_empty_text_names_nothing(text: str) -> None:
    """A parent without a name and a command without words are slips."""
    assert len(refused(text + "\n")) == 1


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("extend", "did you mean 'extends'?"),
        ("descripton", "did you mean 'description'?"),
        ("Dependencies", "did you mean 'dependencies'?"),
        ("dependancies", "did you mean 'dependencies'?"),
        ("zzz", f"known are: {_KNOWN}"),
        ("<<<", f"known are: {_KNOWN}"),
    ],
)
def test_unknown_keys_get_the_nearest_known_one(key: str, hint: str) -> None:
    """A slip of the keyboard is named; what resembles nothing gets the whole list."""
    assert refused(f"abstract: true\n{key}: x\n") == [f"2:1: unknown key '{key}' | {hint}"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("yes", "true"),
        ("Yes", "true"),
        ("on", "true"),
        ("y", "true"),
        ("no", "false"),
        ("OFF", "false"),
        ("n", "false"),
    ],
)
def test_old_booleans_are_refused(word: str, meant: str) -> None:
    """YAML 1.1 would read them, YAML 1.2 does not: the file has to say what it means."""
    message = f"'{word}' is not a boolean | write {meant}"
    assert refused(f"abstract: {word}\n") == [f"1:11: {message}"]
    assert refused(f"python: {{managed: {word}}}\n") == [f"1:19: {message}"]


@pytest.mark.parametrize(
    "number",
    [
        "3.10", "012", "08", "1:30", "1:30:45", "190:20:30.15", "1_000", "1_000.5", "0x1F", "0o17", "0b1", "1e3",
        "1.5e-3", "1.", ".5", "-1.0", "+1.0", ".inf", "-.inf", ".NaN",
    ],
)  # fmt: skip
def test_numbers_that_readers_damage_need_quotes_in_tags(number: str) -> None:
    """What a YAML reader would turn into another text; in quotes each is a tag like any other."""
    assert refused(f"tags:\n  a: {number}\n") == [
        f'2:6: the number {number} is not kept as written | quote it: "{number}"'
    ]
    assert read(f"tags:\n  a: '{number}'\n").name == "a"
    assert read(f"variables:\n  A: {number}\n").name == "a"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("description: 'a {{ x }}'", "x"),
        ("setup: ['echo {{ params.x ~ y }}']", "y"),
        ("dependencies: ['{{ latest-pypi-version }}']", "latest"),
        ("dependencies: [pip: ['a=={{ version }}']]", "version"),
    ],
)
def test_braces_of_another_tool_are_refused_with_their_line(text: str, name: str) -> None:
    """With how to write braces that are meant literally."""
    (message,) = refused(f"abstract: true\n{text}\n")
    hint = "known are: params, matrix, environment; write '!raw' before a text with literal braces"
    assert message.startswith("2:")
    assert message.endswith(f"'{name}' is undefined | {hint}")


@pytest.mark.parametrize("text", ["dependencies: [!override a]", "setup: [!reset ]", "without: [!override a]"])
def test_the_tags_never_stand_on_a_list_item(text: str) -> None:
    """An item has nothing to replace."""
    assert any("stands on the value of a key, never on a list item | move it" in line for line in refused(text + "\n"))


@pytest.mark.parametrize("name", ["1A", "A=B", "''", "A B", "é", "A-B", '"A\\nB"'])
def test_names_of_variables_are_what_a_shell_takes(name: str) -> None:
    """No name becomes two, or another one's value."""
    (message,) = refused(f"variables:\n  {name}: x\n")
    assert message.startswith("2:3: ")
    assert message.endswith(" cannot name a variable | use letters, digits and '_', no digit first")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://example.com/", "the index 'ftp://example.com/' is not https"),
        ("file:///srv/index", "the index 'file:///srv/index' is not https"),
        ("https://user:secret@example.com/", "credentials may not stand in a file"),
        ("https://token@example.com/", "credentials may not stand in a file"),
        ("https://", "'https://' has no valid host"),
        ("https://[::1", "'https://[::1' has no valid host"),
    ],
)
def test_an_index_is_a_url_without_secrets(url: str, message: str) -> None:
    """Http or https; a damaged URL is a plain error too."""
    lines = refused(f"pip:\n  index_url: '{url}'\n")
    assert f"2:14: {message}" in [line.partition(" | ")[0] for line in lines]


@pytest.mark.parametrize("scheme", ["http", "ftp", "HTTPS"])
def test_no_message_repeats_the_secret_of_an_index(scheme: str) -> None:
    """Also when the URL is refused for another reason."""
    assert "hush" not in str(refused(f"pip: {{index_url: '{scheme}://user:hush@example.com/'}}\n"))


def test_every_problem_is_reported_in_one_go() -> None:
    """Unknown keys, wrong types, bad packages and missing files, in the order of the file."""
    text = """\
setup: make
dependencies:
  - python=abc
  - [x]
  - pip:
      - scipy=1.4.1
      - -r none.txt
      - ../../x.whl
tags: {a: 3.10, b: [x]}
extend: base
variables: {1A: x}
without: [deb/nano]
python: {version: x, managed: yes}
"""
    places = ["1:8", "3:5", "4:5", "6:9", "7:9", "8:9", "9:11", "9:20", "10:1", "11:13", "12:11", "13:19", "13:31"]
    assert [line.partition(": ")[0] for line in refused(text)] == places
