"""The files follow the journal: nothing twice, nothing missing, whatever happens in between."""

import contextlib
import json
import random
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from ml_intern.clock import SystemClock
from ml_intern.errors import StateConflict, StoreUnavailable, UnknownSession
from ml_intern.events import Event
from ml_intern.messages import CallId, SessionId
from ml_intern.ops import UserInput
from ml_intern.queue.rows import Recorded
from ml_intern.queue.store import Store
from ml_intern.tracing import writer as writing
from ml_intern.tracing.redaction import Redactor
from ml_intern.tracing.session_files import PART_BYTES
from ml_intern.tracing.writer import RETRY_AFTER_S, TraceWriter
from ml_intern.transcript.parts import numbered
from tests.queue.given import HERE
from tests.tracing.fakes import (
    FakeClock,
    FakeJournal,
    answered,
    call,
    fold,
    replied,
    said,
    session_id,
    started,
)
from tests.tracing.full_disk import EVENTS
from tests.tracing.rules import broken_rules

ROOT = Path(__file__).parents[2]
DAY = "2026-11-20"
A, B = session_id("a"), session_id("b")


@pytest.fixture
def journal() -> FakeJournal:
    return FakeJournal()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def written_by(journal: FakeJournal, folder: Path, clock: FakeClock | None = None) -> TraceWriter:
    return TraceWriter(journal, folder, clock=clock or FakeClock())


def of(journal: FakeJournal, session: SessionId) -> Sequence[Recorded]:
    return [one for one in journal.all if one.session_id == session]


def content(writer: TraceWriter, session: SessionId) -> bytes:
    return writer.path(session).read_bytes()


def turn(name: str) -> list[Event]:
    return [replied("I look.", call(name)), answered(name, "out\u2028put")]


def interleaved(count: int, turns: int) -> list[Recorded]:
    """The events of several sessions in the order of one journal."""
    chance = random.Random(7)
    journal = FakeJournal()
    open_events = {
        session_id(f"s{n}"): [
            started(),
            said(),
            *[e for t in range(turns) for e in turn(f"{n}{t}")],
        ]
        for n in range(count)
    }
    while open_events:
        session = chance.choice(sorted(open_events))
        journal.add(session, open_events[session].pop(0))
        if not open_events[session]:
            del open_events[session]
    return journal.all


def test_a_session_lies_under_the_day_of_its_start(tmp_path: Path, journal: FakeJournal) -> None:
    journal.add(A, started(), said(), *turn("c1"))
    writer = written_by(journal, tmp_path)
    expected = tmp_path / "sessions" / DAY / f"{A}.jsonl"
    assert writer.path(A) == expected
    assert writer.catch_up() == 4
    assert writer.path(A) == expected
    assert broken_rules(expected) == []


@pytest.mark.parametrize("name", ["no-such-session", str(B), "../../etc/passwd", "*"])
def test_an_unknown_session_has_no_path(tmp_path: Path, journal: FakeJournal, name: str) -> None:
    with pytest.raises(UnknownSession):
        written_by(journal, tmp_path).path(SessionId(name))


def test_nothing_new_writes_nothing(tmp_path: Path, journal: FakeJournal) -> None:
    journal.add(A, started(), said(), *turn("c1"))
    writer = written_by(journal, tmp_path)
    writer.catch_up()
    assert writer.catch_up() == 0
    assert content(writer, A) == fold(journal.all)


def test_a_session_without_words_makes_no_file(tmp_path: Path, journal: FakeJournal) -> None:
    """An empty file would make a whole dataset unreadable."""
    journal.add(A, started())
    writer = written_by(journal, tmp_path)
    assert writer.catch_up() == 0
    assert not writer.path(A).exists()


def test_events_in_any_portions_give_the_same_files(tmp_path: Path) -> None:
    events = interleaved(count=4, turns=3)
    for portion in (1, 2, 5, len(events)):
        journal = FakeJournal()
        writer = written_by(journal, tmp_path / str(portion))
        for at in range(0, len(events), portion):
            for one in events[at : at + portion]:
                journal.put(one)
            writer.catch_up()
        for session in {one.session_id for one in events}:
            assert content(writer, session) == fold(of(journal, session))
            assert broken_rules(writer.path(session)) == []


def test_a_journal_that_is_longer_than_what_is_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "BATCH", 3)
    journal = FakeJournal()
    for one in interleaved(count=4, turns=3):
        journal.put(one)
    writer = written_by(journal, tmp_path)
    writer.catch_up()
    for session in {one.session_id for one in journal.all}:
        assert content(writer, session) == fold(of(journal, session))


