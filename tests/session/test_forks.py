"""A session that goes on from another one: what its model sees, and what is nobody's words here."""

from typing import Any

import pytest

from ml_intern.events import Fact, ForkedFrom, OpCancelled, Recalled, SessionStarted
from ml_intern.messages import (
    AssistantMessage,
    CallId,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from ml_intern.ops import Undo, UserInput
from ml_intern.session.history import History
from tests.queue.checked import findings
from tests.support.desks import SESSION, Bench, words

CALL = ToolCall(call_id=CallId("call_of_old"), name="effect", arguments="{}")
PARENT = ForkedFrom(session_id="parent", turn=1)
HISTORY = [
    Recalled(message=UserMessage(text="train on /home/ada/secret.csv", recalled=True)),
    Recalled(message=AssistantMessage(text="I look.", tool_calls=(CALL,)), model="other"),
    Recalled(message=ToolMessage(call_id=CALL.call_id, name="effect", text="done")),
    Recalled(message=AssistantMessage(text="It is done."), model="other"),
]


@pytest.fixture
def bench(tmp_path):
    made = []

    def make(*replies):
        made.append(Bench(tmp_path, replies))
        return made[-1]

    yield make
    for each in made:
        each.store.close()


def fork(bench: Bench, **changes: Any) -> None:
    started = SessionStarted(
        title="a fork",
        model="listed",
        workspace=str(bench.place.workspace),
        started_in="/",
        version="0",
        forked_from=PARENT,
        **changes,
    )
    first = UserInput(text="Go on.", author="ada")
    bench.store.create_session(SESSION, started, first, HISTORY)


def test_the_model_sees_the_messages_of_the_parent_and_then_the_new_words(bench):
    b = bench(words("I go on."))
    fork(b)
    assert b.drive().outcome == "finished"
    recalled = [event.message for event in HISTORY]
    assert list(b.model.asked[0])[1:] == [*recalled, UserMessage(text="Go on.")]


def test_nothing_of_the_parent_was_said_or_is_open_or_was_spent_here(bench):
    b = bench(words("I go on."))
    fork(b)
    b.drive()
    history = History()
    for event in b.events():
        history.apply(event)
    assert history.said == ["Go on."]
    assert history.open_calls == {}
    assert (history.iterations, history.meter.answers) == (1, 1)
    assert b.store.spends(SESSION) == []


def test_undo_stops_where_the_fork_began(bench):
    b = bench(words("I go on."), words("fresh"))
    fork(b)
    b.drive()
    b.submit(Undo(asked_by="ada"))
    b.drive()
    b.submit(Undo(asked_by="ada"))
    b.drive()
    assert b.last(OpCancelled).reason == "there are no words that could be taken back"
    b.submit(UserInput(text="otherwise", author="ada"))
    b.drive()
    recalled = [event.message for event in HISTORY]
    assert list(b.model.asked[-1])[1:] == [*recalled, UserMessage(text="otherwise")]


def test_a_test_split_that_was_scored_in_the_parent_counts_as_scored():
    spent = Fact(kind="evaluation", data={"split": "test", "fingerprint": "f"})
    parent = ForkedFrom(session_id="parent", turn=1, scored=(spent,))
    history = History()
    history.apply(
        SessionStarted(
            title="t", model="m", workspace="/w", started_in="/", version="0", forked_from=parent
        )
    )
    assert history.facts == [spent]


def test_a_fork_is_whole_for_whoever_checks_the_database(bench, tmp_path):
    b = bench(words("I go on."))
    fork(b)
    b.drive()
    assert findings(tmp_path / "ml-intern.db") == []
