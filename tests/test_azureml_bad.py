"""Definitions of Azure ML that are broken, odd or at odds: carried, or refused with the reason, and never thinned."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.project import Project

from envbuild.document import plain_data, scalars
from envbuild.errors import EnvbuildError
from envbuild.interop.imports.azureml_json import parse_json

CANARY = "Canary-5ecret"
_OF_CONDA = "'dependencies' is conda's: it stands in a conda file, which 'conda_file' of a definition names"
_ON_A_BUILD = "'conda_file' is not carried: Azure installs a conda file on an 'image' only, not on a 'build'"
CONDA = "dependencies:\n  - python=3.11\n  - numpy\n"


def definition(**changed: Any) -> str:
    """One of the first SDK, with some of its sections replaced."""
    stated: dict[str, Any] = {
        "name": "x",
        "version": None,
        "environmentVariables": {},
        "python": {"userManagedDependencies": False, "interpreterPath": "python"},
        "docker": {"baseImage": "registry.example/x:1", "shmSize": "2g"},
    }
    return json.dumps({**stated, **changed}, indent=1)


@pytest.fixture
def started(project: Project) -> Project:
    project.write("envbuild.yaml", "channels: [conda-forge]\nplatforms: [linux-64]\n")
    project.write("old/conda_dependencies.yml", CONDA)
    return project


def refused(project: Project, kind: str, source: str, *lines: str) -> None:
    """Nothing is written, and each problem is told with its place, its reason and what to do."""
    run = project.run("import", kind, source, check=1)
    assert run.err.rstrip("\n").split("\n") == list(lines)
    assert not (project.path / "manifests").exists()


@pytest.mark.parametrize(
    ("text", "told", "hint"),
    [
        ('{"name": "x",}', "1:14: this is not JSON: nothing stands between ',' and '}'", "mend it, or save"),
        ('{"name" "x"}', "1:9: this is not JSON: no ':' stands behind 'name'", "mend it, or save"),
        ('{"name": "x"', "1:13: this is not JSON: neither ',' nor '}' stands behind a value", "mend it, or save"),
        ('{"name": "x', "1:10: this is not JSON: a text has no end, or holds what JSON writes", "mend it, or save"),
        ('{\n "name": NaN}', "2:10: this is not JSON: 'NaN' is no value", "mend it, or save"),
        ('{"name": }', "1:10: this is not JSON: a value is missing", "mend it, or save"),
        ('{"name": "x"} {}', "1:15: this is not JSON: something stands behind its end", "mend it, or save"),
        ("{name: 1}", "1:2: this is not JSON: a name in quotes is missing", "mend it, or save"),
        ("", "1:1: this is not JSON: a value is missing", "mend it, or save"),
        ("[" * 60 + "]" * 60, "1:52: this is not JSON: it is nested too deep", "mend it, or save"),
        ('["x"]', "1:1: the definition is no JSON object", "save it with 'save_to_directory'"),
        ('{"name": "x", "name": "y"}', "1:15: 'name' is said twice", "keep one of the two"),
        ('{"name": "a\\u0000", "r": null}', "1:10: the character U+0000 may not stand in a file", "remove it"),
        ('{"name": "x", "python": []}', "1:25: 'python' must be a mapping", "mend it, or save"),
        ('{"name": ["x"], "r": null}', "1:10: 'name' must be a text", "mend it, or save"),
        ('{"name": "x", "version": "3"}', "1:1: this only names an environment", "save its definition"),
    ],
)
def test_broken_json(started: Project, text: str, told: str, hint: str) -> None:
    started.write("old/azureml_environment.json", text)
    run = started.run("import", "azureml-v1", "old", check=1)
    first, second = run.err.splitlines()
    assert first.startswith(f"old/azureml_environment.json:{told}")
    assert second.startswith(f"  hint: {hint}")


@pytest.mark.parametrize(
    ("changed", "name", "expected"),
    [
        ({"python": {"userManagedDependencies": "no"}}, "python.userManagedDependencies", "true or false"),
        ({"docker": {"arguments": "--gpus"}}, "docker.arguments", "a list"),
        ({"docker": {"arguments": [["x"]]}}, "docker.arguments", "a list of texts"),
        ({"environmentVariables": {"A": {}}}, "environmentVariables.A", "a text"),
        ({"environmentVariables": []}, "environmentVariables", "a mapping"),
        ({"spark": {"packages": ["a:b:c"]}}, "spark.packages", "a list of mappings"),
        ({"r": {"cranPackages": [{"name": []}]}}, "r.cranPackages.name", "a text"),
    ],
)
def test_a_value_of_another_kind(started: Project, changed: dict[str, Any], name: str, expected: str) -> None:
    """The whole is refused: nobody knows what was meant."""
    docker = {"baseImage": "registry.example/x:1", **changed.get("docker", {})}
    started.write("old/azureml_environment.json", definition(**{**changed, "docker": docker}))
    run = started.run("import", "azureml-v1", "old", "--partial", check=1)
    assert f"'{name}' must be {expected}" in run.err


def test_unknown_fields_are_named(started: Project) -> None:
    """At any depth, with what was probably meant; the rest is written with '--partial'."""
    docker = {"baseImage": "registry.example/x:1", "shmSize": "2g", "baseImge": "y", "platform": {"bits": 64}}
    started.write("old/azureml_environment.json", definition(docker=docker, extra=None))
    refused(
        started,
        "azureml-v1",
        "old",
        "old/azureml_environment.json:12:3: 'docker.baseImge' is not carried: Azure ML has no such field here",
        "  hint: did you mean 'baseImage'?",
        "old/azureml_environment.json:14:4: 'docker.platform.bits' is not carried: Azure ML has no such field here",
        "  hint: known are: architecture, os",
        "old/azureml_environment.json:17:2: 'extra' is not carried: Azure ML has no such field here",
        "  hint: known are: assetId, databricks, docker, environmentVariables, inferencingStackVersion, name, python,"
        " r, spark, version",
    )
    started.run("import", "azureml-v1", "old", "--partial")
    text = started.read("manifests/x.yaml")
    assert (
        "# left out: 'docker.baseImge' is not carried: Azure ML has no such field here (azureml_environment.json:12)"
        in text
    )
    assert '  base: "registry.example/x:1"' in text


@pytest.mark.parametrize("where", ["beside", "inside"])
def test_an_image_and_a_dockerfile(started: Project, where: str) -> None:
    """They exclude each other; with '--partial' the Dockerfile holds, as the SDK has it."""
    docker = {"baseImage": "registry.example/x:1", "shmSize": "2g"}
    if where == "inside":
        docker["baseDockerfile"] = "FROM registry.example/y:1\nRUN true\n"
    else:
        started.write("old/BaseDockerfile", "FROM registry.example/y:1\nRUN true\n")
    started.write("old/azureml_environment.json", definition(docker=docker))
    run = started.run("import", "azureml-v1", "old", check=1)
    assert "'baseImage: registry.example/x:1' is not carried: it and a Dockerfile exclude each other" in run.err
    started.run("import", "azureml-v1", "old", "--partial")
    assert "  dockerfile: |\n    FROM registry.example/y:1\n    RUN true\n" in started.read("manifests/x.yaml")


def test_missing_side_files(started: Project) -> None:
    """The definition alone does not say that they were there; that nothing else says what they did is enough."""
    started.remove("old/conda_dependencies.yml")
    started.write("old/azureml_environment.json", definition(docker={"baseImage": None, "shmSize": "2g"}))
    refused(
        started,
        "azureml-v1",
        "old",
        "old/azureml_environment.json:1:1: 'conda_dependencies.yml' is not there, which says what conda installs",
        "  hint: put it beside azureml_environment.json, or set 'userManagedDependencies' if the image brings"
        " everything",
        "old/azureml_environment.json:1:1: nothing says what the image starts from: there is no 'baseImage', and no"
        " BaseDockerfile",
        "  hint: put BaseDockerfile beside azureml_environment.json, or state 'docker.baseImage'",
    )
    run = started.run("import", "azureml-v1", "gone", check=64)
    assert "there is no file 'gone'" in run.err
    started.write("empty/readme", "")
    run = started.run("import", "azureml-v1", "empty", check=64)
    assert "there is no file 'empty/azureml_environment.json'" in run.err
    run = started.run("import", "azureml-v1", "-", check=64, stdin="{}")
    assert "'azureml-v1' is a folder of files" in run.err


def test_the_definition_itself_may_be_named(started: Project) -> None:
    """Conda's part may stand in it, or in a file that it names."""
    python = {"condaDependencies": {"channels": ["forge"], "dependencies": ["python=3.11", {"pip": ["six"]}]}}
    started.remove("old/conda_dependencies.yml")
    started.write("old/azureml_environment.json", definition(python=python))
    started.run("import", "azureml-v1", "old/azureml_environment.json")
    expected = 'channels:\n  - forge\ndependencies:\n  - "python=3.11"\n  - pip:\n      - six\n'
    assert expected in started.read("manifests/x.yaml")
    started.write("old/more.yml", CONDA)
    started.write("old/azureml_environment.json", definition(python={"condaDependenciesFile": "more.yml"}))
    started.run("import", "azureml-v1", "old", "--force")
    assert CONDA in started.read("manifests/x.yaml")
    started.write("old/conda_dependencies.yml", CONDA)
    run = started.run("import", "azureml-v1", "old", "--force", check=1)
    assert "'more.yml' is not carried: what is installed is said by conda_dependencies.yml as well" in run.err


