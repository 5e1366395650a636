"""Images as values: the bytes that describe them, how what a base says goes on, and what variables come to."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.assembled import CONDUCT, Blobs, kept, layer, reading, tarred

from envbuild.errors import ImageError
from envbuild.image.assembling import image, index
from envbuild.image.config import EPOCH, Base, Conduct, config, environment, ports
from envbuild.image.documents import Configuration, document
from envbuild.image.layers import Layer
from envbuild.image.manifests import CONFIG, INDEXES, LAYERS, MANIFEST, canonical, content, digest_of
from envbuild.image.stacking import Expected
from envbuild.image.validate import validate
from envbuild.render.variables import Line

ONE = Layer(f"sha256:{'1' * 64}", f"sha256:{'2' * 64}", 10, LAYERS["zstd"], "numpy 1.26.4", {"a": "b"})
BELOW = Layer(f"sha256:{'3' * 64}", f"sha256:{'4' * 64}", 20, "application/vnd.docker.image.rootfs.diff.tar.gzip")
OLD: dict[str, Any] = {
    "architecture": "arm64",
    "variant": "v8",
    "os": "linux",
    "author": "somebody",
    "docker_version": "1.13",
    "container": "4f5a",
    "container_config": {"Hostname": "4f5a"},
    "created": "2024-01-01T00:00:00.123Z",
    "config": {
        "Hostname": "4f5a",
        "Env": ["PATH=/usr/bin", "LANG=C", "A=1"],
        "Cmd": ["bash"],
        "Entrypoint": ["/init"],
        "ExposedPorts": {"8080/tcp": {}, "81": {}},
        "Volumes": {"/data": {}},
        "Labels": {"who": "them", "kept": "yes"},
        "User": "nobody",
        "WorkingDir": "/root",
        "StopSignal": "SIGQUIT",
        "Shell": ["/bin/bash", "-c"],
        "Healthcheck": {"Test": ["NONE"]},
        "Image": "sha256:0",
        "OnBuild": None,
    },
    "rootfs": {"type": "layers", "diff_ids": [BELOW.diff_id]},
    "history": [
        {"created": "2024-01-01T00:00:00Z", "created_by": "ADD file", "id": "5"},
        {"created": "2024-01-01T00:00:00Z", "created_by": "CMD", "empty_layer": True},
    ],
}
BASE = Base((BELOW,), OLD)
SCRATCH = Base()


def starts(base: Base, conduct: Conduct) -> dict[str, Any]:
    stated: dict[str, Any] = stated_of(base, conduct)["config"]
    return stated


def stated_of(base: Base, conduct: Conduct, platform: str = "linux/arm64") -> dict[str, Any]:
    """The configuration, which must be as OCI says."""
    data = config(base, [ONE], conduct, platform)
    document(data, Configuration, "it")
    stated: dict[str, Any] = json.loads(data)
    return stated


def test_an_image_from_scratch() -> None:
    """All that is said, and nothing of what is not: no key is empty, and nothing tells of this machine or of now."""
    assert stated_of(SCRATCH, CONDUCT, "linux/amd64") == {
        "architecture": "amd64",
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": {
            "Env": ["PATH=/opt/env/bin:/usr/bin", "CONDA_PREFIX=/opt/env"],
            "User": "1000",
            "WorkingDir": "/work",
            "Entrypoint": ["python"],
            "Cmd": ["-V"],
            "Labels": {"org.opencontainers.image.title": "a"},
            "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
            "StopSignal": "SIGINT",
        },
        "rootfs": {"type": "layers", "diff_ids": [ONE.diff_id]},
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "numpy 1.26.4"}],
    }
    assert starts(SCRATCH, Conduct()) == {}


def test_what_a_base_says_goes_on_to_hold() -> None:
    """But not what it tells of the container that it was once made in, nor what is no word of an image."""
    assert stated_of(BASE, Conduct()) == {
        "architecture": "arm64",
        "variant": "v8",
        "os": "linux",
        "author": "somebody",
        "created": EPOCH,
        "config": {
            **{key: OLD["config"][key] for key in ("Env", "Cmd", "Entrypoint", "Volumes", "Labels", "User")},
            **{key: OLD["config"][key] for key in ("WorkingDir", "StopSignal", "Shell", "Healthcheck")},
            "ExposedPorts": {"8080/tcp": {}, "81/tcp": {}},
        },
        "rootfs": {"type": "layers", "diff_ids": [BELOW.diff_id, ONE.diff_id]},
        "history": [
            {"created": "2024-01-01T00:00:00Z", "created_by": "ADD file"},
            {"created": "2024-01-01T00:00:00Z", "created_by": "CMD", "empty_layer": True},
            {"created": EPOCH, "created_by": "numpy 1.26.4"},
        ],
    }


def test_what_is_said_replaces_by_name() -> None:
    """Variables stay where they stood, labels and ports come to those of the base, everything else is instead of it."""
    conduct = Conduct(  # noqa: S604 - it is what an image has for a shell
        env=("A=2", "NEW=", "PATH=/opt/env/bin:/usr/bin"),
        user="0",
        workdir="/",
        shell=("/bin/sh", "-c"),
        labels={"who": "us"},
        expose=("80-81",),
        stop_signal="SIGINT",
    )
    found = starts(BASE, conduct)
    assert found["Env"] == ["PATH=/opt/env/bin:/usr/bin", "LANG=C", "A=2", "NEW="]
    assert found["Labels"] == {"who": "us", "kept": "yes"}
    assert {*found["ExposedPorts"]} == {"8080/tcp", "81/tcp", "80/tcp"}
    assert (found["User"], found["WorkingDir"], found["StopSignal"]) == ("0", "/", "SIGINT")
    assert found["Shell"] == ["/bin/sh", "-c"]


@pytest.mark.parametrize(("conduct", "entrypoint", "command"), [
    (Conduct(), ["/init"], ["bash"]),
    (Conduct(command=("sh",)), ["/init"], ["sh"]),
    (Conduct(command=()), ["/init"], None),
    (Conduct(entrypoint=("python",)), ["python"], None),
    (Conduct(entrypoint=()), None, None),
    (Conduct(entrypoint=("python",), command=("-V",)), ["python"], ["-V"]),
])  # fmt: skip
def test_a_command_belongs_to_its_entrypoint(
    conduct: Conduct, entrypoint: list[str] | None, command: list[str] | None
) -> None:
    """As Docker has it: who sets the entrypoint drops the command of the base, and sets his own or has none."""
    found = starts(BASE, conduct)
    assert (found.get("Entrypoint"), found.get("Cmd")) == (entrypoint, command)


def test_a_history_that_does_not_fit_is_told_anew() -> None:
    """Engines refuse an image whose history tells of some of its layers only."""
    for history in (None, [], OLD["history"] * 2, [{"empty_layer": True}]):
        found = stated_of(Base((BELOW,), {**OLD, "history": history}), Conduct())
        assert found["history"] == [{"created": EPOCH}, {"created": EPOCH, "created_by": "numpy 1.26.4"}]


@pytest.mark.parametrize(("stated", "platform", "sentence"), [
    ({}, "linux/amd64", "the base image is for linux/arm64/v8, not for linux/amd64"),
    ({}, "linux/arm64/v9", "the base image is for linux/arm64/v8, not for linux/arm64/v9"),
    ({"os": "windows", "variant": ""}, "linux/arm64", "the base image is for windows/arm64, not for linux/arm64"),
    ({"config": {"OnBuild": ["RUN x"]}}, "linux/arm64", "the base image has ONBUILD steps, which have to be run"),
])  # fmt: skip
def test_a_base_that_does_not_fit_is_refused(stated: dict[str, Any], platform: str, sentence: str) -> None:
    """Made for another platform, or with steps of its own that only an engine can run."""
    with pytest.raises(ImageError) as caught:
        config(Base((BELOW,), {**OLD, **stated}), [ONE], Conduct(), platform)
    assert caught.value.message == sentence
    assert caught.value.hint


def test_ports_as_docker_has_them() -> None:
    """With their protocol, and a range in full."""
    assert [*ports(["80", "53/udp", "8000-8002", "5-6/sctp"])] == [
        *("80/tcp", "53/udp", "8000/tcp", "8001/tcp", "8002/tcp", "5/sctp", "6/sctp"),
    ]
    for text in ("0", "65536", "9-8", "http", "80/icmp", "-1", "", "80 "):
        with pytest.raises(ImageError, match=f"'{text}' is no port"):
            [*ports([text])]


def test_variables_grow_around_what_the_base_has() -> None:
    """No shell runs: what is put before and behind is put around the base's own value, or stands alone."""
    lines = [
        Line("PATH", None, "/opt/env/bin", "/late"),
        Line("LANG", "C.UTF-8"),
        Line("NONE", None, "first", "last"),
        Line("EMPTY", None, "", "last"),
        Line("PATH", None, "/sooner"),
    ]
    assert environment(["LANG=C", "PATH=/usr/bin:/bin", "EMPTY=", "KEPT=a=b"], lines) == (
        "LANG=C.UTF-8",
        "PATH=/sooner:/opt/env/bin:/usr/bin:/bin:/late",
        "EMPTY=last",
        "KEPT=a=b",
        "NONE=first:last",
    )


