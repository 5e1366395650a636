"""A kernel as a notebook has it: Jupyter's own client and ipykernel itself run cells, interrupt and restart."""

import json
from pathlib import Path
from typing import Any, Self

import pytest
from support.line import reference
from support.project import Project, clean_environment
from support.services import require

_SECONDS = 60
_MANIFEST = "dependencies: [python, {pip: [ipykernel]}]\nvariables: {WHICH: VALUE}\n"
_TELL = "import os, sys; print(os.environ['WHICH'], os.getpid(), sys.prefix)"


class Notebook:
    """One kernel and its client, started as a notebook's server does it."""

    def __init__(self, project: Project, name: str, log: Path) -> None:
        from jupyter_client.kernelspec import KernelSpecManager
        from jupyter_client.manager import KernelManager

        folder = Path(project.environ["XDG_DATA_HOME"], "jupyter/kernels")
        specs = KernelSpecManager(kernel_dirs=[str(folder)])
        self.manager: Any = KernelManager(kernel_name=name, kernel_spec_manager=specs)
        self._log = log.open("a")
        self.manager.start_kernel(env=dict(project.environ), cwd="/", stderr=self._log)
        self.client: Any = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()
        self._log.close()

    @property
    def pid(self) -> int:
        return int(self.manager.provisioner.pid)

    def restart(self) -> None:
        self.manager.restart_kernel()
        self.client.wait_for_ready(timeout=_SECONDS)

    def says(self, code: str) -> str:
        """What a cell prints."""
        told: list[str] = []
        reply = self.client.execute_interactive(code, timeout=_SECONDS, output_hook=lambda one: told.append(_text(one)))
        assert reply["content"]["status"] == "ok", reply["content"]
        return "".join(told)

    def interrupted(self, code: str) -> str:
        """What ends a cell that is interrupted as soon as it has printed something."""
        asked = self.client.execute(code)
        while not _text(self.client.get_iopub_msg(timeout=_SECONDS)):
            pass
        self.manager.interrupt_kernel()
        while True:
            reply = self.client.get_shell_msg(timeout=_SECONDS)
            if reply["parent_header"]["msg_id"] == asked:
                return str(reply["content"].get("ename"))


def _text(message: Any) -> str:
    return str(message["content"]["text"]) if message["msg_type"] == "stream" else ""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, uv_cache: Path) -> Project:
    """An environment with ipykernel of PyPI, and its kernel."""
    require("pypi")
    folder = tmp_path_factory.mktemp("lab")
    project = Project(folder / "lab", clean_environment(folder, uv_cache))
    project.write("manifests/nb.yaml", _MANIFEST.replace("VALUE", "one"))
    project.run("kernel", "nb")
    return project


def test_cells_run_and_the_next_start_is_of_the_new_version(lab: Project, tmp_path: Path) -> None:
    """A cell runs in the prefix, an interrupt ends it alone, and a restart gets what was applied meanwhile."""
    with Notebook(lab, "envbuild-lab-nb", tmp_path / "log") as notebook:
        assert notebook.says(_TELL) == f"one {notebook.pid} {reference(lab, 'nb')}\n"
        cell = "import time\nprint('begun', flush=True)\ntime.sleep(600)"
        assert notebook.interrupted(cell) == "KeyboardInterrupt"
        assert notebook.says(_TELL).startswith("one ")
        lab.write("manifests/nb.yaml", _MANIFEST.replace("VALUE", "two"))
        notebook.restart()
        assert notebook.says(_TELL).startswith("one ")
        lab.run("apply")
        notebook.restart()
        assert notebook.says(_TELL) == f"two {notebook.pid} {reference(lab, 'nb')}\n"
        last = notebook.pid
    assert not Path(f"/proc/{last}").exists()
    log = (tmp_path / "log").read_text()
    assert "nb@1 is started; its manifest has changed since then: run 'envbuild apply nb'" in log


def test_what_ipykernel_says_of_itself_is_kept(lab: Project) -> None:
    """Its own kernel.json, and its pictures: a debugger, encryption."""
    own = json.loads(next(Path(reference(lab, "nb")).glob("share/jupyter/kernels/*/kernel.json")).read_text())
    folder = Path(lab.environ["XDG_DATA_HOME"], "jupyter/kernels/envbuild-lab-nb")
    kept = json.loads((folder / "kernel.json").read_text())
    assert own["metadata"].items() <= kept["metadata"].items()
    assert {path.name for path in folder.glob("logo-*")} == {"logo-32x32.png", "logo-64x64.png", "logo-svg.svg"}
