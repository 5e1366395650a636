"""DECISIONS 11 to 14, saying by saying: further keys, Python, environments as bases, indexes without TLS."""

from pathlib import Path

import pytest
from support.keys import child, counts, fingerprint_of, project_settings
from support.manifests import PLATFORM, asked, environment, problems, resolved, write_all

from envbuild.errors import EnvbuildError
from envbuild.fingerprint import Fingerprint, Inputs, fingerprint
from envbuild.lock import Pins, make_lock, requests
from envbuild.project.reading import Reader, Selection
from envbuild.resolve import notes
from envbuild.settings import Settings
from envbuild.workspace import Workspace


def test_decision_11_further_keys_of_the_settings() -> None:
    """Each with its own type."""
    text = """\
insecure_registries: ["registry.example.com:5000"]
insecure_indexes: [index.example.com]
channel_priority: flexible
pypi_names: {opencv: opencv-python}
groups: {nightly: ["churn/*", web]}
micromamba_image: registry.example.com/micromamba:2
install: inside
layers: {budget: 60, compression: gzip}
check: {ignore: [no-channels]}
"""
    found = project_settings(text)
    assert (found.insecure_registries, found.insecure_indexes) == (
        ("registry.example.com:5000",),
        ("index.example.com",),
    )
    assert (found.channel_priority, found.install) == ("flexible", "inside")
    assert found.micromamba_image == "registry.example.com/micromamba:2"
    assert (found.pypi_names, found.groups) == ({"opencv": "opencv-python"}, {"nightly": ("churn/*", "web")})
    assert (found.layers.budget, found.layers.compression, found.check.ignore) == (60, "gzip", ("no-channels",))


def test_decision_11_defaults_of_the_settings() -> None:
    """Strict channels, staged installs, nothing insecure."""
    found = Settings()
    assert (found.channel_priority, found.install) == ("strict", "staged")
    assert (found.insecure_registries, found.insecure_indexes, found.groups) == ((), (), {})


@pytest.mark.parametrize(
    "text",
    [
        "insecure_registries: x", "insecure_indexes: {a: b}", "channel_priority: loose", "pypi_names: [a]",
        "groups: {a: b}", "groups: {'a b': [c]}", "install: staged-maybe", "layers: {budget: many}",
        "layers: {compression: xz}", "layers: 60", "check: [a]", "micromamba_image: [a]",
    ],
)  # fmt: skip
def test_decision_11_settings_of_a_wrong_type_are_refused(text: str) -> None:
    """At their line, with a hint."""
    with pytest.raises(EnvbuildError, match=r"^envbuild.yaml:1:[0-9]+: .*\n  hint: \S"):
        project_settings(text + "\n")


def test_decision_11_a_group_names_a_selection() -> None:
    """`@NAME` stands for its names and globs."""
    files = dict.fromkeys(("churn/a", "churn/b", "web", "other"), "setup: [x]\n")
    groups = project_settings('groups: {nightly: ["churn/*", web]}\n')
    assert sorted(resolved(files, "@nightly", settings=groups)) == ["churn/a", "churn/b", "web"]


def test_decision_11_notes_that_check_leaves_out() -> None:
    """By the settings, by the manifest, or by what it inherits."""
    text = "dependencies: [numpy]\n"
    silent = "check: {ignore: [no-channels]}\n"
    assert [one.kind for one in notes(environment({"k": text}), Settings())] == ["no-channels"]
    assert not list(notes(environment({"k": text}), project_settings(silent)))
    assert not list(notes(child(silent, text), Settings()))


def test_decision_11_publish_and_builder_merge_as_they_say() -> None:
    """Registries, repository, prefix and builder replace, tags append, annotations overlay."""
    parent = (
        "builder: oci\npublish: {registries: [a.example.com], repository: a, tags: [a], annotations: {x: a, y: a}}\n"
    )
    found = child(
        parent, "builder: docker\npublish: {registries: [b.example.com], tags: [b], annotations: {x: b}}\n"
    ).keys
    assert (found.builder, found.publish.registries, found.publish.repository) == ("docker", ("b.example.com",), "a")
    assert (found.publish.tags, found.publish.annotations) == (("a", "b"), {"x": "b", "y": "a"})


def test_decision_11_check_and_solve_group_are_keys_of_a_manifest() -> None:
    """No content, either of them."""
    assert not counts("check", {"ignore": ["no-channels"]})
    assert not counts("solve_group", "ml")


