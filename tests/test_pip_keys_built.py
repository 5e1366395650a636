"""The keys of `pip` in the local builder: what is installed is what was locked, built as the manifest says."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from support.condachannel import Channel
from support.condapkg import Archive, Package
from support.folders import write_asking, write_package
from support.gitserver import GitServer
from support.index import Index
from support.line import apply_twice, reference
from support.project import Project
from support.wheels import sdist_bytes, source_files, wheel_bytes

_NEEDS = b"import alpha\nfrom real import build_wheel\n"


def needy(name: str, needed: str = "alpha") -> tuple[str, bytes]:
    """A source that builds only where a package is installed that it does not ask for."""
    own = source_files(name, "1.0", requires=[needed])
    needs = _NEEDS.replace(b"alpha", needed.encode())
    return sdist_bytes(name, "1.0", files={**own, "real.py": own["backend.py"], "backend.py": needs})


def put(project: Project, folder: str, *files: tuple[str, bytes]) -> None:
    for name, data in files:
        project.write(f"{folder}/{name}", "").write_bytes(data)


def python(project: Project, code: str, env: Mapping[str, str] | None = None) -> str:
    return project.run("run", "a", "--", "python", "-c", code, env=env).out.strip()


def write(project: Project, url: str, pip: str, *items: str, more: str = "") -> None:
    write_asking(project, url, *items, more=more)
    text = project.read("manifests/a.yaml").replace(f'{{index_url: "{url}"}}', f'{{index_url: "{url}", {pip}}}')
    project.write("manifests/a.yaml", text)


@pytest.mark.parametrize("stated", ["[needy]", "[Needy]", "true"])
def test_a_source_is_built_in_its_environment(project: Project, index: Index, stated: str) -> None:
    """With no isolation it sees what is installed before it; with isolation it does not, and is not installed."""
    index.add("needy", "1.0", requires=["alpha"])
    index.add_file(*needy("needy"))
    write(project, index.url, "no_binary: [needy]", "needy")
    run = project.run("apply", check=1)
    assert "uv could not install the packages" in run.out + run.err
    write(project, index.url, f"no_binary: [needy], no_build_isolation: {stated}", "needy")
    assert "needy-1.0.tar.gz" in (project.run("lock"), project.read("locks/a.conda-lock.yml"))[1]
    apply_twice(project)
    assert python(project, "import needy, alpha; print(needy.__version__)") == "1.0"


def test_a_folder_and_an_editable_are_built_in_their_environment(project: Project, index: Index) -> None:
    """The same holds for packages of the project; a wheel of it goes in beside them, whatever `no_binary` says."""
    put(project, "files", wheel_bytes("helper", "1.0"))
    for name in ("one", "two"):
        write_package(project, name, name, needs=["helper"])
        backend = project.read(f"{name}/backend_of_a_test.py")
        project.write(f"{name}/backend_of_a_test.py", f"import helper\n{backend}")
    items = ("../one", "-e ../two", "../files/helper-1.0-py3-none-any.whl")
    write(project, index.url, "no_binary: [':all:'], no_build_isolation: true", *items)
    apply_twice(project)
    assert python(project, "import one, two, helper; print(two.__file__)") == f"{project.path}/two/src/two/__init__.py"


def test_a_source_is_built_beside_conda_packages(
    project: Project, index: Index, conda_python: Archive, tmp_path: Path
) -> None:
    """It sees what conda has installed; setup runs when all packages are there."""
    channel = Channel(tmp_path / "channel", conda_python)
    site = "lib/python3.11/site-packages"
    from support.condapkg import File

    files = {
        f"{site}/brought/__init__.py": File(b"value = 7\n"),
        f"{site}/brought-1.0.dist-info/METADATA": File(b"Metadata-Version: 2.1\nName: brought\nVersion: 1.0\n"),
    }
    channel.add(
        Package(name="pip", version="24.0", noarch="python", subdir="noarch", depends=["python"]),
        Package(name="brought", version="1.0", depends=["python"], files=files),
    )
    index.add("needy", "1.0", requires=["brought"])
    index.add_file(*needy("needy", "brought"))
    project.write(
        "manifests/a.yaml",
        f'channels: ["{channel.url}"]\n'
        f'pip: {{index_url: "{index.url}", no_binary: [needy], no_build_isolation: [needy]}}\n'
        "dependencies: [python, brought, {pip: [needy]}]\n"
        "setup:\n  - python -c 'import needy, brought; print(brought.value)' > seen\n",
    )
    apply_twice(project)
    assert (Path(reference(project, "a")) / "seen").read_text() == "7\n"


def test_files_of_a_folder_are_installed(project: Project, index: Index, tmp_path: Path) -> None:
    """A wheel and a source of `find_links`, by the lock's hashes; another file of that name is not."""
    put(project, "wheels", wheel_bytes("linked", "1.0"), sdist_bytes("sourced", "2.0"))
    write(project, index.url, "find_links: [../wheels]", "linked", "sourced")
    apply_twice(project)
    assert python(project, "import linked, sourced; print(linked.__version__, sourced.__version__)") == "1.0 2.0"
    put(project, "wheels", wheel_bytes("linked", "1.0", modules={"linked/evil.py": ""}))
    project.write("manifests/a.yaml", project.read("manifests/a.yaml") + "setup: ['true']\n")
    run = project.run("apply", "--locked", check=1, env={"UV_CACHE_DIR": str(tmp_path / "cold")})
    assert "==1.0 has sha256 " in run.out + run.err
    project.remove("wheels/linked-1.0-py3-none-any.whl")
    run = project.run("apply", check=1)
    assert "the file of linked is gone: wheels/linked-1.0-py3-none-any.whl" in run.out + run.err


