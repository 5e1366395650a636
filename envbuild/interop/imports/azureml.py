"""Azure ML's YAML of an environment, as its second SDK and its command line take it."""

import posixpath
import re

from envbuild.document import Mapping, Scalar
from envbuild.errors import ManifestError, Note
from envbuild.interop.azureml_terms import PROPERTIES, ROUTES, is_own
from envbuild.interop.azureml_writing import Said, plain, said
from envbuild.interop.imports.azureml_conda import Specification, specification
from envbuild.interop.imports.azureml_fields import Fields, Known
from envbuild.interop.imports.azureml_whole import (
    Habits,
    Whole,
    assembled,
    azure_name,
    identity,
    surroundings,
)
from envbuild.interop.imports.brought import Brought
from envbuild.interop.imports.masking import masked_yaml
from envbuild.interop.imports.paths import moved
from envbuild.interop.imports.source import Source
from envbuild.project.starting import Carried, not_carried

_ROUTE: Known = {"port": None, "path": None}
_KNOWN: Known = {
    "$schema": None, "name": None, "version": None, "description": None, "tags": None, "properties": None,
    "image": None, "build": {"path": None, "dockerfile_path": None}, "conda_file": None, "os_type": None,
    "inference_config": dict.fromkeys(ROUTES.values(), _ROUTE), "datastore": None, "auto_delete_setting": None,
    "id": None, "creation_context": None, "latest_version": None, "intellectual_property": None,
    "dependencies": None, "channels": None,
}  # fmt: skip
# What is said of one registration there, which no environment is made of.
_OF_AZURE = (
    "id", "creation_context", "latest_version", "intellectual_property", "auto_delete_setting", "datastore",
)  # fmt: skip
_OF_CONDA = ("dependencies", "channels")


def bring(source: Source, habits: Habits, asked: str = "") -> Brought:
    document, hidden = masked_yaml(source.shown, source.read())
    root = document.root
    _refuse_others(root)
    fields = Fields(root, _KNOWN)
    name = azure_name(fields.text("name")) or azure_name(_stem(source, root))

    def carry(path: str) -> Carried:
        definition = _Definition(source, fields, habits, path)
        return assembled(Whole(source.called, definition.keys(asked or name), definition.conda, hidden), fields, path)

    return Brought(name, carry)


def _stem(source: Source, root: Mapping) -> Scalar | None:
    return Scalar(root.path, root.line, root.column, None, source.stem, plain=False) if source.stem else None


def _refuse_others(root: Mapping) -> None:
    """A conda file, or the YAML of something else."""
    for key in _OF_CONDA:
        if entry := root.entries.get(key):
            what = f"'{key}' is conda's: it stands in a conda file, which 'conda_file' of a definition names"
            hint = "use 'envbuild import conda' for a conda file; else move its keys under 'conda_file'"
            raise ManifestError(what, entry.key.place, hint)
    schema = root.get("$schema")
    if isinstance(schema, Scalar) and schema.text and not re.search(r"(?i)environment", schema.text):
        what = f"this is no definition of an environment: its schema is '{posixpath.basename(schema.text)}'"
        raise ManifestError(what, schema.place, "name the file that defines the environment")
    if not {"image", "build", "conda_file"} & root.entries.keys():
        what = "this defines no environment: it has no 'image' and no 'build'"
        raise ManifestError(what, root.place, "name the file that defines the environment")