@pytest.mark.parametrize(
    ("stated", "own"),
    [
        ("My Env", "my-env"),
        ("a/b", "a-b"),
        ("AzureML-Tutorial", "azureml-tutorial"),
        ("größe", "gr--e"),
        ("___", "old"),
    ],
)
def test_names_that_are_not_ours(started: Project, stated: str, own: str) -> None:
    """They are mapped, told, and the way out has them again."""
    started.write("old/azureml_environment.json", definition(name=stated))
    done = started.json("import", "azureml-v1", "old")
    assert done["environment"] == own
    assert f"'{stated}' is '{own}' here" in done["notes"][0]["message"]
    started.run("export", "azureml-v1", own, "out")
    assert json.loads(started.read("out/azureml_environment.json"))["name"] == stated


def test_a_name_of_ones_own(started: Project) -> None:
    """Azure's name is kept as well."""
    started.write("e.yml", "name: theirs\nimage: registry.example/x:1\n")
    done = started.json("import", "azureml", "e.yml", "team/ours")
    assert [one["message"] for one in done["notes"]] == ["'theirs' is 'team/ours' here"]
    assert "\nname: theirs\n" in started.run("export", "azureml", "team/ours").out


def test_a_variable_without_a_value(started: Project) -> None:
    """Nothing is not the text 'null'."""
    started.write("old/azureml_environment.json", definition(environmentVariables={"A": None, "B": "null"}))
    run = started.run("import", "azureml-v1", "old", check=1)
    assert "'environmentVariables.A' is not carried: it has no value" in run.err
    started.run("import", "azureml-v1", "old", "--partial")
    assert 'variables:\n  B: "null"\nimage:' in started.read("manifests/x.yaml")


_VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(10**17), 10**17), st.text(st.characters(exclude_categories=["Cs"]))
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=3), _VALUES, max_size=4), st.sampled_from([None, 0, 2]), st.booleans())
def test_json_is_read_as_python_reads_it(stated: dict[str, Any], indent: int | None, ascii_: bool) -> None:  # noqa: FBT001
    """Whatever its layout; and each text is found where it stands."""
    text = json.dumps(stated, indent=indent, ensure_ascii=ascii_)
    root = parse_json("x", text)
    assert plain_data(root) == json.loads(text)
    for one in scalars(root):
        line = text.split("\n")[one.line - 1][one.column - 1 :]
        assert line.startswith('"' if not one.plain else one.text)


@given(st.text(st.sampled_from('{}[]",:\\ntrue01.-e u')))
def test_what_python_refuses_is_refused(text: str) -> None:
    """With a place in the text; what both read has the same names."""
    expected = _as_python(text)
    found: dict[str, Any] = {}
    told: EnvbuildError | None = None
    try:
        found = plain_data(parse_json("x", text))
    except EnvbuildError as error:
        told = error
    if told:
        assert told.where
        assert not isinstance(expected, dict) or "said twice" in told.message
    else:
        assert isinstance(expected, dict)
        assert found.keys() == expected.keys()


