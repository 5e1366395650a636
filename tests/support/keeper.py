"""Keeps a Docker daemon for as long as anyone uses it: `python keeper.py FOLDER BRIDGE ADDRESS`.

Being the first process of a namespace of processes, it takes all others with it when it ends, for whatever reason: the
daemon, its containerd, every container. Mounts go with the namespace of mounts, so the machine never sees one.
"""
# ruff: noqa: S607 - programs are those of the PATH that it is given

import fcntl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_POLL_SECONDS = 0.1
_END_SECONDS = 10
# The daemon's own files are in memory, so that a slow disk makes no test slow and nothing is left to remove. containerd
# puts sockets here whatever it is told, and a name of one must be short; nobody else sees what is here.
_PRIVATE = Path("/run/containerd")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let only one begin or end with the daemon of FOLDER at a time."""
    with _opened(folder, "lock") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def use(folder: Path) -> IO[str]:
    """Count as one who uses the daemon, until the file is closed, or this process is no more."""
    file = _opened(folder, "users")
    fcntl.flock(file, fcntl.LOCK_SH)
    return file


def kept(folder: Path) -> IO[str]:
    """Give the file that says the daemon is there as long as any process has it open."""
    file = _opened(folder, "kept")
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def is_used(folder: Path) -> bool:
    return _is_held(folder, "users")


def is_kept(folder: Path) -> bool:
    return _is_held(folder, "kept")


def _is_held(folder: Path, name: str) -> bool:
    with _opened(folder, name) as file:
        return not _taken(file)


def _taken(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _opened(folder: Path, name: str) -> IO[str]:
    return Path(folder, f"{name}.lock").open("w")


@contextmanager
def _bridge(name: str, address: str) -> Iterator[None]:
    """Give containers a network of their own: the daemon's usual one would be another daemon's, or stay."""
    subprocess.run(["ip", "link", "add", name, "type", "bridge"], check=True)
    try:
        subprocess.run(["ip", "address", "add", address, "dev", name], check=True)
        yield
    finally:
        subprocess.run(["ip", "link", "delete", name], check=True)


@contextmanager
def _daemon(folder: Path, bridge: str) -> Iterator[subprocess.Popen[bytes]]:
    places = {option: _PRIVATE / option for option in ("data-root", "exec-root", "pidfile")}
    places["config-file"] = folder / "daemon.json"
    command = ["dockerd", *(f"--{option}={place}" for option, place in places.items())]
    # The rules of the machine's packet filter, and whether it forwards packets, are not ours to change.
    command += ["--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false", "--log-level=warn"]
    command += [f"--host=unix://{folder}/docker.sock", f"--bridge={bridge}"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            _kill_containers(folder)
            process.terminate()
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _kill_containers(folder: Path) -> None:
    """Spare them the seconds that a daemon gives them to end, and let it put away what it has of them."""
    docker = ["docker", f"--host=unix://{folder}/docker.sock"]
    running = subprocess.run([*docker, "ps", "--quiet"], stdout=subprocess.PIPE, text=True, check=False).stdout.split()
    if running:
        subprocess.run([*docker, "kill", *running], stdout=subprocess.DEVNULL, check=False)


def _until_unused(folder: Path, process: subprocess.Popen[bytes], lock: IO[str]) -> None:
    """Return with LOCK taken, so that nobody begins with a daemon that is about to end, or when it ended by itself."""
    while process.poll() is None:
        if _taken(lock):
            if not is_used(folder):
                return
            fcntl.flock(lock, fcntl.LOCK_UN)
        time.sleep(_POLL_SECONDS)


def _keep(folder: Path, bridge: str, address: str) -> None:
    _PRIVATE.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", _PRIVATE], check=True)
    with _opened(folder, "lock") as lock, _bridge(bridge, address), _daemon(folder, bridge) as process:
        _until_unused(folder, process, lock)


if __name__ == "__main__":
    _keep(Path(sys.argv[1]), *sys.argv[2:])
