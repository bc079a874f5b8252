"""The codecs of events and ops: closed, exact, and never in the way of what has happened."""

import math

import pytest
from pydantic import ValidationError

from ml_intern import events, ops
from ml_intern.errors import InputError
from ml_intern.events import (
    Fact,
    Hinted,
    JobProgressed,
    ModelReplied,
    Recalled,
    ToolFinished,
    ToolLost,
    TurnFinished,
    UnknownResolved,
    UserSaid,
)
from ml_intern.messages import (
    AssistantMessage,
    CallId,
    JobId,
    ToolCall,
    ToolMessage,
    Usage,
    UserMessage,
)

EXAMPLES = [
    UserSaid(text="a\u2028b\0 \U0001f600", author="ada"),
    TurnFinished(outcome="waiting", detail="", waiting_on=("job:1", "approval:2")),
    ToolFinished(
        call_id=CallId("c"),
        tool="t",
        ok=False,
        output="",
        answered_by="router",
        duration_ms=0,
        facts=(Fact(kind="plan", data={"items": [{"step": "x", "status": "done"}]}),),
    ),
    ModelReplied(
        reply_id="r",
        model="m",
        text="",
        thinking="",
        tool_calls=(ToolCall(call_id=CallId("c"), name="n", arguments="{broken"),),
        usage=Usage(input_tokens=1),
        cost_micro_usd=None,
        stop_reason="length",
        duration_ms=3,
    ),
    Hinted(text="Go on.", about="plan"),
    Recalled(message=UserMessage(text="once", injected=True, summary=True, recalled=True)),
    Recalled(
        message=AssistantMessage(
            thinking="so", tool_calls=(ToolCall(call_id=CallId("c"), name="n", arguments="{}"),)
        ),
        model="m",
    ),
    Recalled(message=ToolMessage(call_id=CallId("c"), name="n", text="", is_error=True)),
    ToolLost(call_id=CallId("c"), tool="t"),
    UnknownResolved(call_id=CallId("c"), choice="retry", resolved_by="ada", note="nothing came"),
    JobProgressed(job_id=JobId("j"), step=1, max_steps=None, metrics={"loss": None}, log_offset=3),
]


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.kind)
def test_an_event_is_read_back_as_it_was(event):
    assert events.decode(events.encode(event)) == event


@pytest.mark.parametrize(
    "text",
    [
        '{"kind":"user_said","text":"a","author":"b","extra":1}',
        '{"text":"a","author":"b"}',
        '{"kind":"unheard_of"}',
        '{"kind":"user_said","text":"a"}',
    ],
)
def test_an_event_that_we_do_not_know_is_an_error(text):
    with pytest.raises(ValidationError):
        events.decode(text)


def test_a_hint_of_an_older_version_is_about_nothing_that_is_counted():
    assert events.decode('{"kind":"hinted","text":"Mind the limit."}').about == ""


def test_a_start_of_an_older_version_does_not_say_how_it_is_recovered():
    text = (
        '{"kind":"tool_started","call_id":"c","tool":"t","arguments":{},'
        '"arguments_sha256":"","effect":"read"}'
    )
    assert events.decode(text).recovery is None


def test_half_surrogates_become_question_marks():
    read = events.decode(events.encode(UserSaid(text="a\ud800b", author="ada")))
    assert read == UserSaid(text="a?b", author="ada")


def test_numbers_that_are_not_finite_do_not_make_the_journal_unreadable():
    event = ToolFinished(
        call_id=CallId("c"),
        tool="t",
        ok=True,
        output="",
        answered_by="tool",
        duration_ms=0,
        facts=(Fact(kind="evaluation", data={"loss": math.nan}),),
    )
    assert events.decode(events.encode(event)).facts[0].data == {"loss": None}


def test_an_op_is_read_back_as_it_was():
    for op in (
        ops.UserInput(text="x", author="ada"),
        ops.Interrupt(asked_by="ada", cancel_jobs=False),
        ops.Resume(on="job:1"),
        ops.ResolveUnknown(call_id=CallId("c"), choice="skip", resolved_by="ada", note="no"),
    ):
        assert ops.decode(ops.encode(op)) == op


def test_an_op_without_its_kind_is_an_error():
    with pytest.raises(ValidationError):
        ops.decode('{"text":"x","author":"ada"}')


def test_an_op_that_no_text_can_hold_is_refused():
    with pytest.raises(InputError, match="surrogates"):
        ops.encode(ops.UserInput(text="\ud800", author="ada"))
