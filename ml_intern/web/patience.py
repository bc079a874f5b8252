"""How long one question may take as a whole, however little by little it is answered.

A time limit for each read, which is all that HTTP clients know, is kept by a server that sends a
byte now and then, for ever. Here every read looks at the whole, and at whether it is still wanted.
"""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpcore

from ml_intern.clock import Clock
from ml_intern.errors import OutsideError


class Patience:
    """Of the question that this thread is asking; each thread has its own."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._mine = threading.local()

    @contextmanager
    def of(self, until: float, cancelled: threading.Event) -> Iterator[None]:
        """What is read in the block has to come before `until`, of the clock's `monotonic`."""
        self._mine.asked = (until, cancelled)
        try:
            yield
        finally:
            del self._mine.asked

    def demand(self) -> None:
        """Raises httpcore.ReadTimeout when it is over, OutsideError when nobody waits any more."""
        until, cancelled = self._mine.asked
        if cancelled.is_set():
            raise stopped()
        if self._clock.monotonic() > until:
            raise httpcore.ReadTimeout("it answers too slowly")


class Watched(httpcore.NetworkStream):
    """A connection whose reads need patience. It stays with whoever asks, also the next one."""

    def __init__(self, real: httpcore.NetworkStream, patience: Patience) -> None:
        self._real = real
        self._patience = patience

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Raises OutsideError when the call was stopped; httpcore's errors else."""
        self._patience.demand()
        return self._real.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._real.write(buffer, timeout)

    def close(self) -> None:
        self._real.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        inside = self._real.start_tls(ssl_context, server_hostname, timeout)
        return Watched(inside, self._patience)

    def get_extra_info(self, info: str) -> Any:
        return self._real.get_extra_info(info)


def stopped() -> OutsideError:
    """For a call that was told to stop."""
    return OutsideError("The answer was not waited for: the call was stopped.", trouble="stopped")
