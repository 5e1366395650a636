"""What envbuild.yaml may say of a project, and what it may not."""

import msgspec
import pytest

from envbuild.document import parse
from envbuild.errors import EnvbuildError, SettingsError
from envbuild.globs import matcher
from envbuild.names import FILE
from envbuild.settings import Settings, settings
from envbuild.version import __version__


def read(text: str) -> Settings:
    return msgspec.structs.replace(settings(parse(FILE, text.encode())), body=Settings().body)


def refused(text: str) -> list[str]:
    with pytest.raises(EnvbuildError) as caught:
        read(text)
    assert all(problem.hint for problem in caught.value.problems)
    return [str(one).removeprefix(f"{FILE}:").replace("\n  hint: ", " | ") for one in caught.value.problems]


@pytest.mark.parametrize("text", ["", "# nothing\n", "channels: null\nstate:\nbuilder: ~\n"])
def test_every_key_is_optional(text: str) -> None:
    """An empty file is a project with all defaults."""
    assert read(text) == Settings(
        requires_envbuild="",
        manifests=("manifests/**/*.{yaml,yml}",),
        templates=("templates",),
        builder="local",
        platforms=(),
        channels=("conda-forge",),
        default_environment="",
        state="sqlite:///.envbuild/state.db",
        ca_bundle="",
    )


def test_every_key_is_read() -> None:
    """Each with a value of its own."""
    text = """\
requires_envbuild: ">=0.1,<99"
manifests: ["envs/*.yaml", services/*/environment.yml]
templates: [own, more]
builder: oci
platforms: [osx-arm64, linux-64]
channels: [one, two]
default_environment: base
state: sqlite:///data/records.db
ca_bundle: /etc/ssl/certs/corp.pem
"""
    found = read(text)
    assert found == Settings(
        requires_envbuild=">=0.1,<99",
        manifests=("envs/*.yaml", "services/*/environment.yml"),
        templates=("own", "more"),
        builder="oci",
        platforms=("osx-arm64", "linux-64"),
        channels=("one", "two"),
        default_environment="base",
        state="sqlite:///data/records.db",
        ca_bundle="/etc/ssl/certs/corp.pem",
    )
    assert found.state_path == "data/records.db"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("manifests: a", "1:12: 'manifests' must be a list, not text | write manifests: [a]"),
        ("manifests: [null]", "1:13: an item of 'manifests' must be text, not nothing | write text"),
        ("templates: {a: b}", "1:12: 'templates' must be a list, not a mapping | write a list"),
        ("builder: podman", "1:10: 'builder' cannot be 'podman' | known are: docker, local, oci"),
        (
            "builder: [local]",
            "1:10: 'builder' must be one of docker, local, oci, not a list | write one of docker, local, oci",
        ),
        ("platforms: linux-64", "1:12: 'platforms' must be a list, not text | write platforms: [linux-64]"),
        ("platforms: [linux_64]", "1:13: an item of 'platforms' cannot be 'linux_64' | did you mean 'linux-64'?"),
        ("channels: a", "1:11: 'channels' must be a list, not text | write channels: [a]"),
        ("default_environment: [a]", "1:22: 'default_environment' must be text, not a list | write text"),
        ("state: [a]", "1:8: 'state' must be text, not a list | write text"),
        ("ca_bundle: {a: b}", "1:12: 'ca_bundle' must be text, not a mapping | write text"),
        ("bulder: local", "1:1: unknown key 'bulder' | did you mean 'builder'?"),
        ("manifest: [a]", "1:1: unknown key 'manifest' | did you mean 'manifests'?"),
        ("platform: [a]", "1:1: unknown key 'platform' | did you mean 'platforms'?"),
        ("a: 1\na: 2", "2:1: the key 'a' stands twice | keep one of the two: the first is at line 1"),
        ("- a", "1:1: the file must be a mapping of keys to values | write 'key: value' lines"),
        ("runs:\n  snapshot_mib: -1\n", "2:17: -1 is no size that can be kept | write how many MiB: 0 or more"),
        ("runs: {outputs_mib: -5000}\n", "1:21: -5000 is no size that can be kept | write how many MiB: 0 or more"),
    ],
)  # fmt: skip
def test_wrong_settings_are_refused_at_their_line(text: str, message: str) -> None:
    """Wrong types, unknown values, misspelt keys, damaged YAML."""
    assert refused(text + "\n") == [message]


@pytest.mark.parametrize("key", ["manifests", "templates"])
@pytest.mark.parametrize("path", ["/srv/x", "../x/*.yaml", "a/../../x", "{../a,b}/*.yaml", "~/x"])
def test_globs_and_folders_stay_in_the_project(key: str, path: str) -> None:
    """However they are written."""
    (message,) = refused(f"{key}: [a, '{path}']\n")
    assert message.startswith(f"1:{len(key) + 7}: '{path}' ")


