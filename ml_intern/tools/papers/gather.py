"""Several indexes asked at once: one that is away, or slow, does not keep the others' answers."""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, TypeVar

from ml_intern.errors import OutsideError

T = TypeVar("T")
PATIENCE_S = 60.0
"""Longer than an index takes that limits us for a moment; then it is done without."""
_LOOK_EVERY_S = 0.1
Question = Callable[[threading.Event], T]
"""Asks, and gives up once the event is set. Raises OutsideError."""


@dataclass(frozen=True, kw_only=True)
class Answers(Generic[T]):
    """By the names of the indexes, in the order in which they were named."""

    given: dict[str, T]
    missing: dict[str, OutsideError]


def ask_all(
    questions: Mapping[str, Question[T]],
    cancelled: threading.Event,
    patience_s: float = PATIENCE_S,
) -> Answers[T]:
    """What each answers within `patience_s`, and why the others do not.

    Raises OutsideError when `cancelled`. An index that does not listen is left to itself: its
    request ends by its own limits.
    """
    given_up = threading.Event()
    pool = ThreadPoolExecutor(len(questions), thread_name_prefix="papers")
    futures = {name: pool.submit(ask, given_up) for name, ask in questions.items()}
    try:
        _await(list(futures.values()), cancelled, patience_s)
    finally:
        given_up.set()
        pool.shutdown(wait=False)
    if cancelled.is_set():
        raise OutsideError(
            "The answers were not waited for: the call was stopped.", trouble="stopped"
        )
    given: dict[str, T] = {}
    missing: dict[str, OutsideError] = {}
    for name, future in futures.items():
        try:
            given[name] = _result(future, name, patience_s)
        except OutsideError as exc:
            missing[name] = exc
    return Answers(given=given, missing=missing)


def _await(futures: list[Future[T]], cancelled: threading.Event, patience_s: float) -> None:
    until = time.monotonic() + patience_s
    while not cancelled.is_set() and time.monotonic() < until:
        if not wait(futures, timeout=_LOOK_EVERY_S).not_done:
            return


def _result(future: Future[T], name: str, patience_s: float) -> T:
    if not future.done():
        raise OutsideError(f"{name} did not answer within {patience_s:.0f} s.", trouble="away")
    return future.result()
