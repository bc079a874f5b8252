"""What was promised, compared with what there is: in the tables, in the workspaces, in the traces.

Effects are counted where they are, in files that only the effects themselves have written.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ml_intern.events import (
    ApprovalDecided,
    BudgetExtended,
    JobEnded,
    JobStarted,
    ModelReplied,
    OpCancelled,
    RuleRevoked,
    ToolFinished,
    ToolLost,
    ToolStarted,
    TurnFinished,
    TurnStarted,
    UnknownResolved,
    UserSaid,
)
from ml_intern.messages import SessionId
from ml_intern.queue.rows import Recorded
from ml_intern.tools.training.dataset import split_sha256
from ml_intern.tracing.chain import Chain
from ml_intern.tracing.lines import SessionLines
from ml_intern.tracing.redaction import Redactor
from ml_intern.transcript.line import encode
from tests.chaos import bills, consent, script
from tests.chaos.crowd import Acknowledged
from tests.chaos.peek import Tables

APART = ("session", "decision", "resolution", "extension", "revocation")
"""What does not stand in the row of a session's words and orders."""
GIVEN_UP = re.compile(r"its worker was lost \d+ times")


@dataclass(kw_only=True)
class Count:
    """What was seen, and what of it should not have been."""

    acknowledged: int = 0
    effects: int = 0
    jobs: int = 0
    lost: int = 0
    """Acknowledged and not there, or never done."""
    duplicated: int = 0
    """Effects and jobs that were there twice, ops that were stored twice."""
    reordered: int = 0
    unfenced: int = 0
    """Writes of an owner that had lost its session."""
    repeated: int = 0
    """Effects that an owner which was frozen just before them did late, or again, when it woke. No
    lease closes this: it is counted, and no promise is broken."""
    unknown: int = 0
    """Times that nobody knew what had become of a call: its model was told, or a person asked."""
    given_up: int = 0
    """Ops whose worker was lost three times at one step, as their sessions say."""
    broken: int = 0
    """All else: gaps, calls with two answers, lines of a trace that are wrong."""
    problems: list[str] = field(default_factory=list)
    """In words, the first of them."""

    @property
    def is_clean(self) -> bool:
        bad = (self.lost, self.duplicated, self.reordered, self.unfenced, self.broken)
        return not any(bad)

    def add(self, other: "Count") -> None:
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))

    def wrong(self, column: str, words: str) -> None:
        setattr(self, column, getattr(self, column) + 1)
        self.problems.append(f"{column}: {words}")


def check(
    tables: Tables, state: Path, taken: Sequence[Acknowledged], *, frozen: bool = False
) -> Count:
    """Everything at once, of sessions that have come to rest; `frozen`: some owners were."""
    count = Count(acknowledged=len(taken))
    _positions(tables.journal, count)
    _accepted(tables, taken, count)
    for column, words in bills.problems(tables.journal, tables.spends, tables.budgets):
        count.wrong(column, words)
    for session_id, journal in tables.of_session.items():
        _session(tables, session_id, journal, count)
        _work(state / "sessions" / session_id, journal, count, frozen=frozen)
        _trace(state, SessionId(session_id), journal, count)
    return count


def trace_is_behind(tables: Tables, state: Path) -> bool:
    """Whether a line of a trace is still to come."""
    return any(
        len(_written(state, session_id)) < len(_expected(SessionId(session_id), journal))
        for session_id, journal in tables.of_session.items()
    )


# What was accepted


def _positions(journal: Sequence[Recorded], count: Count) -> None:
    positions = [one.position for one in journal]
    if positions != list(range(1, len(positions) + 1)):
        count.wrong("broken", "the positions of the journal have gaps")


