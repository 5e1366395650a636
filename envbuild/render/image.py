"""What Dockerfile.j2 is given: an environment and its image as plain data, in the order in which it is built."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from envbuild.errors import EnvbuildError, Place, RenderError, raise_all
from envbuild.manifest import Build, is_dockerfile
from envbuild.render import variables
from envbuild.render.additions import image_additions, new_texts
from envbuild.render.conduct import Copied, command, copied, inherited, labels
from envbuild.render.given import (
    FILES,
    Given,
    apt_items,
    is_grown,
    is_root,
    item_places,
    last_user,
    listed_path,
    placed,
    platforms_of,
    steps_of,
)
from envbuild.render.lines import long_lines
from envbuild.render.own import Own, own
from envbuild.render.packages import installs, packages_values
from envbuild.render.quoting import Instructions
from envbuild.render.refusals import CA_BUNDLE, assembly_refusals, image_refusals
from envbuild.render.templates import Template, Templates, rendered
from envbuild.resolve import Environment
from envbuild.shape import nearest

DOCKERFILE = "Dockerfile"
BASE_NAME = "envbuild/environment"  # an image that is known by its content; whoever builds says where it is
_AT = f"/run/secrets/{CA_BUNDLE}"
_TRUSTING = [f"{name}={_AT}" for name in ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")] + ["UV_SYSTEM_CERTS=true"]
_TRUSTING_IN_R = f"CURL_CA_BUNDLE={_AT}"
_SCRIPT = "/run/envbuild/script"
_SHELL = ("/bin/sh", "-ec")


def dockerfile(environment: Environment, templates: Templates, given: Given) -> str:
    """The text; everything that an image cannot have is told before a template is looked at."""
    raise_all([*image_refusals(environment, given), *_template(environment, templates)])
    stages, base = _starts(environment, templates, given)
    own = {**_values(environment, given), "additions": _additions(environment, templates, given)}
    every = {"environment": {**own, "base": base, "dockerfile": stages}, **_inputs(environment)}
    name = _template_name(environment)
    text = rendered(name, templates, every)
    used = templates.find(name)
    raise_all(long_lines(text, environment, Place(used.path if used else name, 1, 1)))
    return text


def early_refusals(environment: Environment, templates: Templates, given: Given) -> Iterator[EnvbuildError]:
    """What will be refused, as far as it can be told without a lock, of which `given` has none."""
    if environment.builder != "docker":
        yield from assembly_refusals(environment, given)
        return
    yield from image_refusals(environment, given)
    yield from _template(environment, templates)
    stated = environment.keys.image.dockerfile
    if stated and (is_dockerfile(stated) or stated in given.texts):
        yield from _refused(lambda: _own(stated, environment, templates, given))
    yield from _refused(lambda: apt_packages(environment, given))


def _refused(make: Callable[[], object]) -> Iterator[EnvbuildError]:
    try:
        make()
    except EnvbuildError as error:
        yield error


def _template_name(environment: Environment) -> str:
    return environment.keys.image.template or f"{DOCKERFILE}.j2"


def _template(environment: Environment, templates: Templates) -> Iterator[EnvbuildError]:
    """The template that the manifest names is there."""
    name = _template_name(environment)
    if templates.find(name) is None:
        hint = nearest(name, templates.names)
        yield RenderError(f"there is no template '{name}'", environment.where("image", "template"), hint)


def _inputs(environment: Environment) -> dict[str, Any]:
    return {"params": environment.params, "matrix": environment.matrix}


def _own(stated: str, environment: Environment, templates: Templates, given: Given) -> Own:
    text = _own_text(stated, templates, given, {"environment": _named(environment), **_inputs(environment)})
    return own(text, environment.where("image", "dockerfile"))


def _starts(environment: Environment, templates: Templates, given: Given) -> tuple[Instructions | None, str]:
    """Stages of the project's own, if there are any, and what ours start from."""
    if stated := environment.keys.image.dockerfile:
        found = _own(stated, environment, templates, given)
        return found.text, found.stage
    if given.parent:
        return None, f"{BASE_NAME}:fp-{given.parent.fingerprint.replace(':', '-')}"
    base = given.base
    if base is None:
        where = environment.where("image", "base")
        raise RenderError("the lock has no base image", where, f"run 'envbuild lock {environment.name}'")
    return None, f"{base.name}:{base.tag}@{base.digest}"


def _own_text(stated: str, templates: Templates, given: Given, values: Mapping[str, Any]) -> str:
    """Never Jinja, unless its name says so."""
    if is_dockerfile(stated):
        return stated
    text = given.texts[stated]
    if not stated.endswith(".j2"):
        return text
    with_own = Templates({**templates.own, stated: Template(stated, text)}, templates.built_in)
    return rendered(stated, with_own, values)


