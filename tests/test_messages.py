"""Every message of the program, read from its source: listed in golden/messages.txt, and held to the house's tone.

A message is what an error, a note or a fault is made with; `{…}` is data. ENVBUILD_TEST_GOLDEN=write lists anew.
"""

import ast
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

import envbuild
from envbuild import errors

PACKAGE = Path(envbuild.__file__).parent
GOLDEN = Path(__file__).parent / "golden" / "messages.txt"

CLASSES = {
    name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.EnvbuildError)
} - {"Problems"}
# Functions that make an error of their arguments, and where among those message and hint stand.
MAKERS = {
    "_refuse": (0, 2),
    "_wrong": (0, 2),
    "report": (0, 2),
    "fail": (0, 9),
    "click.UsageError": (0, 9),
    "Fault": (0, 1),
    "ConflictError": (0, 1),
    "SourceError": (0, 1),
    "Note": (1, 3),
    "not_carried": (1, 3),
    "_leave_out": (1, 3),
    "Kind": (9, 1),  # of failure: its message is what the program said
}
OF_CLICK = {"fail", "click.UsageError"}  # their hint is to see the command's help
OTHER_WRONG = {"shape/read.py": "_wrong"}  # takes what was expected; it calls `report`

JARGON = re.compile(r"(?i)\b(please|invalid|illegal|error:|cannot parse|failed to|unable to|malformed|oops|sorry)\b")
IMPERATIVES = {
    "add", "ask", "build", "change", "check", "choose", "close", "commit", "compare", "copy", "correct", "define",
    "edit", "exclude", "export", "extend", "free", "give", "indent", "install", "join", "keep", "leave", "let", "list",
    "load", "log", "look", "make", "mend", "move", "name", "plan", "put", "quote", "read", "remove", "rename",
    "render", "repeat", "report", "restore", "run", "save", "say", "see", "set", "spell", "split", "start", "state",
    "supply", "take", "try", "turn", "upgrade", "use", "wait", "write",
}  # fmt: skip
OTHER_HINTS = (
    "did you mean",
    "known are",
    "recorded are",
    "found on this machine",
    "there are none yet",
    "the newest is",
    "'envbuild ",
    "a command runs in one environment",
    "{error.hint}; ",
)

# Messages without a hint, and why: nobody at the keyboard could do anything that the message does not say.
NO_HINT = {
    "'{name}' could not be built, so that nothing was run": "what failed was told with its own hint",
    "'{step.environment}' has no version to record": "a bug of ours, said before anything is recorded",
}


@dataclass(frozen=True)
class Message:
    where: str
    kind: str
    texts: tuple[str, ...]
    hints: tuple[str, ...]

    @property
    def listed(self) -> str:
        hints = [f"  hint: {hint}" for hint in self.hints if hint]
        return "\n".join([f"{self.where} {self.kind}", *(f"  {text}" for text in self.texts), *hints])


@cache
def messages() -> tuple[Message, ...]:
    return tuple(
        message
        for path in sorted(PACKAGE.rglob("*.py"))
        if "_shipped" not in path.parts
        for message in _of(path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text(encoding="utf-8")))
    )


def _of(where: str, tree: ast.Module) -> Iterator[Message]:
    """The messages of one module; a name stands for whatever its function, or the module, sets it to."""
    scopes = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and (kind := _name(call.func)) and (at := _positions(where, kind, call)):
            own = [one for one in scopes if one.lineno <= call.lineno <= (one.end_lineno or 0)]
            known = [tree, *own]
            yield Message(
                where,
                kind,
                _texts(_argument(call, at[0], "message"), known),
                _texts(_argument(call, at[1], "hint"), known),
            )


def _name(function: ast.expr) -> str:
    written = ast.unparse(function)
    return written if written == "click.UsageError" else written.rpartition(".")[2]