def _accepted(tables: Tables, taken: Sequence[Acknowledged], count: Count) -> None:
    ops = {(op.session_id, op.dedupe): op for op in tables.ops}
    approvals = {approval.id: approval for approval in tables.approvals}
    wishes = set(_wishes(tables.journal))
    for one in taken:
        match one.kind:
            case "session":
                if one.session_id not in tables.sessions:
                    count.wrong("lost", f"session {one.session_id}")
            case "decision":
                found = approvals[one.key]
                if (found.decided_by, found.state) != ("ada", one.text):
                    count.wrong("lost", f"decision {one.key}: {one.text}, not {found.state}")
            case "extension" | "revocation":
                if (one.session_id, one.key) not in wishes:
                    count.wrong("lost", f"{one.kind} {one.key} of {one.session_id}")
            case "resolution":
                if not any(_resolves(op, one) for op in tables.ops):
                    count.wrong("lost", f"what was said of call {one.key} of {one.session_id}")
            case _:
                if (one.session_id, f"key:{one.key}") not in ops:
                    count.wrong("lost", f"{one.kind} {one.key} of {one.session_id}")
    _order(tables, taken, count)
    for op in tables.ops:
        if op.state in ("queued", "running"):
            count.wrong("lost", f"op {op.seq} ({op.kind}) of {op.session_id} is {op.state}")


def _wishes(journal: Sequence[Recorded]) -> Iterator[tuple[str, str]]:
    """Which caps were extended and which rules taken back, and in which session."""
    for one in journal:
        if isinstance(one.event, BudgetExtended):
            yield one.session_id, one.event.cap
        if isinstance(one.event, RuleRevoked):
            yield one.session_id, one.event.rule_id


def _resolves(op: Any, said: Acknowledged) -> bool:
    return op.session_id == said.session_id and str(op.dedupe).startswith(f"unknown:{said.key}:")


def _order(tables: Tables, taken: Sequence[Acknowledged], count: Count) -> None:
    """Ops of a session are numbered as they were acknowledged, and were heard in that order."""
    numbers = {(op.session_id, op.dedupe): op.seq for op in tables.ops}
    for session_id, journal in tables.of_session.items():
        keys = [
            f"key:{one.key}"
            for one in taken
            if one.session_id == session_id and one.kind not in APART
            and not one.key.startswith("answer:")
        ]  # fmt: skip
        told = [numbers[session_id, key] for key in keys if (session_id, key) in numbers]
        if told != sorted(told):
            count.wrong("reordered", f"ops of {session_id}: {told}")
        begun = [one.event.op_seq for one in journal if isinstance(one.event, TurnStarted)]
        if begun != sorted(begun):
            count.wrong("reordered", f"turns of {session_id}: {begun}")
        if len(set(begun)) < len(begun):
            count.wrong("duplicated", f"turns of {session_id}: {begun}")


# One session in the tables


def _session(tables: Tables, session_id: str, journal: Sequence[Recorded], count: Count) -> None:
    if [one.seq for one in journal] != list(range(1, len(journal) + 1)):
        count.wrong("broken", f"the numbers of {session_id} have gaps")
    for problem in (*_answers(tables, session_id, journal), *_turns(journal)):
        count.wrong("broken", f"{session_id}: {problem}")
    for problem in _starts(journal):
        count.wrong("duplicated", f"{session_id}: {problem}")
    for text, times in _heard(tables, session_id, journal):
        if times != 1:
            column = "duplicated" if times else "lost"
            count.wrong(column, f"{session_id}: words {text!r} were heard {times} times")
    for one in journal:
        event = one.event
        count.unknown += isinstance(event, ToolLost)
        if isinstance(event, TurnFinished) and GIVEN_UP.search(event.detail):
            count.given_up += 1
        elif isinstance(event, TurnFinished) and event.outcome == "failed":
            count.wrong("broken", f"{session_id} failed: {event.detail}")


