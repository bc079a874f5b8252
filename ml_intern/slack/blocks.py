"""Messages in Block Kit, within Slack's limits. Pure: from facts to text and blocks.

Whatever comes from a model, a script or another person is escaped here and cut to fit; what was
cut is brought as a file beside it.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ml_intern.client.training import Training
from ml_intern.client.view import Step, View
from ml_intern.events import (
    ApprovalDecided,
    ApprovalRequested,
    BudgetExtended,
    BudgetNoticed,
    BudgetReached,
    TurnFinished,
    UnknownResolved,
)
from ml_intern.messages import SessionId
from ml_intern.money import CENT, bill, dollars
from ml_intern.queue.rows import is_money
from ml_intern.session.caps import amount, by_itself, named, shortfall
from ml_intern.slack.drafts import Block, Said
from ml_intern.slack.mrkdwn import code, code_length, escaped, fitting, moment, person, with_people

SECTION = 3000
"""Characters of a section."""
SHOWN = 2400
"""Characters of a script or of arguments that are shown; longer ones are files."""
FACT = 1800
"""Characters of a fact in a column."""
TEXT = 3000
"""Characters of the text beside the blocks; an update takes 4,000 at most."""
MOST_EXHIBITS = 4
MOST_TEXTS = 10
MOST_FIELDS = 10
MORE_CALLS = 10
"""Of a model of unknown price, that a button allows."""
MOST_AT_ONCE = 40
"""Calls that a button decides about: it carries the id of each, and at most 2,000 characters."""
_VERBS = {
    "approve": "Approved",
    "deny": "Denied",
    "edit": "Edited and approved",
    "expire": "Expired: nobody decided in time, which counts as a no",
}
_MARKS = {
    "approve": ":white_check_mark:",
    "deny": ":no_entry:",
    "edit": ":pencil2:",
    "expire": ":alarm_clock:",
}
_ENDS = {
    "finished": ":white_check_mark: *Finished*",
    "stopped": ":octagonal_sign: *Stopped at a limit*",
    "interrupted": ":raised_hand: *Interrupted*",
    "failed": ":x: *Failed*",
    "waiting": ":hourglass_flowing_sand: *Waiting*",
}
_SUFFIXES = {"python": "py", "diff": "diff", "json": "json", "markdown": "md", "text": "txt"}


def section(text: str) -> Block:
    """A paragraph of markup that is already within bounds."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def fields(facts: Mapping[str, str]) -> list[Block]:
    """Facts by name, in two columns; none for no facts. The values are markup already."""
    listed = [
        {"type": "mrkdwn", "text": f"*{escaped(name)}*\n{value}"}
        for name, value in facts.items()
        if value
    ]
    return [{"type": "section", "fields": listed[:MOST_FIELDS]}] if listed else []


