"""One failed question: what was asked, what uv wrote, and which line of a manifest is meant by it."""

import re
from functools import cached_property

from envbuild.errors import Place
from envbuild.lock import Request, root_items
from envbuild.manifest import Item, asked_member, normalise
from envbuild.resolve import Environment
from envbuild.solvers.indexes import ROOTS
from envbuild.solvers.origins import Origins
from envbuild.solvers.words import with_words

NAME = r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?"
_WANTED = re.compile(rf"you require (?P<name>{NAME})")
_NOISE = re.compile(
    r"^(warning: (Requirements file|The package|The requested Python version) |Resolved |   ?Built |   Building ).*\n?",
    re.MULTILINE,
)
_NO_OPTION_OF_OURS = re.compile(r" If all indexes are equally trusted, use `--index-strategy [^.]*\.")
_GIVEN = re.compile(r" @ file://\S+")


class Case:
    """`words` are uv's as they may be shown; `text` is the same on one line, to be searched."""

    def __init__(self, errors: str, request: Request, environment: Environment, origins: Origins) -> None:
        self.origins = origins
        plain = re.sub(r"^(error|warning): ", "", _NOISE.sub("", errors).strip(), flags=re.MULTILINE)
        plain = _NO_OPTION_OF_OURS.sub("", plain)
        self.words = _GIVEN.sub(" of conda", plain.replace(f"{ROOTS} depends on", "you require"))
        self.text = " ".join(self.words.split())
        self.request = request
        self.environment = environment

    @cached_property
    def roots(self) -> dict[str, Item]:
        return items_by_name(self.request, self.environment)

    def asked_at(self, name: str) -> Place:
        """The line that asks for a package, or for what it comes with."""
        item = self.roots.get(normalise(name)) or self.required()
        return item.where if item else Place(self.environment.path)

    def required(self) -> Item | None:
        """What the manifest asks for and the explanation ends with."""
        found = [self.roots.get(normalise(one["name"])) for one in _WANTED.finditer(self.text)]
        return next((item for item in found if item), None)

    def index(self, name: str = "") -> str:
        """Where a package is looked for."""
        own = self.own_index(name)
        return self.request.indexes[own].url if own else self.request.index_url or "the index"

    def own_index(self, name: str) -> str:
        """The index that a name is bound to."""
        bound = self.request.indexes.items()
        return next((index for index, one in bound if name in map(normalise, one.packages)), "")

    def public(self, url: str) -> str:
        """What the request names by a URL that was asked."""
        return self.origins.public(url, self.request.urls)

    def place_of(self, url: str) -> Place:
        """The line that names what stands at a URL, if a manifest does."""
        url = self.public(url)
        for item in self.roots.values():
            if item.url and _bare(item.url) in url:
                return item.where
        for index, one in self.request.indexes.items():
            if url.startswith(one.url.rstrip("/")):
                return self.environment.where("pip", "indexes", index, "url")
        for key in ("extra_index_urls", "find_links"):
            if any(url.startswith(one.rstrip("/")) for one in getattr(self.request, key) if "://" in one):
                return self.environment.where("pip", key)
        node = self.environment.node("pip", "index_url")
        return node.place if node else Place(self.environment.path)

    def with_words(self, what: str) -> str:
        return with_words(what, self.words)


def items_by_name(request: Request, environment: Environment) -> dict[str, Item]:
    """What the manifest asks for; a folder or a URL by the name that was learned of it."""
    members = filter(None, map(asked_member, request.roots))
    names = {member.path: member.name for member in members}
    names |= {url: name for name, at, url in (root.partition(" @ ") for root in request.roots) if at}
    items = root_items(environment, request.platform)
    return {normalise(name): one for one in items if (name := one.name or names.get(one.path or one.text, ""))}


def _bare(url: str) -> str:
    """A URL without what names a commit or a file's hash."""
    return re.sub(r"(?<=[^/])@[^/]*$", "", url.partition("#")[0]).removeprefix("git+").removesuffix(".git")
