"""Dependency confusion, from every side that we know: a private name is never filled from a public index (P19).

On the public index stand impostors of every private name, newer than the real ones, as a wheel and as a source that
leaves a mark if it is ever built. That it never is, is seen by three things: the answer, the mark,
and that the public index was never asked for such a name.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path

import pytest
from support.asked import Asked, conda_pin, pip, versions
from support.folders import write_package
from support.gitserver import GitServer
from support.index import Index
from support.loopback import Reply, Request
from support.project import Project
from support.wheels import sdist_bytes, source_files, wheel_bytes

from envbuild.errors import EnvbuildError
from envbuild.lock import Pins, read_lock
from envbuild.process import Programs
from envbuild.solvers.uv import Uv


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


_PRIVATE = ("acme", "acme-core", "acme-build")
_MARK = "import pathlib\npathlib.Path({mark!r}).write_text('{name}')\n"
_BUILT = '[build-system]\nrequires = [{requires}]\nbuild-backend = "backend"\nbackend-path = ["."]\n{project}{more}'
_PROJECT = '[project]\nname = "{name}"\nversion = "{version}"\ndynamic = ["dependencies"]\n'
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

    def on_host(self, variables: Mapping[str, str]) -> None:
        self.asked.host |= variables
        self.asked.uv = Uv(Programs(), self.asked.host, self.asked.root)

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
    project = _PROJECT.format(name=name, version=version)
    return {
        **source_files(name, version, requires=needs),
        "pyproject.toml": _BUILT.format(requires=requires, project=project, more=more).encode(),
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


_INDEX_ONLY = sorted(SOURCES.keys() - {"a URL"})


@pytest.mark.parametrize("root", ["wanting", "wanting @ {files}/wanting-1.0.tar.gz"])
@pytest.mark.parametrize("side", _INDEX_ONLY)
def test_a_source_brings_settings_of_uv(sides: Sides, side: str, root: str) -> None:
    """Also one of an index; uv has its build read them whatever it is told."""
    files = f"{place(sides.public)}/files"
    more = f"[tool.uv.sources]\n{SOURCES[side].format(files=files, public=sides.public.url)}\n"
    sides.public.add_file(*learned("wanting", built_with=["acme"], needs=["acme"], more=more))
    assert places(sides.pins(root.format(files=files))) == dict.fromkeys(("acme", "acme-core"), place(sides.private))


@pytest.mark.parametrize("by", ["its settings of uv", "its requirements"])
def test_a_build_asks_for_a_url(index: Index, private: Index, tmp_path: Path, uv_cache: Path, by: str) -> None:
    """A source that names the file itself, of which uv learns no sooner than it builds: it is refused there."""
    sides = Sides(index, private, tmp_path, uv_cache)
    url = f"{place(sides.public)}/files/acme-99-py3-none-any.whl"
    settings = by == "its settings of uv"
    more = f"[tool.uv.sources]\nacme = {{url = '{url}'}}\n" if settings else ""
    sides.public.add_file(*learned("wanting", built_with=["acme" if settings else f"acme @ {url}"], more=more))
    told = sides.refused("wanting")
    what = (
        f"wanting 1.0 is built with 'acme @ {url}', which is bound to the index 'internal': a URL is no version of it"
    )
    assert told.message.startswith(what)
    assert not sides.mark.exists()


@pytest.mark.parametrize("side", SOURCES)
def test_a_repository_brings_settings_of_uv(sides: Sides, tmp_path: Path, side: str) -> None:
    """Where packages come from, the manifest says: what `tool.uv` says elsewhere is nothing, also of what is built."""
    files = f"{place(sides.public)}/files"
    more = f"[tool.uv.sources]\n{SOURCES[side].format(files=files, public=sides.public.url)}\n"
    with GitServer(tmp_path / "git") as server:
        server.commit_files(source_of("wanting", built_with=["acme"], needs=["acme"], more=more))
        found = places(sides.pins(f"wanting @ git+{server.repository}"))
    assert found == dict.fromkeys(("acme", "acme-core"), place(sides.private))


class Sending(Index):
    """An index whose page of a name is somewhere else: on another server, or here."""

    def __init__(self) -> None:
        self.to: dict[str, str] = {}
        super().__init__()

    def answer(self, request: Request) -> Reply:
        if onward := self.to.get(request.path):
            return Reply(HTTPStatus.FOUND, headers={"Location": onward})
        return super().answer(request)


def test_an_index_sends_a_name_on(sides: Sides) -> None:
    """To the public one, as some do for what they have not: refused, also for a build. Within itself it is followed."""
    with Sending() as sending:
        sending.add("acme-core", "1.0")
        sides.private = sending
        sending.to = {"/simple/acme/": f"{sides.public.url}acme/"}
        told = sides.refused("alpha", "acme")
        assert (
            told.message
            == f"'acme' is bound to the index 'internal', which sends it on to http://{sides.public.address}"
        )
        assert told.where
        assert told.where.line == 6
        sides.public.add_file(*learned("built", built_with=["acme"]))
        told = sides.refused("built")
        assert (
            told.message
            == f"'acme' is bound to the index 'internal', which sends it on to http://{sides.public.address}"
        )
        sending.to = {"/simple/acme-core/": f"{sending.url}acme_core/", "/simple/acme_core/": "../acme-core/index.html"}
        assert sides.refused("acme-core").message == f"no package is named 'acme-core' in {sending.url}"
        sending.to = {"/simple/acme-core/": f"{sending.url}acme-core"}
        sides.on_host({})
        assert versions(sides.pins("acme-core")) == {"acme-core": "1.0"}


class Wavering(Sending):
    """An index that answers a page's first questions in another way than those that come later."""

    def __init__(self, *first: Reply) -> None:
        self._first = list(first)
        super().__init__()

    def answer(self, request: Request) -> Reply:
        if self._first and request.path in self.to:
            return self._first.pop(0)
        return super().answer(request)