def context(text: str) -> Block:
    """A line of small print."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text}]}


def button(action_id: str, words: str, value: str, style: str = "", confirm: str = "") -> Block:
    """One button; `confirm`: what is asked before it counts."""
    found: Block = {
        "type": "button",
        "action_id": action_id,
        "text": {"type": "plain_text", "text": words},
        "value": value,
    }
    if style:
        found["style"] = style
    if confirm:
        found["confirm"] = {
            "title": {"type": "plain_text", "text": "Sure?"},
            "text": {"type": "plain_text", "text": confirm},
            "confirm": {"type": "plain_text", "text": words[:30]},
            "deny": {"type": "plain_text", "text": "Cancel"},
        }
    return found


def actions(*buttons: Block) -> Block:
    """Buttons side by side."""
    return {"type": "actions", "elements": list(buttons)}


def said(text: str, *blocks: Block) -> Said:
    """A message; `text` is markup already."""
    return {"text": text[:TEXT], "blocks": list(blocks) or [section(text[:SECTION])]}


# A session's beginning and end


def began(view: View) -> Said:
    """The message that a thread hangs on."""
    words = f":rocket: *{fitting(view.title, 200)}*"
    how = "Reply here to steer; `stop` stops it, `status` says how it goes."
    small = f"Model {fitting(view.model, 100)} · session `{view.session_id}` · {how}"
    return said(words, section(words), context(small))


def taken_up(view: View) -> Said:
    """The first reply to whoever started it in Slack."""
    small = f"Model {fitting(view.model, 100)} · session `{view.session_id}`"
    words = ":rocket: *Started.* Reply here to steer; `stop` stops it, `status` says how it goes."
    return said(words, section(words), context(small))


def ended(view: View, end: TurnFinished, trace: str) -> Said:
    """How the turn ended, with all that came of it."""
    head = f"{_ENDS[end.outcome]} {fitting(view.title, 150)}"
    facts = {
        **{
            f"Metrics, {split}": fitting(_metrics(found), FACT)
            for split, found in view.metrics.items()
        },
        "Cost": _spent(view),
        "Took": _duration(view.working_s),
    }
    places = {name: str(path) for name, path in view.results.items()}
    if view.repo_id:
        places["repository"] = view.repo_id
    listed = "\n".join(f"• {escaped(name)}: {_place(at)}" for name, at in places.items())
    blocks = [section(head)]
    if end.detail:
        detail = fitting(end.detail, SECTION - 100)
        blocks.append(section(with_people(detail) if end.outcome == "interrupted" else detail))
    blocks += fields(facts)
    if listed:
        blocks.append(section(listed[:SECTION]))
    where = f"Trace {_place(trace)} · `ml-intern show {view.session_id}`" if trace else ""
    if where:
        blocks.append(context(where[:2000]))
    return said(f"{head}\n{fitting(end.detail, 1500)}", *blocks)


def state(view: View, words: str) -> Said:
    """An answer to `status`."""
    lines = [f"*{fitting(view.title, 150)}*: {escaped(words)}"]
    lines += [f"• {escaped(job.label)}: {_progress(job)}" for job in view.running_jobs[:5]]
    lines += [f"• running {escaped(step.tool)}" for step in view.now_running[:5]]
    lines += [f"• asks for a yes to {escaped(one.tool)}" for one in view.approvals.values()][:5]
    lines += [f"• asks: {fitting(words, 300)}" for words in view.questions.values()][:5]
    lost = [escaped(step.tool) for step in view.unknowns.values()]
    lines += [f"• nobody knows what became of {tool}" for tool in lost[:5]]
    if view.reached is not None:
        lines.append(f"• waits for more room: the cap on {escaped(named(view.reached.cap))}")
    lines.append(f"• cost {_spent(view)}")
    return said("\n".join(lines)[:TEXT])


# Approvals


def asked(request: ApprovalRequested) -> Said:
    """A call that waits for a yes, with its buttons."""
    head = _question(request)
    return said(head, section(head), *_shown(request), _choices(request))


def decided(request: ApprovalRequested, decision: ApprovalDecided) -> Said:
    """The same, once somebody has decided: without buttons, and with their name."""
    by = "" if decision.verdict == "expire" else f" by {person(decision.decided_by)}"
    reason = f": {fitting(decision.reason, 500)}" if decision.reason else "."
    words = f"{_MARKS[decision.verdict]} *{_VERBS[decision.verdict]}{by}*{reason}"
    shown = _shown(request, open_=False)
    blocks = [section(_question(request, open_=False)), *shown, section(words)]
    if decision.verdict == "edit":
        blocks.append(section(_changes(request.arguments, decision.arguments)))
    return said(f"{words} {escaped(request.tool)}", *blocks)


def withdrawn(request: ApprovalRequested) -> Said:
    """The same, when the session went on without a decision."""
    words = (
        ":heavy_minus_sign: *No longer needed*: the session went on without it. If the step is "
        "still wanted, it is asked about anew."
    )
    return said(words, section(_question(request, open_=False)), section(words))


def together(session_id: SessionId, requests: Sequence[ApprovalRequested]) -> Said:
    """The calls of one answer that wait, to be decided about at once."""
    if not requests:
        return said(":heavy_check_mark: None of these calls waits any more.")
    if len(requests) == 1:
        return said(f":raised_hand: Only `{escaped(requests[0].tool)}` waits still.")
    head = (
        f":raised_hands: *{len(requests)} calls wait together.* Decide about each of them above, "
        "or about all at once:"
    )
    lines = [
        f"• `{escaped(one.tool)}` {fitting(json.dumps(one.arguments, ensure_ascii=False), 150)}"
        for one in requests
    ]
    listed = "\n".join([head, *lines])[:SECTION]
    if len(requests) > MOST_AT_ONCE:
        where = f"All at once: `ml-intern approve {session_id}` or `deny` in a terminal."
        return said(head, section(listed), context(where))
    named = {"session": session_id, "approvals": [one.approval_id for one in requests]}
    value, sure = json.dumps(named), f"All {len(requests)} calls then run as they stand above."
    choices = actions(
        button("approve_all", f"Approve all {len(requests)}", value, "primary", confirm=sure),
        button("deny_all", f"Deny all {len(requests)}", value, "danger"),
    )
    return said(head, section(listed), choices)


def reminded(request: ApprovalRequested | None, question: str, number: int) -> Said:
    """Nobody has answered for some time."""
    what = f"`{escaped(request.tool)}`" if request else fitting(question, 300)
    return said(f":bell: Still waiting for an answer: {what} (reminder {number})")


def files_of(request: ApprovalRequested) -> list[tuple[str, str]]:
    """What is too long to be shown, whole: names and contents."""
    found = [
        (f"{request.tool}-{name}.txt", text)
        for name, text in _texts(request.arguments)
        if _is_long(text)
    ]
    for number, exhibit in enumerate(request.exhibits, 1):
        if number > MOST_EXHIBITS or _is_long(exhibit.text):
            name = f"{request.tool}-{number}.{_SUFFIXES.get(exhibit.kind, 'txt')}"
            found.append((name, exhibit.text))
    return [(name, content) for name, content in found if content]


def _question(request: ApprovalRequested, *, open_: bool = True) -> str:
    what = f"`{escaped(request.tool)}`"
    if request.operation:
        what += f" ({fitting(request.operation, 100)})"
    head = f":raised_hand: *May I run {what}?*" if open_ else f"*{what}*"
    return f"{head}\n{fitting(request.reason, 1500)}"


def _shown(request: ApprovalRequested, *, open_: bool = True) -> list[Block]:
    facts = {
        "Repository": fitting(request.repository, FACT),
        "Cost at worst": _cost(request.cost_micro_usd),
    }
    if open_:
        facts |= {
            "Left of the budget": _left(request.budget_left_micro_usd),
            "Without a yes": fitting(request.on_denial, FACT),
            "Expires": moment(request.expires_at),
        }
    blocks = []
    if request.why:
        blocks.append(section(f"> {fitting(' '.join(request.why.split()), 1500)}"))
    blocks += fields(facts)
    blocks += _arguments(request.arguments)
    blocks += [_long(found.title, found.text) for found in request.exhibits[:MOST_EXHIBITS]]
    return blocks


def _arguments(arguments: Mapping[str, Any]) -> list[Block]:
    return [_long(name, text) for name, text in _texts(arguments)]


def _texts(arguments: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What has lines of its own stands as it is; the rest is JSON together."""
    lines = {
        name: value for name, value in arguments.items() if isinstance(value, str) and "\n" in value
    }
    lines = dict(list(lines.items())[:MOST_TEXTS])
    rest = {name: value for name, value in arguments.items() if name not in lines}
    together = [("arguments", _json(rest))] if rest or not lines else []
    return [*together, *lines.items()]


