"""A session whose model goes by what has happened in it, and that trains as another one did."""

import json
import re
from typing import Any

import pytest

from ml_intern.events import (
    Compacted,
    Machine,
    ModelReplied,
    Shortened,
    ToolStarted,
    TurnFinished,
)
from ml_intern.llm.replay import replay_model
from ml_intern.ops import Compact, Undo, UserInput
from ml_intern.session.desk import Limits
from ml_intern.tools.protocol import succeed
from tests.support.desks import SESSION, Bench, calls, words
from tests.tracing.fakes import answered, call, recorded, replied, write
from tests.tracing.test_seen import cut_and_summed_up


@pytest.fixture
def bench(tmp_path):
    made = []

    def make(*replies):
        made.append(Bench(tmp_path, replies))
        return made[-1]

    yield make
    for each in made:
        each.store.close()


def playing(bench: Bench, folder: Any, *old: Any) -> Bench:
    bench.model = replay_model(f"replay/{write(folder, recorded('old', *old))}")
    return bench


def test_answers_that_were_taken_back_have_been_given_all_the_same(bench, tmp_path):
    b = playing(bench(), tmp_path, replied("one"), replied("two"), replied("three"))
    b.start()
    for op in (UserInput(text="bad", author="ada"), Undo(asked_by="ada"), None):
        b.drive()
        b.submit(op or UserInput(text="better", author="ada"))
    b.drive()
    assert [event.text for event in b.all(ModelReplied)] == ["one", "two", "three"]


def test_a_call_names_an_earlier_one_by_its_id_in_this_session(bench, tmp_path):
    later = {"number": 1}
    b = playing(
        bench(),
        tmp_path,
        replied("", call("call_0123456789", "effect", later)),
        answered("call_0123456789"),
        replied("", call("c2", "nothing", {"about": "call_0123456789"})),
        answered("c2"),
        replied("done"),
    )
    b.start()
    assert b.drive() == TurnFinished(outcome="finished", detail="done")
    first, second, _ = b.all(ModelReplied)
    about = json.loads(second.tool_calls[0].arguments)["about"]
    assert about == first.tool_calls[0].call_id == b.all(ToolStarted)[0].call_id
    assert first.cost_micro_usd == 0


def test_a_recording_that_is_over_ends_the_turn_with_a_sentence(bench, tmp_path):
    b = playing(bench(), tmp_path, replied("", call("c1", "look", {})), answered("c1"))
    b.start()
    ended = b.drive()
    assert (ended.outcome, "The recording is over" in ended.detail) == ("failed", True)


def test_training_counts_on_what_the_session_began_with(bench):
    b = bench(calls(("effect", '{"number": 1}')), words("done"))
    seen = []

    def look(args, ctx):
        seen.append((ctx.place.cpus, ctx.place.threads))
        return succeed({})

    b.effect.answer = look
    b.start(machine=Machine(cpus=7, threads=3, system="Linux x86_64", python="3.12.7"))
    b.drive()
    assert seen == [(7, 3)]


def test_a_session_that_was_summed_up_in_every_way_is_played_to_its_end(tmp_path):
    """Its turns had outgrown their window; where it was asked for, the recorded text is used."""
    old = cut_and_summed_up(tmp_path / "old")
    for op in (Compact(asked_by="ada"), UserInput(text="And now?", author="ada")):
        old.submit(op)
        old.drive()
    asked = [each for each in old.all(Compacted) if each.trigger == "asked"]
    assert (len(asked), len(old.all(Compacted)) > 3, bool(old.all(Shortened))) == (1, True, True)
    path = write(tmp_path, old.store.events(SESSION))

    new = Bench(tmp_path / "new", [], limits=Limits(max_iterations=1_000, max_turn_s=600))
    new.model = replay_model(f"replay/{path}")
    new.start("Look at all of it. " * 600)
    new.drive()
    for op in (Compact(asked_by="ada"), UserInput(text="And now?", author="ada")):
        new.submit(op)
        new.drive()
    answers = [[each.text for each in bench.all(ModelReplied)] for bench in (old, new)]
    assert answers[0] == answers[1]
    assert [each.trigger for each in new.all(Compacted)] == ["asked"]
    played = new.last(Compacted)
    folder = str(new.place.workspace)
    assert played.written_by == "model"
    assert _without_ids(played.summary) == _without_ids(
        asked[0].summary.replace(str(old.place.workspace), folder)
    )
    assert played.summary.count("## Pinned") == 1
    for each in (old, new):
        each.store.close()


def _without_ids(text: str) -> str:
    return re.sub(r"\([0-9a-f]{6}\)|call_[0-9a-f]+", "ID", text)
