"""What is put into an environment beside its packages, or run in it, because of `spark` and `r`: texts and steps."""

from collections.abc import Callable
from typing import Any

import msgspec

from envbuild.errors import Place
from envbuild.render.given import Given, is_grown
from envbuild.render.r import INSTALL, r_texts
from envbuild.render.spark import CONF, CONF_PLACE, FETCH, HOME_PLACE, home_link, placed_conf, spark_texts
from envbuild.render.templates import Templates
from envbuild.resolve import Environment

Texts = dict[str, dict[str, str]]
FOLDER = "envbuild"
_MOUNTED, _SECRETS = "/run/envbuild", "/run/secrets"


def addition_texts(environment: Environment, templates: Callable[[], Templates]) -> Texts:
    """By key of the manifest and file name; a key that adds no text is not there, and where none does none is read."""
    if environment.keys.spark is None and environment.keys.r is None:
        return {}
    made = {"spark": spark_texts(environment, templates()), "r": r_texts(environment, templates())}
    return {key: texts for key, texts in made.items() if texts}


def addition_files(environment: Environment, templates: Templates) -> dict[str, str]:
    """By their paths in a context; in an image it is known where the environment lies."""
    texts = addition_texts(environment, lambda: templates)
    found = {f"{FOLDER}/{key}/{name}": text for key, made in texts.items() for name, text in made.items()}
    if environment.builder == "local":
        return found
    return {path: placed_conf(text, environment.prefix) for path, text in found.items()}


class Step(msgspec.Struct, frozen=True):
    """A script that is run while building; `secrets` are the names of those that it alone is shown."""

    key: str
    script: str
    program: str
    options: tuple[str, ...]
    arguments: tuple[str, ...]
    secrets: tuple[str, ...]


def addition_steps(environment: Environment, texts: Texts, prefix: str) -> tuple[Step, ...]:
    """In their order. The last argument of each is where its secrets lie, which whoever runs it knows."""
    steps = []
    if FETCH in texts.get("spark", {}):
        steps.append(Step("spark", FETCH, f"{prefix}/bin/python", (), (prefix,), spark_secrets(environment)))
    if INSTALL in texts.get("r", {}):
        program = f"{prefix}/bin/Rscript" if environment.brought.r == "conda" else "Rscript"
        steps.append(Step("r", INSTALL, program, ("--vanilla",), (), r_secrets(environment)))
    return tuple(steps)


def addition_secrets(environment: Environment) -> tuple[str, ...]:
    """All that any step is shown."""
    return tuple(sorted({*spark_secrets(environment), *r_secrets(environment)}))


def spark_secrets(environment: Environment) -> tuple[str, ...]:
    stated = environment.keys.spark
    return tuple(sorted({one.secret for one in stated.places if one.secret})) if stated and stated.fetches else ()


def r_secrets(environment: Environment) -> tuple[str, ...]:
    stated = environment.keys.r
    return tuple(sorted({one.secret for one in stated.of_github if one.secret})) if stated else ()


def image_additions(environment: Environment, texts: Texts, given: Given, trusting: list[str]) -> dict[str, Any]:
    """What a Dockerfile has of them, in the order of its instructions."""
    conf = texts.get("spark", {}).get(CONF)
    place = f"{environment.prefix}/{HOME_PLACE}"
    return {
        "conf": [f"{FOLDER}/spark/{CONF}", f"{environment.prefix}/{CONF_PLACE}"] if conf else [],
        "link": ["ln", "-sfn", home_link(given.python), place] if conf else [],
        "steps": [_run(one, trusting) for one in addition_steps(environment, texts, environment.prefix)],
    }


def _run(step: Step, trusting: list[str]) -> dict[str, Any]:
    words = [step.program, *step.options, f"{_MOUNTED}/{step.key}/{step.script}"]
    trusted = ["/usr/bin/env", *trusting] if trusting else []
    return {
        "source": f"{FOLDER}/{step.key}",
        "target": f"{_MOUNTED}/{step.key}",
        "secrets": list(step.secrets),
        "words": [*trusted, *words, *step.arguments, _SECRETS],
    }


def assembled_additions(environment: Environment, given: Given) -> tuple[dict[str, str], dict[str, str]]:
    """What an image has of them that nothing is run in: files of the context and links, by where they lie."""
    if environment.keys.spark is None:
        return {}, {}
    files = {f"{environment.prefix}/{CONF_PLACE}": f"{FOLDER}/spark/{CONF}"}
    return files, {f"{environment.prefix}/{HOME_PLACE}": home_link(given.python)}


def new_texts(environment: Environment, templates: Templates, given: Given) -> Texts:
    """Of a base that is grown only what it does not have in just this way."""
    texts = addition_texts(environment, lambda: templates)
    if given.parent is None or not is_grown(environment, given):
        return texts
    below = addition_texts(given.parent.environment, lambda: templates)
    return {key: made for key, made in texts.items() if below.get(key) != made}


def addition_place(environment: Environment, line: str) -> Place | None:
    """The key that a line of a Dockerfile was made for."""
    for key in ("spark", "r"):
        if f"{FOLDER}/{key}" in line:
            return environment.where_key(key)
    return None
