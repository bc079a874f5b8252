"""Messages: posted, changed, read back, deleted; only for one person; with files."""

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from tests.support.slack import (
    APPROVER,
    BOT_USER,
    GENERAL,
    REQUESTER,
    STRANGER,
    TRAINING,
    SlackServer,
)
from tests.support.slack.given import actions, button, error_of, section

METADATA = {"event_type": "approval_asked", "event_payload": {"approval_id": "a1"}}


def test_a_posted_message_is_read_back_with_its_metadata(slack: SlackServer, client: WebClient):
    ts = client.chat_postMessage(channel=TRAINING, text="asked", metadata=METADATA)["ts"]
    client.chat_postMessage(channel=TRAINING, text="a reply", thread_ts=ts)

    thread = client.conversations_replies(channel=TRAINING, ts=ts, include_all_metadata=True)

    assert [message["text"] for message in thread["messages"]] == ["asked", "a reply"]
    assert thread["messages"][0]["metadata"] == METADATA
    assert thread["messages"][0]["reply_count"] == 1
    assert [message.text for message in slack.thread(TRAINING, ts)] == ["asked", "a reply"]


def test_without_being_asked_for_metadata_is_left_out(client: WebClient):
    client.chat_postMessage(channel=TRAINING, text="asked", metadata=METADATA)

    assert "metadata" not in client.conversations_history(channel=TRAINING)["messages"][0]


def test_a_reply_to_a_reply_stands_in_the_same_thread(slack: SlackServer, client: WebClient):
    parent = slack.say(REQUESTER, TRAINING, "parent")
    reply = client.chat_postMessage(channel=TRAINING, text="one", thread_ts=parent)["ts"]

    client.chat_postMessage(channel=TRAINING, text="two", thread_ts=reply)

    assert [message.text for message in slack.thread(TRAINING, parent)] == ["parent", "one", "two"]


def test_a_long_thread_comes_in_pages_that_start_with_the_parent(
    slack: SlackServer, client: WebClient
):
    parent = slack.say(REQUESTER, TRAINING, "parent")
    for number in range(5):
        slack.say(REQUESTER, TRAINING, str(number), thread_ts=parent)

    pages = client.conversations_replies(channel=TRAINING, ts=parent, limit=2)

    texts = [[message["text"] for message in page["messages"]] for page in pages]
    assert texts == [["parent", "0", "1"], ["parent", "2", "3"], ["parent", "4"]]


def test_an_update_with_text_alone_removes_the_blocks_and_keeps_the_metadata(
    slack: SlackServer, client: WebClient
):
    ts = client.chat_postMessage(
        channel=TRAINING, text="ask", blocks=[section(), actions(button())], metadata=METADATA
    )["ts"]

    client.chat_update(channel=TRAINING, ts=ts, text="decided")

    message = slack.message(ts)
    assert (message.text, message.blocks, message.metadata) == ("decided", [], METADATA)
    assert message.edited


def test_blocks_without_ids_are_given_some(slack: SlackServer, client: WebClient):
    ts = client.chat_postMessage(channel=TRAINING, text="ask", blocks=[section()])["ts"]

    assert slack.message(ts).blocks[0]["block_id"]


def test_an_ephemeral_message_is_seen_by_one_person_and_not_in_the_history(
    slack: SlackServer, client: WebClient
):
    client.chat_postEphemeral(channel=TRAINING, user=STRANGER, text="not you")

    assert slack.wait_for_ephemeral(STRANGER, "not you").only_for == STRANGER
    assert slack.ephemerals(APPROVER) == []
    assert client.conversations_history(channel=TRAINING)["messages"] == []


def test_a_person_is_written_to_in_a_direct_conversation(slack: SlackServer, client: WebClient):
    opened = client.conversations_open(users=APPROVER)["channel"]["id"]

    posted = client.chat_postMessage(channel=APPROVER, text="psst")

    assert posted["channel"] == opened
    assert client.conversations_info(channel=opened)["channel"]["user"] == APPROVER


def test_a_deleted_message_is_gone(slack: SlackServer, client: WebClient):
    ts = client.chat_postMessage(channel=TRAINING, text="oops")["ts"]

    client.chat_delete(channel=TRAINING, ts=ts)

    assert slack.messages(TRAINING) == []


