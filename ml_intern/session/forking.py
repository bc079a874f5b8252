"""A session to the end of one of its turns, as another one goes on from it.

Our own are folded from the journal: whole, unredacted, with compactions and undo as they stood at
that turn, without the cuts that were made for a window. Others are read from their file. Turns are
numbered from 1; each words of a person that were no answer to a question begin one. Pure, but for
reading the file.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from ml_intern.context.manager import ContextManager
from ml_intern.context.prompts import HARNESS
from ml_intern.errors import InputError
from ml_intern.events import (
    Event,
    Fact,
    ForkedFrom,
    Hinted,
    ModelReplied,
    Recalled,
    SessionStarted,
    Shortened,
    ToolFinished,
    Undone,
    UserSaid,
)
from ml_intern.messages import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from ml_intern.queue.rows import Recorded
from ml_intern.session import scores
from ml_intern.session.history import History
from ml_intern.session.scores import Scores
from ml_intern.tools.facts import Facts
from ml_intern.transcript import parts
from ml_intern.transcript.conversation import (
    MOST_CHARS,
    UNANSWERED,
    Told,
    TooLong,
    is_persons,
    joined,
    numbered,
    told,
)
from ml_intern.transcript.decoding import Record
from ml_intern.transcript.line import CWD, PROGRAM, Noticed, Said, Title
from ml_intern.transcript.moving import Move
from ml_intern.transcript.problems import Problems
from ml_intern.transcript.recording import mapped
from ml_intern.wording import shortened

TITLE_CHARS = 60


@dataclass(frozen=True, kw_only=True)
class Past:
    """What a fork begins with."""

    session_id: str
    title: str
    turn: int
    turns: int
    """How many there are by now."""
    at: datetime | None
    """When the turn came to its end."""
    told: Sequence[Told]
    scored: tuple[Fact, ...]
    """Evaluations on test splits, of all turns, and those that counted as its own."""
    meant: tuple[Fact, ...] = ()
    """The plan and the pins that stood by then; of a file: none."""
    workspace: str
    """The folder by which its texts name its files."""
    started_in: str = ""
    """From where relative paths in its words start; empty: unknown."""
    source: str = ""
    """See `ForkedFrom`."""

    def parent(self, workspace: str) -> ForkedFrom:
        """What the fork's first event says of it; `workspace` as in `recalled`."""
        move = Move(self.workspace, workspace)
        return ForkedFrom(
            session_id=self.session_id,
            turn=self.turn,
            source=self.source,
            scored=self.scored,
            meant=tuple(replace(fact, data=mapped(fact.data, move.text)) for fact in self.meant),
        )

    def recalled(self, workspace: str) -> Iterator[Recalled]:
        """The messages, with `workspace` wherever they name that of the parent."""
        move = Move(self.workspace, workspace)
        for message, model in self.told:
            if not isinstance(message, SystemMessage):
                yield Recalled(message=_moved(message, move), model=model)


def note(past: Past, files: str) -> Hinted:
    """What the model must know of its new place. `files`: in words, what became of them."""
    told = [
        f"{HARNESS} This session goes on from another one, at the end of its turn {past.turn} of "
        f"{past.turns}. {files} What was established there counts for nothing here (inspected and "
        "prepared data, checked scripts, training jobs): do it again before you rely on it. Jobs "
        "and approvals that were open there are not yours."
    ]
    if past.meant:
        told.append("The plan and what was pinned there stand here too.")
    if past.scored:
        told.append("Test splits that were scored there are not scored again.")
    if past.started_in:
        told.append(f"Relative paths in the words above start in {past.started_in}.")
    return Hinted(text=" ".join(told))


def refuse_turn(turn: int, turns: int) -> None:
    """Raises InputError for a turn that does not exist."""
    if 1 <= turn <= turns:
        return
    there = {0: "no turn yet", 1: "1 turn"}.get(turns, f"{turns:,} turns")
    raise InputError(f"That session has {there}; there is no turn {turn}.")


# From our own journal


def of_journal(journal: Sequence[Recorded], turn: int | None) -> Past:
    """`turn`: None is the last, as the session stands. Raises InputError where there is none."""
    started = journal[0].event
    assert isinstance(started, SessionStarted), "every session begins with it"
    turns = sum(_is_words(recorded.event) for recorded in journal)
    upto = list(journal if turn is None else _through(journal, turn))
    turn = turns if turn is None else turn
    refuse_turn(turn, turns)
    return Past(
        session_id=journal[0].session_id,
        title=started.title,
        turn=turn,
        turns=turns,
        at=upto[-1].at,
        told=_folded(recorded.event for recorded in upto),
        scored=scores.of_journal(journal).all,
        meant=_meant(recorded.event for recorded in upto),
        workspace=started.workspace,
        started_in=started.started_in,
    )


def _is_words(event: Event) -> bool:
    """Whether a person said it, here or in the session that this one was forked from."""
    if isinstance(event, Recalled):
        said = event.message
        return isinstance(said, UserMessage) and not said.injected
    return isinstance(event, UserSaid)


