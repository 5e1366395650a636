"""Locking: what is current, what is solved once, what is refused, and what a lock holds."""

import signal
import socket
import subprocess
import sys
import time

import pytest
from support.index import Index
from support.line import actions, apply_twice, write_base, write_child
from support.project import Project

_LOCK = "locks/a.conda-lock.yml"


@pytest.fixture
def one(project: Project, index: Index) -> Project:
    """One environment with a package of its own and one that comes with it."""
    write_base(project, index)
    write_child(project, "a", "beta", "alpha ==1.*")
    return project


def test_lock_writes_nothing_when_it_is_satisfied(one: Project, index: Index) -> None:
    """Not even the same bytes again, and without the network; newer versions move nothing."""
    assert one.run("lock").out.splitlines() == [f"a  solved  {_LOCK}", "Lock: 1 solved."]
    path = one.path / _LOCK
    before = (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino)
    index.add("alpha", "1.9")
    index.close()
    assert one.run("lock").out == "Lock: 1 current.\n"
    one.run("lock", "--check")
    assert (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) == before
    assert one.json("lock")["environments"] == [{"name": "a", "lock": _LOCK, "result": "current", "error": None}]


def test_one_package_moves_alone(one: Project, index: Index) -> None:
    """The others stay, though there is newer; a glob behind --upgrade still chooses environments."""
    index.add("gamma", "1.0")
    write_child(one, "a", "beta", "alpha ==1.*", "gamma")
    one.run("lock")
    index.add("alpha", "1.9")
    index.add("gamma", "1.5")
    assert one.run("lock", "--upgrade", "gamma", "--diff").out.splitlines()[2:-1] == ["  ~ gamma  1.0 -> 1.5"]
    moved = [
        (move["name"], move["now"])
        for move in one.json("lock", "--upgrade", "a*", "--diff")["environments"][0]["moves"]
    ]
    assert moved == [("alpha", "1.9")]


def test_check_says_what_moved_without_the_network(one: Project, index: Index) -> None:
    """Exit 3 with reasons and lines, nothing written; 0 when all is current."""
    run = one.run("lock", "--check", check=3)
    assert "not locked yet" in run.out
    one.run("lock")
    one.run("lock", "--check")
    index.close()
    asked, before = len(index.requests), one.tree()
    write_child(one, "a", "beta", "alpha ==2.*", "tool")
    expected = one.tree()
    report = one.json("lock", "--check", check=3)
    assert report["environments"] == [
        {
            "name": "a",
            "current": False,
            "reasons": [
                {"change": "alpha 1.* -> 2.*", "where": "manifests/a.yaml:5"},
                {"change": "tool * added", "where": "manifests/a.yaml:6"},
            ],
        }
    ]
    assert one.tree() == expected != before
    assert len(index.requests) == asked


def test_the_same_inputs_give_the_same_bytes(one: Project) -> None:
    """A lock made anew is the one that was there."""
    one.run("lock")
    first = one.read(_LOCK)
    one.remove(_LOCK)
    one.write("manifests/a.yaml", "# moved\ndependencies:\n  - pip: [Alpha==1.*, beta]\nextends: [base]\n")
    one.run("lock")
    assert one.read(_LOCK) == first


def test_relaxing_what_still_fits_solves_nothing(one: Project, index: Index) -> None:
    """A pin that still meets its manifest stays; what nothing reaches any more has to be solved."""
    one.run("lock")
    before, asked = one.read(_LOCK), len(index.requests)
    write_child(one, "a", "beta >=1", "alpha >=1,<3")
    one.run("lock", "--check")
    one.run("lock")
    assert (one.read(_LOCK), len(index.requests)) == (before, asked)
    write_child(one, "a", "alpha ==1.*")
    one.run("lock", "--check", check=3)
    one.run("lock")
    assert "beta" not in one.read(_LOCK)
    assert "version: '1.1'" in one.read(_LOCK)


def test_only_what_has_to_move_moves(one: Project, index: Index) -> None:
    """A new package leaves the others where they are; --upgrade moves them."""
    one.run("lock")
    index.add("alpha", "1.5")
    write_child(one, "a", "beta", "alpha ==1.*", "tool")
    one.run("lock")
    assert _versions(one)["alpha"] == "1.1"
    one.run("lock", "--upgrade")
    assert _versions(one) == {"alpha": "1.5", "beta": "1.0", "tool": "1.0"}


def _versions(project: Project) -> dict[str, str]:
    packages = project.json("show", "a")["environment"]["packages"]
    return {package["name"]: package["version"] for package in packages}


def test_equal_requests_are_solved_once(project: Project, index: Index) -> None:
    """Ten environments that ask for the same cost the index what one costs, and get equal pins."""
    write_base(project, index)
    write_child(project, "e0", "gamma")
    project.run("lock", env={"UV_CACHE_DIR": str(project.path.parent / "cache-1")})
    cost = len(index.requests)
    index.requests.clear()
    project.remove("locks")
    for number in range(1, 10):
        write_child(project, f"e{number}", "gamma", more=f"description: number {number}\n")
    run = project.run("lock", env={"UV_CACHE_DIR": str(project.path.parent / "cache-2")})
    assert run.out.splitlines()[-1] == "Lock: 1 solved, 9 copied."
    assert len(index.requests) == cost
    bodies = {project.read(f"locks/e{number}.conda-lock.yml").partition("\npackage:")[2] for number in range(10)}
    assert len(bodies) == 1


