"""Catalogues in git: one commit, fetched once by the real git, kept as it is, and never asked for again."""

import hashlib
import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path

import pytest
from support.gitserver import GitServer
from support.line import actions, closed_port
from support.loopback import Reply, Request
from support.project import Project

_SHARED = b"description: shared by all\nvariables: {SHARED: '1'}\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "git") as server:
        yield server


@pytest.fixture
def commit(server: GitServer) -> str:
    """The first commit; the branch is one further by now, and says something else."""
    first = server.commit_files({
        "envs/base.yaml": _SHARED,
        "envs/train.yaml": b"extends: base\nvariables: {OWN: '1'}\n",
        "envs/crlf.yaml": b"extends: base\r\n",
        "envs/tool": b"#!/bin/sh\n",
        ".gitattributes": b"* text eol=crlf\nenvs/sub export-ignore\n",
        "other/secret.yaml": b"variables: {A: '1'}\n",
    })  # fmt: skip
    server.commit_files({"envs/base.yaml": _SHARED.replace(b"'1'", b"'2'")})
    return first


def lent(project: Project, server: GitServer, commit: str, more: str = ", path: envs") -> Project:
    project.write("envbuild.yaml", f"catalogues:\n  team: {{git: '{server.repository}', commit: '{commit}'{more}}}\n")
    project.write("manifests/own.yaml", "extends: team/train\n")
    return project


def kept(project: Project) -> Path:
    (found,) = (Path(project.environ["XDG_CACHE_HOME"]) / "envbuild/catalogues").iterdir()
    return found


def test_a_commit_is_fetched_once(project: Project, server: GitServer, commit: str) -> None:
    """What it says holds, whatever its branch says by now; afterwards neither git nor a network is needed."""
    lent(project, server, commit)
    assert actions(project) == {"own": "create"}
    asked = len(server.requests)
    values = {one["field"]: one["value"] for one in project.json("explain", "own")["values"]}
    assert values["variables.SHARED"] == '"1"'
    assert len(server.requests) == asked > 0
    server.close()
    assert actions(project, "team/train") == {"team/train": "create"}
    assert "team/train" in project.run("list", "--curated", env={"PATH": os.fspath(project.path)}).out


def test_files_are_as_the_commit_has_them(project: Project, server: GitServer, commit: str) -> None:
    """No line ending, filter, attribute or hook of this machine or of the repository changes any."""
    home = Path(project.environ["HOME"])
    (home / "hooks").mkdir(parents=True, exist_ok=True)
    (home / "hooks/post-checkout").write_text("#!/bin/sh\ntouch ~/ran\n")
    (home / "hooks/post-checkout").chmod(0o755)
    (home / ".gitconfig").write_text(
        f'[core]\n\tautocrlf = true\n\thooksPath = {home}/hooks\n[filter "x"]\n\tsmudge = touch {home}/ran\n'
    )
    lent(project, server, commit).run("plan")
    files = {path.name: path.read_bytes() for path in (kept(project) / "files").iterdir()}
    assert files["base.yaml"] == _SHARED
    assert set(files) == {"base.yaml", "train.yaml", "crlf.yaml", "tool"}
    assert not (home / "ran").exists()


def test_the_whole_of_a_repository_may_be_meant(project: Project, server: GitServer, commit: str) -> None:
    """Then names begin at its root."""
    lent(project, server, commit, more="")
    project.write("manifests/own.yaml", "extends: team/other/secret\n")
    assert actions(project) == {"own": "create"}


def test_a_damaged_file_is_fetched_anew(project: Project, server: GitServer, commit: str) -> None:
    """Changed, gone, a link, one too many, its list damaged: never used, and an error where it cannot be had again."""
    lent(project, server, commit).run("plan")
    base = kept(project) / "files/base.yaml"
    for harm in ("changed", "gone", "link", "list", "more"):
        before = base.read_bytes()
        if harm == "changed":
            base.write_bytes(before.replace(b"'1'", b"'3'"))
        elif harm == "gone":
            base.unlink()
        elif harm == "link":
            base.unlink()
            base.symlink_to("train.yaml")
        elif harm == "more":
            (base.parent / "planted.yaml").write_bytes(before)
        else:
            (kept(project) / "listing").write_bytes(b"")
            base.write_bytes(before.replace(b"'1'", b"'3'"))
        assert project.run("explain", "own", "variables.SHARED").out.startswith('variables.SHARED: "1"'), harm
        assert base.read_bytes() == _SHARED, harm
        assert not (base.parent / "planted.yaml").exists(), harm
    base.unlink()
    server.close()
    err = project.run("plan", check=1).err
    assert err.startswith(f"envbuild.yaml:2:9: git cannot fetch {server.repository}: ")


