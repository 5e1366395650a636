"""Selections (DESIGN 11): names, globs, groups, tags, what to exclude and how far to go, the same in every command."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from support.manifests import PLATFORM, Body, write_all
from support.project import Project

from envbuild.cli.app import COMMANDS, app
from envbuild.errors import EnvbuildError, UsageError
from envbuild.project import Selection
from envbuild.project.reading import Reader, read_settings
from envbuild.workspace import Workspace

FLEET: dict[str, str | Body] = {
    "base": "abstract: true\ntags: {team: growth}\nvariables: {A: '1'}\n",
    "gpu": "abstract: true\nextends: base\n",
    "churn/train": "extends: base\n",
    "churn/tune": "extends: [churn/train, gpu]\ntags: {team: ads}\n",
    "report": "extends: ../shared/r.yaml\n",
    "shared/r.yaml": "extends: churn/train\ntags: {team: sales}\n",
    "image": "builder: oci\nimage: {prefix: /i}\n",
    "web": "builder: oci\nimage: {prefix: /w, base: {environment: image}}\n",
    "api": """
        builder: oci
        extends: base
        image: {prefix: /a, with: [web], copy: [{from: {environment: image, path: b}, to: /b}]}
        """,
    "other": "setup: [make]\n",
    "envbuild.yaml": "groups: {churn: ['churn/*'], two: [web, other], none: [], idle: [nowhere], parents: [base]}\n",
}  # fmt: skip
MATRIX: dict[str, str | Body] = {
    "p": "abstract: true\n",
    "k": "extends: p\nbuilder: oci\nmatrix: {v: [1, 2]}\nimage: {prefix: '/k'}\n",
    "heir": "extends: k\nmatrix: !reset\nimage: {prefix: /h}\n",
    "user": "builder: oci\nmatrix: {v: [1, 2], w: [x]}\nimage: {prefix: '/u', base: {environment: k}}\n",
    "last": "builder: oci\nimage: {prefix: /l, with: [user-1-x]}\n",
}


def named(files: Mapping[str, str | Body], *patterns: str, **options: object) -> list[str]:
    """The names of what a selection means."""
    with tempfile.TemporaryDirectory(prefix="selection-") as folder:
        write_all(Path(folder), files)
        workspace = Workspace(Path(folder))
        reader = Reader(workspace, read_settings(workspace))
        selection = Selection(patterns, **options)  # type: ignore[arg-type]
        return [one.name for one in reader.environments(selection, PLATFORM)]


def refused(files: Mapping[str, str | Body], *patterns: str, **options: object) -> str:
    with pytest.raises(UsageError) as caught:
        named(files, *patterns, **options)
    return str(caught.value)


EVERY = ["api", "churn/train", "churn/tune", "image", "other", "report", "web"]


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (["base"], ["api", "churn/train", "churn/tune", "report"]),
        (["gpu"], ["churn/tune"]),
        (["b*"], ["api", "churn/train", "churn/tune", "report"]),
        (["@parents"], ["api", "churn/train", "churn/tune", "report"]),
        (["churn/train"], ["churn/train", "churn/tune", "report"]),
        (["image"], ["api", "image", "web"]),
        (["web", "gpu"], ["api", "churn/tune", "web"]),
        (["other"], ["other"]),
        ([], EVERY),
    ],
)
def test_with_dependents(patterns: list[str], names: list[str]) -> None:
    """All that extends these, directly or not, by name or path, or is built from them; of a parent what it makes."""
    assert named(FLEET, *patterns, with_dependents=True) == names


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (["churn/tune"], ["churn/train", "churn/tune"]),
        (["report"], ["churn/train", "report"]),
        (["api"], ["api", "image", "web"]),
        (["web"], ["image", "web"]),
        (["other", "web"], ["image", "other", "web"]),
        ([], EVERY),
    ],
)
def test_with_dependencies(patterns: list[str], names: list[str]) -> None:
    """All that these extend or are built from, as far as it can be built: no parent that is abstract."""
    assert named(FLEET, *patterns, with_dependencies=True) == names


def test_both_directions() -> None:
    """First what depends on it, then what all of these need."""
    assert named(FLEET, "web", with_dependents=True, with_dependencies=True) == ["api", "image", "web"]
    assert named(FLEET, "gpu", with_dependents=True, with_dependencies=True) == ["churn/train", "churn/tune"]


def test_tags_choose_among_what_is_named_and_not_among_what_that_brings_in() -> None:
    """What is made from a parent is what its name means."""
    growth, ads = (("team", "growth"),), (("team", "ads"),)
    assert named(FLEET, tags=growth) == ["api", "churn/train"]
    assert named(FLEET, tags=growth, with_dependents=True) == ["api", "churn/train", "churn/tune", "report"]
    assert named(FLEET, "base", tags=ads, with_dependents=True) == ["churn/tune"]
    assert named(FLEET, tags=ads, with_dependencies=True) == ["churn/train", "churn/tune"]


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        (Selection(exclude=("churn/*",)), ["api", "image", "other", "report", "web"]),
        (Selection(exclude=("@churn", "@two")), ["api", "image", "report"]),
        (Selection(("churn/*",), exclude=("churn/tune",)), ["churn/train"]),
        (Selection(("churn/*", "web"), exclude=("base",)), ["churn/train", "churn/tune", "web"]),
        (Selection(("base",), exclude=("churn/train",), with_dependents=True), ["api", "churn/tune", "report"]),
        (Selection(("image",), exclude=("image",), with_dependents=True), ["api", "web"]),
        (Selection(("api",), exclude=("web",), with_dependencies=True), ["api", "image"]),
        (Selection(tags=(("team", "growth"),), exclude=("api",)), ["churn/train"]),
    ],
)
def test_what_is_excluded_is_left_out(selection: Selection, names: list[str]) -> None:
    """Whatever brought it in; and it still passes on what depends on it and what it needs."""
    options = {name: getattr(selection, name) for name in ("tags", "exclude", "with_dependents", "with_dependencies")}
    assert named(FLEET, *selection.patterns, **options) == names


@pytest.mark.parametrize(
    ("patterns", "options", "told"),
    [
        ([], {"exclude": ("chrun/train",)}, "is named 'chrun/train'\n  hint: did you mean 'churn/train'?"),
        (["web"], {"exclude": ("wbe",)}, "no environment is named 'wbe'\n  hint: did you mean 'web'?"),
        ([], {"exclude": ("churn/x*",)}, "no environment matches 'churn/x*'\n  hint: did you mean 'churn/tune'?"),
        ([], {"exclude": ("@idle",)}, "no environment is named 'nowhere'"),
        (["@chrun"], {}, "no group is named 'chrun'\n  hint: did you mean 'churn'?"),
        ([], {"exclude": ("@chrun",)}, "no group is named 'chrun'\n  hint: did you mean 'churn'?"),
        (["@none"], {}, "the group 'none' is empty\n  hint: list names or globs in envbuild.yaml"),
        (["@parents"], {}, "'base' is abstract"),
        (["base"], {"with_dependencies": True}, "'base' is abstract: it is only extended, never built"),
        (["web"], {"exclude": ("web",)}, "nothing is left: all that was selected is excluded\n  hint: exclude less"),
        ([], {"exclude": ("**",)}, "nothing is left"),
        (["@two"], {"exclude": ("@two",)}, "nothing is left"),
        ([], {"tags": (("team", "x"),), "with_dependents": True}, "no environment is tagged team=x"),
    ],
)  # fmt: skip
def test_what_cannot_be_selected(patterns: list[str], options: dict[str, object], told: str) -> None:
    """Names and globs that mean nothing, and what leaves nothing: 64, with a hint."""
    assert told in refused(FLEET, *patterns, **options)


@pytest.mark.parametrize(
    ("patterns", "options", "hint"),
    [
        (["manifests/churn/train.yaml"], {}, "did you mean 'churn/train'?"),
        (["./manifests/web.yaml"], {}, "did you mean 'web'?"),
        (["web@3"], {}, "name it without a version: web"),
        ([], {"tags": (("team", "growht"),)}, "did you mean 'growth'?"),
        ([], {"tags": (("team", "growth"), ("team", "ads"))}, "'envbuild list' shows all tags"),
    ],
)
def test_what_was_probably_meant(patterns: list[str], options: dict[str, object], hint: str) -> None:
    """A path, a version, a misspelt tag; tags that each are there, but not together."""
    assert hint in refused(FLEET, *patterns, **options)


@pytest.mark.parametrize(
    ("pattern", "hint"),
    [
        ("web@3", "name it without a version: web"),
        ("manifests/churn/train.yaml", "did you mean 'churn/train'?"),
        ("wbe", "did you mean 'web'?"),
    ],
)
def test_what_was_probably_meant_where_there_are_no_cells(pattern: str, hint: str) -> None:
    """The same, though nothing has to be read to know it."""
    assert hint in refused({"web": "", "churn/train": ""}, pattern)


def test_a_parent_that_nothing_extends() -> None:
    """Of it nothing is made."""
    files = {**FLEET, "idle": "abstract: true\n"}
    assert refused(files, "idle", with_dependents=True).startswith("nothing is made from 'idle'\n  hint: ")


def test_a_group_holds_no_group() -> None:
    """An error of the settings at its line, with what to write instead."""
    files = {**FLEET, "envbuild.yaml": "groups:\n  all: ['@two', web]\n  two: [web]\n"}
    with pytest.raises(EnvbuildError) as caught:
        named(files, "web")
    assert str(caught.value) == (
        "envbuild.yaml:2:9: '@two': a group holds no other group\n  hint: write the names and globs of 'two' here"
    )


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        (Selection(("k-1",), with_dependents=True), ["heir", "k-1", "last", "user-1-x"]),
        (Selection(("k-2",), with_dependents=True), ["heir", "k-2", "user-2-x"]),
        (Selection(("k",), with_dependents=True), ["heir", "k-1", "k-2", "last", "user-1-x", "user-2-x"]),
        (Selection(("p",), with_dependents=True), ["heir", "k-1", "k-2", "last", "user-1-x", "user-2-x"]),
        (Selection(("user-2-x",), with_dependencies=True), ["k-2", "user-2-x"]),
        (Selection(("last",), with_dependencies=True), ["k-1", "last", "user-1-x"]),
        (Selection(("heir",), with_dependencies=True), ["heir", "k-1", "k-2"]),
        (Selection(("k",), exclude=("k-1",)), ["k-2"]),
        (Selection(("p",), exclude=("k", "*-x"), with_dependents=True), ["heir", "last"]),
        (Selection(exclude=("k*",)), ["heir", "last", "user-1-x", "user-2-x"]),
    ],
)
def test_cells(selection: Selection, names: list[str]) -> None:
    """A child extends the manifest, so all cells of it; what is built from a cell is built from that cell alone."""
    options = {name: getattr(selection, name) for name in ("exclude", "with_dependents", "with_dependencies")}
    assert named(MATRIX, *selection.patterns, **options) == names


def test_a_cell_to_exclude_that_there_is_not() -> None:
    """Also where the cells of the selection alone would not tell."""
    assert "did you mean 'k-2'?" in refused(MATRIX, "last", exclude=("k-3",))
    assert named(MATRIX, "last", exclude=("k-2",)) == ["last"]


BROKEN = {
    "bad/syntax": "setup: [make\n",
    "bad/key": "zzz: 1\n",
    "bad/name": "extends: nowhere\n",
    "bad/value": 'setup: ["{{ params.nothing }}"]\n',
}


def test_a_broken_file_that_is_excluded_is_not_judged() -> None:
    """By its name, by a glob, in a group; beside cells as well."""
    for files, names in ((FLEET, EVERY), (MATRIX, ["heir", "k-1", "k-2", "last", "user-1-x", "user-2-x"])):
        broken = {**files, **BROKEN, "envbuild.yaml": "groups: {bad: [bad/name]}\n"}
        assert named(broken, exclude=("bad/syntax", "bad/k*", "bad/value", "@bad")) == names
        with pytest.raises(EnvbuildError):
            named(broken, exclude=("bad/syntax", "bad/key"))


def test_who_asks_for_dependents_asks_every_file() -> None:
    """What cannot be read may depend on what is selected, unless it is excluded; else it is nobody's business."""
    for files, name in ((FLEET, "web"), (MATRIX, "k-1")):
        broken = {**files, **BROKEN}
        assert name in named(broken, name)
        assert name in named(broken, name, with_dependencies=True)
        with pytest.raises(EnvbuildError) as caught:
            named(broken, name, with_dependents=True)
        told = {problem.where.path for problem in caught.value.problems if problem.where}
        assert told == {f"manifests/{one}.yaml" for one in BROKEN}
        assert name in named(broken, name, with_dependents=True, exclude=("bad/*",))


