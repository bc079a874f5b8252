"""A service outside that sends what no proper server would: bytes, as a test gives them."""

import socket
import threading
from collections.abc import Iterable, Mapping
from typing import Self


class RawService:
    """Listens from `__enter__` on. Each request gets the bytes of its path, and a hang-up."""

    def __init__(self, answers: Mapping[str, Iterable[bytes]]) -> None:
        """By the path without its query; pieces are sent one by one, for as long as one listens."""
        self._answers = answers
        self.heads: list[bytes] = []
        """Of the requests that came, with the request line."""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._listen, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            head = b""
            while b"\r\n\r\n" not in head:
                if not (piece := connection.recv(65536)):
                    return
                head += piece
            self.heads.append(head)
            path = head.split(b" ", 2)[1].decode().partition("?")[0]
            try:
                for piece in self._answers[path]:
                    connection.sendall(piece)
            except OSError:  # nobody listens any more
                return
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):  # a reset would take away what was not read yet
                pass


def answer(
    body: bytes = b"{}", *lines: str, status: str = "200 OK", media: str = "application/json"
) -> list[bytes]:
    """One whole answer with more header lines."""
    head = [f"HTTP/1.1 {status}", f"Content-Type: {media}", f"Content-Length: {len(body)}", *lines]
    return ["\r\n".join([*head, "", ""]).encode("latin-1") + body]
