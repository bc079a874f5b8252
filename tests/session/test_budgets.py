"""A turn reserves before it asks, waits where a cap would be passed, and goes on with more room."""

import json
from dataclasses import replace
from itertools import pairwise

import pytest

from ml_intern.errors import Retryable
from ml_intern.events import (
    ApprovalRequested,
    BudgetExtended,
    BudgetNoticed,
    BudgetReached,
    ModelAsked,
    ModelFailed,
    ModelReplied,
    ToolStarted,
    TurnFinished,
)
from ml_intern.messages import Usage
from ml_intern.ops import Compact, Interrupt, UserInput
from ml_intern.session.caps import more_room
from ml_intern.session.desk import Caps
from ml_intern.session.unknowns import resolve
from ml_intern.tools.protocol import succeed
from tests.queue.given import HandClock
from tests.support.deciding import decide
from tests.support.desks import SESSION, Bench, calls, crash, die, words

OWN = f"session:{SESSION}"


def paid(reply, micro_usd):
    """The reply at a price."""
    return replace(reply, cost_micro_usd=micro_usd)


def look(number):
    return calls(("look", f'{{"number": {number}}}'))


@pytest.fixture
def bench(tmp_path):
    benches = []

    def make(*replies, worst: int | None = 0, iterations: int = 20, **caps) -> Bench:
        bench = Bench(tmp_path, replies, HandClock())
        bench.model.worst_cost = worst
        limits = replace(
            bench.desk.limits, max_iterations=iterations, max_turn_s=9000, caps=Caps(**caps)
        )
        bench.desk = replace(bench.desk, limits=limits)
        benches.append(bench)
        return bench

    yield make
    for each in benches:
        each.store.close()


def test_a_free_model_reserves_nothing(bench):
    b = bench(words("done"), session_micro_usd=0)
    b.start()
    assert b.drive().outcome == "finished"
    assert b.last(ModelAsked).spend is None
    assert b.store.spends(SESSION) == []


def test_the_worst_case_is_reserved_under_every_cap_and_the_price_settled(bench):
    b = bench(paid(words("done"), 120), worst=300, session_micro_usd=500, day_micro_usd=700)
    b.start()
    assert b.drive().outcome == "finished"
    spend = b.last(ModelAsked).spend
    assert spend.caps == {OWN: 500, "day:2026-01-31": 700, "daemon": None}
    assert spend.micro_usd == 300
    (row,) = b.store.spends(SESSION)
    assert (row.state, row.spent_micro_usd) == ("settled", 120)


def test_a_turn_that_would_pass_a_cap_waits_and_goes_on_with_more_room(bench):
    b = bench(paid(look(1), 250), paid(words("done"), 100), worst=300, session_micro_usd=500)
    b.start()
    ended = b.drive()
    assert (ended.outcome, ended.waiting_on) == ("waiting", (f"budget:{OWN}",))
    assert "$0.00025 of $0.0005 used" in ended.detail
    assert b.last(BudgetReached) == BudgetReached(cap=OWN, used=250, limit=500, needed=300)
    assert len(b.all(ModelAsked)) == 1
    b.store.extend(SESSION, OWN, 50, "ada")
    assert b.drive().outcome == "finished"
    assert b.store.budgets(OWN)[OWN].spent == 350


def test_a_session_may_have_a_cap_of_its_own(bench):
    b = bench(words("never"), worst=300, session_micro_usd=500)
    b.start(max_cost_micro_usd=299)
    assert b.drive().waiting_on == (f"budget:{OWN}",)


def test_too_little_room_is_not_enough(bench):
    b = bench(words("never"), worst=300, session_micro_usd=200)
    b.start()
    b.drive()
    b.store.extend(SESSION, OWN, 10, "ada")
    assert b.drive().waiting_on == (f"budget:{OWN}",)
    assert [event.limit for event in b.all(BudgetReached)] == [200, 210]