def _through(journal: Iterable[Recorded], turn: int) -> Iterator[Recorded]:
    """To the next words, or to where the turn's own were taken back."""
    number = 0
    for recorded in journal:
        number += _is_words(recorded.event)
        if number > turn or (number == turn and isinstance(recorded.event, Undone)):
            return
        yield recorded


def _folded(happened: Iterable[Event]) -> list[Told]:
    """What the model saw; calls that had no answer get one.

    What was cut for the window of a model is whole: another one may go on, in another window, and
    the files that a cut names may not be there.
    """
    context = ContextManager("")
    models: dict[int, tuple[Message, str]] = {}  # by identity: the fold keeps the objects
    for event in happened:
        if isinstance(event, Shortened):
            continue
        context.add(event)
        last = context.messages()[-1]
        match event:
            case ModelReplied() if isinstance(last, AssistantMessage):
                models.setdefault(id(last), (last, event.model))
            case Recalled():
                models[id(last)] = (last, event.model)
            case _:
                pass
    for call in _unanswered(context.messages()):
        context.add(_given_up(call))
    return [models.get(id(message), (message, "")) for message in context.messages()[1:]]


def _meant(happened: Iterable[Event]) -> tuple[Fact, ...]:
    """The plan that stands, and the pins that do."""
    history = History()
    for event in happened:
        history.apply(event)
    plan = Facts(history.facts).latest("plan")
    pins = [{"id": key, "text": text} for key, text in history.pins.items()]
    return (
        *(Fact(kind="plan", data=data) for data in filter(None, [plan])),
        *(Fact(kind="pin", data=data) for data in pins),
    )


def _unanswered(messages: Sequence[Message]) -> list[ToolCall]:
    answered = {one.call_id for one in messages if isinstance(one, ToolMessage)}
    return [
        call
        for message in messages
        if isinstance(message, AssistantMessage)
        for call in message.tool_calls
        if call.call_id not in answered
    ]


def _given_up(call: ToolCall) -> ToolFinished:
    return ToolFinished(
        call_id=call.call_id,
        tool=call.name,
        ok=False,
        output=UNANSWERED,
        answered_by="interrupt",
        duration_ms=0,
    )


# From a file


def of_file(path: Path, turn: int | None, problems: Problems) -> Past:
    """Raises InputError for a file that cannot be read, a turn that does not exist, or one by whose
    end the conversation is longer than a model is given.

    `turn`: None is the last one, as the session stands. Holds that conversation in memory. Lines
    that cannot be read are added to `problems`.
    """
    reading = _Reading(turn)
    try:
        found = told(reading.through(parts.read(path, problems)))
    except OSError as exc:
        raise InputError(f"{path} cannot be read: {exc.strerror}.") from exc
    except TooLong as exc:
        where = "the last turn" if turn is None else f"turn {turn}"
        raise InputError(
            f"At the end of {where} the conversation has over {MOST_CHARS:,} characters, which "
            "no model is given. Name an earlier turn with --at."
        ) from exc
    turn = reading.turns if turn is None else turn
    refuse_turn(turn, reading.turns)
    return Past(
        session_id=reading.session_id or path.stem,
        title=reading.title,
        turn=turn,
        turns=reading.turns,
        at=reading.at,
        told=found,
        scored=reading.scores.all,
        workspace=CWD if reading.is_ours else "",
        source=str(path),
    )


class _Reading:
    """What is noted on the way through a file."""

    def __init__(self, turn: int | None) -> None:
        self._turn = turn
        self.turns = 0
        self.session_id = ""
        self.title = ""
        self.at: datetime | None = None
        self.is_ours = False
        self.scores = Scores()

    def through(self, records: Iterable[Record]) -> Iterator[Record]:
        """Those to the end of the turn; the others are only looked at."""
        taken_back = False
        for number, record in numbered(joined(records)):
            self._note(number, record)
            taken_back |= number == self._turn and _is_undone(record)
            if self._turn is None or (number <= self._turn and not taken_back):
                self.at = record.at or self.at
                yield record

    def _note(self, number: int, record: Record) -> None:
        self.turns = number
        self.session_id = self.session_id or record.session_id
        self.is_ours |= record.program == PROGRAM
        match record.content:
            case Title(title=title):
                self.title = title
            case Said(text=text) if is_persons(record):
                self.title = self.title or shortened(text, TITLE_CHARS)
            case _:
                pass
        self.scores += scores.of_record(record)


def _is_undone(record: Record) -> bool:
    return isinstance(record.content, Noticed) and "undone" in record.extra


# Into the new session


def _moved(
    message: UserMessage | AssistantMessage | ToolMessage, move: Move
) -> UserMessage | AssistantMessage | ToolMessage:
    match message:
        case UserMessage():
            return replace(message, text=move.text(message.text), recalled=True)
        case ToolMessage():
            return replace(message, text=move.text(message.text))
        case AssistantMessage():
            moved = replace(
                message,
                text=move.text(message.text),
                thinking=move.text(message.thinking),
                tool_calls=tuple(
                    replace(call, arguments=move.json(call.arguments))
                    for call in message.tool_calls
                ),
            )
            # A signature is for thoughts, and what came of them, as the model gave them.
            return moved if moved == message else replace(moved, signed=())
