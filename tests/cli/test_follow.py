import io
import os
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest

from ml_intern.cli import exits
from ml_intern.cli.follow import Doors, Follow, unfinished
from ml_intern.cli.logs import StoreTrouble
from ml_intern.cli.person import Person
from ml_intern.cli.screen import Lines
from ml_intern.cli.wishes import Wishes
from ml_intern.client.door import NewSession
from ml_intern.clock import SystemClock, stamp
from ml_intern.daemon.service import Service
from ml_intern.errors import StoreUnavailable
from ml_intern.events import (
    ApprovalDecided,
    BudgetExtended,
    InterruptRequested,
    ToolFinished,
    TurnFinished,
    TurnStarted,
    UnknownResolved,
)
from ml_intern.llm.scripted import Answer, calling
from ml_intern.messages import AssistantMessage, SessionId
from ml_intern.queue.lock import DaemonLock
from tests.cli.services import TypingPerson, change, scripted_service, started
from tests.support.deciding import decide
from tests.support.lost import lose_call
from tests.support.store_door import StoreDoor
from tests.support.waiting import wait_until


class Following:
    """One service and what a person sees of the session that it is given."""

    def __init__(self, service: Service, **more: object) -> None:
        self.service = service
        self.session_id = started(service, **more)
        self.wishes = Wishes()
        self.trouble = StoreTrouble()
        self._stream = io.StringIO()

    def run(self, person: Person | None = None, *, yes: bool = False) -> int:
        """Follow to the end; the exit status."""
        doors = Doors(
            screen=Lines(self._stream),
            wishes=self.wishes,
            trouble=self.trouble,
            person=person,
            approve_all=yes,
            work="ml-intern demo",
        )
        follow = Follow(
            self.service.door,
            self.session_id,
            doors,
            SystemClock(),
            host=self.service,
            from_start=True,
        )
        return follow.run()

    @property
    def shown(self) -> str:
        return self._stream.getvalue()

    def events(self, kind: type) -> list:
        """The session's events of this kind."""
        recorded = self.service.store.events(self.session_id)
        return [one.event for one in recorded if isinstance(one.event, kind)]


@pytest.fixture
def follow(tmp_path: Path) -> Iterable:
    """Makes a `Following` of a session whose model gives these answers."""
    opened = []

    def make(*answers: Answer, **more: object) -> Following:
        context = scripted_service(tmp_path / "state", answers)
        opened.append(context)
        return Following(context.__enter__(), **more)

    yield make
    for context in opened:
        context.__exit__(None, None, None)


def test_a_session_is_followed_to_its_end(follow) -> None:
    following = follow(
        calling(plan={"items": [{"step": "Look"}]}),
        calling(plan={"items": [{"step": "Look", "status": "done"}]}),
        "All done.",
    )

    assert following.run() == exits.DONE
    assert "plan\n  · Look\n" in following.shown


def test_what_nobody_can_answer_here_is_left_waiting(follow) -> None:
    following = follow(change(), "never said")

    assert following.run() == exits.WAITING
    assert len(following.service.store.open_approvals(following.session_id)) == 1


def test_yes_approves_everything_and_says_so(follow) -> None:
    following = follow(change("8"), change("4"), "Changed.")

    assert following.run(yes=True) == exits.DONE
    decided = following.events(ApprovalDecided)
    assert [event.verdict for event in decided] == ["approve", "approve"]
    assert all(event.decided_by.endswith("(--yes)") for event in decided)


def test_yes_does_not_answer_questions(follow) -> None:
    following = follow(calling(ask_person={"question": "Which file?"}))

    assert following.run(yes=True) == exits.WAITING


def test_a_person_says_yes(follow) -> None:
    following = follow(change(), "Changed.")

    assert following.run(TypingPerson("y")) == exits.DONE
    assert "propose_change needs your yes" in following.shown
    assert following.events(ApprovalDecided)[0].verdict == "approve"


def test_a_person_says_no_and_why(follow) -> None:
    following = follow(change(), "As it was.")

    assert following.run(TypingPerson("n", "too small")) == exits.DONE
    assert "said no: too small" in following.events(ToolFinished)[0].output


