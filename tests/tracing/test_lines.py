"""What becomes of each event, and that whole files keep the rules whatever happened."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ml_intern.events import (
    AnsweredBy,
    ApprovalDecided,
    ApprovalRequested,
    BudgetNoticed,
    Compacted,
    Event,
    Fact,
    ForkedFrom,
    Hinted,
    InterruptRequested,
    JobEnded,
    JobProgressed,
    JobStarted,
    ModelAsked,
    ModelChanged,
    ModelFailed,
    OpCancelled,
    Outcome,
    Recalled,
    Replayed,
    ToolLost,
    ToolStarted,
    ToolWaiting,
    TurnStarted,
    Undone,
    UnknownResolved,
    Verdict,
)
from ml_intern.messages import (
    ApprovalId,
    AssistantMessage,
    CallId,
    Choice,
    JobId,
    ToolCall,
    ToolMessage,
    Usage,
    UserMessage,
)
from ml_intern.queue.rows import Recorded
from ml_intern.tracing import trace_file
from ml_intern.tracing.chain import MAX_CHAIN
from ml_intern.tracing.lines import UNFINISHED
from ml_intern.tracing.mark import read_mark
from ml_intern.tracing.redaction import Redactor
from ml_intern.transcript import reading
from ml_intern.transcript.conversation import messages
from ml_intern.transcript.line import Title, encode
from ml_intern.transcript.problems import Problems
from tests.tracing.fakes import (
    WORKSPACE,
    FakeJournal,
    answered,
    call,
    compacted,
    ended,
    fold,
    linked,
    read,
    recorded,
    replied,
    said,
    session_id,
    started,
    write,
)
from tests.tracing.rules import broken_rules

HOSTILE = {
    "line separators": "a\u2028b\u2029c\u0085d\x1c",
    "nul": "a\0b",
    "half a surrogate": "a\ud83d",
    "other half": "\udd17b",
    "whole pair": "\ud83e\udd17",
    "not text": "\x1b[31m\x00\xff\ufffe\uffff",
    "json": '"}\n{"type":"user"}\n',
    "empty": "",
    "blank": " \n\t",
    "long": "x" * 300_000,
    "long and wide": "汉" * 100_000,
}
ENDS: tuple[Outcome, ...] = ("finished", "stopped", "interrupted", "failed")


def asked(call_id: str = "c1", **arguments: Any) -> ApprovalRequested:
    return ApprovalRequested(
        approval_id=ApprovalId("a1"),
        call_id=CallId(call_id),
        tool="publish",
        arguments=arguments,
        arguments_sha256="sha",
        reason="it leaves the machine",
    )


def decided(verdict: Verdict, call_id: str = "c1", **arguments: Any) -> ApprovalDecided:
    return ApprovalDecided(
        approval_id=ApprovalId("a1"),
        call_id=CallId(call_id),
        verdict=verdict,
        arguments=arguments,
        arguments_sha256="sha-2",
        decided_by="ada",
        reason="",
    )


def lines_of(*events: Event, redactor: Redactor | None = None) -> list[dict[str, Any]]:
    """The lines after the person's first words."""
    return read(fold(recorded("s", *events), redactor))[1:]


def notices(*events: Event) -> list[tuple[str, str]]:
    return [
        (line["level"], line["content"])
        for line in lines_of(*events)
        if line.get("subtype") == "informational"
    ]


def results(*events: Event) -> list[dict[str, Any]]:
    return [line for line in lines_of(*events) if "toolUseResult" in line]


# Texts of others


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_everywhere_keep_the_rules(tmp_path: Path, text: str) -> None:
    arguments = {"text": text, text: [None, {"id": None, "model": None}], "n": 2**80}
    session = recorded(
        "hostile",
        said(text),
        Hinted(text=text),
        replied(text, call("c1", text, arguments), call("c2", "bash", text), thinking=text),
        answered("c1", text, tool=text, spilled_to=text, facts=(Fact(kind=text, data=arguments),)),
        asked("c2", x=text),
        decided("edit", "c2", y=text, model=None),
        ToolLost(call_id=CallId("c2"), tool=text),
        UnknownResolved(call_id=CallId("c2"), choice="skip", resolved_by=text, note=text),
        answered("c2", text, ok=False, answered_by="person"),
        ModelFailed(model=text, error=text, retry_in_s=None),
        ended("failed", text),
    )
    assert broken_rules(write(tmp_path, session)) == []


