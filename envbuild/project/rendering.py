"""What templates make of what is selected: shown, or written into folders."""

from pathlib import Path

from envbuild.builders import makes_images
from envbuild.project.front import Project
from envbuild.project.images import Images, Rendered
from envbuild.project.looking import refuse_stale
from envbuild.project.preparing import Prepared
from envbuild.project.reading import Selection
from envbuild.render import render


def artifacts(project: Project, selection: Selection) -> dict[str, Rendered]:
    """What is made of each environment, by its name; offline, from the lock that stands."""
    preparer, images = project.sources()
    prepared = preparer.prepare(project.environments(selection), to_build=False)
    return {one.environment.name: _rendered(project, images, one) for one in prepared}


def _rendered(project: Project, images: Images, prepared: Prepared) -> Rendered:
    refuse_stale(prepared)
    environment = prepared.environment
    if not makes_images(environment.builder):
        python = prepared.locked.head.python if prepared.locked.head else ""
        return Rendered(render(environment, project.templates, python))
    below = images.base(environment)
    while below:
        refuse_stale(below)
        below = images.base(below.environment)
    return images.rendered(prepared)


def write_artifacts(project: Project, folder: Path, artifacts: dict[str, Rendered]) -> int:
    """Each environment's into a folder of its name; every file whole or not at all."""
    _, images = project.sources()
    for name, one in artifacts.items():
        images.write(folder / name, one)
    return sum(one.files for one in artifacts.values())
