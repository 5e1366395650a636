"""Dependency confusion, from every side that we know: a private name is never filled from a public index (P19).

On the public index stand impostors of every private name, newer than the real ones, as a wheel and as a source that
leaves a mark if it is ever built. That it never is, is seen by three things: the answer, the mark,
and that the public index was never asked for such a name.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from support.asked import Asked, pip, versions
from support.gitserver import GitServer
from support.index import Index
from support.wheels import sdist_bytes, source_files

from envbuild.errors import EnvbuildError
from envbuild.lock import Pins

_PRIVATE = ("acme", "acme-core", "acme-build")
_MARK = "import pathlib\npathlib.Path({mark!r}).write_text('{name}')\n"
_BUILT = '[build-system]\nrequires = [{requires}]\nbuild-backend = "backend"\nbackend-path = ["."]\n{more}'
_LEARNED = "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nDynamic: Requires-Dist\n"


class Sides:
    """A public and a private index, a place for marks, and questions that name both."""

    def __init__(self, public: Index, private: Index, folder: Path, cache: Path) -> None:
        self.public, self.private = public, private
        self.asked = Asked(public, folder, cache)
        self.mark = folder / "mark"
        for name in _PRIVATE:
            public.add(name, "99", modules={f"{name.replace('-', '_')}/__init__.py": self._marking(name)})
            own = source_files(name, "100")
            backend = self._marking(name).encode() + own["backend.py"]
            public.add_file(*sdist_bytes(name, "100", files={**own, "backend.py": backend}))
            private.add(name, "1.0", requires=["acme-core"] if name == "acme" else [])
        private.add("acme", "0.9")

    def _marking(self, name: str) -> str:
        return _MARK.format(mark=str(self.mark), name=name)

    @property
    def indexes(self) -> str:
        return f"{{internal: {{url: '{self.private.url}', packages: [{', '.join(_PRIVATE)}]}}}}"

    def bound(self, more: str = "") -> str:
        return f"pip: {{indexes: {self.indexes}{more}}}"

    def pins(self, *roots: str, more: str = "", top: str = "") -> Pins:
        return self.asked.pins(pip(*roots, conda=("python =3.11",), more=f"{self.bound(more)}\n{top}"))

    def refused(self, *roots: str, more: str = "", top: str = "") -> EnvbuildError:
        with pytest.raises(EnvbuildError) as told:
            self.pins(*roots, more=more, top=top)
        return told.value.problems[0]

    @property
    def is_clean(self) -> bool:
        return not self.mark.exists() and not [one for one in self.public.requests if "acme" in one]


@pytest.fixture
def private() -> Iterator[Index]:
    with Index() as index:
        yield index


@pytest.fixture
def sides(index: Index, private: Index, tmp_path: Path, uv_cache: Path) -> Iterator[Sides]:
    found = Sides(index, private, tmp_path, uv_cache)
    yield found
    assert found.is_clean, index.requests


def learned(
    name: str, version: str = "1.0", *, built_with: Sequence[str], more: str = "", needs: Sequence[str] = ()
) -> tuple[str, bytes]:
    """A source that only its build says all of, and what that build asks for."""
    return sdist_bytes(name, version, files=source_of(name, version, built_with=built_with, more=more, needs=needs))


def source_of(
    name: str, version: str = "1.0", *, built_with: Sequence[str], more: str = "", needs: Sequence[str] = ()
) -> dict[str, bytes]:
    """The same as files."""
    requires = ", ".join(f'"{one}"' for one in built_with)
    return {
        **source_files(name, version, requires=needs),
        "pyproject.toml": _BUILT.format(requires=requires, more=more).encode(),
        "PKG-INFO": _LEARNED.format(name=name, version=version).encode(),
    }


def places(pins: Pins) -> dict[str, str]:
    return {pin.name: pin.url.rpartition("/files/")[0] for pin in pins.pins if pin.name in _PRIVATE}


def place(index: Index) -> str:
    return index.url.removesuffix("/simple/")


ASKED = {
    "by itself": ("acme",),
    "in any spelling": ("ACME", "acme_core", "Acme.Build"),
    "through another": ("asks",),
    "through an extra": ("asks[fast]",),
    "through a marker": ('acme; python_version >= "3"',),
    "through a marker of another": ("marked",),
    "in a version": ("asks", "acme>=0.5,<50"),
    "from a repository's extra": ("deep",),
}


@pytest.mark.parametrize("side", ASKED)
def test_it_is_asked_for(sides: Sides, side: str) -> None:
    """However a name is reached and written, its own index has it, and no other is asked."""
    sides.public.add("asks", "1.0", requires=["Acme_Core", "acme>=0.5"], extras={"fast": ["acme.build"]})
    sides.public.add("marked", "1.0", requires=["acme; sys_platform == 'linux'", "nothere; sys_platform == 'win32'"])
    sides.public.add("deep", "1.0", requires=["asks[fast]"])
    found = places(sides.pins(*ASKED[side]))
    assert "acme-core" in found
    assert set(found.values()) == {place(sides.private)}


def test_constraints_bound_it_and_bring_it_from_nowhere_else(sides: Sides) -> None:
    """One that its index has; and one that only the public index has is refused, at the line that asks."""
    sides.public.add("asks", "1.0", requires=["acme"])
    assert versions(sides.pins("asks", top="constraints: [{pip: [acme<1]}]"))["acme"] == "0.9"
    told = sides.refused("asks", top="constraints: [{pip: [acme==99]}]")
    assert "acme==99" in told.message


@pytest.mark.parametrize("key", ["constraints", "overrides"])
def test_no_file_stands_for_it_in_what_bounds_versions(sides: Sides, key: str) -> None:
    """A URL of the public index as a constraint or an override is refused at its line, before anything is asked."""
    sides.public.add("asks", "1.0", requires=["acme"])
    url = f"{place(sides.public)}/files/acme-99-py3-none-any.whl"
    told = sides.refused("asks", top=f"{key}: [{{pip: ['acme @ {url}']}}]")
    assert told.message.startswith("'acme' is bound to the index 'internal', and ")
    assert told.where
    assert told.where.line == 6
    assert not sides.private.requests


def test_a_build_asks_its_own_index(sides: Sides) -> None:
    """What a source asks for while it is built, itself or through another, and in the version that it asks for."""
    sides.public.add("helper", "1.0", requires=["acme-build", "acme<1"])
    sides.public.add_file(*learned("built", built_with=["Acme_Build"]))
    sides.public.add_file(*learned("through", built_with=["helper", "acme<1"]))
    assert set(versions(sides.pins("built", "through"))) == {"built", "through"}
    assert {"/files/acme_build-1.0-py3-none-any.whl", "/files/acme-0.9-py3-none-any.whl"} <= set(sides.private.requests)
    assert "/files/acme-1.0-py3-none-any.whl" not in sides.public.requests


def test_a_build_asks_for_what_its_own_index_has_not(sides: Sides) -> None:
    """It is refused: by its name, its index, and the line of what is built."""
    sides.public.add_file(*learned("built", built_with=["acme-build>=99"]))
    told = sides.refused("alpha", "built")
    assert told.where
    assert told.where.line == 5
    assert told.message.startswith("built 1.0 is built with 'acme-build>=99', which is bound to the index 'internal'")
    assert told.hint == "ask for a version that has a wheel, or publish there what its build asks for"


def test_a_source_of_its_own_index_is_built_by_the_same_rule(sides: Sides) -> None:
    """A private source that another is built with, and that is built with a private name itself."""
    sides.private.add_file(*learned("acme-build", "2.0", built_with=["acme"]))
    sides.public.add_file(*learned("built", built_with=["acme-build"]))
    assert versions(sides.pins("built", "acme-build")) == {"built": "1.0", "acme-build": "2.0"}


URLS = {
    "a wheel": "wanting @ {files}/wanting-1.0-py3-none-any.whl",
    "a source": "wanting @ {files}/wanting-1.0.tar.gz",
    "through another": "between @ {files}/between-1.0-py3-none-any.whl",
    "a repository": "wanting @ git+{git}",
}


@pytest.mark.parametrize("side", URLS)
def test_a_package_at_a_url_names_another_url(sides: Sides, tmp_path: Path, side: str) -> None:
    """Those uv would follow: it is refused, before anything is fetched from there."""
    files = f"{place(sides.public)}/files"
    needs = [f"acme @ {files}/acme-100.tar.gz"]
    sides.public.add("wanting", "1.0", requires=needs)
    sides.public.add_file(*learned("wanting", built_with=[], needs=needs))
    sides.public.add("between", "1.0", requires=[f"wanting @ {files}/wanting-1.0-py3-none-any.whl"])
    with GitServer(tmp_path / "git") as server:
        server.commit_files(source_of("wanting", built_with=[], needs=needs))
        told = sides.refused(URLS[side].format(files=files, git=server.repository))
    assert told.message == f"wanting wants '{needs[0]}', and 'acme' is bound to the index 'internal'"


SOURCES = {
    "a URL": "acme = {{url = '{files}/acme-100.tar.gz'}}",
    "an index": "acme = {{index = 'public'}}\n[[tool.uv.index]]\nname = 'public'\nurl = '{public}'",
    "an index of that name": "acme = {{index = 'internal'}}\n[[tool.uv.index]]\nname = 'internal'\nurl = '{public}'",
    "an override": "[tool.uv]\noverride-dependencies = ['acme==99']\nindex-url = '{public}'",
}


@pytest.mark.parametrize("side", SOURCES)
def test_a_repository_brings_settings_of_uv(sides: Sides, tmp_path: Path, side: str) -> None:
    """Where packages come from, the manifest says: what `tool.uv` says elsewhere is nothing, also of what is built."""
    files = f"{place(sides.public)}/files"
    more = f"[tool.uv.sources]\n{SOURCES[side].format(files=files, public=sides.public.url)}\n"
    with GitServer(tmp_path / "git") as server:
        server.commit_files(source_of("wanting", built_with=["acme"], needs=["acme"], more=more))
        found = places(sides.pins(f"wanting @ git+{server.repository}"))
    assert found == dict.fromkeys(("acme", "acme-core"), place(sides.private))