def test_a_session_that_waits_for_room_can_be_stopped(bench):
    b = bench(words("never"), worst=300, session_micro_usd=0)
    b.start()
    b.drive()
    b.submit(Interrupt(asked_by="ada"))
    assert b.drive().outcome == "interrupted"


def test_a_failure_that_cost_nothing_gives_back_what_was_reserved(bench):
    free, dear = Retryable("429"), Retryable("broke off")
    free.is_free = True
    b = bench(free, dear, paid(words("done"), 100), worst=300, session_micro_usd=5000)
    b.start()
    assert b.drive().outcome == "finished"
    assert [event.is_free for event in b.all(ModelFailed)] == [True, False]
    assert sorted(row.state for row in b.store.spends(SESSION)) == ["held", "refunded", "settled"]
    assert b.store.budgets(OWN)[OWN].spent == 400


def test_what_a_process_had_reserved_when_it_died_counts_as_spent(bench, monkeypatch):
    b = bench(paid(words("done"), 100), worst=300, session_micro_usd=5000)
    b.start()
    with monkeypatch.context() as dying:
        dying.setattr(b.model, "complete", die)
        crash(b)
    assert b.drive().outcome == "finished"
    assert sorted(row.state for row in b.store.spends(SESSION)) == ["held", "settled"]


def test_an_unknown_price_is_for_a_person_to_allow_call_by_call(bench):
    b = bench(*[paid(look(n), None) for n in range(2)], paid(words("done"), None), worst=None)
    b.start()
    assert b.drive().waiting_on == ("budget:price:listed",)
    assert "costs is not known; allow some calls" in b.last(TurnFinished).detail
    b.store.extend(SESSION, "price:listed", 2, "ada")
    assert b.drive().waiting_on == ("budget:price:listed",)
    assert len(b.all(ModelReplied)) == 2
    b.store.extend(SESSION, "price:listed", 1, "ada")
    assert b.drive().outcome == "finished"


def test_levels_are_told_once_each(bench):
    replies = [paid(look(n), 100) for n in range(10)]
    b = bench(*replies, worst=100, session_micro_usd=1000)
    b.start()
    assert b.drive().waiting_on == (f"budget:{OWN}",)
    told = [(event.cap, event.percent, event.used) for event in b.all(BudgetNoticed)]
    assert told == [(OWN, 50, 500), (OWN, 80, 800), (OWN, 100, 1000)]


def test_the_model_is_told_its_caps_once_and_what_is_left_as_news(bench):
    replies = [paid(look(n), 250) for n in range(3)]
    b = bench(*replies, paid(words("done"), 250), worst=250, session_micro_usd=750, tokens=5_000)
    b.start(max_cost_micro_usd=1000)
    assert b.drive().outcome == "finished"
    first, *_, last = b.model.asked
    assert "$0.001 for your answers" in first[0].text
    assert "5,000 tokens, read and written" in first[0].text
    notes = [message.text for message in last if getattr(message, "injected", False)]
    assert [note.split(":")[0] for note in notes] == [
        "[ml-intern] 50 % of the session's money is used",
    ]
    for before, after in pairwise(b.model.asked):
        assert after[: len(before)] == before, "the prefix must stay, or no cache holds"


def test_the_model_is_told_that_a_person_gave_more(bench):
    b = bench(paid(look(1), 250), paid(words("done"), 100), worst=300, session_micro_usd=500)
    b.start()
    b.drive()
    b.store.extend(SESSION, OWN, 50, "ada", told=more_room(OWN, 50))
    assert b.drive().outcome == "finished"
    assert b.model.asked[-1][-1].text == (
        "[ml-intern] A person gave $0.00005 more for the session's money."
    )


def counted(reply, tokens):
    return replace(reply, usage=Usage(input_tokens=tokens - 10, output_tokens=10))


def test_tokens_are_capped_and_extended(bench):
    b = bench(*[counted(look(n), 400) for n in range(2)], counted(words("done"), 400), tokens=900)
    b.start()
    assert b.drive().waiting_on == ("budget:tokens",)
    assert b.last(BudgetReached) == BudgetReached(cap="tokens", used=800, limit=900, needed=400)
    assert [event.percent for event in b.all(BudgetNoticed)] == [80]
    b.store.extend(SESSION, "tokens", 300, "ada")
    assert b.drive().outcome == "finished"


