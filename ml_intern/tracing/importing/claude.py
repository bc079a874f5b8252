"""Session files in the format of Claude Code, of whatever program wrote them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ml_intern.tracing.importing.source import Saying, Source
from ml_intern.transcript import parts
from ml_intern.transcript.conversation import joined
from ml_intern.transcript.decoding import Record, Unknown
from ml_intern.transcript.digest import Digest
from ml_intern.transcript.line import Noticed, Title
from ml_intern.transcript.problems import Problems


def source_of(path: Path, problems: Problems) -> Source:
    """The session of the file, without sub-agents and lines that belong to no conversation.

    One line of it is in memory at a time. What cannot be read is added to `problems`. Raises
    OSError.
    """
    digest = Digest()
    for record in joined(parts.read(path, problems)):
        digest.take(record)
    return Source(
        session_id=digest.session_id or path.stem,
        title=digest.title,
        began=digest.began,
        ended=digest.ended,
        sayings=_Sayings(path),
    )


@dataclass(frozen=True)
class _Sayings:
    """What is said in a file, read anew each time."""

    path: Path

    def __iter__(self) -> Iterator[Saying]:
        for record in joined(parts.read(self.path, Problems())):
            content = record.content
            if isinstance(content, Title | Unknown) or record.extra.get("newChain"):
                continue
            if isinstance(content, Noticed) and not content.text.strip():
                continue
            yield Saying(body=content, at=record.at, extra=_ours(record))


def _ours(record: Record) -> dict[str, object]:
    """What we wrote about the line, but for its place in a journal, and which program wrote it."""
    ours = {key: value for key, value in record.extra.items() if key not in ("seq", "part")}
    if record.program and not record.extra.get("imported"):
        ours["program"] = record.program
    return ours