def _as_python(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def test_credentials_are_never_written(started: Project) -> None:
    """Wherever they stand: in URLs of the definition, of the conda file and of the Dockerfile, in variables."""
    url = f"https://me:{CANARY}@pypi.example/simple"
    started.write("old/conda_dependencies.yml", f"{CONDA}  - pip: ['--extra-index-url {url}', six]\n")
    started.write("old/BaseDockerfile", f"FROM registry.example/x:1\nRUN pip config set global.index-url {url}\n")
    variables = {"PIP_INDEX": url, "DB_PASSWORD": CANARY}
    started.write("old/azureml_environment.json", definition(environmentVariables=variables, docker={"shmSize": "2g"}))
    run = started.run("import", "azureml-v1", "old", check=1)
    done = started.run("import", "azureml-v1", "old", "--partial")
    assert CANARY not in run.err + done.out + done.err + started.read("manifests/x.yaml")
    for place in ("azureml_environment.json:5", "conda_dependencies.yml:4", "BaseDockerfile:2"):
        assert f"old/{place}" in run.err
    assert "'DB_PASSWORD' is not carried: by its name it is a secret" in run.err


def test_credentials_that_are_written_by_escapes(started: Project) -> None:
    """JSON is read for what it says; of YAML, whose text stays as it is, such a URL is refused."""
    url = f"https:\\/\\/me:{CANARY}\\u0040pypi.example\\/simple"
    token = f"https:\\/\\/conda.test\\/t\\/{CANARY}\\/x"
    pip = ["--extra-index-url URL", f"--find-links https:\\/\\/h.example\\/x?token={CANARY}", "six"]
    inline = {"channels": ["TOKEN"], "dependencies": ["python=3.11", {"pip": pip}]}
    python = {"userManagedDependencies": False, "condaDependencies": inline}
    docker = {"baseImage": f"me:{CANARY}@registry.example/x:1", "shmSize": "2g"}
    text = definition(environmentVariables={"A": "URL"}, python=python, docker=docker).replace("\\\\", "\\")
    started.write("new/azureml_environment.json", text.replace("URL", url).replace("TOKEN", token))
    run = started.run("import", "azureml-v1", "new", check=1)
    told = re.findall(r"(?m)^new/azureml_environment.json:\d+:\d+: ", run.err)
    assert len(told) == len(["A", "channel", "index", "links", "base"])
    done = started.run("import", "azureml-v1", "new", "--partial")
    assert CANARY not in run.err + done.out + done.err + started.read("manifests/x.yaml")
    assert 'base: "registry.example/x:1"' in started.read("manifests/x.yaml")
    assert '# left out: - "--find-links https://h.example/x?token=***"' in started.read("manifests/x.yaml")
    variables = f'{{A: "https:\\/\\/me:{CANARY}@h.example"}}'
    text = f'image: "debian:12"\nconda_file:\n  dependencies: [python]\n  variables: {variables}\n'
    started.write("new.yml", text)
    refused_again = started.run("import", "azureml", "new.yml", "--partial", check=1).err
    assert refused_again == (
        "new.yml:4:18: a URL has credentials, and is written by escapes: they cannot be taken out\n"
        "  hint: write the URL as it is, in one line\n"
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "dependencies:\n  - python=3.11\n  - pip:\n    - -r gone.txt\n",
            "4:7: '-r gone.txt' is not carried: the path",
        ),
        ("dependencies:\n  - python=>3.11\n  - numpy\n", ""),
        ("dependencies:\n  - python=3.11\n  - numpy=1.*=*=*\n", "3:5: "),
        ("setup: [rm -rf x]\ndependencies: [python]\n", "1:1: 'setup' is not carried: conda knows no such key"),
        ("dependencies: [python\n", "2:1: "),
        ("dependencies:\n  - python\npip:\n  - six\n", "3:1: 'pip' is not carried: conda knows no such key"),
    ],
)
def test_odd_conda_files(started: Project, text: str, line: str) -> None:
    """As 'import conda' has it; and no key is taken for one of ours."""
    started.write("old/conda_dependencies.yml", text)
    started.write("old/azureml_environment.json", definition())
    run = started.run("import", "azureml-v1", "old", check=1 if line else 0)
    assert f"old/conda_dependencies.yml:{line}" in run.err + run.out
    assert not line or not (started.path / "manifests").exists()


