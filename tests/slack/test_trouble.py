"""What Slack and its people do at a bad moment: nothing is lost, nothing is done twice."""

from collections.abc import Sequence
from contextlib import suppress

import pytest

from ml_intern.client.door import NewSession
from ml_intern.errors import InputError
from ml_intern.events import AccessRefused, ApprovalDecided, BudgetExtended, ToolStarted, UserSaid
from ml_intern.llm.scripted import Answer, calling
from ml_intern.messages import Message, ToolMessage
from ml_intern.slack.access import MOST_REFUSALS
from ml_intern.slack.drafts import CHANNEL
from tests.slack.conftest import OpenOffice
from tests.slack.office import SECRET, Office, last_answer
from tests.support.slack import APPROVER, REQUESTER, STRANGER, TRAINING, SlackServer
from tests.support.slack import Message as Posted
from tests.support.waiting import wait_until


def sends(_task: str, messages: Sequence[Message]) -> Answer:
    if any(isinstance(one, ToolMessage) for one in messages):
        return "Done."
    return calling(send={"to": "hub", "script": f"token = '{SECRET}'"})


def asked(office: Office) -> Posted:
    return office.slack.wait_for_message(TRAINING, "May I run")


def begun(office: Office) -> Posted:
    office.slack.mention(REQUESTER, TRAINING, "send it")
    return asked(office)


def test_an_event_that_comes_twice_and_an_envelope_that_is_replayed_count_once(
    open_office: OpenOffice, slack: SlackServer
) -> None:
    office = open_office(sends)
    slack.duplicate_next_event(2)
    question = begun(office)
    click = slack.click(APPROVER, question.ts, "approve").wait()
    slack.wait_for_message(TRAINING, "Finished")
    slack.replay(click)
    for event in slack.events("app_mention"):
        slack.replay(event)
    slack.wait_until_settled()
    assert len(office.service.store.sessions(10)) == 1
    assert len(office.events(ApprovalDecided)) == 1
    assert len(office.sent) == 1


def test_late_clicks_say_why_nothing_came_of_them(
    open_office: OpenOffice, slack: SlackServer
) -> None:
    office = open_office(sends)
    question = begun(office)
    slack.hold()
    slack.click(APPROVER, question.ts, "deny")
    slack.click(APPROVER, question.ts, "approve")
    slack.click(APPROVER, question.ts, "edit")
    office.service.door.decide(
        office.service.door.open_approvals()[0].approval_id, "approve", decided_by="ada"
    )
    slack.wait_for_message(TRAINING, "Finished")
    slack.release()
    slack.wait_for(lambda: len(slack.ephemerals(APPROVER)) == 3)
    assert all("Already approved by ada." in one.text for one in slack.ephemerals(APPROVER))
    assert slack.screen(APPROVER) == []
    assert len(office.events(ToolStarted)) == 1


def test_a_window_that_was_open_while_somebody_else_decided(
    open_office: OpenOffice, slack: SlackServer
) -> None:
    office = open_office(sends)
    question = begun(office)
    slack.click(APPROVER, question.ts, "edit")
    view = slack.wait_for_view(APPROVER)
    assert SECRET not in view.words
    assert "script" in view.words
    assert "arg:script" not in str(view.blocks), "what people may not see they cannot edit"
    office.service.door.decide(
        office.service.door.open_approvals()[0].approval_id, "deny", decided_by="ada"
    )
    slack.submit_view(APPROVER, view.id, {"arg:to": {"value": "elsewhere"}}).wait()
    slack.wait_for_ephemeral(APPROVER, "Already denied by ada.")
    assert office.sent == []
    assert SECRET not in str([one.words for one in slack.messages(TRAINING)])


def test_a_window_whose_question_was_asked_anew(
    open_office: OpenOffice, slack: SlackServer
) -> None:
    def insists(_task: str, messages: Sequence[Message]) -> Answer:
        if last_answer(messages).startswith("sent"):
            return "Done."
        return calling(send={"to": f"hub {len(messages)}"})

    office = open_office(insists, parks=False)
    slack.mention(REQUESTER, TRAINING, "send it")
    first = slack.wait_for_message(TRAINING, "May I run")
    slack.click(APPROVER, first.ts, "edit")
    view = slack.wait_for_view(APPROVER)
    slack.say(REQUESTER, TRAINING, "soon, please", first.thread_ts)
    slack.wait_for(lambda: len(questions(slack)) == 1 and questions(slack)[0].ts != first.ts)
    slack.submit_view(APPROVER, view.id, {"arg:to": {"value": "elsewhere"}}).wait()
    slack.wait_for_ephemeral(APPROVER, "`send` was asked anew after this")
    assert office.sent == []
    slack.click(APPROVER, questions(slack)[0].ts, "approve")
    slack.wait_for_message(TRAINING, "Finished")
    assert len(office.sent) == 1


