"""Journals to fold: events with places and times, as the store hands them out."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ml_intern.events import (
    ApprovalDecided,
    ApprovalRequested,
    Event,
    Fact,
    ForkedFrom,
    JobEnded,
    JobProgressed,
    JobStarted,
    ModelReplied,
    SessionStarted,
    ToolFinished,
    ToolLost,
    ToolStarted,
    ToolWaiting,
    TurnFinished,
    TurnStarted,
    UserSaid,
)
from ml_intern.messages import ApprovalId, CallId, JobId, SessionId, ToolCall, Usage
from ml_intern.queue.rows import Recorded

SESSION = SessionId("11111111-1111-4111-8111-111111111111")
START = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
NO_MODEL = ("model:2026-01-31T12:05:00.000Z",)
"""A wait for a model, until 300 s after the start."""


def at(seconds: float) -> datetime:
    """`seconds` after the session's start."""
    return START + timedelta(seconds=seconds)


class Journal:
    """Events of one session, appended at given seconds."""

    def __init__(self) -> None:
        self.recorded: list[Recorded] = []
        self.add(
            SessionStarted(
                title="Train a classifier",
                model="autopilot",
                workspace="/state/sessions/1/workspace",
                started_in="/home/ada",
                version="0.1.0",
            )
        )
        self.add(TurnStarted(op_seq=1, attempt=1))
        self.add(UserSaid(text="Train a classifier", author="ada"))

    def __iter__(self) -> Iterator[Recorded]:
        return iter(self.recorded)

    def add(self, event: Event, seconds: float = 0.0) -> "Journal":
        number = len(self.recorded) + 1
        self.recorded.append(
            Recorded(position=number, session_id=SESSION, seq=number, at=at(seconds), event=event)
        )
        return self

    def reply(
        self, *calls: tuple[str, str, dict[str, Any]], text: str = "", cost: int | None = 0
    ) -> "Journal":
        """The model asks for calls: id, tool, arguments."""
        return self.add(
            ModelReplied(
                reply_id="r",
                model="autopilot",
                text=text,
                thinking="",
                tool_calls=tuple(
                    ToolCall(call_id=CallId(call), name=name, arguments=json.dumps(arguments))
                    for call, name, arguments in calls
                ),
                usage=Usage(input_tokens=10, output_tokens=2),
                cost_micro_usd=cost,
                stop_reason="tool_calls" if calls else "end",
                duration_ms=1,
            )
        )

    def tool(
        self,
        call: str,
        name: str,
        answer: dict[str, Any] | str,
        *facts: Fact,
        ok: bool = True,
        began: float = 0.0,
        ended: float = 0.0,
        arguments: dict[str, Any] | None = None,
    ) -> "Journal":
        """A whole call, from the model's wish to its answer."""
        given = arguments or {}
        self.reply((call, name, given))
        self.start(call, name, given, began)
        return self.finish(call, name, answer, *facts, ok=ok, ended=ended)

    def start(self, call: str, name: str, arguments: dict[str, Any], began: float) -> "Journal":
        return self.add(
            ToolStarted(
                call_id=CallId(call),
                tool=name,
                arguments=arguments,
                arguments_sha256="0",
                effect="write",
            ),
            began,
        )

    def finish(
        self,
        call: str,
        name: str,
        answer: dict[str, Any] | str,
        *facts: Fact,
        ok: bool = True,
        ended: float = 0.0,
    ) -> "Journal":
        return self.add(
            ToolFinished(
                call_id=CallId(call),
                tool=name,
                ok=ok,
                output=answer if isinstance(answer, str) else json.dumps(answer),
                answered_by="tool",
                duration_ms=0,
                facts=facts,
            ),
            ended,
        )

    def wait(self, call: str, on: str) -> "Journal":
        return self.add(ToolWaiting(call_id=CallId(call), on=on))

    def ask(self, approval: str, call: str, name: str, **arguments: Any) -> "Journal":
        return self.add(
            ApprovalRequested(
                approval_id=ApprovalId(approval),
                call_id=CallId(call),
                tool=name,
                arguments=arguments,
                arguments_sha256="0",
                reason=f"{name} acts outside the workspace.",
            )
        )

    def job(self, job: str, seconds: float = 0.0) -> "Journal":
        return self.add(
            JobStarted(job_id=JobId(job), compute="local", handle={}, label="train.py"), seconds
        )

    def progress(self, job: str, step: int, seconds: float, **metrics: float | None) -> "Journal":
        return self.add(
            JobProgressed(
                job_id=JobId(job), step=step, max_steps=100, metrics=metrics, log_offset=0
            ),
            seconds,
        )

    def job_end(self, job: str, status: Any = "succeeded", reason: str = "") -> "Journal":
        return self.add(JobEnded(job_id=JobId(job), status=status, exit_code=0, reason=reason))

    def end(
        self, outcome: Any, detail: str = "", waiting_on: tuple[str, ...] = (), seconds: float = 0.0
    ) -> "Journal":
        return self.add(
            TurnFinished(outcome=outcome, detail=detail, waiting_on=waiting_on), seconds
        )


