"""The one door to image registries. So far it can be asked one thing: whether a registry answers."""

import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from envbuild.manifest import is_loopback

_ANSWERS = {HTTPStatus.OK, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
_PROXIES = ("http", "https")


class _Stay(urllib.request.HTTPRedirectHandler):
    """Another host's answer is not this one's."""

    def redirect_request(self, *_: Any) -> None:
        return None


def complaint(name: str, host: Mapping[str, str], *, plain: bool, ca_bundle: str = "", seconds: float = 5) -> str:
    """Why the registry of `ghcr.io/acme/envs` cannot be spoken to, without logging in; nothing when it answers."""
    server = name.partition("/")[0]
    own = is_loopback(f"//{server}")
    scheme = "http" if plain or own else "https"
    try:
        with _opener({} if own else host, ca_bundle).open(f"{scheme}://{server}/v2/", timeout=seconds) as reply:
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


def _opener(host: Mapping[str, str], ca_bundle: str) -> urllib.request.OpenerDirector:
    bundle = ca_bundle or host.get("SSL_CERT_FILE") or None
    context = ssl.create_default_context(cafile=bundle)
    stated = {kind: host.get(f"{kind}_proxy") or host.get(f"{kind.upper()}_PROXY") for kind in _PROXIES}
    proxies = {kind: url for kind, url in stated.items() if url}
    return urllib.request.build_opener(
        urllib.request.ProxyHandler(proxies), urllib.request.HTTPSHandler(context=context), _Stay()
    )
