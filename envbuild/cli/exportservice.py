"""`envbuild export compose`, `kubernetes`: what deploys the service image of an environment."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from envbuild.cli.options import Common
from envbuild.cli.problems import tell_notes
from envbuild.interop.exports import SERVICES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envbuild.deployed import Deployed
    from envbuild.errors import Note, Place


def export_service(common: Common, environment: str, output: str, options: dict[str, Any]) -> int:
    from envbuild.cli.progress import patience
    from envbuild.project.services.deploying import deployed
    from envbuild.report.exports import Told, exported_json, service_text
    from envbuild.workspace import write_whole

    form = options["format"]
    with patience(common, "looking for its image"):
        found, where = deployed(common.project(), environment)
    text, notes = _written(found, where, form, options)
    told = Told(found.environment, found.version, form, (), text, output)
    tell_notes(common, notes)
    if output not in {"", "-"}:
        write_whole(Path(output), text)
    if common.json:
        common.out(exported_json(told, notes))
    elif output not in {"", "-"}:
        common.out(service_text(told, SERVICES[form][0]))
    else:
        common.document(text.removesuffix("\n"))
    return 0


def _written(found: "Deployed", where: "Place", form: str, options: dict[str, Any]) -> "tuple[str, tuple[Note, ...]]":
    from envbuild.interop.exports import compose, kubernetes

    notes: Iterable[Note]
    if form == "compose":
        text, notes = compose.text(found), compose.notes(found, where)
    else:
        kubernetes.refuse(found, where)
        wanted = kubernetes.Wanted(options["replicas"] or 1, options["pull_secret"])
        text, notes = kubernetes.text(found, wanted), kubernetes.notes(found, where)
    return text, tuple(notes)