_PAGE = {"Content-Type": "text/html"}
_JSON = "application/vnd.pypi.simple.v1+json"
_WAVERS = {
    "fails": (Reply(HTTPStatus.SERVICE_UNAVAILABLE), "which sends it on to"),
    "hangs up": (Reply(hangs_up=True), "which sends it on to"),
    "has none": (Reply(HTTPStatus.NOT_FOUND), "no package is named 'acme-core'"),
    "has an empty page": (Reply(HTTPStatus.OK, b"<!DOCTYPE html>", _PAGE), "no package is named 'acme-core'"),
    "has a page that is none": (Reply(HTTPStatus.OK, b"{", {"Content-Type": _JSON}), "no package is named 'acme-core'"),
    "refuses": (Reply(HTTPStatus.FORBIDDEN), "(403 Forbidden)"),
}


@pytest.mark.parametrize("way", _WAVERS)
@pytest.mark.parametrize("root", ["acme-core", "built"])
def test_an_index_sends_a_name_on_later(sides: Sides, way: str, root: str) -> None:
    """What came is held against what the index itself has answered, also where it was no answer at first."""
    sides.public.add_file(*learned("built", built_with=["acme-core"]))
    reply, words = _WAVERS[way]
    with Wavering(reply) as wavering:
        wavering.to = {"/simple/acme-core/": f"{sides.public.url}acme-core/"}
        sides.private = wavering
        told = sides.refused(root)
    assert words in told.message
    assert told.where
    assert told.where.path == "manifests/k.yaml"


def test_an_index_has_a_page_and_sends_on_later(sides: Sides) -> None:
    """What came all the same was looked at, and is not taken: it is held against the page that was there before."""
    reply = Reply(HTTPStatus.OK, b"<a href='../../files/acme_core-0.1.tar.gz'>acme_core-0.1.tar.gz</a>", _PAGE)
    with Wavering(reply) as wavering:
        wavering.to = {"/simple/acme-core/": f"{sides.public.url}acme-core/"}
        sides.private = wavering
        told = sides.refused("acme-core")
    assert "'acme-core' is bound to the index 'internal', which does not offer http" in told.message
    assert told.where
    assert told.where.line == 5
    sides.public.requests.clear()
    sides.mark.unlink()


