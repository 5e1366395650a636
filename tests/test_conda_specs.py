"""Conda match specs, text by text: what each is read as, or how it is refused. Hostile ones stay text."""

import pytest
from rattler import MatchSpec, PackageRecord
from rattler.package.build_string import BuildString
from support.manifests import asked, environment, flow, problems

from envbuild.errors import EnvbuildError
from envbuild.manifest import Item
from envbuild.project.shipped import templates
from envbuild.render import Templates, render
from envbuild.resolve import Environment, resolved_text


def one(spec: str) -> Environment:
    return environment({"k": f"dependencies:\n- {flow(spec)}\n"})


def item(spec: str) -> Item:
    ((found,),) = [package.items for package in one(spec).packages]
    return found


def refused(spec: str) -> str:
    (problem,) = problems({"k": f"dependencies:\n- {flow(spec)}\n"})
    assert problem.startswith("manifests/k.yaml:2:3: ")
    return problem.removeprefix("manifests/k.yaml:2:3: ").replace("\n  hint: ", " | ")


_READ = {
    # names
    "numpy": "numpy",
    "NumPy": "numpy",
    " numpy ": "numpy",
    "typing-extensions": "typing-extensions",
    "typing_extensions": "typing_extensions",
    "ruamel.yaml": "ruamel.yaml",
    "_libgcc_mutex=0.1=main": "_libgcc_mutex ==0.1 main",
    "__glibc >=2.17": "__glibc >=2.17",
    "types-PyYAML": "types-pyyaml",
    # one `=` is a prefix, two are exact, none before a bare version is exact as well
    "a=1.2": "a 1.2.*",
    "a =1.2": "a 1.2.*",
    "a = 1.2": "a 1.2.*",
    "a=1.2.*": "a 1.2.*",
    "a 1.2.*": "a 1.2.*",
    "a==1.2.*": "a 1.2.*",
    "a==1.2": "a ==1.2",
    "a == 1.2": "a ==1.2",
    "a 1.2": "a ==1.2",
    "a=*": "a *",
    "a *": "a *",
    # ranges
    "a <= 3.5": "a <=3.5",
    "a>=1.2,<2": "a >=1.2,<2",
    "a >= 1.2, < 2": "a >=1.2,<2",
    "a <2,>=1.2": "a <2,>=1.2",
    "a!=6.0.0,!=6.0.1": "a !=6.0.0,!=6.0.1",
    "a!=1.2.*": "a !=1.2.*",
    "a~=1.4.2": "a ~=1.4.2",
    "a==24.10.*,>=0.0.0a0": "a 24.10.*,>=0.0.0a0",
    "a>=1.2,<3.0a0": "a >=1.2,<3.0a0",
    "a =1.2|=1.4": "a 1.2.*|1.4.*",
    "a >=1,<2|>3": "a >=1,<2|>3",
    # versions that only conda has
    "a=1.3_2": "a 1.3_2.*",
    "a==1.3_2": "a ==1.3_2",
    "a=10.3.9.55-0": "a 10.3.9.55-0.*",
    "a=2022a": "a 2022a.*",
    "openssl=1.1.1k": "openssl 1.1.1k.*",
    "jpeg=9b=h024ee3a_2": "jpeg ==9b h024ee3a_2",
    "x264=1!152.20180806": "x264 1!152.20180806.*",
    "x264=1!152.20180806=h14c3975_0": "x264 ==1!152.20180806 h14c3975_0",
    "a>=1!2,<1!3": "a >=1!2,<1!3",
    "a=5.0.0.4634.697f757=2": "a ==5.0.0.4634.697f757 2",
    # builds
    "a=1.2=py310_0": "a ==1.2 py310_0",
    "a ==1.2 py310_0": "a ==1.2 py310_0",
    "a =1.0 build_1": "a ==1.0 build_1",
    "a 1.2.* *cuda*": "a 1.2.* *cuda*",
    "a=*=*openblas": "a * *openblas",
    "a=1.7=py3.8_cuda10.1.243_0": "a ==1.7 py3.8_cuda10.1.243_0",
    "a=1.2=^py3.*$": "a ==1.2 ^py3.*$",
    # brackets
    "moab=5.5.1[build=nompi_x_py*]": "moab 5.5.1.* nompi_x_py*",
    "a>=0.15[build=dagmc_*]": "a >=0.15 dagmc_*",
    "a[version='>=1.2,<2']": "a >=1.2,<2",
    'a[version=">=1", build="py*", channel=conda-forge]': "conda-forge::a >=1 py*",
    "a[build=*cuda*]": 'a[build="*cuda*"]',
    # channels
    "conda-forge::a": "conda-forge::a",
    "conda-forge::a=1.2": "conda-forge::a 1.2.*",
    "conda-forge::a=*=*mpi*": "conda-forge::a * *mpi*",
    "defaults::a=1.2": "pkgs/main::a 1.2.*",
    # comments
    "a >=1.2 # why": "a >=1.2",
    "a  # why": "a",
    # python and pip, as PyPI's tools know their versions
    "python=3.10": "python==3.10.*",
    "python  >=3.10,<3.12": "python<3.12,>=3.10",
    "python = 3.7": "python==3.7.*",
    "python=3.8.3=hcff3b4d_0": "python ==3.8.3 hcff3b4d_0",
    "python 3.8.* *_cpython": "python 3.8.* *_cpython",
    "python >=3.8 *_cpython": "python >=3.8 *_cpython",
    "python=3.8[build=*_cpython]": "python 3.8.* *_cpython",
    "conda-forge::python=3.11": "conda-forge::python 3.11.*",
    "pip=20.1=py38_0": "pip ==20.1 py38_0",
    "xz=5.4.": "xz 5.4.*",
    "conda-forge::xz=5.": "conda-forge::xz 5.*",
}


