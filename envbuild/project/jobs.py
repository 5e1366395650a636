"""Steps of a plan, each with all that it is built and recorded from."""

from envbuild.apply import Job
from envbuild.builders import makes_images
from envbuild.document import decode
from envbuild.errors import Place, RefusedError
from envbuild.names import FILE
from envbuild.plan import Step
from envbuild.project.images import Images
from envbuild.project.locks import Locks, python_range
from envbuild.project.preparing import Prepared
from envbuild.render import Templates, render, texts_of
from envbuild.resolve import Environment, resolved_text
from envbuild.settings import Settings, counting
from envbuild.workspace import Workspace

TEMPLATES = "templates"


class Jobs:
    """As files, locks and templates are when they are asked for, held against what was planned."""

    def __init__(
        self, workspace: Workspace, settings: Settings, locks: Locks, templates: Templates, images: Images
    ) -> None:
        self._workspace = workspace
        self._settings = settings
        self._locks = locks
        self._templates = templates
        self._images = images

    def job(self, step: Step, one: Prepared) -> Job:
        if one.fingerprint is None:
            what = f"'{step.environment}' is not locked"
            raise RefusedError(what, Place(one.environment.path), "run 'envbuild lock'")
        path = one.locked.path
        text = self._workspace.text(path) if path else None
        lock = self._locks.whole(path) if path else None
        if (lock.head if lock else None) != one.locked.head:
            what = "the lock was changed since the plan was made"
            raise RefusedError(what, Place(path), "run 'envbuild apply' again")
        return Job(
            step=step,
            environment=one.environment,
            fingerprint=one.fingerprint,
            lock=lock,
            lock_text=text or "",
            python_range=python_range(lock, one.locked.requests),
            files=one.files,
            render=lambda: self._rendered(one),
            base=one.base,
            write=lambda folder: self._images.context(one, folder),
            manifest=resolved_text(one.environment),
            sources=self.sources(one.environment),
        )

    def _rendered(self, one: Prepared) -> dict[str, str]:
        if makes_images(one.environment.builder):
            return self._images.rendered(one).texts
        return render(one.environment, self._templates, one.locked.head.python if one.locked.head else "")

    def sources(self, environment: Environment) -> dict[str, str]:
        """What else it is rendered from, as a project of its own would have it: paths and texts."""
        read = texts_of(environment) if makes_images(environment.builder) else ()
        texts = {one.path: decode(one.path, self._workspace.read(one.path, one.where)) for one in read}
        own = {f"{TEMPLATES}/{name}": one.text for name, one in sorted(self._templates.own.items())}
        stated = counting(self._settings)
        return {**({FILE: stated} if stated else {}), **own, **texts}
