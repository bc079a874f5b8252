"""Everything that is refused, with Slack's word for it and the place that it names."""

import http.client
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from tests.support.slack import (
    APPROVER,
    BOT_SCOPES,
    GENERAL,
    PRIVATE,
    REQUESTER,
    STRANGER,
    TRAINING,
    SlackServer,
)
from tests.support.slack.given import (
    actions,
    button,
    error_of,
    modal,
    mrkdwn,
    option,
    plain,
    section,
    select,
    text_input,
)

Do = Callable[[SlackServer, WebClient], Any]


def refusal(act: Callable[[], Any]) -> SlackApiError:
    with pytest.raises(SlackApiError) as refused:
        act()
    assert refused.value.response.status_code == 200
    return refused.value


def post(**content: Any) -> Do:
    return lambda _, client: client.chat_postMessage(**{"channel": TRAINING, **content})


def update(**content: Any) -> Do:
    def do(_: SlackServer, client: WebClient) -> None:
        ts = client.chat_postMessage(channel=TRAINING, text="first")["ts"]
        client.chat_update(**{"channel": TRAINING, "ts": ts, **content})

    return do


def others_message(method: str) -> Do:
    def do(slack: SlackServer, client: WebClient) -> None:
        ts = slack.say(REQUESTER, TRAINING, "mine")
        client.api_call(method, params={"channel": TRAINING, "ts": ts, "text": "yours"})

    return do


def frozen(slack: SlackServer, client: WebClient) -> None:
    ts = client.chat_postMessage(channel=TRAINING, text="first")["ts"]
    slack.freeze(ts)
    client.chat_update(channel=TRAINING, ts=ts, text="too late")


def into_an_archive(slack: SlackServer, client: WebClient) -> None:
    slack.archive(TRAINING)
    client.chat_postMessage(channel=TRAINING, text="x")


def changed_in_an_archive(slack: SlackServer, client: WebClient) -> None:
    ts = client.chat_postMessage(channel=TRAINING, text="before")["ts"]
    slack.archive(TRAINING)
    client.chat_update(channel=TRAINING, ts=ts, text="after")


def ephemeral_to_nobody(slack: SlackServer, client: WebClient) -> None:
    slack.kick(TRAINING, STRANGER)
    client.chat_postEphemeral(channel=TRAINING, user=STRANGER, text="psst")


def twice(method: str, **params: Any) -> Do:
    def do(slack: SlackServer, client: WebClient) -> None:
        ts = slack.say(REQUESTER, TRAINING, "hello")
        for _ in range(2):
            client.api_call(method, params={"timestamp": ts, "channel": TRAINING, **params})

    return do


def call(method: str, **params: Any) -> Do:
    return lambda _, client: client.api_call(method, params=params)


LARGE = {"event_type": "a", "event_payload": {"x": "y" * 8000}}

