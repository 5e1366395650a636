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
seen = weakref.ref(thing, lambda _: signal.raise_signal(signal.SIGINT))
del thing
time.sleep(50)
"""
_DIES = {"a reference ends": "pass", "a thing ends": "def __del__(self): signal.raise_signal(signal.SIGINT)"}


@pytest.mark.parametrize("dies", _DIES)
def test_an_interrupt_that_cannot_be_raised_comes_again(dies: str) -> None:
    """Python drops what is raised while a reference or a thing ends, and would go on as if nobody had pressed it."""
    slept = subprocess.run(
        [sys.executable, "-c", _SLEEPER.format(dies=_DIES[dies])],
        capture_output=True, text=True, timeout=40, check=False,
    )  # fmt: skip
    assert slept.stderr.splitlines()[-1] == "KeyboardInterrupt"
    assert "ignored" not in slept.stderr


def test_what_else_cannot_be_raised_is_told_as_ever() -> None:
    """A bug in the end of a thing is Python's to tell."""
    script = _SLEEPER.format(dies="def __del__(self): raise ValueError('a bug')").replace("time.sleep(50)", "")
    slept = subprocess.run(
        [sys.executable, "-c", script.replace("signal.raise_signal(signal.SIGINT)", "None")],
        capture_output=True, text=True, timeout=40, check=False,
    )  # fmt: skip
    assert "ValueError: a bug" in slept.stderr
    assert slept.returncode == 0
