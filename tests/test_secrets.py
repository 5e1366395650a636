"""P17, P26: secrets by name open channels and indexes, each its own origin, and stand in nothing that is written."""

import base64
import json
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from support.channelled import prefix_of, write_conda
from support.condachannel import Channel, ServedChannel, redirected
from support.condapkg import Archive, Package
from support.condaworld import manifest, settings, versions, world
from support.index import Index
from support.loopback import Login, Loopback, Reply, Request, basic
from support.project import Project
from support.wheels import sdist_bytes

from envbuild.solvers.logins import Login as Kept

TOKEN = "CANARY/t@ken 1"  # noqa: S105
ENV = {"ACME_TOKEN": TOKEN}
LOGINS = {
    "basic": Login(basic("__token__", TOKEN)),
    "bearer": Login(f"Bearer {TOKEN}"),
    "path": Login(path=f"/t/{quote(TOKEN, safe='')}"),
}
LOCK = "locks/k.conda-lock.yml"


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    return world(tmp_path / "channel")


@pytest.fixture(params=LOGINS)
def private(request: pytest.FixtureRequest, channel: Channel) -> Iterator[tuple[str, ServedChannel]]:
    """A channel for each way that a secret is sent."""
    with ServedChannel(channel.folder, login=LOGINS[request.param]) as served:
        yield request.param, served


@pytest.fixture
def closed() -> Iterator[Index]:
    with Index(login=LOGINS["basic"]) as index:
        index.add("acme", "1.0")
        yield index


def secret(*places: str, more: str = "", source: str = "env: ACME_TOKEN") -> str:
    listed = ", ".join(f"'{place}'" for place in places)
    return f"secrets:\n  acme: {{{source}, for: [{listed}]{more}}}\n"


def origin(server: Loopback) -> str:
    return f"http://{server.address}"


def authorizations(served: Loopback) -> set[str | None]:
    return {one.headers.get("authorization") for one in served.log}


def traces(*folders: Path, canary: str = TOKEN) -> list[str]:
    """Find the canary in names and contents of all files, in every form that it could take."""
    pairs = (f"{user}:{canary}" for user in ("__token__", "me"))
    encoded = (base64.b64encode(one.encode()).decode() for one in (canary, *pairs))
    forms = [canary, quote(canary), quote(canary, safe=""), json.dumps(canary)[1:-1], "CANARY", *encoded]
    found = []
    for path in (path for folder in folders for path in folder.rglob("*")):
        whole = path.read_bytes() if path.is_file() else b""
        if any(form in str(path) or form.encode() in whole for form in forms):
            found.append(str(path))
    return found


def private_index(project: Project, index: Index, settings: str, *roots: str) -> None:
    project.write("envbuild.yaml", f"platforms: [linux-64]\n{settings}")
    project.write("manifests/k.yaml", f"pip:\n  index_url: {index.url}\ndependencies:\n  - pip: [{', '.join(roots)}]\n")


def test_a_secret_opens_a_channel(project: Project, private: tuple[str, ServedChannel], tmp_path: Path) -> None:
    """However it is sent; the lock has plain URLs, and what was locked is current for who does not have it."""
    way, served = private
    settings(project, served.url, more=secret(origin(served), more=f", as: {way}"))
    manifest(project, "k", "libfoo", "pure")
    run = project.run("lock", "-v", env=ENV)
    assert versions(project)["libfoo"] == "2.0"
    assert f"{served.url}/linux-64/libfoo-2.0-" in project.read(LOCK)
    assert traces(tmp_path) == []
    assert "CANARY" not in run.out + run.err
    assert project.run("lock").out == "Lock: 1 current.\n"
    project.run("lock", "--check")


@pytest.mark.parametrize("way", LOGINS)
def test_a_secret_opens_packages(project: Project, tmp_path: Path, conda_python: Archive, way: str) -> None:
    """They are fetched as they were locked; a second apply needs neither secret nor channel."""
    channel = Channel(tmp_path / "channel", conda_python, Package(name="data"))
    with ServedChannel(channel.folder, login=LOGINS[way]) as served:
        write_conda(project, "k", served.url, "python", "data")
        project.write("envbuild.yaml", secret(served.url if way == "bearer" else origin(served), more=f", as: {way}"))
        run = project.run("apply", "-v", env=ENV)
        assert any(one.path.endswith(".conda") for one in served.log)
    again = project.run("apply")
    assert again.out.splitlines()[-1].startswith("No changes.")
    assert traces(tmp_path) == []
    assert "CANARY" not in run.out + run.err
    assert prefix_of(project, "k").is_dir()


