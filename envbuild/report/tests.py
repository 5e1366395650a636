"""How tests of environments went, as text and JSON."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from envbuild.builders.trying import Tried
from envbuild.project.testing import Tested
from envbuild.report.plans import document, error_object
from envbuild.report.terminal import Look, Style, duration, one_line, plural

_STYLES: dict[str, Style] = {"passed": "good", "failed": "bad", "no test": "quiet"}
_WORD = len("no test")


def tests_text(one: Tested, look: Look, *, verbose: bool) -> str:
    """One line for an environment; and one for each test where all are wanted, with what a failing one said."""
    return "\n".join([_row(_result(one), f"{_name(one)}  {_told(one)}", look), *_details(one, look, verbose=verbose)])


def _name(one: Tested) -> str:
    return one_line(one.environment if one.version is None else f"{one.environment}@{one.version}")


def _result(one: Tested) -> str:
    return "failed" if one.errors else "passed" if one.results else "no test"


def _told(one: Tested) -> str:
    if one.error:
        return "cannot be tested"
    if not one.results:
        return "its manifest states none"
    failed = sum(not tried.has_passed for tried in one.results)
    count = f"{failed} of {plural(len(one.results), 'test')}" if failed else plural(len(one.results), "test")
    return f"{count}  {duration(sum(tried.seconds for tried in one.results))}"


def _details(one: Tested, look: Look, *, verbose: bool) -> Iterator[str]:
    for tried in one.results:
        if verbose or not tried.has_passed:
            what = f"  {_word(tried)}  {tried.trial.kind} {one_line(tried.trial.what)}  {duration(tried.seconds)}"
            yield look.fit(what)
        for line in tried.said:
            yield look.fit(f"    | {one_line(line)}")


def _word(tried: Tried) -> str:
    return "passed" if tried.has_passed else "failed"


def _row(word: str, text: str, look: Look) -> str:
    line = look.fit(f"{word.ljust(_WORD)}  {text}")
    return f"{look.paint(word, _STYLES[word])}{line[len(word) :]}" if line.startswith(word) else line


def tests_sum(found: Sequence[Tested], look: Look) -> str:
    counted = [(sum(_result(one) == word for one in found), word) for word in ("passed", "failed")]
    none = sum(_result(one) == "no test" for one in found)
    told = [f"{count:,} {word}" for count, word in counted if count] + ([f"{none:,} without a test"] if none else [])
    return look.paint(f"Test: {', '.join(told) or 'nothing'}.", "strong")


def tests_json(found: Iterable[Tested]) -> str:
    found = tuple(found)
    errors = [error_object(error) for one in found for error in one.errors]
    told = {"errors": errors} if errors else {}
    return document(tests=[_test_object(one, tried) for one in found for tried in one.results], **told)


def _test_object(one: Tested, tried: Tried) -> dict[str, Any]:
    return {
        "environment": one.environment,
        "version": one.version,
        "kind": tried.trial.kind,
        "what": tried.trial.what,
        "result": _word(tried),
        "seconds": round(tried.seconds, 3),
        "where": str(tried.trial.where),
    }
