"""Whom a session asks when its model does not answer, and what is done about each failure."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ml_intern.clock import parse_stamp
from ml_intern.effort import Effort
from ml_intern.errors import (
    ConfigError,
    ContextOverflow,
    Interrupted,
    ModelError,
    Refused,
    Retryable,
)
from ml_intern.events import (
    Compacted,
    CompactRequested,
    JobProgressed,
    ModelAsked,
    ModelChanged,
    ModelFailed,
    ModelSwitched,
    OpCancelled,
    TurnFinished,
    TurnStarted,
)
from ml_intern.llm.client import ModelReply, Window
from ml_intern.llm.health import MOST_S, REFUSED_S, WAITS_S
from ml_intern.messages import JobId
from ml_intern.ops import ChangeModel, Compact, Resume, UserInput
from ml_intern.session.answering import JITTER, MOST_FAILURES
from ml_intern.session.desk import Limits
from ml_intern.tools.protocol import LaunchedJob, ToolOutcome, succeed
from tests.queue.checked import told
from tests.support.clocks import SwiftClock
from tests.support.desks import SESSION, Bench, Listed, calls, crash, die, words

Make = Callable[..., Bench]
AWAY = Retryable("nobody is there")
LIMITED = Retryable("too fast", trouble="rate", retry_after_s=300.0)


class Roomy(Listed):
    """One that goes by the length of a conversation, and is asked to think."""

    def __init__(self, replies: Any, name: str = "listed", tokens: int = 100_000) -> None:
        super().__init__(replies, name)
        self.tokens = tokens
        self.efforts: list[Effort] = []

    def window(self) -> Window:
        return Window(tokens=self.tokens, answer=1_000, source="the test")

    def with_effort(self, effort: Effort) -> "Roomy":
        self.efforts.append(effort)
        return self


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Make]:
    """A session whose model gives these answers; `others`: those of the rest of its chain."""
    made: list[Bench] = []

    def make(*replies: Any, **others: Any) -> Bench:
        limits = Limits(max_iterations=20, max_turn_s=100_000)
        b = Bench(tmp_path, replies, clock=SwiftClock(), limits=limits)
        made.append(b)
        b.others = {
            name: Listed(given, name) if isinstance(given, list) else given
            for name, given in others.items()
        }
        names = ("listed", *others)
        b.desk = replace(b.desk, chain=lambda model: names if model == "listed" else (model,))
        return b

    yield make
    for each in made:
        each.store.close()
    assert told(tmp_path / "ml-intern.db") == []


def asked(b: Bench) -> list[str]:
    return [event.model for event in b.all(ModelAsked)]


def switches(b: Bench) -> list[tuple[str, str]]:
    return [(event.instead_of, event.model) for event in b.all(ModelSwitched)]


def skip(b: Bench, seconds: float) -> None:
    b.desk.clock.wait(threading.Event(), seconds)


# Who is asked


def test_a_model_that_is_away_is_asked_three_times_and_then_the_next(bench: Make) -> None:
    b = bench(AWAY, AWAY, AWAY, second=[words("done")])
    b.start()
    assert b.drive() == TurnFinished(outcome="finished", detail="done")
    assert asked(b) == ["listed"] * 3 + ["second"]
    assert switches(b) == [("listed", "second")]
    assert b.last(ModelSwitched).reason == "nobody is there"
    waits = [failed.retry_in_s for failed in b.all(ModelFailed)]
    assert waits == [pytest.approx(1, rel=JITTER), pytest.approx(4, rel=JITTER), 0.0]
    assert b.last(ModelFailed).remedy == "second is asked instead"


def test_who_says_when_to_come_back_is_left_alone_at_once(bench: Make) -> None:
    b = bench(LIMITED, second=[words("done")])
    b.start()
    assert b.drive().outcome == "finished"
    assert asked(b) == ["listed", "second"]


def test_the_first_is_asked_again_when_it_is_well_and_people_learn_it_once(bench: Make) -> None:
    b = bench(LIMITED, words("mine again"), second=[calls(("effect", "{}"))] * 2)

    def later(*_: Any) -> ToolOutcome:
        skip(b, 200)
        return succeed({})

    b.effect.answer = later
    b.start()
    assert b.drive().detail == "mine again"
    assert asked(b) == ["listed", "second", "second", "listed"]
    assert switches(b) == [("listed", "second"), ("second", "listed")]


def test_the_log_says_once_that_another_model_answers_and_that_none_does(
    bench: Make, caplog: pytest.LogCaptureFixture
) -> None:
    limits = [LIMITED, LIMITED, LIMITED]
    b = bench(*limits, second=[calls(("effect", "{}")), *limits])
    b.start()
    assert b.drive().outcome == "waiting"
    skip(b, 400)
    b.submit(Resume(on=b.last(TurnFinished).waiting_on[0]))
    assert b.drive().outcome == "waiting"
    said = [(one.message, vars(one)) for one in caplog.records if "model" in one.message]
    assert [message for message, _ in said] == ["model_switched", "no_model_answers"]
    switched, waits = (about for _, about in said)
    assert (switched["instead_of"], switched["model"]) == ("listed", "second")
    assert switched["session_id"] == waits["session_id"] == SESSION
    assert waits["waiting_on"] == b.all(TurnFinished)[0].waiting_on[0]


class Held(Listed):
    """Something happens when it is about to be asked, once that is set."""

    happens: Callable[[], object] | None = None

    def window(self) -> None:
        if self.happens is not None:
            happens, self.happens = self.happens, None
            happens()

    def complete(self, *request: Any, cancelled: Callable[[], bool], **more: Any) -> ModelReply:
        if cancelled():
            raise Interrupted
        return super().complete(*request, **more)


def well_again(bench: Make, happens: Callable[[Bench], object]) -> Bench:
    """The first is away, is well when a job has been started, and is then about to be asked."""
    b = bench(second=[calls(("effect", "{}")), words("by another")])
    b.model = first = Held([LIMITED, words("mine")])

    def launching(*_: Any) -> ToolOutcome:
        skip(b, 400)
        first.happens = lambda: happens(b)
        job = LaunchedJob(job_id=JobId("j1"), compute="local", handle={}, label="train")
        return ToolOutcome(ok=True, output="{}", job=job)

    b.effect.answer = launching
    b.start()
    return b


def test_a_first_that_is_well_is_asked_though_there_is_news_just_before(bench: Make) -> None:
    step = JobProgressed(job_id=JobId("j1"), step=1, max_steps=9, metrics={}, log_offset=1)
    b = well_again(bench, lambda b: b.store.note(SESSION, step))
    assert b.drive().detail == "mine"
    assert asked(b) == ["listed", "second", "listed"]


def test_a_first_that_is_well_is_asked_though_it_was_stopped_just_before(bench: Make) -> None:
    b = well_again(bench, lambda b: b.signals.stop.set())
    assert b.drive().outcome == "interrupted"
    b.signals.stop.clear()
    b.submit(UserInput(text="go on", author="ada"))
    assert b.drive().detail == "mine"


def test_a_first_that_is_tried_in_vain_is_no_switch(bench: Make) -> None:
    b = bench(LIMITED, AWAY, words("mine"), second=[calls(("effect", "{}")), words("done")])

    def later(*_: Any) -> ToolOutcome:
        skip(b, 400)
        return succeed({})

    b.effect.answer = later
    b.start()
    assert b.drive().detail == "done"
    assert asked(b) == ["listed", "second", "listed", "second"]
    assert switches(b) == [("listed", "second")]


def test_other_sessions_know_at_once_how_a_model_is(bench: Make) -> None:
    b = bench(LIMITED, second=[words("one"), words("two")])
    b.start()
    b.drive()
    b.submit(UserInput(text="and now?", author="ada"))
    assert b.drive().detail == "two"
    assert asked(b) == ["listed", "second", "second"]


@pytest.mark.parametrize("trouble", ["authentication", "billing", "model"])
def test_one_that_a_person_must_mend_is_left_alone(bench: Make, trouble: Any) -> None:
    b = bench(Refused("mend me", trouble=trouble), words("mended"), second=[words("done")])
    b.start()
    assert b.drive().detail == "done"
    skip(b, REFUSED_S)
    b.submit(UserInput(text="and now?", author="ada"))
    assert b.drive().detail == "mended"


@pytest.mark.parametrize("trouble", ["authentication", "billing", "model"])
def test_alone_it_is_not_waited_for_and_asked_again_whenever_a_person_wants(
    bench: Make, trouble: Any
) -> None:
    b = bench(Refused("mend me", trouble=trouble), Refused("still", trouble=trouble), words("now"))
    b.start()
    assert b.drive() == TurnFinished(outcome="failed", detail="mend me")
    for answer in ("still", "now"):
        b.submit(UserInput(text="and now?", author="ada"))
        assert b.drive().detail == answer


def test_of_what_is_wrong_with_each_people_read_all(bench: Make) -> None:
    b = bench(
        Refused("no key", trouble="authentication"), second=[Refused("no money", trouble="billing")]
    )
    b.start()
    ended = b.drive()
    assert ended == TurnFinished(outcome="failed", detail="listed: no key; second: no money")


@pytest.mark.parametrize("trouble", ["content", "request"])
def test_what_one_refuses_the_next_is_asked_until_the_person_says_something_else(
    bench: Make, trouble: Any
) -> None:
    refused = Refused("not this", trouble=trouble)
    b = bench(refused, words("that I can"), second=[calls(("effect", "{}")), words("done")])
    b.start()
    assert b.drive().detail == "done"
    assert asked(b) == ["listed", "second", "second"]
    b.submit(UserInput(text="something else", author="ada"))
    assert b.drive().detail == "that I can"


def test_one_that_cannot_be_made_is_passed_over(bench: Make) -> None:
    b = bench(AWAY, AWAY, AWAY, second=[], third=[words("done")])

    def model(name: str) -> Any:
        if name == "second":
            raise ConfigError("second has no key")
        return b.others.get(name, b.model)

    b.desk = replace(b.desk, model=model)
    b.start()
    assert b.drive().detail == "done"
    assert switches(b) == [("listed", "third")]
    told = [(each.model, each.remedy) for each in b.all(ModelFailed)]
    assert told[2:] == [("listed", "third is asked instead"), ("second", "")]


def test_a_first_that_cannot_be_made_does_not_swallow_the_words(bench: Make) -> None:
    b = bench(second=[words("done")])

    def model(name: str) -> Any:
        if name == "listed":
            raise ConfigError("listed has no key")
        return b.others[name]

    b.desk = replace(b.desk, model=model)
    b.start()
    assert b.drive().detail == "done"
    assert b.last(ModelSwitched).reason == "listed has no key"


def test_one_that_is_too_small_is_passed_over_and_the_conversation_stays_whole(
    bench: Make,
) -> None:
    small, large = Roomy([], "second", 500), Roomy([words("done")], "third")
    b = bench(AWAY, AWAY, AWAY, second=small, third=large)
    b.start("a long task " * 200)
    assert b.drive().detail == "done"
    assert (len(small.asked), b.all(Compacted)) == (0, [])
    why = b.last(ModelFailed)
    assert (why.model, why.is_free, why.remedy) == ("second", True, "third is asked instead")
    assert "too small" in why.error
    assert [m.text for m in large.asked[0][1:]] == ["a long task " * 200]


def test_a_fallback_of_unknown_price_is_passed_over(bench: Make) -> None:
    unpriced = Listed([words("dear?")], "second")
    unpriced.worst_cost = None
    b = bench(LIMITED, second=unpriced, third=[words("done")])
    b.start()
    assert b.drive().detail == "done"
    assert asked(b) == ["listed", "third"]


def test_a_person_is_asked_about_the_price_of_the_last_that_is_left(bench: Make) -> None:
    unpriced = Listed([words("done")], "second")
    unpriced.worst_cost = None
    b = bench(Refused("no key", trouble="authentication"), second=unpriced)
    b.start()
    assert b.drive().waiting_on == ("budget:price:second",)
    b.store.extend(SESSION, "price:second", 5, "ada")
    assert b.drive().detail == "done"


# Nobody may be asked


def test_a_long_wait_holds_no_thread_and_is_ended_by_the_clockwork(bench: Make) -> None:
    b = bench(LIMITED, words("done"))
    b.start()
    ended = b.drive()
    assert (ended.outcome, ended.detail) == ("waiting", "listed: too fast")
    (on,) = ended.waiting_on
    until = parse_stamp(on.removeprefix("model:")) - b.desk.clock.now()
    assert until.total_seconds() == pytest.approx(300, abs=5)
    assert b.last(ModelFailed).retry_in_s == pytest.approx(300, abs=5)
    skip(b, 301)
    b.submit(Resume(on="model:2026-01-01T00:00:00.000Z"))
    assert b.drive() == ended
    b.submit(Resume(on=on))
    assert b.drive().detail == "done"


@pytest.mark.parametrize("retry_after_s", [1e300, float("inf")])
def test_nobody_is_waited_for_for_ever(bench: Make, retry_after_s: float) -> None:
    b = bench(Retryable("busy until tomorrow", retry_after_s=retry_after_s), words("done"))
    b.start()
    (on,) = b.drive().waiting_on
    until = parse_stamp(on.removeprefix("model:")) - b.desk.clock.now()
    assert until.total_seconds() == pytest.approx(MOST_S, abs=5)


def test_one_that_is_away_is_asked_ever_more_rarely_and_one_day_no_more(bench: Make) -> None:
    b = bench(*[AWAY] * MOST_FAILURES, words("too late"))
    b.start()
    began = b.desk.clock.monotonic()
    while (ended := b.drive()).outcome == "waiting":
        skip(b, WAITS_S[-1] * (1 + JITTER))
        b.submit(Resume(on=ended.waiting_on[0]))
    assert ended == TurnFinished(outcome="failed", detail="nobody is there")
    assert len(b.model.asked) == MOST_FAILURES
    assert b.desk.clock.monotonic() - began > 8 * 3600
    b.submit(UserInput(text="once more", author="ada"))
    skip(b, 1000)
    assert b.drive().detail == "too late"


def test_who_changes_the_model_of_a_session_that_waits_sets_it_going(bench: Make) -> None:
    b = bench(LIMITED, other=[words("done")])
    b.desk = replace(b.desk, chain=lambda model: (model,))
    b.start()
    b.drive()
    b.submit(ChangeModel(model="other", asked_by="ada"))
    assert b.drive() == TurnFinished(outcome="finished", detail="done")
    assert (b.all(ModelSwitched), asked(b)) == ([], ["listed", "other"])


def test_short_waits_in_a_row_hold_no_thread_for_longer_than_a_minute(bench: Make) -> None:
    soon = Retryable("too fast", trouble="rate", retry_after_s=11.0)
    b = bench(*[soon] * 9, words("done"))
    b.start()
    began = b.desk.clock.monotonic()
    ended = b.drive()
    assert ended.outcome == "waiting"
    assert b.desk.clock.monotonic() - began <= 60 + 1
    for _ in range(20):
        skip(b, WAITS_S[-1] * (1 + JITTER))
        before = b.desk.clock.monotonic()
        b.submit(Resume(on=ended.waiting_on[0]))
        ended = b.drive()
        if ended.outcome == "finished":
            break
        assert b.desk.clock.monotonic() - before < 2, "who goes on with a wait has had its minute"
    assert ended.detail == "done"


def test_one_that_always_says_soon_is_asked_ever_more_rarely_too(bench: Make) -> None:
    soon = Retryable("too fast", trouble="rate", retry_after_s=11.0)
    b = bench(*[soon] * MOST_FAILURES)
    b.start()
    began = b.desk.clock.monotonic()
    while (ended := b.drive()).outcome == "waiting":
        skip(b, WAITS_S[-1] * (1 + JITTER))
        b.submit(Resume(on=ended.waiting_on[0]))
    assert ended == TurnFinished(outcome="failed", detail="too fast")
    assert b.desk.clock.monotonic() - began > 8 * 3600


def test_people_read_which_model_is_asked_when(bench: Make) -> None:
    poor = Refused("no money", trouble="billing")
    b = bench(LIMITED, words("done"), second=[poor])
    b.start()
    assert b.drive().detail == "listed: too fast; second: no money"
    assert b.last(ModelFailed).remedy == "listed is asked instead"
    assert b.last(ModelFailed).retry_in_s == pytest.approx(300, abs=5)


def test_people_read_of_a_fallback_that_the_settings_have_wrong(bench: Make) -> None:
    b = bench(LIMITED, words("done"), second=[])

    def model(name: str) -> Any:
        if name == "second":
            raise ConfigError("There is no model 'second'")
        return b.model

    b.desk = replace(b.desk, model=model)
    b.start()
    assert b.drive().detail == "listed: too fast; second: There is no model 'second'"
    told = [(each.model, each.error) for each in b.all(ModelFailed)]
    assert told.count(("second", "There is no model 'second'")) == 1


# What is mended


def refusing(b: Bench, *replies: ModelReply | ModelError) -> Roomy:
    b.model = Roomy(replies)
    return b.model


def test_less_effort_is_asked_for_until_the_model_takes_it(bench: Make) -> None:
    b = bench()
    no = Refused("not so hard", trouble="effort")
    model = refusing(b, no, no, calls(("effect", "{}")), words("done"))
    b.start(effort="xhigh")
    assert b.drive().detail == "done"
    assert model.efforts == ["xhigh", "high", "medium", "medium"]
    assert [failed.effort for failed in b.all(ModelFailed)] == ["high", "medium"]
    assert b.last(ModelFailed).remedy == "asked again with less effort: medium"


def test_a_model_that_takes_no_effort_at_all_is_not_asked_for_ever(bench: Make) -> None:
    b = bench()
    model = refusing(b, *[Refused("never", trouble="effort")] * 9)
    b.start(effort="low")
    assert b.drive() == TurnFinished(outcome="failed", detail="never")
    assert model.efforts == ["low", "minimal", "none"]


def test_thoughts_that_are_refused_are_left_out_until_a_person_speaks(bench: Make) -> None:
    b = bench()
    model = refusing(b, Refused("whose thought?", trouble="thinking"), words("one"), words("two"))
    b.desk = replace(b.desk, effort="high")
    b.start()
    assert b.drive().detail == "one"
    b.submit(UserInput(text="go on", author="ada"))
    assert b.drive().detail == "two"
    assert model.efforts == ["high", "none", "high"]


def test_a_request_that_was_made_shorter_is_not_made_shorter_again_for_another_failure(
    bench: Make,
) -> None:
    b = bench()
    talk = [calls(("effect", f'{{"number": {number}}}')) for number in range(6)]
    refused = ContextOverflow("too long")
    model = refusing(b, *talk, refused, words("## Goal\nall of it"), AWAY, words("done"))
    b.effect.answer = lambda *_: succeed({"text": "a long way " * 2_000})
    b.start()
    assert b.drive().detail == "done"
    assert len(model.asked[-2]) < len(model.asked[6])
    assert model.asked[-1] == model.asked[-2]


def test_what_was_learned_of_effort_survives_a_crash(bench: Make) -> None:
    b = bench()
    model = refusing(b, Refused("no", trouble="effort"), calls(("effect", "{}")), words("done"))
    b.effect.answer = die
    b.start(effort="high")
    crash(b)
    b.effect.answer = lambda *_: succeed({})
    assert b.drive().detail == "done"
    assert model.efforts == ["high", "medium", "medium"]


# Within a turn that is under way


def while_it_waits(
    b: Bench, monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]
) -> None:
    """This happens when the turn waits for the first time."""
    clock, wait = b.desk.clock, b.desk.clock.wait

    def first(*given: Any) -> bool:
        monkeypatch.setattr(clock, "wait", wait)
        happens()
        return wait(*given)

    monkeypatch.setattr(clock, "wait", first)


def test_words_end_a_wait_for_a_model_and_are_before_the_next_one(
    bench: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    b = bench(AWAY, AWAY, AWAY, AWAY, words("done"))
    news = UserInput(text="use less memory", author="ada")
    while_it_waits(b, monkeypatch, lambda: b.submit(news))
    b.start()
    assert b.drive().detail == "done"
    assert [message.text for message in b.model.asked[1]][1:] == ["do it", "use less memory"]
    assert len(b.all(TurnStarted)) == 1


def test_words_do_not_make_a_provider_be_asked_before_its_time(
    bench: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    b = bench(Retryable("slow down", trouble="rate", retry_after_s=8.0), words("done"))
    news = UserInput(text="faster!", author="ada")
    while_it_waits(b, monkeypatch, lambda: b.submit(news))
    b.start()
    began = b.desk.clock.monotonic()
    assert b.drive().detail == "done"
    assert b.desk.clock.monotonic() - began >= 8 * (1 - JITTER)


def test_another_model_is_asked_at_once_though_the_first_was_to_be_waited_for(
    bench: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    b = bench(*[AWAY] * 9, other=[words("done")])
    b.desk = replace(b.desk, chain=lambda model: (model,))
    change = ChangeModel(model="other", asked_by="ada")
    while_it_waits(b, monkeypatch, lambda: b.submit(change))
    b.start()
    assert b.drive().detail == "done"
    assert asked(b) == ["listed", "other"]


def test_a_model_that_another_session_finds_well_is_asked_at_once(
    bench: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    b = bench(words("done"))
    health, clock = b.desk.health, b.desk.clock
    for _ in range(3):
        health.failed("listed", AWAY)
    skip(b, health.wait_s("listed"))
    assert health.take("listed")
    while_it_waits(b, monkeypatch, lambda: health.worked("listed"))
    b.start()
    began = clock.monotonic()
    assert b.drive().detail == "done"
    assert clock.monotonic() - began < 10


def test_the_model_is_changed_within_the_turn(bench: Make) -> None:
    b = bench(calls(("effect", "{}")), other=[words("done")])

    def change(*_: Any) -> ToolOutcome:
        b.submit(ChangeModel(model="other", asked_by="ada", effort="low"))
        return succeed({})

    b.effect.answer = change
    b.others["other"] = other = Roomy([words("done")], "other")
    b.start()
    assert b.drive().detail == "done"
    assert (asked(b), other.efforts) == (["listed", "other"], ["low"])
    assert (len(b.all(TurnStarted)), b.last(ModelChanged).effort) == (1, "low")
    assert b.store.session(SESSION).model == "other"


def test_a_summary_that_is_asked_for_is_made_within_the_turn(bench: Make) -> None:
    b = bench()
    talk = [calls(("effect", f'{{"number": {number}}}')) for number in range(6)]
    model = refusing(b, *talk, words("## Goal\nall of it"), words("done"))

    def ask(args: Any, _: Any) -> ToolOutcome:
        if args.number == 5:
            b.submit(Compact(asked_by="ada"))
        return succeed({"text": "a long way " * 40})

    b.effect.answer = ask
    b.start()
    assert b.drive().detail == "done"
    done = b.last(Compacted)
    assert (done.trigger, done.asked_by, done.written_by) == ("asked", "ada", "model")
    assert "all of it" in model.asked[-1][2].text
    assert len(b.all(TurnStarted)) == 1


def test_one_that_was_asked_for_when_the_process_died_is_made_once(bench: Make) -> None:
    b = bench()
    talk = [calls(("effect", f'{{"number": {number}}}')) for number in range(6)]
    refusing(b, *talk, words("done"), words("## Goal\nall of it"))
    b.effect.answer = lambda *_: succeed({"text": "a long way " * 40})
    b.start()
    b.drive()
    b.submit(Compact(asked_by="ada"))
    b.model.complete, complete = die, b.model.complete
    crash(b)
    b.model.complete = complete
    b.drive()
    assert [len(b.all(kind)) for kind in (CompactRequested, Compacted, OpCancelled)] == [1, 1, 0]


def test_a_summary_outlives_a_model_that_is_away_for_a_moment(bench: Make) -> None:
    b = bench()
    talk = [calls(("effect", f'{{"number": {number}}}')) for number in range(6)]
    refusing(b, *talk, words("done"), AWAY, words("## Goal\nall of it"))
    b.effect.answer = lambda *_: succeed({"text": "a long way " * 40})
    b.start()
    b.drive()
    b.submit(Compact(asked_by="ada"))
    b.drive()
    assert b.last(Compacted).written_by == "model"


def test_rules_sum_up_for_one_that_is_left_alone(bench: Make) -> None:
    b = bench()
    talk = [calls(("effect", f'{{"number": {number}}}')) for number in range(6)]
    refusing(b, *talk, words("done"), LIMITED)
    b.effect.answer = lambda *_: succeed({"text": "a long way " * 40})
    b.start()
    b.drive()
    b.submit(UserInput(text="go on", author="ada"))
    b.drive()
    b.submit(Compact(asked_by="ada"))
    b.drive()
    done = b.last(Compacted)
    assert (done.written_by, done.asked_by, done.model) == ("rules", "ada", "")


def test_rules_sum_up_when_it_does_not_come_back(bench: Make) -> None:
    b = bench()
    talk = [calls(("effect", f'{{"number": {number}}}')) for number in range(6)]
    refusing(b, *talk, words("done"), AWAY, AWAY, AWAY)
    b.effect.answer = lambda *_: succeed({"text": "a long way " * 40})
    b.start()
    b.drive()
    b.submit(Compact(asked_by="ada"))
    b.drive()
    assert b.last(Compacted).written_by == "rules"