@pytest.mark.parametrize(
    ("dependencies", "builder", "source"),
    [
        ("[numpy]", "local", "conda"), ("[numpy]", "docker", "conda"), ("[numpy, {pip: [alpha]}]", "oci", "conda"),
        ("[python=3.11, pip, {pip: [alpha]}]", "local", "uv"), ("[python=3.11, pip]", "docker", "image"),
        ("[{pip: [alpha]}]", "oci", "image"), ("[]", "local", "uv"), ("[]", "docker", "image"),
    ],
)  # fmt: skip
def test_decision_12_where_python_comes_from(dependencies: str, builder: str, source: str) -> None:
    """Conda where conda brings anything else; else uv's for `local`, the image's for the others; `from` decides."""
    own = environment({"k": f"dependencies: {dependencies}\nbuilder: {builder}\n"})
    assert own.python.source == source
    by_settings = environment(
        {"k": f"dependencies: {dependencies}\n"}, settings=project_settings(f"builder: {builder}\n")
    )
    assert by_settings.python.source == source
    for stated in ("conda", "uv", "image"):
        text = f"dependencies: {dependencies}\nbuilder: {builder}\npython: {{from: {stated}}}\n"
        assert environment({"k": text}).python.source == stated


def test_decision_12_conda_specs_of_python_and_pip_mean_pypis() -> None:
    """The version of Python, and pip as a package; an implied pip is not installed."""
    (request,) = requests(environment({"k": "dependencies: [python=3.11, pip=24.2, {pip: [alpha]}]\n"}), {})
    assert (request.python, request.roots) == ("==3.11.*", ("alpha", "pip==24.2.*"))
    (implied,) = requests(environment({"k": "dependencies: [{pip: [alpha]}]\n"}), {})
    assert (implied.python, implied.roots) == ("", ("alpha",))


def test_decision_12_python_version_and_a_conda_python_are_one_request() -> None:
    """However it is said, the same is asked for."""
    said = ("dependencies: [python=3.11]\n", "python: {version: '3.11'}\n", "python: {version: '=3.11'}\n")
    first, *others = (requests(environment({"k": text}), {}) for text in said)
    assert all(other == first for other in others)


def locked(text: str, version: str) -> Fingerprint:
    """The fingerprint of k with a lock that fixed this minor version."""
    found = environment({"k": text})
    lock = make_lock(version, requests(found, {}), {PLATFORM: Pins(PLATFORM, ())})
    return fingerprint(found, Inputs("1", lock.head, (PLATFORM,), {}))


def test_decision_12_the_fingerprint_counts_the_minor_version_that_the_lock_fixed() -> None:
    """How the manifest asked for it is nothing."""
    one, other = "python: {version: '3.11'}\n", "python: {version: '>=3.11,<3.13'}\n"
    assert locked(one, "3.11").text == locked(other, "3.11").text
    assert locked(other, "3.11").text != locked(other, "3.12").text


BASE = "builder: docker\nsetup: [p]\ndependencies: [python]\n"


@pytest.mark.parametrize(
    ("base", "own", "message"),
    [
        ("abstract: true\n", "", "1:29: 'p' is abstract: it is only extended, never built"),
        ("image: {prefix: /opt/p}\nbuilder: local\n", "", "1:29: 'p' builds no image"),
        (BASE, "", "1:29: 'k' and 'p' both lie at '/opt/env'"),
        (BASE, "extends: p\n", "1:41: 'k' extends its base 'p', so that both lie at '/opt/env'"),
    ],
)
def test_decision_13_what_cannot_be_a_base(base: str, own: str, message: str) -> None:
    """Abstract, built into no image, or at a prefix that does not fit; at the line that says so."""
    prefix = ", prefix: /opt/k" if own else ""
    k = f"image: {{base: {{environment: p}}{prefix}}}\nbuilder: docker\ndependencies: [pip]\n{own}"
    found = problems({"p": base, "k": k})
    assert [one.partition("\n")[0] for one in found] == [f"manifests/k.yaml:{message}"]


def test_decision_13_what_can_be_a_base() -> None:
    """One that it extends, at the same prefix, and any other one, at another prefix."""
    base = "image: {base: {environment: p}}\nbuilder: docker\n"
    assert environment({"p": BASE, "k": f"{base}extends: p\n"}).prefix == "/opt/env"
    assert environment({"p": f"{BASE}image: {{prefix: /opt/p}}\n", "k": base}).setup == ()


