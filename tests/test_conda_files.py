"""Real conda files (DESIGN 4): each of its rules about files, keys, channels, platforms and notes."""

from pathlib import Path

import pytest
from support.manifests import PLATFORM, asked, environment, problems, resolved, write_all

from envbuild.errors import EnvbuildError
from envbuild.project import Project, Selection, check
from envbuild.project.reading import Reader
from envbuild.project.shipped import templates
from envbuild.render import Templates, render
from envbuild.resolve import Environment
from envbuild.settings import Settings
from envbuild.workspace import Workspace

_LINUX = "dependencies: [_libgcc_mutex=0.1=main, libgcc-ng=9.1.0=hdf63c60_0, zlib=1.2.11=h7b6447c_3"


def one(text: str, **files: str) -> Environment:
    return environment({"k": text, **files})


def refused(text: str) -> str:
    """The one thing that is wrong, with its hint, without the file's name."""
    (problem,) = problems({"k": text})
    return problem.removeprefix("manifests/k.yaml:").replace("\n  hint: ", " | ")


def noted(folder: Path, text: str) -> list[str]:
    """What `check` notes of a project with this one manifest, but for versions, and that there are no problems."""
    write_all(folder, {"k": text})
    checked = check(Project(folder, {}), Selection())
    assert not checked.errors
    return [
        f"{note.where.line}:{note.where.column} {note.kind}: {note.message} | {note.hint}"
        for note in checked.notes
        if not note.kind.startswith("unpinned-")
    ]


def artifact(text: str, python: str = "3.12") -> list[str]:
    """The lines of the rendered environment.yml, without the comment at its head."""
    found = render(one(text), Templates({}, templates()), python)["environment.yml"]
    return [line for line in found.splitlines() if not line.startswith("#")]


def names(folder: Path) -> list[str]:
    return [found.name for found in Reader(Workspace(folder), Settings()).environments(Selection(), PLATFORM)]


def test_files_end_in_yml_or_yaml(tmp_path: Path) -> None:
    """Both endings make an environment; others, and backups of editors, make none."""
    text = "dependencies: [numpy]\n"
    write_all(tmp_path, {f"manifests/{name}": text for name in ("a.yml", "b.yaml", "c/environment.yml")})
    (tmp_path / "manifests/d.yaml.bak").write_text(text)
    (tmp_path / "manifests/e.json").write_text("{}")
    assert names(tmp_path) == ["a", "b", "c"]


def test_both_endings_for_one_stem_are_an_error(tmp_path: Path) -> None:
    """Neither is chosen silently; the message names both files."""
    write_all(tmp_path, {f"manifests/a.{ending}": "dependencies: [numpy]\n" for ending in ("yml", "yaml")})
    with pytest.raises(EnvbuildError) as caught:
        names(tmp_path)
    assert str(caught.value) == "manifests/a.yml: 'manifests/a.yaml' is also named 'a'\n  hint: rename one of the two"


_TEXT = "name: größe\ndependencies:\n- numpy=1.26\n- pip:\n  - alpha==1.0\nvariables:\n  A: ü"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "\n"])
def test_encodings_and_line_ends_change_nothing(tmp_path: Path, encoding: str, ending: str, last: str) -> None:
    """UTF-8, UTF-16 with a byte order mark, either line end, with or without the last one: same values, same lines."""
    mark = "\ufeff" if encoding.startswith("utf-16") else ""
    path = tmp_path / "manifests/k.yml"
    path.parent.mkdir()
    path.write_bytes((mark + (_TEXT + last).replace("\n", ending)).encode(encoding))
    (found,) = Reader(Workspace(tmp_path), Settings()).environments(Selection(), PLATFORM)
    items = [f"{item.text} {item.where}" for package in found.packages for item in package.items]
    assert items == ["numpy 1.26.* manifests/k.yml:3:3", "alpha==1.0 manifests/k.yml:5:5"]
    assert [(variable.name, variable.value) for variable in found.variables] == [("A", "ü")]


