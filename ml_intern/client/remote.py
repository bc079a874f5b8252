"""The door of a daemon in another process, through its Unix socket.

What the daemon raises is raised here, in the same words. A request whose connection broke is sent
once more: every one that stores something carries a key, by which the daemon knows it again.
"""

import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx
import pydantic

from ml_intern import ops
from ml_intern.client import problems, wire
from ml_intern.client.door import Health, NewSession, Request, Watch
from ml_intern.client.watch import RemoteWatch
from ml_intern.client.wire import Codec, Decision, SessionRequest
from ml_intern.clock import Clock, SystemClock
from ml_intern.errors import ApiError, DaemonGone, InputError, UnknownSession
from ml_intern.events import Verdict
from ml_intern.messages import SessionId, ToolSpec
from ml_intern.queue.rows import ApprovalRow, Recorded, SessionRow

ANSWER_S = 60.0
"""The store alone may take ten seconds when another process writes."""
SILENCE_S = 45.0
"""A stream that says nothing for so long is broken: it is kept alive three times as often."""
GREETING_S = 5.0
KEPT_OPEN_S = 20.0
"""Less than the daemon keeps an idle connection, so that it is rarely we who find it closed."""

_STATE_AFTER = {"approve": "approved", "deny": "denied", "edit": "edited"}
T = TypeVar("T")


def connect(socket_path: Path, clock: Clock | None = None) -> "RemoteDoor | None":
    """A door to the daemon that listens there; None, at once, when nobody does.

    Raises ApiError when something else listens there, a daemon that does not speak our version of
    the API, or one of another user; DaemonGone when it does not answer.
    """
    if not _listens(socket_path):
        return None
    door = RemoteDoor(socket_path, clock)
    try:
        door.greet()
    except BaseException:
        door.close()
        raise
    return door