def _named(environment: Environment) -> dict[str, object]:
    return {"name": environment.name, "prefix": environment.prefix}


def _values(environment: Environment, given: Given) -> dict[str, Any]:
    image = environment.keys.image
    trusts = bool(given.settings.ca_bundle)
    has_packages = installs(environment, given)
    user = _user(environment, given)
    lines = [*variables.of_gpu(environment), *variables.stated(environment, given)]
    return {
        **_named(environment),
        "root": bool(user),
        "variables": _plain(lines),
        "secrets": list(image.secrets),
        "trusting": _TRUSTING if trusts else [],
        "apt": apt_packages(environment, given),
        **_steps(environment, given, trusts=trusts),
        "installs": has_packages,
        "many": len(platforms_of(environment)) > 1,
        "packages": packages_values(environment, given) if has_packages else {},
        "active": _plain(variables.active(environment, given)) if has_packages else [],
        "check": [environment.python.interpreter or "python3", "--version"] if not environment.python.managed else [],
        "copies": [_copy(one) for one in copied(environment, inherited(environment, given, "image", "copy"))],
        "user": user,
        "workdir": image.workdir and placed(image.workdir, environment),
        "expose": list(image.expose),
        "labels": labels(environment),
        "shell": list(image.shell or ()),
        "stop_signal": image.stop_signal or "",
        "entrypoint": command(image.entrypoint, environment),
        "command": command(image.command, environment),
    }


def _additions(environment: Environment, templates: Templates, given: Given) -> dict[str, Any]:
    trusting = [*_TRUSTING, _TRUSTING_IN_R] if given.settings.ca_bundle else []
    return image_additions(environment, new_texts(environment, templates, given), given, trusting)


def _user(environment: Environment, given: Given) -> str:
    """Who is named in the end, after steps that ran as root; a base that has root need not be told."""
    found = last_user(environment, given.base, given.parent.user if given.parent else None) or ""
    return "" if environment.keys.image.user is None and is_root(found) else found


def _copy(one: Copied) -> dict[str, Any]:
    return {"places": [*one.sources, one.to], "mode": one.mode, "owner": one.owner}


def _plain(lines: list[variables.Line]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = msgspec.to_builtins(lines)
    return found


def _steps(environment: Environment, given: Given, *, trusts: bool) -> dict[str, list[dict[str, Any]]]:
    """By when they are run: before Debian's packages, before the environment's, in the end; and those of `setup`."""
    done = inherited(environment, given, "image", "build")
    steps = [step for step, where in steps_of(environment) if where not in done]
    lines = zip(environment.setup, item_places(environment, "setup"), strict=True)
    known = inherited(environment, given, "setup")
    found = {when: [_step(one, environment, trusts=trusts) for one in steps if one.before == before]
             for when, before in (("before_apt", "apt"), ("before_packages", "packages"), ("after", None))}  # fmt: skip
    setup = [_step(Build(command=text), environment, trusts=trusts) for text, where in lines if where not in known]
    return {**found, "setup": setup}


def _step(step: Build, environment: Environment, *, trusts: bool) -> dict[str, Any]:
    """A script is run as it is, by what its first line names; one that names nothing by a shell."""
    shell = environment.keys.image.shell or _SHELL
    words = [*_SHELL, '"$0" "$@"', _SCRIPT, *step.args] if step.script else [*shell, step.command or ""]
    trusting = ["/usr/bin/env", *_TRUSTING] if trusts else []
    return {
        "words": [placed(word, environment) for word in (*trusting, *words)],
        "script": f"{FILES}/{step.script}" if step.script else "",
        "user": step.user or "",
    }


def apt_packages(environment: Environment, given: Given) -> list[str]:
    """Those that are named, and those of lists; of a base that is grown only the rest."""
    every = list(_apt(environment, given))
    known = set(_apt(given.parent.environment, given)) if given.parent and is_grown(environment, given) else set()
    return [one for one in dict.fromkeys(every) if one not in known]


def _apt(environment: Environment, given: Given) -> Iterator[str]:
    yield from environment.brought.debian
    where = environment.where("image", "apt")
    for item in apt_items(environment):
        path = listed_path(item)
        if path:
            yield from _apt_list(path, given.texts.get(path, ""), where)
        else:
            yield item


def _apt_list(path: str, text: str, where: Place) -> Iterator[str]:
    """Names, each on a line or several; what follows a '#' is for people."""
    for number, line in enumerate(text.splitlines(), 1):
        for word in line.partition("#")[0].split():
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9+.:_~=/*-]*", word):
                raise RenderError(f"'{word}' is no Debian package", Place(path, number, 1), f"mend it; see {where}")
            yield word
