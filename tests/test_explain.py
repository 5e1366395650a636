"""`envbuild explain`: of every value the file and line it came from, and what it overrode (DESIGN 4, DECISIONS 40)."""

from collections.abc import Mapping

import pytest
from support.manifests import Body, environment
from support.project import Project

from envbuild.report.terminal import cells
from envbuild.resolve import explain
from envbuild.settings import Settings

Row = tuple[str, str | None, str, list[tuple[str, str]]]


def rows(files: Mapping[str, str | Body], field: str = "", name: str = "k") -> list[Row]:
    """The rows of a field and of all within it; places without `manifests/` and `.yaml`."""

    def short(where: str) -> str:
        return where.removeprefix("manifests/").replace(".yaml:", ":")

    return [
        (row.field, row.value, short(row.where), [(one.value, short(one.where)) for one in row.overrides])
        for row in explain(environment(files, name), Settings())
        if row.field.partition(".")[0].partition("[")[0] == field.partition(".")[0] and row.field.startswith(field)
    ]


def family(parent: str, child: str, field: str = "") -> list[Row]:
    """The rows of the child k of one parent r; each says its keys from its second line on."""
    return rows({"r": f"abstract: true\n{parent}\n", "k": f"extends: r\n{child}\n"}, field)


def test_a_value_that_replaces() -> None:
    """The nearest, and below it every other, nearest first."""
    files: dict[str, str | Body] = {
        "r": "platforms: [osx-64]\nimage: {workdir: /r}\n",
        "m": "extends: r\nplatforms: [osx-64, win-64]\nimage: {workdir: /m}\n",
        "k": "extends: m\nplatforms: [linux-64]\nimage: {workdir: /k}\n",
    }
    assert rows(files, "platforms") == [
        ("platforms", "[linux-64]", "k:2:12", [("[osx-64, win-64]", "m:2:12"), ("[osx-64]", "r:1:12")])
    ]
    assert rows(files, "image") == [("image.workdir", "/k", "k:3:18", [("/m", "m:3:18"), ("/r", "r:2:18")])]


def test_the_same_value_twice_is_still_overridden() -> None:
    """Another line said it, and it would hold if this one were removed."""
    assert family("tags: {a: x}", "tags: {a: x}", "tags") == [("tags.a", "x", "k:2:11", [("x", "r:2:11")])]


def test_overlaid_values_have_a_row_each() -> None:
    """Inherited, replaced and own ones."""
    found = family("tags: {a: r, b: r}", "tags: {b: k, c: k}", "tags")
    assert sorted(found) == [
        ("tags.a", "r", "r:2:11", []),
        ("tags.b", "k", "k:2:11", [("r", "r:2:17")]),
        ("tags.c", "k", "k:2:17", []),
    ]


@pytest.mark.parametrize("nothing", ["~", "null", "!reset ", ""])
def test_a_value_that_is_removed(nothing: str) -> None:
    """The row says so, with the line that removes."""
    found = family("tags: {a: r, b: r}", f"tags: {{b: {nothing}}}", "tags")
    (removed,) = (row for row in found if row[0] == "tags.b")
    assert removed[1:2] + removed[3:] == (None, [("r", "r:2:17")])
    assert removed[2].startswith("k:2:")


@pytest.mark.parametrize("cleared", ["tags: !reset", "tags: !override {c: k}", "tags: !override"])
def test_override_and_reset_remove_all_that_was_there(cleared: str) -> None:
    """Each of the values, with the line of the tag."""
    found = family("tags: {a: r, b: r}", cleared, "tags")
    assert [row for row in found if row[1] is None] == [
        ("tags.a", None, "k:2:7", [("r", "r:2:11")]),
        ("tags.b", None, "k:2:7", [("r", "r:2:17")]),
    ]
    assert [row for row in found if row[1]] == ([("tags.c", "k", "k:2:21", [])] if "c" in cleared else [])


def test_a_value_that_comes_back() -> None:
    """Removed by one generation, stated again by the next: the row names the line that holds."""
    files: dict[str, str | Body] = {
        "r": "tags: {a: r}\n",
        "m": "extends: r\ntags: {a: ~}\n",
        "k": "extends: m\ntags: {a: k}\n",
    }
    assert rows(files, "tags") == [("tags.a", "k", "k:2:11", [("r", "r:1:11")])]


def test_appended_lists_have_a_row_for_each_item() -> None:
    """Repeats too, each with its own line."""
    found = family("setup: [one, two]", "setup: [two, three]", "setup")
    assert [row[1:3] for row in found] == [("one", "r:2:9"), ("two", "r:2:14"), ("two", "k:2:9"), ("three", "k:2:14")]
    assert all(not row[3] for row in found)
    found = family("setup: [one, two]", "setup: !override [two]", "setup")
    assert ("setup", None, "k:2:8", [("one", "r:2:9")]) in found


def test_own_first_lists() -> None:
    """A channel that is named again is overridden where it stood before."""
    assert family("channels: [a, b]", "channels: [c, b]", "channels") == [
        ("channels", "c", "k:2:12", []),
        ("channels", "b", "k:2:15", [("b", "r:2:15")]),
        ("channels", "a", "r:2:12", []),
    ]


