"""Notices: to places that people named, and not too often."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from ml_intern.clock import stamp
from ml_intern.events import Fact
from ml_intern.tools.facts import Facts
from ml_intern.tools.notify import Notify, NotifyArguments
from ml_intern.tools.protocol import Notices, ToolContext, ToolOutcome
from tests.queue.given import HandClock
from tests.support.contexts import a_context

NOTICES = Notices(channels=("team",), per_hour=2)


def told(context: ToolContext, **arguments: Any) -> ToolOutcome:
    return Notify().run(NotifyArguments(text="93 %", **arguments), context)


def test_a_notice_is_a_fact_that_is_told_by_others() -> None:
    outcome = told(a_context(notices=NOTICES), destination="team")
    (fact,) = outcome.facts
    assert outcome.ok
    assert (fact.kind, fact.data["text"], fact.data["destination"]) == ("notice", "93 %", "team")


def test_a_destination_that_nobody_named_is_refused() -> None:
    outcome = told(a_context(notices=NOTICES), destination="#general")
    assert not outcome.ok
    assert "known are: team" in outcome.output


def test_without_anybody_to_tell_it_says_so() -> None:
    assert "Slack is not set up" in told(a_context()).output


def test_only_so_many_in_an_hour() -> None:
    clock = HandClock()
    context = a_context(notices=NOTICES, clock=clock)
    old = clock.now() - timedelta(minutes=59)
    facts = [Fact(kind="notice", data={"at": stamp(at)}) for at in (old, clock.now())]
    context = replace(context, facts=Facts(facts))
    assert "2 notices went out" in told(context).output
    clock.passed_s += 120
    assert told(context).ok
