"""environment.yml, as conda, mamba and envbuild itself read it: the pins of one platform, or what was asked for."""

import re
from collections.abc import Iterator

from envbuild.document import PREFIX, Scalar
from envbuild.errors import Note
from envbuild.interop.exports.pipping import members, options, pinned, requested
from envbuild.interop.exports.quoting import comment, listed, mapped, scalar
from envbuild.interop.exports.subject import Exported, Subject
from envbuild.lock import Pin, Request, direct, safe_url, spec_name, split_spec
from envbuild.render import conda_text
from envbuild.resolve import Variable, channel_url

_FILE = "environment.yml"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def export(subject: Subject) -> Exported:
    platform = subject.platform
    channels = channels_of(subject, subject.request(platform))
    conda = _requested(subject) if subject.wish.requested else pinned_specs(subject, channels)
    pip = [*options(subject, platform, exact=not subject.wish.requested), *_pip(subject)]
    lines = [
        *map(comment, _head(subject)),
        f"name: {scalar(name_of(subject))}",
        *listed("channels", channels),
        *listed("dependencies", conda),
        *([] if conda or not pip else ["dependencies:"]),
        *(["  - pip:", *(f"      - {scalar(item)}" for item in pip)] if pip else []),
        *mapped("variables", dict(variables_of(subject))),
    ]
    return Exported("\n".join(lines) + "\n", tuple(_notes(subject)), (platform,))


def _head(subject: Subject) -> Iterator[str]:
    what = "what its manifest asks for" if subject.wish.requested else "the packages that are locked"
    yield f"{subject.title}, for {subject.platform}: {what}; written by envbuild."
    yield from subject.heading
    yield "To make it: conda env create -f FILE. As a manifest of envbuild it is valid as it stands."


def name_of(subject: Subject) -> str:
    """The name that the manifest states for conda, where conda takes it, else one made of the environment's own."""
    stated = subject.environment.lineage[-1].body.get("name")
    text = stated.text if isinstance(stated, Scalar) else ""
    taken = _NAME.fullmatch(text) and text not in {"base", "root"}
    return text if taken else subject.environment.name.replace("/", "-")


def channels_of(subject: Subject, request: Request) -> tuple[str, ...]:
    """By the names that the manifest has for them, and those that only a spec names behind them."""
    named = subject.channel_names
    asked = request.conda.channels if request.conda else ()
    return tuple(safe_url(one) for one in dict.fromkeys((*named.values(), *(named.get(one, one) for one in asked))))


def pinned_specs(subject: Subject, channels: tuple[str, ...]) -> list[str]:
    """Every conda package; where uv brings Python, its minor version, which is all that is locked of it."""
    pins, request = subject.pins(subject.platform), subject.request(subject.platform)
    if not pins.conda and subject.python:
        return [f"python {subject.python}.*"]
    names = {channel_url(name): name for name in channels}
    stated = {spec_name(root): split_spec(root)[0] for root in request.conda_roots}
    return [_spec(subject, pin, names.get(stated.get(pin.name, ""), stated.get(pin.name, ""))) for pin in pins.conda]


def _spec(subject: Subject, pin: Pin, channel: str) -> str:
    if direct(pin, subject.environment):
        return safe_url(pin.url)
    shown = f"{pin.name}={pin.version}={pin.build}"
    return f"{safe_url(channel)}::{shown}" if channel else shown


def _requested(subject: Subject) -> list[str]:
    environment = subject.environment
    packages = environment.dependencies.on(subject.platform)
    items = [item for package in packages for item in package.items]
    conda = [conda_text(item) for item in items if item.manager == "conda"]
    named = {item.name for item in items if item.manager == "conda"}
    has_pip = any(item.manager == "pip" for item in items)
    implied = ("python", "pip") if environment.python.source == "conda" else ("python",)
    return sorted([*conda, *(name for name in implied if has_pip and name not in named)])


def _pip(subject: Subject) -> Iterator[str]:
    platform = subject.platform
    if subject.wish.requested:
        yield from requested(subject, platform)
        return
    yield from (line for _, line in pinned(subject, platform, hashed=True))
    yield from members(subject, platform)


def variables_of(subject: Subject) -> Iterator[tuple[str, str]]:
    for one in subject.environment.variables:
        if (text := _plain(one)) is not None:
            yield one.name, text


def _plain(one: Variable) -> str | None:
    """What conda can set: a text, without the place of the environment in it."""
    if one.value is None:
        return None
    text = ":".join(filter(None, (*one.prepend, one.value, *one.append)))
    return None if PREFIX in text else text


def _notes(subject: Subject) -> Iterator[Note]:
    if not subject.wish.requested:
        what = f"{_FILE} has no place for the hashes of packages"
        yield subject.note("hashes", what, hint="'export explicit' has them")
    yield from subject.other_platforms(_FILE)
    yield from _of_python(subject)
    yield from subject.of_bounds(_FILE)
    yield from subject.of_system((subject.platform,), _FILE)
    yield from subject.of_priority(_FILE)
    yield from notes_of_variables(subject)
    yield from _of_pip(subject)
    yield from subject.unheld(("pip.no_build_isolation", "python.interpreter", "python.managed"), _FILE)
    yield from subject.besides(_FILE)
    yield from subject.of_paths()


def _of_python(subject: Subject) -> Iterator[Note]:
    if not subject.pins(subject.platform).conda and subject.python and not subject.wish.requested:
        what = f"of Python only {subject.python} is locked; conda chooses the rest of its version"
        yield subject.note("python", what)


def notes_of_variables(subject: Subject) -> Iterator[Note]:
    for one in subject.environment.variables:
        where = subject.environment.where("variables", one.name)
        if (text := _plain(one)) is None:
            what = f"{one.name}: conda sets texts, and nothing around what the host has or with the place of a prefix"
            yield subject.note("variables", what, where)
        elif "{{" in text:
            yield subject.note("variables", f"{one.name}: as a manifest of envbuild its braces are Jinja", where)


def _of_pip(subject: Subject) -> Iterator[Note]:
    for name, url in subject.bound(subject.platform).items():
        where = subject.environment.where("pip", "indexes")
        if subject.wish.requested:
            what = f"{name} is bound to {url}, and pip takes it from any index that has it"
        else:
            what = f"{name} is bound to {url}: the very file that is locked stands for it"
        yield subject.note("pip.indexes", what, where)
