"""A server, a client, and an app that listens: what all tests of the stand-in begin with."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from tests.support.slack import SlackServer
from tests.support.waiting import wait_until


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.at = 1_700_000_000.0

    def __call__(self) -> float:
        return self.at

    def pass_by(self, seconds: float) -> None:
        self.at += seconds


class App:
    """Sockets that acknowledge what they hear, with `answers` by callback id, command or type."""

    def __init__(self, slack: SlackServer) -> None:
        self.heard: list[SocketModeRequest] = []
        self.answer: Callable[[SocketModeRequest], Any] = lambda _request: None
        self.silent = 0
        """How many of the next envelopes are not acknowledged."""
        self._slack = slack
        self._sockets: list[SocketModeClient] = []

    def connect(self) -> SocketModeClient:
        web = WebClient(base_url=self._slack.base_url, retry_handlers=[])
        socket = SocketModeClient(self._slack.app_token, web_client=web, ping_interval=0.1)
        socket.socket_mode_request_listeners.append(self._hear)
        self._sockets.append(socket)
        socket.connect()
        return socket

    def close(self) -> None:
        """The SDK's client waits seconds for a message; a reset wakes it.

        Closed while it notices that, it falls over its own socket: so it is given the time.
        """
        for socket in self._sockets:
            socket.closed = True
            socket.auto_reconnect_enabled = False
            socket.current_session_state.terminated = True
            socket.message_queue.put(None)
        for socket in self._sockets:
            wait_until(lambda socket=socket: self._is_gone(socket))
            socket.close()

    def _is_gone(self, socket: SocketModeClient) -> bool:
        """Also of one that was just about to connect anew when it was told that it is closed."""
        self._slack.drop_sockets()
        return not socket.is_connected()

    def _hear(self, socket: Any, request: SocketModeRequest) -> None:
        self.heard.append(request)
        if self.silent:
            self.silent -= 1
            return
        response = {"envelope_id": request.envelope_id}
        if (payload := self.answer(request)) is not None:
            response["payload"] = payload
        socket.send_socket_mode_response(response)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def slack(clock: Clock) -> Iterator[SlackServer]:
    with SlackServer(now=clock, ack_within_s=1.0) as server:
        yield server


@pytest.fixture
def client(slack: SlackServer) -> WebClient:
    return WebClient(slack.bot_token, base_url=slack.base_url, retry_handlers=[])


@pytest.fixture
def app(slack: SlackServer) -> Iterator[App]:
    """With one socket open."""
    with ExitStack() as stack:
        app = App(slack)
        stack.callback(app.close)
        app.connect()
        slack.wait_for_sockets(1)
        yield app
