"""What is worth saying of one manifest, though nothing is wrong with it: mostly what other tools wrote into it."""

import re
from collections.abc import Iterator

from envbuild.document import Document, Mapping, Scalar, Sequence
from envbuild.errors import Note, Place

_SELECTOR = re.compile(r"#\s*\[\s*(?P<what>(?:not\s+)?(?:linux|osx|win|unix|aarch64|arm64|ppc64le|x86|py)[^\]]*)\]\s*$")
_BUILD = re.compile(r"\s*[A-Za-z0-9_.-]+=+[^=\s]+=[^=\s]+")
_EDITABLE_URL = re.compile(r"(?:-e|--editable)[\s=]*(?:git|hg|svn|bzr)\+")
_SYSTEMS = (
    ("Windows", re.compile(r"[A-Za-z]:[\\/]"), {"vs2015_runtime", "vc", "vc14_runtime", "pywin32", "wincertstore"}),
    ("macOS", re.compile(r"/(?:Users|opt/homebrew|Applications)/"), {"libcxx", "appnope", "llvm-openmp"}),
    ("Linux", re.compile(r"/"), {"_libgcc_mutex", "libgcc-ng", "libstdcxx-ng", "ld_impl_linux-64"}),
)
_FEW = 3


def notes(document: Document) -> Iterator[Note]:
    yield from _selectors(document)
    yield from _editable_urls(document)
    yield from _export(document)


def _selectors(document: Document) -> Iterator[Note]:
    for number, line in enumerate(document.text.splitlines(), 1):
        if match := _SELECTOR.search(line):
            message = f"'# [{match['what'].strip()}]' is a comment: the line holds on every platform"
            where = Place(document.path, number, match.start() + 1)
            yield Note("comment-selector", message, where, "write 'sel(linux): spec', with osx, win or unix")


def _editable_urls(document: Document) -> Iterator[Note]:
    for node in _items(document, "pip"):
        if _EDITABLE_URL.match(node.text):
            message = "'-e' before a URL is dropped: a repository is installed as it is at its commit"
            yield Note("editable-url", message, node.place, "remove '-e'")


def _export(document: Document) -> Iterator[Note]:
    """An export with build strings holds on the platform it was made on, and on no other."""
    built = [node for node in _items(document, "") if _BUILD.fullmatch(node.text)]
    if len(built) < _FEW:
        return
    prefix = document.root.get("prefix")
    place = prefix.text if isinstance(prefix, Scalar) else ""
    names = {node.text.partition("=")[0].strip().lower() for node in built}
    for system, path, packages in _SYSTEMS:
        if path.match(place) or names & packages:
            message = f"exported on {system}: {len(built)} packages name a build of that platform"
            hint = "export with 'conda env export --from-history', or drop what stands behind the second '='"
            yield Note("foreign-export", message, built[0].place, hint)
            return


def _items(document: Document, key: str) -> Iterator[Scalar]:
    """The texts of `dependencies`, or of the list that stands there under a key."""
    stated = document.root.get("dependencies")
    for item in stated.items if isinstance(stated, Sequence) else ():
        listed = item.get(key) if key and isinstance(item, Mapping) else None
        inner = listed.items if isinstance(listed, Sequence) else (item,) if not key else ()
        yield from (node for node in inner if isinstance(node, Scalar))
