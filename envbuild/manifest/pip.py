"""Entries of pip lists and requirement files as items."""

import posixpath
import re
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from envbuild.document import Scalar
from envbuild.errors import ManifestError, Place
from envbuild.manifest.items import Item, is_loopback, normalise, project_path, refuse_credentials, refuse_length, wish
from envbuild.manifest.members import ARCHIVES, WHEEL, asked_member, extras_text
from envbuild.names import catalogue_of

if TYPE_CHECKING:
    from packaging.requirements import Requirement

# What most items are: a name, and clauses whose versions are numbers. packaging takes longer to load than to read them.
_CLAUSE = r"(?:==|!=|>=|<=|<|>)[ ]?[0-9]+(?:\.[0-9]+)*|~=[ ]?[0-9]+(?:\.[0-9]+)+|(?:==|!=)[ ]?[0-9]+(?:\.[0-9]+)*\.\*"
_PLAIN = re.compile(
    rf"(?P<name>[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)[ ]*(?P<clauses>(?:{_CLAUSE})(?:[ ]*,[ ]*(?:{_CLAUSE}))*)?", re.ASCII
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_BLANK = re.compile(r"\s")
_NAMED_PATH = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*(?:\[[^\]]*\])?)\s*@\s*(?P<path>\S.*)")
_EXTRAS = re.compile(r"(?P<path>[^\[\]]+)(?:\[(?P<extras>[\w.,\s-]*)\])?")
_EDITABLE = re.compile(r"(?:-e|--editable)(?:\s*=\s*|\s*)(?P<what>\S.*)")
_ENDINGS = (WHEEL, *ARCHIVES)
_SINGLE_EQUALS = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)\s*=\s*(?P<version>[0-9][\w.*]*)")
_VERSION_CONTROL = ("git+", "hg+", "svn+", "bzr+")
_SCP = re.compile(r"[\w.-]+@[\w.-]+:")
_EGG = re.compile(r"[#&]egg=(?P<name>[A-Za-z0-9][\w.-]*)(?P<extras>\[[^\]]*\])?")


class Requested(msgspec.Struct, frozen=True):
    """The parsed half of an item, the same wherever the text stands."""

    name: str
    text: str
    specifier: str = ""
    extras: tuple[str, ...] = ()
    marker: str = ""
    url: str = ""


def pip_item(node: Scalar, folder: str) -> Item:
    """One entry of a pip list that asks for a package; paths are taken from the folder of the file that says so."""
    text = node.text.strip()
    refuse_length(text, node.place)
    if _CONTROL.search(text):
        raise ManifestError("an item of several lines, or with control characters", node.place, "write one line")
    editable = editable_of(text)
    text = editable or text
    _refuse_option(text, node.place)
    path = named_path(text) or (text if editable and not text.startswith(_VERSION_CONTROL) else "")
    if not path:
        return _requirement(text, node)
    if "://" in path or (editable and "@" in path):
        raise ManifestError(f"'-e' goes before a folder, not '{text}'", node.place, "write '-e ./folder'")
    return _path_item(path, text, node, folder, editable=bool(editable))


def editable_of(text: str) -> str:
    """What `-e` stands before, if it stands there."""
    match = _EDITABLE.fullmatch(text)
    return match["what"].strip().strip("'\"") if match else ""


def is_editable_url(text: str) -> bool:
    """A repository before which `-e` has no meaning: it is installed as it is at its commit."""
    return editable_of(text.strip()).startswith(_VERSION_CONTROL)


def _requirement(text: str, node: Scalar) -> Item:
    requested = _requested(text)
    if isinstance(requested, Requested) and requested.url:
        _refuse_url(requested.url, node.place)
    if isinstance(requested, Requested) and requested.name.endswith("-whl"):
        requested = "a wheel is named by its path alone"
    if isinstance(requested, str):
        raise ManifestError(f"'{node.text}': {requested}", node.place, _spelling(text))
    rest = (requested.specifier, requested.extras, requested.marker, requested.url)
    return Item("pip", requested.name, requested.text, node.place, *rest)


def wish_of(text: str) -> tuple[str, str]:
    """The package's name and the wish, from the text of a root; a path stands for the name that only it knows."""
    if member := asked_member(text):
        shown, extras = member.path if member.is_wheel else member.shown, extras_text(member.extras)
        return (member.name, f"{shown}{extras}") if member.name else (shown, extras)
    found = _requested(text)
    if isinstance(found, str):
        return text, "*"
    if not found.name:
        return text, ""
    return found.name, wish(found.specifier, found.extras, found.marker, found.url)


@lru_cache(maxsize=65536)
def _requested(text: str) -> Requested | str:
    """Parse once for each text; an error is its message, since only the caller knows the line."""
    if plain := _plainly_requested(text):
        return plain
    from packaging.requirements import InvalidRequirement, Requirement

    if text.startswith(("http://", "https://", *_VERSION_CONTROL)):
        named = _name_in_url(text)
        if not named:
            url, _, marker = text.partition(" ;")
            return "a URL has no blanks" if _BLANK.search(url) or "\\" in url else _nameless(url, marker, text)
        text = f"{named} @ {text}"
    try:
        requirement = Requirement(text)
    except (InvalidRequirement, RecursionError):
        return "not a requirement that pip reads"
    return Requested(
        normalise(requirement.name),
        _canonical(requirement),
        str(requirement.specifier),
        tuple(sorted(normalise(extra) for extra in requirement.extras)),
        str(requirement.marker or ""),
        requirement.url or "",
    )


