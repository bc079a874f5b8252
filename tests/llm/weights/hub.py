"""The Hub, as far as models are fetched from it, over real HTTP."""

import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class ModelHub:
    """Serves folders as repositories, from `with` to its end."""

    def __init__(self, **repositories: Path) -> None:
        """By name; all of them are of the owner `org`."""
        self.seen: list[tuple[str, str, str | None, int]] = []
        """Method, path, token, and how many bytes of a file were sent."""
        handler = type("Bound", (_Handler,), {"hub": self, "repositories": repositories})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "ModelHub":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: ClassVar[ModelHub]
    repositories: ClassVar[dict[str, Path]]

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def log_message(self, *_: object) -> None:
        """Not on the standard error."""

    def _answer(self, *, with_body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        info = re.fullmatch(r"/api/models/org/(\w+)(?:/revision/\w+)?", path)
        tree = re.fullmatch(r"/api/models/org/(\w+)/tree/\w+", path)
        file = re.fullmatch(r"/org/(\w+)/resolve/\w+/([\w.-]+)", path)
        found = info or tree or file
        folder = self.repositories.get(found[1]) if found else None
        if folder is None:
            self._send(404, b"", {"X-Error-Code": "RepoNotFound"}, with_body)
        elif info:
            self._send(200, _info(info[1], folder), {}, with_body)
        elif tree:
            self._send(200, _tree(folder), {"Content-Type": "application/json"}, with_body)
        elif file and (folder / file[2]).is_file():
            self._send_file((folder / file[2]).read_bytes(), with_body)
        else:
            self._send(404, b"", {"X-Error-Code": "EntryNotFound"}, with_body)

    def _send_file(self, content: bytes, with_body: bool) -> None:
        headers = {
            "ETag": f'"{hashlib.sha256(content).hexdigest()}"',
            "X-Repo-Commit": COMMIT,
            "Accept-Ranges": "bytes",
        }
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted is None:
            self._send(200, content, headers, with_body)
            return
        part = content[int(wanted[1]) : int(wanted[2]) + 1 if wanted[2] else None]
        headers["Content-Range"] = (
            f"bytes {wanted[1]}-{int(wanted[1]) + len(part) - 1}/{len(content)}"
        )
        self._send(206, part, headers, with_body)

    def _send(self, status: int, body: bytes, headers: dict[str, str], with_body: bool) -> None:
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None
        self.hub.seen.append((self.command, self.path, token, len(body) if with_body else 0))
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)


def _info(name: str, folder: Path) -> bytes:
    siblings = [{"rfilename": path.name} for path in sorted(folder.iterdir())]
    return json.dumps({"id": f"org/{name}", "sha": COMMIT, "siblings": siblings}).encode()


def _tree(folder: Path) -> bytes:
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    return json.dumps(
        [
            {"type": "file", "path": path.name, "size": path.stat().st_size, "oid": "0" * 40}
            for path in files
        ]
    ).encode()