def _long(title: str, text: str) -> Block:
    head = f"*{fitting(title, 200)}*"
    if _is_long(text):
        shown = f"{head} ({len(text):,} characters; whole in the file below)\n{code(text, 700)}"
        return section(shown)
    return section(f"{head}\n{code(text or ' ', SHOWN)}")


def _is_long(text: str) -> bool:
    """Whether it would not be shown whole."""
    return code_length(text) > SHOWN


def _choices(request: ApprovalRequested) -> Block:
    value = request.approval_id
    buttons = [
        button("approve", "Approve", value, "primary"),
        button("edit", "Edit & approve", value),
        button("deny", "Deny", value, "danger"),
        button("deny_reason", "Deny, with a reason", value),
    ]
    if request.like_this:
        sure = (
            f"Later calls of {request.tool} in this session, with the same operation and "
            "repository and no dearer, then run without a question."
        )
        buttons.append(button("approve_like", "Approve all like this", value, confirm=sure))
    return actions(*buttons)


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    lines = [f"• {escaped(name)}: {fitting(_short(after.get(name)), 300)}" for name in names]
    return "\n".join(["What was changed:", *lines])[:SECTION]


# Words, questions, unknown effects, budgets


def words(text: str) -> Said:
    """What the model says while something waits for a person."""
    return said(fitting(text, 2900))


