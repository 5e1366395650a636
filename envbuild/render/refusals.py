"""What an image cannot have, each with its line: what comes with a later version, and what no Dockerfile can say."""

import re
from collections.abc import Iterator

from envbuild.document import Mapping, Sequence, Value, is_null
from envbuild.errors import EnvbuildError, Place, RenderError
from envbuild.lock import EVERY, image_name, member_items
from envbuild.manifest import User
from envbuild.render.given import ARCHITECTURES, Given, copies_of, last_user, paths_of, platforms_of, steps_of
from envbuild.render.lines import long_texts, on_lines
from envbuild.render.quoting import ending
from envbuild.resolve import Environment
from envbuild.shape import nearest

_LATER = ("owner", "with", "trim", "healthcheck")
_LATER_OF_APT = ("upgrade", "sources", "recommends", "snapshot")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?")
_PLACE = re.compile(r"/[A-Za-z0-9._/+-]*[A-Za-z0-9._+-]")
_PATTERN = re.compile(r"[*?\[\]\\]")
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
_SECRET = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_SIGNALS = (
    "ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP "
    "TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX"
)
_NAMED = "|".join(_SIGNALS.split())
_SIGNAL = re.compile(rf"(SIG)?({_NAMED}|RTMIN\+([1-9]|1[0-5])|RTMAX-([1-9]|1[0-4]))|[1-9]|[1-5][0-9]|6[0-4]")
_MOST_UID = 2**32 - 2  # the last one means none
_MOST_STARTED = 2**31 - 1  # engines start nothing as anybody beyond
CA_BUNDLE = "ca_bundle"
_REMOVE = "remove it for now"


def image_refusals(environment: Environment, given: Given) -> Iterator[EnvbuildError]:
    """Everything at once; of one that is not locked yet, what holds whatever its lock will say."""
    yield from assembly_refusals(environment, given)
    yield from _tools(environment, given)
    yield from _installs(environment)
    yield from _steps(environment, given)
    yield from _texts(environment)
    yield from _secrets(environment, given)


def assembly_refusals(environment: Environment, given: Given) -> Iterator[EnvbuildError]:
    """What holds of every image, also of one that no Dockerfile is written for."""
    yield from _later(environment)
    yield from _starts(environment, given)
    yield from _interpreter(environment)
    yield from _copies(environment)
    yield from _names(environment)


def _comes_later(what: str, where: Place, hint: str = _REMOVE) -> RenderError:
    return RenderError(f"{what} comes later: this version cannot put it into an image yet", where, hint)


def _later(environment: Environment) -> Iterator[EnvbuildError]:
    for key in _LATER:
        if _says(environment.node("image", key)):
            yield _comes_later(f"'image.{key}'", environment.where_key("image", key))
    for key in _LATER_OF_APT:
        if _says(environment.node("image", "apt", key)):
            yield _comes_later(f"'image.apt.{key}'", environment.where_key("image", "apt", key))
    packages = environment.node("image", "apt", "packages")
    for item in packages.items if isinstance(packages, Sequence) else ():
        if isinstance(item, Mapping):
            yield _comes_later("a Debian package by its URL", item.place, "copy the file, and install it in 'build'")
    if isinstance(environment.keys.image.user, User) and environment.builder == "docker":
        where = environment.where("image", "user")
        yield _comes_later("a user to be made", where, "make it by a command in 'build', and name it here")
    for copy, where in copies_of(environment):
        if not paths_of(copy):
            yield _comes_later("a copy from elsewhere", where, "copy what lies in the project")


def _says(node: Value | None) -> bool:
    if node is None or is_null(node):
        return False
    return bool(node.items) if isinstance(node, Sequence) else True


