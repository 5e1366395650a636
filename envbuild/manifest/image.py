"""The keys of `image` and `publish`: what only builders of container images use."""

from typing import Annotated, ClassVar, Literal

import msgspec

from envbuild.manifest.rules import (
    AppendNew,
    Fields,
    File,
    Named,
    Overlay,
    Replace,
    Steps,
    Targets,
    Word,
    about,
)

AptItem = Annotated[
    str, msgspec.Meta(pattern=r"^(-r[\s=]*\S.*|[A-Za-z0-9][A-Za-z0-9+.:_~=/*-]*)$", extra={"path": "apt"})
]
BaseName = Annotated[str, msgspec.Meta(min_length=1, extra={"path": "base"})]
DockerfileText = Annotated[str, msgspec.Meta(min_length=1, extra={"path": "dockerfile"})]
Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Base(msgspec.Struct, frozen=True):
    """What an image starts from, in its long forms."""

    SHAPES: ClassVar = (("image", "tag"), ("image", "prefix"), ("image",), ("environment",), ("cpu", "gpu"))

    image: Annotated[BaseName | None, about("An image reference; or, for the builder 'oci', 'oci:FOLDER[:TAG]'.")] = (
        None
    )
    tag: Annotated[Word | None, about("A regular expression; the newest tag that matches is locked.")] = None
    prefix: Annotated[Word | None, about("Where that image holds an environment already.")] = None
    environment: Annotated[Named | None, about("An environment of this project, whose image is the base.")] = None
    cpu: Annotated[BaseName | None, about("The image where no GPU is used.")] = None
    gpu: Annotated[BaseName | None, about("The image where one is, as 'image.gpu' has it.")] = None


class Download(msgspec.Struct, frozen=True):
    url: Word
    sha256: Digest


class AptSource(msgspec.Struct, frozen=True):
    url: Word
    suite: Word
    components: tuple[Word, ...] = ()
    key: Word | None = None
    sha256: Digest | None = None


class Apt(msgspec.Struct, frozen=True):
    packages: Annotated[
        AppendNew[tuple[AptItem | Download, ...]], about("Debian packages, '-r FILE', or {url, sha256}.")
    ] = ()
    upgrade: Annotated[Replace[bool | None], about("Upgrade what the base has first.")] = None
    sources: Annotated[AppendNew[tuple[AptSource, ...]], about("Further repositories, each with its key.")] = ()
    recommends: Annotated[Replace[bool | None], about("Install recommended packages, too.")] = None
    snapshot: Annotated[Replace[Word | None], about("The date whose packages are taken.")] = None


class Build(msgspec.Struct, frozen=True):
    """A step while an image is built."""

    SHAPES: ClassVar = (("command", "user?", "before?", "id?"), ("script", "args?", "user?", "before?", "id?"))

    command: Word | None = None
    script: File | None = None
    args: tuple[str, ...] = ()
    user: Word | None = None
    before: Literal["apt", "packages"] | None = None
    id: Annotated[Word | None, about("A step of a child with the same id takes this one's place.")] = None


class Source(msgspec.Struct, frozen=True):
    """Where copied files come from, in its long forms."""

    SHAPES: ClassVar = (("environment", "path"), ("image", "path"), ("url", "sha256", "extract?"))

    environment: Named | None = None
    image: Word | None = None
    path: Word | None = None
    url: Word | None = None
    sha256: Digest | None = None
    extract: bool | None = None


class Copy(msgspec.Struct, frozen=True):
    source: Annotated[File | tuple[File, ...] | Source, about("Paths in the project, or elsewhere.")] = msgspec.field(
        name="from"
    )
    to: Annotated[Word, about("The place in the image; a child's copy to the same place replaces.")]
    mode: Annotated[str, msgspec.Meta(pattern="^[0-7]{3,4}$")] | None = None
    owner: Word | None = None


class User(msgspec.Struct, frozen=True):
    name: Word
    uid: Word | None = None
    gid: Word | None = None
    home: Word | None = None
    shell: Word | None = None


class Healthcheck(msgspec.Struct, frozen=True):
    test: Word | tuple[Word, ...]
    interval: Word | None = None
    timeout: Word | None = None
    start_period: Word | None = None
    start_interval: Word | None = None
    retries: int | None = None


class Image(msgspec.Struct, frozen=True):
    EXCLUDES: ClassVar = (("base", "dockerfile"), ("base", "context"))

    base: Annotated[Replace[BaseName | Base | None], about("What the image starts from.")] = None
    dockerfile: Annotated[Replace[DockerfileText | None], about("Your own Dockerfile: a path, or its text.")] = None
    context: Annotated[Replace[File | None], about("The folder that this Dockerfile copies from.")] = None
    apt: Annotated[Fields[tuple[AptItem | Download, ...] | Apt | None], about("Debian packages.")] = None
    build: Annotated[Steps[tuple[Word | Build, ...]], about("Commands run while building.")] = ()
    copy: Annotated[Targets[tuple[Copy, ...]], about("Files put into the image.")] = ()
    user: Annotated[Replace[Word | User | None], about("The user in the end, made if it has a uid.")] = None
    owner: Annotated[Replace[Word | None], about("Who owns the environment's files.")] = None
    companions: Annotated[
        AppendNew[tuple[Named, ...]], about("Other environments of the project, each at its own prefix.")
    ] = msgspec.field(name="with", default=())
    trim: Annotated[AppendNew[tuple[Word, ...]], about("Globs left out of the layer that would add them.")] = ()
    entrypoint: Annotated[Replace[Word | tuple[Word, ...] | None], about("As in Docker.")] = None
    command: Annotated[Replace[Word | tuple[Word, ...] | None], about("As in Docker.")] = None
    shell: Annotated[Replace[tuple[Word, ...] | None], about("As in Docker.")] = None
    healthcheck: Annotated[Replace[Word | Healthcheck | None], about("As in Docker.")] = None
    workdir: Annotated[Replace[Word | None], about("As in Docker.")] = None
    stop_signal: Annotated[Replace[Word | None], about("As in Docker.")] = None
    expose: Annotated[
        AppendNew[tuple[Annotated[str, msgspec.Meta(pattern="^[0-9]{1,5}(-[0-9]{1,5})?(/(tcp|udp))?$")], ...]],
        about("Ports, as in Docker."),
    ] = ()
    secrets: Annotated[AppendNew[tuple[Word, ...]], about("Names of secrets, mounted while building only.")] = ()
    labels: Annotated[Overlay[dict[str, str | None]], about("Labels of the image.")] = msgspec.field(
        default_factory=dict
    )
    gpu: Annotated[Replace[Literal["auto", "true", "false"] | None], about("Whether the image is for GPUs.")] = None
    prefix: Annotated[
        Replace[Annotated[str, msgspec.Meta(pattern="^/[^/]")] | None], about("Where the environment lies; /opt/env.")
    ] = None
    template: Annotated[
        Replace[Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9][A-Za-z0-9_.-]*[.]j2$")] | None],
        about("The template of the Dockerfile."),
    ] = None


class Publish(msgspec.Struct, frozen=True):
    registries: Annotated[Replace[tuple[Word, ...]], about("Where images are pushed to.")] = ()
    repository: Annotated[Replace[Word | None], about("The repository; by default prefix and name.")] = None
    prefix: Annotated[Replace[Word | None], about("What stands before the name in a repository.")] = None
    tags: Annotated[AppendNew[tuple[Word, ...]], about("Further tags; they may use git, date, lock, version.")] = ()
    annotations: Annotated[Overlay[dict[str, str | None]], about("Annotations of the image.")] = msgspec.field(
        default_factory=dict
    )
