"""An environment that no manifest has: named by its content, and kept in a project of its own below `.envbuild`."""

import hashlib
from collections.abc import Iterator

from envbuild.document import Entry, Mapping, Scalar, Sequence, Value, write
from envbuild.errors import UsageError
from envbuild.names import FILE
from envbuild.project.front import Project
from envbuild.project.starting.drafting import Draft
from envbuild.workspace import PRIVATE

_FOLDER = "with"
_PIP = "pip/"
_DIGITS = 12
_FILES = ("file", "ca_bundle")  # which are named from the project's folder
# What is said of where packages come from, and of how they are chosen.
_KEYS = (
    "secrets", "ca_bundle", "insecure_indexes", "channels", "channel_priority", "pypi_names", "system_requirements",
    "allow_link_scripts",
)  # fmt: skip


def one_off(project: Project, specs: tuple[str, ...]) -> tuple[Project, str]:
    """The project that has it, and its name there: the same packages are the same environment, in any order."""
    pip = sorted({spec.removeprefix(_PIP).strip() for spec in specs if spec.startswith(_PIP)})
    conda = sorted({spec for spec in specs if not spec.startswith(_PIP)})
    if any(not spec.strip() for spec in (*pip, *conda)):
        raise UsageError("a package without a name is asked for", hint="say '--with numpy', or '--with pip/torch'")
    text = f"builder: local\n{Draft('', conda=tuple(conda), pip=tuple(pip)).text}"
    settings = _settings_text(project)
    content = f"{settings}\x00{text}".encode()
    name = f"{_FOLDER}/{hashlib.sha256(content).hexdigest()[:_DIGITS]}"
    project.workspace.private(_FOLDER, FILE)
    folder = f"{PRIVATE}/{_FOLDER}"
    for path, said in ((FILE, settings), (f"manifests/{name}.yaml", text)):
        if project.workspace.text(f"{folder}/{path}") != said:
            project.workspace.write(f"{folder}/{path}", said)
    return Project(project.root / folder, project.host), name


def _settings_text(project: Project) -> str:
    """As the project says it, with its files by their whole paths; what it says of its manifests is not theirs."""
    stated = project.settings.body.entries
    own = Mapping(FILE, 1, 1, None, {key: stated[key] for key in _KEYS if key in stated})
    return write(Mapping(FILE, 1, 1, None, dict(_located(project, own)))) or "{}\n"


def _placed(project: Project, value: Value) -> Value:
    if isinstance(value, Scalar):
        return value
    if isinstance(value, Sequence):
        return value
    return Mapping(value.path, value.line, value.column, value.tag, dict(_located(project, value)))


def _located(project: Project, node: Mapping) -> Iterator[tuple[str, Entry]]:
    for key, entry in node.entries.items():
        value = entry.value
        if key in _FILES and isinstance(value, Scalar) and not value.text.startswith(("/", "~")):
            text = str(project.root / value.text)
            yield key, Entry(entry.key, Scalar(value.path, value.line, value.column, None, text, plain=False))
        else:
            yield key, Entry(entry.key, _placed(project, value))
