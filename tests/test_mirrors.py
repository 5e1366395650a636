"""Mirrors of channels and indexes, by what this host says: asked there, locked by where it comes from."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from support.condachannel import Channel, ServedChannel
from support.condapkg import Package
from support.condaworld import manifest, settings, versions
from support.index import Index
from support.line import closed_port
from support.loopback import basic
from support.project import Project

from envbuild.errors import SettingsError
from envbuild.solvers.mirrors import Mirror, Mirrors, host_mirrors

FORGE = "https://conda.anaconda.org/conda-forge"


def _mirrors(**known: tuple[str, ...]) -> Mirrors:
    return Mirrors(Mirror(f"https://{name.replace('_', '/')}", places) for name, places in known.items())


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("https://a/c", "https://m/x/c"),
        ("https://a/c/", "https://m/x/c/"),
        ("HTTPS://A/c/linux-64/x.conda", "https://m/x/c/linux-64/x.conda"),
        ("https://a/b", "https://n/b"),
        ("https://a/b/d?q=1", "https://n/b/d?q=1"),
        ("https://a/bc", "https://m/x/bc"),
        ("https://ab/c", "https://ab/c"),
        ("https://a.evil/c", "https://a.evil/c"),
        ("https://me:own@a/c", "https://m/x/c"),
        ("http://a/c", "http://a/c"),
    ],
)
def test_the_longest_that_fits_is_asked_instead(url: str, asked: str) -> None:
    """By whole parts of the path on the very host; credentials of the origin do not go along."""
    assert _mirrors(a=("https://m/x",), a_b=("https://n/b",)).forward(url) == asked


def test_what_came_is_known_by_its_origin() -> None:
    """Whichever of the places it came from, and whatever it was asked with."""
    known = _mirrors(a=("https://m/x", "https://me:own@n"), b=("https://b", "file:///mnt/b"))
    for came in ("https://m/x/c/f", "https://n/c/f", "https://someone:else@N/c/f"):
        assert known.back(came) == "https://a/c/f"
    assert known.back("file:///mnt/b/f") == known.back("https://b/f") == "https://b/f"
    assert known.back("https://m/y/f") == "https://m/y/f"


@pytest.mark.parametrize(
    ("named", "came", "meant"),
    [
        (["https://a/c"], "https://m/x/c/f", "https://a/c/f"),
        (["https://m/x/c"], "https://m/x/c/f", "https://m/x/c/f"),
        (["HTTPS://M/x/c/"], "https://m/x/c/f", "https://m/x/c/f"),
        (["https://m/x/c"], "https://m/x/files/f", "https://m/x/files/f"),
        (["https://m/x/c", "https://a/d"], "https://m/x/d/f", "https://a/d/f"),
        (["https://a/c", "https://m/x/d"], "https://m/x/d/f", "https://m/x/d/f"),
        (["https://a/c", "https://m/x/c"], "https://m/x/c/f", "https://m/x/c/f"),
        (["https://a/c/d", "https://m/x/c"], "https://m/x/c/d/f", "https://a/c/d/f"),
        (["https://m"], "https://m/x/f", "https://m/x/f"),
        (["https://m/y"], "https://m/x/f", "https://a/f"),
        (["https://m/x/c"], "https://n/f", "https://a/f"),
    ],
)
def test_what_is_named_itself_is_not_led_back(named: list[str], came: str, meant: str) -> None:
    """A request may name the very place that is a mirror of another: what comes from there is its own."""
    assert _mirrors(a=("https://m/x", "https://n")).back(came, named) == meant


def test_the_credentials_are_those_of_the_nearest_place() -> None:
    """Whatever they stand for: a place below another has its own."""
    known = _mirrors(a=("https://n:near@m/x/y",), a_longer=("https://f:far@m/x",))
    shown = [known.login(url) for url in ("https://m/x/y/f", "https://m/x/yy", "https://m/f")]
    assert [one.user if one else None for one in shown] == ["n", "f", None]


def test_the_next_place_is_asked_when_one_is_down() -> None:
    """In their order, as long as there is one; then all are asked from the first again."""
    known = _mirrors(a=("https://m", "https://n"))
    assert [known.turn("https://a/c", "https://m/c"), known.forward("https://a/d")] == [True, "https://n/d"]
    assert [known.turn("https://a/c", "https://m/c"), known.forward("https://a/d")] == [True, "https://n/d"]
    assert [known.turn("https://a/c", "https://n/c"), known.forward("https://a/d")] == [False, "https://m/d"]
    assert not known.turn("https://other/c", "https://other/c")


@pytest.mark.parametrize(
    ("files", "env", "asked"),
    [
        ({}, {"ENVBUILD_MIRRORS": f"{FORGE}=https://m/cf  https://b/=https://n/\n"}, "https://m/cf"),
        ({".pixi/config.toml": f'[mirrors]\n"{FORGE}" = ["https://m/cf/", "https://n"]\n'}, {}, "https://m/cf"),
        ({".config/pixi/config.toml": '[mirrors]\n"https://conda.anaconda.org/" = ["https://m"]\n'}, {}, "https://m/conda-forge"),
        ({"p/config.toml": f'[mirrors]\n"{FORGE}" = ["oci://m/cf", "https://n/cf"]\n'}, {"PIXI_HOME": "{home}/p"}, "https://n/cf"),
        ({".pixi/config.toml": "["}, {}, FORGE),
        ({".pixi/config.toml": "mirrors = 5\n"}, {}, FORGE),
        ({".pixi/config.toml": f'[mirrors]\n"{FORGE}" = ["https://p"]\n'}, {"ENVBUILD_MIRRORS": f"{FORGE}=https://v"}, "https://v"),
        ({".pixi/config.toml": f'[mirrors]\n"{FORGE}" = "https://m"\n'}, {}, FORGE),
    ],
)  # fmt: skip
def test_the_host_says_where(tmp_path: Path, files: Mapping[str, str], env: Mapping[str, str], asked: str) -> None:
    """A variable, then pixi's files in their order; what cannot be read or asked names no mirror."""
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    host = {"HOME": str(tmp_path), **{name: value.format(home=tmp_path) for name, value in env.items()}}
    assert host_mirrors(host).forward(FORGE) == asked


