"""`r`: what it takes, what is wrong with it, how it is inherited, and what it adds, builder by builder."""

import pytest
from support.keys import body, child, heirs, refused
from support.manifests import environment, problems
from support.project import Project

from envbuild.project import Project as Opened
from envbuild.render import addition_texts
from envbuild.resolve import Environment, resolved_text

_PACKAGE = "write 'NAME' or 'NAME@VERSION'"
_BAD = {
    "version: devel": "1:14: 'devel' is no version of R | write it as '4.4' or '4.4.1'",
    "from: source": "1:11: 'from' cannot be 'source' | known are: apt, conda, system",
    "snapshot: yesterday": "1:15: 'yesterday' is no date | write it as '2026-01-31'",
    "snapshot: 2026-02-30": "1:15: '2026-02-30' is no date | write it as '2026-01-31'",
    "snapshot: 2026-13-01": "1:15: '2026-13-01' is no date | write it as '2026-01-31'",
    "packages: [r_x]": f"1:16: 'r_x' is no package of R | {_PACKAGE}",
    "cran: ['x y@1']": f"1:12: 'x y@1' is no package of R | {_PACKAGE}",
    "cran: ['dplyr@new']": f"1:12: 'dplyr@new' is no package of R | {_PACKAGE}",
    "cran: [{name: 'a.b.'}]": f"1:12: 'a.b.' is no package of R | {_PACKAGE}",
    "bioconductor: [limma@3.1]": (
        "1:20: 'limma@3.1' has a version, and a release of Bioconductor has one of each package"
        " | name the release: 'repositories: {bioconductor: …}'"
    ),
    "github: [team]": "1:14: 'team' is no repository of GitHub | write 'OWNER/NAME@REF', or 'OWNER/NAME/FOLDER@REF'",
    "github: [team/../x@v1]": (
        "1:14: 'team/../x@v1' is no repository of GitHub | write 'OWNER/NAME@REF', or 'OWNER/NAME/FOLDER@REF'"
    ),
    "github: [team/x]": (
        "1:14: 'team/x' says no ref, and would be another package tomorrow"
        " | name a tag or a commit: 'team/x@v1.0'"
    ),
    "github: ['team/x@../v']": "1:14: '../v' is no tag or commit | mend it",
    "github: [{repository: team/x@v1, secret: gone}]": (
        "1:46: there is no secret 'gone' in the settings"
        " | name it in envbuild.yaml: 'secrets: {NAME: {env: VARIABLE}}'"
    ),
    "urls: [{url: 'https://x.example.com/a.tar.gz'}]": "1:12: the key 'sha256' is missing | add it",
    "urls: [{url: 'https://x.example.com/a.tar.gz', sha256: abc}]": (
        "1:60: 'sha256' cannot be 'abc' | write it in the form ^[0-9a-f]{64}$"
    ),
    "cran: [dplyr]": (
        "1:12: nothing says where 'dplyr' of 'cran' comes from"
        " | name it, or a mirror of it, under 'r': 'repositories: {cran: URL}'"
    ),
    "bioconductor: [limma]": (
        "1:19: nothing says where 'limma' of 'bioconductor' comes from"
        " | name it, or a mirror of it, under 'r': 'repositories: {bioconductor: URL}'"
    ),
    "repositories: {cran: 'http://c.example.com'}": (
        "1:26: the repository 'http://c.example.com' is not https"
        " | use https, or name the host: 'insecure_indexes: [c.example.com]'"
    ),
    "repositories: {cran: 'file:///srv/cran'}": (
        "1:26: the repository 'file:///srv/cran' is not https | write 'https://…'"
    ),
    "packages: [dplyr, Dplyr]": (
        "1:23: the R package 'dplyr' is named twice: at manifests/k.yaml:1:16, too | keep one of the two"
    ),
    "packages: [dplyr], cran: [{name: dplyr, repository: 'https://c.example.com'}]": (
        "1:31: the R package 'dplyr' is named twice: at manifests/k.yaml:1:16, too | keep one of the two"
    ),
}  # fmt: skip


@pytest.mark.parametrize("stated", _BAD)
def test_what_cannot_be_is_refused_at_its_place(stated: str) -> None:
    """With what mends it."""
    assert refused(f"r: {{{stated}}}") == _BAD[stated]


_TOGETHER = {
    "python: {from: uv}\nr: {}\n": (
        "2:1: R is to come from conda, and this environment's Python comes from uv | write 'from: conda' under 'python'"
    ),
    "python: {managed: false}\nbuilder: oci\nimage: {base: debian}\nr: {}\n": (
        "4:1: R is to come from conda, and this Python is not managed"
        " | remove 'managed: false' under 'python', or write 'from: system' under 'r'"
    ),
    "dependencies: [r-dplyr, r-base =4.3]\nr: {version: '4.4', packages: [dplyr]}\n": (
        "2:32: the R package 'dplyr' is named twice: at manifests/k.yaml:1:16, too | keep one of the two"
    ),
    "dependencies: [r-base =4.3]\nr: {version: '4.4'}\n": (
        "2:14: the version of 'r-base' is said twice: at manifests/k.yaml:1:16, too | keep one of the two"
    ),
    "builder: docker\nimage: {base: debian}\nr: {from: system, packages: [dplyr]}\n": (
        "3:29: nobody brings 'r.packages': R is there already"
        " | take them from 'cran', or write 'from: apt' under 'r'"
    ),
    "builder: docker\nimage: {base: debian}\nr: {packages: [dplyr@1.0]}\n": (
        "3:16: Debian has one version of each package, and 'dplyr@1.0' asks for one | take it from 'cran'"
    ),
}  # fmt: skip