@pytest.mark.parametrize(
    "arguments",
    [
        '{"lr": NaN, "x": [Infinity, -Infinity]}',
        '{"seed": 123456789012345678901234567890}',
        '{"id": null, "deep": {"version": null, "list": [{"cwd": null}]}}',
        '{"a": ' * 200 + "1" + "}" * 200,
        '{"a": 1, "a": 2}',
        '{"torn": ',
        "[]",
        "null",
        "",
    ],
    ids=["nan", "huge", "null", "deep", "twice", "torn", "list", "nothing", "empty"],
)
def test_any_arguments_keep_the_rules(tmp_path: Path, arguments: str) -> None:
    session = recorded("arguments", replied("", call("c1", "bash", arguments)), answered("c1"))
    assert broken_rules(write(tmp_path, session)) == []


def test_numbers_that_are_not_finite_are_shown_as_text(tmp_path: Path) -> None:
    facts = (Fact(kind="evaluation", data={"loss": float("nan"), "best": float("inf")}),)
    session = recorded("nan", replied("", call("c1")), answered("c1", facts=facts))
    assert broken_rules(write(tmp_path, session)) == []
    assert read(fold(session))[3]["toolUseResult"]["facts"][0]["data"] == {
        "loss": "nan",
        "best": "inf",
    }


@pytest.mark.parametrize("output", ["", " \n"])
def test_a_result_without_words_says_so(output: str) -> None:
    (result,) = results(replied("", call("c1")), answered("c1", output))
    assert result["message"]["content"][0]["content"] == "(no output)"


def test_a_long_result_keeps_its_head_and_tail() -> None:
    (result,) = results(replied("", call("c1")), answered("c1", "HEAD" + "x" * 90_000 + "TAIL"))
    shown = result["message"]["content"][0]["content"]
    assert len(shown) <= 20_000
    assert shown.startswith("HEAD")
    assert shown.endswith("TAIL")


def test_a_secret_across_the_cut_of_a_long_text_is_not_shown_in_part() -> None:
    secret = "s3cr3t-" * 20
    text = "x" * 13_250 + secret + "y" * 90_000
    events = (replied("", call("c1")), answered("c1", text))
    data = fold(recorded("s", *events), Redactor({"T": secret}))
    assert b"s3cr3t" not in data


def test_secrets_and_the_workspace_are_shown_nowhere() -> None:
    secret, path = "s3cr3t-value", f"{WORKSPACE}/train.py"
    both = f"{secret} {path}"
    session = recorded(
        "s",
        said(both),
        Hinted(text=both),
        replied(both, call("c1", "bash", {"x": both}), call("c2"), thinking=both),
        answered("c1", both, spilled_to=path, facts=(Fact(kind="x", data={"y": both}),)),
        asked("c2", x=both),
        decided("edit", "c2", x=both),
        OpCancelled(op_seq=1, op_kind="user_input", reason=both),
        ended("failed", both),
    )
    shown = fold(session, Redactor({"T": secret})).decode()
    assert secret not in shown
    assert WORKSPACE not in shown
    assert "[REDACTED:t] /workspace/train.py" in shown


# Words


def test_a_file_begins_with_the_words_of_the_person() -> None:
    journal = FakeJournal()
    early = InterruptRequested(asked_by="ada", reason="wait")
    journal.add(session_id("s"), started(), early, TurnStarted(op_seq=1, attempt=1))
    assert fold(journal.all) == b""
    journal.add(session_id("s"), said("Train."))
    first, second = read(fold(journal.all))
    assert first["message"] == {"role": "user", "content": "Train."}
    assert first["mlIntern"] == {"seq": 4, "author": "somebody", "model": "autopilot"}
    assert second["content"] == "ada asked to stop: wait"


def test_words_of_the_harness_are_marked() -> None:
    (line,) = lines_of(Hinted(text="Mind the limit."))
    assert (line["isMeta"], line["message"]["content"]) == (True, "Mind the limit.")


def test_the_title_follows_the_first_answer_once() -> None:
    kinds = [line["type"] for line in lines_of(replied("One."), replied("Two."))]
    assert kinds == ["assistant", "ai-title", "assistant"]


