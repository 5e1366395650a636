"""How long ago something was, and how large it is, as people say it. Only what is shown depends on the clock."""

import datetime as dt

_STEPS = ((60, "min", 60), (3600, "h", 24), (86400, "day", 14), (604800, "week", 9), (2629800, "month", 24))
_YEAR = 31557600
_SIZES = ("kB", "MB", "GB", "TB")
_THOUSAND, _EXACT = 1000, 10


def age(started: str, now: dt.datetime) -> str:
    """`just now`, `5 min ago`, `3 h ago`, `2 days ago`; for a time that is still to come, that time."""
    try:
        seconds = (now - dt.datetime.fromisoformat(started)).total_seconds()
    except (TypeError, ValueError):
        return started
    if seconds < -_STEPS[0][0]:
        return started
    if seconds < _STEPS[0][0]:
        return "just now"
    for length, word, most in _STEPS:
        count = int(seconds // length)
        if count < most:
            return f"{_counted(count, word)} ago"
    return f"{_counted(int(seconds // _YEAR), 'year')} ago"


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}{'s' if count != 1 and word not in {'min', 'h'} else ''}"


def size(count: int) -> str:
    """`512 B`, `1.2 kB`, `48 MB`."""
    if count < _THOUSAND:
        return f"{count} B"
    value, units = count / _THOUSAND, iter(_SIZES)
    unit = next(units)
    while value >= _THOUSAND and unit != _SIZES[-1]:
        value, unit = value / _THOUSAND, next(units)
    return f"{value:.1f} {unit}" if value < _EXACT else f"{value:.0f} {unit}"
