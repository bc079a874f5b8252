"""Slack on a loopback port.

Owns the parts and their order: workspace, limits, Web API, sockets, courier, people's gestures.
What tests do with them stands in `hands.py`, `watch.py` and `trouble.py`. Everything there may be
called from any thread.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Self

from aiohttp import web

from tests.support.slack import files
from tests.support.slack.answers import ReplyUrls
from tests.support.slack.call import Call, Desk
from tests.support.slack.deliveries import Courier, Delivery
from tests.support.slack.faults import Faults
from tests.support.slack.gestures import EVENT_SCOPES, Gestures
from tests.support.slack.hands import Hands
from tests.support.slack.limits import Limits
from tests.support.slack.serving import LARGEST_UPLOAD, Serving
from tests.support.slack.sockets import Sockets
from tests.support.slack.tokens import BOT_SCOPES, Tokens
from tests.support.slack.triggers import Triggers
from tests.support.slack.trouble import Trouble
from tests.support.slack.watch import Watch
from tests.support.slack.web_api import WebApi
from tests.support.slack.workspace import BOT_USER, Workspace

REQUESTER, APPROVER, STRANGER = "U0REQUESTER", "U0APPROVER", "U0STRANGER"
TRAINING, GENERAL, PRIVATE = "C0TRAINING", "C0GENERAL", "G0PRIVATE"


class SlackServer(Hands, Watch, Trouble):
    """Serves from `with` to its end; `down` and `up` in between."""

    def __init__(
        self,
        *,
        now: Callable[[], float] = time.time,
        bot_token: str = "xoxb-test-bot",
        app_token: str = "xapp-test-app",
        scopes: Iterable[str] = BOT_SCOPES,
        subscriptions: Iterable[str] = tuple(EVENT_SCOPES),
        pace_s: float | None = 1.0,
        burst: int = 3,
        tiers: bool = True,
        ack_within_s: float = 3.0,
        retry_delays_s: Sequence[float] = (0.0, 60.0, 300.0),
    ) -> None:
        """`now` moves trigger ids, limits and timestamps; waiting for acknowledgements is real."""
        self.workspace = Workspace(now)
        self.tokens = Tokens(bot_token, app_token, scopes)
        self.requests: list[Call] = []
        self.deliveries: list[Delivery] = []
        self.subscriptions = set(subscriptions)
        self.upload_takes_s = 0.0
        """From the last byte of a file to the answer."""
        self._faults = Faults()
        self._sockets = Sockets(self.workspace)
        self._courier = Courier(
            self.workspace, self._sockets, ack_within_s=ack_within_s, retry_delays_s=retry_delays_s
        )
        self._reply_urls = ReplyUrls(self.workspace)
        triggers = Triggers(now)
        limits = Limits(now, pace_s=pace_s, burst=burst, tiers=tiers)
        desk = Desk(self.workspace, limits, triggers, lambda: self.url, self._socket_url)
        self._api = WebApi(desk, self.tokens, self._faults, self._record)
        self._people = Gestures(
            self.workspace,
            triggers,
            self._reply_urls,
            url=lambda: self.url,
            hears=self._hears,
            post=self._post,
        )
        self._serving = Serving(self._app)
        self._furnish()

    def __enter__(self) -> Self:
        self._serving.start()
        return self

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        self._serving.stop(self._courier.close)
        bugs = self._serving.bugs + self._courier.bugs
        if bugs and failure is None:
            raise AssertionError("The stand-in for Slack has itself gone wrong") from bugs[0]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._serving.port}"

    @property
    def base_url(self) -> str:
        """For `WebClient(base_url=...)`."""
        return f"{self.url}/api/"

    @property
    def bot_token(self) -> str:
        return self.tokens.bot.value

    @property
    def app_token(self) -> str:
        return self.tokens.app.value

    def _furnish(self) -> None:
        self.add_user(BOT_USER, "ml-intern", is_bot=True)
        for user_id in (REQUESTER, APPROVER, STRANGER):
            self.add_user(user_id, user_id.removeprefix("U0").lower())
        people = {REQUESTER, APPROVER, STRANGER}
        self.add_channel(TRAINING, "training", {BOT_USER, *people})
        self.add_channel(GENERAL, "general", people)
        self.add_channel(PRIVATE, "private", {APPROVER}, "group")

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=LARGEST_UPLOAD)
        app.router.add_route("*", "/api/{method}", self._api.handle)
        app.router.add_get("/link/", self._sockets.handle)
        app.router.add_post("/upload/v1/{file_id}", self._upload)
        for kind in ("actions", "commands"):
            app.router.add_post(f"/{kind}/{{key}}", self._reply)
        return app

    async def _upload(self, request: web.Request) -> web.Response:
        content = await request.read()
        await asyncio.sleep(self.upload_takes_s)
        status, text = files.receive(self.workspace, request.match_info["file_id"], content)
        return web.Response(status=status, text=text)

    async def _reply(self, request: web.Request) -> web.Response:
        status, text = self._reply_urls.receive(request.match_info["key"], await request.read())
        return web.Response(status=status, text=text)

    def _socket_url(self) -> str:
        return f"ws://127.0.0.1:{self._serving.port}/link/?ticket={self._sockets.ticket()}"

    def _record(self, call: Call) -> None:
        with self.workspace.change():
            self.requests.append(call)

    def _hears(self, subscription: str) -> bool:
        return subscription in self.subscriptions and (
            EVENT_SCOPES[subscription] in self.tokens.bot.scopes
        )

    def _post(self, delivery: Delivery) -> None:
        with self.workspace.change():
            self.deliveries.append(delivery)
        self._serving.soon(lambda: self._courier.post(delivery))
