"""Following a session for a program, over doors that are slower than the journal."""

from itertools import count
from pathlib import Path

from ml_intern.client.door import NewSession
from ml_intern.client.following import Following
from ml_intern.events import TurnFinished, TurnStarted
from ml_intern.ops import Resume
from tests.support.store_door import StoreDoor

NEW = NewSession(task="Train", started_in="/home/ada", author="ada")


def test_a_session_without_a_model_is_followed_until_one_answers(tmp_path: Path) -> None:
    door = StoreDoor(tmp_path, late_takes=0)
    session_id = door.start_session(NEW)
    claim = door.store.claim(0)
    on = "model:2026-01-31T12:00:00.000Z"
    waits = TurnFinished(outcome="waiting", detail="m is away", waiting_on=(on,))
    door.store.finish(claim, TurnStarted(op_seq=1, attempt=1), waits)
    answered = TurnFinished(outcome="finished", detail="All done.")
    looks = count()

    def look() -> None:
        if next(looks) == 3:
            door.store.submit(session_id, Resume(on=on))
            again = door.store.claim(0)
            door.store.finish(again, TurnStarted(op_seq=again.op_seq, attempt=1), answered)

    following = Following(door, session_id, look=look, answer=print)
    told = [recorded.event for recorded in following.events()]

    door.close()
    assert told[-1] == answered


def test_events_that_a_watch_brings_late_are_waited_for(tmp_path: Path) -> None:
    door = StoreDoor(tmp_path, late_takes=3)
    session_id = door.start_session(NEW)
    claim = door.store.claim(0)
    ended = TurnFinished(outcome="finished", detail="All done.")
    door.store.finish(claim, TurnStarted(op_seq=1, attempt=1), ended)

    following = Following(door, session_id, look=lambda: None, answer=print)
    told = [recorded.event for recorded in following.events()]

    door.close()
    assert ended == told[-1]
