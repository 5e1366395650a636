"""Local environments with conda packages: what is locked is what stands, on its own feet, and nothing else is in it."""

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.channelled import cache_of, cached, prefix_of, write_conda
from support.condachannel import Channel, ServedChannel, failing, silent, wrong_bytes
from support.condapkg import PREFIX, Archive, File, Package, link_script, script
from support.condapython import MINOR, SUBDIR
from support.line import actions, apply_twice, read_only, reasons, reference, run_without_rights, steps, versions
from support.project import Project

_TOOL = {
    "bin/tool": script(f"#!/bin/sh\ncat {PREFIX}/share/tool/data\n"),
    "lib/tool.bin": File(f"\x7fELF\0{PREFIX}/share\0end".encode(), prefix="binary"),
    "share/tool/data": File(b"data\n"),
    "share/tool/link": File(link="data"),
}


def _tool(version: str = "1.0", **fields: object) -> Package:
    return Package(name="tool", version=version, subdir=SUBDIR, **({"files": _TOOL} | fields))  # type: ignore[arg-type]


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    """Two versions of tool, and app, which needs it."""
    app = Package(name="app", subdir=SUBDIR, depends=["tool"], files={"share/app": File(b"app\n")})
    return Channel(tmp_path / "channel", _tool(), _tool("2.0"), app)


@pytest.fixture
def built(project: Project, channel: Channel) -> Project:
    write_conda(project, "a", channel, "tool =1.0", "app")
    apply_twice(project)
    return project


def _files(prefix: Path) -> Iterator[Path]:
    return (path for path in prefix.rglob("*") if path.is_file() and not path.is_symlink())


def test_what_is_locked_stands(built: Project, channel: Channel) -> None:
    """Without any Python: prefixes replaced in text and binary files, links kept, and each package noted."""
    prefix = prefix_of(built, "a")
    assert built.run("run", "a", "--", "tool").out == "data\n"
    assert (prefix / "share/tool/link").readlink() == Path("data")
    assert (prefix / "lib/tool.bin").read_bytes().startswith(f"\x7fELF\0{prefix}/share\0".encode())
    noted = [json.loads(path.read_bytes()) for path in sorted(prefix.glob("conda-meta/*.json"))]
    assert [(one["name"], one["version"], one["url"], one["channel"]) for one in noted] == [
        ("app", "1.0", f"{channel.url}/{SUBDIR}/app-1.0-0.conda", f"{channel.url}/"),
        ("tool", "1.0", f"{channel.url}/{SUBDIR}/tool-1.0-0.conda", f"{channel.url}/"),
    ]
    assert noted[0]["depends"] == ["tool"]
    assert built.json("history", "a")["records"][0]["version"] == 1


def test_nothing_of_the_way_there_is_in_a_prefix(built: Project) -> None:
    """No place of the cache, of what was fetched, or of work; and none of it is left."""
    traces = [str(cache_of(built)).encode(), b".views", b"cached.invalid", b"/tmp/envbuild-"]
    found = [path for path in _files(prefix_of(built, "a")) for trace in traces if trace in path.read_bytes()]
    assert found == []
    assert [*cache_of(built).glob(".new/*"), *cache_of(built).glob(".trash/*"), *cache_of(built).rglob("*.conda")] == []
    assert [*Path(built.environ["ENVBUILD_STORE"]).glob(".views/*")] == []


def test_another_version_is_another_prefix(built: Project, channel: Channel) -> None:
    """What did not change is not fetched again."""
    write_conda(built, "a", channel, "tool =2.0", "app")
    channel.path("app-1.0-0.conda").unlink()
    apply_twice(built)
    assert versions(built, "a") == [2, 1]
    assert (prefix_of(built, "a") / "conda-meta/tool-2.0-0.json").exists()


def test_the_umask_of_the_host_is_not_seen(project: Project, channel: Channel) -> None:
    """Whoever may read the store may read all of a prefix, and nobody else may write."""
    write_conda(project, "a", channel, "app")
    code = f"import os, sys; os.umask(0o077); os.execv(sys.executable, {[sys.executable, '-m', 'envbuild', 'apply']!r})"
    subprocess.run([sys.executable, "-c", code], cwd=project.path, env=dict(project.environ), check=True)
    prefix = prefix_of(project, "a")
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in prefix.rglob("*") if not path.is_symlink()}
    assert {path: mode for path, mode in modes.items() if mode not in {0o644, 0o755}} == {
        prefix / ".envbuild-complete": 0o600
    }