def test_an_index_fails_once(sides: Sides) -> None:
    """It is asked again; what it has is what it then says."""
    with Wavering(Reply(HTTPStatus.SERVICE_UNAVAILABLE), Reply(hangs_up=True)) as wavering:
        wavering.add("acme-core", "1.0")
        wavering.to = {"/simple/acme-core/": f"{wavering.url}acme-core"}
        sides.private = wavering
        assert versions(sides.pins("acme-core")) == {"acme-core": "1.0"}


def test_an_index_names_its_files_in_json(sides: Sides) -> None:
    """By URLs that lead from its page to where they lie."""
    with Index() as store, Ailing(Reply()) as pages:
        name = store.add("acme-core", "3.0")
        data = store.answer(Request("GET", f"/files/{name}", {})).body
        entry = {"filename": name, "url": f"{place(store)}/files/{name}", "hashes": {"sha256": _sha256(data)}}
        body = json.dumps({"meta": {"api-version": "1.0"}, "name": "acme-core", "files": [entry]}).encode()
        pages._reply = Reply(HTTPStatus.OK, body, {"Content-Type": _JSON})  # noqa: SLF001
        sides.private = pages
        (pin,) = sides.pins("acme-core").pins
    assert pin.url == f"{place(store)}/files/{name}"


class Ailing(Index):
    """An index that answers each page alike."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        super().__init__()

    def answer(self, request: Request) -> Reply:  # noqa: ARG002 - whatever is asked for
        return self._reply


AILMENTS = {
    "gone": (Reply(HTTPStatus.NOT_FOUND), "no package is named 'acme' in "),
    "locked": (Reply(HTTPStatus.UNAUTHORIZED), " wants credentials that it was not given (401 Unauthorized)"),
    "forbidden": (Reply(HTTPStatus.FORBIDDEN), " wants credentials that it was not given (403 Forbidden)"),
    "harmed": (Reply(HTTPStatus.GONE), "no package is named 'acme' in "),
    "empty": (
        Reply(HTTPStatus.OK, b"<!DOCTYPE html><html><body></body></html>", _PAGE),
        "no package is named 'acme' in ",
    ),
    "of another kind": (Reply(HTTPStatus.OK, b"%PDF", {"Content-Type": "application/pdf"}), " is no index that can"),
}


@pytest.mark.parametrize("side", AILMENTS)
def test_an_index_ails(sides: Sides, side: str) -> None:
    """However it fails, no other is asked: for what is asked for, and for what a build asks for."""
    reply, words = AILMENTS[side]
    sides.public.add_file(*learned("built", built_with=["acme"]))
    with Ailing(reply) as ailing:
        sides.private = ailing
        told = sides.refused("acme")
        assert words in told.message
        assert told.where
        assert told.where.line in {4, 5}
        assert sides.refused("built").message


def test_an_index_is_down(sides: Sides) -> None:
    """The same where nothing answers."""
    sides.public.add("asks", "1.0", requires=["acme"])
    sides.public.add_file(*learned("built", built_with=["acme"]))
    sides.asked.host["UV_HTTP_TIMEOUT"] = "2"
    sides.private.close()
    for root in ("asks", "built"):
        assert sides.refused(root).message.startswith("nothing answers at 127.0.0.1")


def test_an_index_has_its_files_elsewhere(sides: Sides) -> None:
    """A page of its own may name files of another server, as large indexes do; its hash is what is locked."""
    with Index() as store, Ailing(Reply()) as pages:
        name = store.add("acme-core", "3.0")
        body = store.answer(Request("GET", "/simple/acme-core/", {})).body
        body = body.replace(b"../../files/", f"{place(store)}/files/".encode())
        pages._reply = Reply(HTTPStatus.OK, body, _PAGE)  # noqa: SLF001
        sides.private = pages
        (pin,) = sides.pins("acme-core").pins
    assert pin.url == f"{place(store)}/files/{name}"
    assert pin.sha256 in body.decode()


HOSTS = {
    "an index of uv": {"UV_INDEX": "{public}"},
    "an index of uv by the same name": {"UV_INDEX": "internal={public}"},
    "an extra index of uv": {"UV_EXTRA_INDEX_URL": "{public}"},
    "a strategy of uv": {"UV_EXTRA_INDEX_URL": "{public}", "UV_INDEX_STRATEGY": "unsafe-best-match"},
    "constraints of uv": {
        "UV_OVERRIDE": "{home}/list",
        "UV_CONSTRAINT": "{home}/list",
        "UV_BUILD_CONSTRAINT": "{home}/list",
    },
    "links of uv": {"UV_FIND_LINKS": "{files}"},
    "an extra index of pip": {"PIP_EXTRA_INDEX_URL": "{public}", "PIP_FIND_LINKS": "{files}"},
    "a configuration of pip": {"PIP_CONFIG_FILE": "{home}/pip.conf"},
    "a configuration of uv": {"UV_CONFIG_FILE": "{home}/uv.toml"},
    "a configuration of uv at home": {"XDG_CONFIG_HOME": "{home}"},
}
_UV_TOML = """
override-dependencies = ["acme==99"]
index-strategy = "unsafe-best-match"
[[index]]
name = "internal"
url = "{public}"
"""


@pytest.mark.parametrize("side", HOSTS)
def test_a_host_has_settings(sides: Sides, side: str) -> None:
    """Whatever its indexes, links, bounds and strategy are: none of them is for a bound name, nor for its build."""
    home = sides.asked.root.parent / "home"
    (home / "uv").mkdir()
    words = {"public": sides.public.url, "files": f"{place(sides.public)}/simple/acme/", "home": str(home)}
    (home / "list").write_text("acme==99\n")
    (home / "pip.conf").write_text("[global]\nextra-index-url = {public}\nfind-links = {files}\n".format(**words))
    for path in (home / "uv.toml", home / "uv/uv.toml"):
        path.write_text(_UV_TOML.format(**words))
    sides.on_host({name: value.format(**words) for name, value in HOSTS[side].items()})
    sides.public.add_file(*learned("built", built_with=["acme"]))
    assert places(sides.pins("built", "acme")) == dict.fromkeys(("acme", "acme-core"), place(sides.private))


@pytest.mark.parametrize("kind", ["folder", "page"])
def test_links_have_it_too(sides: Sides, kind: str) -> None:
    """A newer wheel and a newer source among `find_links`: not for what is asked for, nor for what a build asks for."""
    folder = sides.asked.root / "wheels"
    folder.mkdir()
    found = [wheel_bytes("acme", "50"), sdist_bytes("acme", "60"), learned("built", built_with=["acme"])]
    with Index() as links:
        for name, data in found:
            (folder / name).write_bytes(data)
            links.add_file(name, data)
        link = "../wheels" if kind == "folder" else f"{links.url}acme/"
        sides.public.add_file(*found[-1])
        pins = sides.pins("built", "acme", more=f", find_links: ['{link}']")
        assert places(pins)["acme"] == place(sides.private)
        assert not [path for path in links.requests if path.startswith("/files/acme-")]
        sides.private.close()
        assert sides.refused("acme", more=f", find_links: ['{link}']").message.startswith("nothing answers at")


def test_conda_brings_it(sides: Sides) -> None:
    """Then it is conda's in the environment; and what a build asks for is still of its own index."""
    sides.public.add_file(*learned("built", built_with=["acme"], needs=["acme"]))
    text = pip("built", conda=("python =3.11",), more=sides.bound())
    assert versions(sides.asked.pins(text, conda_pin("acme", "1.5"))) == {"built": "1.0"}
    assert "/files/acme-1.0-py3-none-any.whl" in sides.private.requests