def test_decision_13_the_base_is_built_first(tmp_path: Path) -> None:
    """The link knows its line."""
    write_all(tmp_path, {"p": BASE, "k": "extends: p\nimage:\n  base: {environment: p}\n"})
    reader = Reader(Workspace(tmp_path), Settings())
    _, links = reader.linked(Selection(("k",)), PLATFORM)
    assert [(one.environment, one.needed, one.kind, str(one.where)) for one in links] == [
        ("k", "p", "base", "manifests/k.yaml:3:23")
    ]


def test_decision_13_environments_that_are_built_from_each_other_are_refused() -> None:
    """The whole ring is named."""
    files = {
        name: f"image: {{prefix: /opt/{name}, base: {{environment: {base}}}}}\n" for name, base in ("kp", "pq", "qk")
    }
    assert any("these are built from each other: k -> p -> q -> k" in one for one in problems(files, "k", "p", "q"))
    assert any("these are built from each other: k -> k" in one for one in problems({**files, "k": files["q"]}))


def test_decision_13_local_builds_the_child_whole() -> None:
    """All that it inherits, and the base's content is no part of it."""
    own = "image: {base: {environment: p}}\nsetup: [k]\n"
    assert environment({"p": "setup: [p]\n", "k": f"extends: p\n{own}"}).setup == ("p", "k")
    found = [environment({"p": f"setup: [{one}]\nimage: {{prefix: /p}}\n", "k": own}) for one in ("x", "y")]
    assert fingerprint_of(found[0]) == fingerprint_of(found[1])


PLAIN = "http://index.example.com:8080/simple/"
INDEXES = {
    "index_url": f"pip: {{index_url: '{PLAIN}'}}\n",
    "extra_index_urls": f"pip: {{extra_index_urls: ['{PLAIN}']}}\n",
    "indexes": f"pip: {{indexes: {{own: {{url: '{PLAIN}'}}}}}}\n",
    "find_links": f"pip: {{find_links: ['{PLAIN}']}}\n",
    "an option": f"dependencies: [pip: [alpha, '-i {PLAIN}']]\n",
    "a further option": f"dependencies: [pip: [alpha, '--extra-index-url={PLAIN}']]\n",
}


@pytest.mark.parametrize("how", INDEXES)
def test_decision_14_plain_http_is_refused_wherever_an_index_stands(how: str) -> None:
    """Unless the settings name its host; loopback needs no leave."""
    (problem,) = problems({"k": INDEXES[how]})
    assert f"'{PLAIN}' is not https" in problem
    assert "insecure_indexes" in problem
    allowed = project_settings("insecure_indexes: ['index.example.com:8080']\n")
    assert environment({"k": INDEXES[how]}, settings=allowed).name == "k"
    for loopback in ("localhost:8080", "127.0.0.1:8080", "[::1]:8080"):
        own = INDEXES[how].replace("index.example.com:8080", loopback)
        assert environment({"k": own}).name == "k"


@pytest.mark.parametrize("how", INDEXES)
@pytest.mark.parametrize("scheme", ["HTTP", "Http", " http", "ftp"])
def test_decision_14_no_spelling_slips_through(how: str, scheme: str) -> None:
    """A scheme is read without regard to case and blanks, by pip and uv as well; what is not https is refused."""
    assert problems({"k": INDEXES[how].replace("http:", f"{scheme}:")})


def test_decision_14_another_host_is_not_meant() -> None:
    """Leave is for the host that is named: no port of its own, no longer name."""
    allowed = project_settings("insecure_indexes: [index.example.com, example.com]\n")
    for host in ("index.example.com.evil.example", "other.example.com", "index.example.com@evil.example"):
        with pytest.raises(EnvbuildError):
            environment({"k": f"pip: {{index_url: 'http://{host}/'}}\n"}, settings=allowed)


def test_decision_14_a_package_url_is_https_as_well() -> None:
    """In a pip list, and in a file that it reads."""
    for text in ("http://example.com/a-1.0-py3-none-any.whl", "git+http://example.com/a.git"):
        assert asked(environment({"k": f"dependencies: [pip: ['a @ {text.replace('http:', 'https:')}']]\n"}))
        (problem,) = problems({"k": f"dependencies: [pip: ['a @ {text}']]\n"})
        assert "is not https" in problem
