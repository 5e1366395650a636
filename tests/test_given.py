"""What conda brings is a fact for PyPI's packages (DECISIONS 18): met, not installed twice, never in a pip pin."""

from pathlib import Path

import pytest
from support.asked import Asked, conda_pin, pip, request_of, versions
from support.index import Index
from support.wheels import wheel_bytes

from envbuild.errors import SolveError
from envbuild.lock import Pin, Pins, lock_text, make_lock
from envbuild.solvers.provided import Given, given, pep440, replaced

# Said by conda-lock and what it carries with it, the first time that it is imported.
pytestmark = [
    pytest.mark.filterwarnings("ignore:conda_lock._vendor:PendingDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:path is deprecated:DeprecationWarning"),
]

PYTHON = conda_pin("python", "3.11.7", "")
NUMPY = conda_pin("numpy", "2.1.3")


@pytest.fixture
def asked(index: Index, tmp_path: Path, uv_cache: Path) -> Asked:
    """Offer numpy 1.26 and 2.3 and what wants it: pandas any, oldie an old one."""
    for version in ("1.26.0", "2.3.0"):
        index.add("numpy", version)
    index.add("pandas", "2.2", requires=["numpy>=1.20", "python-dateutil>=2"])
    index.add("python-dateutil", "2.9", requires=["six"])
    index.add("six", "1.0")
    index.add("oldie", "1.0", requires=["numpy<2"])
    index.add("far", "1.0", requires=["oldie"])
    return Asked(index, tmp_path, uv_cache)


def test_what_conda_brings_is_not_pinned_again(asked: Asked) -> None:
    """Neither it nor what only it needs; who needs it still says so."""
    pins = asked.pins(pip("pandas"), PYTHON, NUMPY, conda_pin("python-dateutil", "2.8"))
    assert versions(pins) == {"pandas": "2.2"}
    assert pins.pins[0].dependencies == ("numpy", "python-dateutil")
    assert versions(asked.pins(pip("pandas"), PYTHON, NUMPY)) == {
        "pandas": "2.2",
        "python-dateutil": "2.9",
        "six": "1.0",
    }


def test_a_version_that_only_conda_has_is_a_fact_all_the_same(asked: Asked, index: Index) -> None:
    """No index is asked for it; names with a dot, a dash and capitals are one name to both."""
    index.add("wants", "1.0", requires=["Zope.Interface>=7", "torch>=2"])
    pins = asked.pins(
        pip("wants"), PYTHON, conda_pin("zope.interface", "7.9"), conda_pin("pytorch", "2.1+cu118", "torch")
    )
    assert versions(pins) == {"wants": "1.0"}
    assert pins.pins[0].dependencies == ("torch", "zope-interface")
    assert not [path for path in index.requests if "zope" in path or "torch" in path]


def test_no_place_of_a_fact_reaches_a_lock(asked: Asked) -> None:
    """No temporary folder, no file URL, no empty wheel."""
    question, found = asked.question(pip("pandas"), PYTHON, NUMPY)
    pip_pins = question.answer(None, found)
    whole = Pins("linux-64", tuple(sorted((PYTHON, NUMPY, *pip_pins.pins))))
    lock = make_lock("3.11", (question.members.request,), {"linux-64": whole})
    text = lock_text(lock, found.path, found.name)
    assert "file:" not in text
    assert "/tmp" not in text  # noqa: S108
    assert str(asked.root) not in text
    assert "numpy-2.1.3-py3" not in text


ROOTS = {
    "met by conda's": ("numpy>=2", {}, set()),
    "no version": ("numpy", {}, set()),
    "not met": ("numpy<2", {"numpy": "1.26.0"}, {"numpy"}),
    "of another platform": ('numpy<2; sys_platform == "win32"', {}, set()),
    "of another Python": ('numpy<2; python_full_version < "3.11.7"', {}, set()),
    "of this Python": ('numpy<2; python_full_version >= "3.11.7"', {"numpy": "1.26.0"}, {"numpy"}),
    "with an extra": ("numpy[fast]==2.3.0", {"numpy": "2.3.0"}, {"numpy"}),
}


@pytest.mark.parametrize("kind", ROOTS)
def test_a_pip_root_of_what_conda_brings(asked: Asked, index: Index, kind: str) -> None:
    """Conda's serves where it can; else pip's wins, and that is known to whoever tells it."""
    index.add("numpy", "2.3.0", extras={"fast": []})
    root, pinned, told = ROOTS[kind]
    question, found = asked.question(pip(root, "pandas"), PYTHON, NUMPY)
    pins = question.answer(None, found)
    assert {name: version for name, version in versions(pins).items() if name == "numpy"} == pinned
    assert {one.name for one in replaced((PYTHON, NUMPY), question.members.request)} == told
    assert {one.name for one in replaced((PYTHON, NUMPY, *pins.pins), question.members.request)} == told
    assert pins.pins[[pin.name for pin in pins.pins].index("pandas")].dependencies == ("numpy", "python-dateutil")


def test_a_root_from_a_url_wins_over_conda(asked: Asked, index: Index) -> None:
    """Also in the very version that conda has: it is another file."""
    index.add_file(*wheel_bytes("numpy", "2.1.3"))
    url = f"{index.url.removesuffix('simple/')}files/numpy-2.1.3-py3-none-any.whl"
    question, found = asked.question(pip(f"numpy @ {url}"), PYTHON, NUMPY)
    assert question.given == ()
    (pin,) = question.answer(None, found).pins
    assert (pin.name, pin.url) == ("numpy", url)