@pytest.mark.parametrize("name", ["pip", "setuptools", "wheel"])
def test_what_builds_is_bound_itself(sides: Sides, name: str) -> None:
    """A tool that every source asks for is a name like any other."""
    sides.public.add(name, "999")
    sides.private.add(name, "1.0")
    sides.public.add_file(*learned("built", built_with=[name]))
    indexes = f"{{internal: {{url: '{sides.private.url}', packages: [{name}]}}}}"
    sides.asked.pins(pip("built", conda=("python =3.11",), more=f"pip: {{indexes: {indexes}}}"))
    assert f"/files/{name}-1.0-py3-none-any.whl" in sides.private.requests
    assert not [path for path in sides.public.requests if f"{name}-999" in path or path == f"/simple/{name}/"]


@pytest.fixture
def bound(sides: Sides, project: Project) -> Project:
    """A project in which the manifest `base` binds the names."""
    project.write("manifests/base.yaml", f"pip: {{index_url: '{sides.public.url}', indexes: {sides.indexes}}}\n")
    return project


def write(project: Project, *items: str, more: str = "", name: str = "a") -> None:
    listed = "".join(f"  - {json.dumps(item)}\n" for item in items)
    project.write(f"manifests/{name}.yaml", f"extends: base\ndependencies:\n- python =3.11\n- pip:\n{listed}{more}")