def test_requirements_and_a_plain_pip(started: Project) -> None:
    """A file beside the conda file is named from where the manifest is; 'pip' is a package as any other."""
    started.write("old/reqs.txt", "six\n")
    started.write("old/conda_dependencies.yml", "dependencies:\n  - python\n  - pip\n  - pip:\n    - -r reqs.txt\n")
    started.write("old/azureml_environment.json", definition())
    started.run("import", "azureml-v1", "old")
    assert '  - pip\n  - pip:\n    - "-r ../old/reqs.txt"\n' in started.read("manifests/x.yaml")
    text = started.run("export", "azureml", "x").out
    assert "    - pip\n    - pip:\n        - six\n" in text


@pytest.mark.parametrize("text", ["{dependencies: [python=3.11, numpy]}\n", f"---\n{CONDA}"])
def test_conda_files_that_cannot_stand_among_other_keys(started: Project, text: str) -> None:
    """They are written anew, and mean the same."""
    started.write("old/conda_dependencies.yml", f"{text}# remark\n")
    started.write("old/azureml_environment.json", definition())
    run = started.run("import", "azureml-v1", "old")
    assert 'dependencies:\n  - "python=3.11"\n  - numpy\nimage:' in started.read("manifests/x.yaml")
    assert "the remarks of the file are not carried" in run.out


def test_variables_of_both(started: Project) -> None:
    """Those of the conda file and those of the definition, which come last."""
    started.write("old/conda_dependencies.yml", f"{CONDA}variables: {{A: one, B: two}}\n")
    started.write("old/azureml_environment.json", definition(environmentVariables={"B": "three", "C": "{{ x }}"}))
    run = started.run("import", "azureml-v1", "old")
    assert "variables of the conda file stand with those of the definition" in run.out
    expected = 'variables:\n  A: one\n  B: three\n  C: !raw "{{ x }}"\n'
    assert expected in started.read("manifests/x.yaml")


