"""Environment -> what an image is assembled of beside its packages, where no Dockerfile says it: plain data."""

from collections.abc import Iterator

import msgspec

from envbuild.errors import RenderError, raise_all
from envbuild.lock import SCRATCH, canonical
from envbuild.manifest import User
from envbuild.render import variables
from envbuild.render.additions import assembled_additions
from envbuild.render.conduct import Copied, command, copied, inherited, labels
from envbuild.render.given import Given, placed
from envbuild.render.refusals import assembly_refusals
from envbuild.resolve import Environment, uses_gpu
from envbuild.settings import Settings
from envbuild.typed import from_json

ASSEMBLY = "assembly.json"
_UID = 1000  # the first that systems give to people


class Account(msgspec.Struct, frozen=True):
    """A user as `passwd` has it, or is to have it."""

    name: str
    uid: int
    gid: int
    home: str = "/"
    shell: str = "/bin/sh"


class Assembly(msgspec.Struct, frozen=True, kw_only=True):
    """`stated` are the manifest's variables, `active` those by which the environment comes first. No user: the base's.

    `hides` says that the base has an environment at the same place, of which nothing stays. `links` are what `spark`
    needs: by where each lies, where it leads.
    """

    base: str
    prefix: str
    hides: bool = False
    stated: tuple[variables.Line, ...] = ()
    active: tuple[variables.Line, ...] = ()
    copies: tuple[Copied, ...] = ()
    links: dict[str, str] = {}
    user: str = ""
    account: Account | None = None
    workdir: str = ""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    shell: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    expose: tuple[str, ...] = ()
    stop_signal: str = ""

    @property
    def text(self) -> str:
        """As it is written beside what is copied, and shown: in the order of its names."""
        return f"{msgspec.json.format(canonical(self), indent=2).decode()}\n"


def assembly(environment: Environment, given: Given) -> Assembly:
    """All that no image can have is told together."""
    raise_all(assembly_refusals(environment, given))
    image = environment.keys.image
    installs = environment.installs
    files, links = assembled_additions(environment, given)
    brought = (Copied((source,), place) for place, source in files.items())
    return Assembly(
        base=_base(environment, given),
        prefix=environment.prefix,
        hides=_hides(environment, given),
        stated=(*variables.of_gpu(environment), *variables.stated(environment, given)),
        active=tuple(variables.active(environment, given)) if installs else (),
        copies=(*brought, *_copies(environment, given)),
        links=links,
        user=image.user.name if isinstance(image.user, User) else image.user or "",
        account=_account(image.user) if isinstance(image.user, User) else None,
        workdir=placed(image.workdir, environment) if image.workdir else "",
        entrypoint=tuple(command(image.entrypoint, environment)),
        command=tuple(command(image.command, environment)),
        shell=tuple(image.shell or ()),
        labels=labels(environment),
        expose=tuple(map(str, image.expose)),
        stop_signal=image.stop_signal or "",
    )


def _copies(environment: Environment, given: Given) -> Iterator[Copied]:
    """What the base has copied is there, but for what lies where its environment is hidden."""
    done = frozenset(copied(environment)) - frozenset(
        copied(environment, inherited(environment, given, "image", "copy"))
    )
    for one in copied(environment):
        if one not in done or f"{one.to}/".startswith(f"{environment.prefix}/"):
            yield one


def _account(user: User) -> Account:
    uid = int(user.uid or _UID)
    home = user.home or f"/home/{user.name}"
    return Account(user.name, uid, int(user.gid or uid), home, user.shell or "/bin/sh")


def unwritten(environment: Environment, settings: Settings) -> dict[str, object]:
    """What else such an image is made of, by key of `image`, and no part of its fingerprint would say."""
    gpu: dict[str, object] = {"gpu": True} if uses_gpu(environment.keys, environment.system.values()) else {}
    return gpu | ({"bytecode": True} if settings.layers.bytecode else {})


def read_assembly(text: bytes) -> Assembly:
    return from_json(text, Assembly)


def _base(environment: Environment, given: Given) -> str:
    if given.parent:
        return ""
    base = given.base
    if base:
        return f"{base.name}:{base.tag}@{base.digest}"
    if environment.keys.image.base == SCRATCH:
        return SCRATCH
    where = environment.where("image", "base")
    raise RenderError("the lock has no base image", where, f"run 'envbuild lock {environment.name}'")


def _hides(environment: Environment, given: Given) -> bool:
    below = given.parent.environment if given.parent else None
    return below is not None and below.installs and below.prefix == environment.prefix
