"""`undo`, `compact` and `model`: what changes a session between its turns, and what came of it."""

import sys
import threading
from collections.abc import Callable
from typing import assert_never

from ml_intern.cli import exits
from ml_intern.cli.follow import TICK_S
from ml_intern.cli.foreground import model_named, session_named
from ml_intern.cli.opening import Opened, opened
from ml_intern.cli.quantities import line
from ml_intern.cli.summary import short
from ml_intern.cli.wishes import Wishes
from ml_intern.client import models
from ml_intern.client.author import author
from ml_intern.client.door import Request, Watch
from ml_intern.client.view import fold
from ml_intern.clock import SystemClock
from ml_intern.daemon.models import chain_of
from ml_intern.effort import Effort
from ml_intern.errors import InputError
from ml_intern.events import Compacted, ModelChanged, OpCancelled, Undone
from ml_intern.messages import SessionId
from ml_intern.ops import ChangeModel, Compact, Undo
from ml_intern.queue.lock import FOREGROUND
from ml_intern.queue.rows import Recorded, SessionRow
from ml_intern.settings import load
from ml_intern.wording import sentence

Outcome = Undone | Compacted | ModelChanged | OpCancelled
SHOW_AFTER_S = 2.0


def undo(prefix: str, *, debug: bool) -> int:
    """Take the last words of a person out of the conversation."""
    return _revise(prefix, lambda _row: Undo(asked_by=author()), debug=debug)


def compact(prefix: str, *, debug: bool) -> int:
    """Have the older part of the conversation summed up."""
    return _revise(prefix, lambda _row: Compact(asked_by=author()), debug=debug)


def change_model(prefix: str, name: str | None, effort: Effort | None, *, debug: bool) -> int:
    """Ask another model from now on, or with another effort; for neither, say how it is."""
    if name is None and effort is None:
        return _show_models(prefix, debug=debug)

    def change(row: SessionRow) -> Request:
        model = model_named(name) or row.model
        return ChangeModel(model=model, asked_by=author(), effort=effort)

    return _revise(prefix, change, debug=debug)


def _show_models(prefix: str, *, debug: bool) -> int:
    """Which model answers a session, which go on in its place, and what was wrong with each."""
    with Wishes() as wishes, opened(wishes, debug=debug) as found:
        row = session_named(found.door, prefix)
        view = fold(found.door.events(row.session_id))
    own = view.own_model or row.model
    answers = models.answering(view.model or own, own, view.effort, view.lowered.get(view.model))
    session = short(row.session_id)
    none = " Nobody answers at present." if view.asked_again_at is not None else ""
    sys.stdout.write(f"Session {session} asks {line(answers)}.{none}\n")
    chain = chain_of(own, load())
    for number, name in enumerate(chain, 1):
        trouble = view.failures.get(name, "")
        said = f": {models.clause(trouble)}" if trouble else ""
        sys.stdout.write(f"  {number}. {line(f'{name}{said}', 300)}\n")
    if len(chain) > 1:
        sys.stdout.write("After the first they are fallback_models, as this shell has them.\n")
    sys.stdout.write(f"Another one: ml-intern model {session} NAME\n")
    return exits.DONE


def _revise(prefix: str, made: Callable[[SessionRow], Request], *, debug: bool) -> int:
    """Queue what is `made`, see it done here or by whoever works, and say what came of it."""
    with Wishes() as wishes, opened(wishes, debug=debug) as found:
        row = session_named(found.door, prefix)
        session_id = row.session_id
        news = threading.Event()
        events = found.door.events(session_id)
        watch = found.door.watch(session_id, events[-1].seq if events else 0, news.set)
        try:
            number = found.door.submit(session_id, made(row))
            outcome = _await(found, wishes, watch, news, session_id, number)
        finally:
            watch.close()
    if outcome is None:
        sys.stdout.write("It is queued, and done when the session's present step has ended.\n")
        return exits.TRY_LATER
    return _tell(outcome, session_id)


def _await(
    found: Opened,
    wishes: Wishes,
    watch: Watch,
    news: threading.Event,
    session_id: SessionId,
    number: int | None,
) -> Outcome | None:
    """What came of the op; None when the person does not wait for it."""
    clock = SystemClock()
    show_at = clock.monotonic() + SHOW_AFTER_S
    while not wishes.any:
        if found.service is not None:
            found.service.try_host(work=FOREGROUND, only=session_id)
        news.clear()
        for item in watch.take():
            if isinstance(item, Recorded) and (outcome := _outcome(item, number)) is not None:
                return outcome
        if clock.monotonic() > show_at:
            show_at = float("inf")
            sys.stderr.write("Waiting for the session's present step; Ctrl-C leaves it queued.\n")
        clock.wait(news, TICK_S)
    return None


def _outcome(recorded: Recorded, number: int | None) -> Outcome | None:
    event = recorded.event
    if isinstance(event, OpCancelled) and event.op_seq != number:
        return None
    if isinstance(event, Compacted) and event.trigger != "asked":
        return None
    return event if isinstance(event, Undone | Compacted | ModelChanged | OpCancelled) else None


def _tell(outcome: Outcome, session_id: SessionId) -> int:
    if isinstance(outcome, OpCancelled):
        raise InputError(sentence(f"Nothing was changed: {outcome.reason}"))
    sys.stdout.write(_words(outcome, short(session_id)) + "\n")
    return exits.DONE


def _words(outcome: Undone | Compacted | ModelChanged, session: str) -> str:
    match outcome:
        case Undone(words=words):
            return (
                f"Taken back: {line(words, 200)}\nWhat was done to files, jobs and the outside "
                f"stays done. Go on with: ml-intern say {session} ..."
            )
        case Compacted():
            return line(models.compaction(outcome))
        case ModelChanged(model=model, effort=effort):
            asked = models.answering(model, model, effort, None)
            return f"From now on session {session} asks {line(asked)}."
        case _:
            assert_never(outcome)
