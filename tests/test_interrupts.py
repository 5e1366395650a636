"""Ctrl-C ends what it was meant for, wherever in the program it falls."""

import subprocess
import sys

import pytest

_SLEEPER = """
import signal, sys, time, weakref
from envbuild.cli import interrupts
interrupts.come_again()

class Thing:
    {dies}

thing = Thing()
seen = weakref.ref(thing, lambda _: {end})
del thing
time.sleep(50)
"""
_INTERRUPT = "signal.raise_signal(signal.SIGINT)"
_ENDS = {
    "a reference ends": {"dies": "pass", "end": _INTERRUPT},
    "a thing ends": {"dies": f"def __del__(self): {_INTERRUPT}", "end": "None"},
    "both": {"dies": f"def __del__(self): {_INTERRUPT}", "end": _INTERRUPT},
}


@pytest.mark.parametrize("ends", _ENDS)
def test_an_interrupt_that_cannot_be_raised_comes_again(ends: str) -> None:
    """Python drops what is raised while a reference or a thing ends, and would go on as if nobody had pressed it.

    Of several that fall there one comes: the next would meet a program that tells how it ended.
    """
    slept = subprocess.run(
        [sys.executable, "-c", _SLEEPER.format(**_ENDS[ends])],
        capture_output=True, text=True, timeout=40, check=False,
    )  # fmt: skip
    assert slept.stderr.splitlines()[-1] == "KeyboardInterrupt"
    assert "ignored" not in slept.stderr


def test_what_else_cannot_be_raised_is_told_as_ever() -> None:
    """A bug in the end of a thing is Python's to tell."""
    script = _SLEEPER.format(dies="def __del__(self): raise ValueError('a bug')", end="None")
    slept = subprocess.run(
        [sys.executable, "-c", script.replace("time.sleep(50)", "")],
        capture_output=True, text=True, timeout=40, check=False,
    )  # fmt: skip
    assert "ValueError: a bug" in slept.stderr
    assert slept.returncode == 0
