"""One build as it is asked of BuildKit: a plain value, and the words of the command that asks for it."""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from envbuild.builders.engine import Capabilities
from envbuild.errors import BuildError
from envbuild.registry import Login
from envbuild.render import CA_BUNDLE
from envbuild.settings.secrets import Secret

Output = Literal["load", "push", "oci", "none"]

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
# BuildKit keeps their values out of images. They may hold a password, so they stand in no command either.
_PROXIES = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY"})


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to build of which folder, and where it goes; `logins` are the project's own for hosts that it names.

    `contexts` maps a name to `docker-image://…`, `oci-layout://…` or a folder; `file` is where output `oci` goes.
    """

    context: Path
    dockerfile: Path
    tags: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    build_args: Mapping[str, str] = {}
    secrets: Mapping[str, Secret] = {}
    contexts: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}
    provenance: bool = False
    sbom: bool = False
    source_date_epoch: int | None = None
    output: Output = "load"
    file: Path | None = None
    network: str = ""
    builder: str = ""
    docker_context: str = ""
    logins: Mapping[str, Login] = {}

    @property
    def is_index(self) -> bool:
        """Whether an index is made, of several platforms or of an image and what is attested of it."""
        return len(self.platforms) > 1 or self.provenance or self.sbom


def refuse(order: Order, can: Capabilities) -> None:
    """End here when the builder would refuse, or drop without a word, what is asked for."""
    if can.keeps_indexes:
        return
    asked = {
        f"one image of {len(order.platforms)} platforms": len(order.platforms) > 1,
        "attestations (provenance, SBOM)": order.provenance or order.sbom,
        "annotations": bool(order.annotations),
        "an OCI file": order.output == "oci",
    }
    if refused := next((what for what, is_asked in asked.items() if is_asked), ""):
        raise can.refuse(refused)


def words(order: Order, can: Capabilities, progress: str, metadata: Path) -> list[str]:
    """The command behind `docker`; no value stands where it could be taken for an option."""
    found = [*_where(order, can), "buildx", "build", f"--progress={progress}", f"--metadata-file={metadata}"]
    found += [f"--builder={order.builder}"] if order.builder and not can.is_engine else []
    found += [f"--file={order.dockerfile.absolute()}", *(f"--tag={tag}" for tag in order.tags)]
    found += [f"--platform={','.join(order.platforms)}"] if order.platforms else []
    found += [f"--network={order.network}"] if order.network else []
    found += ["--allow=network.host"] if order.network == "host" else []
    found += [*_build_args(order), *_inputs(order), *_annotations(order)]
    found += [f"--provenance={'mode=min' if order.provenance else 'false'}", f"--sbom={str(order.sbom).lower()}"]
    found += [f"--output={_output(order, can)}", str(order.context.absolute())]
    if broken := next((word for word in found if "\0" in word), ""):
        raise BuildError(f"{broken!r} holds a null character", hint="remove it: no program can be given one")
    return found


def environment(order: Order, host: Mapping[str, str]) -> dict[str, str]:
    """The variables that the words lean on: of secrets, and of proxies, whose values stand in no command."""
    secrets = {one.env: host.get(one.env, "") for one in order.secrets.values() if one.env}
    return secrets | {name: value for name, value in order.build_args.items() if _is_proxy(name)}


def secret_values(order: Order, host: Mapping[str, str]) -> Iterator[str]:
    """What nobody may read in a log, where certificates may stand; each secret has to be there."""
    for name, one in order.secrets.items():
        if one.env and not host.get(one.env):
            what = f"the secret '{name}' has no value: the variable {one.env} is not set"
            raise BuildError(what, hint=f"set {one.env}")
        value = host.get(one.env, "") if one.env else _contents(name, Path(one.file or ""))
        if name != CA_BUNDLE:
            yield value


def _contents(name: str, file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        what = f"the secret '{name}' has no value: {file} cannot be read: {error.strerror}"
        raise BuildError(what, hint="put the value into that file") from None


def _where(order: Order, can: Capabilities) -> list[str]:
    """A builder that is an engine is that of a context, and buildx wants to be told so."""
    context = order.docker_context or (can.builder if can.is_engine and order.builder else "")
    return [f"--context={context}"] if context else []


def _build_args(order: Order) -> Iterator[str]:
    for name, value in order.build_args.items():
        _checked(name, "build argument")
        yield f"--build-arg={name}" if _is_proxy(name) else f"--build-arg={name}={value}"
    if order.source_date_epoch is not None:
        yield f"--build-arg=SOURCE_DATE_EPOCH={order.source_date_epoch}"


def _inputs(order: Order) -> Iterator[str]:
    for name, one in order.secrets.items():
        source = f"env={one.env}" if one.env else f"src={Path(one.file or '').absolute()}"
        yield f"--secret={_fields('id=' + _checked(name, 'secret'), source)}"
    for name, value in order.contexts.items():
        if "=" in name or not name:
            raise BuildError(f"a named context cannot be called '{name}'", hint="leave out the '='")
        yield f"--build-context={name}={value if '://' in value else Path(value).absolute()}"


def _annotations(order: Order) -> Iterator[str]:
    levels = ("manifest", "index") if order.is_index else ("manifest",)
    for name, value in order.annotations.items():
        yield from (f"--annotation={level}:{name}={value}" for level in levels)


def _output(order: Order, can: Capabilities) -> str:
    kinds = {"load": "type=docker", "push": "type=registry", "none": "type=cacheonly", "oci": "type=oci"}
    more = [f"dest={order.file.absolute()}"] if order.file else []
    if order.source_date_epoch is not None and order.output != "none" and can.rewrites_times(order.output):
        more.append("rewrite-timestamp=true")
    return _fields(kinds[order.output], *more)


def _fields(*fields: str) -> str:
    """As buildx reads them, which is CSV: a path may hold a comma."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue()


def _is_proxy(name: str) -> bool:
    return name.upper() in _PROXIES


def _checked(name: str, kind: str) -> str:
    if not _NAME.fullmatch(name):
        raise BuildError(f"a {kind} cannot be called '{name}'", hint="use letters, digits, '_', '-' and '.'")
    return name
