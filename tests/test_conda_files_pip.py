"""Real conda files (DESIGN 4): packages named twice, pip lists and their options, one package of both managers."""

from pathlib import Path
from typing import Any

import pytest
from support.manifests import asked, environment, flow, problems, write_all
from support.project import Project as CommandLine

from envbuild.project import Project, Selection, check
from envbuild.project.shipped import templates
from envbuild.render import Templates, render
from envbuild.resolve import Environment, explain, resolved_text
from envbuild.settings import Settings


def pip(*items: str, **files: str) -> Environment:
    """The environment of one manifest with a pip list, an item to a line from the third on."""
    return environment({"k": listed(*items), **{f"manifests/{name}.txt": text for name, text in files.items()}})


_ON_CHANNELS_AND_VERSIONS = {"no-channels", "unpinned-conda", "unpinned-pip", "implied-pip"}


def listed(*items: str) -> str:
    return "dependencies:\n- pip:\n" + "".join(f"  - {flow(item)}\n" for item in items)


def refused(text: str) -> str:
    (problem,) = problems({"k": text})
    return problem.removeprefix("manifests/k.yaml:").replace("\n  hint: ", " | ")


def noted(folder: Path, text: str, settings: str = "", **files: str) -> list[str]:
    """The notes of a project with this one manifest, but for those on channels and versions."""
    write_all(
        folder, {"k": text, "envbuild.yaml": settings, **{f"manifests/{key}.txt": of for key, of in files.items()}}
    )
    checked = check(Project(folder, {}), Selection())
    assert not checked.errors
    told = [one for one in checked.notes if one.kind not in _ON_CHANNELS_AND_VERSIONS]
    return [f"{one.where} {one.kind}: {one.message} | {one.hint}" for one in told]


def said(found: Environment) -> dict[str, Any]:
    """What the keys of `pip` come to."""
    keys = found.keys.pip
    stated = {name: getattr(keys, name) for name in type(keys).__struct_fields__}
    return {name: value for name, value in stated.items() if value}


def items_of(found: Environment) -> dict[str, str]:
    return {package.key: " and ".join(item.text for item in package.items) for package in found.packages}


def test_a_package_named_twice_means_both_specs() -> None:
    """For either manager, and beside a pip package of its name."""
    found = environment({"k": "dependencies: [numpy >=1.2, NumPy <2, {pip: [alpha>1, Alpha<3, numpy]}]\n"})
    assert asked(found) == {"numpy": [">=1.2", "<2"], "pip/alpha": [">1", "<3"], "pip/numpy": ["*"]}


_CHILD = "keep one of them, or let the manifest that extends both say which holds"


@pytest.mark.parametrize(
    ("first", "second", "shown"),
    [
        ("a =1.2", "a =1.3", ("1.2.*", "1.3.*")),
        ("a ==1.2", "a ==1.3", ("==1.2", "==1.3")),
        ("a >=2", "a <2", (">=2", "<2")),
        ("a =1.2=py_0", "a >=1.3", ("==1.2 py_0", ">=1.3")),
        ("python =3.8", "python >=3.9", ("3.8.*", ">=3.9")),
        (
            "https://example.com/c/linux-64/a-1.0-0.conda",
            "https://example.com/c/linux-64/a-2.0-0.conda",
            ("https://example.com/c/linux-64/a-1.0-0.conda", "https://example.com/c/linux-64/a-2.0-0.conda"),
        ),
    ],
)
def test_a_conda_contradiction_names_both_lines(first: str, second: str, shown: tuple[str, str]) -> None:
    """And what each of the two asks for."""
    name = first.split(maxsplit=1)[0] if "/" not in first else "a"
    text = f"dependencies:\n- {first}\n- other\n- {second}\n"
    both = f"'{shown[0]}' and '{shown[1]}' at manifests/k.yaml:4:3"
    assert refused(text) == f"2:3: no {name} can be both {both} | {_CHILD}"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a ==2.0rc1", "a <2"),
        ("a ==1.0.post1", "a >1.0"),
        ("a ==1.2.dev1", "a <1.2"),
        ("a >=1", "a >=2"),
        ("a =1.2", "a =1.2.3"),
        ("a =1.1.1k", "a =1.1.1"),
        ("a =1|=2", "a =3"),
    ],
)
def test_only_what_conda_could_never_meet_is_a_contradiction(first: str, second: str) -> None:
    """By conda's order of versions, in which 2.0rc1 is less than 2; what is not provable is left to the solver."""
    assert len(asked(environment({"k": f"dependencies: [{flow(first)}, {flow(second)}]\n"}))["a"]) == 2


