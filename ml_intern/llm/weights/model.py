"""A model that runs from its weights, in a process of our own, as a `ModelClient`."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from ml_intern.clock import Clock, SystemClock
from ml_intern.errors import Interrupted, ModelError
from ml_intern.llm.client import ModelReply, Window, ignore_text, never
from ml_intern.llm.hosted.wire import messages_on_the_wire, tools_on_the_wire
from ml_intern.llm.weights.calls import CallReader
from ml_intern.llm.weights.host import Host, Wanted
from ml_intern.llm.weights.names import place_of
from ml_intern.llm.weights.process import Frame, environment_of
from ml_intern.llm.weights.window import MOST, window_of_config
from ml_intern.messages import AssistantMessage, Message, ToolSpec, Usage

LONGEST_ANSWER = 8_192
"""Tokens, unless the settings say otherwise; and at most a quarter of the window."""


def weights_model(
    name: str,
    *,
    python: Path,
    wanted: Wanted,
    window_tokens: int | None = None,
    max_output_tokens: int | None = None,
    token: Callable[[], str | None] = lambda: None,
    endpoint: str | None = None,
    clock: Clock | None = None,
) -> "WeightsModel":
    """The client of the model that people write as `transformers/PLACE`.

    `python`: runs it, and has torch and transformers. `token` and `endpoint`: of the Hub, for a
    model that is fetched from there. Raises ConfigError for a place that holds no model. Starts
    nothing.
    """
    place = place_of(name)

    def environment() -> dict[str, str]:
        is_local = bool(place.folder)
        held = None if is_local else token()
        return environment_of(os.environ, is_offline=is_local, token=held, endpoint=endpoint)

    host = Host(place, wanted, python, environment, clock or SystemClock())
    return WeightsModel(name, host, window_tokens, max_output_tokens)


class WeightsModel:
    """Asks the process of one model. See `ModelClient`."""

    def __init__(
        self, name: str, host: Host, window_tokens: int | None, max_output_tokens: int | None
    ) -> None:
        self.name = name
        self._host = host
        self._window_tokens = window_tokens
        self._max_output_tokens = max_output_tokens
        self._window: Window | None = None
        """Once it is known; two threads may find out the same."""

    def complete(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolSpec],
        *,
        on_text: Callable[[str], None] = ignore_text,
        cancelled: Callable[[], bool] = never,
    ) -> ModelReply:
        """See `ModelClient`. `on_text` and `cancelled` are called in the caller's thread."""
        window = self._find_window(cancelled)
        order = {
            "messages": messages_on_the_wire(messages, takes_thinking=True),
            "tools": tools_on_the_wire(tools),
            "max_new_tokens": window.answer,
            "stops": [],
        }
        reader = _Showing(CallReader(tools), on_text)
        try:
            done = self._host.answer(
                order, window.tokens, on_piece=reader.take, cancelled=cancelled
            )
        except (ModelError, Interrupted) as exc:
            exc.text = reader.shown
            raise
        return self._reply(reader, done)

    def worst_cost_micro_usd(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec], known: Usage | None
    ) -> int | None:
        """Nothing: it runs here."""
        return 0

    def window(self) -> Window:
        """What its config.json says, or the settings.

        A guess while nobody can tell, and none for which a conversation would be cut in vain:
        whoever asks the model itself hears why.
        """
        try:
            return self._find_window(never)
        except (ModelError, Interrupted):
            return self._of(MOST, "a guess")

    def weigh(self) -> Frame:
        """Where it would run, what it needs and what there is, see `child/memory.py`.

        Raises ModelError for a model that cannot be run.
        """
        return self._host.weigh(self._find_window(never).tokens, never)

    @property
    def pid(self) -> int | None:
        """Of the process that holds it, while there is one."""
        return self._host.pid

    def close(self) -> None:
        """End its process."""
        self._host.close()

    def _find_window(self, cancelled: Callable[[], bool]) -> Window:
        if self._window is None:
            config = self._host.look(cancelled)["config"]
            tokens, source = window_of_config(config, self._window_tokens)
            self._window = self._of(tokens, source)
        return self._window

    def _of(self, tokens: int, source: str) -> Window:
        longest = self._max_output_tokens or LONGEST_ANSWER
        answer = min(longest, tokens // 4)
        return Window(tokens=tokens, answer=answer, thoughts=True, source=source)

    def _reply(self, reader: "_Showing", done: Frame) -> ModelReply:
        message = reader.finish()
        is_cut = done["stop"] == "length"
        return ModelReply(
            message=message,
            stop_reason="length" if is_cut else "tool_calls" if message.tool_calls else "end",
            model=self.name,
            usage=Usage(
                input_tokens=done["input_tokens"],
                output_tokens=done["output_tokens"],
                cache_read_tokens=done["cache_read_tokens"],
            ),
            cost_micro_usd=0,
        )


class _Showing:
    """Reads an answer as it comes, and shows what is certainly text."""

    def __init__(self, reader: CallReader, on_text: Callable[[str], None]) -> None:
        self._reader = reader
        self._on_text = on_text
        self.shown = ""

    def take(self, piece: str) -> None:
        self._show(self._reader.feed(piece))

    def finish(self) -> AssistantMessage:
        rest, message = self._reader.finish()
        self._show(rest)
        return message

    def _show(self, text: str) -> None:
        if text:
            self.shown += text
            self._on_text(text)