@pytest.mark.parametrize(
    "text",
    [
        "https://a",
        "a=https://b",
        "https://a=b",
        "https://a=oci://b",
        "https://a=https://u:hush@b c",
        "https://a=https://u:hush/x@b",
        "https://a=https://[::1/x",
        "https://a=https://m:99999/x",
        "https://m:99999=https://a",
        "https://a=https://m https://b=https://m",
    ],
)
def test_a_variable_that_names_no_mirror(text: str) -> None:
    """Said with the word that is wrong, and with no credentials that stand in it."""
    with pytest.raises(SettingsError) as caught:
        host_mirrors({"ENVBUILD_MIRRORS": text})
    assert "ENVBUILD_MIRRORS" in caught.value.message
    assert "hush" not in caught.value.message


def _two(channel: Channel) -> str:
    """A place where nobody answers, and a URL for it."""
    return f"http://127.0.0.1:{closed_port()}/{channel.folder.name}"


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    return Channel(tmp_path / "channel", Package(name="app", version="1.0", depends=["lib"]), Package(name="lib"))


def test_a_channel_is_asked_at_its_mirror_and_locked_by_its_own_url(project: Project, channel: Channel) -> None:
    """The lock is the one that the origin itself would give, byte for byte; packages are fetched from the mirror."""
    with ServedChannel(channel.folder) as origin:
        settings(project, origin.url)
        manifest(project, "k", "app")
        project.run("lock")
        lock, url = project.read("locks/k.conda-lock.yml"), origin.url
    assert url in lock
    project.remove("locks")
    with ServedChannel(channel.folder) as mirror:
        project.environ = {**project.environ, "ENVBUILD_MIRRORS": f"{url}={mirror.url}"}
        project.run("lock")
        assert project.read("locks/k.conda-lock.yml") == lock
        project.run("apply")
        assert any(path.endswith(".conda") for path in mirror.requests)
    assert project.run("lock", "--check").out == "1 lock current, 0 not.\n"
    assert project.run("plan").out.startswith("No changes.")


