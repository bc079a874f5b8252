"""Numbers and foreign text as a person reads them in one line of a terminal."""

import math
import re
from datetime import datetime
from itertools import pairwise

_BARS = "▁▂▃▄▅▆▇█"
_UNSHOWABLE = re.compile(
    # Control characters (an escape sequence could move the cursor over an approval question) and
    # the marks that turn the writing direction; tab and newline stay.
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


UNKNOWN = "—"
"""Where a time or a duration that nobody knows would stand."""


def duration(seconds: float | None) -> str:
    """`4.2 s`, `42 s`, `3 min 05 s`, `2 h 03 min`, `5 d 02 h`; `UNKNOWN` for None."""
    if seconds is None:
        return UNKNOWN
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600:02d} h"


def clock_time(at: datetime, now: datetime) -> str:
    """`14:05:10` in the zone of this machine; on another day than `now`, `2026-11-27 14:05`."""
    there, here = at.astimezone(), now.astimezone()
    return there.strftime("%H:%M:%S" if there.date() == here.date() else "%Y-%m-%d %H:%M")


def size(bytes_: float) -> str:
    """`512 B`, `7.6 GiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if bytes_ < 1024:
            return f"{bytes_:.0f} B" if unit == "B" else f"{bytes_:.1f} {unit}"
        bytes_ /= 1024
    return f"{bytes_:.1f} TiB"


def percent(share: float) -> str:
    """`96.7 %`."""
    return f"{share * 100:.1f} %" if math.isfinite(share) else "not a number"


def number(value: float) -> str:
    """A loss or a rate in four figures at most."""
    if not math.isfinite(value):
        return "not a number"
    return f"{value:.4g}" if abs(value) < 0.001 or abs(value) >= 1000 else f"{value:.3f}"


def count(many: int, noun: str, plural: str | None = None) -> str:
    """`1 row`, `1,797 rows`."""
    return f"{many:,} {noun if many == 1 else plural or noun + 's'}"


def sparkline(values: list[float], width: int) -> str:
    """The course of `values` in at most `width` characters."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite or width < 1:
        return ""
    columns = min(width, len(finite))
    edges = [round(column * len(finite) / columns) for column in range(columns + 1)]
    means = [sum(finite[a:b]) / (b - a) for a, b in pairwise(edges)]
    low, high = min(means), max(means)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(_BARS[round((mean - low) * scale)] for mean in means)


def shown(text: str) -> str:
    """`text` without what a terminal would obey instead of show."""
    return _UNSHOWABLE.sub("", text.expandtabs(4))


def line(text: str, most: int = 200) -> str:
    """`text` as one line of at most `most` characters."""
    flat = " ".join(shown(text[: most * 8]).split())
    return flat if len(flat) <= most else flat[: most - 1].rstrip() + "…"
