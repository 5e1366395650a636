"""Every key of a manifest, exported: each format holds it, tells of it, or needs nothing of it; none is dropped."""

import textwrap
from pathlib import Path

import pytest
from support.condapkg import Package
from support.exported import channel, notes
from support.index import Index
from support.project import Project

from envbuild.interop.exports import FILES, FORMATS
from envbuild.manifest import RULES
from envbuild.manifest.keys import Pip

# What says nothing of its own once it was read: names, parents, values for others, and what `check` leaves out.
READ = {
    "name",
    "prefix",
    "category",
    "extends",
    "abstract",
    "without",
    "params",
    "matrix",
    "check",
    "description",
}
HELD = {
    "azureml": {"builder", "channels", "dependencies", "tags"},  # what is built there is an image
    "azureml-v1": {"builder", "channels", "dependencies", "r"},
    "conda": {"channels", "dependencies"},
    "explicit": {"channels", "dependencies", "constraints", "overrides", "pip"},  # URLs need none of these
    "pip": {"dependencies", "constraints", "channels"},
    "pixi": {"channels", "platforms", "dependencies", "overrides"},
}
PIP = {
    "azureml": {"index_url", "extra_index_urls", "find_links", "no_binary", "prerelease"},
    "azureml-v1": {"index_url", "extra_index_urls", "find_links", "no_binary", "prerelease"},
    "conda": {"index_url", "extra_index_urls", "find_links", "no_binary", "prerelease"},
    "pip": {"index_url", "extra_index_urls", "find_links", "no_binary", "prerelease", "indexes"},
    "pixi": {"index_url", "extra_index_urls", "find_links", "no_binary", "prerelease", "no_build_isolation", "indexes"},
    "explicit": set(Pip.__struct_fields__),
}


@pytest.fixture
def everything(project: Project, index: Index, tmp_path: Path) -> Project:
    """An environment that states every key which is not of names and parents alone."""
    index.add("private", "1.0")
    index.add("pyspark", "3.5.1")
    project.write("links/keep", "")
    conda = channel(tmp_path)
    for name, version in (("python", "3.11.7"), ("numpy", "2.1.3")):
        conda.add(Package(name=name, version=version, build="h0_0", subdir="linux-aarch64"))
    text = f"""
        description: all of it
        tags: {{team: growth}}
        channels: ['{conda.url}']
        platforms: [linux-64, linux-aarch64]
        dependencies: [DEPENDENCIES python =3.11, {{pip: [beta, private, pyspark]}}]
        constraints: [numpy <3, {{pip: [alpha <3]}}]
        overrides: [{{pip: [alpha ==1.1]}}]
        system_requirements: {{archspec: x86_64}}
        variables: {{EMPTY: "", AROUND: {{append: [a]}}}}
        python: {{interpreter: python3.11}}
        pip:
          index_url: "{index.url}"
          extra_index_urls: ["{index.url}"]
          find_links: [../links]
          indexes: {{own: {{url: "{index.url}", packages: [private]}}}}
          prerelease: true
          no_build_isolation: [beta]
        setup: ["true"]
        test: {{imports: [beta]}}
        image: {{base: scratch, apt: [git], user: me}}
        builder: oci
        publish: {{registries: [example.com/x]}}
        solve_group: one
        run: {{command: python}}
        serve: {{port: 8000}}
        spark: {{java: system}}
        r: {{from: system}}
    """
    project.write("manifests/a.yaml", textwrap.dedent(text).lstrip().replace("DEPENDENCIES", "numpy,"))
    plain = textwrap.dedent(text).lstrip().replace("DEPENDENCIES", "").replace("solve_group: one", "solve_group: two")
    project.write("manifests/b.yaml", plain.replace("{interpreter: python3.11,", "{from: uv, interpreter: python3.11,"))
    project.run("lock")
    on_image = project.read("manifests/a.yaml").replace("base: scratch", 'base: "registry.example/x:1"')
    project.write("manifests/c.yaml", on_image.replace("group: one", "group: c"))
    return project


@pytest.mark.parametrize("file_format", sorted(FORMATS))
def test_no_key_is_dropped(file_format: str, everything: Project) -> None:
    """Whatever is stated stands in the file or in a note that names it."""
    platform = ("--platform", "linux-64") if file_format != "pixi" else ()
    environment = ("b",) if file_format == "pip" else ("c", "out") if file_format in FILES else ("a",)
    told = notes(everything, file_format, *environment, *platform)
    kinds = {kind.partition(".")[0] for kind, _ in told}
    assert {*RULES} - READ - HELD[file_format] - kinds == {"pip"} - HELD[file_format] - kinds
    of_pip = {kind.removeprefix("pip.") for kind, _ in told if kind.startswith("pip.")}
    assert {*Pip.__struct_fields__} - PIP[file_format] - of_pip == set()
    shown = " ".join(message for _, message in told)
    assert all(one in shown for one in ("image.apt", "image.user", "publish.registries", "test.imports", "solve_group"))
