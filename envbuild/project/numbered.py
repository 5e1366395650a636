"""Which version is meant by what stands behind an `@`: a number, `latest` or a label; and that it was built."""

from collections.abc import Mapping, Sequence

from envbuild.errors import BuildError, UsageError
from envbuild.project.place import Place
from envbuild.record import LATEST, Record
from envbuild.shape import nearest


def meant(project: Place, history: Sequence[Record], text: str) -> Record:
    """One of a history, which comes newest first; `latest` is the newest of this machine."""
    name = history[0].environment
    if text == LATEST:
        own = (one for one in history if one.is_of(project.machine, project.platform))
        return next(own, history[0])
    labels = project.state.labels.of(name)
    number = str(labels.get(text, text))
    found = next((one for one in history if str(one.version) == number), None)
    if found is None:
        raise unknown(name, text, [str(one.version) for one in history], labels)
    return found


def number(project: Place, name: str, text: str) -> str:
    """A label's number; what is none stays as it is."""
    if text.isdecimal() or text == LATEST:
        return text
    labels = project.state.labels.of(name)
    if text not in labels:
        raise unknown(name, text, [str(one.version) for one in project.state.history(name)], labels)
    return str(labels[text])


def unknown(name: str, text: str, numbers: Sequence[str], labels: Mapping[str, int]) -> UsageError:
    """A number is told those that there are, a word the nearest label."""
    what = f"'{name}' has no version '{text}'"
    if text.isdecimal():
        return UsageError(what, hint=f"recorded are: {', '.join(numbers)}")
    if not numbers:
        return UsageError(what, hint=f"say '{name}@1' or '{name}@{LATEST}'")
    return UsageError(what, hint=nearest(text, [*numbers, *labels, LATEST]))


def refuse_unbuilt(project: Place, record: Record) -> None:
    """What is only registered is of no use where something has to stand."""
    if record.is_built:
        return
    name, newest = record.environment, project.state.history(record.environment)[0].version
    export = f"'envbuild export manifest {record.title} DIR'"
    hint = f"run 'envbuild apply {name}'; where its manifest says otherwise by now, {export} first"
    if record.version != newest:
        hint = f"run {export}, and 'envbuild apply' there"
    raise BuildError(f"{record.title} is registered, and not built yet", hint=hint)
