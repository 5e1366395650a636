"""The one door to image registries: whether one answers, which tags an image has, and what a tag is now."""

import hashlib
import json
import re
import urllib.error
from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urljoin, urlsplit

import msgspec

from envbuild.errors import SolveError
from envbuild.lock import ImageName
from envbuild.manifest import is_loopback

if TYPE_CHECKING:
    from urllib.request import OpenerDirector

_ANSWERS = {HTTPStatus.OK, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
_PROXIES = ("http", "https")
_HUB = {"docker.io": "registry-1.docker.io"}
_MANIFESTS = ", ".join(
    f"application/vnd.{one}+json"
    for one in (
        "oci.image.index.v1",
        "docker.distribution.manifest.list.v2",
        "oci.image.manifest.v1",
        "docker.distribution.manifest.v2",
    )
)
_CHALLENGE = re.compile(r"(\w+)=\"([^\"]*)\"")
_NEXT = re.compile(r"<(?P<url>[^>]+)>;\s*rel=\"?next\"?")
_LIMIT = 4 * 1024 * 1024
_PAGES = 100
_NO_LOGIN = "name it by its digest: IMAGE@sha256:..., which asks no registry"


def complaint(name: str, host: Mapping[str, str], *, plain: bool, ca_bundle: str = "", seconds: float = 5) -> str:
    """Why the registry of `ghcr.io/acme/envs` cannot be spoken to, without logging in; nothing when it answers."""
    server = name.partition("/")[0]
    own = is_loopback(f"//{server}")
    scheme = "http" if plain or own else "https"
    try:
        with opener({} if own else host, ca_bundle).open(f"{scheme}://{server}/v2/", timeout=seconds) as reply:
            code = int(reply.status)
    except urllib.error.HTTPError as error:
        code = error.code
        error.close()
    except urllib.error.URLError as error:
        reason = error.reason
        return str(getattr(reason, "strerror", None) or reason)
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error) or type(error).__name__
    return "" if code in _ANSWERS else f"it answers {code} to /v2/, which no registry does"


def opener(host: Mapping[str, str], ca_bundle: str) -> "OpenerDirector":
    """Of the host's proxies and certificates; a redirect is an answer like any other."""
    import ssl
    import urllib.request

    class Stay(urllib.request.HTTPRedirectHandler):
        """Another host's answer is not this one's."""

        def _stay(self, *_: Any) -> None:
            return None

        http_error_301 = http_error_302 = http_error_303 = http_error_307 = http_error_308 = _stay  # type: ignore[assignment]  # their names for arguments are of no use

    bundle = ca_bundle or host.get("SSL_CERT_FILE") or None
    context = ssl.create_default_context(cafile=bundle)
    stated = {kind: host.get(f"{kind}_proxy") or host.get(f"{kind.upper()}_PROXY") for kind in _PROXIES}
    proxies = {kind: url for kind, url in stated.items() if url}
    return urllib.request.build_opener(
        urllib.request.ProxyHandler(proxies), urllib.request.HTTPSHandler(context=context), Stay()
    )


class Line(msgspec.Struct, frozen=True):
    """How registries are spoken to: the host's proxies and certificates, and which of them without TLS."""

    host: Mapping[str, str]
    plain: Collection[str] = ()
    ca_bundle: str = ""
    seconds: float = 30


class Registry:
    """One registry, asked for what anybody may read."""

    def __init__(self, server: str, line: Line) -> None:
        own = is_loopback(f"//{server}")
        scheme = "http" if own or server in line.plain else "https"
        self._url = f"{scheme}://{_HUB.get(server, server)}"
        self._shown = server
        self._seconds = line.seconds
        self._opener = opener({} if own else line.host, line.ca_bundle)
        self._token = ""

    def digest(self, image: ImageName) -> str:
        """What a tag is now: the hash of the very bytes that describe it."""
        url = f"{self._url}/v2/{image.repository}/manifests/{image.tag}"
        body, headers = self._read(url, f"{image.name}:{image.tag}")
        found = f"sha256:{hashlib.sha256(body).hexdigest()}"
        said = headers.get("Docker-Content-Digest", found)
        if said != found:
            what = f"{self._shown} says that {image.name}:{image.tag} is {said}, and sends {found}"
            raise SolveError(what, hint="try again; if it stays so, tell who keeps the registry")
        return found

    def tags(self, image: ImageName) -> list[str]:
        url: str | None = f"{self._url}/v2/{image.repository}/tags/list"
        found: list[str] = []
        for _ in range(_PAGES):
            if url is None:
                break
            body, headers = self._read(url, image.name)
            found += json.loads(body).get("tags") or []
            further = _NEXT.search(headers.get("Link", ""))
            url = self._same_origin(urljoin(url, further["url"])) if further else None
        return found

    def _same_origin(self, url: str) -> str | None:
        return url if url.startswith(f"{self._url}/") else None

    def _read(self, url: str, what: str) -> tuple[bytes, Mapping[str, str]]:
        try:
            return self._once(url)
        except urllib.error.HTTPError as error:
            challenge = error.headers.get("WWW-Authenticate", "")
            error.close()
            if error.code != HTTPStatus.UNAUTHORIZED or self._token or not challenge.startswith("Bearer "):
                raise self._answered(error.code, what) from None
        except OSError as error:
            raise self._silent(error) from None
        try:
            self._token = self._anonymous(dict(_CHALLENGE.findall(challenge)))
            return self._once(url)
        except urllib.error.HTTPError as error:
            error.close()
            raise self._answered(error.code, what) from None
        except OSError as error:
            raise self._silent(error) from None

    def _once(self, url: str) -> tuple[bytes, Mapping[str, str]]:
        from urllib.request import Request

        request = Request(url, headers={"Accept": _MANIFESTS})  # noqa: S310 - its scheme is ours
        if self._token:
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        with self._opener.open(request, timeout=self._seconds) as reply:
            return reply.read(_LIMIT), dict(reply.headers)

    def _anonymous(self, challenge: dict[str, str]) -> str:
        """A token such as everybody gets."""
        realm = challenge.pop("realm", "")
        if urlsplit(realm).scheme != urlsplit(self._url).scheme:
            return ""
        with self._opener.open(f"{realm}?{urlencode(challenge)}", timeout=self._seconds) as reply:
            told = json.loads(reply.read(_LIMIT))
        return str(told.get("token") or told.get("access_token") or "")

    def _answered(self, code: int, what: str) -> SolveError:
        if code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            return SolveError(f"{self._shown} lets nobody read {what} without credentials ({code})", hint=_NO_LOGIN)
        if code == HTTPStatus.NOT_FOUND:
            return SolveError(f"there is no image {what}", hint="check its name and its tag")
        return SolveError(f"{self._shown} answers {code} for {what}", hint="wait a while, and try again")

    def _silent(self, error: OSError) -> SolveError:
        reason = getattr(error, "reason", error)
        words = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
        hint = "check the image's name, the network, and 'insecure_registries'"
        return SolveError(f"the registry {self._shown} does not answer: {words}", hint=hint)
