"""Sessions in several files: each line once, in order, in files that each stand for themselves."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_intern.events import (
    Compacted,
    Event,
    Hinted,
    ModelChanged,
    TurnFinished,
)
from ml_intern.messages import SessionId, Usage
from ml_intern.queue.rows import Recorded
from ml_intern.tracing.lines import SessionLines
from ml_intern.tracing.redaction import Redactor
from ml_intern.tracing.session_files import SessionFiles
from ml_intern.transcript import parts
from ml_intern.transcript.problems import Problems
from tests.tracing.fakes import answered, call, fold, read, recorded, replied, said
from tests.tracing.rules import broken_rules

SESSION = recorded("s")[0].session_id
SMALL = 3_000
"""Bytes of a part: three or four exchanges."""


def write(
    folder: Path,
    events: Sequence[Recorded],
    part_bytes: int = SMALL,
    redactor: Redactor | None = None,
) -> int:
    """As a process that has just started does; how many lines it wrote."""
    files = SessionFiles(folder, SESSION, part_bytes=part_bytes)
    lines = SessionLines(SESSION, redactor or Redactor())
    return files.add(entry for one in events for entry in lines.take(one))


def long_session(exchanges: int = 12) -> list[Recorded]:
    return recorded(
        "s",
        *(
            event
            for number in range(exchanges)
            for event in (
                replied(f"Step {number}.", call(f"c{number}")),
                answered(f"c{number}", f"out {number}"),
            )
        ),
        TurnFinished(outcome="finished", detail="", waiting_on=()),
    )


def files_in(folder: Path) -> list[Path]:
    """In the order of the parts."""
    return list(parts.numbered(folder, SESSION).values())


def all_bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def of_events(lines: Iterator[dict[str, Any]] | list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without heads and marks of new chains, and without what depends on the file."""
    links = ("uuid", "parentUuid", "sessionId", "timestamp", "logicalParentUuid")
    return [
        {key: value for key, value in line.items() if key not in links}
        for line in lines
        if not {"continues", "newChain"} & set(line["mlIntern"])
    ]


def told(folder: Path) -> list[dict[str, Any]]:
    """What all parts together say."""
    return of_events([line for path in files_in(folder) for line in read(path.read_bytes())])


def assert_whole(folder: Path, events: Sequence[Recorded]) -> None:
    """Nothing lost, nothing twice, every file good for itself."""
    assert told(folder) == of_events(read(fold(events)))
    for path in files_in(folder):
        assert broken_rules(path) == []
    assert {path.name for path in folder.iterdir()} == {path.name for path in files_in(folder)}


def test_a_long_session_goes_on_in_parts(tmp_path: Path) -> None:
    events = long_session()
    write(tmp_path, events)
    found = files_in(tmp_path)
    assert len(found) > 3
    assert_whole(tmp_path, events)
    assert all(path.stat().st_size >= SMALL for path in found[:-1])


def test_a_part_says_in_words_what_it_is_a_part_of(tmp_path: Path) -> None:
    write(tmp_path, long_session())
    first, second = files_in(tmp_path)[:2]
    head, answer = read(second.read_bytes())[:2]
    assert head["message"]["content"] == (
        f"Part 2 of session {SESSION}; it goes on where {first.name} ends. "
        "The task was: Train something small."
    )
    about = head["mlIntern"]["continues"]
    assert about == {"sessionId": SESSION, "number": 2, "after": first.stem}
    last = read(first.read_bytes())[-1]
    assert head["mlIntern"]["seq"] == last["mlIntern"]["seq"]
    assert (head["parentUuid"], answer["parentUuid"]) == (None, head["uuid"])
    assert last["timestamp"] < head["timestamp"] < answer["timestamp"]


def test_the_parts_are_read_as_one_session(tmp_path: Path) -> None:
    events = long_session()
    write(tmp_path, events)
    problems = Problems()
    records = list(parts.read(files_in(tmp_path)[2], problems))
    assert len(records) == len(read(fold(events)))
    assert problems.found == []


def test_no_part_ends_between_a_call_and_its_result(tmp_path: Path) -> None:
    calls = [f"c{number}" for number in range(30)]
    events = recorded("s", replied("", *map(call, calls)), *map(answered, calls), replied("Done."))
    write(tmp_path, events, part_bytes=1_000)
    first, second = files_in(tmp_path)
    assert first.stat().st_size > 10_000
    assert "Done." in second.read_text()
    assert_whole(tmp_path, events)


# Crashes


