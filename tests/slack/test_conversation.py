"""A session in Slack from its beginning to its end, and whoever may not."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from ml_intern.client.door import NewSession
from ml_intern.events import (
    AccessRefused,
    ApprovalDecided,
    BudgetExtended,
    InterruptRequested,
    RuleGranted,
    RuleRevoked,
    UserSaid,
)
from ml_intern.llm.scripted import Answer, calling
from ml_intern.messages import AssistantMessage, CallId, Message, ToolCall, ToolMessage
from ml_intern.session.said import Said
from ml_intern.slack.envelopes import heard
from tests.slack.conftest import OpenOffice
from tests.slack.office import Office, last_answer
from tests.support.slack import (
    APPROVER,
    PRIVATE,
    REQUESTER,
    STRANGER,
    TRAINING,
    SlackServer,
)
from tests.support.slack import (
    Message as Posted,
)
from tests.support.waiting import wait_until

DECIDER = "U0DECIDER"
"""Somebody who may decide and not start."""
SCRIPT = "import torch\nprint('train')\n"


def sends(_task: str, messages: Sequence[Message]) -> Answer:
    if any(isinstance(one, ToolMessage) for one in messages):
        return f"Done: {last_answer(messages)}"
    return calling("The script is ready.", send={"to": "hub", "script": SCRIPT})


def asked(office: Office) -> Posted:
    return office.slack.wait_for_message(TRAINING, "May I run")


def test_a_mention_starts_a_session_that_answers_in_its_thread(
    open_office: OpenOffice, slack: SlackServer
) -> None:
    office = open_office(lambda *_: "It is 93 % & rising.")
    ts = slack.mention(REQUESTER, TRAINING, "train <a> classifier & see https://example.org/x")
    end = slack.wait_for_message(TRAINING, "Finished")
    thread = slack.thread(TRAINING, ts)
    assert [one.thread_ts for one in thread[1:]] == [ts, ts]
    assert "Started" in thread[1].text
    assert "93 % &amp; rising." in end.words
    (said,) = office.events(UserSaid)
    assert said.text == "train <a> classifier & see https://example.org/x"
    assert said.author == f"slack:{REQUESTER}"
    assert len(office.service.store.sessions(10)) == 1
    slack.wait_until_settled()
    assert all(one.acked for one in slack.deliveries)


def test_a_yes_runs_the_call_and_says_whose_it_was(
    open_office: OpenOffice, slack: SlackServer
) -> None:
    office = open_office(sends)
    slack.mention(REQUESTER, TRAINING, "send it")
    question = asked(office)
    assert "import torch" in question.words
    slack.click(APPROVER, question.ts, "approve")
    slack.wait_for_message(TRAINING, "Finished")
    assert office.sent == [("hub", SCRIPT)]
    wait_until(lambda: f"Approved by <@{APPROVER}>" in slack.message(question.ts).words)
    assert slack.message(question.ts).action_ids == []


def test_a_yes_to_all_calls_like_it_makes_a_rule(
    open_office: OpenOffice, slack: SlackServer
) -> None:
    office = open_office(sends)
    slack.mention(REQUESTER, TRAINING, "send it")
    slack.click(APPROVER, asked(office).ts, "approve_like")
    slack.wait_for_message(TRAINING, "Finished")
    assert office.sent == [("hub", SCRIPT)]
    (rule,) = office.events(RuleGranted)
    assert (rule.tool, rule.max_cost_micro_usd) == ("send", 0)
    assert APPROVER in rule.granted_by
    told = slack.wait_for_message(TRAINING, f"A rule of <@{APPROVER}>")
    slack.click(STRANGER, told.ts, "revoke")
    slack.wait_for_ephemeral(STRANGER, "take back a rule")
    slack.click(APPROVER, told.ts, "revoke")
    wait_until(lambda: "took a rule back" in slack.message(told.ts).words)
    (revoked,) = office.events(RuleRevoked)
    assert revoked.rule_id == rule.rule_id
    assert APPROVER in revoked.revoked_by


def test_an_edit_is_what_runs(open_office: OpenOffice, slack: SlackServer) -> None:
    office = open_office(sends)
    slack.mention(REQUESTER, TRAINING, "send it")
    question = asked(office)
    slack.click(APPROVER, question.ts, "edit")
    view = slack.wait_for_view(APPROVER)
    wrong = slack.submit_view(APPROVER, view.id, {"arg:copies": {"value": '"many"'}}).wait()
    assert "copies" in str(wrong.response)
    assert set(slack.screen(APPROVER)[0].errors) == {"arg:copies"}
    slack.submit_view(APPROVER, view.id, {"arg:copies": {"value": "{"}}).wait()
    assert slack.screen(APPROVER)[0].errors["arg:copies"] == "Write a whole number, such as 8."
    done = slack.submit_view(APPROVER, view.id, {"arg:script": {"value": "print('mine <&>')"}})
    done.wait()
    assert done.trouble is None
    end = slack.wait_for_message(TRAINING, "Finished")
    assert office.sent == [("hub", "print('mine <&>')")]
    (decision,) = office.events(ApprovalDecided)
    assert decision.verdict == "edit"
    assert decision.arguments["script"] == "print('mine <&>')"
    assert "mine &lt;&amp;&gt;" in end.words
    wait_until(lambda: "Edited and approved" in slack.message(question.ts).words)


def sends_three(_task: str, messages: Sequence[Message]) -> Answer:
    if any(isinstance(one, ToolMessage) for one in messages):
        return "Done."
    calls = [
        ToolCall(call_id=CallId(to), name="send", arguments=json.dumps({"to": to})) for to in "abc"
    ]
    return AssistantMessage(text="All three.", tool_calls=tuple(calls))


@pytest.mark.parametrize(("pressed", "sent"), [("approve_all", ["a", "b", "c"]), ("deny_all", [])])
def test_all_calls_of_a_question_are_decided_at_once(
    open_office: OpenOffice, slack: SlackServer, pressed: str, sent: list[str]
) -> None:
    office = open_office(sends_three)
    slack.mention(REQUESTER, TRAINING, "send it")
    together = slack.wait_for_message(TRAINING, "3 calls wait together")
    slack.click(STRANGER, together.ts, pressed)
    slack.wait_for_ephemeral(STRANGER, "`slack_may_decide`")
    slack.click(APPROVER, together.ts, pressed)
    slack.wait_for_message(TRAINING, "Finished")
    assert sorted(to for to, _ in office.sent) == sent
    verdict = "Approved" if sent else "Denied"
    wait_until(lambda: "None of these calls" in slack.message(together.ts).words)
    asked = [one for one in slack.messages(TRAINING) if f"{verdict} by <@{APPROVER}>" in one.words]
    assert len(asked) == 3
    assert slack.message(together.ts).action_ids == []


def test_of_a_question_that_is_decided_in_part_the_first_answers_count(
    open_office: OpenOffice, slack: SlackServer
) -> None:
    slack.add_user_group("S0DECIDERS", [REQUESTER])
    office = open_office(sends_three)
    slack.mention(REQUESTER, TRAINING, "send it")
    together = slack.wait_for_message(TRAINING, "3 calls wait together")
    first = next(one for one in slack.messages(TRAINING) if "May I run" in one.words)
    slack.hold()
    slack.click(REQUESTER, first.ts, "deny")
    slack.click(APPROVER, together.ts, "approve_all")
    slack.click(APPROVER, together.ts, "approve_all")
    slack.release()
    slack.wait_for_message(TRAINING, "Finished")
    won = [one for one in office.events(ApprovalDecided) if one.verdict == "deny"]
    assert len(office.events(ApprovalDecided)) == 3
    assert len(office.sent) == 3 - len(won)
    loser, winner = (APPROVER, REQUESTER) if won else (REQUESTER, APPROVER)
    slack.wait_for_ephemeral(loser, f"by <@{winner}>")


def test_of_all_who_answer_at_once_in_every_way_each_call_hears_one(
    open_office: OpenOffice, slack: SlackServer
) -> None:
    office = open_office(sends_three)
    slack.mention(REQUESTER, TRAINING, "send it")
    together = slack.wait_for_message(TRAINING, "3 calls wait together")
    door = office.service.door
    asked = [one.approval_id for one in door.open_approvals()]
    all_ = [Said(approval_id=one, verdict="deny") for one in asked]
    edit = {"to": "x", "script": "", "copies": 2}
    ways = [
        lambda: slack.click(APPROVER, together.ts, "approve_all"),
        lambda: door.decide_all(all_, decided_by="denies all"),
        *(partial(door.decide, one, "deny", decided_by="denies") for one in asked),
        *(partial(door.decide, one, "edit", decided_by="e", arguments=edit) for one in asked),
        *(partial(door.decide, one, "approve", decided_by="l", like_this=True) for one in asked),
    ]
    with ThreadPoolExecutor(len(ways)) as pool:
        for answer in [pool.submit(way) for way in ways]:
            answer.result()
    slack.wait_for_message(TRAINING, "Finished")
    slack.wait_until_settled()
    decided = office.events(ApprovalDecided)
    assert sorted(one.approval_id for one in decided) == sorted(asked)
    ran = [one.arguments["to"] for one in decided if one.verdict in ("approve", "edit")]
    assert sorted(to for to, _ in office.sent) == sorted(ran)
    in_general = [one.approval_id for one in decided if one.decided_by == "l"]
    assert sorted(one.approval_id for one in office.events(RuleGranted)) == sorted(in_general)


def test_words_that_come_before_the_mention_they_answer_are_heard(
    open_office: OpenOffice, slack: SlackServer
) -> None:
    """Slack repeats what nobody has acknowledged; what was said after it may come first."""
    office = open_office(sends, listens=False)
    ts = slack.mention(REQUESTER, TRAINING, "send it")
    slack.say(REQUESTER, TRAINING, "and be quick", ts)
    mail = office.service.store.mail
    for delivery in reversed(slack.deliveries):
        said = heard(delivery.kind, delivery.payload)
        assert said is not None
        mail.receive("slack", said.key, said.body)
        wait_until(lambda: not mail.unread("slack", 9))
    wait_until(lambda: [one.text for one in office.events(UserSaid)] == ["send it", "and be quick"])


def test_a_no_with_a_reason_is_read_by_the_model(
    open_office: OpenOffice, slack: SlackServer
) -> None:
    office = open_office(sends)
    slack.mention(REQUESTER, TRAINING, "send it")
    slack.click(APPROVER, asked(office).ts, "deny_reason")
    view = slack.wait_for_view(APPROVER)
    slack.submit_view(APPROVER, view.id, {"reason": {"value": "not before Monday"}}).wait()
    end = slack.wait_for_message(TRAINING, "Finished")
    assert "not before Monday" in end.words
    assert office.sent == []


def test_of_two_who_click_at_once_one_wins_and_both_see_who(
    open_office: OpenOffice, slack: SlackServer
) -> None:
    slack.add_user_group("S0DECIDERS", [REQUESTER])
    office = open_office(sends)
    slack.mention(REQUESTER, TRAINING, "send it")
    question = asked(office)
    slack.hold()
    slack.click(APPROVER, question.ts, "approve")
    slack.click(REQUESTER, question.ts, "deny")
    slack.click(APPROVER, question.ts, "approve")
    slack.release()
    slack.wait_for_message(TRAINING, "Finished")
    (decision,) = office.events(ApprovalDecided)
    loser = REQUESTER if APPROVER in decision.decided_by else APPROVER
    winner = APPROVER if loser == REQUESTER else REQUESTER
    slack.wait_for_ephemeral(loser, f"by <@{winner}>")
    wait_until(lambda: f"by <@{winner}>" in slack.message(question.ts).words)
    assert len(office.sent) == (winner == APPROVER)


def test_a_stranger_decides_and_starts_nothing_and_that_is_noted(
    open_office: OpenOffice, slack: SlackServer
) -> None:
    office = open_office(sends)
    slack.mention(REQUESTER, TRAINING, "send it")
    question = asked(office)
    slack.click(STRANGER, question.ts, "approve")
    slack.wait_for_ephemeral(STRANGER, "`slack_may_decide`")
    slack.click(STRANGER, question.ts, "edit").wait()
    slack.say(STRANGER, TRAINING, "stop", question.thread_ts)
    slack.mention(STRANGER, TRAINING, "mine bitcoin")
    slack.wait_for(lambda: len(slack.ephemerals(STRANGER)) == 4)
    slack.wait_for_ephemeral(STRANGER, "stop a session here; this was noted")
    slack.wait_for_ephemeral(STRANGER, "`slack_may_start` or `slack_may_decide`")
    assert slack.screen(STRANGER) == []
    refused = office.events(AccessRefused)
    assert [one.what for one in refused] == ["approve send", "edit send", "stop a session"]
    assert all(STRANGER in one.who for one in refused)
    assert not office.events(InterruptRequested)
    assert len(office.service.store.sessions(10)) == 1
    assert office.sent == []
    slack.click(REQUESTER, question.ts, "approve")
    slack.wait_for_ephemeral(REQUESTER, "not on the list")


def test_replies_steer_status_answers_and_stop_stops(
    open_office: OpenOffice, slack: SlackServer
) -> None:
    def waits(task: str, messages: Sequence[Message]) -> Answer:
        if any("colour" in one.text for one in messages if isinstance(one, ToolMessage)):
            return calling(send={"to": "hub"})
        return calling(ask_person={"question": "Which colour <@U0X>?"})

    office = open_office(waits)
    ts = slack.mention(REQUESTER, TRAINING, "paint it")
    question = slack.wait_for_message(TRAINING, "Which colour")
    assert "<@U0X>" not in question.words
    slack.say(REQUESTER, TRAINING, "status", ts)
    status = slack.wait_for_message(TRAINING, "• cost $0.00")
    assert "*paint it*: needs you" in status.text
    slack.say(REQUESTER, TRAINING, "the colour is blue &amp; gold", ts)
    asked(office)
    assert "Answered*: the colour is blue" in slack.message(question.ts).words
    slack.say(REQUESTER, TRAINING, "Stop!", ts)
    slack.wait_for_message(TRAINING, "Interrupted")
    assert office.sent == []
    (message,) = [one for one in slack.messages(TRAINING) if "No longer needed" in one.words]
    assert message.action_ids == []


def test_a_command_starts_a_session_with_a_thread_of_its_own(
    open_office: OpenOffice, slack: SlackServer
) -> None:
    open_office(lambda *_: "Yes.")
    slack.slash(REQUESTER, "/ml-intern", "train <it> & win", TRAINING).wait()
    end = slack.wait_for_message(TRAINING, "Finished")
    (root,) = [one for one in slack.messages(TRAINING) if not one.is_reply]
    assert end.thread_ts == root.ts
    assert "train &lt;it&gt; &amp; win" in root.text
    slack.slash(REQUESTER, "/ml-intern", "help", TRAINING).wait()
    slack.wait_for_ephemeral(REQUESTER, "Mention me")


def test_what_was_started_elsewhere_is_told_in_the_channel(
    open_office: OpenOffice, slack: SlackServer
) -> None:
    office = open_office(sends)
    office.service.door.start_session(NewSession(task="send it", started_in="/", author="ada"))
    question = asked(office)
    root = slack.message(question.thread_ts)
    assert "send it" in root.text
    slack.click(APPROVER, question.ts, "deny")
    slack.wait_for_message(TRAINING, "Finished")


def test_whoever_sends_a_file_is_told_that_nobody_reads_it(
    open_office: OpenOffice, slack: SlackServer
) -> None:
    office = open_office(sends)
    ts = slack.mention(REQUESTER, TRAINING, "train on this", files={"<digits>.csv": b"1,2"})
    slack.wait_for_ephemeral(REQUESTER, "nobody has seen &lt;digits&gt;.csv")
    asked(office)
    slack.say(REQUESTER, TRAINING, "", ts, {"more.csv": b"3,4"})
    slack.wait_for_ephemeral(REQUESTER, "nobody has seen more.csv")
    slack.say(STRANGER, TRAINING, "", ts, {"evil.csv": b"5"})
    slack.wait_for_ephemeral(STRANGER, "`slack_may_start`")
    assert [one.text for one in office.events(UserSaid)] == ["train on this"]


def test_what_people_say_to_each_other_is_not_for_us(
    open_office: OpenOffice, slack: SlackServer
) -> None:
    office = open_office(lambda *_: "Yes.")
    ts = slack.say(REQUESTER, TRAINING, "good morning")
    slack.say(APPROVER, TRAINING, "stop", ts)
    slack.mention(REQUESTER, TRAINING, "train it")
    slack.wait_for_message(TRAINING, "Finished")
    assert len(office.service.store.sessions(10)) == 1
    assert PRIVATE not in {one.channel for one in slack.messages(TRAINING)}


def test_a_budget_is_extended_once_and_only_by_those_who_may(
    open_office: OpenOffice, slack: SlackServer
) -> None:
    def plans(_task: str, messages: Sequence[Message]) -> Answer:
        done = sum(isinstance(one, ToolMessage) for one in messages)
        return calling(plan={"items": [{"step": f"step {done}"}]}) if done < 5 else "Done."

    office = open_office(plans, max_iterations=4)
    ts = slack.mention(REQUESTER, TRAINING, "go on")
    question = slack.wait_for_message(TRAINING, "is reached")
    slack.click(REQUESTER, question.ts, "extend")
    slack.wait_for_ephemeral(REQUESTER, "extend the budget (the session's model calls")
    slack.hold()
    slack.click(APPROVER, question.ts, "extend")
    slack.click(APPROVER, question.ts, "extend")
    slack.release()
    wait_until(lambda: f"<@{APPROVER}> allows" in slack.message(question.ts).words)
    (extended,) = office.events(BudgetExtended)
    assert extended.extended_by.endswith(f"(slack:{APPROVER})")
    assert question.thread_ts == ts


@pytest.mark.parametrize("who", [REQUESTER, DECIDER])
def test_a_budget_that_is_not_extended_stops_the_session(
    open_office: OpenOffice, slack: SlackServer, who: str
) -> None:
    def plans(_task: str, messages: Sequence[Message]) -> Answer:
        done = sum(isinstance(one, ToolMessage) for one in messages)
        return calling(plan={"items": [{"step": f"step {done}"}]})

    slack.add_user(DECIDER, "decider")
    slack.channel(TRAINING).members.add(DECIDER)
    office = open_office(plans, max_iterations=4)
    slack.add_user_group("S0DECIDERS", [DECIDER])
    slack.mention(REQUESTER, TRAINING, "go on")
    question = slack.wait_for_message(TRAINING, "is reached")
    slack.click(STRANGER, question.ts, "stop")
    slack.wait_for_ephemeral(STRANGER, "not on the list")
    slack.click(who, question.ts, "stop")
    slack.wait_for_message(TRAINING, "Interrupted")
    (asked_to,) = office.events(InterruptRequested)
    assert who in asked_to.asked_by
