"""What a session knows of test splits: a look at one is had once by whoever decides.

Who goes on from a session (a fork) has its conversation, and so has seen all of it. Who plays one
again (a replay) repeats its decisions, and may repeat the look that came of them, but no other one.
Pure, but for reading a file.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_intern.events import Fact, Replayed, SessionStarted, ToolFinished, ToolStarted
from ml_intern.queue.rows import Recorded
from ml_intern.transcript import parts
from ml_intern.transcript.decoding import Record
from ml_intern.transcript.line import Answered
from ml_intern.transcript.problems import Problems

CARRIED = ("split", "fingerprint", "model_dir", "weights_sha256", "metrics", "rows")
"""Of an evaluation."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Evaluations on test splits that a session knows of."""

    before: tuple[Fact, ...] = ()
    """Of sessions that it went on from."""
    played: tuple[Fact, ...] = ()
    """Of the recording that it plays."""
    own: tuple[Fact, ...] = ()

    def __add__(self, other: "Scores") -> "Scores":
        return Scores(
            before=self.before + other.before,
            played=self.played + other.played,
            own=self.own + other.own,
        )

    @property
    def all(self) -> tuple[Fact, ...]:
        """What counts for who goes on from the session: of each split the first one."""
        first: dict[str, Fact] = {}
        for fact in self.before + self.played + self.own:
            first.setdefault(str(fact.data.get("fingerprint")), fact)
        return tuple(first.values())

    @property
    def replayed(self) -> Replayed:
        """What counts for who plays the session: what it did not score itself is not scored."""
        own = {fact.data.get("fingerprint") for fact in self.own}
        unseen = [fact for fact in self.played if fact.data.get("fingerprint") not in own]
        return Replayed(scored_before=(*self.before, *unseen), scored=self.own)


def of_journal(journal: Sequence[Recorded]) -> Scores:
    """Those of a session of ours, also such as have begun and have no result yet."""
    started = journal[0].event
    assert isinstance(started, SessionStarted), "every session begins with it"
    forked, replayed = started.forked_from, started.replayed
    before = forked.scored if forked is not None else ()
    played: tuple[Fact, ...] = ()
    if replayed is not None:
        before, played = before + replayed.scored_before, replayed.scored
    return Scores(before=before, played=played, own=tuple(_made_in(journal)))


def _made_in(journal: Iterable[Recorded]) -> Iterator[Fact]:
    fingerprint: Any = None
    begun: dict[str, Any] = {}
    for recorded in journal:
        match recorded.event:
            case ToolStarted(tool="evaluate", arguments={"split": "test"}, call_id=call_id):
                begun[call_id] = fingerprint
            case ToolFinished(facts=facts, call_id=call_id):
                begun.pop(call_id, None)
                for fact in facts:
                    if fact.kind == "dataset_prepared":
                        fingerprint = fact.data.get("fingerprint")
                    yield from _score(fact.kind, fact.data)
            case _:
                pass
    for fingerprint in begun.values():
        yield Fact(kind="evaluation", data={"split": "test", "fingerprint": fingerprint})


def of_file(path: Path) -> tuple[str, Scores]:
    """The id of the session that a file tells of, and those that stand in it. Raises OSError."""
    session_id, found = "", Scores()
    for record in parts.read(path, Problems()):
        session_id = session_id or record.session_id
        found += of_record(record)
    return session_id or path.stem, found


def of_record(record: Record) -> Scores:
    """Those that one record tells of."""
    replayed = record.extra.get("replayed")
    return Scores(
        before=(*_told(record.extra.get("forkedFrom"), "scored"), *_told(replayed, "scoredBefore")),
        played=_told(replayed, "scored"),
        own=_told(record.content.details, "facts") if isinstance(record.content, Answered) else (),
    )


def _told(holder: Any, name: str) -> tuple[Fact, ...]:
    """Of the facts in this field of a line, which anybody may have written."""
    found = holder.get(name) if isinstance(holder, dict) else None
    facts = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    told = ((str(fact.get("kind")), fact.get("data")) for fact in facts)
    return tuple(
        score for kind, data in told if isinstance(data, dict) for score in _score(kind, data)
    )


def _score(kind: str, data: dict[str, Any]) -> Iterator[Fact]:
    if kind == "evaluation" and data.get("split") == "test":
        yield Fact(kind=kind, data={key: data[key] for key in CARRIED if key in data})
