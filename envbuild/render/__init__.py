"""Environment -> Artifacts: the texts that templates make of it, by file name."""

from envbuild.render.condafile import conda_text, conda_values
from envbuild.render.templates import BUILT_IN, Template, Templates, complaints, rendered
from envbuild.resolve import Environment

ENVIRONMENT_YML = "environment.yml"

__all__ = ["BUILT_IN", "ENVIRONMENT_YML", "Template", "Templates", "complaints", "conda_text", "render", "rendered"]


def render(environment: Environment, templates: Templates, python: str) -> dict[str, str]:
    """What every environment has, whatever builds it."""
    own = conda_values(environment, python)
    values = {"environment": own, "params": environment.params, "matrix": environment.matrix}
    return {ENVIRONMENT_YML: rendered(f"{ENVIRONMENT_YML}.j2", templates, values)}
