"""Orders in, answers out: lines of JSON over one socket.

The process ends with the socket. A thread listens all the time, so that it does so also while a
model computes, and so that an order to stop is heard.
"""

import json
import os
import queue
import socket
import threading
from typing import Any


class Failed(Exception):
    """An order that cannot be done; `reason` is a word of `ml_intern/llm/weights/host.py`."""

    def __init__(self, reason: str, text: str, **facts: Any) -> None:
        super().__init__(text)
        self.reason = reason
        self.facts = facts


class Cancelled(Exception):
    """Nobody wants the answer any more."""


class Channel:
    """The socket to whoever started this process."""

    def __init__(self, fd: int) -> None:
        self._socket = socket.socket(fileno=fd)
        self._orders: queue.Queue[dict[str, Any]] = queue.Queue()
        self._cancelled = 0
        """The highest id that nobody waits for any more; ids grow. Written by the listener only."""

    def listen(self) -> None:
        """Begin to hear orders."""
        threading.Thread(target=self._hear, name="orders", daemon=True).start()

    def next(self, timeout_s: float | None) -> dict[str, Any] | None:
        """The next order; None when none came in time."""
        try:
            return self._orders.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def is_cancelled(self, order_id: int) -> bool:
        """Whether this order was taken back."""
        return order_id <= self._cancelled

    def send(self, **frame: Any) -> None:
        """Say something; by the thread that works only."""
        self._socket.sendall(json.dumps(frame).encode() + b"\n")

    def _hear(self) -> None:
        try:
            with self._socket.makefile("rb") as lines:
                for line in lines:
                    self._take(json.loads(line))
        finally:
            os._exit(0)  # whoever started us has gone, or told us to end

    def _take(self, order: dict[str, Any]) -> None:
        if order["op"] == "end":
            os._exit(0)
        if order["op"] == "cancel":
            self._cancelled = order["id"]
        else:
            self._orders.put(order)