def test_a_file_is_uploaded_in_three_steps_and_stands_in_the_thread(
    slack: SlackServer, client: WebClient
):
    parent = slack.say(REQUESTER, TRAINING, "parent")

    done = client.files_upload_v2(
        channel=TRAINING, thread_ts=parent, content="print(1)", filename="train.py", title="Script"
    )

    file = slack.workspace.files[done["file"]["id"]]
    assert file.content == b"print(1)"
    assert slack.thread(TRAINING, parent)[1].files == [file.id]
    _, reply = client.conversations_replies(channel=TRAINING, ts=parent)["messages"]
    assert [one["title"] for one in reply["files"]] == ["Script"]
    assert client.files_info(file=file.id)["file"]["title"] == "Script"


def test_a_picture_in_a_block_must_be_a_file_that_slack_has(slack: SlackServer, client: WebClient):
    def picture(file_id: str) -> list[dict]:
        return [{"type": "image", "alt_text": "loss", "slack_file": {"id": file_id}}]

    file = client.files_upload_v2(content=b"png", filename="loss.png")["file"]["id"]
    client.chat_postMessage(channel=TRAINING, text="loss", blocks=picture(file))

    with pytest.raises(SlackApiError) as refused:
        client.chat_postMessage(channel=TRAINING, text="loss", blocks=picture("F0NONE"))
    assert error_of(refused.value) == "invalid_blocks"


def test_channels_are_listed_joined_and_told_apart(client: WebClient):
    listed = {one["name"]: one for one in client.conversations_list()["channels"]}
    assert listed["training"]["is_member"]
    assert not listed["general"]["is_member"]

    client.conversations_join(channel=listed["general"]["id"])

    assert client.conversations_info(channel=listed["general"]["id"])["channel"]["is_member"]


def test_people_groups_links_and_reactions(slack: SlackServer, client: WebClient):
    slack.add_user_group("S0APPROVERS", [APPROVER])
    ts = slack.say(REQUESTER, TRAINING, "hello")

    client.reactions_add(channel=TRAINING, timestamp=ts, name="eyes")

    assert client.usergroups_users_list(usergroup="S0APPROVERS")["users"] == [APPROVER]
    assert client.users_info(user=APPROVER)["user"]["name"] == "approver"
    assert (
        ts.replace(".", "")
        in client.chat_getPermalink(channel=TRAINING, message_ts=ts)["permalink"]
    )
    assert "eyes" in slack.message(ts).reactions


def test_the_scopes_of_a_token_stand_in_the_headers(client: WebClient):
    assert "chat:write" in client.auth_test().headers["x-oauth-scopes"].split(",")


def test_history_is_read_between_two_times_and_newest_first(slack: SlackServer, client: WebClient):
    first, middle, last = (slack.say(REQUESTER, TRAINING, text) for text in "abc")

    def read(**between: object) -> str:
        history = client.conversations_history(channel=TRAINING, **between)
        return "".join(message["text"] for message in history["messages"])

    assert read() == "cba"
    assert read(oldest=first) == "cb"
    assert read(oldest=middle, latest=last, inclusive=True) == "cb"
    assert read(oldest=middle, latest=last) == ""


def test_the_channels_of_the_bot_come_page_by_page_and_by_kind(
    slack: SlackServer, client: WebClient
) -> None:
    slack.dm(REQUESTER, "hello")
    slack.channel(GENERAL).members.add(BOT_USER)
    kinds = "public_channel,private_channel,im"
    first = client.users_conversations(types=kinds, limit=2)
    rest = client.users_conversations(
        types=kinds, limit=2, cursor=first["response_metadata"]["next_cursor"]
    )
    found = [one["id"] for page in (first, rest) for one in page["channels"]]
    assert found[:2] == [TRAINING, GENERAL]
    assert found[2].startswith("D")
    assert rest["response_metadata"]["next_cursor"] == ""
    slack.tokens.bot.scopes.discard("im:read")
    with pytest.raises(SlackApiError, match="missing_scope"):
        client.users_conversations(types=kinds)
