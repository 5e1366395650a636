"""Run by the SDKs' own Python: real definitions are saved, and what was exported is loaded again.

azureml_sdk.py save-v1 FOLDER | load-v1 FOLDER... | save-v2 FOLDER | load-v2 FILE...
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

CONDA = """\
# ours
name: churn
channels:
  - conda-forge
  - defaults
dependencies:
  - python=3.11    # the servers have it
  - numpy>=1.20
  - conda-forge::xz
  - pip
  - pip:
      - tabulate>=0.9
      - rich[jupyter]~=13.0 ; python_version < "3.13"
"""
WITH_OPTIONS = """\
channels: [conda-forge]
dependencies:
- python=3.11
- pip:
  - --index-url https://pypi.example/simple
  - --extra-index-url https://more.example/simple
  - six
"""
REQUIREMENTS = "tabulate==0.9.0\nrich>=13\n"
DOCKERFILE = 'FROM registry.example/base:1\n\nRUN echo "{{ not ours }}" && \\\n    echo done\n'
IMAGE = "registry.example/team/base:1.2"


def _v1(folder: Path) -> Iterator[Any]:
    """One of every kind that the first SDK makes without a workspace."""
    from azureml.core import Environment

    conda, pip, dockerfile = folder / "conda.yml", folder / "requirements.txt", folder / "Dockerfile"
    conda.write_text(CONDA)
    pip.write_text(REQUIREMENTS)
    dockerfile.write_text(DOCKERFILE)
    yield Environment("as-it-is")
    yield Environment.from_conda_specification("conda", str(conda))
    options = folder / "options.yml"
    options.write_text(WITH_OPTIONS)
    yield Environment.from_conda_specification("pip-options", str(options))
    yield Environment.from_pip_requirements("pip", str(pip))
    yield Environment.from_pip_requirements("pip-pinned", str(pip), pip_version="24.0")
    yield Environment.from_dockerfile("dockerfile-text", DOCKERFILE)
    yield Environment.from_dockerfile("dockerfile-line", "FROM registry.example/base:1")
    yield Environment.from_dockerfile("dockerfile-file", str(dockerfile), conda_specification=str(conda))
    yield Environment.from_dockerfile("dockerfile-pip", str(dockerfile), pip_requirements=str(pip))
    yield Environment.from_docker_image("image", IMAGE)
    yield Environment.from_docker_image("image-conda", IMAGE, conda_specification=str(conda))
    yield Environment.from_docker_image("image-pip", IMAGE, pip_requirements=str(pip))
    yield from _v1_registries()
    yield from _v1_sections(str(conda))
    yield from _v1_languages(str(conda))


def _v1_registries() -> Iterator[Any]:
    from azureml.core import Environment
    from azureml.core.container_registry import ContainerRegistry, RegistryIdentity

    registry = ContainerRegistry()
    registry.address = "registry.example"
    yield Environment.from_docker_image("registry", "team/base:1.2", container_registry=registry)
    yield Environment.from_docker_image("registry-twice", IMAGE, container_registry=registry)
    private = ContainerRegistry()
    private.address, private.username, private.password = "registry.example", "someone", "Canary-5ecret"
    private.registry_identity = RegistryIdentity()
    private.registry_identity.client_id = "an-identity"
    yield Environment.from_docker_image("registry-login", "team/base:1.2", container_registry=private)


def _v1_sections(conda: str) -> Iterator[Any]:
    from azureml.core import Environment
    from azureml.core.databricks import PyPiLibrary
    from azureml.core.environment import DockerBuildContext

    def image(name: str) -> Any:
        return Environment.from_docker_image(name, IMAGE, conda_specification=conda)

    managed = Environment.from_docker_image("user-managed", IMAGE)
    managed.python.interpreter_path = "/opt/conda/bin/python"
    yield managed
    ignored = image("interpreter-ignored")
    ignored.python.interpreter_path = "/usr/bin/python3"
    yield ignored
    variables = image("variables")
    variables.environment_variables = {"MODE": "fast", "EMPTY": "", "BRACES": "{{ x }}", "YES": "yes", "API_TOKEN": "t"}
    yield variables
    runs = image("runs")
    runs.docker.enabled, runs.docker.shared_volumes, runs.docker.shm_size = True, False, "8g"
    runs.docker.arguments = ["--ulimit", "core=0"]
    yield runs
    arm = image("arm")
    arm.docker.platform.architecture = "arm64"
    yield arm
    context = DockerBuildContext(DockerBuildContext.LocationType.Git, "https://git.example/team/context", "Dockerfile")
    yield Environment.from_docker_build_context("context", context)
    everything = image("Everything.Else_1")
    everything.version, everything.asset_id = "7", "azureml://locations/x"
    everything.inferencing_stack_version = "latest"
    everything.python._base_conda_environment = "base"  # noqa: SLF001 - it has no other name
    everything.databricks.pypi_libraries = [PyPiLibrary("six")]
    yield everything


def _v1_languages(conda: str) -> Iterator[Any]:
    from azureml.core import Environment
    from azureml.core.environment import RCranPackage, RGitHubPackage, RSection, SparkPackage

    def image(name: str) -> Any:
        return Environment.from_docker_image(name, IMAGE, conda_specification=conda)

    spark = image("spark")
    spark.spark.repositories = ["https://maven.example/releases"]
    spark.spark.packages = [SparkPackage("io.delta", "delta-spark_2.12", "3.2.0")]
    yield spark
    bare = image("spark-uncached")
    bare.spark.precache_packages = False
    yield bare
    r = image("r")
    r.r = RSection()
    r.r.r_version, r.r.snapshot_date = "4.4.1", "2024-05-01"
    first, second = RCranPackage(), RCranPackage()
    first.name, second.name, second.version = "dplyr", "tidyr", "1.3.0"
    r.r.cran_packages = [first, second]
    hub = RGitHubPackage()
    hub.repository = "tidyverse/ggplot2@main"
    r.r.github_packages = [hub]
    r.r.custom_url_packages, r.r.bioconductor_packages = ["https://packages.example/x.tar.gz"], ["limma"]
    yield r
    secret = image("r-secret")
    secret.r = RSection()
    secret.r.user_managed, secret.r.rscript_path = True, "/usr/bin/Rscript"
    token = RGitHubPackage()
    token.repository, token.auth_token = "team/ours", "Canary-5ecret"
    secret.r.github_packages = [token]
    mirrored = RCranPackage()
    mirrored.name, mirrored.repository = "dplyr", "https://cran.example"
    secret.r.cran_packages = [mirrored]
    yield secret


def _v2(folder: Path) -> Iterator[Any]:
    """One of every kind that the second SDK makes."""
    from azure.ai.ml.entities import BuildContext, Environment

    conda, context = folder / "conda.yml", folder / "context"
    conda.write_text(CONDA)
    for name in ("Dockerfile", "docker/Other"):
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        (context / name).write_text(DOCKERFILE)
    yield Environment(name="image", image=IMAGE)
    yield Environment(name="image-conda", image=IMAGE, conda_file=str(conda), version="3")
    said = {"description": "trains\nthe model", "tags": {"team": "growth", "level": "1.0"}, "properties": {"a b": "c"}}
    yield Environment(name="Said_All.1", image=IMAGE, conda_file=str(conda), os_type="linux", **said)
    yield Environment(name="context", build=BuildContext(path=str(context)))
    yield Environment(name="context-file", build=BuildContext(path=str(context), dockerfile_path="docker/Other"))
    yield Environment(name="served", image=IMAGE, inference_config=_routes(8080, 8080))
    yield Environment(name="served-apart", image=IMAGE, inference_config=_routes(8080, 9090))
    yield Environment(name="windows", image=IMAGE, os_type="windows")
    yield Environment(name="stored", build=BuildContext(path="https://store.example/context"), datastore="blobs")


def _routes(port: int, other: int) -> dict[str, Any]:
    ports = {"liveness_route": port, "readiness_route": port, "scoring_route": other}
    return {name: {"port": one, "path": f"/{name.partition('_')[0]}"} for name, one in ports.items()}


def _save_v1(folder: str) -> None:
    for one in _v1(Path(folder)):
        one.save_to_directory(str(Path(folder, one.name)))


def _load_v1(*folders: str) -> None:
    from azureml.core import Environment

    found = [json.loads(repr(Environment.load_from_directory(folder))) for folder in folders]
    sys.stdout.write(json.dumps(found))


def _save_v2(folder: str) -> None:
    for one in _v2(Path(folder)):
        one.dump(str(Path(folder, f"{one.name}.yml")))


def _load_v2(*files: str) -> None:
    from azure.ai.ml import load_environment

    sys.stdout.write(json.dumps([_fields(load_environment(file)) for file in files]))


def _fields(one: Any) -> dict[str, Any]:
    routes = one.inference_config
    return {
        "name": one.name,
        "version": one.version,
        "description": one.description,
        "tags": one.tags,
        "properties": one.properties,
        "image": one.image,
        "build": {"path": str(one.build.path), "dockerfile_path": one.build.dockerfile_path} if one.build else None,
        "conda_file": one.conda_file,
        "os_type": one.os_type,
        "inference_config": {name: dict(getattr(routes, name)) for name in _routes(0, 0)} if routes else None,
        "datastore": one.datastore,
    }


_COMMANDS: dict[str, Callable[..., None]] = {
    "save-v1": _save_v1,
    "load-v1": _load_v1,
    "save-v2": _save_v2,
    "load-v2": _load_v2,
}

if __name__ == "__main__":
    _COMMANDS[sys.argv[1]](*sys.argv[2:])
