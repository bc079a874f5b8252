"""Words for a question to a person about a call."""

from collections.abc import Iterable

from ml_intern.events import ApprovalRequested, Exhibit, Outlook
from ml_intern.money import dollars
from ml_intern.tools.policy import Case

ON_DENIAL = "It is not run. The model is told so, with the reason, and the session goes on."


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