def test_variables_and_what_is_prepended() -> None:
    """Each addition has its line; a text that replaces them overrides them."""
    found = family("variables: {P: {prepend: [/r]}, A: r}", "variables: {P: {prepend: [/k]}, A: k}", "variables")
    assert sorted(found) == [
        ("variables.A", "k", "k:2:36", [("r", "r:2:36")]),
        ("variables.P.prepend", "/k", "k:2:27", []),
        ("variables.P.prepend", "/r", "r:2:27", []),
    ]


def overridden(found: list[Row]) -> set[tuple[str, str]]:
    return {one for row in found for one in row[3]}


def test_a_text_that_replaces_additions_overrides_them() -> None:
    """What was prepended is nowhere in the environment: explain says what became of it."""
    found = family("variables: {P: {prepend: [/r]}}", "variables: {P: text}", "variables")
    assert ("variables.P", "text") in [row[:2] for row in found]
    assert overridden(found) == {("/r", "r:2:27")}


def test_additions_around_an_inherited_text() -> None:
    """The text stays, at its own line."""
    found = family("variables: {P: text}", "variables: {P: {append: [/k]}}", "variables")
    assert sorted(found) == [("variables.P", "text", "r:2:16", []), ("variables.P.append", "/k", "k:2:26", [])]


def test_image_keys_that_exclude_each_other_override_each_other() -> None:
    """A child's Dockerfile takes the place of its parent's base."""
    found = family("image: {base: 'debian:12'}", "image: {dockerfile: Dockerfile}", "image")
    assert ("image.dockerfile", "Dockerfile") in [row[:2] for row in found]
    assert overridden(found) == {('"debian:12"', "r:2:15")}


def test_steps_and_copies_are_named_by_what_tells_them_apart() -> None:
    """A step by its id, a copy by its target; a step without an id is one of a list."""
    found = family(
        "image: {build: [make, {command: old, id: i}], copy: [{from: a, to: /x}]}",
        "image: {build: [{command: new, id: i}, make], copy: [{from: b, to: /x}]}",
        "image",
    )
    assert found == [
        ("image.build", "make", "r:2:17", []),
        ("image.build[i]", "{command: new, id: i}", "k:2:17", [("{command: old, id: i}", "r:2:23")]),
        ("image.build", "make", "k:2:40", []),
        ("image.copy[/x]", "{from: b, to: /x}", "k:2:54", [("{from: a, to: /x}", "r:2:54")]),
    ]


def test_debian_packages_that_are_dropped() -> None:
    """`without: apt/NAME` removes, however the package was written."""
    for written, value in (("nano", "nano"), ("nano=5.4", '"nano=5.4"'), ("nano:arm64", '"nano:arm64"')):
        found = family(f"image: {{apt: [git, '{written}']}}", "without: [apt/nano]", "image")
        assert found == [
            ("image.apt.packages", "git", "r:2:15", []),
            ("image.apt.packages", None, "k:2:11", [(value, "r:2:20")]),
        ]


def test_packages_along_a_line_of_descent() -> None:
    """The nearest definition, and every one that it hides."""
    files: dict[str, str | Body] = {
        "r": "dependencies: [numpy =1, {pip: [alpha==1]}]\n",
        "m": "extends: r\ndependencies: [numpy =2]\n",
        "k": "extends: m\ndependencies: [numpy =3, {pip: [alpha==2]}]\n",
    }
    assert rows(files, "dependencies") == [
        ("dependencies.numpy", "numpy 3.*", "k:2:16", [("numpy 2.*", "m:2:16"), ("numpy 1.*", "r:1:16")]),
        ("dependencies.pip/alpha", "alpha==2", "k:2:33", [("alpha==1", "r:1:33")]),
    ]


def test_packages_across_unrelated_parents() -> None:
    """Both hold, each with its line; what both hide is told once."""
    files: dict[str, str | Body] = {
        "r": "dependencies: [{pip: [alpha==9]}]\n",
        "a": "extends: r\ndependencies: [{pip: [alpha>=1]}]\n",
        "b": "extends: r\ndependencies: [{pip: [alpha<2]}]\n",
        "k": "extends: [a, b]\n",
    }
    found = rows(files, "dependencies")
    assert [row[:3] for row in found] == [
        ("dependencies.pip/alpha", "alpha>=1", "a:2:23"),
        ("dependencies.pip/alpha", "alpha<2", "b:2:23"),
    ]
    assert [one for row in found for one in row[3]] == [("alpha==9", "r:1:23")]


@pytest.mark.parametrize(
    ("child", "where"),
    [
        ("without: [numpy]", "k:2:11"),
        ("dependencies: !override [other]", "k:2:15"),
        ("dependencies: !reset", "k:2:15"),
    ],
)
def test_packages_that_are_dropped(child: str, where: str) -> None:
    """By `without`, by `!override`, by `!reset`."""
    found = family("dependencies: [numpy =1]", child, "dependencies.numpy")
    assert found == [("dependencies.numpy", None, where, [("numpy 1.*", "r:2:16")])]