def questions(slack: SlackServer) -> list[Posted]:
    """Those that wait for an answer."""
    return [one for one in slack.messages(TRAINING) if "May I run" in one.words]


def test_a_stranger_who_insists_fills_neither_the_journal_nor_their_screen(
    open_office: OpenOffice, slack: SlackServer
) -> None:
    office = open_office(sends)
    question = begun(office)
    for _ in range(MOST_REFUSALS + 3):
        slack.say(STRANGER, TRAINING, "stop", question.thread_ts)
    slack.click(APPROVER, question.ts, "approve")
    slack.wait_for_message(TRAINING, "Finished")
    wait_until(lambda: not office.service.store.mail.unread(CHANNEL, 10))
    slack.wait_for(lambda: len(slack.ephemerals(STRANGER)) == MOST_REFUSALS)
    assert [one.what for one in office.events(AccessRefused)] == ["stop a session"] * MOST_REFUSALS


def test_an_unknown_approval_is_refused(open_office: OpenOffice, slack: SlackServer) -> None:
    office = open_office(sends)
    question = begun(office)
    for block in slack.message(question.ts).blocks:
        for element in block.get("elements", ()):
            if element.get("action_id") == "approve":
                element["value"] = "no-such-approval"
    slack.click(APPROVER, question.ts, "approve")
    slack.wait_for_ephemeral(APPROVER, "No approval 'no-such-approval'")
    assert len(office.service.store.open_approvals()) == 1


