"""Words for a question to a person about a call."""

from collections.abc import Iterable

from ml_intern.events import ApprovalRequested, Exhibit, Outlook
from ml_intern.money import dollars
from ml_intern.tools.facts import Facts
from ml_intern.tools.policy import Case

ON_DENIAL = "It is not run. The model is told so, with the reason, and the session goes on."


READ_OUTSIDE = "Outside text that the model has read"
MOST_SOURCES = 20


def read_outside(facts: Facts) -> tuple[Exhibit, ...]:
    """Where text came from that may have moved the model to ask; the newest first."""
    found = [str(source) for fact in facts.all("read_outside") for source in fact["sources"]]
    newest = list(dict.fromkeys(reversed(found)))
    if not newest:
        return ()
    more = len(newest) - MOST_SOURCES
    lines = [*newest[:MOST_SOURCES], *([f"and {more} more"] if more > 0 else [])]
    return (Exhibit(title=READ_OUTSIDE, kind="text", text="\n".join(lines)),)


def what_changed(asked: ApprovalRequested, exhibits: Iterable[Exhibit]) -> str:
    """What is not as it was when somebody was asked, where its content has another hash."""
    before = {exhibit.title: exhibit.text for exhibit in asked.exhibits}
    changed = [each.title for each in exhibits if before.get(each.title) != each.text]
    return ", ".join(changed) or "the files that it names"


def what_became(approved: Outlook | None, now: Case) -> str:
    """What the same arguments would do now and nobody said yes to; empty where that is nothing."""
    if approved is None:
        return ""
    found = []
    if now.operation != approved.operation:
        found.append(f"what it does ({now.operation or 'something else'})")
    if now.repository != approved.repository:
        found.append(f"the repository ({now.repository or 'none'})")
    before, cost = approved.cost_micro_usd, now.cost_micro_usd
    if before is not None and (cost is None or cost > before):
        found.append(f"its cost ({dollars(cost) if cost is None else f'up to {dollars(cost)}'})")
    return ", ".join(found)