def _answers(tables: Tables, session_id: str, journal: Sequence[Recorded]) -> Iterator[str]:
    """Each call has one answer, and the tables say what the journal says."""
    planned = Counter(
        call.call_id
        for one in journal
        if isinstance(one.event, ModelReplied)
        for call in one.event.tool_calls
    )
    finished = [one.event for one in journal if isinstance(one.event, ToolFinished)]
    answered = Counter(event.call_id for event in finished)
    given_up = any(
        isinstance(one.event, TurnFinished) and GIVEN_UP.search(one.event.detail) for one in journal
    )
    if answered - planned or (planned - answered and not given_up):
        yield f"calls {planned - answered} have no answer, {answered - planned} too many"
    states = {call.call_id: call.state for call in tables.calls if call.session_id == session_id}
    for event in finished:
        wanted = "succeeded" if event.ok else "failed"
        if states.get(event.call_id) != wanted:
            yield f"call {event.call_id} is {states.get(event.call_id)}, not {wanted}"
    decided = Counter(
        one.event.approval_id for one in journal if isinstance(one.event, ApprovalDecided)
    )
    if set(decided.values()) - {1}:
        yield f"decided twice: {decided}"
    jobs = {job.job_id: job.status for job in tables.jobs if job.session_id == session_id}
    ends = [one.event for one in journal if isinstance(one.event, JobEnded)]
    ended = {event.job_id: event.status for event in ends}
    if jobs != ended:
        yield f"jobs are {jobs}, and have ended as {ended}"
    if "lost" in ended.values():
        yield f"a job was lost: {ended}"


def _turns(journal: Sequence[Recorded]) -> Iterator[str]:
    """Each turn has one end, and it is the last of the session's events about it."""
    open_turn = False
    for one in journal:
        if isinstance(one.event, TurnStarted):
            if open_turn:
                yield f"event {one.seq} begins a turn inside of another"
            open_turn = True
        if isinstance(one.event, TurnFinished):
            if not open_turn and not GIVEN_UP.search(one.event.detail) and not _undid(journal, one):
                yield f"event {one.seq} ends a turn that was none"
            open_turn = False
    if open_turn:
        yield "a turn has no end"


def _undid(journal: Sequence[Recorded], end: Recorded) -> bool:
    return journal[end.seq - 2].event.kind == "undone"


def _starts(journal: Sequence[Recorded]) -> Iterator[str]:
    """What is more than a read is started once, and again when a person says so."""
    again = _retried(journal)
    starts = Counter(
        (one.event.call_id, one.event.tool)
        for one in journal
        if isinstance(one.event, ToolStarted) and one.event.effect != "read"
    )
    for (call_id, tool), times in starts.items():
        if times > 1 + again[call_id]:
            yield f"{call_id} of {tool} was started {times} times"


def _retried(journal: Sequence[Recorded]) -> Counter[str]:
    """How often a person had a call run again."""
    said = [one.event for one in journal if isinstance(one.event, UnknownResolved)]
    return Counter(event.call_id for event in said if event.choice == "retry")


def _heard(
    tables: Tables, session_id: str, journal: Sequence[Recorded]
) -> Iterator[tuple[str, int]]:
    """How often words became part of the conversation that nobody stopped."""
    cancelled = {one.event.op_seq for one in journal if isinstance(one.event, OpCancelled)}
    heard = Counter(one.event.text for one in journal if isinstance(one.event, UserSaid))
    heard += Counter(
        json.loads(one.event.output)["answer"]
        for one in journal
        if isinstance(one.event, ToolFinished)
        and one.event.answered_by == "person"
        and one.event.tool == "ask_person"
    )
    for op in tables.ops:
        if op.session_id != session_id or op.kind != "user_input" or op.seq in cancelled:
            continue
        text = json.loads(op.payload)["text"]
        yield text, heard[text]


# What was done outside of the tables


def _work(folder: Path, journal: Sequence[Recorded], count: Count, *, frozen: bool) -> None:
    workspace = folder / "workspace"
    for column, words in (*_out_of_place(workspace), *_undone(workspace, journal)):
        if frozen:
            count.repeated += 1
        else:
            count.wrong(column, words)
    _effects(workspace, journal, count)
    _sent(workspace, journal, count)
    count.effects += consent.orders_taken(workspace)
    for column, words in consent.problems(journal, workspace):
        count.wrong(column, f"{words} in {workspace.parent.name}")
    _files(workspace, journal, count)
    _jobs(folder, journal, count)
    _data(folder, journal, count)
    _models(journal, count)


