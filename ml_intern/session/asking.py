"""Words for a question to a person about a call."""

from collections.abc import Iterable

from ml_intern.events import ApprovalRequested, Exhibit

ON_DENIAL = "It is not run. The model is told so, with the reason, and the session goes on."


def what_changed(asked: ApprovalRequested, exhibits: Iterable[Exhibit]) -> str:
    """What is not as it was when somebody was asked, where its content has another hash."""
    before = {exhibit.title: exhibit.text for exhibit in asked.exhibits}
    changed = [each.title for each in exhibits if before.get(each.title) != each.text]
    return ", ".join(changed) or "the files that it names"
