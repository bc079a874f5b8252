"""Socket Mode with the SDK's own client: hello, acknowledgements, retries, refresh, drops."""

import contextlib
import threading
from contextlib import ExitStack, closing

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from tests.support.slack import APPROVER, BOT_USER, REQUESTER, TRAINING, SlackServer
from tests.support.slack.conftest import App, Clock
from tests.support.slack.given import actions, button, select
from tests.support.slack.raw_socket import RawSocket


def asked(client: WebClient, *elements: dict) -> str:
    return client.chat_postMessage(channel=TRAINING, text="?", blocks=[actions(*elements)])["ts"]


def socket_url(slack: SlackServer) -> str:
    client = WebClient(base_url=slack.base_url, retry_handlers=[])
    return client.apps_connections_open(app_token=slack.app_token)["url"]


def test_a_mention_arrives_as_a_message_and_as_a_mention(slack: SlackServer, app: App):
    ts = slack.mention(REQUESTER, TRAINING, "train a classifier")

    slack.wait_until_settled()
    events = {request.payload["event"]["type"]: request.payload for request in app.heard}
    assert set(events) == {"message", "app_mention"}
    assert events["app_mention"]["event"]["ts"] == ts
    assert events["app_mention"]["event"]["text"] == f"<@{BOT_USER}> train a classifier"
    assert events["app_mention"]["event_id"] != events["message"]["event_id"]


def test_the_app_hears_its_own_messages_too(slack: SlackServer, client: WebClient, app: App):
    client.chat_postMessage(channel=TRAINING, text="hello")

    slack.wait_until_settled()
    assert app.heard[0].payload["event"]["bot_id"]


def test_an_event_without_acknowledgement_comes_again_in_a_new_envelope(
    slack: SlackServer, app: App
):
    app.silent = 1
    slack.say(REQUESTER, TRAINING, "hello")
    slack.wait_for(lambda: app.heard)

    slack.expire_acks()

    delivery = slack.deliveries[0].wait()
    first, second = app.heard
    assert [attempt.outcome for attempt in delivery.attempts] == ["timeout", "acked"]
    assert first.envelope_id != second.envelope_id
    assert first.payload["event_id"] == second.payload["event_id"]
    assert (second.retry_attempt, second.retry_reason) == (1, "timeout")


def test_a_later_retry_waits_until_it_is_told_to_hurry(slack: SlackServer):
    slack.say(REQUESTER, TRAINING, "is anybody there?")
    delivery = slack.deliveries[0]
    slack.wait_for(lambda: len(delivery.attempts) == 2)

    for _ in range(2):
        before = len(delivery.attempts)
        slack.retry_now()
        slack.wait_for(lambda before=before: len(delivery.attempts) > before)

    delivery.wait()
    assert [attempt.outcome for attempt in delivery.attempts] == ["no socket"] * 4
    assert delivery.state == "failed"


def test_a_click_is_built_from_the_blocks_that_stand_there(
    slack: SlackServer, client: WebClient, app: App
):
    ts = asked(client, button("approve", value="a1:v1", style="primary"), select("low", "high"))

    slack.click(APPROVER, ts, "approve").wait()
    slack.click(APPROVER, ts, "choose", "high").wait()

    pressed, chosen = (r.payload for r in app.heard if r.type == "interactive")
    assert pressed["user"]["id"] == APPROVER
    assert pressed["message"]["ts"] == ts
    assert pressed["actions"][0]["value"] == "a1:v1"
    assert chosen["actions"][0]["selected_option"]["value"] == "high"


def test_a_click_without_acknowledgement_is_lost_and_the_person_sees_it(
    slack: SlackServer, client: WebClient, app: App
):
    ts = asked(client, button())
    slack.wait_until_settled()
    app.silent = 1
    delivery = slack.click(APPROVER, ts, "approve")
    slack.wait_for(lambda: any(request.type == "interactive" for request in app.heard))

    slack.expire_acks()

    assert delivery.wait().state == "failed"
    assert len(delivery.attempts) == 1
    assert "trouble" in (delivery.trouble or "")


def test_a_command_is_answered_to_the_one_who_gave_it(slack: SlackServer, app: App):
    app.answer = lambda request: {"text": "on it"} if request.type == "slash_commands" else None

    slack.slash(REQUESTER, "/ml-intern", "train", TRAINING).wait()

    assert app.heard[0].payload["text"] == "train"
    assert slack.ephemerals(REQUESTER)[0].text == "on it"


def test_a_refresh_moves_the_app_to_a_new_socket(slack: SlackServer, app: App):
    app.connect()
    slack.wait_for_sockets(2)

    slack.disconnect("refresh_requested", close_after_s=0.2)
    slack.say(REQUESTER, TRAINING, "meanwhile")

    assert slack.deliveries[0].wait().acked
    slack.wait_for(lambda: len(slack.calls("apps.connections.open")) == 3)
    slack.wait_for_sockets(2)
    assert slack.deliveries[0].attempts[-1].socket == 2