def test_an_environment_of_no_package(project: Project) -> None:
    """Of conda's kind, with nothing in it."""
    project.write("manifests/a.yaml", "python: {from: conda}\n")
    apply_twice(project)
    assert project.run("run", "a", "--", "sh", "-c", "echo $CONDA_PREFIX").out == f"{reference(project, 'a')}\n"


def test_python_of_conda_runs(project: Project, conda_python: Archive, tmp_path: Path) -> None:
    """With a package for any Python and its command, and what is known of it."""
    files = {"site-packages/pure.py": File(b"def main():\n    print('pure')\n"), "python-scripts/p": script("echo p\n")}
    pure = Package(
        name="pure", build="py_0", subdir="noarch", noarch="python", depends=["python"], files=files,
        entry_points=["pure-x = pure:main"],
    )  # fmt: skip
    write_conda(project, "a", Channel(tmp_path / "channel", conda_python, pure), "pure")
    apply_twice(project)
    prefix = prefix_of(project, "a")
    assert project.run("run", "a", "--", "pure-x").out == "pure\n"
    code = "import sys, ssl, sqlite3, ctypes, pure; print(sys.prefix, pure.__file__)"
    where = f"{prefix}/lib/python{MINOR}/site-packages/pure.py"
    assert project.run("run", "a", "--", "python", "-c", code).out == f"{prefix} {where}\n"
    assert os.access(prefix / "bin/p", os.X_OK)
    assert project.run("plan").out.startswith("No changes.")
    (prefix / "bin/python").unlink()
    assert actions(project) == {"a": "restore"}
    project.run("apply")
    assert project.run("run", "a", "--", "pure-x").out == "pure\n"


def _instead(path: Path) -> Path:
    path.unlink()
    return path


_HARMS: dict[str, Callable[[Path], object]] = {
    "changed": lambda path: path.write_bytes(b"DATA+\n"),
    "changed in place": lambda path: path.write_bytes(b"DATA\n"),
    "emptied": lambda path: path.write_bytes(b""),
    "gone": lambda path: path.unlink(),
    "added": lambda path: path.with_name("more").write_bytes(b""),
    "another mode": lambda path: path.chmod(0o600),
    "a link": lambda path: _instead(path).symlink_to("/etc/hostname"),
    "a folder": lambda path: _instead(path).mkdir(),
    "appended": lambda path: path.write_bytes(path.read_bytes() * 2),
}


@pytest.mark.parametrize("harm", _HARMS)
def test_harm_to_a_prefix_heals_it_and_the_cache(built: Project, channel: Channel, harm: str) -> None:
    """Files are links from the cache: what was done to one was done to both, and no other environment gets it."""
    path = prefix_of(built, "a") / "share/tool/data"
    assert path.stat().st_nlink == 2
    _HARMS[harm](path)
    ((part, change, where),) = reasons(steps(built)["a"])
    assert (part, where) == ("reference", "manifests/a.yaml")
    assert re.match(r"share/tool/(data|more) (was changed|is gone|was added)|share/tool/data is gone", change)
    write_conda(built, "b", channel, "tool =1.0")
    built.run("apply", "b")
    assert built.run("run", "b", "--", "tool").out == "data\n"
    apply_twice(built)
    assert built.run("run", "a", "--", "tool").out == "data\n"
    assert versions(built, "a") == [1]
    assert cached(built, "share/tool/data").read_bytes() == b"data\n"


@pytest.mark.parametrize("harm", _HARMS)
@pytest.mark.parametrize("path", ["share/tool/data", "info/paths.json"])
def test_a_harmed_cache_is_never_used(built: Project, channel: Channel, harm: str, path: str) -> None:
    """What does not agree with its ledger is fetched again, whether it is linked or told."""
    found = cached(built, path) if path.startswith("share") else cached(built, "share/tool/data").parents[2] / path
    _HARMS[harm](found)
    write_conda(built, "b", channel, "tool =1.0")
    assert "fetching tool 1.0 (1 of 1)" in built.run("apply", "b", "-v").err
    assert built.run("run", "b", "--", "tool").out == "data\n"


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def _retell(path: Path) -> None:
    """Let it tell of another file than is there, with all that it counts as it was."""
    path.write_bytes(path.read_bytes().replace(b"bin/tool", b"bin/TOOL", 1))


