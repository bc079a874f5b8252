"""Watching a session: its events, and the text that is being written, in their order."""

import contextlib
import sqlite3
import threading

import pytest

from ml_intern.client.door import TextPiece
from ml_intern.clock import SystemClock
from ml_intern.daemon.hub import BATCH, MOST_PIECES, Hub
from ml_intern.daemon.supervisor import Supervisor
from ml_intern.events import Hinted, ModelReplied, TurnFinished
from ml_intern.ops import UserInput
from ml_intern.queue.rows import Recorded
from tests.support.desks import SESSION, Bench, words
from tests.support.waiting import wait_until


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path, [words("one"), words("two")])
    bench.start()
    yield bench
    bench.store.close()


@pytest.fixture
def hub(bench):
    readers = Supervisor(SystemClock())
    yield Hub(bench.store.journal, SystemClock(), lambda run: readers.start("news", run))
    assert readers.stop(5)


def kinds(items):
    return [item.event.kind if isinstance(item, Recorded) else item.text for item in items]


def test_a_watcher_takes_every_event_once_and_in_order(bench, hub):
    watch = hub.watch(SESSION, 0, bool)
    seen = list(watch.take())
    bench.drive()
    seen += watch.take()
    assert [item.seq for item in seen] == list(range(1, len(seen) + 1))
    assert seen[-1].event.kind == "turn_finished"
    assert list(watch.take()) == []


def test_a_watcher_is_woken_by_an_event_and_by_text(bench, hub):
    news = threading.Event()
    watch = hub.watch(SESSION, 1, news.set)
    wait_until(news.is_set)
    watch.take()
    news.clear()
    hub.say(SESSION, "a piece")
    assert news.is_set()
    assert list(watch.take()) == [TextPiece(session_id=SESSION, text="a piece")]
    news.clear()
    bench.drive()
    wait_until(news.is_set)


def test_text_comes_before_the_answer_that_it_is_part_of(bench, hub):
    watch = hub.watch(SESSION, 1, bool)
    complete = bench.model.complete

    def say(messages, tools, **how):
        hub.say(SESSION, "o")
        hub.say(SESSION, "ne")
        return complete(messages, tools, **how)

    bench.model.complete = say
    bench.drive()
    hub.say(SESSION, "later")
    told = kinds(watch.take())
    assert told.index("o") < told.index("ne") < told.index(ModelReplied.kind)
    assert told[-2:] == [TurnFinished.kind, "later"]


def test_a_watcher_that_does_not_take_loses_text_and_no_event(bench, hub):
    watch = hub.watch(SESSION, 0, bool)
    for number in range(MOST_PIECES + 10):
        hub.say(SESSION, str(number))
    bench.drive()
    items = watch.take()
    assert sum(isinstance(item, TextPiece) for item in items) == MOST_PIECES
    assert len(items) - MOST_PIECES == len(bench.events())


def test_who_has_closed_is_woken_no_more(bench, hub):
    woken = []
    watch, other = hub.watch(SESSION, 0, lambda: woken.append(1)), hub.watch(SESSION, 0, bool)
    watch.close()
    del woken[:]
    hub.say(SESSION, "a piece")
    assert woken == []
    assert TextPiece(session_id=SESSION, text="a piece") in other.take()


def test_what_another_process_writes_wakes_too(bench, hub):
    news = threading.Event()
    hub.watch(SESSION, 0, news.set).take()
    news.clear()
    other = Bench.__new__(Bench)
    other.store = type(bench.store).open(
        bench.place.workspace.parent / "ml-intern.db", SystemClock()
    )
    claim = other.store.claim(0)
    other.store.finish(claim, TurnFinished(outcome="finished", detail="elsewhere"))
    wait_until(news.is_set)
    other.store.submit(SESSION, UserInput(text="x", author="ada"))
    other.store.close()


def test_a_long_past_comes_in_parts_each_of_which_wakes_for_the_next(bench, hub):
    claim = bench.store.claim(0)
    count = 2 * BATCH
    bench.store.append(claim.lease, *[Hinted(text=str(number)) for number in range(count)])
    news = threading.Event()
    watch = hub.watch(SESSION, 1, news.set)
    seen = []
    while news.is_set():
        news.clear()
        seen += watch.take()
    assert [item.event.text for item in seen] == [str(number) for number in range(count)]


def test_an_event_that_cannot_be_read_keeps_no_watcher_from_the_next(bench, hub):
    news = threading.Event()
    hub.watch(SESSION, 0, news.set).take()
    claim = bench.store.claim(0)
    path = bench.place.workspace.parent / "ml-intern.db"
    with contextlib.closing(sqlite3.connect(path)) as plain, plain:
        plain.execute(
            "CREATE TRIGGER torn AFTER INSERT ON event WHEN new.kind = 'hinted' BEGIN "
            "UPDATE event SET data = '{' WHERE position = new.position; END"
        )
    news.clear()
    bench.store.append(claim.lease, Hinted(text="torn"))
    wait_until(news.is_set)
    news.clear()
    bench.store.finish(claim, TurnFinished(outcome="finished", detail="read"))
    wait_until(news.is_set)
