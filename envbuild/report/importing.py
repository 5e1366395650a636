"""What an import has made, told: the file that was written, what was changed on the way, what is not in it."""

import shlex

from envbuild.project.starting import Imported
from envbuild.report.beginning import judged_lines, judged_objects, usual_command
from envbuild.report.errors import error_text, notes_text
from envbuild.report.looking import note_object
from envbuild.report.plans import document, error_object
from envbuild.report.terminal import Look, one_line, plural


def imported_text(done: Imported, shown: str, look: Look) -> str:
    """The answer first, and last what to do now."""
    answer = f"Imported {one_line(done.source)} as '{done.name}': wrote {one_line(done.path)}."
    lines = [look.paint(answer, "strong"), *remarks(done, look), *judged_lines(done.judged, look)]
    if done.left:
        things = plural(len(done.left), "thing")
        lines.append(f"Not carried: {things}. Each stands as a comment in {one_line(done.path)}.")
    if done.judged.error:
        lines.append("Next: change what is refused.")
    else:
        command, name = usual_command(shown), shlex.quote(done.name)
        lines.append(f"Next: '{command} plan {name}' says what would be built, '{command} lock {name}' pins it.")
    return "\n".join(lines)


def remarks(done: Imported, look: Look) -> list[str]:
    """What is not carried, and what is worth a note; each with its line in the source."""
    found = [error_text(one, look) for one in done.left]
    return [*found, notes_text(done.notes, look)] if done.notes else found


def imported_json(done: Imported) -> str:
    (environment,) = judged_objects([done.judged])
    return document(
        **environment,
        source=done.source,
        written=done.written,
        manifest=done.text,
        left=[error_object(one) for one in done.left],
        notes=[note_object(one) for one in done.notes],
    )
