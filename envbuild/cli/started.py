"""One `envbuild run`, from what is said on its command line to the exit code of its command."""

import math
from typing import TYPE_CHECKING, Any

from envbuild.cli.choosing import chosen, flushed, is_several, make_ready, meant
from envbuild.cli.options import Common
from envbuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from envbuild.attending.run import Ticket
    from envbuild.builders.running import Inside
    from envbuild.project import Planned, Project
    from envbuild.project.runs.running import Chosen, Wish

_ONLY_ONE = "a command runs in one environment: name it"


class Started:
    def __init__(self, common: Common, project: "Project", command: list[str], options: dict[str, Any]) -> None:
        self._common = common
        self._project = project
        self._options = options
        self._inside: Inside = options["inside"]
        self._wish = self._wished(command)

    def _wished(self, command: list[str]) -> "Wish":
        from envbuild.project.runs.running import Wish, refuse_missing_script

        options = self._options
        refuse_no_time(options["timeout"])
        wish = Wish(
            command=tuple(command),
            script=options["script"],
            source=options["source"],
            variables=self._inside.variables,
            gpus=self._inside.gpus,
            experiment=options["experiment"],
            seconds=options["timeout"],
            keeps_snapshot=not options["no_snapshot"],
        )
        refuse_missing_script(wish)
        return wish

    def run(self, environment: str | None) -> int:
        self._refuse_both(environment)
        self._refuse_nothing(environment)
        one, planned = self._chosen(environment)
        if self._options["image"]:
            return self._contained(one)
        from envbuild.project.runs.running import ticket

        found = ticket(self._project, one, self._wish)
        if planned and self._common.moment:
            self._know(one, planned, environment or "")
        if self._common.verbose:
            self._common.say(f"{one.record.environment}: {one.record.reference}")
        return self._attended(found, lambda: meant(found.words[0], one.prefix))

    def _refuse_both(self, environment: str | None) -> None:
        options = self._options
        if options["companions"] and (environment or options["image"]):
            other = "--image" if options["image"] else f"'{environment}'"
            raise UsageError(f"--with makes an environment, and {other} is another", hint="leave one of them out")
        if options["detach"] and options["no_history"]:
            raise UsageError("what goes on by itself is found by its number", hint="leave '--no-history' out")

    def _refuse_nothing(self, environment: str | None) -> None:
        """Before anything is built for it."""
        from envbuild.manifest import Run
        from envbuild.names import DEFAULT
        from envbuild.project.runs.running import refuse_nothing
        from envbuild.project.versions import parted

        if self._options["companions"]:
            return refuse_nothing(Run(), self._wish, " ".join(f"--with {one}" for one in self._options["companions"]))
        name, version = parted(environment or self._project.settings.default_environment)
        if not version and not is_several(name):
            refuse_nothing(self._project.one(name or DEFAULT).keys.run, self._wish, name or DEFAULT)
        return None

    def _chosen(self, environment: str | None) -> "tuple[Chosen, Planned | None]":
        from envbuild.project.runs.running import chosen as chosen_one

        options = self._options
        if options["companions"]:
            from envbuild.project.runs.oneoff import one_off

            project, name = one_off(self._project, options["companions"])
            make_ready(project, self._common, name, options)
            return chosen_one(project, name, ""), None
        name, version, planned = chosen(
            self._project, self._common, environment, _ONLY_ONE, options, image=options["image"]
        )
        return chosen_one(self._project, name, version), planned

    def _know(self, one: "Chosen", planned: "Planned", asked: str) -> None:
        """The next time it is begun at once (see `atonce`)."""
        from envbuild.cli.atonce import kept_name
        from envbuild.project.runs.knowing import know

        if self._common.moment and (asked or self._project.settings.default_environment):
            know(self._project, planned, one, self._common.moment, kept_name(asked))

    def _contained(self, one: "Chosen") -> int:
        from envbuild.cli.containing import HINT_DOCKER, in_container, is_ours
        from envbuild.project.runs.running import contained_ticket

        terminal = is_ours() and not self._options["detach"]
        made, inside = in_container(self._common, self._project, one, self._wish, self._inside, terminal=terminal)
        found = contained_ticket(self._project, one, self._wish, inside, made)
        return self._attended(found, lambda: HINT_DOCKER)

    def _attended(self, found: "Ticket", hint: "Callable[[], str]") -> int:
        if self._options["no_history"]:
            flushed()
            return self._unrecorded(found, hint)
        return attended(self._common, found, hint, detach=self._options["detach"])

    def _unrecorded(self, found: "Ticket", hint: "Callable[[], str]") -> int:
        import os

        if found.folder:
            os.chdir(found.folder)
        if found.seconds is None:
            return self._project.programs.hand_over(found.words, found.env, hint)
        from envbuild.project.runs.running import unrecorded

        return unrecorded(found, hint)


def refuse_no_time(seconds: float | None) -> None:
    if seconds is not None and not math.isfinite(seconds):
        raise UsageError(f"'{seconds}' is no time", hint="say how many seconds, or leave '--timeout' out")


def attended(common: Common, found: "Ticket", hint: "Callable[[], str]" = str, *, detach: bool = False) -> int:
    """Recorded, and attended to its end; or left to itself, once its number is told."""
    from envbuild.project.runs.running import attend, begin

    running = begin(found, hint)
    if detach:
        common.out(_number(common, running.number))
        flushed()
        running.leave()
        return 0
    if common.verbose:
        common.say(f"run {running.number}")
    flushed()
    return attend(running, found, hint)


def _number(common: Common, number: int) -> str:
    from envbuild.report.plans import document

    return document(runs=[{"id": number}]) if common.json else str(number)
