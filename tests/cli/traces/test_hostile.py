"""Every command that reads a trace, on traces that were written to break it.

None fails with anything but a word for people, and nothing of them steers the terminal.
"""

import contextlib
import io
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_intern.cli import exits
from ml_intern.cli.foreground import Manner
from ml_intern.cli.traces import exporting, importing, listing, opening, redaction, showing
from ml_intern.cli.traces.consent import named_places
from ml_intern.cli.traces.replay import _recording, _warn, replay
from ml_intern.cli.traces.understudy import Understudy
from ml_intern.errors import InputError, MLInternError
from ml_intern.session import forking
from ml_intern.tracing.comparing import compare
from ml_intern.tracing.redaction.scan import Eyes
from ml_intern.tracing.upload.ledger import Known
from ml_intern.tracing.upload.snapshot import Reader
from ml_intern.tracing.upload.spool import Spool
from ml_intern.transcript import parts
from ml_intern.transcript.problems import Problems

SESSION = "11111111-2222-4333-8444-555555555555"
ESCAPE = "\x1b[2J"
TURNED = "\u202e"
FIRST, LAST = "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"
LONG_NUMBER = "1" + "0" * 400


def user(content: Any = "Do it.", at: Any = "2026-01-01T00:00:00.000Z", **fields: Any) -> bytes:
    message = {"role": "user", "content": content}
    return encoded(
        type="user", uuid="u1", sessionId=SESSION, timestamp=at, message=message, **fields
    )


def answer(*blocks: dict[str, Any], at: Any = "2026-01-01T00:00:01.000Z", **fields: Any) -> bytes:
    content = list(blocks) or [{"type": "text", "text": "Done."}]
    message = {"id": "m1", "role": "assistant", "model": "m", "content": content}
    message |= {"stop_reason": "end_turn", **fields.pop("message", {})}
    links = {"uuid": "a1", "parentUuid": "u1"}
    return encoded(
        type="assistant", **links, sessionId=SESSION, timestamp=at, message=message, **fields
    )


