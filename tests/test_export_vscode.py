"""`envbuild export vscode`: settings that VS Code and its YAML extension read, added to those of a person."""

import json
import re
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.line import reference
from support.project import Project

from envbuild.errors import UsageError
from envbuild.interop.jsonc import read, with_item, with_value

_FILE = ".vscode/settings.json"
_SCHEMAS = {
    "./.vscode/envbuild.manifest.schema.json": ["manifests/**/*.yaml", "manifests/**/*.yml"],
    "./.vscode/envbuild.settings.schema.json": ["envbuild.yaml"],
}
_MINE = """\
{
  // how I like it
  "editor.tabSize": 2, // two
  "yaml.customTags": [
    "!mine" /* of another tool */
  ],
  "yaml.schemas": {"https://example.com/s.json": "*.ci.yaml"}, // theirs
  "python.defaultInterpreterPath": "/usr/bin/python3", // the system's
}
"""


@pytest.fixture
def built(project: Project) -> Project:
    project.write("manifests/lab.yaml", "variables: {A: '1'}\n")
    project.run("apply")
    return project


def settings(project: Project, path: str = _FILE) -> Any:
    return read(project.read(path), path).value


def test_a_new_file(built: Project) -> None:
    """It is JSON that any reader takes; the schemas are where it says, and hold for our files."""
    out = built.run("export", "vscode", "lab", "-o", _FILE).out
    assert out == f"Settings of lab@1 written to {_FILE}\n"
    found = json.loads(built.read(_FILE))
    assert found["yaml.schemas"] == _SCHEMAS
    assert {tag.split()[0] for tag in found["yaml.customTags"]} == {"!override", "!reset", "!raw"}
    assert found["python.defaultInterpreterPath"] == f"{reference(built, 'lab')}/bin/python"
    assert Path(found["python.defaultInterpreterPath"]).exists()
    manifest, own = (json.loads(built.read(path)) for path in _SCHEMAS)
    assert manifest == json.loads(built.run("schema").out)
    assert own == json.loads(built.run("schema", "settings").out)
    fastjsonschema.validate({**manifest, "$schema": ""}, {"variables": {"A": "1"}})


def test_what_a_person_set_stays(built: Project) -> None:
    """With every comment; a Python of one's own is replaced only where that is asked for."""
    built.write(_FILE, _MINE)
    run = built.run("export", "vscode", "lab", "-o", _FILE)
    assert f"{_FILE}:8:" in re.sub(r":\d+:1:", ":8:", run.err)
    assert "is set to something else, and stays so" in run.err
    found, text = settings(built), built.read(_FILE)
    for comment in ("// how I like it", "// two", "/* of another tool */", "// theirs", "// the system's"):
        assert text.count(comment) == 1
    assert found["editor.tabSize"] == 2
    assert found["yaml.schemas"] == {"https://example.com/s.json": "*.ci.yaml", **_SCHEMAS}
    assert found["yaml.customTags"][0] == "!mine"
    assert len(found["yaml.customTags"]) == 10
    assert found["python.defaultInterpreterPath"] == "/usr/bin/python3"
    built.run("export", "vscode", "lab", "-o", _FILE)
    assert built.read(_FILE) == text
    built.run("export", "vscode", "lab", "-o", _FILE, "--force")
    assert settings(built)["python.defaultInterpreterPath"] == f"{reference(built, 'lab')}/bin/python"
    assert "// the system's" in built.read(_FILE)


def test_the_python_of_an_older_version_is_nobody_s_choice(built: Project) -> None:
    """It is replaced after a rebuild, without being asked."""
    built.run("export", "vscode", "lab", "-o", _FILE)
    built.write("manifests/lab.yaml", "variables: {A: '2'}\n")
    assert "not built as its manifest says now" in built.run("export", "vscode", "lab", "-o", _FILE, check=3).err
    built.run("apply")
    assert built.run("export", "vscode", "lab", "-o", _FILE).err == ""
    assert settings(built)["python.defaultInterpreterPath"] == f"{reference(built, 'lab')}/bin/python"


def test_without_an_environment(project: Project) -> None:
    """Only what is about manifests; standard output alone where no file is named, and that is told."""
    project.write("envbuild.yaml", "manifests: ['services/*/environment.{yml,yaml}']\n")
    run = project.run("export", "vscode")
    found = json.loads(run.out)
    assert set(found) == {"yaml.schemas", "yaml.customTags"}
    assert found["yaml.schemas"]["./.vscode/envbuild.manifest.schema.json"] == [
        "services/*/environment.yml",
        "services/*/environment.yaml",
    ]
    assert "say '-o .vscode/settings.json'" in run.err
    assert not (project.path / ".vscode").exists()
    assert project.run("export", "vscode", "-o", _FILE).out == f"Settings written to {_FILE}\n"


