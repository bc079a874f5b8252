"""What may stand at a socket in a daemon's place: a stranger, or a wire that breaks."""

import socket
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self


class Wire:
    """Accepts at `path`; each connection is handled in a thread of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _end(self._listening)
        self._listening.close()

    def handle(self, connection: socket.socket) -> None:
        raise NotImplementedError

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._handle, args=(connection,), daemon=True).start()

    def _handle(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            self.handle(connection)


class Stranger(Wire):
    """Answers each request with the next of these bytes, then with the last for ever."""

    def __init__(self, path: Path, *answers: bytes) -> None:
        self.heard: list[bytes] = []
        self._answers = list(answers)
        super().__init__(path)

    def handle(self, connection: socket.socket) -> None:
        heard = b""
        while b"\r\n\r\n" not in heard:
            chunk = connection.recv(65536)
            if not chunk:
                return  # somebody only looked whether anybody is there
            heard += chunk
        self.heard.append(heard)
        connection.sendall(self._answers.pop(0) if self._answers[1:] else self._answers[0])


class Breaking(Wire):
    """Carries every request to the daemon, and breaks where the next `lost` answers would come."""

    def __init__(self, path: Path, daemon: Path) -> None:
        self.lost = 0
        self.broken = 0
        self.leaves = False
        """Nobody is met here any more after an answer was lost."""
        self._daemon = daemon
        super().__init__(path)

    def handle(self, connection: socket.socket) -> None:
        with socket.socket(socket.AF_UNIX) as onward:
            onward.connect(str(self._daemon))
            carrier = threading.Thread(target=_carry, args=(connection, onward), daemon=True)
            carrier.start()
            while answer := onward.recv(65536):
                if self.lost:
                    self.lost -= 1
                    self.broken += 1
                    if self.leaves:
                        self.path.unlink()
                    break
                connection.sendall(answer)
            _end(connection)
            carrier.join()


def _carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65536):
            target.sendall(chunk)
    _end(target)


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def http(status: str, body: bytes, content_type: str = "application/json") -> bytes:
    """A whole answer."""
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def stream(*messages: bytes) -> bytes:
    """The beginning of a stream that breaks off after these messages."""
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    return head + b"".join(b"%x\r\n%s\r\n" % (len(message), message) for message in messages)
