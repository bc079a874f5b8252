"""What tests let go wrong: calls, tokens, sockets, envelopes, the whole server."""

from collections.abc import Callable, Iterable
from typing import Literal

from tests.support.slack.deliveries import Courier, Delivery
from tests.support.slack.faults import Fault, Faults, When, refusal_of
from tests.support.slack.serving import Serving
from tests.support.slack.sockets import Sockets
from tests.support.slack.tokens import Tokens
from tests.support.slack.workspace import BOT_USER, Workspace


class Trouble:
    workspace: Workspace
    tokens: Tokens
    _faults: Faults
    _sockets: Sockets
    _courier: Courier
    _serving: Serving

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
            self.workspace.channel(channel).archived = True

    def kick(self, channel: str, user: str = BOT_USER) -> None:
        with self.workspace.change():
            self.workspace.channel(channel).members.discard(user)

    def freeze(self, ts: str) -> None:
        """Let the time in which a message may be edited be over."""
        self.workspace.message(ts).frozen = True

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


async def _later(act: Callable[[], None]) -> None:
    act()