@pytest.mark.parametrize("way", ["basic", "bearer"])
def test_a_secret_opens_an_index(project: Project, tmp_path: Path, way: str) -> None:
    """Its pages, its files, and what a source needs to be built; nothing that is written or run shows it."""
    with Index(login=LOGINS[way]) as index:
        index.add("acme", "1.0", requires=["core"])
        index.add_file(*sdist_bytes("core", "1.0"))
        private_index(project, index, secret(index.url.removesuffix("simple/"), more=f", as: {way}"), "acme")
        own = {**ENV, "UV_CACHE_DIR": str(tmp_path / "uv")}
        with watched() as seen:
            run = project.run("apply", "-v", env=own)
        told = project.json("plan"), project.json("show", "k"), project.json("history", "k")
    assert [one for one in seen if "CANARY" in one] == []
    assert any("pip\0compile" in one for one in seen)
    assert any("pip\0install" in one for one in seen)
    assert traces(tmp_path) == []
    assert "CANARY" not in run.out + run.err + str(told)


class Parted(Index):
    """Two indexes on one host, each below a path of its own, and each with a password of its own."""

    def __init__(self, parts: Mapping[str, Index]) -> None:
        self._parts = parts
        super().__init__()

    def answer(self, request: Request) -> Reply:
        part, _, rest = request.path.removeprefix("/").partition("/")
        if request.headers.get("authorization") != basic("me", f"CANARY-{part}"):
            return Reply(HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": 'Basic realm="all of it"'})
        return self._parts[part].answer(replace(request, path=f"/{rest}"))


def test_two_secrets_for_two_paths_of_one_host(project: Project, tmp_path: Path) -> None:
    """Each goes to its own path, for pages, for files, and for what is bound; who is wrong is named."""
    env = {"A": "CANARY-a", "B": "CANARY-b", "C": "CANARY-c", "UV_CACHE_DIR": str(tmp_path / "uv")}
    with Index() as first, Index() as second, Parted({"a": first, "b": second}) as both:
        first.add("alpha", "1.0")
        second.add("beta", "1.0")
        host = both.url.removesuffix("/simple/")
        named = [f"{one}: {{env: {one.upper()}, for: ['{host}/{one}'], user: me}}" for one in "ab"]
        project.write("envbuild.yaml", f"platforms: [linux-64]\nsecrets: {{{', '.join(named)}}}\n")
        own = f"indexes: {{own: {{url: '{host}/b/simple/', packages: [beta]}}}}"
        for more in (f"extra_index_urls: ['{host}/b/simple/']", own):
            manifest = f"pip: {{index_url: '{host}/a/simple/', {more}}}\ndependencies: [pip: [alpha, beta]]\n"
            project.write("manifests/k.yaml", manifest)
            own_places = {name: str(tmp_path / f"{name}-{len(more)}") for name in ("UV_CACHE_DIR", "ENVBUILD_STORE")}
            with watched() as seen:
                project.run("lock", "--upgrade", env=env)
                project.run("apply", env={**env, **own_places})
            assert [one for one in seen if "CANARY" in one] == []
            assert f"{host}/a/files/alpha-1.0" in project.read("locks/k.conda-lock.yml")
            assert f"{host}/b/files/beta-1.0" in project.read("locks/k.conda-lock.yml")
            shutil.rmtree(project.path / ".envbuild")
        project.write("manifests/k.yaml", project.read("manifests/k.yaml").replace("[alpha", "[gamma, alpha"))
        told = project.run("lock", env={**env, "B": "CANARY-wrong"}, check=1).err
        assert "the secret 'b' (401" in told
        named = [one.replace("user: me", "as: bearer") for one in named]
        project.write("envbuild.yaml", f"platforms: [linux-64]\nsecrets: {{{', '.join(named)}}}\n")
        unbound = manifest.replace(own, f"extra_index_urls: ['{host}/b/simple/']").replace("[alpha", "[gamma, alpha")
        project.write("manifests/k.yaml", unbound)
        told = project.run("lock", env=env, check=1).err
        assert "and uv keeps one token for each host" in told
    assert traces(tmp_path, canary="CANARY-a") == []


class Repeating(Index):
    """An index that sends on to where its visitor's token is part of the place, once it is told to."""

    repeats = False

    def answer(self, request: Request) -> Reply:
        if self.repeats and request.path.startswith("/files/"):
            return Reply(HTTPStatus.FOUND, headers={"Location": f"/lost/{TOKEN}/file"})
        return super().answer(request)


def test_what_an_index_repeats_is_in_no_log(project: Project, tmp_path: Path) -> None:
    """What uv says goes to the log line by line, without what it was shown."""
    with Repeating(login=LOGINS["basic"]) as index:
        index.add("acme", "1.0")
        private_index(project, index, secret(index.url.removesuffix("simple/")), "acme")
        own = {**ENV, "UV_CACHE_DIR": str(tmp_path / "uv"), "UV_HTTP_RETRIES": "0"}
        project.run("lock", env=own)
        index.repeats = True
        run = project.run("apply", "-v", env=own, check=1)
        log = project.run("logs", "k").out
    assert "/lost/***/file" in log
    assert traces(tmp_path) == []
    assert "CANARY" not in run.out + run.err + log


def test_what_was_fetched_needs_no_secret_again(project: Project, tmp_path: Path, conda_python: Archive) -> None:
    """From the caches alone: who has neither the secret nor a network builds what is locked."""
    channel = Channel(tmp_path / "channel", conda_python, Package(name="data"), Package(name="pip"))
    own: dict[str, str | None] = {**ENV, "UV_CACHE_DIR": str(tmp_path / "uv")}
    with ServedChannel(channel.folder, login=LOGINS["basic"]) as served, Index(login=LOGINS["basic"]) as index:
        index.add("acme", "1.0")
        more = f"  - pip: [acme]\npip: {{index_url: '{index.url}'}}\n"
        write_conda(project, "k", served.url, "python", "data", more=more)
        project.write("envbuild.yaml", secret(origin(served), origin(index)))
        project.run("apply", env=own)
    shutil.rmtree(project.environ["ENVBUILD_STORE"])
    project.run("apply", env={"UV_CACHE_DIR": own["UV_CACHE_DIR"]})
    assert project.run("run", "k", "--", "python", "-c", "import acme; print(acme.__version__)").out == "1.0\n"


@contextmanager
def watched() -> Iterator[set[str]]:
    """What programs are run with, by everybody on this machine, as often as can be looked."""
    seen: set[str] = set()
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.002):
            for number in (path.name for path in Path("/proc").iterdir() if path.name.isdecimal()):
                try:
                    seen.add(Path("/proc", number, "cmdline").read_text(errors="replace"))
                except OSError:
                    continue

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