def test_repositories_and_urls_are_what_was_locked(project: Project, index: Index, tmp_path: Path) -> None:
    """The branch has moved since, and the folder of the repository is the one that was asked for."""
    filename, data = wheel_bytes("direct", "1.0")
    index.add_file(filename, data)
    url = f"{index.url.removesuffix('simple/')}files/{filename}"
    with GitServer(tmp_path / "git") as server:
        server.commit("cloned", "1.0")
        server.commit("deep", "1.0", "sub/deep")
        items = (
            f"cloned @ git+{server.repository}@main",
            f"deep @ git+{server.repository}@main#subdirectory=sub/deep",
            f"direct @ {url}",
        )
        write_asking(project, index.url, *items)
        project.run("lock")
        server.commit("cloned", "2.0")
        server.commit("deep", "2.0", "sub/deep")
        apply_twice(project)
        code = "import cloned, deep, direct; print(cloned.__version__, deep.__version__, direct.__version__)"
        assert python(project, code) == "1.0 1.0 1.0"
        index.add_file(filename, wheel_bytes("direct", "1.0", modules={"direct/evil.py": ""})[1])
        project.write("manifests/a.yaml", project.read("manifests/a.yaml") + "setup: ['true']\n")
        run = project.run("apply", "--locked", check=1, env={"UV_CACHE_DIR": str(tmp_path / "cold")})
        assert "==1.0 has sha256 " in run.out + run.err


def test_a_bound_index_is_asked_with_its_credentials(project: Project, index: Index, tmp_path: Path) -> None:
    """They are the host's, by the index's name; the lock and the log know none, and without them nothing comes."""
    with Index(auth=("user", "CANARY")) as private:
        private.add("secret", "1.0")
        write(project, index.url, f'indexes: {{mine: {{url: "{private.url}", packages: [secret]}}}}', "secret")
        env = {"UV_INDEX_MINE_USERNAME": "user", "UV_INDEX_MINE_PASSWORD": "CANARY"}
        project.run("lock", env=env)
        cold = {"UV_CACHE_DIR": str(tmp_path / "cold")}
        run = project.run("apply", check=1, env=cold)
        assert f"{private.address} wants credentials that it was not given (401 Unauthorized)" in run.out + run.err
        project.run("apply", env={**env, **cold})
        assert python(project, "import secret; print(secret.__version__)", env=env) == "1.0"
        for path in project.path.rglob("*"):
            assert not path.is_file() or b"CANARY" not in path.read_bytes(), path


def test_what_a_build_needs_comes_from_further_indexes(project: Project, index: Index, tmp_path: Path) -> None:
    """Of the manifest's, as when it was locked."""
    with Index() as further:
        further.add("tooling", "1.0", modules={"tooling/__init__.py": "value = 1\n"})
        own = source_files("built", "1.0")
        system = own["pyproject.toml"].replace(b"requires = []", b'requires = ["tooling"]')
        needs = b"import tooling\nfrom real import build_wheel\n"
        files = {**own, "pyproject.toml": system, "real.py": own["backend.py"], "backend.py": needs}
        index.add("built", "1.0")
        index.add_file(*sdist_bytes("built", "1.0", files=files))
        write(project, index.url, f'no_binary: [built], extra_index_urls: ["{further.url}"]', "built")
        project.run("apply", env={"UV_CACHE_DIR": str(tmp_path / "cold")})
        assert python(project, "import built; print(built.__version__)") == "1.0"
