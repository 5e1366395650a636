"""Users and groups of an image, by the files that name them: whose something is to be, and one more of them."""

import re
from collections.abc import Iterator

import msgspec

from envbuild.errors import BuildError, Place
from envbuild.render.assembly import Account

_NUMBER = re.compile(r"[0-9]{1,10}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")
_MOST = 2**32 - 2
_FIELDS = {"passwd": 7, "group": 4}


class Accounts(msgspec.Struct, frozen=True):
    """The texts of `etc/passwd` and `etc/group`; empty where there are none."""

    passwd: str = ""
    group: str = ""

    def owner(self, text: str, where: Place) -> tuple[int, int]:
        """Numbers for 'app', 'app:staff', '1000' or '1000:1000'; a number alone is the group's too, as in Docker."""
        user, _, group = text.partition(":")
        if _NUMBER.fullmatch(user):
            uid = gid = _number(user, where)
        elif account := self.account(user):
            uid, gid = account.uid, account.gid
        else:
            raise _unknown("user", user, where)
        return uid, self._gid(group, where) if group else gid

    def account(self, name: str) -> Account | None:
        """Root is known everywhere."""
        for one in _lines(self.passwd, "passwd"):
            if one[0] == name and _NUMBER.fullmatch(one[2]) and _NUMBER.fullmatch(one[3]):
                return Account(name, int(one[2]), int(one[3]), one[5], one[6])
        return Account("root", 0, 0, "/root") if name == "root" else None

    def with_user(self, new: Account, where: Place) -> "Accounts":
        """One more, with a group of its name unless there is one of its number; who is there stays as it is."""
        if not _NAME.fullmatch(new.name) or set(":\n\r\0") & set(new.home + new.shell):
            raise BuildError(f"'{new.name}' cannot be a user", where, "write letters, digits and '_.-'")
        if (stands := self.account(new.name)) is not None:
            if stands == new:
                return self
            what = f"the base has a user '{new.name}' already: {stands.uid}:{stands.gid}, at {stands.home}"
            raise BuildError(what, where, "give it another name, or write the name alone")
        if others := [one[0] for one in _lines(self.passwd, "passwd") if one[2] == str(new.uid)]:
            raise BuildError(f"the base has the user {new.uid} already: '{others[0]}'", where, "give it another number")
        passwd = f"{new.name}:x:{new.uid}:{new.gid}::{new.home}:{new.shell}"
        return Accounts(_with(self.passwd, passwd), self._with_group(new, where))

    def _with_group(self, new: Account, where: Place) -> str:
        groups = [*_lines(self.group, "group")]
        if any(one[2] == str(new.gid) for one in groups):
            return self.group
        if stands := [one[2] for one in groups if one[0] == new.name]:
            what = f"the base has a group '{new.name}' already: {stands[0]}"
            raise BuildError(what, where, f"write 'gid: {stands[0]}', or give the user another name")
        return _with(self.group, f"{new.name}:x:{new.gid}:")

    def _gid(self, text: str, where: Place) -> int:
        if _NUMBER.fullmatch(text):
            return _number(text, where)
        for one in _lines(self.group, "group"):
            if one[0] == text and _NUMBER.fullmatch(one[2]):
                return int(one[2])
        if text == "root":
            return 0
        raise _unknown("group", text, where)


def is_named(text: str) -> bool:
    """Whether a user, or a user and a group, is said by a name and not by numbers alone."""
    return not all(map(_NUMBER.fullmatch, text.split(":")))


def _lines(text: str, kind: str) -> Iterator[list[str]]:
    """Those that are whole, as programs read them."""
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) == _FIELDS[kind] and not line.startswith("#"):
            yield fields


def _with(text: str, line: str) -> str:
    joint = "" if not text or text.endswith("\n") else "\n"
    return f"{text}{joint}{line}\n"


def _number(text: str, where: Place) -> int:
    if int(text) > _MOST:
        raise BuildError(f"{text} is no number of a user or a group", where, f"write one up to {_MOST}")
    return int(text)


def _unknown(what: str, name: str, where: Place) -> BuildError:
    hint = "write numbers: '1000:1000', or have the user made: 'user: {name: app, uid: 1000}' under 'image'"
    return BuildError(f"the base has no {what} '{name}'", where, hint)
