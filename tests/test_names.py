"""The name of an environment is the path of its manifest."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.project import Project

from envbuild.errors import EnvbuildError, raise_all
from envbuild.globs import expand_braces, fixed_folder, is_glob, matcher
from envbuild.names import name_all, name_of

DEFAULT = "manifests/**/*.{yaml,yml}"
_SEGMENT = "[a-z0-9]+(?:(?:[.]|_|__|-+)[a-z0-9]+)*"
REPOSITORY = re.compile(f"{_SEGMENT}(?:/{_SEGMENT})*")  # what the distribution specification allows


@pytest.mark.parametrize(
    ("path", "pattern", "name"),
    [
        ("manifests/churn/train.yaml", DEFAULT, "churn/train"),
        ("manifests/train.yml", DEFAULT, "train"),
        ("services/web/environment.yml", "services/*/environment.yml", "web"),
        ("services/web/Environment.yml", "services/*/*.yml", "web"),
        ("manifests/a/environment/environment.yaml", DEFAULT, "a/environment"),
        ("manifests/environment/x.yaml", DEFAULT, "environment/x"),
        ("manifests/environment.yaml", DEFAULT, "environment"),
        ("environment.yml", "environment.yml", "environment"),
        ("a/b/train.yaml", "a/b/train.yaml", "train"),
        ("train.yaml", "*.yaml", "train"),
        ("a/train.yaml", "**/*.yaml", "a/train"),
        ("a/x-1/train.yaml", "a/x-?/train.yaml", "x-1/train"),
        ("a/x/train.yaml", "a/{x,y}/train.yaml", "x/train"),
        ("manifests/Churn/Train V2.yaml", DEFAULT, "churn/train-v2"),
        ("manifests/a+b@c.yaml", DEFAULT, "a-b-c"),
        ("manifests/caf\u00e9 x.yaml", DEFAULT, "caf--x"),
        ("manifests/-_.x.-_.yaml", DEFAULT, "x"),
        ("manifests/.hidden.yaml", DEFAULT, "hidden"),
        ("manifests/a.b_c__d-e--f.yaml", DEFAULT, "a.b_c__d-e--f"),
        ("manifests/a..b.yaml", DEFAULT, "a-b"),
        ("manifests/a___b.yaml", DEFAULT, "a-b"),
        ("manifests/a._-b.yaml", DEFAULT, "a-b"),
        ("manifests/x.yaml.yml", DEFAULT, "x.yaml"),
    ],
)
def test_the_path_names(path: str, pattern: str, name: str) -> None:
    """Below the fixed part of the glob, folded to what a registry allows, a last `environment` dropped."""
    assert name_of(path, pattern) == name
    assert REPOSITORY.fullmatch(name)


@pytest.mark.parametrize("path", ["manifests/\u00e9.yaml", "manifests/-.yaml", "manifests/_/x.yaml", "manifests/.yaml"])
def test_a_path_with_nothing_to_name_is_an_error(path: str) -> None:
    """A part of which nothing is left cannot stand in a name."""
    with pytest.raises(EnvbuildError) as caught:
        name_of(path, DEFAULT)
    message = "nothing of this file's path can name an environment\n  hint: use letters and digits"
    assert str(caught.value) == f"{path}: {message}"


_PART = st.text(st.characters(exclude_characters="/\0"), min_size=1) | st.sampled_from(
    ["environment", "A", "-", "\u0130"]
)


@given(st.lists(_PART, min_size=1, max_size=4), st.sampled_from([".yaml", ".yml"]))
@example(["\u0130\u212a", "ENVIRONMENT"], ".yml")
def test_a_name_is_always_a_valid_repository(parts: list[str], ending: str) -> None:
    """For any file at all: a valid name, the same for the same file, or a plain error."""
    path = f"manifests/{'/'.join(parts)}{ending}"
    try:
        name = name_of(path, DEFAULT)
    except EnvbuildError as error:
        assert str(error.where) == path  # noqa: PT017 - both ends are right, and each is checked
    else:
        assert REPOSITORY.fullmatch(name)
        assert name_of(f"manifests/{name}/environment.yaml", DEFAULT) == name


@pytest.mark.parametrize(
    ("pattern", "expanded"),
    [
        ("a.{yaml,yml}", ["a.yaml", "a.yml"]),
        ("{a,b}/{c,d}", ["a/c", "a/d", "b/c", "b/d"]),
        ("{a,{b,c}}", ["a", "b", "a", "c"]),
        ("a{,b}", ["a", "ab"]),
        ("a", ["a"]),
        ("{a", ["{a"]),
    ],
)
def test_braces_are_expanded(pattern: str, expanded: list[str]) -> None:
    """As a shell does, which Python's glob does not."""
    assert sorted(set(expand_braces(pattern))) == sorted(set(expanded))


@pytest.mark.parametrize(
    ("pattern", "matched", "passed_over"),
    [
        (DEFAULT, ["manifests/a.yaml", "manifests/a/b/c.yml"], ["manifests/a.txt", "a.yaml", "manifests/a.yamlx"]),
        ("*", ["a", ".a"], ["a/b"]),
        ("a/*", ["a/b"], ["a", "a/b/c"]),
        ("a/**", ["a/b", "a/b/c"], ["ab"]),
        ("**/x", ["x", "a/x", "a/b/x"], ["ax"]),
        ("a?c", ["abc"], ["ac", "a/c"]),
        ("[ab]", ["a", "b"], ["c"]),
        ("[!ab]", ["c"], ["a", "/"]),
        ("[a-c]x", ["bx"], ["dx"]),
        ("a.b+c", ["a.b+c"], ["aXb+c", "a.bbc"]),
        ("{a,b}*", ["ax", "b"], ["c"]),
    ],
)
def test_globs_match_as_in_a_shell(pattern: str, matched: list[str], passed_over: list[str]) -> None:
    """A star stays within a folder, two cross folders, and nothing else is special."""
    match = matcher(pattern).fullmatch
    assert [path for path in [*matched, *passed_over] if match(path)] == matched