def _plainly_requested(text: str) -> Requested | None:
    """As packaging writes it, in the order of the clauses' texts; two that may be one and the same are left to it."""
    plain = _PLAIN.fullmatch(text)
    clauses = (plain["clauses"] or "").replace(" ", "").split(",") if plain else []
    if plain is None or len({clause.rstrip("0123456789.*") for clause in clauses}) < len(clauses):
        return None
    name, specifier = normalise(plain["name"]), ",".join(sorted(clauses))
    return Requested(name, f"{name}{specifier}", specifier)


def _nameless(url: str, marker: str, text: str) -> Requested | str:
    """What is there says how it is called; until then it is known by its URL."""
    from packaging.markers import InvalidMarker, Marker

    try:
        return Requested("", text, marker=str(Marker(marker)) if marker else "", url=url)
    except (InvalidMarker, RecursionError):
        return "not a requirement that pip reads"


def _name_in_url(url: str) -> str:
    """A wheel's file says its name, and so does `#egg=`; other URLs are known by themselves."""
    bare = re.split(r"[?#\s]", url)[0]
    if bare.endswith(".whl"):
        return bare.rpartition("/")[2].split("-")[0]
    egg = _EGG.search(url)
    return egg["name"] + (egg["extras"] or "") if egg else ""


def _canonical(requirement: "Requirement") -> str:
    requirement.name = normalise(requirement.name)
    requirement.extras = {normalise(extra) for extra in requirement.extras}
    return str(requirement)


def named_path(text: str) -> str:
    """The file or folder that this entry names, if it names one."""
    named = _NAMED_PATH.fullmatch(text)
    path = named["path"] if named else text
    if path.startswith("-") or _SCP.match(text):
        return ""
    if path.startswith("file:"):
        return re.sub(r"^file:(//)?", "", path)
    if "://" in path or path.startswith(_VERSION_CONTROL):
        return ""
    if path.startswith((".", "/", "~")) or path.endswith(_ENDINGS) or ("/" in path and not named and " " not in path):
        return path
    return path if named else ""


def _path_item(path: str, text: str, node: Scalar, folder: str, *, editable: bool) -> Item:
    """A wheel has its name in its file's; a folder or source archive is known by its path, unless it is named."""
    match = _EXTRAS.fullmatch(path)
    if ";" in path:
        raise ManifestError(f"'{path}': a path takes no marker", node.place, "write it without what stands behind ';'")
    if not match:
        raise ManifestError(f"'{path}' is no path to a package", node.place, "write './folder' or './x.whl'")
    inside = project_path(match["path"], folder, node.place)
    if editable and catalogue_of(folder):
        raise ManifestError("a catalogue has no package to be edited", node.place, f"write '{path}' without '-e'")
    named = _NAMED_PATH.fullmatch(text)
    name, _, before = named["name"].partition("[") if named else ("", "", "")
    name = normalise(name)
    stated = f"{before.removesuffix(']')},{match['extras'] or ''}"
    extras = tuple(sorted({normalise(extra) for extra in re.split(r"[,\s]+", stated) if extra}))
    if inside.endswith(WHEEL):
        name = _distribution(inside, node.place)
        if extras or editable:
            raise ManifestError(f"'{node.text}': a wheel is named by its path alone", node.place, f"write '{path}'")
    elif editable and inside.endswith(ARCHIVES):
        raise ManifestError("only a folder can be editable", node.place, f"write '{path}' without '-e'")
    return Item("pip", name, inside, node.place, extras=extras, path=inside, editable=editable)


def _distribution(path: str, where: Place) -> str:
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    filename = posixpath.basename(path)
    try:
        return parse_wheel_filename(filename)[0]
    except InvalidWheelFilename:
        raise ManifestError(
            f"'{filename}' is no name of a wheel",
            where,
            "keep the name it was built with: NAME-VERSION-PYTHON-ABI-PLATFORM.whl",
        ) from None


def _refuse_option(text: str, where: Place) -> None:
    if not text:
        raise ManifestError("an empty item", where, "remove it")
    if text.startswith("-"):
        option = re.split(r"[\s=]", text)[0]
        raise ManifestError(f"the option '{option}' is not read here", where, "remove it")


def _refuse_url(url: str, where: Place) -> None:
    scheme = url.partition(":")[0].lower()
    if scheme not in {"https", "http", "git+https", "git+http", "git+ssh"}:
        raise ManifestError(f"'{scheme}:' URLs are not read", where, "use https, git+https or git+ssh")
    refuse_credentials(url, where)
    if "${" in url:
        raise ManifestError(
            f"'{url}' has a variable in it", where, "write it out; credentials are 'secrets' in envbuild.yaml"
        )
    if scheme in {"http", "git+http"} and not is_loopback(url):
        raise ManifestError(f"'{url}' is not https", where, "use https: plain http is for loopback only")


def _spelling(text: str) -> str:
    if single := _SINGLE_EQUALS.fullmatch(text):
        return f"pip compares with two signs: {single['name']}=={single['version']}"
    if found := _SCP.match(text):
        return f"write it as 'NAME @ git+ssh://{found[0][:-1]}/…'"
    if " -" in text:
        return "an option stands in an item of its own"
    return "write it as 'name', 'name>=1.2,<2' or 'name @ https://…'"
