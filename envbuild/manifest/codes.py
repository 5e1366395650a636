"""The codes of what `envbuild check` says, which `check.ignore` may name; `rules` says what each is about."""

from typing import Literal

Code = Literal[
    "asked-twice",
    "big-dockerfile",
    "comment-selector",
    "committed-secret",
    "editable-url",
    "end-of-life-python",
    "floating-base",
    "foreign-export",
    "idle-parent",
    "idle-without",
    "implied-pip",
    "moved-option",
    "no-channels",
    "not-installed",
    "plain-secret",
    "runtime-variable",
    "several-pythons",
    "unpinned-conda",
    "unpinned-pip",
    "unseen-install",
]
