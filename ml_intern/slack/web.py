"""Slack's Web API: one call, and what its failure means.

Slack's own client may repeat a call whose connection broke, and so post twice: here it never does.
"""

import http.client
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from ml_intern.errors import SlackLimited, SlackRefused, SlackUnclear

BASE_URL = "https://slack.com/api/"
TIMEOUT_S = 10
"""For each piece that is sent or received."""
PIECE_BYTES = 64 * 1024
DEFAULT_RETRY_AFTER_S = 30.0
MOST_RETRY_AFTER_S = 86_400.0
TOKEN = frozenset(
    {"access_denied", "accesslimited", "account_inactive", "ekm_access_denied",
     "enterprise_is_restricted", "invalid_auth", "not_allowed_token_type", "not_authed",
     "org_login_required", "team_access_not_granted", "token_expired", "token_revoked",
     "two_factor_setup_required"}
)  # fmt: skip
"""Slack takes nothing from this app until somebody mends it."""
_NOT_SURE = frozenset(
    {"fatal_error", "internal_error", "request_timeout", "service_unavailable", "team_added_to_org"}
)
"""After these Slack may have done it."""
_ID = re.compile(r"[CGD][A-Z0-9]{5,}")
_KINDS = "public_channel,private_channel"
NEXT_STEPS = {
    "account_inactive": "The app was removed from the workspace; install it again.",
    "channel_not_found": "Set slack_channel to a channel that exists; invite the app into a "
    "private one.",
    "invalid_auth": "Set slack_bot_token to the token that Slack shows for this app.",
    "is_archived": "The channel is archived; set slack_channel to another.",
    "missing_scope": "Install the app again with the manifest of `ml-intern slack manifest`.",
    "not_authed": "Set slack_bot_token to the token that Slack shows for this app.",
    "not_in_channel": "Type /invite @ml-intern in the channel.",
    "token_revoked": "The token was revoked; install the app again and set the new token.",
}


class SlackWeb:
    """Safe from any thread."""

    def __init__(self, token: str, base_url: str | None = None) -> None:
        self._client = client(token, base_url)
        self._ids: dict[str, str] = {}
        """Of channels by name; a channel keeps its id for ever."""

    def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Slack's answer. Raises SlackLimited, SlackRefused, SlackUnclear."""
        given = {name: value for name, value in arguments.items() if value is not None}
        try:
            answer = self._client.api_call(method, json=given)
        except SlackApiError as exc:
            raise _translated(method, exc) from exc
        except (OSError, http.client.HTTPException, SlackClientError, ValueError) as exc:
            raise SlackUnclear(f"{method}: Slack did not answer ({exc}).") from exc
        return _object(answer.data)

    def ask(self, method: str, **arguments: Any) -> dict[str, Any]:
        """As `call`, for methods that read: their arguments go as a form."""
        given = {name: value for name, value in arguments.items() if value is not None}
        try:
            answer = self._client.api_call(method, params=given)
        except SlackApiError as exc:
            raise _translated(method, exc) from exc
        except (OSError, http.client.HTTPException, SlackClientError, ValueError) as exc:
            raise SlackUnclear(f"{method}: Slack did not answer ({exc}).") from exc
        return _object(answer.data)

    def pages(self, method: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        """As `ask`, page by page."""
        cursor: str | None = None
        while cursor != "":
            answer = self.ask(method, **arguments, cursor=cursor)
            yield answer
            cursor = str((answer.get("response_metadata") or {}).get("next_cursor", ""))

    def scopes(self) -> frozenset[str]:
        """What the token may do. Raises as `call` does."""
        try:
            answer = self._client.api_call("auth.test")
        except SlackApiError as exc:
            raise _translated("auth.test", exc) from exc
        except (OSError, http.client.HTTPException, SlackClientError, ValueError) as exc:
            raise SlackUnclear(f"auth.test: Slack did not answer ({exc}).") from exc
        listed = {name.lower(): value for name, value in answer.headers.items()}
        return frozenset(
            scope.strip() for scope in str(listed.get("x-oauth-scopes", "")).split(",")
        ) - {""}

    def channel_id(self, name: str) -> str:
        """The id of a channel that was named, as `#training` or by its id. Raises as `call`."""
        if _ID.fullmatch(name):
            return name
        if name not in self._ids:
            self._ids[name] = self._look_up(name.removeprefix("#"))
        return self._ids[name]

    def _look_up(self, name: str) -> str:
        for page in self.pages("conversations.list", types=_KINDS, limit=1000):
            for one in page.get("channels", ()):
                if one.get("name") == name:
                    return str(one["id"])
        raise SlackRefused(
            f"There is no channel {name}. {NEXT_STEPS['channel_not_found']}",
            error="channel_not_found",
        )

    def upload(self, name: str, content: bytes, goes_on: Callable[[], None]) -> str:
        """Bring a file to Slack, where nobody sees it yet; its id. Raises as `call` does.

        `goes_on` is called before each piece: all of them may take minutes. It may raise.
        """
        goes_on()
        place = self.ask("files.getUploadURLExternal", filename=name, length=len(content))
        try:
            httpx.post(
                place["upload_url"],
                content=_pieces(content, goes_on),
                headers={"Content-Length": str(len(content))},
                timeout=TIMEOUT_S,
            ).raise_for_status()
        except httpx.HTTPError as exc:
            raise SlackUnclear(f"{name} could not be brought to Slack: {exc}.") from exc
        return str(place["file_id"])


def _pieces(content: bytes, goes_on: Callable[[], None]) -> Iterator[bytes]:
    for start in range(0, len(content), PIECE_BYTES):
        goes_on()
        yield content[start : start + PIECE_BYTES]


def client(token: str | None, base_url: str | None) -> WebClient:
    """Slack's own client, which never repeats a call here."""
    return WebClient(token, base_url=base_url or BASE_URL, timeout=TIMEOUT_S, retry_handlers=[])


def _translated(method: str, exc: SlackApiError) -> SlackLimited | SlackRefused | SlackUnclear:
    answer = exc.response
    status = getattr(answer, "status_code", 200)
    found = _object(getattr(answer, "data", answer))
    error = str(found.get("error", "no reason"))
    if status == 429 or error in ("ratelimited", "rate_limited"):
        return SlackLimited(f"{method}: too fast.", retry_after_s=_retry_after_s(answer))
    if status >= 500 or error in _NOT_SURE:
        return SlackUnclear(f"{method}: Slack is in trouble (status {status}).")
    details = found.get("response_metadata") or {}
    said = "; ".join(str(message) for message in details.get("messages") or ())
    needed = f" (needs {found['needed']})" if "needed" in found else ""
    step = NEXT_STEPS.get(error, "")
    words = f"Slack refuses {method}: {error}{needed}. {said} {step}".strip()
    return SlackRefused(words, error=error)


def _retry_after_s(answer: Any) -> float:
    try:
        found = float(answer.headers.get("Retry-After", DEFAULT_RETRY_AFTER_S))
    except (AttributeError, TypeError, ValueError):
        return DEFAULT_RETRY_AFTER_S
    return found if 0 < found <= MOST_RETRY_AFTER_S else DEFAULT_RETRY_AFTER_S


def _object(found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}