@pytest.mark.parametrize("kind", ["extra", "bound", "direct", "links", "host"])
def test_whatever_leads_to_a_place_a_secret_is_for(project: Project, closed: Index, index: Index, kind: str) -> None:
    """Extra and bound indexes, files by their URLs, pages of links, and the host's index whoever it says to be."""
    page, file = closed.url + "acme/", closed.url.replace("simple/", "files/acme-1.0-py3-none-any.whl")
    stated = {
        "extra": f"  extra_index_urls: ['{closed.url}']\n",
        "bound": f"  indexes:\n    own: {{url: '{closed.url}', packages: [acme]}}\n",
        "direct": "",
        "links": f"  find_links: ['{page}']\n",
        "host": "",
    }
    root = f"acme @ {file}" if kind == "direct" else "acme"
    default = "" if kind == "host" else f"  index_url: {index.url}\n"
    pip = f"pip:\n{default}{stated[kind]}" if default else ""
    project.write("envbuild.yaml", f"platforms: [linux-64]\n{secret(origin(closed))}")
    project.write("manifests/k.yaml", f"{pip}dependencies:\n  - pip: ['{root}']\n")
    host = {"UV_DEFAULT_INDEX": closed.url.replace("//", "//somebody:else@")} if kind == "host" else {}
    own = {"UV_INDEX_OWN_USERNAME": "somebody", "UV_INDEX_OWN_PASSWORD": "else"} if kind == "bound" else {}
    project.run("apply", env={**ENV, **host, **own})
    assert "acme-1.0" in project.read(LOCK)
    assert authorizations(closed) <= {None, basic("__token__", TOKEN)}
    assert authorizations(index) <= {None}


@pytest.mark.parametrize("kind", ["own", "extra", "bound"])
def test_what_a_secret_is_for_is_never_asked_without_it(project: Project, index: Index, kind: str) -> None:
    """An index that is open may show strangers less."""
    stated = {
        "own": "  index_url: '{url}'\n",
        "extra": f"  index_url: {index.url}\n  extra_index_urls: ['{{url}}']\n",
        "bound": f"  index_url: {index.url}\n  indexes:\n    own: {{{{url: '{{url}}', packages: [acme]}}}}\n",
    }
    with Index() as shy:
        shy.add("acme", "1.0")
        project.write("envbuild.yaml", f"platforms: [linux-64]\n{secret(origin(shy))}")
        project.write("manifests/k.yaml", f"pip:\n{stated[kind].format(url=shy.url)}dependencies:\n  - pip: [acme]\n")
        project.run("apply", env=ENV)
        project.run("lock", "--outdated", env=ENV)
        assert authorizations(shy) == {basic("__token__", TOKEN)}


def test_a_user_and_a_password(project: Project, channel: Channel) -> None:
    """`user` names who it is the password of; without one, a value `USER:PASSWORD` says both."""
    with ServedChannel(channel.folder, auth=("me", TOKEN)) as served:
        manifest(project, "k", "libfoo")
        for more, value in ((", user: me", TOKEN), ("", f"me:{TOKEN}")):
            settings(project, served.url, more=secret(origin(served), more=more))
            project.run("lock", "--upgrade", env={"ACME_TOKEN": value})
        assert authorizations(served) == {basic("me", TOKEN)}


