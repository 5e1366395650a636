"""Azure ML's YAML comes in, goes out, and is loaded by its SDK: each field is equal, or was told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support import azureml
from support.services import require

from envbuild.interop.exports import exporter
from envbuild.interop.exports.subject import Subject, Wish
from envbuild.interop.imports.formats import Wanted, bring_in
from envbuild.project import Project
from envbuild.project.exporting import outgoing

_ROUTES = ("liveness_route", "readiness_route", "scoring_route")
_APART = {f"inference_config.{route}.{one}": "serve.port" for route in _ROUTES for one in ("path", "port")}
# The fields that are not equal in the end, by the file, each with the words that told of it.
DIFFERING: dict[str, dict[str, str]] = {
    "Said_All.1": {},
    "by-hand": {},
    "by-path": {},
    "context": {},
    "context-file": {},
    "image": {},
    "image-conda": {},
    "inline": {},
    "served": {},
    "served-apart": {**_APART, "inference_config.scoring_route.path": "'scoring_route' is not carried"},
    "shown": {"datastore": "'datastore' is not carried"},
    "windows": {"os_type": "'os_type: windows' is not carried"},
}
BY_HAND = {
    "by-hand": """
        $schema: https://azuremlschemas.azureedge.net/latest/environment.schema.json
        name: by-hand
        version: 4
        image: registry.example/team/base@sha256:{digest}
        conda_file: conda.yml     # beside it
        description: "what: it is for"
        tags: {{a.b: "{{{{ x }}}}", n: "", y: "yes"}}
        os_type: linux
    """,
    "by-path": "name: by-path\nimage: registry.example/x:1\nconda_file: ./conda.yml\n",
    "inline": """
        name: inline
        image: registry.example/x:1
        conda_file:
          channels: [conda-forge, nodefaults]
          dependencies:
            - python=3.11
            - pip=24.0
            - pip: ["--extra-index-url https://more.example/simple", "six"]
          variables: {{MODE: fast}}
    """,
    "shown": """
        name: shown
        image: registry.example/x:1
        datastore: blobs
        creation_context: {{created_at: "2024-05-01T00:00:00"}}
        id: azureml:/subscriptions/x
        auto_delete_setting: {{condition: created_greater_than, value: "30d"}}
    """,
}


@dataclass(frozen=True)
class Journey:
    before: dict[str, Any]
    after: dict[str, Any]
    manifest: str
    told: tuple[str, ...]


@pytest.fixture(scope="module")
def journeys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Journey]:
    require("azureml")
    root = tmp_path_factory.mktemp("azureml")
    saved = root / "saved"
    saved.mkdir()
    (root / "envbuild.yaml").write_text("channels: [conda-forge]\nplatforms: [linux-64]\n")
    azureml.save("v2", saved)
    for name, text in BY_HAND.items():
        lines = text.format(digest="a" * 64).removeprefix("\n").split("\n")
        indent = len(lines[0]) - len(lines[0].lstrip())
        (saved / f"{name}.yml").write_text("\n".join(line[indent:] for line in lines))
    (root / "out").mkdir()
    found = {name: _there_and_back(root, name) for name in DIFFERING}
    before = azureml.load("v2", root, *(f"saved/{name}.yml" for name in found))
    after = azureml.load("v2", root, *(f"out/{name}.yml" for name in found))
    return {
        name: Journey(_plain(before[f"saved/{name}.yml"], saved), _plain(after[f"out/{name}.yml"], root / "out"), *one)
        for name, one in found.items()
    }


def _there_and_back(root: Path, name: str) -> tuple[str, tuple[str, ...]]:
    done = bring_in(Project(root, {}), Wanted("azureml", f"saved/{name}.yml", str(root), partial=True))
    target = root / "out" / f"{name}.yml"
    subject = Subject(outgoing(Project(root, {}), done.name, target, locked=False), Wish())
    found = exporter("azureml")(subject)
    target.write_text(found.text)
    told = (*(one.message for one in done.left), *(one.message for one in (*done.notes, *found.notes)))
    return done.text, told


def _plain(fields: dict[str, Any], folder: Path) -> dict[str, Any]:
    """With Azure's own defaults in the place of nothing, and paths from nowhere in particular."""
    build = fields["build"]
    if build:
        fields["build"] = {
            "path": str((folder / build["path"]).resolve()),
            "dockerfile_path": build["dockerfile_path"] or "Dockerfile",
        }
    return {**fields, "os_type": fields["os_type"] or "linux", "tags": fields["tags"] or {}}


@pytest.mark.parametrize("name", sorted(DIFFERING))
def test_each_field_is_equal_or_was_told(journeys: dict[str, Journey], name: str) -> None:
    """Whatever differs in the end is known here, and was told by its name."""
    journey, expected = journeys[name], DIFFERING[name]
    assert set(azureml.differing(journey.before, journey.after)) == expected.keys()
    for words in expected.values():
        assert any(words in one for one in journey.told), (words, journey.told)


def test_the_manifest_that_comes_of_a_file(journeys: dict[str, Journey]) -> None:
    """What Azure alone has a use for is kept in tags; the conda file stays as it is written, with its remarks."""
    assert journeys["by-hand"].manifest == (
        "# Imported from by-hand.yml.\n"
        'description: "what: it is for"\n'
        "tags:\n"
        '  azureml.version: "4"\n'
        '  a.b: !raw "{{ x }}"\n'
        '  "n": ""\n'
        '  "y": "yes"\n'
        "builder: docker\n"
        "python:\n"
        "  from: conda\n"
        "# ours\n"
        "name: churn\n"
        "channels:\n"
        "  - conda-forge\n"
        "  - defaults\n"
        "dependencies:\n"
        "  - python=3.11    # the servers have it\n"
        "  - numpy>=1.20\n"
        "  - conda-forge::xz\n"
        "  - pip\n"
        "  - pip:\n"
        "      - tabulate>=0.9\n"
        '      - rich[jupyter]~=13.0 ; python_version < "3.13"\n'
        "image:\n"
        f'  base: "registry.example/team/base@sha256:{"a" * 64}"\n'
    )
    assert journeys["served"].manifest.partition("serve:\n")[2] == (
        "  port: 8080\n  routes:\n    liveness: /liveness\n    readiness: /readiness\n    scoring: /scoring\n"
    )
    assert journeys["context-file"].manifest.partition("image:\n")[2] == (
        '  dockerfile: "../saved/context/docker/Other"\n  context: "../saved/context"\n'
    )