def test_what_others_need_is_not_judged_for_a_cell() -> None:
    """Looking for a cell reads other manifests; what those are built from is their business."""
    files = {
        **MATRIX,
        "needy": "builder: oci\nimage: {prefix: /n, base: {environment: broken}}\n",
        "broken": "zzz: 1\n",
    }
    assert named(files, "k-1") == ["k-1"]
    assert named(files, "last", with_dependencies=True) == ["k-1", "last", "user-1-x"]


def test_selecting_reads_no_more_than_it_needs() -> None:
    """A name reads itself and what it extends; only dependents need all."""
    with tempfile.TemporaryDirectory(prefix="selection-") as folder:
        files = {name: text for name, text in FLEET.items() if name not in {"report", "shared/r.yaml"}}
        write_all(Path(folder), files)
        web = Selection(("web",), exclude=("churn/*",))
        for selection, names in (
            (web, 2),
            (replace(web, with_dependencies=True), 2),
            (replace(web, with_dependents=True), 8),
        ):
            workspace = Workspace(Path(folder))
            reader = Reader(workspace, read_settings(workspace))
            reader.environments(selection, PLATFORM)
            assert len(list(reader.files.documents())) == names


@st.composite
def families(draw: st.DrawFn) -> dict[str, tuple[bool, list[str], list[str]]]:
    """Manifests, some abstract, that extend earlier ones and are built from earlier ones that can be built."""
    family: dict[str, tuple[bool, list[str], list[str]]] = {}
    for at in range(draw(st.integers(1, 8))):
        buildable = [name for name, (abstract, _, _) in family.items() if not abstract]
        parents = draw(st.lists(st.sampled_from(sorted(family)), max_size=2, unique=True)) if family else []
        built = draw(st.lists(st.sampled_from(buildable), max_size=2, unique=True)) if buildable else []
        family[f"m{at}"] = (draw(st.booleans()), sorted(parents, key=lambda name: int(name[1:])), built)
    return family


