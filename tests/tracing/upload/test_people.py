"""What people do on the Hub, and what they say about it here."""

import json
import threading

import pytest

from ml_intern.hub.protocol import RemoteFile
from ml_intern.tracing.upload import card, ledger
from ml_intern.tracing.upload.ledger import Known, Ledger
from ml_intern.tracing.upload.spool import CHANGED, DELETED, ELSEWHERE
from tests.support.hub import USER
from tests.tracing.upload.given import DAY, REPO, START, Session


def said_again(world, session, hours=0):
    ledger.release(world.traces, session.id, f"2026-11-20T{hours:02}:00:00.000Z")


def stands(world):
    """The state and reason of each file."""
    known = Ledger.load(world.traces).known
    return {one.path: (one.state, one.reason) for one in world.uploader._spool.items(known)}


def begins(session, **about):
    """With a first line as our traces have it."""
    line = {"type": "user", "mlIntern": {"model": "autopilot", **about}}
    session.file.write_bytes(json.dumps(line).encode() + b"\n")
    return session.turn()


# Renamed, moved


def test_a_dataset_that_was_renamed_is_sent_to_under_its_new_name(world):
    session = Session(world.traces).turn()
    world.pass_by(30)
    world.hub.datasets.rename(REPO, f"{USER}/journal")
    session.turn()
    world.pass_by(120)
    renamed = world.hub.datasets.repository(f"{USER}/journal")
    assert renamed.files[session.path].content == session.content
    assert Ledger.load(world.traces).known.moved_to == f"{USER}/journal"
    assert world.trouble == ""


def test_a_dataset_that_went_to_another_owner_waits_for_a_word(world):
    session = Session(world.traces).turn()
    world.pass_by(30)
    world.hub.datasets.rename(REPO, "acme/journal")
    session.turn()
    world.pass_by(120)
    assert "went to another owner, as acme/journal" in world.trouble
    moved = world.hub.datasets.repository("acme/journal")
    assert len(moved.commits) == 2
    ledger.decide(world.traces, Ledger.load(world.traces).now, moved_to="acme/journal")
    world.pass_by(120)
    assert moved.files[session.path].content == session.content


# Changed, deleted, and released


def test_a_changed_file_is_replaced_once_a_person_says_so(world):
    session = Session(world.traces).turn()
    world.pass_by(30)
    world.repository.edit(session.path, b"other words\n")
    session.turn()
    world.pass_by(120)
    assert stands(world) == {session.path: ("changed", CHANGED)}
    said_again(world, session)
    world.pass_by(120)
    assert world.sent == {session.path: session.content}
    world.repository.edit(session.path, b"still other words\n")  # the word was about the first ones
    session.turn()
    world.pass_by(120)
    assert stands(world) == {session.path: ("changed", CHANGED)}
    said_again(world, session, hours=1)
    world.pass_by(120)
    assert world.sent == {session.path: session.content}


def test_what_a_person_changed_after_the_word_is_left(world):
    session = Session(world.traces).turn()
    world.pass_by(30)
    world.repository.edit(session.path, b"other words\n")
    session.turn()
    world.pass_by(120)
    world.repository.edit(session.path, b"these they did not mean\n")
    said_again(world, session)
    world.pass_by(120)
    assert world.sent == {session.path: b"these they did not mean\n"}


@pytest.mark.parametrize("left", [0, 10])
def test_a_file_of_which_a_person_took_something_away_is_changed(world, left):
    session = Session(world.traces).turn()
    world.pass_by(30)
    short = session.content[:left]
    world.repository.edit(session.path, short)
    session.turn()
    world.pass_by(120)
    assert world.sent == {session.path: short}


def test_a_deleted_session_is_sent_again_once_a_person_says_so(world):
    session = Session(world.traces).turn()
    world.pass_by(30)
    world.repository.delete(session.path)
    session.turn()
    world.pass_by(3700)
    assert stands(world) == {session.path: ("deleted", DELETED)}
    said_again(world, session)
    world.pass_by(120)
    assert world.sent == {session.path: session.content}
    world.repository.delete(session.path)
    session.turn()
    world.pass_by(3700)
    assert world.sent == {}


def test_words_said_at_the_same_time_are_all_kept(tmp_path):
    threads = [
        threading.Thread(target=ledger.release, args=(tmp_path, f"{number}", "now"))
        for number in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ledger.released(tmp_path)) == 20


# From elsewhere


def test_a_session_from_elsewhere_and_what_stems_from_it_are_held_until_released(world, tmp_path):
    own = begins(Session(world.traces, 1))
    imported = world.traces / "imported" / DAY / "x.jsonl"
    fork = begins(
        Session(world.traces, 2), forkedFrom={"sessionId": "x", "source": str(imported), "turn": 1}
    )
    of_fork = begins(Session(world.traces, 3), forkedFrom={"sessionId": fork.id, "turn": 1})
    replay = begins(Session(world.traces, 4), model=f"replay/{tmp_path}/x.jsonl")
    of_own = begins(Session(world.traces, 5), forkedFrom={"sessionId": own.id, "turn": 1})
    own_replay = begins(Session(world.traces, 6), model=f"replay/{own.file}")
    orphan = begins(Session(world.traces, 7), forkedFrom={"sessionId": "not-here", "turn": 1})
    circle = Session(world.traces, 8)
    begins(circle, forkedFrom={"sessionId": circle.id, "turn": 1})
    world.pass_by(30)
    assert set(world.sent) == {own.path, of_own.path, own_replay.path}
    held = {path for path, how in stands(world).items() if how == ("held", ELSEWHERE)}
    assert held == {each.path for each in (fork, of_fork, replay, orphan, circle)}
    assert world.uploader.uploads.held == 5
    said_again(world, fork)
    fork.turn()
    world.pass_by(120)
    assert world.sent[fork.path] == fork.content
    assert of_fork.path not in world.sent


