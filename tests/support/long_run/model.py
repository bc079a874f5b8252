"""The model itself: what the server answers, and what it has found wrong with the requests."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ml_intern.context.summary import SUMMARIZER
from tests.support.long_run.checks import Counter, all_words, malformed
from tests.support.long_run.summaries import Summarise
from tests.support.long_run.task import LongTask, Planted
from tests.support.model_server import Call, Fault, Reply
from tests.support.model_server.server import Seen

PINS = ("Never train on rows 7 to 9:\nthey are “mislabelled”.", "The seed of all runs is 1337.")
THOUGHT = "The loss still falls, so the next part is worth a look. " * 3


@dataclass
class LongModel:
    """A script for `ModelServer`. Asked by one session, one request after the other."""

    task: LongTask
    window: int
    summarise: Summarise
    ratio: float = 1.3
    """Tokens that it counts where o200k counts one."""
    problems: list[str] = field(default_factory=list)
    refusals: int = 0
    summaries: int = 0
    compactions: int = 0
    forgotten: list[tuple[Planted, ...]] = field(default_factory=list)
    """After each compaction: what earlier results said and the request does not."""
    most: int = 0
    """Tokens of the largest request, as it counts them."""
    _step: int = 0
    _begins: str = ""
    """The task, and the text in the place of what followed it."""
    _seen: list[Planted] = field(default_factory=list)
    _pins: list[str] = field(default_factory=list)
    _first_pin: str = ""
    _plan: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._count = Counter(self.ratio)
        self._begins = self.task.words

    def __call__(self, seen: Seen) -> Reply:
        body = seen.body
        size = self._count(body)
        self._check(body)
        if size + body["max_tokens"] > self.window:
            self.refusals += 1
            return Reply(always=_too_long(size, body["max_tokens"], self.window))
        self.most = max(self.most, size)
        if body["messages"][0]["content"].startswith(SUMMARIZER.strip()[:60]):
            self.summaries += 1
            reply = self.summarise(body["messages"][1]["content"])
        else:
            self._read(body["messages"])
            reply = self._next()
        tokens = len(reply.text) // 4 + 30 * len(reply.calls)
        return _counted(reply, size, tokens)

    def _check(self, body: Mapping[str, Any]) -> None:
        messages = body["messages"]
        words = all_words(messages)
        wrong = [*malformed(messages), *self._lost(words)]
        self.problems += [f"request at step {self._step}: {each}" for each in wrong]

    def _lost(self, words: str) -> Iterator[str]:
        found = _flat(words)
        for each in (self.task.words, *self._pins, *(item["step"] for item in self._plan)):
            if _flat(each) not in found:
                yield f"{each!r} is not in it"

    def _read(self, messages: list[Mapping[str, Any]]) -> None:
        """Take in what the last calls gave, and see what has been forgotten."""
        if messages[1]["content"] != self._begins:
            self.compactions += 1
            words = all_words(messages)
            self.forgotten.append(tuple(one for one in self._seen if not one.is_in(words)))
        self._begins = messages[1]["content"]
        for message in reversed(messages):
            if message["role"] != "tool":
                break
            self._hear(message["name"], message["content"])

    def _hear(self, name: str, text: str) -> None:
        self._seen += [
            fact
            for fact in self.task.planted.values()
            if fact.line in text and fact not in self._seen
        ]
        if name == "memory" and not self._first_pin:
            self._first_pin = json.loads(text)["pinned"]

    def _next(self) -> Reply:
        step, calls = self._step, self.task.calls
        self._step += 1
        if step == 0:
            return self._says("I begin.", self._planned(0), self._pinned(PINS[0]))
        if step > calls + 1:
            return Reply(text="Done.")
        if step == calls + 1:
            return self._says("All is read.", self._planned(5))
        made = [Call(name="read", arguments={"path": self.task.path(step)})]
        if step % max(1, calls // 5) == 0:
            made.append(self._planned(min(4, step * 5 // calls)))
        if step == calls // 4:
            made.append(self._pinned(PINS[1]))
        if step == calls // 2:
            self._pins.remove(PINS[0])
            made.append(Call(name="memory", arguments={"action": "unpin", "id": self._first_pin}))
        return self._says(f"Now part {step}.", *made)

    def _says(self, text: str, *made: Call) -> Reply:
        return Reply(text=text, thinking=THOUGHT, calls=made)

    def _planned(self, done: int) -> Call:
        self._plan = self.task.plan(done)
        return Call(name="plan", arguments={"items": self._plan})

    def _pinned(self, text: str) -> Call:
        self._pins.append(text)
        return Call(name="memory", arguments={"action": "pin", "text": text})


def _flat(text: str) -> str:
    """Further lines of a pin are indented, so that none passes for a heading."""
    return " ".join(text.split())


def _too_long(size: int, answer: int, window: int) -> Fault:
    """vLLM's words."""
    words = (
        f"'max_tokens' or 'max_completion_tokens' is too large: {answer}. This model's maximum "
        f"context length is {window} tokens and your request has {size} input tokens ({answer} > "
        f"{window} - {size})."
    )
    return Fault(kind="status", status=400, message=words)


def _counted(reply: Reply, size: int, tokens: int) -> Reply:
    return replace(reply, input_tokens=size, output_tokens=tokens)