def test_a_channel_that_is_a_mirror_is_locked_as_it_is_named(project: Project, channel: Channel) -> None:
    """Another environment of the same run may name what it is a mirror of: each has what it names."""
    url = "https://conda.example/own"
    project.write("envbuild.yaml", "platforms: [linux-64]\n")
    with ServedChannel(channel.folder) as mirror:
        for name, own in (("a", url), ("m", mirror.url)):
            project.write(f"manifests/{name}.yaml", f"channels: ['{own}']\ndependencies: [app]\n")
        project.run("lock", env={"ENVBUILD_MIRRORS": f"{url}={mirror.url}"})
        locks = {name: project.read(f"locks/{name}.conda-lock.yml") for name in "am"}
        assert f"url: {url}/linux-64/app-1.0-0.conda" in locks["a"]
        assert f"url: {mirror.url}/linux-64/app-1.0-0.conda" in locks["m"]
        assert (mirror.url in locks["a"], url in locks["m"]) == (False, False)


@pytest.mark.parametrize("kind", ["index_url", "bound", "link", "url"])
def test_an_index_that_is_a_mirror_is_locked_as_it_is_named(project: Project, kind: str) -> None:
    """Also its files, which lie beside it; a bound name is known to come from its own index."""
    with Index() as mirror, Index() as public:
        file = mirror.add("own", "1.0")
        root = mirror.url.removesuffix("/simple/")
        pip = {
            "index_url": f"{{index_url: '{mirror.url}'}}",
            "bound": f"{{index_url: '{public.url}', indexes: {{corp: {{url: '{mirror.url}', packages: [own]}}}}}}",
            "link": f"{{index_url: '{public.url}', find_links: ['{mirror.url}own/']}}",
            "url": f"{{index_url: '{public.url}'}}",
        }[kind]
        wish = f"own @ {root}/files/{file}" if kind == "url" else "own"
        project.write("manifests/a.yaml", f"pip: {pip}\ndependencies:\n  - pip:\n      - {wish}\n")
        project.run("lock", env={"ENVBUILD_MIRRORS": f"https://pypi.example={root}"})
        assert f"url: {root}/files/{file}" in project.read("locks/a.conda-lock.yml")


def test_the_next_mirror_is_asked_where_one_does_not_answer(project: Project, channel: Channel) -> None:
    """Also for packages, and also a folder of this machine; in the end the failure names the mirror and its origin."""
    gone, url = _two(channel), "https://conda.example/own"
    settings(project, url)
    manifest(project, "k", "app")
    env = {"UV_HTTP_RETRIES": "0"}
    run = project.run("lock", check=1, env={**env, "ENVBUILD_MIRRORS": f"{url}={gone}"})
    assert f"nothing answers at {gone.split('/')[2]}, a mirror of {url}," in run.err
    both = f"{url}={gone} {url}={channel.url}"
    project.run("apply", env={**env, "ENVBUILD_MIRRORS": both})
    assert f"url: {url}/linux-64/app-1.0-0.conda" in project.read("locks/k.conda-lock.yml")
    assert channel.url not in project.read("locks/k.conda-lock.yml")


def test_pins_stay_whichever_mirror_is_asked(project: Project, channel: Channel) -> None:
    """What was locked of the origin is what the mirror has: nothing moves, and what is to move does."""
    url = "https://conda.example/own"
    project.environ = {**project.environ, "ENVBUILD_MIRRORS": f"{url}={channel.url}"}
    settings(project, url)
    manifest(project, "k", f"'{url}::app'")
    project.run("lock")
    channel.add(Package(name="app", version="2.0", depends=["lib"]), Package(name="lib", version="9"))
    manifest(project, "k", f"'{url}::app'", "lib")
    with ServedChannel(channel.folder) as other:
        project.environ = {**project.environ, "ENVBUILD_MIRRORS": f"{url}={other.url}"}
        project.run("lock")
        assert versions(project)["app"] == "1.0"
        project.run("lock", "--upgrade", "app")
    assert versions(project)["app"] == "2.0"


