"""What a session waits for, in each of its states."""

from typing import Literal

import pytest

from ml_intern.cli.reasons import Reason, Reasons
from ml_intern.events import (
    BudgetExtended,
    BudgetReached,
    JobProgressed,
    JobStarted,
    ModelAsked,
    ModelFailed,
    TurnFinished,
    TurnStarted,
)
from ml_intern.messages import JobId
from ml_intern.queue.rows import Holder, OpenOp, QueuePlace, SessionState, Site
from tests.cli.journals import NO_MODEL, Journal, at

HOST = 42
SAY = ('ml-intern say 11111111 "..."',)
LAB = {"elsewhere": Site(name="lab-7", folder="/data/sessions"), "is_shared": True}
THEIRS = (
    "It belongs to site lab-7, whose sessions lie in /data/sessions: a daemon that works with the "
    "same database and shares that folder (as ML_INTERN_SESSIONS_DIR) {does}."
)
NOBODY = Reason(
    awaited="worker",
    words="Nobody works in this state directory.",
    commands=("ml-intern serve", "ml-intern resume 11111111"),
)


def op(seq: int = 1, state: str = "queued", kind: str = "user_input", created: float = 0.0):
    return OpenOp(seq=seq, kind=kind, state=state, attempts=1, created=at(created))


def place(
    state: SessionState,
    *open_ops: OpenOp,
    ahead: int = 0,
    left_s: float | None = None,
    is_far: bool = False,
    **more,
):
    holder = None
    if left_s is not None:
        holder = Holder(pid=HOST, token=3, left_s=left_s, is_far=is_far)
    return QueuePlace(state=state, ahead=ahead, holder=holder, open_ops=open_ops, **more)


def reasons(
    journal: Journal, where: QueuePlace, now: float = 100.0, host: int | None = HOST
) -> list[Reason]:
    return Reasons(list(journal), where, at(now), host).all()


def waiting(journal: Journal, *on: str, seconds: float = 50.0) -> Journal:
    return journal.add(TurnFinished(outcome="waiting", detail="...", waiting_on=on), seconds)


def test_an_approval_names_the_tool_and_both_answers() -> None:
    journal = Journal().reply(("c1", "publish", {})).ask("abcdefghij", "c1", "publish", repo="x")
    (found,) = reasons(waiting(journal, "approval:abcdefghij"), place("waiting"))
    assert found.awaited == "person"
    assert found.words == (
        "A person must decide about publish: publish acts outside the workspace."
    )
    assert found.since == at(0)
    assert found.commands == (
        "ml-intern approve abcdefgh",
        'ml-intern deny abcdefgh --reason "..."',
    )


def test_a_model_that_does_not_answer_is_waited_for_since_the_first_turn_without_it() -> None:
    journal = waiting(Journal(), "model:2026-01-31T12:00:59.000Z", seconds=50.0)
    journal.add(TurnStarted(op_seq=2, attempt=1), 60.0)
    journal.end(
        "waiting",
        "m is away.; vllm/x: nobody answers at http://x, so it cannot. Start it.",
        NO_MODEL,
        61.0,
    )
    assert reasons(journal, place("waiting")) == [
        Reason(
            awaited="model",
            words="No model answers it:",
            since=at(50),
            until=at(300),
            details=("m is away", "vllm/x: nobody answers at http://x"),
            commands=("ml-intern model 11111111 NAME",),
        )
    ]
    assert reasons(journal, place("waiting"), host=None)[1] == NOBODY
    journal.add(TurnStarted(op_seq=3, attempt=1), 300.0).reply()
    (found,) = reasons(journal.end("waiting", "", NO_MODEL, 310.0), place("waiting"))
    assert found.since == at(310)


def test_a_cap_that_is_reached_again_is_waited_for_since_then() -> None:
    reached = BudgetReached(cap="tokens", used=10, limit=10, needed=5)
    journal = waiting(Journal().add(reached, 10.0), "budget:tokens", seconds=10.0)
    journal.add(BudgetExtended(cap="tokens", amount=5, extended_by="ada"), 30.0)
    journal = waiting(journal.add(reached, 40.0), "budget:tokens", seconds=40.0)
    (found,) = reasons(journal, place("waiting"))
    assert found.since == at(40)


def test_a_question_is_repeated_with_how_to_answer() -> None:
    arguments = {"question": "Which column?"}
    journal = Journal().reply(("c1", "ask_person", arguments))
    journal.start("c1", "ask_person", arguments, 20.0).wait("c1", "answer:c1")
    (found,) = reasons(waiting(journal, "answer:c1"), place("waiting"))
    assert found == Reason(
        awaited="person",
        words="A person must answer: Which column?",
        since=at(0),
        commands=SAY,
    )


def training(step: int | None) -> Journal:
    journal = Journal().reply(("c1", "watch_job", {}))
    job = JobStarted(job_id=JobId("j1"), compute="local", handle={}, label="train.py")
    journal.add(job, 10.0)
    for done in () if step is None else (0, step):
        journal.add(
            JobProgressed(
                job_id=JobId("j1"),
                step=done,
                max_steps=200,
                metrics={"loss": 0.5},
                log_offset=1,
            ),
            20.0 + done,
        )
    return waiting(journal, "job:j1", seconds=15.0)


def test_a_job_says_how_far_it_is_and_how_long_it_may_take() -> None:
    (found,) = reasons(training(50), place("waiting"), now=80.0)
    assert found.awaited == "job"
    assert found.words == (
        "The job train.py must end: 50 of 200 steps, loss 0.500, heard of 10 s ago."
    )
    assert found.since == at(10)
    assert found.until == at(80 + 140)
    assert found.commands == ()


