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
from envbuild.errors import EnvbuildError, Place, RenderError, raise_all
from envbuild.manifest import Item
from envbuild.resolve import Environment, Variable
from envbuild.shape import nearest

if TYPE_CHECKING:
    from jinja2 import Environment as Jinja

ENVIRONMENT_YML = "environment.yml"
BUILT_IN = "builtin/"
LIMIT_STEPS = 1_000_000
LIMIT_OUTPUT = 8 * 1024 * 1024


_OF_PYTHON = (
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    AttributeError,
    NameError,
    RecursionError,
    MemoryError,
    SyntaxError,
)


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
    jinja = _jinja(templates)
    try:
        raise_all(_stray_blocks(name, templates, jinja))
        return "".join(_bounded(jinja.get_template(name).generate(values)))
    except _failures() as error:
        raise _failure(error, name, templates) from None


def complaints(templates: Templates) -> Iterator[EnvbuildError]:
    """What can be said of the project's own templates before there is anything to render."""
    jinja = _jinja(templates)
    for name in sorted(templates.own):
        try:
            yield from _stray_blocks(name, templates, jinja)
            jinja.get_template(name)
        except _failures() as error:
            yield _failure(error, name, templates)


def _failures() -> tuple[type[Exception], ...]:
    """What a template can do wrong, by Jinja's account and by Python's."""
    from jinja2 import TemplateError

    return (TemplateError, *_OF_PYTHON)


def _stray_blocks(name: str, templates: Templates, jinja: "Jinja") -> list[EnvbuildError]:
    """Blocks that a template fills and that what it extends does not have: they would be left out without a word."""
    from jinja2 import nodes

    found = templates.find(name)
    tree = jinja.parse(found.text, name, found.path) if found else None
    parent = _extended(tree) if tree else ""
    if not found or not tree or not parent:
        return []
    if templates.find(parent) is None:
        known = nearest(parent, [*templates.own, *(f"{BUILT_IN}{one}" for one in templates.built_in)])
        line = next(tree.find_all(nodes.Extends)).lineno
        return [RenderError(f"there is no template '{parent}'", Place(found.path, line, 1), known)]
    above = {block.name for block in _blocks(parent, templates, jinja)}
    own = [block for block in tree.body if isinstance(block, nodes.Block)]
    hint = f"use one of the blocks of {parent}: {', '.join(sorted(above))}"
    return [
        RenderError(f"there is no block '{block.name}' to fill", Place(found.path, block.lineno, 1), hint)
        for block in own
        if block.name not in above
    ]


def _extended(tree: Any) -> str:
    from jinja2 import nodes

    extends = tree.find(nodes.Extends)
    return str(extends.template.value) if extends and isinstance(extends.template, nodes.Const) else ""


def _blocks(name: str, templates: Templates, jinja: "Jinja") -> Iterator[Any]:
    """The blocks of a template and of all that it extends."""
    from jinja2 import nodes

    met: set[str] = set()
    while name and name not in met:
        met.add(name)
        found = templates.find(name)
        if found is None:
            return
        tree = jinja.parse(found.text, name, found.path)
        yield from tree.find_all(nodes.Block)
        name = _extended(tree)


def _failure(error: Exception, name: str, templates: Templates) -> RenderError:
    from jinja2 import TemplateError, TemplateNotFound

    where = _place(error, name, templates)
    match error:
        case TemplateNotFound():
            known = nearest(str(error.name), [*templates.own, *(f"{BUILT_IN}{one}" for one in templates.built_in)])
            return RenderError(f"there is no template '{error.name}'", where, known)
        case TemplateError():
            return RenderError(str(error.message), where, _hint(str(error.message)))
        case RecursionError() | MemoryError() | SyntaxError():
            return RenderError("the template is nested too deep, or includes itself", where, "write it flatter")
    return RenderError(f"the template fails: {error}", where, "mend it")


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
    conda = [conda_text(item) for item in items if item.manager == "conda" and not item.selector]
    pip = [*_options(environment), *(item.shown for item in items if item.manager == "pip")]
    if not environment.package("python"):
        conda.insert(0, f"python {python}.*" if python else "python")
    if pip and not environment.package("pip"):
        conda.append("pip")
    return {
        "name": environment.name,
        "channels": list(environment.channels),
        "conda": conda,
        "selected": [(item.selector, conda_text(item)) for item in items if item.selector],
        "pip": pip,
        "variables": {one.name: one.value for one in environment.variables if _is_plain(one)},
        "left_out": [one.name for one in environment.variables if not _is_plain(one)],
    }


def conda_text(item: Item) -> str:
    """A spec as every reader of conda's takes it."""
    simple = item.name in {"python", "pip"} and item.text == f"{item.name}{item.specifier}"
    return (f"{item.name} {item.wish}" if item.specifier else item.name) if simple else item.text


def _options(environment: Environment) -> Iterator[str]:
    """What `pip` says, as the options that mean it, where there is anything to ask pip for."""
    pip = environment.keys.pip
    if not any(package.key.startswith("pip/") for package in environment.packages):
        return
    if pip.index_url:
        yield f"--index-url {pip.index_url}"
    yield from (f"--extra-index-url {url}" for url in pip.extra_index_urls)
    yield from (f"--find-links {link}" for link in pip.find_links)
    yield from (f"--no-binary {name}" for name in pip.no_binary)
    if pip.prerelease:
        yield "--pre"


def _is_plain(variable: Variable) -> bool:
    """Whether conda can set it: not around what the host has, and not with the place of the environment in it."""
    return not variable.prepend and not variable.append and PREFIX not in (variable.value or "")
