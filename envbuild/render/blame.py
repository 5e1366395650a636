"""Which line of the project a line of a rendered Dockerfile comes from: what fails is told where it is mended."""

from collections.abc import Callable, Iterator

from envbuild.errors import Place
from envbuild.manifest import is_dockerfile
from envbuild.render.additions import addition_place
from envbuild.render.given import item_places, placed, steps_of
from envbuild.render.quoting import exec_
from envbuild.resolve import Environment

_OF_PACKAGES = "install"
_OF_APT = "/var/cache/apt"
_KEYS = {"COPY": "copy", "ADD": "copy", "USER": "user", "WORKDIR": "workdir", "LABEL": "labels", "EXPOSE": "expose"}

Read = Callable[[str], str]
"""The text of a file of the project."""


def origin(environment: Environment, text: str, line: int, read: Read) -> Place:
    """`text` is the Dockerfile, `line` counts from 1; the manifest as a whole where nothing of it is to be found."""
    lines = text.splitlines()
    if not 0 < line <= len(lines):
        return environment.where_itself
    if own := _of_own(environment, lines, line, read):
        return own
    said = lines[line - 1]
    if added := addition_place(environment, said):
        return added
    for command, where in _commands(environment):
        if command and exec_([placed(command, environment)])[1:-1] in said:
            return where
    if _stage(lines[:line]) == _OF_PACKAGES:
        return next((one.items[0].where for one in environment.packages), environment.where_itself)
    return environment.where("image", _key(said))


def _stage(lines: list[str]) -> str:
    """The name of the last one; packages are installed in one of their own."""
    return next((line.rpartition(" AS ")[2] for line in reversed(lines) if line.startswith("FROM ")), "")


def _key(said: str) -> str:
    """What of `image` an instruction is made of, where it is no command of the manifest."""
    if said.startswith("RUN"):
        return "apt" if _OF_APT in said else "build"
    return _KEYS.get(said.partition(" ")[0], "base")


def _commands(environment: Environment) -> Iterator[tuple[str, Place]]:
    for step, where in steps_of(environment):
        yield step.script or step.command or "", where
    yield from zip(environment.setup, item_places(environment, "setup"), strict=True)


def _of_own(environment: Environment, lines: list[str], line: int, read: Read) -> Place | None:
    """A line of the project's own Dockerfile, which stands as it is in the rendered one."""
    stated = environment.keys.image.dockerfile
    if not stated or stated.endswith(".j2"):
        return None
    where = environment.where("image", "dockerfile")
    own = (stated if is_dockerfile(stated) else read(stated)).rstrip().splitlines()
    first = next((at for at in range(len(lines) - len(own) + 1) if _is_same(lines[at : at + len(own)], own)), None)
    if first is None or not first < line <= first + len(own):
        return None
    return where if is_dockerfile(stated) else Place(stated, line - first, 1)


def _is_same(lines: list[str], own: list[str]) -> bool:
    """The last stage is given a name, if it has none."""
    return all(line.startswith(one.rstrip()) for line, one in zip(lines, own, strict=True))
