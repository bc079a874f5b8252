"""What may be asked, and what is answered, is the same here and over the socket."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from ml_intern.client.door import Door, Fork, NewSession, Policy, TextPiece
from ml_intern.client.remote import RemoteDoor
from ml_intern.errors import (
    Busy,
    ConfigError,
    Draining,
    InputError,
    MLInternError,
    StateConflict,
    StoreUnavailable,
    UnknownSession,
)
from ml_intern.events import (
    BudgetExtended,
    BudgetReached,
    ForkedFrom,
    JobEnded,
    JobStarted,
    RuleRevoked,
    UserSaid,
)
from ml_intern.messages import ApprovalId, JobId, SessionId
from ml_intern.ops import (
    ApprovalDecision,
    ChangeModel,
    Compact,
    ExtendBudget,
    Interrupt,
    ResolveUnknown,
    Undo,
    UserInput,
)
from ml_intern.queue.rows import Recorded
from ml_intern.session.caps import more_room
from ml_intern.session.said import Said
from tests.queue.given import (
    S,
    answered,
    asked,
    began,
    claimed,
    decided,
    ended,
    granted,
    new_session,
    replied,
    turn,
)
from tests.support.lost import LOST, lose_call
from tests.support.own_door import RULES, OwnDoor
from tests.support.serving import Follower, served

ODD_PREFIXES = (
    *("nope", "", ".", "..", "../health", "a/b", "/"),
    *("%", "%2e", "?x=1", "#", "ü", " ", "\x00"),
)
TROUBLES = (
    Busy("1,000 ops are waiting; come back.", retry_after_s=7.5),
    Draining("The service is stopping; start it again.", retry_after_s=30.0),
    StoreUnavailable("The disk that holds /x is full; free space."),
    StateConflict("The store has this row already."),
    InputError("“Quotes” and\nlines\x00 travel."),
    ConfigError("Set another model."),
    MLInternError("Something of ours."),
)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[OwnDoor]:
    """The door that holds the store."""
    door = OwnDoor(tmp_path)
    yield door
    door.close()


@pytest.fixture(params=["here", "over the socket"])
def door(request: pytest.FixtureRequest, home: OwnDoor, tmp_path: Path) -> Iterator[Door]:
    """The door under test."""
    if request.param == "here":
        yield home
        return
    with served(home, tmp_path / "daemon.sock") as path, RemoteDoor(path) as remote:
        yield remote


def task(text: str = "train it", **more: object) -> NewSession:
    return NewSession(task=text, started_in="/home/ada", author="ada", **more)


@pytest.fixture
def session(door: Door) -> SessionId:
    return door.start_session(task())


@pytest.fixture
def waiting(home: OwnDoor, session: SessionId) -> SessionId:
    """A session whose call waits for approval a1."""
    claim = claimed(home.store)
    home.store.append(claim.lease, replied("c1"), asked())
    home.store.finish(claim, ended("waiting", "approval:a1"))
    return session


def test_several_approvals_are_decided_at_once(door: Door, home: OwnDoor) -> None:
    new_session(home.store)
    claim = claimed(home.store)
    asks = [asked("c1", approval="a1"), asked("c2", approval="a2"), asked("c3", approval="a3")]
    home.store.append(claim.lease, replied("c1", "c2", "c3"), *asks)
    home.store.finish(claim, ended("waiting", "approval:a1", "approval:a2", "approval:a3"))
    assert door.decide("a2", "deny", decided_by="bob")
    said = [Said(approval_id=key, verdict="approve") for key in ("a1", "a2", "a3")]
    assert list(door.decide_all(said, decided_by="ada")) == ["a1", "a3"]
    assert list(door.decide_all(said, decided_by="ada")) == []
    with pytest.raises(InputError):
        door.decide_all([Said(approval_id="zz", verdict="approve")], decided_by="ada")


def test_an_edit_is_checked_and_nothing_is_decided(door: Door, waiting: SessionId) -> None:
    assert door.check_edit("a1", {"command": "ls -l"}).problems == {}
    assert list(door.check_edit("a1", {}).problems) == ["command"]
    assert [row.approval_id for row in door.open_approvals()] == ["a1"]
    with pytest.raises(InputError):
        door.check_edit("zz", {})


def test_a_started_session_is_in_the_store_with_all_that_was_said(
    door: Door, home: OwnDoor
) -> None:
    new = task("träne 🤖\u2028", model="autopilot", instructions="be quick", max_iterations=7)
    new = replace(new, effort="xhigh")
    session_id = door.start_session(new)
    started = home.store.events(session_id)[0].event
    assert (started.title, started.started_in) == ("träne 🤖", "/home/ada")
    assert (started.instructions, started.max_iterations) == ("be quick", 7)
    assert started.effort == "xhigh"
    assert claimed(home.store).op == UserInput(text="träne 🤖\u2028", author="ada")


def test_the_same_key_gives_the_same_session(door: Door) -> None:
    keys = ("k1", 'with "quotes", ünïcode, 50% and \n', "k1")
    first, other, again = (door.start_session(task(), key=key) for key in keys)
    assert first == again != other
    assert len(door.sessions(10)) == 2


def test_a_fork_begins_with_the_messages_of_its_parent(door: Door, home: OwnDoor) -> None:
    new_session(home.store)
    claim = claimed(home.store)
    home.store.append(claim.lease, turn(), UserSaid(text="train it", author="ada"), replied())
    home.store.finish(claim, ended("finished"))
    wish = Fork(source=S, turn=1, words="and then?", started_in="/", author="bob")
    forked = door.fork(wish, key="k")
    assert door.fork(wish, key="k") == forked
    started, *recalled, _hint = [one.event for one in home.store.events(forked)]
    assert started.forked_from == ForkedFrom(session_id=S, turn=1)
    assert [event.message.text for event in recalled] == ["train it", "I will."]
    with pytest.raises(InputError, match="there is no turn 2"):
        door.fork(replace(wish, turn=2))
    with pytest.raises(UnknownSession):
        door.fork(replace(wish, source="nope"))


@pytest.mark.parametrize(
    "request_",
    [
        UserInput(text="and 'quotes' \x00 \x1f", author="ada"),
        Interrupt(asked_by="ada", reason="lunch", cancel_jobs=False),
        Undo(asked_by="ada"),
        Compact(asked_by="ada"),
        ChangeModel(asked_by="ada", model="ollama/qwen2.5-coder:32b", effort="none"),
    ],
)
def test_a_request_is_queued_as_it_was_made(
    door: Door, home: OwnDoor, session: SessionId, request_: object
) -> None:
    home.store.finish(claimed(home.store))
    assert door.submit(session, request_) == 2
    assert claimed(home.store).op == request_


def test_the_same_key_queues_a_request_once(door: Door, session: SessionId) -> None:
    assert door.submit(session, Undo(asked_by="ada"), key="k") == 2
    assert door.submit(session, Undo(asked_by="ada"), key="k") is None
    assert door.submit(session, Undo(asked_by="ada"), key="l") == 3


def test_the_first_decision_wins(door: Door, home: OwnDoor, waiting: SessionId) -> None:
    assert door.decide("a", "deny", decided_by="ada", reason="too dear")
    assert not door.decide("a1", "approve", decided_by="ada")
    assert not door.decide("a1", "deny", decided_by="ada")
    assert home.store.events(waiting)[-1].event == replace(decided("deny"), reason="too dear")
    assert claimed(home.store).op == ApprovalDecision(approval_id=ApprovalId("a1"))


def test_edited_arguments_arrive_whole(door: Door, home: OwnDoor, waiting: SessionId) -> None:
    edited = {"command": "ls", "deep": [{"ü": None, "n": 1.5, "big": 2**53}]}
    assert door.decide("a1", "edit", decided_by="ada", arguments=edited)
    assert home.store.events(waiting)[-1].event.arguments == edited


def test_arguments_that_do_not_fit_leave_the_question_open(door: Door, waiting: SessionId) -> None:
    with pytest.raises(InputError, match="command: is missing"):
        door.decide("a1", "edit", decided_by="ada", arguments={})
    assert [row.approval_id for row in door.open_approvals()] == ["a1"]


@pytest.fixture
def unknown(home: OwnDoor, session: SessionId) -> SessionId:
    """A session that waits for a word on what became of a call."""
    return lose_call(home.store, "bash", command="ls")


def test_the_first_answer_for_a_lost_call_wins(
    door: Door, home: OwnDoor, unknown: SessionId
) -> None:
    assert door.resolve(unknown, "", "skip", resolved_by="ada", note="it is there")
    assert not door.resolve(unknown, LOST, "retry", resolved_by="bob")
    assert claimed(home.store).op == ResolveUnknown(
        call_id=LOST, choice="skip", resolved_by="ada", note="it is there"
    )
    assert home.store.claim(0) is None


def test_a_job_is_declared_lost_once(door: Door, home: OwnDoor, waiting: SessionId) -> None:
    for job, here in (("j1", False), ("j2", True)):
        home.store.submit(waiting, UserInput(text="go on", author="ada"))
        claim = claimed(home.store)
        started = JobStarted(job_id=JobId(job), compute="x", handle={"here": here}, label="x")
        home.store.finish(claim, turn(), started, ended())
    with pytest.raises(InputError, match="these run: j1; j2"):
        door.declare_lost(waiting, "", declared_by="ada")
    with pytest.raises(InputError, match="runs on this machine"):
        door.declare_lost(waiting, "j2", declared_by="ada")
    assert door.declare_lost(waiting, "j1", declared_by="ada", note="the rack burned")
    assert not door.declare_lost(waiting, "j1", declared_by="bob")
    lost = [one.event for one in home.store.events(waiting) if isinstance(one.event, JobEnded)]
    assert [one.reason for one in lost] == [
        "ada says that it ended with its machine: the rack burned"
    ]


@pytest.fixture
def without_room(home: OwnDoor, session: SessionId) -> SessionId:
    """A session that waits because its own cap is reached."""
    cap = f"session:{session}"
    claim = claimed(home.store)
    reached = BudgetReached(cap=cap, used=10, limit=10, needed=5)
    home.store.finish(claim, turn(), reached, ended("waiting", f"budget:{cap}"))
    return session


def test_sessions_without_a_model_are_counted(
    door: Door, home: OwnDoor, session: SessionId
) -> None:
    assert door.health().without_model == 0
    away = ended("waiting", "model:2026-11-26T12:00:00.000Z")
    home.store.finish(claimed(home.store), turn(), away)
    assert (door.health().without_model, door.health().without_room) == (1, 0)


def test_more_room_wakes_the_session_once(
    door: Door, home: OwnDoor, without_room: SessionId
) -> None:
    assert door.health().without_room == 1
    assert door.extend(without_room, "session", 700, extended_by="ada", reason="go on")
    assert not door.extend(without_room, "session", 700, extended_by="bob")
    said = home.store.events(without_room)[-1].event
    cap = f"session:{without_room}"
    told = more_room(cap, 700)
    given = BudgetExtended(cap=cap, amount=700, extended_by="ada", reason="go on", told=told)
    assert said == given
    order = claimed(home.store).op
    assert isinstance(order, ExtendBudget)
    assert order.cap == cap
    states = {state.cap: state for state in door.budget(without_room)}
    assert (states[cap].used, states[cap].limit, states[cap].extended) == (0, None, 700)
    assert states["iterations"].limit == 300
    today, _ = door.budget()
    assert (today.cap[:4], today.limit) == ("day:", 1000)


def test_room_that_makes_no_sense_is_refused(door: Door, session: SessionId) -> None:
    nonsense = (
        ("moon", 5),
        ("", 5),
        (f"session:{session}x", 5),
        ("day:2026-02-30", 5),
        (f"day:{'9' * 9000}", 5),
        ("price:", 5),
        (f"price:{'m' * 9000}", 5),
        ("tokens", 0),
        ("day", 10**16),
    )
    for cap, amount in nonsense:
        with pytest.raises(InputError):
            door.extend(session, cap, amount, extended_by="ada")
    with pytest.raises(UnknownSession):
        door.extend(SessionId("nope"), "tokens", 5, extended_by="ada")
    with pytest.raises(UnknownSession):
        door.budget(SessionId("nope"))


def test_of_two_answers_at_once_one_wins(door: Door, unknown: SessionId) -> None:
    with ThreadPoolExecutor(8) as pool:
        won = list(
            pool.map(
                lambda number: door.resolve(unknown, LOST, "done", resolved_by=f"p{number}"),
                range(8),
            )
        )
    assert sorted(won) == [False] * 7 + [True]


def test_a_call_that_was_never_lost_is_refused_in_the_same_words(
    door: Door, waiting: SessionId
) -> None:
    with pytest.raises(InputError, match="No call of this session waits"):
        door.resolve(waiting, "c1", "done", resolved_by="ada")
    with pytest.raises(UnknownSession):
        door.resolve(SessionId("nope"), "c1", "done", resolved_by="ada")


@pytest.fixture
def ruled(home: OwnDoor, waiting: SessionId) -> SessionId:
    """A session for which somebody has approved two rules."""
    home.submit(waiting, Undo(asked_by="ada"))
    claim = claimed(home.store)
    home.store.append(claim.lease, granted("rule-1"), granted("rule-2"))
    home.store.finish(claim)
    return waiting


def test_the_rules_of_the_settings_and_of_a_session_are_shown(
    door: Door, home: OwnDoor, ruled: SessionId
) -> None:
    general, own = door.policy(), door.policy(ruled)
    assert general == Policy(rules=RULES, read_at=general.read_at)
    assert general.read_at is not None
    assert own == replace(general, granted=(granted("rule-1"), granted("rule-2")))
    with pytest.raises(UnknownSession):
        door.policy(SessionId("nope"))


def test_a_rule_is_revoked_once_and_by_the_beginning_of_its_id(
    door: Door, home: OwnDoor, ruled: SessionId
) -> None:
    with pytest.raises(InputError, match=r"begins more than one rule.*rule-1, rule-2"):
        door.revoke_rule(ruled, "rule", revoked_by="ada")
    with pytest.raises(InputError, match=r"no rule 'x'\. Its rules: rule-1, rule-2"):
        door.revoke_rule(ruled, "x", revoked_by="ada")
    assert door.revoke_rule(ruled, "rule-1", revoked_by="ada")
    assert not door.revoke_rule(ruled, "rule-1", revoked_by="bob")
    assert home.store.events(ruled)[-1].event == RuleRevoked(rule_id="rule-1", revoked_by="ada")
    assert door.policy(ruled).granted == (granted("rule-2"),)
    assert home.store.claim(0) is None, "nobody is woken by it"
    with pytest.raises(UnknownSession):
        door.revoke_rule(SessionId("nope"), "rule-1", revoked_by="ada")


def test_what_the_policy_says_of_a_call_is_explained(door: Door, ruled: SessionId) -> None:
    found = door.explain("bash", {"command": "ls"})
    assert (found.judgement.verdict, found.judgement.like_this) == ("ask", True)
    assert found.arguments == {"command": "ls", "deep": []}
    assert door.explain("bash", {"command": "sudo ls"}).judgement.rule == "config.toml line 3: no"
    granting = door.explain("bash", {"command": "ls"}, ruled).judgement
    assert (granting.verdict, granting.rule) == ("allow", "approved by ada (rule rule-1)")


def test_a_call_that_could_not_be_made_is_not_explained(door: Door) -> None:
    with pytest.raises(InputError, match="command: is missing"):
        door.explain("bash", {})
    with pytest.raises(InputError, match="no tool"):
        door.explain("bsh", {})
    with pytest.raises(UnknownSession):
        door.explain("bash", {"command": "ls"}, SessionId("nope"))


def test_rows_arrive_as_they_are(door: Door, home: OwnDoor, waiting: SessionId) -> None:
    other = door.start_session(task("another"))
    assert door.sessions(1) == home.store.sessions(1)
    assert door.sessions(10) == home.store.sessions(10)
    assert door.sessions(0) == []
    assert door.session(waiting) == home.store.session(waiting)
    assert door.open_approvals() == door.open_approvals(waiting) == home.store.open_approvals()
    assert door.open_approvals(other) == []
    assert door.approval("a") == home.store.approval("a1")
    assert list(door.tools()) == list(home.tools())
    assert door.trace_path(waiting) == home.trace_path(waiting)
    assert door.rewrite_trace(waiting) == home.rewrite_trace(waiting)
    assert door.queue_place(waiting) == home.queue_place(waiting)
    assert door.health() == home.health()


def test_a_session_is_found_by_a_unique_beginning(door: Door, session: SessionId) -> None:
    assert door.session(session[:8]).session_id == session


def test_what_begins_no_session_is_refused_in_the_same_words(
    door: Door, session: SessionId
) -> None:
    for prefix in ODD_PREFIXES:
        with pytest.raises(UnknownSession) as caught:
            door.session(prefix)
        assert str(caught.value) == f"No session has an id that begins with {prefix!r}."
        with pytest.raises(InputError, match="Open approvals: none"):
            door.approval(prefix)


def test_what_is_longer_than_any_id_begins_nothing(door: Door, session: SessionId) -> None:
    for prefix in ("a" * 201, f"{session}{'a' * 300}", "ü" * 5_000):
        with pytest.raises(UnknownSession) as caught:
            door.session(prefix)
        assert str(caught.value) == f"No session has an id that begins with {prefix[:80]!r}."
        with pytest.raises(InputError, match="Open approvals: none"):
            door.approval(prefix)


def test_an_ambiguous_beginning_names_what_was_meant(door: Door, home: OwnDoor) -> None:
    ids = [SessionId("same-1"), SessionId("same-2")]
    for session_id in ids:
        new_session(home.store, session_id)
    with pytest.raises(InputError, match="same-1, same-2"):
        door.session("same")
    assert door.events(SessionId("same")) == []


@pytest.mark.parametrize(
    "ask",
    [
        lambda door: door.submit(SessionId("nope"), Undo(asked_by="ada")),
        lambda door: door.trace_path(SessionId("nope")),
        lambda door: door.rewrite_trace(SessionId("nope")),
        lambda door: door.queue_place(SessionId("nope")),
        lambda door: door.watch(SessionId("nope"), 0, bool),
    ],
)
def test_an_unknown_session_is_refused_in_the_same_words(
    door: Door, home: OwnDoor, ask: Callable[[Door], object]
) -> None:
    with pytest.raises(UnknownSession) as caught:
        ask(door)
    with pytest.raises(UnknownSession) as here:
        ask(home)
    assert str(caught.value) == str(here.value)


@pytest.mark.parametrize(
    ("new", "error", "words"),
    [
        (task("  "), InputError, "The task is empty. Say in plain words what to train"),
        (task(model="gpt-9"), ConfigError, "There is no model 'gpt-9'; set another."),
        (task("half \ud800"), InputError, "The text has half surrogates in it; give valid"),
    ],
)
def test_a_task_that_cannot_be_used_is_refused_in_the_same_words(
    door: Door, new: NewSession, error: type[MLInternError], words: str
) -> None:
    with pytest.raises(error) as caught:
        door.start_session(new)
    assert type(caught.value) is error
    assert str(caught.value).startswith(words)
    assert door.sessions(10) == []


def test_words_that_no_utf8_can_hold_are_refused(door: Door, session: SessionId) -> None:
    with pytest.raises(InputError, match="half surrogates"):
        door.submit(session, UserInput(text="\ud800", author="ada"))
    with pytest.raises(InputError, match="half surrogates"):
        door.session("\ud800")


def test_errors_arrive_as_the_same_class_with_the_same_words(door: Door, home: OwnDoor) -> None:
    asks = (
        lambda: door.start_session(task()),
        lambda: door.submit(SessionId("s"), Undo(asked_by="ada")),
        lambda: door.decide("a1", "approve", decided_by="ada"),
        lambda: door.sessions(1),
        lambda: door.session("s"),
        lambda: door.events(SessionId("s")),
        lambda: door.watch(SessionId("s"), 0, bool),
        lambda: door.decide_all([Said(approval_id="a1", verdict="deny")], decided_by="ada"),
        lambda: door.check_edit("a1", {}),
        lambda: door.open_approvals(),
        lambda: door.approval("a"),
    )
    for trouble in TROUBLES:
        home.trouble = trouble
        for ask in asks:
            with pytest.raises(MLInternError) as caught:
                ask()
            assert type(caught.value) is type(trouble)
            assert caught.value.__dict__ == trouble.__dict__
            assert str(caught.value) == str(trouble)
        assert door.health().trouble == str(trouble)


def test_events_come_in_order_from_a_number_on(
    door: Door, home: OwnDoor, waiting: SessionId
) -> None:
    everything = home.store.events(waiting)
    assert door.events(waiting) == everything
    assert door.events(waiting, 2) == everything[2:]
    assert door.events(waiting, 1000) == []
    assert door.events(SessionId("nope")) == []


def test_a_watch_gives_what_there_is_and_then_what_comes(
    door: Door, home: OwnDoor, waiting: SessionId
) -> None:
    follower = Follower(lambda wake: door.watch(waiting, 1, wake))
    assert follower.until(lambda heard: len(heard) >= 3) == home.store.events(waiting, 1)
    door.decide("a1", "approve", decided_by="ada")
    home.say(waiting, "I will\u2028 start.\x85 \x0b")
    claim = claimed(home.store)
    home.store.append(claim.lease, began())
    home.store.append(claim.lease, answered())
    expected = home.store.events(waiting, 1)
    heard = follower.until(lambda heard: len(heard) >= len(expected) + 1)
    assert [piece for piece in heard if isinstance(piece, Recorded)] == expected
    assert [piece for piece in heard if isinstance(piece, TextPiece)] == [
        TextPiece(session_id=waiting, text="I will\u2028 start.\x85 \x0b")
    ]
    follower.watch.close()


def test_a_watch_hears_of_its_own_session_only(
    door: Door, home: OwnDoor, session: SessionId
) -> None:
    other = door.start_session(task("another"))
    follower = Follower(lambda wake: door.watch(session, 1, wake))
    home.say(other, "not for you")
    home.say(session, "for you")
    heard = follower.until(bool)
    assert heard == [TextPiece(session_id=session, text="for you")]
    follower.watch.close()


def test_nothing_is_taken_when_nothing_has_come(door: Door, session: SessionId) -> None:
    watch = door.watch(session, 1000, bool)
    assert list(watch.take()) == []
    watch.close()


def test_a_closed_watch_wakes_nobody(door: Door, home: OwnDoor, session: SessionId) -> None:
    follower = Follower(lambda wake: door.watch(session, 0, wake))
    follower.until(bool)
    follower.watch.close()
    follower.rung.clear()
    home.say(session, "anybody?")
    door.submit(session, Interrupt(asked_by="ada"))
    assert not follower.rung.wait(0.2)


def test_many_threads_may_use_one_door(door: Door, session: SessionId) -> None:
    with ThreadPoolExecutor(8) as pool:
        numbers = list(
            pool.map(
                lambda n: door.submit(session, Undo(asked_by=f"p{n}"), key=f"{n % 16}"), range(32)
            )
        )
    given = [number for number in numbers if number is not None]
    assert sorted(given) == list(range(2, 18))
