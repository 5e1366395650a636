"""Builder `local`, as apply knows it: a prefix is where it is built, and has no other name."""

from pathlib import Path

from envbuild.apply.making import Job, Task
from envbuild.builders import local
from envbuild.builders.target import Target, Tools
from envbuild.builders.trying import Subject, failures, trials
from envbuild.builders.tryprefix import try_prefix
from envbuild.errors import raise_all
from envbuild.fingerprint import is_tied
from envbuild.record import Made


class Prefixes:
    ships = False

    def __init__(self, tools: Tools, platform: str, machine: str) -> None:
        self._tools = tools
        self._platform = platform
        self._machine = machine

    def build(self, job: Job, task: Task) -> str:
        target = Target(
            environment=job.environment,
            fingerprint=job.fingerprint.text,
            python=job.lock.head.python if job.lock else "",
            python_range=job.python_range,
            pins=job.lock.pins.get(self._platform) if job.lock else None,
            files=job.files,
            rendered=task.rendered,
            log=task.log,
            say=task.say,
            checkout=str(self._tools.root) if is_tied(job.fingerprint.parts) else "",
        )
        return local.build(target, self._tools)

    def ship(self, _job: Job, _task: Task, draft: str) -> Made:
        return Made(reference=draft, platform=self._platform, machine=self._machine, python=local.python_patch(draft))

    def test(self, job: Job, task: Task, made: Made) -> None:
        if trials(job.environment):
            subject = Subject(job.environment, job.lock, task.log, task.say)
            raise_all(failures(try_prefix(subject, Path(made.reference), self._tools, self._platform)))

    def claim(self, job: Job, task: Task, made: Made) -> None:
        """A prefix has no number anywhere but in its record."""

    def name(self, _job: Job, _task: Task, made: Made) -> Made:
        return made
