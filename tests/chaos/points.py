"""The crash points, by the order in which the life of an op comes to them, and what leads there.

They cover table 6.4 of the design of the store: each line of it is tried before and after the
commit that makes the difference.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from ml_intern.events import Event, TurnFinished
from ml_intern.queue.mail import Draft
from ml_intern.queue.store import Claim
from tests.chaos.paying import ORDERS
from tests.chaos.traps import (
    Args,
    Point,
    half_a_draft,
    half_the_bytes,
    once_it_has_begun,
)

Scene = Literal[
    "effects", "spill", "launch", "approve", "question", "prepare", "publish", "interrupt",
    "interrupt_job", "undo", "compact", "model", "model_within", "drain", "slow", "reads", "send",
    "steer", "order", "orders", "edit", "park", "withdraw", "expire", "paid", "cap", "like",
    "letters", "posts",
]  # fmt: skip
"""What is done so that the product comes to the point; see `tests/chaos/scenes.py`."""

APPEND = "queue.store:Store.append"
FINISH = "queue.store:Store.finish"
TAKE_IN = "queue.store:Store.take_in"
SUBMIT = "queue.store:Store.submit"
RUN = "tools.router:ToolRouter.run"
DECIDED = "approval_decided"


def has(kind: str, **values: Any) -> Callable[[Args, Any], bool]:
    """Whether an event of this kind, with these values, is among the arguments."""

    def found(args: Args, _result: Any) -> bool:
        return any(
            getattr(one, "kind", None) == kind
            and all(getattr(one, name) == value for name, value in values.items())
            for one in args
            if isinstance(one, Event)
        )

    return found


def orders(kind: str) -> Callable[[Args, Any], bool]:
    """Whether an op of this kind is submitted."""
    return lambda args, _result: args[2].kind == kind


def puts(kind: str) -> Callable[[Args, Any], bool]:
    """Whether an op of this kind is queued."""
    return lambda args, _result: bool(args[2].kind == kind)


def calls(tool: str) -> Callable[[Args, Any], bool]:
    """Whether the router is to run this tool."""
    return lambda args, _result: bool(args[1].tool.name == tool)


def came(_args: Args, result: Any) -> bool:
    """Whether there was anything."""
    return result is not None


def with_calls(args: Args, _result: Any) -> bool:
    return any(getattr(one, "kind", None) == "model_replied" and one.tool_calls for one in args)


def claimed(kind: str) -> Callable[[Args, Any], bool]:
    return lambda _args, result: isinstance(result, Claim) and result.op.kind == kind


def grants(args: Args, _result: Any) -> bool:
    """Whether a decision brings a rule with it."""
    return any(isinstance(one, list) and one for one in args)


def clicked(args: Args, _result: Any) -> bool:
    """Whether a button was pressed."""
    bodies = [one if isinstance(one, dict) else getattr(one, "body", {}) for one in args]
    return any(body.get("kind") == "click" for body in bodies)


def writes(args: Args, _result: Any) -> bool:
    """Whether there is something to send."""
    drafts = [one for arg in args if isinstance(arg, list) for one in arg]
    return any(isinstance(one, Draft) and one.external_id is None for one in drafts)


def has_spend(args: Args, _result: Any) -> bool:
    """Whether money is to be reserved."""
    return args[2] is not None


def has_price(args: Args, _result: Any) -> bool:
    """Whether a call is told to have cost something."""
    return isinstance(args[3], int) and args[3] > 0


def waits_for_room(args: Args, _result: Any) -> bool:
    """Whether a turn ends because a cap was reached."""
    return any(isinstance(one, TurnFinished) and "budget:" in repr(one.waiting_on) for one in args)


def costs(args: Args, _result: Any) -> bool:
    """Whether it is known what it has cost, and that it was something."""
    return isinstance(args[2], int) and args[2] > 0


def spilled(_args: Args, result: Any) -> bool:
    return result is not None and result[1] is not None


@dataclass(frozen=True, kw_only=True)
class Reached(Point):
    """A point and the scene that comes by it."""

    scene: Scene
    hits: int = 1
    """How often the scene is sure to come by."""

    @property
    def is_inside(self) -> bool:
        """Whether a transaction has begun, and is not committed."""
        return self.at.startswith("queue.") and not self.at.startswith("queue.store:Store.")


def _at(
    name: str,
    when: Literal["before", "after", "half"],
    at: str,
    scene: Scene,
    of: Callable[[Args, Any], bool] | None = None,
    **more: Any,
) -> Reached:
    given = {} if of is None else {"of": of}
    return Reached(name=name, when=when, at=at, scene=scene, **given, **more)


POINTS: tuple[Reached, ...] = (
    # An op is accepted.
    _at("session not stored", "before", "queue.store:Store.create_session", "effects"),
    _at("session stored, not acknowledged", "after", "queue.store:Store.create_session", "effects"),
    _at("words not stored", "before", SUBMIT, "question", orders("user_input")),
    _at("words stored, not acknowledged", "after", SUBMIT, "question", orders("user_input")),
    _at("claimed, turn not begun", "after", "queue.store:Store.claim", "effects", came),
    _at("turn begun", "after", APPEND, "effects", has("turn_started")),
    # Words that come while a turn runs.
    _at("words not taken in", "before", "queue.store:Store.take_in", "steer"),
    _at("words inserted, not taken in", "before", "queue.backlog:complete", "steer"),
    _at("words taken in", "after", "queue.store:Store.take_in", "steer"),
    # The model.
    _at("model asked", "after", APPEND, "effects", has("model_asked"), hits=4),
    _at("reply not committed", "before", APPEND, "effects", has("model_replied"), hits=4),
    _at("reply inserted, not committed", "before", "queue.edges:apply", "effects", with_calls),
    _at("reply committed", "after", APPEND, "effects", with_calls, hits=3),
    # An effect.
    _at("start not committed", "before", APPEND, "effects", has("tool_started", tool="bash")),
    _at("started, not run", "before", RUN, "effects", calls("bash"), hits=2),
    _at(
        "in the middle of the effect", "half", RUN, "effects", calls("bash"), hits=2,
        halved=once_it_has_begun("effects.txt"),
    ),
    _at("effect done, result not committed", "before", APPEND, "effects",
        has("tool_finished", tool="bash"), hits=2),
    _at("result inserted, not committed", "before", "queue.edges:apply", "effects",
        has("tool_finished", tool="bash")),
    _at("result committed", "after", APPEND, "effects", has("tool_finished", tool="bash"), hits=2),
    _at("reads started", "before", RUN, "reads", calls("read"), hits=2),
    _at("start of a write committed", "after", APPEND, "effects",
        has("tool_started", tool="write")),
    _at("write started, not run", "before", RUN, "effects", calls("write")),
    _at("half a file written", "half", "tools.files.write:write_beneath", "effects",
        halved=half_a_draft),
    _at("file written, not recorded", "after", "tools.files.write:write_beneath", "effects"),
    _at("edit done, not recorded", "before", APPEND, "effects", has("tool_finished", tool="edit")),
    _at("half an output spilled", "half", "tools.spill:write_beneath", "spill",
        halved=half_a_draft),
    _at("output spilled, not recorded", "after", "session.calls:spill", "spill", spilled),
    # An approval.
    _at("approval not asked for", "before", APPEND, "approve", has("approval_requested")),
    _at("approval asked for", "after", APPEND, "approve", has("approval_requested")),
    _at("waiting not committed", "before", FINISH, "approve",
        has("turn_finished", outcome="waiting")),
    _at("waiting", "after", FINISH, "approve", has("turn_finished", outcome="waiting")),
    _at("decision not stored", "before", "queue.store:Store.decide", "approve", anywhere=True),
    _at("decision stored, not acknowledged", "after", "queue.store:Store.decide", "approve",
        anywhere=True),
    _at("decision claimed, not run", "after", "queue.store:Store.claim", "approve",
        claimed("approval_decision")),
    # Several calls in one question.
    _at("one of several inserted, the others not", "after", "queue.edges:apply", "orders",
        has("approval_requested"), hits=3),
    _at("several asked for", "after", APPEND, "orders", has("approval_requested")),
    _at("one of several decided", "after", "queue.store:Store.decide", "orders", has(DECIDED),
        hits=3, anywhere=True),
    _at("decision inserted, op not", "before", "queue.backlog:put", "orders",
        puts("approval_decision"), hits=3),
    _at("a no claimed, not told", "after", "queue.store:Store.claim", "orders",
        claimed("approval_decision"), hits=3),
    # An edit.
    _at("edit not stored", "before", "queue.store:Store.decide", "edit",
        has(DECIDED, verdict="edit"), anywhere=True),
    _at("edit stored, not acknowledged", "after", "queue.store:Store.decide", "edit",
        has(DECIDED, verdict="edit"), anywhere=True),
    _at("edit started, not run", "before", RUN, "edit", calls("order")),
    _at("in the middle of what was edited", "half", RUN, "edit", calls("order"),
        halved=once_it_has_begun(ORDERS)),
    _at("edited order done, not recorded", "before", APPEND, "edit",
        has("tool_finished", tool="order")),
    # A call that waits while a person and the model talk.
    _at("call not parked", "before", APPEND, "park", has("call_parked")),
    _at("call inserted as parked, words not", "after", "queue.edges:apply", "park",
        has("call_parked")),
    _at("call parked", "after", APPEND, "park", has("call_parked")),
    _at("turn ended beside a parked call", "after", FINISH, "park",
        has("turn_finished", outcome="waiting"), hits=2),
    _at("parked call decided", "after", "queue.store:Store.decide", "park", has(DECIDED),
        anywhere=True),
    _at("parked call started, not run", "before", RUN, "park", calls("order")),
    _at("parked call done, not told", "before", APPEND, "park",
        has("tool_finished", tool="order")),
    _at("request not withdrawn", "before", APPEND, "withdraw", has("tool_finished", tool="order")),
    _at("request inserted as withdrawn, answer not", "after", "queue.edges:apply", "withdraw",
        has("tool_finished", tool="order")),
    _at("request withdrawn, answer not told", "after", APPEND, "withdraw",
        has("tool_finished", tool="order")),
    # Time.
    _at("reminder not stored", "before", "queue.store:Store.remind", "expire", hits=2),
    _at("reminder stored", "after", "queue.store:Store.remind", "expire", hits=2),
    _at("not expired", "before", "queue.store:Store.decide", "expire",
        has(DECIDED, verdict="expire"), anywhere=True),
    _at("expired, not claimed", "after", "queue.store:Store.decide", "expire",
        has(DECIDED, verdict="expire"), anywhere=True),
    _at("expiry claimed, not told", "after", "queue.store:Store.claim", "expire",
        claimed("approval_decision")),
    _at("question not given up", "before", SUBMIT, "expire", orders("expire")),
    _at("question given up, not told", "after", SUBMIT, "expire", orders("expire")),
    # Money.
    _at("money reserved, start not inserted", "after", "queue.budgets:reserve", "order",
        has_spend),
    _at("order started, not run", "before", RUN, "order", calls("order")),
    _at("in the middle of an order", "half", RUN, "order", calls("order"),
        halved=once_it_has_begun(ORDERS)),
    _at("ordered, not settled", "before", "queue.budgets:settle_call", "order", has_price),
    _at("settled, not committed", "after", "queue.budgets:settle_call", "order", has_price),
    _at("order settled", "after", APPEND, "order", has("tool_finished", tool="order")),
    _at("money for the model reserved, not committed", "after", "queue.budgets:reserve", "paid",
        has_spend, hits=3),
    _at("paid model asked", "after", APPEND, "paid", has("model_asked"), hits=3),
    _at("paid reply not committed", "before", APPEND, "paid", has("model_replied"), hits=3),
    _at("model settled, not committed", "after", "queue.budgets:settle_model", "paid", costs,
        hits=3),
    # A cap.
    _at("started under a cap", "after", APPEND, "cap", has("tool_started", tool="order"), hits=2),
    _at("cap reached, not recorded", "before", APPEND, "cap", has("budget_reached")),
    _at("cap reached, turn not ended", "after", APPEND, "cap", has("budget_reached")),
    _at("waits for room", "after", FINISH, "cap", waits_for_room),
    _at("extension not stored", "before", "queue.store:Store.extend", "cap", hits=2),
    _at("extension inserted, op not", "before", "queue.backlog:put", "cap", puts("extend_budget")),
    _at("extension stored, not acknowledged", "after", "queue.store:Store.extend", "cap", hits=2),
    _at("extension claimed", "after", "queue.store:Store.claim", "cap", claimed("extend_budget")),
    # What is approved in general, and taken back.
    _at("rule not granted", "before", "queue.store:Store.decide", "like", grants,
        anywhere=True),
    _at("rule granted, not acknowledged", "after", "queue.store:Store.decide", "like",
        grants, anywhere=True),
    _at("started under a rule", "after", APPEND, "like", has("tool_started", tool="order"),
        hits=2),
    _at("rule not revoked", "before", "queue.store:Store.revoke_rule", "like"),
    _at("rule revoked, not acknowledged", "after", "queue.store:Store.revoke_rule", "like"),
    _at("asked again after the rule", "after", APPEND, "like", has("approval_requested"),
        hits=2),
    # What comes in from Slack.
    _at("letter not stored", "before", "queue.mail:Mail.receive", "letters", hits=2),
    _at("letter stored, not acknowledged", "after", "queue.mail:Mail.receive", "letters", hits=2),
    _at("letter acknowledged, not done", "after", "slack.listener:Listener._hear", "letters",
        anywhere=True),
    _at("letter done, not settled", "before", "queue.mail:Mail.settle", "letters", hits=2),
    _at("letter settled", "after", "queue.mail:Mail.settle", "letters"),
    _at("click stored, not acknowledged", "after", "queue.mail:Mail.receive", "letters", clicked,
        anywhere=True),
    _at("click done, not settled", "before", "queue.mail:Mail.settle", "letters", clicked,
        anywhere=True),
    # What goes out to Slack.
    _at("place kept, messages not", "before", "queue.mail:_put", "posts", writes, anywhere=True,
        hits=3),
    _at("messages written", "after", "queue.mail:Mail.advance", "posts", writes, anywhere=True,
        hits=3),
    _at("sending begun", "after", "queue.mail:Mail.begin", "posts", anywhere=True, hits=3),
    _at("sent, not marked", "before", "queue.mail:Mail.sent", "posts", anywhere=True, hits=3),
    _at("marked as sent", "after", "queue.mail:Mail.sent", "posts", anywhere=True, hits=3),
    # An effect that reaches outside, of which a person says what became.
    _at("send started, not run", "before", RUN, "send", calls("send")),
    _at("in the middle of a send", "half", RUN, "send", calls("send"), hits=2,
        halved=once_it_has_begun("sent.txt")),
    _at("sent, not recorded", "before", APPEND, "send", has("tool_finished", tool="send")),
    # A job.
    _at("job not launched", "before", "compute.local:LocalCompute.submit", "launch"),
    _at("job launched, not recorded", "after", "compute.local:LocalCompute.submit", "launch"),
    _at("job launched, result not committed", "before", APPEND, "launch",
        has("job_started")),
    _at(
        "launch inserted, not committed",
        "before",
        "queue.edges:apply",
        "launch",
        has("tool_finished", tool="launch_training"),
    ),
    _at("job recorded", "after", APPEND, "launch", has("job_started")),
    _at("waiting for a job", "after", APPEND, "launch", has("tool_waiting")),
    _at("progress of a job told", "after", "queue.store:Store.note", "launch"),
    _at("end of a job not stored", "before", SUBMIT, "launch", orders("resume")),
    _at(
        "end of a job inserted, op not", "before", "queue.backlog:put", "launch", puts("resume")
    ),
    _at("end of a job stored", "after", SUBMIT, "launch", orders("resume")),
    # Leases and ends.
    _at("lease not renewed", "before", "queue.store:Store.renew", "slow"),
    _at("lease renewed", "after", "queue.store:Store.renew", "slow"),
    _at("end not committed", "before", FINISH, "effects", has("turn_finished", outcome="finished")),
    _at("end begun, not committed", "before", "queue.leases:finish", "effects"),
    _at("end committed", "after", FINISH, "effects", has("turn_finished", outcome="finished")),
    _at("not given back", "before", "queue.store:Store.release", "drain"),
    _at("given back", "after", "queue.store:Store.release", "drain"),
    # What people want of a session beside words.
    _at("interrupt not stored", "before", SUBMIT, "interrupt", orders("interrupt")),
    _at("interrupt stored, not acknowledged", "after", SUBMIT, "interrupt", orders("interrupt")),
    _at("interrupted, end not committed", "before", FINISH, "interrupt",
        has("turn_finished", outcome="interrupted")),
    _at("job not cancelled", "before", "compute.local:LocalCompute.cancel", "interrupt_job"),
    _at("job cancelled", "after", "compute.local:LocalCompute.cancel", "interrupt_job"),
    _at("undone, not committed", "before", FINISH, "undo", has("undone")),
    _at("undone", "after", FINISH, "undo", has("undone")),
    _at("summary asked for, not committed", "before", APPEND, "compact", has("compact_requested")),
    _at("summary asked for", "after", APPEND, "compact", has("compact_requested")),
    _at("summed up, not committed", "before", APPEND, "compact", has("compacted")),
    _at("summed up", "after", APPEND, "compact", has("compacted")),
    _at("model changed, not committed", "before", FINISH, "model", has("model_changed")),
    _at("model changed", "after", FINISH, "model", has("model_changed")),
    _at("model to be changed within the turn", "before", TAKE_IN, "model_within",
        has("model_changed")),
    _at("model changed within the turn", "after", TAKE_IN, "model_within", has("model_changed")),
    # The trace.
    _at("half a line of the trace", "half", "tracing.trace_file:_write_all", "effects",
        halved=half_the_bytes, hits=2),
    _at("lines of the trace written", "after", "tracing.trace_file:append", "effects", hits=2),
    # Data and models.
    _at("half the data prepared", "after", "tools.data.write:_write_line", "prepare", hits=30),
    _at("data prepared, not in place", "before", "tools.data.layout:Layout.finish", "prepare",
        anywhere=True),
    _at("test data in place, the rest not", "before", "tools.data.layout:shutil.move", "prepare"),
    _at("data in place, not recorded", "after", "tools.data.layout:Layout.finish", "prepare",
        anywhere=True),
    _at("half a model copied", "after", "tools.training.repository:_copy", "publish", hits=3),
    _at("model copied, not in place", "before", "tools.training.publish:put_in_place", "publish",
        anywhere=True),
    _at("model published, not recorded", "after", "tools.training.publish:put_in_place", "publish",
        anywhere=True),
)  # fmt: skip

BY_NAME = {point.name: point for point in POINTS}