def test_document_markers_around_one_document_say_nothing() -> None:
    """A leading `---` and a last `...` are allowed; a second document is refused where it starts, as conda does."""
    assert asked(one("---\ndependencies: [numpy]\n...\n")) == {"numpy": ["*"]}
    hint = "remove the '---', or make it two files"
    assert refused("dependencies: [numpy]\n---\nname: b\n") == f"2:1: a file holds one document | {hint}"


def test_anchors_and_quotes_are_read_as_yaml() -> None:
    """An alias is the value it names; block, quoted and plain text of one spec are one request."""
    text = "dependencies:\n- &a numpy >=1.2\n- >-\n  scipy\n  >=1\n- 'six >=1 # why'\n- pip: [*a]\n"
    assert asked(one(text)) == {"numpy": [">=1.2"], "scipy": [">=1"], "six": [">=1"], "pip/numpy": [">=1.2"]}


@pytest.mark.parametrize("line", ["prefix: /home/me/env", "prefix: 'C:\\env'", "category: dev", "prefix:"])
def test_prefix_and_category_are_ignored(line: str) -> None:
    """The environment is the one without them, and no value of it is theirs."""
    text = "channels: [conda-forge]\ndependencies: [numpy]\n"
    with_it, without = one(text + line + "\n"), one(text)
    assert with_it.prefix == without.prefix == "/opt/env"
    assert asked(with_it) == asked(without)


@pytest.mark.parametrize("name", ["null", "~", "", "base", "/home/me/env", "C:\\env", "'a: b'", "3.10", "[a]", "k2"])
def test_name_may_be_anything(name: str) -> None:
    """The path is the identity, also where ten files say the same name."""
    text = f"name: {name}\ndependencies: [numpy]\n"
    assert list(resolved({"a": text, "b": text})) == ["a", "b"]


def test_values_of_variables_become_strings() -> None:
    """As they are written: no number, boolean or word of old YAML is changed."""
    text = "variables: {A: 3.10, B: true, C: 012, D: 1e3, E: '', F: yes, G: 2024-01-01, H: -1, I: 1_000}\n"
    assert {variable.name: variable.value for variable in one(text).variables} == {
        "A": "3.10", "B": "true", "C": "012", "D": "1e3", "E": "", "F": "yes",
        "G": "2024-01-01", "H": "-1", "I": "1_000",
    }  # fmt: skip


def test_a_file_of_variables_alone_is_a_manifest() -> None:
    """Conda takes it, and nothing is asked for."""
    found = one("name: x\nvariables:\n  A: b\n")
    assert (asked(found), [variable.name for variable in found.variables]) == ({}, ["A"])


def test_a_pip_list_at_the_top_is_refused() -> None:
    """The hint says where it belongs."""
    message = "3:3: a list of pip packages stands at the top | indent it as '- pip:' under 'dependencies'"
    assert refused("dependencies: [numpy]\npip:\n  - alpha\n") == message


@pytest.mark.parametrize(
    ("text", "channels"),
    [
        ("channels: [defaults]", ("pkgs/main", "pkgs/r")),
        ("channels: [conda-forge, defaults]", ("conda-forge", "pkgs/main", "pkgs/r")),
        ("channels: [defaults, conda-forge, defaults]", ("pkgs/main", "pkgs/r", "conda-forge")),
        ("channels: [conda-forge, nodefaults]", ("conda-forge",)),
        ("channels: [pkgs/r, defaults]", ("pkgs/r", "pkgs/main")),
        ("channels: []", ("house", "own")),
        ("channels:", ("house", "own")),
        ("name: x", ("house", "own")),
    ],
)
def test_what_channels_mean(text: str, channels: tuple[str, ...]) -> None:
    """`defaults` is two channels, `nodefaults` is none; where there are none, the settings' hold."""
    settings = Settings(channels=("house", "own"))
    found = environment({"k": f"{text}\ndependencies: [numpy]\n"}, settings=settings)
    assert found.channels == channels


def test_nodefaults_alone_is_no_channel() -> None:
    """So the settings' channels are used."""
    found = environment({"k": "channels: [nodefaults]\ndependencies: [numpy]\n"}, settings=Settings(channels=("own",)))
    assert found.channels == ("own",)