def test_dropped_sockets_come_back(slack: SlackServer, app: App):
    slack.drop_sockets()
    assert slack.open_sockets == 0

    slack.wait_for_sockets(1)
    slack.say(REQUESTER, TRAINING, "back?")
    assert slack.deliveries[0].wait().acked


def test_an_event_whose_envelope_broke_off_comes_again_on_another_socket(
    slack: SlackServer, app: App
):
    app.connect()
    slack.wait_for_sockets(2)
    slack.cut_next_envelope()

    slack.say(REQUESTER, TRAINING, "hello" * 20_000)

    delivery = slack.deliveries[0].wait()
    assert [attempt.outcome for attempt in delivery.attempts][-1] == "acked"
    assert delivery.attempts[0].outcome == "lost"
    assert len(app.heard) == 1


def test_an_old_envelope_can_come_again(slack: SlackServer, app: App):
    slack.say(REQUESTER, TRAINING, "hello")
    delivery = slack.deliveries[0].wait()

    slack.replay(delivery)

    assert app.heard[0].envelope_id == app.heard[1].envelope_id


def test_an_event_can_come_twice(slack: SlackServer, app: App):
    slack.duplicate_next_event()

    slack.say(REQUESTER, TRAINING, "hello")

    slack.wait_for(lambda: len(app.heard) == 2)
    one, other = app.heard
    assert one.envelope_id != other.envelope_id
    assert one.payload == other.payload


def test_what_was_held_comes_in_the_order_that_is_asked_for(slack: SlackServer, app: App):
    slack.hold()
    for text in "abc":
        slack.say(REQUESTER, TRAINING, text)
    assert not app.heard

    slack.release(reversed)

    slack.wait_until_settled()
    assert sorted(r.payload["event"]["text"] for r in app.heard) == ["a", "b", "c"]
    sent = sorted(slack.deliveries, key=lambda one: one.attempts[0].envelope_id)
    assert [one.payload["event"]["text"] for one in sent] == ["c", "b", "a"]


def test_the_eleventh_socket_is_one_too_many(slack: SlackServer):
    with ExitStack() as stack:
        raw = [stack.enter_context(closing(RawSocket(socket_url(slack)))) for _ in range(11)]

        assert [socket.read()["type"] for socket in raw] == ["hello"] * 10 + ["disconnect"]
        assert slack.open_sockets == 10


def test_too_many_websockets_is_the_reason(slack: SlackServer):
    with ExitStack() as stack:
        raw = [stack.enter_context(closing(RawSocket(socket_url(slack)))) for _ in range(11)]

        assert raw[-1].read()["reason"] == "too_many_websockets"


def test_an_address_for_a_socket_is_good_once(slack: SlackServer):
    url = socket_url(slack)

    with closing(RawSocket(url)) as first, closing(RawSocket(url)) as second:
        assert (first.status, second.status) == (101, 401)


def test_down_refuses_everybody_and_up_is_the_same_place(slack: SlackServer, app: App):
    port = slack.url
    slack.down()
    slack.mention(REQUESTER, TRAINING, "into the void")
    slack.up()

    slack.wait_for_sockets(1)
    assert slack.url == port
    slack.retry_now()
    assert slack.deliveries[0].wait().acked


def test_a_socket_that_has_to_go_is_still_used_while_there_is_no_other(slack: SlackServer):
    with closing(RawSocket(socket_url(slack))):
        slack.wait_for_sockets(1)
        slack.disconnect("refresh_requested", close_after_s=5)

        slack.say(REQUESTER, TRAINING, "hello")

        slack.wait_for(lambda: slack.deliveries[0].attempts)
        assert slack.deliveries[0].attempts[0].socket == 1


def test_a_warning_ends_nothing(slack: SlackServer):
    with closing(RawSocket(socket_url(slack))) as raw:
        assert raw.read()["type"] == "hello"
        slack.disconnect("warning")

        assert raw.read() == {
            "type": "disconnect",
            "reason": "warning",
            "debug_info": {"host": "applink-1"},
        }
        assert slack.open_sockets == 1


def test_an_acknowledgement_that_comes_too_late_counts_for_nothing(slack: SlackServer, app: App):
    late = threading.Event()
    app.answer = lambda _: late.wait(5) and None
    delivery = slack.slash(REQUESTER, "/ml-intern", "", TRAINING)
    slack.wait_for(lambda: app.heard)

    slack.expire_acks()
    assert delivery.wait().state == "failed"
    late.set()

    slack.wait_for(lambda: slack.stray_acks)
    assert slack.stray_acks[0]["envelope_id"] == app.heard[0].envelope_id
    assert "operation_timeout" in (delivery.trouble or "")


def test_a_bug_of_the_stand_in_fails_the_test(clock: Clock):
    def use_a_broken_one() -> None:
        with SlackServer(now=clock) as slack:
            slack.workspace.users = None
            client = WebClient(slack.bot_token, base_url=slack.base_url, retry_handlers=[])
            with contextlib.suppress(SlackApiError):
                client.users_info(user="U1")

    with pytest.raises(AssertionError, match="itself"):
        use_a_broken_one()
