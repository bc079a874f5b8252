"""Whoever is asked to sum up: well, from what stands in the request alone, or in some wrong way."""

import re
from collections.abc import Callable

from ml_intern.context.summary import HEADINGS
from tests.support.model_server import Call, Fault, Reply

Summarise = Callable[[str], Reply]
"""From the words of the request."""

_WORTH = re.compile(r"decision: .+|saved the adapter to \S+|eval_\w+ ?= ?[\d.]+")
_MOST = re.compile(r"Write at most (\d+) words")


def does_its_job(text: str) -> Reply:
    """Carries over whatever is worth it, once, and keeps to the length that it was told."""
    found = list(dict.fromkeys(each.strip().replace(" = ", "=") for each in _WORTH.findall(text)))
    told = _MOST.findall(text)
    words = int(told[-1]) if told else 10_000
    lines = [f"## {HEADINGS[1]}", *found, f"## {HEADINGS[-1]}", "Read the next file."]
    while sum(len(line.split()) for line in lines) > words and len(lines) > 1:
        del lines[1]
    return Reply(text="\n".join(lines))


def _too_long(text: str) -> Reply:
    return Reply(text=f"{text}\n" * 3)


BROKEN: dict[str, Summarise] = {
    "empty": lambda _: Reply(text=""),
    "filtered": lambda _: Reply(finish="content_filter"),
    "refused": lambda _: Reply(
        always=Fault(kind="status", status=400, message="Content Exists Risk")
    ),
    "broken": lambda _: Reply(always=Fault(kind="status", status=500)),
    "nonsense": lambda _: Reply(text="The cat sat on the mat. " * 40),
    "too long": _too_long,
    "cut off": lambda _: Reply(text="## Goal\nFind out", finish="length"),
    "calls": lambda _: Reply(calls=(Call(name="read", arguments={"path": "logs/0001.log"}),)),
}
