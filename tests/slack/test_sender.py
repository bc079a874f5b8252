"""Delivery: in order, once, at Slack's pace, through every kind of trouble."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from math import nan
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from ml_intern.clock import SystemClock
from ml_intern.errors import SlackLimited
from ml_intern.messages import SessionId
from ml_intern.queue.mail import Draft
from ml_intern.queue.store import Store
from ml_intern.slack import blocks, drafts
from ml_intern.slack.picture import drawn
from ml_intern.slack.sender import MOST_BREAKS, Sender, share_of
from ml_intern.slack.web import DEFAULT_RETRY_AFTER_S, SlackWeb, _translated
from tests.queue.given import S, T, new_session
from tests.support.slack import BOT_USER, GENERAL, TRAINING, SlackServer

SLACK = drafts.CHANNEL


class Time(SystemClock):
    """The real time, and as much more as a test lets pass."""

    def __init__(self) -> None:
        self.more_s = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.more_s

    def now(self) -> datetime:
        return datetime.fromtimestamp(super().now().timestamp() + self.more_s, UTC)


class Desk:
    def __init__(self, folder: Path, slack: SlackServer) -> None:
        self.slack, self.folder = slack, folder
        self.clock = Time()
        self.store = Store.open(folder / "ml-intern.db", self.clock)
        new_session(self.store)
        new_session(self.store, T)
        self.sender = self.new_sender()

    def new_sender(self, pace_s: float = 0.0) -> Sender:
        web = SlackWeb(self.slack.bot_token, self.slack.base_url)
        return Sender(self.store.mail, web, self.clock, pace_s)

    def put(self, *found: Draft) -> None:
        self.store.mail.put(SLACK, found)

    def begin(self, session: SessionId = S) -> None:
        self.put(drafts.root(session, blocks.said(f"root {session}"), channel=TRAINING))

    def say(self, key: str, session: SessionId = S, **more: Any) -> None:
        said = blocks.said(f"words {key}")
        self.put(drafts.post(session, key, said, channel=TRAINING, **more))

    def change(self, key: str, target: str, words: str, **more: Any) -> None:
        said = blocks.said(words)
        self.put(drafts.update(S, key, target, said, channel=TRAINING, **more))

    def send_all(self, most: int = 50) -> int:
        """Until nothing may be sent at this moment; how often something was done."""
        for number in range(most):
            if not self.sender.send_next():
                return number
        return most

    def counts(self) -> dict[str, int]:
        return self.store.mail.counts(SLACK)

    def texts(self) -> list[str]:
        return [one.text for one in self.slack.messages(TRAINING)]


@pytest.fixture
def desk(tmp_path: Path, slack: SlackServer) -> Iterator[Desk]:
    found = Desk(tmp_path, slack)
    yield found
    found.store.close()


def test_messages_of_a_thread_go_out_in_order_and_in_it(desk: Desk) -> None:
    desk.begin()
    for key in "abc":
        desk.say(key)
    desk.send_all()
    assert desk.texts() == [f"root {S}", "words a", "words b", "words c"]
    root, *replies = desk.slack.messages(TRAINING)
    assert {one.thread_ts for one in replies} == {root.ts}
    assert desk.counts() == {"sent": 4}


def test_one_message_a_second_in_each_channel(desk: Desk) -> None:
    desk.sender = desk.new_sender(pace_s=1.0)
    desk.begin()
    desk.begin(T)
    assert desk.send_all() == 1
    desk.clock.more_s += 1.1
    assert desk.send_all() == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_connection_that_breaks_never_doubles_and_never_loses_a_message(
    desk: Desk, when: str
) -> None:
    desk.begin()
    desk.say("a")
    desk.say("b")
    desk.slack.drop_connection("chat.postMessage", when)
    desk.send_all()
    assert desk.counts()["sending"] == 1
    desk.clock.more_s += 2
    desk.slack.drop_connection("chat.postMessage", when)
    desk.send_all()
    desk.clock.more_s += 2
    desk.send_all()
    desk.clock.more_s += 4
    desk.send_all()
    assert desk.texts() == [f"root {S}", "words a", "words b"]


def test_what_a_dead_sender_left_in_doubt_is_looked_for(desk: Desk) -> None:
    desk.begin()
    desk.say("a")
    desk.send_all()
    desk.say("b")
    desk.say("c")
    (post,) = desk.store.mail.ready(SLACK, 9)
    desk.store.mail.begin(post)
    desk.sender._send(post)  # and then it dies
    desk.sender = desk.new_sender()
    desk.send_all()
    assert desk.texts() == [f"root {S}", "words a", "words b", "words c"]


def test_a_file_that_arrived_is_not_brought_twice(desk: Desk) -> None:
    desk.begin()
    desk.put(drafts.file(S, "f", "train.py", "print('ü')", channel=TRAINING))
    desk.slack.drop_connection("files.completeUploadExternal", "after")
    desk.send_all()
    desk.clock.more_s += 2
    desk.send_all()
    shared = [one for one in desk.slack.messages(TRAINING) if one.files]
    assert len(shared) == 1
    (file,) = desk.slack.workspace.files.values()
    assert file.content == "print('ü')".encode()
    assert desk.counts() == {"sent": 2}


def test_retry_after_is_obeyed_and_other_channels_go_on(desk: Desk) -> None:
    desk.slack.channel(GENERAL).members.add("U0BOT")
    desk.begin()
    elsewhere = drafts.announcement(T, "n", blocks.said("notice"), channel=GENERAL)
    desk.put(elsewhere)
    desk.slack.fail_next("chat.postMessage", retry_after=7)
    desk.send_all()
    assert desk.texts() == []
    assert [one.text for one in desk.slack.messages(GENERAL)] == ["notice"]
    desk.clock.more_s += 6
    desk.send_all()
    assert desk.texts() == []
    desk.clock.more_s += 1.5
    desk.send_all()
    assert desk.texts() == [f"root {S}"]


@pytest.mark.parametrize(
    "trouble",
    [
        lambda slack: slack.fail_next("*", status=500),
        lambda slack: slack.fail_next("*", error="internal_error"),
        lambda slack: slack.fail_next("*", error="token_revoked"),
        lambda slack: slack.fail_next("*", error="missing_scope"),
        lambda slack: slack.fail_next("*", error="channel_not_found"),
        lambda slack: slack.fail_next("*", error="not_in_channel"),
        lambda slack: slack.fail_next("*", error="is_archived"),
        lambda slack: slack.fail_next("*", error="access_denied"),
        lambda slack: slack.fail_next("*", error="two_factor_setup_required"),
        lambda slack: slack.fail_next("*", error="message_limit_exceeded"),
        lambda slack: slack.fail_next("*", error="external_channel_migrating"),
        lambda slack: slack.fail_next("*", error="restricted_action_read_only_channel"),
    ],
)
def test_trouble_that_passes_loses_nothing(
    desk: Desk, trouble: Callable[[SlackServer], None]
) -> None:
    desk.begin()
    desk.say("a")
    trouble(desk.slack)
    desk.send_all()
    assert desk.texts() == []
    for _ in range(3):
        desk.clock.more_s += 5
        desk.send_all()
    assert desk.texts() == [f"root {S}", "words a"]


def test_a_slack_that_is_down_is_left_in_peace_for_longer_and_longer(desk: Desk) -> None:
    desk.begin()
    desk.begin(T)
    desk.slack.down()
    assert desk.send_all() == 1
    for _ in range(8):
        desk.clock.more_s += 61
        assert desk.send_all() == 1
    desk.slack.up()
    desk.clock.more_s += 61
    desk.send_all()
    assert sorted(desk.texts()) == [f"root {S}", f"root {T}"]


def test_a_channel_that_stays_away_does_not_hold_up_others_and_is_given_up_in_a_day(
    desk: Desk,
) -> None:
    desk.put(drafts.root(T, blocks.said("lost"), channel="C0NOWHERE"))
    desk.begin()
    desk.send_all()
    assert desk.texts() == [f"root {S}"]
    desk.clock.more_s += 25 * 3600
    desk.send_all()
    assert desk.counts() == {"sent": 1, "failed": 1}


def test_of_updates_only_the_newest_is_sent(desk: Desk) -> None:
    desk.begin()
    desk.say("a")
    for number in range(5):
        desk.change(f"a{number}", "a", f"state {number}")
    desk.send_all()
    assert desk.texts() == [f"root {S}", "state 4"]
    assert len(desk.slack.calls("chat.update")) == 1
    assert desk.counts() == {"sent": 3, "superseded": 4}


def test_a_message_that_cannot_be_changed_any_more_is_said_anew(desk: Desk) -> None:
    desk.begin()
    desk.say("a")
    desk.send_all()
    desk.slack.freeze(desk.slack.messages(TRAINING)[1].ts)
    desk.change("a1", "a", "decided")
    desk.send_all()
    assert desk.texts() == [f"root {S}", "words a", "decided"]


def test_a_curve_becomes_a_picture_in_the_message(desk: Desk) -> None:
    desk.begin()
    desk.say("a")
    desk.change("a1", "a", "step 10", curve=[3.0, 2.0, 1.0])
    desk.send_all()
    message = desk.slack.messages(TRAINING)[1]
    (picture,) = (one for one in message.blocks if one["type"] == "image")
    file = desk.slack.workspace.files[picture["slack_file"]["id"]]
    assert file.content is not None
    assert file.content.startswith(b"\x89PNG")


def test_without_the_right_to_bring_files_the_words_go_out_alone(desk: Desk) -> None:
    desk.slack.tokens.bot.scopes.discard("files:write")
    desk.begin()
    desk.say("a", curve=[3.0, 2.0])
    desk.send_all()
    assert desk.texts() == [f"root {S}", "words a"]


def test_what_slack_refuses_as_blocks_goes_out_as_words(desk: Desk) -> None:
    desk.begin()
    said = {"text": "plain", "blocks": [{"type": "no such block"}]}
    desk.put(drafts.post(S, "a", said, channel=TRAINING))
    desk.say("b")
    desk.send_all()
    assert desk.texts() == [f"root {S}", "plain", "words b"]


def test_a_channel_may_be_named(desk: Desk) -> None:
    desk.put(drafts.root(S, blocks.said("root"), channel="#training"))
    desk.put(drafts.file(S, "f", "a.txt", "x", channel="#training"))
    desk.slack.drop_connection("chat.postMessage", "after")
    desk.send_all()
    desk.clock.more_s += 2
    desk.send_all()
    assert desk.texts() == ["root", ""]


def test_two_senders_take_turns(desk: Desk) -> None:
    stop = threading.Event()
    senders = [desk.new_sender() for _ in range(2)]
    threads = [threading.Thread(target=one.run, args=(stop,)) for one in senders]
    for thread in threads:
        thread.start()
    desk.begin()
    for number in range(10):
        desk.say(f"{number:02d}")
    desk.slack.wait_for(lambda: len(desk.texts()) == 11)
    stop.set()
    for thread in threads:
        thread.join(5)
    assert desk.texts() == [f"root {S}", *(f"words {number:02d}" for number in range(10))]


@pytest.mark.parametrize("curve", [[1e20, 1e20], [-1e300, -1e300], [0.0, 0.0], [3.0, nan]])
def test_any_course_can_be_drawn(curve: list[float]) -> None:
    assert drawn(curve, "loss").startswith(b"\x89PNG")


def test_a_message_that_breaks_the_sender_keeps_no_other_waiting(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml_intern.slack.sender.drawn", lambda *_: 1 / 0)
    desk.begin()
    desk.say("broken", curve=[1.0, 2.0])
    desk.say("whole")
    for _ in range(MOST_BREAKS + 1):
        desk.send_all()
        desk.clock.more_s += 100
    assert desk.texts() == [f"root {S}", "words whole"]
    assert desk.counts() == {"sent": 2, "failed": 1}


@pytest.mark.parametrize("said", ["inf", "nan", "-5", "0", "soon", "1e400"])
def test_a_wait_that_is_none_is_not_obeyed(said: str) -> None:
    answer = SimpleNamespace(status_code=429, data={}, headers={"Retry-After": said})
    found = _translated("chat.update", SlackApiError("no", answer))
    assert isinstance(found, SlackLimited)
    assert found.retry_after_s == DEFAULT_RETRY_AFTER_S


@pytest.mark.parametrize(
    "trouble",
    [
        {"retry_after": 3},
        {"status": 503},
        {"error": "missing_scope"},
        {"error": "token_revoked"},
        {"error": "channel_not_found"},
    ],
)
def test_a_look_that_fails_leaves_the_doubt(desk: Desk, trouble: dict[str, Any]) -> None:
    desk.begin()
    desk.say("a")
    desk.send_all()
    desk.say("b")
    desk.slack.drop_connection("chat.postMessage", "after")
    desk.slack.fail_next("conversations.replies", **trouble)
    for _ in range(6):
        desk.send_all()
        desk.clock.more_s += 5
    assert desk.texts() == [f"root {S}", "words a", "words b"]
    assert desk.counts() == {"sent": 3}


def test_a_storm_of_limits_loses_nothing_doubles_nothing_and_keeps_the_order(desk: Desk) -> None:
    """Ten minutes in which Slack answers 429, and 500 in between, to everything."""
    desk.begin()
    for key in "abc":
        desk.say(key)
    began = desk.clock.more_s
    while desk.clock.more_s - began < 600:
        desk.slack.fail_next("*", retry_after=30)
        desk.slack.fail_next("chat.postMessage", status=500)
        desk.slack.drop_connection("chat.postMessage", "after")
        desk.send_all()
        desk.clock.more_s += 31
    asked = len(desk.slack.requests)
    assert asked <= 600 / 31 * 4, "Slack is left in peace"
    desk.slack.no_more_faults()
    for _ in range(5):
        desk.clock.more_s += 61
        desk.send_all()
    assert desk.texts() == [f"root {S}", "words a", "words b", "words c"]
    assert desk.counts() == {"sent": 4}


def test_words_that_are_limited_after_their_blocks_were_refused_are_not_lost(desk: Desk) -> None:
    desk.begin()
    said = {"text": "plain", "blocks": [{"type": "no such block"}]}
    desk.put(drafts.post(S, "a", said, channel=TRAINING))
    desk.sender.send_next()
    desk.slack.fail_next("chat.postMessage", error="invalid_blocks")
    desk.slack.fail_next("chat.postMessage", retry_after=2)
    desk.send_all()
    desk.clock.more_s += 3
    desk.send_all()
    assert desk.texts() == [f"root {S}", "plain"]


def test_a_crowded_channel_keeps_no_other_waiting(desk: Desk) -> None:
    desk.sender = desk.new_sender(pace_s=1.0)
    desk.slack.channel(GENERAL).members.add("U0BOT")
    for number in range(200):
        said = blocks.said(f"crowd {number}")
        desk.put(Draft(lane=f"lane {number}", dedupe=f"crowd {number}", body=to(TRAINING, said)))
    desk.put(Draft(lane="other", dedupe="other", body=to(GENERAL, blocks.said("other"))))
    assert desk.send_all() == 2
    assert [one.text for one in desk.slack.messages(GENERAL)] == ["other"]


def to(channel: str, said: blocks.Said) -> dict[str, Any]:
    return {"act": "post", "channel": channel, "thread": "", **said}


def test_senders_share_the_channels_and_one_that_hangs_keeps_no_other_waiting(
    desk: Desk,
) -> None:
    names = [f"C0SHARED{number:02d}" for number in range(8)]
    assert {share_of(name, 2) for name in names} == {0, 1}
    for name in names:
        desk.slack.add_channel(name, name, {BOT_USER})
        for key in "ab":
            body = to(name, blocks.said(key))
            desk.put(Draft(lane=name, dedupe=f"{name} {key}", body=body))
    desk.slack.delay("chat.postMessage", 8.0)
    stop = threading.Event()
    web = SlackWeb(desk.slack.bot_token, desk.slack.base_url)
    senders = [Sender(desk.store.mail, web, desk.clock, 0.0, number=n, of=2) for n in (0, 1)]
    threads = [threading.Thread(target=one.run, args=(stop,)) for one in senders]
    for thread in threads:
        thread.start()

    def said(name: str) -> str:
        return "".join(one.text for one in desk.slack.messages(name))

    (hung,) = desk.slack.wait_for(lambda: desk.slack.calls("chat.postMessage")[:1])
    late = share_of(hung.params["channel"], 2)
    others = [name for name in names if share_of(name, 2) != late]
    desk.slack.wait_for(lambda: all(said(name) == "ab" for name in others), 8)
    assert hung.outcome == "pending"
    desk.slack.wait_for(lambda: all(said(name) == "ab" for name in names), 20)
    stop.set()
    for thread in threads:
        thread.join(5)
    assert desk.counts() == {"sent": 16}


def test_a_message_that_lacks_a_scope_keeps_no_other_waiting(desk: Desk) -> None:
    desk.slack.tokens.bot.scopes.discard("files:write")
    desk.begin()
    desk.put(drafts.file(S, "f", "train.py", "print()", channel=TRAINING))
    desk.begin(T)
    desk.send_all()
    assert desk.texts() == [f"root {S}", f"root {T}"]


@pytest.mark.parametrize(("after_s", "seen"), [(100.0, 2), (301.0, 1)])
def test_a_whisper_in_doubt_is_repeated_for_five_minutes(
    desk: Desk, after_s: float, seen: int
) -> None:
    """Slack cannot say whether it arrived: this once it has."""
    where = {"channel": TRAINING, "thread_ts": ""}
    desk.put(drafts.ephemeral("w", "Not you.", user="U0STRANGER", **where))
    desk.slack.drop_connection("chat.postEphemeral", "after")
    desk.send_all()
    desk.clock.more_s += after_s
    desk.send_all()
    assert len(desk.slack.ephemerals("U0STRANGER")) == seen
    assert "sending" not in desk.counts()


def test_a_whisper_that_was_not_tried_is_told_however_late(desk: Desk) -> None:
    where = {"channel": TRAINING, "thread_ts": ""}
    desk.put(drafts.ephemeral("w", "Not you.", user="U0STRANGER", **where))
    desk.clock.more_s += 3600
    desk.send_all()
    assert len(desk.slack.ephemerals("U0STRANGER")) == 1


def test_whoever_sends_for_longer_than_the_row_is_held_keeps_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step of bringing a file takes most of the time for which the row is held."""
    monkeypatch.setattr("ml_intern.queue.mail.HOLD_S", 1.5)
    monkeypatch.setattr("ml_intern.slack.shift.KEEP_S", 0.2)
    stop = threading.Event()
    desk.begin()
    desk.put(drafts.file(S, "f", "train.py", "print('ü')", channel=TRAINING))
    desk.say("behind it")
    desk.slack.upload_takes_s = 1.0
    for method in ("files.getUploadURLExternal", "files.completeUploadExternal"):
        desk.slack.delay(method, 1.0)
    senders = [desk.new_sender() for _ in range(2)]
    threads = [threading.Thread(target=one.run, args=(stop,)) for one in senders]
    for thread in threads:
        thread.start()
    desk.slack.wait_for(lambda: "words behind it" in desk.texts(), 30)
    stop.set()
    for thread in threads:
        thread.join(5)
    assert desk.texts() == [f"root {S}", "", "words behind it"]
    assert len(desk.slack.workspace.files) == 1, "the other one never began it"
