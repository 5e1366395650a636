"""Mirrors of channels and indexes, by what this host says: asked there, locked by where it comes from."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from envbuild.errors import SettingsError
from envbuild.solvers.mirrors import Mirror, Mirrors, host_mirrors

FORGE = "https://conda.anaconda.org/conda-forge"


def _mirrors(**known: tuple[str, ...]) -> Mirrors:
    return Mirrors(Mirror(f"https://{name.replace('_', '/')}", places) for name, places in known.items())


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("https://a/c", "https://m/x/c"),
        ("https://a/c/", "https://m/x/c/"),
        ("HTTPS://A/c/linux-64/x.conda", "https://m/x/c/linux-64/x.conda"),
        ("https://a/b", "https://n/b"),
        ("https://a/b/d?q=1", "https://n/b/d?q=1"),
        ("https://a/bc", "https://m/x/bc"),
        ("https://ab/c", "https://ab/c"),
        ("https://a.evil/c", "https://a.evil/c"),
        ("https://me:own@a/c", "https://m/x/c"),
        ("http://a/c", "http://a/c"),
    ],
)
def test_the_longest_that_fits_is_asked_instead(url: str, asked: str) -> None:
    """By whole parts of the path on the very host; credentials of the origin do not go along."""
    assert _mirrors(a=("https://m/x",), a_b=("https://n/b",)).forward(url) == asked


def test_what_came_is_known_by_its_origin() -> None:
    """Whichever of the places it came from, and whatever it was asked with."""
    known = _mirrors(a=("https://m/x", "https://me:own@n"), b=("https://b", "file:///mnt/b"))
    for came in ("https://m/x/c/f", "https://n/c/f", "https://someone:else@N/c/f"):
        assert known.back(came) == "https://a/c/f"
    assert known.back("file:///mnt/b/f") == known.back("https://b/f") == "https://b/f"
    assert known.back("https://m/y/f") == "https://m/y/f"


def test_the_next_place_is_asked_when_one_is_down() -> None:
    """In their order, as long as there is one; then all are asked from the first again."""
    known = _mirrors(a=("https://m", "https://n"))
    assert [known.turn("https://a/c", "https://m/c"), known.forward("https://a/d")] == [True, "https://n/d"]
    assert [known.turn("https://a/c", "https://m/c"), known.forward("https://a/d")] == [True, "https://n/d"]
    assert [known.turn("https://a/c", "https://n/c"), known.forward("https://a/d")] == [False, "https://m/d"]
    assert not known.turn("https://other/c", "https://other/c")


@pytest.mark.parametrize(
    ("files", "env", "asked"),
    [
        ({}, {"ENVBUILD_MIRRORS": f"{FORGE}=https://m/cf  https://b/=https://n/\n"}, "https://m/cf"),
        ({".pixi/config.toml": f'[mirrors]\n"{FORGE}" = ["https://m/cf/", "https://n"]\n'}, {}, "https://m/cf"),
        ({".config/pixi/config.toml": '[mirrors]\n"https://conda.anaconda.org/" = ["https://m"]\n'}, {}, "https://m/conda-forge"),
        ({"p/config.toml": f'[mirrors]\n"{FORGE}" = ["oci://m/cf", "https://n/cf"]\n'}, {"PIXI_HOME": "{home}/p"}, "https://n/cf"),
        ({".pixi/config.toml": "["}, {}, FORGE),
        ({".pixi/config.toml": "mirrors = 5\n"}, {}, FORGE),
        ({".pixi/config.toml": f'[mirrors]\n"{FORGE}" = ["https://p"]\n'}, {"ENVBUILD_MIRRORS": f"{FORGE}=https://v"}, "https://v"),
        ({".pixi/config.toml": f'[mirrors]\n"{FORGE}" = "https://m"\n'}, {}, FORGE),
    ],
)  # fmt: skip
def test_the_host_says_where(tmp_path: Path, files: Mapping[str, str], env: Mapping[str, str], asked: str) -> None:
    """A variable, then pixi's files in their order; what cannot be read or asked names no mirror."""
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    host = {"HOME": str(tmp_path), **{name: value.format(home=tmp_path) for name, value in env.items()}}
    assert host_mirrors(host).forward(FORGE) == asked


@pytest.mark.parametrize(
    "text", ["https://a", "a=https://b", "https://a=b", "https://a=oci://b", "https://a=https://u:hush@b c"]
)
def test_a_variable_that_names_no_mirror(text: str) -> None:
    """Said with the word that is wrong, and with no credentials that stand in it."""
    with pytest.raises(SettingsError) as caught:
        host_mirrors({"ENVBUILD_MIRRORS": text})
    assert "ENVBUILD_MIRRORS" in caught.value.message
    assert "hush" not in caught.value.message
