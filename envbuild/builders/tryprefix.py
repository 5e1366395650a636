"""Trials in a prefix: in processes that are activated as a person's are, and that leave the prefix as it is."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from envbuild import census
from envbuild.builders import local
from envbuild.builders.activation import activated
from envbuild.builders.companions import Companions, companions, variables
from envbuild.builders.target import Tools
from envbuild.builders.trying import IMPORT, Subject, Tried, placed, tried
from envbuild.errors import BuildError
from envbuild.process import Programs, child_environment
from envbuild.resolve import Environment


class PrefixBench(msgspec.Struct, frozen=True):
    """One prefix, and an empty folder that everything is run in."""

    prefix: Path
    env: dict[str, str]
    folder: Path
    programs: Programs

    def imports(self, module: str, hear: Callable[[bytes], None]) -> int:
        return self._run([census.interpreter(str(self.prefix)), "-B", "-c", IMPORT, module], hear)

    def command(self, text: str, hear: Callable[[bytes], None]) -> int:
        return self._run(["/bin/sh", "-ec", placed(text, str(self.prefix))], hear)

    def has(self, path: str) -> bool:
        return (self.prefix / placed(path, str(self.prefix))).exists()

    def _run(self, command: list[str | Path], hear: Callable[[bytes], None]) -> int:
        with tempfile.TemporaryDirectory(dir=self.folder) as empty:
            code = self.programs.heard(command, hear, env=self.env, cwd=Path(empty))
        return code if code >= 0 else 128 - code


def try_prefix(subject: Subject, prefix: Path, tools: Tools, platform: str) -> tuple[Tried, ...]:
    """What was tried is what is recorded: tests that write into it have made it another one."""
    beside = companions(subject.environment, subject.lock, platform, subject.log)
    with _bench(subject.environment, prefix, beside, tools) as bench:
        found = tuple(tried(subject, bench))
    if complaint := local.complaint(str(prefix)):
        where = subject.environment.where_key("test")
        hint = "let them write elsewhere: each is run in an empty folder"
        raise BuildError(f"the tests have changed the environment: {complaint}", where, hint)
    return found


@contextmanager
def _bench(
    environment: Environment, prefix: Path, companions: Companions | None, tools: Tools
) -> Iterator[PrefixBench]:
    """With the packages that only the tests need behind those of the prefix; they go with the block."""
    env = activated(environment.variables, prefix, child_environment(tools.host), tools.programs)
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    with tempfile.TemporaryDirectory(prefix="envbuild-") as folder:
        if companions:
            beside = Path(folder, "beside")
            companions.install(
                beside, tools, _python(prefix, companions), census.interpreter(str(prefix)), is_here=True
            )
            env |= variables(str(beside), env)
        yield PrefixBench(prefix, env, Path(folder), tools.programs)


def _python(prefix: Path, companions: Companions) -> str:
    """Its minor version."""
    found = local.python_patch(str(prefix)).split()
    if not found:
        where = companions.environment.where_key("test", "with")
        raise BuildError("'test.with' needs a Python in the environment", where, "add python to 'dependencies'")
    return ".".join(found[0].split(".")[:2])
