"""Mail: once in, in order out, and one reader at a time whose place is kept."""

from datetime import timedelta

import pytest

from ml_intern.errors import LeaseLost
from ml_intern.queue.invariants import Checker
from ml_intern.queue.mail import HOLD_S, Draft, Held, Mail, Undelivered
from ml_intern.queue.store import Store
from tests.contract.conftest import OpenDatabase, OpenStore
from tests.queue.given import HandClock, S, T, claimed, ended, new_session, replied, turn

SLACK = "slack"


def draft(key: str, lane: str = "a", **more: object) -> Draft:
    return Draft(lane=lane, dedupe=key, body={"text": key}, **more)


@pytest.fixture
def mail(store: Store) -> Mail:
    return store.mail


def held(mail: Mail, name: str = "teller") -> Held:
    found = mail.hold(name)
    assert found is not None, "somebody else holds it"
    return found


def keys(mail: Mail) -> list[str]:
    return [post.dedupe for post in mail.ready(SLACK, 10)]


def test_a_letter_that_comes_twice_is_stored_once(mail: Mail) -> None:
    assert mail.receive(SLACK, "event-1", {"text": "hello \u00e9 \0"})
    assert not mail.receive(SLACK, "event-1", {"text": "hello again"})
    (letter,) = mail.unread(SLACK, 10)
    assert letter.body["text"].startswith("hello \u00e9")
    assert letter.key == "event-1"


def test_letters_are_read_in_the_order_in_which_they_came_until_they_are_settled(
    mail: Mail,
) -> None:
    for key in ("one", "two", "three"):
        mail.receive(SLACK, key, {"key": key})
    mail.receive("mail", "other", {})
    first = mail.unread(SLACK, 2)
    assert [letter.body["key"] for letter in first] == ["one", "two"]
    assert mail.settle(first[0], "refused", "a stranger")
    assert not mail.settle(first[0], "done")
    assert [letter.body["key"] for letter in mail.unread(SLACK, 9)] == ["two", "three"]


def test_letters_of_a_thread_that_were_for_nobody_are_read_again(mail: Mail) -> None:
    for key, thread in (("one", "t"), ("two", "t"), ("three", "other"), ("four", "")):
        mail.receive(SLACK, key, {"channel": "c", "thread_ts": thread})
    mail.receive(SLACK, "five", {"channel": "other", "thread_ts": "t"})
    mail.receive(SLACK, "six", {"kind": "submission"})
    for letter in mail.unread(SLACK, 9):
        mail.settle(letter, "done", "said" if letter.key == "two" else "not for us")
    assert mail.reopen(SLACK, "not for us", place="c", thread_ts="t") == 1
    assert [(one.key, one.body["thread_ts"]) for one in mail.unread(SLACK, 9)] == [("one", "t")]
    assert mail.reopen(SLACK, "not for us", place="c", thread_ts="t") == 0


def test_only_letters_that_were_dealt_with_long_ago_are_pruned(
    mail: Mail, clock: HandClock
) -> None:
    for key in ("settled", "open"):
        mail.receive(SLACK, key, {"key": key})
    mail.settle(mail.unread(SLACK, 1)[0], "done")
    assert mail.prune(clock.now()) == 0
    clock.passed_s += 60
    assert mail.prune(clock.now()) == 1
    assert [letter.key for letter in mail.unread(SLACK, 9)] == ["open"]
    assert mail.receive(SLACK, "settled", {})