class _Definition:
    def __init__(self, source: Source, fields: Fields, habits: Habits, manifest: str) -> None:
        self._source = source
        self._fields = fields
        self._habits = habits
        self._manifest = manifest
        self.conda: Specification | None = None

    def keys(self, name: str) -> dict[str, Said]:
        fields = self._fields
        image = self._image()
        self._of_azure()
        self.conda = self._conda(image)
        where = fields.root.place
        found: dict[str, Said] = {}
        if description := fields.text("description"):
            found["description"] = said(description.text, description.place)
        found["tags"] = {**identity(fields, name), **self._tags()}
        found |= surroundings(self._habits, "", where, has_image=bool(image))
        is_managed = self.conda is not None
        found["python"] = {"from": plain("conda", where)} if is_managed else {"managed": plain("false", where)}
        found["image"] = image
        found["serve"] = self._serve()
        return found

    def _tags(self) -> dict[str, Said]:
        found: dict[str, Said] = {}
        for before, name in (("", "tags"), (PROPERTIES, "properties")):
            for key, value in self._fields.pairs(name):
                if not before and is_own(key.text):
                    why = "a tag of that name keeps here what is no tag in Azure"
                    hint = "give it another name"
                    self._fields.left.append(not_carried(f"tags.{key.text}", why, key.place, hint))
                    continue
                found[f"{before}{key.text}"] = said(value.text, value.place)
        return found

    def _of_azure(self) -> None:
        for name in _OF_AZURE:
            if self._fields.node(name) is not None:
                what = f"'{name}' is not carried: it is about one registration in Azure, not about the environment"
                self._fields.notes.append(Note("registration", what, self._fields.key(name), "leave it where it is"))
        system = self._fields.text("os_type")
        if system and system.text.lower() != "linux":
            hint = "write the Dockerfile for Linux, and import it then"
            self._fields.left.append(not_carried(f"os_type: {system.text}", "images are Linux's", system.place, hint))

    def _image(self) -> dict[str, Said]:
        """What the image starts from: Azure takes one of the two."""
        fields = self._fields
        image, build = fields.image("image"), fields.node("build")
        if image and build:
            where = fields.key("build")
            why = f"Azure takes 'image' or 'build', and 'image' is on line {image.line}"
            fields.left.append(not_carried("build", why, where, "remove one of the two"))
        elif build:
            return self._context()
        elif not image:
            what = "nothing says what the image starts from"
            fields.left.append(not_carried("", what, fields.root.place, "add 'image', or 'build'"))
        return {"base": said(image.text, image.place)} if image else {}

    def _context(self) -> dict[str, Said]:
        fields = self._fields
        path, dockerfile = fields.text("build.path"), fields.text("build.dockerfile_path")
        if path is None:
            hint = "add 'path', the folder of the Dockerfile"
            fields.left.append(not_carried("build", "it names no folder", fields.key("build"), hint))
            return {}
        if "://" in path.text or path.text.startswith("azureml:"):
            hint = "save a copy in the project, and name that"
            fields.left.append(not_carried(path.text, "it lies in a storage elsewhere", path.place, hint))
            return {}
        inner = dockerfile.text if dockerfile else "Dockerfile"
        folders = (self._source.folder,)
        context = moved(path.text, folders, self._source, self._manifest)
        file = moved(posixpath.join(path.text, inner), folders, self._source, self._manifest)
        for found, where in ((context, path.place), (file, dockerfile.place if dockerfile else path.place)):
            if found.why:
                hint = "put it where the definition names it" if not found.is_there else found.hint
                fields.left.append(not_carried(f"build: {path.text}", found.why, where, hint))
                return {}
        return {"dockerfile": said(file.text, path.place), "context": said(context.text, path.place)}

    def _conda(self, image: dict[str, Said]) -> Specification | None:
        fields = self._fields
        stated = fields.node("conda_file")
        if stated is None:
            return None
        if "base" not in image and fields.node("build") is not None:
            why = "Azure installs a conda file on an 'image' only, not on a 'build'"
            hint = "name an 'image', or install its packages in the Dockerfile"
            fields.left.append(not_carried("conda_file", why, fields.key("conda_file"), hint))
            return None
        if isinstance(stated, Mapping):
            return Specification(self._source, stated)
        file = fields.text("conda_file")
        return self._conda_at(file) if file else None

    def _conda_at(self, file: Scalar) -> Specification | None:
        source = self._source.beside(file.text.removeprefix("file:"))
        if not source.is_there:
            hint = "put it where the definition names it"
            self._fields.left.append(not_carried(f"conda_file: {file.text}", "it is not there", file.place, hint))
            return None
        return specification(source)

    def _serve(self) -> dict[str, Said]:
        """One port for all routes: what has another one has no place."""
        fields = self._fields
        port, routes = None, dict[str, Said]()
        for name, theirs in ROUTES.items():
            path, stated = (
                fields.text(f"inference_config.{theirs}.path"),
                fields.text(f"inference_config.{theirs}.port"),
            )
            if path and stated and port and stated.text != port.text:
                why = f"it has a port of its own, and the first has {port.text}"
                hint = "use one port for all of them"
                fields.left.append(not_carried(theirs, why, stated.place, hint))
                continue
            port = port or stated
            if path:
                routes[name] = said(path.text, path.place)
        return {**({"port": plain(port.text, port.place)} if port else {}), **({"routes": routes} if routes else {})}
