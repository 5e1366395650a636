"""What `save_to_directory` of Azure ML's first SDK writes: the definition, a conda file, a Dockerfile."""

from collections.abc import Iterator
from pathlib import Path

from envbuild.document import Mapping, Scalar, decode
from envbuild.errors import ManifestError, Note, UsageError
from envbuild.interop.azureml_terms import (
    CONDA,
    DEFINITION,
    DOCKERFILE,
    INTERPRETER,
    LIBRARIES,
    PLATFORMS,
    REGISTRY,
    host_of_registry,
)
from envbuild.interop.azureml_writing import Said, plain, said
from envbuild.interop.imports.azureml_conda import Specification, specification
from envbuild.interop.imports.azureml_fields import Fields, Known
from envbuild.interop.imports.azureml_json import parse_json
from envbuild.interop.imports.azureml_sections import docker_runs, r_section, spark_section
from envbuild.interop.imports.azureml_whole import (
    Habits,
    Whole,
    as_dockerfile,
    assembled,
    azure_name,
    identity,
    surroundings,
)
from envbuild.interop.imports.brought import Brought
from envbuild.interop.imports.masking import SECRET_NAME, masked, masked_tree, without_login
from envbuild.interop.imports.source import STANDARD_INPUT, Source
from envbuild.project.starting import Carried, not_carried

_KNOWN: Known = {
    "name": None, "version": None, "assetId": None, "environmentVariables": None, "inferencingStackVersion": None,
    "python": {
        "userManagedDependencies": None, "interpreterPath": None, "condaDependenciesFile": None,
        "baseCondaEnvironment": None, "condaDependencies": None,
    },
    "docker": {
        "enabled": None, "baseImage": None, "baseDockerfile": None, "sharedVolumes": None, "shmSize": None,
        "arguments": None, "gpuSupport": None, "platform": {"os": None, "architecture": None},
        "buildContext": {"locationType": None, "location": None, "dockerfilePath": None},
        "baseImageRegistry": {
            "address": None, "username": None, "password": None,
            "registryIdentity": {"resourceId": None, "clientId": None},
        },
    },
    "spark": {
        "repositories": None, "precachePackages": None,
        "packages": {"group": None, "artifact": None, "version": None},
    },
    "databricks": {**dict.fromkeys(LIBRARIES), "cluster": None},
    "r": {
        "rVersion": None, "userManaged": None, "rscriptPath": None, "snapshotDate": None,
        "cranPackages": {"name": None, "version": None, "repository": None},
        "githubPackages": {"repository": None, "authToken": None},
        "customUrlPackages": None, "bioconductorPackages": None,
    },
}  # fmt: skip


def definition_of(given: str, start: str) -> str:
    """The definition in a folder; it may also be named itself."""
    if given == STANDARD_INPUT:
        raise UsageError("'azureml-v1' is a folder of files", hint="name the folder")
    return str(Path(given) / DEFINITION) if (Path(start) / given).is_dir() else given


def bring(source: Source, habits: Habits, asked: str = "") -> Brought:
    root, hidden = masked_tree(parse_json(source.shown, decode(source.shown, source.read())))
    if root.entries.keys() <= {"name", "version"}:
        what = "this only names an environment that is registered in Azure"
        raise ManifestError(what, root.place, "save its definition: Environment.get(…).save_to_directory(…)")
    fields = Fields(root, _KNOWN)
    folder = Scalar(root.path, root.line, root.column, None, Path(source.folder).name, plain=False)
    name = azure_name(fields.text("name")) or azure_name(folder)

    def carry(path: str) -> Carried:
        definition = _Definition(source, fields, habits)
        whole = Whole(source.called, definition.keys(asked or name), definition.conda, hidden)
        return assembled(whole, fields, path)

    return Brought(name, carry)


