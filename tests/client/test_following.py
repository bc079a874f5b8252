"""Following a session for a program, over doors that are slower than the journal."""

from pathlib import Path

from ml_intern.client.door import NewSession
from ml_intern.client.following import Following
from ml_intern.events import TurnFinished, TurnStarted
from tests.support.store_door import StoreDoor


def test_events_that_a_watch_brings_late_are_waited_for(tmp_path: Path) -> None:
    door = StoreDoor(tmp_path, late_takes=3)
    session_id = door.start_session(NewSession(task="Train", started_in="/home/ada", author="ada"))
    claim = door.store.claim(0)
    ended = TurnFinished(outcome="finished", detail="All done.")
    door.store.finish(claim, TurnStarted(op_seq=1, attempt=1), ended)

    following = Following(door, session_id, look=lambda: None, answer=print)
    told = [recorded.event for recorded in following.events()]

    door.close()
    assert ended == told[-1]
