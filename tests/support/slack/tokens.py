"""Tokens, their scopes, and what is refused for the lack of them.

A bot token (`xoxb-`) for the Web API, an app token (`xapp-`) for `apps.connections.open` alone.
https://docs.slack.dev/authentication/tokens
"""

from collections.abc import Iterable
from dataclasses import dataclass

from tests.support.slack.refusals import Refused

BOT_SCOPES = frozenset(
    {
        "app_mentions:read",
        "channels:history",
        "channels:join",
        "channels:read",
        "chat:write",
        "commands",
        "files:read",
        "files:write",
        "groups:history",
        "groups:read",
        "im:history",
        "im:read",
        "im:write",
        "metadata.message:read",
        "reactions:write",
        "usergroups:read",
        "users:read",
    }
)
"""What the bot may do unless a test says less."""


@dataclass
class Token:
    value: str
    scopes: set[str]
    problem: str | None = None
    """`token_revoked` or `account_inactive`, once it is."""

    @property
    def for_app(self) -> bool:
        return self.value.startswith("xapp-")

    def need(self, *scopes: str) -> None:
        """Refuse unless the token has one of `scopes`."""
        if scopes and not self.scopes & set(scopes):
            provided = ",".join(sorted(self.scopes))
            raise Refused("missing_scope", needed=",".join(scopes), provided=provided)


class Tokens:
    def __init__(self, bot: str, app: str, bot_scopes: Iterable[str]) -> None:
        self.bot = Token(bot, set(bot_scopes))
        self.app = Token(app, {"connections:write"})

    def find(self, value: str | None) -> Token:
        if not value:
            raise Refused("not_authed")
        for token in (self.bot, self.app):
            if token.value == value:
                if token.problem:
                    raise Refused(token.problem)
                return token
        raise Refused("invalid_auth")
