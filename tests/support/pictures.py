"""Terminal output as pictures: what real commands print in a real project, drawn by rich as SVG.

Times differ from run to run and paths from machine to machine, so both are replaced before anything is drawn.
"""

import io
import re
from html import unescape

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from envbuild.apply import Ahead, Event
from envbuild.report.board import Board
from envbuild.report.progress import board_lines
from envbuild.report.terminal import Look

from .index import Index
from .project import Project

_WIDTH = 92
_FORMAT = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
  font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: {char_height}px; line-height: {line_height}px;
}}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
  <rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
_THEME = TerminalTheme(
    (30, 32, 40),
    (222, 224, 230),
    [(60, 62, 70), (240, 113, 120), (150, 210, 120), (242, 196, 110), (120, 170, 250), (200, 150, 240), (100, 205, 215),
     (222, 224, 230)],
)  # fmt: skip
_SPAN = re.compile(r'<text [^>]*y="(?P<y>[0-9.]+)"[^>]*>(?P<text>[^<]*)</text>')


def pictures(project: Project, index: Index) -> dict[str, str]:
    """Every picture of the README, by its file name."""
    return {
        "plan.svg": _svg("envbuild plan", _planned(project, index)),
        "apply.svg": _svg("envbuild apply", _applied(project)),
        "progress.svg": _svg("envbuild apply, while it works", _working()),
    }


def text_of(svg: str) -> list[str]:
    """The lines that a picture shows, however it is drawn."""
    lines: dict[float, str] = {}
    for match in _SPAN.finditer(svg):
        lines[float(match["y"])] = lines.get(float(match["y"]), "") + unescape(match["text"]).replace("\xa0", " ")
    return [lines[y].rstrip() for y in sorted(lines)]


def _planned(project: Project, index: Index) -> str:
    """Twelve environments of one parent, whose line for numpy moves; one has a line of its own that moves as well."""
    index.add("numpy", "1.26.4")
    index.add("numpy", "2.0.2")
    asked = "dependencies:\n  - python =3.11\n  - pip:\n      - numpy ==1.26.*\n"
    base = f"abstract: true\n{asked}pip: {{index_url: '{index.url}'}}\n"
    project.write("manifests/base.yaml", base)
    for folder in ("churn", "fraud", "pricing"):
        for name in ("features", "report", "serve", "train"):
            project.write(f"manifests/{folder}/{name}.yaml", f"extends: base\nvariables:\n  TASK: {folder}-{name}\n")
    for name in ("lint", "notify"):
        project.write(f"manifests/ops/{name}.yaml", f"variables:\n  TASK: {name}\n")
    web = "extends: base\nvariables:\n  TASK: pricing-serve\n  PORT: '8000'\n"
    project.write("manifests/pricing/serve.yaml", web)
    project.run("apply", "-q")
    project.write("manifests/base.yaml", base.replace("1.26.*", "2.0.*"))
    project.write("manifests/pricing/serve.yaml", web.replace("8000", "8080"))
    project.run("lock", "-q")
    return _prompted(project, "plan")


def _applied(project: Project) -> str:
    """Of three environments one fails."""
    chosen = ("churn/report", "churn/train", "pricing/serve")
    project.write("manifests/churn/train.yaml", project.read("manifests/churn/train.yaml") + "setup: [make data]\n")
    return _prompted(project, "apply", "-j", "1", *chosen, check=1)


def _prompted(project: Project, *args: str, check: int = 0) -> str:
    run = project.run(*args, "--color", "always", check=check, env={"COLUMNS": str(_WIDTH)})
    shown = " ".join(word for word in args if word not in {"-j", "1"})
    text = f"\x1b[2m$\x1b[0m envbuild {shown}\n{run.out}".replace(str(project.path), "~/fleet")
    text = re.sub(r"[0-9]{8}T[0-9.]+Z", "20260301T090000Z", text)
    return re.sub(r"\b[0-9.]+ s$", "2.4 s", text, flags=re.MULTILINE)


def _working() -> str:
    """The board of an apply of twelve, some way on."""
    board = Board()
    names = [f"{folder}/{name}" for folder in ("churn", "fraud", "pricing") for name in ("features", "report", "train")]
    ahead = [Ahead(name, "rebuild", (), 40.0) for name in names]
    ahead += [Ahead("pricing/twin", "adopt", ("pricing/train",), 0.0)]
    board.take(Event("begin", ahead=tuple(ahead), jobs=3), 0.0)
    for at, name in enumerate(names[:4]):
        board.take(Event("started", name, "rebuild"), 10.0 * at)
        board.take(Event("done", name, seconds=38.0), 10.0 * at + 38)
    for at, (name, said) in enumerate(zip(names[4:7], ("30 packages", "setup 1 of 2", "python"), strict=True)):
        board.take(Event("started", name, "rebuild"), 70.0 + 9 * at)
        board.take(Event("progress", name, said), 71.0 + 9 * at)
    return "\n".join(board_lines(board, 95.0, Look(_WIDTH, colour=True), 12))


def _svg(title: str, text: str) -> str:
    console = Console(record=True, width=_WIDTH, file=io.StringIO(), force_terminal=True, color_system="standard")
    console.print(Text.from_ansi(text.rstrip("\n")), soft_wrap=False)
    return console.export_svg(
        title=title, theme=_THEME, code_format=_FORMAT, unique_id=f"envbuild-{title.split()[1].strip(',')}"
    )
