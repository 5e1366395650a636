"""`r` for real: packages of plain R from repositories on loopback, into an image of Debian's R and into a prefix."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.condachannel import Channel
from support.condar import r_base
from support.cran import Cran, source
from support.engine import Engine
from support.imaging import Imaging
from support.line import apply_twice, reference
from support.project import Project
from support.services import require

_TOKEN = "a-token-nobody-sees"  # noqa: S105 - of this test alone
_SAYS = "for (one in c('alpha', 'beta', 'gamma', 'delta', 'eps')) cat(getExportedValue(one, 'says')(), '\\n')"


class Around:
    """The repositories, where containers of an engine see them."""

    def __init__(self, engine: Engine) -> None:
        at = type("_Gateway", (Cran,), {"host": engine.gateway})
        self.cran: Cran = at(snapshot="2026-01-31")
        self.bioconductor: Cran = at()
        self.github: Cran = at(token=_TOKEN)

    @property
    def settings(self) -> str:
        hosts = ", ".join(f"'{one.address}'" for one in (self.cran, self.bioconductor, self.github))
        return f"insecure_indexes: [{hosts}]\nsecrets: {{code: {{env: CODE_TOKEN}}}}\n"

    def close(self) -> None:
        for one in (self.cran, self.bioconductor, self.github):
            one.close()


@pytest.fixture
def around(engine: Engine) -> Iterator[Around]:
    require("r")
    found = Around(engine)
    found.cran.add("alpha", "1.0", imports="beta")
    found.cran.add("alpha", "2.0", imports="beta, absent")
    found.cran.add("beta", "0.5")
    found.cran.add("beta", "0.6-1")
    found.bioconductor.add_file("/bioc/src/contrib/PACKAGES", b"Package: gamma\nVersion: 3.0\nImports: beta\n")
    found.bioconductor.add_file("/bioc/src/contrib/gamma_3.0.tar.gz", source("gamma", "3.0", imports="beta"))
    found.github.add_file("/repos/team/delta/tarball/v4", source("delta", "4.0", top="team-delta-abc/pkg"))
    yield found
    found.close()


_R = """
r:
  from: system
  version: "4.2"
  repositories:
    cran: "{cran}"
    bioconductor: "{bioconductor}"
    github: "{github}"
  snapshot: 2026-01-31
  cran: [alpha@1.0, beta]
  bioconductor: [gamma]
  github:
    - repository: team/delta/pkg@v4
      secret: code
  urls:
    - url: "{url}"
      sha256: {sha256}
image: {{}}
"""


def write(imaging: Imaging, around: Around) -> str:
    """Write the manifest, and give its text."""
    data = source("eps", "5.0")
    url = around.cran.add_file("/files/eps.tar.gz", data)
    places = {key: getattr(around, key).url for key in ("cran", "bioconductor", "github")}
    imaging.project.write("envbuild.yaml", imaging.project.read("envbuild.yaml") + around.settings)
    text = _R.format(**places, url=url, sha256=hashlib.sha256(data).hexdigest())
    imaging.write("r", "r", text.replace("image: {}\n", "image:\n"))
    return imaging.project.read("manifests/r.yaml")


def test_a_script_of_r_runs_in_a_built_image(imaging: Imaging, around: Around) -> None:
    """Each package from its own place, at its version, with what it needs; the token is in no layer and no log."""
    write(imaging, around)
    imaging.project.run("apply", env={"CODE_TOKEN": _TOKEN})
    reference = imaging.reference("r")
    assert imaging.said(reference, "Rscript", "-e", _SAYS).splitlines() == [
        "alpha 1.0 ", "beta 0.6-1 ", "gamma 3.0 ", "delta 4.0 ", "eps 5.0 ",
    ]  # fmt: skip
    assert imaging.actions() == {}
    told = imaging.log("r") + imaging.engine.docker("history", "--no-trunc", reference)
    assert "envbuild: alpha 1.0" in told
    assert _TOKEN not in told
    assert {one.headers.get("authorization") for one in around.cran.log} == {None}


_LOST = (
    ("alpha@1.0", "alpha@1.5", r"alpha@1\.5: .*alpha_1\.5\.tar\.gz"),
    ("beta]", "absent]", "absent: it cannot be had from "),
    ("alpha@1.0", "alpha@2.0", "alpha@2.0: absent: it cannot be had from "),
    ("pkg@v4", "pkg@v5", r"team/delta/pkg@v5: .*404"),
    (r"sha256: \w+", f"sha256: {'0' * 64}", r".*eps\.tar\.gz: its SHA-256 is \w+, and 0+ is stated"),
    ('"4.2"', '"4.1"', r"R: it is 4\.2\.\d, and 4\.1 is asked for"),
)


def test_a_package_that_cannot_be_had_is_named(imaging: Imaging, around: Around) -> None:
    """The step fails with its name, at the line of `r`."""
    text = write(imaging, around)
    for old, new, said in _LOST:
        changed, count = re.subn(old, new, text, count=1)
        assert count == 1, old
        imaging.project.write("manifests/r.yaml", changed)
        told = imaging.project.run("apply", check=1, env={"CODE_TOKEN": _TOKEN}).err
        assert re.search(rf"manifests/r\.yaml:1:1: 'RUN .*envbuild: {said}", told), told


def test_packages_go_into_a_prefix_with_conda_s_r(project: Project, shared: Path, tmp_path: Path) -> None:
    """In the step of the build, and once; who has other versions has another prefix, and a failure leaves none."""
    for service in ("r", "mount"):
        require(service)
    channel = Channel(tmp_path / "channel", r_base(shared / "r-root"))
    with Cran() as cran, Cran(token=_TOKEN) as github:
        cran.add("alpha", "1.0", imports="beta")
        cran.add("alpha", "2.0")
        cran.add("beta", "0.6")
        github.add_file("/repos/team/delta/tarball/v4", source("delta", "4.0", top="team-delta-abc"))
        places = f"{{cran: '{cran.url}', github: '{github.url}'}}"
        more = "github: [{repository: team/delta@v4, secret: code}]"
        text = f"r:\n  version: '4.2'\n  repositories: {places}\n  cran: [alpha@1.0]\n  {more}\n"
        project = Project(project.path, {**project.environ, "CODE_TOKEN": _TOKEN, "R_LIBS_SITE": "/nowhere"})
        project.write("envbuild.yaml", f"channels: ['{channel.url}']\nsecrets: {{code: {{env: CODE_TOKEN}}}}\n")
        project.write("manifests/k.yaml", text)
        apply_twice(project)
        prefix = Path(reference(project, "k"))
        kept = sorted(path.name for path in (prefix / "lib/R/library").iterdir())
        assert kept == ["README", "alpha", "beta", "delta"]
        said = "cat(alpha::says(), beta::says(), delta::says(), sep = ', ')"
        assert (
            project.run("run", "k", "--", "Rscript", "-e", said, env={"R_LIBS_SITE": None}).out
            == "alpha 1.0, beta 0.6, delta 4.0"
        )
        project.write("manifests/k.yaml", text.replace("alpha@1.0", "alpha@1.7"))
        (step,) = project.json("plan")["steps"]
        assert [(one["part"], one["where"]) for one in step["reasons"]] == [("r", "manifests/k.yaml:1")]
        told = project.run("apply", check=1).err
        assert "manifests/k.yaml:1:1: 'r' cannot be built: alpha@1.7: cannot open URL" in told
    assert [path for path in project.path.rglob("*") if path.is_file() and _TOKEN.encode() in path.read_bytes()] == []
