"""The events behind `traces/examples`. `python -m tests.tracing.golden` writes the files anew."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

from ml_intern.clock import parse_stamp
from ml_intern.events import (
    AnsweredBy,
    ApprovalDecided,
    ApprovalRequested,
    Compacted,
    Effect,
    Event,
    Fact,
    Hinted,
    InterruptRequested,
    JobEnded,
    JobProgressed,
    JobStarted,
    JobStatus,
    Machine,
    ModelAsked,
    ModelChanged,
    ModelFailed,
    ModelReplied,
    Outcome,
    SessionStarted,
    ToolFinished,
    ToolLost,
    ToolStarted,
    ToolWaiting,
    TurnFinished,
    TurnStarted,
    UserSaid,
    Verdict,
)
from ml_intern.messages import ApprovalId, CallId, JobId, SessionId, ToolCall, Usage
from ml_intern.queue.rows import Recorded
from ml_intern.tracing.lines import SessionLines
from ml_intern.tracing.redaction import Redactor
from ml_intern.tracing.session_files import PART_BYTES, SessionFiles
from ml_intern.transcript.line import (
    Answered,
    Block,
    Body,
    JsonObject,
    Line,
    Replied,
    Said,
    Text,
    ToolUse,
    encode,
    line_uuid,
)

EXAMPLES = Path(__file__).parents[2] / "traces" / "examples"
READS = frozenset(
    ("plan", "inspect_dataset", "survey_hardware", "estimate_memory", "watch_job", "ask_person")
)


class Story:
    """One session, told event by event; what happens takes the time that it says."""

    def __init__(
        self,
        name: str,
        began: str,
        *,
        title: str,
        model: str,
        price: int | None,
        part_bytes: int = PART_BYTES,
    ) -> None:
        self.part_bytes = part_bytes
        self.session_id = SessionId(str(uuid5(NAMESPACE_DNS, name)))
        self.folder = f"/home/ada/.local/state/ml-intern/sessions/{self.session_id}/workspace"
        self.events: list[Recorded] = []
        self._model = model
        self._price = price
        self._now = parse_stamp(began)
        self._ids = 0
        self._iteration = 0
        self._prompt = 1_900
        self.add(
            SessionStarted(
                title=title,
                model=model,
                workspace=self.folder,
                started_in="/home/ada/digits",
                version="0.1.0",
                machine=Machine(cpus=8, threads=None, system="Linux x86_64", python="3.12.7"),
            )
        )

    def add(self, event: Event, after_ms: int = 3) -> None:
        self._now += timedelta(milliseconds=after_ms)
        self.events.append(
            Recorded(
                position=len(self.events) + 1,
                session_id=self.session_id,
                seq=len(self.events) + 1,
                at=self._now,
                event=event,
            )
        )

    def pass_time(self, **span: float) -> None:
        self._now += timedelta(**span)

    def take_up(self, op_seq: int, text: str | None = None) -> None:
        self.add(TurnStarted(op_seq=op_seq, attempt=1))
        if text is not None:
            self.add(UserSaid(text=text, author="ada"))

    def reply(self, text: str, *calls: tuple[str, Any], thinking: str = "") -> list[CallId]:
        """The model asks for `calls` (name and arguments); their ids."""
        self._iteration += 1
        self.add(ModelAsked(model=self._model, iteration=self._iteration))
        asked = tuple(
            ToolCall(call_id=CallId(self._new_id("call_")), name=name, arguments=_text(given))
            for name, given in calls
        )
        usage = Usage(
            input_tokens=240,
            output_tokens=35 + 20 * len(calls) + len(thinking) // 4,
            cache_read_tokens=self._prompt,
        )
        self._prompt += 240 + usage.output_tokens
        self.add(
            ModelReplied(
                reply_id=self._new_id(""),
                model=self._model,
                text=text,
                thinking=thinking,
                tool_calls=asked,
                usage=usage,
                cost_micro_usd=self._price and self._price * usage.output_tokens,
                stop_reason="tool_calls" if calls else "end",
                duration_ms=640,
            ),
            after_ms=640,
        )
        return [one.call_id for one in asked]

    def start(self, call_id: CallId, effect: Effect | None = None) -> None:
        asked = self._call(call_id)
        self.add(
            ToolStarted(
                call_id=call_id,
                tool=asked.name,
                arguments=json.loads(asked.arguments),
                arguments_sha256="sha256-of-arguments",
                effect=effect or ("read" if asked.name in READS else "write"),
            )
        )

    def finish(
        self,
        call_id: CallId,
        output: Any,
        *facts: Fact,
        ok: bool = True,
        by: AnsweredBy = "tool",
        took_ms: int = 80,
    ) -> None:
        self.add(
            ToolFinished(
                call_id=call_id,
                tool=self._call(call_id).name,
                ok=ok,
                output=_text(output),
                answered_by=by,
                duration_ms=took_ms,
                facts=facts,
            ),
            after_ms=took_ms,
        )

    def do(self, text: str, name: str, given: Any, output: Any, *facts: Fact, **how: Any) -> None:
        """One call, run and answered."""
        (call_id,) = self.reply(text, (name, given))
        self.start(call_id)
        self.finish(call_id, output, *facts, **how)

    def ask(self, call_id: CallId, reason: str) -> ApprovalId:
        asked = self._call(call_id)
        approval_id = ApprovalId(self._new_id("approval_"))
        self.add(
            ApprovalRequested(
                approval_id=approval_id,
                call_id=call_id,
                tool=asked.name,
                arguments=json.loads(asked.arguments),
                arguments_sha256="sha256-of-arguments",
                reason=reason,
            )
        )
        self.end("waiting", reason, f"approval:{approval_id}")
        return approval_id

    def decide(
        self,
        approval_id: ApprovalId,
        call_id: CallId,
        verdict: Verdict,
        reason: str,
        arguments: dict[str, Any] | None = None,
    ) -> None:
        self.add(
            ApprovalDecided(
                approval_id=approval_id,
                call_id=call_id,
                verdict=verdict,
                arguments=arguments or json.loads(self._call(call_id).arguments),
                arguments_sha256="sha256-of-what-may-run",
                decided_by="ada",
                reason=reason,
            )
        )

    def launch(self, call_id: CallId, label: str) -> JobId:
        self.start(call_id)
        job_id = JobId(call_id.replace("call_", "job_"))
        handle = {"pid": 4711, "start_time": 123}
        self.add(JobStarted(job_id=job_id, compute="local", handle=handle, label=label))
        output = {"job_id": job_id, "output_dir": "run-1", "log": f"{self.folder}/run-1/train.log"}
        self.finish(call_id, output, Fact(kind="job", data={"job_id": job_id, "path": "train.py"}))
        return job_id

    def watch(self, job_id: JobId, steps: list[tuple[int, int, dict[str, float | None]]]) -> CallId:
        """The turn waits for the job, which goes on meanwhile."""
        (call_id,) = self.reply("", ("watch_job", {"job_id": job_id}))
        self.start(call_id)
        self.add(ToolWaiting(call_id=call_id, on=f"job:{job_id}"))
        self.end("waiting", "The job is running.", f"job:{job_id}")
        for step, of, metrics in steps:
            self.pass_time(seconds=9)
            self.add(
                JobProgressed(
                    job_id=job_id, step=step, max_steps=of, metrics=metrics, log_offset=100 * step
                )
            )
        return call_id

    def end_job(self, job_id: JobId, status: JobStatus, exit_code: int | None, reason: str) -> None:
        self.pass_time(seconds=4)
        self.add(JobEnded(job_id=job_id, status=status, exit_code=exit_code, reason=reason))

    def sum_up(self, summary: str, *, kept: int) -> None:
        """A person has the older part of the conversation summed up."""
        self.pass_time(seconds=40)
        usage = Usage(input_tokens=self._prompt, output_tokens=120)
        self.add(
            Compacted(
                asked_by="ada",
                summary=summary,
                kept=kept,
                model=self._model,
                usage=usage,
                cost_micro_usd=self._price and self._price * usage.output_tokens,
            )
        )
        self._prompt = 1_900

    def end(self, outcome: Outcome, detail: str, *waiting_on: str) -> None:
        self.add(TurnFinished(outcome=outcome, detail=detail, waiting_on=waiting_on))

    def now(self) -> datetime:
        return self._now

    def _call(self, call_id: CallId) -> ToolCall:
        return next(
            asked
            for recorded in self.events
            if isinstance(recorded.event, ModelReplied)
            for asked in recorded.event.tool_calls
            if asked.call_id == call_id
        )

    def _new_id(self, prefix: str) -> str:
        self._ids += 1
        return prefix + uuid5(NAMESPACE_DNS, f"{self.session_id} {self._ids}").hex[:20]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def digits() -> Story:
    """An image classifier from request to repository: parallel reads, a mended error, an edit."""
    told = Story(
        "golden-digits",
        "2026-11-20T21:04:11.120Z",
        title="Classify handwritten digits",
        model="autopilot",
        price=0,
    )
    told.take_up(
        1,
        "Train a small classifier for the handwritten digits that come with scikit-learn. I want "
        "95 % on held-out images, and a model card. Zwei Epochen reichen vielleicht schon — 🤗",
    )
    _look_around(told)
    _write_and_mend(told)
    (call_id,) = told.reply(
        "The checks have passed; training starts.",
        ("launch_training", {"path": "train.py", "output_dir": "run-1"}),
    )
    job_id = told.launch(call_id, "digits")
    progress: list[tuple[int, int, dict[str, float | None]]] = [
        (40, 120, {"loss": 1.42, "learning_rate": 0.0009}),
        (80, 120, {"loss": 0.51, "learning_rate": 0.0004}),
        (120, 120, {"loss": 0.22, "eval_loss": 0.19, "eval_accuracy": 0.958}),
    ]
    watched = told.watch(job_id, progress)
    told.end_job(job_id, "succeeded", 0, "its done-marker names step 120 of 120")
    _score_and_publish(told, watched, job_id)
    return told


def _look_around(told: Story) -> None:
    _plan(told, "I begin with a plan.", done=False)
    data, machine = told.reply(
        "The data and the machine can be looked at side by side.",
        ("inspect_dataset", {"source": "the handwritten digits that come with scikit-learn"}),
        ("survey_hardware", {}),
        thinking="Neither needs the other. The dataset is packaged, nothing to download.",
    )
    told.start(data)
    told.start(machine)
    hardware = {
        "cpus": 8,
        "memory_bytes": 16_777_216_000,
        "available_memory_bytes": 9_663_676_416,
        "memory_limit_bytes": None,
        "gpus": [],
        "packages": {"torch": "2.13.0", "transformers": "5.23.0"},
    }
    told.finish(machine, hardware, Fact(kind="hardware", data={"report": hardware}), took_ms=310)
    report = {
        "source": "scikit-learn/digits",
        "kind": "packaged",
        "task": "image-classification",
        "fingerprint": "sha256:5a1f",
        "rows": 1797,
        "labels": {"0": 178, "1": 182, "2": 177, "3": 183, "4": 181, "5": 182},
        "num_labels": 10,
        "images": {"width": 8, "height": 8, "mode": "L", "sizes": 1, "unreadable": []},
        "problems": [],
        "blocking": [],
        "recipe": "image_classification",
    }
    inspected = {"source": "scikit-learn/digits", "fingerprint": "sha256:5a1f", "report": report}
    told.finish(data, report, Fact(kind="dataset_inspected", data=inspected), took_ms=940)
    prepared = {
        "task": "image-classification",
        "train": f"{told.folder}/data/digits/train",
        "validation": f"{told.folder}/data/digits/validation",
        "test": "held out",
        "rows": {"train": 1437, "validation": 180, "test": 180},
        "fingerprint": "sha256:5a1f",
    }
    told.do(
        "",
        "prepare_dataset",
        {"source": "scikit-learn/digits", "name": "digits"},
        prepared,
        Fact(kind="dataset_prepared", data=prepared),
        took_ms=1_260,
    )


def _plan(told: Story, words: str, *, done: bool) -> None:
    steps = ["look at the data", "write and check a script", "train", "evaluate", "publish"]
    status = "done" if done else "pending"
    items = [{"step": step, "status": status} for step in steps]
    counts = {"done": len(steps) if done else 0, "open": 0 if done else len(steps)}
    told.do(words, "plan", {"items": items}, counts, Fact(kind="plan", data={"items": items}))


def _write_and_mend(told: Story) -> None:
    values = {"image_size": 8, "num_channels": 1, "patch_size": 3, "learning_rate": 0.001}
    told.do(
        "A small vision transformer from scratch fits images of 8 by 8 pixels.",
        "write_recipe",
        {"recipe": "image_classification", "path": "train.py", "values": values},
        {"path": "train.py", "sha256": "1f0c", "recipe": "image_classification", "values": values},
        Fact(
            kind="script_written",
            data={"path": "train.py", "sha256": "1f0c", "recipe": "image_classification"},
        ),
    )
    told.do(
        "",
        "dummy_forward",
        {"path": "train.py"},
        {
            "error": "The script failed. Read the traceback and edit it.",
            "traceback": f'File "{told.folder}/train.py", line 88, in build\n'
            "ValueError: image_size 8 cannot be divided by patch_size 3",
            "exit_code": 1,
        },
        ok=False,
        took_ms=2_900,
    )
    told.do(
        "Patches of 2 by 2 pixels divide the image.",
        "edit",
        {"path": "train.py", "old": "patch_size: int = 3", "new": "patch_size: int = 2"},
        {
            "path": "train.py",
            "sha256": "77aa",
            "diff": "--- train.py\n+++ train.py\n@@ -31 +31 @@\n-    patch_size: int = 3\n"
            "+    patch_size: int = 2\n",
        },
        Fact(kind="script_written", data={"path": "train.py", "sha256": "77aa", "recipe": None}),
    )
    forward = {"event": "dummy_forward", "parameters": 101_642, "logits_shape": [32, 10]}
    forward |= {"loss": 2.31, "peak_memory_bytes": 412_876_800}
    told.do(
        "",
        "dummy_forward",
        {"path": "train.py"},
        {"report": forward, "memory": {"total_bytes": 430_112_768}, "fits": True},
        Fact(kind="dummy_forward", data={"path": "train.py", "sha256": "77aa", "report": forward}),
        took_ms=3_050,
    )


def _score_and_publish(told: Story, watched: CallId, job_id: JobId) -> None:
    told.take_up(2)
    told.finish(
        watched,
        {
            "job_id": job_id,
            "status": "succeeded",
            "exit_code": 0,
            "done": {"global_step": 120, "max_steps": 120, "best_metric": 0.958},
            "verdicts": [],
            "error": None,
            "output_dir": "run-1",
        },
        took_ms=40,
    )
    for split, accuracy in (("validation", 0.9583), ("test", 0.9611)):
        score = {"split": split, "rows": 180, "weights_sha256": "c0ffee"}
        score |= {"metrics": {"accuracy": accuracy, "macro_f1": accuracy - 0.001}}
        told.do(
            "",
            "evaluate",
            {"model_dir": "run-1", "split": split},
            score,
            Fact(kind="evaluation", data=score | {"model_dir": "run-1"}),
            took_ms=1_800,
        )
    (call_id,) = told.reply(
        "96.1 % on the test images, measured once. The model is ready for the repository.",
        ("publish", {"model_dir": "run-1", "repo_name": "digits-vit", "private": False}),
    )
    approval_id = told.ask(call_id, "publish acts outside the workspace")
    told.pass_time(hours=9, minutes=12)
    edited = {"model_dir": "run-1", "repo_name": "digits-vit", "private": True}
    told.decide(approval_id, call_id, "edit", "not public before the review", edited)
    told.take_up(3)
    told.start(call_id, "external")
    told.finish(
        call_id,
        {"repo_id": "ada/digits-vit", "path": "ada/digits-vit", "files": ["model.safetensors"]},
        Fact(kind="published", data={"repo_id": "ada/digits-vit", "model_dir": "run-1"}),
        took_ms=220,
    )
    _plan(told, "I close the plan.", done=True)
    words = "Done: 96.1 % on 180 held-out images. The model lies in ada/digits-vit, private."
    told.reply(words)
    told.end("finished", words)


def reviews() -> Story:
    """A bad run: a busy model, a question, a no, broken arguments, a stop by a person."""
    told = Story(
        "golden-reviews",
        "2026-11-21T08:30:00.500Z",
        title="Sentiment of shop reviews",
        model="anthropic/claude-sonnet-4-5",
        price=15,
    )
    told.take_up(1, "Fine-tune something on reviews.csv. Use a learning rate of 0.5.")
    told.add(ModelAsked(model="anthropic/claude-sonnet-4-5", iteration=1))
    busy = ModelFailed(
        model="anthropic/claude-sonnet-4-5", error="overloaded (529)", retry_in_s=4.0
    )
    told.add(busy, after_ms=900)
    told.pass_time(seconds=4)
    told.do(
        "",
        "inspect_dataset",
        {"source": "reviews.csv", "version": None},
        "arguments: `version` is not known. Known are: source.",
        ok=False,
        by="router",
        took_ms=2,
    )
    (question,) = told.reply(
        "", ("ask_person", {"question": "Which column is the label: `stars` or `helpful`?"})
    )
    told.start(question)
    told.add(ToolWaiting(call_id=question, on=f"answer:{question}"))
    told.end("waiting", "Which column is the label: `stars` or `helpful`?", f"answer:{question}")
    told.pass_time(minutes=3)
    told.take_up(2)
    told.finish(question, {"answer": "stars"}, by="person", took_ms=0)
    change = {"what": "learning_rate", "was": "0.5", "becomes": "0.00002", "why": "0.5 diverges"}
    (proposed,) = told.reply("0.5 will not converge; I ask first.", ("propose_change", change))
    approval_id = told.ask(proposed, "Change learning_rate from 0.5 to 0.00002: 0.5 diverges")
    told.pass_time(minutes=1)
    told.decide(approval_id, proposed, "deny", "I want to see it diverge")
    told.take_up(3)
    refusal = {"error": "ada denied it: I want to see it diverge. Go on without the change."}
    told.finish(proposed, refusal, ok=False, by="person", took_ms=0)
    _stop_in_the_middle(told)
    return told


def _stop_in_the_middle(told: Story) -> None:
    listing = "reviews.csv\u2028train.py\n[exit code 0]"
    (broken, listed, silent) = told.reply(
        "",
        ("write_recipe", '{"recipe": "text_classification", "values": {"learning_rate": 0.5}'),
        ("bash", {"command": "ls"}),
        ("read", {"path": "empty.txt"}),
        thinking="They keep the rate. Write the script.",
    )
    told.finish(
        broken,
        {
            "error": "write_recipe: the arguments end in the middle, after 66 characters: they "
            "were cut off, most likely at the length limit of an answer. The call did not run. "
            "Send it again with less at once, e.g. a long file in several calls."
        },
        ok=False,
        by="router",
        took_ms=0,
    )
    told.start(listed)
    told.start(silent)
    told.finish(silent, "", took_ms=3)
    told.finish(listed, listing, took_ms=12)
    told.add(Hinted(text="You have used 5 of 300 model calls."))
    (call_id,) = told.reply(
        "", ("launch_training", {"path": "train.py", "output_dir": "run-1", "timeout_s": 600})
    )
    job_id = told.launch(call_id, "reviews")
    progress: list[tuple[int, int, dict[str, float | None]]] = [(10, 500, {"loss": None})]
    watched = told.watch(job_id, progress)
    told.add(InterruptRequested(asked_by="ada", reason="seen enough"))
    told.take_up(4)
    stopped = {"error": "Not finished: ada stopped it: seen enough."}
    told.finish(watched, stopped, ok=False, by="interrupt", took_ms=0)
    told.end("interrupted", "ada stopped it: seen enough")
    told.end_job(job_id, "cancelled", -15, "ada stopped it")


def night() -> Story:
    """All that can happen in one night: side by side, broken, edited, summed up twice, cut off."""
    told = Story(
        "golden-night",
        "2026-11-22T22:15:30.250Z",
        title="A smaller tagger, overnight",
        model="anthropic/claude-sonnet-4-5",
        price=15,
    )
    told.take_up(1, "Make the tagger half as large without losing more than a point. Go on alone.")
    _side_by_side(told)
    told.sum_up("## Goal\nHalve the tagger, lose one point at most.\n## Next step\nPrune.", kept=2)
    told.take_up(2, "Good. Prune it now.")
    _cut_off(told)
    told.sum_up("## Goal\nHalve the tagger.\n## Results\nPruned: 51 %, minus 0.4.", kept=2)
    _edited_and_stopped(told)
    return told


def _side_by_side(told: Story) -> None:
    size, score = told.reply(
        "Size and score can be looked at side by side.",
        ("bash", {"command": "du -b tagger"}),
        ("evaluate", {"model_dir": "tagger", "split": "validation"}),
        thinking="Both only read.",
    )
    told.start(size)
    told.start(score)
    told.finish(score, {"error": "tagger holds no config.json"}, ok=False, took_ms=120)
    told.finish(size, "91234567 tagger\n[exit code 0]", took_ms=15)
    told.reply("91 MB, and it has to be exported before it can be scored. Shall I go on?")
    told.end("finished", "91 MB, and it has to be exported before it can be scored.")


def _cut_off(told: Story) -> None:
    """The process dies during a call; the next one cannot know what became of it."""
    (pruned,) = told.reply("", ("bash", {"command": "python prune.py --keep 0.5"}))
    told.start(pruned)
    told.pass_time(minutes=4)
    told.add(TurnStarted(op_seq=2, attempt=2))
    told.add(ToolLost(call_id=pruned, tool="bash"))
    unknown = "The service was killed while this ran; look what became of it."
    told.finish(pruned, {"error": unknown}, ok=False, by="recovery", took_ms=0)
    told.do("I look first.", "bash", {"command": "du -b pruned"}, "46012345 pruned", took_ms=11)
    told.reply("It had come to its end: 46 MB, 51 %.")
    told.end("finished", "It had come to its end: 46 MB, 51 %.")


def _edited_and_stopped(told: Story) -> None:
    told.take_up(3, "Publish it, then try 8 bits.")
    public = {"model_dir": "pruned", "repo_name": "tagger-small", "private": False}
    (published,) = told.reply("", ("publish", public))
    approval_id = told.ask(published, "publish acts outside the workspace")
    told.pass_time(hours=6)
    told.decide(approval_id, published, "edit", "not yet public", {**public, "private": True})
    told.take_up(4)
    told.start(published, "external")
    told.finish(published, {"repo_id": "ada/tagger-small", "private": True}, took_ms=310)
    told.add(ModelChanged(model="autopilot", asked_by="ada"))
    (quantised,) = told.reply("", ("bash", {"command": "python quantise.py --bits 8"}))
    told.start(quantised)
    told.pass_time(minutes=2)
    told.add(InterruptRequested(asked_by="ada", reason="the machine is needed"))
    stopped = {"error": "Not finished: ada stopped it: the machine is needed."}
    told.finish(quantised, stopped, ok=False, by="interrupt", took_ms=120_000)
    told.end("interrupted", "ada stopped it: the machine is needed")


def sweep() -> Story:
    """A session that goes on in parts; in life each is hundreds of times as long."""
    told = Story(
        "golden-sweep",
        "2026-11-23T19:00:00.000Z",
        title="Which learning rate for the tagger?",
        model="autopilot",
        price=0,
        part_bytes=3_000,
    )
    told.take_up(1, "Try learning rates from 1e-5 to 1e-3 for the tagger, and say which is best.")
    for rate, score in (("1e-5", 0.871), ("5e-5", 0.902), ("1e-4", 0.911), ("1e-3", 0.644)):
        command = f"python train.py --learning_rate {rate} --seed 1"
        told.do("", "bash", {"command": command}, f"eval_accuracy {score}", took_ms=95_000)
    told.reply("1e-4 is best: 91.1 %.")
    told.end("finished", "1e-4 is best: 91.1 %.")
    return told


def research() -> dict[str, bytes]:
    """A session that asks a sub-agent, and the sub-agent's own file. No events stand behind it."""
    began = parse_stamp("2026-11-24T07:30:00.000Z")
    session_id = SessionId(str(uuid5(NAMESPACE_DNS, "golden-research")))
    agent_id = "a5c0ffee12345678"
    task = "Find the learning rate that people report for taggers of this size."
    found = "Most report 1e-4; two sources."
    asks: JsonObject = {
        "description": "Learning rates",
        "prompt": task,
        "subagent_type": "research",
    }
    told: JsonObject = {
        "status": "completed",
        "agentId": agent_id,
        "prompt": task,
        "content": found,
        "totalDurationMs": 9_000,
        "totalTokens": 2_100,
        "totalToolUseCount": 1,
    }
    uses = {"search": {"query": "tagger learning rate"}}
    own = _linked(
        session_id, began + timedelta(seconds=5), (task, uses, "1e-4; 1e-4", found), agent_id
    )
    words = "Which learning rate should the tagger get? Have it looked up."
    asked = (words, {"Task": asks}, found, "1e-4: two sources report it.")
    return {
        f"{session_id}.jsonl": _linked(session_id, began, asked, "", told),
        f"{session_id}/subagents/agent-{agent_id}.jsonl": own,
        f"{session_id}/subagents/agent-{agent_id}.meta.json": json.dumps(
            {"agentType": "research", "description": "Learning rates", "toolUseId": "call_Task"}
        ).encode(),
    }


