"""`overrides` and the keys of `pip` that say which versions and files are taken, put to the real uv."""

import subprocess
from pathlib import Path

import pytest
from support.asked import Asked, pip, versions
from support.index import Index
from support.manifests import environment
from support.project import Project
from support.wheels import sdist_bytes, source_files, wheel_bytes

from envbuild.errors import BuildError, SolveError
from envbuild.lock import Pin, Pins
from envbuild.solvers.installing import install_options, located
from envbuild.solvers.origins import Origins

_PYTHON = ("python =3.11",)
_FAILS = b"raise SystemExit('torch is missing')\n"


@pytest.fixture
def asked(index: Index, tmp_path: Path, uv_cache: Path) -> Asked:
    """Offer both with a wheel and a source, wheeled and sourced with only one of them, and a pre-release."""
    index.add("both", "1.0", requires=["alpha"])
    index.add_file(*sdist_bytes("both", "1.0", requires=["alpha"]))
    index.add("wheeled", "1.0")
    index.add_file(*sdist_bytes("sourced", "1.0"))
    index.add("strict", "1.0", requires=["alpha<2", "early"])
    index.add("early", "1.0")
    index.add("early", "2.0rc1")
    return Asked(index, tmp_path, uv_cache)


def files(pins: Pins) -> dict[str, str]:
    return {pin.name: pin.url.rpartition("/")[2] for pin in pins.pins}


def test_an_override_beats_what_a_package_asks_for(asked: Asked) -> None:
    """Whatever asks, and only for what comes in: an override brings nothing by itself."""
    assert versions(asked.pins(pip("strict", conda=_PYTHON)))["alpha"] == "1.1"
    more = "overrides: [{pip: [alpha==2.0, tool==1.0]}]"
    assert versions(asked.pins(pip("strict", conda=_PYTHON, more=more))) == {
        "alpha": "2.0",
        "early": "1.0",
        "strict": "1.0",
    }


def test_a_constraint_holds_only_for_what_comes_in(asked: Asked) -> None:
    """It brings nothing by itself."""
    pins = asked.pins(pip("both", conda=_PYTHON, more="constraints: [{pip: [alpha<1.1, tool]}]"))
    assert versions(pins) == {"alpha": "1.0", "both": "1.0"}


def test_an_override_makes_a_lock_stale(project: Project, index: Index) -> None:
    """With its line; the lock is then made by it."""
    index.add("strict", "1.0", requires=["alpha<2"])
    text = f"pip: {{index_url: '{index.url}'}}\ndependencies: [{{pip: [strict]}}]\n"
    project.write("manifests/a.yaml", text)
    project.run("lock")
    project.write("manifests/a.yaml", f"{text}overrides: [{{pip: [alpha==2.0]}}]\n")
    (row,) = project.json("lock", "--check", check=3)["environments"]
    assert row["reasons"] == [{"change": "overrides +alpha==2.0", "where": "manifests/a.yaml:3"}]
    project.run("lock")
    assert "alpha-2.0" in project.read("locks/a.conda-lock.yml")
    project.run("lock", "--check")
    project.run("apply")
    assert project.run("run", "a", "--", "python", "-c", "import alpha; print(alpha.__version__)").out == "2.0\n"


def test_pre_releases_are_taken_where_they_are_allowed(asked: Asked) -> None:
    """Also of what only another package asks for."""
    assert versions(asked.pins(pip("strict", conda=_PYTHON)))["early"] == "1.0"
    assert versions(asked.pins(pip("strict", conda=_PYTHON, more="pip: {prerelease: true}")))["early"] == "2.0rc1"


@pytest.mark.parametrize("platform", ["linux-64", "osx-arm64"])
def test_no_binary_locks_the_source(asked: Asked, platform: str) -> None:
    """Of that package alone, as it is spelt or not; for another platform nothing is built to learn of it."""
    text = pip("both", "wheeled", conda=_PYTHON, more="pip: {no_binary: [Both]}")
    assert files(asked.pins(text, platform=platform)) == {
        "alpha": "alpha-2.0-py3-none-any.whl",
        "both": "both-1.0.tar.gz",
        "wheeled": "wheeled-1.0-py3-none-any.whl",
    }


@pytest.mark.parametrize("platform", ["linux-64", "osx-arm64"])
def test_nothing_is_built_that_a_wheel_tells_of(asked: Asked, index: Index, platform: str) -> None:
    """A wheel says what its source needs: a build that fails is none here."""
    index.add("both", "2.0")
    broken = {**source_files("both", "2.0"), "backend.py": _FAILS}
    index.add_file(*sdist_bytes("both", "2.0", files=broken))
    text = pip("both", conda=_PYTHON, more="pip: {no_binary: [both]}")
    assert files(asked.pins(text, platform=platform)) == {"both": "both-2.0.tar.gz"}


@pytest.mark.parametrize("platform", ["linux-64", "osx-arm64"])
@pytest.mark.parametrize("stated", ["wheeled", ":all:"])
def test_no_binary_of_what_has_no_source(asked: Asked, platform: str, stated: str) -> None:
    """At the line of the key."""
    with pytest.raises(SolveError) as told:
        asked.pins(pip("wheeled", conda=_PYTHON, more=f"pip: {{no_binary: ['{stated}']}}"), platform=platform)
    what = "wheeled 1.0 has no source, and 'no_binary' asks for it to be built from one"
    assert told.value.message.splitlines()[0] == what
    assert (told.value.where.line if told.value.where else 0) == 5


