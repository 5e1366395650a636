"""Environment -> Artifacts: the texts that templates make of it.

A template is the project's own, or a built-in one, which its own may extend as `builtin/NAME`. Values are data: only
what a quoting filter made may be printed, so that none becomes an instruction, and every turn of a loop is counted.
"""

import json
import traceback
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from envbuild.document import PREFIX
from envbuild.errors import Place, RenderError
from envbuild.resolve import Environment, Variable

if TYPE_CHECKING:
    from jinja2 import Environment as Jinja

ENVIRONMENT_YML = "environment.yml"
BUILT_IN = "builtin/"
LIMIT_STEPS = 100_000
LIMIT_OUTPUT = 8 * 1024 * 1024


class Template(msgspec.Struct, frozen=True):
    """A template's text, and the file that messages name."""

    path: str
    text: str


class Templates(msgspec.Struct, frozen=True):
    """The project's own templates, by file name, and those that come with envbuild."""

    own: Mapping[str, Template]
    built_in: Mapping[str, Template]

    def find(self, name: str) -> Template | None:
        if name.startswith(BUILT_IN):
            return self.built_in.get(name.removeprefix(BUILT_IN))
        return self.own.get(name) or self.built_in.get(name)


def render(environment: Environment, templates: Templates, python: str) -> dict[str, str]:
    """Every artifact of an environment, by its file name."""
    own = _values(environment, python)
    values = {"environment": own, "params": environment.params, "matrix": environment.matrix}
    return {ENVIRONMENT_YML: rendered(f"{ENVIRONMENT_YML}.j2", templates, values)}


def rendered(name: str, templates: Templates, values: Mapping[str, Any]) -> str:
    """One artifact; whatever a template does wrong is said with its file and line."""
    from jinja2 import TemplateError

    jinja = _jinja(templates)
    try:
        return "".join(_bounded(jinja.get_template(name).generate(values)))
    except TemplateError as error:
        raise RenderError(str(error.message), _place(error, name, templates), _hint(str(error.message))) from None
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError) as error:
        raise RenderError(f"the template fails: {error}", _place(error, name, templates), "mend it") from None


def complaints(templates: Templates) -> Iterator[RenderError]:
    """What can be said of the project's own templates before there is anything to render."""
    from jinja2 import TemplateError

    jinja = _jinja(templates)
    for name in sorted(templates.own):
        try:
            jinja.get_template(name)
        except TemplateError as error:
            yield RenderError(str(error.message), _place(error, name, templates), _hint(str(error.message)))


def _hint(message: str) -> str:
    return "print values through a filter that quotes: yaml, comment" if "quote" in message else "mend the template"


def _jinja(templates: Templates) -> "Jinja":
    from jinja2 import FunctionLoader

    from envbuild.sandbox import Steps, confined_templates

    def load(name: str) -> tuple[str, str, None] | None:
        found = templates.find(name)
        return (found.text, found.path, None) if found else None

    return confined_templates(FunctionLoader(load), {"yaml": _yaml, "comment": _comment}, Steps(LIMIT_STEPS))


def _bounded(parts: Iterable[str]) -> Iterator[str]:
    from jinja2.exceptions import SecurityError

    left = LIMIT_OUTPUT
    for part in parts:
        left -= len(part)
        if left < 0:
            raise SecurityError(f"the template writes more than {LIMIT_OUTPUT // 1024 // 1024} MiB")
        yield part


def _place(error: Exception, name: str, templates: Templates) -> Place:
    """The innermost line of a template that was being worked on."""
    paths = {one.path for one in (*templates.own.values(), *templates.built_in.values())}
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in paths]
    if frames:
        return Place(frames[-1].filename, frames[-1].lineno or 1, 1)
    found = templates.find(getattr(error, "name", None) or name)
    line = getattr(error, "lineno", None) or 1
    return Place(found.path if found else f"templates/{name}", line, 1)


def _yaml(value: Any) -> str:
    """A text as a YAML scalar that no reader can take for anything else."""
    return json.dumps(_shown(value), ensure_ascii=False)


def _comment(value: Any) -> str:
    return " ".join(_shown(value).split())


def _shown(value: Any) -> str:
    from envbuild.sandbox import shown

    return shown(value)


def _values(environment: Environment, python: str) -> dict[str, object]:
    items = [item for package in environment.packages for item in package.items]
    conda = [item.text for item in items if item.manager == "conda" and not item.selector]
    pip = [item.shown for item in items if item.manager == "pip"]
    if not environment.package("python"):
        conda.insert(0, f"python=={python}.*" if python else "python")
    if pip and not environment.package("pip"):
        conda.append("pip")
    return {
        "name": environment.name,
        "channels": list(environment.channels),
        "conda": conda,
        "selected": [(item.selector, item.text) for item in items if item.selector],
        "pip": pip,
        "variables": {one.name: one.value for one in environment.variables if _is_plain(one)},
        "left_out": [one.name for one in environment.variables if not _is_plain(one)],
    }


def _is_plain(variable: Variable) -> bool:
    """Whether conda can set it: not around what the host has, and not with the place of the environment in it."""
    return not variable.prepend and not variable.append and PREFIX not in (variable.value or "")
