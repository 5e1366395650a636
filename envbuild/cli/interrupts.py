"""Signals as they are meant: an interrupt that cannot be raised where it fell is sent again; children are heard."""

import os
import sys
from _signal import SIG_DFL, SIGCHLD, signal  # type: ignore[import-not-found]  # `signal` takes longer to load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_AGAIN_SECONDS = 0.05
_SENDER = "interrupts, again"


def come_again() -> None:
    """Send again what is dropped.

    Python runs what handles a signal between any two steps, also within a `__del__` or the end of a weak reference,
    from where nothing can be raised: it prints the KeyboardInterrupt there, and goes on as if none had been.
    """
    sys.unraisablehook = _unraised


def hear_children() -> None:
    """Whoever started us may ignore its own, and that is handed down: then nobody could wait for one of ours."""
    signal(SIGCHLD, SIG_DFL)


def _unraised(told: "UnraisableHookArgs") -> None:
    if issubclass(told.exc_type, KeyboardInterrupt):
        _send_again()
    else:
        sys.__unraisablehook__(told)


def _send_again() -> None:
    """Once for all that fall before it has come: a second one would meet the end of the program."""
    import signal
    import threading

    if not any(one.name == _SENDER for one in threading.enumerate()):
        again = threading.Timer(_AGAIN_SECONDS, os.kill, (os.getpid(), signal.SIGINT))
        again.name = _SENDER
        again.daemon = True
        again.start()
