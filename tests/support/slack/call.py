"""One call of a method: its arguments, whichever way they were sent, and who calls.

Forms carry lists and objects as JSON in a string; JSON bodies carry them as they are. Both are
read with the same functions here. https://docs.slack.dev/apis/web-api/#methods
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.slack.limits import Limits
from tests.support.slack.refusals import Refused, missing
from tests.support.slack.tokens import Token
from tests.support.slack.triggers import Triggers
from tests.support.slack.workspace import Channel, Workspace


@dataclass
class Desk:
    """What the methods work with."""

    workspace: Workspace
    limits: Limits
    triggers: Triggers
    url: Callable[[], str]
    """Where the server stands."""
    open_socket: Callable[[], str]
    """An address for one WebSocket."""


@dataclass
class Call:
    """As the test finds it in `SlackServer.requests`, too."""

    method: str
    headers: dict[str, str]
    """Names in lower case."""
    params: dict[str, Any]
    at: float
    token: Token | None = None
    outcome: str = "pending"
    """`ok`, Slack's word for the error, or what was done to the connection."""
    answer: dict[str, Any] = field(default_factory=dict)

    def need(self, *names: str) -> None:
        """Refuse when an argument is absent or empty."""
        absent = [name for name in names if self.params.get(name) in (None, "")]
        if absent:
            raise missing(absent[0])

    def text(self, name: str, default: str = "") -> str:
        value = self.params.get(name)
        return default if value is None else str(value)

    def flag(self, name: str) -> bool:
        return self.params.get(name) in (True, 1, "1", "true", "True")

    def number(self, name: str, default: int) -> int:
        try:
            return int(self.params.get(name) or default)
        except ValueError:
            raise Refused("invalid_arguments", messages=[f"{name} must be a number"]) from None

    def parsed(self, name: str, error: str) -> Any:
        """A list or object, sent as such or as JSON in a string; None when not sent."""
        value = self.params.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise Refused(error) from None

    def scopes(self, *any_of: str) -> None:
        assert self.token is not None
        self.token.need(*any_of)

    def has_scope(self, scope: str) -> bool:
        return self.token is not None and scope in self.token.scopes

    def readable(self, desk: Desk, name: str, what: str) -> Channel:
        """The channel of this call, when its kind may be read: `what` is `read` or `history`."""
        self.need(name)
        channel = desk.workspace.channels.get(self.text(name))
        if channel is None:
            raise Refused("channel_not_found")
        self.scopes(f"{channel.scope_family}:{what}")
        return channel
