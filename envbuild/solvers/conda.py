"""Conda packages: rattler answers a request, and its answer becomes pins."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from envbuild.errors import SolveError
from envbuild.lock import CondaRequest, Pin, Pins, Request, joined_specs, root_keys, spec_fields, spec_name, split_spec
from envbuild.manifest import normalise
from envbuild.resolve import Environment, distribution
from envbuild.solvers.channel_failures import channel_line
from envbuild.solvers.channels import NOARCH, Asked, View
from envbuild.solvers.conda_failures import CondaFailure
from envbuild.solvers.newest import Newest
from envbuild.typed import from_json

if TYPE_CHECKING:
    from rattler import RepoDataRecord

_DISTRIBUTION = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")  # conda has names that PyPI cannot have
_PYPI = "pkg:pypi/"


class _Told(msgspec.Struct, frozen=True):
    """A record as rattler writes it: all at once, where each of its attributes is a question of its own.

    `purls` that are not there are not known; that there are none of them is known.
    """

    url: str
    version: str
    build: str
    build_number: int = 0
    depends: tuple[str, ...] = ()
    constrains: tuple[str, ...] = ()
    sha256: str | None = None
    md5: str | None = None
    purls: tuple[str, ...] | None = None
    python_site_packages_path: str | None = None


def _url_of(root: str) -> str:
    return spec_fields(root).get("url", "")


class CondaQuestion:
    """One request's conda part, for one platform."""

    def __init__(self, view: View, request: Request, environment: Environment) -> None:
        self._view = view
        self._request = request
        self._environment = environment
        self._named = request.conda.urls if request.conda else ()

    def _public(self, url: str) -> str:
        return self._view.origins.public(url, self._named)

    def answer(self, preferred: Pins | None) -> tuple[Pin, ...]:
        """Solve; `preferred` pins stay where they still fit.

        A package that PyPI is asked for as well is PyPI's: it is left out, unless another one needs it.
        """
        conda = self._request.conda
        if conda is None:
            return ()
        kept = self._offered(conda, preferred.conda) if preferred else ()
        found = self._solved(Asked(self._request, conda, conda.roots, kept))
        if twice := self._asked_twice(found):
            own = tuple(root for root in conda.roots if spec_name(root) not in twice)
            found = self._solved(Asked(self._request, conda, own, kept))
        return found

    def newest(self) -> dict[str, Newest]:
        """The newest of each package that is asked for by name, in the first channel that has it."""
        conda = self._request.conda
        if conda is None:
            return {}
        names = {spec_name(root): split_spec(root)[0] for root in conda.roots if not _url_of(root)}
        with self._telling(Asked(self._request, conda, conda.roots)):
            found = {name: self._newest_of(name, [own] if own else conda.channels) for name, own in names.items()}
        return {name: newest for name, newest in found.items() if newest}

    def _newest_of(self, name: str, channels: Iterable[str]) -> Newest | None:
        for channel in channels:
            if records := self._view.records([channel], name, self._request.platform, NOARCH):
                return Newest(str(records[-1].version), str(records[-1].build), tuple(records[-1].depends))
        return None

    def _offered(self, conda: CondaRequest, pins: tuple[Pin, ...]) -> tuple[Pin, ...]:
        """Those that a channel has, or whose URL is asked for: what another channel brought does not stay."""
        named = {_url_of(root) for root in conda.roots}
        with self._telling(Asked(self._request, conda, conda.roots)):
            return tuple(
                pin
                for pin in pins
                if pin.channel in conda.channels or pin.url in named or self._is_kept_elsewhere(conda, pin)
            )

    def _is_kept_elsewhere(self, conda: CondaRequest, pin: Pin) -> bool:
        """A channel may keep its packages at another place than its own."""
        records = self._view.records(conda.channels, pin.name, self._request.platform, NOARCH)
        return any(self._public(record.url) == pin.url for record in records)

    @contextmanager
    def _telling(self, asked: Asked) -> Iterator[None]:
        from rattler.exceptions import GatewayError, SolverError

        try:
            yield
        except (SolverError, GatewayError) as error:
            raise CondaFailure(error, asked, self._environment, self._view).told() from None

    def _solved(self, asked: Asked) -> tuple[Pin, ...]:
        with self._telling(asked):
            records = self._view.solve(asked)
        known = {pin.url: pin for pin in asked.kept}
        stay = (known.get(self._public(one.url)) for one in records) if known else (None for _ in records)
        return tuple(sorted(pin or self._known(one) for pin, one in zip(stay, records, strict=True)))

    def _asked_twice(self, pins: tuple[Pin, ...]) -> set[str]:
        """Conda's roots that bring nothing but what PyPI is asked for by name."""
        pip = {key.removeprefix("pip/") for key in root_keys(self._request) if key.startswith("pip/")}
        roots = {spec_name(root) for root in self._request.conda_roots}
        return {
            pin.name for pin in pins if pin.name in roots and pin.distributions and pip.issuperset(pin.distributions)
        }

    def _known(self, record: "RepoDataRecord") -> Pin:
        """Environments that share channels share most of their packages, and a record of a channel is read once.

        What is asked for by its URL tells of itself, which a channel may put otherwise.
        """
        pins, url = self._view.pins, record.url
        public = self._public(url)
        if public in map(_url_of, self._request.conda_roots):
            return self._completed(self._pin(record))
        if (url, public) not in pins:
            self._refuse_elsewhere(url, str(record.channel).rstrip("/"))
            pins[url, public] = self._completed(self._pin(record))
        return pins[url, public]

    def _refuse_elsewhere(self, url: str, channel: str) -> None:
        """A channel may keep its packages elsewhere, but not in files of this machine, nor where nobody is known."""
        if url.partition(":")[0] not in {"https", channel.partition(":")[0]}:
            where = channel_line(self._public(channel), self._request.platform, self._environment)
            shown, kept = map(self._public, (channel, url))
            what = f"the channel {shown} keeps packages at {kept}, which is not https"
            raise SolveError(what, where, "use another channel")

    def _pin(self, record: "RepoDataRecord") -> Pin:
        name, told = record.name.normalized, from_json(record.to_json(), _Told)
        depends = joined_specs(told.depends)
        return Pin(
            "conda",
            name,
            told.version,
            self._public(told.url),
            told.sha256 or "",
            told.build,
            depends,
            told.md5 or "",
            told.build_number,
            tuple(sorted(told.constrains)),
            tuple(sorted(self._distributions(name, told.purls, depends))),
            told.python_site_packages_path or "",
        )

    def _completed(self, pin: Pin) -> Pin:
        """With both hashes, which a lock needs: where the channel has but one of them, of what it serves by that one.

        A file that a manifest names by its URL has none before it is fetched: what is served now is what is locked.
        """
        if pin.sha256 and pin.md5:
            return pin
        items = self._environment.package(pin.name, self._request.platform)
        where = items[0].where if items else self._environment.where_said("channels")
        if not (pin.sha256 or pin.md5 or any(item.url for item in items)):
            what = f"the channel gives no hash for {pin.name}: {pin.url}"
            raise SolveError(what, where, "use a channel that lists hashes")
        try:
            sha256, md5 = self._view.hashes(pin)
        except SolveError as error:
            raise SolveError(error.message, where, error.hint) from None
        return msgspec.structs.replace(pin, sha256=sha256, md5=md5)

    def _distributions(self, name: str, purls: tuple[str, ...] | None, depends: tuple[str, ...]) -> Iterator[str]:
        """What it brings to Python: as its channel says, else what is called so, if it needs Python at all."""
        names = self._environment.pypi_names
        if purls is not None and name not in names:
            found = [purl.removeprefix(_PYPI).partition("@")[0] for purl in purls if purl.startswith(_PYPI)]
        else:
            is_python = name in names or "python" in map(spec_name, depends)
            found = [distribution(name, names)] if is_python else []
        yield from filter(_DISTRIBUTION.fullmatch, map(normalise, found))
