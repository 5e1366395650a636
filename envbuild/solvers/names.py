"""What people write for a package, and what PyPI calls it: import names, conda names, old and similar names."""

from collections.abc import Iterable

MEANT = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "beautifulsoup": "beautifulsoup4",
    "bio": "biopython",
    "cairo": "pycairo",
    "crypto": "pycryptodome",
    "cv": "opencv-python",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu",
    "fitz": "pymupdf",
    "gi": "pygobject",
    "git": "gitpython",
    "github": "pygithub",
    "huggingface": "huggingface-hub",
    "imblearn": "imbalanced-learn",
    "jose": "python-jose",
    "jwt": "pyjwt",
    "kafka": "kafka-python",
    "ldap": "python-ldap",
    "magic": "python-magic",
    "matplotlib-base": "matplotlib",
    "mpl-toolkits": "matplotlib",
    "msgpack-python": "msgpack",
    "mysqldb": "mysqlclient",
    "opencv": "opencv-python",
    "openssl": "pyopenssl",
    "pil": "pillow",
    "pip3": "pip",
    "pkg-resources": "setuptools",
    "pptx": "python-pptx",
    "py-opencv": "opencv-python",
    "py-xgboost": "xgboost",
    "pylab": "matplotlib",
    "pytables": "tables",
    "python-graphviz": "graphviz",
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "pytorch-cuda": "torch",
    "ruamel": "ruamel.yaml",
    "seaborn-base": "seaborn",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "scikit": "scikit-learn",
    "tensorflow-gpu": "tensorflow",
    "tf": "tensorflow",
    "tf-gpu": "tensorflow",
    "torch-gpu": "torch",
    "umap": "umap-learn",
    "usb": "pyusb",
    "websocket": "websocket-client",
    "wx": "wxpython",
    "xgb": "xgboost",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}

WELL_KNOWN = """
accelerate aiohttp altair anthropic asyncpg attrs azure-identity beautifulsoup4 black bokeh boto3 botocore build
catboost celery certifi cffi charset-normalizer click cloudpickle coverage cryptography cupy cython dask dask-ml
datasets deepspeed diffusers distributed django dvc evaluate faiss-cpu fastapi fastparquet filelock flask fsspec gensim
geopandas gitpython gradio graphviz great-expectations grpcio gunicorn h5py httpx huggingface-hub hydra-core
imbalanced-learn ipykernel ipython ipywidgets jax jaxlib jinja2 joblib jsonschema jupyter jupyterlab kafka-python keras
kubernetes langchain lightgbm lightning llvmlite lxml markdown matplotlib mlflow msgpack mypy networkx nltk notebook
numba numpy onnx onnxruntime openai opencv-python opencv-python-headless openpyxl optuna orjson packaging pandas
paramiko pillow pip plotly polars pre-commit prefect prometheus-client protobuf psutil psycopg psycopg2 psycopg2-binary
pyarrow pyautogui pybind11 pydantic pydantic-settings pyjwt pymongo pymysql pyodbc pyopenssl pyparsing pyproj pyspark
pytest pytest-cov python-dateutil python-dotenv python-multipart pytorch-lightning pytz pyyaml pyzmq ray redis regex
requests rich ruamel.yaml ruff s3fs safetensors scikit-image scikit-learn scipy seaborn selenium sentence-transformers
sentencepiece sentry-sdk setuptools shap shapely six spacy sqlalchemy starlette statsmodels streamlit sympy tables
tabulate tenacity tensorboard tensorflow tensorflow-cpu tiktoken timm tokenizers torch torchaudio torchmetrics
torchvision tornado tox tqdm transformers typer typing-extensions umap-learn urllib3 uvicorn virtualenv wandb wheel
xarray xgboost zarr
"""


def meant(name: str, known: Iterable[str]) -> str:
    """What was probably meant by a package that does not exist: its other name, else the nearest of those known.

    Nothing where the name is a good one: then it is the index that lacks it.
    """
    import difflib

    if name in MEANT:
        return MEANT[name]
    if name in WELL_KNOWN.split():
        return ""
    own = [one for one in sorted(set(known)) if one != name]
    for names in (own, WELL_KNOWN.split()):  # what the project uses comes first
        if close := difflib.get_close_matches(name, names, 1, 0.8):
            return close[0]
    return ""
