"""What PyPI calls a conda package, where no channel says it."""

from collections.abc import Mapping

from envbuild.manifest import normalise

# Programs and libraries, under whose names PyPI has something else, or the same thing in wheels that conda's is not.
_NO_DISTRIBUTIONS = """
attr backports blas blosc boost brotli cairo clang-format cmake cudatoolkit curl dal dbus eigen ffmpeg flatbuffers
freetype geos git glpk go graphviz hdf5 icu intel-openmp jpeg jq kaleido-core leveldb libxgboost llvm lmdb make mamba
mkl mpi mysql ninja nodejs openssl pandoc parallel patchelf perl poppler postgresql proj python pytorch-cuda qt redis
redis-server ruamel_yaml rust snappy sqlite swig tbb tesseract tk tzdata wget xxhash yaml zeromq zlib zstd
"""

_ON_PYPI = {
    **dict.fromkeys(_NO_DISTRIBUTIONS.split(), ""),
    "antlr-python-runtime": "antlr4-python3-runtime",
    "astropy-base": "astropy",
    "brotli-python": "brotli",
    "cupy-core": "cupy",
    "dask-core": "dask",
    "docker-py": "docker",
    "faiss": "faiss-cpu",
    "gurobi": "gurobipy",
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "numpy-base": "numpy",
    "opencv": "opencv-python",
    "ortools-python": "ortools",
    "py-lightgbm": "lightgbm",
    "py-opencv": "opencv-python",
    "py-xgboost": "xgboost",
    "py-xgboost-cpu": "xgboost",
    "py-xgboost-gpu": "xgboost",
    "pyarrow-core": "pyarrow",
    "pyg": "torch-geometric",
    "pyqt": "pyqt5",
    "pytables": "tables",
    "python-annoy": "annoy",
    "python-blosc": "blosc",
    "python-flatbuffers": "flatbuffers",
    "python-graphviz": "graphviz",
    "python-kaleido": "kaleido",
    "python-lmdb": "lmdb",
    "python-tzdata": "tzdata",
    "python-xxhash": "xxhash",
    "pytorch": "torch",
    "pytorch-cluster": "torch-cluster",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "pytorch-scatter": "torch-scatter",
    "pytorch-sparse": "torch-sparse",
    "pytorch_geometric": "torch-geometric",
    "ray-core": "ray",
    "ray-default": "ray",
    "redis-py": "redis",
    "seaborn-base": "seaborn",
    "snakemake-minimal": "snakemake",
    "tensorflow-base": "tensorflow",
    "tensorflow-gpu": "tensorflow",
    "torchtriton": "triton",
    "uvicorn-standard": "uvicorn",
}


def distribution(name: str, known: Mapping[str, str]) -> str:
    """The distribution that a conda package is; `known` are the settings' own names, and have the last word."""
    return normalise(known.get(name, _ON_PYPI.get(name, name)))
