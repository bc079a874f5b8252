"""Getting a model's next answer: who is asked, that the request fits, and what else goes wrong.

Each request goes to the first model of the session's chain that may be asked. What comes of it is
recorded before anything else is done, so that a process that dies in between goes on from there.
"""

import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import NoReturn, assert_never

from ml_intern.context.room import is_small, longest_answer, most_for_tools
from ml_intern.effort import Effort
from ml_intern.errors import (
    ConfigError,
    Interrupted,
    MLInternError,
    ModelError,
    OverBudget,
    StateConflict,
)
from ml_intern.events import (
    ModelAsked,
    ModelFailed,
    ModelReplied,
    ModelSwitched,
    OpCancelled,
    Spend,
)
from ml_intern.llm.client import (
    ModelClient,
    ModelReply,
    Window,
    ignore_text,
    never,
    window_of,
    with_effort,
)
from ml_intern.messages import CallId, ToolCall, ToolSpec
from ml_intern.session.budget import price
from ml_intern.session.chain import AllAway, Chain
from ml_intern.session.compacting import Compactor, TooSmall, Trigger
from ml_intern.session.failures import cut_off, failure
from ml_intern.session.ground import Ground
from ml_intern.session.meter import price_cap
from ml_intern.session.offering import needed_now, offered
from ml_intern.session.remedies import Remedy, remedy
from ml_intern.session.summarizing import Asking, NotCompacted

MOST_REFUSALS = 6
"""Of one model in a row, for the length of a request; each one is shorter than the one before."""
MOST_FAILURES = 60
"""Of one model in a row, without an answer to the session; with the waits between, half a day."""
LONGEST_WAIT_S = 60.0
"""That a turn waits for models by itself until one answers; longer waits hold no thread."""
LOOK_EVERY_S = 0.2
"""How often a wait for the model looks whether it is still wanted."""
JITTER = 0.2
"""By which part of themselves waits are longer or shorter."""
BACK = "it answers again"