METHODS: list[tuple[str, Do]] = [
    ("channel_not_found", post(channel="C0NOWHERE", text="x")),
    ("not_in_channel", post(channel=GENERAL, text="x")),
    ("channel_not_found", post(channel=PRIVATE, text="x")),
    ("is_archived", into_an_archive),
    ("is_inactive", changed_in_an_archive),
    ("no_text", post(text="")),
    ("no_text", post(text=" \n")),
    ("msg_too_long", post(text="x" * 40_001)),
    ("thread_not_found", post(text="x", thread_ts="1.000001")),
    ("invalid_blocks_format", post(text="x", blocks="[{]")),
    ("invalid_blocks_format", post(text="x", blocks='{"type": "divider"}')),
    ("markdown_text_conflict", post(text="x", markdown_text="y")),
    ("msg_blocks_too_long", post(blocks=[{"type": "markdown", "text": "x" * 7000}] * 2)),
    ("invalid_metadata_format", post(text="x", metadata={"event_type": "a"})),
    ("invalid_metadata_format", post(text="x", metadata={"event_payload": {}})),
    ("invalid_metadata_format", post(text="x", metadata={"event_type": "a", "event_payload": 1})),
    ("invalid_metadata_format", post(text="x", metadata="not json")),
    ("metadata_too_large", post(text="x", metadata=LARGE)),
    ("message_not_found", update(ts="1.000001", text="x")),
    ("channel_not_found", update(channel="C0NOWHERE", text="x")),
    ("msg_too_long", update(text="x" * 4001)),
    ("no_text", update(text="")),
    ("cant_update_message", others_message("chat.update")),
    ("cant_delete_message", others_message("chat.delete")),
    ("edit_window_closed", frozen),
    ("user_not_in_channel", ephemeral_to_nobody),
    ("message_not_found", call("chat.getPermalink", channel=TRAINING, message_ts="1.000001")),
    ("thread_not_found", call("conversations.replies", channel=TRAINING, ts="1.000001")),
    ("not_in_channel", call("conversations.history", channel=GENERAL)),
    ("channel_not_found", call("conversations.history", channel=PRIVATE)),
    ("channel_not_found", call("conversations.info", channel="training")),
    ("invalid_cursor", call("conversations.history", channel=TRAINING, cursor="~")),
    ("invalid_limit", call("conversations.history", channel=TRAINING, limit=1001)),
    ("users_list_not_supplied", call("conversations.open")),
    ("user_not_found", call("conversations.open", users="U0NOBODY")),
    ("user_not_found", call("users.info", user="U0NOBODY")),
    ("no_such_subteam", call("usergroups.users.list", usergroup="S0NONE")),
    ("already_reacted", twice("reactions.add", name="eyes")),
    ("invalid_name", twice("reactions.add", name=":eyes:")),
    ("file_not_found", call("files.completeUploadExternal", files='[{"id": "F0NONE"}]')),
    ("file_not_found", call("files.info", file="F0NONE")),
    ("invalid_arguments", call("files.getUploadURLExternal", filename="a", length=0)),
    ("not_found", call("views.update", view_id="V0NONE", view=json.dumps(modal()))),
    ("unknown_method", call("chat.postMesage", channel=TRAINING)),
    ("not_allowed_token_type", call("apps.connections.open")),
]


@pytest.mark.filterwarnings("ignore:The top-level `text` argument is missing")
@pytest.mark.parametrize(
    ("error", "do"), METHODS, ids=[f"{n}-{error}" for n, (error, _) in enumerate(METHODS)]
)
def test_a_method_refuses(slack: SlackServer, client: WebClient, error: str, do: Do):
    assert error_of(refusal(lambda: do(slack, client))) == error


CONFIRM = {name: plain("x") for name in ("title", "text", "confirm", "deny")}
URL = "https://example.com/x.png"