def test_two_projects_share_what_was_fetched(project: Project, server: GitServer, commit: str, tmp_path: Path) -> None:
    """The commit is its identity: also under another name and from another URL."""
    lent(project, server, commit).run("plan")
    server.close()
    other = Project(tmp_path / "other", project.environ)
    other.write(
        "envbuild.yaml", f"catalogues: {{x: {{git: 'https://h.example/moved', commit: '{commit}', path: envs}}}}\n"
    )
    assert actions(other, "x/train") == {"x/train": "create"}


def test_what_a_catalogue_in_git_has_is_locked_and_built(project: Project, server: GitServer, commit: str) -> None:
    """By its name; the lock names no place of this machine."""
    lent(project, server, commit)
    project.run("apply", "team/train", "own")
    assert project.run("plan").out == "No changes. 1 environment is up to date.\n"
    assert project.run("run", "team/train", "--", "sh", "-c", "echo $SHARED $OWN").out == "1 1\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{git: '--upload-pack=touch x', commit: CC}", "'--upload-pack=touch x' is an option, and no URL"),
        ("{git: '-oProxyCommand=x', commit: CC}", "'-oProxyCommand=x' is an option, and no URL"),
        ("{git: 'ssh://-oProxyCommand=x/y', commit: CC}", "'ssh://-oProxyCommand=x/y' has no valid host"),
        ("{git: 'ssh://-l@h.example/y', commit: CC}", "'ssh://-l@h.example/y' has no valid host"),
        ("{git: 'ext::sh -c touch% x', commit: CC}", "'ext::sh -c touch% x' is no URL that git can have"),
        ("{git: 'file:///srv/repo', commit: CC}", "'file:///srv/repo' is a place of one machine"),
        ("{git: /srv/repo, commit: CC}", "'/srv/repo' is no URL that git can have a repository from"),
        ("{git: ../repo, commit: CC}", "'../repo' is no URL that git can have a repository from"),
        ("{git: 'git://h.example/x', commit: CC}", "git is not asked by 'git:'"),
        ("{git: 'http://h.example/x', commit: CC}", "'http://h.example/x' is not https"),
        ("{git: 'https://me:hush@h.example/x', commit: CC}", "credentials may not stand in a file"),
        ("{git: 'https://h.example/x?token=hush', commit: CC}", "a repository has no '?' and no '#' behind its path"),
        ("{git: 'https://h.example:x/y', commit: CC}", "'https://h.example:x/y' has no valid host"),
        ("{git: 'https://h.example/x', commit: main}", "'main' is no commit: branches, tags and short forms may move"),
        ("{git: 'https://h.example/x', commit: v1.0}", "'v1.0' is no commit"),
        ("{git: 'https://h.example/x', commit: abcdef1}", "'abcdef1' is no commit"),
        ("{git: 'https://h.example/x', commit: --all}", "'--all' is no commit"),
        ("{git: 'https://h.example/x'}", "'team' has keys that do not go together"),
        ("{git: 'https://h.example/x', commit: CC, path: ../up}", "'../up' is no folder of a repository"),
        ("{git: 'https://h.example/x', commit: CC, path: /up}", "'/up' is no folder of a repository"),
        ("{git: 'https://h.example/x', commit: CC, branch: main}", "unknown key 'branch'"),
    ],
)
def test_what_git_is_never_given(project: Project, text: str, message: str) -> None:
    """Refused where it stands, before any program runs; nothing secret is repeated."""
    project.write("envbuild.yaml", f"catalogues:\n  team: {text.replace('CC', repr('0123456789' * 4))}\n")
    project.write("manifests/own.yaml", "extends: team/x\n")
    run = project.run("plan", check=1)
    assert run.err.startswith("envbuild.yaml:2:")
    assert message in run.err
    assert "hint: " in run.err
    assert "hush" not in run.err
    assert set(project.tree()) == {"envbuild.yaml", "manifests/own.yaml"}