class _Definition:
    def __init__(self, source: Source, fields: Fields, habits: Habits) -> None:
        self._source = source
        self._fields = fields
        self._habits = habits
        self.conda: Specification | None = None

    def keys(self, name: str) -> dict[str, Said]:
        fields = self._fields
        tags = identity(fields, name)
        image = self._image(tags)
        where = fields.root.place
        self.conda = self._conda()
        found: dict[str, Said] = {"tags": tags}
        found |= surroundings(self._habits, self._platform(), where, has_image=bool(image))
        found["python"] = self._python()
        found["variables"] = self._variables()
        found["image"] = image
        found["run"] = docker_runs(fields)
        found["spark"] = spark_section(fields)
        found["r"] = r_section(fields)
        self._nowhere()
        return found

    @property
    def _is_managed(self) -> bool:
        """A build context is whole where nothing says what conda adds to it."""
        fields = self._fields
        names = ("docker.buildContext.location", "python.condaDependencies", "python.condaDependenciesFile")
        context, *adding = (fields.node(one) for one in names)
        is_whole = context is not None and not any(adding) and not self._source.beside(CONDA).is_there
        return not fields.flag("python.userManagedDependencies", default=False) and not is_whole

    def _python(self) -> dict[str, Said]:
        fields, where = self._fields, self._fields.root.place
        interpreter = fields.text("python.interpreterPath")
        stated = interpreter if interpreter and interpreter.text != INTERPRETER else None
        if base := fields.text("python.baseCondaEnvironment"):
            why = "what the image has already is not added to: conda makes a whole environment"
            hint = "list its packages in the conda file as well"
            fields.left.append(not_carried(f"baseCondaEnvironment: {base.text}", why, base.place, hint))
        if self._is_managed and stated:
            what = f"the interpreter '{stated.text}' is not carried: Azure uses it only where Python is user-managed"
            hint = "set 'userManagedDependencies' if the image brings Python"
            fields.notes.append(Note("interpreter", what, stated.place, hint))
        if self._is_managed:
            return {"from": plain("conda", where)}
        found: dict[str, Said] = {"managed": plain("false", where)}
        return {**found, "interpreter": said(stated.text, stated.place)} if stated else found

    def _conda(self) -> Specification | None:
        """The file beside the definition holds, as it does for Azure; then what stands in the definition itself."""
        fields = self._fields
        beside = self._source.beside(CONDA)
        inline, named = fields.node("python.condaDependencies"), fields.text("python.condaDependenciesFile")
        if not self._is_managed:
            if beside.is_there or inline or named:
                what = "the conda packages are not carried: Azure installs none where Python is user-managed"
                where = fields.key("python.userManagedDependencies")
                fields.notes.append(Note("not-installed", what, where, "remove 'userManagedDependencies' to have them"))
            return None
        if named and (beside.is_there or inline):
            why = f"what is installed is said by {CONDA if beside.is_there else 'condaDependencies'} as well"
            fields.left.append(not_carried(named.text, why, named.place, "keep one of the two"))
        if beside.is_there:
            return self._beside(beside, is_twice=bool(inline))
        if inline is not None and not isinstance(inline, Mapping):
            raise ManifestError("'condaDependencies' must be a mapping", inline.place, "save the definition again")
        return Specification(self._source, inline) if inline else self._named(named)

    def _beside(self, beside: Source, *, is_twice: bool) -> Specification:
        if is_twice:
            what = f"'condaDependencies' is not carried: {CONDA} beside it holds, for Azure as well"
            where = self._fields.key("python.condaDependencies")
            self._fields.notes.append(Note("said-twice", what, where, "keep one of the two"))
        return specification(beside)

    def _named(self, named: Scalar | None) -> Specification | None:
        fields = self._fields
        if named and (source := self._source.beside(named.text)).is_there:
            return specification(source)
        where = named.place if named else fields.root.place
        what = f"'{named.text if named else CONDA}' is not there, which says what conda installs"
        hint = f"put it beside {DEFINITION}, or set 'userManagedDependencies' if the image brings everything"
        fields.left.append(not_carried("", what, where, hint))
        return None

    def _image(self, tags: dict[str, Said]) -> dict[str, Said]:
        """One of three things that exclude each other; a Dockerfile beside the definition stands before all."""
        fields = self._fields
        base, dockerfile, context = (
            fields.image("docker.baseImage"),
            self._dockerfile(),
            fields.node("docker.buildContext"),
        )
        if context is not None and fields.text("docker.buildContext.location"):
            where = fields.key("docker.buildContext")
            hint = "save a copy in the project, and say 'image: {dockerfile: …, context: …}' in the manifest"
            fields.left.append(not_carried("docker.buildContext", "it lies in a storage elsewhere", where, hint))
        found: dict[str, Said] = {}
        if dockerfile:
            found["dockerfile"] = dockerfile
            if base:
                why = "it and a Dockerfile exclude each other"
                fields.left.append(not_carried(f"baseImage: {base.text}", why, base.place, "remove one of the two"))
        elif base:
            found["base"] = self._base(base, tags)
        elif not context:
            what = f"nothing says what the image starts from: there is no 'baseImage', and no {DOCKERFILE}"
            hint = f"put {DOCKERFILE} beside {DEFINITION}, or state 'docker.baseImage'"
            fields.left.append(not_carried("", what, fields.root.place, hint))
        self._registry(base if "base" in found else None)
        if found and fields.flag("docker.gpuSupport", default=False):
            found["gpu"] = plain("true", fields.key("docker.gpuSupport"))
        return found

    def _dockerfile(self) -> Scalar | None:
        beside = self._source.beside(DOCKERFILE)
        if not beside.is_there:
            stated = self._fields.text("docker.baseDockerfile")
            return said(as_dockerfile(stated.text), stated.place) if stated else None
        text, hidden = masked(beside.shown, decode(beside.shown, beside.read()))
        self._fields.left += hidden
        where = Mapping(beside.shown, 1, 1, None, {}).place
        return said(as_dockerfile(text), where) if text else None

    def _base(self, base: Scalar, tags: dict[str, Said]) -> Scalar:
        """With the registry before it, unless it names that itself."""
        address = self._fields.text("docker.baseImageRegistry.address")
        stated = without_login(address.text) if address else ""
        host = host_of_registry(stated)
        if not address or base.text.startswith(f"{host}/"):
            return said(base.text, base.place)
        tags[REGISTRY] = said(stated, address.place)
        return said(f"{host}/{base.text}", base.place)

    def _registry(self, base: Scalar | None) -> None:
        fields, name = self._fields, "docker.baseImageRegistry"
        address = fields.image(f"{name}.address")
        host = host_of_registry(address.text) if address else "REGISTRY"
        if address and (base is None or base.text.startswith(f"{host}/")):
            what = "the registry's address is not carried: " + (
                "the image names it itself" if base else "there is no 'baseImage' that it could be of"
            )
            fields.notes.append(Note("registry", what, address.place, "remove it from the definition, too"))
        login = f"name a secret for it in envbuild.yaml: 'for: [\"https://{host}\"]'; or run 'docker login {host}'"
        for one in ("username", "password"):
            if stated := fields.text(f"{name}.{one}"):
                why = "how somebody logs in is no part of an environment, and may not stand in a file"
                fields.left.append(not_carried(f"{name}.{one}", why, stated.place, login))
        if fields.node(f"{name}.registryIdentity") is not None:
            why = "an identity of Azure means nothing elsewhere"
            fields.left.append(
                not_carried(f"{name}.registryIdentity", why, fields.key(f"{name}.registryIdentity"), login)
            )

    def _platform(self) -> str:
        fields = self._fields
        system, machine = fields.text("docker.platform.os"), fields.text("docker.platform.architecture")
        stated = ((system.text if system else "Linux").lower(), (machine.text if machine else "amd64").lower())
        found = PLATFORMS.get(stated, "")
        if not found:
            why = "there is no such platform here"
            where = fields.key("docker.platform")
            hint = "name it under 'platforms' in the manifest, if conda knows it"
            fields.left.append(not_carried(f"docker.platform: {' '.join(stated)}", why, where, hint))
        return found

    def _variables(self) -> dict[str, Said]:
        """Those of the conda file stand with them."""
        found: dict[str, Said] = {}
        if self.conda and (own := self.conda.variables):
            texts = {key: entry.value for key, entry in own.entries.items() if isinstance(entry.value, Scalar)}
            found |= {key: said(one.text, one.place) for key, one in texts.items()}
            what = "variables of the conda file stand with those of the definition"
            self._fields.notes.append(
                Note("variables", what, own.place, "look for all of them in the definition of an export")
            )
        for key, value in self._fields.pairs("environmentVariables"):
            if SECRET_NAME.search(key.text):
                hint = "set it where the environment is used; a manifest is committed"
                self._fields.left.append(not_carried(key.text, "by its name it is a secret", key.place, hint))
            else:
                found[key.text] = said(value.text, value.place)
        return found

    def _nowhere(self) -> None:
        """What belongs to another product, or to one registration."""
        fields = self._fields
        for one in self._databricks():
            where = fields.key(f"databricks.{one}")
            why = "a cluster of Databricks installs it itself"
            hint = "list its packages in the conda file, or under 'spark', as well"
            fields.left.append(not_carried(f"databricks.{one}", why, where, hint))
        if stack := fields.text("inferencingStackVersion"):
            why = "it is a server of Azure's own"
            hint = "add the server that you use to the packages, and say 'serve' in the manifest"
            fields.left.append(not_carried(f"inferencingStackVersion: {stack.text}", why, stack.place, hint))
        if fields.text("assetId"):
            what = "'assetId' is not carried: it is about one registration in Azure, not about the environment"
            fields.notes.append(Note("registration", what, fields.key("assetId"), "leave it where it is"))

    def _databricks(self) -> Iterator[str]:
        yield from (one for one in LIBRARIES if self._fields.items(f"databricks.{one}"))
        if self._fields.node("databricks.cluster") is not None:
            yield "cluster"
