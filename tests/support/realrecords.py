"""Records of conda packages as an environment file's own specs suggest them: for solving alone, no package can be had.

Where a file pins builds, these builds are there. Where it states ranges, versions within them are. What depends on
python is noarch, or has a build for each minor version that the file admits. A general channel further down has newer
versions of build "decoy_0", which no solver takes that keeps to the order of channels.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .condapkg import needs_python
from .realasks import Asked, File, asked, bumped, good, minor, pythons

_MARKERS = {"nodefaults"}
_GENERAL = re.compile(r"conda-forge|defaults|anaconda|.*/conda-forge/?|.*/pkgs/main/?")
_OF_A_CHANNEL = {
    "pytorch": r"pytorch|torch(vision|audio|triton)|cpuonly|pytorch-(cuda|mutex)",
    "dglteam": r"dgl-cuda.*",
    "pyg": r"pyg|pytorch-(scatter|sparse|cluster)",
    "rapidsai": r"cu(df|ml|cim|graph)|rmm|dask-cu.*|rapids-.*",
    "nvidia": r"cuda(-.*)?|libcu.*",
    "bioconda": r"bioconductor-.*|samtools|fastqc|hmmer|kalign2|hhsuite|trim-galore|perl-bio.*",
    "menpo": r"opencv3",
}
_COMPILED = re.compile(
    r"cffi|cupy|cython|fiona|gdal|gmpy2|h5py|jaxlib|lightgbm|lxml|matplotlib-base|netcdf4|numba|numexpr|numpy|openmm|"
    r"pandas|pillow|psutil|pyarrow|pyproj|pytorch|pyyaml|rasterio|rdkit|scikit-(image|learn)|scipy|shapely|tensorflow|"
    r"torchvision|vtk"
)
_NO_PYTHON = re.compile(
    r"_.*|lib.*|r|r-.*|perl.*|bioconductor-.*|cuda.*|cudnn|clang.*|gcc.*|gfortran.*|c(xx)?-compiler|compilers|mkl|"
    r"mkl-include|blas.*|openblas|nomkl|nodejs|ffmpeg|graphviz|pandoc|openssl|zlib|xz|bzip2|yaml|make|cmake|ninja|git|"
    r"ripgrep|rust|hdf5|jpeg|qt|icc_rt|vc|vs20.*|ca-certificates|tzdata|m2w64.*|msys2.*|sysroot.*|pkg-config|cairo|"
    r"samtools|hmmer|kalign2|hhsuite|fastqc|star|redis-server|esmf|eccodes|cdo|x264|boost.*|font.*|nccl|cpuonly|"
    r"pytorch-(mutex|cuda)|magic|yosys|tcllib|python_abi"
)
_NEEDS = {
    "matplotlib": ("matplotlib-base",),
    "matplotlib-base": ("numpy",),
    "pandas": ("numpy", "python-dateutil", "pytz"),
    "python-dateutil": ("six",),
    "scikit-learn": ("numpy", "scipy", "joblib"),
    "scipy": ("numpy",),
    "xarray": ("numpy", "pandas"),
}
_DISTRIBUTIONS = {
    "pytorch": "torch",
    "python-graphviz": "graphviz",
    "opencv": "opencv-python",
    "sqlalchemy": "SQLAlchemy",
}
_SYSTEMS = {"linux": ("__glibc >=2.17",), "osx": ("__osx >=10.13",)}
_PYTHON_IN_BUILD = re.compile(r"py(?P<major>[23])\.?(?P<minor>\d+)(?=[_hr]|$)")
_R_IN_BUILD = re.compile(r"(?:^|py\d+)r(\d)(\d)h")
_NOARCH_IN_BUILD = re.compile(r"(?:^|_)py(?:h[0-9a-f]|_)")


@dataclass(frozen=True, kw_only=True)
class Record:
    channel: str
    name: str
    version: str
    build: str
    depends: Sequence[str] = ()
    noarch: bool = False
    distribution: str | None = None  # on PyPI; "" is known to be none, None is unknown

    @property
    def filename(self) -> str:
        old = not re.search(r"h[0-9a-f]{6}", self.build)
        return f"{self.name}-{self.version}-{self.build}{'.tar.bz2' if old else '.conda'}"

    def told(self, platform: str) -> dict[str, Any]:
        """What the channel says of it; the hashes are of no file."""
        data, number = f"{self.channel}/{self.filename}".encode(), re.search(r"(\d+)$", self.build)
        purls = [f"pkg:pypi/{self.distribution}"] if self.distribution else []
        return {
            "name": self.name,
            "version": self.version,
            "build": self.build,
            "build_number": int(number[1]) if number else 0,
            "depends": list(self.depends),
            "constrains": [],
            "subdir": "noarch" if self.noarch else platform,
            "md5": hashlib.md5(data, usedforsecurity=False).hexdigest(),
            "sha256": hashlib.sha256(data).hexdigest(),
            "size": 1000 + len(data),
            "timestamp": 1_577_836_800_000,
            **({"noarch": "python"} if self.noarch else {}),
            **({} if self.distribution is None else {"purls": purls}),
        }


class Maker:
    """All records that one file's specs suggest, for one platform."""

    def __init__(self, file: File, platform: str, default: Sequence[str]) -> None:
        self.channels = [one for one in file.channels or default if one not in _MARKERS]
        self._general = [one for one in self.channels if _GENERAL.fullmatch(one)]
        self._system = _SYSTEMS.get(platform.partition("-")[0], ())
        self._asked: dict[str, list[Asked]] = {}
        for one in (*file.asked, *([Asked("python"), Asked("pip")] if file.pip else [])):
            self._asked.setdefault(one.name, []).append(one)
        built = {f"{found}.*" for one in file.asked if (found := _python_of(one.build))}
        self._pythons = pythons([*(one.version for one in self._asked.get("python", ())), *sorted(built)])

    def records(self) -> Iterator[Record]:
        """Of what is asked for, of what that needs, and of what a pip list implies."""
        todo = list(self._asked)
        for name in todo:
            for record in self._of(name):
                yield record
                for spec in record.depends:
                    needed = asked(spec)
                    if not needed.name.startswith("__") and needed.name not in self._asked:
                        self._asked[needed.name] = [needed]
                        todo.append(needed.name)

    def _of(self, name: str) -> Iterator[Record]:
        specs = self._asked[name]
        home = self._home(name, specs)
        built = [one for one in specs if one.build and one.exact and "*" not in one.build]
        if not home:
            return
        if built:
            yield from (self._exact(home, one) for one in built)
        elif name == "python":
            yield from (self._plain(home, name, version) for version in self._pythons)
        elif name == "python_abi":
            yield from (_abi(home, one) for one in self._minors)
        else:
            yield from self._chosen(home, name, specs)

    def _chosen(self, home: str, name: str, specs: Sequence[Asked]) -> Iterator[Record]:
        versions = good([one.version for one in specs])[-3:] or [one.exact for one in specs]
        pattern = next((one.build for one in specs if one.build), "")
        for version in versions:
            if pattern:
                yield from self._matching(home, name, version, pattern)
            elif _COMPILED.fullmatch(name):
                yield from (self._compiled(home, name, version, one) for one in self._minors)
            else:
                yield self._plain(home, name, version)
        if home in self._general and self._general[-1] != home:
            yield Record(channel=self._general[-1], name=name, version=bumped(versions[-1]), build="decoy_0")

    @property
    def _minors(self) -> Sequence[str]:
        return tuple(dict.fromkeys(minor(one) for one in self._pythons))[-4:]

    def _home(self, name: str, specs: Sequence[Asked]) -> str:
        """The channel that has it: the one named, one known for it, the first that has everything."""
        named = next((one.channel for one in specs if one.channel), "")
        known = (channel for channel, names in _OF_A_CHANNEL.items() if re.fullmatch(names, name))
        return named or next((one for one in known if one in self.channels), "") or next(iter(self._general), "")

    def _exact(self, home: str, spec: Asked) -> Record:
        python, noarch = _python_of(spec.build), bool(_NOARCH_IN_BUILD.search(spec.build))
        needs = [needs_python(python)] if python else ["python"] if noarch else []
        if found := _R_IN_BUILD.search(spec.build):
            needs.append(f"r-base >={found[1]}.{found[2]},<{found[1]}.{int(found[2]) + 1}.0a0")
        if spec.build.startswith("pl5321"):
            needs.append("perl >=5.32.1,<5.33.0a0")
        return self._record(home, spec.name, spec.exact, spec.build, needs, noarch=noarch)

    def _matching(self, home: str, name: str, version: str, pattern: str) -> Iterator[Record]:
        """Builds that the pattern means, each beside one that it does not mean."""
        ends = pattern.endswith("*")
        for one in self._minors if _COMPILED.fullmatch(name) else ("",):
            tail = f"{_short(one)}{_hash(name, version)}_200"
            needs = [*([needs_python(one)] if one else []), *(["__cuda"] if "cuda" in pattern else [])]
            build = pattern.strip("*").replace("*", "_")
            yield self._record(home, name, version, f"{build}{tail}" if ends else f"20_{build}", needs)
            yield self._record(home, name, version, f"plain_{tail}", needs[:1] if one else [])

    def _compiled(self, home: str, name: str, version: str, python: str) -> Record:
        needs = [needs_python(python), *_NEEDS.get(name, ()), *self._system]
        if home == "conda-forge":
            needs.append(f"python_abi {python}.* *_cp{python.replace('.', '')}*")
        return self._record(home, name, version, f"{_short(python)}{_hash(name, version)}_0", needs)

    def _plain(self, home: str, name: str, version: str) -> Record:
        if name == "python":
            build = f"{_hash(name, version)}_0_cpython" if home == "conda-forge" else f"{_hash(name, version)}_0"
            return self._record(home, name, version, build, self._system)
        if _NO_PYTHON.fullmatch(name):
            needs = ["r-base"] if name.startswith("r-") and name != "r-base" else list(self._system)
            return self._record(home, name, version, f"{_hash(name, version)}_0", needs)
        return self._record(home, name, version, "pyhd8ed1ab_0", ["python", *_NEEDS.get(name, ())], noarch=True)

    def _record(
        self, home: str, name: str, version: str, build: str, depends: Sequence[str], *, noarch: bool = False
    ) -> Record:
        is_python = name != "python" and any(one.split()[0] == "python" for one in depends)
        distribution = (_DISTRIBUTIONS.get(name, name) if is_python else "") if home == "conda-forge" else None
        return Record(
            channel=home,
            name=name,
            version=version,
            build=build,
            depends=tuple(depends),
            noarch=noarch,
            distribution=distribution,
        )


def _abi(home: str, python: str) -> Record:
    build = f"5_cp{python.replace('.', '')}{'mu' if python == '2.7' else ''}"
    return Record(channel=home, name="python_abi", version=python, build=build, depends=(f"python {python}.*",))


def _python_of(build: str) -> str:
    found = _PYTHON_IN_BUILD.search(build)
    return f"{found['major']}.{found['minor']}" if found else ""


def _short(python: str) -> str:
    return f"py{python.replace('.', '')}" if python else ""


def _hash(name: str, version: str) -> str:
    return f"h{hashlib.sha256(f'{name} {version}'.encode()).hexdigest()[:7]}"
