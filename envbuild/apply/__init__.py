"""Plan -> Records: builds in order and in parallel, records only what finished, tells of it as events."""

from envbuild.apply.events import Ahead, Event, Kind, Tell, Work
from envbuild.apply.log import End, ended
from envbuild.apply.run import Job, Site, Summary, apply

__all__ = ["Ahead", "End", "Event", "Job", "Kind", "Site", "Summary", "Tell", "Work", "apply", "ended"]
