"""What Slack answers when it does not do what it was asked."""

from collections.abc import Mapping, Sequence
from typing import Any


class Refused(Exception):
    """HTTP 200 with `ok: false` and a word for the reason; rarely another status.

    `messages` go to `response_metadata.messages`, as Slack does for arguments and blocks.
    """

    def __init__(
        self,
        error: str,
        *,
        status: int = 200,
        messages: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(error, *messages)
        self.error = error
        self.status = status
        self.messages = list(messages)
        self.headers = dict(headers or {})
        self.facts = facts

    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"ok": False, "error": self.error, **self.facts}
        if self.messages:
            body["response_metadata"] = {"messages": [f"[ERROR] {text}" for text in self.messages]}
        return body


class CannotDo(AssertionError):
    """A person could not do this in Slack's window: the test asks for what nobody can do."""


def too_fast(retry_after_s: int) -> Refused:
    """https://docs.slack.dev/apis/web-api/rate-limits"""
    return Refused("ratelimited", status=429, headers={"Retry-After": str(retry_after_s)})


def missing(name: str) -> Refused:
    return Refused("invalid_arguments", messages=[f"missing required field: {name}"])