def test_the_credentials_of_an_origin_do_not_go_to_its_mirror(
    project: Project, channel: Channel, tmp_path: Path
) -> None:
    """P17: nor those of the mirror anywhere else; they may stand in the variable, and nowhere that lasts."""
    url = "https://conda.example/own"
    netrc = tmp_path / "netrc"
    netrc.write_text("machine conda.example login me password CANARY-origin\n")
    netrc.chmod(0o600)
    settings(project, url)
    manifest(project, "k", "app")
    with ServedChannel(channel.folder, auth=("m", "CANARY-mirror")) as mirror:
        env = {"NETRC": str(netrc), "ENVBUILD_MIRRORS": f"{url}={mirror.url_with_credentials}"}
        run = project.run("apply", env=env)
        assert {one.headers.get("authorization") for one in mirror.log} <= {None, basic("m", "CANARY-mirror")}
    found = {path for path in tmp_path.rglob("*") if path.is_file() and b"CANARY" in path.read_bytes()}
    assert found == {netrc}
    assert "CANARY" not in run.out + run.err


@pytest.mark.parametrize("kind", ["index_url", "extra", "bound", "link", "url"])
def test_packages_of_pip_are_asked_at_a_mirror(project: Project, kind: str) -> None:
    """Whatever names the place in a manifest; the lock names the origin, and another machine needs no mirror."""
    origin = "https://pypi.example"
    with Index() as mirror, Index() as public:
        file = mirror.add("own", "1.0")
        root = mirror.url.removesuffix("/simple/")
        public.add("other", "1.0")
        pip = {
            "index_url": f"{{index_url: '{origin}/simple/'}}",
            "extra": f"{{index_url: '{public.url}', extra_index_urls: ['{origin}/simple']}}",
            "bound": f"{{index_url: '{public.url}', indexes: {{corp: {{url: '{origin}/simple', packages: [own]}}}}}}",
            "link": f"{{index_url: '{public.url}', find_links: ['{origin}/simple/own/']}}",
            "url": f"{{index_url: '{public.url}'}}",
        }[kind]
        wish = f"own @ {origin}/files/{file}" if kind == "url" else "own"
        project.write("manifests/a.yaml", f"pip: {pip}\ndependencies:\n  - pip:\n      - {wish}\n")
        env = {
            "ENVBUILD_MIRRORS": f"{origin}={root}",
            "UV_INDEX_CORP_USERNAME": "me", "UV_INDEX_CORP_PASSWORD": "CANARY-origin",
        }  # fmt: skip
        project.run("lock", env=env)
        lock = project.read("locks/a.conda-lock.yml")
        assert f"url: {origin}/files/{file}" in lock
        assert root not in lock
        project.run("apply", env=env)
        assert f"/files/{file}" in mirror.requests
        assert all(one.headers.get("authorization") is None for one in mirror.log)


def test_an_index_that_is_down_gives_way_to_the_next(project: Project) -> None:
    """While locking, and while installing what is locked; the last failure names the mirror and its origin."""
    origin = "https://pypi.example/simple"
    gone = f"http://127.0.0.1:{closed_port()}/simple"
    project.write("manifests/a.yaml", f"pip: {{index_url: '{origin}'}}\ndependencies: [{{pip: [own]}}]\n")
    with Index() as mirror:
        file = mirror.add("own", "1.0")
        root = mirror.url.removesuffix("/simple/")
        first = f"{origin}={gone} https://pypi.example={gone.removesuffix('/simple')}"
        run = project.run("lock", check=1, env={"ENVBUILD_MIRRORS": first, "UV_HTTP_RETRIES": "0"})
        assert f"a mirror of {origin}" in run.err
        both = f"{first} {origin}={mirror.url} https://pypi.example={root}"
        project.run("lock", env={"ENVBUILD_MIRRORS": both, "UV_HTTP_RETRIES": "0"})
        assert f"url: https://pypi.example/files/{file}" in project.read("locks/a.conda-lock.yml")
        env = {"ENVBUILD_MIRRORS": f"https://pypi.example={gone} https://pypi.example={root}", "UV_HTTP_RETRIES": "0"}
        project.run("apply", env=env)
        assert project.run("run", "a", "--", "python", "-c", "import own").code == 0
