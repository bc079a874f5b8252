"""Modals there and back: opened for a trigger, filled in, answered, closed."""

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from tests.support.slack import APPROVER, REQUESTER, STRANGER, TRAINING, CannotDo, SlackServer
from tests.support.slack.conftest import App, Clock
from tests.support.slack.given import (
    actions,
    button,
    error_of,
    modal,
    plain,
    section,
    select,
    text_input,
)


def trigger(slack: SlackServer, user: str = APPROVER) -> str:
    return slack.slash(user, "/ml-intern", "", TRAINING).payload["trigger_id"]


def opened(slack: SlackServer, client: WebClient, **more: object) -> str:
    view = modal(text_input(initial_value="print(1)"), **more)
    return client.views_open(trigger_id=trigger(slack), view=view)["view"]["id"]


def test_a_click_opens_a_modal_and_its_fields_come_back(
    slack: SlackServer, client: WebClient, app: App
):
    ts = client.chat_postMessage(channel=TRAINING, text="?", blocks=[actions(button("edit"))])["ts"]
    view = modal(text_input(initial_value="print(1)"), private_metadata="a1:v1", callback_id="edit")

    def answer(request):
        if request.payload.get("type") == "block_actions":
            client.views_open(trigger_id=request.payload["trigger_id"], view=view)

    app.answer = answer
    slack.click(APPROVER, ts, "edit").wait()
    shown = slack.wait_for_view(APPROVER)
    submission = slack.submit_view(APPROVER, shown.id, {"text": "print(2)"}).wait()

    told = submission.payload["view"]
    assert told["state"]["values"]["script"]["text"]["value"] == "print(2)"
    assert (told["private_metadata"], told["callback_id"]) == ("a1:v1", "edit")
    assert submission.acked
    assert slack.screen(APPROVER) == []


def test_errors_are_written_under_the_field_and_the_modal_stays(
    slack: SlackServer, client: WebClient, app: App
):
    view_id = opened(slack, client)
    errors = {"script": "Does not compile"}
    app.answer = lambda _: {"response_action": "errors", "errors": errors}

    slack.submit_view(APPROVER, view_id).wait()
    assert slack.screen(APPROVER)[0].errors == errors

    app.answer = lambda _: None
    slack.submit_view(APPROVER, view_id, {"script": {"text": "print(2)"}}).wait()
    assert slack.screen(APPROVER) == []


def test_errors_for_a_field_that_is_not_there_are_trouble(
    slack: SlackServer, client: WebClient, app: App
):
    view_id = opened(slack, client)
    app.answer = lambda _: {"response_action": "errors", "errors": {"text": "no such block"}}

    delivery = slack.submit_view(APPROVER, view_id).wait()

    assert "no such" not in str(slack.screen(APPROVER)[0].errors)
    assert "script" in (delivery.trouble or "")


@pytest.mark.parametrize(
    ("answer", "titles"),
    [
        ({"response_action": "update", "view": modal(section(), title=plain("Sure?"))}, ["Sure?"]),
        (
            {"response_action": "push", "view": modal(section(), title=plain("Sure?"))},
            ["Edit", "Sure?"],
        ),
        ({"response_action": "clear"}, []),
        (None, []),
    ],
)
def test_an_answer_changes_what_is_on_the_screen(
    slack: SlackServer, client: WebClient, app: App, answer: dict | None, titles: list[str]
):
    view_id = opened(slack, client)
    app.answer = lambda _: answer

    slack.submit_view(APPROVER, view_id).wait()

    assert [view.definition["title"]["text"] for view in slack.screen(APPROVER)] == titles


def test_a_view_that_slack_would_not_show_is_trouble(
    slack: SlackServer, client: WebClient, app: App
):
    view_id = opened(slack, client)
    view = modal(title=plain("t" * 25))
    app.answer = lambda _: {"response_action": "update", "view": view}

    delivery = slack.submit_view(APPROVER, view_id).wait()

    assert "less than 25 characters" in (delivery.trouble or "")


