"""`envbuild import explicit`: lists of URLs, as three tools write them, and back to the same records."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.condachannel import Channel
from support.condapkg import Package, archive
from support.condaworld import manifest, pinned, second, settings, world
from support.index import Index
from support.project import Project

CANARY = "Canary-5ecret"
FORGE = "https://conda.anaconda.org/conda-forge"
MD5, SHA256 = "a" * 32, "b" * 64


@pytest.fixture
def started(project: Project) -> Project:
    project.write("envbuild.yaml", "platforms: [linux-64]\n")
    return project


def test_what_tools_write(started: Project) -> None:
    """Platforms, either hash or none, both endings, known channels by their names, conda-lock's lines of pip."""
    started.write(
        "spec.txt",
        f"""
        # This file may be used to create an environment using:
        # $ conda create --name <env> --file <this file>
        # platform: osx-arm64
        # created-by: conda 24.1
        @EXPLICIT
        {FORGE}/osx-arm64/xz-5.2.6-h57fd34a_0.tar.bz2#{MD5}
        {FORGE}/noarch/tzdata-2024a-h0c530f3_0.conda#sha256:{SHA256}
        https://repo.anaconda.com/pkgs/main/osx-arm64/_libgcc_mutex-0.1-main.conda
        https://host.test/a/conda-forge/noarch/ours-1!2.0_rc1-py_0.conda#md5:{MD5}
        # pip six @ https://files.test/six-1.16.0-py2.py3-none-any.whl#sha256={SHA256}
        # pip rich @ https://files.test/rich-13.0-py3-none-any.whl --hash=sha256:{SHA256}
        """,
    )
    run = started.run("import", "explicit", "spec.txt")
    assert "hashes: the hashes of 2 items are not carried" in run.out
    assert started.read("manifests/spec.yaml") == (
        "# Imported from spec.txt.\n"
        "channels:\n  - conda-forge\n  - pkgs/main\n"
        '  - "https://host.test/a/conda-forge"\n'
        "platforms:\n  - osx-arm64\n"
        "dependencies:\n"
        f'  - "xz=5.2.6=h57fd34a_0[md5=\\"{MD5}\\"]"\n'
        f'  - "tzdata=2024a=h0c530f3_0[sha256=\\"{SHA256}\\"]"\n'
        '  - "pkgs/main::_libgcc_mutex=0.1=main"\n'
        f'  - "https://host.test/a/conda-forge::ours=1!2.0_rc1=py_0[md5=\\"{MD5}\\"]"\n'
        "  - pip:\n"
        '      - "six @ https://files.test/six-1.16.0-py2.py3-none-any.whl"\n'
        '      - "rich @ https://files.test/rich-13.0-py3-none-any.whl"\n'
    )
    assert started.json("check", "spec")["errors"] == []


def test_the_round_trip_by_conda_lock(project: Project, tmp_path: Path) -> None:
    """What the real command renders of a lock comes back as a lock of equal pins, conda's and PyPI's."""
    first, other = world(tmp_path / "one/forge"), second(tmp_path / "two/forge")
    settings(project, first.url, other.url)
    with Index() as index:
        index.add("alpha", "1.0")
        index.add("beta", "1.0", requires=["alpha>=1", "numpy"])
        pip = f"pip: {{index_url: '{index.url}'}}\n"
        manifest(project, "a", "numpy <2.1", "pure", "extra", "{pip: [beta]}", more=pip)
        project.run("lock", "a")
        lock = project.path / "locks/a.conda-lock.yml"
        command = [str(Path(sys.executable).with_name("conda-lock")), "render", "-k", "explicit", str(lock)]
        subprocess.run(
            command, cwd=project.path, env={"HOME": str(tmp_path), "PATH": ""}, check=True, capture_output=True
        )
        project.run("import", "explicit", "conda-linux-64.lock", "b")
        text = project.read("manifests/b.yaml")
        project.write("manifests/b.yaml", f"{text}{pip}")
        project.run("lock", "b")
        again = {(pin.manager, pin.name, pin.version, pin.sha256) for pin in pinned(project, "b")["linux-64"].pins}
        assert again == {
            (pin.manager, pin.name, pin.version, pin.sha256) for pin in pinned(project, "a")["linux-64"].pins
        }
        assert pinned(project, "b")["linux-64"].conda == pinned(project, "a")["linux-64"].conda


def test_the_same_record_of_channels_that_share_a_name(project: Project, tmp_path: Path) -> None:
    """Version and build are equal in both, the channels are called alike: by channel and hash it is one of them."""
    mine, theirs = (Package(name="x", depends=depends) for depends in ([], ["y"]))
    y = Package(name="y")
    one = Channel(tmp_path / "one/forge", mine, y, Package(name="z"))
    two = Channel(tmp_path / "two/forge", theirs, y)
    md5 = archive(theirs).record["md5"]
    settings(project, one.url)
    for hashed in ("", f"#{md5}"):
        lines = [f"{one.url}/linux-64/{name}-1.0-0.conda" for name in "yz"]
        text = "\n".join(["@EXPLICIT", *lines, f"{two.url}/linux-64/x-1.0-0.conda{hashed}"])
        project.write("s.txt", text)
        project.run("import", "explicit", "s.txt", "--force")
        project.run("lock", "s")
        urls = {pin.name: pin.url for pin in pinned(project, "s")["linux-64"].pins}
        assert urls == {
            "x": f"{two.url}/linux-64/x-1.0-0.conda", "y": lines[0], "z": lines[1],
        }  # fmt: skip


