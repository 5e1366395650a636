"""Items of pip lists and requirement files: what they ask for, where they stand, and which are refused."""

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envbuild.document import parse
from envbuild.errors import EnvbuildError, Place, WorkspaceError
from envbuild.manifest import Manifest, manifest

PATH = "manifests/a.yaml"
_FILES = {
    "manifests/r.txt": b"# all of it\nalpha==1.0  # for us\n\n-r more/deep.txt\n  -c limits.txt\nbeta \\\n  >=2\n",
    "manifests/more/deep.txt": b"gamma\n-r ../r.txt\n-r deep.txt\n./local-1.0-py3-none-any.whl\n",
    "manifests/limits.txt": b"alpha<2\n-r limits-more.txt\n",
    "manifests/limits-more.txt": b"gamma!=3\n",
    "manifests/bad.txt": b"fine\nscipy=1.4.1\nscipy=1\n--prefer-binary\n-r gone.txt\n../../x.whl\n",
    "manifests/latin.txt": b"alpha\n# caf\xe9\n",
    "shared.txt": b"\xef\xbb\xbfdelta\r\nepsilon\r\n",
}


def _open(path: str, where: Place) -> bytes:
    if path in _FILES:
        return _FILES[path]
    raise WorkspaceError(f"there is no file '{path}'", where, "check the path's spelling")


def read(text: str) -> Manifest:
    return manifest("a", parse(PATH, text.encode()), _open)


def pip(item: str) -> Manifest:
    return read(f"dependencies:\n- pip:\n  - '{item}'\n")


def told(found: Manifest) -> list[str]:
    """Every definition: its key, its canonical text, and its line."""
    items = [(key, item) for key, items in found.dependencies.definitions.items() for item in items]
    return [f"{key}: {item.text} ({item.where})" for key, item in items]


def refused(text: str) -> list[str]:
    with pytest.raises(EnvbuildError) as caught:
        read(text)
    assert all(problem.hint for problem in caught.value.problems)
    return [str(one).removeprefix(f"{PATH}:").replace("\n  hint: ", " | ") for one in caught.value.problems]


def refused_pip(item: str) -> str:
    (problem,) = refused(f"dependencies:\n- pip:\n  - '{item}'\n")
    assert problem.startswith("3:5: ")
    return problem.removeprefix("3:5: ")


@pytest.mark.parametrize(
    ("item", "key", "text"),
    [
        ("alpha", "pip/alpha", "alpha"),
        ("Alpha_X.y [B_c, a]  >=1 , <2", "pip/alpha-x-y", "alpha-x-y[a,b-c]<2,>=1"),
        ('alpha; python_version<"3.12"', "pip/alpha", 'alpha; python_version < "3.12"'),
        ("alpha~=1.4", "pip/alpha", "alpha~=1.4"),
        ("alpha===1.0", "pip/alpha", "alpha===1.0"),
        ("alpha==1.0+cpu", "pip/alpha", "alpha==1.0+cpu"),
        ("a @ https://example.com/a-1-py3-none-any.whl", "pip/a", "a @ https://example.com/a-1-py3-none-any.whl"),
        ("https://example.com/a_b-1-py3-none-any.whl", "pip/a-b", "a-b @ https://example.com/a_b-1-py3-none-any.whl"),
        ("a @ git+https://example.com/a.git@v1", "pip/a", "a @ git+https://example.com/a.git@v1"),
        ("a @ git+ssh://git@example.com/a.git", "pip/a", "a @ git+ssh://git@example.com/a.git"),
        ("./a-1-py3-none-any.whl", "pip/a", "manifests/a-1-py3-none-any.whl"),
        ("a-1-py3-none-any.whl", "pip/a", "manifests/a-1-py3-none-any.whl"),
        ("../wheels/a_b-1-py3-none-any.whl", "pip/a-b", "wheels/a_b-1-py3-none-any.whl"),
        ("a @ ../a-1-py3-none-any.whl", "pip/a", "a-1-py3-none-any.whl"),
        ("file:../a-1-py3-none-any.whl", "pip/a", "a-1-py3-none-any.whl"),
    ],
)
def test_pip_items_become_one_canonical_text(item: str, key: str, text: str) -> None:
    """Requirements, extras, markers, URLs and wheels; equal requests have equal texts, each with its place."""
    assert told(pip(item)) == [f"{key}: {text} (manifests/a.yaml:3:5)"]