def test_what_was_sent_is_pruned_but_for_what_somebody_may_still_refer_to(
    store: Store, mail: Mail, clock: HandClock, open_database: OpenDatabase
) -> None:
    new_session(store, T)
    claim = claimed(store)
    store.append(claim.lease, turn(), replied())
    store.finish(claim, ended())
    new_session(store)  # one that is not at rest
    for session in (S, T):
        keys = [f"{session}:{what}" for what in ("root", "asked", "update", "failed")]
        mail.put(SLACK, [draft(key, session, session_id=session) for key in keys])
        for key in keys:
            (post,) = [one for one in mail.ready(SLACK, 9) if one.dedupe == key]
            mail.begin(post)
            if key.endswith("failed"):
                mail.drop(post, "failed")
            else:
                mail.sent(post, None if key.endswith("update") else f"C1:{key}")
    mail.put(SLACK, [draft("whisper", "only"), draft("waits", "only")])
    (whisper,) = mail.ready(SLACK, 9)
    mail.sent(whisper, None)

    assert mail.prune(clock.now()) == 0, "all of it is new"
    clock.passed_s += 60
    while mail.prune(clock.now()):
        pass

    known = [*(f"{one}:{what}" for one in (S, T) for what in ("root", "asked", "update")), "waits"]
    left = [key for key in [*known, "whisper"] if mail.find(key)]
    assert left == [f"{S}:root", f"{S}:asked", f"{T}:root", "waits"]
    assert mail.known_as(SLACK, f"C1:{T}:root").session_id == T
    assert mail.counts(SLACK) == {"queued": 1, "sent": 3}
    assert open_database().write(lambda c: list(Checker(c).findings())) == []


def test_whoever_waits_for_mail_is_woken(mail: Mail) -> None:
    heard = mail.rings()
    mail.receive(SLACK, "one", {})
    assert mail.rings() > heard
    mail.wait(heard, 60)


def test_the_same_key_is_put_once(mail: Mail) -> None:
    assert mail.put(SLACK, [draft("one"), draft("two"), draft("one")]) == 2
    assert mail.put(SLACK, [draft("one")]) == 0


def test_only_the_first_of_each_lane_is_ready(mail: Mail) -> None:
    mail.put(SLACK, [draft("a1"), draft("a2"), draft("b1", "b"), draft("a3")])
    first, other = mail.ready(SLACK, 10)
    assert (first.dedupe, other.dedupe) == ("a1", "b1")
    assert [post.dedupe for post in mail.behind(SLACK, first, 10)] == ["a2", "a3"]
    assert mail.begin(first)
    assert keys(mail) == ["a1", "b1"], "one that was begun holds its lane up"
    assert mail.sent(first, "C1:1.0")
    assert keys(mail) == ["b1", "a2"] or keys(mail) == ["a2", "b1"]
    assert not mail.begin(first)


def test_what_was_begun_and_not_ended_is_in_doubt(mail: Mail, open_store: OpenStore) -> None:
    mail.put(SLACK, [draft("a1")])
    mail.begin(mail.ready(SLACK, 1)[0])
    (found,) = open_store().mail.ready(SLACK, 1)
    assert (found.state, found.attempts) == ("sending", 1)


@pytest.mark.parametrize("doubtful", [True, False])
def test_what_was_put_off_waits_for_its_time_and_holds_its_lane_up(
    mail: Mail, clock: HandClock, doubtful: bool
) -> None:
    mail.put(SLACK, [draft("a1"), draft("a2"), draft("b1", "b")])
    post = mail.ready(SLACK, 1)[0]
    mail.begin(post)
    mail.again(post, clock.now() + timedelta(seconds=5), doubtful=doubtful)
    assert keys(mail) == ["b1"]
    clock.passed_s += 5
    assert keys(mail) == ["a1", "b1"]
    assert mail.ready(SLACK, 1)[0].state == ("sending" if doubtful else "queued")


@pytest.mark.parametrize("becomes", ["failed", "superseded"])
def test_what_is_dropped_makes_room_for_the_next(mail: Mail, becomes: str) -> None:
    mail.put(SLACK, [draft("a1"), draft("a2")])
    assert mail.drop(mail.ready(SLACK, 1)[0], becomes)
    assert keys(mail) == ["a2"]
    assert mail.counts(SLACK) == {becomes: 1, "queued": 1}