def test_a_new_process_after_each_event_writes_nothing_twice(tmp_path: Path) -> None:
    journal = FakeJournal()
    for number, one in enumerate(interleaved(count=3, turns=2)):
        journal.put(one)
        writer = written_by(journal, tmp_path)
        writer.catch_up()
        if number % 2:
            writer.close()
    for session in {one.session_id for one in journal.all}:
        assert content(writer, session) == fold(of(journal, session))


def test_a_crash_at_any_byte_leaves_neither_gap_nor_double(
    tmp_path: Path, journal: FakeJournal
) -> None:
    journal.add(A, started(), said(), *turn("c1"))
    whole = fold(journal.all)
    path = written_by(journal, tmp_path).path(A)
    path.parent.mkdir(parents=True)
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        written_by(journal, tmp_path).catch_up()
        assert path.read_bytes() == whole


def test_a_crash_between_the_lines_of_one_event_is_completed(
    tmp_path: Path, journal: FakeJournal
) -> None:
    """A reply with open calls before it and a title behind it is several lines."""
    reply = [replied("", call("c1"), call("c2")), replied("Anyway.")]
    journal.add(A, started(), said(), *reply)
    lines = fold(journal.all).splitlines(keepends=True)
    path = written_by(journal, tmp_path).path(A)
    path.parent.mkdir(parents=True)
    for held in range(len(lines)):
        path.write_bytes(b"".join(lines[:held]))
        written_by(journal, tmp_path).catch_up()
        assert path.read_bytes() == b"".join(lines)


def test_a_file_that_somebody_removed_comes_again(tmp_path: Path, journal: FakeJournal) -> None:
    journal.add(A, started(), said(), *turn("c1"))
    writer = written_by(journal, tmp_path)
    writer.catch_up()
    writer.path(A).unlink()
    journal.add(A, *turn("c2"))
    writer.catch_up()
    assert content(writer, A) == fold(journal.all)


def test_more_sessions_than_are_kept_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "OPEN_SESSIONS", 2)
    journal = FakeJournal()
    writer = written_by(journal, tmp_path)
    for one in interleaved(count=5, turns=3):
        journal.put(one)
        writer.catch_up()
    for session in {one.session_id for one in journal.all}:
        assert content(writer, session) == fold(of(journal, session))


# The saved position


def test_a_restart_reads_only_what_is_new(tmp_path: Path, journal: FakeJournal) -> None:
    journal.add(A, started(), said(), *turn("c1"))
    journal.add(B, started(), said(), *turn("c1"))
    written_by(journal, tmp_path).close()
    journal.add(B, *turn("c2"))
    journal.reads = 0
    writer = written_by(journal, tmp_path)
    assert writer.catch_up() == 2
    assert journal.reads == 1
    assert content(writer, B) == fold(of(journal, B))


@pytest.mark.parametrize(
    "saved",
    [
        b"",
        b"null",
        b'{"position":4}',
        b'{"position":"x","session_id":"y","seq":1}',
        b'{"position":4,"session_id":"of another journal","seq":4}',
        b'{"position":99,"session_id":"beyond the end","seq":4}',
        b"\0" * 80,
    ],
)
def test_a_position_that_is_not_of_this_journal_is_not_believed(
    tmp_path: Path, journal: FakeJournal, saved: bytes
) -> None:
    journal.add(A, started(), said(), *turn("c1"))
    (tmp_path / "position.json").write_bytes(saved)
    writer = written_by(journal, tmp_path)
    assert writer.catch_up() == 4
    assert content(writer, A) == fold(journal.all)


def test_the_position_is_not_saved_past_a_session_that_is_behind(
    tmp_path: Path, journal: FakeJournal
) -> None:
    journal.add(A, started(), said(), *turn("c1"))
    journal.add(B, started(), said(), *turn("c1"))
    in_the_way = written_by(journal, tmp_path).path(A)
    in_the_way.mkdir(parents=True)
    written_by(journal, tmp_path).close()
    assert not (tmp_path / "position.json").exists()
    in_the_way.rmdir()
    writer = written_by(journal, tmp_path)
    writer.catch_up()
    assert content(writer, A) == fold(of(journal, A))


# Trouble