_NUMBERS = st.lists(st.sampled_from(["0", "1", "01", "2", "10", "2024"]), min_size=1, max_size=4).map(".".join)
_CLAUSES = st.tuples(
    st.sampled_from(["==", "!=", ">=", "<=", "<", ">", "~=", "==="]),
    st.sampled_from(["", " "]),
    _NUMBERS,
    st.sampled_from(["", "", "", ".*", "rc1", ".post1", "+cpu", ".dev0"]),
).map("".join)


@given(
    name=st.text("aZ0._-", min_size=1, max_size=6),
    extras=st.sampled_from(["", "", "[x]", "[Y,x_z]"]),
    space=st.sampled_from(["", " "]),
    clauses=st.lists(_CLAUSES, max_size=3),
    comma=st.sampled_from([",", ", ", " ,"]),
)
@example(name="A_.b", extras="", space=" ", clauses=[">=1.2", "<2", "!= 1.5.*", ">=1.2"], comma=" ,")
@example(name="a", extras="", space="", clauses=["~=1.2", "==01.*", ">= 0", "<=2024.1"], comma=", ")
@example(name="a", extras="", space="", clauses=["~=1"], comma=",")
@example(name="a", extras="", space="", clauses=[">=1", ">=1.0", "!=2", "!=2.0"], comma=",")
@example(name="a", extras="", space="", clauses=[">=1.*"], comma=",")
def test_a_requirement_is_read_as_packaging_reads_it(
    name: str, extras: str, space: str, clauses: list[str], comma: str
) -> None:
    """What is plain is read without it, to the same text; what it refuses is refused."""
    item = f"{name}{extras}{space}{comma.join(clauses)}".strip()
    assume(not item.startswith((".", "-")))
    try:
        expected = Requirement(item)
    except InvalidRequirement:
        assert refused_pip(item)
        return
    expected.name = canonicalize_name(expected.name)
    expected.extras = {canonicalize_name(one) for one in expected.extras}
    assert told(pip(item)) == [f"pip/{expected.name}: {expected} (manifests/a.yaml:3:5)"]


_WRITE = "write it as 'name', 'name>=1.2,<2' or 'name @ https://…'"


@pytest.mark.parametrize(
    ("item", "hint"),
    [
        ("scipy=1.4.1", "pip compares with two signs: scipy==1.4.1"),
        ("scipy = 1.4.*", "pip compares with two signs: scipy==1.4.*"),
        ("scipy=>1.4", _WRITE),
        ("scipy>=1.4.*", _WRITE),
        ("scipy==", _WRITE),
        ("scipy~=1", _WRITE),
        ("scipy numpy", _WRITE),
        ("scipy; python_version", _WRITE),
        ("scipy[fast", _WRITE),
        ("scipy --no-deps", "an option stands in an item of its own"),
        ("scipy --hash=sha256:00", "an option stands in an item of its own"),
        ("$(touch x)", _WRITE),
        ("${HOME}", _WRITE),
        ("é", _WRITE),
    ],
)
def test_broken_requirements_get_the_right_spelling(item: str, hint: str) -> None:
    """Bad text is named with its line; what people often write gets the exact words."""
    assert refused_pip(item) == f"'{item}': not a requirement that pip reads | {hint}"