def test_constraints_have_rows_of_their_own() -> None:
    """Also those of `-c` files, at the line of the file."""
    files: dict[str, str | Body] = {
        "manifests/c.txt": "# held\nbeta<2\n",
        "k": "dependencies: [{pip: [alpha, -c c.txt]}]\nconstraints: [gamma <3]\n",
    }
    assert rows(files, "constraints") == [
        ("constraints.pip/beta", "beta<2", "c.txt:2:1", []),
        ("constraints.gamma", "gamma <3", "k:2:15", []),
    ]


def test_values_after_rendering() -> None:
    """The value that holds, at the line of its expression; the place that only a builder knows keeps its name."""
    files: dict[str, str | Body] = {
        "r": 'abstract: true\nsetup: ["echo {{ params.who }}", "ls {{ environment.prefix }}"]\nparams: {who: nobody}\n',
        "k": "extends: r\nparams: {who: me, twice: '{{ params.who ~ params.who }}'}\n",
    }
    assert rows(files, "setup") == [
        ("setup", "echo me", "r:2:9", []),
        ("setup", '"ls {{ environment.prefix }}"', "r:2:34", []),
    ]
    assert sorted(rows(files, "params")) == [
        ("params.twice", "meme", "k:2:26", []),
        ("params.who", "me", "k:2:15", [("nobody", "r:3:15")]),
    ]


def test_values_of_a_cell_and_of_its_fragments() -> None:
    """The axis, and what its value brings, at the lines of the matrix."""
    files: dict[str, str | Body] = {
        "k": "tags: {a: own}\nmatrix:\n  v:\n    x: {tags: {a: cell}}\n    1:\n  w: [true, 'true']\n  name: >-\n"
        "    k-{{ matrix.v }}-{{ matrix.w is string }}\n"
    }
    assert rows(files, "matrix", "k-x-true") == [
        ("matrix.v", "x", "k:4:5", []),
        ("matrix.w", '"true"', "k:6:13", []),
    ]
    assert rows(files, "tags", "k-x-false") == [("tags.a", "cell", "k:4:19", [("own", "k:1:11")])]
    assert rows(files, "matrix", "k-1-false") == [("matrix.v", "1", "k:5:5", []), ("matrix.w", "true", "k:6:7", [])]


SETTINGS = """
    channels: [settings]
    params: {one: settings, two: settings}
    publish: {registries: [reg.example.com/envs], tags: [all]}
    """


def test_settings_and_defaults(project: Project) -> None:
    """What no manifest says comes from a line of the settings, or is the tool's own."""
    project.write("envbuild.yaml", SETTINGS)
    project.write("manifests/k.yaml", "params: {two: own}\npublish: {tags: [own]}\n")
    assert project.run("explain", "k").out == (
        "channels: [settings]                        envbuild.yaml:1:11\n"
        "platforms: [linux-64]                       default\n"
        "params.one: settings                        envbuild.yaml:2:15\n"
        "params.two: own                             manifests/k.yaml:1:15\n"
        "    overrides settings  envbuild.yaml:2:30\n"
        "builder: local                              default\n"
        "publish.registries: [reg.example.com/envs]  envbuild.yaml:3:23\n"
        "publish.tags: all                           envbuild.yaml:3:54\n"
        "publish.tags: own                           manifests/k.yaml:2:18\n"
    )


def test_a_value_of_the_settings_that_a_manifest_overrides(project: Project) -> None:
    """It would hold if the manifest's line were removed."""
    project.write("envbuild.yaml", "builder: oci\nplatforms: [linux-64, osx-64]\n")
    project.write("manifests/k.yaml", "builder: local\nplatforms: [linux-64]\n")
    assert project.run("explain", "k", "builder").out == (
        "builder: local  manifests/k.yaml:1:10\n    overrides oci  envbuild.yaml:1:10\n"
    )
    assert project.run("explain", "k", "platforms").out == (
        "platforms: [linux-64]  manifests/k.yaml:2:12\n    overrides [linux-64, osx-64]  envbuild.yaml:2:12\n"
    )


def test_a_narrow_terminal_gets_every_value_whole(project: Project) -> None:
    """One below the other where there is no room; wide letters take two cells, and the lines of a column agree."""
    wide, long = "漢字" * 12, "one two three four five six seven eight nine ten"
    project.write("manifests/base.yaml", f"abstract: true\nvariables: {{A: {wide}, B: b}}\n")
    project.write("manifests/k.yaml", f"extends: base\ndescription: {long}\nvariables: {{B: {wide}}}\n")
    for command in ("explain", "show", "diff"):
        project.run("apply")
        project.write("manifests/k.yaml", f"extends: base\ndescription: {long}\nvariables: {{B: {wide[1:]}}}\n")
        with project.terminal(command, "k", columns=40) as terminal:
            assert terminal.finish() == 0
            assert max(map(cells, terminal.lines)) <= 40, command
        if command != "diff":
            assert long.rsplit(maxsplit=1)[-1] in terminal.text
    out = project.run("explain", "k", "variables").out.splitlines()
    assert len({cells(line.rpartition("  ")[0]) for line in out if line.startswith("variables")}) == 1
