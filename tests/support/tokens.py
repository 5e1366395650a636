"""Who gives tokens for a real registry: to whom it knows, for what is asked, signed so that they are believed."""

import base64
import datetime as dt
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from .loopback import Loopback, Reply, Request, basic

_SERVICE = "the registry of the tests"
_SECONDS = 300


class Tokens(Loopback):
    """Knows LOGIN, and the identity token REFRESH.

    The next `stale` tokens are of yesterday; `given` are all of them.
    """

    def __init__(self, folder: Path, login: tuple[str, str], refresh: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = _certificate(self._key)
        self._bundle = folder / "tokens.pem"
        self._bundle.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))
        self._known, self._refresh = login, refresh
        self.stale = 0
        self.given: list[str] = []
        self.forms: list[dict[str, str]] = []
        super().__init__()

    def auth(self, host: str = "127.0.0.1") -> dict[str, Any]:
        """What a registry is told of it, by which of its names it sends people here."""
        realm = f"http://{host}:{self.address.rpartition(':')[2]}/token"
        return {"token": {"realm": realm, "service": _SERVICE, "issuer": "tests", "rootcertbundle": str(self._bundle)}}

    def reply(self, request: Request) -> Reply:
        body = b"".join(request.body).decode()
        asked = parse_qsl(body if request.method == "POST" else urlsplit(request.path).query)
        self.log.append(replace(request, body=iter(())))
        self.forms.append(dict(asked))
        if not self._lets_in(request, dict(asked)):
            error = {"code": "DENIED", "message": f"no {request.headers.get('authorization', body)}"}
            return Reply(HTTPStatus.UNAUTHORIZED, json.dumps({"errors": [error]}).encode())
        token = self._token([text for key, texts in asked if key == "scope" for text in texts.split()])
        self.given.append(token)
        return Reply(body=json.dumps({"access_token" if request.method == "POST" else "token": token}).encode())

    def _lets_in(self, request: Request, form: Mapping[str, str]) -> bool:
        if request.method == "POST":
            return bool(self._refresh) and form.get("refresh_token") == self._refresh
        return request.headers.get("authorization") == basic(*self._known)

    def _token(self, scopes: list[str]) -> str:
        start = int(time.time()) - (86400 if self.stale else 10)
        self.stale = max(0, self.stale - 1)
        access = [dict(zip(("type", "name", "actions"), scope.rsplit(":", 2), strict=True)) for scope in scopes]
        claims = {
            "iss": "tests",
            "sub": "robot",
            "aud": _SERVICE,
            "nbf": start,
            "iat": start,
            "exp": start + _SECONDS,
            "jti": str(len(self.given)),
            "access": [{**one, "actions": str(one["actions"]).split(",")} for one in access],
        }
        der = base64.b64encode(self._certificate.public_bytes(serialization.Encoding.DER)).decode()
        text = f"{_part({'typ': 'JWT', 'alg': 'ES256', 'x5c': [der]})}.{_part(claims)}"
        first, second = decode_dss_signature(self._key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{text}.{_base64(first.to_bytes(32) + second.to_bytes(32))}"


def _part(content: dict[str, Any]) -> str:
    return _base64(json.dumps(content).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _certificate(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tokens of a test")])
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=2))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
