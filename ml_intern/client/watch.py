"""Following a session over the socket: a thread that reads the stream, for whoever takes from it.

A stream that breaks is opened again from the last event on, for `PATIENCE_S` seconds: a daemon that
is started again is met as if it had never been away.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from socket import SHUT_RDWR

import httpx

from ml_intern.client import problems, server_sent, wire
from ml_intern.client.door import TextPiece
from ml_intern.client.server_sent import Message
from ml_intern.clock import Clock
from ml_intern.errors import ApiError, Busy, DaemonGone, MLInternError, StoreUnavailable
from ml_intern.queue.rows import Recorded

PATIENCE_S = 10.0
MOST_WAITING = 2000
"""So much lies here untaken; then the stream is left unread, and the daemon keeps the rest."""
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 0.5

Piece = Recorded | TextPiece


class RemoteWatch:
    """See `Watch`: for one thread. The reading thread is its own."""

    def __init__(
        self,
        open_stream: Callable[[int], httpx.Response],
        after_seq: int,
        wake: Callable[[], None],
        clock: Clock,
    ) -> None:
        """Opens the stream, so that what it raises at once comes here."""
        self._open_stream = open_stream
        self._after_seq = after_seq
        self._wake = wake
        self._clock = clock
        self._patient_until = 0.0
        self._closed = threading.Event()
        # Its lock protects `_found`, `_error` and `_response`.
        self._changed = threading.Condition()
        self._found: list[Piece] = []
        self._error: MLInternError | None = None
        self._response = open_stream(after_seq)
        threading.Thread(target=self._run, name="watch", daemon=True).start()

    def take(self) -> Sequence[Piece]:
        """See `Watch.take`. What it raises comes once all else is taken, and stays."""
        with self._changed:
            found, self._found = self._found, []
            self._changed.notify()
            if not found and self._error is not None:
                raise self._error
            return found

    def close(self) -> None:
        """Take no more; the reading thread ends by itself."""
        self._closed.set()
        with self._changed:
            self._changed.notify()
            _hang_up(self._response)

    def _run(self) -> None:
        try:
            while not self._closed.is_set():
                self._open_again(self._read())
        except MLInternError as exc:
            with self._changed:
                self._error = exc
            self._ring()

    def _ring(self) -> None:
        if not self._closed.is_set():
            self._wake()

    def _read(self) -> MLInternError | None:
        """Read until the stream breaks; returns what the daemon said about that, if anything."""
        began = self._clock.monotonic()
        heard = False
        trouble = None
        try:
            for message in _messages(self._response, self._closed):
                if message.event == "problem":
                    trouble = problems.error_of(message.data)
                else:
                    self._lay_out(message)
                    heard = True
        except (httpx.TransportError, httpx.StreamError):
            pass  # how it broke makes no difference
        finally:
            self._response.close()
        now = self._clock.monotonic()
        if heard or now - began > PATIENCE_S or not self._patient_until:
            self._patient_until = now + PATIENCE_S
        return trouble

    def _lay_out(self, message: Message) -> None:
        """Where it can be taken; waits while too much lies there. Raises ApiError."""
        piece = _piece(message)
        if piece is None:
            return
        with self._changed:
            self._found.append(piece)
        if isinstance(piece, Recorded):
            self._after_seq = piece.seq
        self._ring()
        with self._changed:
            self._changed.wait_for(self._has_room)

    def _has_room(self) -> bool:
        return len(self._found) < MOST_WAITING or self._closed.is_set()

    def _open_again(self, trouble: MLInternError | None) -> None:
        """Raises what is still in the way when patience is over; at once, what no waiting mends."""
        pause_s = _FIRST_PAUSE_S
        while not self._clock.wait(self._closed, pause_s):
            if self._clock.monotonic() >= self._patient_until:
                raise trouble or _gone()
            try:
                response = self._open_stream(self._after_seq)
            except DaemonGone:
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            except (StoreUnavailable, Busy) as exc:
                trouble = exc
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            else:
                self._adopt(response)
                return

    def _adopt(self, response: httpx.Response) -> None:
        with self._changed:
            self._response = response
            if self._closed.is_set():
                _hang_up(response)


def _messages(response: httpx.Response, closed: threading.Event) -> Iterator[Message]:
    parser = server_sent.Parser()
    for chunk in response.iter_raw():
        for message in parser.feed(chunk):
            if closed.is_set():
                return
            yield message


def _piece(message: Message) -> Piece | None:
    """None for messages of a kind that a newer daemon may send beside ours. Raises ApiError."""
    try:
        if message.event == "journal":
            return wire.decode_recorded(message.data)
        if message.event == "text":
            return wire.TEXT.decode(message.data)
    except ValueError as exc:
        raise ApiError(
            "The daemon sent an event that this ml-intern cannot read; it is newer, or damaged. "
            f"Upgrade ml-intern to the daemon's version. ({exc})"
        ) from exc
    return None


def _gone() -> DaemonGone:
    return DaemonGone(
        f"The daemon has not answered for {PATIENCE_S:.0f} s; the session is kept, and goes on "
        "when the daemon does. Start it with `ml-intern serve`, or look into its log."
    )


def _hang_up(response: httpx.Response) -> None:
    """End a read that another thread is in: closing the file would not wake it."""
    stream = response.extensions.get("network_stream")
    if stream is not None:
        with suppress(OSError):  # it has ended already
            stream.get_extra_info("socket").shutdown(SHUT_RDWR)
