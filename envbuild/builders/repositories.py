"""The files of a repository at the commit that is locked; git has settings and credentials of its own."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from envbuild.builders.target import Target, Tools, note
from envbuild.errors import BuildError, Place
from envbuild.lock import Pin
from envbuild.process import Ran, child_environment
from envbuild.solvers.origins import public_url

# What a hook of git tells programs: which repository it is about.
_OF_HOOKS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_NAMESPACE")
_REFS = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
_HINT = "check that this machine may read it, or run 'envbuild lock'"


def is_repository(pin: Pin) -> bool:
    return "+" in pin.url.partition(":")[0]


class Repository(msgspec.Struct, frozen=True):
    """Where it is, its commit, and the folder in it that is the package."""

    name: str
    url: str
    commit: str
    folder: str

    @classmethod
    def of(cls, pin: Pin) -> "Repository":
        bare, _, fragment = pin.url.partition("+")[2].partition("#")
        return cls(pin.name, bare.rpartition("@")[0], pin.sha256, fragment.removeprefix("subdirectory="))

    @property
    def origin(self) -> bytes:
        """As `direct_url.json` has it."""
        below = {"subdirectory": self.folder} if self.folder else {}
        known = {"vcs": "git", "commit_id": self.commit}
        return msgspec.json.encode({"url": public_url(self.url), "vcs_info": known, **below})


def checked_out(one: Repository, folder: Path, target: Target, tools: Tools) -> Path:
    """The package's own folder, with all that the repository knows: builds ask for tags and what came before."""
    folder.mkdir(parents=True)
    git = _Git(one, folder, target, tools)
    git.run("init", "--quiet")
    git.run("fetch", "--quiet", "--", one.url, *_REFS)
    if git.ran("cat-file", "-e", f"{one.commit}^{{commit}}").code:  # on no branch
        git.run("fetch", "--quiet", "--", one.url, one.commit)
    git.run("checkout", "--quiet", "--detach", one.commit)
    git.run("submodule", "--quiet", "update", "--init", "--recursive")
    found = (folder / one.folder).resolve()
    if not found.is_relative_to(folder.resolve()) or not found.is_dir():
        where = Place(target.environment.path)
        raise BuildError(f"the repository of {one.name} has no folder '{one.folder}'", where, "run 'envbuild lock'")
    return found


class _Git(msgspec.Struct, frozen=True):
    one: Repository
    folder: Path
    target: Target
    tools: Tools

    def run(self, *words: str) -> None:
        ran = self.ran(*words)
        if ran.code:
            said = self.tools.uv.origins.hidden(ran.errors).strip()
            note(self.target.log, said)
            what = f"the repository of {self.one.name} cannot be had: git {words[0]} says: {said or ran.code}"
            raise BuildError(" ".join(what.split()), Place(self.target.environment.path), _HINT)

    def ran(self, *words: str) -> Ran:
        env = _environment(self.tools.host)
        return self.tools.programs.run(["git", *words], env=env, cwd=self.folder, hold=self.target.hold)


def _environment(host: Mapping[str, str]) -> dict[str, str]:
    """Nobody is there to be asked for a password."""
    found = child_environment(host)
    return {**{name: value for name, value in found.items() if name not in _OF_HOOKS}, "GIT_TERMINAL_PROMPT": "0"}