@pytest.mark.parametrize("place", ["project", "home", "absolute"])
def test_a_secret_in_a_file(project: Project, channel: Channel, tmp_path: Path, place: str) -> None:
    """Of the project, where git does not see it, of the home, or anywhere; a last line break is none of it."""
    path = {"project": project.path / "own", "home": Path(project.environ["HOME"], "own"), "absolute": tmp_path / "own"}
    stated = {"project": "own", "home": "~/own", "absolute": str(tmp_path / "own")}
    path[place].write_text(f"{TOKEN}\n")
    with ServedChannel(channel.folder, login=LOGINS["bearer"]) as served:
        settings(project, served.url, more=secret(origin(served), source=f"file: {stated[place]}", more=", as: bearer"))
        manifest(project, "k", "libfoo")
        project.run("lock")
    assert versions(project)["libfoo"] == "2.0"


_NOTHING = {
    "variable": ("env: ACME_TOKEN", None, "the variable ACME_TOKEN is not set"),
    "empty": ("env: ACME_TOKEN", "", "the variable ACME_TOKEN is not set"),
    "file": ("file: own", None, "the file own cannot be read: No such file or directory"),
    "line break": ("file: own", "\n", "the file own is empty"),
    "large": ("file: own", "x" * 70_000, "the file own is too large"),
    "folder": ("file: manifests", None, "the file manifests is none"),
}


@pytest.mark.parametrize("kind", _NOTHING)
@pytest.mark.parametrize("asks", ["channel", "index"])
def test_a_secret_without_a_value_is_told(
    project: Project, channel: Channel, closed: Index, kind: str, asks: str
) -> None:
    """Which secret, and where it should have come from, before anybody is asked; who does not ask there needs none."""
    source, value, told = _NOTHING[kind]
    if source == "file: own" and value is not None:
        project.write("own", value)
    with ServedChannel(channel.folder, login=LOGINS["basic"]) as served, ServedChannel(channel.folder) as other:
        if asks == "channel":
            settings(project, served.url, more=secret(origin(served), source=source))
            manifest(project, "k", "libfoo")
        else:
            private_index(project, closed, secret(origin(closed), source=source), "acme")
        write_conda(project, "free", other.url, "pure")
        run = project.run("lock", check=1, env={"ACME_TOKEN": value} if source.startswith("env") else {})
        line = 4 if asks == "channel" else 3
        assert f"envbuild.yaml:{line}:3: the secret 'acme' has no value: {told}\n" in run.err
        assert "free  solved" in run.out
        assert (served.log, closed.log) == ([], [])


@pytest.mark.parametrize("asks", ["channel", "index", "packages", "files"])
def test_a_wrong_value_is_told(project: Project, channel: Channel, tmp_path: Path, asks: str) -> None:
    """Which secret, and who does not take it: at the line that names it, without the value."""
    wrong = {"ACME_TOKEN": "CANARY-wrong", "UV_CACHE_DIR": str(tmp_path / "uv")}
    with ServedChannel(channel.folder, auth=("__token__", TOKEN)) as served, Index(login=LOGINS["basic"]) as index:
        index.add("acme", "1.0")
        server: Loopback = served if asks in {"channel", "packages"} else index
        if server is served:
            settings(project, served.url, more=secret(origin(served)), platforms="[linux-64]")
            manifest(project, "k", "libfoo")
        else:
            private_index(project, index, secret(origin(index)), "acme")
        right = {**ENV, "UV_CACHE_DIR": str(tmp_path / "other")}
        if asks in {"packages", "files"}:
            project.run("lock", env=right)
        run = project.run("apply" if asks in {"packages", "files"} else "lock", check=1, env=wrong)
    assert f"{server.address} does not take the secret 'acme' (401 Unauthorized)" in run.err
    assert "hint: look at the variable ACME_TOKEN: what it holds may be wrong, or old" in run.err
    assert "CANARY" not in run.out + run.err
    assert traces(tmp_path, canary="CANARY-wrong") == []


def test_what_is_missing_is_told_with_both_ways(project: Project, closed: Index) -> None:
    """An index that wants to know who asks, and nobody said: where it is asked for, and where it may be said."""
    private_index(project, closed, "", "acme")
    run = project.run("lock", check=1)
    assert (
        f"manifests/k.yaml:2:14: {closed.address} wants credentials that it was not given (401 Unauthorized)" in run.err
    )
    assert "netrc file: 'machine 127.0.0.1 login ... password ...', or under 'secrets' in envbuild.yaml" in run.err


@pytest.mark.parametrize("way", ["basic", "bearer"])
def test_a_redirect_of_a_channel_takes_nothing_along(project: Project, channel: Channel, way: str) -> None:
    """P17: another port of the same host is another origin; what is there is had without."""
    with ServedChannel(channel.folder, login=LOGINS[way]) as served, ServedChannel(channel.folder) as other:
        served.fault("*", redirected(other.url))
        settings(project, served.url, more=secret(origin(served), more=f", as: {way}"))
        manifest(project, "k", "libfoo")
        project.run("lock", env=ENV)
        assert LOGINS[way].header in authorizations(served)
        assert other.log
        assert authorizations(other) == {None}
        assert "CANARY" not in str(other.log)


