"""From the text of a call to its outcome: find the tool, check the arguments, run it in its time.

The one place where a tool's exception becomes an answer for the model. Knows nothing of sessions,
approvals or the journal; the turn asks it step by step (`prepare`, `judge`, `run`, `recover`).
"""

import hashlib
import json
import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pydantic import ValidationError

from ml_intern.errors import InputError, MLInternError
from ml_intern.events import Exhibit, Fact, RuleGranted
from ml_intern.messages import ToolSpec
from ml_intern.tools.call.names import unknown_tool
from ml_intern.tools.call.schema import fit, problems
from ml_intern.tools.call.text import Given, read_arguments, refuse_unfit
from ml_intern.tools.policy import Case, Judgement, Rule, judge
from ml_intern.tools.protocol import (
    Arguments,
    Tool,
    ToolContext,
    ToolOutcome,
    Waiting,
    fail,
)
from ml_intern.tools.untrusted import harmless, marked

log = logging.getLogger(__name__)

T = TypeVar("T")
U = TypeVar("U")

POLL_S = 0.1
MOST_EXHIBIT_CHARS = 100_000
GRACE_S = 15.0
"""What a tool that was told to stop may take to stop what it has started."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A call whose tool is known and whose arguments fit."""

    tool: Tool[Any]
    args: Arguments
    arguments: dict[str, Any]
    """The same, JSON-ready and complete with defaults: what is approved, hashed, stored and run."""
    repairs: tuple[str, ...] = ()
    """What had to be mended in the text that the model wrote, so that this came of it."""

    @property
    def sha256(self) -> str:
        """Of the tool's name and these arguments: what a yes holds for."""
        return arguments_sha256(self.tool.name, self.arguments)


@dataclass(frozen=True, kw_only=True)
class LeftRunning:
    """The call was told to stop, and goes on: nobody knows what it still does."""

    tool: str


def arguments_sha256(tool: str, arguments: Mapping[str, Any]) -> str:
    """The hash that binds an approval to exactly this call."""
    text = json.dumps([tool, arguments], sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class ToolRouter:
    """The tools of the product, by name, under the rules of the settings."""

    def __init__(self, tools: Iterable[Tool[Any]], rules: Sequence[Rule] = ()) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self.rules = tuple(rules)
        self._specs = tuple(tool.spec() for tool in self._tools.values())

    def tools(self) -> tuple[Tool[Any], ...]:
        """All of them, in the order in which they are shown."""
        return tuple(self._tools.values())

    def specs(self) -> tuple[ToolSpec, ...]:
        """What a model is shown."""
        return self._specs

    def prepare(self, name: str, arguments: str | Mapping[str, Any]) -> Prepared | ToolOutcome:
        """Parse and check a call; an outcome instead when the model must mend it."""
        tool = self._tools.get(name)
        if tool is None:
            return fail(unknown_tool(name, self._tools))
        try:
            given = _given(arguments)
            args, repairs = fit(tool.arguments, given.arguments)
        except ValidationError as exc:
            return fail(
                f"The arguments of {name} do not fit its schema. It did not run.",
                problems=problems(tool.arguments, exc),
            )
        except InputError as exc:
            return fail(f"{name}: {exc}")
        return _prepared(tool, args, (*given.repairs, *repairs))

    def repairs(self, name: str, text: str) -> tuple[str, ...]:
        """What is mended in this call's text when it is prepared."""
        prepared = self.prepare(name, text)
        return prepared.repairs if isinstance(prepared, Prepared) else ()

    def settle(self, call: Prepared, ctx: ToolContext) -> Prepared:
        """The call with what its tool chooses before it is judged; as it is where it cannot."""
        try:
            args = call.tool.settle(call.args, ctx)
        except Exception:  # the border around one tool
            log.exception("tool_not_settled", extra={"tool": call.tool.name})
            return call
        return _prepared(call.tool, args, call.repairs)

    def case(self, call: Prepared, ctx: ToolContext) -> Case:
        """The call as the policy sees it. A tool that cannot say is asked about, by all rules."""
        tool = call.tool
        case = Case(
            tool=tool.name,
            arguments=call.arguments,
            effect=tool.effect,
            runs_code=tool.runs_code,
            unconfined=ctx.place.sandbox is not None and ctx.place.sandbox.name == "none",
            network=ctx.place.network,
            is_question=tool.is_question,
        )
        try:
            return _sound(
                replace(
                    case,
                    operation=tool.operation(call.args),
                    repository=tool.repository(call.args, ctx),
                    cost_micro_usd=tool.worst_cost_micro_usd(call.args, ctx),
                    cost_basis=tool.cost_basis(call.args, ctx),
                    own_reason=tool.ask_reason(call.args, ctx),
                    is_question=tool.asks_person(call.args, ctx),
                )
            )
        except Exception as exc:  # the border around one tool
            log.exception("tool_not_judged", extra={"tool": tool.name})
            reason = f"{tool.name} cannot judge this call: {exc}"
            return replace(case, cost_micro_usd=None, own_reason=reason, is_question=True)

    def judge(self, case: Case, granted: Iterable[RuleGranted] = ()) -> Judgement:
        """What the policy says of this call; `granted`: what was approved for its session."""
        return judge(case, self.rules, granted)

    def exhibits(self, call: Prepared, ctx: ToolContext) -> tuple[Exhibit, ...]:
        """What a person looks at before deciding; none where the tool cannot show it."""
        try:
            return tuple(_bounded_exhibit(one) for one in call.tool.exhibits(call.args, ctx))
        except (MLInternError, OSError):  # it would be refused, and its reason says so
            return ()
        except Exception:  # the border around one tool
            log.exception("tool_not_shown", extra={"tool": call.tool.name})
            return ()

    def refusals(self, call: Prepared, ctx: ToolContext) -> dict[str, str]:
        """Why its tool would refuse the call now, by argument; see `Tool.refusals`."""
        try:
            return dict(call.tool.refusals(call.args, ctx))
        except Exception:  # the border around one tool
            log.exception("tool_not_looked_at", extra={"tool": call.tool.name})
            return {}

    def content_sha256(self, call: Prepared, ctx: ToolContext) -> str:
        """The hash of what the arguments only name, as it is now; empty where there is nothing."""
        try:
            return call.tool.content_sha256(call.args, ctx)
        except (MLInternError, OSError):  # nothing there that could run
            return ""
        except Exception:  # the border around one tool
            log.exception("tool_content_not_read", extra={"tool": call.tool.name})
            return ""

    def run(
        self, call: Prepared, ctx: ToolContext, stop: threading.Event
    ) -> ToolOutcome | Waiting | LeftRunning:
        """Run it; whatever happens inside becomes an outcome. `stop` ends it early."""
        return _bounded(lambda: call.tool.run(call.args, ctx), call, ctx, stop)

    def recover(
        self, call: Prepared, ctx: ToolContext, stop: threading.Event
    ) -> ToolOutcome | Waiting | LeftRunning | None:
        """Ask the tool what became of a call that was cut off; None: nobody can know.

        An opaque tool is not asked, whatever its `recover` would do.
        """
        if call.tool.recovery == "opaque":
            return None
        return _bounded(lambda: call.tool.recover(call.args, ctx), call, ctx, stop)


def _prepared(tool: Tool[Any], args: Arguments, repairs: tuple[str, ...]) -> Prepared:
    return Prepared(tool=tool, args=args, arguments=args.model_dump(mode="json"), repairs=repairs)


def _sound(case: Case) -> Case:
    """The case, if a tool has said what can be judged. Raises TypeError, ValueError."""
    if not all(isinstance(s, str) for s in (case.operation, case.repository, case.cost_basis)):
        raise TypeError("its operation, its repository and the basis of its cost must be text")
    cost = case.cost_micro_usd
    if cost is not None and (not isinstance(cost, int) or cost < 0):
        raise ValueError(f"a cost of {cost!r} is no number of millionths of a US dollar")
    return case


def _bounded_exhibit(exhibit: Exhibit) -> Exhibit:
    """What is asked stands in the journal as a whole, so it must have an end."""
    more = len(exhibit.text) - MOST_EXHIBIT_CHARS
    if more <= 0:
        return exhibit
    cut = f"{exhibit.text[:MOST_EXHIBIT_CHARS]}\n[{more:,} more characters are not shown]"
    return replace(exhibit, text=cut)


def _given(arguments: str | Mapping[str, Any]) -> Given:
    """Text is the model's own; a mapping was read before, or comes from a person."""
    if isinstance(arguments, str):
        return read_arguments(arguments)
    refuse_unfit(arguments)
    return Given(arguments=dict(arguments))


def _bounded(
    act: Callable[[], T], call: Prepared, ctx: ToolContext, stop: threading.Event
) -> T | ToolOutcome | LeftRunning:
    """`act` in a thread of its own, told to stop when its time is over or the session is to stop.

    Python cannot kill a thread: one that does not listen is left behind, and whoever asked is told.
    """
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"tool-{call.tool.name}")
    future = pool.submit(lambda: _as_data(call, _guarded(act, call)))
    try:
        return _await(future, call, ctx, stop)
    finally:
        pool.shutdown(wait=False)