def test_a_job_that_nobody_looks_after_says_what_to_start() -> None:
    (found,) = reasons(training(None), place("waiting"), host=None)
    assert found.words == (
        "The job train.py must end: no step is known yet. Nobody looks after it now."
    )
    assert found.commands == NOBODY.commands


def test_what_has_no_words_of_its_own_is_named() -> None:
    (found,) = reasons(waiting(Journal(), "timer:noon"), place("waiting"))
    assert found == Reason(awaited="other", words="It waits for timer noon.", since=at(50))


def test_a_queued_session_says_how_many_come_first() -> None:
    found = reasons(Journal(), place("ready", op(created=30.0), ahead=2))
    assert found == [
        Reason(
            awaited="queue",
            words="It is queued with user input 1: 2 sessions before it; it goes on when a "
            "worker is free "
            "(the setting `workers` says how many there are).",
            since=at(30),
        )
    ]


def test_a_queue_in_which_nobody_works_says_so() -> None:
    found = reasons(Journal(), place("ready", op()), host=None)
    assert found[0].words == "It is queued with user input 1: it is the next."
    assert found[1:] == [NOBODY]


def test_a_queued_session_of_another_site_says_whose_it_is_and_who_takes_it_up() -> None:
    for host in (HOST, None):
        found = reasons(Journal(), place("ready", op(created=30.0), **LAB), host=host)
        assert [(one.awaited, one.words) for one in found] == [
            ("queue", "It is queued with user input 1 at another site."),
            ("worker", THEIRS.format(does="takes it up")),
        ]
        assert [one.commands for one in found] == [(), ()]


def test_a_session_that_another_machine_works_on_is_not_called_cut_off() -> None:
    where = place("leased", op(state="running"), left_s=12.0, is_far=True, **LAB)
    assert [one.words for one in reasons(Journal(), where, host=None)] == [
        "Process 42 of another machine works on it; its lease lasts 12 s more."
    ]


def test_a_session_that_was_cut_off_at_another_site_waits_for_that() -> None:
    where = place("leased", op(state="running"), left_s=-1.0, is_far=True, **LAB)
    assert [one.words for one in reasons(Journal(), where)] == [
        "It was cut off: its worker (process 42) is gone, and nobody has taken it up.",
        THEIRS.format(does="takes it up"),
    ]


def test_a_job_of_another_site_is_looked_after_there() -> None:
    (found,) = reasons(training(None), place("waiting", **LAB), host=None)
    assert found.words == (
        f"The job train.py must end: no step is known yet. {THEIRS.format(does='hears of its end')}"
        " Where its machine is gone for good, say that it is lost."
    )
    assert found.commands == ("ml-intern resolve 11111111 j1 --lost",)


def test_a_retry_of_a_model_says_until_when() -> None:
    journal = Journal().add(ModelAsked(model="gpt", iteration=1), 10.0)
    away = "Nobody answers at http://x, so vllm/x cannot be asked. Start the server."
    journal.add(ModelFailed(model="vllm/x", error=away, retry_in_s=0.0), 80.0)
    journal.add(ModelFailed(model="gpt", error="overloaded", retry_in_s=60.0), 90.0)
    first, second = reasons(journal, place("leased", op(state="running"), left_s=12.0))
    assert first == Reason(
        awaited="model",
        words="The model gpt gave no answer: overloaded. Asked again.",
        since=at(90),
        until=at(150),
        details=("vllm/x: Nobody answers at http://x",),
        commands=("ml-intern model 11111111 NAME",),
    )
    assert second.words == "Process 42 works on it; its lease lasts 12 s more."


def test_work_is_told_with_what_waits_behind_it() -> None:
    journal = Journal().reply(("c1", "bash", {})).start("c1", "bash", {}, 70.0)
    where = place("leased", op(state="running"), op(2, kind="undo", created=80.0), left_s=-4.0)
    assert [(one.words, one.since) for one in reasons(journal, where)] == [
        ("The tool bash runs.", at(70)),
        (
            "Process 42 held its lease, which ended 4.0 s ago; the next free worker takes it.",
            at(0),
        ),
        ("1 op behind the running one: undo 2.", at(80)),
    ]


@pytest.mark.parametrize(
    ("purpose", "what"), [("answer", "its answer"), ("summary", "a summary of what was done")]
)
def test_a_model_that_answers_is_told(purpose: Literal["answer", "summary"], what: str) -> None:
    journal = Journal().add(ModelAsked(model="gpt", iteration=1, purpose=purpose), 10.0)
    first = reasons(journal, place("leased", op(state="running"), left_s=12.0))[0]
    assert (first.words, first.since) == (f"The model gpt is writing {what}.", at(10))


def test_a_session_that_was_cut_off_says_what_takes_it_up() -> None:
    first, second = reasons(Journal(), place("leased", op(state="running"), left_s=3.0), host=None)
    assert "was cut off: its worker (process 42) is gone" in first.words
    assert second == NOBODY


def test_a_session_at_rest_waits_for_nothing() -> None:
    journal = Journal().add(TurnFinished(outcome="finished", detail="It is 98 %."), 60.0)
    assert reasons(journal, place("idle")) == [
        Reason(
            awaited="nothing",
            words="It waits for nothing; its last turn is done: It is 98 %.",
            since=at(60),
            commands=SAY,
        )
    ]