def test_one_session_in_trouble_does_not_stop_the_others(
    tmp_path: Path, journal: FakeJournal, clock: FakeClock
) -> None:
    writer = written_by(journal, tmp_path, clock)
    for session in (A, B):
        journal.add(session, started(), said())
    in_the_way = writer.path(A)
    in_the_way.mkdir(parents=True)
    writer.catch_up()
    journal.add(A, *turn("c1"))
    journal.add(B, *turn("c1"))
    writer.catch_up()
    assert content(writer, B) == fold(of(journal, B))
    in_the_way.rmdir()
    assert writer.catch_up() == 0, "it does not try again at once"
    clock.seconds += RETRY_AFTER_S
    assert writer.catch_up() == 4
    assert content(writer, A) == fold(of(journal, A))


def test_a_retry_that_fails_is_not_repeated_at_once(
    tmp_path: Path, journal: FakeJournal, clock: FakeClock
) -> None:
    writer = written_by(journal, tmp_path, clock)
    journal.add(A, started(), said())
    writer.path(A).mkdir(parents=True)
    writer.catch_up()
    clock.seconds += RETRY_AFTER_S
    writer.catch_up()
    journal.reads = 0
    writer.catch_up()
    assert journal.reads == 0
    clock.seconds += RETRY_AFTER_S
    writer.catch_up()
    assert journal.reads == 1


def test_a_session_whose_id_is_no_uuid_does_not_stop_the_others(
    tmp_path: Path, journal: FakeJournal
) -> None:
    journal.add(SessionId("../x"), started(), said(), *turn("c1"))
    journal.add(A, started(), said(), *turn("c1"))
    writer = written_by(journal, tmp_path)
    writer.catch_up()
    assert [path.name for path in tmp_path.rglob("*.jsonl")] == [f"{A}.jsonl"]


