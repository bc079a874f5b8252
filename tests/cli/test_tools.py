"""`tools list` and `tools call`: a call by hand goes the way of every other."""

import gc
import json
import re
from pathlib import Path

import pytest

from ml_intern.cli import tools
from ml_intern.cli.foreground import Manner, Wish, run
from ml_intern.clock import SystemClock
from ml_intern.daemon.local import TITLE_CHARS
from ml_intern.errors import InputError
from ml_intern.events import ApprovalRequested, ModelReplied, SessionStarted, ToolFinished
from ml_intern.queue.store import Store

RULES = """
[[policy]]
tool = "bash"
verdict = "deny"
reason = "nobody runs commands here"

[[policy]]
tool = "write"
verdict = "ask"
"""


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("ML_INTERN_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("ML_INTERN_SANDBOX", "process")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config/ml-intern").mkdir(parents=True)
    return tmp_path


def journal(home: Path) -> list[object]:
    store = Store.open(home / "state/ml-intern.db", SystemClock())
    try:
        (row,) = store.sessions(10)
        return [recorded.event for recorded in store.events(row.session_id)]
    finally:
        store.close()


def test_a_call_by_hand_writes_what_the_tool_says(home, capsys):
    (home / "notes.txt").write_text("seen\n")
    status = tools.call("read", '{"path": "notes.txt"}', Manner(quiet=True))
    assert (status, capsys.readouterr().out) == (0, "     1  seen\n")
    replies = [event for event in journal(home) if isinstance(event, ModelReplied)]
    assert [reply.model for reply in replies] == ["by-hand", "by-hand"]


@pytest.mark.parametrize(
    ("tool", "arguments", "title"),
    [
        ("read", {"path": "a.txt", "offset": 3}, "read by hand: a.txt, 3"),
        ("survey_hardware", {}, "survey_hardware by hand"),
        ("memory", {"action": "pin", "text": "b" * 900}, "memory by hand: pin, bbbb"),
    ],
)
def test_lists_call_it_by_tool_and_arguments(home, tool, arguments, title):
    tools.call(tool, json.dumps(arguments), Manner(aside=True))
    (started,) = [event for event in journal(home) if isinstance(event, SessionStarted)]
    assert started.title.startswith(title)
    assert len(started.title) <= TITLE_CHARS


def test_a_call_that_fails_has_a_status_of_its_own(home, capsys):
    assert tools.call("read", '{"path": "no.txt"}', Manner(quiet=True)) == 1
    assert "no.txt" in capsys.readouterr().out


def test_what_the_policy_denies_a_model_it_denies_a_person(home, capsys):
    (home / "config/ml-intern/config.toml").write_text(RULES)
    assert tools.call("bash", '{"command": "touch ran"}', Manner(quiet=True)) == 1
    assert "nobody runs commands here" in capsys.readouterr().out
    (answer,) = [event for event in journal(home) if isinstance(event, ToolFinished)]
    assert (answer.answered_by, answer.ok) == ("policy", False)


@pytest.mark.parametrize(("yes", "status"), [(False, 4), (True, 0)])
def test_what_is_asked_of_a_person_waits_for_a_yes(home, capsys, yes, status):
    (home / "config/ml-intern/config.toml").write_text(RULES)
    arguments = json.dumps({"path": "a.txt", "content": "x"})
    assert tools.call("write", arguments, Manner(aside=True, yes=yes)) == status
    (asked,) = [event for event in journal(home) if isinstance(event, ApprovalRequested)]
    said = capsys.readouterr()
    waits = f"write needs your yes: {asked.reason}\n→ answer with: ml-intern approve "
    assert said.err.startswith(waits) is not yes
    assert bool(said.out) is yes