BLOCKS: list[tuple[str, Any]] = [
    ("/blocks no more than 50 items", [section()] * 51),
    ("/blocks/0 must be an object", ["text"]),
    ("/blocks/0/type unsupported type: None", [{"text": "x"}]),
    ("/blocks/0/type unsupported type: sectoin", [{"type": "sectoin"}]),
    ("/blocks/0 missing required field: text or fields", [{"type": "section"}]),
    ("/blocks/0/text/text must be less than 3001", [section("x" * 3001)]),
    ("/blocks/0/text/text must be more than 0", [section("")]),
    ("/blocks/0/text must be an object", [{"type": "section", "text": "x"}]),
    ("/blocks/0/text/type must be a valid enum", [{"type": "section", "text": {"type": "html"}}]),
    ("/blocks/0 invalid additional property: colour", [section(colour="red")]),
    ("/blocks/0/fields no more than 10", [section(fields=[mrkdwn("x")] * 11)]),
    ("/blocks/0/fields/0/text must be less than 2001", [section(fields=[mrkdwn("x" * 2001)])]),
    ("/blocks/0/block_id must be less than 256", [section(block_id="b" * 256)]),
    ('/blocks/1/block_id `block_id` "b"', [section(block_id="b"), section(block_id="b")]),
    ("/blocks/0/text/text must be less than 151", [{"type": "header", "text": plain("x" * 151)}]),
    ("/blocks/0/text/type must be a valid enum", [{"type": "header", "text": mrkdwn("x")}]),
    ("/blocks/0/elements no more than 25", [actions(*[button(f"b{n}") for n in range(26)])]),
    ("/blocks/0/elements no fewer than 1", [actions()]),
    ('/blocks/0 `action_id` "a" already exists', [actions(button("a"), button("a"))]),
    ("/blocks/0/elements/0/action_id must be less than 256", [actions(button("a" * 256))]),
    ("/blocks/0/elements/0/text/text must be less than 76", [actions(button(text="x" * 76))]),
    ("/blocks/0/elements/0/value must be less than 2001", [actions(button(value="x" * 2001))]),
    ("/blocks/0/elements/0/style value must be one of", [actions(button(style="green"))]),
    ("/blocks/0/elements/0/url invalid url", [actions(button(url="javascript:x"))]),
    ("/blocks/0/elements/0 invalid additional property: disabled", [actions(button(disabled=1))]),
    ("/blocks/0/elements/0/type unsupported type", [actions({"type": "plain_text_input"})]),
    (
        "/blocks/0/elements/0/confirm/title/text must be less than 101",
        [actions(button(confirm=CONFIRM | {"title": plain("x" * 101)}))],
    ),
    (
        "/blocks/0/elements/0/confirm missing required field: deny",
        [actions(button(confirm={k: v for k, v in CONFIRM.items() if k != "deny"}))],
    ),
    ("/blocks/0/elements/0/options no more than 100", [actions(select(*map(str, range(101))))]),
    ("/blocks/0/elements/0/options no fewer than 1", [actions(select())]),
    ("/blocks/0/elements/0/options/0/value must be less than 151", [actions(select("v" * 151))]),
    (
        "/blocks/0/elements/0/placeholder/text must be less than 151",
        [actions(select("v", placeholder=plain("x" * 151)))],
    ),
    (
        "/blocks/0/elements/0/placeholder/type must be a valid enum",
        [actions(select("v", placeholder=mrkdwn("x")))],
    ),
    (
        "/blocks/0/elements/0/initial_option `initial_option` must match",
        [actions(select("v", initial_option=option("w")))],
    ),
    (
        "/blocks/0/elements/0/options no more than 5",
        [actions({"type": "overflow", "action_id": "o", "options": [option("v")] * 6})],
    ),
    ("/blocks/0/elements no more than 10", [{"type": "context", "elements": [mrkdwn("x")] * 11}]),
    ("/blocks/0/elements/0/type must be a valid", [{"type": "context", "elements": [button()]}]),
    ("/blocks/0 missing required field: alt_text", [{"type": "image", "image_url": URL}]),
    ("/blocks/0 must provide exactly one of", [{"type": "image", "alt_text": "x"}]),
    (
        "/blocks/0/slack_file invalid slack file",
        [{"type": "image", "alt_text": "x", "slack_file": {"id": "F0NONE"}}],
    ),
    ("/blocks/0/image_url invalid url", [{"type": "image", "alt_text": "x", "image_url": "/tmp"}]),
    ("/blocks/0/text must be less than 12001", [{"type": "markdown", "text": "x" * 12_001}]),
    ("/blocks/0/accessory/type unsupported type", [section(accessory=text_input()["element"])]),
]


def where_and_what(message: str) -> str:
    """`place message`, from `[ERROR] message [json-pointer:place]`."""
    found = re.fullmatch(r"\[ERROR\] (.*) \[json-pointer:(.*)\]", message, re.DOTALL)
    assert found, message
    return f"{found[2]} {found[1]}"


@pytest.fixture(scope="module")
def still() -> Any:
    """One server for the tables that change nothing."""
    with SlackServer(pace_s=None, tiers=False) as slack:
        yield slack


def client_of(slack: SlackServer) -> WebClient:
    return WebClient(slack.bot_token, base_url=slack.base_url, retry_handlers=[])


@pytest.mark.parametrize(("expected", "blocks"), BLOCKS, ids=[name for name, _ in BLOCKS])
def test_blocks_are_refused_with_the_place(still: SlackServer, expected: str, blocks: Any):
    client = client_of(still)

    refused = refusal(lambda: client.chat_postMessage(channel=TRAINING, text="x", blocks=blocks))

    assert error_of(refused) == "invalid_blocks"
    messages = refused.response["response_metadata"]["messages"]
    assert any(where_and_what(message).startswith(expected) for message in messages), messages