def locked(project: Project, name: str = "a") -> dict[str, str]:
    path = f"locks/{name}.conda-lock.yml"
    return places(read_lock(path, project.read(path)).pins["linux-64"])


LINES = {
    "a parent binds it": ("acme",),
    "an option of pip": ("--extra-index-url {public}", "--pre", "acme"),
    "a file": ("-r ../asks.txt",),
    "a file of bounds": ("-c ../bounds.txt", "acme"),
}


@pytest.mark.parametrize("side", LINES)
def test_manifests_and_files_ask_for_it(sides: Sides, bound: Project, side: str) -> None:
    """Whoever asks, and whichever index the asking names beside."""
    bound.write("asks.txt", f"--extra-index-url {sides.public.url}\nAcme >= 0.5\n")
    bound.write("bounds.txt", "acme < 50\n")
    write(bound, *(item.format(public=sides.public.url) for item in LINES[side]), more="platforms: [linux-64]\n")
    bound.run("lock")
    assert locked(bound) == dict.fromkeys(("acme", "acme-core"), place(sides.private))


def test_an_upgrade_and_an_edited_lock(sides: Sides, bound: Project, index: Index) -> None:
    """The first asks its own index again; the second is noticed, and nothing is installed from it."""
    write(bound, "acme", more="platforms: [linux-64]\n")
    bound.run("lock")
    sides.private.add("acme", "1.5")
    bound.run("lock", "--upgrade")
    assert locked(bound)["acme"] == place(sides.private)
    text = bound.read("locks/a.conda-lock.yml")
    assert "acme-1.5" in text
    bound.write(
        "locks/a.conda-lock.yml",
        text.replace(f"{place(sides.private)}/files/acme-1.5", f"{place(index)}/files/acme-99"),
    )
    told = bound.run("apply", "--locked", check=None)
    assert "edited by hand or by a merge" in told.out + told.err
    assert not (bound.path / ".envbuild/prefixes").exists()


def test_a_file_of_that_name_and_version_lies_in_the_cache(bound: Project, tmp_path: Path) -> None:
    """Of the public index, from a time before it was bound: what is installed is what the own index has."""
    with Index() as other:
        other.add("acme-core", "1.0", modules={"acme_core/__init__.py": "__version__ = 'public'\n"})
        env = {"UV_CACHE_DIR": str(tmp_path / "warm")}
        bound.write(
            "manifests/before.yaml", f"pip: {{index_url: '{other.url}'}}\ndependencies: [{{pip: [acme-core]}}]\n"
        )
        bound.run("apply", "before", env=env)
    write(bound, "acme-core")
    bound.run("apply", "a", env=env)
    shown = bound.run("run", "a", "--", "python", "-c", "import acme_core; print(acme_core.__version__)", env=env)
    assert shown.out == "1.0\n"


