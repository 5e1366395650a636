"""What a registry is shown so that it lets us in."""

import base64
from collections.abc import Iterator
from urllib.parse import quote

import msgspec

_SHORT = 4  # a text that is shorter stands anywhere


class Login(msgspec.Struct, frozen=True):
    """User and password; or an identity token, which others are had for; or a registry's own token."""

    source: str
    user: str = ""
    password: str = ""
    identity: str = ""
    token: str = ""

    def __repr__(self) -> str:
        return f"Login(of {self.source})"

    def __rich_repr__(self) -> Iterator[tuple[str, str]]:  # type: ignore[override]  # msgspec's own shows all
        yield "source", self.source

    @property
    def basic(self) -> str:
        """What stands in `Authorization`."""
        return f"Basic {base64.b64encode(f'{self.user}:{self.password}'.encode()).decode()}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """All that no message may repeat."""
        known = (self.basic.partition(" ")[2], self.password, self.identity, self.token)
        return tuple(form for one in known if len(one) >= _SHORT for form in (one, quote(one, safe="")))
