"""What is worth saying of one manifest, though nothing is wrong with it: mostly what other tools wrote into it."""

import re
from collections.abc import Iterator

from envbuild.document import Document, Mapping, Scalar, Sequence, scalars
from envbuild.errors import Note, Place

_SELECTOR = re.compile(
    r"^\s*[^\s#].*(?P<comment>#\s*\[\s*"
    r"(?P<what>(?:not\s+)?(?:linux|osx|win|unix|aarch64|arm64|ppc64le|x86|py)[^\]]*)\])\s*$"
)
_BUILD = re.compile(r"\s*[A-Za-z0-9_.-]+=+[^=\s]+=[^=\s]+")
_SYSTEMS = (
    ("Windows", re.compile(r"[A-Za-z]:[\\/]"), {"vs2015_runtime", "vc", "vc14_runtime", "pywin32", "wincertstore"}),
    ("macOS", re.compile(r"/(?:Users|opt/homebrew|Applications)/"), {"libcxx", "appnope"}),
    ("Linux", re.compile(r"/"), {"_libgcc_mutex", "libgcc-ng", "libstdcxx-ng", "ld_impl_linux-64"}),
)
_FAMILIES = {"Windows": "win", "macOS": "osx", "Linux": "linux"}
_FEW = 3
_LONG = 500


def notes(document: Document, platform: str) -> Iterator[Note]:
    """`platform` is the machine's own, for which a manifest is that names none."""
    yield from _selectors(document)
    yield from _export(document, platform)


def _selectors(document: Document) -> Iterator[Note]:
    for number, line in enumerate(document.text.splitlines(), 1):
        match = _SELECTOR.search(line) if len(line) < _LONG else None
        if match:
            message = f"'# [{match['what'].strip()}]' is a comment: the line holds on every platform"
            where = Place(document.path, number, match.start("comment") + 1)
            yield Note("comment-selector", message, where, "write 'sel(linux): spec', with osx, win or unix")


def _export(document: Document, platform: str) -> Iterator[Note]:
    """An export with build strings holds on the platform it was made on, and on no other."""
    built = [node for node in _items(document, "") if _BUILD.fullmatch(node.text)]
    stated = document.root.get("platforms")
    platforms = [node.text for node in scalars(stated)] if stated else [platform]
    system = _system(document, {node.text.partition("=")[0].strip().lower() for node in built})
    if len(built) >= _FEW and system and any(not one.startswith(f"{_FAMILIES[system]}-") for one in platforms):
        message = f"exported on {system}: {len(built)} packages name a build of that platform"
        hint = "export with 'conda env export --from-history', or drop what stands behind the second '='"
        yield Note("foreign-export", message, built[0].place, hint)


def _system(document: Document, names: set[str]) -> str:
    """Where an export was made: by the place of its prefix, else by packages that one system alone has."""
    prefix = document.root.get("prefix")
    place = prefix.text if isinstance(prefix, Scalar) else ""
    by_place = [system for system, path, _ in _SYSTEMS if path.match(place)]
    by_package = [system for system, _, packages in _SYSTEMS if names & packages]
    certain = [system for system in by_place if system != "Linux"]
    return next(iter((*certain, *by_package, *by_place)), "")


def _items(document: Document, key: str) -> Iterator[Scalar]:
    """The texts of `dependencies`, or of the list that stands there under a key."""
    stated = document.root.get("dependencies")
    for item in stated.items if isinstance(stated, Sequence) else ():
        listed = item.get(key) if key and isinstance(item, Mapping) else None
        inner = listed.items if isinstance(listed, Sequence) else (item,) if not key else ()
        yield from (node for node in inner if isinstance(node, Scalar))
