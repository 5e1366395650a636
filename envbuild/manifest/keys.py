"""The keys of a manifest: their types, what they are for, and beside each how it is inherited."""

from typing import Annotated, Any, ClassVar, Literal

import msgspec

from envbuild.manifest.codes import Code
from envbuild.manifest.image import Image, Publish
from envbuild.manifest.r import R
from envbuild.manifest.rules import (
    Append,
    AppendNew,
    Data,
    Fields,
    KeyRule,
    Matrix,
    Overlay,
    Own,
    OwnFirst,
    Packages,
    Quoted,
    Replace,
    Variables,
    Word,
    about,
    rules_of,
)
from envbuild.manifest.serve import Serve
from envbuild.manifest.spark import Spark

Platform = Literal[
    "linux-64", "linux-aarch64", "linux-ppc64le", "linux-s390x", "osx-64", "osx-arm64", "win-64", "win-arm64"
]
Link = Annotated[str, msgspec.Meta(min_length=1, extra={"path": "link"})]


class Python(msgspec.Struct, frozen=True):
    managed: Annotated[bool | None, about("false: the image brings its own Python and packages.")] = None
    interpreter: Annotated[Word | None, about("The interpreter to use, where it is not managed.")] = None
    version: Annotated[str | None, about("As conda writes it: '=3.11', '>=3.10,<3.13'.")] = None
    source: Annotated[
        Literal["conda", "uv", "image"] | None, about("Who brings Python to an environment without conda packages.")
    ] = msgspec.field(default=None, name="from")


class Index(msgspec.Struct, frozen=True):
    url: Annotated[Word, about("The index.")]
    packages: Annotated[tuple[Word, ...], about("The packages that come from here and nowhere else.")] = ()


class Pip(msgspec.Struct, frozen=True):
    index_url: Annotated[str | None, about("The index that packages come from.")] = None
    extra_index_urls: Annotated[tuple[Word, ...], about("Further indexes, asked for every package.")] = ()
    indexes: Annotated[Overlay[dict[str, Index | None]], about("Indexes by name, with their packages.")] = (
        msgspec.field(default_factory=dict)
    )
    find_links: Annotated[tuple[Link, ...], about("Folders and pages that list files.")] = ()
    prerelease: Annotated[bool | None, about("Take pre-releases, too.")] = None
    no_binary: Annotated[tuple[Word, ...], about("Packages built from source; ':all:' is every one.")] = ()
    no_build_isolation: Annotated[
        bool | tuple[Word, ...] | None, about("Packages built with what the environment has.")
    ] = None


class Additions(msgspec.Struct, frozen=True):
    """What a variable that holds a list of paths gets at its ends."""

    prepend: tuple[str, ...] = ()
    append: tuple[str, ...] = ()


class PipList(msgspec.Struct, frozen=True):
    """An item of a package list that is no conda spec: the pip list, or a spec for some platforms."""

    pip: tuple[str, ...] = ()
    linux: str | tuple[str, ...] | None = msgspec.field(default=None, name="sel(linux)")
    osx: str | tuple[str, ...] | None = msgspec.field(default=None, name="sel(osx)")
    win: str | tuple[str, ...] | None = msgspec.field(default=None, name="sel(win)")
    unix: str | tuple[str, ...] | None = msgspec.field(default=None, name="sel(unix)")


PackageList = tuple[str | PipList, ...]


class SystemRequirements(msgspec.Struct, frozen=True):
    cuda: Annotated[Word | None, about("The newest CUDA that the driver supports.")] = None
    libc: Annotated[Word | None, about("The C library's version: '2.28', or 'musl 1.2'.")] = None
    linux: Annotated[Word | None, about("The kernel's version.")] = None
    macos: Annotated[Word | None, about("The system's version.")] = None
    archspec: Annotated[Word | None, about("The microarchitecture, such as x86_64_v3.")] = None


class Test(msgspec.Struct, frozen=True):
    imports: Annotated[Append[tuple[Word, ...]], about("Modules that must import.")] = ()
    commands: Annotated[Append[tuple[Word, ...]], about("Commands that must end with 0.")] = ()
    files: Annotated[Append[tuple[Word, ...]], about("Files that must be there, from the prefix.")] = ()
    companions: Annotated[Append[PackageList], about("Packages that only the tests need.")] = msgspec.field(
        name="with", default=()
    )


