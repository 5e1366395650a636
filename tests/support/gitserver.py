"""A git repository on loopback, read over plain HTTP as static files are."""

import os
import subprocess
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from .loopback import Loopback, Reply, Request
from .wheels import source_files

_WHO = {
    **{f"GIT_{who}_{what}": "test" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


class GitServer(Loopback):
    """Serve `repo.git`, whose branch is `main`."""

    def __init__(self, folder: Path) -> None:
        self._tree = folder / "tree"
        self._bare = folder / "repo.git"
        self._tree.mkdir(parents=True)
        self._git("init", "--quiet", "--initial-branch", "main")
        super().__init__()

    @property
    def repository(self) -> str:
        return f"{self.url}/repo.git"

    def commit(self, name: str, version: str, folder: str = "") -> str:
        """Put a package that builds into a folder of the tree, in place of what is there, and give the commit."""
        for path in (self._tree / folder).rglob("*"):
            if path.is_file() and ".git" not in path.parts:
                path.unlink()
        return self.commit_files({str(Path(folder) / path): data for path, data in source_files(name, version).items()})

    def commit_files(self, files: Mapping[str, bytes]) -> str:
        for path, data in files.items():
            whole = self._tree / path
            whole.parent.mkdir(parents=True, exist_ok=True)
            whole.write_bytes(data)
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "--message", "more")
        self._publish()
        return self._git("rev-parse", "HEAD")

    def branch(self, name: str) -> None:
        self._git("branch", "--force", name)
        self._publish()

    def _publish(self) -> None:
        if not self._bare.exists():
            self._git("clone", "--quiet", "--bare", str(self._tree), str(self._bare))
        self._git("push", "--quiet", "--force", "--all", str(self._bare))
        self._git("-C", str(self._bare), "update-server-info")

    def _git(self, *arguments: str) -> str:
        environ = {**os.environ, **_WHO}
        ran = subprocess.run(
            ["git", *arguments],  # noqa: S607 - the one that uv finds
            cwd=self._tree,
            env=environ,
            check=True,
            capture_output=True,
            text=True,
        )
        return ran.stdout.strip()

    def answer(self, request: Request) -> Reply:
        path = self._bare / request.path.partition("/repo.git/")[2].partition("?")[0]
        if not path.is_file():
            return Reply(HTTPStatus.NOT_FOUND)
        return Reply(HTTPStatus.OK, path.read_bytes(), {"Cache-Control": "no-cache"})
