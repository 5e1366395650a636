"""Misspelt words: environments, commands, options, fields, files, packages, and what the index says of them."""

import re

import pytest
from support.index import Index
from support.line import write_base, write_child
from support.project import Project
from support.wheels import wheel_bytes

from envbuild.shape import near, nearest
from envbuild.solvers.names import MEANT, WELL_KNOWN, meant


@pytest.fixture
def named(project: Project) -> Project:
    for name in ("base", "churn/train", "churn/score", "serving/web"):
        project.write(f"manifests/{name}.yaml", f"tags: {{team: growth}}\nvariables: {{ONE: '{name}'}}\n")
    project.write("envbuild.yaml", "groups: {nightly: [base]}\n")
    return project


@pytest.mark.parametrize(
    ("args", "meant"),
    [
        (("plan", "churn/trian"), "churn/train"),
        (("plan", "web"), "serving/web"),
        (("plan", "trian"), "churn/train"),
        (("plan", "Serving/WEB"), "serving/web"),
        (("apply", "@nigthly"), "nightly"),
        (("plna",), "plan"),
        (("plan", "--jsno"), "--json"),
        (("list", "--taag", "a=b"), "--tag"),
        (("plan", "--color", "nver"), "never"),
        (("explain", "base", "varables"), "variables"),
    ],
)
def test_the_command_line(named: Project, args: tuple[str, ...], meant: str) -> None:
    """Whatever has a name: what was probably meant is the hint."""
    assert f"  hint: did you mean '{meant}'?" in named.run(*args, check=64).err


def test_versions(named: Project) -> None:
    """A number is answered with those on record, a word with the word."""
    named.run("apply", "base")
    assert "hint: did you mean 'latest'?" in named.run("show", "base@latets", check=64).err
    assert "hint: recorded are: 1" in named.run("show", "base@7", check=64).err


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("extends: bsae", "base"),
        ("extends: ./bsae.yaml", "base.yaml"),
        ("extend: base", "extends"),
        ("builder: locl", "local"),
        ("setup: [\"{{ matrix.cdua }}\"]\nmatrix: {cuda: ['12']}", "cuda"),
        ("params: {cuda: x}\nsetup: ['{{ params.cdua }}']", "cuda"),
        ("setup: ['{{ params.a | uper }}']\nparams: {a: b}", "upper"),
        ("dependencies: [{pip: ['-r reqs.txt']}]", "req.txt"),
        ("matrix: {cuda: ['12'], exclude: [{cdua: '12'}]}", "cuda"),
    ],
)
def test_manifests(named: Project, text: str, meant: str) -> None:
    """Parents, keys, values of keys, axes, params, filters, files."""
    named.write("manifests/req.txt", "")
    named.write("manifests/x.yaml", text)
    assert f"  hint: did you mean '{meant}'?" in named.run("plan", "x*", check=1).err


def test_nearest_words() -> None:
    """Letters of any case; of a path its last part may be meant; with nothing near all are listed."""
    assert near("one", ["ONE", "TWO"]) == "ONE"
    assert near("web", ["serving/web", "wib"]) == "serving/web"
    assert near("trian", ["churn/train"]) == "churn/train"
    assert near("a/web", ["serving/wib"]) == ""
    assert near("x", []) == ""
    assert nearest("zzz", ["b", "a"]) == "known are: a, b"
    assert nearest("env-1200", [f"env-{number}" for number in range(5_000)]) == "did you mean 'env-1200'?"


def told(project: Project) -> list[str]:
    lines = project.run("lock", check=1).err.splitlines()
    return lines[lines.index("a: locking for linux-64") + 1 :]


def test_packages_by_other_names() -> None:
    """Import names, conda names, old names; of the project's own packages the nearest comes first."""
    for name, pypi in (("sklearn", "scikit-learn"), ("cv2", "opencv-python"), ("yaml", "pyyaml"), ("pil", "pillow")):
        assert meant(name, ()) == pypi
    assert meant("pytorch", ()) == "torch"
    assert meant("numpi", ["numpi", "numpie"]) == "numpie"
    assert meant("numpi", ["numpi"]) == "numpy"
    assert meant("acme-internal-thing", ()) == ""
    assert meant("numpy", ["numpie"]) == ""
    assert not MEANT.keys() & set(WELL_KNOWN.split())
    assert all(name == name.lower().replace("_", "-") for name in MEANT)


@pytest.fixture
def locking(project: Project, index: Index) -> Project:
    write_base(project, index)
    return project