def test_a_path_that_nobody_sets_is_the_usual_one() -> None:
    """An engine would have taken it, and takes it no longer once there is another: 'sh' must still be found."""
    usual = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    assert environment([], [Line("PATH", None, "/opt/env/bin")]) == (f"PATH=/opt/env/bin:{usual}",)
    assert environment([], [Line("PATH", "/only")]) == ("PATH=/only",)
    assert environment([], []) == ()
    assert (BASE.env, SCRATCH.env) == (("PATH=/usr/bin", "LANG=C", "A=1"), ())


def test_a_manifest_names_all_of_it() -> None:
    """In the words of OCI, also what a base had in Docker's; the bytes of its layers are as they were."""
    made = image(BASE, [ONE], Conduct(), "linux/arm64", annotations={"who": "us"})
    assert made.manifest.media_type == MANIFEST
    assert json.loads(made.manifest.data) == {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": digest_of(made.config), "size": len(made.config)},
        "layers": [
            {"mediaType": LAYERS["gzip"], "digest": BELOW.digest, "size": 20},
            {"mediaType": LAYERS["zstd"], "digest": ONE.digest, "size": 10, "annotations": {"a": "b"}},
        ],
        "annotations": {"who": "us"},
    }
    assert [one.digest for one in made.layers] == [BELOW.digest, ONE.digest]
    assert content(made.manifest, "it").blobs[0].digest == digest_of(made.config)


