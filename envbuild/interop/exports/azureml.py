"""Azure ML's YAML of an environment; with a folder, a Dockerfile that stands in the manifest is a file of its own."""

import posixpath
from collections.abc import Iterator
from typing import Any

from envbuild.errors import Note, UsageError
from envbuild.interop.azureml_terms import PROPERTIES, ROUTES, VERSION, is_own
from envbuild.interop.azureml_writing import bare, lines_of
from envbuild.interop.exports.azureml_common import (
    azure_name,
    base_of,
    notes_of,
    on_one_platform,
    secrets_in,
    set_variables,
)
from envbuild.interop.exports.azureml_conda import specification
from envbuild.interop.exports.quoting import comment
from envbuild.interop.exports.subject import Exported, Subject
from envbuild.manifest import is_dockerfile

FILE = "environment.yml"
_SCHEMA = "https://azuremlschemas.azureedge.net/latest/environment.schema.json"
_INLINE = "context/Dockerfile"
_HELD = frozenset({"description", "tags", "image.base", "image.base.image", "image.dockerfile", "image.context"})


def export(subject: Subject) -> Exported:
    subject = on_one_platform(subject)
    platform = subject.platform
    name, notes = azure_name(subject)
    conda = specification(subject)
    build = _build(subject, conda)
    stated = {
        "$schema": _SCHEMA,
        "name": name,
        "version": str(subject.outgoing.version or "") or subject.environment.tags.get(VERSION),
        "description": subject.environment.description,
        "tags": {key: one for key, one in subject.environment.tags.items() if not is_own(key)},
        "image": base_of(subject),
        "build": build,
        "conda_file": _with_variables(subject, conda),
        "inference_config": _routes(subject),
    }
    head = comment(f"{subject.title}, written by envbuild. To register it: az ml environment create --file FILE.")
    lines = [head, *(line for line, _ in lines_of(bare({key: one for key, one in stated.items() if one})))]
    text = "".join(f"{line}\n" for line in lines)
    files = {FILE: text}
    if _is_inline(subject):
        files[_INLINE] = subject.outgoing.dockerfile
    return Exported(text, (*notes, *_notes(subject), *secrets_in(files)), (platform,), files)


def _is_inline(subject: Subject) -> bool:
    return is_dockerfile(subject.environment.keys.image.dockerfile or "")


def _with_variables(subject: Subject, conda: dict[str, Any]) -> dict[str, Any]:
    variables = set_variables(subject)
    return {**conda, "variables": variables} if conda and variables else conda


def _build(subject: Subject, conda: dict[str, Any]) -> dict[str, Any]:
    """The folder with the Dockerfile, as seen from the file that is written."""
    environment, image = subject.environment, subject.environment.keys.image
    if not image.dockerfile:
        if image.base is None:
            hint = "say 'image: {base: …}' in the manifest: a builder 'local' leaves it alone"
            raise UsageError(f"Azure ML installs on an image, and '{subject.title}' names none", hint=hint)
        return {}
    where = environment.where("image", "dockerfile")
    if conda:
        what = "Azure ML's YAML has packages on an 'image' only, not on a Dockerfile"
        raise UsageError(what, where, "export 'azureml-v1', which has both, or install them in the Dockerfile")
    if _is_inline(subject):
        return _beside(subject)
    if image.dockerfile.endswith(".j2"):
        hint = "write it out, or name a Dockerfile without expressions"
        raise UsageError(f"'{image.dockerfile}' is a template, which Azure ML does not render", where, hint)
    context = image.context or posixpath.dirname(image.dockerfile) or "."
    inner = posixpath.relpath(image.dockerfile, context)
    if inner.startswith("../"):
        what = f"'{image.dockerfile}' lies outside of its context, where Azure ML does not look for it"
        raise UsageError(what, where, "move it into the context")
    return {"path": subject.path(context), **({"dockerfile_path": inner} if inner != "Dockerfile" else {})}


def _beside(subject: Subject) -> dict[str, Any]:
    where = subject.environment.where("image", "dockerfile")
    if subject.environment.keys.image.context:
        what = "the Dockerfile stands in the manifest, and Azure ML looks for it in the context"
        raise UsageError(what, where, "move it into a file of the context, and name that")
    if not subject.wish.folder:
        what = "the Dockerfile stands in the manifest, and is a file of its own for Azure ML"
        raise UsageError(what, where, "name a folder for the two: it comes last")
    return {"path": f"./{posixpath.dirname(_INLINE)}"}


def _routes(subject: Subject) -> dict[str, Any]:
    """Azure takes all three, or none."""
    serve = subject.environment.keys.serve
    routes = {theirs: getattr(serve.routes, name) for name, theirs in ROUTES.items()}
    if serve.port is None or not all(routes.values()):
        return {}
    return {name: {"port": serve.port, "path": path} for name, path in routes.items()}


def _notes(subject: Subject) -> Iterator[Note]:
    environment = subject.environment
    held = _HELD | ({"serve.port", "serve.routes"} if _routes(subject) else frozenset())
    yield from notes_of(subject, FILE, held)
    for key in environment.tags:
        if key.startswith(PROPERTIES):
            what = f"the property '{key.removeprefix(PROPERTIES)}' has no place in {FILE}: the SDK loads none"
            yield subject.note("properties", what, environment.where("tags", key), "set it when you register it")
    image = environment.keys.image
    if image.dockerfile and not _is_inline(subject) and not image.context:
        what = "the whole folder of the Dockerfile goes to Azure ML: there is no Dockerfile without a context"
        yield subject.note("image.context", what, environment.where("image", "dockerfile"))
    if environment.variables and not environment.installs:
        what = "variables have a place in a conda file alone, and there is none: the image brings its packages"
        hint = "set them in the Dockerfile, or where it runs"
        yield subject.note("variables", what, environment.where_key("variables"), hint)
    if not environment.python.managed and environment.python.interpreter:
        what = f"{FILE} has no place for python.interpreter"
        yield subject.note("python.interpreter", what, environment.where("python", "interpreter"))
