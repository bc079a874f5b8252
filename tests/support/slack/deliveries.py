"""Envelopes: to one socket, acknowledged within three seconds, or tried again or given up.

Events are tried again with a new envelope and the same event id: at once, after a minute, after
five. Interactions and commands are not: the person who made them sees an error.
https://docs.slack.dev/apis/events-api/#retries
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from tests.support.slack.sockets import Socket, Sockets
from tests.support.slack.workspace import Json, Workspace

EVENT, INTERACTION, COMMAND = "events_api", "interactive", "slash_commands"


@dataclass
class Attempt:
    envelope_id: str
    socket: int | None
    """The number of the socket, counted from one; None when none was open."""
    outcome: str = "pending"
    """`acked`, `timeout`, `lost` (the connection ended first) or `no socket`."""


@dataclass(eq=False)
class Delivery:
    """Something that the app has to hear of, and what became of it."""

    workspace: Workspace = field(repr=False)
    kind: str
    payload: Json = field(repr=False)
    on_ack: Callable[[Json | None], None] = field(default=lambda _answer: None, repr=False)
    on_fail: Callable[[], None] = field(default=lambda: None, repr=False)
    attempts: list[Attempt] = field(default_factory=list)
    state: str = "pending"
    """`acked` or `failed`, in the end."""
    response: Json | None = None
    """What the app sent along with its acknowledgement."""
    trouble: str | None = None
    """What the person was told when it went wrong."""

    @property
    def acked(self) -> bool:
        return self.state == "acked"

    @property
    def event_id(self) -> str | None:
        return self.payload.get("event_id")

    def wait(self, timeout_s: float = 10.0) -> Self:
        """Until it is acknowledged or given up."""
        with self.workspace.changed:
            settled = self.workspace.changed.wait_for(lambda: self.state != "pending", timeout_s)
        assert settled, f"{self.kind} was neither acknowledged nor given up in {timeout_s} s"
        return self


class Courier:
    """Carries deliveries; everything but `post` runs in the server's loop."""

    def __init__(
        self,
        workspace: Workspace,
        sockets: Sockets,
        *,
        ack_within_s: float,
        retry_delays_s: Sequence[float],
    ) -> None:
        self._workspace, self._sockets = workspace, sockets
        self._ack_within_s, self._retry_delays_s = ack_within_s, retry_delays_s
        self._tasks: set[asyncio.Task[None]] = set()
        self._hurry = asyncio.Event()
        self._held: list[Delivery] | None = None
        self.bugs: list[BaseException] = []
        self.cut_next = False
        """Break off in the middle of the next envelope."""
        self.twice = 0
        """How many of the next events come twice."""

    def post(self, delivery: Delivery) -> None:
        if self._held is not None:
            self._held.append(delivery)
            return
        self.start(delivery)
        if self.twice and delivery.kind == EVENT:
            self.twice -= 1
            self.start(Delivery(self._workspace, delivery.kind, delivery.payload))

    def start(self, delivery: Delivery) -> None:
        self.keep(self._carry(delivery))

    def keep(self, work: Coroutine[Any, Any, None]) -> None:
        """Let `work` go on in the loop until it ends or the server does."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (bug := task.exception()):
            self.bugs.append(bug)

    def hold(self) -> None:
        self._held = self._held or []

    def release(self, order: Callable[[list[Delivery]], Sequence[Delivery]]) -> None:
        held, self._held = self._held or [], None
        for delivery in order(held):
            self.post(delivery)

    def retry_now(self) -> None:
        """End every pause before another attempt."""
        self._hurry.set()
        self._hurry = asyncio.Event()

    def expire_acks(self) -> None:
        """Let the three seconds be over for everything that is not acknowledged."""
        for socket in self._sockets.open:
            for future in socket.waiting.values():
                if not future.done():
                    future.set_exception(TimeoutError())

    async def again(self, delivery: Delivery) -> None:
        """The very same envelope once more."""
        first = delivery.attempts[0].envelope_id
        await self._attempt(delivery, first, len(delivery.attempts), None)

    async def close(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _carry(self, delivery: Delivery) -> None:
        delays = (0.0, *self._retry_delays_s) if delivery.kind == EVENT else (0.0,)
        for number, delay_s in enumerate(delays):
            await self._pause(delay_s)
            envelope_id = self._workspace.number("envelope")
            retry = {"retry_attempt": number, "retry_reason": "timeout" if number else ""}
            outcome = await self._attempt(delivery, envelope_id, number, retry)
            if outcome == "acked":
                return
        with self._workspace.change():
            delivery.state = "failed"
            delivery.on_fail()

    async def _pause(self, delay_s: float) -> None:
        if delay_s:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), delay_s)

    async def _attempt(
        self, delivery: Delivery, envelope_id: str, number: int, retry: Json | None
    ) -> str:
        socket = self._sockets.pick()
        attempt = Attempt(envelope_id, socket.number if socket else None)
        with self._workspace.change():
            delivery.attempts.append(attempt)
        outcome = "no socket"
        if socket is not None:
            envelope = _envelope(delivery, envelope_id, retry)
            outcome = await self._exchange(socket, envelope, delivery)
        with self._workspace.change():
            attempt.outcome = outcome
        return outcome

    async def _exchange(self, socket: Socket, envelope: Json, delivery: Delivery) -> str:
        """Send, and wait for the acknowledgement on the same socket."""
        future: asyncio.Future[Json | None] = asyncio.get_running_loop().create_future()
        socket.waiting[envelope["envelope_id"]] = future
        try:
            await self._send(socket, envelope)
            answer = await asyncio.wait_for(future, self._ack_within_s)
        except TimeoutError:
            return "timeout"
        except ConnectionError:
            return "lost"
        except asyncio.CancelledError:
            if not future.cancelled():
                raise
            return "lost"
        finally:
            socket.waiting.pop(envelope["envelope_id"], None)
        self._settle(delivery, answer)
        return "acked"

    async def _send(self, socket: Socket, envelope: Json) -> None:
        if self.cut_next:
            self.cut_next = False
            socket.send_half(envelope)
        else:
            await socket.send(envelope)

    def _settle(self, delivery: Delivery, answer: Json | None) -> None:
        with self._workspace.change():
            if delivery.state == "acked":
                return
            delivery.state, delivery.response = "acked", answer
            delivery.on_ack(answer)


def _envelope(delivery: Delivery, envelope_id: str, retry: Json | None) -> Json:
    envelope: Json = {
        "envelope_id": envelope_id,
        "payload": delivery.payload,
        "type": delivery.kind,
        "accepts_response_payload": delivery.kind != EVENT,
    }
    if delivery.kind == EVENT:
        envelope |= retry or {"retry_attempt": 0, "retry_reason": ""}
    return envelope
