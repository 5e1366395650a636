"""The one door to image registries: what they have, what is put there, and who is shown which login.

`client.Registry` is one registry; `copying` and `parts` build on it. Only what many commands need is loaded from here.
"""

from envbuild.registry.line import Line, complaint, opener
from envbuild.registry.login import Login

__all__ = ["Line", "Login", "complaint", "opener"]