def test_where_the_project_builds_images_anyway(started: Project) -> None:
    """A manifest says nothing that its project says; of platforms it says what is another one."""
    started.write("envbuild.yaml", "builder: oci\nchannels: [forge]\nplatforms: [linux-64, osx-arm64]\n")
    started.write("old/azureml_environment.json", definition())
    started.run("import", "azureml-v1", "old")
    text = started.read("manifests/x.yaml")
    assert "builder" not in text
    assert "platforms:\n  - linux-64\n" in text


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            "name: x\nchannels: [forge]\ndependencies: [python]\n",
            [
                f"e.yml:3:1: {_OF_CONDA}",
                "  hint: use 'envbuild import conda' for a conda file; else move its keys under 'conda_file'",
            ],
        ),
        (
            "$schema: https://schemas.example/commandJob.schema.json\nimage: x\n",
            [
                "e.yml:1:10: this is no definition of an environment: its schema is 'commandJob.schema.json'",
                "  hint: name the file that defines the environment",
            ],
        ),
        (
            "name: x\ndescription: y\n",
            [
                "e.yml:1:1: this defines no environment: it has no 'image' and no 'build'",
                "  hint: name the file that defines the environment",
            ],
        ),
        (
            "name: x\nimage: registry.example/x:1\nbuild: {path: c}\n",
            [
                "e.yml:3:1: 'build' is not carried: Azure takes 'image' or 'build', and 'image' is on line 2",
                "  hint: remove one of the two",
            ],
        ),
        (
            "name: x\nbuild: {path: c}\nconda_file: c.yml\n",
            [
                f"e.yml:3:1: {_ON_A_BUILD}",
                "  hint: name an 'image', or install its packages in the Dockerfile",
            ],
        ),
        (
            "name: x\nimage: registry.example/x:1\nconda_file: gone.yml\n",
            [
                "e.yml:3:13: 'conda_file: gone.yml' is not carried: it is not there",
                "  hint: put it where the definition names it",
            ],
        ),
        (
            "name: x\nbuild: {path: gone}\n",
            [
                "e.yml:2:15: 'build: gone' is not carried: the path 'gone' is not there",
                "  hint: put it where the definition names it",
            ],
        ),
        (
            "name: x\nbuild: {dockerfile_path: D}\n",
            [
                "e.yml:2:1: 'build' is not carried: it names no folder",
                "  hint: add 'path', the folder of the Dockerfile",
            ],
        ),
        (
            "name: x\nconda_file: c.yml\n",
            [
                "e.yml:1:1: nothing says what the image starts from",
                "  hint: add 'image', or 'build'",
            ],
        ),
        (
            "name: x\nimage: registry.example/x:1\nimge: y\n",
            [
                "e.yml:3:1: 'imge' is not carried: Azure ML has no such field here",
                "  hint: did you mean 'image'?",
            ],
        ),
        (
            "name: x\nimage: registry.example/x:1\ninference_config: {liveness_route: [1]}\n",
            [
                "e.yml:3:36: 'inference_config.liveness_route' must be a mapping",
                "  hint: mend it, or save the definition again",
            ],
        ),
    ],
)
def test_yaml_that_defines_no_whole_environment(started: Project, text: str, lines: list[str]) -> None:
    started.write("c/Dockerfile", "FROM registry.example/x:1\n")
    started.write("c.yml", CONDA)
    started.write("e.yml", text)
    refused(started, "azureml", "e.yml", *lines)


def test_a_context_without_its_dockerfile(started: Project) -> None:
    """No package is to be named for it."""
    started.write("c/readme", "")
    started.write("e.yml", "build: {path: c}\n")
    told = "e.yml:1:15: 'build: c' is not carried: the path 'c/Dockerfile' is not there"
    refused(started, "azureml", "e.yml", told, "  hint: put it where the definition names it")


def test_tags_that_are_called_as_ours(started: Project) -> None:
    """What keeps a name, a version or a property is not taken from a tag; any other tag goes out again."""
    text = "name: X\nversion: 1\nimage: debian:12\nproperties: {a: b}\n"
    tags = "tags: {azureml.name: evil, azureml.version: 7, azureml.properties.a: c, azureml.team: x}\n"
    started.write("e.yml", text + tags)
    run = started.run("import", "azureml", "e.yml", "--partial")
    for name in ("name", "version", "properties.a"):
        assert f"'tags.azureml.{name}' is not carried: a tag of that name keeps here what is no tag in Azure" in run.out
    out = started.run("export", "azureml", "x").out
    assert 'name: X\nversion: "1"\ntags:\n  azureml.team: x\n' in out


def test_yaml_from_standard_input(started: Project) -> None:
    """With an inline conda file whose paths are seen from here, at the lines where they stand."""
    text = "image: registry.example/x:1\nconda_file:\n  dependencies:\n  - python\n  - pip: [-r gone.txt]\n"
    run = started.run("import", "azureml", "-", "x", check=1, stdin=text)
    assert run.err.startswith("standard input:5:11: '-r gone.txt' is not carried: the path 'gone.txt' is not there")
    started.run("import", "azureml", "-", "x", stdin=text.replace("-r gone.txt", "six"))
    assert "  - python\n  - pip:\n      - six\n" in started.read("manifests/x.yaml")
    run = started.run("import", "azureml", "-", check=64, stdin=text.replace("-r gone.txt", "six"))
    assert "nothing in standard input can name the environment" in run.err
