"""`envbuild export azureml` and `azureml-v1`: what is written, and what has no place and is said."""

import json
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from support.exported import notes, write_mixed
from support.index import Index
from support.project import Project

BASE = 'image: {base: "registry.example/team/base:1"}\n'
DOCKERFILE = "FROM registry.example/base:1\nRUN true\n"
TEXT = "image:\n  dockerfile: |\n    FROM registry.example/base:1\n    RUN true\n"


@pytest.fixture
def started(project: Project) -> Project:
    project.write("envbuild.yaml", "channels: [forge]\nplatforms: [linux-64]\n")
    return project


def test_what_is_asked_for_needs_no_lock(started: Project) -> None:
    """In the words of the manifests, the parents' first; a path is seen from the file that is written."""
    started.write("own/pyproject.toml", '[project]\nname = "own"\nversion = "1"\n')
    started.write(
        "manifests/base.yaml",
        """
        abstract: true
        channels: [defaults]
        dependencies: [zlib, python =3.11, {pip: [six]}]
        pip: {index_url: "https://pypi.example/simple", find_links: ["https://links.example/"], prerelease: true}
        """,
    )
    started.write(
        "manifests/team/a.yaml",
        f"""
        extends: base
        description: "trains: daily"
        tags: {{team: growth, azureml.version: "4"}}
        python: {{from: conda}}
        dependencies: ["numpy>=1.20", {{pip: ["-e ../../own", "rich[jupyter] ~= 13.0"]}}]
        variables: {{MODE: "yes"}}
        {BASE.strip()}
        """,
    )
    run = started.run("export", "azureml", "team/a", "-o", "out/environment.yml")
    assert run.out == "Azure ML definition of team/a for linux-64 written to out/environment.yml\n"
    assert started.read("out/environment.yml").partition("\n")[2].partition("\n")[2] == (
        "name: team-a\n"
        'version: "4"\n'
        'description: "trains: daily"\n'
        "tags:\n"
        "  team: growth\n"
        'image: "registry.example/team/base:1"\n'
        "conda_file:\n"
        "  channels:\n"
        "    - defaults\n"
        "  dependencies:\n"
        "    - zlib\n"
        "    - python =3.11\n"
        '    - "numpy>=1.20"\n'
        "    - pip:\n"
        '        - "--index-url https://pypi.example/simple"\n'
        '        - "--find-links https://links.example/"\n'
        '        - "--pre"\n'
        "        - six\n"
        '        - "-e ../own"\n'
        '        - "rich[jupyter] ~= 13.0"\n'
        "  variables:\n"
        '    MODE: "yes"\n'
    )
    assert [line for line in run.err.splitlines() if "hint" not in line] == [
        "team/a: name: 'team/a' is 'team-a' there: names of Azure ML have no folders",
        "team/a: files: own: Azure ML builds elsewhere, where no file of the project is",
    ]


def test_the_versions_that_are_locked(project: Project, index: Index, tmp_path: Path) -> None:
    """With '--exact', which needs the lock; what else has no place is said."""
    write_mixed(project, index, tmp_path)
    text = project.read("manifests/a.yaml")
    project.write("manifests/a.yaml", f"{text}{BASE}")
    run = project.run("export", "azureml", "a", "--exact", check=3)
    assert "the lock of 'a' is not current" in run.err
    project.run("lock")
    found = YAML(typ="safe").load(project.run("export", "azureml", "a", "--exact").out)["conda_file"]
    *conda, pip = found["dependencies"]
    assert [one.rpartition("=")[0] for one in conda] == ["blas=1.0", "numpy=2.1.3", "pip=24.0", "python=3.11.7"]
    assert {"beta==1.0", "linked==1.0"} <= set(pip["pip"])
    said = {kind for kind, _ in notes(project, "azureml", "a")}
    assert said == {"platforms", "constraints", "system_requirements", "setup", "pip.indexes", "variables", "files"}
    first = json.loads(project.run("export", "azureml-v1", "a", "v1", "--exact", "--json").out)["export"]
    assert sorted(first["files"]) == ["azureml_environment.json", "conda_dependencies.yml"]
    assert '  - "numpy=2.1.3=py311_0"\n' in project.read("v1/conda_dependencies.yml")


