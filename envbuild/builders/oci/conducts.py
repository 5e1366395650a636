"""How a container starts: what the manifest says, upon what the base does."""

from envbuild.builders.oci.bases import Ground
from envbuild.image.config import Conduct, environment
from envbuild.render import Assembly


def conduct(sketch: Assembly, ground: Ground) -> Conduct:
    """The environment is active without a shell: its variables are those of the image."""
    env = environment((ground.config.get("config") or {}).get("Env") or (), (*sketch.stated, *sketch.active))
    return Conduct(
        env=env,
        user=sketch.user or None,
        workdir=sketch.workdir or None,
        entrypoint=sketch.entrypoint or None,
        command=sketch.command or None,
        shell=sketch.shell or None,
        labels=sketch.labels,
        expose=sketch.expose,
        stop_signal=sketch.stop_signal or None,
    )
