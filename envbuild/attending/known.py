"""An environment that is known to stand, told in one line of text; of that and a command line a ticket is made."""

import json
import os

from envbuild.attending.run import Ticket
from envbuild.entering import UNDO, applied, foreign, given, noted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from envbuild.entering import Texts

_OF_VENV = ("VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT")


class Asked:
    """What is said of one run, where that is said plainly; without a command it is the environment's own."""

    def __init__(self, name: str, command: "list[str]") -> None:
        self.name = name
        self.command = command
        self.directory = ""
        self.experiment = ""
        self.has_history = True
        self.keeps_snapshot = True


def environment(told: "Mapping[str, object]", environ: "Mapping[str, str]") -> "dict[str, str] | None":
    """The variables of a process in it, as whoever enters it with all that was loaded has them.

    Nothing where we are in an environment already, whose changes have to be undone first.
    """
    if UNDO in environ:
        return None
    host = given(environ)
    ours, lists = told["texts"], told["lists"]
    if not isinstance(ours, dict) or not isinstance(lists, dict):
        return None
    names = [*foreign(host), *(name for name in _OF_VENV if told["is_conda"] and name in host)]
    texts: Texts = {name: (None, host[name]) for name in names}
    texts |= {name: (value, host.get(name)) for name, value in ours.items()}
    own = told["env"]
    entered = {**applied(texts, lists, host), **noted(str(told["label"]), texts, lists)}
    return {**entered, **own} if isinstance(own, dict) else None


def ticket(text: str, asked: Asked, environ: "Mapping[str, str]") -> Ticket | None:
    told = json.loads(text)
    env = environment(told, environ)
    words = asked.command or told["words"]
    if env is None or not words:
        return None
    here = os.getcwd()  # noqa: PTH109 - no pathlib, as in this room
    inside = f"{os.path.realpath(here)}/".startswith(f"{os.path.realpath(told['root'])}/")
    return Ticket(
        root=told["root"],
        words=words,
        env=env,
        facts={**told["facts"], "command": words, "experiment": asked.experiment},
        source=here if inside and asked.keeps_snapshot else "",
        snapshot_mib=told["snapshot_mib"],
        outputs_mib=told["outputs_mib"],
        secret_names=tuple(told["secret_names"]),
        secret_files=tuple(told["secret_files"]),
    )