@given(st.text("ab*?[]!^-{},/.\\&|~") | st.text())
@example("[b-a]")
@example("[!]")
@example("[[a]")
@example("[a&&b]")
def test_any_text_is_a_glob(pattern: str) -> None:
    """None is too odd to match with; a warning of Python's would be an error here."""
    try:
        matcher(pattern).fullmatch("a/b")
    except EnvbuildError:
        return  # to refuse it is right as well


@pytest.mark.parametrize(
    ("pattern", "folder"), [(DEFAULT, "manifests"), ("*.yaml", ""), ("a/b*/c", "a"), ("a/b.yaml", "a"), ("a.yaml", "")]
)
def test_the_fixed_folder_ends_before_the_first_wildcard(pattern: str, folder: str) -> None:
    """Where to look, and what names leave out."""
    assert fixed_folder(pattern) == folder
    assert is_glob(pattern) == any(sign in pattern for sign in "*?[{")


def test_the_first_glob_that_matches_names() -> None:
    """A file that two globs match has one name."""
    assert name_all(["a/b/c.yaml"], ("a/b/*.yaml", "a/**/*.yaml")).paths == {"c": "a/b/c.yaml"}
    assert name_all(["a/b/c.yaml"], ("a/**/*.yaml", "a/b/*.yaml")).paths == {"b/c": "a/b/c.yaml"}


def test_files_of_one_name_are_each_an_error() -> None:
    """All of them, however many, and the name is wrong for whoever asks for it."""
    names = name_all(["manifests/a.yaml", "manifests/a.yml", "manifests/A.yaml", "manifests/b.yaml"], (DEFAULT,))
    with pytest.raises(EnvbuildError) as caught:
        raise_all(names.problems.values())
    assert [str(problem) for problem in caught.value.problems] == [
        "manifests/a.yaml: 'manifests/A.yaml' is also named 'a'\n  hint: rename one of the two",
        "manifests/a.yml: 'manifests/A.yaml' is also named 'a'\n  hint: rename one of the two",
    ]
    with pytest.raises(EnvbuildError, match="is also named 'a'"):
        names.path("a")
    assert names.path("b") == "manifests/b.yaml"


def test_curated_names_are_reserved() -> None:
    """A name may begin with the word, not with the folder."""
    names = name_all(["manifests/curated/a.yaml", "manifests/curated-b.yaml"], (DEFAULT,))
    with pytest.raises(EnvbuildError) as caught:
        names.path("curated/a")
    message = "the name 'curated/a' is reserved\n  hint: choose another: those under curated/ are envbuild's own"
    assert str(caught.value) == f"manifests/curated/a.yaml: {message}"
    assert names.path("curated-b") == "manifests/curated-b.yaml"


def test_only_manifests_are_found(project: Project) -> None:
    """Locks, records, git's files, templates and the settings are none, even where a glob reaches them."""
    project.write("envbuild.yaml", "manifests: ['**/*.{yaml,yml}']\ntemplates: [own/templates]\n")
    for folder in ("locks", ".git", ".envbuild", "own/templates", "deep/.git"):
        project.write(f"{folder}/no.yaml", "no\n")
    for path in ("a.yaml", "deep/b.yml", "own/c.yaml", "deep/locks/d.yaml"):
        project.write(path, "setup: [make]\n")
    steps = project.json("plan")["steps"]
    assert [step["environment"] for step in steps] == ["a", "deep/b", "deep/locks/d", "own/c"]


def test_names_are_judged_when_they_are_needed(project: Project) -> None:
    """A clash stops whoever asks for the name, by name or glob, and everything; nobody else."""
    for path in ("a.yaml", "a.yml", "b.yaml", "curated/c.yaml"):
        project.write(f"manifests/{path}", "setup: [make]\n")
    clash = "manifests/a.yml: 'manifests/a.yaml' is also named 'a'\n  hint: rename one of the two\n"
    reserved = (
        "manifests/curated/c.yaml: the name 'curated/c' is reserved\n"
        "  hint: choose another: those under curated/ are envbuild's own\n"
    )
    assert project.run("plan", check=1).err == clash + reserved
    assert project.run("plan", "a", check=1).err == clash
    assert project.run("plan", "?", check=1).err == clash
    assert project.run("plan", "b").out.endswith("Plan: 1 to create, 0 unchanged.\n")


def test_a_glob_that_reaches_a_reserved_name_says_so(project: Project) -> None:
    """It is not that nothing matches."""
    project.write("manifests/curated/c.yaml", "setup: [make]\n")
    assert "the name 'curated/c' is reserved" in project.run("plan", "curated/*", check=1).err


def test_a_parent_that_no_glob_reaches_is_never_built(project: Project) -> None:
    """A file reached only through `extends` gives its content and no environment."""
    project.write("shared/base.yaml", "setup: [make]\n")
    project.write("manifests/a.yaml", "extends: ../shared/base.yaml\n")
    assert [step["environment"] for step in project.json("plan")["steps"]] == ["a"]