def test_a_package_that_needs_its_environment_to_be_locked(asked: Asked, index: Index) -> None:
    """There is none while it is locked; with a wheel, or metadata that its source states, none is needed."""
    index.add_file(
        *sdist_bytes("unbuildable", "1.0", files={**source_files("unbuildable", "1.0"), "backend.py": _FAILS})
    )
    more = "pip: {no_build_isolation: [unbuildable]}"
    with pytest.raises(SolveError) as told:
        asked.pins(pip("alpha", "unbuildable", conda=_PYTHON, more=more))
    what = (
        "unbuildable 1.0 could not be built, to learn what it needs: while it is locked there is no environment for it"
    )
    assert told.value.message.startswith(what)
    assert (told.value.where.line if told.value.where else 0) == 5
    assert files(asked.pins(pip("both", "sourced", conda=_PYTHON, more="pip: {no_build_isolation: true}")))["sourced"]


_ALONE = "--no-build-isolation-package"
OPTIONS = {
    "": [],
    "pip: {no_binary: [both, ':all:']}": [],
    "pip: {no_build_isolation: [Flash_Attn]}": [_ALONE, "flash-attn"],
    "pip: {no_build_isolation: true}": [_ALONE, "one", _ALONE, "two"],
    "pip: {no_build_isolation: [':all:']}": [_ALONE, "one", _ALONE, "two"],
    "pip: {no_build_isolation: false}": [],
    "pip: {find_links: [../wheels, 'https://a.example/x']}": [
        "--find-links", "/project/wheels", "--find-links", "https://a.example/x",
    ],
}  # fmt: skip


@pytest.mark.parametrize("stated", OPTIONS)
def test_options_of_an_installation(stated: str) -> None:
    """As the manifest says."""
    found = environment({"k": pip("alpha", conda=_PYTHON, more=stated)})
    assert install_options(found, Path("/project"), ["two", "one"], Origins({})) == OPTIONS[stated]


def test_a_file_of_the_project_by_its_place(tmp_path: Path) -> None:
    """Never one that is outside of it, by whatever way; a URL is what it is."""
    name, data = wheel_bytes("local", "1.0")
    inside = tmp_path / "project" / "my wheels"
    inside.mkdir(parents=True)
    (inside / name).write_bytes(data)
    (tmp_path / name).write_bytes(data)
    (inside / "out.whl").symlink_to(tmp_path / name)
    root = tmp_path / "project"

    def pin(url: str) -> Pin:
        return Pin("pip", "local", "1.0", url, "a" * 64)

    assert located(pin("https://a.example/x.whl"), root, Origins({})) == "https://a.example/x.whl"
    assert located(pin(f"my wheels/{name}"), root, Origins({})) == f"file://{root}/my%20wheels/{name}"
    for url in (f"../{name}", f"/{name}", f"my wheels/../../{name}", "my wheels/out.whl", "my wheels/gone.whl"):
        with pytest.raises(BuildError):
            located(pin(url), root, Origins({}))


def test_a_package_without_isolation_sees_what_is_installed(asked: Asked, index: Index, tmp_path: Path) -> None:
    """What it needs is installed before it is built: with these options the locked source is."""
    needs = b"import alpha\nfrom real import build_wheel\n"
    own = source_files("needy", "1.0", requires=["alpha"])
    files_of = {**own, "real.py": own["backend.py"], "backend.py": needs}
    index.add("needy", "1.0", requires=["alpha"])
    index.add_file(*sdist_bytes("needy", "1.0", files=files_of))
    text = pip("needy", conda=_PYTHON, more="pip: {no_binary: [needy], no_build_isolation: [needy]}")
    found = environment({"k": text})
    (pin,) = [one for one in asked.pins(text, platform="osx-arm64").pins if one.name == "needy"]
    assert pin.url.endswith("needy-1.0.tar.gz")
    prefix = tmp_path / "prefix"
    assert asked.uv.run(["venv", "--no-project", "--python", "3.11", prefix]).code == 0
    lock = tmp_path / "pylock.toml"
    entries = [pylock_entry(one) for one in asked.pins(text, platform="osx-arm64").pins]
    lock.write_text("\n".join(['lock-version = "1.0"', 'created-by = "test"', *entries]), encoding="utf-8")
    python = prefix / "bin" / "python"
    install: list[str | Path] = [
        "pip",
        "install",
        "--no-deps",
        "--preview-features",
        "pylock",
        "--python",
        python,
        "-r",
        lock,
    ]
    assert "ModuleNotFoundError" in asked.uv.run(install).errors
    ran = asked.uv.run([*install, *install_options(found, asked.root, [], Origins({}))])
    assert ran.code == 0, ran.errors
    subprocess.run([python, "-c", "import needy, alpha"], check=True)


def pylock_entry(pin: Pin) -> str:
    file = f'{{ url = "{pin.url}", hashes = {{ sha256 = "{pin.sha256}" }} }}'
    kind = f"wheels = [{file}]" if pin.url.endswith(".whl") else f"sdist = {file}"
    return f'[[packages]]\nname = "{pin.name}"\nversion = "{pin.version}"\n{kind}'