_KINDS = {
    "Alpha.X[b, a] >=1,<2": ("pip/alpha-x", "alpha-x[a,b]<2,>=1"),
    "alpha==1.*": ("pip/alpha", "alpha==1.*"),
    "alpha (>=1)": ("pip/alpha", "alpha>=1"),
    "alpha >= 1  # why": ("pip/alpha", "alpha>=1"),
    "alpha; python_version < '3'": ("pip/alpha", 'alpha; python_version < "3"'),
    "https://example.com/a.tar.gz": ("pip/https://example.com/a.tar.gz", "https://example.com/a.tar.gz"),
    "https://example.com/a-1-py3-none-any.whl": ("pip/a", "a @ https://example.com/a-1-py3-none-any.whl"),
    "https://example.com/a-1-py3-none-any.whl ; python_version < '3'": (
        "pip/a",
        'a @ https://example.com/a-1-py3-none-any.whl ; python_version < "3"',
    ),
    "git+https://example.com/a.git@v1": ("pip/git+https://example.com/a.git@v1", "git+https://example.com/a.git@v1"),
    "git+https://example.com/a.git#egg=A_b": ("pip/a-b", "a-b @ git+https://example.com/a.git#egg=A_b"),
    "git+ssh://git@example.com/a.git": ("pip/git+ssh://git@example.com/a.git", "git+ssh://git@example.com/a.git"),
    "a @ git+https://example.com/a.git": ("pip/a", "a @ git+https://example.com/a.git"),
    "-e git+https://example.com/a.git#egg=a": ("pip/a", "a @ git+https://example.com/a.git#egg=a"),
    "./a-1-py3-none-any.whl": ("pip/a", "manifests/a-1-py3-none-any.whl"),
    "../wheels/a-1-py3-none-any.whl": ("pip/a", "wheels/a-1-py3-none-any.whl"),
    "sub/folder": ("pip/manifests/sub/folder", "manifests/sub/folder"),
    "..": ("pip/.", "."),
    ".": ("pip/manifests", "manifests"),
    "-e .": ("pip/manifests", "manifests"),
    "--editable=../src": ("pip/src", "src"),
}


@pytest.mark.parametrize("item", _KINDS)
def test_every_kind_of_pip_item_is_read(item: str) -> None:
    """Requirements, URLs and repositories with and without a name, folders and wheels inside the project."""
    key, text = _KINDS[item]
    assert items_of(pip(item)) == {key: text}


@pytest.mark.parametrize(
    "item", ["-e ./src[Test, b_c]", "./src[test,b-c]", "src @ ./src[test,b_c]", "src[b_c,test] @ ./src"]
)
def test_extras_of_a_folder_are_kept(item: str) -> None:
    """Where it is resolved, and in what is rendered."""
    found = pip(item)
    assert found.packages[0].items[0].extras == ("b-c", "test")
    assert "[b-c,test]" in resolved_text(found)
    assert "[b-c,test]" in render(found, Templates({}, templates()), "3.12")["environment.yml"]


@pytest.mark.parametrize("item", ["git@example.com:a/b.git", "a @ -e .", "alpha==1=py38_0", "alpha=>1", "alpha 1.0"])
def test_what_pip_cannot_read_is_refused(item: str) -> None:
    """None of it becomes a folder or a package of another name."""
    assert refused(listed(item)).startswith("3:5: ")


def test_an_item_of_several_lines_is_as_many_items() -> None:
    """Conda writes the list to a requirements file, so that each line counts; constraints among them too."""
    text = "dependencies:\n- pip:\n  - |\n    -c limits.txt\n    -e ..[doc]\n    alpha>=1\n  - beta\n"
    found = environment({"k": text, "manifests/limits.txt": "alpha<2\n"})
    assert asked(found) == {"pip/.": ["[doc] ."], "pip/alpha": [">=1"], "pip/beta": ["*"]}
    assert [item.text for package in found.limits.every for item in package.items] == ["alpha<2"]


