"""A service outside, as far as HTTP goes: a real server whose answers a test gives."""

import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request that a service has seen."""

    method: str
    path: str
    """With the query."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Given:
    """One answer."""

    content: bytes | str = b"{}"
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    says_length: int | None = None
    """Other than it is, so that the answer breaks off."""


Answer = Callable[[Asked], Given]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is nothing to tell; any other error is shown."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Outside:
    """Serves from `__enter__` on; `answer` may be exchanged meanwhile."""

    def __init__(self, answer: Answer | Mapping[str, Given]) -> None:
        """`answer`: to each request; or by the path without its query, all else is missing."""
        self.answer: Answer = answer if callable(answer) else _by_path(answer)
        self.asked: list[Asked] = []
        outside = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                asked = Asked(
                    method=self.command,
                    path=self.path,
                    headers={name.lower(): value for name, value in self.headers.items()},
                    body=self.rfile.read(length),
                )
                outside.asked.append(asked)
                self._give(outside.answer(asked))

            do_GET = do_POST = do_HEAD = do_PUT = do_DELETE = _serve

            def _give(self, given: Given) -> None:
                content = given.content
                content = content.encode() if isinstance(content, str) else content
                length = len(content) if given.says_length is None else given.says_length
                self.send_response(given.status)
                self.send_header("Content-Type", given.content_type)
                self.send_header("Content-Length", str(length))
                for name, value in given.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)
                if length != len(content):
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                """Not to the terminal."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _by_path(answers: Mapping[str, Given]) -> Answer:
    missing = Given(content='{"error": "not found"}', status=404)
    return lambda asked: answers.get(asked.path.partition("?")[0], missing)
