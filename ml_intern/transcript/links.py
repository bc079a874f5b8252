"""Whether the lines of a file hang together, and its calls and results."""

from ml_intern.transcript.line import EXTRA, JsonObject
from ml_intern.transcript.problems import Problems
from ml_intern.transcript.waits import waiting_on

MOST_IDS = 1_000_000
"""That are remembered of one file; behind the line with which they are so many, none is checked."""


class Links:
    """Looks at line after line. Not thread-safe."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._seen: set[str] = set()
        self._open: dict[str, int] = {}
        self._answered: set[str] = set()
        self._asked_last = 0
        """The line of the last answer with calls."""
        self._waits = False
        """What stands open in it waits, for a person or a job."""
        self._is_full = False

    def take(self, number: int, fields: JsonObject) -> None:
        """The next line, as an object."""
        if self._is_full:
            return
        self._take_uuid(number, fields.get("uuid"), fields.get("parentUuid"))
        self._take_wait(fields)
        for block in blocks_of(fields):
            if block.get("type") == "tool_use":
                self._asked_last = number
                self._open.setdefault(str(block.get("id")), number)
            elif block.get("type") == "tool_result":
                self._take_result(number, str(block.get("tool_use_id")))
        if len(self._seen) + len(self._open) + len(self._answered) >= MOST_IDS:
            self._problems.add(number, "from here on, links, calls and results are not checked")
            self._is_full = True
            for ids in (self._seen, self._open, self._answered):
                ids.clear()

    def end(self) -> None:
        """No more lines."""
        for use_id, number in self._open.items():
            if self._waits and number == self._asked_last:
                continue
            self._problems.add(number, f"the call {use_id} has no result")

    def _take_uuid(self, number: int, uuid: object, parent: object) -> None:
        if isinstance(parent, str) and parent not in self._seen:
            on = "itself" if parent == uuid else "no earlier line"
            self._problems.add(number, f"hangs on {on} ({parent[:8]})")
        if isinstance(uuid, str):
            if uuid in self._seen:
                self._problems.add(number, f"has the uuid of an earlier line ({uuid[:8]})")
            self._seen.add(uuid)

    def _take_wait(self, fields: JsonObject) -> None:
        extra = fields.get(EXTRA)
        if isinstance(extra, dict) and waiting_on(extra):
            self._waits = True
        elif fields.get("type") in ("user", "assistant"):
            self._waits = False

    def _take_result(self, number: int, use_id: str) -> None:
        if self._open.pop(use_id, None) is None:
            which = "a second time" if use_id in self._answered else "that nobody made"
            self._problems.add(number, f"answers the call {use_id} {which}")
        self._answered.add(use_id)


def blocks_of(fields: JsonObject) -> list[JsonObject]:
    """The blocks of the line's message; none where it is only text."""
    message = fields.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list):
        return []
    return [block for block in content if isinstance(block, dict)]
