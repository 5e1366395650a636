"""docs/service-images.md is what is: its files are what is written for the service that it shows."""

import os
import re
from pathlib import Path

from support.deployments import DEPLOYED
from support.project import Project

from envbuild.builders.services.server import server
from envbuild.interop.exports import compose, kubernetes

PAGE = Path(__file__).parent.parent / "docs" / "service-images.md"
_FENCE = re.compile(r"^```(?:yaml|yml)\n# (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_OF_OTHERS = re.compile(_FENCE.pattern.replace("(?:yaml|yml)", "yml"), _FENCE.flags)  # `yaml` is what manifests are


def test_its_files_are_what_is_written() -> None:
    """By `export compose` and `export kubernetes`, of a service such as the page's."""
    written = {
        "compose.yaml": compose.text(DEPLOYED),
        "kubernetes.yaml": kubernetes.text(DEPLOYED, kubernetes.Wanted(3)),
    }
    page = PAGE.read_text(encoding="utf-8")
    if os.environ.get("ENVBUILD_TEST_GOLDEN") == "write":
        page = _OF_OTHERS.sub(lambda one: f"```yml\n# {one[1]}\n{written.get(one[1], one[2])}```", page)
        PAGE.write_text(page, encoding="utf-8")
    found = dict(_FENCE.findall(page))
    assert {name: found[name] for name in written} == written


def test_its_manifest_is_one(project: Project) -> None:
    """It is read, and what it says is what is exported on the page."""
    (body,) = (body for name, body in _FENCE.findall(PAGE.read_text(encoding="utf-8")) if name.startswith("manifests/"))
    project.write("manifests/churn/score.yaml", body)
    project.write("score.py", "def init(): pass\n")
    project.run("check", "churn/score")
    assert f"cpu: {DEPLOYED.cpu}\n" in body
    assert f"memory: {DEPLOYED.memory}\n" in body


def test_its_server_is_the_one() -> None:
    """All that is named is in the layer, and nothing else is."""
    page = PAGE.read_text(encoding="utf-8")
    folders = {node.entry.path.split("/")[3] for node in server()}
    names = {re.split(r"[-.]", name)[0] for name in folders}
    assert {name for name in names if name not in page} == set()