@pytest.mark.parametrize("spec", _READ)
def test_a_spec_has_one_canonical_text(spec: str) -> None:
    """Equal requests have equal texts; names fold case and nothing else."""
    assert item(spec).text == _READ[spec]


@pytest.mark.parametrize("spec", _READ)
def test_a_canonical_text_is_its_own(spec: str) -> None:
    """It is read as itself, also where a manifest is shown whole: no meaning is lost on the way."""
    found = one(spec)
    again = environment({"k": resolved_text(found)})
    assert [entry.text for package in again.packages for entry in package.items] == [_READ[spec]]


_VERSIONS = ("1.1", "1.2rc1", "1.2", "1.2.0", "1.2.1", "1.20", "2.0")


@pytest.mark.parametrize(
    ("spec", "versions"),
    [
        ("a=1.2", "1.2rc1 1.2 1.2.0 1.2.1"),
        ("a =1.2.*", "1.2rc1 1.2 1.2.0 1.2.1"),
        ("a=1.2.", "1.2rc1 1.2 1.2.0 1.2.1"),
        ("a 1.2", "1.2 1.2.0"),
        ("a==1.2", "1.2 1.2.0"),
        ("a!=1.2", "1.1 1.2rc1 1.2.1 1.20 2.0"),
        ("a!=1.2.*", "1.1 1.20 2.0"),
        ("a~=1.2", "1.2 1.2.0 1.2.1 1.20"),
        ("a >=1.2,<2", "1.2 1.2.0 1.2.1 1.20"),
        ("a <1.2", "1.1 1.2rc1"),
        ("a =1.1|=1.20", "1.1 1.20"),
        ("a <1.2|>=2", "1.1 1.2rc1 2.0"),
        ("a=1.2=h_0", "1.2 1.2.0"),
        ("a=1.2[build=h_*]", "1.2rc1 1.2 1.2.0 1.2.1"),
        ("a=1.2=g_0", ""),
    ],
)
def test_a_canonical_text_asks_for_what_conda_means(spec: str, versions: str) -> None:
    """Held against versions one by one: a release candidate counts, and 1.20 is no 1.2."""
    asks = MatchSpec(item(spec).text, strict=False)
    assert " ".join(version for version in _VERSIONS if asks.matches(_record(version))) == versions