def test_a_person_edits_what_will_run(follow, monkeypatch) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)
    following = follow(change("8"), "Changed.")

    person = TypingPerson("e", '{"becomes": "16"}', "y")

    assert following.run(person) == exits.DONE
    assert person.asked[1] == 'The fields to change, as JSON, e.g. {"why": "memory"}: '
    assert person.told.getvalue() == (
        "? with your edit\n"
        "  what            batch\n  was             32\n"
        "  becomes         16\n  why             memory\n"
    )
    decided = following.events(ApprovalDecided)[0]
    assert (decided.verdict, decided.arguments["becomes"]) == ("edit", "16")
    assert decided.arguments["what"] == "batch"


def test_an_edit_that_does_not_fit_is_asked_again(follow, monkeypatch) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)
    following = follow(change(), "Changed.")
    person = TypingPerson("e", "{bad", "e", "", "e", '{"no_such_field": 1}', "y", "y")

    assert following.run(person) == exits.DONE
    assert "cannot be used" in following.shown
    assert [event.verdict for event in following.events(ApprovalDecided)] == ["approve"]


def test_an_edit_is_made_in_the_persons_editor(follow, monkeypatch, tmp_path) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i \'s/"8"/"12"/\' "$1"\n')
    editor.chmod(0o700)
    monkeypatch.setenv("VISUAL", str(editor))
    following = follow(change("8"), "Changed.")

    assert following.run(TypingPerson("e", "y")) == exits.DONE
    assert following.events(ApprovalDecided)[0].arguments["becomes"] == "12"


def test_later_leaves_the_question_open(follow) -> None:
    following = follow(change())
    person = TypingPerson("what?", "l")

    assert following.run(person) == exits.WAITING
    assert len(person.asked) == 2


def test_a_person_answers_a_question(follow) -> None:
    following = follow(calling(ask_person={"question": "Which file?"}), "I see.")

    assert following.run(TypingPerson("a.csv")) == exits.DONE
    assert "? Which file?" in following.shown
    assert "a.csv" in following.events(ToolFinished)[0].output


@pytest.mark.parametrize(
    ("typed", "choice", "answer"),
    [
        (("x", "d", "it is there"), "done", "says that it took effect: it is there"),
        (("skip", ""), "skip", "says not to repeat it"),
        (("r", ""), "retry", '"agreed": true'),
    ],
)
def test_a_person_says_what_became_of_a_lost_call(follow, typed, choice, answer) -> None:
    following = follow("Go on.")
    lose_call(following.service.store, "propose_change", what="b", was="32", becomes="8", why="m")

    assert following.run(TypingPerson(*typed)) == exits.DONE
    assert "propose_change may have taken effect or not" in following.shown
    assert [said.choice for said in following.events(UnknownResolved)] == [choice]
    assert answer in following.events(ToolFinished)[0].output


def test_a_lost_call_that_nobody_can_answer_for_here_is_left_waiting(follow) -> None:
    following = follow("never said")
    lose_call(following.service.store, "propose_change", what="b", was="32", becomes="8", why="m")

    assert following.run(yes=True) == exits.WAITING
    assert following.run(TypingPerson("l")) == exits.WAITING
    assert following.events(UnknownResolved) == []


def test_a_session_without_a_model_is_followed_and_goes_on_when_its_time_has_come(follow) -> None:
    following = follow("All done.")
    store = following.service.store
    on = f"model:{stamp(SystemClock().now())}"
    ended = TurnFinished(outcome="waiting", detail="It is away.", waiting_on=(on,))
    store.finish(store.claim(0), TurnStarted(op_seq=1, attempt=1), ended)
    assert [row.session_id for row in unfinished(store.sessions(9))] == [following.session_id]

    assert following.run() == exits.DONE
    assert "no model answers; one is asked again at " in following.shown
    assert [end.detail for end in following.events(TurnFinished)] == ["It is away.", "All done."]


def looks(number: int) -> AssistantMessage:
    return calling(read={"path": f"{number}.txt"})


def test_a_person_gives_more_room_under_a_cap(follow) -> None:
    following = follow(*map(looks, range(3)), "Nothing there.", max_iterations=2)

    assert following.run(TypingPerson("much", "5")) == exits.DONE
    assert "? the next step would pass a cap" in following.shown
    assert "'much' is no whole number of calls" in following.shown
    assert [given.amount for given in following.events(BudgetExtended)] == [5]


def test_a_cap_that_nobody_extends_here_is_left_as_it_is(follow) -> None:
    following = follow(*map(looks, range(3)), max_iterations=2)

    assert following.run(yes=True) == exits.WAITING
    assert following.run(TypingPerson("")) == exits.WAITING
    assert following.events(BudgetExtended) == []


