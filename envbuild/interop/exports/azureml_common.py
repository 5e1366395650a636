"""What both kinds of Azure ML definitions are made of, and the notes on what has no place in either."""

import re
from collections.abc import Iterator
from collections.abc import Mapping as TextsOf

import msgspec

from envbuild.document import Mapping, Scalar, Sequence, Value, is_null, parse
from envbuild.errors import Note, Place, UsageError
from envbuild.interop.azureml_terms import NAME, is_own
from envbuild.interop.exports.conda import variables_of
from envbuild.interop.exports.subject import Subject
from envbuild.manifest import Base
from envbuild.rules import SECRET, secrets, secrets_of

_NAMES = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_RESERVED = re.compile(r"(?i)(azureml|microsoft)")
# Keys of a manifest that are looked at one by one: a whole key is no more than what it holds.
_KEYS = ("description", "tags", "setup", "test", "image", "publish", "solve_group", "run", "serve", "spark", "r")


def azure_name(subject: Subject) -> tuple[str, list[Note]]:
    """The name that Azure had for it, else our own; its names have no folders."""
    own = subject.environment.name
    found = subject.environment.tags.get(NAME) or own.replace("/", "-")
    notes = []
    if NAME not in subject.environment.tags and found != own:
        notes.append(subject.note("name", f"'{own}' is '{found}' there: names of Azure ML have no folders"))
    if not _NAMES.fullmatch(found):
        what = f"Azure ML takes no name such as '{found}'"
        hint = "give it one of letters, digits, '-', '_' and '.'"
        notes.append(subject.note("name", what, subject.environment.where("tags", NAME), hint))
    elif _RESERVED.match(found):
        what = f"'{found}' begins as names of Azure ML's own environments do, which it keeps for them"
        hint = f"give it another one: 'tags: {{{NAME}: …}}'"
        notes.append(subject.note("name", what, subject.environment.where("tags", NAME), hint))
    return found, notes


def base_of(subject: Subject) -> str:
    """The image by its name; what is none outside of the project is refused."""
    base = subject.environment.keys.image.base
    if base is None:
        return ""
    name = base if isinstance(base, str) else base.image or ""
    where = subject.environment.where("image", "base")
    if isinstance(base, Base) and base.environment:
        what = f"the base of '{subject.title}' is '{base.environment}', of which Azure ML knows no image"
        raise UsageError(what, where, "name the image that it is published as")
    if name == "scratch" or name.startswith("oci:"):
        raise UsageError(f"Azure ML builds on no '{name}'", where, "name an image in a registry")
    return name


def on_one_platform(subject: Subject) -> Subject:
    """The one that is asked for; else Azure's own where there is a choice, whatever this machine is."""
    known = subject.platforms
    if subject.wish.platform or ("linux-64" not in known and len(known) > 1):
        return subject
    meant = "linux-64" if "linux-64" in known else known[0]
    return msgspec.structs.replace(subject, wish=msgspec.structs.replace(subject.wish, platform=meant))


def set_variables(subject: Subject) -> dict[str, str]:
    return dict(variables_of(subject))


def notes_of(subject: Subject, file: str, held: frozenset[str]) -> Iterator[Note]:
    """`held` are the keys that have a place, by their names with dots."""
    environment = subject.environment
    yield from subject.other_platforms(file)
    yield from subject.of_bounds(file)
    yield from subject.unheld(("system_requirements", "pip.no_build_isolation"), file)
    if environment.channel_priority != "strict" and environment.python.managed:
        what = f"{file} has no place for channel_priority: {environment.channel_priority}"
        yield subject.note("channel_priority", what, environment.where_said("channel_priority"))
    yield from _of_python(subject)
    yield from _of_packages(subject, file)
    yield from _of_variables(subject)
    yield from _of_keys(subject, file, held)
    yield from _of_paths(subject)


def secrets_in(files: TextsOf[str, str]) -> Iterator[Note]:
    """What the manifest holds stands in an export as well; a value is never shown."""
    for path, text in files.items():
        is_tree = path.endswith((".json", ".yml"))
        found = secrets_of(parse(path, text.encode())) if is_tree else secrets(path, text)
        for message in dict.fromkeys(note.message for note in found):
            hint = "take it out of the manifest, and set it where the environment is used"
            yield Note(SECRET, message, Place(path), hint)


def _of_python(subject: Subject) -> Iterator[Note]:
    environment = subject.environment
    if environment.installs and environment.python.source != "conda":
        what = f"Azure ML has conda install Python, where envbuild takes that of '{environment.python.source}'"
        where = environment.where("python", "from")
        yield subject.note("python", what, where, "say 'python: {from: conda}' to have the same here")
    if environment.python.managed and environment.python.interpreter:
        what = "the interpreter has no place where Azure ML installs Python"
        yield subject.note("python.interpreter", what, environment.where("python", "interpreter"))


def _of_packages(subject: Subject, file: str) -> Iterator[Note]:
    environment = subject.environment
    if environment.packages and not environment.python.managed:
        what = f"{file} has no packages: the image brings its own"
        yield subject.note("dependencies", what, environment.where("dependencies"))
    for index in environment.keys.pip.indexes.values() if environment.python.managed else ():
        if index and index.packages:
            what = f"{', '.join(index.packages)}: pip takes it from any index that has it, not from its own alone"
            yield subject.note("pip.indexes", what, environment.where("pip", "indexes"))


def _of_variables(subject: Subject) -> Iterator[Note]:
    kept = set_variables(subject)
    for one in subject.environment.variables:
        if one.name not in kept and one.name not in subject.environment.brought.variables:
            what = f"{one.name}: a variable there is a text, with nothing around it and no place of a prefix in it"
            yield subject.note("variables", what, subject.environment.where("variables", one.name))


def _of_keys(subject: Subject, file: str, held: frozenset[str]) -> Iterator[Note]:
    for key in _KEYS:
        node = subject.environment.node(key)
        for name in _said((key,), node) if node is not None else ():
            shown = ".".join(name)
            is_held = any(shown == one or shown.startswith(f"{one}.") for one in held)
            if not is_held and not is_own(shown.removeprefix("tags.")):
                where = subject.environment.where_key(*name)
                yield subject.note(shown, f"{file} has no place for {shown}", where)


def _said(name: tuple[str, ...], node: Value) -> Iterator[tuple[str, ...]]:
    """Each key below that says something, down to values and lists."""
    if isinstance(node, Mapping):
        for key, entry in node.entries.items():
            yield from _said((*name, key), entry.value)
    elif (isinstance(node, Sequence) and node.items) or (isinstance(node, Scalar) and not is_null(node)):
        yield name


def _of_paths(subject: Subject) -> Iterator[Note]:
    environment = subject.environment
    links = [link for link in environment.keys.pip.find_links if "://" not in link]
    paths = [item.path for package in environment.packages for item in package.items if item.path]
    if (paths or links) and environment.python.managed:
        what = f"{', '.join((*paths, *links))}: Azure ML builds elsewhere, where no file of the project is"
        yield subject.note("files", what, hint="put it into an index, or into the image by a Dockerfile")
