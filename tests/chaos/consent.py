"""Whether a person had said yes to what ran: asked once, run once, and an edit is what ran."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from ml_intern.events import (
    ApprovalDecided,
    ApprovalReminded,
    ApprovalRequested,
    CallParked,
    Event,
    ModelReplied,
    RuleGranted,
    RuleRevoked,
    ToolFinished,
    ToolStarted,
    UnknownResolved,
)
from ml_intern.queue.rows import Recorded
from tests.chaos import paying

Problem = tuple[str, str]
"""The column of the table, and the words."""


def problems(journal: Sequence[Recorded], workspace: Path) -> Iterator[Problem]:
    """Of one session that has come to rest."""
    events = [one.event for one in journal]
    yield from _told_twice(events)
    yield from _without_a_yes(events)
    yield from _orders(events, workspace)


def orders_taken(workspace: Path) -> int:
    """How many there are."""
    return len(_lines(workspace))


def _told_twice(events: Sequence[Event]) -> Iterator[Problem]:
    """A person is asked once about a call, and reminded once each time; the model reads once that
    it waits.
    """
    seen: Counter[str] = Counter()
    for event in events:
        match event:
            case ApprovalRequested(reason=reason) if not reason.startswith("Changed"):
                seen[f"{event.call_id} was asked about"] += 1
            case ApprovalReminded():
                seen[f"{event.call_id} was reminded of, number {event.number}"] += 1
            case CallParked():
                seen[f"{event.call_id} was parked"] += 1
            case ToolFinished(tool="withdraw_request", ok=False):
                yield "broken", f"{event.call_id} withdrew nothing"
            case RuleGranted():
                seen[f"{event.rule_id} was granted"] += 1
            case RuleRevoked():
                seen[f"{event.rule_id} was revoked"] += 1
            case _:
                pass
    for what, times in seen.items():
        if times > 1:
            yield "duplicated", f"{what} {times} times"


def _without_a_yes(events: Sequence[Event]) -> Iterator[Problem]:
    """Each order that was started had a yes for exactly these arguments, or a rule that stood."""
    approved: dict[str, str] = {}
    started: dict[str, str] = {}
    rules: dict[str, RuleGranted] = {}
    for event in events:
        match event:
            case ApprovalDecided(verdict="approve" | "edit"):
                approved[event.call_id] = event.arguments_sha256
            case ApprovalDecided():
                approved.pop(event.call_id, None)
            case RuleGranted():
                rules[event.rule_id] = event
            case RuleRevoked():
                rules.pop(event.rule_id, None)
            case UnknownResolved(choice="retry"):
                approved[event.call_id] = started.get(event.call_id, "")
            case ToolStarted(tool="order"):
                started[event.call_id] = event.arguments_sha256
                may = approved.get(event.call_id) == event.arguments_sha256
                ruled = any(_covers(rule) for rule in rules.values())
                if not may and not ruled:
                    yield "broken", f"{event.call_id} was started without a yes"
            case _:
                pass


def _covers(rule: RuleGranted) -> bool:
    return rule.tool == "order" and rule.max_cost_micro_usd >= paying.WORST


def _orders(events: Sequence[Event], workspace: Path) -> Iterator[Problem]:
    """What was ordered is what was approved last, with the words of the edit if there was one."""
    approved = {
        event.arguments["label"]: event.arguments["words"]
        for event in events
        if isinstance(event, ApprovalDecided)
        and event.verdict in ("approve", "edit")
        and "words" in event.arguments
    }
    own = dict(_asked_for(events))
    taken = _lines(workspace)
    for label, words in taken:
        if words != approved.get(label, own.get(label)):
            yield "broken", f"order {label} in {workspace} is {words!r}, approved was another"
    labels = Counter(label for label, _ in taken)
    again = Counter(_retried(events))
    for label, times in labels.items():
        if times > 1 + again[label]:
            yield "duplicated", f"order {label} in {workspace} was taken {times} times"
    for label in _reported(events):
        if label not in labels:
            yield "lost", f"order {label} in {workspace} was reported, and was never taken"


def _asked_for(events: Sequence[Event]) -> Iterator[tuple[str, str]]:
    for event in events:
        for call in event.tool_calls if isinstance(event, ModelReplied) else ():
            if call.name == "order":
                given = json.loads(call.arguments)
                yield given["label"], given["words"]


def _started(events: Sequence[Event]) -> dict[str, str]:
    """The label of each order, by its call."""
    return {
        event.call_id: event.arguments["label"]
        for event in events
        if isinstance(event, ToolStarted) and event.tool == "order"
    }


def _retried(events: Sequence[Event]) -> Iterator[str]:
    started = _started(events)
    for event in events:
        if isinstance(event, UnknownResolved) and event.choice == "retry":
            yield started.get(event.call_id, "")


def _reported(events: Sequence[Event]) -> Iterator[str]:
    started = _started(events)
    for event in events:
        done = isinstance(event, ToolFinished) and event.ok and event.answered_by == "tool"
        if done and event.call_id in started:
            yield started[event.call_id]


def _lines(workspace: Path) -> list[tuple[str, str]]:
    path = workspace / paying.ORDERS
    lines = path.read_text().splitlines() if path.exists() else []
    return [(label, words) for label, _, words in (line.partition(" ") for line in lines)]
