"""Catalogues, told: a line for each environment, and what it asks for."""

from collections.abc import Iterator, Sequence

import msgspec

from envbuild.errors import redacted
from envbuild.project.curated import Offered
from envbuild.report.columns import Column, columns
from envbuild.report.plans import document
from envbuild.report.terminal import Look, one_line, plural, wrapped

_COLUMNS = (
    Column("name"),
    Column("description", 2, 20),
    Column("tags", 4, 10),
    Column("platforms", 5, 10),
)


def curated_text(rows: Sequence[Offered], look: Look, *, packages: bool) -> str:
    if not rows:
        return "No environments."
    head, *lines = columns(_COLUMNS, [_row(one) for one in rows], look)
    told = [head]
    for line, one in zip(lines, rows, strict=True):
        told += [line, *(_packages(one, look) if packages else ())]
    return "\n".join(
        [*told, f"{plural(len(rows), 'environment')} of catalogues: extend them, clone them, or name them."]
    )


def _row(one: Offered) -> tuple[str, ...]:
    tags = " ".join(f"{key}={value}" for key, value in sorted(one.tags.items()))
    return (one.name, one.description, tags, ",".join(one.platforms))


def _packages(one: Offered, look: Look) -> Iterator[str]:
    for manager in ("conda", "pip"):
        if found := [one_line(redacted(wish.spec)) for wish in one.packages if wish.manager == manager]:
            yield from wrapped(f"{manager}: {', '.join(found)}", look, "    ", "        ")


def curated_json(rows: Sequence[Offered], *, packages: bool) -> str:
    return document(environments=[_object(one, packages=packages) for one in rows])


def _object(one: Offered, *, packages: bool) -> dict[str, object]:
    found: dict[str, object] = msgspec.to_builtins(one)
    return found if packages else {key: value for key, value in found.items() if key != "packages"}
