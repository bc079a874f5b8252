"""What one operation of the API takes and answers.

The server parses and answers by it, and `openapi.py` writes the public document from it: there is
nothing to keep in step.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from ml_intern.client.door import Door
from ml_intern.client.wire import Codec, NoQuery

Q = TypeVar("Q")
B = TypeVar("B")
A = TypeVar("A")

NO_QUERY: Codec[NoQuery] = Codec(NoQuery)


@dataclass(frozen=True, kw_only=True)
class Call(Generic[Q, B]):
    """One request, parsed."""

    door: Door
    subject: str
    """The id in the path; empty where it has none."""
    query: Q
    body: B
    key: str | None
    """By which a repetition is known."""


@dataclass(frozen=True, kw_only=True)
class Operation(Generic[Q, B, A]):
    """One method on one path."""

    name: str
    method: Literal["GET", "POST"] = "GET"
    path: str
    """With at most one `{name}` in it."""
    summary: str
    """One line; what more there is to say stands in the documents that it takes and answers."""
    query: Codec[Q]
    body: Codec[B] | None = None
    keyed: bool = False
    """Whether it takes an idempotency key."""
    answer: Callable[[Call[Q, B]], A]
    blocks: bool = True
    """Whether `answer` asks the door, and so needs a thread."""
    encode: Callable[[A], bytes]
    document: Codec[Any]
    """What `encode` makes, for the public description."""
    status: int = 200
    media_type: str = "application/json"
    streams: Literal["never", "when asked", "always"] = "never"
    """Whether it answers with server-sent events: of the session that is named in the path."""
    problems: tuple[str, ...] = ()
    """Codes that the door itself may answer with."""


AnyOperation = Operation[Any, Any, Any]


def reading(
    name: str,
    path: str,
    summary: str,
    answer: Callable[[Call[NoQuery, None]], A],
    document: Codec[A],
    *problems: str,
) -> AnyOperation:
    """An operation that only looks, without parameters."""
    return Operation(
        name=name,
        path=path,
        summary=summary,
        query=NO_QUERY,
        answer=answer,
        encode=document.encode,
        document=document,
        problems=problems,
    )
