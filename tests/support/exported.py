"""Projects whose environments are exported, and what was written with nothing in it that differs from run to run."""

import re
import textwrap
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from .condachannel import Channel
from .condapkg import Package
from .index import Index
from .project import Project
from .wheels import wheel_bytes

_ON_LINUX, _ON_MAC = "2.1.3", "2.1.2"


def channel(folder: Path) -> Channel:
    """python, pip and numpy for two platforms; numpy's own needs are told by name."""
    found = Channel(folder / "channel")
    found.add(Package(name="pip", version="24.0", noarch="python", subdir="noarch", depends=("python",)))
    for subdir, version in (("linux-64", _ON_LINUX), ("osx-arm64", _ON_MAC)):
        needs = ("python >=3.11,<3.12.0a0", "blas")
        found.add(
            Package(name="python", version="3.11.7", build="h0_0", subdir=subdir),
            Package(name="blas", version="1.0", build="a_b_1", subdir=subdir),
            Package(name="numpy", version=version, build="py311_0", subdir=subdir, depends=needs),
        )
    return found


def write_mixed(project: Project, index: Index, folder: Path, platforms: str = "linux-64, osx-arm64") -> None:
    """Packages of conda and of PyPI, a bound index, a folder of wheels, a wheel of the project, variables, a setup."""
    index.add("private", "1.0")
    index.add("delta", "1.0", extras={"fast": ["alpha"]})
    for place, name in (("wheels", "linked"), ("own", "local")):
        filename, data = wheel_bytes(name, "1.0")
        path = project.path / place / filename
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    text = f"""
        channels: ['{channel(folder).url}']
        platforms: [{platforms}]
        description: "trains\\nthe model"
        dependencies:
          - numpy >=2
          - python =3.11
          - sel(linux): pip 24.*
          - pip:
              - beta >=1
              - linked
              - private
              - "delta[fast]; sys_platform == 'darwin'"
              - ../own/local-1.0-py3-none-any.whl
        constraints: [numpy <3]
        variables: {{SMALL: "yes", PATHS: {{prepend: [a]}}, HOME_LIB: "{{{{ environment.prefix }}}}/lib"}}
        system_requirements: {{cuda: "12.4"}}
        pip:
          index_url: "{index.url}"
          find_links: [../wheels]
          indexes: {{own: {{url: "{index.url}", packages: [private]}}}}
        setup: [echo done]
        tags: {{team: growth}}
    """
    project.write("manifests/a.yaml", textwrap.dedent(text).lstrip())


def plain(text: str, index: Index, folder: Path) -> str:
    """With names for what is new in each run."""
    text = text.replace((folder / "channel").as_uri(), "CHANNEL").replace(index.url.removesuffix("simple/"), "INDEX/")
    return re.sub(r"\b[0-9a-f]{32}\b", "MD5", re.sub(r"\b[0-9a-f]{64}\b", "SHA256", text))


def packages(project: Project, name: str) -> list[dict[str, Any]]:
    """The packages of a lock, but for where they come from."""
    content: Any = YAML(typ="safe").load(project.read(f"locks/{name}.conda-lock.yml"))
    return [{key: value for key, value in one.items() if key != "url"} for one in content["package"]]


def notes(project: Project, *arguments: str) -> list[tuple[str, str]]:
    """The kind and the text of each note of an export."""
    return [(one["kind"], one["message"]) for one in project.json("export", *arguments)["notes"]]
