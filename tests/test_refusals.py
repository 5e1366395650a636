"""What is read but cannot be locked or built yet is refused at plan time, with the key's line, and never ignored."""

import pytest
from support.index import Index
from support.project import Project

_REFUSED = {
    "overrides: [numpy ==1]": "1:13: conda packages cannot be overridden",
    "dependencies: [{pip: ['-e ./src']}]": "1:23: there is no 'manifests/src'",
    "constraints: [{pip: [./src]}]": "1:22: './manifests/src' is no version, and 'constraints' are versions",
    "dependencies: ['python 3.11.4 h1_0', {pip: [alpha]}]": "1:16: only conda has 'python ==3.11.4 h1_0', and this "
    "environment's Python comes from uv",
    "overrides: [{pip: ['https://h.org/a.zip']}]": "1:20: 'https://h.org/a.zip' has no name, "
    "and 'overrides' are of packages",
    "pip: {indexes: {i: {url: 'https://h.org/', packages: [a, 'b*']}}}": "1:58: 'b*' is no name of a package",
    "pip: {indexes: {i: {url: 'https://h.org/', packages: ['a==1']}}}": "1:55: 'a==1' is no name of a package",
    "{python: {from: uv}, dependencies: [numpy]}": "1:37: 'numpy' is a conda package, and this environment's Python "
    "comes from uv",
    "spark: {java: apt}": "1:9: builder 'local' cannot do 'spark.java: apt'",
    "r: {from: system}": "1:5: builder 'local' cannot do 'r.from: system'",
    "python: {managed: false}": "1:10: builder 'local' cannot do 'python.managed: false'",
    "{builder: oci, setup: [make]}": "1:16: builder 'oci' cannot do 'setup'",
}


def test_each_is_refused_at_its_line(project: Project) -> None:
    """All of them in one go, each with its hint."""
    for number, text in enumerate(_REFUSED):
        project.write(f"manifests/m{number:02}.yaml", f"{text}\n")
    errors = project.json("plan", check=1)["errors"]
    told = {error["path"]: f"{error['line']}:{error['column']}: {error['message']}" for error in errors}
    assert told == {f"manifests/m{number:02}.yaml": message for number, message in enumerate(_REFUSED.values())}
    assert all(error["hint"] for error in errors)


@pytest.mark.parametrize("nothing", ["test: {}", "pip: {}", "run:", "overrides: []", "system_requirements: {}"])
def test_what_says_nothing_is_not_refused(project: Project, nothing: str) -> None:
    """An empty key asks for nothing."""
    project.write("manifests/a.yaml", f"{nothing}\nvariables: {{A: b}}\n")
    assert project.run("plan").out.endswith("Plan: 1 to create, 0 unchanged.\n")


def test_image_and_publish_are_neither_honoured_nor_refused(project: Project) -> None:
    """They concern builders of images alone."""
    project.write("manifests/a.yaml", "image: {base: 'debian:12'}\npublish: {registries: [registry.example.com]}\n")
    assert project.run("apply").out.endswith("Apply: 1 done.\n")


def test_the_place_of_the_environment_is_known_when_it_is_built(project: Project, index: Index) -> None:
    """In variables, for setup and for what runs later; and the place itself is no content."""
    index.add("alpha", "1.0")
    project.write(
        "manifests/a.yaml",
        f"""
        pip: {{index_url: '{index.url}'}}
        dependencies: [{{pip: [alpha]}}]
        variables: {{DATA: "{{{{ environment.prefix }}}}/data"}}
        setup: ['echo "$DATA" > "{{{{ environment.prefix }}}}/told"']
        """,
    )
    project.run("apply")
    prefix = project.json("show", "a@1")["environment"]["reference"]
    assert project.run("run", "a", "--", "sh", "-c", "echo $DATA; cat $VIRTUAL_ENV/told").out == f"{prefix}/data\n" * 2
    assert "{{ environment.prefix }}/data" in project.run("show", "a", "--resolved").out


def test_constraints_of_conda_mean_nothing_without_conda(project: Project, index: Index) -> None:
    """One list of them may stand in what a whole fleet extends."""
    base = f"abstract: true\npip: {{index_url: '{index.url}'}}\nconstraints: [numpy <2]\n"
    project.write("manifests/base.yaml", base)
    project.write("manifests/a.yaml", "extends: base\ndependencies: [{pip: [alpha]}]\n")
    project.run("lock")
    project.run("lock", "--check")
