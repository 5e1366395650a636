"""What `check` looks for besides errors: each rule with its code, its level, what it finds and why that matters."""

from typing import Literal

import msgspec

from envbuild.manifest import Code

Level = Literal["warning", "note"]


class Rule(msgspec.Struct, frozen=True):
    """A warning is to be mended or silenced, and fails with `--strict`; a note is only worth knowing."""

    code: Code
    level: Level
    what: str
    why: str


CATALOGUE: tuple[Rule, ...] = (
    Rule(
        "big-dockerfile",
        "warning",
        "a Dockerfile of the project's own has more than 100 KB",
        "what it holds belongs into files that it copies; services refuse larger ones",
    ),
    Rule(
        "end-of-life-python",
        "warning",
        "every Python that is asked for has reached its end of life",
        "it gets no security fixes, and packages stop to be made for it",
    ),
    Rule(
        "floating-base",
        "warning",
        "the image that an image starts from has neither tag nor digest, or the tag 'latest'",
        "the next 'lock --upgrade', or the next build from a Dockerfile, may begin with another system",
    ),
    Rule(
        "plain-secret",
        "warning",
        "a token, a password or a private key stands in a file of the project",
        "whoever has the repository or the image has it, too; its value is never shown",
    ),
    Rule(
        "runtime-variable",
        "warning",
        "a variable that belongs to one run is part of the definition",
        "it holds in every run, and a change of it builds everything anew",
    ),
    Rule(
        "several-pythons",
        "warning",
        "one manifest asks for Python several times, and not for the same",
        "all of them have to hold together, which is seldom what was meant",
    ),
    Rule(
        "unseen-install",
        "warning",
        "a Dockerfile installs Python packages, and the environment has a Python of its own",
        "they go into another Python, and are not seen at run time",
    ),
    Rule(
        "asked-twice",
        "note",
        "conda and pip are both asked for a package",
        "pip's line holds, and conda's says nothing",
    ),
    Rule(
        "comment-selector",
        "note",
        "a line ends in a selector of conda-build, such as '# [linux]'",
        "it is a comment: the line holds on every platform",
    ),
    Rule(
        "committed-secret",
        "note",
        "git has the file of a secret",
        "whoever has the repository has the secret",
    ),
    Rule(
        "editable-url",
        "note",
        "'-e' stands before the URL of a repository",
        "it is dropped: a repository is installed as it is at its commit",
    ),
    Rule(
        "foreign-export",
        "note",
        "an export names the builds of another platform",
        "no other platform has them",
    ),
    Rule(
        "idle-parent",
        "note",
        "a parent is listed that another parent extends, or that is listed already",
        "it adds nothing",
    ),
    Rule(
        "idle-without",
        "note",
        "'without' drops what nobody asks for",
        "it is misspelt, or of no use any more",
    ),
    Rule(
        "implied-pip",
        "note",
        "conda makes the environment, and its pip packages are listed without pip",
        "pip comes all the same, in a version that nobody chose; conda itself warns of it",
    ),
    Rule(
        "moved-option",
        "note",
        "an option stands where it used to, or where another tool looks for it",
        "it does nothing there, or will do nothing one day",
    ),
    Rule(
        "no-channels",
        "note",
        "conda packages are asked for, and no channels are named",
        "the settings' channels are used, and another project may have others",
    ),
    Rule(
        "not-installed",
        "note",
        "packages are asked for under 'managed: false'",
        "nobody installs them",
    ),
    Rule(
        "unpinned-conda",
        "note",
        "a conda package has no version, and the environment no lock",
        "the next lock takes whatever is newest",
    ),
    Rule(
        "unpinned-pip",
        "note",
        "a pip package has no version, and the environment no lock",
        "the next lock takes whatever is newest",
    ),
)
LEVELS: dict[str, Level] = {rule.code: rule.level for rule in CATALOGUE}