def test_a_session_without_title_gets_no_line_for_it() -> None:
    journal = FakeJournal()
    journal.add(session_id("s"), started(title=" "), said(), replied("One."))
    assert [line["type"] for line in read(fold(journal.all))] == ["user", "assistant"]


def test_a_price_is_written_in_dollars_and_left_out_when_unknown() -> None:
    known, _title, unknown = lines_of(
        replied("a", cost_micro_usd=1_500), replied("b", cost_micro_usd=None)
    )
    assert known["costUSD"] == 0.0015
    assert "costUSD" not in unknown


# Calls


def test_parallel_results_come_in_the_order_they_finished(tmp_path: Path) -> None:
    session = recorded(
        "s", replied("", call("c1"), call("c2")), answered("c2", "two"), answered("c1", "one")
    )
    assert broken_rules(write(tmp_path, session)) == []
    found = [line["message"]["content"][0] for line in read(fold(session))[3:]]
    assert [(r["tool_use_id"], r["content"]) for r in found] == [("c2", "two"), ("c1", "one")]


def test_the_same_call_id_twice_becomes_two(tmp_path: Path) -> None:
    session = recorded(
        "s",
        replied("", call("c1"), ToolCall(call_id=CallId(""), name="", arguments="{}")),
        answered("c1"),
        answered(""),
        replied("", call("c1")),
        answered("c1"),
    )
    assert broken_rules(write(tmp_path, session)) == []
    assert [
        line["message"]["content"][0]["tool_use_id"]
        for line in results(*[r.event for r in session[2:]])
    ] == ["c1", "call", "c1_2"]


@pytest.mark.parametrize("outcome", ENDS)
def test_open_calls_are_answered_when_the_turn_ends(tmp_path: Path, outcome: Outcome) -> None:
    session = recorded("s", replied("", call("c1"), call("c2")), answered("c1"), ended(outcome))
    assert broken_rules(write(tmp_path, session)) == []
    last = [line for line in read(fold(session)) if "toolUseResult" in line][-1]
    assert last["toolUseResult"] == UNFINISHED
    assert last["message"]["content"][0]["is_error"] is True


def test_open_calls_are_answered_before_the_model_speaks_again(tmp_path: Path) -> None:
    session = recorded("s", replied("", call("c1")), replied("Anyway."))
    assert broken_rules(write(tmp_path, session)) == []


def test_a_waiting_turn_leaves_its_calls_open() -> None:
    events = (replied("", call("c1")), ended("waiting", "The job is running.", "job:j1"))
    assert results(*events) == []
    assert notices(*events) == [("info", "Waiting for job:j1: The job is running.")]


def test_a_late_answer_is_told_beside_the_conversation(tmp_path: Path) -> None:
    events = (replied("", call("c1")), ended("interrupted"), answered("c1", "done after all"))
    assert broken_rules(write(tmp_path, recorded("s", *events))) == []
    assert notices(*events)[-1] == ("info", "A late answer of bash: done after all")


@pytest.mark.parametrize(
    ("by", "ok", "refused"),
    [
        ("person", False, True),
        ("policy", False, True),
        ("person", True, False),
        ("router", False, False),
        ("tool", False, False),
    ],
)
def test_a_refusal_is_words_and_all_else_an_object(by: AnsweredBy, ok: bool, refused: bool) -> None:
    (result,) = results(replied("", call("c1")), answered("c1", "No.", ok=ok, answered_by=by))
    assert result["message"]["content"][0]["is_error"] is not ok
    assert (result["toolUseResult"] == "No.") is refused


def test_a_result_carries_its_facts_without_their_long_fields() -> None:
    facts = (Fact(kind="dataset_inspected", data={"rows": 9, "report": {"x": "y" * 2_000}}),)
    (result,) = results(replied("", call("c1")), answered("c1", facts=facts, spilled_to="/big"))
    assert result["toolUseResult"] == {
        "tool": "bash",
        "ok": True,
        "answeredBy": "tool",
        "durationMs": 5,
        "facts": [{"kind": "dataset_inspected", "data": {"rows": 9, "report": "(long)"}}],
        "spilledTo": "/big",
    }


# Approvals


