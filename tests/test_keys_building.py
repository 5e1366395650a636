"""The rows of DESIGN 4's first table that say what is built and how it is used; the others are in test_keys.py."""

import pytest
from support.keys import asks, body, child, counts, fingerprint_of, heirs, plain, project_settings, refused
from support.manifests import PLATFORM, Body, asked, environment, problems, resolved

from envbuild.resolve import Environment


def test_row_python() -> None:
    """Managed, interpreter, version, from: key by key, null removes; all of it content."""
    assert refused("python: 3.11") == "1:9: 'python' must be a mapping, not text | write a mapping"
    assert refused("python: {from: pip}").startswith("1:16: 'from' cannot be 'pip' | known are: conda, image, uv")
    assert refused("python: {managed: yes}") == "1:19: 'yes' is not a boolean | write true"

    def read(found: Environment) -> tuple[object, ...]:
        return found.python.managed, found.python.interpreter, found.python.source, asked(found)

    parent = {"managed": False, "interpreter": "python3", "version": "3.11", "from": "image"}
    own = {"interpreter": None, "version": "3.12"}
    assert heirs("python", parent, own, read) == (
        (False, "", "image", {"python": ["3.12.*"]}),
        (True, "", "uv", {"python": ["3.12.*"]}),
        (True, "", "uv", {}),
        (False, "python3", "image", {"python": ["3.11.*"]}),
    )
    for value in ({"managed": False}, {"interpreter": "python3"}, {"from": "conda"}, {"version": "3.11.2"}):
        assert counts("python", value)
    assert asks("python", {"version": "3.11"})


def test_row_pip() -> None:
    """Where packages come from: key by key, null removes, also within `indexes`."""
    assert refused("pip: [a]").startswith("1:6: a list of pip packages stands at the top | indent it as '- pip:'")
    assert refused("pip: {indexes: {own: {packages: [a]}}}") == "1:22: the key 'url' is missing | add it"
    assert refused("pip: {prerelease: if-needed}") == (
        "1:19: 'prerelease' must be true or false, not 'if-needed' | write true or false"
    )
    parent = {
        "index_url": "https://one.example.com/",
        "extra_index_urls": ["https://two.example.com/"],
        "indexes": {"a": {"url": "https://a.example.com/"}, "b": {"url": "https://b.example.com/"}},
        "prerelease": True,
    }
    own = {
        "index_url": None,
        "extra_index_urls": [],
        "indexes": {"a": None, "c": {"url": "https://c.example.com/", "packages": ["torch"]}},
        "no_binary": ["alpha"],
        "no_build_isolation": ["beta"],
    }
    stated = {key: value for key, value in own.items() if key != "index_url"}
    both = {"b": {"url": "https://b.example.com/"}, "c": {"url": "https://c.example.com/", "packages": ["torch"]}}
    alone = {key: value for key, value in both.items() if key == "c"}
    assert heirs("pip", parent, own, body("pip")) == (
        {**stated, "indexes": both, "prerelease": True},
        {**stated, "indexes": alone},
        None,
        parent,
    )
    assert not counts("pip", parent)
    assert asks("pip", {"index_url": "https://one.example.com/"})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("extra_index_urls", ["https://two.example.com/"]),
        ("indexes", {"a": {"url": "https://a.example.com/"}}),
        ("find_links", ["./wheels"]),
        ("prerelease", True),
        ("no_binary", ["alpha"]),
        ("no_build_isolation", True),
    ],
)
def test_row_pip_is_asked_for(key: str, value: object) -> None:
    """Each through the lock."""
    assert asks("pip", {key: value})
    assert not counts("pip", {key: value})


def test_row_setup() -> None:
    """Commands: all of them, parents' first, repeats too; order is content."""
    assert refused("setup: make") == "1:8: 'setup' must be a list, not text | write setup: [make]"
    found = heirs("setup", ["make", "one"], ["make", "two"], lambda found: found.setup)
    assert found == (("make", "one", "make", "two"), ("make", "two"), (), ("make", "one"))
    assert counts("setup", ["b", "a"], beside={"setup": ["a", "b"]})