_LINES = "an item of several lines, or with control characters | write one line"
_VARIABLE = "has a variable in it | write it out; credentials are 'secrets' in envbuild.yaml"


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("https://h.org/a.zip\\n-r /etc/passwd", _LINES),
        ("a @ https://h.org/a.zip\\n--index-url=https://h.org", _LINES),
        ("alpha\\rbeta", _LINES),
        (
            "https://h.org/a.zip --hash=sha256:00",
            "'https://h.org/a.zip --hash=sha256:00': a URL has no blanks | an option stands in an item of its own",
        ),
        ("https://${TOKEN}/a.zip", f"'https://${{TOKEN}}/a.zip' {_VARIABLE}"),
        ("a @ git+https://h.org/${TOKEN}/a.git", f"'git+https://h.org/${{TOKEN}}/a.git' {_VARIABLE}"),
    ],
)
def test_an_item_is_one_line_for_an_installer(item: str, message: str) -> None:
    """P21: none adds another line to what an installer reads, nor has it look into the host's variables."""
    assert refused(f'dependencies:\n- pip:\n  - "{item}"\n') == [f"3:5: {message}"]


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("--trusted-host example.com", "the option '--trusted-host' is not read here | remove it"),
        ("-i", "the option '-i' has no value | write '-i VALUE'"),
        ("--pre --no-deps", "'--no-deps' does not go with options | give it an item of its own"),
        ("--pre numpy", "'numpy' does not go with options | give it an item of its own"),
        ('-f "a', "a quote is not closed | close it"),
        ("--target=/opt", "the option '--target' is not read here | remove it"),
        ("-U", "the option '-U' is not read here | remove it"),
        ("-r", "the option '-r' is not read here | remove it"),
        (" ", "an empty item | remove it"),
        ("", "an empty item | remove it"),
    ],
)
def test_options_are_no_packages(item: str, message: str) -> None:
    """None is passed on to a program; what an option holds, perhaps a password, is not repeated."""
    assert refused_pip(item) == message


@pytest.mark.parametrize(
    "item",
    [
        "a @ https://user:canary@example.com/a-1-py3-none-any.whl",
        "a @ https://canary@example.com/a-1-py3-none-any.whl",
        "https://user:canary@example.com/a-1-py3-none-any.whl",
        "a @ git+https://user:canary@example.com/a.git",
        "a @ git+ssh://git:canary@example.com/a.git",
    ],
)
def test_credentials_may_not_stand_in_a_url(item: str) -> None:
    """They are refused without being shown."""
    message = "credentials may not stand in a file | use 'secrets' in envbuild.yaml, or a netrc file"
    assert refused_pip(item) == message


@pytest.mark.parametrize(
    "item",
    [
        "HTTPS://user:canary@example.com/a-1-py3-none-any.whl",
        "https://user:canary@example.com/a.tar.gz",
        "git+https://user:canary@example.com/a.git",
        "a @ https://user:canary@[::1/a.whl",
        "a --index-url=https://user:canary@example.com/",
        "https://user:canary@[::1/a.whl",
        "-r https://user:canary@example.com/r.txt",
    ],
)
def test_no_message_repeats_a_secret(item: str) -> None:
    """Also when the text is refused for another reason."""
    assert "canary" not in refused_pip(item)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("a @ ftp://example.com/a", "'ftp:' URLs are not read | use https, git+https or git+ssh"),
        ("a @ git+file:///srv/a", "'git+file:' URLs are not read | use https, git+https or git+ssh"),
        ("a @ svn+https://example.com/a", "'svn+https:' URLs are not read | use https, git+https or git+ssh"),
        ("a @ git+ssh://-oProxyCommand=x/a", "'git+ssh://-oProxyCommand=x/a' has no valid host | mend the URL"),
        ("a @ git+ssh://-oX@example.com/a", "'git+ssh://-oX@example.com/a' has no valid host | mend the URL"),
        ("a @ https:///a.whl", "'https:///a.whl' has no valid host | mend the URL"),
        ("a @ https://[::1/a", "'https://[::1/a' has no valid host | mend the URL"),
    ],
)
def test_urls_are_ones_that_can_be_fetched(item: str, message: str) -> None:
    """Other schemes, hosts that are options, hosts that are none."""
    assert refused_pip(item) == message


