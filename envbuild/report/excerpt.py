"""The line that a problem is about, as it stands in its file, and below it a mark under what is meant."""

from collections.abc import Callable, Collection, Iterator, Mapping

from envbuild.document import extent
from envbuild.errors import Place, secrets
from envbuild.report.terminal import Look, cells
from envbuild.written import clean

_NUMBER = 5
_TAB = "    "
_LEAST_ROOM = 10
_ELLIPSIS = "…"
_HIDDEN = "***"
_KEY_BEGINS, _KEY_ENDS = "PRIVATE KEY-----", "-----END "


def excerpt(text: str, place: Place, look: Look) -> list[str]:
    """Two lines for a terminal; none where the file has no such line any more, or there is nothing on it to see."""
    lines = text.split("\n")
    line = lines[place.line - 1] if 0 < place.line <= len(lines) else ""
    start, end = _marked(text, line, place)
    if look.width is None or not line.strip() or start > len(line):
        return []
    number = f"{place.line:>{_NUMBER}} | "
    room = max(_LEAST_ROOM, look.width - len(number))
    shown, before, under = _cropped(_pieces(line, start, room), start, max(end, start + 1), room)
    gutter = f"{'':>{len(number) - 3}} | "
    mark = look.paint("^" * under, "bad")
    return [f"{look.paint(number, 'quiet')}{shown}", f"{look.paint(gutter, 'quiet')}{' ' * before}{mark}"]


def _marked(text: str, line: str, place: Place) -> tuple[int, int]:
    """From where up to where the line is meant: a value of YAML, an entry of a list of packages, a template's line."""
    start = max(place.column, 1) - 1
    if place.path.endswith((".yaml", ".yml")):
        return start, start + extent(text, place.line, place.column)
    if start == 0 or not line[:start].strip():  # of other files only the line is known
        written = line if place.path.endswith(".j2") else line.partition(" #")[0]
        return len(line) - len(line.lstrip()), len(written.rstrip())
    return start, start + 1


def _pieces(line: str, start: int, room: int) -> list[str]:
    """What is shown for each character: tabs as spaces, control characters by name, nothing of a password."""
    hidden = {at: "" for begin, end in secrets(line) for at in range(begin, end)}
    hidden |= {begin: _HIDDEN for begin, end in secrets(line) if end > begin}
    far = range(max(0, start - 2 * room), start + 2 * room)  # beyond it nothing can be seen: one cell stands for it
    return [
        hidden[at] if at in hidden else _piece(character) if at in far else "x" for at, character in enumerate(line)
    ]


def _piece(character: str) -> str:
    return _TAB if character == "\t" else clean(character)


def _cropped(pieces: list[str], start: int, end: int, room: int) -> tuple[str, int, int]:
    """As much as there is room for around what is marked; the cells before the mark, and those under it."""
    sizes = [cells(piece) for piece in pieces]
    left, right = 0, len(pieces)
    if sum(sizes) > room:
        left = _left(sizes, start, end, room)
        right = _right(sizes, left, room - bool(left))
    begins, ends = _ELLIPSIS if left else "", _ELLIPSIS if right < len(pieces) else ""
    shown = f"{begins}{''.join(pieces[left:right])}{ends}".rstrip()
    before = len(begins) + sum(sizes[left:start])
    return shown, before, max(1, min(sum(sizes[start : min(end, right)]), room - before))


def _left(sizes: list[int], start: int, end: int, room: int) -> int:
    """Where the part that is shown begins: with the line if all of the mark is seen then, else a little before it."""
    if sum(sizes[: min(end, len(sizes))]) < room:
        return 0
    left, kept = start, 0
    while left and kept + sizes[left - 1] <= room // 3:
        left -= 1
        kept += sizes[left]
    return left


def _right(sizes: list[int], left: int, room: int) -> int:
    """Where it ends, with a cell left for the sign that there is more."""
    if sum(sizes[left:]) <= room:
        return len(sizes)
    right, taken = left, 0
    while right < len(sizes) and taken + sizes[right] < room:
        taken += sizes[right]
        right += 1
    return right


def without_secrets(source: Callable[[str], str | None], places: Collection[Place]) -> Callable[[str], str | None]:
    """The same texts; where a secret begins, its line ends, and a private key is left out to its end."""
    if not places:
        return source

    def shown(path: str) -> str | None:
        text = source(path)
        columns = {place.line: place.column for place in places if place.path == path}
        return "\n".join(_hidden(text.split("\n"), columns)) if text and columns else text

    return shown


def _hidden(lines: list[str], columns: Mapping[int, int]) -> Iterator[str]:
    within = False
    for number, line in enumerate(lines, 1):
        if column := columns.get(number):
            within = within or _KEY_BEGINS in line
            yield f"{line[: column - 1]}{_HIDDEN}"
        else:
            yield "" if within else line
        within = within and _KEY_ENDS not in line
