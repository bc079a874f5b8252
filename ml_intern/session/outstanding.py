"""What stands in a session, in words: kept before the model word for word by every compaction."""

import json
from typing import Any

from ml_intern.context.summary import Standing
from ml_intern.messages import short_request
from ml_intern.session.history import History
from ml_intern.session.open_call import OpenCall
from ml_intern.tools.facts import Facts

_MARKS = {"done": "[x]", "in_progress": "[>]", "pending": "[ ]"}


def outstanding(history: History) -> Standing:
    """Plan, pins, open calls and running jobs, as they are now."""
    plan: dict[str, Any] = Facts(history.facts).latest("plan") or {"items": []}
    return Standing(
        plan=[f"{_MARKS[item['status']]} {item['step']}" for item in plan["items"]],
        pins=[f"({name}) {text}" for name, text in history.pins.items()],
        open_calls=[_told(call) for call in history.open_calls.values() if call.waiting_on],
        jobs=[f"{job.label} ({job_id})" for job_id, job in history.jobs.items()],
    )


def _told(open_call: OpenCall) -> str:
    arguments = json.dumps(open_call.arguments or {}, ensure_ascii=False)
    request = short_request(open_call.call.call_id)
    return (
        f"{open_call.call.name} (request {request}) waits for {open_call.waiting_on}: {arguments}"
    )
