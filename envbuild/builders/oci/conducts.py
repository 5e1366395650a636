"""How a container starts: what the manifest says, upon what the base does."""

import posixpath

from envbuild.builders.oci.bases import Ground
from envbuild.image.config import Conduct, environment
from envbuild.render import Assembly


def conduct(sketch: Assembly, ground: Ground) -> Conduct:
    """The environment is active without a shell: its variables are those of the image."""
    base = ground.config.get("config") or {}
    env = environment(base.get("Env") or (), (*sketch.stated, *sketch.active))
    return Conduct(
        env=env,
        user=sketch.user or None,
        workdir=_below(base.get("WorkingDir") or "/", sketch.workdir) if sketch.workdir else None,
        entrypoint=sketch.entrypoint or None,
        command=sketch.command or None,
        shell=sketch.shell or None,
        labels=sketch.labels,
        expose=sketch.expose,
        stop_signal=sketch.stop_signal or None,
    )


def _below(folder: str, workdir: str) -> str:
    """One that is relative goes on from the base's, as in Docker: engines start nothing in any other."""
    return workdir if workdir.startswith("/") else posixpath.normpath(f"/{folder}/{workdir}".replace("//", "/"))