def test_time_at_work_is_capped_and_waits_for_people_do_not_count(bench):
    b = bench(look(1), look(2), words("done"), seconds=100)

    def slowly(args, ctx):
        b.desk.clock.passed_s += 70
        return succeed({})

    b.look.answer = slowly
    b.start()
    assert b.drive().waiting_on == ("budget:seconds",)
    b.desk.clock.passed_s += 10_000
    b.store.extend(SESSION, "seconds", 60, "ada")
    assert b.drive().outcome == "finished"
    assert b.last(BudgetReached).used == 140


def test_iterations_wait_for_a_person_where_nothing_got_on(bench):
    b = bench(*[look(n) for n in range(9)], words("done"), iterations=6)
    b.start()
    assert b.drive().waiting_on == ("budget:iterations",)
    b.store.extend(SESSION, "iterations", 4, "ada")
    assert b.drive().outcome == "finished"


def test_words_of_a_person_begin_the_count_anew(bench):
    b = bench(*[look(n) for n in range(6)], words("done"), iterations=6)
    b.start()
    b.drive()
    b.submit(UserInput(text="go on", author="ada"))
    assert b.drive().outcome == "finished"


def closes(*done):
    """A plan with these steps done, and more to do."""
    items = [{"step": step, "status": "done"} for step in done]
    more = {"step": "more", "status": "pending"}
    return calls(("plan", json.dumps({"items": [*items, more]})))


def test_work_that_gets_on_gives_itself_more_iterations(bench):
    replies = [*(look(n) for n in range(5)), closes("a"), *(look(n) for n in range(9))]
    b = bench(*replies, iterations=6)
    b.start()
    assert b.drive().waiting_on == ("budget:iterations",)
    (more,) = b.all(BudgetExtended)
    assert (more.cap, more.amount, more.extended_by) == ("iterations", 2, "progress")
    assert len(b.all(ModelReplied)) == 8


def test_a_step_that_was_done_before_is_no_progress(bench):
    replies = [closes("a"), *(look(n) for n in range(4)), closes("a"), look(9)]
    b = bench(*replies, iterations=6)
    b.start()
    assert b.drive().waiting_on == ("budget:iterations",)
    assert b.all(BudgetExtended) == []


def test_a_summary_is_paid_for_too(bench):
    long = [paid(look(n), 10) for n in range(12)]
    b = bench(*long, paid(words("done"), 10), paid(words("the summary"), 70), worst=300)
    b.start()
    assert b.drive().outcome == "finished"
    b.submit(Compact(asked_by="ada"))
    b.drive()
    assert b.last(ModelAsked).spend.micro_usd == 300
    assert [row.spent_micro_usd for row in b.store.spends(SESSION)].count(70) == 1


def effect(number=1):
    return calls(("effect", f'{{"number": {number}}}'))


def paying(b, cost, worst=300):
    """The tool costs up to `worst`, and says that it cost `cost`."""
    b.effect.worst_cost = worst
    b.effect.answer = lambda args, ctx: replace(succeed({}), cost_micro_usd=cost)


def approve(b):
    (asked,) = b.store.open_approvals(SESSION)
    decide(b.store, b.desk.router, asked.approval_id, "approve", decided_by="ada")


@pytest.mark.parametrize(("cost", "spent"), [(120, 120), (0, 0), (None, 300)])
def test_a_paid_call_is_asked_reserved_and_settled(bench, cost, spent):
    b = bench(effect(), words("done"), session_micro_usd=500)
    paying(b, cost)
    b.start()
    assert b.drive().outcome == "waiting"
    asked = b.last(ApprovalRequested)
    assert (asked.cost_micro_usd, asked.budget_left_micro_usd) == (300, 500)
    approve(b)
    assert b.drive().outcome == "finished"
    assert b.last(ToolStarted).spend.micro_usd == 300
    assert b.store.budgets(OWN)[OWN].spent == spent