def test_row_test() -> None:
    """Imports, commands, files, with: each appends all; no content."""
    assert refused("test: [x]") == "1:7: 'test' must be a mapping, not a list | write a mapping"
    assert refused("test: {imports: numpy}") == "1:17: 'imports' must be a list, not text | write imports: [numpy]"
    assert refused("test: {with: ['a =>1']}").startswith("1:15: ")
    parent = {"imports": ["a"], "commands": ["x", "x"], "files": ["f"], "with": ["pytest"]}
    own = {"imports": ["a", "b"], "commands": ["x"], "with": ["ruff"]}
    merged = {
        "imports": ["a", "a", "b"], "commands": ["x", "x", "x"], "files": ["f"], "with": ["pytest", "ruff"],
    }  # fmt: skip
    assert heirs("test", parent, own, body("test")) == (merged, own, None, parent)
    assert not counts("test", parent)
    within = child("test: {imports: [a], commands: [x]}\n", "test: {imports: !override [b], commands: !reset }\n")
    assert plain(within.node("test")) == {"imports": ["b"]}


def test_row_image_builder_and_publish() -> None:
    """Mappings with tables of their own, and the nearest builder; `local` uses neither of the mappings."""
    assert refused("image: [x]") == "1:8: 'image' must be a mapping, not a list | write a mapping"
    assert refused("publish: {repo: x}").startswith("1:11: unknown key 'repo' | ")
    assert refused("builder: podman") == "1:10: 'builder' cannot be 'podman' | known are: docker, local, oci"
    assert heirs("builder", "docker", "oci", lambda found: found.builder) == ("oci", "oci", "local", "docker")
    image, own = {"user": "me", "trim": ["a"]}, {"trim": ["b"]}
    found = heirs("image", image, own, body("image"))
    assert found == ({"user": "me", "trim": ["a", "b"]}, own, None, image)
    found = heirs("publish", {"prefix": "p", "tags": ["a"]}, {"tags": ["b"]}, body("publish"))
    assert found == ({"prefix": "p", "tags": ["a", "b"]}, {"tags": ["b"]}, None, {"prefix": "p", "tags": ["a"]})
    assert not counts("image", {"apt": ["nano"]})
    assert not counts("publish", {"tags": ["x"]})
    assert counts("builder", "docker")


def cells(own: str) -> list[str]:
    """The environments of a child of a manifest with two axes."""
    parent = "matrix: {py: ['3.11', '3.12'], os: [a]}\n"
    return list(resolved({"parent": parent, "k": f"extends: parent\n{own}"}, "k"))


def test_row_matrix() -> None:
    """Axes: the nearest of a name wins, null removes one; content through what its values do."""
    assert refused("matrix: [x]") == "1:9: 'matrix' must be a mapping, not a list | write a mapping"
    assert refused("matrix: {py: '3.11'}") == "1:14: the axis 'py' must be a list of values | write py: [one, two]"
    assert cells("description: k\n") == ["k-3.11-a", "k-3.12-a"]
    assert cells("matrix: {py: ['3.13']}\n") == ["k-3.13-a"]
    assert cells("matrix: {os: ~}\n") == ["k-3.11", "k-3.12"]
    assert cells("matrix: {os: !reset }\n") == ["k-3.11", "k-3.12"]
    assert cells("matrix: !override {os: [b]}\n") == ["k-b"]
    assert cells("matrix: ~\n") == ["k-3.11-a", "k-3.12-a"]
    made = resolved({"k": "matrix: {v: [a, b]}\nvariables: {V: 'on {{ matrix.v }}'}\n"}, "k")
    assert len({fingerprint_of(one) for one in made.values()}) == 2


@pytest.mark.parametrize("nothing", ["!reset", "!override", "!override {}"])
def test_row_matrix_reset_leaves_one_environment(nothing: str) -> None:
    """A child that clears the matrix is one environment again, of its own name."""
    assert cells(f"matrix: {nothing}\n") == ["k"]


