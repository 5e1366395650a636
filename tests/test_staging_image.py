"""What is made here for an image, in images: BuildKit takes the folder in place of a stage, and what is in it runs."""

from pathlib import Path

import pytest
from support.condapkg import Archive
from support.engine import Engine
from support.index import Index
from support.project import Project
from support.staged import PLACE, Stage
from support.wheels import wheel_bytes

_INSTALLED = "FROM {base} AS env\nRUN exit 1\n\nFROM {base}\nCOPY --from=env / /opt/env/\n"


@pytest.fixture
def staged(project: Project, tmp_path: Path) -> Stage:
    return Stage(project, tmp_path)


def _context(folder: Path, base: str) -> str:
    folder.mkdir()
    (folder / "Dockerfile").write_text(_INSTALLED.format(base=base))
    return str(folder)


def test_it_runs_in_an_image(
    staged: Stage, index: Index, engine: Engine, conda_python: Archive, tmp_path: Path
) -> None:
    """Anybody may, and nobody but root may write."""
    staged.conda(conda_python)
    modules = {"alpha/cli.py": "import sys\ndef main():\n    print(sys.prefix)\n"}
    staged.pip(index, *wheel_bytes("alpha", "1.0", modules=modules, scripts={"alpha-x": "alpha.cli:main"}))
    folder = staged()
    context = _context(tmp_path / "context", engine.base("debian"))
    tag = "staged:runs"
    engine.docker("buildx", "build", f"--build-context=env={folder}", f"--tag={tag}", "--load", context)
    run = ("run", "--rm", "--read-only", "--user=1234:1234", tag)
    assert engine.docker(*run, f"{PLACE}/bin/alpha-x") == f"{PLACE}\n"
    look = f"find {PLACE} ! -type l ( ! -user root -o ! -group root -o -perm /022 )"
    assert engine.docker(*run, *look.split()) == ""
    engine.docker("image", "rm", tag)
