"""Environment -> Artifacts: the texts that templates make of it, by file name."""

from envbuild.render.additions import (
    Step,
    Texts,
    addition_files,
    addition_secrets,
    addition_steps,
    addition_texts,
)
from envbuild.render.assembly import ASSEMBLY, Assembly, assembly, read_assembly, unwritten
from envbuild.render.condafile import conda_text, conda_values
from envbuild.render.given import (
    ARCHITECTURES,
    Given,
    Input,
    Parent,
    is_grown,
    is_root,
    last_user,
    platforms_of,
    sources_of,
    texts_of,
)
from envbuild.render.image import BASE_NAME, DOCKERFILE, apt_packages, dockerfile, early_refusals
from envbuild.render.own import Instruction, instructions
from envbuild.render.packages import lists
from envbuild.render.refusals import CA_BUNDLE
from envbuild.render.spark import CONF_PLACE, HOME_PLACE, home_link, placed_conf
from envbuild.render.templates import BUILT_IN, Template, Templates, complaints, rendered
from envbuild.resolve import Environment

ENVIRONMENT_YML = "environment.yml"

__all__ = [
    "ARCHITECTURES",
    "ASSEMBLY",
    "BASE_NAME",
    "BUILT_IN",
    "CA_BUNDLE",
    "CONF_PLACE",
    "DOCKERFILE",
    "ENVIRONMENT_YML",
    "HOME_PLACE",
    "Assembly",
    "Given",
    "Input",
    "Instruction",
    "Parent",
    "Step",
    "Template",
    "Templates",
    "Texts",
    "addition_files",
    "addition_secrets",
    "addition_steps",
    "addition_texts",
    "apt_packages",
    "assembly",
    "complaints",
    "conda_text",
    "early_refusals",
    "home_link",
    "instructions",
    "is_grown",
    "is_root",
    "last_user",
    "placed_conf",
    "platforms_of",
    "read_assembly",
    "render",
    "render_image",
    "rendered",
    "sources_of",
    "texts_of",
    "unwritten",
]


def render(environment: Environment, templates: Templates, python: str) -> dict[str, str]:
    """What every environment has, whatever builds it."""
    own = conda_values(environment, python)
    values = {"environment": own, "params": environment.params, "matrix": environment.matrix}
    made = {ENVIRONMENT_YML: rendered(f"{ENVIRONMENT_YML}.j2", templates, values)}
    return {**made, **addition_files(environment, templates)}


def render_image(environment: Environment, templates: Templates, given: Given) -> dict[str, str]:
    """A Dockerfile, and the lists that it installs from: with what `sources_of` names, a context to build in."""
    made = {DOCKERFILE: dockerfile(environment, templates, given), **lists(environment, given)}
    return dict(sorted(made.items()))
