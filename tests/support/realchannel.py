"""Channels in folders for one environment file, made of its own specs, and the file with these folders for channels."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from .condachannel import write_repodata
from .realasks import read
from .realrecords import Maker, Record

_DEFAULTS = ("pkgs/main", "pkgs/r")


class RealChannels:
    """One folder for each channel that a file names; a file that names none gets what DEFAULT says.

    A channel that two spellings mean is one folder. `defaults` is two channels. One that only stands before a spec is
    the last.
    """

    def __init__(self, folder: Path, text: str, platform: str, default: Sequence[str] = ("conda-forge",)) -> None:
        self._folder = folder
        file = read(text)
        maker = Maker(file, platform, default)
        records = list(maker.records())
        named = [one.channel for one in file.asked if one.channel]
        self.names = tuple(dict.fromkeys([*maker.channels, *named]))
        for name in self.names:
            for place in _places(name):
                held = [one for one in records if _places(one.channel)[0] == place]
                _write(folder / place, held, platform)
        self.in_order = tuple(dict.fromkeys(url for name in self.names for url in self.urls[name]))

    @property
    def urls(self) -> Mapping[str, Sequence[str]]:
        """What stands for each channel's name."""
        return {name: tuple((self._folder / place).as_uri() for place in _places(name)) for name in self.names}

    def put_into(self, text: str) -> str:
        """Give the file these folders: in its list of channels and before its specs; all else stays as it is."""
        return "".join(self._lines(text))

    def _lines(self, text: str) -> Iterator[str]:
        within = False
        for line in text.splitlines(keepends=True):
            if re.match(r"[^\s#-]", line):
                within = line.startswith("channels:")
            named = re.match(r"(?P<before>\s*-\s*)(?P<name>[^\s#'\"]+)(?P<behind>.*)", line, re.DOTALL)
            prefix = re.match(r"(?P<before>\s*-\s*['\"]?)(?P<name>[\w.-]+)(?=::)", line)
            if within and named and named["name"] in self.urls:
                for url in self.urls[named["name"]]:
                    yield f"{named['before']}{url}{named['behind']}"
            elif not within and prefix:
                yield f"{prefix['before']}{self.urls[prefix['name']][0]}{line[prefix.end() :]}"
            else:
                yield line


def _places(name: str) -> Sequence[str]:
    """The folders of a channel, as in "conda-forge" and "of.example/its/path"."""
    return _DEFAULTS if name == "defaults" else (re.sub(r"^\w+://", "", name).strip("/"),)


def _write(folder: Path, records: Sequence[Record], platform: str) -> None:
    for subdir in (platform, "noarch"):
        told = {one.filename: one.told(platform) for one in records if one.noarch is (subdir == "noarch")}
        write_repodata(folder / subdir, told, with_zst=False)