def crashed(
    whole: dict[str, bytes], order: Sequence[str], first: int = 0
) -> Iterator[dict[str, bytes]]:
    """What a crash at each byte leaves when the files are written in this order.

    `first`: of the files that are still to be written.
    """
    for number, name in enumerate(order[first:], first):
        before = {done: whole[done] for done in order[:number]}
        for cut in range(len(whole[name])):
            yield {**before, name: whole[name][:cut]}


def test_a_crash_at_any_byte_leaves_neither_gap_nor_double(tmp_path: Path) -> None:
    """Also inside a head, right behind it, and between making a file and its first line.

    In the first file, see `test_writer.py`.
    """
    events = recorded("s", replied("One."), replied("Two."), replied("Three."))
    made = tmp_path / "made"
    write(made, events, part_bytes=1)
    whole = all_bytes(made)
    order = [path.name for path in files_in(made)]
    assert len(order) == 3
    folder = tmp_path / "crashed"
    folder.mkdir()
    for left in crashed(whole, order, 1):
        for path in folder.iterdir():
            path.unlink()
        for name, content in left.items():
            (folder / name).write_bytes(content)
        write(folder, events, part_bytes=1)
        assert all_bytes(folder) == whole


def test_what_follows_a_crash_in_another_version_with_other_secrets_is_whole(
    tmp_path: Path,
) -> None:
    """Another size decides about the cuts of what is not written yet, and about nothing else."""
    events = long_session()
    write(tmp_path / "a", events)
    whole = all_bytes(tmp_path / "a")
    order = [path.name for path in files_in(tmp_path / "a")]
    for number, left in enumerate(crashed(whole, order)):
        if number % 211:
            continue
        folder = tmp_path / str(number)
        folder.mkdir()
        for name, content in left.items():
            (folder / name).write_bytes(content)
        write(folder, events, part_bytes=2_100, redactor=Redactor({"A_LONG_NAME": "something"}))
        problems = Problems()
        records = list(parts.read(files_in(folder)[-1], problems))
        assert len(records) == len(read(fold(events)))
        assert problems.found == []
        assert all(broken_rules(path) == [] for path in files_in(folder))


@pytest.mark.parametrize("lost", [(1,), (2,), (3,), (2, 3), (1, 2), (4,), (1, 3)])
def test_parts_that_were_removed_come_again_between_their_neighbours(
    tmp_path: Path, lost: tuple[int, ...]
) -> None:
    events = long_session()
    write(tmp_path, events)
    whole = all_bytes(tmp_path)
    for number in lost:
        files_in(tmp_path)
        (tmp_path / f"{parts.part_id(SESSION, number)}.jsonl").unlink()
    write(tmp_path, events)
    assert all_bytes(tmp_path) == whole


def test_a_part_that_lost_its_end_gets_it_back(tmp_path: Path) -> None:
    """A power cut may keep a later file and lose the end of an earlier one."""
    events = long_session()
    write(tmp_path, events)
    whole = all_bytes(tmp_path)
    second = files_in(tmp_path)[1]
    for cut in range(0, len(whole[second.name]), 41):
        second.write_bytes(whole[second.name][:cut])
        write(tmp_path, events)
        assert all_bytes(tmp_path) == whole


def test_a_part_whose_head_is_damaged_is_left_alone(tmp_path: Path) -> None:
    events = long_session()
    write(tmp_path, events)
    second = files_in(tmp_path)[1]
    spoilt = b"?" + second.read_bytes()[1:]
    second.write_bytes(spoilt)
    before = all_bytes(tmp_path)
    assert write(tmp_path, events) == 0
    assert all_bytes(tmp_path) == before


# A chain of lines that begins anew


def test_a_new_chain_that_a_crash_cut_in_two_is_begun_again(tmp_path: Path) -> None:
    exchanges = [
        event
        for number in range(450)
        for event in (replied("x", call(f"c{number}")), answered(f"c{number}"))
    ]
    events = recorded("s", *exchanges)
    whole = fold(events)
    at = whole.index(b'"newChain"')
    begin = whole.rindex(b"\n", 0, at) + 1
    end = whole.index(b"\n", whole.index(b"\n", at) + 1) + 1
    path = tmp_path / f"{SESSION}.jsonl"
    for cut in [begin, begin + 9, at, at + 300, end - 3, end - 1, end, end + 9]:
        path.write_bytes(whole[:cut])
        write(tmp_path, events, part_bytes=10 << 20)
        assert path.read_bytes() == whole


# Written anew