def test_an_extra_that_a_package_wants_of_conda_s(asked: Asked, index: Index) -> None:
    """Conda's has none: pip's takes its place in the same version, with what the extra needs, and that is told."""
    for version in ("2.4", "2.5"):
        index.add("requests", version, extras={"socks": ["six"]})
    index.add("sox", "1.0", requires=["requests[socks]>=2"])
    pin = conda_pin("requests", "2.4")
    question, found = asked.question(pip("sox"), PYTHON, pin)
    pins = question.answer(None, found)
    assert versions(pins) == {"requests": "2.4", "six": "1.0", "sox": "1.0"}
    assert replaced((PYTHON, pin, *pins.pins), question.members.request) == (Given("requests", "2.4", "requests"),)


@pytest.mark.parametrize(("root", "who"), [("oldie", "oldie"), ("far", "oldie")])
def test_what_conda_brings_and_a_package_cannot_have(asked: Asked, root: str, who: str) -> None:
    """Said of both, at the line of the pip list, with what to do; without places of ours."""
    with pytest.raises(SolveError) as told:
        asked.pins(pip("six", root), PYTHON, conda_pin("numpy-base", "2.1.3", "numpy"))
    error = told.value
    assert error.message.splitlines()[0] == f"conda brings numpy 2.1.3, and {who} wants numpy<2"
    assert (error.where.line if error.where else 0) == 6
    assert error.hint == (
        "ask conda for another: 'numpy-base <2' under 'dependencies', or PyPI: 'numpy<2' under '- pip:'"
    )
    assert "file:" not in error.message


@pytest.mark.parametrize("root", ["pandas", "modern"])
def test_a_constraint_that_conda_does_not_meet(asked: Asked, index: Index, root: str) -> None:
    """At the constraint's own line, also where what is asked for is content with conda's."""
    index.add("modern", "1.0", requires=["numpy>=2"])
    with pytest.raises(SolveError) as told:
        asked.pins(pip(root, more="constraints:\n  - pip: ['numpy<2']"), PYTHON, NUMPY)
    assert told.value.message.splitlines()[0] == "conda brings numpy 2.1.3, and 'numpy<2' is asked for"
    assert (told.value.where.line if told.value.where else 0) == 7


@pytest.mark.parametrize(
    ("override", "pinned"),
    [
        ("numpy>=2", {"oldie": "1.0"}),
        ("numpy", {"oldie": "1.0"}),
        ("numpy==1.26.0", {"oldie": "1.0", "numpy": "1.26.0"}),
    ],
)
def test_an_override_beats_what_a_package_wants_of_conda(asked: Asked, override: str, pinned: dict[str, str]) -> None:
    """One that conda's meets makes it serve; one that it does not brings pip's."""
    pins = asked.pins(pip("oldie", more=f"overrides:\n  - pip: ['{override}']"), PYTHON, NUMPY)
    assert versions(pins) == pinned


VERSIONS = {
    "2.1.3": "2.1.3", "1!2.0": "1!2.0", "2.1+cu118": "2.1+cu118", "1.0_1": "1.0.post1", "3.0.0rc1": "3.0.0rc1",
    "2024.1": "2024.1", "2024a": "", "1.0rc": "", "9e": "", "1.1.1w": "", "2023_03_01": "", "main": "", "": "",
}  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
def test_versions_of_conda_as_a_distribution_has_them(version: str) -> None:
    """What PEP 440 cannot say, or says otherwise, is not said."""
    assert pep440(version) == VERSIONS[version]


def test_a_fact_that_cannot_be_said_is_left_out(asked: Asked, index: Index) -> None:
    """The rest is solved as ever, and every sayable form is one that uv takes."""
    names = {f"d{number}": version for number, version in enumerate(VERSIONS)}
    for name in names:
        index.add(name, "99")
    index.add("all", "1.0", requires=list(names))
    pins = asked.pins(pip("all"), PYTHON, *(conda_pin(name, version) for name, version in names.items()))
    assert versions(pins) == {"all": "1.0", **{name: "99" for name, version in names.items() if not VERSIONS[version]}}


def test_a_fact_is_the_same_file_each_time(asked: Asked) -> None:
    """In the project's cache, so that uv's own does not grow with each lock; one that was altered is made again."""
    asked.pins(pip("pandas"), PYTHON, NUMPY)
    (path,) = (asked.root / ".envbuild" / "cache" / "given").iterdir()
    before = path.stat()
    asked.pins(pip("pandas"), PYTHON, NUMPY)
    assert path.stat() == before
    path.write_bytes(wheel_bytes("numpy", "2.1.3", requires=["alpha"])[1])
    assert versions(asked.pins(pip("oldie", more="overrides: [{pip: [numpy]}]"), PYTHON, NUMPY)) == {"oldie": "1.0"}


def test_a_project_that_may_not_be_written_is_solved(asked: Asked) -> None:
    """The facts are then elsewhere for a moment."""
    (asked.root / ".envbuild").write_text("no folder", encoding="utf-8")
    assert versions(asked.pins(pip("pandas"), PYTHON, NUMPY, conda_pin("python-dateutil", "2.8"))) == {"pandas": "2.2"}


def test_packages_without_distributions_are_no_facts() -> None:
    """What conda calls python or libblas is nothing to PyPI."""
    pin = Pin("conda", "libblas", "3.9.0", "https://c.example/linux-64/libblas-3.9.0-0.conda", "a" * 64, "0")
    assert given((pin, PYTHON), request_of(pip("pandas"))) == ()