@pytest.mark.parametrize("key", ["manifests", "templates"])
def test_dots_in_a_name_do_not_climb(key: str) -> None:
    """Two dots within a name are a name."""
    assert getattr(read(f"{key}: [a..b/*.yaml]\n"), key) == ("a..b/*.yaml",)


@pytest.mark.parametrize("pattern", ["[z-a].yaml", "[!].yaml", "[!]a].yaml", "[[a].yaml", "[a&&b].yaml", "[a--b].yaml"])
def test_a_glob_is_a_glob_whatever_it_looks_like_to_python(pattern: str) -> None:
    """A pattern that cannot be is refused when it is read; one that can is no other thing in disguise."""
    try:
        found = read(f"manifests: ['{pattern}']\n")
    except SettingsError:
        assert refused(f"manifests: ['{pattern}']\n")[0].startswith("1:13: ")
    else:
        assert not matcher(found.manifests[0]).fullmatch("a/b")


@pytest.mark.parametrize(
    "state", ["records.db", "postgresql://db.example.com/x", "sqlite://x", "'sqlite:///'", "!reset"]
)
def test_records_are_kept_in_sqlite(state: str) -> None:
    """Other places come later, and are refused with their line."""
    (message,) = refused(f"state: {state}\n")
    assert message.startswith("1:8: ")
    assert message.endswith(" | keep them in sqlite:///PATH: this version has no other")


@pytest.mark.parametrize("path", ["../records.db", "a/../../records.db", "/srv/records.db"])
def test_records_stay_in_the_project(path: str) -> None:
    """Only the CA bundle's path may lead elsewhere."""
    (message,) = refused(f"state: sqlite:///{path}\n")
    assert message.startswith("1:8: ")


@pytest.mark.parametrize("path", ["../corp.pem", "a/../../corp.pem"])
def test_a_relative_ca_bundle_stays_in_the_project(path: str) -> None:
    """It may be absolute; what is relative is of the project."""
    (message,) = refused(f"ca_bundle: {path}\n")
    assert message.startswith("1:12: ")


@pytest.mark.parametrize("wanted", [">=0.1", f"=={__version__}", "~=0.1", ">=0.1,<99", "''"])
def test_a_version_that_fits_is_fine(wanted: str) -> None:
    """Any range of versions that this one is in."""
    assert read(f"requires_envbuild: '{wanted}'\n".replace("''''", "''")).builder == "local"


@pytest.mark.parametrize("wanted", [">=99", "<0.1", "!=0.1.*"])
def test_another_version_is_asked_for(wanted: str) -> None:
    """What is wanted, what this is, and how to get it."""
    assert refused(f"requires_envbuild: '{wanted}'\n") == [
        f"1:20: this project wants envbuild {wanted}, this is {__version__} | run pip install 'envbuild{wanted}'"
    ]


def test_the_version_is_looked_at_before_the_keys() -> None:
    """A newer version's keys are unknown to this one, and the version is what has to change."""
    messages = refused("requires_envbuild: '>=99'\nnew_key: 1\n")
    assert messages[0].startswith("1:20: this project wants envbuild >=99")


def test_a_version_is_text() -> None:
    """A number would lose its zeros, and a word is no range."""
    assert refused("requires_envbuild: 0.10\n") == ['1:20: the number 0.10 is not kept as written | quote it: "0.10"']
    assert refused("requires_envbuild: latest\n") == ["1:20: 'latest' is no version range | write it as '>=0.1'"]


def test_every_problem_is_reported_in_one_go() -> None:
    """Types, paths and unknown keys, in the order of the file."""
    text = "state: x\nmanifests: [../a, /b]\nbulder: local\nplatforms: [linux-65]\ncatalogues: []\nchannels: a\n"
    places = [line.partition(": ")[0] for line in refused(text)]
    assert places == ["1:8", "2:13", "2:19", "3:1", "4:13", "5:13", "6:11"]


def test_what_is_said_keeps_its_line() -> None:
    """So that a builder which this version lacks is refused where it stands."""
    found = settings(parse(FILE, b"channels: [a]\nbuilder: docker\n"))
    assert [str(found.place(key)) for key in ("channels", "builder")] == [f"{FILE}:1:11", f"{FILE}:2:10"]
    assert found.place("state") is None


@pytest.mark.parametrize("pattern", ["./manifests/*.yaml", "a//b.yaml", "a/./b.yaml", "manifests/"])
def test_a_glob_names_each_file_in_one_way(pattern: str) -> None:
    """Else a file that is also reached by `extends` would be two."""
    (message,) = refused(f"manifests: ['{pattern}']\n")
    assert message == f"1:13: '{pattern}' has an empty part | write it without './' and '//'"
