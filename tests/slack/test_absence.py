"""What was said while nobody listened is heard afterwards: all of it, once, in its order."""

import logging
import re
import shutil
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from ml_intern.events import SessionStarted, UserSaid
from ml_intern.llm.scripted import Answer
from ml_intern.messages import Message
from ml_intern.slack import absence
from ml_intern.slack.absence import LONGEST, Absence
from ml_intern.slack.listener import NAME
from ml_intern.slack.web import SlackWeb
from tests.slack.conftest import OpenOffice
from tests.slack.office import Office
from tests.support.slack import PRIVATE, REQUESTER, STRANGER, TRAINING, SlackServer
from tests.support.waiting import wait_until


def answers(_task: str, _messages: Sequence[Message]) -> Answer:
    return "Done."


def said(office: Office) -> list[str]:
    return [one.text for one in office.events(UserSaid)]


def stored(office: Office) -> int:
    """How many letters have ever come."""
    counted = "SELECT count(*) FROM inbox"
    with office.service.store.mail._database.read() as connection:
        return int(connection.exec_driver_sql(counted).scalar_one())


def absence_of(office: Office) -> Absence:
    service, slack = office.service, office.slack
    web = SlackWeb(slack.bot_token, slack.base_url)
    return Absence(service.store.mail, service.door, web, service._clock, TRAINING)


def left(open_office: OpenOffice) -> None:
    """A daemon that has listened, and is gone."""
    office = open_office(answers)
    wait_until(lambda: office.service.store.mail.reached(NAME))
    office.close()


def test_mentions_direct_messages_and_the_replies_below_them_are_found(
    open_office: OpenOffice, slack: SlackServer
) -> None:
    left(open_office)
    first = slack.mention(REQUESTER, TRAINING, "first task")
    slack.say(STRANGER, TRAINING, "what a day")
    slack.say(REQUESTER, TRAINING, "with 3 epochs", first)
    slack.mention(REQUESTER, TRAINING, "second task")
    slack.dm(REQUESTER, "third task")
    office = open_office(answers)
    tasks = ["first task", "second task", "third task"]
    wait_until(lambda: len(office.events(SessionStarted)) == 3)
    wait_until(lambda: sorted(said(office)) == sorted([*tasks, "with 3 epochs"]))
    assert [one.title for one in office.events(SessionStarted)] == tasks
    letters = stored(office)
    assert letters == 4, "what nobody says to us is not stored"
    slack.retry_now()
    slack.wait_until_settled()
    wait_until(lambda: not office.service.store.mail.unread("slack", 9))
    assert len(office.events(SessionStarted)) == 3


def test_what_was_heard_is_not_heard_again(open_office: OpenOffice, slack: SlackServer) -> None:
    office = open_office(answers)
    slack.mention(REQUESTER, TRAINING, "first task")
    slack.wait_for_message(TRAINING, "Finished")
    office.close()
    again = open_office(answers)
    slack.mention(REQUESTER, TRAINING, "second task")
    wait_until(lambda: "second task" in said(again))
    wait_until(lambda: slack.calls("conversations.replies"))
    assert said(again) == ["first task", "second task"]


def test_a_reconnect_after_an_outage_looks_too_and_is_logged(
    open_office: OpenOffice,
    slack: SlackServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "ml_intern.slack.listener")
    monkeypatch.setattr("ml_intern.slack.listener.REACH_S", 0.2)
    office = open_office(answers)
    wait_until(lambda: "slack_connected" in caplog.messages)
    slack.down()
    slack.mention(REQUESTER, TRAINING, "while Slack was away")
    wait_until(lambda: "slack_lost" in caplog.messages)
    slack.up()
    wait_until(lambda: said(office) == ["while Slack was away"], 40)
    slack.retry_now()
    slack.wait_until_settled()
    wait_until(lambda: not office.service.store.mail.unread("slack", 9))
    assert len(office.events(SessionStarted)) == 1
    wait_until(lambda: caplog.messages.count("slack_connected") == 2)
    logged = [one for one in caplog.messages if one in ("slack_connected", "slack_lost")]
    assert logged == ["slack_connected", "slack_lost", "slack_connected"]


