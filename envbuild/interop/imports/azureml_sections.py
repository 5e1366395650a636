"""What Azure ML's first SDK says of Spark, of R and of how containers run, as the manifest's keys of these names."""

from envbuild.document import Mapping, Scalar, Value, is_null
from envbuild.errors import ManifestError, Note
from envbuild.interop.azureml_terms import CRAN_SIGN, SHM_SIZE
from envbuild.interop.azureml_writing import Said, plain, said
from envbuild.interop.imports.azureml_fields import Fields
from envbuild.project.starting import not_carried

_OF_CRAN = ("name", "version", "repository")


def spark_section(fields: Fields) -> dict[str, Said]:
    repositories = [said(one.text, one.place) for one in fields.texts("spark.repositories")]
    packages = [package for one in fields.items("spark.packages") if (package := _artifact(one, fields))]
    is_cached = fields.flag("spark.precachePackages", default=True)
    if not (repositories or packages) and is_cached:
        return {}
    where = fields.key("spark.precachePackages")
    listed: dict[str, Said] = {"repositories": repositories, "packages": packages}
    return {key: one for key, one in listed.items() if one} | {"precache": plain(str(is_cached).lower(), where)}


def _artifact(node: Value, fields: Fields) -> dict[str, Said] | None:
    texts = _texts(node, "spark.packages")
    if len(texts) == len(("group", "artifact", "version")):
        return {key: said(one.text, one.place) for key, one in texts.items()}
    named = ":".join(one.text for one in texts.values())
    why = "a package of Spark has a group, an artifact and a version"
    fields.left.append(not_carried(f"spark.packages: {named}", why, node.place, "add what is missing"))
    return None


def _texts(node: Value, name: str) -> dict[str, Scalar]:
    """What is said of one package."""
    if not isinstance(node, Mapping):
        raise ManifestError(f"'{name}' must be a list of mappings", node.place, "save the definition again")
    found: dict[str, Scalar] = {}
    for key, entry in node.entries.items():
        if not isinstance(entry.value, Scalar):
            raise ManifestError(f"'{name}.{key}' must be a text", entry.value.place, "save the definition again")
        if not is_null(entry.value) and entry.value.text:
            found[key] = entry.value
    return found


def r_section(fields: Fields) -> dict[str, Said]:
    if fields.node("r") is None:
        return {}
    found: dict[str, Said] = {}
    for key, theirs in (("version", "r.rVersion"), ("snapshot", "r.snapshotDate")):
        if stated := fields.text(theirs):
            found[key] = said(stated.text, stated.place)
    if fields.flag("r.userManaged", default=False):
        found["from"] = said("system", fields.key("r.userManaged"))
    found["cran"] = [text for one in fields.items("r.cranPackages") if (text := _cran(one, fields))]
    found["bioconductor"] = [said(one.text, one.place) for one in fields.texts("r.bioconductorPackages")]
    found["github"] = [text for one in fields.items("r.githubPackages") if (text := _github(one, fields))]
    for one in fields.texts("r.customUrlPackages"):
        why = "a package behind a URL needs the hash of what is there"
        hint = "write it under 'r: {urls: [{url: …, sha256: …}]}' in the manifest"
        fields.left.append(not_carried(one.text, why, one.place, hint))
    if script := fields.text("r.rscriptPath"):
        hint = "name it by this path in 'run.command'"
        fields.left.append(not_carried(f"r.rscriptPath: {script.text}", "there is no key for it", script.place, hint))
    return {key: one for key, one in found.items() if one}


def _cran(node: Value, fields: Fields) -> Said | None:
    """In the short form, unless one package comes from elsewhere."""
    texts = _texts(node, "r.cranPackages")
    name, version = texts.get("name"), texts.get("version")
    if name is None:
        fields.left.append(not_carried("r.cranPackages", "one of them has no name", node.place, "add it"))
        return None
    if "repository" in texts:
        return {key: said(texts[key].text, texts[key].place) for key in _OF_CRAN if key in texts}
    return said(f"{name.text}{CRAN_SIGN}{version.text}" if version else name.text, name.place)


def _github(node: Value, fields: Fields) -> Scalar | None:
    texts = _texts(node, "r.githubPackages")
    if token := texts.get("authToken"):
        why = "it is a secret, and may not stand in a file"
        hint = "keep it under 'secrets' in envbuild.yaml"
        fields.left.append(not_carried("r.githubPackages.authToken", why, token.place, hint))
    repository = texts.get("repository")
    if repository is None:
        fields.left.append(not_carried("r.githubPackages", "one of them has no repository", node.place, "add it"))
        return None
    return said(repository.text, repository.place)


def docker_runs(fields: Fields) -> dict[str, Said]:
    """How Azure runs a container: of this the size of the shared memory is a default of 'envbuild run'."""
    if fields.flag("docker.enabled", default=False):
        what = "'docker.enabled' is not carried: 'builder' says what an environment becomes"
        fields.notes.append(Note("docker", what, fields.key("docker.enabled"), "remove it: Azure ignores it, too"))
    if not fields.flag("docker.sharedVolumes", default=True):
        what = "'docker.sharedVolumes' is not carried: it is about Azure's own mounts on Windows"
        fields.notes.append(Note("docker", what, fields.key("docker.sharedVolumes"), "remove it: it is deprecated"))
    if arguments := fields.texts("docker.arguments"):
        shown = " ".join(one.text for one in arguments)
        why = "arguments of 'docker run' are no part of an environment"
        hint = "say them where it runs: 'mounts', 'env' and 'shm_size' under 'run' are known"
        fields.left.append(not_carried(f"docker.arguments: {shown}", why, arguments[0].place, hint))
    size = fields.text("docker.shmSize")
    if size is None and fields.node("docker") is not None:
        what = f"'docker.shmSize' says nothing; an export says {SHM_SIZE}, which is Azure's default"
        fields.notes.append(Note("docker", what, fields.key("docker"), "say 'run: {shm_size: …}' for another size"))
    if size is None or size.text == SHM_SIZE:
        return {}
    return {"shm_size": said(size.text, size.place)}
