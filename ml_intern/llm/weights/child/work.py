"""One order after another, until none came for a while.

    look      the model's config.json
    weigh     device, number format and memory: what it needs, and what there is
    load      weigh, and load if it fits
    generate  answer a conversation

Each is answered with `begun`, any number of `progress` and `piece`, and one of `done`, `failed`,
`cancelled`. torch and transformers take seconds to import; `look` does without them.
"""

import contextlib
import faulthandler
import functools
import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .channel import Cancelled, Channel, Failed
from .files import config_of

if TYPE_CHECKING:
    from .model import Model

INSTALL = "Install ml-intern's `train` extra there, or set training_python to a Python that has it."
MORE_LIKELY_KILLED = "500"
"""Of 1000: when memory runs out, the kernel shall end this process before others."""


def work(fd: int) -> None:
    """Until the socket closes, or no order came for as long as the last `load` said."""
    faulthandler.enable()
    with contextlib.suppress(OSError):  # a kernel that does not let us treats it as any other
        Path("/proc/self/oom_score_adj").write_text(MORE_LIKELY_KILLED)
    channel = Channel(fd)
    channel.listen()
    worker = _Worker(channel)
    while (order := channel.next(worker.idle_s)) is not None:
        worker.do(order)
    channel.send(kind="idle")


class _Worker:
    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._model: Model | None = None
        self.idle_s: float | None = None
        """How long it waits for the next order."""

    def do(self, order: dict[str, Any]) -> None:
        """Answer one order. What is not foreseen ends the process, which is an answer too."""
        order_id = order["id"]
        if self._channel.is_cancelled(order_id):
            self._channel.send(kind="cancelled", id=order_id)
            return
        self._channel.send(kind="begun", id=order_id)
        try:
            done = self._done(order)
        except Cancelled:
            self._channel.send(kind="cancelled", id=order_id)
        except Failed as exc:
            self._channel.send(
                kind="failed", id=order_id, reason=exc.reason, text=str(exc), **exc.facts
            )
            if exc.reason == "exhausted":
                sys.exit(1)  # only a new process has its memory whole again
        else:
            self._channel.send(kind="done", id=order_id, **done)

    def _done(self, order: dict[str, Any]) -> dict[str, Any]:
        if order["op"] == "look":
            return {"config": config_of(order)}
        if order["op"] == "generate" and self._model is not None:
            return self._answered(self._model, order)
        model = _torch()
        weighed = model.weigh(order)
        if order["op"] == "load":
            self._model = model.load(order, weighed, self._progress(order))
            self.idle_s = order["idle_s"]
        told: dict[str, Any] = weighed.told()
        return told

    def _answered(self, model: "Model", order: dict[str, Any]) -> dict[str, Any]:
        order_id = order["id"]
        return model.answer(
            order,
            say=lambda piece: self._channel.send(kind="piece", id=order_id, text=piece),
            is_cancelled=lambda: self._channel.is_cancelled(order_id),
        )

    def _progress(self, order: dict[str, Any]) -> Any:
        return lambda text: self._channel.send(kind="progress", id=order["id"], text=text)


@functools.cache
def _torch() -> Any:
    """What needs torch and transformers. Raises Failed where they are not installed."""
    gc.disable()  # what imports make stays: to look through it for garbage is a fifth of the start
    try:
        from . import model
    except ImportError as exc:
        raise Failed("setting", f"{sys.executable} cannot import {exc.name}. {INSTALL}") from exc
    finally:
        gc.freeze()
        gc.enable()
    return model
