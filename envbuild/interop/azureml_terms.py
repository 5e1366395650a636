"""What goes in and comes out alike: a saved definition's files, tags that keep what is Azure's, and its defaults."""

DEFINITION, CONDA, DOCKERFILE = "azureml_environment.json", "conda_dependencies.yml", "BaseDockerfile"
LIBRARIES = ("mavenLibraries", "pypiLibraries", "rcranLibraries", "jarLibraries", "eggLibraries")

NAME, VERSION, REGISTRY, PROPERTIES = "azureml.name", "azureml.version", "azureml.registry", "azureml.properties."

INTERPRETER = "python"
SHM_SIZE = "2g"
CRAN_SIGN = "@"  # between a package of CRAN and its version, as `r.cran` has it
ROUTES = {"liveness": "liveness_route", "readiness": "readiness_route", "scoring": "scoring_route"}
PLATFORMS = {
    ("linux", "amd64"): "linux-64", ("linux", "arm64"): "linux-aarch64", ("windows", "amd64"): "win-64",
    ("osx", "amd64"): "osx-64", ("osx", "arm64"): "osx-arm64",
}  # fmt: skip


def is_own(tag: str) -> bool:
    """Whether a tag keeps what is no tag there."""
    return tag in {NAME, VERSION, REGISTRY} or tag.startswith(PROPERTIES)


def host_of_registry(address: str) -> str:
    """What stands before the name of an image."""
    return address.removeprefix("https://").rstrip("/")
