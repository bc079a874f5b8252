"""Questions: one record for one answer, with everything shown; what was shown is what runs."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_intern.errors import InputError
from ml_intern.events import (
    ApprovalDecided,
    ApprovalRequested,
    Exhibit,
    RuleGranted,
    ToolFinished,
    ToolStarted,
    TurnFinished,
)
from ml_intern.session.approvals import check_edit, decide_all
from ml_intern.session.said import Said
from ml_intern.session.unknowns import resolve
from ml_intern.tools.policy import Judgement
from ml_intern.tools.protocol import ToolContext, ToolOutcome, succeed
from tests.support.contexts import a_context
from tests.support.deciding import decide
from tests.support.desks import SESSION, Bench, Published, calls, crash, die, words

Make = Callable[..., Bench]


class Described(Published):
    """Says all that a tool can say of a call."""

    def __init__(self) -> None:
        super().__init__()
        self.content = "weights-1"
        self.cost: int | None = 2_000_000
        self.refused: dict[int, dict[str, str]] = {}

    def operation(self, args: Any) -> str:
        return "upload"

    def repository(self, args: Any, ctx: Any) -> str:
        return f"ada/model-{args.number % 2}"

    def worst_cost_micro_usd(self, args: Any, ctx: Any) -> int | None:
        return self.cost if args.number < 100 else 9_000_000

    def content_sha256(self, args: Any, ctx: Any) -> str:
        return self.content

    def refusals(self, args: Any, ctx: Any) -> dict[str, str]:
        return self.refused.get(args.number, {})

    def exhibits(self, args: Any, ctx: Any) -> tuple[Exhibit, ...]:
        return (Exhibit(title="files", kind="text", text=self.content),)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Make]:
    made: list[Bench] = []

    def make(*replies: Any) -> Bench:
        bench = Bench(tmp_path, replies, outward=Described())
        made.append(bench)
        return bench

    yield make
    for each in made:
        each.store.close()


def ask(number: int) -> tuple[str, str]:
    return "outward", f'{{"number": {number}}}'


def said(b: Bench, verdict: Any, **more: Any) -> Any:
    (asked,) = b.store.open_approvals(SESSION)
    router = b.desk.router
    return decide(b.store, router, asked.approval_id, verdict, decided_by="ada", **more)


def test_the_calls_of_one_answer_are_one_question_in_one_record(bench: Make) -> None:
    b = bench(calls(ask(1), ask(2), ("effect", "{}")), words("ok"))
    b.start()
    b.drive()
    kinds = [event.kind for event in b.events()]
    first = kinds.index("approval_requested")
    assert kinds[first : first + 3] == ["approval_requested", "approval_requested", "tool_started"]
    assert len({asked.question_id for asked in b.all(ApprovalRequested)}) == 1


def test_a_row_holds_all_that_was_asked(bench: Make) -> None:
    b = bench(calls(ask(1)))
    b.start()
    b.drive()
    (row,) = b.store.open_approvals(SESSION)
    asked = b.last(ApprovalRequested)
    for name in ("operation", "repository", "why", "exhibits", "cost_micro_usd", "on_denial",
                 "expires_at", "like_this", "question_id", "content_sha256"):  # fmt: skip
        assert getattr(row, name) == getattr(asked, name), name
    assert (row.operation, row.repository, row.cost_micro_usd) == (
        "upload",
        "ada/model-1",
        2_000_000,
    )
    assert row.exhibits == (Exhibit(title="files", kind="text", text="weights-1"),)
    assert row.like_this


def test_several_are_decided_in_one_transaction(bench: Make) -> None:
    b = bench(calls(ask(1), ask(2), ask(3)), words("ok"))
    b.start()
    b.drive()
    one, two, three = b.all(ApprovalRequested)
    decide(b.store, b.desk.router, two.approval_id, "deny", decided_by="bob")
    wishes = [
        Said(approval_id=one.approval_id, verdict="approve"),
        Said(approval_id=two.approval_id, verdict="approve"),
        Said(approval_id=three.approval_id, verdict="edit", arguments={"number": 4}),
    ]
    won = decide_all(b.store, b.desk.router, wishes, decided_by="ada")
    assert won == (one.approval_id, three.approval_id)
    assert b.drive() == TurnFinished(outcome="finished", detail="ok")
    assert b.outward.ran == [1, 4]
    assert len(b.all(ApprovalDecided)) == 3


def test_one_that_cannot_be_decided_leaves_all_open(bench: Make) -> None:
    b = bench(calls(ask(1), ask(2)))
    b.start()
    b.drive()
    one, two = b.all(ApprovalRequested)
    wishes = [
        Said(approval_id=one.approval_id, verdict="approve"),
        Said(approval_id=two.approval_id, verdict="edit", arguments={"number": "x"}),
    ]
    with pytest.raises(InputError, match="number: Input should be"):
        decide_all(b.store, b.desk.router, wishes, decided_by="ada")
    with pytest.raises(InputError, match="named twice"):
        decide_all(b.store, b.desk.router, [wishes[0]] * 2, decided_by="ada")
    expire = Said(approval_id=one.approval_id, verdict="expire")
    with pytest.raises(InputError, match="Only time"):
        decide_all(b.store, b.desk.router, [expire], decided_by="ada")
    assert len(b.store.open_approvals(SESSION)) == 2


def test_approved_like_this_a_call_like_it_runs_and_another_is_asked(bench: Make) -> None:
    b = bench(calls(ask(1)), calls(ask(3)), calls(ask(2)), words("ok"))
    b.start()
    b.drive()
    said(b, "approve", like_this=True)
    assert b.drive().outcome == "waiting"
    assert b.outward.ran == [1, 3]
    rule = b.last(RuleGranted)
    assert (rule.tool, rule.operation, rule.repository, rule.max_cost_micro_usd) == (
        "outward",
        "upload",
        "ada/model-1",
        2_000_000,
    )


def test_a_dearer_call_is_not_like_it(bench: Make) -> None:
    b = bench(calls(ask(1)), calls(ask(3)))
    b.start()
    b.drive()
    said(b, "approve", like_this=True)

    def gets_dearer(args: Any, ctx: Any) -> ToolOutcome:
        b.outward.cost = 2_000_001
        return succeed({})

    b.outward.answer = gets_dearer
    assert b.drive().outcome == "waiting"
    b.outward.cost = None
    assert b.outward.ran == [1]


def test_what_is_not_offered_for_all_cannot_be_approved_for_all(bench: Make) -> None:
    b = bench(calls(ask(1)))
    b.outward.cost = None
    b.start()
    b.drive()
    with pytest.raises(InputError, match="alone"):
        said(b, "approve", like_this=True)
    assert said(b, "approve")


def test_other_content_under_the_same_arguments_is_asked_again(bench: Make) -> None:
    b = bench(calls(ask(1)), words("ok"))
    b.start()
    b.drive()
    said(b, "approve")
    b.outward.content = "weights-2"
    assert b.drive().outcome == "waiting"
    assert b.outward.ran == []
    asked = b.last(ApprovalRequested)
    assert asked.reason.startswith("Changed since it was approved: files.")
    assert asked.exhibits[0].text == "weights-2"
    said(b, "approve")
    assert b.drive().outcome == "finished"
    assert b.outward.ran == [1]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"cost": 2_000_001}, "its cost (up to $2.00)"),
        ({"cost": None}, "its cost (unknown)"),
        ({"repository": lambda *_: "acme/model-1"}, "the repository (acme/model-1)"),
        ({"operation": lambda *_: "replace"}, "what it does (replace)"),
        ({"cost": 1}, ""),
    ],
)
def test_arguments_that_came_to_mean_something_else_are_asked_again(
    bench: Make, changes: dict[str, Any], named: str
) -> None:
    b = bench(calls(ask(1)), words("ok"))
    b.start()
    b.drive()
    said(b, "approve")
    for name, value in changes.items():
        setattr(b.outward, name, value)
    b.drive()
    assert b.outward.ran == ([] if named else [1])
    if named:
        assert b.last(ApprovalRequested).reason.startswith(
            f"Changed since it was approved: {named}. "
        )
        said(b, "approve")
        b.drive()
        assert b.outward.ran == [1]


def test_a_question_again_tells_of_the_edited_arguments(
    bench: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    b = bench(calls(ask(1)), words("ok"))
    monkeypatch.setattr(
        b.outward, "ask_reason", lambda args, _ctx: f"Send {args.number}.", raising=False
    )
    b.start()
    b.drive()
    assert b.last(ApprovalRequested).reason == "Send 1."
    said(b, "edit", arguments={"number": 3})
    b.outward.content = "weights-3"
    b.drive()
    again = b.last(ApprovalRequested)
    assert (again.arguments["number"], again.reason) == (
        3,
        "Changed since it was approved: files. Send 3.",
    )


def test_an_edit_that_its_tool_would_refuse_is_not_taken(bench: Make, tmp_path: Path) -> None:
    """On every channel: both ways in ask the same, and the call is not started."""
    b = bench(calls(ask(1)))
    b.start()
    b.drive()
    key = b.last(ApprovalRequested).approval_id

    def situation(_asked: object) -> ToolContext:
        return a_context(tmp_path)

    b.outward.refused = {7: {"number": "There is no number 7."}}
    check = check_edit(b.store, b.desk.router, key, {"number": 7}, situation=situation)
    assert check.problems == {"number": "There is no number 7."}
    with pytest.raises(InputError, match=r"number: There is no number 7\. Nothing was decided"):
        said(b, "edit", arguments={"number": 7}, situation=situation)
    assert (b.store.approval(key).state, b.outward.ran) == ("pending", [])
    assert (
        check_edit(b.store, b.desk.router, key, {"number": 8}, situation=situation).problems == {}
    )


def test_an_edit_that_is_asked_again_is_still_told_as_an_edit(bench: Make) -> None:
    b = bench(calls(ask(1)), words("ok"))
    b.start()
    b.drive()
    said(b, "edit", arguments={"number": 5})
    b.outward.content = "weights-2"
    b.drive()
    assert b.last(ApprovalRequested).arguments == {"number": 5}
    said(b, "approve")
    b.drive()
    assert b.outward.ran == [5]
    assert "ada edited the arguments" in b.last(ToolFinished).output


@pytest.mark.parametrize("cost", [9_000_000, 9_000_001])
def test_an_edit_that_came_to_cost_more_than_was_said_is_asked_again(
    bench: Make, tmp_path: Path, cost: int
) -> None:
    """It was judged when it was made: at 9 dollars, before at 2."""
    b = bench(calls(ask(1)), words("ok"))
    b.start()
    b.drive()
    said(b, "edit", arguments={"number": 100}, situation=lambda _asked: a_context(tmp_path))
    b.outward.worst_cost_micro_usd = lambda *_given: cost
    b.drive()
    assert b.outward.ran == ([100] if cost == 9_000_000 else [])
    assert (b.store.open_approvals(SESSION) == []) is (cost == 9_000_000)


def test_what_a_call_costs_is_looked_at_when_its_turn_has_come(bench: Make) -> None:
    """The rule allows two dollars, and while the call before it runs, the price becomes another."""
    b = bench(calls(ask(1)), calls(ask(3), ask(5)))
    b.start()
    b.drive()
    said(b, "approve", like_this=True)

    def gets_dearer(args: Any, ctx: Any) -> ToolOutcome:
        b.outward.cost = 2_000_000 if args.number < 3 else 2_000_001
        return succeed({})

    b.outward.answer = gets_dearer
    assert b.drive().outcome == "waiting"
    assert b.outward.ran == [1, 3]
    assert b.last(ApprovalRequested).cost_micro_usd == 2_000_001


def test_content_that_the_call_before_it_changes_is_asked_again(bench: Make) -> None:
    b = bench(calls(ask(1), ask(2)), words("ok"))
    b.start()
    b.drive()
    wishes = [
        Said(approval_id=one.approval_id, verdict="approve") for one in b.all(ApprovalRequested)
    ]
    decide_all(b.store, b.desk.router, wishes, decided_by="ada")

    def changes(args: Any, ctx: Any) -> ToolOutcome:
        b.outward.content = "weights-2"
        return succeed({})

    b.outward.answer = changes
    assert b.drive().outcome == "waiting"
    assert b.outward.ran == [1]
    assert b.last(ApprovalRequested).arguments == {"number": 2}


def test_no_more_is_reserved_than_was_judged(bench: Make) -> None:
    """A price that is another one at each look: what is reserved is what the judgement saw."""
    b = bench(calls(ask(1)), words("ok"))
    b.start()
    b.drive()
    said(b, "approve")
    prices = iter([1_000_000, 7_000_000])
    b.outward.worst_cost_micro_usd = lambda *_given: next(prices)
    b.drive()
    assert b.outward.ran == [1]
    assert b.last(ToolStarted).spend.micro_usd == 1_000_000


@pytest.mark.parametrize("cost", [2_000_000, 2_000_001])
def test_a_lost_call_that_came_to_cost_more_is_not_run_again_unasked(
    bench: Make, monkeypatch: pytest.MonkeyPatch, cost: int
) -> None:
    """Nobody was asked at first: a rule allowed it, which is taken back while nobody knows."""
    b = bench(calls(ask(1)), calls(ask(3)), words("ok"))
    b.start()
    b.drive()
    said(b, "approve", like_this=True)
    run = b.desk.router.run
    monkeypatch.setattr(
        b.desk.router,
        "run",
        lambda call, *more: die() if call.arguments["number"] == 3 else run(call, *more),
    )
    crash(b)
    monkeypatch.undo()
    b.drive()
    b.store.revoke_rule(SESSION, b.last(RuleGranted).rule_id, "ada")
    b.outward.cost = cost
    resolve(b.store, SESSION, "", "retry", resolved_by="ada")
    b.drive()
    assert b.outward.ran == ([1, 3] if cost == 2_000_000 else [1])
    assert len(b.store.open_approvals(SESSION)) == (cost != 2_000_000)


def test_what_a_rule_forbids_meanwhile_does_not_start(
    bench: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    b = bench(calls(ask(1)), words("ok"))
    b.start()
    b.drive()
    said(b, "approve")
    no = Judgement(verdict="deny", reason="the repository is closed", rule="a rule")
    monkeypatch.setattr(b.desk.router, "judge", lambda *_given: no)
    b.drive()
    assert (b.outward.ran, b.all(ToolStarted)) == ([], [])
    assert "the repository is closed" in b.last(ToolFinished).output


def test_an_edit_is_looked_at_before_anything_is_decided(
    bench: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    b = bench(calls(ask(1)))
    b.start()
    b.drive()
    key = b.last(ApprovalRequested).approval_id
    context: ToolContext = a_context(tmp_path)

    def check(arguments: dict[str, Any]) -> Any:
        return check_edit(b.store, b.desk.router, key, arguments, situation=lambda _asked: context)

    assert (check({"number": 3}).problems, check({"number": 3}).notes) == ({}, ())
    assert list(check({"number": "x", "numbr": 1}).problems) == ["number", "numbr"]
    assert check({"number": 200}).notes == ("With this edit it costs up to $9.00, before $2.00.",)
    no = Judgement(verdict="deny", reason="it is too large", rule="a rule")
    monkeypatch.setattr(b.desk.router, "judge", lambda *_given: no)
    assert check({"number": 3}).problems == {"": "it is not allowed: it is too large"}
    with pytest.raises(InputError, match="not allowed: it is too large"):
        said(b, "edit", arguments={"number": 3}, situation=lambda _asked: context)
    assert b.store.approval(key).state == "pending"
