"""Hostile hosts: variables and configuration files of this machine change neither a lock nor a fingerprint."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.index import Index
from support.line import apply_twice, reference, steps, write_base, write_child
from support.project import Project

_LOCK = "locks/a.conda-lock.yml"
_NOWHERE = "http://127.0.0.1:9/simple/"

_VARIABLES: dict[str, dict[str, str]] = {
    "package managers": {
        "PIP_INDEX_URL": _NOWHERE, "PIP_EXTRA_INDEX_URL": _NOWHERE, "PIP_FIND_LINKS": "/nowhere", "PIP_NO_DEPS": "1",
        "PIP_TARGET": "/nowhere", "PIP_PREFIX": "/nowhere", "PIP_USER": "1", "PIP_CONSTRAINT": "/nowhere",
        "PIP_REQUIRE_VIRTUALENV": "1", "PIP_PRE": "1", "PIP_NO_INDEX": "1",
        "UV_INDEX_URL": _NOWHERE, "UV_DEFAULT_INDEX": _NOWHERE, "UV_INDEX": _NOWHERE, "UV_EXTRA_INDEX_URL": _NOWHERE,
        "UV_FIND_LINKS": "/nowhere", "UV_NO_INDEX": "1", "UV_OFFLINE": "1", "UV_PRERELEASE": "allow",
        "UV_RESOLUTION": "lowest", "UV_EXCLUDE_NEWER": "2001-01-01", "UV_CONSTRAINT": "/nowhere",
        "UV_OVERRIDE": "/nowhere", "UV_PYTHON": "3.99", "UV_CONFIG_FILE": "/nowhere/uv.toml", "UV_NO_BINARY": "1",
        "UV_NO_BUILD": "1", "UV_PROJECT_ENVIRONMENT": "/nowhere", "UV_SYSTEM_PYTHON": "1", "UV_REQUIRE_HASHES": "1",
        "UV_VENV_CLEAR": "1", "UV_VENV_SEED": "1", "UV_LINK_MODE": "symlink", "UV_COMPILE_BYTECODE": "1",
        "UV_NO_CACHE": "1", "UV_CUSTOM_COMPILE_COMMAND": "x", "UV_TORCH_BACKEND": "cpu", "UV_PREVIEW": "1",
        "UV_INDEX_STRATEGY": "unsafe-best-match", "UV_EXTRA": "x", "UV_TARGET": "/nowhere", "UV_NO_DEPS": "1",
        "CONDA_PREFIX": "/nowhere", "CONDA_DEFAULT_ENV": "base", "CONDA_SUBDIR": "osx-arm64", "CONDA_CHANNELS": "evil",
        "CONDA_OVERRIDE_CUDA": "12", "CONDA_PKGS_DIRS": "/nowhere", "MAMBA_ROOT_PREFIX": "/nowhere",
    },
    "interpreter and locale": {
        "PYTHONPATH": "{folder}", "PYTHONSTARTUP": "/nowhere", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "7",
        "PYTHONOPTIMIZE": "2", "PYTHONNOUSERSITE": "", "PYTHONUSERBASE": "/nowhere", "VIRTUAL_ENV": "/nowhere",
        "LANG": "tr_TR.UTF-8", "LC_ALL": "C", "LC_NUMERIC": "de_DE", "TZ": "Pacific/Kiritimati", "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0", "LANGUAGE": "de", "COLUMNS": "20", "TERM": "dumb", "FORCE_COLOR": "1",
    },
    "encoding": {"PYTHONIOENCODING": "latin-1", "LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "git and shell": {
        "GIT_DIR": "/nowhere", "GIT_WORK_TREE": "/nowhere", "GIT_CONFIG_GLOBAL": "/nowhere", "ENV": "/nowhere",
        "BASH_ENV": "/nowhere", "CDPATH": "/", "SHELL": "/bin/false",
    },
}  # fmt: skip


@pytest.fixture
def project(project: Project, index: Index) -> Project:
    """Packages, a variable and a setup command with letters beyond ASCII, and an index that the manifest names."""
    write_base(project, index)
    more = "variables:\n  GREETING: grüße\nsetup:\n  - python -c 'import alpha'; echo \"$GREETING — ü\" > said\n"
    write_child(project, "a", "gamma", "alpha ==1.*", more=more)
    return project


def _hostile(kind: str, folder: Path) -> dict[str, str]:
    """PYTHONPATH leads to a module that would be taken for the package, if it led anything of ours there."""
    (folder / "evil").mkdir()
    (folder / "evil/alpha.py").write_text("raise SystemExit('the module of the host was imported')\n")
    return {name: value.format(folder=folder / "evil") for name, value in _VARIABLES[kind].items()}


def _expected(project: Project) -> tuple[str, str]:
    project.run("lock")
    return project.read(_LOCK), steps(project)["a"]["fingerprint"]


@pytest.mark.parametrize("kind", _VARIABLES)
def test_variables_of_the_host_change_no_lock_and_no_fingerprint(project: Project, tmp_path: Path, kind: str) -> None:
    """Locked and planned under them: the same bytes, the same fingerprint."""
    expected = _expected(project)
    project.remove(_LOCK)
    hostile = Project(project.path, {**project.environ, **_hostile(kind, tmp_path)})
    hostile.run("lock")
    assert (project.read(_LOCK), steps(hostile)["a"]["fingerprint"]) == expected


@pytest.mark.parametrize("kind", _VARIABLES)
def test_variables_of_the_host_change_nothing_that_is_built(project: Project, tmp_path: Path, kind: str) -> None:
    """Built under them from a lock that was made without: the same content, and nothing to do afterwards."""
    project.run("lock")
    apply_twice(Project(project.path, {**project.environ, **_hostile(kind, tmp_path)}))
    assert project.run("plan").out.startswith("No changes.")
    assert (Path(reference(project, "a")) / "said").read_text(encoding="utf-8") == "grüße — ü\n"
    code = "import alpha; print(alpha.__version__)"
    assert project.run("run", "a", "--", "python", "-c", code).out == "1.1\n"


@pytest.mark.parametrize("kind", ["home", "project"])
def test_configuration_files_of_the_host(project: Project, kind: str) -> None:
    """uv.toml, pip.conf, pyproject.toml and .python-version: neither those at home nor those in the project count."""
    expected = _expected(project)
    project.remove(_LOCK)
    home = Path(project.environ["HOME"])
    uv = f'index-url = "{_NOWHERE}"\nextra-index-url = ["{_NOWHERE}"]\nresolution = "lowest"\nno-index = true\n'
    pip = f"[global]\nindex-url = {_NOWHERE}\nno-index = true\n[install]\nuser = true\n"
    for path, text in _files(kind, home, project.path, uv, pip).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    project.run("lock")
    assert (project.read(_LOCK), steps(project)["a"]["fingerprint"]) == expected
    apply_twice(project)
    assert project.json("show", "a")["environment"]["packages"][0] == {
        "manager": "pip", "name": "alpha", "version": "1.1",
    }  # fmt: skip


def _files(kind: str, home: Path, root: Path, uv: str, pip: str) -> dict[Path, str]:
    if kind == "home":
        return {
            home / ".config/uv/uv.toml": uv,
            home / ".config/pip/pip.conf": pip,
            home / ".pip/pip.conf": pip,
            home / ".pydistutils.cfg": "[install]\nprefix=/nowhere\n",
            home / ".condarc": "channels: [evil]\n",
        }
    return {
        root / "uv.toml": uv,
        root / "pip.conf": pip,
        root / ".python-version": "3.99\n",
        root / "pyproject.toml": f'[project]\nname = "x"\nversion = "1"\n[[tool.uv.index]]\nurl = "{_NOWHERE}"\n',
        root / "alpha.py": "raise SystemExit('the working directory was imported from')\n",
        root / ".env": f"UV_INDEX_URL={_NOWHERE}\n",
    }


@pytest.fixture
def other_index() -> Iterator[Index]:
    with Index() as index:
        index.add("alpha", "7.0")
        yield index


@pytest.mark.parametrize("how", ["uv variable", "pip variable", "uv.toml", "pip.conf"])
def test_the_host_says_where_packages_come_from_when_no_manifest_does(
    project: Project, other_index: Index, how: str
) -> None:
    """Its index is used, and is no part of the request: the lock says only which files they are."""
    project.write("manifests/a.yaml", "dependencies:\n  - pip: [alpha]\n")
    env: dict[str, str | None] = {}
    config = Path(project.environ["HOME"], ".config")
    match how:
        case "uv variable":
            env = {"UV_DEFAULT_INDEX": other_index.url, "PIP_INDEX_URL": _NOWHERE}
        case "pip variable":
            env = {"PIP_INDEX_URL": other_index.url}
        case "uv.toml":
            (config / "uv").mkdir(parents=True)
            (config / "uv/uv.toml").write_text(f'[[index]]\nurl = "{other_index.url}"\ndefault = true\n')
        case "pip.conf":
            (config / "pip").mkdir(parents=True)
            (config / "pip/pip.conf").write_text(f"[global]\nindex-url = {other_index.url}\n")
    project.run("lock", env=env)
    head, _, body = project.read(_LOCK).partition("\npackage:")
    assert "7.0" in body
    assert other_index.url not in head


def test_the_manifest_s_index_wins(project: Project, index: Index, other_index: Index) -> None:
    """The host's index is not even asked."""
    env: dict[str, str | None] = {
        "UV_DEFAULT_INDEX": other_index.url, "UV_INDEX": other_index.url, "PIP_INDEX_URL": other_index.url,
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }  # fmt: skip
    write_child(project, "a", "alpha")
    project.run("apply", env=env)
    assert "version: '2.0'" in project.read(_LOCK)
    assert other_index.requests == []
    assert index.requests


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_the_umask_changes_nothing(project: Project, umask: int) -> None:
    """What is written can be read by whom it should: the prefix has the usual modes, whatever the umask."""
    expected = _expected(project)
    project.remove(_LOCK)
    before = os.umask(umask)
    try:
        project.run("apply")
    finally:
        os.umask(before)
    assert (project.read(_LOCK), (project.path / _LOCK).stat().st_mode & 0o777) == (expected[0], 0o644)
    apply_twice(project)
    said = Path(reference(project, "a")) / "said"
    assert said.stat().st_mode & 0o777 == 0o644


def test_uv_variables_that_say_how_to_reach_the_network_stay(project: Project, other_index: Index) -> None:
    """A cache folder of the user is used, and a proxy is not bypassed."""
    cache = project.path.parent / "own-cache"
    project.run("lock", env={"UV_CACHE_DIR": str(cache)})
    assert cache.is_dir()
    project.write("manifests/a.yaml", "dependencies:\n  - pip: [alpha]\n")
    env: dict[str, str | None] = {
        "UV_DEFAULT_INDEX": "http://index.invalid/simple/", "HTTP_PROXY": other_index.url.rpartition("/simple")[0],
        "http_proxy": other_index.url.rpartition("/simple")[0], "ALL_PROXY": None, "all_proxy": None,
    }  # fmt: skip
    project.run("lock", env=env)
    assert "7.0" in project.read(_LOCK)
    assert "/simple/alpha/" in other_index.requests
