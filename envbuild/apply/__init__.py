"""Plan -> Records: builds in order and in parallel, records only what finished, tells of it as events."""

from envbuild.apply.events import Ahead, Event, Kind, Tell, Work
from envbuild.apply.log import End, ended
from envbuild.apply.making import Job, Maker, Task
from envbuild.apply.run import Pace, Site, Summary, apply

__all__ = [
    "Ahead",
    "End",
    "Event",
    "Job",
    "Kind",
    "Maker",
    "Pace",
    "Site",
    "Summary",
    "Task",
    "Tell",
    "Work",
    "apply",
    "ended",
]