def test_a_file_without_channels_is_noted(tmp_path: Path) -> None:
    """Once, with the channels that are used instead."""
    message = "1:1 no-channels: 'k' names no channels | name some, or keep the settings': conda-forge"
    assert noted(tmp_path, "dependencies: [numpy, scipy]\n") == [message]


def test_channels_carry_no_credentials() -> None:
    """A manifest is committed: a password in a channel's URL is refused, and is not repeated."""
    for stated in ("channels: ['https://user:hush@example.com/c']", "channels: ['https://hush@example.com/c']"):
        message = refused(f"{stated}\ndependencies: [numpy]\n")
        assert message.startswith("1:12: credentials may not stand in a file | ")
        assert "hush" not in message


def test_a_pip_list_implies_python_and_pip() -> None:
    """The rendered environment.yml names both, for conda and for pip."""
    assert artifact("dependencies: [pip: [alpha]]\n")[2:] == [
        "dependencies:", '  - "python 3.12.*"', '  - "pip"', "  - pip:", '      - "alpha"',
    ]  # fmt: skip


def test_what_is_stated_of_python_and_pip_is_not_doubled() -> None:
    """A file's own specs of the two stand, once; an empty pip list implies no pip."""
    assert artifact("dependencies: [python=3.11, pip>=23, {pip: [alpha]}]\n")[2:] == [
        "dependencies:", '  - "pip >=23"', '  - "python 3.11.*"', "  - pip:", '      - "alpha"',
    ]  # fmt: skip
    assert artifact("dependencies:\n- numpy\n- pip:\n")[2:] == ["dependencies:", '  - "python 3.12.*"', '  - "numpy"']


def test_a_folder_is_rendered_as_a_path_and_never_as_a_name() -> None:
    """`.` of `manifests/` must not become a package of that name, to be fetched from an index."""
    assert artifact("dependencies: [pip: [., -e ./sub]]\n")[-2:] == [
        '      - "./manifests"',
        '      - "-e ./manifests/sub"',
    ]


def test_the_rendered_file_asks_the_same_index() -> None:
    """Conda must not fetch from PyPI what the manifest has from elsewhere."""
    text = "dependencies:\n- pip:\n  - -i https://one.example/s --extra-index-url https://two.example/s\n  - alpha\n"
    found = environment({"k": "\n".join(artifact(text))})
    assert (found.index_url, found.keys.pip.extra_index_urls) == ("https://one.example/s", ("https://two.example/s",))


def test_sel_holds_per_platform() -> None:
    """A spec, or a list of them, for one system; `unix` is Linux and macOS."""
    text = """
        platforms: [linux-64, osx-arm64, win-64]
        dependencies:
          - numpy
          - sel(linux): numpy <2
          - sel(win): [pywin32, vc =14]
          - sel(unix): ncurses
          - sel(osx): appnope
    """
    found = one(text)
    wishes = {
        platform: {package.key: [item.wish for item in package.items] for package in found.dependencies.on(platform)}
        for platform in found.platforms
    }
    assert wishes == {
        "linux-64": {"numpy": ["*", "<2"], "ncurses": ["*"]},
        "osx-arm64": {"numpy": ["*"], "ncurses": ["*"], "appnope": ["*"]},
        "win-64": {"numpy": ["*"], "pywin32": ["*"], "vc": ["14.*"]},
    }


def test_a_contradiction_on_one_platform_only_is_found() -> None:
    """Specs of different systems never contradict each other; those of one system do."""
    text = "platforms: [linux-64, win-64]\ndependencies:\n- sel(linux): a =1\n- sel(win): a =2\n"
    assert asked(one(text)) == {"a": ["1.*", "2.*"]}
    assert "manifests/k.yaml:5:13" in refused(text + "- sel(win): a =3\n")


