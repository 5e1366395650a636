"""What environment.yml.j2 is given: an environment as conda would have it written."""

from collections.abc import Iterator

from envbuild.document import PREFIX
from envbuild.manifest import Item
from envbuild.resolve import Environment, Variable


def conda_values(environment: Environment, python: str) -> dict[str, object]:
    items = [item for package in environment.packages for item in package.items]
    conda = [conda_text(item) for item in items if item.manager == "conda" and not item.selector]
    pip = [*_options(environment), *(item.shown for item in items if item.manager == "pip")]
    if not environment.package("python"):
        conda.insert(0, f"python {python}.*" if python else "python")
    if pip and not environment.package("pip"):
        conda.append("pip")
    return {
        "name": environment.name,
        "channels": list(environment.channels),
        "conda": conda,
        "selected": [(item.selector, conda_text(item)) for item in items if item.selector],
        "pip": pip,
        "variables": {one.name: one.value for one in environment.variables if _is_plain(one)},
        "left_out": [one.name for one in environment.variables if not _is_plain(one)],
    }


def conda_text(item: Item) -> str:
    """A spec as every reader of conda's takes it."""
    simple = item.name in {"python", "pip"} and item.text == f"{item.name}{item.specifier}"
    return (f"{item.name} {item.wish}" if item.specifier else item.name) if simple else item.text


def _options(environment: Environment) -> Iterator[str]:
    """What `pip` says, as the options that mean it, where there is anything to ask pip for."""
    pip = environment.keys.pip
    if not any(package.key.startswith("pip/") for package in environment.packages):
        return
    if pip.index_url:
        yield f"--index-url {pip.index_url}"
    yield from (f"--extra-index-url {url}" for url in pip.extra_index_urls)
    yield from (f"--find-links {link}" for link in pip.find_links)
    yield from (f"--no-binary {name}" for name in pip.no_binary)
    if pip.prerelease:
        yield "--pre"


def _is_plain(variable: Variable) -> bool:
    """Whether conda can set it: not around what the host has, and not with the place of the environment in it."""
    return not variable.prepend and not variable.append and PREFIX not in (variable.value or "")
