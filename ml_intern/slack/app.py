"""Slack's threads, built from what the composition root gives.

`teller` turns events into rows of the outbox, `senders` bring them to Slack, `listener` stores what
Slack sends, `clerk` does it. They meet in the store only, so each may die alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_intern.client.door import Door
from ml_intern.clock import Clock
from ml_intern.queue.store import Store
from ml_intern.slack.absence import Absence
from ml_intern.slack.access import Access
from ml_intern.slack.clerk import Clerk
from ml_intern.slack.listener import Listener
from ml_intern.slack.sender import PACE_S, SENDERS, Sender
from ml_intern.slack.teller import Teller
from ml_intern.slack.web import SlackWeb


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What the settings say about Slack."""

    bot_token: str
    app_token: str
    channel: str
    """Where sessions that were not started in Slack are told; empty: nowhere."""
    may_start: Sequence[str]
    may_decide: Sequence[str]
    channels: Mapping[str, str]
    """Where the model may send notices, by the name that it knows."""
    folder: Path
    """Where the relative paths of tasks begin."""
    base_url: str | None = None
    pace_s: float = PACE_S


class Slack:
    """All of Slack in one process."""

    def __init__(
        self,
        setup: Setup,
        store: Store,
        door: Door,
        clock: Clock,
        *,
        redact: Callable[[Any], Any],
    ) -> None:
        web = SlackWeb(setup.bot_token, setup.base_url)
        access = Access(setup.may_start, setup.may_decide, web, clock)
        self.teller = Teller(
            store.journal,
            store.mail,
            clock,
            channel=setup.channel,
            channels=setup.channels,
            redact=redact,
            trace=door.trace_path,
        )
        self.senders = tuple(
            Sender(store.mail, web, clock, setup.pace_s, number=number, of=SENDERS)
            for number in range(SENDERS)
        )
        self.clerk = Clerk(store, door, access, clock, folder=setup.folder, redact=redact)
        self.listener = Listener(
            store.mail,
            door,
            web,
            access,
            clock,
            Absence(store.mail, door, web, clock, setup.channel),
            app_token=setup.app_token,
            base_url=setup.base_url,
            redact=redact,
        )