@pytest.mark.parametrize("length", [3_900, 39_000])
def test_a_long_message_is_heard_whole(
    open_office: OpenOffice, slack: SlackServer, length: int
) -> None:
    office = open_office(lambda *_: "x" * 90_000)
    words = "train " + "ü<&" * (length // 11)
    slack.mention(REQUESTER, TRAINING, words)
    slack.wait_for_message(TRAINING, "Finished")
    (said,) = office.events(UserSaid)
    assert said.text == words


@pytest.mark.parametrize(
    "trouble",
    [
        lambda slack: slack.cut_next_envelope(),
        lambda slack: slack.disconnect("refresh_requested", close_after_s=0.2),
        lambda slack: slack.disconnect("warning"),
        lambda slack: slack.drop_sockets(),
    ],
)
def test_a_socket_that_goes_loses_no_words(
    open_office: OpenOffice, slack: SlackServer, trouble: object
) -> None:
    office = open_office(sends)
    trouble(slack)
    slack.mention(REQUESTER, TRAINING, "send it")
    slack.wait_for_sockets(2, 30)
    slack.retry_now()
    question = asked(office)
    slack.click(APPROVER, question.ts, "approve")
    slack.wait_for_message(TRAINING, "Finished")
    assert len(office.service.store.sessions(10)) == 1
    assert len(office.sent) == 1


def test_a_dead_slack_slows_no_turn(open_office: OpenOffice, slack: SlackServer) -> None:
    office = open_office(lambda *_: "Done.", listens=False)
    slack.down()
    for number in range(20):
        new = NewSession(task=f"task {number}", started_in="/", author="ada")
        office.service.door.start_session(new)
    wait_until(lambda: office.service.store.counts().get("idle") == 20, 5)
    slack.up()
    slack.wait_for(
        lambda: sum("Finished" in one.text for one in slack.messages(TRAINING)) == 20, 30
    )


def test_words_that_were_said_while_nobody_listened_are_heard_once(
    open_office: OpenOffice, slack: SlackServer
) -> None:
    office = open_office(sends)
    question = begun(office)
    thread_ts = question.thread_ts
    slack.say(REQUESTER, TRAINING, "first", thread_ts)
    wait_until(lambda: "first" in [one.text for one in office.events(UserSaid)])
    slack.wait_for_message(TRAINING, "Done.")
    office.close()
    slack.say(REQUESTER, TRAINING, "while you were away", thread_ts)
    again = open_office(sends)
    wait_until(lambda: "while you were away" in [one.text for one in again.events(UserSaid)])
    slack.retry_now()
    slack.wait_until_settled()
    said = [one.text for one in again.events(UserSaid)]
    assert said.count("first") == 1
    assert said.count("while you were away") == 1


def pressed(action: str, value: str) -> dict[str, str]:
    return {
        "kind": "click",
        "user": APPROVER,
        "name": "ann",
        "team": "T1",
        "channel": TRAINING,
        "ts": "1.5",
        "thread_ts": "",
        "action": action,
        "value": value,
    }


def said(text: str) -> dict[str, str]:
    who = {"kind": "message", "user": REQUESTER, "team": "T1", "bot": "U0BOT"}
    return {**who, "channel": TRAINING, "ts": "1.6", "thread_ts": "", "text": f"<@U0BOT> {text}"}


BAD = (
    pressed("extend", '{"session": "ID"}'),
    pressed("extend", '{"session": "ID", "cap": "session", "amount": "x", "seq": 1}'),
    pressed("extend", '{"session": "ID", "cap": "session", "amount": 1e999, "seq": 1}'),
    pressed("extend", '{"session": "ID", "cap": "session", "amount": NaN, "seq": 1}'),
    pressed("extend", '{"session": [], "cap": {}, "amount": 1, "seq": 1}'),
    pressed("extend", '{"session": "ID", "cap": "session", "amount": -5, "seq": 1}'),
    pressed("extend", "[" * 100_000),
    pressed("retry", '{"session": "ID"}'),
    pressed("retry", '{"session": "ID", "call": null}'),
    pressed("stop", "no such session"),
    pressed("approve", "\ud800"),
    pressed("approve", "\x00"),
    pressed("approve", ""),
    pressed("nothing", ""),
    said("a\x00b"),
    said("a\ud800b"),
    {"kind": "message"},
)


def test_no_letter_keeps_the_others_waiting(open_office: OpenOffice, slack: SlackServer) -> None:
    office = open_office(sends)
    question = begun(office)
    (session,) = office.service.store.sessions(2)
    for number, body in enumerate(BAD):
        value = body.get("value", "").replace("ID", session.session_id)
        with suppress(InputError):
            office.service.store.mail.receive(CHANNEL, f"bad:{number}", {**body, "value": value})
    slack.click(APPROVER, question.ts, "approve")
    slack.wait_for_message(TRAINING, "Finished")
    wait_until(lambda: not office.service.store.mail.unread(CHANNEL, 99))
    assert office.events(BudgetExtended) == []


@pytest.mark.parametrize("trouble", [{"retry_after": 1}, {"status": 503}])
def test_who_is_in_a_group_is_asked_again_where_slack_could_not_say(
    open_office: OpenOffice,
    slack: SlackServer,
    monkeypatch: pytest.MonkeyPatch,
    trouble: dict[str, int],
) -> None:
    monkeypatch.setattr("ml_intern.slack.clerk.ASK_AGAIN_S", 0.2)
    slack.add_user_group("S0DECIDERS", [REQUESTER])
    office = open_office(sends)
    question = begun(office)
    slack.fail_next("usergroups.users.list", **trouble)
    slack.click(REQUESTER, question.ts, "approve")
    slack.wait_for_message(TRAINING, "Finished")
    assert office.events(AccessRefused) == []


def test_a_token_that_was_revoked_makes_no_stranger_of_whoever_is_in_a_group(
    open_office: OpenOffice, slack: SlackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml_intern.slack.clerk.ASK_AGAIN_S", 0.2)
    slack.add_user_group("S0DECIDERS", [REQUESTER])
    office = open_office(sends)
    question = begun(office)
    slack.fail_next("usergroups.users.list", error="token_revoked", times=2)
    slack.click(REQUESTER, question.ts, "approve")
    slack.wait_for_message(TRAINING, "Finished")
    assert office.events(AccessRefused) == []


def test_letters_that_wait_for_slack_keep_no_other_waiting_however_many_they_are(
    open_office: OpenOffice, slack: SlackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml_intern.slack.clerk.LOOK", 2)
    office = open_office(sends)
    question = begun(office)
    slack.fail_next("usergroups.users.list", status=503, times=1000)
    for _ in range(5):
        slack.click(STRANGER, question.ts, "approve")
    wait_until(lambda: len(office.service.store.mail.unread(CHANNEL, 9)) == 5)
    slack.click(APPROVER, question.ts, "approve")
    slack.wait_for_message(TRAINING, "Finished")
    assert len(office.service.store.mail.unread(CHANNEL, 9)) == 5


def test_a_letter_that_bears_the_number_of_one_that_is_gone_is_answered(
    open_office: OpenOffice, slack: SlackServer
) -> None:
    """SQLite gives the newest number again once its row was pruned."""
    office = open_office(sends)
    mail = office.service.store.mail
    for number in (1, 2):
        slack.mention(STRANGER, TRAINING, "let me in")
        slack.wait_for(lambda number=number: len(slack.ephemerals(STRANGER)) == number)
        slack.wait_until_settled()  # a mention comes twice, and would be stored again
        wait_until(lambda: not mail.unread(CHANNEL, 9))
        with mail._database.read() as connection:
            newest = connection.exec_driver_sql("SELECT max(id) FROM inbox").scalar_one()
        assert newest == 1
        mail._database.write(lambda c: c.exec_driver_sql("DELETE FROM inbox"))
