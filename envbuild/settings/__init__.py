"""Document -> Settings: what envbuild.yaml says of the whole project. Every key is optional."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args

import msgspec

from envbuild.document import RAW, Document, Mapping, Scalar, Sequence, Value, is_null, scalars, write
from envbuild.errors import EnvbuildError, Place, SettingsError, raise_all
from envbuild.globs import expand_braces
from envbuild.manifest import (
    Check,
    Data,
    Platform,
    Publish,
    Quoted,
    SystemRequirements,
    Word,
    about,
    families,
    refuse_credentials,
    system_problems,
)
from envbuild.names import FILE, MANIFESTS, TEMPLATES
from envbuild.settings.catalogues import Catalogue, catalogue_problems
from envbuild.settings.secrets import Secret, secret_problems
from envbuild.shape import damaged_number, json_schema, nearest, read
from envbuild.version import __version__

_MOST_LAYERS = 120  # engines stack 127 at most, of which the base has some
_WHOLE = re.compile(r"[-+]?[0-9]{1,18}")
_STATE = re.compile(r"sqlite:///(?P<path>.+)")
# Not how manifests are found and selected, nor what a resolved one states itself, nor where images go.
_COUNTING = frozenset(
    {
        "secrets", "ca_bundle", "insecure_registries", "insecure_indexes", "channel_priority", "pypi_names",
        "system_requirements", "allow_link_scripts", "micromamba_image", "uv_image", "install", "layers",
    }
)  # fmt: skip


class Layers(msgspec.Struct, frozen=True):
    budget: Annotated[int | None, about("The most layers that packages have: 100.")] = None
    compression: Annotated[Literal["zstd", "gzip"] | None, about("How layers are written: gzip.")] = None
    bytecode: Annotated[bool, about("Whether Python's bytecode is put in, too.")] = False


class RunLimits(msgspec.Struct, frozen=True):
    snapshot_mib: Annotated[int | None, about("The largest source folder that a run keeps, in MiB: 300.")] = None
    outputs_mib: Annotated[int | None, about("How much of its outputs a run keeps, in MiB: 5,000.")] = None


class SettingsKeys(msgspec.Struct, frozen=True):
    """What the file may say."""

    requires_envbuild: Annotated[Quoted, about("The versions of envbuild that may read this: '>=0.1'.")] = ""
    manifests: Annotated[tuple[str, ...], about("Globs that find the manifests.")] = MANIFESTS
    templates: Annotated[tuple[str, ...], about("Folders of templates.")] = TEMPLATES
    publish: Annotated[Publish, about("Where images go, unless a manifest says otherwise.")] = Publish()
    registry: Annotated[Word | None, about("Short for publish: {registries: [X]}.")] = None
    builder: Annotated[Literal["local", "docker", "oci"], about("For manifests that name none.")] = "local"
    platforms: Annotated[tuple[Platform, ...], about("For manifests that name none.")] = ()
    channels: Annotated[tuple[str, ...], about("For manifests that name none.")] = ("conda-forge",)
    default_environment: Annotated[str, about("For 'run' without a name.")] = ""
    state: Annotated[str, about("Where records are kept.")] = "sqlite:///.envbuild/state.db"
    params: Annotated[dict[str, Data], about("Values for Jinja in every manifest.")] = msgspec.field(
        default_factory=dict
    )
    secrets: Annotated[dict[str, Secret], about("Secrets by name: {env: NAME} or {file: PATH}, and 'for' whom.")] = (
        msgspec.field(default_factory=dict)
    )
    ca_bundle: Annotated[str, about("Certificates used while building; it may be absolute.")] = ""
    insecure_registries: Annotated[tuple[Word, ...], about("Registries spoken to without TLS.")] = ()
    insecure_indexes: Annotated[tuple[Word, ...], about("Hosts whose indexes are spoken to without TLS.")] = ()
    channel_priority: Annotated[
        Literal["strict", "flexible", "disabled"], about("How the order of channels counts.")
    ] = "strict"
    pypi_names: Annotated[dict[str, str], about("conda name: the same package's name on PyPI.")] = msgspec.field(
        default_factory=dict
    )
    system_requirements: Annotated[dict[str, SystemRequirements], about("Virtual packages by platform.")] = (
        msgspec.field(default_factory=dict)
    )
    allow_link_scripts: Annotated[
        tuple[Word, ...], about("The conda packages that may run a script of theirs when they are installed.")
    ] = ()
    groups: Annotated[dict[str, tuple[Word, ...]], about("Names for selections: 'plan @NAME'.")] = msgspec.field(
        default_factory=dict
    )
    catalogues: Annotated[
        dict[str, Word | Catalogue], about("Further manifests, by the name that theirs begin with: a folder, or git.")
    ] = msgspec.field(default_factory=dict)
    micromamba_image: Annotated[Word | None, about("The image that installs conda packages inside a build.")] = None
    uv_image: Annotated[Word | None, about("The image that brings uv where it installs inside a build.")] = None
    install: Annotated[Literal["staged", "inside"], about("Where packages of an image are installed.")] = "staged"
    layers: Annotated[Layers, about("How many layers an image of builder 'oci' has, and how they are compressed.")] = (
        Layers()
    )
    runs: Annotated[RunLimits, about("How much is kept of a run.")] = RunLimits()
    check: Annotated[Check, about("Kinds of notes that 'envbuild check' leaves out.")] = Check()


class Settings(SettingsKeys, frozen=True):
    """What the file says, or its defaults; `body` holds the lines of what it says."""

    body: Mapping = Mapping(FILE, 1, 1, None, {})

    def place(self, key: str) -> Place | None:
        stated = self.body.get(key)
        return stated.place if stated else None

    def place_in(self, key: str, name: str) -> Place | None:
        """Where an entry of a mapping is named."""
        stated = self.body.get(key)
        found = stated.entries.get(name) if isinstance(stated, Mapping) else None
        return found.key.place if found else None

    @property
    def state_path(self) -> str:
        return state_path(self.state)


def state_path(state: str) -> str:
    """The file that a `sqlite:///PATH` names; nothing for any other form."""
    match = _STATE.fullmatch(state)
    return match["path"] if match else ""


def settings(document: Document) -> Settings:
    """Check the whole file; everything wrong with it is raised together."""
    _require(document)
    reading = read(document.root, SettingsKeys, SettingsError)
    raise_all([*reading.problems, *_problems(document)])
    return Settings(**msgspec.structs.asdict(reading.value), body=document.root)


def counting(found: Settings) -> str:
    """Those keys as they are stated that have a part in what is built of a manifest that names everything itself."""
    stated = {key: entry for key, entry in found.body.entries.items() if key in _COUNTING}
    return write(Mapping(FILE, 1, 1, None, stated))


def settings_schema() -> dict[str, Any]:
    """The JSON Schema of envbuild.yaml, for editors."""
    return json_schema(SettingsKeys, "envbuild settings", {})


def _problems(document: Document) -> Iterator[EnvbuildError]:
    registry, publish = document.root.get("registry"), document.root.get("publish")
    if registry and isinstance(publish, Mapping) and publish.get("registries"):
        yield SettingsError(f"registries are stated at line {publish.line}, too", registry.place, "keep one of the two")
    yield from _budget(document)
    yield from _sizes(document)
    yield from _braces(document)
    yield from _credentials(document)
    for key in ("manifests", "templates"):
        stated = document.root.get(key)
        for node in stated.items if isinstance(stated, Sequence) else ():
            if isinstance(node, Scalar):
                yield from _misplaced(node)
    yield from _group_names(document.root.get("groups"))
    yield from catalogue_problems(document.root.get("catalogues"))
    yield from _systems(document.root.get("system_requirements"))
    plain = [document.root.get(key) for key in ("insecure_indexes", "insecure_registries")]
    yield from secret_problems(document.root.get("secrets"), plain)
    yield from _places_of_files(document)


def _budget(document: Document) -> Iterator[EnvbuildError]:
    layers = document.root.get("layers")
    stated = layers.get("budget") if isinstance(layers, Mapping) else None
    if isinstance(stated, Scalar) and _WHOLE.fullmatch(stated.text) and not 0 < int(stated.text) <= _MOST_LAYERS:
        what = f"{stated.text} is no number of layers that packages can have"
        yield SettingsError(what, stated.place, f"write one from 1 to {_MOST_LAYERS}")


def _sizes(document: Document) -> Iterator[EnvbuildError]:
    limits = document.root.get("runs")
    for entry in limits.entries.values() if isinstance(limits, Mapping) else ():
        node = entry.value
        if isinstance(node, Scalar) and _WHOLE.fullmatch(node.text) and int(node.text) < 0:
            yield SettingsError(f"{node.text} is no size that can be kept", node.place, "write how many MiB: 0 or more")


def _credentials(document: Document) -> Iterator[EnvbuildError]:
    """The file is committed to git: nothing in it that names a place may carry a password."""
    for node in scalars(document.root):
        try:
            refuse_credentials(node.text, node.place)
        except EnvbuildError as error:
            if "://" not in node.text or error.message.startswith("credentials"):
                yield SettingsError(error.message, node.place, "use 'secrets', or a netrc file")


def _braces(document: Document) -> Iterator[EnvbuildError]:
    """Params are rendered with those of manifests, and tags when they are published; nothing else is."""
    publish = document.root.get("publish")
    tags = publish.get("tags") if isinstance(publish, Mapping) else None
    later = {node.place for node in scalars(tags)} if tags else set()
    rest = (entry.value for key, entry in document.root.entries.items() if key != "params")
    for node in (node for value in rest for node in scalars(value)):
        if "{{" in node.text and node.tag != RAW and node.place not in later:
            yield SettingsError("settings hold no '{{ }}'", node.place, "write the value itself, or '!raw' before it")


def _places_of_files(document: Document) -> Iterator[EnvbuildError]:
    bundle = document.root.get("ca_bundle")
    if isinstance(bundle, Scalar) and not bundle.text.startswith("/") and _leaves(bundle.text):
        yield SettingsError(f"'{bundle.text}' leaves the project", bundle.place, "write it absolute, or inside")
    state = document.root.get("state")
    if not isinstance(state, Scalar) or (is_null(state) and not state.tag):
        return
    if not _STATE.fullmatch(state.text):
        yield SettingsError(
            f"records cannot be kept in '{state.text}'",
            state.place,
            "keep them in sqlite:///PATH: this version has no other",
        )
    elif _leaves(state_path(state.text)):
        yield SettingsError(f"'{state.text}' leaves the project", state.place, "write a path inside it")


def _systems(stated: Value | None) -> Iterator[EnvbuildError]:
    """What is said of each platform, or of all of a system."""
    known = sorted({name for platform in get_args(Platform) for name in families(platform)})
    for entry in stated.entries.values() if isinstance(stated, Mapping) else ():
        if entry.key.text not in known:
            hint = nearest(entry.key.text, known) or f"known are: {', '.join(known)}"
            yield SettingsError(f"there is no platform '{entry.key.text}'", entry.key.place, hint)
        for error in system_problems(entry.value):
            yield SettingsError(error.message, error.where, error.hint)


def _group_names(stated: Value | None) -> Iterator[EnvbuildError]:
    for entry in stated.entries.values() if isinstance(stated, Mapping) else ():
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", entry.key.text):
            yield SettingsError(f"'{entry.key.text}' cannot name a group", entry.key.place, "use letters and digits")
        for node in entry.value.items if isinstance(entry.value, Sequence) else ():
            if isinstance(node, Scalar) and node.text.startswith("@"):
                hint = f"write the names and globs of '{node.text[1:]}' here"
                yield SettingsError(f"'{node.text}': a group holds no other group", node.place, hint)


def _misplaced(node: Scalar) -> Iterator[EnvbuildError]:
    """A glob or folder that leaves the project, or that would name one file in two ways."""
    if any(_leaves(path) for path in expand_braces(node.text)):
        yield SettingsError(f"'{node.text}' leaves the project", node.place, "write a path inside it")
    elif {".", ""} & set(node.text.split("/")):
        yield SettingsError(f"'{node.text}' has an empty part", node.place, "write it without './' and '//'")


def _leaves(path: str) -> bool:
    return path.startswith(("/", "~")) or ".." in path.split("/")


def _require(document: Document) -> None:
    """First of all: to a newer file's keys the answer is a newer envbuild."""
    node = document.root.get("requires_envbuild")
    if not isinstance(node, Scalar) or damaged_number(node) or not node.text:
        return
    wanted = node.text
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        met = SpecifierSet(wanted).contains(__version__, prereleases=True)
    except InvalidSpecifier:
        raise SettingsError(f"'{wanted}' is no version range", node.place, "write it as '>=0.1'") from None
    if not met:
        raise SettingsError(
            f"this project wants envbuild {wanted}, this is {__version__}",
            node.place,
            f"run pip install 'envbuild{wanted}'",
        )