def test_an_installation_builds(sides: Sides, bound: Project, tmp_path: Path) -> None:
    """What is built there is built with names of their own index; if that is gone, it is not built."""
    sides.public.add("sourced", "1.0")
    sides.public.add_file(*learned("sourced", built_with=["acme-build"]))
    write(bound, "sourced", more="pip: {no_binary: [sourced]}\n")
    bound.run("lock")
    bound.run("apply", env={"UV_CACHE_DIR": str(tmp_path / "cold")})
    assert "/files/acme_build-1.0-py3-none-any.whl" in sides.private.requests
    bound.write("manifests/base.yaml", bound.read("manifests/base.yaml") + "setup: ['true']\n")
    sides.private.close()
    told = bound.run("apply", check=1, env={"UV_CACHE_DIR": str(tmp_path / "colder")})
    assert "sourced is built with 'acme-build', which the index 'internal' could not give" in told.out + told.err
    assert "manifests/base.yaml:1:" in told.out + told.err


@pytest.mark.parametrize("editable", ["", "-e "])
@pytest.mark.parametrize("dynamic", [[], ["dependencies"]])
def test_a_folder_of_the_project(sides: Sides, bound: Project, editable: str, dynamic: list[str]) -> None:
    """Its settings of uv are nothing, and its build is like any other."""
    url = f"{place(sides.public)}/files/acme-100.tar.gz"
    more = f"[tool.uv.sources]\nacme = {{url = '{url}'}}\nacme-build = {{url = '{url}'}}\n"
    write_package(bound, "one", "one", needs=["acme"], dynamic=dynamic, more=more)
    text = bound.read("one/pyproject.toml")
    bound.write("one/pyproject.toml", text.replace("requires = []", 'requires = ["acme-build"]'))
    write(bound, f"{editable}../one")
    bound.run("apply")
    assert locked(bound) == dict.fromkeys(("acme", "acme-core"), place(sides.private))
    assert "/files/acme_build-1.0-py3-none-any.whl" in sides.private.requests


@pytest.mark.parametrize("dynamic", [[], ["dependencies"]])
def test_a_folder_of_the_project_wants_it_from_a_url(sides: Sides, bound: Project, dynamic: list[str]) -> None:
    """Refused at the line that asks for the folder."""
    wish = f"acme@{place(sides.public)}/files/acme-100.tar.gz"
    write_package(bound, "one", "one", needs=[wish], dynamic=dynamic)
    write(bound, "../one")
    told = bound.run("lock", check=1).err
    assert "manifests/a.yaml:5:5: one wants 'acme" in told
    assert "'acme' is bound to the index 'internal'" in told


def test_one_of_a_group_does_not_bind_it(sides: Sides, bound: Project) -> None:
    """Its mates would take the name from elsewhere: all of a group have the same sources."""
    write(bound, "acme", more="solve_group: g\n")
    other = f"pip: {{index_url: '{sides.public.url}'}}\ndependencies: [python =3.11, {{pip: [acme]}}]\n"
    bound.write("manifests/b.yaml", f"solve_group: g\n{other}")
    told = bound.run("lock", check=1).err
    assert "the solve_group 'g' cannot be solved as one: " in told
    assert "indexes" in told


@pytest.mark.parametrize("key", ["constraints", "overrides"])
def test_what_a_limit_names_by_a_url_is_heard(sides: Sides, key: str) -> None:
    """It may name a URL for a bound name in turn: nothing of that is fetched, and the package is told."""
    files = sides.public.url.removesuffix("simple/") + "files"
    file = sides.public.add("helper", "1.0", requires=[f"acme @ {files}/acme-100.tar.gz"])
    told = sides.refused("acme", "helper", top=f"{key}: [{{pip: ['helper @ {files}/{file}']}}]")
    assert told.message.startswith("helper wants 'acme @ ")
