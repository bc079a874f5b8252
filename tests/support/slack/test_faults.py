"""What goes wrong when it is asked to."""

import time

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from tests.support.slack import TRAINING, SlackServer
from tests.support.slack.given import error_of


def post(client: WebClient) -> None:
    client.chat_postMessage(channel=TRAINING, text="hello")


def test_a_word_a_page_and_a_429_each_for_so_many_calls(slack: SlackServer, client: WebClient):
    slack.fail_next("chat.postMessage", error="internal_error", times=2)
    slack.fail_next("chat.postMessage", status=503)
    slack.fail_next("*", retry_after=7)

    seen = []
    for _ in range(4):
        with pytest.raises(SlackApiError) as refused:
            post(client)
        seen.append(refused.value.response)

    assert [one.status_code for one in seen] == [200, 200, 503, 429]
    assert seen[0]["error"] == "internal_error"
    assert seen[3].headers["Retry-After"] == "7"
    assert slack.messages(TRAINING) == []
    post(client)
    assert [call.outcome for call in slack.calls("chat.postMessage")][-1] == "ok"


@pytest.mark.parametrize(("when", "stored"), [("before", 0), ("after", 1)])
def test_a_connection_is_reset_before_or_after_the_message_is_stored(
    slack: SlackServer, client: WebClient, when: str, stored: int
):
    slack.drop_connection("chat.postMessage", when)

    with pytest.raises(OSError, match=r"reset|closed"):
        post(client)

    assert len(slack.messages(TRAINING)) == stored


def test_a_call_hangs_longer_than_its_caller_waits(slack: SlackServer):
    slack.hang("chat.postMessage", 30)
    client = WebClient(slack.bot_token, base_url=slack.base_url, timeout=0.2, retry_handlers=[])

    with pytest.raises(TimeoutError):
        post(client)

    assert slack.messages(TRAINING) == []


def test_a_slow_call_is_done_all_the_same(slack: SlackServer, client: WebClient):
    slack.delay("chat.postMessage", 0.2)
    started = time.monotonic()

    post(client)

    assert time.monotonic() - started >= 0.2
    assert len(slack.messages(TRAINING)) == 1


@pytest.mark.parametrize("error", ["token_revoked", "account_inactive"])
def test_a_token_is_no_longer_good(slack: SlackServer, client: WebClient, error: str):
    slack.revoke_token(error=error)

    with pytest.raises(SlackApiError) as refused:
        client.auth_test()

    assert error_of(refused.value) == error


def test_a_server_that_is_down_refuses_connections(slack: SlackServer, client: WebClient):
    post(client)
    slack.down()

    with pytest.raises(OSError, match="refused"):
        post(client)

    slack.up()
    post(client)
    assert len(slack.messages(TRAINING)) == 2
