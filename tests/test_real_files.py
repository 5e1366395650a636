"""Real environment files (tests/real): each loads, or is refused with the reason that a person needs."""

from pathlib import Path

import pytest
from support.project import Project
from support.realasks import read
from support.realfiles import Sample, samples, slugs

_MOST_ITEMS = 15
_PROMISED = 80


def told(project: Project, *several: Sample) -> dict[str, list[str]]:
    """What the real command says is wrong with each, in one project that has them all."""
    for one in several:
        one.lay(project.path)
    found: dict[str, list[str]] = {one.slug: [] for one in several}
    refused = any(one.expected == "refused" for one in several)
    for error in project.json("check", check=1 if refused else 0)["errors"]:
        found[Path(error["path"]).parent.name].append(f"{error['line']}: {error['message']} | {error['hint']}")
    return found


def test_the_sample_is_whole() -> None:
    """Each file is listed with whose it is and why; none is long; there are as many as were promised."""
    listed = samples()
    assert slugs() == {one.slug for one in listed}
    assert len(listed) >= _PROMISED
    for one in listed:
        assert one.project.count("/") == 1
        assert one.interest
        assert one.expected in {"locks", "loads", "refused"}
        assert bool(one.message) is (one.expected != "locks")


def test_the_files_are_short() -> None:
    """A reduced form keeps what makes a file interesting, and little more."""
    files = {one.slug: read(one.text) for one in samples("locks", "loads")}
    assert {slug for slug, file in files.items() if len(file.conda) + len(file.pip) > _MOST_ITEMS} == set()


def test_odd_bytes_are_kept() -> None:
    """No tool has changed a line end, a blank at the end of a line, or what is no ASCII."""
    raw = {one.slug: one.path.read_bytes() for one in samples()}
    assert {slug for slug, data in raw.items() if b"\r\n" in data} == {"windows-line-ends"}
    assert raw["windows-line-ends"].count(b"\r\n") == raw["windows-line-ends"].count(b"\n") == 12
    assert len([slug for slug, data in raw.items() if not data.endswith(b"\n")]) >= 15
    assert len([slug for slug, data in raw.items() if b" \n" in data]) >= 10
    assert "环境" in raw["remarks-in-chinese"].decode()


def test_every_file_loads_or_says_why_not(project: Project) -> None:
    """One refusal for each that is refused, with its reason; not a word about any other."""
    every = samples()
    found = told(project, *every)
    silent: dict[str, list[str]] = {one.slug: [] for one in every if one.expected != "refused"}
    assert {slug: found[slug] for slug in silent} == silent
    for one in samples("refused"):
        (text,) = found[one.slug]
        assert one.message in text


def test_what_loads_is_an_environment_each(project: Project) -> None:
    """With no other file's refusal in the way: all are there, under their own names."""
    loading = samples("locks", "loads")
    assert told(project, *loading) == {one.slug: [] for one in loading}
    rows = project.json("list")["environments"]
    assert {row["name"] for row in rows} == {one.slug for one in loading}


@pytest.mark.parametrize(
    ("slug", "shown"),
    [
        ("range-with-build", ["pytorch >=2.0.0 *cuda112*"]),
        ("compatible-with-build", ["pytorch ~=2.1.0 *cuda120*"]),
        ("star-cuda-star", ["jaxlib * *cuda*"]),
        ("linux-export-with-epoch", ["x264 ==1!157.20191217 h7b6447c_0"]),
        ("version-that-is-a-word", ["sacremoses ==master py_0"]),
        ("label-channel", ["dask/label/dev", "dask-cuda 24.10.*,>=0.0.0a0", "pandas >=2.0,<2.2.3dev0"]),
        ("quoted-index", ['"https://packages.example"']),
        ("windows-line-ends", ["cupy 10.6.0.*", '"python==3.8.17"', "openpyxl==3.1.2"]),
    ],
)
def test_odd_shapes_mean_what_conda_means(project: Project, slug: str, shown: list[str]) -> None:
    """As the resolved manifest shows them."""
    (sample,) = (one for one in samples() if one.slug == slug)
    sample.lay(project.path)
    text = project.run("show", slug, "--resolved").out
    assert [one for one in shown if one not in text] == []
