"""Long texts cut to their head and tail, so that a session stays small enough to be shown.

Lengths are bytes of the text's JSON form, as it lies on disk: a page of Chinese is six times as
long there as the same number of Latin letters.
"""

import json

HEAD_SHARE = 2 / 3


def clip(text: str, limit_bytes: int, where: str = "") -> str:
    """`text`, or its head, a note of how much is missing, and its tail; never over `limit_bytes`.

    `where` ends the note. `limit_bytes` must leave room for it: 100 at least, without `where`.
    """
    if len(text) <= limit_bytes and _size(text) <= limit_bytes:
        return text
    room = limit_bytes - _size(_note(len(text), where))
    head = text[: _fitting(text[:room], int(room * HEAD_SHARE))]
    tail_room = room - _size(head)
    end = text[len(head) :][-tail_room:]
    tail = end[len(end) - _fitting(end[::-1], tail_room) :]
    return head + _note(len(text) - len(head) - len(tail), where) + tail


def _note(missing: int, where: str) -> str:
    return f"\n[... {missing} characters left out of the trace{where} ...]\n"


def _size(text: str) -> int:
    return len(json.dumps(text)) - 2


def _fitting(text: str, room: int) -> int:
    """How many characters from the start of `text` take `room` bytes at most."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if _size(text[:middle]) <= room:
            low = middle
        else:
            high = middle - 1
    return low
