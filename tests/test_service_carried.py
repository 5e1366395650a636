"""Models of the project as they go into an image: all of it, or told why not; never waited for, and never in vain."""

import os
from pathlib import Path

import pytest

from envbuild.builders.services.carried import Carried, listed
from envbuild.errors import BuildError, Place

_WHERE = Place("manifests/k.yaml", 1, 1)


def carried(path: Path) -> Carried:
    return Carried("m", f"models/m/1/{path.name}", path, *listed(path, _WHERE), path.is_dir())


def paths(one: Carried) -> list[str]:
    return sorted(node.entry.path for node in one.nodes())


def test_folders_are_whole(tmp_path: Path) -> None:
    """Links are followed, and folders that are empty are there, also where that is all of the model."""
    (tmp_path / "model" / "empty").mkdir(parents=True)
    (tmp_path / "model" / "a").write_text("a")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "b").write_text("b")
    (tmp_path / "model" / "link").symlink_to(tmp_path / "other")
    (tmp_path / "model" / "again").symlink_to(tmp_path / "other")
    assert [path.removeprefix("models/m/1/model") for path in paths(carried(tmp_path / "model"))] == [
        "", "/a", "/again", "/again/b", "/empty", "/link", "/link/b",
    ]  # fmt: skip
    assert paths(carried(tmp_path / "model" / "a")) == ["models/m/1/a"]
    none = carried(tmp_path / "model" / "empty")
    assert paths(none) == ["models/m/1/empty"]
    (tmp_path / "file").mkdir()
    (tmp_path / "file" / "empty").write_text("")
    assert none.digest != carried(tmp_path / "file" / "empty").digest


@pytest.mark.parametrize(
    ("kind", "told"),
    [("fifo", "it is neither a file nor a folder"), ("dangling", "No such file"), ("loops", "leads back to where")],
)
def test_what_cannot_be_carried(tmp_path: Path, kind: str, told: str) -> None:
    """Is told at once: nothing is waited for that nobody writes, and no way is gone in circles."""
    model = tmp_path / "model" / "sub"
    model.mkdir(parents=True)
    if kind == "fifo":
        os.mkfifo(model / "x")
    elif kind == "dangling":
        (model / "x").symlink_to("nowhere")
    else:
        for name in ("x", "y", "z"):
            (model / name).symlink_to(".")
    with pytest.raises(BuildError) as raised:
        listed(tmp_path / "model", _WHERE)
    assert told in raised.value.message
    assert raised.value.where == _WHERE
