"""What Slack sends over its sockets: stored, then acknowledged. Windows are opened from here.

Two sockets, because Slack closes each of them every few hours and needs seconds to open another.
Envelopes are dealt with in threads of Slack's client. What somebody may do is judged later, by
whoever does it (`ml_intern/slack/clerk.py`); a window is only opened for those who may decide.
"""

import http.client
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from ml_intern.client.door import Door
from ml_intern.clock import Clock
from ml_intern.errors import InputError, SlackError, StoreUnavailable
from ml_intern.queue.mail import Mail
from ml_intern.queue.rows import ApprovalRow
from ml_intern.slack import modal
from ml_intern.slack.absence import Absence
from ml_intern.slack.access import Access
from ml_intern.slack.drafts import CHANNEL, ephemeral
from ml_intern.slack.envelopes import Heard, heard
from ml_intern.slack.web import SlackWeb, client

log = logging.getLogger(__name__)

NAME = "slack-listener"
"""Its place in `reader` is a time: seconds since 1970 until which all is stored that was said."""
SOCKETS = 2
LOOK_S = 1.0
SLACK_WAITS_S = 2.5
"""For an acknowledgement it waits three seconds."""
AGAIN_S = 0.1
LONGEST_PAUSE_S = 60.0
CLOSE_S = 4.0
REACH_S = 15.0
"""How often it is stored that all was heard, and looked for what was not."""