def test_what_the_window_does_not_allow_cannot_be_submitted(slack: SlackServer, client: WebClient):
    view_id = opened(slack, client)

    with pytest.raises(CannotDo, match="required"):
        slack.submit_view(APPROVER, view_id, {"text": ""})
    with pytest.raises(CannotDo, match="no field"):
        slack.submit_view(APPROVER, view_id, {"other": "x"})
    with pytest.raises(CannotDo, match="3001 characters"):
        slack.submit_view(APPROVER, view_id, {"text": "x" * 3001})
    with pytest.raises(CannotDo, match="not what"):
        slack.submit_view(STRANGER, view_id)


def test_a_click_that_nobody_could_make_fails(slack: SlackServer, client: WebClient):
    slack.kick(TRAINING, STRANGER)
    ts = client.chat_postMessage(
        channel=TRAINING, text="?", blocks=[actions(button(), select("low"))]
    )["ts"]

    with pytest.raises(CannotDo, match="0 elements"):
        slack.click(APPROVER, ts, "deny")
    with pytest.raises(CannotDo, match="no option"):
        slack.click(APPROVER, ts, "choose", "high")
    with pytest.raises(CannotDo, match="not in"):
        slack.click(STRANGER, ts, "approve")
    client.chat_update(channel=TRAINING, ts=ts, text="decided")
    with pytest.raises(CannotDo, match="0 elements"):
        slack.click(APPROVER, ts, "approve")


def test_a_trigger_is_good_for_one_modal_and_three_seconds(
    slack: SlackServer, client: WebClient, clock: Clock
):
    used, late = trigger(slack), trigger(slack)
    client.views_open(trigger_id=used, view=modal())

    def refused(trigger_id: str) -> str:
        with pytest.raises(SlackApiError) as refusal:
            client.views_open(trigger_id=trigger_id, view=modal())
        return error_of(refusal.value)

    assert refused(used) == "exchanged_trigger_id"
    clock.pass_by(3.1)
    assert refused(late) == "expired_trigger_id"
    assert refused("9999.9999.abcdef") == "invalid_trigger_id"
    assert refused("nonsense") == "invalid_arguments"


def test_an_update_with_an_old_hash_is_refused(slack: SlackServer, client: WebClient):
    view_id = opened(slack, client)
    old = slack.screen(APPROVER)[0].hash
    client.views_update(view_id=view_id, hash=old, view=modal(section("newer")))

    with pytest.raises(SlackApiError) as refused:
        client.views_update(view_id=view_id, hash=old, view=modal(section("newest")))

    assert error_of(refused.value) == "hash_conflict"


def test_three_modals_lie_on_each_other_and_no_more(
    slack: SlackServer, client: WebClient, app: App
):
    view = modal(actions(button("more")))
    client.views_open(trigger_id=trigger(slack), view=view)

    def push() -> None:
        click = slack.click_in_view(APPROVER, slack.screen(APPROVER)[-1].id, "more").wait()
        client.views_push(trigger_id=click.payload["trigger_id"], view=view)

    push()
    push()
    with pytest.raises(SlackApiError) as refused:
        push()

    assert error_of(refused.value) == "push_limit_reached"
    assert len(slack.screen(APPROVER)) == 3


def test_a_closed_modal_is_told_only_when_the_view_asks_for_it(
    slack: SlackServer, client: WebClient, app: App
):
    quiet = opened(slack, client)
    assert slack.close_view(APPROVER, quiet) is None

    told = opened(slack, client, notify_on_close=True)
    closed = slack.close_view(APPROVER, told)
    assert closed is not None
    assert closed.wait().payload["type"] == "view_closed"


def test_one_persons_modal_is_not_on_anothers_screen(slack: SlackServer, client: WebClient):
    opened(slack, client)

    assert slack.screen(REQUESTER) == []
