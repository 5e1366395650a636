"""What no image can have, told before anything is locked: by `check`, and by a plan of what has no lock yet."""

from collections.abc import Callable, Iterator

from envbuild.builders import makes_images
from envbuild.document import decode
from envbuild.errors import EnvbuildError, raise_all
from envbuild.lock import asked_base
from envbuild.project.preparing import Prepared
from envbuild.render import Given, Templates, early_refusals, texts_of
from envbuild.resolve import Environment
from envbuild.settings import Settings
from envbuild.workspace import Workspace


class Early:
    """Looks at manifests and at the files that they name; asks nobody."""

    def __init__(self, workspace: Workspace, settings: Settings, templates: Callable[[], Templates]) -> None:
        self._workspace = workspace
        self._settings = settings
        self._templates = templates

    def checked(self, one: Prepared) -> Prepared:
        """Unless it has a fingerprint: then it was rendered, which told all of it."""
        if one.fingerprint is None:
            raise_all(self.problems(one.environment))
        return one

    def problems(self, environment: Environment) -> Iterator[EnvbuildError]:
        if not makes_images(environment.builder):
            return
        texts: dict[str, str] = {}
        try:
            asked_base(environment)
        except EnvbuildError as error:
            yield error
        for one in texts_of(environment):
            try:
                texts[one.path] = decode(one.path, self._workspace.read(one.path, one.where))
            except EnvbuildError as error:
                yield error
        try:
            templates = self._templates()
        except EnvbuildError as error:
            yield error
            return
        yield from early_refusals(environment, templates, Given(settings=self._settings, texts=texts))
