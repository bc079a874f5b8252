"""Slack on a loopback port: what tests do with it and see of it.

Owns the parts and their order: workspace, limits, Web API, sockets, courier, people's gestures.
Everything here may be called from any thread.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, Self, TypeVar

from aiohttp import web

from tests.support.slack import files
from tests.support.slack.answers import ReplyUrls
from tests.support.slack.call import Call, Desk
from tests.support.slack.deliveries import EVENT, Courier, Delivery
from tests.support.slack.faults import Fault, Faults, When, refusal_of
from tests.support.slack.gestures import EVENT_SCOPES, Gestures
from tests.support.slack.limits import Limits
from tests.support.slack.refusals import CannotDo
from tests.support.slack.serving import LARGEST_UPLOAD, Serving
from tests.support.slack.sockets import Sockets
from tests.support.slack.tokens import BOT_SCOPES, Tokens
from tests.support.slack.triggers import Triggers
from tests.support.slack.web_api import WebApi
from tests.support.slack.workspace import BOT, BOT_USER, Channel, Message, User, View, Workspace

T = TypeVar("T")
Wanted = str | Callable[[Message], bool] | None
"""A part of the text, a question about the message, or nothing in particular."""

REQUESTER, APPROVER, STRANGER = "U0REQUESTER", "U0APPROVER", "U0STRANGER"
TRAINING, GENERAL, PRIVATE = "C0TRAINING", "C0GENERAL", "G0PRIVATE"


class SlackServer:
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

    # --- where it is -------------------------------------------------------------------------

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

    # --- what is there -----------------------------------------------------------------------

    def add_user(self, user_id: str, name: str, **facts: Any) -> User:
        with self.workspace.change():
            user = self.workspace.users[user_id] = User(user_id, name, **facts)
        return user

    def add_channel(
        self, channel_id: str, name: str, members: Iterable[str] = (), kind: str = "channel"
    ) -> Channel:
        with self.workspace.change():
            channel = Channel(channel_id, name, kind, set(members))
            self.workspace.channels[channel_id] = channel
        return channel

    def add_user_group(self, group_id: str, members: Iterable[str]) -> None:
        with self.workspace.change():
            self.workspace.user_groups[group_id] = list(members)

    def channel(self, channel: str) -> Channel:
        return self.workspace.channel(channel)

    def messages(self, channel: str) -> list[Message]:
        with self.workspace.changed:
            return list(self.channel(channel).messages.values())

    def thread(self, channel: str, ts: str) -> list[Message]:
        """The parent and its replies, oldest first."""
        with self.workspace.changed:
            return self.channel(channel).thread(ts)

    def message(self, ts: str) -> Message:
        return self.workspace.message(ts)

    def ephemerals(self, user: str) -> list[Message]:
        """What only this person was shown."""
        with self.workspace.changed:
            user_id = self.workspace.user(user).id
            return [one for one in self.workspace.ephemerals if one.only_for == user_id]

    def screen(self, user: str) -> list[View]:
        """The modals that a person has open, the topmost last."""
        with self.workspace.changed:
            return list(self.workspace.screens.get(self.workspace.user(user).id, []))

    def calls(self, method: str) -> list[Call]:
        with self.workspace.changed:
            return [call for call in self.requests if call.method == method]

    @property
    def open_sockets(self) -> int:
        with self.workspace.changed:
            return len(self._sockets.open)

    @property
    def stray_acks(self) -> list[Any]:
        """Acknowledgements that came too late, twice, or for nothing."""
        return list(self._sockets.stray_acks)

    # --- what people do ----------------------------------------------------------------------

    def say(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> str:
        """Write a message; its `ts`."""
        return self._people.say(user, channel, text, thread_ts)

    def mention(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> str:
        """As `say`, with the bot's name before it: both a message and a mention to the app."""
        return self.say(user, channel, f"<@{BOT_USER}> {text}", thread_ts)

    def dm(self, user: str, text: str, thread_ts: str | None = None) -> str:
        """Write to the bot alone."""
        user_id = self.workspace.user(user).id
        return self.say(user_id, self.workspace.direct(user_id).id, text, thread_ts)

    def edit(self, user: str, ts: str, text: str) -> None:
        """Change one's own message: the app hears `message_changed`."""
        self._people.edit(user, ts, text)

    def unsay(self, user: str, ts: str) -> None:
        """Delete one's own message: the app hears `message_deleted`."""
        self._people.unsay(user, ts)

    def slash(self, user: str, command: str, text: str, channel: str) -> Delivery:
        return self._people.slash(user, command, text, channel)

    def click(
        self,
        user: str,
        message_ts: str,
        action_id: str,
        value: Any = None,
        *,
        block_id: str | None = None,
    ) -> Delivery:
        """Press a button, or choose `value` in a menu, of a message as it stands now."""
        return self._people.click(user, message_ts, action_id, value, block_id)

    def click_in_view(
        self,
        user: str,
        view_id: str,
        action_id: str,
        value: Any = None,
        *,
        block_id: str | None = None,
    ) -> Delivery:
        return self._people.click_in_view(user, view_id, action_id, value, block_id)

    def submit_view(self, user: str, view_id: str, values: Mapping[str, Any] = {}) -> Delivery:
        """`values` by action id, or by block id and action id; what is not given stays."""
        return self._people.submit_view(user, view_id, values)

    def close_view(self, user: str, view_id: str, *, all_views: bool = False) -> Delivery | None:
        return self._people.close_view(user, view_id, all_views=all_views)

    # --- waiting -----------------------------------------------------------------------------

    def wait_for(self, what: Callable[[], T | None], timeout_s: float = 10.0) -> T:
        """Until `what()` is something. Asked after every change, and often for other facts."""
        deadline = time.monotonic() + timeout_s
        while not (found := what()):
            assert time.monotonic() < deadline, f"{what} did not come true in {timeout_s} s"
            with self.workspace.changed:
                self.workspace.changed.wait(0.02)
        return found

    def wait_for_message(
        self, channel: str, wanted: Wanted = None, timeout_s: float = 10.0
    ) -> Message:
        """The first that the app has posted there and that is as `wanted`."""
        return self.wait_for(lambda: _first(self._from_app(channel), wanted), timeout_s)

    def wait_for_ephemeral(
        self, user: str, wanted: Wanted = None, timeout_s: float = 10.0
    ) -> Message:
        return self.wait_for(lambda: _first(self.ephemerals(user), wanted), timeout_s)

    def wait_for_view(
        self,
        user: str,
        wanted: Callable[[View], bool] = lambda _view: True,
        timeout_s: float = 10.0,
    ) -> View:
        """What the person sees on top, once it is as `wanted`."""
        return self.wait_for(
            lambda: next((view for view in self.screen(user)[-1:] if wanted(view)), None), timeout_s
        )

    def wait_for_sockets(self, number: int, timeout_s: float = 10.0) -> None:
        self.wait_for(lambda: self.open_sockets == number, timeout_s)

    def wait_until_settled(self, timeout_s: float = 10.0) -> None:
        """Until every delivery is acknowledged or given up."""
        self.wait_for(lambda: all(one.state != "pending" for one in self.deliveries), timeout_s)

    # --- what goes wrong ---------------------------------------------------------------------

    def fail_next(
        self,
        method: str,
        *,
        status: int | None = None,
        error: str | None = None,
        retry_after: int | None = None,
        times: int = 1,
    ) -> None:
        """Refuse with a word, with 429, or with a gateway's page; `*` is any method."""
        refusal, html = refusal_of(status, error, retry_after)
        self._faults.plan(Fault(method, times, refusal=refusal, html=html))

    def hang(self, method: str, seconds: float, times: int = 1) -> None:
        """Say nothing for so long and then hang up, without having done anything."""
        self._faults.plan(Fault(method, times, wait_s=seconds, mute=True))

    def delay(self, method: str, seconds: float, times: int = 1) -> None:
        self._faults.plan(Fault(method, times, wait_s=seconds))

    def drop_connection(self, method: str, when: When = "before", times: int = 1) -> None:
        """Reset the connection before the call was done, or after and without its answer."""
        self._faults.plan(Fault(method, times, hang_up=when))

    def no_more_faults(self) -> None:
        self._faults.clear()

    def revoke_token(
        self,
        token: Literal["bot", "app"] = "bot",
        error: Literal["token_revoked", "account_inactive"] = "token_revoked",
    ) -> None:
        (self.tokens.bot if token == "bot" else self.tokens.app).problem = error

    def archive(self, channel: str) -> None:
        with self.workspace.change():
            self.channel(channel).archived = True

    def kick(self, channel: str, user: str = BOT_USER) -> None:
        with self.workspace.change():
            self.channel(channel).members.discard(user)

    def freeze(self, ts: str) -> None:
        """Let the time in which a message may be edited be over."""
        self.message(ts).frozen = True

    def down(self) -> None:
        """Close the port and every connection. People go on, and the app hears nothing."""
        self._serving.do(self._serving.shut())

    def up(self) -> None:
        """Open the same port again, with everything that was there."""
        self._serving.do(self._serving.open())

    def disconnect(
        self, reason: str = "refresh_requested", socket: int = 0, close_after_s: float = 1.0
    ) -> None:
        """Tell one socket to go; `warning` leaves it open, `link_disabled` ends all."""
        after = None if reason == "warning" else close_after_s
        chosen = self._sockets.open if reason == "link_disabled" else [self._sockets.open[socket]]
        for one in list(chosen):
            self._serving.soon(
                lambda one=one: self._courier.keep(self._sockets.dismiss(one, reason, after))
            )

    def drop_sockets(self) -> None:
        """Reset every WebSocket without a word."""

        async def drop() -> None:
            for socket in list(self._sockets.open):
                self._sockets.drop(socket)

        self._serving.do(drop())

    def cut_next_envelope(self) -> None:
        """End the connection in the middle of the next envelope."""
        self._courier.cut_next = True

    def duplicate_next_event(self, times: int = 1) -> None:
        """The same event id in two envelopes."""
        self._courier.twice = times

    def hold(self) -> None:
        """Keep everything for the app back until `release`."""
        self._serving.do(_later(self._courier.hold))

    def release(
        self, order: Callable[[list[Delivery]], Iterable[Delivery]] = lambda held: held
    ) -> None:
        """Deliver what was held, in any order: `release(reversed)`."""
        self._serving.do(_later(lambda: self._courier.release(lambda held: list(order(held)))))

    def replay(self, delivery: Delivery) -> None:
        """Send the very same envelope once more, whatever became of it."""
        self._serving.do(self._courier.again(delivery))

    def retry_now(self) -> None:
        """End the pauses between attempts."""
        self._serving.do(_later(self._courier.retry_now))

    def expire_acks(self) -> None:
        """Let the three seconds be over now."""
        self._serving.do(_later(self._courier.expire_acks))

    # --- its own -----------------------------------------------------------------------------

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

    def _from_app(self, channel: str) -> list[Message]:
        return [message for message in self.messages(channel) if message.bot_id == BOT]

    def events(self, kind: str) -> list[Delivery]:
        """Deliveries of events of one type, such as `app_mention`."""
        with self.workspace.changed:
            return [
                one
                for one in self.deliveries
                if one.kind == EVENT and one.payload["event"]["type"] == kind
            ]


def _first(messages: list[Message], wanted: Wanted) -> Message | None:
    for message in messages:
        if wanted is None or (
            wanted in message.text if isinstance(wanted, str) else wanted(message)
        ):
            return message
    return None


async def _later(act: Callable[[], None]) -> None:
    act()


__all__ = ["CannotDo", "SlackServer"]