def test_a_token_in_a_path_is_told_to_nobody_else(project: Project, channel: Channel) -> None:
    """P17: a client that follows a redirect says where it comes from, and there the token stands."""
    with ServedChannel(channel.folder, login=LOGINS["path"]) as served, ServedChannel(channel.folder) as other:
        served.fault("*", redirected(other.url))
        settings(project, served.url, more=secret(origin(served), more=", as: path"))
        manifest(project, "k", "libfoo")
        run = project.run("lock", check=1, env=ENV)
        assert other.log == []
        told = f"{served.address} sends on to {other.address}, which would be told the secret 'acme'"
        assert f"envbuild.yaml:4:3: {told}: it stands in the path" in run.err


def test_packages_may_lie_elsewhere(project: Project, tmp_path: Path, conda_python: Archive) -> None:
    """As those of channels with tokens do: they are asked for anew there, so that nobody learns where we come from."""
    channel = Channel(tmp_path / "channel", conda_python, Package(name="data"))
    with ServedChannel(channel.folder, login=LOGINS["path"]) as served, ServedChannel(channel.folder) as other:
        served.fault("*.conda", redirected(other.url))
        write_conda(project, "k", served.url, "python", "data")
        project.write("envbuild.yaml", secret(origin(served), more=", as: path"))
        project.run("apply", env=ENV)
        assert other.log
        assert "CANARY" not in str(other.log)


@pytest.mark.parametrize("way", ["basic", "bearer"])
def test_a_redirect_of_an_index_takes_nothing_along(project: Project, index: Index, way: str) -> None:
    """P17: neither its pages nor its files; also where a netrc file knows the host of both."""
    Path(project.environ["HOME"], ".netrc").write_text("machine 127.0.0.1 login me password CANARY\n")
    with _Leading(index, LOGINS[way]) as private:
        private_index(project, private, secret(origin(private), more=f", as: {way}"), "alpha")
        project.run("lock", env=ENV)
        assert LOGINS[way].header in authorizations(private)
        assert index.log
        assert authorizations(index) == {None}


class _Leading(Index):
    """An index that sends everybody on to another one."""

    def __init__(self, other: Index, login: Login) -> None:
        self._other = other.url.removesuffix("/simple/")
        super().__init__(login=login)

    def answer(self, request: Request) -> Reply:
        return Reply(302, headers={"Location": f"{self._other}{request.path}"})


def test_a_secret_goes_no_further_than_its_place(project: Project, channel: Channel) -> None:
    """Neither to another path of the host, nor to another port; the nearest place counts."""
    with ServedChannel(channel.folder) as served, ServedChannel(channel.folder, login=LOGINS["basic"]) as other:
        settings(
            project, served.url, other.url,
            more=f"secrets:\n  no: {{env: NO, for: ['{origin(other)}', '{served.url}/below', '{served.url[:-1]}']}}\n"
            f"  acme: {{env: ACME_TOKEN, for: ['{other.url}']}}\n",
        )  # fmt: skip
        manifest(project, "k", "libfoo")
        project.run("lock", env={**ENV, "NO": "CANARY"})
        assert authorizations(served) == {None}
        assert authorizations(other) == {basic("__token__", TOKEN)}


