"""Documents are read as they were written."""

from dataclasses import fields
from datetime import UTC, datetime

import pytest

from ml_intern.client import wire
from ml_intern.client.door import NewSession
from ml_intern.errors import InputError
from ml_intern.events import ToolStarted
from ml_intern.messages import CallId
from ml_intern.queue.rows import Recorded
from tests.queue.given import (
    S,
    answered,
    asked,
    decided,
    ended,
    job_ended,
    job_started,
    progressed,
    replied,
    started,
    turn,
)

EVENTS = (
    *(started("„ü“ \x00\u2028"), turn(), replied("c1"), asked(), decided("edit"), answered()),
    *(job_started(), progressed(), job_ended(), ended("waiting", "approval:a1")),
)
RECORDED = [
    Recorded(
        position=2**60 + seq,
        session_id=S,
        seq=seq,
        at=datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=UTC),
        event=event,
    )
    for seq, event in enumerate(EVENTS, start=1)
]


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: recorded.event.kind)
def test_an_event_is_read_as_it_was_written(recorded: Recorded) -> None:
    written = wire.encode_recorded(recorded)
    assert b"\n" not in written
    assert wire.decode_recorded(written) == recorded


def test_an_event_is_what_is_described() -> None:
    for recorded in RECORDED:
        entry = wire.ENTRY.decode(wire.encode_recorded(recorded))
        assert vars(entry) == vars(recorded)


@pytest.mark.parametrize("next_after", [None, 7])
def test_a_page_is_read_as_it_was_written(next_after: int | None) -> None:
    entries = [wire.encode_recorded(recorded) for recorded in RECORDED]
    written = wire.encode_page(entries, next_after)
    assert wire.decode_page(written) == (RECORDED, next_after)
    assert wire.decode_page(wire.encode_page([], None)) == ([], None)


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"[]",
        b"{}",
        wire.encode_recorded(RECORDED[0]).replace(b"session_started", b"danced"),
        wire.encode_recorded(RECORDED[0]).replace(b'"title"', b'"name"'),
        wire.encode_recorded(RECORDED[0]).replace(b"2026-01", b"2026-13"),
    ],
)
def test_what_is_no_event_is_an_error_of_value(damaged: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (pydantic's own errors are ValueErrors)
        wire.decode_recorded(damaged)


def test_a_number_that_is_none_does_not_break_a_document() -> None:
    event = ToolStarted(
        call_id=CallId("c"),
        tool="t",
        arguments={"lr": float("nan")},
        arguments_sha256="",
        effect="read",
    )
    recorded = Recorded(position=1, session_id=S, seq=1, at=RECORDED[0].at, event=event)
    found = wire.decode_recorded(wire.encode_recorded(recorded))
    assert found.event.arguments == {"lr": None}


def test_a_new_session_loses_nothing_on_the_way() -> None:
    assert {field.name for field in fields(wire.SessionRequest)} == {
        field.name for field in fields(NewSession)
    }
    new = NewSession(
        task="t",
        started_in="/",
        author="a",
        model="m",
        instructions="i",
        max_iterations=3,
    )
    sent = wire.SESSION_REQUEST.encode(wire.SessionRequest(**vars(new)))
    assert wire.SESSION_REQUEST.decode(sent).plain() == new


def test_half_surrogates_are_the_persons_to_mend() -> None:
    with pytest.raises(InputError, match="half surrogates"):
        wire.TRACE.encode(wire.TracePlace(path="\udcff"))