def _need(family: Mapping[str, tuple[bool, list[str], list[str]]], name: str) -> set[str]:
    """What a manifest extends, what it is built from, also by what it inherits, and what those need in turn."""
    _, parents, built = family[name]
    found = set(parents) | set(built)
    for one in (*parents, *built):
        found |= _need(family, one)
    return found


@given(families(), st.data())
def test_any_family(family: dict[str, tuple[bool, list[str], list[str]]], data: st.DataObject) -> None:
    """Dependents and dependencies of any manifests are what a naive walk finds, and what is excluded is not in it."""
    files: dict[str, str | Body] = {}
    for name, (abstract, parents, built) in family.items():
        image: dict[str, object] = {"prefix": f"/{name}", "copy": [
            {"from": {"environment": one, "path": "b"}, "to": f"/{name}/{one}"} for one in built
        ]}  # fmt: skip
        files[name] = {"builder": "oci", "abstract": abstract, "extends": parents, "image": image}
    buildable = {name for name, (abstract, _, _) in family.items() if not abstract}
    chosen = data.draw(st.lists(st.sampled_from(sorted(family)), min_size=1, unique=True))
    excluded = data.draw(st.lists(st.sampled_from(sorted(family)), max_size=2, unique=True))
    behind = {name for name in buildable if _need(family, name) & set(chosen)} | (buildable & set(chosen))
    before = {name for one in buildable & set(chosen) for name in _need(family, one)} & buildable
    before |= buildable & set(chosen)
    idle = any(family[name][0] and not any(name in _need(family, one) for one in buildable) for name in chosen)
    _agrees(files, chosen, behind - set(excluded), idle=idle, exclude=tuple(excluded), with_dependents=True)
    built_only = [name for name in chosen if name in buildable]
    if built_only:
        _agrees(files, built_only, before - set(excluded), exclude=tuple(excluded), with_dependencies=True)
        both = behind | {name for one in behind for name in _need(family, one)} & buildable
        options: dict[str, object] = {"exclude": tuple(excluded), "with_dependents": True, "with_dependencies": True}
        _agrees(files, chosen, both - set(excluded), idle=idle, **options)