@pytest.mark.parametrize("kind", ["BasicHTTP", "BearerToken", "CondaToken"])
@pytest.mark.parametrize("place", ["home", "named", "wildcard"])
def test_rattler_s_own_store(project: Project, channel: Channel, tmp_path: Path, kind: str, place: str) -> None:
    """By its host, in the file of the home or the one that is named; a wildcard is for hosts that end so."""
    entry = {"BasicHTTP": {"username": "__token__", "password": TOKEN}}.get(kind, TOKEN)
    way = {"BasicHTTP": "basic", "BearerToken": "bearer", "CondaToken": "path"}[kind]
    path = tmp_path / "own.json" if place == "named" else Path(project.environ["HOME"], ".rattler/credentials.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"*.localhost" if place == "wildcard" else "127.0.0.1": {kind: entry}}))
    with ServedChannel(channel.folder, login=LOGINS[way]) as served:
        url = served.url.replace("127.0.0.1", "localhost") if place == "wildcard" else served.url
        settings(project, url)
        manifest(project, "k", "libfoo")
        project.run("lock", env={"RATTLER_AUTH_FILE": str(path)} if place == "named" else None)
    path.unlink()
    assert versions(project)["libfoo"] == "2.0"
    assert traces(tmp_path) == []


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("asks", ["channel", "index"])
def test_uv_s_own_store(project: Project, channel: Channel, tmp_path: Path, asks: str, named: object) -> None:
    """As `uv auth login` writes it: for indexes, and for a channel at the same place."""
    folder = tmp_path / "uv" if named else Path(project.environ["XDG_DATA_HOME"], "uv/credentials")
    folder.mkdir(parents=True)
    with ServedChannel(channel.folder, auth=("me", TOKEN)) as served, Index(auth=("me", TOKEN)) as index:
        index.add("acme", "1.0")
        server: Loopback = served if asks == "channel" else index
        entry = f'service = "{origin(server)}/"\nusername = "me"\nscheme = "basic"\npassword = "{TOKEN}"\n'
        (folder / "credentials.toml").write_text(f"[[credential]]\n{entry}")
        if asks == "channel":
            settings(project, served.url)
            manifest(project, "k", "libfoo")
        else:
            private_index(project, index, "", "acme")
        project.run("lock", env={"UV_CREDENTIALS_DIR": str(folder)} if named else None)
        assert basic("me", TOKEN) in authorizations(server)


def test_a_secret_stands_before_netrc_and_that_before_stores(project: Project, channel: Channel) -> None:
    """What is said in the project is meant for it; a machine's habits come after."""
    home = Path(project.environ["HOME"])
    (home / ".rattler").mkdir()
    (home / ".rattler/credentials.json").write_text(json.dumps({"127.0.0.1": {"BearerToken": "stored"}}))
    with ServedChannel(channel.folder) as served:
        manifest(project, "k", "libfoo")
        sent = []
        for entries, more in (
            ("", ""),
            ("machine 127.0.0.1 login me password netrc", ""),
            ("", secret(origin(served))),
        ):
            (home / ".netrc").write_text(entries or "machine 127.0.0.1 login me password netrc" if more else entries)
            settings(project, served.url, more=more)
            served.log.clear()
            project.run("lock", "--upgrade", env=ENV)
            sent.append(authorizations(served))
    assert sent == [{"Bearer stored"}, {basic("me", "netrc")}, {basic("__token__", TOKEN)}]


def test_netrc_is_the_same_to_indexes(project: Project, closed: Index, index: Index) -> None:
    """By host and port as well; and `default` is for nobody, as with channels."""
    path = Path(project.environ["HOME"], ".netrc")
    password = json.dumps(TOKEN)
    private_index(project, closed, "", "acme")
    path.write_text(f"machine {closed.address} login __token__ password {password}\ndefault login me password CANARY\n")
    project.run("lock")
    assert basic("__token__", TOKEN) in authorizations(closed)
    path.write_text(f"default login __token__ password {password}\n")
    closed.log.clear()
    project.run("lock", "--upgrade", check=1)
    assert authorizations(closed) == {None}
    assert authorizations(index) == set()


@pytest.mark.parametrize("said", ["netrc", "secret"])
def test_who_is_led_to_a_place_opens_it(project: Project, closed: Index, said: str) -> None:
    """Nobody names where an index has its pages or files: what is known of that place is sent there, and only there."""
    if said == "netrc":
        entry = f"machine {closed.address} login __token__ password {json.dumps(TOKEN)}\n"
        Path(project.environ["HOME"], ".netrc").write_text(entry)
    with _Leading(closed, Login()) as leading:
        private_index(project, leading, secret(origin(closed)) if said == "secret" else "", "acme")
        project.run("lock", env=ENV if said == "secret" else {})
        assert authorizations(leading) == {None}
        assert basic("__token__", TOKEN) in authorizations(closed)


def test_the_other_entries_of_netrc_stay(project: Project, closed: Index) -> None:
    """Where a secret is for one port of a host, what netrc has for that host still opens another."""
    Path(project.environ["HOME"], ".netrc").write_text("machine 127.0.0.1 login me password pw\n")
    with Index(auth=("me", "pw")) as other:
        other.add("core", "1.0")
        private_index(project, closed, secret(origin(closed)), "acme", "core")
        text = project.read("manifests/k.yaml")
        project.write("manifests/k.yaml", text.replace("depend", f"  extra_index_urls: ['{other.url}']\ndepend", 1))
        project.run("lock", env=ENV)
        assert basic("me", "pw") in authorizations(other)
        assert authorizations(closed) <= {None, basic("__token__", TOKEN)}


def test_nothing_depends_on_secrets(project: Project, closed: Index) -> None:
    """Another value, another way, another place: locks stay current, and nothing is built again."""
    private_index(project, closed, secret(origin(closed)), "acme")
    project.run("apply", env=ENV)
    for more in ("", ", user: me"):
        private_index(project, closed, secret(closed.url, more=more), "acme")
        project.run("lock", "--check")
        for _ in range(2):
            assert (
                project.run("plan", env={"ACME_TOKEN": "CANARY-other"}).out.splitlines()[-1].startswith("No changes.")
            )
    assert traces(project.path) == []


def test_a_secret_is_seen_by_no_setup(project: Project, index: Index) -> None:
    """Whoever writes a log of its variables writes none of it; `run` has the variables of who runs it."""
    project.write("envbuild.yaml", "secrets: {acme: {env: ACME_TOKEN}}\n")
    project.write(
        "manifests/k.yaml", f"pip: {{index_url: '{index.url}'}}\ndependencies: [{{pip: [alpha]}}]\nsetup: [env]\n"
    )
    project.run("apply", env=ENV)
    assert "HOME=" in project.run("logs", "k").out
    assert traces(project.path) == []
    assert project.run("run", "k", "--", "printenv", "ACME_TOKEN", env=ENV).out == f"{TOKEN}\n"


def test_a_token_in_a_path_is_for_channels(project: Project, closed: Index) -> None:
    """An index does not take it, and uv is not given it."""
    private_index(project, closed, secret(origin(closed), more=", as: path"), "acme")
    run = project.run("lock", check=1, env=ENV)
    assert "the secret 'acme' stands in the path of URLs, which is for channels of conda" in run.err
    assert closed.log == []


def test_two_ports_with_one_path(project: Project, channel: Channel) -> None:
    """Rattler tells requests apart by host and path: where that is not enough, a bearer's token is sent to neither."""
    with ServedChannel(channel.folder, login=LOGINS["bearer"]) as served, ServedChannel(channel.folder) as other:
        root = urlsplit(served.url).path
        settings(project, served.url, f"{origin(other)}{root}", more=secret(origin(served), more=", as: bearer"))
        manifest(project, "k", "libfoo")
        run = project.run("lock", check=1, env=ENV)
        assert f"{served.url} has the paths of another port of its host" in run.err
        assert authorizations(other) <= {None}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{env: A, for: [acme.example]}", "2:22: 'acme.example' is no place that a secret can be sent to"),
        ("{env: A, for: ['https://a.example/?x=1']}", "2:22: 'https://a.example/?x=1' is no place"),
        ("{env: A, for: ['http://a.example/c']}", "2:22: 'http://a.example/c' is not https: anybody on the way"),
        ("{env: A, for: ['https://u:p@a.example']}", "2:22: credentials may not stand in a file"),
        ("{env: A, user: me}", "2:22: this secret is sent to nobody"),
        ("{env: A, as: bearer}", "2:20: this secret is sent to nobody"),
        ("{env: A, for: ['https://a.example'], as: bearer, user: me}", "2:62: 'as: bearer' sends no user"),
        ("{env: A, for: ['https://a.example'], user: 'a:b'}", "2:50: the name of a user has no ':'"),
        ("{env: A, for: ['https://a.example'], as: header}", "2:48: 'as' cannot be 'header'"),
        ("{env: A, file: b}", "2:7: 'x' has keys that do not go together"),
        ("{for: ['https://a.example']}", "2:7: 'x' has keys that do not go together"),
        ("{env: A, of: b}", "2:16: unknown key 'of'"),
        ("{env: PATH}", "2:13: the variable PATH is what other programs read, and holds no secret"),
        ("{env: https_proxy}", "2:13: the variable https_proxy is what other programs read"),
        ("{env: LD_PRELOAD}", "2:13: the variable LD_PRELOAD is what other programs read"),
        ("{env: PYTHONPATH}", "2:13: the variable PYTHONPATH is what other programs read"),
        ("{env: 'A=B'}", "2:13: 'A=B' cannot name a variable"),
        ("{env: 1X}", "2:13: '1X' cannot name a variable"),
        ("{env: ''}", "2:13: "),
        ("{file: ../../x}", "2:14: '../../x' leaves the project"),
        ("{file: own/../../x}", "2:14: 'own/../../x' leaves the project"),
        ("{file: ~/../x}", "2:14: '~/../x' leaves the project"),
        ("{file: ~other/x}", "2:14: '~other/x' leaves the project"),
        ("{env: A, for: []}", "2:21: this secret is sent to nobody"),
        (
            "{env: A, for: ['https://a.example/c/../d']}",
            "2:22: 'https://a.example/c/../d' leads elsewhere than it says",
        ),
        ("{env: A, for: ['https://a.example/%2E%2e/d']}", "2:22: 'https://a.example/%2E%2e/d' leads elsewhere"),
        ("{env: A, for: ['https://a.example/.%2e']}", "2:22: 'https://a.example/.%2e' leads elsewhere"),
        ("{env: A, for: ['https://a.example:99999']}", "2:22: 'https://a.example:99999' is no place"),
        ("{env: A, for: ['HTTP://a.example/c']}", "2:22: 'HTTP://a.example/c' is not https"),
        ("{env: A, for: ['https://a.example', 'https://a.example/']}", "2:43: 'https://a.example/' is named twice"),
        (
            "{env: A, for: ['https://a.example/c', 'HTTPS://A.example:443/%63']}",
            "2:45: 'HTTPS://A.example:443/%63' is named twice",
        ),
    ],
)
def test_settings_that_say_too_little_or_too_much(project: Project, text: str, told: str) -> None:
    """Each at its line."""
    project.write("envbuild.yaml", f"secrets:\n  x:  {text}\n")
    assert f"envbuild.yaml:{told}" in project.run("check", check=1).err