class Answering:
    """Of one turn. Not thread-safe."""

    def __init__(
        self,
        ground: Ground,
        *,
        chain: Callable[[], Chain],
        compactor: Compactor,
        specs: Callable[[], Sequence[ToolSpec]],
        prompt: Callable[[bool], str],
        effort: Effort | None = None,
        on_text: Callable[[str], None] = ignore_text,
        is_spoken_to: Callable[[], bool] = never,
    ) -> None:
        """`chain`: made anew when a person has changed the model, or said something. `specs`: of
        all tools, as they are now. `prompt`: the system prompt; in brief, when asked with true.
        `effort`: of the settings. `is_spoken_to`: whether the turn has something to take in, which
        ends a wait.
        """
        self._scribe, self._history, self._context = ground.scribe, ground.history, ground.context
        self._budget, self._clock, self._signals = ground.budget, ground.clock, ground.signals
        self._new_chain = chain
        self._chain, self._chain_of = chain(), self._asked_for()
        self._compactor = compactor
        self._specs = specs
        self._prompt = prompt
        self._effort = effort
        self._on_text = on_text
        self._is_spoken_to = is_spoken_to
        self._chance = random.Random()
        self._waited_s = LONGEST_WAIT_S if self._history.failures else 0.0
        """For models, since one answered; a turn that goes on with a wait has had its time."""
        self._rests_until: dict[str, float] = {}
        """By model, the moment before which it is not asked again, by the monotonic clock."""
        self._refusals: Counter[str] = Counter()
        """By model, how often in a row it was for the length of the request."""
        self._too_long: set[str] = set()
        """Models that have refused a request for its length which has not been shortened since."""

    def record_next(self) -> None:
        """Record the next answer, or what came of asking for it: then it is to be asked anew.

        So that what a person says meanwhile is heard between two requests, and ends a wait for one.
        Raises Overtaken, AllAway, OverBudget, and what is wrong where no model can be hoped for:
        ModelError, TooSmall or ConfigError.
        """
        try:
            with suppress(_Again):
                asking = self._asking()
                self._ask(asking, self._fitted(asking))
        finally:
            self._chain.give_back()

    def compact(self) -> None:
        """Do what the open request for a summary wants, or record why not.

        It stays open when the session is to stop meanwhile.
        """
        while self._history.compact_requested and not self._signals.is_called_off():
            try:
                with suppress(_Again):
                    self._fitted(self._asking())
            except AllAway as away:
                self._compact_by_rules(away)
            except (OverBudget, ModelError, TooSmall, ConfigError) as exc:
                self._give_up_compacting(str(exc))
            finally:
                self._chain.give_back()

    # Before the request

    def _compact_by_rules(self, away: AllAway) -> None:
        """For the session's own model, which does not answer, nor does any other."""
        name, model = self._chain.own()
        asking = replace(self._asking_of(name, model), is_away=True)
        if not asking.may_be_by_rules:
            self._give_up_compacting(str(away))
            return
        try:
            self._compactor.fit(asking, "asked")
        except (NotCompacted, TooSmall) as exc:
            self._give_up_compacting(str(exc))

    def _asking(self) -> Asking:
        """The model that is asked next, and what goes with every request to it."""
        return self._asking_of(*self._pick())

    def _asking_of(self, name: str, model: ModelClient) -> Asking:
        window, tools = self._window(name, model), self._specs()
        if window is not None:
            most = int(most_for_tools(window.tokens) / self._history.meter.ratio(name))
            tools = offered(tools, most, needed_now(self._history))
        self._context.instruct(self._prompt(window is not None and is_small(window.tokens)))
        return Asking(name=name, model=model, window=window, tools=tools)

    def _asked_for(self) -> tuple[str, int]:
        """What a person wants answered, and by whom, as far as the chain depends on it."""
        return self._history.model, len(self._history.said)

    def _pick(self) -> tuple[str, ModelClient]:
        if self._chain_of != (now := self._asked_for()):
            self._chain.give_back()
            self._chain, self._chain_of = self._new_chain(), now
        try:
            name, model = self._chain.pick()
        except AllAway as away:
            # Another session may learn sooner that one is well.
            self._wait_for(away, until=lambda: not self._chain.wait_s())
            raise _Again from away
        finally:
            self._tell_of_unusable()
        self._let_rest(name)
        effort = self._effort_of(name)
        return name, model if effort is None else with_effort(model, effort)

    def _tell_of_unusable(self) -> None:
        """Of those that the settings name and nobody could ask, people read why, once."""
        for name, exc in self._chain.unusable_by_settings():
            self._scribe.record(
                ModelFailed(model=name, error=str(exc), retry_in_s=None, is_free=True)
            )

    def _effort_of(self, name: str) -> Effort | None:
        return self._history.efforts.get(name) or self._history.effort or self._effort

    def _window(self, name: str, model: ModelClient) -> Window | None:
        """As far as it is known: what the model says of itself, or less, as it has shown."""
        said = window_of(model)
        found = self._history.meter.window(name)
        if said is None or found is None or found >= said.tokens:
            return said
        answer = longest_answer(found, said.answer)
        return replace(said, tokens=found, answer=answer, source="what it refused")

    def _fitted(self, asking: Asking) -> int | None:
        """Bring the conversation into the model's window; its tokens, None where it has none.

        Raises _Again when it was not this model that could, or the session is to stop.
        """
        requested = self._history.compact_requested
        if asking.window is None and requested is None:
            return None
        trigger: Trigger = "size" if requested is None else "asked"
        if asking.name in self._too_long:
            trigger = "refused"
        try:
            tokens = self._compactor.fit(asking, trigger)
        except NotCompacted as exc:
            self._give_up_compacting(str(exc))
            raise _Again from exc
        except TooSmall as exc:
            self._pass_over(asking.name, exc)
        except ModelError as exc:
            self._treat(asking, exc)
        if tokens is None:
            raise _Again
        self._too_long.discard(asking.name)
        return None if asking.window is None else tokens

    def _pass_over(self, name: str, exc: MLInternError) -> NoReturn:
        """Nothing was asked; where somebody else is, people read why it is not this one."""
        self._chain.pass_over(name, exc)
        if other := self._chain.after(name):
            self._scribe.record(
                ModelFailed(
                    model=name,
                    error=str(exc),
                    retry_in_s=0.0,
                    is_free=True,
                    remedy=f"{other} is asked instead",
                )
            )
        raise _Again from exc

    def _give_up_compacting(self, reason: str) -> None:
        if (requested := self._history.compact_requested) is not None:
            self._scribe.record(
                OpCancelled(op_seq=requested.op_seq, op_kind="compact", reason=reason)
            )

    def _spend(self, asking: Asking) -> Spend | None:
        """Raises OverBudget. A person is asked about an unknown price only where nobody else can
        be: that of the session's own model, or of the last that is left.
        """
        name = asking.name
        try:
            return self._budget.for_model(asking.model, self._context.messages(), asking.tools)
        except OverBudget as over:
            if self._chain.is_first(name) or over.cap != price_cap(asking.model.name):
                raise
            self._pass_over(name, over)

    # The request, and what comes of it

    def _ask(self, asking: Asking, tokens: int | None) -> None:
        spend = self._spend(asking)
        self._scribe.plan(
            ModelAsked(
                model=asking.name,
                iteration=self._history.iterations + 1,
                spend=spend,
                tokens=tokens,
            )
        )
        started = self._clock.monotonic()
        try:
            reply = asking.model.complete(
                self._context.messages(),
                asking.tools,
                on_text=self._on_text,
                cancelled=self._signals.is_called_off,
            )
        except Interrupted as cut:
            self._scribe.record(cut_off(asking.name, cut))
        except ModelError as exc:
            self._treat(asking, exc)
        else:
            self._take(asking, reply, self._clock.monotonic() - started)
            self._tell_of_levels(spend)

    def _treat(self, asking: Asking, exc: ModelError) -> NoReturn:
        """Record the failure and what is done about it; then the chain is asked anew."""
        name = asking.name
        found = remedy(exc, failures=self._history.failures[name], effort=self._effort_of(name))
        self._chain.failed(name, exc)
        wait_s = self._wait_before(asking, exc, found)
        again_in_s, told = self._told(name, found, wait_s)
        self._scribe.record(failure(name, exc, again_in_s, told, found.effort))
        if wait_s:
            self._rests_until[name] = self._clock.monotonic() + wait_s
        raise _Again from exc

    def _wait_before(self, asking: Asking, exc: ModelError, found: Remedy) -> float | None:
        """Seconds until the same model is asked again; None: the chain says who is asked, when."""
        name = asking.name
        match found.act:
            case "again" if self._history.failures[name] + 1 >= MOST_FAILURES:
                self._chain.pass_over(name, exc)
            case "again" if not self._chain.is_away(name):
                return found.wait_s * self._chance.uniform(1 - JITTER, 1 + JITTER)
            case "again" | "leave":
                pass
            case "pass":
                self._chain.pass_over(name, exc)
            case "shorter":
                self._refusals[name] += 1
                self._too_long.add(name)
                if asking.window is not None and self._refusals[name] <= MOST_REFUSALS:
                    return 0.0
                self._chain.pass_over(name, exc)
            case act:
                assert_never(act)
        return None

    def _told(self, name: str, found: Remedy, wait_s: float | None) -> tuple[float | None, str]:
        """When something is asked again, in seconds, and what; None: nothing is."""
        if found.effort is not None:
            return 0.0, f"asked again with less effort: {found.effort}"
        if wait_s is not None:
            return wait_s, "asked again, for less" if found.act == "shorter" else "asked again"
        if other := self._chain.after(name):
            return 0.0, f"{other} is asked instead"
        if (next_up := self._chain.next_up()) is None:
            return None, ""
        other, later_s = next_up
        return later_s, "asked again" if other == name else f"{other} is asked instead"

    def _let_rest(self, name: str) -> None:
        """Wait until this model may be asked again. Raises _Again when something came before."""
        rests_until = self._rests_until.get(name, -math.inf)
        wait_s = rests_until - self._clock.monotonic()
        if wait_s > 0:
            self._wait_for(AllAway(self._chain.told(name), wait_s=wait_s))
        if self._clock.monotonic() < rests_until:
            raise _Again

    def _wait_for(self, away: AllAway, until: Callable[[], bool] = never) -> None:
        """Raises `away` where that would be too long."""
        if self._waited_s + away.wait_s > LONGEST_WAIT_S:
            raise away
        self._waited_s += away.wait_s
        self._wait(away.wait_s, until)

    def _wait(self, wait_s: float, until: Callable[[], bool] = never) -> None:
        """Let the time pass, or less: `until` that, or until the session has something else to do
        or is not wanted.
        """
        ends_at = self._clock.monotonic() + wait_s
        while (left_s := ends_at - self._clock.monotonic()) > 0:
            if self._signals.is_called_off() or self._is_spoken_to() or until():
                return
            self._clock.wait(self._signals.stop, min(left_s, LOOK_EVERY_S))

    def _take(self, asking: Asking, reply: ModelReply, took_s: float) -> None:
        self._chain.worked(asking.name)
        self._refusals.clear()
        self._waited_s = 0.0
        self._scribe.record(
            *self._switched(asking.name),
            ModelReplied(
                reply_id=self._clock.new_id(),
                model=reply.model,
                text=reply.message.text,
                thinking=reply.message.thinking,
                signed=reply.message.signed,
                tool_calls=self._with_own_ids(reply.message.tool_calls),
                usage=reply.usage,
                cost_micro_usd=price(reply.cost_micro_usd),
                stop_reason=reply.stop_reason,
                duration_ms=round(took_s * 1000),
            ),
        )

    def _switched(self, name: str) -> list[ModelSwitched]:
        """That another model of the chain has answered than before, if so."""
        before = self._history.answering
        if name == before:
            return []
        reason = BACK if self._chain.is_first(name) else self._chain.why_not(before)
        return [ModelSwitched(model=name, instead_of=before, reason=reason)]

    def _with_own_ids(self, calls: tuple[ToolCall, ...]) -> tuple[ToolCall, ...]:
        """Ids of our own: a model may repeat one, and jobs and approvals are found by them."""
        return tuple(
            ToolCall(
                call_id=CallId(f"call_{self._clock.new_id().replace('-', '')[:20]}"),
                name=call.name,
                arguments=call.arguments,
            )
            for call in calls
        )

    def _tell_of_levels(self, spend: Spend | None) -> None:
        for notice in self._budget.notices(spend):
            # Another session that shares the cap may have told people first.
            with suppress(StateConflict):
                self._scribe.record(notice)


class _Again(Exception):
    """Something has changed, so it is decided anew who is asked what."""
