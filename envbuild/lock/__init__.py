"""What a solver is asked and what it answered: requests, pins, currency, and the text of a lock file."""

from envbuild.lock.changes import Change, pin_changes, request_changes
from envbuild.lock.file import FOLDER, SUFFIX, Head, Lock, lock_path, lock_text, make_lock, read_head, read_lock
from envbuild.lock.pins import Pin, Pins, Wheel, still_met
from envbuild.lock.refusals import refusals
from envbuild.lock.request import Request, canonical, requests, root_items, wheel_items

__all__ = [
    "FOLDER",
    "SUFFIX",
    "Change",
    "Head",
    "Lock",
    "Pin",
    "Pins",
    "Request",
    "Wheel",
    "canonical",
    "lock_path",
    "lock_text",
    "make_lock",
    "pin_changes",
    "read_head",
    "read_lock",
    "refusals",
    "request_changes",
    "requests",
    "root_items",
    "still_met",
    "wheel_items",
]
