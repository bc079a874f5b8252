"""The files of one session, its parts: which lines they hold, and where the next one goes.

A part holds the lines from the place that its head bears to that of its last line. A line goes to
the part behind whose last, and before whose successor's first line it belongs: a part that lost its
end, or was removed, gets back what is its own and nothing else. Past a size the next answer of a
model begins a new part; so each has words and an answer at once, and no call on one side of a cut
has its result on the other. Not thread-safe.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from ml_intern.messages import SessionId
from ml_intern.tracing import trace_file
from ml_intern.tracing.chain import NOTHING, Chain, Entry, Tail
from ml_intern.tracing.mark import START, Place
from ml_intern.transcript.line import encode
from ml_intern.transcript.parts import numbered, part_id

PART_BYTES = 1_400_000
"""From this size on a part goes on in the next, so that few pass 1.5 MB; viewers fail on more."""


@dataclass
class _Part:
    number: int
    path: Path
    begin: Place
    """Of the line before its first."""
    end: Place
    """Of its last line."""
    size_bytes: int
    """On the disk."""
    chain: Chain | None = None
    pending: list[bytes] = field(default_factory=list)
    """Lines that are not written yet."""


class SessionFiles:
    """Puts the lines of one session where they belong, and knows what is there already."""

    def __init__(
        self,
        folder: Path,
        session_id: SessionId,
        *,
        on_write: Callable[[Path], object] = bool,
        part_bytes: int = PART_BYTES,
    ) -> None:
        """Repairs what a crash left. `on_write` is told each file that is written.

        Raises ValueError when `session_id` is no UUID, OSError.
        """
        self._folder = folder
        self._session_id = session_id
        self._on_write = on_write
        self._part_bytes = part_bytes
        self._parts = self._find()
        self._at = 0

    def add(self, entries: Iterable[Entry]) -> int:
        """Write what the files lack of these lines, which follow the last ones; how many lines.

        What was written before an error stays. Raises Moved when others wrote too, OSError; then
        use this object no more.
        """
        count = 0
        for entry in entries:
            self._go_to(entry.place)
            if entry.place > self._parts[self._at].end:
                count += self._put(entry)
        self._flush()
        return count

    def rewrite(self, entries: Iterable[Entry]) -> int:
        """Put these lines, from the first on, in the place of those that are there; how many files.

        Each file keeps its first and last place and is replaced in one step, so that a crash leaves
        it as it was or as it shall be. Raises Moved when others wrote too, OSError; use this object
        no more.
        """
        count = 0
        tail = NOTHING
        for part, own in groupby(entries, self._holding):
            if part is None:
                continue
            chain = Chain(self._session_id, part.number, tail=Tail(place=part.begin, at=tail.at))
            data = b"".join(encode(line) for entry in own for line in chain.add(entry))
            trace_file.replace_whole(part.path, data, part.size_bytes)
            self._on_write(part.path)
            tail = chain.end()
            count += 1
        return count

    def _find(self) -> list[_Part]:
        """Those that hold anything, in order, and the first in any case."""
        found: list[_Part] = []
        for number, path in numbered(self._folder, self._session_id).items():
            size_bytes, end = trace_file.repair(path)
            if size_bytes:
                begin = self._begin(number, path, found)
                found.append(_Part(number, path, begin, max(begin, end), size_bytes))
        if not found or found[0].number > 1:
            found.insert(0, _Part(1, self._path(1), START, START, 0))
        return found

    def _begin(self, number: int, path: Path, before: list[_Part]) -> Place:
        if number == 1:
            return START
        head = trace_file.first(path)
        if head is not None:
            return head.place
        return before[-1].end if before else START

    def _path(self, number: int) -> Path:
        return self._folder / f"{part_id(self._session_id, number)}.jsonl"

    def _holding(self, entry: Entry) -> _Part | None:
        """The part in which the line stands; None for one that is missing."""
        for part in self._parts:
            if part.begin < entry.place <= part.end:
                return part
        return None

    def _go_to(self, place: Place) -> None:
        """On to the next part where the line belongs behind its head."""
        while self._at + 1 < len(self._parts) and place > self._parts[self._at + 1].begin:
            self._flush()
            self._at += 1

    def _put(self, entry: Entry) -> int:
        if entry.may_begin_part and self._is_full():
            self._begin_part()
        part = self._parts[self._at]
        if part.chain is None:
            tail = trace_file.tail(part.path)
            part.chain = Chain(self._session_id, part.number, tail=tail)
        lines = [encode(line) for line in part.chain.add(entry)]
        part.pending += lines
        part.end = entry.place
        return len(lines)

    def _is_full(self) -> bool:
        """Whether it has the size, not by its head alone, and the number of the next is free."""
        part, following = self._parts[self._at], self._following()
        if following is not None and following.number == part.number + 1:
            return False
        if part.end == part.begin:
            return False
        return part.size_bytes + sum(map(len, part.pending)) >= self._part_bytes

    def _begin_part(self) -> None:
        self._flush()
        before = self._parts[self._at]
        tail = trace_file.tail(before.path) if before.chain is None else before.chain.end()
        number = before.number + 1
        chain = Chain(self._session_id, number, tail=Tail(place=before.end, at=tail.at))
        self._at += 1
        self._parts.insert(
            self._at, _Part(number, self._path(number), before.end, before.end, 0, chain)
        )

    def _following(self) -> _Part | None:
        return self._parts[self._at + 1] if self._at + 1 < len(self._parts) else None

    def _flush(self) -> None:
        part = self._parts[self._at]
        if not part.pending:
            return
        data = b"".join(part.pending)
        if part.number > 1 and part.size_bytes == 0:
            before = self._parts[self._at - 1]
            part.size_bytes = trace_file.go_on(
                part.path, data, behind=before.path, at_bytes=before.size_bytes
            )
        else:
            following = self._following()
            unknown = self._path(part.number + 1) if following is None else None
            part.size_bytes = trace_file.append(
                part.path, data, part.size_bytes, goes_on_in=unknown
            )
        part.pending = []
        self._on_write(part.path)
