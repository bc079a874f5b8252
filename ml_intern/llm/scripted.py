"""A model that answers from a script: for tests, demonstrations and rehearsals without any model.

The answers come from a list, one per request, from a function of the request, or from a file: the
model `scripted/PATH`. The same script gives the same answers. A script that is over refuses, so
that a loop that asks too often is seen and not served. Safe from any thread.
"""

import json
import math
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, assert_never

from ml_intern.clock import Clock, SystemClock
from ml_intern.errors import ContextOverflow, Interrupted, ModelError, Refused, Retryable
from ml_intern.llm import script_file
from ml_intern.llm.client import ModelReply, SoFar, Window, ignore_text, never
from ml_intern.llm.named_file import file_of
from ml_intern.messages import AssistantMessage, CallId, Message, ToolCall, ToolSpec, Usage

PREFIX = "scripted/"
LOOK_EVERY_S = 0.1
"""How often `cancelled` is looked at while an answer is delayed."""
MOST_PIECES = 200
"""In which a text arrives."""
_WORD = re.compile(r"\S+\s*|\s+")
_OF_A_SCRIPT = re.compile(r"\(line \d+ of the script\)\.?$")
Answer = ModelReply | AssistantMessage | str | ModelError
"""What a script may hold: a whole reply, a message, words, or the error to raise instead."""
Script = Callable[[Sequence[Message], Sequence[ToolSpec]], Answer]


class ScriptedModel:
    """A `ModelClient` whose answers are known before it is asked."""

    def __init__(
        self, name: str, replies: Iterable[Answer] | Script, *, worst_cost: int | None = 0
    ) -> None:
        """`worst_cost`: what it says that a request may cost, see `worst_cost_micro_usd`."""
        self.name = name
        self._worst_cost = worst_cost
        self._script: Script = replies if callable(replies) else _Lines(name, replies)

    def complete(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolSpec],
        *,
        on_text: Callable[[str], None] = ignore_text,
        cancelled: Callable[[], bool] = never,
    ) -> ModelReply:
        """The next answer. Raises what the script says, and Refused when it is over."""
        answer = self._script(messages, tools)
        if isinstance(answer, ModelError):
            raise answer
        reply = self._as_reply(answer)
        if reply.message.text:
            on_text(reply.message.text)
        return reply

    def worst_cost_micro_usd(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec], known: Usage | None
    ) -> int | None:
        """What it was told to say; nothing unless it was."""
        return self._worst_cost

    def _as_reply(self, answer: ModelReply | AssistantMessage | str) -> ModelReply:
        if isinstance(answer, ModelReply):
            return answer
        message = AssistantMessage(text=answer) if isinstance(answer, str) else answer
        return ModelReply(
            message=message,
            stop_reason="tool_calls" if message.tool_calls else "end",
            model=self.name,
            cost_micro_usd=0,
        )