@pytest.mark.parametrize("harm", [Path.unlink, _truncate, _flip, _retell, lambda path: path.write_bytes(b"")])
def test_an_entry_with_a_harmed_ledger_is_none(built: Project, channel: Channel, harm: object) -> None:
    """Whatever lies beside it."""
    harm(cached(built, "share/tool/data").parents[3] / "ledger")  # type: ignore[operator]
    write_conda(built, "b", channel, "tool =1.0")
    assert "fetching tool 1.0 (1 of 1)" in built.run("apply", "b", "-v").err
    assert built.run("run", "b", "--", "tool").out == "data\n"


def test_what_a_channel_replaced_is_refused(built: Project, channel: Channel) -> None:
    """The lock means other bytes, in a folder as anywhere; what was built before still stands."""
    shutil.rmtree(cache_of(built))
    channel.add(_tool(files=_TOOL | {"share/tool/data": File(b"other\n")}))
    write_conda(built, "a", channel, "tool =1.0", "app", more="variables: {X: '1'}\n")
    run = built.run("apply", check=1)
    assert f"tool 1.0 could not be fetched from {channel.url}/{SUBDIR}/tool-1.0-0.conda: its sha256 is " in run.err
    assert built.run("run", "a@1", "--", "tool").out == "data\n"


@pytest.mark.parametrize("fault", [failing(503), wrong_bytes])
def test_a_failed_download_leaves_nothing(project: Project, channel: Channel, fault: object) -> None:
    """And when the channel is mended, it is built as version 1."""
    with ServedChannel(channel.folder) as served:
        write_conda(project, "a", served.url, "app")
        served.fault("*/tool-2.0-0.conda", fault)  # type: ignore[arg-type]
        run = project.run("apply", check=1)
        assert f"tool 2.0 could not be fetched from {served.url}/{SUBDIR}/tool-2.0-0.conda: " in run.err
        assert "tried 3 times" in run.err
        assert actions(project) == {"a": "create"}
        assert list(cache_of(project).glob(".new/*")) == []
        served.mend()
        apply_twice(project)
    assert versions(project, "a") == [1]


def test_no_credential_is_anywhere(project: Project, channel: Channel) -> None:
    """They come from a netrc file; prefix, cache, lock, log and messages are without."""
    with ServedChannel(channel.folder, auth=("user", "CANARY")) as served:
        host = served.url.split("/")[2]
        Path(project.environ["HOME"], ".netrc").write_text(f"machine {host} login user password CANARY\n")
        write_conda(project, "a", served.url, "app")
        run = apply_twice(project, "-v")
    folders = (prefix_of(project, "a"), cache_of(project), project.path)
    assert [path for folder in folders for path in _files(folder) if b"CANARY" in path.read_bytes()] == []
    assert "CANARY" not in run.out + run.err


def test_setup_cannot_write_into_the_cache(project: Project, channel: Channel) -> None:
    """Where it runs, files are copies."""
    write_conda(project, "a", channel, "tool", more="setup:\n  - echo more >> share/tool/data\n")
    apply_twice(project)
    assert project.run("run", "a", "--", "tool").out == "data\nmore\n"
    assert cached(project, "share/tool/data").read_bytes() == b"data\n"


def test_what_is_a_file_here_and_a_folder_there_is_refused(project: Project, tmp_path: Path) -> None:
    """One of them would be lost without a word."""
    one = Package(name="one", subdir=SUBDIR, files={"share/d": File(b"")})
    two = Package(name="two", subdir=SUBDIR, files={"share/d/x/y": File(b"")})
    write_conda(project, "a", Channel(tmp_path / "channel", one, two), "one", "two")
    run = project.run("apply", check=1)
    assert "one 1.0 brings a file 'share/d', and two 1.0 a folder of that name" in run.err
    assert actions(project) == {"a": "create"}