class RemoteDoor:
    """See `Door`. Connections are opened when they are needed, and kept for a while."""

    def __init__(self, socket_path: Path, clock: Clock | None = None) -> None:
        self._path = socket_path
        self._clock = clock or SystemClock()
        self._http = httpx.Client(
            transport=httpx.HTTPTransport(
                uds=str(socket_path),
                verify=False,  # there is no TLS on this way, and so nothing to load
                limits=httpx.Limits(max_connections=None, keepalive_expiry=KEPT_OPEN_S),
            ),
            base_url="http://ml-intern",
            timeout=ANSWER_S,
            trust_env=False,  # no proxy stands between us and the socket
        )

    def close(self) -> None:
        """Ask nothing more; watches that are still open are cut off."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def greet(self) -> None:
        """See who answers. Raises as `connect` does."""
        request = self._http.build_request("GET", "/v1", timeout=GREETING_S)
        try:
            response = self._exchange(request)
        except httpx.RemoteProtocolError as exc:
            raise self._stranger() from exc
        except httpx.TransportError as exc:
            raise self._gone(exc) from exc
        _refuse_problem(response)
        try:
            about = wire.ABOUT.decode(response.content)
        except pydantic.ValidationError as exc:
            raise self._stranger() from exc
        if wire.VERSION not in about.api:
            raise ApiError(
                f"The daemon (ml-intern {about.version}) speaks API {', '.join(about.api)}, not "
                f"{wire.VERSION}; install the same version of ml-intern here."
            )

    def start_session(self, new: NewSession, *, key: str | None = None) -> SessionId:
        """See `Door.start_session`."""
        body = wire.SESSION_REQUEST.encode(SessionRequest(**vars(new)))
        response, _ = self._post("/v1/sessions", body, key or self._clock.new_id())
        return _decoded(wire.STARTED, response).session_id

    def submit(
        self, session_id: SessionId, request: Request, *, key: str | None = None
    ) -> int | None:
        """See `Door.submit`. Without a `key`, None says that it had to be sent twice."""
        path = f"/v1/sessions/{_part(session_id)}/ops"
        body = ops.encode(request).encode()
        response, _ = self._post(path, body, key or self._clock.new_id())
        return _decoded(wire.ACCEPTED, response).op_seq

    def decide(
        self,
        approval_id: str,
        verdict: Verdict,
        *,
        decided_by: str,
        reason: str = "",
        arguments: Mapping[str, Any] | None = None,
    ) -> bool:
        """See `Door.decide`."""
        body = wire.DECISION.encode(
            Decision(
                verdict=verdict,
                decided_by=decided_by,
                reason=reason,
                arguments=None if arguments is None else dict(arguments),
            )
        )
        response, repeated = self._post(f"/v1/approvals/{_part(approval_id)}/decision", body, None)
        decided = _decoded(wire.DECIDED, response)
        row = decided.approval
        # The first sending may have won without our hearing of it.
        is_ours = row.state == _STATE_AFTER[verdict] and row.decided_by == decided_by
        return decided.won or (repeated and is_ours)

    def sessions(self, limit: int) -> Sequence[SessionRow]:
        """See `Door.sessions`."""
        asked = max(0, min(limit, wire.MOST_SESSIONS))
        return list(self._get(wire.SESSIONS, f"/v1/sessions?limit={asked}").sessions)

    def session(self, prefix: str) -> SessionRow:
        """See `Door.session`."""
        return self._get(wire.SESSION, f"/v1/sessions/{_part(prefix)}").session

    def events(self, session_id: SessionId, after_seq: int = 0) -> Sequence[Recorded]:
        """See `Door.events`."""
        found: list[Recorded] = []
        after: int | None = after_seq
        try:
            while after is not None:
                page, after = self._page(session_id, after)
                found += page
        except UnknownSession:
            return []
        return found

    def watch(self, session_id: SessionId, after_seq: int, wake: Callable[[], None]) -> Watch:
        """See `Door.watch`."""
        path = f"/v1/sessions/{_part(session_id)}/stream"

        def open_stream(after: int) -> httpx.Response:
            return self._stream(path, after)

        return RemoteWatch(open_stream, after_seq, wake, self._clock)

    def open_approvals(self, session_id: SessionId | None = None) -> Sequence[ApprovalRow]:
        """See `Door.open_approvals`."""
        asked = "" if session_id is None else f"?session={_part(session_id)}"
        return list(self._get(wire.APPROVALS, f"/v1/approvals{asked}").approvals)

    def approval(self, prefix: str) -> ApprovalRow:
        """See `Door.approval`."""
        return self._get(wire.APPROVAL, f"/v1/approvals/{_part(prefix)}")

    def tools(self) -> Sequence[ToolSpec]:
        """See `Door.tools`."""
        return list(self._get(wire.TOOLS, "/v1/tools").tools)

    def trace_path(self, session_id: SessionId) -> str:
        """See `Door.trace_path`."""
        return self._get(wire.TRACE, f"/v1/sessions/{_part(session_id)}/trace").path

    def health(self) -> Health:
        """See `Door.health`."""
        return self._get(wire.HEALTH, "/v1/health")

    def _page(self, session_id: SessionId, after: int) -> tuple[list[Recorded], int | None]:
        asked = f"after={max(0, after)}&limit={wire.MOST_EVENTS}"
        path = f"/v1/sessions/{_part(session_id)}/events?{asked}"
        response, _ = self._send(self._http.build_request("GET", path))
        try:
            return wire.decode_page(response.content)
        except ValueError as exc:
            raise _unreadable(exc) from exc

    def _get(self, codec: Codec[T], path: str) -> T:
        response, _ = self._send(self._http.build_request("GET", path))
        return _decoded(codec, response)

    def _post(self, path: str, body: bytes, key: str | None) -> tuple[httpx.Response, bool]:
        headers = {"Content-Type": "application/json"}
        if key is not None:
            headers["Idempotency-Key"] = _header(key)
        return self._send(self._http.build_request("POST", path, content=body, headers=headers))

    def _send(self, request: httpx.Request) -> tuple[httpx.Response, bool]:
        """The answer, and whether the request had to be sent twice for it."""
        repeated = False
        while True:
            try:
                response = self._exchange(request)
            except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError) as exc:
                if repeated:
                    raise self._gone(exc) from exc
                repeated = True
            except httpx.TransportError as exc:
                raise self._gone(exc) from exc
            else:
                _refuse_problem(response)
                return response, repeated

    def _stream(self, path: str, after: int) -> httpx.Response:
        if not _listens(self._path):  # asked for twice a second while a daemon is away
            raise self._nobody()
        request = self._http.build_request(
            "GET",
            path,
            headers={"Accept": "text/event-stream", "Last-Event-ID": str(max(0, after))},
            timeout=httpx.Timeout(ANSWER_S, read=SILENCE_S),
        )
        try:
            response = self._exchange(request, stream=True)
            if response.is_error:
                response.read()
        except httpx.TransportError as exc:
            raise self._gone(exc) from exc
        _refuse_problem(response)
        return response

    def _exchange(self, request: httpx.Request, *, stream: bool = False) -> httpx.Response:
        try:
            return self._http.send(request, stream=stream)
        except RuntimeError as exc:
            if not self._http.is_closed:
                raise
            raise DaemonGone("This door was closed; open another.") from exc

    def _gone(self, exc: httpx.TransportError) -> DaemonGone:
        if isinstance(exc, httpx.ConnectError):
            return self._nobody()
        if isinstance(exc, httpx.TimeoutException):
            return DaemonGone(
                f"The daemon at {self._path} does not answer; look into its log. What was asked "
                "for may have been accepted: look before you repeat it."
            )
        return DaemonGone(
            f"The daemon at {self._path} left before it answered; look into its log, and start it "
            "with `ml-intern serve`. What was asked for may have been accepted: look before you "
            "repeat it."
        )

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


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(GREETING_S)
        try:
            probe.connect(str(path))
        except PermissionError as exc:
            raise ApiError(
                f"The socket {path} belongs to another user; only they can talk to that daemon. "
                "Choose another `socket` in the settings."
            ) from exc
        except OSError:  # no file, no socket, no listener, or a path on which none can be
            return False
    return True


def _refuse_problem(response: httpx.Response) -> None:
    if response.is_error:
        raise problems.error_of(response.content)


def _decoded(codec: Codec[T], response: httpx.Response) -> T:
    try:
        return codec.decode(response.content)
    except pydantic.ValidationError as exc:
        raise _unreadable(exc) from exc


def _unreadable(exc: ValueError) -> ApiError:
    return ApiError(
        "The daemon's answer cannot be read; it is newer, or older, than this ml-intern. Install "
        f"the same version here and there. ({exc})"
    )


def _part(name: str) -> str:
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
