"""The model's half of a recorded session: `replay/PATH` of a session file.

The n-th answer of a session is the n-th that was recorded, whatever its tools answer now. In the
arguments of its calls, and in summaries, stand this session's ids and folder where the recorded
ones stood. A summary that a turn made by itself is not played: what is played has no window. Costs
nothing. What cannot be played truly is refused, with the line of the file.
"""

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

from ml_intern.errors import ConfigError, Refused
from ml_intern.llm.client import ModelReply, SoFar, ignore_text, never
from ml_intern.llm.named_file import file_of
from ml_intern.messages import AssistantMessage, CallId, Message, ToolCall, ToolSpec, Usage
from ml_intern.transcript.conversation import TooLong
from ml_intern.transcript.line import RAW, ToolUse
from ml_intern.transcript.moving import Move
from ml_intern.transcript.problems import Problems
from ml_intern.transcript.recording import (
    Answer,
    Recording,
    is_incomplete,
    mapped,
    record_of,
)

PREFIX = "replay/"
_CANNOT_PARK = "autopilot"
_STOPS: dict[str, Literal["end", "tool_calls", "length"]] = {
    "end_turn": "end",
    "tool_use": "tool_calls",
    "max_tokens": "length",
}


def replay_model(name: str) -> "ReplayModel":
    """The model that plays the file. Raises ConfigError when it holds no answer, or too much."""
    path = file_of(name, "session file")
    try:
        recording = record_of(path, Problems())
    except OSError as exc:
        raise ConfigError(f"{name}: {path} cannot be read ({exc.strerror}).") from exc
    except TooLong as exc:
        raise ConfigError(f"{name}: {exc}") from exc
    if not recording.answers:
        raise ConfigError(f"{name}: no model has answered in {path}; there is nothing to play.")
    return ReplayModel(name, recording)


class ReplayModel:
    """See the module. Safe from any thread."""

    whole_summaries = True

    def __init__(
        self, name: str, recording: Recording, so_far: Callable[[], SoFar] | None = None
    ) -> None:
        """`so_far`: of the session that it is asked in; without it nothing can be played."""
        self.name = name
        self.parks = recording.model != _CANNOT_PARK
        self._recording = recording
        self._so_far = so_far

    def in_session(self, so_far: Callable[[], SoFar]) -> "ReplayModel":
        """See `client.in_session`."""
        return ReplayModel(self.name, self._recording, so_far)

    def complete(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolSpec],
        *,
        on_text: Callable[[str], None] = ignore_text,
        cancelled: Callable[[], bool] = never,
    ) -> ModelReply:
        """The next recorded answer; without `tools`, the next summary. Raises Refused."""
        if self._so_far is None:
            raise Refused(f"{self.name} can be asked only within a session.")
        so_far = self._so_far()
        if not tools:
            return self._reply(self._summary(so_far), "end")
        answer = self._next(len(so_far.answers))
        played = self._played(answer, so_far)
        if played.text:
            on_text(played.text)
        usual: Literal["tool_calls", "end"] = "tool_calls" if played.tool_calls else "end"
        return self._reply(played, _STOPS.get(answer.stop_reason, usual))

    def worst_cost_micro_usd(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec], known: Usage | None
    ) -> int | None:
        """Nothing: nobody is asked."""
        return 0

    def _next(self, number: int) -> Answer:
        answers = self._recording.answers
        if number >= len(answers):
            raise Refused(
                f"The recording is over: its model gave {len(answers)} answers, and a further one "
                "is wanted. `ml-intern model` changes the model, if the session is to go on."
            )
        return answers[number]

    def _summary(self, so_far: SoFar) -> AssistantMessage:
        """The newest that was recorded by this place, of those behind the ones that were played.

        One that was played may have found nothing to sum up here, and is passed over.
        """
        summaries = self._recording.summaries[so_far.summaries :]
        known = [each for each in summaries if each.after <= len(so_far.answers)]
        if not known:
            raise Refused("The recording holds no summary for this place.")
        move = Move(self._recording.cwd, so_far.workspace)
        return AssistantMessage(text=move.text(self._with_ids(so_far, known[-1].text)))

    def _played(self, answer: Answer, so_far: SoFar) -> AssistantMessage:
        move = Move(self._recording.cwd, so_far.workspace)
        now = partial(self._with_ids, so_far)
        return AssistantMessage(
            text=answer.text,
            thinking=answer.thinking,
            tool_calls=tuple(_call(use, answer.line, now, move) for use in answer.calls),
        )

    def _with_ids(self, so_far: SoFar, text: str) -> str:
        """This session's, where the recorded ones stand."""
        return self._recording.ids.moved(text, so_far.answers)

    def _reply(
        self, message: AssistantMessage, stop_reason: Literal["end", "tool_calls", "length"]
    ) -> ModelReply:
        return ModelReply(
            message=message, stop_reason=stop_reason, model=self.name, cost_micro_usd=0
        )


def _call(use: ToolUse, line: int, now: Callable[[str], str], move: Move) -> ToolCall:
    if is_incomplete(use.input):
        raise Refused(
            f"line {line}: the arguments of {use.name} were shortened or redacted when they were "
            "recorded, so they cannot be played. The session itself can be forked where its "
            "journal is."
        )
    raw = use.input.get(RAW)
    if isinstance(raw, str) and len(use.input) == 1:
        arguments = move.json(now(raw))
    else:
        value = mapped(use.input, lambda text: move.text(now(text)))
        arguments = json.dumps(value, ensure_ascii=False)
    return ToolCall(call_id=CallId(use.use_id), name=use.name, arguments=arguments)
