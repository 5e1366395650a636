"""Where conda keeps environments, asked as conda, mamba and micromamba do; none of them is needed for it."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from envbuild.document import Mapping as Node
from envbuild.document import Sequence, parse, scalars
from envbuild.errors import EnvbuildError, UsageError
from envbuild.shape import nearest

META = "conda-meta"
_ROOTS = (
    "miniforge3", "mambaforge", "miniconda3", "anaconda3", "miniconda", "anaconda", "micromamba", ".micromamba",
    ".local/share/mamba", ".local/share/micromamba", "opt/miniconda3", "opt/anaconda3",
)  # fmt: skip
_LIMIT = 1024 * 1024


def find_prefix(given: str, start: str, host: Mapping[str, str]) -> Path:
    """An environment by its path or by its name; `base` is the one that conda itself is in."""
    if "/" in given or os.sep in given or given in {".", ".."}:
        path = Path(start) / Path(given).expanduser()
        if not path.is_dir():
            raise UsageError(f"there is no folder '{given}'", hint="check the path's spelling")
        return _with_meta(path, given)
    found = [path for path in _candidates(given, host) if (path / META).is_dir()]
    if found:
        return found[0]
    if (here := Path(start) / given).is_dir():
        return _with_meta(here, given)
    known = sorted({path.name for path in _every(host)})
    hint = nearest(given, known) if known else "name it by its path: './PREFIX' or '/opt/conda/envs/NAME'"
    raise UsageError(f"no environment of conda is called '{given}'", hint=hint)


def _with_meta(path: Path, given: str) -> Path:
    if (path / META).is_dir():
        return path
    hint = "name the folder that has 'conda-meta' in it"
    if (path / "pyvenv.cfg").is_file():
        hint = "write what is in it into a file with 'pip freeze', and import that with 'envbuild import pip'"
    raise UsageError(f"'{given}' is no environment of conda: it has no folder '{META}'", hint=hint)


def _candidates(name: str, host: Mapping[str, str]) -> Iterator[Path]:
    if name in {"base", "root"}:
        yield from _roots(host)
        return
    yield from (folder / name for folder in _folders(host))
    yield from (path for path in _listed(host) if path.name == name)


def _every(host: Mapping[str, str]) -> Iterator[Path]:
    for folder in _folders(host):
        try:
            yield from (path for path in folder.iterdir() if (path / META).is_dir())
        except OSError:
            continue
    yield from (path for path in _listed(host) if (path / META).is_dir())


def _folders(host: Mapping[str, str]) -> Iterator[Path]:
    """The folders of environments, in conda's order: what variables say, what .condarc says, those of each root."""
    for variable in ("CONDA_ENVS_PATH", "CONDA_ENVS_DIRS"):
        yield from (Path(one).expanduser() for one in host.get(variable, "").split(os.pathsep) if one)
    yield from _condarc(_home(host))
    yield from (root / "envs" for root in _roots(host))
    yield _home(host) / ".conda" / "envs"


def _roots(host: Mapping[str, str]) -> Iterator[Path]:
    for variable in ("MAMBA_ROOT_PREFIX", "CONDA_ROOT", "CONDA_ROOT_PREFIX"):
        if stated := host.get(variable):
            yield Path(stated)
    for variable in ("CONDA_EXE", "MAMBA_EXE"):
        if stated := host.get(variable):
            yield Path(stated).parent.parent
    for name, stated in host.items():
        if name == "CONDA_PREFIX" or (name.startswith("CONDA_PREFIX_") and name[13:].isdecimal()):
            inside = Path(stated)
            yield inside.parent.parent if inside.parent.name == "envs" else inside
    yield from (_home(host) / root for root in _ROOTS)


def _home(host: Mapping[str, str]) -> Path:
    return Path(host.get("HOME") or "/")


def _listed(host: Mapping[str, str]) -> Iterator[Path]:
    """What conda has noted of all environments that it made, wherever they are."""
    try:
        with (_home(host) / ".conda" / "environments.txt").open("rb") as stream:
            lines = stream.read(_LIMIT).decode(errors="replace").splitlines()
    except OSError:
        return
    yield from (Path(line.strip()) for line in lines if line.strip())


def _condarc(home: Path) -> Iterator[Path]:
    """Settings that cannot be read name no folder: they are conda's business."""
    try:
        with (home / ".condarc").open("rb") as stream:
            stated = parse(".condarc", stream.read(_LIMIT)).root
    except (OSError, EnvbuildError):
        return
    for key in ("envs_dirs", "envs_path"):
        listed = stated.get(key) if isinstance(stated, Node) else None
        if isinstance(listed, Sequence):
            yield from (Path(node.text.replace("~", str(home), 1)) for node in scalars(listed))
