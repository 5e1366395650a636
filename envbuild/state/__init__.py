"""The one door to the records."""

from envbuild.state.file import network_kind
from envbuild.state.records import State

__all__ = ["State", "network_kind"]
