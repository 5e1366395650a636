"""Variables in the definition that belong elsewhere: to one run, or to keys of the manifest."""

from collections.abc import Iterator

from envbuild.document import Mapping, is_null
from envbuild.errors import Note
from envbuild.resolve import Environment

_OF_A_RUN = {
    "CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HOSTNAME",
    "MASTER_ADDR", "MASTER_PORT", "RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "TF_CONFIG",
    "MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_TOKEN", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME",
    "WANDB_RUN_ID", "AZUREML_MODEL_DIR",
}  # fmt: skip
_OF_RUNS = ("_RANK", "_WORLD_SIZE")
_BY_SCHEDULERS = ("AZUREML_RUN_", "AZUREML_ARM_", "SLURM_", "OMPI_COMM_WORLD_", "PMI_")
_KEYS = {
    "PIP_INDEX_URL": "pip: {index_url: …}",
    "PIP_EXTRA_INDEX_URL": "pip: {extra_index_urls: […]}",
    "PIP_FIND_LINKS": "pip: {find_links: […]}",
    "PIP_PRE": "pip: {prerelease: true}",
    "PIP_NO_BINARY": "pip: {no_binary: […]}",
    "PIP_CONSTRAINT": "constraints: […]",
    "UV_INDEX_URL": "pip: {index_url: …}",
    "UV_DEFAULT_INDEX": "pip: {index_url: …}",
    "UV_EXTRA_INDEX_URL": "pip: {extra_index_urls: […]}",
    "UV_INDEX": "pip: {extra_index_urls: […]}",
    "UV_FIND_LINKS": "pip: {find_links: […]}",
    "UV_PRERELEASE": "pip: {prerelease: true}",
    "UV_CONSTRAINT": "constraints: […]",
    "UV_OVERRIDE": "overrides: […]",
    "CONDA_CHANNELS": "channels: […]",
    "CONDA_OVERRIDE_CUDA": "system_requirements: {cuda: …}",
    "CONDA_OVERRIDE_GLIBC": "system_requirements: {libc: …}",
}


def variables(environment: Environment) -> Iterator[Note]:
    stated = environment.body.get("variables")
    for name, entry in stated.entries.items() if isinstance(stated, Mapping) else ():
        if is_null(entry.value):
            continue
        if _is_of_a_run(name):
            message = f"'{name}' belongs to one run, and is part of the definition"
            hint = "remove it here, and set it where it runs: in the shell, or under 'run: {env: …}'"
            yield Note("runtime-variable", message, entry.key.place, hint)
        elif key := _KEYS.get(name):
            message = f"'{name}' says nothing of what is locked"
            yield Note("moved-option", message, entry.key.place, f"write it as '{key}'")


def _is_of_a_run(name: str) -> bool:
    return name in _OF_A_RUN or name.endswith(_OF_RUNS) or name.startswith(_BY_SCHEDULERS)