# What is written on the Hub


@pytest.mark.parametrize(
    "head",
    [
        "day: 2026-13-45",
        "a: " + "[" * 5000,
        "tags: [[1], {a: 1}]",
        "tags: &a [*a]",
        "configs: &a [*a]",
        "&a a: *a",
        "? [1, 2]\n: 3",
        "- a\n- b",
        "tags: !!python/object/apply:os.system [ls]",
        "\x00",
    ],
)
def test_no_card_of_a_person_stops_the_sending(world, head):
    session = Session(world.traces).turn()
    world.pass_by(30)
    world.repository.edit("README.md", f"---\n{head}\n---\nMine.\n".encode())
    session.turn()
    world.new()
    world.pass_by(120)
    assert world.sent == {session.path: session.content}
    text = f"---\n{head}\n---\nMine.\n"
    assert card.merged(text, subagents=True).endswith("\nMine.\n")


def test_a_tree_that_names_other_places_reaches_none_of_them(world, tmp_path):
    (tmp_path / "private.txt").write_text("mine")
    session = Session(world.traces).turn()
    world.pass_by(30)
    names = ["../private.txt", str(tmp_path / "private.txt"), "sessions/../../private.txt"]
    names += ["sessions/" + "x" * 5000, "sessions/\0.jsonl", "sessions", ".", ""]
    spool = world.uploader._spool
    remote = {name: RemoteFile(path=name, size=4, oid="0" * 40) for name in names}
    known = Known()
    world.uploader._take_in(remote, known)
    assert (known.files, known.changed, known.deleted) == ({}, [], [])
    lies = RemoteFile(path=session.path, size=1 << 40, oid="0" * 40)
    assert not spool.is_ours(lies)
    negative = RemoteFile(path=session.path, size=-1, oid="0" * 40)
    assert not spool.is_ours(negative)


# Time, and what becomes of files here


def test_a_part_that_vanishes_here_stays_there(world):
    one, two = Session(world.traces, 1).turn(), Session(world.traces, 2).turn()
    world.pass_by(30)
    before = one.content
    one.file.unlink()
    two.turn()
    world.new()
    world.pass_by(7200)
    assert world.sent == {one.path: before, two.path: two.content}
    assert world.trouble == ""


def test_a_session_written_anew_is_known_though_the_answer_was_lost(world):
    session = Session(world.traces).turn("a secret that nobody knew of")
    world.pass_by(30)
    session.file.unlink()
    session.turn("***")
    world.hub.faults.lose_answer(at="/commit/")
    world.pass_by(300)
    assert world.sent == {session.path: session.content}
    assert stands(world) == {session.path: ("sent", "")}
    assert world.commits == 2


def test_a_clock_that_goes_back_costs_no_more_than_one_commit(world):
    session = Session(world.traces).turn()
    world.pass_by(30)
    for _ in range(3):
        world.clock.time = START.replace(day=19)
        session.turn()
        world.new()
        world.pass_by(20)
    assert world.commits <= 4
    before = world.commits
    for _ in range(30):
        session.turn()
        world.pass_by(10)
    assert world.commits - before <= 6
    world.pass_by(60)
    assert world.sent == {session.path: session.content}


def test_a_limit_without_end_is_waited_out_for_a_day(world):
    Session(world.traces).turn()
    world.hub.faults.say({}, status=429, at="/whoami", Retry_After="9" * 30)
    world.pass_by(30)
    assert "limits our requests" in world.trouble
    world.pass_by(86_400)
    assert world.commits == 1


def test_a_file_that_the_hub_does_not_take_holds_up_no_other(world):
    sessions = [Session(world.traces, number).turn() for number in range(5)]
    bad = sessions[2]
    world.hub.datasets.unwanted = {bad.path}
    world.pass_by(3600)
    assert world.sent == {one.path: one.content for one in sessions if one is not bad}
    state, words = stands(world)[bad.path]
    assert (state, words.partition(":")[0]) == ("held", "the Hub does not take it")
    assert world.trouble == ""
    world.hub.datasets.unwanted = set()
    world.pass_by(7200)
    assert bad.path not in world.sent
    bad.turn()
    world.pass_by(120)
    assert world.sent[bad.path] == bad.content


def test_what_the_hub_did_not_take_is_tried_again_by_the_next_daemon(world):
    session = Session(world.traces).turn()
    world.hub.datasets.unwanted = {session.path}
    world.pass_by(1200)
    assert world.uploader.uploads.held == 1
    world.hub.datasets.unwanted = set()
    world.new()
    world.pass_by(120)
    assert world.sent == {session.path: session.content}


def test_others_that_are_always_first_are_told(world):
    Session(world.traces).turn()
    world.hub.faults.refuse(409, times=20, at="/commit/")
    world.pass_by(3600)
    assert "Others were first each time" in world.trouble
    world.pass_by(20 * 1800)
    assert world.trouble == ""
    assert world.commits == 1


def test_a_thousand_sessions_that_waited_for_the_hub_go_in_ten_commits(world):
    world.hub.faults.refuse(503, times=10_000)
    sessions = [Session(world.traces, number).turn() for number in range(1000)]
    world.pass_by(6 * 3600)
    world.hub.faults.end()
    world.pass_by(1800 + 900)
    assert world.commits == 10
    assert len(world.sent) == len(sessions)
