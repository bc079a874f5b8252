"""What the suite holds against the money and the yes of people, on journals that are wrong."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from ml_intern.events import (
    ApprovalDecided,
    ApprovalRequested,
    BudgetExtended,
    BudgetReached,
    Event,
    RuleGranted,
    RuleRevoked,
    Spend,
    ToolFinished,
    ToolStarted,
    Verdict,
)
from ml_intern.messages import ApprovalId, CallId, SessionId
from ml_intern.queue.rows import Recorded
from tests.chaos import bills, consent, paying

CAP = "session:s"
CALL, YES = CallId("c1"), ApprovalId("a1")


def journal(*events: Event) -> list[Recorded]:
    at = datetime(2026, 1, 31, tzinfo=UTC)
    return [
        Recorded(position=seq, session_id=SessionId("s"), seq=seq, at=at, event=event)
        for seq, event in enumerate(events, 1)
    ]


def started(words: str = "approve", *, sha256: str = "1", most: int = 1000) -> ToolStarted:
    return ToolStarted(
        call_id=CALL,
        tool="order",
        arguments={"label": "1.0", "words": words},
        arguments_sha256=sha256,
        effect="external",
        spend=Spend(spend_id=CALL, micro_usd=600, caps={CAP: most}),
    )


def finished(cost: int | None = 100) -> ToolFinished:
    return ToolFinished(
        call_id=CALL, tool="order", ok=True, output="", answered_by="tool", duration_ms=0,
        cost_micro_usd=cost,
    )  # fmt: skip


def decided(verdict: Verdict = "approve", words: str = "approve", sha256: str = "1") -> Event:
    return ApprovalDecided(
        approval_id=YES, call_id=CALL, verdict=verdict, decided_by="ada", reason="",
        arguments={"label": "1.0", "words": words}, arguments_sha256=sha256,
    )  # fmt: skip


def asked(reason: str = "it costs money") -> Event:
    return ApprovalRequested(
        approval_id=YES, call_id=CALL, tool="order", arguments={}, arguments_sha256="1",
        reason=reason,
    )  # fmt: skip


def held(spent: int, extended: int = 0) -> list[SimpleNamespace]:
    return [SimpleNamespace(cap=CAP, spent=spent, reserved=0, extended=extended)]


def money(*events: Event, spent: int, extended: int = 0, state: str = "settled") -> list[str]:
    spends = [SimpleNamespace(session_id="s", spend_id=CALL, state=state)]
    return [words for _, words in bills.problems(journal(*events), spends, held(spent, extended))]


def test_money_that_adds_up_is_fine() -> None:
    assert money(started(), finished(), spent=100) == []
    assert money(started(), finished(None), spent=600, state="held") == []
    extended = BudgetExtended(cap=CAP, amount=200, extended_by="ada")
    again = (BudgetReached(cap=CAP, used=600, limit=1000, needed=600), extended)
    assert money(started(), *again, started(), finished(), spent=700, extended=200) == []


def test_money_that_does_not_add_up_is_named() -> None:
    (passed,) = money(started(), started(), finished(), spent=700)
    assert passed == f"{CAP} came to 1200 of 1000 micro-dollars"
    (forgotten,) = money(started(most=2000), started(most=2000), finished(), spent=100)
    assert "holds 100 + 0 of 0 more, and the journal tells 700" in forgotten
    (stays,) = money(started(), finished(None), spent=600, state="reserved")
    assert "stays reserved" in stays
    more = BudgetExtended(cap=CAP, amount=5, extended_by="ada")
    reached = BudgetReached(cap=CAP, used=0, limit=1000, needed=5)
    (twice,) = money(reached, more, more, spent=0, extended=10)
    assert "1 times too often" in twice


RULE = RuleGranted(
    rule_id="r", approval_id=YES, tool="order", operation="", repository="",
    max_cost_micro_usd=paying.WORST, granted_by="ada",
)  # fmt: skip
REVOKED = RuleRevoked(rule_id="r", revoked_by="ada")


@pytest.mark.parametrize(
    ("events", "taken", "named"),
    [
        ([asked(), decided(), started(), finished()], ["1.0 approve"], ""),
        ([decided("edit", "edited", "2"), started("edited", sha256="2")], ["1.0 edited"], ""),
        ([decided("edit", "edited", "2"), started("edited", sha256="2")], ["1.0 edit"], "another"),
        ([asked(), started()], [], "without a yes"),
        ([decided(sha256="2"), started()], [], "without a yes"),
        ([decided("deny"), started()], [], "without a yes"),
        ([RULE, started()], [], ""),
        ([RULE, REVOKED, started()], [], "without a yes"),
        ([asked(), asked()], [], "asked about 2 times"),
        ([asked(), asked("Changed since it was approved: its cost.")], [], ""),
        ([decided(), started(), finished()], [], "never taken"),
        ([decided(), started()], ["1.0 approve"] * 2, "taken 2 times"),
    ],
)
def test_what_ran_had_a_yes(
    events: list[Event], taken: list[str], named: str, tmp_path: Path
) -> None:
    (tmp_path / paying.ORDERS).write_text("".join(f"{line}\n" for line in taken))
    found = [words for _, words in consent.problems(journal(*events), tmp_path)]
    assert len(found) == bool(named), found
    assert not named or named in found[0]