FULL = [
    {"type": "header", "text": plain("x" * 150)},
    section("x" * 3000, fields=[mrkdwn("x" * 2000)] * 10, block_id="b" * 255),
    {"type": "context", "elements": [mrkdwn("x")] * 10},
    actions(*[button(f"b{n}", "x" * 75, value="v" * 2000) for n in range(24)], select("a" * 75)),
    {"type": "image", "alt_text": "x", "image_url": URL, "title": plain("x")},
    section(accessory=button(style="danger", confirm=CONFIRM)),
    {"type": "divider"},
    text_input(),
]


def test_blocks_that_fill_every_limit_are_taken(still: SlackServer):
    blocks = FULL + [section()] * (50 - len(FULL))

    assert client_of(still).chat_postMessage(channel=TRAINING, text="x" * 40_000, blocks=blocks)


VIEWS: list[tuple[str, Any]] = [
    ("/view missing required field: title", {"type": "modal", "blocks": []}),
    ("/view missing required field: blocks", {"type": "modal", "title": plain("x")}),
    ("/view/type value must be one of: modal", modal(type="home")),
    ("/view/title/text must be less than 25", modal(title=plain("x" * 25))),
    ("/view/title/type must be a valid enum", modal(title=mrkdwn("x"))),
    ("/view/submit/text must be less than 25", modal(submit=plain("x" * 25))),
    ("/view/close/text must be less than 25", modal(close=plain("x" * 25))),
    ("/view/private_metadata must be less than 3001", modal(private_metadata="x" * 3001)),
    ("/view/callback_id must be less than 256", modal(callback_id="x" * 256)),
    ("/view/blocks no more than 100", modal(*[section()] * 101)),
    ("/view invalid additional property: colour", modal(colour="red")),
    (
        "/view missing required field: submit",
        {"type": "modal", "title": plain("x"), "blocks": [text_input()]},
    ),
    (
        "/view/blocks/0/label/text must be less than 2001",
        modal(text_input() | {"label": plain("x" * 2001)}),
    ),
    ("/view/blocks/0/element/initial_value must be", modal(text_input(initial_value="x" * 3001))),
    ("/view/blocks/0/element/max_length must be between", modal(text_input(max_length=3001))),
    ("/view/blocks/0/element/min_length must be between", modal(text_input(min_length=-1))),
    ("/view/blocks/0/element/initial_value must be", modal(text_input(
        initial_value="xx", max_length=1))),
    ("/view/blocks/0/type unsupported type", modal({"type": "markdown", "text": "x"})),
    ("/view/blocks/0/element/type unsupported type", modal(text_input() | {"element": button()})),
]  # fmt: skip


@pytest.mark.parametrize(("expected", "view"), VIEWS, ids=[name for name, _ in VIEWS])
def test_views_are_refused_with_the_place(still: SlackServer, expected: str, view: Any):
    client = client_of(still)
    trigger_id = still.slash(APPROVER, "/ml-intern", "", TRAINING).payload["trigger_id"]

    refused = refusal(lambda: client.views_open(trigger_id=trigger_id, view=view))

    assert error_of(refused) == "invalid_arguments"
    messages = refused.response["response_metadata"]["messages"]
    assert any(where_and_what(message).startswith(expected) for message in messages), messages


def test_a_refused_view_leaves_its_trigger_usable(still: SlackServer):
    client = client_of(still)
    trigger_id = still.slash(APPROVER, "/ml-intern", "", TRAINING).payload["trigger_id"]
    refusal(lambda: client.views_open(trigger_id=trigger_id, view=modal(colour="red")))

    assert client.views_open(trigger_id=trigger_id, view=modal())["ok"]


