"""A service with a model that answers from a script, and Slack beside it: the stand-in."""

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ml_intern import tool
from ml_intern.clock import SystemClock
from ml_intern.daemon.service import Service
from ml_intern.daemon.supervisor import Supervisor
from ml_intern.events import Event
from ml_intern.llm.scripted import Answer, ScriptedModel
from ml_intern.messages import Message, SessionId, ToolMessage, UserMessage
from ml_intern.settings import Settings
from ml_intern.slack.app import Setup, Slack
from ml_intern.tools.catalogue import with_own
from ml_intern.tracing.redaction import Redactor
from tests.support.slack import APPROVER, REQUESTER, TRAINING, SlackServer
from tests.support.waiting import wait_until

Plan = Callable[[str, Sequence[Message]], Answer]
"""The model's next answer, from the words of the task and the whole conversation."""
SECRET = "hf_secret0123456789abcdef"


class Office:
    def __init__(
        self,
        folder: Path,
        slack: SlackServer,
        plan: Plan,
        *,
        channel: str = TRAINING,
        max_iterations: int = 300,
        parks: bool = True,
        **more: Any,
    ) -> None:
        self.slack = slack
        self.sent: list[tuple[str, str]] = []
        self.hold = threading.Event()
        self.hold.set()

        @tool(effect="external")
        def send(to: str, script: str = "", copies: int = 1) -> str:
            """Send a script to somebody."""
            self.sent.append((to, script))
            self.hold.wait(10)
            return f"sent {script!r} to {to}"

        def answer(messages: Sequence[Message], _tools: object) -> Answer:
            said = [one.text for one in messages if isinstance(one, UserMessage)]
            return plan(said[0], messages)

        model = ScriptedModel("scripted", answer)
        model.parks = parks
        clock = SystemClock()
        self.service = Service.open(
            Settings(
                state_dir=folder / "state",
                sandbox="process",
                model="scripted",
                max_iterations=max_iterations,
            ),
            clock,
            [model],
            with_own([send]),
        )
        setup = Setup(
            bot_token=slack.bot_token,
            app_token=slack.app_token,
            channel=channel,
            may_start=(REQUESTER, APPROVER),
            may_decide=(APPROVER, "S0DECIDERS"),
            channels={"team": TRAINING},
            folder=folder,
            base_url=slack.base_url,
            **{"pace_s": 0.0, **more},
        )
        self.app = Slack(
            setup,
            self.service.store,
            self.service.door,
            clock,
            redact=Redactor({"HF_TOKEN": SECRET}).value,
        )
        self._readers = Supervisor(clock)
        self._stack = ExitStack()

    def open(self, *, listens: bool = True) -> None:
        assert self.service.try_host()
        self.app.teller.begin()
        self._readers.start("slack-teller", self.app.teller.run)
        for sender in self.app.senders:
            self._readers.start(sender.name, sender.run)
        self._readers.start("slack-clerk", self.app.clerk.run)
        if listens:
            self._readers.start("slack-listener", self.app.listener.run)
            self.slack.wait_for_sockets(2)

    def close(self) -> None:
        self.hold.set()
        self._readers.stop(10)
        self.service.close(drain_s=1)

    def only_session(self) -> SessionId:
        return wait_until(lambda: self.service.store.sessions(2))[0].session_id

    def events(self, kind: type[Event] | None = None) -> list[Any]:
        found = [one.event for one in self.service.store.follow(0, 10_000)]
        return [one for one in found if kind is None or isinstance(one, kind)]


def last_answer(messages: Sequence[Message]) -> str:
    found = [one.text for one in messages if isinstance(one, ToolMessage)]
    return found[-1] if found else ""