def _starts(environment: Environment, given: Given) -> Iterator[EnvbuildError]:
    """What the image starts from, for which platforms, and where the environment lies in it."""
    image, where = environment.keys.image, environment.where("image", "base")
    if image.base is None and not image.dockerfile:
        hint = "name an image: 'image: {base: \"debian:12\"}'"
        yield RenderError(f"'{environment.name}' says nothing that its image starts from", where, hint)
    elif image.base is not None and not isinstance(image.base, str) and (image.base.tag or image.base.prefix):
        key = "tag" if image.base.tag else "prefix"
        yield _comes_later(f"'image.base.{key}'", where, "name the image alone")
    user = given.base.user if given.base and image.user is None else None
    if user and not _USER.fullmatch(user):
        hint = "say whose the image is in the end: 'user: root' under 'image'"
        yield RenderError(f"the base has the user '{user}', which is no name of one", where, hint)
    if not platforms_of(environment):
        hint = f"add one of: {', '.join(ARCHITECTURES)}"
        yield RenderError("an image is for Linux", environment.where_said("platforms"), hint)
    yield from _place(environment)


def _interpreter(environment: Environment) -> Iterator[EnvbuildError]:
    """Of the base there is one to be named, and none where a whole Python is brought along."""
    python = environment.python
    if python.interpreter and python.managed and python.source != "image":
        what = f"'python.interpreter' names one of the base, and {python.source} brings another Python"
        hint = "remove it, or say 'managed: false' where the base has all packages"
        yield RenderError(what, environment.where("python", "interpreter"), hint)


def _place(environment: Environment) -> Iterator[EnvbuildError]:
    parts = environment.prefix.split("/")
    if not _PLACE.fullmatch(environment.prefix) or {".", "..", ""} & set(parts[1:]):
        hint = "use letters, digits and '._+-', as in /opt/env"
        where = environment.where("image", "prefix")
        yield RenderError(f"an environment cannot lie at '{environment.prefix}'", where, hint)


def _tools(environment: Environment, given: Given) -> Iterator[EnvbuildError]:
    """What installs inside of a build."""
    yield from _images(given)
    if given.settings.install == "inside":
        yield from _brings(environment, given)


def _images(given: Given) -> Iterator[EnvbuildError]:
    settings = given.settings
    for key, stated in (("micromamba_image", settings.micromamba_image), ("uv_image", settings.uv_image)):
        if stated and image_name(stated) is None:
            hint = "write it as 'debian:12' or 'HOST/PATH/IMAGE:TAG'"
            yield RenderError(f"'{stated}' is no image", settings.place(key), hint)


def _brings(environment: Environment, given: Given) -> Iterator[EnvbuildError]:
    """The programs that install inside of a build come from images, and envbuild has none of its own."""
    settings, source = given.settings, environment.python.source
    needs = {"conda": ("micromamba_image", settings.micromamba_image), "uv": ("uv_image", settings.uv_image)}
    key, stated = needs.get(source, ("", "-"))
    if not stated and environment.installs:
        what = f"'install: inside' needs an image that brings {key.partition('_')[0]}"
        yield RenderError(what, settings.place("install"), f"name one in envbuild.yaml: '{key}: …'")


def _installs(environment: Environment) -> Iterator[EnvbuildError]:
    for item in member_items(environment):
        if item.editable:
            what = "builder 'docker' cannot do '-e': what it makes goes elsewhere"
            yield RenderError(what, item.where, "remove '-e'")
    isolation = environment.keys.pip.no_build_isolation
    if isinstance(isolation, tuple) and isolation and EVERY not in isolation:
        where = environment.where("pip", "no_build_isolation")
        yield _comes_later("building some packages alone and others not", where, "write 'no_build_isolation: true'")


def _steps(environment: Environment, given: Given) -> Iterator[EnvbuildError]:
    """Steps run as root unless they say otherwise: who comes after one that does must be known."""
    below = given.parent.user if given.parent else None
    user = environment.keys.image.user or last_user(environment, given.base, below)
    for step, where in steps_of(environment):
        if step.user and not _USER.fullmatch(step.user):
            yield RenderError(f"'{step.user}' is no name of a user", where, "write a name, or numbers: '1000:1000'")
        elif step.user and user is None and (environment.keys.image.dockerfile or given.lock or given.parent):
            hint = "say who it is: 'user: root' under 'image'"
            yield RenderError("a step has a user, and nothing says whose the image is in the end", where, hint)
        if step.script and (not _PLACE.fullmatch(f"/{step.script}") or "," in step.script):
            yield RenderError(f"a script cannot be called '{step.script}'", where, "rename it: letters, digits, '._+-'")


