"""What is said of budgets that are reached, extended, or used up to a mark. Pure."""

import json

from ml_intern.events import BudgetExtended, BudgetNoticed, BudgetReached
from ml_intern.messages import SessionId
from ml_intern.session.caps import amount, by_itself, named, proposed, shortfall
from ml_intern.slack.blocks import actions, button, said, section
from ml_intern.slack.drafts import Said
from ml_intern.slack.mrkdwn import escaped, person


def reached(session_id: SessionId, seq: int, event: BudgetReached) -> Said:
    """The next step would pass a cap."""
    cap = event.cap
    more = proposed(cap, event.used, event.limit, event.needed)
    lacks = escaped(shortfall(cap, event.used, event.limit, event.needed))
    words = f":money_with_wings: *I wait*: {lacks}. {by_itself(cap)}".rstrip()
    value = json.dumps({"session": session_id, "cap": cap, "amount": more, "seq": seq})
    choices = actions(
        button("extend", f"Allow {amount(cap, more)} more", value, "primary"),
        button("stop", "Stop", session_id, "danger"),
    )
    return said(words, section(words), choices)


def no_longer_reached(cap: str) -> Said:
    """The same, when the session waits for that no more, or has asked anew."""
    return said(f":heavy_minus_sign: The cap on {escaped(named(cap))} was reached here.")


def extended(event: BudgetExtended) -> Said:
    """The same, once there is more room."""
    more, on = amount(event.cap, event.amount), escaped(named(event.cap))
    return said(f":white_check_mark: *{person(event.extended_by)} allows {more} more* for {on}.")


def noticed(event: BudgetNoticed) -> Said:
    """A cap is used up to a mark."""
    used, limit = amount(event.cap, event.used), amount(event.cap, event.limit)
    on = escaped(named(event.cap))
    return said(f":moneybag: {event.percent} % of {on}: {used} of {limit}.")
