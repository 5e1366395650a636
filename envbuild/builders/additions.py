"""What `spark` and `r` add to a prefix of this machine: files, and scripts that are run in it."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from envbuild.builders.target import Target, Tools, note
from envbuild.errors import BuildError
from envbuild.render import CONF_PLACE, HOME_PLACE, Step, Texts, addition_steps, home_link, placed_conf
from envbuild.solvers.secrets import Secrets
from envbuild.written import log_line

_SAID = "envbuild: "  # how the lines of our scripts begin
_SAYS = {"spark": "packages of Maven", "r": "packages of R"}
# What R is told on this machine is no business of a prefix.
_OF_R = ("R_HOME", "R_LIBS", "R_LIBS_SITE", "R_PROFILE", "R_ENVIRON", "R_PROFILE_USER", "R_ENVIRON_USER")


def add(prefix: Path, target: Target, tools: Tools, env: Mapping[str, str]) -> None:
    """After its packages, and before its setup; `env` is the activated environment."""
    texts = texts_of(target)
    if "spark" in texts:
        write_spark(prefix, target, texts["spark"])
    for step in addition_steps(target.environment, texts, str(prefix)):
        _run(step, texts[step.key][step.script], prefix, target, tools, env)


def texts_of(target: Target) -> Texts:
    """As they were rendered for this build."""
    stated = target.environment.keys
    if stated.spark is None and stated.r is None:
        return {}
    rendered = target.rendered()
    found: Texts = {}
    for key in ("spark", "r"):
        begins = f"envbuild/{key}/"
        made = {path.removeprefix(begins): text for path, text in rendered.items() if path.startswith(begins)}
        found |= {key: made} if made else {}
    return found


def write_spark(prefix: Path, target: Target, texts: Mapping[str, str]) -> None:
    """What sessions begin with, and where they find Spark."""
    conf, home = prefix / CONF_PLACE, prefix / HOME_PLACE
    conf.parent.mkdir(parents=True, exist_ok=True)
    conf.write_text(placed_conf(texts[conf.name], str(prefix)), encoding="utf-8")
    home.symlink_to(home_link(target.python))


def _run(step: Step, text: str, prefix: Path, target: Target, tools: Tools, env: Mapping[str, str]) -> None:
    target.say(_SAYS[step.key])
    said: list[str] = []

    def hear(line: bytes) -> None:
        told = log_line(line.decode("utf-8", "replace").rstrip("\n"))
        note(target.log, told)
        if told.startswith(_SAID):
            said.append(told.removeprefix(_SAID))

    own = {name: value for name, value in env.items() if name not in _OF_R} | {"R_LIBS_USER": "NULL"}
    with _beside(step, text, tools.secrets) as folder:
        command: list[str | Path] = [step.program, *step.options, folder / step.script, *step.arguments, folder]
        code = tools.programs.heard(command, hear, env=own, cwd=prefix, hold=target.hold)
    if code:
        told = said[-1] if said else f"{step.script} ended with {code}"
        where = target.environment.where_key(step.key)
        raise BuildError(f"'{step.key}' cannot be built: {told}", where, "look at its output in the log")


@contextmanager
def _beside(step: Step, text: str, secrets: Secrets) -> Iterator[Path]:
    """A folder that nobody else may look into, with the script and its secrets, as long as that is run."""
    with tempfile.TemporaryDirectory(prefix="envbuild-") as name:
        folder = Path(name)
        (folder / step.script).write_text(text, encoding="utf-8")
        for secret in step.secrets:
            (folder / secret).write_text(f"{secrets.value(secret)}\n", encoding="utf-8")
        yield folder
