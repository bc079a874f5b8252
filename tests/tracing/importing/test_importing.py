"""Sessions of other programs, taken in."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ml_intern.errors import InputError
from ml_intern.messages import Usage
from ml_intern.tracing.finding import a_trace
from ml_intern.tracing.importing.formats import sources
from ml_intern.tracing.importing.writing import Imported, take_in
from ml_intern.tracing.redaction import Redactor
from ml_intern.transcript import parts
from ml_intern.transcript.conversation import messages
from ml_intern.transcript.decoding import Record
from ml_intern.transcript.digest import Digest
from ml_intern.transcript.line import Answered, Replied
from ml_intern.transcript.problems import Problems
from tests.tracing.rules import broken_rules

SESSION = "7f3b1c8a-2a4e-4a69-9a5e-0d6a8f1f3b11"
SECRET = "hf_" + "TestOnlyTestOnlyTest1234"
EXAMPLE = Path("traces/examples/ee272992-1416-5d86-8c4a-bae706edcd42.jsonl")


def call(use_id: str, arguments: str, name: str = "bash") -> dict[str, Any]:
    return {"id": use_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def model_call(tokens: int, *, kind: str = "main", cost: float = 0.01) -> dict[str, Any]:
    data = {"model": "vendor/m", "prompt_tokens": tokens, "completion_tokens": 5}
    data |= {"cache_read_tokens": 40, "cost_usd": cost, "kind": kind}
    return {"timestamp": "2026-03-01T10:00:07+01:00", "event_type": "llm_call", "data": data}


def retired(**changes: Any) -> dict[str, Any]:
    """A session as the retired project saved it."""
    said = [
        {"role": "system", "content": "a long prompt"},
        {"role": "user", "content": f"Train it. My token is {SECRET}", "timestamp": None},
        {"role": "assistant", "content": None, "tool_calls": [call("t1", '{"command": "ls"}')]},
        {"role": "tool", "tool_call_id": "t1", "name": "bash", "content": "train.py"},
        {"role": "assistant", "content": [{"type": "text", "text": "Done."}]},
    ]
    return {
        "session_id": SESSION,
        "session_title": "Train it",
        "session_start_time": "2026-03-01T10:00:00+01:00",
        "model_name": "vendor/m",
        "total_cost_usd": 0.02,
        "messages": said,
        "events": [model_call(100), model_call(9, kind="research"), model_call(120)],
        "tools": [],
        **changes,
    }


def take(path: Path, folder: Path) -> tuple[list[Imported], list[str]]:
    problems = Problems()
    taken = [take_in(one, folder, Redactor()) for one in sources(path, problems)]
    return taken, [str(problem) for problem in problems.found]


def records(path: Path) -> list[Record]:
    problems = Problems()
    found = list(parts.read(path, problems))
    assert problems.found == []
    return found


def written(folder: Path, value: Any, name: str = "session.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(value, indent=2) if name.endswith(".json") else value)
    return path


def test_a_session_of_the_retired_project_becomes_a_trace(tmp_path: Path) -> None:
    (taken,), problems = take(written(tmp_path, retired()), tmp_path)
    assert problems == []
    assert taken.path == tmp_path / "imported" / "2026-03-01" / f"{SESSION}.jsonl"
    assert broken_rules(taken.path) == []
    found = [(message.role, message.text) for message in messages(records(taken.path))]
    assert found == [
        ("user", "Train it. My token is [REDACTED:hf-token]"),
        ("assistant", ""),
        ("tool", "train.py"),
        ("assistant", "Done."),
    ]
    digest = digest_of(taken.path)
    assert (digest.title, digest.models, digest.cost_usd) == ("Train it", {"vendor/m": 2}, 0.02)
    assert digest.usage == Usage(input_tokens=140, output_tokens=10, cache_read_tokens=80)


def digest_of(path: Path) -> Digest:
    digest = Digest()
    for record in records(path):
        digest.take(record)
    return digest


def test_times_that_the_source_does_not_tell_stay_unknown(tmp_path: Path) -> None:
    """Each line has one, because readers want it; ours knows which are made up."""
    (taken,), _ = take(written(tmp_path, retired()), tmp_path)
    times = [record.at and record.at.isoformat() for record in records(taken.path)]
    told = "2026-03-01T09:00:07"
    assert [time and time[: len(told)] for time in times[:4]] == [None, told, None, told]
    assert all("timestamp" in line for line in taken.path.read_text().splitlines()[:4])


def test_a_session_takes_as_long_as_its_source_says(tmp_path: Path) -> None:
    ended = "2026-03-01T10:20:30+01:00"
    path = written(tmp_path, retired(session_end_time=ended, events=[]))
    (taken,), _ = take(path, tmp_path)
    assert digest_of(taken.path).seconds == 20 * 60 + 30


@pytest.mark.parametrize("began", ["2026-03-01T10:00:00+01:00", None])
def test_without_an_end_nobody_knows_how_long_it_took(tmp_path: Path, began: str | None) -> None:
    (taken,), _ = take(written(tmp_path, retired(events=[], session_start_time=began)), tmp_path)
    digest = digest_of(taken.path)
    assert (digest.began is None, digest.seconds) == (began is None, None)


def test_unknown_times_stay_so_when_what_was_imported_is_imported_elsewhere(tmp_path: Path) -> None:
    (first,), _ = take(written(tmp_path, retired(session_id="own name")), tmp_path / "a")
    (second,), _ = take(first.path, tmp_path / "b")
    assert records(second.path)[1:] == records(first.path)[1:]
    assert digest_of(second.path).source_id == "own name"


def test_where_the_chain_begins_anew_an_unknown_time_stays_unknown(tmp_path: Path) -> None:
    said = [{"role": "user", "content": str(number)} for number in range(1_000)]
    said.append({"role": "assistant", "content": "Done."})
    (taken,), _ = take(written(tmp_path, retired(messages=said, events=[])), tmp_path)
    assert {record.at for record in records(taken.path)} <= {None}


def test_numbers_that_fit_no_answer_are_not_guessed(tmp_path: Path) -> None:
    path = written(tmp_path, retired(events=[model_call(100)]))
    (taken,), _ = take(path, tmp_path)
    replies = [one.content for one in records(taken.path) if isinstance(one.content, Replied)]
    assert [(reply.usage, reply.cost_usd) for reply in replies] == [(Usage(), None)] * 2


def test_a_cost_of_nothing_is_unknown(tmp_path: Path) -> None:
    events = [model_call(100, cost=0.0), model_call(100, cost=0.0)]
    (taken,), _ = take(written(tmp_path, retired(events=events)), tmp_path)
    replies = [one.content for one in records(taken.path) if isinstance(one.content, Replied)]
    assert [reply.cost_usd for reply in replies] == [None, None]


def test_rows_of_its_dataset_are_sessions_too(tmp_path: Path) -> None:
    rows = []
    for name in ("one", "two"):
        row = retired(session_id=name)
        rows.append({**row, "messages": json.dumps(row["messages"]), "events": "[]"})
    text = "".join(json.dumps(row) + "\n" for row in rows) + "broken\n"
    taken, problems = take(written(tmp_path, text, "rows.jsonl"), tmp_path)
    assert len({one.session_id for one in taken}) == 2
    assert problems == ["line 3: no session"]


def test_what_does_not_fit_is_named_and_the_rest_taken(tmp_path: Path) -> None:
    said = retired()["messages"]
    said[3:3] = [7, {"role": "robot", "content": "x"}, {"role": "tool", "tool_call_id": "t9"}]
    said.append({"role": "assistant", "content": "", "tool_calls": [call("t2", "not json"), {}]})
    (taken,), problems = take(written(tmp_path, retired(messages=said)), tmp_path)
    assert problems == [
        "message 4 is no object",
        "message 5 has the unknown role 'robot'",
        "message 6 answers the call 't9' that nobody made",
        "message 9 has a tool call without a function",
    ]
    assert broken_rules(taken.path) == []
    last = [one.content for one in records(taken.path) if isinstance(one.content, Answered)][-1]
    assert (last.use_id, last.is_error) == ("t2", True)


def test_a_session_that_is_laid_out_over_lines_is_read_whatever_its_name(tmp_path: Path) -> None:
    text = json.dumps(retired(), indent=2)
    (taken,), problems = take(written(tmp_path, text, "session.jsonl"), tmp_path)
    assert (problems, len(messages(records(taken.path)))) == ([], 4)


def test_lines_of_the_format_that_are_laid_out_over_several_name_the_way_out(
    tmp_path: Path,
) -> None:
    objects = (json.dumps(json.loads(line), indent=2) for line in EXAMPLE.open())
    path = written(tmp_path, "\n".join(objects), "session.jsonl")
    with pytest.raises(InputError, match=r"each on one\. `jq -c"):
        take(path, tmp_path)
    with pytest.raises(InputError, match=r"each on one\. `jq -c"):
        a_trace(path)


def test_importing_again_replaces(tmp_path: Path) -> None:
    path = written(tmp_path, retired())
    (first,), _ = take(path, tmp_path)
    before = first.path.read_bytes()
    (second,), _ = take(path, tmp_path)
    assert (first.is_new, second.is_new) == (True, False)
    assert second.path.read_bytes() == before


def test_a_trace_of_the_format_keeps_what_is_said_in_it(tmp_path: Path) -> None:
    (taken,), problems = take(EXAMPLE, tmp_path)
    assert problems == []
    assert broken_rules(taken.path) == []
    assert messages(records(taken.path)) == messages(records(EXAMPLE))


def test_a_long_session_of_one_chain_is_cut_where_readers_die(tmp_path: Path) -> None:
    lines = [{"type": "user", "message": {"role": "user", "content": str(n)}} for n in range(2000)]
    reply = {
        "id": "m",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "x"}],
    }
    lines.append({"type": "assistant", "message": reply})
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (taken,), _ = take(written(tmp_path, text, "long.jsonl"), tmp_path)
    assert broken_rules(taken.path) == []
    assert len(messages(records(taken.path))) == 2001


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("x.json", "{", "^It is not JSON"),
        ("x.json", "[1]", "^It is JSON, but no session"),
        ("x.json", "{}", "^It is JSON, but no session"),
        ("x.jsonl", "", "holds no words of a person"),
        ("x.jsonl", "\x00\xff", "holds no words of a person"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, name: str, text: str, words: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        take(path, tmp_path)


def test_a_session_of_this_machine_is_not_imported(tmp_path: Path) -> None:
    (tmp_path / "sessions" / "2026-11-20").mkdir(parents=True)
    (tmp_path / "sessions" / "2026-11-20" / EXAMPLE.name).write_bytes(EXAMPLE.read_bytes())
    with pytest.raises(InputError, match="is one of this machine"):
        take(EXAMPLE, tmp_path)


def test_imports_of_one_session_at_once_leave_one_whole_trace(tmp_path: Path) -> None:
    path = tmp_path / "session.json"
    path.write_text(json.dumps(retired()))
    with ThreadPoolExecutor(6) as pool:
        taken = list(pool.map(lambda _: take(path, tmp_path / "traces")[0][0], range(12)))
    assert sum(one.is_new for one in taken) == 1
    files = [one for one in (tmp_path / "traces").rglob("*") if one.is_file()]
    assert files == [taken[0].path]
    assert len(files[0].read_text().splitlines()) == taken[0].lines


def test_a_session_stays_in_its_day_whatever_a_later_import_says(tmp_path: Path) -> None:
    path = tmp_path / "session.json"
    for began in ("2026-03-01T10:00:00+01:00", "2026-04-02T10:00:00+01:00", None):
        path.write_text(json.dumps(retired(session_start_time=began)))
        take(path, tmp_path / "traces")
    days = [one.parent.name for one in (tmp_path / "traces").rglob("*.jsonl")]
    assert days == ["2026-03-01"]


@pytest.mark.parametrize(
    "session_id", ["../../../evil", "a\0b\ud800", "x" * 10_000, {"a": 1}, ""], ids=repr
)
def test_no_id_leads_out_of_the_folder(session_id: Any, tmp_path: Path) -> None:
    path = tmp_path / "in" / "session.json"
    path.parent.mkdir()
    path.write_text(json.dumps(retired(session_id=session_id)))
    (one,), _ = take(path, tmp_path / "traces")
    assert one.path.is_relative_to(tmp_path / "traces" / "imported" / "2026-03-01")
    assert [path, one.path] == sorted(one for one in tmp_path.rglob("*") if one.is_file())
