"""`image.base` for CPUs and for GPUs: which of the two is meant is decided by the manifest, never by the machine."""

import pytest
from support.project import Project

_BASE = "image: {base: {cpu: 'x/cpu:1', gpu: 'x/gpu:1'}%s}\nbuilder: docker\nplatforms: [linux-64]\n"


def base(project: Project, name: str) -> tuple[str, str]:
    (found,) = project.json("explain", name, "image.base")["values"]
    return found["value"].strip('"'), found["where"]


@pytest.mark.parametrize(
    ("gpu", "system", "taken"),
    [
        ("", "", "cpu"),
        (", gpu: auto", "", "cpu"),
        (", gpu: 'true'", "", "gpu"),
        ("", "cuda: '12.4'", "gpu"),
        (", gpu: auto", "cuda: '12.4'", "gpu"),
        (", gpu: 'false'", "cuda: '12.4'", "cpu"),
    ],
)
def test_one_of_the_two_is_taken(project: Project, gpu: str, system: str, taken: str) -> None:
    """Told with its own place; the Dockerfile begins with it."""
    project.write("manifests/a.yaml", f"{_BASE % gpu}system_requirements: {{{system}}}\n")
    column = {"cpu": 21, "gpu": 37}[taken]
    assert base(project, "a") == (f"x/{taken}:1", f"manifests/a.yaml:1:{column}")
    assert f"  base: x/{taken}:1" in project.run("show", "a", "--resolved").out.replace('"', "")


def test_the_settings_may_ask_for_cuda(project: Project) -> None:
    """For one platform of several is enough."""
    project.write("envbuild.yaml", "system_requirements: {linux-64: {cuda: '12.4'}}\n")
    project.write("manifests/a.yaml", _BASE % "")
    assert base(project, "a")[0] == "x/gpu:1"


def test_a_cell_takes_its_own(project: Project) -> None:
    """And a child that names one image has that."""
    project.write(
        "manifests/a.yaml",
        f"{_BASE % ''}matrix: {{device: {{cpu: {{}}, cuda: {{system_requirements: {{cuda: '12.4'}}}}}}}}\n",
    )
    project.write("manifests/b.yaml", "extends: a\nimage: {base: 'x/own:1'}\nmatrix: !reset\n")
    assert [base(project, name)[0] for name in ("a-cpu", "a-cuda", "b")] == ["x/cpu:1", "x/gpu:1", "x/own:1"]


@pytest.mark.parametrize("stated", ["{cpu: 'x/cpu:1'}", "{gpu: 'x/gpu:1'}", "{cpu: 'x:1', gpu: 'x:2', image: 'x:3'}"])
def test_half_a_pair_is_refused(project: Project, stated: str) -> None:
    """At its line, with the forms that there are."""
    project.write("manifests/a.yaml", f"image: {{base: {stated}}}\nbuilder: docker\n")
    (error,) = project.json("check", check=1)["errors"]
    assert (error["path"], error["line"]) == ("manifests/a.yaml", 1)
    assert "cpu" in error["message"] + error["hint"]


def test_azure_gets_the_one_that_is_meant(project: Project) -> None:
    """Its definitions know one image."""
    project.write("manifests/a.yaml", _BASE % ", gpu: 'true'")
    assert "image: x/gpu:1" in project.run("export", "azureml", "a").out.replace('"', "")