def test_editable_holds_for_folders_and_is_dropped_from_urls(tmp_path: Path) -> None:
    """The drop is noted at each line, also of a requirements file."""
    items = (
        "-e ./src",
        "-e git+https://example.com/a.git#egg=a",
        "--editable git+ssh://git@example.com/b.git",
        "-r r.txt",
    )
    more = "alpha\n-e git+https://example.com/c.git#egg=c\n"
    found = pip(*items, r=more)
    assert [item.editable for package in found.packages for item in package.items if item.path] == [True]
    assert not any(item.editable for package in found.packages for item in package.items if item.url)
    message = "editable-url: '-e' before a URL is dropped: a repository is installed as it is at its commit"
    assert noted(tmp_path, listed(*items), r=more) == [
        f"{where} {message} | remove '-e'"
        for where in ("manifests/k.yaml:4:5", "manifests/k.yaml:5:5", "manifests/r.txt:2:1")
    ]


@pytest.mark.parametrize("include", ["-r r.txt", "-r file:r.txt", "-rr.txt", "--requirement=file:r.txt", "-r ./r.txt"])
def test_requirement_files_of_the_project_are_read(include: str) -> None:
    """With their own options and constraints; each item knows its file."""
    found = pip(include, r="alpha\n-c file:c.txt\n--extra-index-url https://two.example/simple\n", c="alpha<2\n")
    assert [str(package.items[0].where) for package in found.packages] == ["manifests/r.txt:1:1"]
    assert [item.text for package in found.limits.every for item in package.items] == ["alpha<2"]
    assert said(found) == {"extra_index_urls": ("https://two.example/simple",)}


_ONE, _TWO, _THREE = (f"https://{name}.example/simple" for name in ("one", "two", "three"))


@pytest.mark.parametrize(
    ("items", "keys"),
    [
        ([f"-i {_ONE}"], {"index_url": _ONE}),
        ([f"-i{_ONE}"], {"index_url": _ONE}),
        ([f"--index-url={_ONE}"], {"index_url": _ONE}),
        ([f"--index-url {_ONE} --extra-index-url={_TWO}"], {"index_url": _ONE, "extra_index_urls": (_TWO,)}),
        ([f"--extra-index-url {_TWO}", f"--extra-index-url {_THREE}"], {"extra_index_urls": (_TWO, _THREE)}),
        ([f"-f {_ONE}", "--find-links=./wheels"], {"find_links": (_ONE, "manifests/wheels")}),
        ([f"-i {_ONE}", f"-i {_ONE}"], {"index_url": _ONE}),
        (["--pre"], {"prerelease": True}),
        ([f"--pre -i {_ONE}"], {"index_url": _ONE, "prerelease": True}),
        (["--no-binary a,b", "--no-binary=:all:"], {"no_binary": ("a", "b", ":all:")}),
    ],
)
def test_options_become_keys_of_pip(items: list[str], keys: dict[str, Any]) -> None:
    """Several to a line, with a blank or `=`; none is left among the packages."""
    found = pip(*items, "alpha")
    assert (said(found), asked(found)) == (keys, {"pip/alpha": ["*"]})


def test_moved_options_are_seen_with_their_lines(project: CommandLine) -> None:
    """`explain` names the line of the option, and `show --resolved` writes the keys and no option."""
    project.write("manifests/k.yaml", listed(f"-i {_ONE} --extra-index-url={_TWO}", "--pre", "--no-binary a", "alpha"))
    rows = project.json("explain", "k", "pip")["values"]
    assert [(row["field"], row["value"], row["where"]) for row in rows if row["field"].startswith("pip")] == [
        ("pip.index_url", f'"{_ONE}"', "manifests/k.yaml:3:5"),
        ("pip.extra_index_urls", f'["{_TWO}"]', "manifests/k.yaml:3:5"),
        ("pip.prerelease", "true", "manifests/k.yaml:4:5"),
        ("pip.no_binary", "[a]", "manifests/k.yaml:5:5"),
    ]
    shown = project.run("show", "k", "--resolved").out
    keys = (
        f'pip:\n  index_url: "{_ONE}"\n  extra_index_urls:\n    - "{_TWO}"\n  prerelease: true\n  no_binary:\n    - a\n'
    )
    assert keys in shown
    assert "  - pip:\n      - alpha\n" in shown