def test_an_approved_call_that_hits_a_cap_stays_approved(bench):
    b = bench(effect(), words("done"), session_micro_usd=200)
    paying(b, 120)
    b.start()
    b.drive()
    approve(b)
    assert b.drive().waiting_on == (f"budget:{OWN}",)
    assert b.effect.ran == []
    b.store.extend(SESSION, OWN, 100, "ada")
    assert b.drive().outcome == "finished"
    assert b.effect.ran == [1]
    assert len(b.all(ApprovalRequested)) == 1


def test_a_paid_call_whose_process_died_counts_as_spent_when_nobody_can_look(bench, monkeypatch):
    b = bench(effect(), words("done"), session_micro_usd=500)
    paying(b, 120)
    b.start()
    b.drive()
    approve(b)
    with monkeypatch.context() as dying:
        dying.setattr(b.effect, "run", die)
        crash(b)
    assert b.drive().outcome == "finished"
    assert b.store.budgets(OWN)[OWN].spent == 300


def test_an_unknown_cost_that_was_approved_is_settled_at_what_it_was(bench):
    b = bench(effect(), words("done"), session_micro_usd=500)
    paying(b, 120, worst=None)
    b.start()
    b.drive()
    approve(b)
    assert b.drive().outcome == "finished"
    assert b.store.budgets(OWN)[OWN].spent == 120


def outward(number=1):
    return calls(("outward", f'{{"number": {number}}}'))


def test_a_call_that_is_run_again_the_next_day_counts_on_that_day(bench, monkeypatch):
    b = bench(outward(), words("done"), session_micro_usd=500, day_micro_usd=500)
    b.outward.worst_cost = 200
    b.outward.answer = lambda args, ctx: replace(succeed({}), cost_micro_usd=150)
    b.start()
    b.drive()
    approve(b)
    with monkeypatch.context() as dying:
        dying.setattr(b.desk.router, "run", die)
        crash(b)
    assert b.drive().outcome == "waiting"
    b.desk.clock.passed_s += 86_400
    resolve(b.store, SESSION, "", "retry", resolved_by="ada")
    assert b.drive().outcome == "finished"
    assert b.outward.ran == [1]
    old, new = "day:2026-01-31", "day:2026-02-01"
    rows = b.store.budgets(OWN, old, new)
    assert [(rows[cap].spent, rows[cap].reserved) for cap in (OWN, old, new)] == [
        (350, 0),
        (200, 0),
        (150, 0),
    ], "what it may have cost before it was lost is held, on the day of that"


@pytest.mark.parametrize("cost", [-400, 10**30, 1.5, True])
def test_a_price_that_is_none_counts_as_all_that_was_reserved(bench, cost):
    b = bench(effect(), words("done"), session_micro_usd=500)
    paying(b, cost)
    b.start()
    b.drive()
    approve(b)
    assert b.drive().outcome == "finished"
    assert b.store.budgets(OWN)[OWN].spent == 300


@pytest.mark.parametrize("cost", [-400, 10**30, 1.5])
def test_a_price_of_a_model_that_is_none_counts_as_all_that_was_reserved(bench, cost):
    b = bench(paid(words("done"), cost), worst=300, session_micro_usd=500)
    b.start()
    assert b.drive().outcome == "finished"
    assert b.store.budgets(OWN)[OWN].spent == 300


def test_a_summary_whose_process_died_does_not_keep_what_it_reserved(bench, monkeypatch):
    long = [paid(look(n), 10) for n in range(12)]
    b = bench(*long, paid(words("done"), 10), worst=300, day_micro_usd=500)
    b.start()
    assert b.drive().outcome == "finished"
    b.submit(Compact(asked_by="ada"))
    with monkeypatch.context() as dying:
        dying.setattr(b.model, "complete", die)
        crash(b)
    b.drive()
    row = b.store.budgets("day:2026-01-31")["day:2026-01-31"]
    assert (row.spent, row.reserved) == (430, 0)