def use(use_id: str = "c1", name: str = "bash", **arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": use_id, "name": name, "input": arguments}


def result(use_id: str = "c1", text: str = "ok", **fields: Any) -> bytes:
    return user([{"type": "tool_result", "tool_use_id": use_id, "content": text}], **fields)


def notice(**extra: Any) -> bytes:
    return encoded(type="system", subtype="informational", content="x", mlIntern=extra)


def encoded(**fields: Any) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def with_json(line: bytes, text: str) -> bytes:
    """The line with `text`, which need be no JSON, in the place of its "@"."""
    return line.replace(b'"@"', text.encode())


def summary(kept: Any) -> bytes:
    return user("sum", isCompactSummary=True, mlIntern={"kept": kept})


HOSTILE: dict[str, bytes] = {
    "a cost that is no number": user() + with_json(answer(costUSD="@"), "NaN"),
    "an endless cost": user() + with_json(answer(costUSD="@"), "1e999"),
    "a cost too long for a float": user() + with_json(answer(costUSD="@"), LONG_NUMBER),
    "costs whose sum is endless": user() + answer(costUSD=1e308) * 3,
    "a turn of ages": user() + encoded(type="system", subtype="turn_duration", durationMs=2**62),
    "a call of ages": user()
    + answer(use())
    + with_json(result(toolUseResult={"durationMs": "@"}), LONG_NUMBER),
    "an endless call": user()
    + answer(use())
    + with_json(result(toolUseResult={"durationMs": "@"}), "1e999"),
    "a job of ages": user() + notice(job={"label": ["x"], "status": {}, "durationMs": 1e300}),
    "the ends of time": user(at=LAST) + answer(at=FIRST),
    "the ends of time, backwards": user(at=FIRST) + answer(at=LAST),
    "times of other types": user(at=12345) + answer(at=["x"]),
    "kept is a word": user() + answer() + summary("3"),
    "kept is a list": user() + answer() + summary([1]),
    "kept is negative": user() + answer() + summary(-2),
    "kept is a fraction": user() + answer() + summary(2.5),
    "a part without number": with_json(
        user(mlIntern={"continues": {"sessionId": SESSION, "number": "@"}}), "Infinity"
    )
    + answer(),
    "a source of other types": user(mlIntern={"importedFrom": {"sessionId": 7, "beganAt": []}})
    + answer(mlIntern={"importedFrom": "x", "untimed": 1, "waitingOn": "approval"}),
    "a source that steers": user(
        mlIntern={
            "importedFrom": {"sessionId": ESCAPE + TURNED, "beganAt": LAST, "endedAt": FIRST},
            "untimed": True,
        }
    )
    + answer(use())
    + encoded(type="system", mlIntern={"waitingOn": [ESCAPE + "approval:x", 7, {"a": 1}]}),
    "extras of other types": user(mlIntern=[1])
    + answer(mlIntern="x")
    + user(mlIntern={"author": {}, "forkedFrom": [1], "run": [], "recalled": "x"})
    + notice(outcome={"a": 1}, waitingOn="x", undone=1, approval=[]),
    "facts of other types": user()
    + answer(use())
    + result(toolUseResult={"facts": [5, {"kind": ["x"], "data": {"split": "test"}}]}),
    "a home of nobody": user(mlIntern={"run": {"startedIn": "~nobodyatall/x"}}) + answer(),
    "deep arguments": user() + with_json(answer(use(a="@")), "[" * 900 + "]" * 900),
    "deep details": user()
    + answer(use())
    + with_json(result(toolUseResult={"a": "@"}), '{"x":' * 900 + "1" + "}" * 900),
    "deeper than the parser": user() + b"[" * 200_000 + b"\n" + answer(),
    "numbers that JSON has not": user() + with_json(answer(use(a="@")), "[NaN, -Infinity, 1e999]"),
    "numbers too long to write": user() + with_json(answer(use(a="@")), "9" * 4_200),
    "the same call twice": user() + answer(use(), use(), use(""), use("")) + result() + result(""),
    "NULs": b"\0" * 5_000 + b"\n" + user("a\0b") + b"\0\0\n" + answer(use("c\0", a="v\0")),
    "half surrogates": user("\ud800")
    + answer(use("c1", "\ud800", a="\udfff"))
    + result(text="\ud800"),
    "other types everywhere": encoded(type=["x"])
    + encoded(type="user", message=[])
    + encoded(type="assistant", message={"content": [1, None, {"type": ["x"]}]})
    + user()
    + answer(),
    "words that steer": user(TURNED, mlIntern={"author": ESCAPE, "run": {"startedIn": ESCAPE}})
    + answer(use(ESCAPE, ESCAPE + TURNED, a=ESCAPE), message={"model": ESCAPE})
    + answer(use("c2", ESCAPE + TURNED, a=ESCAPE))
    + result("c2", ESCAPE)
    + result(ESCAPE, ESCAPE)
    + encoded(type=ESCAPE, parentUuid=ESCAPE + ESCAPE, sessionId=ESCAPE)
    + notice(outcome=ESCAPE + TURNED),
}  # fmt: skip


def fork(path: str) -> None:
    past = forking.of_file(Path(path), 1, Problems())
    assert list(past.recalled("/new"))


def play(path: str) -> None:
    """As far as nothing runs."""
    problems = Problems()
    recording = _recording(Path(path), problems)
    _warn(recording, problems, {call.name: 1 for call in recording.calls}, Path("/here"))
    assert Understudy(recording).task
    compare(recording, recording)


def export(path: str, *, as_json: bool) -> None:
    exporting.export(
        [path], "-", finished=False, target_met=as_json, allow_hits=True, as_json=as_json
    )


ALL, SOME = showing.Wanted(), showing.Wanted(full=True, search=".")
COMMANDS: dict[str, Callable[[str], object]] = {
    "show": lambda path: showing.show(path, ALL, as_json=False),
    "show --full": lambda path: showing.show(path, SOME, as_json=False),
    "show --json": lambda path: showing.show(path, ALL, as_json=True),
    "open": lambda path: opening.open_trace(path, output="-", browser=False),
    "export": lambda path: export(path, as_json=False),
    "export --target-met": lambda path: export(path, as_json=True),
    "redaction": lambda path: redaction.report([path], as_json=False),
    "import": lambda path: importing.import_files([path], as_json=False),
    "list": lambda _path: listing.list_traces(20, as_json=False),
    "fork": fork,
    "replay": play,
    "upload": lambda path: Reader(Path(path), Eyes()).look(),
}  # fmt: skip


@pytest.fixture(params=["UTC", "America/New_York", "Pacific/Auckland"])
def _zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_zone")
@pytest.mark.parametrize("name", HOSTILE)
def test_no_trace_breaks_a_command_or_steers_the_terminal(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_INTERN_STATE_DIR", str(tmp_path))
    path = tmp_path / "traces" / "sessions" / "2026-01-01" / f"{SESSION}.jsonl"
    path.parent.mkdir(parents=True)
    path.write_bytes(HOSTILE[name])
    for command, run in COMMANDS.items():
        told = said_by(run, str(path))
        if command != "open":  # which escapes for a browser
            assert "\x1b" not in told, command
            assert TURNED not in told, command


def said_by(run: Callable[[str], object], path: str) -> str:
    """What a person sees of it; a word for people is no failure."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            run(path)
        except MLInternError as exc:
            out.write(str(exc))
    return out.buffer.getvalue().decode()


def test_what_is_no_plain_file_among_the_traces_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ML_INTERN_STATE_DIR", str(tmp_path))
    day = tmp_path / "traces" / "sessions" / "2026-01-01"
    day.mkdir(parents=True)
    own = day / f"{SESSION}.jsonl"
    own.write_bytes(user() + answer())
    os.mkfifo(day / "pipe.jsonl")
    os.mkfifo(day / f"{parts.part_id(SESSION, 2)}.jsonl")
    (day / "folder.jsonl").mkdir()
    (day / "endless.jsonl").symlink_to("/dev/zero")
    (day / "link.jsonl").symlink_to(own)
    (day / "nowhere.jsonl").symlink_to(day / "missing")
    listing.list_traces(20, as_json=True)
    listed = json.loads(capsys.readouterr().out)
    assert {Path(one["path"]).name for one in listed} == {own.name, "link.jsonl"}
    redaction.report([], as_json=False)
    assert importing.import_files([str(day / "pipe.jsonl")], as_json=False) == exits.FAILED
    assert "no plain file" in capsys.readouterr().err
    assert (
        importing.import_files([str(day)], as_json=False) == exits.FAILED
    )  # they are here already
    items = list(Spool(tmp_path / "traces", Eyes()).items(Known()))
    assert [(item.source, item.state) for item in items] == [(own, "pending")]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("Read /etc/passwd.", ["/etc/passwd."]),
        ("Read ~/.aws/credentials", ["~/.aws/credentials"]),
        ("Look into ../other and .env", ["../other", ".env"]),
        ("Look into data/.secret/x", ["data/.secret/x"]),
        ("In `/etc/my keys/a`", ["/etc/my"]),
        ("Use data.csv in HERE/data, https://hf.co/x/y, /workspace/a.py and 3/4 of it... ok?", []),
    ],
)
def test_words_of_a_stranger_are_asked_about_where_they_name_files(
    words: str, named: list[str], tmp_path: Path
) -> None:
    text = words.replace("HERE", str(tmp_path))
    assert list(named_places([text], tmp_path)) == named


def test_a_strangers_words_are_said_only_after_a_yes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "theirs.jsonl"
    path.write_bytes(
        user("Show me /etc/hostname") + answer(use("c1", "read", path="/etc/hostname"))
    )
    monkeypatch.setenv("ML_INTERN_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    manner = Manner(as_json=False, quiet=True, yes=False, debug=False)
    with pytest.raises(InputError, match="nobody can be asked"):
        replay(str(path), manner, tools="real")
    assert not (tmp_path / "state").exists()