def _record(version: str) -> PackageRecord:
    return PackageRecord(name="a", version=version, build=BuildString("h_0"), build_number=0, subdir="noarch")


_SPEC = "write it as 'name' or 'name >=1.2,<2'"
_JOIN = "join versions with ',': 'name >=1.2,<2'"
_EXTRAS = "conda packages have no extras: name what the extra brings"
_PYTHON = "write it as '=3.11' or '>=3.10,<3.13'"

_FOLDER = "names a platform's folder | write 'sel(linux): a', or 'platforms'"

_REFUSED = {
    # what conda misreads
    "rdkit=>2019.09.1": "conda misreads '=>' in 'rdkit=>2019.09.1' | write '>='",
    "rdkit =< 2019": "conda misreads '=<' in 'rdkit =< 2019' | write '<='",
    "python=>3.8": "conda misreads '=>' in 'python=>3.8' | write '>='",
    "nbconvert[execute]": f"conda misreads '[execute]' in 'nbconvert[execute]' | {_EXTRAS}",
    "nbconvert[execute]!=6": f"conda misreads '[execute]' in 'nbconvert[execute]!=6' | {_EXTRAS}",
    "a[b,c] >=1": f"conda misreads '[b,c]' in 'a[b,c] >=1' | {_EXTRAS}",
    # broken
    "a>=": f"'a>=' is no conda spec | {_SPEC}",
    "a>=1.2,": f"'a>=1.2,' is no conda spec | {_SPEC}",
    "a=1..2": f"'a=1..2' is no conda spec | {_SPEC}",
    "a===1.2": f"'a===1.2' is no conda spec | {_SPEC}",
    "a~1.2": f"'a~1.2' is no conda spec | {_SPEC}",
    "a[version=1.2": f"'a[version=1.2' is no conda spec | {_SPEC}",
    "a[foo=bar]": f"'a[foo=bar]' is no conda spec | {_SPEC}",
    "a >1 <2": f"'<2' in 'a >1 <2' is no build string | {_JOIN}",
    "a 1 2 3": f"'2 3' in 'a 1 2 3' is no build string | {_JOIN}",
    "a=1=b=c": f"'b=c' in 'a=1=b=c' is no build string | {_JOIN}",
    "python=3.8=": f"'=3.8=' is no version of python or pip | {_PYTHON}",
    "python latest": f"'latest' is no version of python or pip | {_PYTHON}",
    # other grammars
    "pip-tools; python_version < '3'": f"'pip-tools; python_version < '3'' is no conda spec | {_SPEC}",
    "a >=1 if linux": f"'if linux' in 'a >=1 if linux' is no build string | {_JOIN}",
    "a @ https://example.com/a.whl": f"'a @ https://example.com/a.whl' is no conda spec | {_SPEC}",
    "conda-forge/linux-64::a": f"'conda-forge/linux-64::a' {_FOLDER}",
    "a[subdir=linux-64]": f"'a[subdir=linux-64]' {_FOLDER}",
    # hostile
    "*": f"'*' is no conda spec | {_SPEC}",
    "a*": f"'a*' is no conda spec | {_SPEC}",
    "^a.*$": f"'^a.*$' is no conda spec | {_SPEC}",
    "--override-channels": f"'--override-channels' is no conda spec | {_SPEC}",
    "-c evil": f"'-c evil' is no conda spec | {_SPEC}",
    "$(touch x)": f"'$(touch x)' is no conda spec | {_SPEC}",
    "`touch x`": f"'`touch x`' is no conda spec | {_SPEC}",
    "a;touch x": f"'a;touch x' is no conda spec | {_SPEC}",
    "a && b": f"'a && b' is no conda spec | {_SPEC}",
    "a > /tmp/x": f"'a > /tmp/x' is no conda spec | {_SPEC}",
    "a=1=x;y": f"'x;y' in 'a=1=x;y' is no build string | {_JOIN}",
    "a'": f"'a'' is no conda spec | {_SPEC}",
    "../a": f"'../a' is no conda spec | {_SPEC}",
    "é": f"'é' is no conda spec | {_SPEC}",
    "ａ": f"'ａ' is no conda spec | {_SPEC}",  # noqa: RUF001 - a letter that only looks like another is the case
    "a==١": f"'a==١' is no conda spec | {_SPEC}",  # noqa: RUF001 - so is a digit
    "https://user:canary@example.com/c/linux-64/a-1.0-0.conda": (
        "credentials may not stand in a file | use 'secrets' in envbuild.yaml, or a netrc file"
    ),
}


