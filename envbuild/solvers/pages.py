"""Who answers for a bound name: an index may send it on to another server, as some do for what they have not.

uv follows such a redirect, and says that its answer came from the index that was asked. So the page is asked for first.
"""

import re
import threading
from collections.abc import Mapping

from envbuild.solvers.hops import Hops
from envbuild.solvers.logins import Login
from envbuild.solvers.origins import Origins, public_url

_TAKES = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"


class Pages:
    """Each page is asked for once in a run."""

    def __init__(self, host: Mapping[str, str], hops: Hops, origins: Origins) -> None:
        self._host = host
        self._hops = hops
        self._origins = origins
        self._guard = threading.Lock()
        self._known: dict[str, str] = {}

    def sent_on(self, index: str, url: str, name: str) -> str:
        """Where an index sends a name on to, if to another server; what else may be wrong with it, uv tells."""
        page = f"{url.rstrip('/')}/{name}/"
        with self._guard:
            if page not in self._known:
                login = self._login(index, page)
                headers = {"Accept": _TAKES, **({"Authorization": login.header} if login else {})}
                asked = self._origins.asked(page)
                self._known[page] = public_url(self._hops.away(asked, headers)) if asked.startswith("http") else ""
            return self._known[page]

    def _login(self, index: str, page: str) -> Login | None:
        """As uv has it: of a secret, by the name of the index, else of its host."""
        own = self._origins.login(page)
        variable = f"UV_INDEX_{re.sub('[^A-Za-z0-9]', '_', index).upper()}"
        user, password = (self._host.get(f"{variable}_{part}", "") for part in ("USERNAME", "PASSWORD"))
        is_here = self._origins.asked(page) == page
        if is_here and (user or password) and not (own and own.secret):
            return Login(password, f"the variables {variable}_...", user)
        return own if own and own.way != "path" else None