USE: dict[str, tuple[str, str, Body, Body, Body]] = {
    "run": (
        "run: {arguments: x}", "1:18: 'arguments' must be a list, not text | write arguments: [x]",
        {"command": "python", "arguments": ["-u"], "env": {"A": "1", "B": "2"}, "shm_size": "1g"},
        {"arguments": ["-v"], "env": {"A": None, "C": "3"}, "shm_size": None},
        {"command": "python", "arguments": ["-v"], "env": {"B": "2", "C": "3"}},
    ),
    "serve": (
        "serve: {port: high}", "1:15: 'port' must be a whole number, not text | write a whole number",
        {"entry_script": "./score.py", "models": {"a": "./a.pkl"}, "port": 80, "routes": {"scoring": "/s"}},
        {"models": {"b": "./b.pkl"}, "port": 81, "routes": {"liveness": "/l"}},
        {
            "entry_script": "./score.py", "models": {"a": "./a.pkl", "b": "./b.pkl"}, "port": 81,
            "routes": {"scoring": "/s", "liveness": "/l"},
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("key", USE)
def test_row_run_and_serve(key: str) -> None:
    """How an environment is used: key by key, null removes."""
    wrong, message, parent, own, merged = USE[key]
    assert message in [
        problem.removeprefix("manifests/k.yaml:").replace("\n  hint: ", " | ") for problem in problems({"k": wrong})
    ]
    stated = {name: value for name, value in own.items() if value is not None}
    if key == "run":
        stated["env"] = {"C": "3"}
    assert heirs(key, parent, own, body(key)) == (merged, stated, None, parent)
    assert not counts(key, {})


def test_row_spark_and_r() -> None:
    """What is added: it is asked for, and it counts; tests of their own have the rest."""
    assert (
        refused("spark: {java: system, packages: [{group: a, artifact: b}]}")
        == "1:34: the key 'version' is missing | add it"
    )
    assert refused("r: {cran: dplyr}") == "1:11: 'cran' must be a list, not text | write cran: [dplyr]"
    assert asks("spark", {"java": "system"})
    assert asks("r", {})
    assert counts("spark", {"java": "system"})


def test_row_run_and_serve_are_no_content() -> None:
    """How it is used is not what it is."""
    assert not counts("run", {"command": "python", "env": {"A": "1"}})
    assert not counts("serve", {"port": 80})


def test_row_solve_group() -> None:
    """One word; the nearest wins; what it comes to stands in the locks."""
    assert refused("solve_group: [a]") == "1:14: 'solve_group' must be text, not a list | write text"
    found = heirs("solve_group", "p", "o", lambda found: found.keys.solve_group)
    assert found == ("o", "o", None, "p")
    assert not counts("solve_group", "g")
    assert not asks("solve_group", "g")


def test_row_check() -> None:
    """Codes to leave out: inherited ones and own ones, each once."""
    assert refused("check: {ignore: x}") == "1:17: 'ignore' must be a list, not text | write ignore: [x]"
    a, b, c = "asked-twice", "idle-parent", "no-channels"
    found = heirs("check", {"ignore": [a, b]}, {"ignore": [b, c]}, lambda found: found.keys.check.ignore)
    assert found == ((a, b, c), (b, c), (), (a, b))
    assert not counts("check", {"ignore": [a]})


def test_the_settings_stand_behind_what_no_manifest_says() -> None:
    """Channels, platforms, builder and params of envbuild.yaml; a manifest's own wins."""
    text = "channels: [s]\nplatforms: [osx-64]\nbuilder: oci\nparams: {a: s, b: s}\n"
    found = environment({"k": "params: {b: k}\n"}, settings=project_settings(text))
    assert (found.channels, found.platforms, found.builder) == (("s",), ("osx-64",), "oci")
    assert plain(found.node("params")) == {"a": "s", "b": "k"}
    own = "channels: [k]\nplatforms: [linux-64]\nbuilder: docker\n"
    found = environment({"k": own}, settings=project_settings(text))
    assert (found.channels, found.platforms, found.builder) == (("k",), (PLATFORM,), "docker")


@pytest.mark.parametrize(
    "text",
    [
        "channels: ['URL']", "dependencies: ['URL::numpy']", "dependencies: [pip: ['a @ URL']]",
        "pip: {indexes: {a: {url: 'URL'}}}", "publish: {registries: ['URL']}", "publish: {registries: ['USER/envs']}",
        "spark: {repositories: ['URL']}", "r: {urls: ['URL']}", "image: {base: 'USER/debian:12'}",
    ],
)  # fmt: skip
def test_no_row_takes_credentials(text: str) -> None:
    """A manifest is committed to git: credentials stand there by secret name only."""
    written = text.replace("URL", "https://user:secret@example.com/x").replace("USER", "user:secret@example.com")
    assert not any("secret@" in one for one in problems({"k": f"{written}\n"}))
