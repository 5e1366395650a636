"""What a solver is asked and what it answered: requests, pins, currency, and the text of a lock file."""

from envbuild.lock.bases import SCRATCH, Base, ImageName, asked_base, image_name
from envbuild.lock.changes import Change, pin_changes, request_changes
from envbuild.lock.condalock import Exporter, models, pixi_exporter
from envbuild.lock.file import FOLDER, SUFFIX, Head, Lock, lock_path, make_lock, read_head, read_lock
from envbuild.lock.folders import BUILD_FILES, Stated, further_files, reads_requirements, stated
from envbuild.lock.leaving import direct, in_order, is_of_the_project, sound
from envbuild.lock.met import meets, nameless, package_record, root_keys, still_met
from envbuild.lock.moves import Move, moves
from envbuild.lock.pins import Member, Pin, Pins
from envbuild.lock.refusals import refusals
from envbuild.lock.request import (
    EVERY,
    Bound,
    CondaRequest,
    Digest,
    Request,
    canonical,
    conda_items,
    member_items,
    pip_request,
    requests,
    root_items,
)
from envbuild.lock.specs import joined_specs, spec_fields, spec_name, split_spec
from envbuild.lock.text import lock_text
from envbuild.lock.together import (
    SOLVE_GROUP,
    Held,
    bounds,
    conda_share,
    disagreements,
    group_of,
    merged,
    quarrels,
    together,
    untold,
)
from envbuild.lock.urls import public_url, safe_url
from envbuild.lock.virtual import host_system, virtual_packages

__all__ = [
    "BUILD_FILES",
    "EVERY",
    "FOLDER",
    "SCRATCH",
    "SOLVE_GROUP",
    "SUFFIX",
    "Base",
    "Bound",
    "Change",
    "CondaRequest",
    "Digest",
    "Exporter",
    "Head",
    "Held",
    "ImageName",
    "Lock",
    "Member",
    "Move",
    "Pin",
    "Pins",
    "Request",
    "Stated",
    "asked_base",
    "bounds",
    "canonical",
    "conda_items",
    "conda_share",
    "direct",
    "disagreements",
    "further_files",
    "group_of",
    "host_system",
    "image_name",
    "in_order",
    "is_of_the_project",
    "joined_specs",
    "lock_path",
    "lock_text",
    "make_lock",
    "meets",
    "member_items",
    "merged",
    "models",
    "moves",
    "nameless",
    "package_record",
    "pin_changes",
    "pip_request",
    "pixi_exporter",
    "public_url",
    "quarrels",
    "read_head",
    "read_lock",
    "reads_requirements",
    "refusals",
    "request_changes",
    "requests",
    "root_items",
    "root_keys",
    "safe_url",
    "sound",
    "spec_fields",
    "spec_name",
    "split_spec",
    "stated",
    "still_met",
    "together",
    "untold",
    "virtual_packages",
]