def test_a_dockerfile_that_stands_in_the_manifest(started: Project) -> None:
    """One YAML has no place for it; in a folder it is a file of its own."""
    started.write("manifests/a.yaml", f"builder: docker\npython: {{managed: false}}\n{TEXT}")
    run = started.run("export", "azureml", "a", check=64)
    assert "the Dockerfile stands in the manifest, and is a file of its own for Azure ML" in run.err
    started.run("export", "azureml", "a", "out")
    assert 'build:\n  path: "./context"\n' in started.read("out/environment.yml")
    assert started.read("out/context/Dockerfile") == DOCKERFILE
    started.run("export", "azureml-v1", "a", "v1")
    assert started.read("v1/BaseDockerfile") == DOCKERFILE
    assert "baseDockerfile" not in json.loads(started.read("v1/azureml_environment.json"))["docker"]


def test_a_dockerfile_in_the_project(started: Project) -> None:
    """With its context, or with its own folder for one; the first SDK takes its text."""
    started.write("docker/Dockerfile", DOCKERFILE)
    started.write(
        "manifests/a.yaml", "python: {managed: false}\nbuilder: docker\nimage: {dockerfile: ../docker/Dockerfile}\n"
    )
    run = started.run("export", "azureml", "a", "-o", "out/e.yml")
    assert started.read("out/e.yml").endswith('build:\n  path: "../docker"\n')
    assert "there is no Dockerfile without a context" in run.err
    started.write("docker/build/Other", DOCKERFILE)
    image = "image: {dockerfile: ../docker/build/Other, context: ../docker}\n"
    started.write("manifests/a.yaml", f"python: {{managed: false}}\nbuilder: docker\n{image}")
    text = started.run("export", "azureml", "a").out
    assert text.endswith('build:\n  path: "./docker"\n  dockerfile_path: build/Other\n')
    run = started.run("export", "azureml-v1", "a", "v1")
    assert "azureml_environment.json has no place for image.context" in run.err
    assert started.read("v1/BaseDockerfile") == DOCKERFILE


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("dependencies: [python]\n", "Azure ML installs on an image, and 'a' names none"),
        (f"dependencies: [python, numpy]\nbuilder: docker\n{TEXT}", "packages on an 'image' only, not on a Dockerfile"),
        ("image: {base: {environment: b}}\nbuilder: docker\n", "the base of 'a' is 'b', of which Azure ML knows no"),
        ("image: {base: scratch}\nbuilder: oci\n", "Azure ML builds on no 'scratch'"),
        ("image: {dockerfile: ../D.j2}\nbuilder: docker\npython: {managed: false}\n", "'D.j2' is a template"),
        (
            "image: {dockerfile: ../D, context: ../c}\nbuilder: docker\npython: {managed: false}\n",
            "'D' lies outside of its context",
        ),
        (
            f"{TEXT}  context: ../c\nbuilder: docker\npython: {{managed: false}}\n",
            "Azure ML looks for it in the context",
        ),
    ],
)
def test_what_no_yaml_can_say(started: Project, text: str, line: str) -> None:
    for name in ("D", "D.j2", "c/x"):
        started.write(name, DOCKERFILE)
    started.write("manifests/b.yaml", f"builder: docker\ndependencies: [python]\n{BASE}")
    started.write("manifests/a.yaml", text)
    run = started.run("export", "azureml", "a", "out", check=64)
    assert line in run.err
    assert "hint: " in run.err
    assert not (started.path / "out").exists()


def test_the_command_line(started: Project) -> None:
    """Which formats take a folder, and that nothing is written over unless that was said."""
    started.write("manifests/a.yaml", f"builder: docker\ndependencies: [python]\n{BASE}")
    assert "name a folder for them: it comes last" in started.run("export", "azureml-v1", "a", check=64).err
    assert "leave out '-o'" in started.run("export", "azureml-v1", "a", "out", "-o", "x", check=64).err
    assert "use it with: azureml, azureml-v1" in started.run("export", "conda", "a", "out", check=64).err
    assert "use it with: azureml, azureml-v1" in started.run("export", "conda", "a", "--force", check=64).err
    started.write("file", "")
    run = started.run("export", "azureml", "a", "file", check=64)
    assert run.err == "error: 'file' is no folder\n  hint: name one, or a place where one can be made\n"
    started.write("out/BaseDockerfile", "FROM scratch\n")
    run = started.run("export", "azureml-v1", "a", "out", check=64)
    assert run.err.splitlines() == [
        "error: 'out' has BaseDockerfile already",
        "  hint: choose another folder, or say '--force' to write over it",
    ]
    started.run("export", "azureml-v1", "a", "out", "--force")
    assert not (started.path / "out/BaseDockerfile").exists()
    first = started.tree()
    started.run("export", "azureml-v1", "a", "out", "--force")
    assert started.tree() == first


