"""What a solver is asked and what it answered: requests, pins, currency, and the text of a lock file."""

from envbuild.lock.bases import Base, ImageName, image_name
from envbuild.lock.changes import Change, pin_changes, request_changes
from envbuild.lock.condalock import models
from envbuild.lock.file import FOLDER, SUFFIX, Head, Lock, lock_path, make_lock, read_head, read_lock
from envbuild.lock.met import meets, package_record, root_keys, still_met
from envbuild.lock.moves import Move, moves
from envbuild.lock.pins import Pin, Pins, Wheel
from envbuild.lock.refusals import refusals
from envbuild.lock.request import (
    EVERY,
    Bound,
    CondaRequest,
    Request,
    canonical,
    conda_items,
    requests,
    root_items,
    wheel_items,
)
from envbuild.lock.specs import joined_specs, spec_fields, spec_name, split_spec
from envbuild.lock.text import lock_text
from envbuild.lock.virtual import host_system, virtual_packages

__all__ = [
    "EVERY",
    "FOLDER",
    "SUFFIX",
    "Base",
    "Bound",
    "Change",
    "CondaRequest",
    "Head",
    "ImageName",
    "Lock",
    "Move",
    "Pin",
    "Pins",
    "Request",
    "Wheel",
    "canonical",
    "conda_items",
    "host_system",
    "image_name",
    "joined_specs",
    "lock_path",
    "lock_text",
    "make_lock",
    "meets",
    "models",
    "moves",
    "package_record",
    "pin_changes",
    "read_head",
    "read_lock",
    "refusals",
    "request_changes",
    "requests",
    "root_items",
    "root_keys",
    "spec_fields",
    "spec_name",
    "split_spec",
    "still_met",
    "virtual_packages",
    "wheel_items",
]