def _agrees(
    files: Mapping[str, str | Body], chosen: list[str], expected: set[str], *, idle: bool = False, **options: object
) -> None:
    """A parent that nothing extends is told before all else; an empty selection is told as well."""
    told = ""
    try:
        found = set(named(files, *chosen, **options))
    except UsageError as error:
        found, told = set(), str(error)
    assert ("nothing is made from" in told) == idle, told
    assert found == (set() if idle else expected)
    assert bool(found) != bool(told), told


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Three environments of one abstract parent, two of them built, in a project of their own."""
    from support.project import clean_environment

    folder = tmp_path_factory.mktemp("fleet")
    project = Project(folder / "project", clean_environment(folder, folder / "uv"))
    project.write("envbuild.yaml", "groups: {ml: [a, b], one: [c]}\n")
    project.write("manifests/base.yaml", "abstract: true\n")
    for name, tag in (("a", "x"), ("b", "y")):
        project.write(f"manifests/{name}.yaml", f"extends: base\ntags: {{t: {tag}}}\nvariables: {{N: {name}}}\n")
    project.write("manifests/c.yaml", "extends: b\nvariables: {N: c}\n")
    project.write("manifests/zzz.yaml", "variables: {N: z}\n")
    project.run("apply")
    for name in "abc":
        path = f"manifests/{name}.yaml"
        project.write(path, project.read(path).replace(f"N: {name}", f"N: {name}2"))
    return project


@pytest.fixture
def own_fleet(fleet: Project, tmp_path: Path) -> Project:
    """A copy, for who changes it."""
    shutil.copytree(fleet.path, tmp_path / "copy")
    return Project(tmp_path / "copy", fleet.environ)


SELECTIONS = {
    "names": (["a", "c"], {"a", "c"}),
    "glob": (["[ab]"], {"a", "b"}),
    "group": (["@ml"], {"a", "b"}),
    "tag": (["--tag", "t=y"], {"b", "c"}),
    "exclude": (["--exclude", "b", "--exclude", "z*"], {"a", "c"}),
    "dependents": (["base", "--with-dependents"], {"a", "b", "c"}),
    "dependencies": (["c", "--with-dependencies"], {"b", "c"}),
    "everything": (["@ml", "--with-dependents", "--tag", "t=y", "--exclude", "b"], {"c"}),
}


# Every command that takes the options of a selection; what changes what it selects is tried by itself.
_SELECTING = {
    name
    for name in COMMANDS
    if (command := app.get_command(click.Context(app), name))
    for option in command.params
    if "--exclude" in option.opts
}


def _found(project: Project, command: str, args: list[str]) -> set[str]:
    """The names that a command speaks of."""
    if command == "lock":
        return {one["name"] for one in project.json("lock", "--check", *args)["environments"]}
    document = project.json(command, *args)
    match command:
        case "plan" | "why" | "apply":
            return {step["environment"] for step in document["steps"]}
        case "register":
            return {one["environment"] for one in document["versions"]}
        case "history":
            return {record["environment"] for record in document["records"]}
        case "graph":
            return {node["name"] for node in document["nodes"] if not node["abstract"]}
        case "check":
            return {f"{document['manifests']} manifests, {document['environments']} environments"}
    return {one["name"] for one in document["environments"]}


@pytest.mark.parametrize(
    "command", sorted(_SELECTING - {"apply", "register", "test"})
)  # these change, or speak of, what is built
def test_every_command_selects_in_the_same_way(fleet: Project, command: str) -> None:
    """Each way to select, in each command; a graph shows what these need as well, a check counts what it read."""
    for said, (args, names) in SELECTIONS.items():
        expected = names | ({"b"} if "c" in names and command == "graph" and said != "exclude" else set())
        if said == "everything" and command == "graph":
            expected = names
        if command == "check":
            above = {"base"} | ({"b"} if "c" in names else set())
            expected = {f"{len(names | above)} manifests, {len(names)} environments"}
        assert _found(fleet, command, args) == expected, said
    for args in (["a", "--exclude", "q"], ["a", "--exclude", "a"], ["a", "--tag", "t=q"], ["@q"]):
        (error,) = fleet.json(command, *args, check=64)["errors"]
        assert error["hint"], args


@pytest.mark.parametrize("said", SELECTIONS)
def test_apply_selects_in_the_same_way(own_fleet: Project, said: str) -> None:
    """What is not selected is not built, and is still in the plan of the rest."""
    args, names = SELECTIONS[said]
    before = {step["environment"] for step in own_fleet.json("plan")["steps"]}
    assert _found(own_fleet, "apply", args) == names
    assert {step["environment"] for step in own_fleet.json("plan")["steps"]} == before - names
    assert own_fleet.run("apply", *args).out.startswith("No changes. ")


@pytest.mark.parametrize("said", SELECTIONS)
def test_register_selects_in_the_same_way(own_fleet: Project, said: str) -> None:
    """What is not selected is on record as it was."""
    args, names = SELECTIONS[said]
    assert _found(own_fleet, "register", args) == names
    assert {one["version"] for one in own_fleet.json("history", "a")["records"]} == ({1, 2} if "a" in names else {1})


def test_several_histories_stand_below_their_names(own_fleet: Project) -> None:
    """In the order of names; what was never built is said; what is gone is found by its name."""
    own_fleet.write("manifests/new.yaml", "variables: {N: new}\n")
    lines = own_fleet.run("history", "zzz", "new", "a").out.splitlines()
    assert [line for line in lines if line in {"a", "new", "zzz", "never built"}] == ["a", "new", "never built", "zzz"]
    own_fleet.remove("manifests/zzz.yaml")
    assert {one["environment"] for one in own_fleet.json("history", "zzz", "a")["records"]} == {"a", "zzz"}


def test_commands_that_tell_much_want_to_know_of_what(fleet: Project) -> None:
    """`why` and `history` of everything have to be asked for."""
    for command in ("why", "history"):
        assert "say which environments: ENV or --tag" in fleet.run(command, check=64).err
        fleet.run(command, "**")


def test_commands_for_one_environment(fleet: Project) -> None:
    """A glob or a group has to come to one; a command runs in what is named."""
    assert fleet.json("show", "[c]")["environment"]["name"] == "c"
    for command in ("show", "explain", "diff", "logs"):
        assert "name one of: a, b" in fleet.run(command, "@ml", check=64).err
        for asked in ("[c]", "@one"):
            assert fleet.json(command, asked) == fleet.json(command, "c")
    assert fleet.json("show", "[c]", "--resolved") == fleet.json("show", "c", "--resolved")
    assert "'@ml' is a group" in fleet.run("run", "@ml", "--", "true", check=64).err
    assert "'[c]' is a glob" in fleet.run("run", "[c]", "--", "true", check=64).err


@pytest.mark.parametrize(
    "args",
    [
        ["show", "[c]@1"],
        ["show", "--resolved", "[c]@latest"],
        ["diff", "[c]@1"],
        ["diff", "[a]@1", "[c]@1"],
        ["logs", "[c]@1"],
        ["why", "[c]@1"],
    ],
)
def test_a_version_of_what_a_glob_means(fleet: Project, args: list[str]) -> None:
    """Records are looked up by the name that is meant."""
    assert fleet.json(*args) == fleet.json(*(arg.replace("[", "").replace("]", "") for arg in args))


def test_versions_of_all_that_a_glob_means(fleet: Project) -> None:
    """`why` tells of several."""
    assert fleet.json("why", "[abc]@latest") == fleet.json("why", "a@1", "b@1", "c@1")


def test_a_manifest_of_one_cell_is_that_cell(project: Project) -> None:
    """Its records and logs stand under the name of the cell."""
    project.write("manifests/a.yaml", "matrix: {v: [x]}\nvariables: {ONE: '1'}\n")
    project.run("apply")
    for args in (["show", "a@1"], ["diff", "a"], ["logs", "a"], ["logs", "a@1"], ["why", "a@1"]):
        assert project.json(*args) == project.json(*(arg.replace("a@", "a-x@") if "@" in arg else arg for arg in args))
    assert project.json("logs", "a")["logs"][0]["environment"] == "a-x"
    assert project.run("run", "a@1", "--", "sh", "-c", "echo $ENVBUILD_ENVIRONMENT").out == "a-x\n"


def test_only_what_is_selected_is_judged(project: Project) -> None:
    """A check of some tells neither problems nor notes of others, though those were read to find cells or tags."""
    project.write("manifests/k.yaml", "matrix: {v: [1, 2]}\ntags: {t: x}\ndependencies: [numpy]\n")
    project.write("manifests/other.yaml", "dependencies: [scipy, {pip: [alpha==1, alpha==2]}]\n")
    project.write("manifests/ring.yaml", "abstract: true\nextends: ring\n")
    for args in (["k"], ["k-1"], ["k-*"], ["--exclude", "other", "--exclude", "ring"]):
        checked = project.json("check", *args)
        assert checked["errors"] == []
        assert {note["path"] for note in checked["notes"]} == {"manifests/k.yaml"}, args
    assert {one["path"] for one in project.json("check", check=1)["errors"]} == {"manifests/other.yaml"}
    project.remove("manifests/ring.yaml")
    checked = project.json("check", "--tag", "t=x")
    assert (checked["errors"], checked["manifests"], checked["environments"]) == ([], 1, 2)
