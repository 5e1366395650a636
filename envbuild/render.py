"""Environment -> Artifacts: the texts that templates make of it. Values are data, and reach a text only quoted."""

import json
from collections.abc import Mapping

from envbuild.errors import Place, RenderError
from envbuild.resolve import Environment

ENVIRONMENT_YML = "environment.yml"


def render(environment: Environment, templates: Mapping[str, str], python: str) -> dict[str, str]:
    """Every artifact of an environment, by its file name; `templates` holds the texts of the templates."""
    values = {"environment": _values(environment, python)}
    return {ENVIRONMENT_YML: _rendered(f"{ENVIRONMENT_YML}.j2", templates, values)}


def _rendered(name: str, templates: Mapping[str, str], values: Mapping[str, object]) -> str:
    from jinja2 import DictLoader, StrictUndefined, TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    sandbox = ImmutableSandboxedEnvironment(
        loader=DictLoader(dict(templates)), undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True
    )
    sandbox.filters.update(yaml=_yaml, comment=_comment)
    try:
        return sandbox.get_template(name).render(values)
    except TemplateError as error:
        line = getattr(error, "lineno", 0) or 0
        raise RenderError(str(error.message), Place(f"templates/{name}", line, 1 if line else 0)) from None


def _yaml(value: str) -> str:
    """A text as a YAML scalar that no reader can take for anything else."""
    return json.dumps(str(value), ensure_ascii=False)


def _comment(value: str) -> str:
    return " ".join(str(value).split())


def _values(environment: Environment, python: str) -> dict[str, object]:
    conda = [item.text for package in environment.packages for item in package.items if item.manager == "conda"]
    pip = [item.text for package in environment.packages for item in package.items if item.manager == "pip"]
    if not environment.package("python"):
        conda.insert(0, f"python=={python}.*" if python else "python")
    if pip and not environment.package("pip"):
        conda.append("pip")
    return {
        "name": environment.name,
        "channels": list(environment.channels),
        "conda": conda,
        "pip": pip,
        "variables": {one.name: one.value for one in environment.variables if one.value is not None},
    }