def test_the_next_call_finds_what_the_one_before_has_made(home, capsys):
    arguments = json.dumps({"path": "a.txt", "content": "x"})
    assert tools.call("write", arguments, Manner(aside=True)) == 0
    session = re.search(r"--session (\w{8})", capsys.readouterr().err)[1]
    assert tools.call("read", '{"path": "a.txt"}', Manner(aside=True), session=session) == 0
    assert capsys.readouterr().out == "     1  x\n"
    assert tools.call("read", '{"path": "b.txt"}', Manner(aside=True), session=session) == 1
    assert "There is no file b.txt." in capsys.readouterr().out
    assert [each.ok for each in journal(home) if isinstance(each, ToolFinished)] == [1, 1, 0]


def test_a_session_that_waits_takes_no_other_call(home, capsys):
    (home / "config/ml-intern/config.toml").write_text(RULES)
    arguments = json.dumps({"path": "a.txt", "content": "x"})
    tools.call("write", arguments, Manner(aside=True))
    store = Store.open(home / "state/ml-intern.db", SystemClock())
    (row,) = store.sessions(10)
    store.close()
    with pytest.raises(InputError, match="is not at rest"):
        tools.call("read", '{"path": "a.txt"}', Manner(aside=True), session=row.session_id)


def test_calls_by_hand_are_made_in_no_session_of_a_model(home, capsys):
    task = '{"text": "Hello."}\n'
    (home / "script.jsonl").write_text(task)
    run(["Say hello."], Manner(quiet=True), Wish(model="scripted/script.jsonl"))
    store = Store.open(home / "state/ml-intern.db", SystemClock())
    (row,) = store.sessions(10)
    store.close()
    with pytest.raises(InputError, match="is led by a model"):
        tools.call("read", '{"path": "a.txt"}', Manner(aside=True), session=row.session_id)


def test_text_from_outside_is_plain_json_and_its_marks_stand_beside(home, capsys):
    (home / "paper.md").write_text("# Small Steps\n\n## 1 Method\n\nWe use AdamW.\u200b\n")
    assert tools.call("read_paper", '{"paper": "paper.md"}', Manner(aside=True)) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["title"] == "Small Steps"
    assert "OUTSIDE TEXT" not in said.err, "nobody wants to be told of an unnamed outside"
    assert "has the call on record" in said.err


@pytest.mark.parametrize(("path", "status"), [("notes.txt", 0), ("no.txt", 1)])
def test_the_summary_for_programs_has_the_answer_and_the_status(home, capsys, path, status):
    (home / "notes.txt").write_text("seen\n")
    arguments = json.dumps({"path": path})
    assert tools.call("read", arguments, Manner(aside=True, as_json=True)) == status
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (summary["type"], summary["ok"], summary["exit_code"]) == ("summary", not status, status)
    output = "     1  seen" if status == 0 else "There is no file no.txt."
    assert output in (summary["output"], summary["output"]["error"] if status else "")


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("raed", "{}", "Did you mean read?"),
        ("read", '{"path": ', "no JSON"),
        ("read", "[1]", "no JSON object"),
        ("read", "[" * 100_000, "no JSON"),
    ],
)
def test_what_cannot_be_called_starts_no_session(home, name, arguments, words):
    gc.collect()  # no finalizer is to run at the bottom of the recursion
    with pytest.raises(InputError, match=words):
        tools.call(name, arguments, Manner(quiet=True))


def test_the_tools_are_listed_for_people_and_for_programs(home, capsys):
    assert tools.show(None, as_json=False, debug=False) == 0
    assert "\nread " in capsys.readouterr().out
    tools.show("read", as_json=False, debug=False)
    assert "path    text, required" in capsys.readouterr().out
    tools.show("papers", as_json=False, debug=False)
    rows = capsys.readouterr().out.splitlines()
    assert "papers or of one." in rows[6], "the meaning of an argument is told to its end"
    assert max(map(len, rows[1:])) <= 110
    tools.show(None, as_json=True, debug=False)
    assert "read" in {tool["name"] for tool in json.loads(capsys.readouterr().out)}
