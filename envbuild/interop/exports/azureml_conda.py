"""What conda installs, in the words of the manifest: the same list again, or with '--exact' what is locked."""

from collections.abc import Iterator
from typing import Any

from envbuild.document import Scalar, Sequence, scalars
from envbuild.interop.exports.conda import channels_of, pinned_specs
from envbuild.interop.exports.pipping import members, options, pinned
from envbuild.interop.exports.subject import Subject
from envbuild.lock import safe_url
from envbuild.manifest import Item
from envbuild.render import conda_text


def specification(subject: Subject, *, sections: bool = False) -> dict[str, Any]:
    """Nothing where the image brings everything. With `sections` for Spark and R, what they bring is left to them."""
    environment = subject.environment
    if not environment.python.managed:
        return {}
    dependencies, pip = _exact(subject) if subject.wish.exact else _asked(subject, sections=sections)
    if not dependencies and not pip:
        return {}
    stated = environment.lineage[-1].body.get("name")
    found: dict[str, Any] = {"name": stated.text} if isinstance(stated, Scalar) and stated.text else {}
    if channels := _channels(subject):
        found["channels"] = list(channels)
    return {**found, "dependencies": [*dependencies, *([{"pip": pip}] if pip else [])]}


def _channels(subject: Subject) -> tuple[str, ...]:
    """By the names that are written: 'defaults' is one."""
    if subject.wish.exact:
        return channels_of(subject, subject.request(subject.platform))
    stated = subject.environment.said("channels")
    items = stated.items if isinstance(stated, Sequence) else ()
    return tuple(safe_url(one.text) for one in items if isinstance(one, Scalar))


def _exact(subject: Subject) -> tuple[list[str], list[str]]:
    platform = subject.platform
    channels = channels_of(subject, subject.request(platform))
    pip = [*options(subject, platform, exact=True), *(line for _, line in pinned(subject, platform, hashed=True))]
    return pinned_specs(subject, channels), [*pip, *members(subject, platform)]


def _asked(subject: Subject, *, sections: bool) -> tuple[list[str], list[str]]:
    environment = subject.environment
    texts = _written(subject)
    items = sorted(_items(subject, sections=sections), key=lambda one: _order(subject, one))
    conda = [_conda_text(one, texts.get(one.where, "")) for one in items if one.manager == "conda"]
    named = {one.name for one in items if one.manager == "conda"}
    if (version := environment.keys.python.version) and "python" not in named:
        conda.insert(0, f"python {version}" if version[0] in "=<>!~" else f"python ={version}")
        named.add("python")
    pip = [_pip_text(subject, one, texts.get(one.where, "")) for one in items if one.manager == "pip"]
    if pip and environment.python.source != "conda":
        conda += [name for name in ("python", "pip") if name not in named]
    return conda, [*_options(subject), *pip] if pip else []


def _items(subject: Subject, *, sections: bool) -> Iterator[Item]:
    brought = subject.environment.brought.items if sections else ()
    for package in subject.environment.dependencies.on(subject.platform):
        yield from (item for item in package.items if item not in brought)


def _order(subject: Subject, item: Item) -> tuple[int, str, int, int]:
    """As the manifests write them, the ancestors' first; order means nothing to either, and much to a reader."""
    paths = [one.path for one in subject.environment.lineage]
    where = item.where
    return (paths.index(where.path) if where.path in paths else -1, where.path, where.line, where.column)


def _written(subject: Subject) -> dict[Any, str]:
    """The texts of package lists as they stand there, by their places; blocks of several lines are none of them."""
    found: dict[Any, str] = {}
    for manifest in subject.environment.lineage:
        stated = manifest.body.get("dependencies")
        for one in scalars(stated) if stated else ():
            if not one.block and "\n" not in one.text:
                found[one.place] = " ".join(one.text.split())
    return found


def _conda_text(item: Item, written: str) -> str:
    """A version has its packages in our own words, of which conda does not take all."""
    return written if written not in {"", item.text} else conda_text(item)


def _pip_text(subject: Subject, item: Item, written: str) -> str:
    if not item.path:
        return written or item.text
    extras = f"[{','.join(item.extras)}]" if item.extras else ""
    path = f"{subject.path(item.path)}{extras}"
    return f"-e {path}" if item.editable else path


def _options(subject: Subject) -> Iterator[str]:
    """Where packages come from, as pip is told it."""
    pip = subject.environment.keys.pip
    if pip.index_url:
        yield f"--index-url {safe_url(pip.index_url)}"
    bound = (index.url for index in pip.indexes.values() if index)
    for url in dict.fromkeys((*pip.extra_index_urls, *bound)):
        yield f"--extra-index-url {safe_url(url)}"
    for link in pip.find_links:
        yield f"--find-links {safe_url(link) if '://' in link else subject.path(link)}"
    yield from (f"--no-binary {name}" for name in pip.no_binary)
    if pip.prerelease:
        yield "--pre"
