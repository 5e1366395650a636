"""Records of channels as pins: all that a channel says of a package, by one reading of its record."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.condachannel import Channel
from support.condapkg import Package, archive
from support.condaworld import manifest, pinned, settings
from support.project import Project

from envbuild.solvers.origins import public_url

ODD: dict[str, dict[str, Any]] = {
    "epoch": {"version": "1!2.0rc1", "build": "h1_3", "number": 3},
    "ruling": {"constrains": ["zlib <1", "other >=2"], "depends": ["Base  >=1.0", "base <9", "python"]},
    "known": {"purls": ["pkg:pypi/Other.Name@1.0", "pkg:conda/known"], "depends": ["python"]},
    "never": {"purls": [], "depends": ["python"]},
    "site": {"fields": {"python_site_packages_path": "lib/python3.14t/site-packages"}},
    "base": {},
    "python": {"version": "3.12.4"},
}
parts = st.text("ab/:@?#%.-_ \t[]é;&+", max_size=20)


@pytest.mark.parametrize("hashes", [("md5", "sha256"), ("sha256",)])
def test_a_pin_holds_what_its_channel_says(project: Project, tmp_path: Path, hashes: tuple[str, ...]) -> None:
    """Versions, builds, numbers, hashes, what is needed and ruled out, and what is brought to Python, if known."""
    packages = [archive(Package(name=name, **fields)) for name, fields in ODD.items()]
    channel = Channel(tmp_path / "channel", *packages, hashes=hashes)
    settings(project, channel.url)
    manifest(project, "k", *ODD)
    project.run("lock")
    found = {pin.name: pin for pin in pinned(project)["linux-64"].pins}
    for one in packages:
        pin, record = found[one.record["name"]], one.record
        said = (record["version"], record["build"], record["build_number"], record["sha256"], record["md5"])
        assert (pin.version, pin.build, pin.number, pin.sha256, pin.md5) == said
        assert pin.url == f"{channel.url}/linux-64/{one.filename}"
    assert (found["ruling"].constrains, found["ruling"].dependencies) == (
        ("other >=2", "zlib <1"),
        ("base >=1.0,<9", "python"),
    )
    brings = {name: pin.distributions for name, pin in found.items() if pin.distributions}
    assert brings == {"known": ("other-name",), "ruling": ("ruling",)}
    assert {name: pin.site for name, pin in found.items() if pin.site} == {"site": "lib/python3.14t/site-packages"}


@given(st.sampled_from(["http://", "https://", "file://", "HTTP://", "git+ssh://", ""]), parts, parts)
@example("https://", "user@h", "c")
@example("https://", "user:word@h:1", "c/linux-64/a-1.0-0.conda")
@example("https://", "h", "c@1.0/a.conda#sha256=0")
@example("https://", "h", "a;b?token=c")
def test_a_url_without_secrets_stays_as_it_is(scheme: str, host: str, path: str) -> None:
    """Whatever is looked at less closely comes out as if it had been taken apart."""
    url = f"{scheme}{host}/{path}"
    try:
        taken = urlsplit(url)
    except ValueError:
        return
    own = taken.netloc if taken.scheme.endswith("ssh") else taken.netloc.rpartition("@")[2]
    rest = taken.fragment if taken.fragment.startswith("subdirectory=") else ""
    assert public_url(url) == urlunsplit((taken.scheme, own, taken.path, taken.query, rest))