_SPELLINGS = {
    "scipy=1.4.1": "'scipy=1.4.1': not a requirement that pip reads | pip compares with two signs: scipy==1.4.1",
    "--trusted-host example.com": "the option '--trusted-host' is not read here | remove it",
    "--no-deps": "the option '--no-deps' is not read here | remove it",
    "--extra-index-url=": "the option '--extra-index-url' has no value | write '--extra-index-url VALUE'",
    "-i": "the option '-i' has no value | write '-i VALUE'",
    "-r https://example.com/r.txt": "'https://example.com/r.txt' is not in the project | commit a copy and name that",
    "-c https://example.com/c.txt": "'https://example.com/c.txt' is not in the project | commit a copy and name that",
    "-i https://user:secret@example.com/simple": (
        "credentials may not stand in a file | use 'secrets' in envbuild.yaml, or a netrc file"
    ),
}


@pytest.mark.parametrize("item", _SPELLINGS)
def test_what_is_not_taken_over_is_refused_with_the_right_spelling(item: str) -> None:
    """Other options, remote files, broken specs, secrets: at their line."""
    assert refused(listed("alpha", item)) == f"4:5: {_SPELLINGS[item]}"


def test_nulls_are_refused_where_they_stand() -> None:
    """An item that is only a dash, in either list."""
    assert refused("dependencies:\n- numpy\n-\n").startswith(
        "3:2: an item of 'dependencies' must be text, not nothing |"
    )
    assert refused("dependencies:\n- pip:\n  - alpha\n  -\n").startswith(
        "4:4: an item of 'pip' must be text, not nothing |"
    )


def test_two_indexes_contradict_each_other() -> None:
    """Neither is dropped silently; a key and an option, too."""
    assert refused(listed(f"-i {_ONE}", f"-i {_TWO}")) == "4:5: another index is stated at line 3 | keep one of the two"
    assert refused(f"pip: {{index_url: '{_ONE}'}}\n{listed(f'-i {_TWO}')}").startswith("4:5: another index is stated ")


_TWICE = "conda and pip are both asked for {}, the other at manifests/k.yaml:1:16: pip's holds | keep one of the two"


@pytest.mark.parametrize(
    ("conda", "item", "name"),
    [
        ("numpy=1.2", "numpy==1.3", "numpy"),
        ("typing_extensions", "typing-extensions>4", "typing-extensions"),
        ("pytorch=0.3.1", "torch==0.3.1.post2", "torch"),
    ],
)
def test_what_both_managers_are_asked_for_is_noted(tmp_path: Path, conda: str, item: str, name: str) -> None:
    """Pip's holds, and the note stands at its line; PyPI's other name of a conda package is known."""
    at = len(f"dependencies: [{conda}, {{pip: [") + 1
    found = noted(tmp_path, f"dependencies: [{conda}, {{pip: [{item}]}}]\n")
    assert found == [f"manifests/k.yaml:1:{at} asked-twice: {_TWICE.format(name)}"]


def test_packages_that_only_share_a_name_are_told_apart(tmp_path: Path) -> None:
    """In conda graphviz is the program, in PyPI the binding to it; `pypi_names` names what is one under two names."""
    assert noted(tmp_path / "a", "dependencies: [graphviz, {pip: [graphviz]}]\n") == []
    text = "dependencies: [house-lib, {pip: [houselib]}]\n"
    assert noted(tmp_path / "b", text) == []
    (note,) = noted(tmp_path / "c", text, "pypi_names: {house-lib: houselib}\n")
    assert note.endswith(_TWICE.format("houselib"))


def test_explain_lists_each_package_of_a_conda_file() -> None:
    """By its manager, with the line that asks for it."""
    found = environment({"k": "dependencies:\n- numpy=1.2\n- pip:\n  - alpha==1\n"})
    rows = [(row.field, row.value, row.where) for row in explain(found, Settings()) if row.field.startswith("depend")]
    assert rows == [
        ("dependencies.numpy", "numpy 1.2.*", "manifests/k.yaml:2:3"),
        ("dependencies.pip/alpha", "alpha==1", "manifests/k.yaml:4:5"),
    ]
