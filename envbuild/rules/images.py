"""What an image starts from: its base, or a Dockerfile of the project's own."""

from collections.abc import Callable, Iterator

from envbuild.document import Scalar, is_null
from envbuild.errors import Note, Place
from envbuild.manifest import is_dockerfile, layout_name
from envbuild.resolve import Environment
from envbuild.rules.dockerfiles import Spot, is_floating, spots
from envbuild.rules.secrets import secrets

# The text of a file of the project, by its path; nothing where it cannot be had.
Read = Callable[[str], str]
LIMIT_DOCKERFILE = 100 * 1024


def images(environment: Environment, read: Read) -> Iterator[Note]:
    """Nothing of what makes no image: `local` starts from none."""
    if environment.builder == "local":
        return
    yield from _base(environment)
    yield from _dockerfile(environment, read)


def _base(environment: Environment) -> Iterator[Note]:
    node = environment.node("image", "base")
    node = node if isinstance(node, Scalar) else environment.node("image", "base", "image")
    if not isinstance(node, Scalar) or is_null(node) or environment.node("image", "base", "tag"):
        return
    if not layout_name(node.text) and is_floating(node.text):
        yield _floating(node.text, node.place)


def _floating(image: str, where: Place) -> Note:
    message = f"'{image}' names no version of the image: it has no tag but 'latest', and no digest"
    return Note("floating-base", message, where, "add a tag, such as 'debian:12'")


def _dockerfile(environment: Environment, read: Read) -> Iterator[Note]:
    node = environment.node("image", "dockerfile")
    stated = environment.keys.image.dockerfile
    if not stated or not isinstance(node, Scalar):
        return
    is_inline = is_dockerfile(stated)
    text = stated if is_inline else read(stated)
    if (size := len(text.encode())) > LIMIT_DOCKERFILE:
        message = f"the Dockerfile has {size / 1024:,.0f} KB, more than {LIMIT_DOCKERFILE // 1024} KB"
        yield Note("big-dockerfile", message, node.place, "put what it holds into files, and copy these")
    if not is_inline:
        yield from secrets(stated, text)
    for spot in spots(text):
        where = _inline(node, spot, read) if is_inline else Place(stated, spot.line + 1, spot.column + 1)
        if spot.image:
            yield _floating(spot.image, where)
        elif environment.installs:
            yield _unseen(spot.command, environment, where)


def _unseen(command: str, environment: Environment, where: Place) -> Note:
    message = (
        f"what '{command}' installs will not be seen at run time: "
        f"the Python of the environment, in {environment.prefix}, comes first"
    )
    hint = "list the packages under 'dependencies', or leave Python to the image: 'python: {managed: false}'"
    return Note("unseen-install", message, where, hint)


def _inline(node: Scalar, spot: Spot, read: Read) -> Place:
    """A place in a text that stands in a manifest; of one between quotes only its beginning is known."""
    lines, own = read(node.path).split("\n"), node.text.split("\n")[spot.line]
    at = node.line + spot.line
    if not node.block or at >= len(lines) or not lines[at].rstrip("\r").endswith(own):
        return node.place
    return Place(node.path, at + 1, len(lines[at].rstrip("\r")) - len(own) + spot.column + 1)
