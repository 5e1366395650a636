"""`pip.indexes`: a private name is never filled from another index (P19); and what else says where packages are."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.asked import Asked, conda_pin, pip, request_of, versions
from support.index import Index
from support.project import Project
from support.wheels import sdist_bytes, wheel_bytes

from envbuild.errors import EnvbuildError, SolveError
from envbuild.lock import Pins
from envbuild.solvers.answers import read_flat
from envbuild.solvers.indexes import bound as bound_names
from envbuild.solvers.indexes import strangers

_PYTHON = ("python =3.11",)


@pytest.fixture
def asked(index: Index, tmp_path: Path, uv_cache: Path) -> Asked:
    """On the public index stand impostors of every private name, newer than the real ones."""
    for name in ("acme", "acme-core"):
        index.add(name, "99", modules={f"{name}/public.py": ""})
    index.add("app", "1.0", requires=["acme>=1", "alpha"])
    index.add("app", "0.9")
    return Asked(index, tmp_path, uv_cache)


@pytest.fixture
def private() -> Iterator[Index]:
    with Index() as index:
        index.add("acme", "1.0", requires=["acme-core"], extras={"fast": ["acme-core"]})
        index.add("acme-core", "1.0")
        index.add("alpha", "0.1")
        yield index


def bound(private: Index, *packages: str) -> str:
    return f"pip:\n  indexes:\n    internal: {{url: '{private.url}', packages: [{', '.join(packages)}]}}"


def sources(pins: Pins) -> dict[str, str]:
    return {pin.name: pin.url.rpartition("/files/")[0].rpartition("/")[2] for pin in pins.pins}


def root_of(index: Index) -> str:
    return index.url.removesuffix("/simple/").rpartition("/")[2]


@pytest.mark.parametrize("roots", [("app",), ("acme",), ("app", "acme>=1"), ("acme[fast]",)])
def test_a_bound_name_comes_from_its_own_index(
    asked: Asked, index: Index, private: Index, roots: tuple[str, ...]
) -> None:
    """Asked for directly, or by what is: from its index alone, which is asked for nothing else."""
    index.requests.clear()
    private.requests.clear()
    pins = asked.pins(pip(*roots, conda=_PYTHON, more=bound(private, "acme", "Acme_Core")))
    found = sources(pins)
    assert versions(pins)["acme"] == versions(pins)["acme-core"] == "1.0"
    assert {found["acme"], found["acme-core"]} == {root_of(private)}
    assert {found.get(name, root_of(index)) for name in ("app", "alpha")} == {root_of(index)}
    assert not [path for path in index.requests if "acme" in path]


def test_a_name_that_its_index_has_not_is_never_taken_elsewhere(asked: Asked, index: Index, private: Index) -> None:
    """The public index has one: it is no answer. At the line of the pip list, or of the index."""
    more = bound(private, "acme", "acme-core", "gone")
    with pytest.raises(SolveError) as told:
        asked.pins(pip("gone", conda=_PYTHON, more=more))
    assert told.value.message == f"no package is named 'gone' in {private.url}"
    assert (told.value.where.line if told.value.where else 0) == 4
    index.add("asks", "1.0", requires=["gone"])
    with pytest.raises(SolveError) as told:
        asked.pins(pip("asks", conda=_PYTHON, more=more))
    assert (told.value.where.line if told.value.where else 0) == 7
    assert (told.value.hint or "").startswith("check its spelling, and whether 'internal' wants a user")
    with pytest.raises(SolveError) as told:
        asked.pins(pip("acme>=50", conda=_PYTHON, more=more.replace(", gone", "")))
    assert told.value.message.startswith(f"acme has no version >=50 in {private.url}")
    assert told.value.hint == "the newest is 1.0"


def test_a_bound_name_that_nothing_needs_is_not_asked_for(asked: Asked, private: Index) -> None:
    """It may be gone, and what it wants of others is no matter."""
    private.add("idle", "1.0", requires=["alpha<1", "app<1"])
    more = bound(private, "acme", "acme-core", "gone", "idle")
    assert versions(asked.pins(pip("app", "alpha", conda=_PYTHON, more=more)))["alpha"] == "2.0"
    assert not [path for path in private.requests if "gone" in path or "idle" in path]
    private.close()
    assert versions(asked.pins(pip("tool", conda=_PYTHON, more=more))) == {"tool": "1.0"}
    more = f"{more}\nconstraints: [{{pip: [acme>=1, idle<1]}}]"
    assert versions(asked.pins(pip("tool", conda=_PYTHON, more=more))) == {"tool": "1.0"}


def test_an_index_that_cannot_be_reached_is_no_reason_to_ask_another(asked: Asked, private: Index) -> None:
    """At the line of its URL."""
    private.close()
    asked.host["UV_HTTP_TIMEOUT"] = "2"
    with pytest.raises(SolveError) as told:
        asked.pins(pip("app", conda=_PYTHON, more=bound(private, "acme", "acme-core")))
    assert told.value.message.startswith("nothing answers at 127.0.0.1")
    assert (told.value.where.line if told.value.where else 0) == 7


def test_no_link_fills_a_bound_name(asked: Asked, private: Index) -> None:
    """A folder of wheels that has a newer one is not its index."""
    (asked.root / "wheels").mkdir()
    name, data = wheel_bytes("acme", "2.0")
    (asked.root / "wheels" / name).write_bytes(data)
    more = f"{bound(private, 'acme', 'acme-core')}\n  find_links: [../wheels]"
    assert sources(asked.pins(pip("app", conda=_PYTHON, more=more)))["acme"] == root_of(private)


def test_a_pin_of_another_index_than_its_own_is_noticed(private: Index) -> None:
    """Should uv ever take one, it is seen by where uv says that it came from."""
    request = request_of(pip("app", conda=_PYTHON, more=bound(private, "acme", "acme-core")))
    text = "acme==99\n    # via app\n    # from https://public.example/simple\nacme-core==1.0\n    # via acme\n"
    flat = read_flat(f"{text}    # from {private.url}\n")
    assert flat.edges == {"app": {"acme"}, "acme": {"acme-core"}}
    found = list(strangers(flat, bound_names(request, ()), request))
    assert found == [("acme", "https://public.example/simple")]
    flat = read_flat("acme @ https://public.example/acme-99.tar.gz\nacme-core==1.0\n    # via acme\n")
    found = list(strangers(flat, bound_names(request, ()), request))
    assert found == [("acme", "https://public.example/acme-99.tar.gz"), ("acme-core", "nowhere that is known")]


_A = "    a: {url: 'https://a.example/', packages: [acme]}"
BAD = {
    "two indexes": (
        f"pip:\n  indexes:\n{_A}\n{_A.replace('a:', 'b:', 1).replace('acme', 'Acme')}",
        "'acme' is bound to two indexes, 'a' and 'b'", 8,
    ),
    "an override": (
        f"overrides: [{{pip: [acme==1]}}]\npip:\n  indexes:\n{_A}",
        "'acme' is bound to the index 'a', and an override would come from any", 5,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_what_would_leave_open_where_a_name_comes_from(asked: Asked, index: Index, kind: str) -> None:
    """Refused before anything is asked."""
    more, what, line = BAD[kind]
    with pytest.raises(EnvbuildError) as told:
        asked.pins(pip("acme", conda=_PYTHON, more=more))
    (problem,) = told.value.problems
    assert (problem.message, problem.where.line if problem.where else 0) == (what, line)
    assert index.requests == []


def test_a_bound_name_that_conda_brings_is_conda_s(asked: Asked, private: Index) -> None:
    """No index is asked for it."""
    pins = asked.pins(pip("app", conda=_PYTHON, more=bound(private, "acme")), conda_pin("acme", "1.5"))
    assert versions(pins) == {"alpha": "2.0", "app": "1.0"}
    assert private.requests == []


def test_an_index_asks_for_credentials_of_its_own(asked: Asked, index: Index) -> None:
    """They are called by its name, go to it alone, and stand in no pin."""
    with Index(auth=("me", "CANARY")) as private:
        private.add("acme", "1.0")
        asked.host |= {"UV_INDEX_INTERNAL_USERNAME": "me", "UV_INDEX_INTERNAL_PASSWORD": "CANARY"}
        asked.uv = type(asked.uv)(asked.uv._programs, asked.host, asked.root)  # noqa: SLF001
        pins = asked.pins(pip("app", conda=_PYTHON, more=bound(private, "acme")))
        assert sources(pins)["acme"] == root_of(private)
        assert "CANARY" not in str(pins)
        assert not [one for one in index.log if "authorization" in one.headers]


def test_a_lock_with_an_index_of_its_own_is_current(project: Project, index: Index, private: Index) -> None:
    """Locked, checked without a network, and built, by a project as people have it."""
    index.add("app", "1.0", requires=["acme>=1"])
    index.add("acme", "99")
    project.write(
        "manifests/a.yaml",
        f"pip:\n  index_url: {index.url}\n  indexes:\n"
        f"    internal: {{url: '{private.url}', packages: [acme, acme-core]}}\n"
        "dependencies:\n  - pip: [app]\n",
    )
    project.run("lock")
    before = project.read("locks/a.conda-lock.yml")
    assert "acme-99" not in before
    project.run("apply")
    code = "import acme; print(acme.__version__)"
    assert project.run("run", "a", "--", "python", "-c", code).out == "1.0\n"
    index.close()
    private.close()
    project.run("lock", "--check")
    assert project.run("lock").out == "Lock: 1 current.\n"
    assert project.read("locks/a.conda-lock.yml") == before


def test_extra_indexes_are_asked_first(asked: Asked, private: Index) -> None:
    """As uv does: the first index that has a name has all its versions, and the host's is the last."""
    more = f"pip:\n  extra_index_urls: ['{private.url}']"
    assert versions(asked.pins(pip("alpha", "tool", conda=_PYTHON, more=more))) == {"alpha": "0.1", "tool": "1.0"}
    with pytest.raises(SolveError) as told:
        asked.pins(pip("alpha>=1", conda=_PYTHON, more=more))
    assert "--index-strategy" not in told.value.message


