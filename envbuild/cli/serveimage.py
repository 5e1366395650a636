"""`envbuild serve --image`: the service image, made if it is not there, and a container of it in the foreground."""

import os
from typing import TYPE_CHECKING, Any

from envbuild.cli.choosing import chosen, flushed
from envbuild.cli.options import Common, terminated
from envbuild.errors import BuildError, UsageError

if TYPE_CHECKING:
    from envbuild.project import Project
    from envbuild.project.services.serviced import ServiceImage
    from envbuild.service import Service

_ONLY_ONE = "a service is of one environment: name it"


def refuse_without_image(options: dict[str, Any]) -> None:
    if options["build"]:
        raise UsageError("only an image is built: say '--image' as well", hint="say both, or leave '--build' out")


def serve_image(
    common: Common, project: "Project", service: "Service", environment: str | None, options: dict[str, Any]
) -> int:
    from envbuild.project.runs.running import chosen as chosen_one
    from envbuild.project.services.serviced import no_service_image, service_image
    from envbuild.project.versions import parted

    has_version = parted(environment or project.settings.default_environment)[1]
    if not has_version and project.one(service.environment).builder == "local":
        raise no_service_image(f"'{service.environment}'", service.environment)
    host = "" if options["build"] else _refuse_taken(service, options)
    name, version, _ = chosen(project, common, environment, _ONLY_ONE, options, image=True)
    one = chosen_one(project, name, version)
    with terminated(), service_image(project, one, service, debug=options["debug"]) as found:
        reference = found.found() or found.made(lambda text: common.say(f"{name}: {text}"))
        if options["build"]:
            common.out(_built(common, service, found, reference))
            return 0
        return _run(common, project, (found, reference), host, options["port"])


def _refuse_taken(service: "Service", options: dict[str, Any]) -> str:
    """A port that is taken is told before anything is built; gives the address by its number, as engines want it."""
    from envbuild.project.services.serving import listen

    with listen(options["host"], service.port if options["port"] is None else options["port"]) as sock:
        return str(sock.getsockname()[0])


def _built(common: Common, service: "Service", found: "ServiceImage", reference: str) -> str:
    if not common.json:
        return reference
    from envbuild.report.plans import document

    names = list(found.named.names)
    return document(services=[{"environment": service.environment, "image": reference, "names": names}])


def _run(common: Common, project: "Project", made: "tuple[ServiceImage, str]", host: str, port: int | None) -> int:
    from envbuild.project.services.contained import Asked, serve_contained
    from envbuild.report.services import service_text

    def listening(url: str) -> None:
        common.out(service_text(found.service, url, json=common.json))
        flushed()

    def hear(piece: bytes) -> None:
        os.write(2, piece)

    found, reference = made
    name = found.service.environment
    asked = Asked(host, found.service.port if port is None else port)
    say = lambda text: common.say(f"{name}: {text}")  # noqa: E731 - as short as it can be
    ended = serve_contained(project, found, reference, asked, (say, listening, hear))
    if ended.code == 0 or ended.was_asked:
        return 0
    why = "it had no memory left" if ended.was_short else f"its container ended with {ended.code}"
    raise BuildError(f"the service of '{name}' has ended: {why}", hint="see what it says above")