@pytest.mark.parametrize(
    ("verdict", "notice"),
    [
        ("approve", ("info", "ada approved publish.")),
        ("deny", ("warning", "ada denied publish.")),
        ("edit", ("info", 'ada edited and approved publish; it runs with {"private": true}')),
    ],
)
def test_a_pause_for_approval_is_two_notices(verdict: Verdict, notice: tuple[str, str]) -> None:
    reply = replied("", call("c1", "publish", {"private": False}))
    found = notices(reply, asked(private=False), decided(verdict, private=True))
    assert found == [
        ("warning", "Approval requested for publish: it leaves the machine"),
        notice,
    ]


def test_the_result_says_what_was_approved() -> None:
    (result,) = results(
        replied("", call("c1", "publish")),
        asked(private=False),
        decided("edit", private=True),
        answered("c1"),
    )
    approval = result["toolUseResult"]["approval"]
    assert (approval["verdict"], approval["arguments"]) == ("edit", {"private": True})


def test_a_decision_on_a_call_that_is_over_is_told() -> None:
    assert notices(decided("deny", "gone")) == [("warning", "ada denied the call.")]


# Calls of which nobody knows what became


def unknown(choice: Choice, note: str = "") -> UnknownResolved:
    return UnknownResolved(call_id=CallId("c1"), choice=choice, resolved_by="ada", note=note)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (unknown("retry"), "ada let the call start again."),
        (unknown("done", "it is there"), "ada said that the call took effect: it is there"),
        (unknown("skip"), "ada said not to repeat the call."),
    ],
)
def test_a_lost_call_and_what_a_person_says_of_it_are_two_notices(
    said: UnknownResolved, words: str
) -> None:
    lost = ToolLost(call_id=CallId("c1"), tool="publish")
    found = notices(replied("", call("c1", "publish")), lost, said)
    assert found == [
        ("warning", "publish was cut off in the middle; nobody knows what became of it"),
        ("info", words),
    ]


def test_a_lost_call_is_answered_once(tmp_path: Path) -> None:
    session = recorded(
        "s",
        said(),
        replied("", call("c1", "publish")),
        ToolLost(call_id=CallId("c1"), tool="publish"),
        ended("waiting", "a word", "unknown:c1"),
        unknown("done"),
        answered("c1", answered_by="person"),
        ended(),
    )
    assert broken_rules(write(tmp_path, session)) == []


# Jobs, models, turns


def test_the_end_of_a_job_says_how_far_it_came() -> None:
    job = JobId("j1")
    steps = [
        JobProgressed(job_id=job, step=n, max_steps=9, metrics={"loss": None}, log_offset=n)
        for n in (1, 2)
    ]
    events = (
        JobStarted(job_id=job, compute="local", handle={"pid": 7}, label="digits"),
        *steps,
        JobEnded(job_id=job, status="failed", exit_code=1, reason="out of memory"),
    )
    (line,) = lines_of(*events)
    assert line["level"] == "error"
    expected = "Job j1 failed: out of memory. Last seen at step 2 of 9 (loss None)."
    assert line["content"] == expected
    assert line["mlIntern"]["job"] == {
        "id": "j1",
        "status": "failed",
        "exitCode": 1,
        "compute": "local",
        "label": "digits",
        "durationMs": 3000,
        "step": 2,
        "metrics": {"loss": None},
    }


def test_the_end_of_a_job_that_nobody_started_is_told() -> None:
    end = JobEnded(job_id=JobId("j1"), status="cancelled", exit_code=None, reason="")
    assert notices(end) == [("warning", "Job j1 cancelled.")]


@pytest.mark.parametrize(
    ("retry_in_s", "expected"),
    [
        (4.0, ("warning", "m gave no answer: busy. Asked again in 4 s.")),
        (None, ("error", "m gave no answer: busy")),
    ],
)
def test_a_model_that_fails_is_told(retry_in_s: float | None, expected: tuple[str, str]) -> None:
    assert notices(ModelFailed(model="m", error="busy", retry_in_s=retry_in_s)) == [expected]


def test_a_finished_turn_says_how_long_it_took_from_its_first_start() -> None:
    (line,) = lines_of(
        TurnStarted(op_seq=1, attempt=1), TurnStarted(op_seq=1, attempt=2), ended("finished")
    )
    assert (line["subtype"], line["durationMs"]) == ("turn_duration", 2000)