def test_a_package_that_is_not_there(locking: Project, index: Index) -> None:
    """Its line, and the nearest: of the project's own, else of those that everybody knows."""
    write_child(locking, "b", "alpha")
    write_child(locking, "a", "alhpa")
    where = f"manifests/a.yaml:4:9: no package is named 'alhpa' in {index.url}"
    assert told(locking)[-2:] == [where, "  hint: did you mean 'alpha'?"]
    write_child(locking, "a", "beta", "sklearn")
    assert told(locking)[-2:] == [
        f"manifests/a.yaml:5:9: no package is named 'sklearn' in {index.url}",
        "  hint: did you mean 'scikit-learn'?",
    ]


def test_a_package_that_another_asks_for(locking: Project, index: Index) -> None:
    """The line of what brought it in, who asks for it, and the solver's own words."""
    index.add("needy", "1.0", requires=["nowhere>=2"])
    index.add("needier", "1.0", requires=["needy"])
    write_child(locking, "a", "beta", "needier")
    first, *rest, hint = told(locking)
    assert first == f"manifests/a.yaml:5:9: no package is named 'nowhere' in {index.url}: needy asks for it"
    assert any("needy depend on nowhere>=2" in line for line in rest)
    assert all(line.startswith("    ") for line in rest)
    assert hint == "  hint: ask for another version of needier, or name the index that has what it needs"


@pytest.mark.parametrize(("wish", "shown"), [("==9.9", "9.9"), (">=3,<4", ">=3,<4"), (">=1.2,<1.9,!=1.5", None)])
def test_a_version_that_is_not_there(locking: Project, index: Index, wish: str, shown: str | None) -> None:
    """The newest that there is."""
    write_child(locking, "a", f"alpha {wish}")
    first, hint = told(locking)
    assert first.startswith("manifests/a.yaml:4:9: alpha has no version ")
    assert first.endswith(f" in {index.url}")
    assert shown is None or f" {shown} " in first
    assert hint == "  hint: the newest is 2.0"


def test_an_extra_that_is_not_there(locking: Project) -> None:
    """A warning of the solver's, for us an error: what is asked for would be left out without a word."""
    write_child(locking, "a", "delta[slow]")
    lines = told(locking)
    assert lines == ["manifests/a.yaml:4:9: delta 1.0 has no extra 'slow'", "  hint: remove it, or mend its spelling"]
    write_child(locking, "a", "delta[fast]")
    locking.run("lock")


def test_what_does_not_fit(locking: Project, index: Index) -> None:
    """Another Python, another platform, a contradiction: each said for what it is."""
    index.add("newpy", "1.0", requires_python=">=3.99")
    filename, data = wheel_bytes("win", "1.0")
    index.add_file(filename.replace("py3-none-any", "cp311-cp311-win_amd64"), data)
    index.add("old", "1.0", requires=["alpha<2"])
    for packages, first, hint in (
        (("newpy",), "newpy 1.0 needs Python >=3.99, and 3.", "ask for another version of it, or of python"),
        (("win",), "win 1.0 has no wheel for linux-64", "there are wheels for win_amd64"),
        (("old", "alpha>=2"), "no set of packages fits on linux-64", "alpha >=2 at manifests/a.yaml:5:9"),
    ):
        write_child(locking, "a", *packages)
        lines = told(locking)
        assert lines[0].startswith(f"manifests/a.yaml:4:9: {first}") or "alpha" in hint
        assert first in lines[0]
        assert hint in lines[-1]


def test_an_index_that_wants_credentials(project: Project) -> None:
    """The line that names it; no word of a package that could not be looked for."""
    with Index(auth=("joe", "secret")) as index:
        index.add("alpha", "1.0")
        write_base(project, index)
        write_child(project, "a", "alpha")
        first, hint = told(project)
    assert first.startswith("manifests/base.yaml:3:14: ")
    assert first.endswith("wants credentials that it was not given (401 Unauthorized)")
    assert hint.startswith("  hint: keep them in a netrc file")


@pytest.mark.parametrize(
    ("url", "what", "hint"),
    [
        ("http://127.0.0.1:9/simple", "nothing answers at 127.0.0.1:9", "check the URL of the index"),
        ("https://127.0.0.1:{port}/simple", "127.0.0.1:{port} does not speak https", "http or https"),
    ],
)
def test_an_index_that_cannot_be_reached(project: Project, index: Index, url: str, what: str, hint: str) -> None:
    """Where it was to be found, what became of it, and what was asked for, how often."""
    port = index.url.split(":")[2].split("/")[0]
    project.write("manifests/base.yaml", f"abstract: true\npip:\n  index_url: {url.format(port=port)}\n")
    write_child(project, "a", "alpha")
    first, tries, last = told(project)
    assert first == f"manifests/base.yaml:3:14: {what.format(port=port)}"
    assert re.fullmatch(rf"    asked \d+ times for {re.escape(url.format(port=port))}/alpha/", tries)
    assert hint in last
