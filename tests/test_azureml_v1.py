"""What Azure ML's first SDK saves comes in, goes out, and is loaded by it: each field is equal, or was told."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support import azureml
from support.services import require

from envbuild import Environment
from envbuild.interop.exports import exporter
from envbuild.interop.exports.subject import Subject, Wish
from envbuild.interop.imports.formats import Wanted, bring_in
from envbuild.project import Project
from envbuild.project.exporting import outgoing
from envbuild.workspace import write_folder

CANARY = "Canary-5ecret"
_CONDA = "python.condaDependencies"
_NOT_INSTALLED = {
    f"{_CONDA}.{one}": "the conda packages are not carried: Azure installs none where Python is user-managed"
    for one in ("name", "channels", "dependencies")
}
# The fields that are not equal in the end, by what is saved, each with the words that told of it.
DIFFERING: dict[str, dict[str, str]] = {
    "Everything.Else_1": {
        "assetId": "'assetId' is not carried",
        "databricks.pypiLibraries": "'databricks.pypiLibraries' is not carried",
        "inferencingStackVersion": "'inferencingStackVersion: latest' is not carried",
        "python.baseCondaEnvironment": "'baseCondaEnvironment: base' is not carried",
    },
    "arm": {},
    "as-it-is": {},
    "conda": {},
    "context": {
        "docker.buildContext.dockerfilePath": "'docker.buildContext' is not carried",
        "docker.buildContext.location": "'docker.buildContext' is not carried",
        "docker.buildContext.locationType": "'docker.buildContext' is not carried",
        "docker.shmSize": "'docker.shmSize' says nothing; an export says 2g",
        "python.userManagedDependencies": "'docker.buildContext' is not carried",
    },
    "dockerfile-file": {},
    "dockerfile-line": _NOT_INSTALLED,
    "dockerfile-pip": {},
    "dockerfile-text": _NOT_INSTALLED,
    "image": _NOT_INSTALLED,
    "image-conda": {},
    "image-pip": {},
    "interpreter-ignored": {"python.interpreterPath": "the interpreter '/usr/bin/python3' is not carried"},
    "pip": {},
    "pip-options": {},
    "pip-pinned": {},
    "r": {
        "r.bioconductorPackages": "nothing says where 'limma' of 'bioconductor' comes from",
        "r.cranPackages": "'tidyr@1.3.0' is not carried: nothing says where",
        "r.customUrlPackages": "'https://packages.example/x.tar.gz' is not carried",
    },
    "r-secret": {
        "r.githubPackages": "'r.githubPackages.authToken' is not carried",
        "r.rscriptPath": "'r.rscriptPath: /usr/bin/Rscript' is not carried",
    },
    "registry": _NOT_INSTALLED,
    "registry-login": {
        **_NOT_INSTALLED,
        "docker.baseImageRegistry.username": "'docker.baseImageRegistry.username' is not carried",
        "docker.baseImageRegistry.password": "'docker.baseImageRegistry.password' is not carried",
        "docker.baseImageRegistry.registryIdentity.clientId": "'docker.baseImageRegistry.registryIdentity' is not",
    },
    "registry-twice": {
        **_NOT_INSTALLED,
        "docker.baseImageRegistry.address": "the registry's address is not carried: the image names it itself",
    },
    "runs": {
        "docker.arguments": "'docker.arguments: --ulimit core=0' is not carried",
        "docker.enabled": "'docker.enabled' is not carried",
        "docker.sharedVolumes": "'docker.sharedVolumes' is not carried",
    },
    "spark": {},
    "spark-uncached": {},
    "user-managed": _NOT_INSTALLED,
    "variables": {"environmentVariables.API_TOKEN": "'API_TOKEN' is not carried"},
}


@dataclass(frozen=True)
class Journey:
    """One definition before and after, the manifest between, and all that was told on both ways."""

    before: dict[str, Any]
    after: dict[str, Any]
    manifest: str
    written: str
    told: tuple[str, ...]
    state: str
    by_value: tuple[str, str]


@pytest.fixture(scope="module")
def journeys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Journey]:
    """All that the SDK saves, in and out; it is started three times."""
    require("azureml")
    root = tmp_path_factory.mktemp("azureml")
    (root / "saved").mkdir()
    (root / "envbuild.yaml").write_text("channels: [conda-forge]\nplatforms: [linux-64]\n")
    azureml.save("v1", root / "saved")
    names = sorted(one.parent.name for one in root.glob("saved/*/azureml_environment.json"))
    found = {name: _there_and_back(root, name) for name in names}
    before = azureml.load("v1", root, *(f"saved/{name}" for name in names))
    after = azureml.load("v1", root, *(f"out/{name}" for name in names))
    return {name: Journey(before[f"saved/{name}"], after[f"out/{name}"], *one) for name, one in found.items()}


def _there_and_back(root: Path, name: str) -> tuple[str, str, tuple[str, ...], str, tuple[str, str]]:
    done = bring_in(Project(root, {}), Wanted("azureml-v1", f"saved/{name}", str(root), partial=True))
    target = root / "out" / name
    subject = Subject(outgoing(Project(root, {}), done.name, target / "x", locked=False), Wish())
    found = exporter("azureml-v1")(subject)
    write_folder(target, found.files, (), force=False)
    told = (*(one.message for one in done.left), *(one.message for one in (*done.notes, *found.notes)))
    return done.text, "".join(found.files.values()), told, done.judged.state, _by_value(root, name, found.files)


def _by_value(root: Path, name: str, files: Iterable[str]) -> tuple[str, str]:
    """The manifest and the files again, as Python users get them."""
    value = Environment.load_from_directory(root / "saved" / name, project=Project(root, {}), partial=True)
    value.save_to_directory(root / "value" / name)
    return value.manifest, "".join((root / "value" / name / one).read_text() for one in files)


def _compared(journey: Journey) -> set[str]:
    """Order of packages means nothing to conda, to Azure or to us."""
    for one in (journey.before, journey.after):
        stated = (one["python"].get("condaDependencies") or {}).get("dependencies") or []
        stated.sort(key=json.dumps)
    return set(azureml.differing(journey.before, journey.after))


@pytest.mark.parametrize("name", sorted(DIFFERING))
def test_each_field_is_equal_or_was_told(journeys: dict[str, Journey], name: str) -> None:
    """Whatever differs in the end is known here, and was told by its name."""
    journey, expected = journeys[name], DIFFERING[name]
    assert _compared(journey) == expected.keys()
    for words in expected.values():
        assert any(words in one for one in journey.told), (words, journey.told)


def test_python_users_get_the_same(journeys: dict[str, Journey]) -> None:
    """What was loaded is what is imported, and what is saved is what is exported."""
    for one in journeys.values():
        assert one.by_value == (one.manifest, one.written)


def test_all_that_is_saved_is_looked_at(journeys: dict[str, Journey]) -> None:
    """A variant that is added to the script is one here as well."""
    assert journeys.keys() == DIFFERING.keys()


def test_the_state_that_each_is_in(journeys: dict[str, Journey]) -> None:
    """All load; what is not built yet is refused when it is planned, and by nothing else."""
    refused = {name for name, one in journeys.items() if one.state == "refused"}
    assert refused <= {"context", "r", "r-secret", "runs", "spark", "spark-uncached"}
    assert all(one.state in {"refused", "ready to lock", "ready to build"} for one in journeys.values())


def test_no_secret_is_written_or_told(journeys: dict[str, Journey]) -> None:
    """Neither the registry's password nor the token of a repository."""
    for one in journeys.values():
        assert CANARY not in one.manifest + one.written + "".join(one.told)


