"""HTTP to one daemon over its Unix socket: asking, asking once more, and saying who is gone.

A request whose connection breaks is sent a second time. That is harmless for one that only looks,
and for one with a key, by which the daemon knows it again; `decide` has its own way of telling.
"""

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx

from ml_intern.client import problems, server_sent, wire
from ml_intern.errors import ApiError, ConfigError, DaemonGone, InputError, MLInternError

ANSWER_S = 60.0
"""The store alone may take ten seconds when another process writes."""
SILENCE_S = 45.0
"""A stream that says nothing for so long is broken: it is kept alive three times as often."""
GREETING_S = 5.0
KEPT_OPEN_S = 20.0
"""Less than the daemon keeps an idle connection, so that it is rarely we who find it closed."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a daemon answered."""

    body: bytes
    repeated: bool
    """The request had to be sent twice; the first sending may have had its effect."""


class Line:
    """Safe from any thread. Connections are opened when they are needed, and kept for a while."""

    def __init__(self, socket_path: Path) -> None:
        self._path = socket_path
        self._http = httpx.Client(
            transport=httpx.HTTPTransport(
                uds=str(socket_path),
                verify=False,  # there is no TLS on this way, and so nothing to load
                limits=httpx.Limits(max_connections=None, keepalive_expiry=KEPT_OPEN_S),
            ),
            base_url="http://ml-intern",
            timeout=ANSWER_S,
        )

    def close(self) -> None:
        """Ask nothing more; streams that are still open are cut off."""
        self._http.close()

    def get(self, path: str) -> Reply:
        """Look. Raises what the daemon raised, DaemonGone."""
        return self._send(self._http.build_request("GET", path))

    def post(
        self, path: str, body: bytes, key: str | None = None, *, answer_s: float = ANSWER_S
    ) -> Reply:
        """Have something stored. Raises what the daemon raised, DaemonGone."""
        headers = {"Content-Type": "application/json"}
        if key is not None:
            headers["Idempotency-Key"] = _header(key)
        timeout = httpx.Timeout(ANSWER_S, read=answer_s)
        return self._send(
            self._http.build_request("POST", path, content=body, headers=headers, timeout=timeout)
        )

    def stream(self, path: str, after: int) -> httpx.Response:
        """Open a stream of what comes after this number. Raises what the daemon raised, DaemonGone.

        Whoever asked closes it.
        """
        if not listens(self._path):  # asked for twice a second while a daemon is away
            raise self._nobody()
        request = self._http.build_request(
            "GET",
            path,
            headers={"Accept": server_sent.MEDIA_TYPE, "Last-Event-ID": str(max(0, after))},
            timeout=httpx.Timeout(ANSWER_S, read=SILENCE_S),
        )
        try:
            response = self._exchange(request, stream=True)
            if response.is_error:
                response.read()
        except httpx.TransportError as exc:
            raise self._gone(exc, request) from exc
        _refuse_problem(response)
        return response

    def greet(self) -> None:
        """See who answers.

        Raises ApiError when it is a stranger, or a daemon that does not speak our version of the
        API; DaemonGone when it is silent.
        """
        request = self._http.build_request("GET", "/v1", timeout=GREETING_S)
        try:
            response = self._exchange(request)
        except httpx.RemoteProtocolError as exc:
            raise self._stranger() from exc
        except httpx.TransportError as exc:
            raise self._gone(exc, request) from exc
        _refuse_problem(response)
        try:
            about = wire.ABOUT.decode(response.content)
        except ValueError as exc:
            raise self._stranger() from exc
        if wire.VERSION not in about.api:
            raise ApiError(
                f"The daemon (ml-intern {about.version}) speaks API {', '.join(about.api)}, not "
                f"{wire.VERSION}; install the same version of ml-intern here."
            )

    def _send(self, request: httpx.Request) -> Reply:
        repeated = False
        while True:
            try:
                response = self._exchange(request)
            except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError) as exc:
                if repeated:
                    raise self._gone(exc, request) from exc
                repeated = True
            except httpx.TransportError as exc:
                # That nobody is there any more says nothing about the first sending.
                raise self._gone(None if repeated else exc, request) from exc
            else:
                _refuse_problem(response)
                return Reply(body=response.content, repeated=repeated)

    def _exchange(self, request: httpx.Request, *, stream: bool = False) -> httpx.Response:
        try:
            return self._http.send(request, stream=stream)
        except RuntimeError as exc:
            if not self._http.is_closed:
                raise
            raise DaemonGone("This door was closed; open another.") from exc

    def _gone(self, exc: httpx.TransportError | None, request: httpx.Request) -> DaemonGone:
        if isinstance(exc, httpx.ConnectError):
            return self._nobody()
        if isinstance(exc, httpx.TimeoutException):
            words = f"The daemon at {self._path} does not answer; look into its log."
        else:
            words = (
                f"The daemon at {self._path} left before it answered; look into its log, and start "
                "it with `ml-intern serve`."
            )
        if request.method != "GET":
            words += " What was asked for may have been accepted: look before you repeat it."
        return DaemonGone(words)

    def _nobody(self) -> DaemonGone:
        return DaemonGone(
            f"Nobody answers at {self._path}; nothing was sent. Start the daemon with "
            "`ml-intern serve`, then repeat."
        )

    def _stranger(self) -> ApiError:
        return ApiError(
            f"Something that is not the daemon of ml-intern answers at {self._path}; choose "
            "another `socket` in the settings, or stop that program."
        )


def listens(path: Path) -> bool:
    """Whether anybody listens there.

    Raises ApiError when only another user may know, ConfigError when its folder keeps us out.
    """
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(GREETING_S)
        try:
            probe.connect(str(path))
        except (BlockingIOError, TimeoutError):
            return True  # with so many before us that we are not even let in
        except PermissionError as exc:
            raise _kept_out(path) from exc
        except OSError:  # no file, no socket, no listener, or a path on which none can be
            return False
    return True


def _kept_out(path: Path) -> MLInternError:
    """Why we may not talk to a socket: it may be another's, or we do not come as far as to it."""
    try:
        owner = path.stat().st_uid
    except OSError as exc:
        return ConfigError(
            f"The socket {path} cannot be reached ({exc.strerror}): a folder above it keeps this "
            "user out. Repair its permissions, or set ML_INTERN_STATE_DIR to another folder."
        )
    if owner == os.geteuid():
        return ConfigError(
            f"The socket {path} is this user's, and its permissions do not let it be used; remove "
            "it and start the daemon again."
        )
    return ApiError(
        f"The socket {path} belongs to another user; only they can talk to that daemon. Choose "
        "another `socket` in the settings."
    )


def part(name: str) -> str:
    """An id, or the beginning of one, as one part of a path, whatever a person typed."""
    # Two dots alone would be taken for the way up.
    return _quoted(name, safe="").replace(".", "%2E")


def _header(key: str) -> str:
    """A key as a header can carry it; plain ones stay as they are."""
    return _quoted(key, safe="!\"#$&'()*+,/:;<=>?@[\\]^`{|}")


def _quoted(text: str, *, safe: str) -> str:
    try:
        return quote(text, safe=safe)
    except UnicodeEncodeError as exc:
        raise InputError(wire.HALF_SURROGATES) from exc


def _refuse_problem(response: httpx.Response) -> None:
    if response.is_error:
        raise problems.error_of(response.content)