def evaluation(split: str, accuracy: float, weights: str = "w1", model_dir: str = "runs/1") -> Fact:
    return Fact(
        kind="evaluation",
        data={
            "split": split,
            "model_dir": model_dir,
            "weights_sha256": weights,
            "fingerprint": "sha256:0",
            "metrics": {"accuracy": accuracy, "macro_f1": accuracy, "loss": 0.1},
            "rows": 180,
        },
    )


def forked_journal(plan: list[dict[str, str]]) -> Journal:
    """A session that goes on from another one, which had this plan and a pin."""
    meant = Fact(kind="plan", data={"items": plan}), Fact(kind="pin", data={"text": "x"})
    journal = Journal()
    first = journal.recorded[0]
    assert isinstance(first.event, SessionStarted)
    begun = replace(first.event, forked_from=ForkedFrom(session_id="p", turn=1, meant=meant))
    journal.recorded[0] = replace(first, event=begun)
    return journal


def finished_journal() -> Journal:
    """A session that went well: plan, data, training, evaluation, card, publication."""
    journal = Journal()
    items = [
        {"step": "Inspect the data", "status": "in_progress"},
        {"step": "Train", "status": "pending"},
    ]
    journal.tool("c1", "plan", {"done": 0, "open": 2}, Fact(kind="plan", data={"items": items}))
    journal.tool(
        "c2",
        "inspect_dataset",
        {"rows": 1797, "num_labels": 10, "task": "image-classification", "problems": []},
        began=1.0,
        ended=3.0,
        arguments={"source": "digits"},
    )
    journal.tool(
        "c3", "launch_training", {"job_id": "c3", "output_dir": "runs/1"}, began=4.0, ended=5.0
    )
    journal.job("c3", 5.0)
    journal.reply(("c4", "watch_job", {"job_id": "c3"})).start(
        "c4", "watch_job", {"job_id": "c3"}, 5.0
    )
    journal.wait("c4", "job:c3").end("waiting", "job c3", ("job:c3",), 5.0)
    journal.progress("c3", 10, 6.0, loss=2.0, epoch=1.0).progress(
        "c3", 60, 11.0, loss=0.5, epoch=6.0
    )
    journal.progress("c3", 100, 15.0, eval_loss=0.1, eval_accuracy=0.97, epoch=10.0).job_end("c3")
    journal.add(TurnStarted(op_seq=2, attempt=1), 15.0)
    journal.finish(
        "c4",
        "watch_job",
        {
            "status": "succeeded",
            "done": {"global_step": 100},
            "last": {"loss": 0.5},
            "evaluations": [{"eval_accuracy": 0.97}],
            "verdicts": [],
            "output_dir": "runs/1",
        },
        ended=15.0,
    )
    journal.tool(
        "c5",
        "evaluate",
        {"split": "validation", "rows": 180, "metrics": {"accuracy": 0.9667}},
        evaluation("validation", 0.9667),
        began=15.0,
        ended=16.0,
    )
    journal.tool(
        "c6",
        "evaluate",
        {"split": "test", "rows": 180, "metrics": {"accuracy": 0.9611}},
        evaluation("test", 0.9611),
        began=16.0,
        ended=17.0,
    )
    journal.tool(
        "c7",
        "write_model_card",
        {"path": "runs/1/README.md", "picture": "runs/1/loss_curve.png"},
        Fact(kind="card", data={"path": "runs/1/README.md", "model_dir": "runs/1"}),
    )
    journal.tool(
        "c8", "write_reproduce_bundle", {"path": "runs/1/reproduce", "command": "sh run.sh"}
    )
    journal.reply(("c9", "publish", {"model_dir": "runs/1"})).ask(
        "a9", "c9", "publish", model_dir="runs/1"
    )
    return journal


def published_journal() -> Journal:
    """The same, with the approval given and the session ended."""
    journal = finished_journal().end("waiting", "a decision on publish", ("approval:a9",), 18.0)
    journal.add(
        ApprovalDecided(
            approval_id=ApprovalId("a9"),
            call_id=CallId("c9"),
            verdict="approve",
            arguments={"model_dir": "runs/1"},
            arguments_sha256="0",
            decided_by="ada",
            reason="",
        ),
        20.0,
    )
    journal.add(TurnStarted(op_seq=3, attempt=1), 20.0).start(
        "c9", "publish", {"model_dir": "runs/1"}, 20.0
    )
    journal.finish(
        "c9",
        "publish",
        {
            "repo_id": "local/digits",
            "path": "/published/local/digits",
            "file_count": 12,
            "data_file_count": 3,
        },
        Fact(
            kind="published",
            data={
                "repo_id": "local/digits",
                "path": "/published/local/digits",
                "model_dir": "runs/1",
            },
        ),
        ended=21.0,
    )
    return journal.reply(text="Done: 96.7 %.").end("finished", "Done: 96.7 %.", seconds=21.5)


def lost_journal() -> Journal:
    """Nobody can tell whether the model was published."""
    given = {"repo_name": "digits"}
    journal = Journal().reply(("c1", "publish", given)).start("c1", "publish", given, 1.0)
    journal.add(ToolLost(call_id=CallId("c1"), tool="publish"))
    return journal.end("waiting", "a word on publish", ("unknown:c1",), 2.0)