def _await(
    future: Future[T | ToolOutcome], call: Prepared, ctx: ToolContext, stop: threading.Event
) -> T | ToolOutcome | LeftRunning:
    limit_s = call.tool.time_limit_s(call.args)
    deadline = ctx.place.clock.monotonic() + limit_s
    while not (done := wait([future], timeout=POLL_S).done) and not stop.is_set():
        if ctx.place.clock.monotonic() > deadline:
            break
    if done:
        return future.result()
    ctx.cancelled.set()
    finished = wait([future], timeout=GRACE_S).done
    if not finished:
        log.error("tool_does_not_stop", extra={"tool": call.tool.name})
    if stop.is_set():
        return future.result() if finished else LeftRunning(tool=call.tool.name)
    return fail(
        f"{call.tool.name} was stopped after {limit_s:.0f} s. What it had begun may be half done; "
        "look before you try again, and give it less to do."
    )


def _as_data(call: Prepared, outcome: U) -> U | ToolOutcome:
    """What was read outside is marked, whatever the tool made of it: a refusal may quote it."""
    if not isinstance(outcome, ToolOutcome):
        return outcome
    if not (call.tool.reads_outside or outcome.sources):
        return outcome
    sources = list(dict.fromkeys(outcome.sources))
    read = Fact(kind="read_outside", data={"sources": sources})
    return replace(
        outcome,
        output=marked(outcome.output, sources),
        facts=(*outcome.facts, read) if sources else outcome.facts,
    )


def _guarded(act: Callable[[], T], call: Prepared) -> T | ToolOutcome:
    try:
        return act()
    except MLInternError as exc:
        return fail(f"{call.tool.name}: {harmless(str(exc))}")
    except OSError as exc:
        return fail(f"{call.tool.name}: {exc.strerror or exc} ({exc.filename or 'no file'}).")
    except Exception as exc:  # the border around one tool
        log.exception("tool_raised", extra={"tool": call.tool.name})
        why = f"{type(exc).__name__}: {harmless(str(exc))}"
        return fail(f"{call.tool.name} broke: {why}. This is a bug.")