class Run(msgspec.Struct, frozen=True):
    command: Annotated[
        Word | tuple[Word, ...] | None, about("What runs where no command is named: words, or a line for /bin/sh.")
    ] = None
    arguments: Annotated[tuple[str, ...], about("What the command gets behind its own words.")] = ()
    env: Annotated[Overlay[dict[str, str | None]], about("Variables for runs alone: they change no environment.")] = (
        msgspec.field(default_factory=dict)
    )
    mounts: Annotated[tuple[Word, ...], about("Files and folders that a container sees: ./data:/data[:ro].")] = ()
    shm_size: Annotated[Word | None, about("How much shared memory a container has: 2g.")] = None


class Check(msgspec.Struct, frozen=True):
    ignore: Annotated[AppendNew[tuple[Code, ...]], about("Codes of what 'envbuild check' leaves out.")] = ()


class Keys(msgspec.Struct, frozen=True):
    """Everything that a manifest may say."""

    # Not for Jinja: what is read before there are values (DECISIONS 1), and what conda alone reads.
    FIXED: ClassVar = frozenset({"name", "prefix", "category", "extends", "abstract", "matrix"})

    name: Annotated[Own[Any], about("conda's name of the environment; the path is its name here.")] = None
    prefix: Annotated[Own[Any], about("Ignored: conda writes it into exports.")] = None
    category: Annotated[Own[Any], about("Ignored: conda-lock reads it.")] = None
    extends: Annotated[Own[Word | tuple[Word, ...]], about("Manifests to inherit from: names or ./paths.")] = ()
    abstract: Annotated[Own[bool], about("true: only to be extended, never built.")] = False
    description: Annotated[Own[str | None], about("For people.")] = None
    tags: Annotated[Overlay[dict[str, Quoted | None]], about("For people, and to select by.")] = msgspec.field(
        default_factory=dict
    )
    channels: Annotated[OwnFirst[tuple[Word, ...]], about("conda channels; the first has priority.")] = ()
    platforms: Annotated[Replace[tuple[Platform, ...]], about("Platforms to lock for.")] = ()
    dependencies: Annotated[Packages[PackageList], about("conda specs, and one 'pip:' list.")] = ()
    without: Annotated[
        Own[tuple[str, ...]], about("What to drop from what is inherited: numpy, pip/torch, apt/nano.")
    ] = ()
    constraints: Annotated[Packages[PackageList], about("Versions that hold if a package comes in.")] = ()
    overrides: Annotated[Packages[PackageList], about("Versions that beat what packages ask for.")] = ()
    system_requirements: Annotated[Overlay[SystemRequirements], about("Virtual packages.")] = SystemRequirements()
    variables: Annotated[
        Variables[dict[str, str | Additions | None]], about("Environment variables; {prepend, append} for paths.")
    ] = msgspec.field(default_factory=dict)
    params: Annotated[Overlay[dict[str, Data]], about("Values for '{{ params.NAME }}'.")] = msgspec.field(
        default_factory=dict
    )
    python: Annotated[Overlay[Python], about("Which Python, and who brings it.")] = Python()
    pip: Annotated[Overlay[Pip], about("Where packages of the pip list come from.")] = Pip()
    setup: Annotated[
        Append[tuple[Word, ...]], about("Commands run in the activated environment after its packages.")
    ] = ()
    test: Annotated[Fields[Test], about("What must pass before anything is recorded.")] = Test()
    image: Annotated[Fields[Image], about("What only container images have.")] = Image()
    builder: Annotated[Replace[Literal["local", "docker", "oci"] | None], about("What builds it.")] = None
    publish: Annotated[Fields[Publish], about("Where images go.")] = Publish()
    matrix: Annotated[Matrix[dict[str, Any]], about("One environment for each combination of values.")] = msgspec.field(
        default_factory=dict
    )
    solve_group: Annotated[Replace[Word | None], about("Environments of one group share versions.")] = None
    run: Annotated[Overlay[Run], about("Defaults of 'envbuild run'.")] = Run()
    serve: Annotated[Overlay[Serve], about("A scoring service.")] = Serve()
    spark: Annotated[Overlay[Spark | None], about("Apache Spark.")] = None
    r: Annotated[Overlay[R | None], about("R and its packages.")] = None
    check: Annotated[Fields[Check], about("What 'envbuild check' leaves out.")] = Check()


RULES: dict[str, KeyRule] = rules_of(Keys)