def _lines(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def _out_of_place(workspace: Path) -> Iterator[tuple[str, str]]:
    """Effects that are there again, or late."""
    begun = _lines(workspace / script.EFFECTS)
    for label in (Counter(begun) - Counter(set(begun))).elements():
        yield "duplicated", f"effect {label} in {workspace}"
    if begun != sorted(begun, key=_place):
        yield "reordered", f"effects in {workspace}: {begun}"


def _undone(workspace: Path, journal: Sequence[Recorded]) -> Iterator[tuple[str, str]]:
    """Edits that were reported, and are not there: nothing writes to the same file again."""
    answers = {
        one.event.call_id: one.event.ok for one in journal if isinstance(one.event, ToolFinished)
    }
    for one in journal:
        for call in one.event.tool_calls if isinstance(one.event, ModelReplied) else ():
            if call.name == "edit" and answers.get(call.call_id):
                given = json.loads(call.arguments)
                if given["new"] not in (workspace / given["path"]).read_text():
                    yield "lost", f"an edit of {given['path']} in {workspace}"


def _effects(workspace: Path, journal: Sequence[Recorded], count: Count) -> None:
    begun, ended = _lines(workspace / script.EFFECTS), _lines(workspace / script.ENDS)
    count.effects += len(begun)
    for label, one in _wanted_effects(journal).items():
        if one.ok and one.answered_by == "tool" and (label not in begun or label not in ended):
            count.wrong("lost", f"effect {label} in {workspace} was reported, and is not there")
    started = {one.event.call_id for one in journal if isinstance(one.event, ToolStarted)}
    may = {label for label, call_id in _labels(journal) if call_id in started}
    for label in set(begun) - may:
        count.wrong("broken", f"effect {label} in {workspace} was never recorded as started")


def _sent(workspace: Path, journal: Sequence[Recorded], count: Count) -> None:
    """What reaches outside is repeated as often as a person says, and never else."""
    sent = Counter(_lines(workspace / script.SENT))
    count.effects += sent.total()
    again = _retried(journal)
    for label, call_id in _labels(journal, "send"):
        if sent[label] > 1 + again[call_id]:
            count.wrong("duplicated", f"{label} in {workspace} was sent {sent[label]} times")
    for label, one in _wanted_effects(journal, "send").items():
        if one.ok and one.answered_by == "tool" and label not in sent:
            count.wrong("lost", f"{label} in {workspace} was not sent")


def _place(label: str) -> tuple[int, ...]:
    return tuple(int(part) for part in label.split("."))


def _labels(journal: Iterable[Recorded], tool: str = "bash") -> Iterator[tuple[str, str]]:
    """Each effect that the model asked for, and by which call."""
    for one in journal:
        if isinstance(one.event, ModelReplied):
            for call in one.event.tool_calls:
                if call.name == tool:
                    given = json.loads(call.arguments)
                    yield given.get("label") or given["command"].split()[1], call.call_id


def _wanted_effects(journal: Sequence[Recorded], tool: str = "bash") -> dict[str, ToolFinished]:
    finished = [one.event for one in journal if isinstance(one.event, ToolFinished)]
    answers = {event.call_id: event for event in finished}
    return {
        label: answers[call_id] for label, call_id in _labels(journal, tool) if call_id in answers
    }


def _files(workspace: Path, journal: Sequence[Recorded], count: Count) -> None:
    """Files are there whole, with what was written last; long outputs too."""
    for path in workspace.glob("note-*.txt"):
        label = path.stem.removeprefix("note-")
        whole = script.note_text(label)
        text = path.read_text()
        if text != whole and not (text.startswith(whole[:-4]) and " edited-" in text):
            count.wrong("broken", f"{path} is half written")
    for one in journal:
        if isinstance(one.event, ToolFinished) and one.event.spilled_to:
            spilled = Path(one.event.spilled_to)
            size = spilled.stat().st_size if spilled.exists() else 0
            if size < script.SPILLED_CHARS:
                count.wrong("lost", f"{spilled} has {size} bytes")
        if (
            isinstance(one.event, ToolFinished) and one.event.tool == "write" and one.event.ok
            and not (workspace / json.loads(one.event.output)["path"]).exists()
        ):  # fmt: skip
            count.wrong("lost", f"{one.event.output} was written, and is not there")


def _jobs(folder: Path, journal: Sequence[Recorded], count: Count) -> None:
    ran = Counter(_lines(folder / "workspace" / script.JOBS))
    known = [one.event for one in journal if isinstance(one.event, JobStarted)]
    count.jobs += sum(ran.values())
    for name, times in ran.items():
        if times > 1:
            count.wrong("duplicated", f"job {name} in {folder} ran {times} times")
    if len(ran) > len(known):
        count.wrong("duplicated", f"{len(ran)} jobs ran in {folder}, {len(known)} were recorded")
    if len({event.job_id for event in known}) < len(known):
        count.wrong("duplicated", f"a job in {folder} was recorded twice")


def _data(folder: Path, journal: Sequence[Recorded], count: Count) -> None:
    for fact in _facts(journal, "dataset_prepared"):
        record = json.loads((folder / "held_out" / fact["test"] / "dataset.json").read_text())
        validation = split_sha256(folder / "workspace" / fact["validation"])
        if record["validation_sha256"] != validation:
            count.wrong("broken", f"validation data in {folder} is not what was prepared")
        train = folder / "workspace" / fact["train"]
        listed = train / "metadata.jsonl" if train.is_dir() else train
        rows = len(listed.read_text().splitlines())
        if rows != fact["rows"]["train"]:
            count.wrong("broken", f"training data in {folder} has {rows} rows")
        hidden = folder / "held_out" / fact["test"]
        test = hidden / "test.jsonl"
        if record["test_sha256"] != split_sha256(test if test.exists() else hidden / "test"):
            count.wrong("broken", f"test data in {folder} is not what was prepared")
    for left in (folder / "held_out").glob(".*.building"):
        count.wrong("broken", f"{left} was left behind")


def _models(journal: Sequence[Recorded], count: Count) -> None:
    for fact in _facts(journal, "published"):
        target = Path(fact["path"])
        names = {path.name for path in target.iterdir()} if target.is_dir() else set()
        if not {"model.safetensors", "config.json", "README.md", ".gitattributes"} <= names:
            count.wrong("lost", f"{target} holds {names}")
        for left in target.parent.glob(".*"):
            count.wrong("broken", f"{left} was left behind")


def _facts(journal: Iterable[Recorded], kind: str) -> Iterator[dict[str, Any]]:
    for one in journal:
        if isinstance(one.event, ToolFinished):
            yield from (fact.data for fact in one.event.facts if fact.kind == kind)


# The trace


def _expected(session_id: SessionId, journal: Iterable[Recorded]) -> bytes:
    """The file as one writer writes it that is never interrupted."""
    lines, chain = SessionLines(session_id, Redactor({})), Chain(session_id)
    entries = (entry for recorded in journal for entry in lines.take(recorded))
    return b"".join(encode(line) for entry in entries for line in chain.add(entry))


def _written(state: Path, session_id: str) -> bytes:
    found = list(state.glob(f"traces/sessions/*/{session_id}.jsonl"))
    return b"".join(path.read_bytes() for path in found)


def _trace(state: Path, session_id: SessionId, journal: Sequence[Recorded], count: Count) -> None:
    wanted = _expected(session_id, journal).splitlines()
    found = _written(state, session_id).splitlines()
    for line, times in (Counter(found) - Counter(wanted)).items():
        count.wrong("broken", f"trace of {session_id}: {times} too many of {line[:200]!r}")
    for line, times in (Counter(wanted) - Counter(found)).items():
        count.wrong("lost", f"trace of {session_id}: {times} missing of {line[:200]!r}")
    if wanted != found and Counter(wanted) == Counter(found):
        count.wrong("reordered", f"the lines of the trace of {session_id}")
