"""What a session has used up of what bounds it, and whether its work gets on.

A fold of the journal; `apply` is its only writer. Money is not counted here: sessions share its
caps, and the store adds it up (`ml_intern/queue/budgets.py`).
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

from ml_intern.events import (
    BudgetExtended,
    BudgetNoticed,
    BudgetReached,
    Compacted,
    Event,
    Fact,
    JobStarted,
    ModelAsked,
    ModelChanged,
    ModelFailed,
    ModelReplied,
    SessionStarted,
    ToolFinished,
    ToolStarted,
    TurnFinished,
    TurnStarted,
    Undone,
    UserSaid,
)
from ml_intern.messages import Usage
from ml_intern.queue.rows import Recorded

ITERATIONS, TOKENS, SECONDS = "iterations", "tokens", "seconds"
LEAST_RATIO, UNKNOWN_RATIO, MOST_RATIO = 0.9, 1.1, 4.0
"""Below the least a server leaves something out of its count."""
LEAST_WINDOW = 1_000
_PRICE = "price:"
_MAKES_FILES = ("write", "write_recipe")
_MADE = {
    "script_written": "path",
    "dataset_prepared": "fingerprint",
    "card": "model_dir",
    "published": "repo_id",
}
"""Facts about something that came to be, with the field that says whether it is another one."""


def price_cap(model: str) -> str:
    """The cap of a model whose price is unknown, in calls."""
    return f"{_PRICE}{model}"


class Meter:
    """Grows by one event at a time. Not thread-safe: it belongs to one turn."""

    def __init__(self) -> None:
        self.max_cost_micro_usd: int | None = None
        """Of this session alone; None: the setting counts."""
        self.tokens = 0
        self.extended: Counter[str] = Counter()
        """By cap; that of iterations only since a person last spoke."""
        self.noticed: dict[str, int] = {}
        """The highest percentage that was told, by cap of this session alone."""
        self.unpriced: Counter[str] = Counter()
        """Calls of models whose price was unknown, by their caps."""
        self.answers = 0
        """Of models, since a person last spoke."""
        self.got_on_at = 0
        """How many answers there were when the work last got on."""
        self._last: ModelReplied | None = None
        self._asked: ModelAsked | None = None
        """The last request, to weigh the answer by."""
        self._ratios: dict[str, tuple[float, ...]] = {}
        self._windows: dict[str, int] = {}
        self._guessed: set[str] = set()
        """The models of which a window is only half of what they refused."""
        self._done: set[str] = set()
        self._made: set[tuple[str, str]] = set()
        self._best: dict[tuple[str, str], float] = {}
        self._writes: dict[str, str] = {}

    def known(self, model: str) -> Usage | None:
        """What the last answer took, if the conversation has only grown since."""
        return self._last.usage if self._last is not None and self._last.model == model else None

    def apply(self, event: Event) -> None:
        """Take up one event, in journal order."""
        match event:
            case SessionStarted():
                self.max_cost_micro_usd = event.max_cost_micro_usd
            case UserSaid() | Undone():
                self._begin_anew()
                if isinstance(event, Undone):
                    self._last = None
            case ModelAsked():
                self._asked = event
                if event.spend is None and price_cap(event.model) in self.unpriced:
                    self.unpriced[price_cap(event.model)] += 1
            case ModelFailed(trouble="context"):
                self._refused(event)
            case ModelReplied():
                self.answers += 1
                self._last = event
                self._count(event.usage)
                self._weigh(event)
            case Compacted():
                self._last = None
                self._count(event.usage)
            case ModelChanged():
                self._last = None
                self._windows.clear()
            case TurnFinished(outcome="failed"):
                self._forget_guesses()
            case BudgetReached(cap=cap):
                self._watch(cap)
            case BudgetExtended(cap=cap, amount=amount):
                self.extended[cap] += amount
                self._watch(cap)
            case BudgetNoticed(cap=cap, percent=percent):
                self.noticed[cap] = max(percent, self.noticed.get(cap, 0))
            case ToolStarted():
                if event.tool in _MAKES_FILES:
                    self._writes[event.call_id] = str(event.arguments.get("path", ""))
            case ToolFinished():
                self._finished(event)
            case JobStarted():
                self.got_on_at = self.answers
            case _:
                pass

    def ratio(self, model: str) -> float:
        """How many tokens the model counts where we count one: the most in its last answers."""
        found = self._ratios.get(model)
        return min(MOST_RATIO, max(LEAST_RATIO, *found)) if found else UNKNOWN_RATIO

    def window(self, model: str) -> int | None:
        """What the model was found to take, in its own tokens, when it refused more; None: as much
        as it is said to.
        """
        return self._windows.get(model)

    def _weigh(self, reply: ModelReplied) -> None:
        asked, read = self._asked, tokens_of(reply.usage) - reply.usage.output_tokens
        if asked is None or asked.model != reply.model or not asked.tokens or not read:
            return
        self._ratios[reply.model] = (*self._ratios.get(reply.model, ())[-3:], read / asked.tokens)
        if read > self._windows.get(reply.model, read):
            del self._windows[reply.model]  # it takes more than it once refused

    def _refused(self, failed: ModelFailed) -> None:
        """What it says is believed if it may be true; else half of what was sent is tried."""
        asked = self._asked
        if asked is None or asked.tokens is None:
            return
        sent = int(asked.tokens * self.ratio(failed.model))
        said = failed.window
        is_believed = said is not None and LEAST_WINDOW <= said < sent / LEAST_RATIO
        self._windows[failed.model] = said if is_believed and said is not None else sent // 2
        (self._guessed.discard if is_believed else self._guessed.add)(failed.model)

    def _forget_guesses(self) -> None:
        """What comes to nothing with them is not to come to nothing for ever."""
        for model in self._guessed:
            self._windows.pop(model, None)
        self._guessed.clear()

    @property
    def last_tokens(self) -> int:
        """Of the last answer, if the conversation has only grown since."""
        return tokens_of(self._last.usage) if self._last is not None else 0

    def _begin_anew(self) -> None:
        self.answers = self.got_on_at = 0
        self.extended.pop(ITERATIONS, None)
        self.noticed.pop(ITERATIONS, None)

    def _count(self, usage: Usage) -> None:
        self.tokens += tokens_of(usage)

    def _watch(self, cap: str) -> None:
        """From here on its calls count: before, nobody had allowed any."""
        if cap.startswith(_PRICE):
            self.unpriced[cap] += 0

    def _finished(self, event: ToolFinished) -> None:
        path = self._writes.pop(event.call_id, "")
        is_new = [self._is_news(fact) for fact in event.facts]
        if path and event.ok:
            is_new.append(self._is_other("file", path))
        if any(is_new):
            self.got_on_at = self.answers

    def _is_news(self, fact: Fact) -> bool:
        if fact.kind == "plan":
            done = {item["step"] for item in fact.data["items"] if item["status"] == "done"}
            found = not done <= self._done
            self._done |= done
            return found
        if fact.kind == "evaluation":
            better = [self._is_better(*metric) for metric in _metrics(fact)]
            return any(better)
        if fact.kind in _MADE:
            return self._is_other(fact.kind, str(fact.data.get(_MADE[fact.kind], "")))
        return False

    def _is_other(self, kind: str, name: str) -> bool:
        known = (kind, name) in self._made
        self._made.add((kind, name))
        return not known

    def _is_better(self, split: str, name: str, value: float) -> bool:
        """The first number of a metric is news, too."""
        score = -value if "loss" in name else value
        before = self._best.get((split, name))
        if before is None or score > before:
            self._best[split, name] = score
            return True
        return False


def tokens_of(usage: Usage) -> int:
    """All that was read and written."""
    return (
        usage.input_tokens
        + usage.output_tokens
        + usage.cache_read_tokens
        + usage.cache_write_tokens
    )


def worked_s(journal: Iterable[Recorded], now: datetime) -> float:
    """Seconds in turns, and in waits for jobs; without those for people, and without rest."""
    total, since = 0.0, None
    for recorded in journal:
        match recorded.event:
            case TurnStarted():
                if since is not None:
                    total += (recorded.at - since).total_seconds()
                since = recorded.at
            case TurnFinished(waiting_on=waiting_on):
                if since is not None:
                    total += (recorded.at - since).total_seconds()
                at_work = any(each.startswith("job:") for each in waiting_on)
                since = recorded.at if at_work else None
            case _:
                pass
    return total if since is None else total + (now - since).total_seconds()


def _metrics(fact: Fact) -> Iterator[tuple[str, str, float]]:
    for name, value in (fact.data.get("metrics") or {}).items():
        if isinstance(value, int | float):
            yield str(fact.data.get("split", "")), name, float(value)
