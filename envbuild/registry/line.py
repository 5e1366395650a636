"""How registries are spoken to: by which scheme, proxies and certificates; and whether one answers at all."""

import urllib.error
from collections.abc import Callable, Collection, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult

import msgspec

from envbuild.manifest import is_loopback
from envbuild.process import Programs
from envbuild.registry.login import Login

if TYPE_CHECKING:
    import ssl
    from urllib.request import OpenerDirector

_ANSWERS = {HTTPStatus.OK, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
_PROXIES = ("http", "https")
HUB = "docker.io"
_HUB_SERVER = "registry-1.docker.io"


def _nobody(_url: str) -> Login | None:
    return None


class Line(msgspec.Struct, frozen=True):
    """The host's variables and certificates, which registries are spoken to without TLS, and how patiently.

    `pauses` are the seconds before each further try. `programs` run credential helpers; without them none is run.
    `opens` is the login that the project itself has for a place, by its URL.
    """

    host: Mapping[str, str]
    plain: Collection[str] = ()
    ca_bundle: str = ""
    seconds: float = 30
    pauses: tuple[float, ...] = (0.5, 2, 5)
    programs: Programs | None = None
    opens: Callable[[str], Login | None] = _nobody

    def url(self, server: str) -> str:
        """Where a registry is that images are named by."""
        return f"{self._scheme(server)}://{_HUB_SERVER if server == HUB else server}"

    def place(self, server: str) -> str:
        """The same as people name it."""
        return f"{self._scheme(server)}://{server}"

    def _scheme(self, server: str) -> str:
        return "http" if is_loopback(f"//{server}") or server in self.plain else "https"

    def proxy(self, url: SplitResult) -> str:
        """The proxy on the way to a URL, if any."""
        from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # Python's, and not in its stubs

        stated = _stated(self.host, url.scheme)
        if not stated or is_loopback(url.geturl()):
            return ""
        exempt = {"no": _stated(self.host, "no")}
        return "" if exempt["no"] and proxy_bypass_environment(url.netloc, exempt) else stated

    def context(self) -> "ssl.SSLContext":
        return _context(self.host, self.ca_bundle)


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
    import urllib.request

    class Stay(urllib.request.HTTPRedirectHandler):
        """Another host's answer is not this one's."""

        def _stay(self, *_: Any) -> None:
            return None

        http_error_301 = http_error_302 = http_error_303 = http_error_307 = http_error_308 = _stay  # type: ignore[assignment]  # their names for arguments are of no use

    context = _context(host, ca_bundle)
    stated = {kind: _stated(host, kind) for kind in _PROXIES}
    proxies = {kind: url for kind, url in stated.items() if url}
    return urllib.request.build_opener(
        urllib.request.ProxyHandler(proxies), urllib.request.HTTPSHandler(context=context), Stay()
    )


def _context(host: Mapping[str, str], ca_bundle: str) -> "ssl.SSLContext":
    import ssl

    return ssl.create_default_context(cafile=ca_bundle or host.get("SSL_CERT_FILE") or None)


def _stated(host: Mapping[str, str], kind: str) -> str:
    return host.get(f"{kind}_proxy") or host.get(f"{kind.upper()}_PROXY") or ""