@pytest.mark.parametrize("spec", _REFUSED)
def test_what_is_no_spec_is_refused_at_its_line(spec: str) -> None:
    """With the text, and with how to write it."""
    assert refused(spec) == _REFUSED[spec]


@pytest.mark.parametrize(
    "spec",
    [
        "/etc/a-1-0.conda",
        "./a-1-0.conda",
        "sel(linux): a",
        "conda-forge:a",
        'a[when="python >3"]',
        "a[extras=[x]]",
        "a\nb",
        "a >=1\n--override-channels",
        "a=1=x\n- evil",
        "a\u2028b",
    ],
)
def test_what_would_be_misread_is_refused(spec: str) -> None:
    """Paths, namespaces, conditions, extras and second lines: none is passed on, and none is dropped silently."""
    with pytest.raises(EnvbuildError):
        one(spec)


@pytest.mark.parametrize(
    "spec",
    [
        "https://user:canary@example.com/c/linux-64/a-1.0-0.conda",
        "https://user:canary@example.com/c::a",
        "https://canary@example.com/c::a >=1",
        "a[channel='https://user:canary@example.com/c']",
        "a[url='https://user:canary@example.com/c/linux-64/a-1.0-0.conda']",
        "https://user:canary@example.com/a b c",
        "https://user:canary@[::1/a-1.0-0.conda",
        "https://user:canary@example.com/c/linux-64/a=1.0",
    ],
)
def test_credentials_in_a_spec_are_refused_and_never_repeated(spec: str) -> None:
    """Of a package, of its channel, in brackets, and where the text is refused for another reason."""
    assert "canary" not in refused(spec)


@pytest.mark.parametrize(
    "spec",
    [
        "https://example.com/c/linux-64/a-1.0-0.conda",
        "https://example.com/c/linux-64/a-1.0-0.tar.bz2",
        "a[url='https://example.com/c/linux-64/a-1.0-0.conda']",
    ],
)
def test_a_package_may_be_named_by_its_url(spec: str) -> None:
    """Its name is in its file's; the URL is what is asked for, and what reasons and messages show."""
    found = item(spec)
    url = f"https://example.com/c/linux-64/a-1.0-0.{'tar.bz2' if spec.endswith('bz2') else 'conda'}"
    assert (found.key, found.url, found.wish) == ("a", url, url)


@pytest.mark.parametrize(
    ("one_spec", "other"),
    [
        ("a[build=*cuda*]", "a[build=*cpu*]"),
        ("a[md5=0123456789abcdef0123456789abcdef]", "a"),
        ("https://example.com/c::a", "https://example.com/d::a"),
        ("conda-forge::a", "a"),
        ("conda-forge::a=1.2", "nvidia::a=1.2"),
    ],
)
def test_different_requests_show_different_wishes(one_spec: str, other: str) -> None:
    """A reason that says `* -> *` explains nothing."""
    assert item(one_spec).wish != item(other).wish


@pytest.mark.parametrize("quote", ["'", '"'])
def test_no_spec_breaks_out_of_what_is_rendered(quote: str) -> None:
    """Whatever is accepted stands on one line, quoted, in environment.yml."""
    found = one(f"a[license={quote}x # y: {{z}}{quote}]")
    (line,) = [line for line in _rendered(found).splitlines() if "license" in line]
    again = environment({"k": _rendered(found)})
    assert line.startswith('  - "a[license=')
    assert asked(again).keys() == {"python", "a"}


def _rendered(found: Environment) -> str:
    return render(found, Templates({}, templates()), "3.12")["environment.yml"]