@pytest.mark.parametrize("outcome", ["stopped", "interrupted", "failed"])
def test_a_turn_that_broke_off_is_told_with_its_reason(outcome: Outcome) -> None:
    level = "error" if outcome == "failed" else "warning"
    assert notices(ended(outcome, "why")) == [(level, f"The turn ended: {outcome}: why")]


def words_of_assistant(lines: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [
        (line["message"]["model"], line["message"]["content"][0]["text"])
        for line in lines
        if line["type"] == "assistant"
    ]


def test_a_refusal_is_read_as_an_answer_that_no_model_gave(tmp_path: Path) -> None:
    """The only answer in this file; it costs nothing, and no model is named as its author."""
    why = "This task asks for translation. I have not started anything."
    events = (ModelFailed(model="autopilot", error=why, retry_in_s=None), ended("failed", why))
    assert broken_rules(write(tmp_path, recorded("s", *events))) == []
    lines = lines_of(*events)
    assert words_of_assistant(lines) == [("ml-intern", why)]
    (answer,) = [line for line in lines if line["type"] == "assistant"]
    assert {answer["message"]["usage"][f"{kind}_tokens"] for kind in ("input", "output")} == {0}
    assert "costUSD" not in answer
    assert answer["mlIntern"]["outcome"] == "failed"
    assert lines[-1]["type"] == "ai-title"


def test_the_last_words_of_a_turn_that_failed_are_read_also_after_other_answers() -> None:
    events = (replied("I look.", call("c1")), answered("c1"), ended("failed", "I gave up."))
    assert words_of_assistant(lines_of(*events)) == [
        ("autopilot", "I look."),
        ("ml-intern", "I gave up."),
    ]


@pytest.mark.parametrize("outcome", ["stopped", "interrupted"])
def test_a_turn_that_broke_off_before_any_answer_leaves_one(
    tmp_path: Path, outcome: Outcome
) -> None:
    session = recorded("s", ended(outcome, "ada stopped it"))
    assert broken_rules(write(tmp_path, session)) == []
    told = [("ml-intern", "ada stopped it")]
    assert words_of_assistant(lines_of(ended(outcome, "ada stopped it"))) == told
    after = words_of_assistant(lines_of(replied("x"), ended(outcome, "ada stopped it")))
    assert after == [("autopilot", "x")]


def test_bookkeeping_leaves_no_line() -> None:
    events = (
        ModelAsked(model="m", iteration=1),
        ToolWaiting(call_id=CallId("c"), on="job:j"),
        ToolStarted(
            call_id=CallId("c"), tool="bash", arguments={}, arguments_sha256="", effect="read"
        ),
    )
    assert lines_of(*events) == []


# The chain


def test_lines_of_one_instant_get_a_millisecond_each(tmp_path: Path) -> None:
    journal = FakeJournal()
    at = recorded("s")[0].at
    calls = [call(f"c{n}") for n in range(5)]
    journal.add(session_id("s"), started(), said(), replied("", *calls), ended(), at=at)
    assert broken_rules(write(tmp_path, journal.all)) == []


def test_a_clock_that_goes_back_does_not_turn_the_lines_around(tmp_path: Path) -> None:
    journal = FakeJournal()
    later, earlier = recorded("s")[1].at, recorded("s")[0].at
    journal.add(session_id("s"), started(), said(), at=later)
    journal.add(session_id("s"), replied("x"), at=earlier)
    assert broken_rules(write(tmp_path, journal.all)) == []


def many_turns(count: int, calls: int = 1) -> list[Event]:
    return [
        event
        for turn in range(count)
        for names in [[f"c{turn}.{n}" for n in range(calls)]]
        for event in (replied("x", *map(call, names)), *map(answered, names))
    ]


def test_a_long_chain_begins_anew_between_calls_and_their_results(tmp_path: Path) -> None:
    session = recorded("long", *many_turns(1_000))
    assert broken_rules(write(tmp_path, session)) == []
    lines = read(fold(session))
    marks = [n for n, line in enumerate(lines) if line.get("subtype") == "compact_boundary"]
    assert len(marks) == 2
    for mark in marks:
        assert "toolUseResult" in lines[mark - 1]
        assert lines[mark + 2]["type"] == "assistant"
        assert lines[mark]["compactMetadata"]["preTokens"] == 110


def test_a_chain_with_a_thousand_open_calls_begins_anew_all_the_same(tmp_path: Path) -> None:
    session = recorded("wide", *many_turns(1, calls=1_000))
    assert broken_rules(write(tmp_path, session)) == []
    lines = read(fold(session))
    assert lines[MAX_CHAIN + 1]["subtype"] == "compact_boundary"


def test_a_summary_is_marked_as_the_format_has_it(tmp_path: Path) -> None:
    events = [
        *(started(), said(), replied("one", call("c1")), answered("c1"), ended()),
        Compacted(
            asked_by="ada",
            summary="## Goal",
            kept=0,
            model="m",
            usage=Usage(),
            cost_micro_usd=None,
        ),
        *(said("go on"), replied("two")),
    ]
    mark, summary, after = lines_of(*events)[-4:-1]
    assert (mark["subtype"], mark["compactMetadata"]["trigger"]) == ("compact_boundary", "manual")
    assert (summary["isCompactSummary"], summary["parentUuid"]) == (True, mark["uuid"])
    assert summary["message"]["content"] == "## Goal"
    assert after["parentUuid"] == summary["uuid"]
    assert broken_rules(write(tmp_path, recorded("compacted", *events))) == []


def test_what_changes_a_session_between_turns_is_told() -> None:
    undone = Undone(asked_by="ada", words="a bad idea")
    changed = ModelChanged(model="another", asked_by="bob")
    harder = ModelChanged(model="another", asked_by="bob", effort="high")
    assert [text for _, text in notices(undone, changed, harder)] == [
        "ada took back what was said last, and the answer to it",
        "bob changed the model to another",
        "bob changed the effort of another to high",
    ]


def forked(*events: Event) -> list[Recorded]:
    journal = FakeJournal()
    parent = ForkedFrom(session_id="parent", turn=2, source="ada/sessions/x.jsonl")
    recalled = [
        UserMessage(text="Train something.", recalled=True),
        UserMessage(text="The middle.", injected=True, summary=True, recalled=True),
        AssistantMessage(text="I look.", thinking="Hm.", tool_calls=(call("c1"), call("c2"))),
        ToolMessage(call_id=CallId("c1"), name="bash", text="one"),
        ToolMessage(call_id=CallId("c2"), name="bash", text="two", is_error=True),
        UserMessage(text="Mind the disk.", injected=True, recalled=True),
    ]
    journal.add(
        session_id("fork"),
        started(forked_from=parent),
        *(Recalled(message=message, model="other") for message in recalled),
        *events,
    )
    return journal.all


def test_what_a_fork_goes_on_from_is_written_as_lines_of_its_own(tmp_path: Path) -> None:
    session = forked(said("Go on."), replied("Done.", call("c1")), answered("c1"), ended())
    lines = read(fold(session))
    assert broken_rules(write(tmp_path, session)) == []
    assert lines[0]["mlIntern"]["forkedFrom"] == {
        "sessionId": "parent", "turn": 2, "source": "ada/sessions/x.jsonl"
    }  # fmt: skip
    assert [line["mlIntern"].get("recalled", False) for line in lines] == [True] * 7 + [False] * 5
    answer = lines[3]["message"]
    assert (answer["model"], answer["usage"]["output_tokens"]) == ("other", 0)
    results = [line["message"]["content"][0] for line in lines[4:6]]
    assert [one["is_error"] for one in results] == [False, True]
    new = lines[8]["message"]["content"][-1]
    assert new["id"] == "c1_2", "an id of the parent stands for one call alone"


def test_a_chosen_effort_stands_on_the_first_line() -> None:
    journal = FakeJournal()
    journal.add(session_id("chosen"), replace(started(), effort="high"), said())
    journal.add(session_id("not"), started(), said())
    first, *_ = read(fold(journal.all))
    efforts = [line.get("mlIntern", {}).get("effort") for line in read(fold(journal.all))]
    assert (first["mlIntern"]["effort"], efforts.count("high")) == ("high", 1)


def test_what_a_fork_means_to_do_stands_on_its_first_line() -> None:
    plan = Fact(kind="plan", data={"items": [{"step": "train", "status": "pending"}]})
    journal = FakeJournal()
    parent = ForkedFrom(session_id="parent", turn=1, meant=(plan,))
    journal.add(session_id("fork"), started(forked_from=parent), said())
    line, *_ = read(fold(journal.all))
    assert line["mlIntern"]["forkedFrom"]["meant"] == [{"kind": "plan", "data": plan.data}]


def test_what_a_compaction_kept_is_named_by_its_first_line(tmp_path: Path) -> None:
    """What the model is told of its budget is no line of a message, so nobody can count."""
    told = BudgetNoticed(cap="daemon", percent=50, used=1, limit=2, told="Half of it is used.")
    session = recorded(
        "s",
        *(replied("One.", call("c1")), answered("c1"), told),
        *(replied("Two.", call("c2")), answered("c2")),
        replace(compacted("So far.", kept=3), dropped=2),
        *(replied("Three."), ended()),
    )
    lines = read(fold(session))
    (kept,) = [line["mlIntern"]["keptFrom"] for line in lines if "isCompactSummary" in line]
    (second,) = [line for line in lines if "Two." in str(line.get("message"))]
    assert kept == second["uuid"]
    found = messages(reading.read(write(tmp_path, session), Problems()))
    assert [each.text for each in found][1:] == ["So far.", "Two.", "done", "Three."]


def test_what_a_replay_knows_of_test_splits_stands_on_its_first_line() -> None:
    score = Fact(kind="evaluation", data={"split": "test", "fingerprint": "f"})
    journal = FakeJournal()
    journal.add(session_id("replay"), started(replayed=Replayed(scored=(score,))), said())
    line, *_ = read(fold(journal.all))
    assert line["mlIntern"]["replayed"] == {
        "scoredBefore": [], "scored": [{"kind": "evaluation", "data": score.data}]
    }  # fmt: skip


def test_the_messages_of_a_fork_are_read_back_from_its_file(tmp_path: Path) -> None:
    path = write(tmp_path, forked(said("Go on.")))
    problems = Problems()
    told = messages(reading.read(path, problems))
    assert [type(one).__name__ for one in told] == [
        "UserMessage", "UserMessage", "AssistantMessage", "ToolMessage", "ToolMessage",
        "UserMessage", "UserMessage",
    ]  # fmt: skip
    assert [one.text for one in told if isinstance(one, UserMessage)] == [
        "Train something.", "The middle.", "Mind the disk.", "Go on."
    ]  # fmt: skip
    assert problems.count == 0


def everything() -> list[Event]:
    return [
        replied("", call("c1"), call("c2")),
        answered("c1"),
        asked("c2"),
        ended("waiting", "", "approval:a1"),
        decided("approve", "c2"),
        answered("c2"),
        ended("stopped", "limit"),
        said("More."),
        replied("Done."),
        ended(),
    ]


def test_a_file_goes_on_from_any_line(tmp_path: Path) -> None:
    session = recorded("s", *everything())
    whole = fold(session).splitlines(keepends=True)
    path = tmp_path / "s.jsonl"
    for held in range(len(whole) + 1):
        path.write_bytes(b"".join(whole[:held]))
        rest = [encode(line) for line in linked(session, tail=trace_file.tail(path))]
        assert rest == whole[held:]


def test_the_first_new_line_hangs_on_what_stands_in_the_file(tmp_path: Path) -> None:
    """Another version may have written more lines for the last event than we would."""
    session = recorded("s", *everything())
    of_title = next(n for n, line in enumerate(read(fold(session))) if line["type"] == "ai-title")
    last = read(fold(session))[of_title - 1]
    last["uuid"], last["mlIntern"]["part"] = "28bcf28c-21cb-5d50-a589-9e4570d1b645", 7
    path = tmp_path / "s.jsonl"
    path.write_text(json.dumps(last) + "\n")
    first = next(linked(session, tail=trace_file.tail(path)))
    assert not isinstance(first, Title)
    assert first.parent == last["uuid"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0\0\n",
        b"[]\n",
        b"1\n",
        b"{}\n",
        b'{"mlIntern":{}}\n',
        b'{"mlIntern":{"seq":null}}\n',
        b'{"mlIntern":{"seq":1},"uuid":"x"}\n',
        b'{"mlIntern":{"seq":1},"uuid":"x","timestamp":"yesterday"}\n',
    ],
)
def test_what_is_no_line_of_ours_has_no_mark(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # JSON's own errors and ours
        read_mark(data)
