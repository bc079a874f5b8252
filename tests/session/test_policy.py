"""The policy in a turn: rules of the settings, and what a person approved for the session."""

import pytest

from ml_intern.events import ApprovalRequested, RuleGranted, ToolFinished, ToolStarted
from ml_intern.messages import ApprovalId
from ml_intern.ops import UserInput
from ml_intern.tools.policy import Rule
from tests.support.desks import SESSION, Bench, calls, words

GRANT = RuleGranted(
    rule_id="r1",
    approval_id=ApprovalId("a1"),
    tool="outward",
    operation="",
    repository="",
    max_cost_micro_usd=0,
    granted_by="ada",
)


@pytest.fixture
def bench(tmp_path):
    benches = []

    def make(*replies, rules=()):
        bench = Bench(tmp_path, replies)
        bench.desk.router.rules = tuple(rules)
        benches.append(bench)
        return bench

    yield make
    for each in benches:
        each.store.close()


def a_rule(verdict, tool="outward", **more):
    return Rule(tool=tool, verdict=verdict, place="config.toml line 4", **more)


def grant(bench) -> None:
    """Somebody approved all calls like one; the session goes on."""
    claim = bench.store.claim(0)
    bench.store.append(claim.lease, GRANT)
    bench.store.release(claim)


def test_an_allowing_rule_lets_an_outward_call_run_unasked(bench):
    b = bench(calls(("outward", '{"number": 7}')), words("ok"), rules=[a_rule("allow")])
    b.start()
    assert b.drive().outcome == "finished"
    assert b.outward.ran == [7]
    assert b.all(ApprovalRequested) == []


def test_a_denying_rule_answers_the_model_and_nothing_runs(bench):
    rule = a_rule("deny", "effect", arguments={"number": "1*"}, reason="not with ones")
    b = bench(
        calls(("effect", '{"number": 12}'), ("effect", '{"number": 2}')), words("ok"), rules=[rule]
    )
    b.start()
    assert b.drive().outcome == "finished"
    assert b.effect.ran == [2]
    refused = next(event for event in b.all(ToolFinished) if not event.ok)
    assert refused.answered_by == "policy"
    assert "Not allowed: not with ones (config.toml line 4: not with ones)" in refused.output
    assert len(b.all(ToolStarted)) == 1


def test_an_asking_rule_asks_with_its_reason(bench):
    b = bench(calls(("effect", "{}")), words("ok"), rules=[a_rule("ask", "e*", reason="Look!")])
    b.start()
    assert b.drive().outcome == "waiting"
    asked = b.last(ApprovalRequested)
    assert (asked.reason, asked.cost_micro_usd, asked.like_this) == ("Look!", 0, True)


def test_what_was_approved_for_the_session_runs_until_it_is_revoked(bench):
    b = bench(
        calls(("outward", '{"number": 1}')),
        words("ok"),
        calls(("outward", '{"number": 2}')),
        words("not reached"),
    )
    b.start()
    grant(b)
    assert b.drive().outcome == "finished"
    assert b.outward.ran == [1]
    assert b.store.revoke_rule(SESSION, "r1", "ada")
    b.submit(UserInput(text="again", author="ada"))
    assert b.drive().outcome == "waiting"
    assert b.outward.ran == [1]


def test_a_denying_rule_goes_before_what_was_approved(bench):
    b = bench(calls(("outward", "{}")), words("ok"), rules=[a_rule("deny")])
    b.start()
    grant(b)
    assert b.drive().outcome == "finished"
    assert b.outward.ran == []


def test_no_rule_gives_the_yes_that_a_change_needs(bench):
    change = '{"what": "lr", "was": "1", "becomes": "2", "why": "x"}'
    b = bench(calls(("propose_change", change)), rules=[a_rule("allow", "*")])
    b.start()
    assert b.drive().outcome == "waiting"
    assert not b.last(ApprovalRequested).like_this