class _Lines:
    """A list of answers as a script."""

    def __init__(self, name: str, replies: Iterable[Answer]) -> None:
        self._name = name
        self._lock = threading.Lock()  # protects both fields below
        self._replies: Iterator[Answer] = iter(replies)
        self._given = 0

    def __call__(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Answer:
        with self._lock:
            answer = next(self._replies, None)
            if answer is None:
                raise Refused(
                    f"The script of the model {self._name!r} is over after {self._given} answers; "
                    "give it more lines, or another model to the session."
                )
            self._given += 1
            return answer


def script_model(name: str) -> "FileModel":
    """The model that answers from the file in its name.

    Raises ConfigError for one that is no script, with the lines that are wrong.
    """
    return FileModel(name, script_file.read(file_of(name, "script")))


class FileModel:
    """`scripted/PATH`: answers from a file, see `script_file`.

    The line after the answers that the session has had, whoever gave them, and after the failures
    of this script since the last of them: both stand in the journal, so that it goes on where it
    was after a restart, and serves many sessions at once. A failure that a process died of before
    it was recorded comes again.
    """

    def __init__(
        self,
        name: str,
        script: script_file.ScriptFile,
        clock: Clock | None = None,
        so_far: Callable[[], SoFar] | None = None,
    ) -> None:
        """`so_far`: of the session that it is asked in; without it there is no next line."""
        self.name = name
        self._script = script
        self._clock = clock or SystemClock()
        self._so_far = so_far
        self._nothing = threading.Event()
        """Never set: to wait for the time alone."""

    def in_session(self, so_far: Callable[[], SoFar]) -> "FileModel":
        """See `client.in_session`."""
        return FileModel(self.name, self._script, self._clock, so_far)

    def window(self) -> Window | None:
        """What the script says; None: no conversation is too long for it."""
        tokens = self._script.window
        if tokens is None:
            return None
        return Window(tokens=tokens, answer=tokens // 4, source="the script")

    def complete(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolSpec],
        *,
        on_text: Callable[[str], None] = ignore_text,
        cancelled: Callable[[], bool] = never,
    ) -> ModelReply:
        """The next answer; without `tools`, the next summary, which may be empty."""
        if self._so_far is None:
            raise Refused(f"{self.name} can be asked only within a session.")
        so_far = self._so_far()
        if not tools:
            return self._reply(AssistantMessage(text=self._script.summary(so_far.summaries)))
        step = self._next(so_far)
        said = step.says
        self._say(said.text, said.delay_s, on_text, cancelled)
        if isinstance(said, script_file.Failure):
            raise _error(said, step.line)
        calls = tuple(_call(call, step.line, n) for n, call in enumerate(said.tool_calls))
        message = AssistantMessage(text=said.text, tool_calls=calls)
        return self._reply(message, Usage(**said.usage.model_dump()))

    def worst_cost_micro_usd(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec], known: Usage | None
    ) -> int | None:
        """Nothing: nobody is asked."""
        return 0

    def _next(self, so_far: SoFar) -> script_file.Step:
        own = (said for name, said in so_far.failures if name == self.name)
        failures = sum(1 for said in own if _OF_A_SCRIPT.search(said))
        step = self._script.next(len(so_far.answers), failures)
        if step is None:
            raise Refused(
                f"The script is over: it holds {self._script.answers} answers, and a further one "
                "is wanted. `ml-intern model` changes the model, if the session is to go on."
            )
        return step

    def _say(
        self,
        text: str,
        delay_s: float,
        on_text: Callable[[str], None],
        cancelled: Callable[[], bool],
    ) -> None:
        """In pieces, with waits between them that are `delay_s` together."""
        pieces = _pieces(text)
        said = ""
        for piece in pieces:
            self._wait(delay_s / len(pieces), said, cancelled)
            said += piece
            if piece:
                on_text(piece)

    def _wait(self, wait_s: float, said: str, cancelled: Callable[[], bool]) -> None:
        until = self._clock.monotonic() + wait_s
        while not cancelled():
            left_s = until - self._clock.monotonic()
            if left_s <= 0:
                return
            self._clock.wait(self._nothing, min(left_s, LOOK_EVERY_S))
        raise Interrupted(text=said)

    def _reply(self, message: AssistantMessage, usage: Usage | None = None) -> ModelReply:
        return ModelReply(
            message=message,
            stop_reason="tool_calls" if message.tool_calls else "end",
            model=self.name,
            usage=usage or Usage(),
            cost_micro_usd=0,
        )


def _pieces(text: str) -> list[str]:
    """Word by word, or several at once of a long text; one empty piece of an empty one."""
    words = _WORD.findall(text) or [""]
    size = math.ceil(len(words) / MOST_PIECES)
    return ["".join(words[at : at + size]) for at in range(0, len(words), size)]


def _error(failure: script_file.Failure, line: int) -> ModelError:
    trouble = failure.error
    said = (failure.message or f"It fails: {trouble}").rstrip(".")
    words = f"{said} (line {line} of the script)."
    match trouble:
        case "away" | "rate":
            wait_s = failure.retry_after_s
            return Retryable(words, retry_after_s=wait_s, text=failure.text, trouble=trouble)
        case "context":
            return ContextOverflow(words, text=failure.text, window=failure.window)
        case "authentication" | "billing" | "model" | "content" | "effort" | "thinking" | "request":
            return Refused(words, text=failure.text, trouble=trouble)
        case _:
            assert_never(trouble)


def _call(call: script_file.Call, line: int, number: int) -> ToolCall:
    arguments = call.arguments
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    return ToolCall(call_id=CallId(f"line-{line}-{number}"), name=call.name, arguments=arguments)


def calling(text: str = "", /, **calls: dict[str, Any]) -> AssistantMessage:
    """A message that calls tools, one per name: `calling("look", read={"path": "a.txt"})`."""
    return AssistantMessage(
        text=text,
        tool_calls=tuple(
            ToolCall(
                call_id=CallId(f"{name}-{index}"),
                name=name,
                arguments=json.dumps(arguments, ensure_ascii=False),
            )
            for index, (name, arguments) in enumerate(calls.items())
        ),
    )
