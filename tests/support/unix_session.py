"""A `requests` session that sends everything to one Unix socket."""

import socket
from pathlib import Path
from typing import Any

from requests import Session
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection

BASE_URL = "http://daemon"


class _Connection(HTTPConnection):
    path: Path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class _Adapter(HTTPAdapter):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._pool = HTTPConnectionPool("daemon")
        self._pool.ConnectionCls = type("Connection", (_Connection,), {"path": path})

    def get_connection_with_tls_context(self, *_args: Any, **_more: Any) -> HTTPConnectionPool:
        return self._pool


def unix_session(path: Path) -> Session:
    """Like any other, whatever the address says."""
    session = Session()
    session.trust_env = False
    session.mount("http://", _Adapter(path))
    return session