def _linked(
    session_id: SessionId,
    at: datetime,
    said: tuple[str, dict[str, JsonObject], str, str],
    agent_id: str,
    details: JsonObject | None = None,
) -> bytes:
    """Words, one call, its result and an answer, as the lines of a file."""
    words, uses, result, answer = said
    calls = tuple(ToolUse(use_id=f"call_{name}", name=name, input=uses[name]) for name in uses)
    name = agent_id or "main"
    asked_in = line_uuid(session_id, f"{name} 2")
    bodies: tuple[Body, ...] = (
        Said(text=words),
        _replied(f"{name}_2", calls),
        Answered(
            use_id=calls[0].use_id,
            text=result,
            is_error=False,
            details=details or {"tool": calls[0].name, "ok": True},
            asked_in=asked_in,
        ),
        _replied(f"{name}_4", (Text(text=answer),)),
    )
    lines = []
    for number, body in enumerate(bodies, 1):
        lines.append(
            Line(
                session_id=session_id,
                uuid=line_uuid(session_id, f"{name} {number}"),
                parent=line_uuid(session_id, f"{name} {number - 1}") if number > 1 else None,
                at=at + timedelta(seconds=4 * number if agent_id else 10 * number),
                version="0.1.0",
                body=body,
                extra={"seq": number},
                agent_id=agent_id,
            )
        )
    return b"".join(map(encode, lines))


def _replied(name: str, blocks: tuple[Block, ...]) -> Replied:
    return Replied(
        message_id=f"msg_{name}",
        request_id=f"req_{name}",
        model="anthropic/claude-sonnet-4-5",
        blocks=blocks,
        stop_reason="tool_use" if isinstance(blocks[0], ToolUse) else "end_turn",
        usage=Usage(input_tokens=900, output_tokens=150),
        cost_usd=0.005,
    )


STORIES: tuple[Callable[[], Story], ...] = (digits, reviews, night, sweep)


def files() -> dict[str, bytes]:
    """Name and content of every example."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        for tell in STORIES:
            story = tell()
            lines = SessionLines(story.session_id, Redactor())
            written = SessionFiles(folder, story.session_id, part_bytes=story.part_bytes)
            written.add(entry for one in story.events for entry in lines.take(one))
        told = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    return told | research()


def main() -> None:
    EXAMPLES.mkdir(parents=True, exist_ok=True)
    for name, content in files().items():
        path = EXAMPLES / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


if __name__ == "__main__":
    main()
