"""How fast is too fast, on a clock that stands still."""

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from tests.support.slack import APPROVER, TRAINING, SlackServer
from tests.support.slack.conftest import Clock


def test_after_a_small_burst_a_channel_takes_one_message_a_second(client: WebClient, clock: Clock):
    for number in range(3):
        client.chat_postMessage(channel=TRAINING, text=str(number))

    with pytest.raises(SlackApiError) as refused:
        client.chat_postMessage(channel=TRAINING, text="too fast")

    assert refused.value.response.status_code == 429
    assert refused.value.response.headers["Retry-After"] == "1"
    assert refused.value.response["error"] == "ratelimited"
    clock.pass_by(1)
    client.chat_postMessage(channel=TRAINING, text="in time")


def test_channels_do_not_wait_for_each_other(client: WebClient):
    for number in range(3):
        client.chat_postMessage(channel=TRAINING, text=str(number))

    assert client.chat_postMessage(channel=APPROVER, text="hello")["ok"]


def test_what_is_refused_is_not_counted(client: WebClient):
    for _ in range(5):
        with pytest.raises(SlackApiError):
            client.chat_postMessage(channel=TRAINING, text="x", thread_ts="1.1")

    assert client.chat_postMessage(channel=TRAINING, text="x")["ok"]


def test_a_tier_is_so_many_calls_a_minute(slack: SlackServer, client: WebClient, clock: Clock):
    ts = client.chat_postMessage(channel=TRAINING, text="0 %")["ts"]
    for number in range(50):
        client.chat_update(channel=TRAINING, ts=ts, text=f"{number} %")

    with pytest.raises(SlackApiError) as refused:
        client.chat_update(channel=TRAINING, ts=ts, text="51 %")

    assert refused.value.response.headers["Retry-After"] == "2"
    clock.pass_by(2)
    client.chat_update(channel=TRAINING, ts=ts, text="51 %")


def test_limits_are_off_when_that_is_asked_for(clock: Clock):
    with SlackServer(now=clock, pace_s=None, tiers=False) as slack:
        client = WebClient(slack.bot_token, base_url=slack.base_url, retry_handlers=[])
        for number in range(60):
            client.chat_postMessage(channel=TRAINING, text=str(number))

        assert len(slack.messages(TRAINING)) == 60
