"""One model for all sessions of this process: its own process, started when it is first asked.

Requests are answered one at a time, in the order in which they came. A crash is an error of the
request under way; the next one starts the process anew, unless it died too often in a row. A
process that nobody asks anything ends by itself and is started again when it is needed.

Whoever is told to stop leaves at once, also while the model loads or reads a long prompt: the
process gives the request up between two layers, and the next one waits for that.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ml_intern.clock import Clock
from ml_intern.errors import (
    ContextOverflow,
    Interrupted,
    ModelError,
    Refused,
    Retryable,
    Trouble,
)
from ml_intern.llm.client import ignore_text
from ml_intern.llm.weights.names import Place
from ml_intern.llm.weights.process import Child, Died, Frame
from ml_intern.wording import sentence

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.1
"""How often `cancelled` is looked at while nothing arrives."""
LOOK_S = 60.0
"""What a look at a configuration may take, also where the Hub is asked for it."""
MOST_CRASHES = 3
"""In a row, before it is left alone for `CALM_S`."""
CALM_S = 600.0

Cancelled = Callable[[], bool]

_TROUBLES: Mapping[str, Trouble] = {
    "authentication": "authentication",
    "missing": "model",
    "format": "model",
    "setting": "model",
    "memory": "model",
}


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """How the settings want a model to be run."""

    device: str = "auto"
    dtype: str = "auto"
    four_bit: bool = False
    idle_s: float = 600.0
    """It ends when nobody has asked it anything for so long."""
    request_timeout_s: float = 600.0
    stall_timeout_s: float = 120.0
    give_up_s: float = 30.0
    """What the process may take to leave a request that nobody wants any more."""


class Host:
    """Asks the process; safe from any thread. What it holds belongs to whose turn it is."""

    def __init__(
        self,
        place: Place,
        wanted: Wanted,
        python: Path,
        environment: Callable[[], Mapping[str, str]],
        clock: Clock,
    ) -> None:
        """`environment`: of a new process, looked up when one is started."""
        self._place = place
        self._wanted = wanted
        self._python = python
        self._environment = environment
        self._clock = clock
        self._line = Line()
        self._child: Child | None = None
        self._last_id = 0
        self._loading: int | None = None
        """The order to load that is under way."""
        self._is_loaded = False
        self._crashes = 0
        self._crashed_at = 0.0
        self._is_closed = False

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""
        child = self._child
        return None if child is None else child.pid

    def look(self, cancelled: Cancelled) -> Frame:
        """`config` of the model. Raises ModelError, Interrupted."""
        wanted = replace(self._wanted, request_timeout_s=LOOK_S)

        def once() -> Frame:
            patience = _Patience(self._clock, wanted)
            return self._ask({"op": "look"}, cancelled, patience=patience)

        with self._line.turn(cancelled):
            return self._tried(once)

    def weigh(self, window: int, cancelled: Cancelled) -> Frame:
        """Where it would run and whether it fits, see `Weighed` in `child/memory.py`."""
        with self._line.turn(cancelled):
            return self._tried(lambda: self._ask(self._order("weigh", window), cancelled))

    def answer(
        self,
        order: Frame,
        window: int,
        *,
        on_piece: Callable[[str], None],
        cancelled: Cancelled,
    ) -> Frame:
        """Load the model if need be, and have it answer. Raises ModelError, Interrupted."""

        def once() -> Frame:
            self._load(window, cancelled)
            asked = {"op": "generate", "window": window, **order}
            return self._ask(asked, cancelled, on_piece, _Patience(self._clock, self._wanted))

        with self._line.turn(cancelled):
            done = self._tried(once)
            self._crashes = 0
            return done

    def close(self) -> None:
        """End the process, whoever waits for it."""
        self._is_closed = True
        child = self._child
        if child is not None:
            child.close()

    def _tried(self, act: Callable[[], Frame]) -> Frame:
        """Do it, and once more when the process had just ended because it was idle."""
        self._refuse_after_crashes()
        for is_last in (False, True):
            try:
                return act()
            except Died as exc:
                self._forget()
                if self._is_closed:
                    raise Interrupted from exc
                if is_last or not exc.is_idle:
                    raise self._crashed(exc.words) from exc
        raise AssertionError("the last time returns or raises")

    def _load(self, window: int, cancelled: Cancelled) -> None:
        if self._is_loaded and self._child is not None:
            return
        if self._child is None or self._loading is None:
            self._loading = self._send(self._order("load", window))
            log.info("weights_loading", extra={"model": self._place.name})
        try:
            self._await(self._loading, cancelled)
        except ModelError:
            self._loading = None
            raise
        self._loading = None
        self._is_loaded = True
        log.info("weights_loaded", extra={"model": self._place.name, "pid": self.pid})

    def _order(self, op: str, window: int) -> Frame:
        return {"op": op, "window": window, **asdict(self._wanted)}

    def _ask(
        self,
        order: Frame,
        cancelled: Cancelled,
        on_piece: Callable[[str], None] = ignore_text,
        patience: "_Patience | None" = None,
    ) -> Frame:
        order_id = self._send(order)
        try:
            return self._await(order_id, cancelled, on_piece, patience)
        except BaseException:  # also what `on_piece` raises
            self._take_back(order_id)
            raise

    def _send(self, order: Frame) -> int:
        if self._is_closed:
            raise Interrupted
        if self._child is None:
            self._child = self._started()
        self._last_id += 1
        place = {"folder": self._place.folder, "repository": self._place.repository}
        self._child.send({**order, **place, "id": self._last_id})
        return self._last_id

    def _started(self) -> Child:
        try:
            return Child(self._python, self._place.name, self._environment())
        except OSError as exc:
            raise Refused(
                f"{self._python}, which is to run {self._place.name}, does not start: "
                f"{exc.strerror}. Set training_python to a Python that has ml-intern's `train` "
                "extra.",
                trouble="model",
            ) from exc

    def _await(
        self,
        order_id: int,
        cancelled: Cancelled,
        on_piece: Callable[[str], None] = ignore_text,
        patience: "_Patience | None" = None,
    ) -> Frame:
        """The end of an order. What is left of earlier ones is passed over."""
        begin_by = self._clock.monotonic() + self._wanted.give_up_s
        while True:
            frame = self._receive()
            if frame is not None and frame.get("id") == order_id:
                begin_by = float("inf")
                if frame["kind"] in ("done", "failed", "cancelled"):
                    return self._ended(frame)
                self._take(frame, on_piece, patience)
            if cancelled():
                raise Interrupted
            if self._is_loaded and self._clock.monotonic() > begin_by:
                raise self._hung()
            if patience is not None:
                patience.check(self._place.name)

    def _receive(self) -> Frame | None:
        return None if self._child is None else self._child.receive(LOOK_EVERY_S)

    def _take(
        self, frame: Frame, on_piece: Callable[[str], None], patience: "_Patience | None"
    ) -> None:
        match frame["kind"]:
            case "piece":
                if patience is not None:
                    patience.renew()
                on_piece(frame["text"])
            case "progress":
                about = {"model": self._place.name, "progress": frame["text"]}
                log.info("weights_progress", extra=about)
            case _:
                pass

    def _ended(self, frame: Frame) -> Frame:
        if frame["kind"] == "cancelled":
            raise Interrupted
        if frame["kind"] == "failed":
            raise self._error(frame)
        return frame

    def _error(self, frame: Frame) -> ModelError:
        words = sentence(f"{self._place.name}: {frame['text']}")
        match frame["reason"]:
            case "long":
                return _free(ContextOverflow(words, window=frame["window"]))
            case "away":
                return _free(Retryable(words))
            case "exhausted":
                self._forget()
                return self._crashed(frame["text"])
            case reason:
                return _free(Refused(words, trouble=_TROUBLES[reason]))

    def _take_back(self, order_id: int) -> None:
        if self._child is not None:
            try:
                self._child.send({"op": "cancel", "id": order_id})
            except Died:
                self._forget()

    def _hung(self) -> Died:
        """It does not come back from an order that nobody wants any more."""
        most_s = self._wanted.give_up_s
        return Died(f"it did not leave an earlier request within {most_s:g} s")

    def _forget(self) -> None:
        if self._child is not None:
            self._child.close()
        self._child, self._loading, self._is_loaded = None, None, False

    def _crashed(self, words: str) -> ModelError:
        self._crashes += 1
        self._crashed_at = self._clock.monotonic()
        log.warning("weights_crashed", extra={"model": self._place.name, "words": words})
        if self._crashes >= MOST_CRASHES:
            return self._given_up(words)
        return _free(Retryable(sentence(f"The process of {self._place.name} is gone: {words}")))

    def _given_up(self, words: str) -> ModelError:
        return _free(
            Refused(
                f"The process of {self._place.name} died {self._crashes} times in a row, the last "
                f"time so: {sentence(words)} It is tried again after {CALM_S / 60:g} minutes; "
                "until then choose another model (`ml-intern model`), or a smaller one.",
                trouble="model",
            )
        )

    def _refuse_after_crashes(self) -> None:
        if self._is_closed:
            raise Interrupted
        if self._crashes >= MOST_CRASHES:
            if self._clock.monotonic() < self._crashed_at + CALM_S:
                raise self._given_up("it was not started again")
            self._crashes = 0


class Line:
    """Lets one in at a time, in the order in which they came."""

    def __init__(self) -> None:
        self._changed = threading.Condition()  # protects _waiting, whose first has its turn
        self._waiting: deque[object] = deque()

    @contextmanager
    def turn(self, cancelled: Cancelled) -> Iterator[None]:
        """Wait for one's turn, and have it. Raises Interrupted when `cancelled` before."""
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
        try:
            while not self._is_first(ticket):
                if cancelled():
                    raise Interrupted
            yield
        finally:
            with self._changed:
                self._waiting.remove(ticket)
                self._changed.notify_all()

    def _is_first(self, ticket: object) -> bool:
        with self._changed:
            if self._waiting[0] is not ticket:
                self._changed.wait(LOOK_EVERY_S)
            return self._waiting[0] is ticket


class _Patience:
    """How long a silent model is waited for; loading it does not count."""

    def __init__(self, clock: Clock, wanted: Wanted) -> None:
        self._clock = clock
        self._wanted = wanted
        self._heard_at = clock.monotonic()
        self._has_begun = False

    def renew(self) -> None:
        """Something arrived."""
        self._heard_at = self._clock.monotonic()
        self._has_begun = True

    def check(self, name: str) -> None:
        """Raises Retryable when it is over."""
        wanted = self._wanted
        most_s = wanted.stall_timeout_s if self._has_begun else wanted.request_timeout_s
        if self._clock.monotonic() > self._heard_at + most_s:
            setting = "stall_timeout_s" if self._has_begun else "request_timeout_s"
            raise Retryable(
                f"{name} has been silent for {most_s:g} s (`{setting}`): this machine is too slow "
                "for it, or too much else runs on it."
            )


def _free(error: ModelError) -> ModelError:
    error.is_free = True
    return error
