"""What tests of conda environments share: a manifest that asks a test's own channel, and what lies in the cache."""

from pathlib import Path

from .condachannel import Channel
from .line import reference
from .project import Project


def write_conda(project: Project, name: str, channel: Channel | str, *specs: str, more: str = "") -> None:
    """Write a manifest whose first spec stands at line 3."""
    url = channel if isinstance(channel, str) else channel.url
    listed = "".join(f"  - {spec}\n" for spec in specs)
    project.write(f"manifests/{name}.yaml", f'channels: ["{url}"]\ndependencies:\n{listed}{more}')


def prefix_of(project: Project, name: str) -> Path:
    return Path(reference(project, name))


def cache_of(project: Project) -> Path:
    """Where packages lie unpacked."""
    return Path(project.environ["XDG_CACHE_HOME"], "envbuild/packages")


def cached(project: Project, path: str) -> Path:
    """Find the one file of this path in the cache."""
    (found,) = cache_of(project).glob(f"*/package/{path}")
    return found