_ABSOLUTE = "is absolute | write it relative to this file"
_LEAVES = "leaves the project | keep what a project needs inside it"


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("/opt/a.whl", f"the path '/opt/a.whl' {_ABSOLUTE}"),
        ("~/a.whl", f"the path '~/a.whl' {_ABSOLUTE}"),
        ("C:/a.whl", f"the path 'C:/a.whl' {_ABSOLUTE}"),
        ("file:///etc/a.whl", f"the path '/etc/a.whl' {_ABSOLUTE}"),
        ("a @ file:///etc/passwd", f"the path '/etc/passwd' {_ABSOLUTE}"),
        ("../../a.whl", f"the path '../../a.whl' {_LEAVES}"),
        ("x/../../../a.whl", f"the path 'x/../../../a.whl' {_LEAVES}"),
        ("file:../../a.whl", f"the path '../../a.whl' {_LEAVES}"),
        ("-r ../../a.txt", f"the path '../../a.txt' {_LEAVES}"),
        ("-c /etc/passwd", f"the path '/etc/passwd' {_ABSOLUTE}"),
        ("-r file:///etc/passwd", f"the path '/etc/passwd' {_ABSOLUTE}"),
        ("-r https://example.com/r", "'https://example.com/r' is not in the project | commit a copy and name that"),
        ("-r none.txt", "there is no file 'manifests/none.txt' | check the path's spelling"),
        ("-e ../../src", f"the path '../../src' {_LEAVES}"),
        ("-e /src", f"the path '/src' {_ABSOLUTE}"),
    ],
)  # fmt: skip
def test_paths_stay_in_the_project(item: str, message: str) -> None:
    """Absolute ones, ones that climb out, and files that are not there or no wheels."""
    assert refused_pip(item) == message


@pytest.mark.parametrize(
    "item",
    [
        "x.whl",
        ".whl",
        "./-1-py3-none-any.whl",
        "a.whl",
        'a-1-py3-none-any.whl; python_version<"3"',
        "a-1-py3-none-any.whl[x]",
    ],
)
def test_a_wheels_name_is_no_package_name(item: str) -> None:
    """Neither a damaged file name nor one with an extra or a marker becomes a package to ask an index for."""
    assert "whl" in refused_pip(item)


def test_requirement_files_are_followed_with_their_lines() -> None:
    """Nested, cyclic, with comments and continued lines; items of `-c` constrain only; every item knows its file."""
    found = read("dependencies:\n- pip:\n  - -r r.txt\n  - -r ../shared.txt\n  - zeta\n")
    assert told(found) == [
        "pip/alpha: alpha==1.0 (manifests/r.txt:2:1)",
        "pip/gamma: gamma (manifests/more/deep.txt:1:1)",
        "pip/local: manifests/more/local-1.0-py3-none-any.whl (manifests/more/deep.txt:4:1)",
        "pip/beta: beta>=2 (manifests/r.txt:6:1)",
        "pip/delta: delta (shared.txt:1:1)",
        "pip/epsilon: epsilon (shared.txt:2:1)",
        "pip/zeta: zeta (manifests/a.yaml:5:5)",
    ]
    assert [
        f"{item.text} {item.where}" for item in (one for items in found.limits.definitions.values() for one in items)
    ] == [
        "alpha<2 manifests/limits.txt:1:1",
        "gamma!=3 manifests/limits-more.txt:1:1",
    ]


@pytest.mark.parametrize(
    "item", ["-r r.txt", "-rr.txt", "-r=r.txt", "--requirement r.txt", "--requirement=r.txt", "-r file:r.txt"]
)
def test_every_spelling_of_an_include_is_read(item: str) -> None:
    """As pip does."""
    assert len(told(pip(item))) == 4


def test_all_that_is_wrong_in_requirement_files_is_reported() -> None:
    """With the file and line of each."""
    text = "dependencies:\n- pip:\n  - -r bad.txt\n  - -r none.txt\n  - -r latin.txt\n"
    assert [line.partition(": ")[0] for line in refused(text)] == [
        "4:5",
        "manifests/bad.txt:2:1",
        "manifests/bad.txt:3:1",
        "manifests/bad.txt:4:1",
        "manifests/bad.txt:5:1",
        "manifests/bad.txt:6:1",
        "manifests/latin.txt:2:1",
    ]