def test_secrets_of_the_manifest_are_told(started: Project) -> None:
    """They stand in what is exported, as they stand in the manifest; no message repeats one."""
    image = "image:\n  dockerfile: |\n    FROM registry.example/x:1\n    ENV DB_PASSWORD=hush-hush-1\n"
    started.write(
        "manifests/a.yaml", f"builder: docker\npython: {{managed: false}}\n{image}variables: {{API_KEY: hush2}}\n"
    )
    run = started.run("export", "azureml-v1", "a", "out")
    hint = "  hint: take it out of the manifest, and set it where the environment is used\n"
    assert f"azureml_environment.json: plain-secret: the value of 'API_KEY' stands in the file\n{hint}" in run.err
    assert f"BaseDockerfile: plain-secret: the value of a variable stands in the file\n{hint}" in run.err
    assert "hush" not in run.err + run.out


def test_what_has_no_place_is_said(started: Project) -> None:
    """Each key by its name and its line, for both kinds."""
    started.write(
        "manifests/azureml-a.yaml",
        """
        builder: docker
        description: what it is for
        tags: {team: growth, azureml.properties.owner: me}
        python: {from: uv}
        dependencies: [{pip: [six, private]}]
        pip: {indexes: {own: {url: "https://own.example/simple", packages: [private]}}, no_build_isolation: true}
        variables: {PATHS: {prepend: [a]}}
        setup: [echo done]
        test: {imports: [six]}
        image: {base: "registry.example/x:1", apt: [curl], labels: {a: b}, user: root}
        publish: {tags: [x]}
        run: {shm_size: 3g, env: {A: b}}
        serve: {port: 8080, routes: {liveness: /live}}
        spark: {version: "3.5", java: system, packages: ["io.delta:delta:3"]}
        r: {version: "4.4", from: apt, repositories: {cran: "https://cran.example"}, cran: [dplyr@1]}
        """,
    )
    both = {
        "image.apt.packages", "image.labels.a", "image.user", "pip.indexes", "pip.no_build_isolation",
        "publish.tags", "python", "run.env.A", "serve.port", "serve.routes.liveness", "setup", "r.repositories.cran",
        "spark.java", "spark.version", "test.imports", "variables", "r.from", "name",
    }  # fmt: skip
    second = {kind for kind, _ in notes(started, "azureml", "azureml-a")}
    assert second == both | {
        "run.shm_size", "spark.packages", "r.version", "r.cran", "properties",
    }  # fmt: skip
    first = {kind for kind, _ in notes(started, "azureml-v1", "azureml-a", "out")}
    assert first == both | {"description", "tags.team"}
    found = json.loads(started.read("out/azureml_environment.json"))
    assert found["docker"]["shmSize"] == "3g"
    assert found["spark"]["packages"] == [{"group": "io.delta", "artifact": "delta", "version": "3"}]
    assert found["r"]["cranPackages"] == [{"name": "dplyr", "version": "1", "repository": None}]
    conda = YAML(typ="safe").load(started.read("out/conda_dependencies.yml"))
    assert conda["dependencies"][:2] == ["python", "pip"]


def test_where_the_image_brings_its_packages(started: Project) -> None:
    """There is no conda file then, and nothing in it that would be lost unsaid."""
    started.write(
        "manifests/a.yaml",
        f"""
        builder: docker
        python: {{managed: false, interpreter: /opt/conda/bin/python}}
        dependencies: [numpy]
        variables: {{A: b}}
        {BASE.strip()}
        """,
    )
    assert "conda_file" not in started.run("export", "azureml", "a").out
    said = {kind for kind, _ in notes(started, "azureml", "a")}
    assert said == {"dependencies", "variables", "python.interpreter"}
    assert {kind for kind, _ in notes(started, "azureml-v1", "a", "out")} == {"dependencies"}
    found = json.loads(started.read("out/azureml_environment.json"))
    assert found["python"]["interpreterPath"] == "/opt/conda/bin/python"
    assert found["environmentVariables"] == {"A": "b"}


def test_a_version_as_it_was(project: Project, index: Index) -> None:
    """Its number is Azure's version; the manifest may be gone."""
    project.write(
        "manifests/a.yaml",
        f"pip: {{index_url: '{index.url}'}}\npython: {{from: uv}}\n"
        f"dependencies: [python =3.11, {{pip: [alpha]}}]\n{BASE}",
    )
    project.run("apply")
    project.remove("manifests/a.yaml")
    found = YAML(typ="safe").load(project.run("export", "azureml", "a@1").out)
    assert found["version"] == "1"
    assert found["conda_file"]["dependencies"][:1] == ["python 3.11.*"]
    exact = YAML(typ="safe").load(project.run("export", "azureml", "a@1", "--exact").out)
    assert "alpha==2.0" in exact["conda_file"]["dependencies"][-1]["pip"]