def test_the_manifests_that_come_of_it(journeys: dict[str, Journey]) -> None:
    """As a person would write them: the conda file with its remarks, the Dockerfile as a text of its lines."""
    assert journeys["user-managed"].manifest == (
        "# Imported from azureml_environment.json.\n"
        "builder: docker\n"
        "python:\n"
        "  managed: false\n"
        "  interpreter: /opt/conda/bin/python\n"
        "variables:\n"
        "  EXAMPLE_ENV_VAR: EXAMPLE_VALUE\n"
        "image:\n"
        '  base: "registry.example/team/base:1.2"\n'
    )
    file = journeys["dockerfile-file"].manifest
    assert "# ours\nname: churn\n" in file
    assert re.search(r"(?m)^- python=3\.11 +# the servers have it$", file)
    assert "  dockerfile: !raw |\n    FROM registry.example/base:1\n\n    RUN echo" in file
    assert journeys["registry"].manifest.splitlines()[1:3] == ["tags:", "  azureml.registry: registry.example"]
    assert journeys["arm"].manifest.splitlines()[1:4] == ["builder: docker", "platforms:", "  - linux-aarch64"]
    assert (
        "spark:\n"
        "  repositories:\n"
        '    - "https://maven.example/releases"\n'
        "  packages:\n"
        "    - group: io.delta\n"
        "      artifact: delta-spark_2.12\n"
        '      version: "3.2.0"\n'
        "  precache: true\n"
    ) in journeys["spark"].manifest
    assert (
        journeys["r-secret"]
        .manifest.partition("\nr:\n")[2]
        .startswith('  from: system\n  cran:\n    - name: dplyr\n      repository: "https://cran.example"\n')
    )
    r = journeys["r"].manifest.partition("\nr:\n")[2].splitlines()
    assert [one for one in r if not one.lstrip().startswith("#")] == [
        '  version: "4.4.1"',
        '  snapshot: "2024-05-01"',
        "  github:",
        '    - "tidyverse/ggplot2@main"',
    ]