def test_sel_is_a_key_and_knows_its_systems() -> None:
    """An unknown system is refused; so is the whole written as one text, which would hold on every platform."""
    assert refused("dependencies:\n- sel(lunix): a\n").startswith("2:3: unknown key 'sel(lunix)' | did you mean 'sel(")
    assert refused("dependencies:\n- 'sel(linux): a'\n").startswith("2:3: ")


def test_comment_selectors_are_noted(tmp_path: Path) -> None:
    """They are comments, and each line holds everywhere; other comments, and whole lines of comment, say nothing."""
    text = """
        channels: [c]
        dependencies:
          - a  # [linux64]
          - b  #[not win]
          - c  # [osx and arm64]
          - d  # [py36]
          - e  # a list [1] of things
          - f  # see [the docs]
          # - g  # [linux]
    """
    hint = "write 'sel(linux): spec', with osx, win or unix"
    assert noted(tmp_path, text) == [
        f"{line}:8 comment-selector: '# [{what}]' is a comment: the line holds on every platform | {hint}"
        for line, what in ((3, "linux64"), (4, "not win"), (5, "osx and arm64"), (6, "py36"))
    ]


@pytest.mark.parametrize(
    ("text", "system"),
    [
        ("dependencies: [a=1=h1_0, b=2=h2_0, c=3=py38_1]\nprefix: C:\\Users\\me\\env", "Windows"),
        ("dependencies: [a=1=h1_0, b=2=h2_0, vs2015_runtime=14.16=h3_2]", "Windows"),
        ("dependencies: [a=1=h1_0, b=2=h2_0, c=3=py38_1]\nprefix: /Users/me/env", "macOS"),
        ("dependencies: [a=1=h1_0, b=2=h2_0, appnope=0.1=py38_1]\nprefix: /usr/local/env", "macOS"),
    ],
)
def test_an_export_of_another_platform_says_where_it_was_made(tmp_path: Path, text: str, system: str) -> None:
    """And what to do about it, once for the file."""
    what = f"exported on {system}: 3 packages name a build of that platform"
    hint = "export with 'conda env export --from-history', or drop what stands behind the second '='"
    found = noted(tmp_path, f"channels: [c]\nplatforms: [linux-64]\n{text}\n")
    assert found == [f"3:16 foreign-export: {what} | {hint}"]


def test_a_linux_export_with_an_openmp_of_llvm_is_not_called_a_macs(tmp_path: Path) -> None:
    """llvm-openmp is on every platform; `_libgcc_mutex` and a home folder are Linux's alone."""
    body = f"channels: [c]\nplatforms: [osx-arm64]\n{_LINUX}, llvm-openmp=11.0.0=hfc4b9b4_1]\n"
    (note,) = noted(tmp_path, body + "prefix: /home/me/env\n")
    assert note.startswith("3:16 foreign-export: exported on Linux: 4 packages ")


def test_an_export_of_the_own_platform_is_not_foreign(tmp_path: Path) -> None:
    """Its builds are there: nothing is to be said. On another platform they are not."""
    assert noted(tmp_path / "a", f"channels: [c]\nplatforms: [linux-64]\n{_LINUX}]\n") == []
    (note,) = noted(tmp_path / "b", f"channels: [c]\nplatforms: [linux-64, win-64]\n{_LINUX}]\n")
    assert "exported on Linux" in note


def test_another_tools_braces_are_refused_at_their_line() -> None:
    """Quoted or not, and the hint says how to write literal ones."""
    hint = "known are: params, matrix, environment; write '!raw' before a text with literal braces"
    for spec in ("'{{ latest-pypi-version }}'", "alpha=={{ latest-pypi-version }}"):
        text = f"dependencies:\n- numpy\n- pip:\n  - {spec}\n"
        assert refused(text) == f"4:5: 'latest' is undefined | {hint}"
    assert refused("name: x\ndependencies:\n- {{ cookiecutter.name }}\n").startswith("3:4: '{{' starts a value ")
    assert refused("name: x\n{% set v = 1 %}\ndependencies: [a]\n").startswith("2:")
    assert asked(one("setup: [!raw 'echo {{ x }}']\ndependencies: [a]\n")) == {"a": ["*"]}