def refused(project: Project, env: dict[str, str] | None = None) -> str:
    run = project.run("plan", "team/train", check=1, env=env)
    assert run.err.startswith("envbuild.yaml:2:9: "), run
    assert "\n  hint: " in run.err
    folder = Path(project.environ["XDG_CACHE_HOME"]) / "envbuild/catalogues"
    assert not folder.exists() or list(folder.iterdir()) == []
    return run.err.removeprefix("envbuild.yaml:2:9: ")


def _blob(data: bytes) -> str:
    """What git calls a file of this content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def test_a_commit_that_is_not_there(project: Project, server: GitServer, commit: str) -> None:
    """Also where the number is that of something else: a tree, a file, a tag."""
    for wrong in ("0" * 40, _blob(_SHARED)):
        assert refused(lent(project, server, wrong)).startswith(f"{server.repository} has no commit {wrong}\n")
    assert commit not in refused(project)


def test_a_folder_that_the_commit_has_not(project: Project, server: GitServer, commit: str) -> None:
    """Told with the commit's first digits; a file is no folder."""
    for path in ("envz", "envs/base.yaml"):
        told = refused(lent(project, server, commit, more=f", path: {path}"))
        assert told == f"the commit {commit[:12]} has no folder '{path}'\n  hint: check the path's spelling\n"


def test_no_git(project: Project, server: GitServer, commit: str, tmp_path: Path) -> None:
    """Only where something has to be fetched."""
    told = refused(lent(project, server, commit), env={"PATH": os.fspath(tmp_path / "nothing")})
    assert told.startswith(f"git has to fetch {server.repository}, and cannot be run: ")
    assert told.endswith("hint: install git\n")


def test_no_network(project: Project, server: GitServer, commit: str) -> None:
    """What git says of it is told; nothing half-fetched is left."""
    server.close()
    told = refused(lent(project, server, commit))
    assert told.startswith(f"git cannot fetch {server.repository}: ")
    assert told.endswith("hint: check the URL, the network, and that git may read it\n")


def test_no_repository_there(project: Project, server: GitServer, commit: str) -> None:
    """Nothing asks for a password, however the server answers."""
    project.write("envbuild.yaml", f"catalogues:\n  team: {{git: '{server.url}/none.git', commit: '{commit}'}}\n")
    assert refused(project).startswith(f"git cannot fetch {server.url}/none.git: ")