def test_another_file_under_the_same_name_is_not_taken(project: Project, tmp_path: Path) -> None:
    """A hash that the channel does not have any more is refused when it is locked."""
    one = Channel(tmp_path / "one", Package(name="x"))
    settings(project, one.url)
    project.write("s.txt", f"@EXPLICIT\n{one.url}/linux-64/x-1.0-0.conda#{MD5}\n")
    project.run("import", "explicit", "s.txt")
    assert project.run("lock", "s", check=1).err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/opt/pkgs/xz-5.2.6-h0_0.tar.bz2", "a file of one machine is in no channel"),
        ("./xz-5.2.6-h0_0.conda", "a file of one machine is in no channel"),
        (f"{FORGE}/xz-5.2.6-h0_0.conda", "it is no package of a channel"),
        (f"{FORGE}/linux-64/xz.conda", "it is no package of a channel"),
        (f"{FORGE}/linux-64/xz-1-0.zip", "it is no package of a channel"),
        ("xz", "it is no package of a channel"),
        (f"{FORGE}/linux-64/xz-1-0.conda#123", "'123' is neither an md5 nor a 'sha256:'"),
        (f"{FORGE}/win-64/xz-1-0.conda", "the list is one of linux-64"),
        ("http://plain.test/c/linux-64/xz-1-0.conda", "is not https"),
        ("# pip a b c", "not a requirement that pip reads"),
    ],
)
def test_each_thing_that_cannot_be_carried(started: Project, line: str, said: str) -> None:
    """Is named with its line; the rest is carried with '--partial'."""
    started.write("s.txt", f"# platform: linux-64\n@EXPLICIT\n{FORGE}/linux-64/a-1-0.conda\n{line}\n")
    run = started.run("import", "explicit", "s.txt", check=1)
    assert "s.txt:4:1: " in run.err
    assert said in run.err
    assert not (started.path / "manifests").exists()
    started.run("import", "explicit", "s.txt", "--partial")
    assert "a=1=0" in started.read("manifests/s.yaml")
    assert started.json("check", "s")["errors"] == []


def test_credentials_are_neither_written_nor_shown(started: Project) -> None:
    """Told once for each channel; what is carried asks the same channels without them."""
    urls = [
        f"https://conda.anaconda.org/t/{CANARY}/private/linux-64/a-1-0.conda",
        f"https://conda.anaconda.org/t/{CANARY}/private/linux-64/b-1-0.conda",
        f"https://joe:{CANARY}@host.test/forge/linux-64/c-1-0.conda#{MD5}",
        f"https://files.test/forge/linux-64/d-1-0.conda?token={CANARY}",
    ]
    pip = f"# pip e @ https://joe:{CANARY}@files.test/e-1.0-py3-none-any.whl#sha256={SHA256}"
    started.write("s.txt", "\n".join([f"# from https://joe:{CANARY}@x.test", "@EXPLICIT", *urls, pip]))
    for args in ((), ("--json",), ("--partial", "-n"), ("--partial",)):
        run = started.run("import", "explicit", "s.txt", *args, check=None)
        assert CANARY not in run.out + run.err
        assert run.code == (0 if "--partial" in args else 1)
    assert len(started.json("import", "explicit", "s.txt", "x", check=1)["errors"]) == 4
    text = started.read("manifests/s.yaml")
    assert CANARY not in text
    for kept in (
        "  - private\n",
        '- "a=1=0"',
        '- "b=1=0"',
        "https://host.test/forge::c=1=0",
        "e @ https://files.test/e",
    ):
        assert kept in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no line is '@EXPLICIT'"),
        (f"{FORGE}/linux-64/a-1-0.conda\n", "no line is '@EXPLICIT'"),
        ("# platform: linux-64\nxz=5.2.6=h0_0\n", "its lines name no URLs"),
        ("\x00@EXPLICIT\n", "no line is '@EXPLICIT'"),
    ],
)
def test_what_is_no_explicit_list(started: Project, text: str, said: str) -> None:
    """Other lists of conda's are told apart."""
    started.write("s.txt", text)
    assert said in started.run("import", "explicit", "s.txt", check=1).err


def test_standard_input_and_requested(started: Project) -> None:
    """A name has to be said; '--requested' is about prefixes alone."""
    text = f"@EXPLICIT\n{FORGE}/linux-64/a-1-0.conda\n"
    started.run("import", "explicit", "-", stdin=text, check=64)
    started.run("import", "explicit", "-", "x", stdin=text)
    assert started.read("manifests/x.yaml").startswith("# Imported from standard input.\n")
    run = started.run("import", "explicit", "-", "y", "--requested", stdin=text, check=64)
    assert "'--requested' is about an environment of conda" in run.err
