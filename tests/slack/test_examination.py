"""What `doctor` says of Slack, and the app's description."""

import pytest

from ml_intern.slack.examination import Finding, examine
from ml_intern.slack.manifest import EVENTS, SCOPES, manifest
from tests.support.slack import PRIVATE, REQUESTER, TRAINING, SlackServer
from tests.support.slack.gestures import EVENT_SCOPES


def findings(slack: SlackServer, *channels: str, base_url: str | None = None) -> list[Finding]:
    url = base_url or slack.base_url
    given = (slack.bot_token, slack.app_token, url, channels or (TRAINING,))
    return list(examine(*given, (REQUESTER,), (REQUESTER,)))


def fatal(found: list[Finding]) -> str:
    return " ".join(f"{one.found} {one.next_step}" for one in found if one.is_fatal)


def test_all_is_well(slack: SlackServer) -> None:
    found = findings(slack, "#training")
    assert not any(one.next_step for one in found)
    assert "in the workspace Workspace" in found[0].found
    assert found[-3].found == "in #training (#training)"
    assert found[-1].found.startswith(f"slack_may_decide: {REQUESTER}")


def test_a_token_that_was_revoked(slack: SlackServer) -> None:
    slack.revoke_token("bot")
    assert "install the app again" in fatal(findings(slack))


def test_what_is_to_be_done_is_said_once(slack: SlackServer) -> None:
    slack.revoke_token("bot")
    (found,) = findings(slack)
    assert found.next_step
    assert found.next_step not in found.found


@pytest.mark.parametrize(
    ("listed", "words"),
    [("U0NONE", "U0NONE (user_not_found)"), ("S0NONE", "S0NONE (no_such_subteam)")],
)
def test_somebody_who_does_not_exist(slack: SlackServer, listed: str, words: str) -> None:
    slack.tokens.bot.scopes.add("users:read")
    given = (slack.bot_token, slack.app_token, slack.base_url, (TRAINING,))
    *_, start, decide = examine(*given, (REQUESTER, listed), (REQUESTER,))
    assert start.found == f"slack_may_start: {REQUESTER} (requester), {words}"
    assert listed in start.next_step
    assert (decide.next_step, start.is_fatal) == ("", False)


def test_somebody_who_has_left(slack: SlackServer) -> None:
    slack.tokens.bot.scopes.add("users:read")
    assert findings(slack)[-1].found == f"slack_may_decide: {REQUESTER} (requester)"
    slack.workspace.users[REQUESTER].deleted = True
    assert f"{REQUESTER} (deactivated)" in findings(slack)[-1].found


def test_without_the_right_to_look_people_up_they_are_still_shown(slack: SlackServer) -> None:
    last = findings(slack)[-1]
    assert last.found.startswith(f"slack_may_decide: {REQUESTER}; who they are only users:read")
    assert last.next_step == ""


def test_an_app_token_that_was_revoked(slack: SlackServer) -> None:
    slack.revoke_token("app")
    assert "connections:write" in fatal(findings(slack))


def test_a_scope_that_is_missing(slack: SlackServer) -> None:
    slack.tokens.bot.scopes.discard("files:write")
    assert "lacks files:write" in fatal(findings(slack))


@pytest.mark.parametrize(
    ("channel", "words"),
    [
        ("C0NOWHERE", "channel_not_found"),
        ("#nowhere", "no channel nowhere"),
        (PRIVATE, "channel_not_found"),
        ("C0GENERAL", "/invite"),
    ],
)
def test_a_channel_that_cannot_be_told(slack: SlackServer, channel: str, words: str) -> None:
    assert words in fatal(findings(slack, channel))


def test_an_archived_channel(slack: SlackServer) -> None:
    slack.archive(TRAINING)
    assert "archived" in fatal(findings(slack))


def test_a_slack_out_of_reach(slack: SlackServer) -> None:
    assert "reaches slack.com" in fatal(findings(slack, base_url="http://127.0.0.1:9/api/"))


def test_lists_without_anybody(slack: SlackServer) -> None:
    found = list(examine(slack.bot_token, slack.app_token, slack.base_url, (), (), ()))
    assert [one.found for one in found if one.next_step and not one.is_fatal] == [
        "no channel: only sessions from Slack are told",
        "slack_may_start is empty: nobody may",
        "slack_may_decide is empty: nobody may",
    ]


def test_the_description_asks_for_what_its_events_need_and_for_no_public_url() -> None:
    found = manifest()
    assert {EVENT_SCOPES[event] for event in EVENTS} <= set(SCOPES)
    assert found["settings"]["socket_mode_enabled"]
    assert "http" not in str(found)