def _copies(environment: Environment) -> Iterator[EnvbuildError]:
    for copy, where in copies_of(environment):
        if not copy.to.startswith("/"):
            yield RenderError(f"'{copy.to}' is no place in an image", where, "write it absolute: '/srv/app'")
        if copy.owner and not _USER.fullmatch(copy.owner):
            yield RenderError(f"'{copy.owner}' is no name of a user", where, "write a name, or numbers: '1000:1000'")
        elif copy.owner and not _is_up_to(_MOST_UID, copy.owner):
            yield _beyond(copy.owner, _MOST_UID, where)
        for path in paths_of(copy):
            if _PATTERN.search(path):
                yield RenderError(f"'{path}' would be read as a pattern", where, "rename it, or copy its folder")


def _texts(environment: Environment) -> Iterator[EnvbuildError]:
    """What stands on a line of a Dockerfile is one line, and none that is too long to be read."""
    for one in on_lines(environment):
        if found := ending(one.text):
            what = f"'{one.name}' holds {found}, which a Dockerfile has no way to write"
            yield RenderError(what, one.where, "leave it out")
    yield from long_texts(environment)


def _names(environment: Environment) -> Iterator[EnvbuildError]:
    image = environment.keys.image
    for key in image.labels:
        if not _LABEL.fullmatch(key):
            where = environment.where_key("image", "labels", key)
            yield RenderError(f"'{key}' is no name of a label", where, "use letters, digits and '._/-'")
    where = environment.where("image", "user")
    user = image.user
    if isinstance(user, User):
        numbers = [one for one in (user.uid, user.gid) if one is not None and not _is_number(one)]
        yield from (
            RenderError(f"'{one}' is no number of a user", where, "write digits: 'uid: 1000'") for one in numbers
        )
        if user.home and not user.home.startswith("/"):
            yield RenderError(f"'{user.home}' is no place in an image", where, "write it absolute: '/home/app'")
    if isinstance(user, str) and not _USER.fullmatch(user):
        yield RenderError(f"'{user}' is no name of a user", where, "write a name, or numbers: '1000:1000'")
    elif isinstance(user, str) and not _is_up_to(_MOST_STARTED, user):
        yield _beyond(user, _MOST_STARTED, where)
    if image.stop_signal and not _SIGNAL.fullmatch(image.stop_signal):
        where = environment.where("image", "stop_signal")
        yield RenderError(f"'{image.stop_signal}' is no signal", where, "write it as 'SIGTERM'")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and int(text) <= _MOST_UID


def _is_up_to(most: int, text: str) -> bool:
    """Of a user, or a user and a group, what is a number."""
    return all(int(part) <= most for part in text.split(":") if part.isdecimal())


def _beyond(text: str, most: int, where: Place) -> RenderError:
    return RenderError(f"'{text}' is a number that no user has", where, f"write numbers up to {most}")


def _secrets(environment: Environment, given: Given) -> Iterator[EnvbuildError]:
    node, known = environment.node("image", "secrets"), given.settings.secrets
    for item in node.items if isinstance(node, Sequence) else ():
        name = getattr(item, "text", "")
        if not _SECRET.fullmatch(name) or name == CA_BUNDLE:
            yield RenderError(f"'{name}' cannot name a secret here", item.place, "use letters, digits and '_.-'")
        elif name not in known:
            hint = nearest(name, known) if known else "name it in envbuild.yaml: 'secrets: {NAME: {env: VARIABLE}}'"
            yield RenderError(f"there is no secret '{name}' in the settings", item.place, hint)
