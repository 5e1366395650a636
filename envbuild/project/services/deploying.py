"""What a deployment needs to know of a service: the image that was made of it, and what that says."""

from envbuild.deployed import Deployed
from envbuild.errors import BuildError, Place, UsageError
from envbuild.manifest import User
from envbuild.project.distributing.recalled import recalled
from envbuild.project.front import Project
from envbuild.project.runs.running import Chosen
from envbuild.project.services.serviced import ServiceImage, service_image
from envbuild.project.services.serving import service_named
from envbuild.project.versions import parted


def deployed(project: Project, text: str) -> tuple[Deployed, Place]:
    """And the line that says what is served. Nothing is built for it: what is not there is told with how it is made."""
    name, version = parted(text)
    service = service_named(project, text)
    found = recalled(project, project.named(name) if version else project.one(name).name, version)
    if found.record is None:
        hint = f"run 'envbuild apply {name}': what a registry has is recorded, and built no more"
        raise BuildError(f"'{found.title}' is in no record of this machine", service.where, hint)
    one = Chosen(project, found.record, found.environment, found.title)
    with service_image(project, one, service) as image:
        reference = image.found()
        if not reference:
            hint = f"run 'envbuild serve {text} --image --build'"
            raise UsageError(f"the service image of '{found.title}' is not made as it is said now", service.where, hint)
        return _deployed(one, image, reference), service.where


def _deployed(one: Chosen, image: ServiceImage, reference: str) -> Deployed:
    service, starting = image.service, image.starting
    stated = one.environment.keys.image.user
    user = image.user()
    number = user.partition(":")[0]
    own = stated.uid if isinstance(stated, User) and stated.name == number else None
    uid = number if number.isdecimal() else own
    return Deployed(
        environment=one.record.environment,
        version=one.record.version,
        reference=image.named.names[0] if not image.is_stored else reference,
        is_stored=image.is_stored,
        routes=service.routes,
        port=service.port,
        init_seconds=starting.seconds,
        cpu=service.cpu or "",
        memory=service.memory or "",
        user=user,
        uid=int(uid) if uid and uid.isdecimal() else None,
        health=tuple(starting.health),
        labels=starting.labels,
    )