def test_a_project_below_the_folder_that_is_opened(built: Project) -> None:
    """Globs are seen from there."""
    above = built.path.parent / ".vscode/settings.json"
    built.run("export", "vscode", "-o", str(above))
    found = json.loads(above.read_text())["yaml.schemas"]
    assert found["./.vscode/envbuild.manifest.schema.json"][0] == "project/manifests/**/*.yaml"
    assert found["./.vscode/envbuild.settings.schema.json"] == ["project/envbuild.yaml"]


def test_a_folder_is_no_file_of_settings(built: Project) -> None:
    """What is meant is in it."""
    (built.path / ".vscode").mkdir()
    told = built.run("export", "vscode", "-o", ".vscode", check=1).err
    assert told == ".vscode: cannot be read: Is a directory\n  hint: name a file in it\n"


@pytest.mark.parametrize("text", ["// mine\n", "/* mine\n{ */", "  // mine", "\n/* mine */ // too\r\n\n"])
def test_a_file_of_comments_alone_is_an_empty_one(built: Project, text: str) -> None:
    """As it is for VS Code; the comments stay."""
    path = built.write(_FILE, "")
    path.write_bytes(text.encode())
    built.run("export", "vscode", "-o", _FILE)
    assert settings(built)["yaml.schemas"] == _SCHEMAS
    written = path.read_bytes().decode()
    assert written.startswith(text.rstrip())
    built.run("export", "vscode", "-o", _FILE)
    assert path.read_bytes().decode() == written


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"a": 1', "1:8: a comma is expected here"),
        ('{"a": 1,\n "b": x}', "2:7: a value is expected here"),
        ('{"a": 1} {}', "1:10: nothing more is expected here"),
        ("[1]", "1:1: it holds no settings"),
        ("// mine\n/* open", "2:1: a value is expected here"),
        ('{"yaml.schemas": 3}', ":1:18: 'yaml.schemas' is no object"),
        ('{"a": 1,\n  "yaml.schemas": []}', ":2:19: 'yaml.schemas' is no object"),
        ("{'a': 1}", "1:2: a value is expected here"),
        ('{"a": "b\n"}', "1:7: a value is expected here"),
        ("[" * 5000, "nothing as deep is expected here"),
        ("\udcff", "no text in UTF-8"),
    ],
)
def test_what_is_no_settings_stays_as_it_is(built: Project, text: str, told: str) -> None:
    """It is told at its place, and nothing is written, the schemas neither."""
    path = built.write(_FILE, "")
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert told in built.run("export", "vscode", "-o", _FILE, check=64).err
    assert path.read_bytes() == text.encode("utf-8", "surrogateescape")
    assert [one.name for one in path.parent.iterdir()] == ["settings.json"]


@pytest.mark.parametrize(
    "text", ["", "\n", "// nothing yet\n{}", "{ /* a */ }", '\ufeff{"a": 1}', '{\r\n\t"a": 1\r\n}\r\n']
)
def test_files_of_every_kind(built: Project, text: str) -> None:
    """Empty ones, with a mark at their beginning, with the line breaks of another system."""
    path = built.write(_FILE, text)
    built.run("export", "vscode", "-o", _FILE)
    after = path.read_bytes().decode()
    assert settings(built)["yaml.schemas"] == _SCHEMAS
    assert after.count("\r\n") in {0, after.count("\n")}
    assert [comment in after for comment in ("// nothing yet", "/* a */")] == [
        comment in text for comment in ("// nothing yet", "/* a */")
    ]


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), _VALUES, max_size=4), st.text(), _VALUES, st.sampled_from([None, 2, "\t"]))
def test_one_value_changes_and_no_other(before: dict[str, Any], name: str, value: Any, indent: Any) -> None:
    """Whatever is in it, and however it is laid out."""
    text = json.dumps(before, indent=indent)
    after = with_value(text, "f", (name,), value)
    assert json.loads(after) == {**before, name: value} == read(after, "f").value
    deep = with_value(after, "f", ("x\"'", "y"), value) if "x\"'" not in before and name != "x\"'" else after
    assert json.loads(deep).get("x\"'", {"y": value}) == {"y": value}


_ENDS = st.sampled_from(["", ",", " /* c */", ", // c\n"])


@given(st.lists(_VALUES, max_size=4), _VALUES, st.sampled_from([None, 2]), _ENDS)
def test_one_item_more(before: list[Any], item: Any, indent: Any, end: str) -> None:
    """Behind the last one, with what is said of that."""
    inner = json.dumps(before, indent=indent)[1:-1]
    text = f'{{"a": [{inner}{end if before else ""}]}}'
    after = with_item(text, "f", ("a",), item)
    assert read(after, "f").value == {"a": [*before, item]}
    assert ("c */" in end and bool(before)) <= ("/* c */" in after)


def test_nothing_is_put_into_what_is_no_object() -> None:
    """Of which the place is told."""
    with pytest.raises(UsageError, match="no object"):
        with_value('{"a": [1]}', "f", ("a", "b"), 1)