def test_a_layer_of_an_unknown_kind_is_refused() -> None:
    """A base that has layers elsewhere, say: nobody could have the image."""
    foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    with pytest.raises(ImageError, match=f"a layer of an unknown kind, '{foreign}'"):
        image(Base((msgspec.structs.replace(BELOW, media_type=foreign),)), [ONE], Conduct(), "linux/amd64")


def test_an_index_is_of_its_platforms() -> None:
    """As the configurations have them, in the order of their names; whoever was made first."""
    one, two = image(BASE, [ONE], Conduct(), "linux/arm64"), image(SCRATCH, [ONE], Conduct(), "linux/amd64")
    made = index({"linux/arm64": one, "linux/amd64": two}, {"who": "us"})
    assert made == index({"linux/amd64": two, "linux/arm64": one}, {"who": "us"})
    assert made.media_type == INDEXES[0]
    stated = json.loads(made.data)
    assert [entry["platform"] for entry in stated["manifests"]] == [
        {"os": "linux", "architecture": "amd64"},
        {"os": "linux", "architecture": "arm64", "variant": "v8"},
    ]
    assert [entry["digest"] for entry in stated["manifests"]] == [two.manifest.digest, one.manifest.digest]
    assert stated["annotations"] == {"who": "us"}


def test_an_image_upon_a_base_is_valid() -> None:
    """Each kind of layer, upon a base with Docker's words, in an index."""
    blobs: Blobs = {}
    below = msgspec.structs.replace(layer(tarred([]), blobs), media_type=BELOW.media_type)
    base = Base((below,), OLD)
    for kind in LAYERS:
        made = kept(image(base, [layer(tarred([]), blobs, kind)], CONDUCT, "linux/arm64"), blobs)
        validate(index({"linux/arm64": made}), reading(blobs), Expected(base=1))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(st.dictionaries(st.text(), JSON))
def test_json_has_one_form(data: dict[str, Any]) -> None:
    """Keys in their order, no spaces, and read back the same: what differs is what was said, never how."""
    written = canonical(data)
    assert msgspec.json.decode(written) == data
    assert canonical(dict(reversed(data.items()))) == written
    assert canonical(msgspec.json.decode(written)) == written
    assert json.loads(written) == data


@given(st.permutations(sorted(OLD)), st.permutations(["a", "b", "c"]))
def test_the_same_image_is_the_same_bytes(keys: list[str], labels: list[str]) -> None:
    """In whatever order a base's configuration, labels and annotations come."""
    base = Base((BELOW,), {key: OLD[key] for key in keys})
    said = dict.fromkeys(labels, "1")
    made = image(base, [ONE], Conduct(labels=said), "linux/arm64", annotations=said)
    assert made == image(
        BASE, [ONE], Conduct(labels=dict.fromkeys("abc", "1")), "linux/arm64", annotations=dict.fromkeys("abc", "1")
    )