def test_a_folder_of_links(project: Project, index: Index) -> None:
    """A wheel and a source in a folder of the project: locked by their hashes, and by no place of this machine."""
    folder = project.path / "wheels"
    folder.mkdir()
    for name, data in (wheel_bytes("local", "1.0", requires=["alpha"]), sdist_bytes("unbuilt", "1.0")):
        (folder / name).write_bytes(data)
    project.write(
        "manifests/a.yaml",
        f"pip:\n  index_url: {index.url}\n  find_links: [../wheels]\n"
        "dependencies:\n  - pip: [local, unbuilt]\nplatforms: [linux-64]\n",
    )
    project.run("lock")
    text = project.read("locks/a.conda-lock.yml")
    assert "url: wheels/local-1.0-py3-none-any.whl" in text
    assert "url: wheels/unbuilt-1.0.tar.gz" in text
    assert str(project.path) not in text
    assert "file:" not in text
    project.run("lock", "--check")


def test_a_link_that_leads_nowhere(asked: Asked) -> None:
    """At its line; a folder that a link leads out of the project likewise."""
    more = "pip: {find_links: [../gone]}"
    (asked.root / "out").symlink_to("/usr")
    for text in (more, more.replace("gone", "out")):
        with pytest.raises(SolveError) as told:
            asked.pins(pip("alpha", conda=_PYTHON, more=text))
        assert "is no folder of the project" in told.value.message
        assert (told.value.where.line if told.value.where else 0) == 5


def test_an_index_that_wants_a_password_it_was_not_given(project: Project, index: Index) -> None:
    """At the line of its URL."""
    with Index(auth=("someone", "secret")) as private:
        private.add("acme", "1.0")
        own = f"index_url: '{index.url}', indexes: {{own: {{url: '{private.url}', packages: [acme]}}}}"
        project.write("manifests/a.yaml", f"pip: {{{own}}}\ndependencies: [{{pip: [acme]}}]\n")
        told = project.run("lock", check=1).err
        assert f"manifests/a.yaml:1:82: {private.address} wants credentials that it was not given (401" in told
        assert "keep them in a netrc file" in told
