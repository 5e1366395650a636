"""`envbuild export explicit`: the URLs of conda packages, as conda-lock's own files have them."""

import hashlib
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from support.condachannel import Channel, ServedChannel
from support.condapkg import Package
from support.exported import plain, write_mixed
from support.index import Index
from support.project import Project

TEXT = """\
# a, for linux-64: the packages that are locked; written by envbuild.
# trains the model
# To make it: conda create -n NAME --file FILE, or micromamba create -n NAME -f FILE.
# What stands behind '# pip' is installed by conda-lock; other tools may leave it out.
# platform: linux-64
@EXPLICIT
CHANNEL/linux-64/blas-1.0-a_b_1.conda#MD5
CHANNEL/linux-64/python-3.11.7-h0_0.conda#MD5
CHANNEL/linux-64/numpy-2.1.3-py311_0.conda#MD5
CHANNEL/noarch/pip-24.0-0.conda#MD5
# pip alpha @ INDEX/files/alpha-2.0-py3-none-any.whl#sha256=SHA256
# pip beta @ INDEX/files/beta-1.0-py3-none-any.whl#sha256=SHA256
# pip private @ INDEX/files/private-1.0-py3-none-any.whl#sha256=SHA256
"""
TOLD = """\
a: channels: CHANNEL is a folder of the machine that locked
manifests/a.yaml:2:12: platforms: osx-arm64: an explicit lock is for one platform, and this is linux-64
  hint: export each with --platform
manifests/a.yaml:13:9: files: an explicit lock has no place for ./own/local-1.0-py3-none-any.whl: install it behind \
the rest
  hint: pip install --no-deps ./own/local-1.0-py3-none-any.whl
manifests/a.yaml:15:1: variables: an explicit lock has no place for variables
manifests/a.yaml:16:22: system_requirements: an explicit lock has no place for __cuda 12.4
manifests/a.yaml:19:15: files: an explicit lock has no place for linked, a file of the project: install it behind the \
rest
  hint: pip install --no-deps ./wheels/linked-1.0-py3-none-any.whl
manifests/a.yaml:21:1: setup: an explicit lock has no place for setup
manifests/a.yaml:22:1: tags: an explicit lock has no place for tags
"""
_LINE = re.compile(r"(?P<url>\S+?)#(?:sha256:)?(?P<hash>[0-9a-f]+)")


@pytest.fixture
def mixed(project: Project, index: Index, tmp_path: Path) -> Project:
    write_mixed(project, index, tmp_path)
    project.run("lock")
    return project


def test_the_text_and_what_has_no_place(mixed: Project, index: Index, tmp_path: Path) -> None:
    """What a package needs stands before it; what is the project's own is told with what to run for it."""
    run = mixed.run("export", "explicit", "a", "--platform", "linux-64")
    assert plain(run.out, index, tmp_path) == TEXT
    assert plain(run.err, index, tmp_path) == TOLD


@pytest.mark.parametrize(("options", "hasher"), [((), "md5"), (("--sha256",), "sha256")])
def test_every_hash_is_that_of_its_file(mixed: Project, options: tuple[str, ...], hasher: str) -> None:
    """In the form that conda reads: bare for MD5, with its name for SHA-256."""
    text = mixed.run("export", "explicit", "a", "--platform", "osx-arm64", *options).out
    lines = text.partition("@EXPLICIT\n")[2].splitlines()
    found = [match for line in lines if (match := _LINE.fullmatch(line))]
    assert len(found) == 4
    for match in found:
        data = Path(unquote(urlsplit(match["url"]).path)).read_bytes()
        assert match["hash"] == hashlib.new(hasher, data, usedforsecurity=False).hexdigest()
        assert ("#sha256:" in match[0]) == (hasher == "sha256")


@pytest.mark.filterwarnings("ignore:conda_lock._vendor:PendingDeprecationWarning", "ignore:path is deprecated")
def test_conda_lock_takes_it_for_one_of_its_own(mixed: Project) -> None:
    """By the parts of conda-lock that install a file: its kind, its platform, its lines for pip."""
    from conda_lock.conda_lock import PKG_PATTERN, _detect_lockfile_kind, do_validate_platform, extract_platform
    from packaging.requirements import Requirement

    mixed.run("export", "explicit", "a", "--platform", "linux-64", "-o", "a.lock")
    text = mixed.read("a.lock")
    assert _detect_lockfile_kind(mixed.path / "a.lock") == "explicit"
    assert extract_platform(text) == "linux-64"
    do_validate_platform(text)
    pip = [line.split("# pip ")[1] for line in text.splitlines() if line.startswith("# pip ")]
    assert [Requirement(line).name for line in pip] == ["alpha", "beta", "private"]
    assert sum(bool(PKG_PATTERN.match(line)) for line in text.splitlines()) == 7


def test_rings_and_names_alone_give_one_order(project: Project, tmp_path: Path) -> None:
    """Packages that need each other are listed once, and the rest by name."""
    channel = Channel(tmp_path / "channel")
    channel.add(
        Package(name="a", depends=("b",)), Package(name="b", depends=("c",)), Package(name="c", depends=("a",)),
        Package(name="z"), Package(name="y", depends=("z",)),
    )  # fmt: skip
    text = f"channels: ['{channel.url}']\nplatforms: [linux-64]\ndependencies: [a, y]\n"
    project.write("manifests/k.yaml", text)
    project.run("lock")
    found = re.findall(r"/([a-z])-1\.0", project.run("export", "explicit", "k").out)
    assert found == ["c", "b", "a", "z", "y"]


def test_no_conda_packages(project: Project, index: Index) -> None:
    """Refused with the format that is meant."""
    project.write("manifests/a.yaml", f"pip: {{index_url: '{index.url}'}}\ndependencies: [{{pip: [alpha]}}]\n")
    project.run("lock")
    run = project.run("export", "explicit", "a", check=64)
    assert run.err.splitlines() == [
        "error: 'a' has no conda packages, and an explicit lock lists those",
        "  hint: write what pip reads: envbuild export pip a",
    ]
    assert run.out == ""


def test_variables_of_the_machine_stay_out_of_urls(project: Project, tmp_path: Path) -> None:
    """conda-lock's own writer replaces $HOME in a URL; here it can mean nothing but itself."""
    Channel(tmp_path / "$HOME", Package(name="tool"))
    with ServedChannel(tmp_path) as served:
        project.write(
            "manifests/a.yaml", f"channels: ['{served.url}/$HOME']\nplatforms: [linux-64]\ndependencies: [tool]\n"
        )
        project.run("lock")
        text = project.run("export", "explicit", "a").out
        assert f"{served.url}/%24HOME/linux-64/tool-1.0-0.conda#" in text
        assert str(tmp_path) not in text