class _Closed(GitServer):
    def answer(self, request: Request) -> Reply:  # noqa: ARG002 - whatever is asked
        return Reply(HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": 'Basic realm="x"'})


def test_a_server_that_asks_who_we_are(project: Project, tmp_path: Path) -> None:
    """Credentials are git's own business, and nobody is asked at a prompt."""
    with _Closed(tmp_path / "closed") as server:
        commit = server.commit_files({"envs/train.yaml": _SHARED})
        assert "could not read Username" in refused(lent(project, server, commit))


@pytest.mark.parametrize("form", ["ssh://git@127.0.0.1:PORT/x.git", "git@127.0.0.1:x.git"])
def test_ssh_is_gits_own_business(project: Project, form: str) -> None:
    """It is called as git calls it; what fails is told."""
    url = form.replace("PORT", str(closed_port()))
    project.write("envbuild.yaml", f"catalogues:\n  team: {{git: '{url}', commit: '{'0' * 40}'}}\n")
    told = refused(project, env={"GIT_SSH_COMMAND": "false"})
    assert told.startswith(f"git cannot fetch {url}: ")


def test_variables_of_another_repository_do_not_lead_git_astray(
    project: Project, server: GitServer, commit: str, tmp_path: Path
) -> None:
    """As a hook of git has them set."""
    lent(project, server, commit)
    env = {"GIT_DIR": os.fspath(tmp_path / "wrong"), "GIT_INDEX_FILE": "wrong", "GIT_WORK_TREE": "wrong"}
    assert project.run("plan", env=env).out.startswith("1 of 1 environment changes.")
    assert not (tmp_path / "wrong").exists()


def _commit_of(server: GitServer, tree: Path, name: str, target: str) -> str:
    (tree / name).parent.mkdir(parents=True, exist_ok=True)
    (tree / name).symlink_to(target)
    return server.commit_files({})


@pytest.mark.parametrize("target", ["/etc/passwd", "../../other/secret.yaml", "../other/secret.yaml"])
def test_a_link_that_leads_out(project: Project, server: GitServer, commit: str, tmp_path: Path, target: str) -> None:
    """Of the folder that is meant, of the repository or of both: nothing is kept."""
    assert commit
    wrong = _commit_of(server, tmp_path / "git/tree", "envs/link.yaml", target)
    told = refused(lent(project, server, wrong))
    assert (
        told
        == f"the link 'link.yaml' of {server.repository} leads out of it\n  hint: name a folder of it with 'path'\n"
    )


def test_a_link_within(project: Project, server: GitServer, commit: str, tmp_path: Path) -> None:
    """It is kept as a link."""
    assert commit
    right = _commit_of(server, tmp_path / "git/tree", "envs/deep/link.yaml", "../train.yaml")
    lent(project, server, right)
    assert actions(project, "team/deep/link") == {"team/deep/link": "create"}
    assert (kept(project) / "files/deep/link.yaml").is_symlink()


def test_names_that_no_file_should_have(project: Project, server: GitServer, tmp_path: Path) -> None:
    """A tree that was made by hand, with a path that leads out: git would not check it out, and neither is it kept."""
    tree = tmp_path / "git/tree"
    server.commit_files({"envs/train.yaml": _SHARED})

    def git(*words: str, stdin: bytes = b"") -> str:
        command = ["git", "-C", str(tree), *words]
        return subprocess.run(command, input=stdin, check=True, capture_output=True).stdout.decode().strip()

    blob = git("hash-object", "-w", "--stdin", stdin=b"out\n")
    for name in (b"..", b".git"):
        raw = b"40000 %s\0" % name + bytes.fromhex(_tree(git, blob, b"evil.yaml"))
        outer = git("hash-object", "-w", "-t", "tree", "--literally", "--stdin", stdin=raw)
        wrong = git("commit-tree", outer, "-m", "evil")
        git("update-ref", "refs/heads/main", wrong)
        server.branch("evil")
        told = refused(lent(project, server, wrong, more=""))
        assert told.startswith(f"{server.repository} has a file whose name no file should have\n")
    assert not list(tmp_path.rglob("evil.yaml"))


def _tree(git: Callable[..., str], blob: str, name: bytes) -> str:
    raw = b"100644 %s\0" % name + bytes.fromhex(blob)
    return git("hash-object", "-w", "-t", "tree", "--literally", "--stdin", stdin=raw)


def test_a_cache_that_may_not_be_written(project: Project, server: GitServer, commit: str) -> None:
    """Told with the folder; a file that stands in the way is one such."""
    cache = Path(project.environ["XDG_CACHE_HOME"]) / "envbuild"
    cache.mkdir(parents=True)
    (cache / "catalogues").write_text("")
    run = lent(project, server, commit).run("plan", check=1)
    assert run.err.startswith(f"envbuild.yaml:2:9: what git fetches cannot be kept in {cache}/catalogues: ")


def test_programs_stay_programs(project: Project, server: GitServer, tmp_path: Path) -> None:
    """As far as git knows of it: whether a file may be run."""
    tool = tmp_path / "git/tree/envs/tool"
    tool.parent.mkdir(parents=True)
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    commit = server.commit_files({"envs/train.yaml": _SHARED})
    lent(project, server, commit).run("plan")
    files = kept(project) / "files"
    assert files.joinpath("tool").stat().st_mode & stat.S_IXUSR
    assert not files.joinpath("train.yaml").stat().st_mode & stat.S_IXUSR
    shutil.rmtree(files)
    assert "create" in project.run("plan").out