@pytest.mark.parametrize("text", _TOGETHER)
def test_what_does_not_go_together_is_refused(text: str) -> None:
    """Once all of the lineage is known."""
    assert _TOGETHER[text] in [
        one.removeprefix("manifests/k.yaml:").replace("\n  hint: ", " | ") for one in problems({"k": text})
    ]


def test_it_is_inherited_key_by_key() -> None:
    """Lists replace, repositories overlay; null removes a key, and `!reset` all of it."""
    parent = {"from": "system", "cran": ["dplyr"], "repositories": {"cran": "https://c.example.com"}, "version": "4.3"}
    own = {"cran": ["tidyr"], "repositories": {"cran": "https://d.example.com"}, "version": None}
    plainly = heirs("r", parent, own, body("r"))
    stated = {"cran": ["tidyr"], "repositories": {"cran": "https://d.example.com"}}
    assert plainly == ({**stated, "from": "system"}, stated, None, parent)


def asked(found: Environment) -> list[str]:
    return [item.text for package in found.packages for item in package.items]


def test_it_brings_r_from_where_the_rest_comes() -> None:
    """Conda's, but in an image that has no conda otherwise: there Debian's, with compilers where these are needed."""
    own = environment({"k": "r: {version: '4.3', packages: [Dplyr@1.1, data.table]}\n"})
    assert asked(own) == ["r-base 4.3.*", "r-data.table", "r-dplyr 1.1.*"]
    assert (own.python.source, own.brought.r, own.brought.debian) == ("conda", "conda", ())
    image = "builder: docker\nimage: {base: debian}\n"
    debian = environment({"k": f"{image}r: {{packages: [Dplyr]}}\n"})
    assert (asked(debian), debian.brought.debian) == ([], ("r-base-core", "r-cran-dplyr"))
    source = f"{image}r: {{urls: [{{url: 'https://x.example.com/a.tar.gz', sha256: {'0' * 64}}}]}}\n"
    assert environment({"k": source}).brought.debian == ("r-base-core", "r-base-dev")
    mixed = environment({"k": f"{image}dependencies: [numpy]\nr: {{}}\n"})
    assert (asked(mixed), mixed.brought.debian) == (["numpy", "r-base"], ())
    assert environment({"k": f"{image}r: {{from: system}}\n"}).brought.debian == ()
    (item,) = own.package("r-dplyr")
    assert str(item.where) == "manifests/k.yaml:1:32"


@pytest.mark.parametrize("text", ["dependencies: [numpy]\nr: {}\n", "r: {version: '4.3', packages: [dplyr]}\n"])
def test_what_is_recorded_of_it_is_the_same_environment(text: str) -> None:
    """Written whole and read again, it brings the same, once."""
    first = environment({"k": text})
    again = environment({"k": resolved_text(first)})
    assert (asked(again), again.keys.r) == (asked(first), first.keys.r)


def test_a_child_goes_without_it() -> None:
    """`!reset` takes all of it away."""
    found = child("r: {packages: [dplyr]}\n", "r: !reset\nsetup: [x]\n")
    assert (found.keys.r, found.packages) == (None, ())


def test_each_builder_says_what_it_cannot_do(project: Project) -> None:
    """At plan time, at the line, with who can."""
    project.write("manifests/local.yaml", "platforms: [linux-64]\nr:\n  from: system\n")
    url = "https://c.example.com"
    project.write(
        "manifests/oci.yaml",
        f"""
        builder: oci
        platforms: [linux-64]
        image: {{base: debian}}
        r:
          repositories: {{cran: '{url}', bioconductor: '{url}'}}
          cran: [dplyr]
          bioconductor: [limma]
          github: [team/x@v1]
          urls: [{{url: '{url}/a.tar.gz', sha256: {"0" * 64}}}]
        """,
    )
    others = "  hint: remove it, or use 'builder: docker' or 'builder: local'\n"
    lines = {"cran": 6, "bioconductor": 7, "github": 8, "urls": 9}
    assert project.run("plan", check=1).err == (
        "manifests/local.yaml:3:3: builder 'local' cannot do 'r.from: system'\n"
        "  hint: remove it, or use 'builder: docker' or 'builder: oci'\n"
        + "".join(
            f"manifests/oci.yaml:{at}:3: builder 'oci' cannot do 'r.{key}'\n{others}" for key, at in lines.items()
        )
    )


def test_what_it_renders_is_quoted(project: Project) -> None:
    """What stands in the script is text of R, whatever it holds, and a script is rendered only where R has to run."""
    url = 'https://c.example.com/it\'s \\"here\\"/é'
    project.write("manifests/k.yaml", f'r:\n  repositories: {{cran: "{url}"}}\n  cran: [dplyr, tidyr@1.0]\n')
    project.write("manifests/n.yaml", "r: {version: '4.3'}\n")
    opened = Opened.load(project.path, project.environ)
    assert addition_texts(opened.one("n"), lambda: opened.templates) == {}
    text = addition_texts(opened.one("k"), lambda: opened.templates)["r"]["install.R"]
    quoted = r'"https://c.example.com/it' + r"'s \"here\"/\U{e9}"
    assert f'repositories <- c(\n  {quoted}"\n)' in text
    assert f'{quoted}/src/contrib/tidyr_1.0.tar.gz", {quoted}/src/contrib/Archive/tidyr/tidyr_1.0.tar.gz"' in text
    assert 'list(name = "dplyr", from = repositories)' in text
