"""`envbuild schema`: JSON Schemas that accept what envbuild reads, and refuse what it refuses for its form."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fastjsonschema
import msgspec
import pytest
from hypothesis import given
from support.anything import manifests
from support.manifests import Body, environment, manifest_text
from support.project import Project

from envbuild.document import Mapping, Scalar, Value, parse, plain_value
from envbuild.manifest import Keys, manifest_schema
from envbuild.settings import SettingsKeys, settings_schema

CHECKOUT = Path(__file__).parents[1]
Accepts = Callable[[Any], bool]


def accepts(schema: dict[str, Any]) -> Accepts:
    validate = fastjsonschema.compile(schema)

    def is_accepted(data: Any) -> bool:
        try:
            validate(data)
        except fastjsonschema.JsonSchemaException:
            return False
        return True

    return is_accepted


manifest_is_accepted = accepts(manifest_schema())
settings_are_accepted = accepts(settings_schema())


def plain(node: Value) -> Any:
    """What an editor sees: values by YAML 1.2, without tags."""
    if isinstance(node, Scalar):
        found = plain_value(node)
        is_float = node.plain and re.fullmatch(r"-?[0-9]+\.[0-9]+", node.text)
        return float(node.text) if is_float else found
    if isinstance(node, Mapping):
        return {key: plain(entry.value) for key, entry in node.entries.items()}
    return [plain(item) for item in node.items]


def read(text: str) -> Any:
    return plain(parse("x.yaml", text.encode()).root)


def examples() -> Iterator[tuple[str, str]]:
    """Every manifest that stands in the repository, on its own or in a page."""
    for folder in ("manifests", "tests/golden"):
        for path in sorted((CHECKOUT / folder).rglob("*.y*ml")):
            if "lock" not in path.name and "extra" not in path.parts:
                yield path.relative_to(CHECKOUT).as_posix(), path.read_text(encoding="utf-8")
    for page in (CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))):
        for at, block in enumerate(
            re.findall(r"^```yaml\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        ):
            yield f"{page.name}[{at}]", block


EXAMPLES = dict(examples())


def test_there_are_examples() -> None:
    """The quick start and the README at least."""
    assert "manifests/quickstart.yaml" in EXAMPLES
    assert any(name.startswith("README.md") for name in EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_accepted(name: str) -> None:
    """By the schema of what they are."""
    text = EXAMPLES[name]
    is_settings = name.endswith("envbuild.yaml") or text.startswith("# envbuild.yaml")
    assert (settings_are_accepted if is_settings else manifest_is_accepted)(read(text))


def test_the_command_prints_them(project: Project) -> None:
    """In no project; the kinds are those two, and manifest is the one that is meant."""
    assert json.loads(project.run("schema").out) == manifest_schema()
    assert json.loads(project.run("schema", "manifest").out) == manifest_schema()
    assert json.loads(project.run("schema", "settings").out) == settings_schema()
    run = project.run("schema", "lock", check=64)
    assert run.err == "error: KIND cannot be 'lock'\n  hint: known are: manifest, settings\n"


@pytest.mark.parametrize("schema", [manifest_schema(), settings_schema()])
def test_a_schema_says_what_it_is(schema: dict[str, Any]) -> None:
    """Its dialect, a title, and of each key what it is for."""
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"]
    assert all(schema["properties"][key]["description"] for key in schema["properties"])
    references = re.findall(r'"\$ref": "#/\$defs/(\w+)"', json.dumps(schema))
    assert set(references) <= schema["$defs"].keys()


def test_every_key_is_in_the_schema() -> None:
    """Of manifests and of settings."""
    assert set(manifest_schema()["properties"]) == {one.encode_name for one in msgspec.structs.fields(Keys)}
    assert set(settings_schema()["properties"]) == {one.encode_name for one in msgspec.structs.fields(SettingsKeys)}


@given(manifests())
def test_what_is_read_is_accepted(body: Body) -> None:
    """Any manifest that envbuild takes."""
    assert environment({"k": body}).name == "k"
    assert manifest_is_accepted(read(manifest_text(body)))


@pytest.mark.parametrize("key", sorted(manifest_schema()["properties"]))
def test_a_misspelt_key_is_refused(key: str) -> None:
    """As it is when it is read."""
    assert manifest_is_accepted({key: None})
    assert not manifest_is_accepted({f"{key}x": None})


@pytest.mark.parametrize("key", sorted(settings_schema()["properties"]))
def test_a_misspelt_key_of_the_settings_is_refused(key: str) -> None:
    """As it is when it is read."""
    assert settings_are_accepted({key: None})
    assert not settings_are_accepted({f"{key}x": None})


WRONG = [
    "image: {aptt: [git]}",
    "image: {base: {image: x, tagg: y}}",
    "image: {base: {image: x, environment: y}}",
    "image: {build: [{script: x, command: y}]}",
    "image: {copy: [{from: x}]}",
    "image: {user: {uid: 1}}",
    "python: {verzion: 3}",
    "pip: {indexes: {a: {urls: x}}}",
    "variables: {A: {prepended: [x]}}",
    "dependencies: [{pipp: [x]}]",
    "dependencies: {numpy: 1}",
    "matrix: {include: {a: x}}",
    "matrix: {a: {x: {extends: y}}}",
    "matrix: {a: {x: {dependancies: []}}}",
    "matrix: {a: [1.5]}",
    "matrix: {a: []}",
    "platforms: [linux]",
    "builder: podman",
    "setup: make",
    "tags: [a]",
    "test: {import: [x]}",
    "publish: {registry: x}",
    "image: {expose: [http]}",
    "serve: {port: http}",
    "abstract: 1",
    "extends: {a: b}",
]


@pytest.mark.parametrize("text", WRONG)
def test_wrong_forms_are_refused_by_both(text: str) -> None:
    """Keys that there are not or that do not go together, wrong types, words that are none of the known ones."""
    with pytest.raises(Exception, match=r"manifests/k\.yaml:1:"):
        environment({"k": f"{text}\n"})
    assert not manifest_is_accepted(read(text))


RIGHT = [
    'image: {gpu: true, base: "{{ params.x }}"}',
    'setup: "{{ params.all }}"',
    "image: {base: {image: x, prefix: /y}, build: [{command: x, user: y}]}",
    'python: {managed: "{{ params.x }}", version: 3.12}',
    "dependencies: [{sel(linux): numpy}, {sel(win): [a, b]}, {pip: }]",
    "matrix: {a: [1, x, true], b: {x: , y: {setup: [z]}}, name: x, include: [{a: 1, b: x}], exclude: }",
    "matrix: {a: }",
    "extends: a",
    "tags: {a: 1, b: ~, c: true}",
    "tags: !reset",
    "name: [a]",
    "variables: {A: 3.10, B: , C: {append: [x]}}",
    "serve: {port: 80}",
]


@pytest.mark.parametrize("text", RIGHT)
def test_right_forms_are_accepted(text: str) -> None:
    """Expressions for any value, numbers and booleans for text, nothing for anything."""
    assert manifest_is_accepted(read(text))