@pytest.mark.parametrize(
    "again",
    ["https://a.example/c%2f", "https://A.example/c%2F/", "https://a.example:443/c%2f", "HTTPS://a.example/%63%2f"],
)
def test_two_secrets_for_one_place(project: Project, again: str) -> None:
    """Which one is meant would be chance; a place can be written in many ways."""
    one = "{env: A, for: ['https://a.example/c%2F']}"
    project.write("envbuild.yaml", f"secrets:\n  x: {one}\n  y: {{env: B, for: ['{again}']}}\n")
    run = project.run("check", check=1)
    assert f"envbuild.yaml:3:21: '{again}' is sent 'x' already" in run.err


def test_what_no_place_is_said_of_is_valid(project: Project) -> None:
    """Secrets for images alone, and hosts that are named as insecure."""
    project.write(
        "envbuild.yaml",
        "insecure_indexes: [a.example]\nsecrets:\n  x: {env: A}\n  y: {file: b}\n"
        "  z: {env: A, for: ['http://a.example', 'https://[::1]:8/c', 'HTTPS://b.example'], as: path}\n"
        "  v: {file: /etc/own/../v}\n  w: {env: PYTHON_INDEX_TOKEN, for: ['https://b.example/c', 'https://b.example/cd']}\n",
    )
    project.run("check")