def test_two_packages_with_one_path_are_noted(project: Project, tmp_path: Path) -> None:
    """The environment is made; its log says who brings what twice."""
    one, two = (Package(name=name, subdir=SUBDIR, files={"share/x": File(name.encode())}) for name in ("one", "two"))
    write_conda(project, "a", Channel(tmp_path / "channel", one, two), "one", "two")
    project.run("apply")
    assert "note: one 1.0 and two 1.0 both bring 'share/x'\n" in project.run("logs", "a").out


@pytest.mark.parametrize(
    ("link", "through"),
    [("etc/out", "etc/out/x"), ("etc/out", "etc/out"), ("bin", ""), ("lib", "lib/x"), ("a/b", "a/b/c/d")],
)
def test_nothing_is_written_through_a_link(project: Project, tmp_path: Path, link: str, through: str) -> None:
    """One package's link that leaves the prefix is no way for another's files, or for what is made there."""
    outside = tmp_path / "outside"
    outside.mkdir()
    evil = Package(name="evil", subdir=SUBDIR, files={link: File(link=str(outside))})
    other = Package(name="other", subdir=SUBDIR, files={through: File(b"x")} if through else {})
    write_conda(project, "a", Channel(tmp_path / "channel", evil, other), "evil", "other")
    run = project.run("apply", check=1)
    assert f"evil 1.0 brings '{link}', a link that leaves the prefix" in run.err
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("more", ["", "setup:\n  - mkdir -p share/out/x\n"])
def test_setup_may_write_anywhere_so_no_link_leaves(project: Project, tmp_path: Path, more: str) -> None:
    """Where nothing is written later, a link leads where it may."""
    outside = tmp_path / "outside"
    outside.mkdir()
    linked = Package(name="linked", subdir=SUBDIR, files={"share/out": File(link=str(outside))})
    write_conda(project, "a", Channel(tmp_path / "channel", linked), "linked", more=more)
    run = project.run("apply", check=1 if more else 0)
    assert ("linked 1.0 brings 'share/out', a link that leaves the prefix" in run.err) == bool(more)
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("target", ["../..", "up/../../..", "loop", "inner/../../.."])
def test_a_link_leaves_by_any_way(project: Project, tmp_path: Path, target: str) -> None:
    """By dots, by another link, by never ending; one that stays inside is a way like any."""
    files = {"d/out": File(link=target), "d/loop": File(link="loop"), "d/inner": File(link="../e")}
    evil = Package(name="evil", subdir=SUBDIR, files=files)
    other = Package(name="other", subdir=SUBDIR, files={"d/out/x": File(b"x"), "e/y": File(b"y")})
    write_conda(project, "a", Channel(tmp_path / "channel", evil, other), "evil", "other")
    assert "brings 'd/out', a link that leaves the prefix" in project.run("apply", check=1).err


def test_a_link_within_the_prefix_is_a_way(project: Project, tmp_path: Path) -> None:
    """As `lib64` is one to `lib`."""
    one = Package(name="one", subdir=SUBDIR, files={"lib64": File(link="lib"), "lib/x": File(b"x")})
    write_conda(project, "a", Channel(tmp_path / "channel", one), "one")
    apply_twice(project)
    assert (prefix_of(project, "a") / "lib64/x").read_bytes() == b"x"


_SCRIPT = """\
#!/bin/sh
echo "$PKG_NAME $PKG_VERSION $PKG_BUILDNUM $CONDA_PREFIX" > "$PREFIX/ran"
tool >> "$PREFIX/ran"
echo loud
echo "say so" > "$PREFIX/.messages.txt"
echo more >> "$PREFIX/share/tool/data"
"""


def _linked(text: str, moment: str = "post-link") -> Package:
    return Package(name="linked", subdir=SUBDIR, number=3, depends=["tool"], files=link_script("linked", moment, text))


def test_link_scripts_run_only_when_allowed(project: Project, channel: Channel) -> None:
    """Refused at the line that names the package, until the project allows it; then as conda runs them."""
    channel.add(_linked(_SCRIPT))
    write_conda(project, "a", channel, "tool", "linked")
    run = project.run("apply", check=1)
    assert "manifests/a.yaml:4:5: linked 1.0 wants to run its script 'bin/.linked-post-link.sh'" in run.err
    assert "name linked in 'allow_link_scripts' of envbuild.yaml" in run.err
    project.write("envbuild.yaml", "allow_link_scripts: [other]\n")
    project.run("apply", check=1)
    project.write("envbuild.yaml", "allow_link_scripts: [linked]\n")
    apply_twice(project)
    prefix = prefix_of(project, "a")
    assert (prefix / "ran").read_text() == f"linked 1.0 3 {prefix}\ndata\n"
    log = project.run("logs", "a").out.splitlines()
    assert [line for line in log if line in {"loud", "say so"}] == ["loud", "say so"]
    assert not (prefix / ".messages.txt").exists()
    assert cached(project, "share/tool/data").read_bytes() == b"data\n"
    project.write("envbuild.yaml", "allow_link_scripts: []\n")
    assert project.run("plan").out.startswith("No changes.")