SCOPES: list[tuple[str, str, dict[str, Any]]] = [
    ("chat:write", "chat.postMessage", {"channel": TRAINING, "text": "x"}),
    ("chat:write", "chat.update", {"channel": TRAINING, "ts": "1.1", "text": "x"}),
    ("chat:write", "chat.postEphemeral", {"channel": TRAINING, "user": APPROVER, "text": "x"}),
    ("channels:history", "conversations.history", {"channel": TRAINING}),
    ("channels:history", "conversations.replies", {"channel": TRAINING, "ts": "1.1"}),
    ("channels:read", "conversations.info", {"channel": TRAINING}),
    ("channels:read", "conversations.list", {}),
    ("groups:read", "conversations.list", {"types": "private_channel"}),
    ("channels:join", "conversations.join", {"channel": GENERAL}),
    ("im:write", "conversations.open", {"users": APPROVER}),
    ("users:read", "users.info", {"user": APPROVER}),
    ("usergroups:read", "usergroups.users.list", {"usergroup": "S1"}),
    ("files:write", "files.getUploadURLExternal", {"filename": "a", "length": 1}),
    ("files:write", "files.completeUploadExternal", {"files": "[]"}),
    ("files:read", "files.info", {"file": "F1"}),
    ("reactions:write", "reactions.add", {"channel": TRAINING, "timestamp": "1.1", "name": "x"}),
    (
        "metadata.message:read",
        "conversations.history",
        {"channel": TRAINING, "include_all_metadata": 1},
    ),
]


@pytest.mark.parametrize(("scope", "method", "params"), SCOPES)
def test_a_missing_scope_is_named(scope: str, method: str, params: dict[str, Any]):
    with SlackServer(scopes=BOT_SCOPES - {scope}) as slack:
        refused = refusal(lambda: client_of(slack).api_call(method, params=params))

    assert error_of(refused) == "missing_scope"
    assert scope in refused.response["needed"].split(",")
    assert scope not in refused.response["provided"].split(",")


def test_an_event_needs_its_scope():
    with SlackServer(scopes=BOT_SCOPES - {"app_mentions:read"}) as slack:
        slack.mention(REQUESTER, TRAINING, "hello")

        assert [one.payload["event"]["type"] for one in slack.deliveries] == ["message"]


@pytest.mark.parametrize(("token", "error"), [("", "not_authed"), ("xoxb-other", "invalid_auth")])
def test_without_a_good_token_nothing_is_done(still: SlackServer, token: str, error: str):
    client = WebClient(token, base_url=still.base_url, retry_handlers=[])

    assert error_of(refusal(client.auth_test)) == error


def test_an_app_token_is_for_sockets_alone(still: SlackServer):
    client = WebClient(still.app_token, base_url=still.base_url, retry_handlers=[])

    refused = refusal(lambda: client.chat_postMessage(channel=TRAINING, text="x"))

    assert error_of(refused) == "not_allowed_token_type"


def send(slack: SlackServer, body: bytes, content_type: str | None, *, auth: bool = True) -> Any:
    connection = http.client.HTTPConnection(slack.url.removeprefix("http://"), timeout=5)
    headers = {"Content-Type": content_type} if content_type else {}
    headers |= {"Authorization": f"Bearer {slack.bot_token}"} if auth else {}
    try:
        connection.request("POST", "/api/chat.postMessage", body, headers)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


GOOD = json.dumps({"channel": TRAINING, "text": "x"}).encode()
BODIES = [
    (b"{", "application/json; charset=utf-8", "invalid_json"),
    (b"[]", "application/json; charset=utf-8", "json_not_object"),
    (GOOD, "text/plain", "invalid_post_type"),
    (GOOD, None, "missing_post_type"),
    (b"text=x", "application/x-www-form-urlencoded", "invalid_arguments"),
    (b"", None, "invalid_arguments"),
]


@pytest.mark.parametrize(("body", "content_type", "error"), BODIES)
def test_a_body_that_cannot_be_read(
    still: SlackServer, body: bytes, content_type: str | None, error: str
):
    assert send(still, body, content_type)["error"] == error


def test_a_token_may_stand_in_a_form_and_not_in_json(still: SlackServer):
    form = f"token={still.bot_token}&channel={TRAINING}&text=x".encode()
    in_json = json.dumps({"token": still.bot_token, "channel": TRAINING, "text": "x"}).encode()

    assert send(still, form, "application/x-www-form-urlencoded", auth=False)["ok"]
    answer = send(still, in_json, "application/json; charset=utf-8", auth=False)
    assert answer["error"] == "not_authed"


def test_json_without_a_charset_is_taken_with_a_warning(still: SlackServer):
    assert send(still, GOOD, "application/json")["warning"] == "missing_charset"