def _edits(good: str) -> dict[str, str]:
    return {
        "a pin": good.replace("version: '1.1'", "version: '1.0'"),
        "a conflict": good.replace("package:\n", "<<<<<<< ours\npackage:\n=======\n>>>>>>> theirs\n", 1),
        "the digest": good.replace("envbuild.body: ", "envbuild.body: 0"),
        "cut": good[: len(good) // 2],
        "no text": "",
    }


def test_a_lock_that_was_edited_by_hand_is_refused_and_made_again(one: Project) -> None:
    """Plan and apply say so and build nothing; `lock --check` ends with 3; `lock` mends it."""
    one.run("lock")
    good = one.read(_LOCK)
    for kind, edited in _edits(good).items():
        assert edited != good, kind
        one.write(_LOCK, edited)
        for command in ("plan", "apply"):
            run = one.run(command, check=1)
            assert f"{_LOCK}: edited by hand or by a merge" in run.err
            assert "run 'envbuild lock'" in run.err
        assert "edited by hand" in one.run("lock", "--check", check=3).out
        assert one.read(_LOCK) == edited
    assert not (one.path / ".envbuild").exists()
    one.run("lock")
    assert one.read(_LOCK) == good


@pytest.mark.parametrize("command", ["apply", "plan"])
def test_locked_refuses_what_is_not_current(one: Project, command: str) -> None:
    """Exit 3, the line that moved, and nothing written; with current locks it goes on."""
    before = one.tree()
    run = one.run(command, "--locked", check=3)
    assert "manifests/a.yaml" in run.err
    assert "hint: run 'envbuild lock a'" in run.err
    assert one.tree() == before
    one.run("lock")
    one.run(command, "--locked")
    write_child(one, "a", "beta", "alpha ==2.*")
    assert "manifests/a.yaml:5" in one.run(command, "--locked", check=3).err


def test_a_lock_that_only_a_twin_has_is_current(one: Project) -> None:
    """Also for --locked: what another name has locked need not be locked again."""
    one.run("lock")
    write_child(one, "b", "alpha ==1.*", "beta")
    one.run("lock", "--check")
    before = one.read(_LOCK).partition("\npackage:")[2]
    one.run("apply", "--locked")
    assert one.run("lock", "b").out.splitlines() == ["b  copied  locks/b.conda-lock.yml", "Lock: 1 copied."]
    assert one.read("locks/b.conda-lock.yml").partition("\npackage:")[2] == before
    apply_twice(one)


def test_what_does_not_fit_names_the_lines_that_ask_for_it(project: Project, index: Index) -> None:
    """Two manifests that cannot hold together, and uv's own explanation."""
    index.add("epsilon", "1.0", requires=["alpha<2"])
    write_base(project, index, "alpha >=2")
    write_child(project, "a", "epsilon")
    run = project.run("lock", check=1)
    assert "manifests/base.yaml:6" in run.err
    assert "manifests/a.yaml:4" in run.err
    assert "alpha" in run.err
    assert "Lock: 1 failed." in run.out
    assert not (project.path / "locks").exists()


def test_urls_carry_no_credentials(project: Project) -> None:
    """Neither the lock, nor the records, nor a log; the host's own settings give them to uv."""
    with Index(auth=("someone", "s3cret/%")) as private:
        private.add("hidden", "1.0")
        write_child(project, "a", "hidden", extends="base")
        project.write("manifests/base.yaml", "abstract: true\n")
        project.run("apply", env={"UV_DEFAULT_INDEX": private.url}, check=1)
        env: dict[str, str | None] = {"UV_DEFAULT_INDEX": private.url_with_credentials}
        run = project.run("apply", "-v", env=env)
        assert run.out.splitlines()[-1] == "Apply: 1 done."
        texts = [path.read_bytes() for path in project.path.rglob("*") if path.is_file()]
        assert not [text for text in texts if b"s3cret" in text or b"someone" in text]
        assert f"url: {private.url.removesuffix('simple/')}files/hidden" in project.read(_LOCK)


def test_an_interrupted_lock_ends_at_once(project: Project) -> None:
    """An index that never answers does not hold Ctrl-C: exit 130, and no half a lock."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/simple/"
        project.write("manifests/a.yaml", f"pip:\n  index_url: {url}\ndependencies:\n  - pip: [alpha]\n")
        command = [sys.executable, "-m", "envbuild", "lock"]
        with subprocess.Popen(command, cwd=project.path, env=dict(project.environ), stderr=subprocess.PIPE) as process:
            silent.settimeout(20)
            connection, _ = silent.accept()
            with connection:
                process.send_signal(signal.SIGINT)
                begun = time.monotonic()
                try:
                    process.wait(60)
                finally:
                    process.kill()
            assert process.returncode == 130
            assert time.monotonic() - begun < 10
    assert not (project.path / "locks").exists()


def test_an_index_that_is_gone_is_said_plainly(one: Project, index: Index) -> None:
    """No traceback and nothing written; once it is back, it works."""
    index.close()
    run = one.run("lock", check=1, env={"UV_HTTP_TIMEOUT": "1", "UV_CACHE_DIR": str(one.path.parent / "empty")})
    assert "hint: " in run.err
    assert not (one.path / "locks").exists()
    assert actions(one) == {"a": "create"}


def test_what_is_loaded_meanwhile_does_not_harm_a_solver(one: Project) -> None:
    """Python's own configuration is made on first use, half-made for who asks meanwhile: before there are threads."""
    code = (
        "import sys, sysconfig, threading; made = sysconfig._init_posix\n"
        "def making(values): print('made by', threading.current_thread().name, file=sys.stderr); made(values)\n"
        "sysconfig._init_posix = making\n"
        "sys.argv = ['envbuild', 'lock']; from envbuild.cli import main; main()"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=one.path, env=dict(one.environ), capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout.splitlines()[-1:]) == (0, ["Lock: 1 solved."]), ran.stderr
    assert [line for line in ran.stderr.splitlines() if "made by" in line] == ["made by MainThread"]