def question(words: str, expires_at: str) -> Said:
    """The model wants to know something in words; `expires_at`: as in `ToolWaiting`."""
    text = f":question: *A question*\n{fitting(words, 2800)}"
    until = f" It is given up {moment(expires_at)}." if expires_at else ""
    return said(text, section(text), context(f"Reply in this thread to answer.{until}"))


def unknown(session_id: SessionId, step: Step) -> Said:
    """A call of which nobody can tell whether it took effect."""
    words = (
        f":warning: *Did `{escaped(step.tool)}` take effect?* The process died in the middle of "
        "it, and nobody can tell from here. Look at what it left behind."
    )
    value = json.dumps({"session": session_id, "call": step.call_id})
    choices = actions(
        button("retry", "It did not: run it again", value),
        button("done", "It did", value),
        button("skip", "Leave it", value),
    )
    return said(words, section(words), *_arguments(step.arguments), choices)


def resolved(tool: str, resolution: UnknownResolved) -> Said:
    """The same, once somebody has said so."""
    meaning = {
        "retry": "run it again",
        "done": "it took effect",
        "skip": "it is not repeated",
    }[resolution.choice]
    words = (
        f":white_check_mark: *`{escaped(tool)}`: {meaning}*, says {person(resolution.resolved_by)}."
    )
    return said(words)


def reached(session_id: SessionId, seq: int, event: BudgetReached) -> Said:
    """The next step would pass a cap."""
    cap, more = event.cap, _more(event)
    lacks = escaped(shortfall(cap, event.used, event.limit, event.needed))
    words = f":money_with_wings: *I wait*: {lacks}. {by_itself(cap)}".rstrip()
    value = json.dumps({"session": session_id, "cap": cap, "amount": more, "seq": seq})
    choices = actions(
        button("extend", f"Allow {amount(cap, more)} more", value, "primary"),
        button("stop", "Stop", session_id, "danger"),
    )
    return said(words, section(words), choices)


def _more(event: BudgetReached) -> int:
    """What the button gives: enough for the next step, in whole cents."""
    if event.cap.startswith("price:"):
        return MORE_CALLS
    # More may be used than the limit is: a setting was changed, or a step cost more than it could.
    missing = event.used + event.needed - event.limit
    more = max(event.needed, missing, event.limit // 2 or 1)
    return -(-more // CENT) * CENT if is_money(event.cap) else more


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


# Progress


def progress(job: Training) -> Said:
    """How a training job goes, or went."""
    marks = {"running": ":runner:", "succeeded": ":white_check_mark:"}
    head = f"{marks.get(job.status, ':x:')} *{fitting(job.label, 150)}*: {_progress(job)}"
    facts = {
        "Loss": _number(job.loss),
        "Loss on validation data": _number(job.eval_loss),
        "Accuracy on validation data": _number(job.accuracy),
    }
    blocks = [section(head), *fields(facts)]
    if job.reason:
        blocks.append(section(fitting(job.reason, SECTION)))
    return said(head, *blocks)


def notified(text: str, session_id: SessionId) -> Said:
    """Words that the model wants people to read."""
    shown = fitting(text, 2800)
    small = context(f"From ml-intern, session `{session_id}`")
    return said(shown, section(f":mega: {shown}"), small)


def _progress(job: Training) -> str:
    if job.status != "running":
        return escaped(job.status)
    if job.max_steps:
        return f"step {job.step:,} of {job.max_steps:,}"
    return f"step {job.step:,}" if job.step else "begins"


def _metrics(found: Mapping[str, Any]) -> str:
    return "\n".join(f"{name}: {_value(value)}" for name, value in found.items() if value)


def _value(value: Any) -> str:
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, list | tuple):
        return " to ".join(_value(one) for one in value)
    return str(value)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _place(at: str) -> str:
    """A path or an address."""
    if at.startswith(("https://", "http://")):
        return f"<{escaped(at)}>"
    return f"`{fitting(at.replace('`', ''), 500)}`"


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{round(seconds)} s" if minutes < 2 else f"{minutes // 60} h {minutes % 60:02d} min"


def _spent(view: View) -> str:
    return bill(view.known_cost_micro_usd, is_whole=view.is_cost_known)


def _cost(micro_usd: int | None) -> str:
    return "" if micro_usd == 0 else dollars(micro_usd)


def _left(micro_usd: int | None) -> str:
    return "" if micro_usd is None else dollars(micro_usd)


def _json(arguments: Mapping[str, Any]) -> str:
    return json.dumps(arguments, ensure_ascii=False, indent=2)


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