class Listener:
    """Belongs to one thread, but for what its sockets call."""

    def __init__(
        self,
        mail: Mail,
        door: Door,
        web: SlackWeb,
        access: Access,
        clock: Clock,
        absence: Absence,
        *,
        app_token: str,
        base_url: str | None,
        redact: Callable[[Any], Any],
    ) -> None:
        self._mail = mail
        self._door = door
        self._web = web
        self._access = access
        self._clock = clock
        self._absence = absence
        self._never = threading.Event()
        self._app_token, self._base_url = app_token, base_url
        self._redact = redact

    def run(self, stop: threading.Event) -> None:
        """Listen until `stop` is set."""
        if self._mail.reached(NAME) is None:  # what was said before Slack was set up is not heard
            self._reach(self._clock.now())
        sockets: list[SocketModeClient] = []
        try:
            while len(sockets) < SOCKETS and not stop.is_set():
                if (socket := self._connected(stop)) is not None:
                    sockets.append(socket)
            self._look_after(sockets, stop)
        finally:
            _close_all(sockets)

    def _look_after(self, sockets: Sequence[SocketModeClient], stop: threading.Event) -> None:
        """Notice when Slack is lost and found again; look then for what was said meanwhile.

        That everything is heard up to a time is stored: others who listen heard it too.
        """
        is_there, is_complete = False, False
        lost_at = due = self._clock.monotonic()
        while not stop.is_set():
            now = self._clock.monotonic()
            was_there, is_there = is_there, any(socket.is_connected() for socket in sockets)
            if is_there and not was_there:
                log.info("slack_connected", extra={"after_s": round(now - lost_at, 1)})
                is_complete = False
            elif was_there and not is_there:
                log.warning("slack_lost")
                lost_at = now
            if is_there and now >= due:
                is_complete = self._keep_up(stop, is_complete=is_complete)
                due = self._clock.monotonic() + REACH_S
            self._clock.wait(stop, LOOK_S)

    def _keep_up(self, stop: threading.Event, *, is_complete: bool) -> bool:
        """Look for what was missed, if something was, and store how far all is heard.

        False when that could not be done: while the store was away words may have been missed.
        """
        try:
            if not is_complete and not self._catch_up(stop):
                return False
            self._reach(self._clock.now())
        except StoreUnavailable as exc:
            log.warning("slack_not_caught_up", extra={"error": str(exc)})
            return False
        return True

    def _catch_up(self, stop: threading.Event) -> bool:
        """Hear what was said while nobody listened; false when Slack cannot say."""
        since = datetime.fromtimestamp(self._mail.reached(NAME) or 0, UTC)
        try:
            number = self._absence.hear(since, stop)
        except SlackError as exc:
            log.warning("slack_not_caught_up", extra={"error": str(exc)})
            return False
        if number:
            log.info("slack_caught_up", extra={"number": number})
        return True

    def _reach(self, at: datetime) -> None:
        self._mail.reach(NAME, int(at.timestamp()))

    def _connected(self, stop: threading.Event) -> SocketModeClient | None:
        """One more socket; None when we are told to stop before there is one."""
        socket = SocketModeClient(self._app_token, web_client=client(None, self._base_url))
        socket.socket_mode_request_listeners.append(self._hear)
        pause_s = LOOK_S
        while not stop.is_set():
            try:
                socket.connect()
            except (OSError, http.client.HTTPException, SlackClientError, ValueError) as exc:
                if pause_s == LOOK_S:
                    log.error("slack_socket_not_open", extra={"error": _words(exc)})  # noqa: TRY400
                socket.wss_uri = None
                self._clock.wait(stop, pause_s)
                pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)
            else:
                return socket
        _close_all([socket])
        return None

    def _hear(self, socket: BaseSocketModeClient, request: SocketModeRequest) -> None:
        try:
            self._take(socket, request)
        except StoreUnavailable as exc:  # whoever pressed is told by Slack, and events come again
            log.error("slack_not_stored", extra={"error": str(exc)})  # noqa: TRY400

    def _take(self, socket: BaseSocketModeClient, request: SocketModeRequest) -> None:
        found = heard(request.type, request.payload)
        answer = None
        is_new = False
        if found is not None and found.body["kind"] == "submission":
            answer = self._take_submission(found)
        elif found is not None:
            is_new = self._receive(found.key, found.body)
        response: dict[str, Any] = {"envelope_id": request.envelope_id}
        if answer is not None:
            response["payload"] = answer
        socket.send_socket_mode_response(response)
        if found is not None and is_new and found.body.get("action") in _WINDOWS:
            self._open_window(found, str(request.payload.get("trigger_id", "")))

    def _receive(self, key: str, body: dict[str, Any]) -> bool:
        """Store it; false when it was stored before.

        Tries as long as Slack waits: it repeats no click. Raises StoreUnavailable.
        """
        end = self._clock.monotonic() + SLACK_WAITS_S
        while True:
            try:
                return self._mail.receive(CHANNEL, key, body)
            except StoreUnavailable:
                if self._clock.monotonic() > end:
                    raise
                self._clock.wait(self._never, AGAIN_S)

    # Windows

    def _open_window(self, found: Heard, trigger_id: str) -> None:
        body = found.body
        try:
            if not self._access.may_decide(body["user"], body["team"]):
                return
        except SlackError as exc:
            self._tell_no_window(found, exc)
            return
        try:
            row = self._door.approval(body["value"])
        except InputError:
            return
        if row.state != "pending":
            return
        view = modal.deny_view(row) if body["action"] == "deny_reason" else self._edit_view(row)
        try:
            self._web.call("views.open", trigger_id=trigger_id, view=view)
        except SlackError as exc:
            self._tell_no_window(found, exc)

    def _tell_no_window(self, found: Heard, exc: SlackError) -> None:
        log.warning("slack_window_not_opened", extra={"error": str(exc)})
        body, words = found.body, "The window could not be opened; click again."
        where = {"channel": body["channel"], "thread_ts": body["thread_ts"]}
        told = ephemeral(f"window:{found.key}", words, user=body["user"], **where)
        self._mail.put(CHANNEL, [told])

    def _edit_view(self, row: ApprovalRow) -> dict[str, Any]:
        return modal.edit_view(row, self._redact(row.arguments), self._schema(row.tool))

    def _take_submission(self, found: Heard) -> dict[str, Any] | None:
        """Store the decision; or what the person should know first, and nothing is stored."""
        body = {name: found.body[name] for name in ("kind", "user", "name", "team")}
        view = found.body["view"]
        approval_id, _ = modal.approval_of(view)
        body["approval"] = approval_id
        if view.get("callback_id") == modal.DENY:
            body |= {"verdict": "deny", "reason": modal.reason_of(view)}
        else:
            try:
                arguments, answer = self._edited(approval_id, view)
            except InputError as exc:
                arguments, answer = {}, _errors(modal.under_fields({"": str(exc)}, view))
            if answer is not None:
                return answer
            body |= {"verdict": "edit", "arguments": arguments}
        self._receive(found.key, body)
        return None

    def _edited(
        self, approval_id: str, view: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """The arguments, and what is answered in the place of taking them."""
        row = self._door.approval(approval_id)
        edit = modal.edited(row, view, self._schema(row.tool))
        if edit.errors:
            return {}, _errors(edit.errors)
        if row.state != "pending" or edit.arguments == row.arguments:
            return edit.arguments, None
        check = self._door.check_edit(row.approval_id, edit.arguments)
        if check.problems:
            return {}, _errors(modal.under_fields(check.problems, view))
        if check.notes and not modal.was_noted(view, check.notes):
            shown = modal.noted_view(view, check.notes)
            return {}, {"response_action": "update", "view": shown}
        return edit.arguments, None

    def _schema(self, tool: str) -> dict[str, Any]:
        return next((one.parameters for one in self._door.tools() if one.name == tool), {})


def _errors(by_field: Mapping[str, str]) -> dict[str, Any] | None:
    """What Slack shows under the fields; None where there is no field."""
    return {"response_action": "errors", "errors": by_field} if by_field else None


_WINDOWS = ("edit", "deny_reason")


def _close_all(sockets: Sequence[SocketModeClient]) -> None:
    """Each takes seconds to notice, so all at once, and not for ever."""
    threads = [
        threading.Thread(target=_close, args=(socket,), name="slack-closing", daemon=True)
        for socket in sockets
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(CLOSE_S)


def _close(socket: SocketModeClient) -> None:
    try:
        socket.close()
    except (AttributeError, OSError, SlackClientError) as exc:
        # Slack's client falls over a socket that dies while it closes it.
        log.debug("slack_socket_died_closing", extra={"error": str(exc)})


def _words(exc: Exception) -> str:
    if isinstance(exc, SlackApiError):
        return f"Slack refuses slack_app_token: {exc.response.get('error')}"
    return str(exc)