def test_page_after_page_is_read_and_limits_are_obeyed(
    open_office: OpenOffice, slack: SlackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(absence, "PAGE", 2)
    left(open_office)
    for number in range(7):
        slack.mention(REQUESTER, TRAINING, f"task {number}")
    for method in ("users.conversations", "conversations.history"):
        slack.fail_next(method, retry_after=1)
    office = open_office(answers)
    wait_until(lambda: len(office.events(SessionStarted)) == 7, 30)
    assert [one.title for one in office.events(SessionStarted)] == [f"task {n}" for n in range(7)]


def test_a_slack_that_breaks_off_is_asked_again_from_the_same_time(
    open_office: OpenOffice, slack: SlackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml_intern.slack.listener.REACH_S", 0.2)
    left(open_office)
    slack.mention(REQUESTER, TRAINING, "a task")
    slack.fail_next("conversations.history", status=503, times=2)
    office = open_office(answers)
    wait_until(lambda: said(office) == ["a task"], 20)


@pytest.mark.parametrize("scope", ["im:read", "groups:read"])
def test_without_a_scope_the_channel_of_the_settings_is_looked_at(
    open_office: OpenOffice, slack: SlackServer, scope: str
) -> None:
    slack.tokens.bot.scopes.discard(scope)
    left(open_office)
    slack.mention(REQUESTER, TRAINING, "a task")
    office = open_office(answers)
    wait_until(lambda: said(office) == ["a task"])


def test_a_channel_that_slack_does_not_show_hides_no_other(
    open_office: OpenOffice, slack: SlackServer
) -> None:
    slack.tokens.bot.scopes.discard("groups:history")
    slack.channel(PRIVATE).members |= {"U0BOT", REQUESTER}
    left(open_office)
    slack.mention(REQUESTER, PRIVATE, "in private")
    slack.mention(REQUESTER, TRAINING, "a task")
    office = open_office(answers)
    wait_until(lambda: said(office) == ["a task"])


def test_before_slack_was_set_up_nothing_was_missed(
    open_office: OpenOffice, slack: SlackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(absence, "SKEW", absence.SKEW * 0)
    ts = slack.mention(REQUESTER, TRAINING, "an old task")
    slack.wait_for(lambda: re.search("no socket", str(slack.deliveries)))
    wait_until(lambda: time.time() > float(ts) + 1)  # a place is a whole second
    office = open_office(answers)
    slack.mention(REQUESTER, TRAINING, "a new task")
    wait_until(lambda: "a new task" in said(office))
    assert slack.calls("conversations.history")
    assert said(office) == ["a new task"]


def test_what_a_daemon_at_another_database_has_done_is_not_done_again(
    open_office: OpenOffice, slack: SlackServer, tmp_path: Path
) -> None:
    """As after a database was restored from a copy."""
    left(open_office)
    shutil.copytree(tmp_path / "state", tmp_path / "copy")
    office = open_office(answers)
    first = slack.mention(REQUESTER, TRAINING, "first task")
    slack.wait_for_message(TRAINING, "Finished")
    office.close()
    shutil.rmtree(tmp_path / "state")
    shutil.copytree(tmp_path / "copy", tmp_path / "state")
    slack.say(REQUESTER, TRAINING, "<@U0BOT> with 3 epochs", first)
    slack.mention(REQUESTER, TRAINING, "second task")
    again = open_office(answers, listens=False)
    looking, clock = absence_of(again), again.service._clock
    assert looking.hear(clock.now() - LONGEST, threading.Event()) == 1
    wait_until(lambda: said(again) == ["second task"])


def test_a_clock_that_was_set_back_hides_nothing(
    open_office: OpenOffice, slack: SlackServer
) -> None:
    office = open_office(answers, listens=False)
    office.service.store.mail.reach(NAME, int(time.time()) + 7200)
    office.close()
    slack.mention(REQUESTER, TRAINING, "a task")
    again = open_office(answers)
    wait_until(lambda: said(again) == ["a task"])


def test_nothing_is_looked_for_that_is_older_than_a_day(
    open_office: OpenOffice, slack: SlackServer
) -> None:
    office = open_office(answers, listens=False)
    looking, clock = absence_of(office), office.service._clock
    looking.hear(clock.now() - 3 * LONGEST, threading.Event())
    (call, *_) = slack.calls("conversations.history")
    age_s = clock.now().timestamp() - float(call.text("oldest"))
    assert 0 <= age_s - LONGEST.total_seconds() < 60
