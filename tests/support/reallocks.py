"""Real environment files locked by the real command, against channels and an index made of their own names."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .project import Project, clean_environment
from .realasks import read
from .realchannel import RealChannels
from .realfiles import Sample
from .realindex import RealIndex, make_beside

_AT_ONCE = 10  # a busy machine has its time for so many, and a crash is no other's


class RealLocks:
    """One project for all files that share their settings; each file has channels of its own, and all one index."""

    def __init__(self, folder: Path, uv_cache: Path, samples: Iterable[Sample]) -> None:
        self._folder = folder
        self._environ = clean_environment(folder, uv_cache)
        self._groups: dict[str, list[Sample]] = {}
        for sample in samples:
            self._groups.setdefault(self._settings(sample), []).append(sample)
        self.projects: dict[str, Project] = {}

    def outcomes(self) -> Mapping[str, str]:
        """What came of each: nothing if it is locked, else why it is not."""
        with RealIndex(self._folder / "repositories") as index:
            environ = {**self._environ, "UV_DEFAULT_INDEX": index.url}
            return dict(self._outcomes(index, environ))

    def _outcomes(self, index: RealIndex, environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        for number, (settings, several) in enumerate(self._groups.items()):
            project = Project(self._folder / f"project-{number}", environ)
            project.write("envbuild.yaml", settings)
            for one in several:
                text = index.offer(one.text, one.files).put_into(self._channels(one).put_into(one.text))
                one.lay(project.path, text)
                make_beside(project.path / "manifests" / one.slug, one.text)
                self.projects[one.slug] = project
            slugs = [one.slug for one in several]
            for start in range(0, len(slugs), _AT_ONCE):
                yield from _locked(project, slugs[start : start + _AT_ONCE])

    def _settings(self, sample: Sample) -> str:
        """What the file does not say: for which platform, on what machine, and from where if it names no channel."""
        channels = self._channels(sample).in_order if not read(sample.text).channels else []
        cuda = f"system_requirements: {{{sample.platform}: {{cuda: '{sample.cuda}'}}}}\n" if sample.cuda else ""
        named = f"channels: {json.dumps(list(channels))}\n" if channels else ""
        return f"platforms: [{sample.platform}]\n{cuda}{named}"

    def _channels(self, sample: Sample) -> RealChannels:
        return RealChannels(self._folder / "channels" / sample.slug, sample.text, sample.platform)


def _locked(project: Project, slugs: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What stops all is told of the files it is about; the rest is locked without them, if need be one by one."""
    told = project.json("lock", *slugs, check=None)
    found = dict(_told(told))
    if not found and len(slugs) == 1:
        found = {slugs[0]: _text(told["errors"][0])}
    yield from found.items()
    left = [slug for slug in slugs if slug not in found]
    for several in [left] if found and left else [[slug] for slug in left]:
        yield from _locked(project, several)


def _told(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """One outcome for each; where there are none, the first error of each file."""
    for one in told.get("environments", ()):
        yield one["name"], one["error"] or ""
    for error in () if told.get("environments") else reversed(told["errors"]):
        if about := re.match(r"manifests/([^/]+)/", error["path"] or ""):
            yield about[1], _text(error)


def _text(error: Mapping[str, Any]) -> str:
    return f"{error['path']}:{error['line']}: {error['message']} | {error['hint']}"