def test_what_a_manifest_runs_sees_no_credentials_of_indexes(project: Project, index: Index) -> None:
    """P26: what variables hold for uv, and for mirrors, is for nobody else; what `setup` prints is in the log."""
    env = {
        "UV_INDEX_OWN_USERNAME": "me", "UV_INDEX_OWN_PASSWORD": "CANARY-uv",
        "ENVBUILD_MIRRORS": "https://a.example=https://me:CANARY-mirror@m.example",
    }  # fmt: skip
    project.write(
        "manifests/a.yaml", f"pip: {{index_url: '{index.url}'}}\ndependencies: [{{pip: [alpha]}}]\nsetup: [env]\n"
    )
    project.run("apply", env=env)
    logs = [path.read_text() for path in (project.path / ".envbuild" / "logs").rglob("*.log")]
    assert any("PATH=" in log for log in logs)
    assert not any("CANARY" in log for log in logs)


def test_a_package_by_its_url_tells_no_token(project: Project, channel: Channel) -> None:
    """P17: neither is it asked for what only a channel has, nor followed to where the token would be told."""
    with ServedChannel(channel.folder, login=LOGINS["path"]) as served, ServedChannel(channel.folder) as other:
        served.fault("*.conda", redirected(other.url))
        file = next(path.name for path in channel.folder.glob("linux-64/libfoo-1.0*.conda"))
        settings(project, channel.url, more=secret(origin(served), more=", as: path"))
        manifest(project, "k", f"{served.url}/linux-64/{file}")
        assert "which would be told" in project.run("lock", check=1, env=ENV).err
        assert other.log == []
        assert not [one for one in served.requests if "repodata" in one]


@pytest.mark.parametrize("text", ["[[credential]]\nservice = 'http://[bad'\nscheme = 'basic'\npassword = 'x'\n", "["])
def test_what_uv_has_stored_wrongly_is_nothing(project: Project, index: Index, text: str) -> None:
    """It is uv's own file: what is wrong in it stops nobody here."""
    store = Path(project.environ["HOME"], "own")
    store.mkdir()
    (store / "credentials.toml").write_text(text)
    project.write("manifests/a.yaml", f"pip: {{index_url: '{index.url}'}}\ndependencies: [{{pip: [alpha]}}]\n")
    project.run("lock", env={"UV_CREDENTIALS_DIR": str(store)})


@pytest.mark.parametrize("token", ["conda", "t", "forge", "linux-64", "conda-forge"])
def test_a_token_that_is_part_of_a_name(project: Project, tmp_path: Path, token: str) -> None:
    """A lock names the channel without the token's own part of the path, and nothing else of it is touched."""
    channel = Channel(tmp_path / "conda-forge", Package(name="conda", version="1.0"))
    with ServedChannel(channel.folder, login=Login(path=f"/t/{token}")) as served:
        settings(project, served.url, more=secret(origin(served), more=", as: path"))
        manifest(project, "k", "conda")
        project.run("lock", env={"ACME_TOKEN": token})
        assert f"url: {served.url}/linux-64/conda-1.0-0.conda\n" in project.read(LOCK)
        manifest(project, "k", "conda >=2")
        run = project.run("lock", check=1, env={"ACME_TOKEN": token})
        assert "***" not in run.err or len(token) >= 8


@pytest.mark.parametrize(
    ("password", "said", "shown"),
    [
        ("pi", "Bearer pi of pip at http://me:pi@h/pi/t/pi/x", "Bearer *** of pip at http://me:***@h/pi/x"),
        ("conda", "conda-forge and conda: /conda/x", "conda-forge and ***: /conda/x"),
        ("sesame-open", "xsesame-openx", "x***x"),
        ("a/b c-12", "a/b c-12, a%2Fb%20c-12, /t/a%2Fb%20c-12/x", "***, ***, /x"),
    ],
)
def test_what_is_said_is_shown_without_secrets(password: str, said: str, shown: str) -> None:
    """P26: wherever a secret stands; a short one not within other words, which would be of no use without it."""
    assert Kept(password, "here", way="path").hidden(said) == shown