def test_trouble_is_logged_once(
    tmp_path: Path, journal: FakeJournal, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    writer = written_by(journal, tmp_path, clock)
    journal.add(A, started(), said())
    writer.path(A).mkdir(parents=True)
    for _ in range(5):
        journal.add(A, *turn("c"))
        clock.seconds += RETRY_AFTER_S
        writer.catch_up()
    assert [record.message for record in caplog.records] == ["trace_not_written"]


def test_a_journal_that_cannot_be_read_is_read_later(
    tmp_path: Path, journal: FakeJournal, caplog: pytest.LogCaptureFixture
) -> None:
    journal.add(A, started(), said(), *turn("c1"))
    writer = written_by(journal, tmp_path)
    journal.broken = StoreUnavailable("no disk")
    assert [writer.catch_up(), writer.catch_up()] == [0, 0]
    assert [record.message for record in caplog.records] == ["traces_cannot_read_journal"]
    journal.broken = None
    assert writer.catch_up() == 4
    assert content(writer, A) == fold(journal.all)


def on_a_full_disk(
    folder: Path, limit_bytes: int, *, part_bytes: int = PART_BYTES, first: int = 0
) -> tuple[dict[str, str], dict[str, str]]:
    """The files while the disk is full, which it is from event `first` on, and afterwards."""
    numbers = map(str, (part_bytes, first, limit_bytes))
    ran = subprocess.run(
        [sys.executable, "-m", "tests.tracing.full_disk", str(folder), *numbers],
        cwd=ROOT, capture_output=True, check=True, timeout=30,
    )  # fmt: skip
    full, later = (json.loads(line) for line in ran.stdout.splitlines())
    return full, later


@pytest.mark.parametrize("limit_bytes", [0, 1, 700, 3_000, 8_192])
def test_a_full_disk_leaves_whole_lines_and_is_caught_up_later(
    tmp_path: Path, limit_bytes: int
) -> None:
    whole = fold(EVENTS).decode()
    assert len(whole) > 8_192
    full, later = on_a_full_disk(tmp_path, limit_bytes)
    for text in full.values():
        assert whole.startswith(text)
        assert text.endswith("\n")
        assert limit_bytes - 1_500 < len(text) <= limit_bytes
    assert full or limit_bytes <= 700, "an empty file is taken away"
    assert list(later.values()) == [whole]


@pytest.mark.parametrize("first", range(3, len(EVENTS), 4))
@pytest.mark.parametrize("limit_bytes", [0, 900])
def test_a_disk_that_fills_up_amid_parts_leaves_good_ones_and_is_caught_up_later(
    tmp_path: Path, limit_bytes: int, first: int
) -> None:
    """Also where the next part could not be begun, or only its head found room."""
    journal = FakeJournal()
    for one in EVENTS:
        journal.put(one)
    TraceWriter(journal, tmp_path / "whole", part_bytes=2_000).close()
    whole = {path.name: path.read_text() for path in tmp_path.rglob("*.jsonl")}
    assert len(whole) > 3
    full, later = on_a_full_disk(tmp_path / "full", limit_bytes, part_bytes=2_000, first=first)
    assert full
    assert all(whole[name].startswith(text) and text.endswith("\n") for name, text in full.items())
    assert full != later == whole


# Threads


def test_it_follows_until_it_is_told_to_stop_and_writes_the_last_events_too(
    tmp_path: Path,
) -> None:
    # The machine's own clock: a wait for events ends by the time of the store's clock.
    store = Store.open(tmp_path / "ml-intern.db", SystemClock(), HERE)
    writer = TraceWriter(store, tmp_path / "traces")
    stop = threading.Event()
    thread = threading.Thread(target=writer.run, args=(stop,))
    thread.start()
    store.create_session(A, started(), UserInput(text="Train.", author="ada"))
    claim = store.claim(1)
    assert claim is not None
    for number in range(20):
        name = CallId(f"c{number}")
        store.append(claim.lease, said(), replied("", call(name)))
        store.append(claim.lease, answered(name))
    stop.set()
    thread.join(20)
    assert not thread.is_alive()
    assert content(writer, A) == fold(store.events(A))
    assert broken_rules(writer.path(A)) == []
    assert json.loads((tmp_path / "traces" / "position.json").read_bytes())["session_id"] == A
    store.close()


class NarrowJournal(FakeJournal):
    """Knows how many threads read it at once; each stays a moment for others to come."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = 0
        self.most_inside = 0
        self._met = threading.Event()

    def follow(self, after_position: int, limit: int) -> Sequence[Recorded]:
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        if self.inside > 1:
            self._met.set()
        self._met.wait(0.05)
        found = super().follow(after_position, limit)
        self.inside -= 1
        return found


def test_threads_take_turns_and_write_no_line_twice(tmp_path: Path) -> None:
    journal = NarrowJournal()
    for one in interleaved(count=3, turns=2):
        journal.put(one)
    writer = written_by(journal, tmp_path)
    threads = [threading.Thread(target=writer.catch_up) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert journal.most_inside == 1
    for session in {one.session_id for one in journal.all}:
        assert content(writer, session) == fold(of(journal, session))


def test_two_writers_on_one_folder_write_no_line_twice(
    tmp_path: Path, journal: FakeJournal
) -> None:
    one, other = written_by(journal, tmp_path), written_by(journal, tmp_path)
    journal.add(A, started(), said())
    for number in range(10):
        journal.add(A, *turn(f"c{number}"))
        for writer in (one, other) if number % 3 else (other, one):
            writer.catch_up()
    assert content(one, A) == fold(journal.all)


def test_secrets_of_the_process_are_not_written(tmp_path: Path, journal: FakeJournal) -> None:
    journal.add(A, started(), said("my key is s3cr3t-value"), replied("I see s3cr3t-value"))
    writer = TraceWriter(
        journal, tmp_path, clock=FakeClock(), redactor=Redactor({"MY_KEY": "s3cr3t-value"})
    )
    writer.catch_up()
    assert b"s3cr3t" not in content(writer, A)
    assert content(writer, A).count(b"[REDACTED:my-key]") == 2


def test_an_event_that_cannot_be_read_holds_up_its_own_session_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "ml-intern.db"
    store = Store.open(path, SystemClock(), HERE)
    for session in (A, B):
        store.create_session(session, started(), UserInput(text="train it", author="ada"))
        claim = store.claim(0)
        assert claim is not None
        store.append(claim.lease, said(), *turn("c1"))
    with contextlib.closing(sqlite3.connect(path)) as plain, plain:
        plain.execute("UPDATE event SET data = '{' WHERE session_id = ?", [A])
    for _ in range(2):  # a writer that has just started compares all again
        writer = TraceWriter(store, tmp_path / "traces")
        writer.catch_up()
        assert content(writer, B) == fold(store.events(B))
    store.close()
    said_by_it = [each for each in caplog.records if each.name == "ml_intern.tracing.writer"]
    assert [record.message for record in said_by_it] == ["trace_not_written"] * 2


# Whose


def test_sessions_of_another_site_are_left_to_it(tmp_path: Path, journal: FakeJournal) -> None:
    """Their secrets are not known here."""
    journal.foreign.add(B)
    journal.add(A, started(), said(), *turn("c1"))
    journal.add(B, started(), said(), *turn("c1"))
    writer = written_by(journal, tmp_path)
    assert writer.catch_up() == 4
    writer.close()
    assert [path.stem for path in tmp_path.rglob("*.jsonl")] == [A]
    assert json.loads((tmp_path / "position.json").read_bytes())["session_id"] == B


def test_an_unreadable_event_of_another_site_is_its_own_affair(
    tmp_path: Path, journal: FakeJournal, caplog: pytest.LogCaptureFixture
) -> None:
    journal.foreign.add(B)
    journal.add(B, started())
    journal.add(A, started(), said(), *turn("c1"))
    journal.unreadable.add(1)
    writer = written_by(journal, tmp_path)
    assert writer.catch_up() == 4
    writer.close()
    assert caplog.records == []
    assert (tmp_path / "position.json").exists()


# Written anew


def test_a_session_is_written_anew_with_the_secrets_of_now(
    tmp_path: Path, journal: FakeJournal
) -> None:
    journal.add(A, started(), said("my key is s3cr3t-value"), *turn("c1"))
    written_by(journal, tmp_path).close()
    writer = TraceWriter(
        journal, tmp_path, clock=FakeClock(), redactor=Redactor({"MY_KEY": "s3cr3t-value"})
    )
    writer.catch_up()
    assert b"s3cr3t" in content(writer, A)
    assert writer.rewrite(A) == 1
    assert content(writer, A) == fold(journal.all, Redactor({"MY_KEY": "s3cr3t-value"}))
    journal.add(A, *turn("c2"))
    assert writer.catch_up() == 2
    assert content(writer, A) == fold(journal.all, Redactor({"MY_KEY": "s3cr3t-value"}))


def test_a_writer_goes_on_in_a_file_that_another_process_wrote_anew(
    tmp_path: Path, journal: FakeJournal
) -> None:
    journal.add(A, started(), said("my key is s3cr3t-value"), *turn("c1"))
    writer = written_by(journal, tmp_path)
    writer.catch_up()
    other = TraceWriter(
        journal, tmp_path, clock=FakeClock(), redactor=Redactor({"MY_KEY": "hidden-value"})
    )
    assert other.rewrite(A) == 1
    journal.add(A, *turn("c2"))
    writer.catch_up()
    assert content(writer, A) == fold(journal.all)


def test_files_that_are_written_anew_while_they_grow_lose_nothing(
    tmp_path: Path, journal: FakeJournal
) -> None:
    """By another process, which the writer's own lock does not hold back."""
    journal.add(A, started(), said("my key is s3cr3t-value"))
    redactor = Redactor({"MY_KEY": "s3cr3t-value"})
    writer, other = (
        TraceWriter(journal, tmp_path, clock=FakeClock(), redactor=redactor, part_bytes=4_000)
        for _ in range(2)
    )
    writer.catch_up()
    over = threading.Event()

    def rewrite_all_the_time() -> None:
        while not over.is_set():
            with contextlib.suppress(StateConflict):
                other.rewrite(A)

    rewriting = threading.Thread(target=rewrite_all_the_time)
    rewriting.start()
    for number in range(60):
        journal.add(A, *turn(f"c{number}"))
        writer.catch_up()
    over.set()
    rewriting.join()
    TraceWriter(journal, tmp_path, clock=FakeClock(), redactor=redactor, part_bytes=4_000).close()
    texts = [path.read_bytes() for path in numbered(writer.path(A).parent, A).values()]
    uuids = [line["uuid"] for text in texts for line in map(json.loads, text.splitlines())
             if "uuid" in line and "continues" not in line["mlIntern"]]  # fmt: skip
    whole = [json.loads(line).get("uuid") for line in fold(journal.all).splitlines()]
    assert uuids == [uuid for uuid in whole if uuid is not None]
    assert len(texts) > 5


def test_a_session_without_a_file_has_nothing_to_write_anew(
    tmp_path: Path, journal: FakeJournal
) -> None:
    journal.add(A, started(), said(), *turn("c1"))
    writer = written_by(journal, tmp_path)
    assert writer.rewrite(A) == 0
    assert not list(tmp_path.rglob("*.jsonl"))
    with pytest.raises(UnknownSession):
        writer.rewrite(B)
