"""A script in a file: what a model answers, one answer a line (JSON Lines).

    {"window": 32768, "loop": true}
    {"text": "I look.", "tool_calls": [{"name": "bash", "arguments": {"command": "ls"}}]}
    {"error": "rate", "message": "Slow down.", "retry_after_s": 30}
    {"summary": "There is one table, tickets.csv."}
    {"text": "There is one table.", "usage": {"input_tokens": 900}, "delay_s": 2}

The first line may say what holds for all; each `summary` answers one request to sum up. Which line
is next depends on what the session has had so far and on nothing else.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, assert_never

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from ml_intern.errors import ConfigError, Trouble
from ml_intern.settings import LEAST_WINDOW, MOST_TOKENS

MOST_PROBLEMS = 5
"""That are told of one file."""
MOST_S = 86_400.0
"""Of a delay, and of a wait that a script asks for."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Head(_Part):
    """What holds for the whole script."""

    window: int | None = Field(None, ge=LEAST_WINDOW, le=MOST_TOKENS)
    """Tokens; None: the conversation is never too long for it."""
    loop: bool = False
    """Whether it begins again where it is over."""


class Call(_Part):
    """One call of a tool."""

    name: str = Field(min_length=1)
    arguments: dict[str, Any] | str = {}
    """As text: what a model may write that is no JSON, too."""


class Tokens(_Part):
    """As in `messages.Usage`."""

    input_tokens: int = Field(0, ge=0, le=MOST_TOKENS)
    output_tokens: int = Field(0, ge=0, le=MOST_TOKENS)
    cache_read_tokens: int = Field(0, ge=0, le=MOST_TOKENS)
    cache_write_tokens: int = Field(0, ge=0, le=MOST_TOKENS)


class Answer(_Part):
    """Words, calls or both; `{"text": ""}` is an answer of nothing."""

    text: str = ""
    tool_calls: tuple[Call, ...] = ()
    usage: Tokens = Tokens()
    delay_s: float = Field(0.0, ge=0, le=MOST_S)
    """That all of it takes."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set & {"text", "tool_calls"}:
            raise ValueError("give text, tool_calls, error or summary")
        return self


class Failure(_Part):
    """No answer, or one that broke off after `text`."""

    error: Trouble
    message: str = ""
    text: str = ""
    retry_after_s: float | None = Field(None, ge=0, le=MOST_S)
    window: int | None = Field(None, ge=1, le=MOST_TOKENS)
    """Tokens that the provider says to take when it refuses for length."""
    delay_s: float = Field(0.0, ge=0, le=MOST_S)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.retry_after_s is not None and self.error not in ("away", "rate"):
            raise ValueError("retry_after_s is for the errors away and rate")
        if self.window is not None and self.error != "context":
            raise ValueError("window is for the error context")
        return self


class Summary(_Part):
    """What is answered to a request to sum up."""

    summary: str = Field(min_length=1)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One request's answer, or that there is none."""

    line: int
    """Of the file, from 1 on."""
    says: Answer | Failure


class ScriptFile:
    """What stands in one file. Immutable."""

    def __init__(self, head: Head, steps: Sequence[Step], summaries: Sequence[str]) -> None:
        """`steps`: at least one."""
        self.window = head.window
        self._loops = head.loop
        self._steps = tuple(steps)
        self._summaries = tuple(summaries)
        after = (at + 1 for at, step in enumerate(steps) if isinstance(step.says, Answer))
        self._starts = (0, *after)
        """By the number of answers so far, where it goes on."""

    @property
    def answers(self) -> int:
        """How many it holds."""
        return len(self._starts) - 1

    def next(self, answers: int, failures: int) -> Step | None:
        """After so many answers, and then so many failures of this script; None: it is over."""
        if not self._loops:
            if answers > self.answers:
                return None
            at = self._after_failures(self._starts[answers], failures)
            return self._steps[at] if at < len(self._steps) else None
        if not self.answers:
            return self._steps[failures % len(self._steps)]
        round_ended = answers and answers % self.answers == 0
        start = self._starts[-1 if round_ended else answers % self.answers]
        at = self._after_failures(start, failures)
        if at == len(self._steps):
            at = self._after_failures(0, failures - (at - start))
        return self._steps[at]

    def summary(self, number: int) -> str:
        """The one after `number` others; empty: none is written for this place."""
        if self._loops and self._summaries:
            return self._summaries[number % len(self._summaries)]
        return self._summaries[number] if number < len(self._summaries) else ""

    def _after_failures(self, at: int, most: int) -> int:
        """The place behind those that stand there, behind `most` of them at most."""
        end = min(at + most, len(self._steps))
        while at < end and isinstance(self._steps[at].says, Failure):
            at += 1
        return at


def read(path: Path) -> ScriptFile:
    """Raises ConfigError, which names the lines that are wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as exc:
        raise ConfigError(f"{path} cannot be read ({exc.strerror}).") from exc
    except UnicodeDecodeError as exc:
        raise ConfigError(f"{path} is not text in UTF-8: {exc}.") from exc
    reader = _Reader()
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            reader.take(number, line)
    if reader.problems:
        raise ConfigError(_told(path, reader.problems))
    if not reader.steps:
        raise ConfigError(f"{path} holds no answer.")
    return ScriptFile(reader.head or Head(), reader.steps, reader.summaries)


class _Reader:
    """What was read so far, and what is wrong with it."""

    def __init__(self) -> None:
        self.head: Head | None = None
        self.steps: list[Step] = []
        self.summaries: list[str] = []
        self.problems: list[str] = []

    def take(self, number: int, line: str) -> None:
        try:
            self._put(number, _read_line(line))
        except ValidationError as exc:
            self.problems.extend(f"line {number}: {_explained(each)}" for each in exc.errors())
        except ValueError as exc:
            self.problems.append(f"line {number}: {exc}")

    def _put(self, number: int, found: Head | Answer | Failure | Summary) -> None:
        match found:
            case Head():
                if self.head or self.steps or self.summaries:
                    raise ValueError("window and loop are for the first line")
                self.head = found
            case Summary(summary=summary):
                self.summaries.append(summary)
            case Answer() | Failure():
                self.steps.append(Step(line=number, says=found))
            case never:
                assert_never(never)


def _read_line(line: str) -> Head | Answer | Failure | Summary:
    """Raises ValidationError, and ValueError for what is no JSON object."""
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as exc:
        raise ValueError(f"it is no JSON ({exc})") from exc
    if not isinstance(fields, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004 - of a file, not of a caller
    if "error" in fields:
        return Failure.model_validate_json(line)
    if "summary" in fields:
        return Summary.model_validate_json(line)
    if fields.keys() & {"window", "loop"}:
        return Head.model_validate_json(line)
    return Answer.model_validate_json(line)


def _explained(error: ErrorDetails) -> str:
    place = ".".join(
        str(part) for part in error["loc"] if not str(part).startswith(("dict[", "str"))
    )
    why = error["msg"].removeprefix("Value error, ")
    return f"{place}: {why}" if place else why


def _told(path: Path, problems: Sequence[str]) -> str:
    more = len(problems) - MOST_PROBLEMS
    rest = f"; and {more} more" if more > 0 else ""
    return f"{path} is no script: {'; '.join(problems[:MOST_PROBLEMS])}{rest}."