def _positions(where: str, kind: str, call: ast.Call) -> tuple[int, int] | None:
    if kind in CLASSES and (call.args or call.keywords):
        return (0, 2)
    return MAKERS.get(kind) if OTHER_WRONG.get(where) != kind else None


def _argument(call: ast.Call, at: int, name: str) -> ast.expr | None:
    named = next((one.value for one in call.keywords if one.arg == name), None)
    return named or (call.args[at] if at < len(call.args) else None)


def _texts(node: ast.expr | None, scopes: list[ast.AST]) -> tuple[str, ...]:
    """All that an expression may be, as templates."""
    match node:
        case None:
            return ()
        case ast.Constant():
            return (str(node.value),)
        case ast.IfExp():
            return (*_texts(node.body, scopes), *_texts(node.orelse, scopes))
        case ast.JoinedStr():
            return ("".join(_part(part) for part in node.values),)
        case ast.BinOp(op=ast.Add()):
            return tuple(one + two for one in _texts(node.left, scopes) for two in _texts(node.right, scopes))
        case ast.BoolOp():
            return tuple(text for value in node.values for text in _texts(value, scopes))
        case ast.Name():
            found = [value for scope in reversed(scopes) for value in _assigned(scope, node.id)]
            return tuple(dict.fromkeys(text for value in found for text in _texts(value, []))) or (f"<{node.id}>",)
    return (f"<{ast.unparse(node)}>",)


def _part(part: ast.expr) -> str:
    return str(part.value) if isinstance(part, ast.Constant) else f"{{{ast.unparse(part.value)}}}"  # type: ignore[attr-defined]


def _assigned(scope: ast.AST, name: str) -> Iterator[ast.expr]:
    body = scope.body if isinstance(scope, ast.Module) else list(ast.walk(scope))
    for node in body:
        if isinstance(node, ast.Assign) and any(isinstance(one, ast.Name) and one.id == name for one in node.targets):
            yield node.value


def test_every_message_is_listed() -> None:
    """A new message, or another wording, is a change that somebody reads."""
    listed = "\n\n".join(sorted({message.listed for message in messages()})) + "\n"
    if os.environ.get("ENVBUILD_TEST_GOLDEN") == "write":
        GOLDEN.write_text(listed, encoding="utf-8")
    assert len(messages()) > 200
    assert listed == GOLDEN.read_text(encoding="utf-8")


def texts() -> list[tuple[str, str]]:
    return [(message.where, text) for message in messages() for text in message.texts if not text.startswith("<")]


def hints() -> list[tuple[str, str]]:
    return [(message.where, hint) for message in messages() for hint in message.hints if not hint.startswith("<")]


def test_messages_begin_small_and_end_open() -> None:
    """No capital but a name's, no full stop: a message stands behind a place and a colon."""
    assert [
        one for one in texts() if re.match(r"(?!Azure|PyPI|Python|Docker|Spark|Java|Debian)[A-Z][a-z]", one[1])
    ] == []
    assert [one for one in [*texts(), *hints()] if one[1].endswith((".", "!"))] == []


def test_messages_speak_plainly() -> None:
    """No jargon, no begging, and single quotes around data."""
    assert [one for one in [*texts(), *hints()] if JARGON.search(one[1])] == []
    assert [one for one in texts() if re.search(r'"\{', one[1])] == []


def test_what_can_be_mended_has_a_hint() -> None:
    """Every message says how; those that cannot are named here with the reason."""
    without = {
        text
        for message in messages()
        if message.kind not in OF_CLICK and not any(message.hints)
        for text in message.texts
    }
    assert without == NO_HINT.keys()


@pytest.mark.parametrize("hint", sorted({hint for _, hint in hints() if hint}))
def test_a_hint_says_what_to_do(hint: str) -> None:
    """It begins with what to do, or with what there is instead."""
    first = re.split(r"[\s:,]", hint)[0]
    assert first in IMPERATIVES or hint.startswith(OTHER_HINTS)