def test_room_that_is_given_elsewhere_ends_the_asking(follow) -> None:
    following = follow(*map(looks, range(3)), "Nothing there.", max_iterations=2)

    def bob_is_faster() -> None:
        following.service.store.extend(following.session_id, "iterations", 5, "bob")

    assert following.run(TypingPerson(None, meanwhile=bob_is_faster)) == exits.DONE


def test_a_decision_made_elsewhere_ends_the_asking(follow) -> None:
    following = follow(change(), "Changed.")
    service = following.service

    def bob_is_faster() -> None:
        (asked,) = service.store.open_approvals(following.session_id)
        decide(service.store, service.router, asked.approval_id, "approve", decided_by="bob")

    assert following.run(TypingPerson(None, meanwhile=bob_is_faster)) == exits.DONE
    assert "approved by bob" in following.shown


def test_ctrl_c_stops_a_running_tool(follow) -> None:
    following = follow(calling(bash={"command": "sleep 60"}), "never said")
    _when_shown_running(following, lambda: setattr(following.wishes, "stops", 1))

    assert following.run() == exits.INTERRUPTED
    (finished,) = following.events(ToolFinished)
    assert not finished.ok


def test_ctrl_c_while_a_person_is_asked_stops_the_session(follow) -> None:
    following = follow(change(), "never said")
    person = TypingPerson(None, meanwhile=lambda: setattr(following.wishes, "stops", 1))

    assert following.run(person) == exits.INTERRUPTED
    assert following.service.store.open_approvals(following.session_id) == []


def test_two_ctrl_c_at_once_leave_and_the_session_is_still_stopped(follow) -> None:
    following = follow(calling(bash={"command": "sleep 60"}), "never said")
    _when_shown_running(following, lambda: setattr(following.wishes, "stops", 2))

    assert following.run() == exits.INTERRUPTED
    assert len(following.events(InterruptRequested)) == 1


def test_leaving_leaves_the_session_as_it_is(follow) -> None:
    following = follow(calling(bash={"command": "sleep 2"}), "Done.")
    _when_shown_running(following, lambda: setattr(following.wishes, "leaves", 1))

    assert following.run() == exits.TRY_LATER
    assert following.events(InterruptRequested) == []


def test_a_store_that_a_worker_cannot_reach_ends_the_following(follow) -> None:
    following = follow(change())
    following.trouble.words = "The disk is full."

    with pytest.raises(StoreUnavailable, match="full"):
        following.run()


def test_the_end_is_waited_for_when_the_daemons_stream_brings_it_late(tmp_path: Path) -> None:
    door = StoreDoor(tmp_path, late_takes=3)
    session_id = door.start_session(NewSession(task="Train", started_in="/home/ada", author="ada"))
    doors = Doors(screen=Lines(io.StringIO()), wishes=Wishes(), trouble=StoreTrouble())
    follow = Follow(door, session_id, doors, SystemClock())
    ended = TurnFinished(outcome="finished", detail="All done.")
    door.store.finish(door.store.claim(0), TurnStarted(op_seq=1, attempt=1), ended)

    status = follow.run()

    door.close()
    assert status == exits.DONE


def test_another_host_is_followed_and_relieved(tmp_path: Path) -> None:
    state = tmp_path / "state"
    answers: list[Answer] = [calling(bash={"command": "sleep 1"}), "Done by the second."]
    with (
        scripted_service(state, answers[:1]) as first,
        scripted_service(state, answers[1:]) as second,
    ):
        assert first.try_host()
        following = Following(second)
        leaving = threading.Thread(target=_leave_when_busy, args=(first, following.session_id))
        leaving.start()

        assert following.run() == exits.DONE
        leaving.join()

    assert "does the work; this one follows" in following.shown


def _leave_when_busy(host: Service, session_id: SessionId) -> None:
    wait_until(lambda: host.store.session(session_id).state == "leased")
    host.close(drain_s=10.0)


def _when_shown_running(following: Following, act) -> None:
    """Do `act` as soon as a tool has started."""

    def watch() -> None:
        store = following.service.store
        wait_until(
            lambda: any(
                one.event.kind == "tool_started" for one in store.events(following.session_id)
            )
        )
        act()

    threading.Thread(target=watch, daemon=True).start()


def test_whoever_works_says_what_it_is(follow) -> None:
    one = follow("Done.")
    one.run()
    assert str(DaemonLock(one.service.settings.state_dir / "daemon.lock").holder()) == (
        f"Process {os.getpid()} (ml-intern demo)"
    )