def test_a_failing_link_script_fails_the_build(project: Project, channel: Channel) -> None:
    """Unlike rattler, to whom it is the same."""
    channel.add(_linked("echo no licence >&2; exit 3\n"))
    write_conda(project, "a", channel, "linked")
    project.write("envbuild.yaml", "allow_link_scripts: [linked]\n")
    run = project.run("apply", check=1)
    assert "the link script of linked 1.0 ended with 3" in run.err
    assert "no licence" in run.err
    assert actions(project) == {"a": "create"}


@pytest.mark.parametrize(("moment", "code"), [("pre-link", 1), ("pre-unlink", 0)])
def test_other_link_scripts_never_run(project: Project, channel: Channel, moment: str, code: int) -> None:
    """What conda gave up is refused; what would run on removal is no matter, since nothing is removed."""
    channel.add(_linked("touch $PREFIX/ran\n", moment))
    write_conda(project, "a", channel, "linked")
    project.write("envbuild.yaml", "allow_link_scripts: [linked]\n")
    run = project.run("apply", check=code)
    assert ("wants to run 'bin/.linked-pre-link.sh' before it is there" in run.err) == bool(code)
    assert not [*Path(project.environ["ENVBUILD_STORE"]).glob("*/ran")]


def test_link_scripts_run_after_what_they_need(project: Project, tmp_path: Path) -> None:
    """In the order of dependencies, not of names."""
    packages = [
        Package(name=name, subdir=SUBDIR, depends=depends, files=link_script(name, "post-link", text))
        for name, depends in (("a", ["b"]), ("b", ["c"]), ("c", []))
        for text in [f"echo {name} >> $PREFIX/ran\n"]
    ]
    write_conda(project, "x", Channel(tmp_path / "channel", *packages), "a")
    project.write("envbuild.yaml", "allow_link_scripts: [a, b, c]\n")
    apply_twice(project)
    assert (prefix_of(project, "x") / "ran").read_text() == "c\nb\na\n"


def test_a_cache_that_cannot_be_written_is_told(project: Project, channel: Channel) -> None:
    """With what to do; one that has all the packages serves all the same."""
    write_conda(project, "a", channel, "app")
    project.run("apply")
    write_conda(project, "b", channel, "app", more="variables: {X: '1'}\n")
    cache = cache_of(project)
    with read_only(cache):
        run = run_without_rights(project, "apply", "b")
        assert run.code == 0, run
        write_conda(project, "c", channel, "tool =1.0")
        run = run_without_rights(project, "apply", "c")
    assert run.code == 1
    assert "the package cache cannot be written: Permission denied: " in run.err
    assert "set ENVBUILD_CACHE" in run.err


def test_a_full_disk_is_told(project: Project, channel: Channel, tmp_path: Path) -> None:
    """Of the cache and of the store; nothing is left half-made, and with room it is built."""
    big = Package(name="big", subdir=SUBDIR, files={"share/big": File(os.urandom(1_500_000), prefix="")})
    channel.add(big)
    write_conda(project, "a", channel, "big")
    project.run("lock")
    for variable in ("ENVBUILD_CACHE", "ENVBUILD_STORE"):
        small = tmp_path / variable
        small.mkdir()
        mount, umount = shutil.which("mount"), shutil.which("umount")
        made = mount and umount and subprocess.run([mount, "-t", "tmpfs", "-o", "size=1m", "none", small], check=False)
        if not mount or not umount or not made or made.returncode:
            pytest.skip("a small disk can be mounted by root only")
        try:
            run = project.run("apply", check=1, env={variable: str(small)})
            what = "package cache" if variable == "ENVBUILD_CACHE" else "prefix"
            assert f"the {what} cannot be written: No space left on device" in run.err, run
            assert "check the space on its disk" in run.err
            kept = [path for path in small.rglob("*") if path.is_file() and path.stat().st_size > 1000]
            assert kept == []
        finally:
            subprocess.run([umount, small], check=True)
    apply_twice(project)


