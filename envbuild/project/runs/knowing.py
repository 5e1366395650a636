"""That an environment stands is remembered with what it takes to run something in it, if it is known for certain."""

import json
from pathlib import Path

from envbuild import census
from envbuild.attending.kept import OBJECTS, RUNS
from envbuild.attending.shelf import Shelf
from envbuild.builders.activation import entered
from envbuild.errors import UsageError
from envbuild.fingerprint import recorded_variables
from envbuild.memo import Moment
from envbuild.project.front import Project
from envbuild.project.planned import Planned
from envbuild.project.remembering import remember
from envbuild.project.runs.running import Chosen, Wish, facts_of, limits_of, record_of, stated_variables, words


def know(project: Project, planned: Planned, one: Chosen, moment: Moment, name: str) -> None:
    """Not where packages have scripts that are run for whoever enters: what these do nobody knows."""
    prefix = Path(one.record.reference)
    if one.record.builder != "local" or any(prefix.glob("etc/conda/activate.d/*.sh")):
        return
    shelf = Shelf(str(project.workspace.private(RUNS, OBJECTS)))
    told = _told(project, one, prefix, shelf.put(record_of(one)))
    remember(project, planned, moment, (json.dumps(told), ""), refresh=True, name=name)


def _told(project: Project, one: Chosen, prefix: Path, record: str) -> dict[str, object]:
    variables = recorded_variables(next((part for part in one.record.parts if part.name == "variables"), None))
    changes = entered(one.record.environment, one.label, variables, prefix, {}, project.programs).changes
    env = stated_variables(one, str(prefix))
    snapshot_mib, outputs_mib = limits_of(project.settings)
    return {
        "root": str(project.root),
        "label": changes.label,
        "texts": {name: ours for name, (ours, _) in changes.texts.items()},
        "lists": changes.lists,
        "is_conda": census.is_of_conda(str(prefix)),
        "env": env,
        "words": _own_words(one, str(prefix)),
        "facts": {**facts_of(one, Wish(), env), "record": record},
        "snapshot_mib": snapshot_mib,
        "outputs_mib": outputs_mib,
        "secret_names": sorted(project.origins.secrets.variables),
        "secret_files": [str(path) for _, path in project.origins.secrets.files],
    }


def _own_words(one: Chosen, prefix: str) -> list[str]:
    try:
        return words(one, Wish(), prefix)
    except UsageError:
        return []