def rewrite(folder: Path, events: Sequence[Recorded], redactor: Redactor) -> int:
    lines = SessionLines(SESSION, redactor)
    files = SessionFiles(folder, SESSION)
    return files.rewrite(entry for one in events for entry in lines.take(one))


def test_a_session_is_written_anew_without_what_is_known_to_be_secret_now(tmp_path: Path) -> None:
    events = long_session()
    write(tmp_path, events)
    before = [(p.name, read(p.read_bytes())[-1]["uuid"]) for p in files_in(tmp_path)]
    redactor = Redactor({"THE_TASK": "something small", "A_STEP": "Step 7."})
    assert rewrite(tmp_path, events, redactor) == len(before)
    text = "".join(path.read_text() for path in files_in(tmp_path))
    assert "something small" not in text
    assert "Step 7" not in text
    assert text.count("[REDACTED:the-task]") == len(before)
    assert [(p.name, read(p.read_bytes())[-1]["uuid"]) for p in files_in(tmp_path)] == before
    assert told(tmp_path) == of_events(read(fold(events, redactor)))
    assert all(broken_rules(path) == [] for path in files_in(tmp_path))


def test_a_crash_between_two_files_that_are_written_anew_loses_nothing(tmp_path: Path) -> None:
    events = long_session()
    write(tmp_path / "old", events)
    write(tmp_path / "new", events)
    redactor = Redactor({"A": "Train something", "B": "out 3"})
    rewrite(tmp_path / "new", events, redactor)
    old, new = all_bytes(tmp_path / "old"), all_bytes(tmp_path / "new")
    order = [path.name for path in files_in(tmp_path / "old")]
    for done in range(len(order) + 1):
        for name in order:
            content = new[name] if name in order[:done] else old[name]
            (tmp_path / "old" / name).write_bytes(content)
        assert write(tmp_path / "old", events, redactor=redactor) == 0
        rewrite(tmp_path / "old", events, redactor)
        assert all_bytes(tmp_path / "old") == new


# Anything


def exchange(number: int, calls: int, size: int) -> list[Event]:
    names = [f"c{number}.{one}" for one in range(calls)]
    return [replied("x" * size, *map(call, names)), *(answered(n, "y" * size) for n in names)]


SUMMARY = Compacted(
    asked_by="ada", summary="## Goal", kept=2, model="m", usage=Usage(), cost_micro_usd=7
)
ENDED = TurnFinished(outcome="finished", detail="", waiting_on=())
BESIDE: tuple[Event, ...] = (
    said("More."),
    Hinted(text="Mind."),
    SUMMARY,
    ModelChanged(model="n", asked_by="ada"),
    ENDED,
)


@st.composite
def sessions(draw: st.DrawFn) -> list[Recorded]:
    events: list[Event] = []
    for number in range(draw(st.integers(1, 12))):
        events += exchange(number, draw(st.integers(0, 4)), draw(st.integers(0, 1_500)))
        events += draw(st.lists(st.sampled_from(BESIDE), max_size=2))
    return recorded("s", *events, ENDED)


@settings(max_examples=30, deadline=None)
@given(
    events=sessions(),
    part_bytes=st.integers(1, 12_000),
    portions=st.lists(st.integers(1, 9), max_size=6),
    data=st.data(),
)
def test_any_session_is_whole_after_any_crash(
    events: list[Recorded], part_bytes: int, portions: list[int], data: st.DataObject
) -> None:
    """Written in any portions with crashes in between, with any size of parts."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        done = 0
        for portion in portions:
            done += portion
            write(folder, events[:done], part_bytes)
            _crash(folder, data)
        write(folder, events, part_bytes)
        assert_whole(folder, events)
        places = [_places(path) for path in files_in(folder)]
        assert all(before[-1] == after[0] for before, after in pairwise(places))


def _crash(folder: Path, data: st.DataObject) -> None:
    """The last file ends somewhere; perhaps another was removed."""
    found = files_in(folder)
    if not found:
        return
    content = found[-1].read_bytes()
    found[-1].write_bytes(content[: data.draw(st.integers(0, len(content)))])
    if data.draw(st.booleans()):
        data.draw(st.sampled_from(found)).unlink()


def _places(path: Path) -> list[tuple[int, int]]:
    places = [json.loads(line)["mlIntern"] for line in path.read_bytes().splitlines()]
    return [(place["seq"], place.get("part", 0)) for place in places]


def test_an_id_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="badly formed"):
        SessionFiles(tmp_path, SessionId("no-uuid"))