def _start(project: Project, *args: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "envbuild", *args],
        cwd=project.path,
        env=dict(project.environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def test_two_builds_share_one_cache(project: Project, tmp_path: Path) -> None:
    """At once, from nothing: each package is fetched by one of them, and both environments stand."""
    names = [f"p{number}" for number in range(8)]
    files = {f"share/{number}": File(os.urandom(20_000)) for number in range(5)}
    packages = [
        Package(name=name, subdir=SUBDIR, files={f"{name}/{path}": f for path, f in files.items()}) for name in names
    ]
    channel = Channel(tmp_path / "channel", *packages)
    with ServedChannel(channel.folder) as served:
        projects = [Project(tmp_path / f"project{number}", project.environ) for number in range(2)]
        for number, one in enumerate(projects):
            write_conda(one, "a", served.url, *names, more=f"variables: {{X: '{number}'}}\n")
            one.run("lock")
        served.requests.clear()
        running = [_start(one, "apply") for one in projects]
        assert [one.wait(60) for one in running] == [0, 0]
        asked = [path for path in served.requests if path.endswith(".conda")]
    assert sorted(asked) == sorted(f"/{SUBDIR}/{name}-1.0-0.conda" for name in names)
    for one in projects:
        assert one.run("plan").out.startswith("No changes.")


@pytest.mark.parametrize("delay", [0.35, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2])
def test_killed_at_any_moment_it_is_built_the_next_time(
    project: Project, conda_python: Archive, tmp_path: Path, delay: float
) -> None:
    """Nothing half-made is ever taken for whole."""
    write_conda(project, "a", Channel(tmp_path / "channel", conda_python), "python")
    project.run("lock")
    process = _start(project, "apply")
    time.sleep(delay)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    apply_twice(project)
    assert project.run("run", "a", "--", "python", "-c", "import ssl; print(1)").out == "1\n"
    assert [*cache_of(project).glob(".new/*")] == []
    assert [*Path(project.environ["ENVBUILD_STORE"]).glob(".views/*")] == []


def test_an_interrupt_ends_a_download(project: Project, channel: Channel) -> None:
    """At once, however long the channel is silent."""
    with ServedChannel(channel.folder) as served:
        write_conda(project, "a", served.url, "app")
        project.run("lock")
        served.fault("*.conda", silent(60))
        process = _start(project, "apply")
        while not any(path.endswith(".conda") for path in served.requests):
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        assert process.wait(20) == 130
        assert time.monotonic() - began < 10
        served.mend()
        apply_twice(project)


def test_progress_says_what_is_fetched(project: Project, channel: Channel) -> None:
    """Which package, and how many there are."""
    write_conda(project, "a", channel, "app")
    said = project.run("apply", "-v").err
    assert re.findall(r"fetching (\w+) [\d.]+ \((\d) of 2\)", said) in (
        [("app", "1"), ("tool", "2")],
        [("tool", "1"), ("app", "2")],
    )
    assert "linking 2 packages" in said


def test_other_platforms_are_of_no_matter(project: Project, channel: Channel) -> None:
    """Only this machine's packages are fetched."""
    other = "osx-arm64" if SUBDIR != "osx-arm64" else "linux-64"
    channel.add(Package(name="tool", version="3.0", subdir=other))
    write_conda(project, "a", channel, "tool", more=f"platforms: [{SUBDIR}, {other}]\n")
    apply_twice(project)
    assert len(list(cache_of(project).glob("*/ledger"))) == 1


def test_a_template_that_fails_ends_it_before_anything_is_fetched(project: Project, channel: Channel) -> None:
    """Of a channel as of an index."""
    with ServedChannel(channel.folder) as served:
        write_conda(project, "a", served.url, "tool")
        project.run("lock")
        project.write("templates/environment.yml.j2", "{{ missing }}\n")
        served.requests.clear()
        assert "templates/environment.yml.j2:1" in project.run("apply", check=1).err
        assert served.requests == []
