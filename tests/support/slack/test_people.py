"""What people type and press, and what is said back to them alone."""

import http.client
import json
from urllib.parse import urlsplit

import pytest
from slack_sdk import WebClient
from slack_sdk.webhook import WebhookClient

from tests.support.slack import (
    APPROVER,
    GENERAL,
    REQUESTER,
    STRANGER,
    TRAINING,
    CannotDo,
    SlackServer,
)
from tests.support.slack.conftest import App, Clock
from tests.support.slack.given import actions, button, section


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("if a < b & c > d", "if a &lt; b &amp; c &gt; d"),
        ("see https://example.com/x?a=1&b=2 now", "see <https://example.com/x?a=1&amp;b=2> now"),
        ("ask <@U0APPROVER> <#C0TRAINING>", "ask <@U0APPROVER> <#C0TRAINING>"),
    ],
)
def test_what_is_typed_arrives_as_slack_writes_it(slack: SlackServer, typed: str, sent: str):
    slack.say(REQUESTER, TRAINING, typed)

    assert slack.deliveries[0].payload["event"]["text"] == sent


def test_a_direct_message_is_of_its_own_kind(slack: SlackServer, app: App):
    slack.dm(REQUESTER, "status")

    slack.wait_until_settled()
    assert app.heard[0].payload["event"]["channel_type"] == "im"


def test_the_app_hears_nothing_from_where_it_is_not(slack: SlackServer):
    slack.mention(REQUESTER, GENERAL, "hello?")

    assert slack.deliveries == []


def test_a_reply_names_who_began_the_thread(slack: SlackServer):
    ts = slack.say(REQUESTER, TRAINING, "train")
    slack.say(APPROVER, TRAINING, "yes", thread_ts=ts)

    event = slack.events("message")[-1].payload["event"]
    assert (event["thread_ts"], event["parent_user_id"]) == (ts, REQUESTER)


def test_a_message_that_is_changed_or_deleted_is_told_as_such(slack: SlackServer):
    ts = slack.say(REQUESTER, TRAINING, "train")

    slack.edit(REQUESTER, ts, "train it")
    slack.unsay(REQUESTER, ts)

    _, changed, deleted = (one.payload["event"] for one in slack.deliveries)
    assert changed["subtype"] == "message_changed"
    assert changed["message"]["text"] == "train it"
    assert changed["previous_message"]["text"] == "train"
    assert (deleted["subtype"], deleted["deleted_ts"]) == ("message_deleted", ts)
    with pytest.raises(CannotDo, match="no message"):
        slack.edit(REQUESTER, ts, "gone")


def test_another_bot_and_a_guest_can_be_told_from_members(slack: SlackServer, client: WebClient):
    slack.add_user("U0OTHERBOT", "otherbot", is_bot=True)
    slack.add_user("U0GUEST", "guest", team="T0OTHER")
    slack.channel(TRAINING).members.update({"U0OTHERBOT", "U0GUEST"})
    ts = client.chat_postMessage(channel=TRAINING, text="?", blocks=[actions(button())])["ts"]

    slack.say("otherbot", TRAINING, "beep")
    slack.say("guest", TRAINING, "hello")
    click = slack.click("guest", ts, "approve")

    _, bot, guest = (one.payload["event"] for one in slack.events("message"))
    assert bot["bot_id"] == "B0OTHERBOT"
    assert guest["team"] == "T0OTHER"
    assert click.payload["user"]["team_id"] == "T0OTHER"


def test_nobody_writes_where_they_are_not(slack: SlackServer):
    slack.kick(TRAINING, STRANGER)

    with pytest.raises(CannotDo, match="not in"):
        slack.say(STRANGER, TRAINING, "hello")
    with pytest.raises(CannotDo, match="No message"):
        slack.say(REQUESTER, TRAINING, "hello", thread_ts="1.000001")


def test_an_ephemeral_button_is_pressed_by_the_one_who_sees_it(
    slack: SlackServer, client: WebClient, app: App
):
    client.chat_postEphemeral(
        channel=TRAINING, user=APPROVER, text="?", blocks=[actions(button("again"))]
    )
    ts = slack.wait_for_ephemeral(APPROVER).ts

    told = slack.click(APPROVER, ts, "again").wait().payload

    assert told["container"]["is_ephemeral"]
    assert "message" not in told
    with pytest.raises(CannotDo, match="does not see"):
        slack.click(STRANGER, ts, "again")


def test_a_response_url_changes_its_message_five_times_in_half_an_hour(
    slack: SlackServer, client: WebClient, clock: Clock
):
    ts = client.chat_postMessage(channel=TRAINING, text="?", blocks=[actions(button())])["ts"]
    url = slack.click(APPROVER, ts, "approve").payload["response_url"]
    late = slack.click(APPROVER, ts, "approve").payload["response_url"]

    for _ in range(5):
        assert WebhookClient(url).send(text="decided", replace_original=True).status_code == 200

    assert slack.message(ts).text == "decided"
    assert WebhookClient(url).send(text="again").body == "used_url"
    clock.pass_by(31 * 60)
    assert WebhookClient(late).send(text="again").body == "expired_url"


def test_a_response_url_speaks_to_one_person_unless_told_otherwise(slack: SlackServer):
    url = slack.slash(REQUESTER, "/ml-intern", "status", TRAINING).payload["response_url"]

    WebhookClient(url).send(text="for you")
    WebhookClient(url).send(text="for all", response_type="in_channel")

    assert slack.ephemerals(REQUESTER)[0].text == "for you"
    assert [message.text for message in slack.messages(TRAINING)] == ["for all"]


def test_a_command_answered_with_nothing_to_say_is_trouble(slack: SlackServer, app: App):
    app.answer = lambda _: {"text": ""}

    assert "no_text" in (slack.slash(REQUESTER, "/ml-intern", "", TRAINING).wait().trouble or "")


def test_what_stands_on_a_message_can_be_read(slack: SlackServer, client: WebClient):
    blocks = [section("cost: 3 $"), actions(button("approve"), button("deny", "Deny"))]
    client.chat_postMessage(channel=TRAINING, text="asked", blocks=blocks)

    message = slack.wait_for_message(TRAINING, "asked")

    assert message.words.split("\n") == ["asked", "cost: 3 $", "Approve", "Deny"]
    assert message.action_ids == ["approve", "deny"]


def test_an_upload_of_another_length_is_refused(slack: SlackServer, client: WebClient):
    url = client.files_getUploadURLExternal(filename="a.txt", length=3)["upload_url"]
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=5)

    connection.request("POST", parts.path, json.dumps("four").encode())

    assert connection.getresponse().status == 400
    connection.close()