def test_what_the_channel_has_already_is_found_by_its_name(store: Store) -> None:
    new_session(store)
    store.mail.put(SLACK, [draft("root", session_id=S, external_id="C1:1.0")])
    assert keys(store.mail) == []
    found = store.mail.known_as(SLACK, "C1:1.0")
    assert found is not None
    assert found.session_id == S
    assert found == store.mail.find("root")
    assert store.mail.known_as(SLACK, "C1:2.0") is None
    assert store.mail.find("other") is None


def test_one_reader_at_a_time(mail: Mail, open_store: OpenStore) -> None:
    first, other = held(mail), open_store().mail
    assert other.hold("teller") is None
    assert other.hold("sender") is not None
    mail.release(first)
    assert held(other).token == first.token + 1


def test_a_reader_that_went_silent_is_followed_by_another_and_can_do_no_more(
    mail: Mail, open_store: OpenStore, clock: HandClock
) -> None:
    first = held(mail)
    clock.passed_s += HOLD_S - 1
    mail.renew(first)
    clock.passed_s += HOLD_S - 1
    assert open_store().mail.hold("teller") is None
    clock.passed_s += 2
    assert open_store().mail.hold("teller") is not None
    for late in (
        lambda: mail.renew(first),
        lambda: mail.release(first),
        lambda: mail.advance(first, 9, SLACK, [draft("late")]),
    ):
        with pytest.raises(LeaseLost):
            late()
    assert mail.find("late") is None


def test_a_row_from_before_the_clock_began_anew_is_free(mail: Mail, clock: HandClock) -> None:
    held(mail)
    clock.passed_s -= 900
    assert mail.hold("teller") is not None


def test_the_place_is_kept_with_what_was_put(mail: Mail, open_store: OpenStore) -> None:
    first = mail.hold("teller", begin_at=3)
    assert first is not None
    assert first.position == 3
    mail.advance(first, 7, SLACK, [draft("a1"), draft("a2")])
    mail.advance(first, 9, SLACK, [])
    mail.release(first)
    again = held(open_store().mail)
    assert again.position == 9
    assert keys(mail) == ["a1"]


def test_a_worker_on_the_file_lets_go_what_others_held(
    mail: Mail, open_store: OpenStore, database_kind: str
) -> None:
    held(mail)
    other = open_store()
    other.recover()
    assert (other.mail.hold("teller") is not None) == (database_kind == "sqlite")


def test_what_nobody_was_told_is_counted(mail: Mail, clock: HandClock) -> None:
    assert mail.undelivered(SLACK) == Undelivered()
    since = clock.now()
    mail.put(SLACK, [draft("first"), draft("lost", "b"), draft("told", "c")])
    clock.passed_s += 60
    mail.put(SLACK, [draft("later")])
    first, lost, told = mail.ready(SLACK, 9)
    mail.begin(first)
    mail.drop(lost, "failed")
    mail.sent(told, None)
    assert mail.undelivered(SLACK) == Undelivered(waiting=2, since=since, refused=1)


def test_what_goes_where_nothing_may_go_now_is_left_out(mail: Mail) -> None:
    for number, place in enumerate(("a", "b", "")):
        body = {"channel": place} if place else {}
        mail.put(SLACK, [Draft(lane=f"{number}", dedupe=f"{number}", body=body)])
    assert [post.dedupe for post in mail.ready(SLACK, 9, ["a"])] == ["1", "2"]
    assert [post.dedupe for post in mail.ready(SLACK, 9, ["a", "b"])] == ["2"]
    assert [post.dedupe for post in mail.ready(SLACK, 1)] == ["0"]


def test_a_number_that_json_does_not_have_is_refused_before_it_is_in_the_way(mail: Mail) -> None:
    with pytest.raises(ValueError, match="JSON"):
        mail.put(SLACK, [Draft(lane="a", dedupe="a", body={"curve": [float("nan")]})])
    assert keys(mail) == []
