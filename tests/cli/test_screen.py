import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from ml_intern.cli import render
from ml_intern.cli.screen import Aside, Json, Lines, Quiet, Screen, Terminal
from ml_intern.cli.summary import summary
from ml_intern.client.view import View, fold
from ml_intern.events import (
    Compacted,
    CompactRequested,
    Fact,
    ModelChanged,
    ModelFailed,
    ModelSwitched,
)
from ml_intern.messages import Usage
from tests.cli.journals import (
    NO_MODEL,
    Journal,
    at,
    finished_journal,
    forked_journal,
    lost_journal,
    published_journal,
)

PLAIN = """\
session 11111111 · autopilot
plan
  ▸ Inspect the data
  · Train
✓ inspect_dataset              2.0 s  1,797 rows, 10 labels, image classification
✓ launch_training              1.0 s  weights will be in runs/1
  train.py  step 10/100  epoch 1.0  loss 2.000
  train.py  step 60/100  epoch 6.0  4.0 s left  loss 0.500
✓ watch_job                     10 s  100 steps, loss 0.500, validation accuracy 97.0 %
✓ evaluate                     1.0 s  validation accuracy 96.7 %, 180 rows
✓ evaluate                     1.0 s  test accuracy 96.1 %, 180 rows
✓ write_model_card             0.0 s  runs/1/README.md
✓ write_reproduce_bundle       0.0 s  runs/1/reproduce
  approved by ada
✓ publish                      1.0 s  local/digits, 12 files (3 with the data)

Done  11111111
Done: 96.7 %.
validation  96.7 % accuracy, macro F1 0.967, loss 0.100, 180 rows
test        96.1 % accuracy, macro F1 0.961, loss 0.100, 180 rows
weights     /state/sessions/1/workspace/runs/1/model.safetensors
loss curve  /state/sessions/1/workspace/runs/1/loss_curve.png
model card  /state/sessions/1/workspace/runs/1/README.md
reproduce   /state/sessions/1/workspace/runs/1/reproduce
published   local/digits → /published/local/digits
trace       /state/traces/x.jsonl
model       autopilot
tokens      100 in, 20 out
took        20 s, waited for you 2.0 s, 9 tool calls, 10 model calls, cost $0.00
"""


def _play(screen: Screen, journal: Journal) -> View:
    view = View()
    for recorded in journal:
        view.apply(recorded)
        screen.event(recorded, view)
        screen.tick(view, recorded.at)
    screen.close()
    found = summary(view, trace=Path("/state/traces/x.jsonl"))
    screen.end(view, {**found, "trace_written": True})
    return view


@pytest.mark.parametrize("kind", [Lines, Quiet])
def test_what_a_daemon_goes_on_with_is_not_left_as_it_stands(kind: type[Lines]) -> None:
    stream = io.StringIO()
    view = View()
    view.apply(next(iter(published_journal())))
    kind(stream).end(view, summary(view, trace=None), host_pid=7)
    assert "Going on  11111111" in stream.getvalue()
    assert "process 7 works on it" in stream.getvalue()
    assert "left as it stands" not in stream.getvalue()


def test_a_pipe_gets_plain_lines() -> None:
    stream = io.StringIO()

    _play(Lines(stream), published_journal())

    assert stream.getvalue() == PLAIN


def test_what_waits_for_a_person_ends_with_the_commands_that_answer_it() -> None:
    stream = io.StringIO()
    journal = finished_journal().end("waiting", "a decision on publish", ("approval:a9",), 18.0)

    _play(Lines(stream), journal)
    shown = stream.getvalue()

    assert "request         publish acts outside the workspace" in shown
    assert "model_dir       runs/1" in shown
    assert "\nWaiting for you  11111111\n" in shown
    assert shown.endswith(
        '→ answer with: ml-intern approve a9\n→ answer with: ml-intern deny a9 --reason "..."\n'
    )


def test_a_lost_call_ends_with_the_commands_that_answer_for_it() -> None:
    stream = io.StringIO()

    _play(Lines(stream), lost_journal())
    shown = stream.getvalue()

    assert "publish may have taken effect or not" in shown
    assert "repo_name       digits" in shown
    assert shown.endswith(
        "→ answer with: ml-intern resolve 11111111 --retry\n"
        "→ answer with: ml-intern resolve 11111111 --done\n"
        "→ answer with: ml-intern resolve 11111111 --skip\n"
    )


def test_json_is_one_object_per_event_and_a_summary() -> None:
    stream = io.StringIO()
    journal = published_journal()

    _play(Json(stream), journal)
    documents = [json.loads(line) for line in stream.getvalue().splitlines()]

    assert [d["type"] for d in documents] == ["event"] * len(journal.recorded) + ["summary"]
    assert documents[0]["event"]["kind"] == "session_started"
    assert documents[0]["at"] == "2026-01-31T12:00:00.000Z"
    assert documents[-1]["metrics"]["test"]["accuracy"] == 0.9611
    assert documents[-1]["artefacts"]["weights"].endswith("runs/1/model.safetensors")
    assert documents[-1]["cost_usd"] == 0


def test_quiet_says_only_how_it_ended() -> None:
    stream = io.StringIO()

    _play(Quiet(stream), published_journal())

    assert stream.getvalue() == PLAIN[PLAIN.index("\nDone  1111") :]


def _terminal(width: int, *, colour: bool = False) -> tuple[Terminal, io.StringIO]:
    stream = io.StringIO()
    system = "standard" if colour else None
    console = Console(
        file=stream, width=width, force_terminal=True, color_system=system, highlight=False
    )
    return Terminal(console), stream


def test_aside_shows_what_runs_and_leaves_nothing() -> None:
    stream = io.StringIO()
    screen = Aside(Console(file=stream, width=100, force_terminal=True, color_system=None))
    view = View()
    journal = Journal().reply(("c1", "read_paper", {"paper": "2305.14314"}))
    for recorded in journal.start("c1", "read_paper", {"paper": "2305.14314"}, 0.0):
        view.apply(recorded)
        screen.event(recorded, view)
    assert stream.getvalue() == ""

    screen.tick(view, at(2.0))
    assert re.search(r"read_paper +2\.0 s  2305\.14314", stream.getvalue())
    screen.close()
    assert stream.getvalue().endswith("\x1b[1A\x1b[2K"), "the line is gone"


def test_a_terminal_shows_the_job_while_it_runs() -> None:
    screen, stream = _terminal(100)
    view = View()
    journal = Journal().reply(("c1", "watch_job", {})).start("c1", "watch_job", {}, 0.0)
    journal.job("j").progress("j", 10, 1.0, loss=2.0, epoch=0.4).progress(
        "j", 50, 2.0, loss=1.0, eval_accuracy=0.9
    )
    for recorded in journal:
        view.apply(recorded)

    screen.tick(view, at(2.0))
    screen.close()

    assert "watch_job                    2.0 s" in stream.getvalue()
    assert "50 %  step 50/100  epoch 0.4  1.2 s left" in stream.getvalue()
    assert "█▁  loss 1.000  validation accuracy 90.0 %" in stream.getvalue()


def test_what_becomes_of_the_models_is_told_line_by_line() -> None:
    journal = Journal()
    journal.add(ModelFailed(model="gpt", error="It is busy.", retry_in_s=1.0))
    journal.add(ModelFailed(model="gpt", error="It is gone.", retry_in_s=None))
    journal.add(ModelSwitched(model="claude", instead_of="autopilot", reason="it is gone"))
    journal.add(ModelSwitched(model="gpt", instead_of="claude", reason="It is busy."))
    journal.add(ModelChanged(model="m", asked_by="ada", effort="high"))
    journal.add(CompactRequested(op_seq=2, asked_by="bob"))
    journal.add(
        Compacted(asked_by="bob", summary="", kept=2, model="m", usage=Usage(), cost_micro_usd=0)
    )
    stream = io.StringIO()

    view = _play(Lines(stream), journal.end("finished"))

    assert stream.getvalue().split("\n\n")[0].splitlines() == [
        "session 11111111 · autopilot",
        "  gpt: It is busy. Asked again in 1 s.",
        "  claude answers instead of autopilot: it is gone.",
        "  gpt answers instead of claude.",
        "  from now on m, effort high, by ada",
        "  bob asked for the older part to be summed up",
        "  Summed up by m: the last 2 messages stay as they were.",
    ]
    assert "model       m, effort high\n" in stream.getvalue()
    assert render.opening(view).plain == "session 11111111 · m, effort high"


def test_a_fork_begins_with_its_plan() -> None:
    journal = forked_journal([{"step": "Train", "status": "pending"}])
    stream = io.StringIO()
    _play(Lines(stream), journal)
    assert stream.getvalue().startswith("session 11111111 · autopilot\nplan\n  · Train\n")


def test_a_terminal_counts_down_to_the_next_request() -> None:
    view, (screen, stream) = View(), _terminal(80)
    for recorded in Journal().add(ModelFailed(model="m", error="busy", retry_in_s=34.0), 10.0):
        view.apply(recorded)

    screen.tick(view, at(30.0))
    screen.close()

    assert "a model is asked again in 14 s …" in stream.getvalue()


@pytest.mark.parametrize(("seconds", "is_told"), [(20.0, True), (50.0, False)])
def test_whoever_comes_in_a_short_wait_is_told_until_when(seconds: float, is_told: bool) -> None:
    journal = Journal().add(ModelFailed(model="m", error="busy", retry_in_s=30.0), 10.0)
    stream = io.StringIO()
    Lines(stream).begin(fold(journal), at(seconds))
    words = f"no model answers; one is asked again at {at(40).astimezone():%H:%M:%S} (20 s)"
    assert (words in stream.getvalue()) is is_told


def test_until_when_a_model_is_waited_for_is_shown() -> None:
    journal = Journal().end("waiting", "m is away", NO_MODEL, 10.0)
    words = f"no model answers; one is asked again at {at(300).astimezone():%H:%M:%S}"
    lines = io.StringIO()
    view = _play(Lines(lines), journal)
    assert f"  {words} (4 min 50 s)\n" in lines.getvalue()

    begun = io.StringIO()
    Lines(begun).begin(view, at(250.0))
    assert begun.getvalue().endswith(f"  {words} (50 s)\n")

    screen, stream = _terminal(80)
    screen.tick(view, at(250.0))
    screen.close()
    assert f"{words} (50 s)" in stream.getvalue()


@pytest.mark.parametrize("width", [1, 10, 40, 80, 200])
def test_a_terminal_of_any_width_shows_a_whole_session(width: int) -> None:
    screen, stream = _terminal(width)

    _play(screen, published_journal())

    assert "/state/sessions/1/workspace/runs/1/model.safetensors" in stream.getvalue()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_terminal_breaks_lines_between_words_only(width: int) -> None:
    screen, stream = _terminal(width)
    path = "/state/published/local/" + "a-long-name-" * 12 + "classifier"
    step = {"step": "Inspect the data " * 9 + "well", "status": "pending"}
    planned = Fact(kind="plan", data={"items": [step]})
    journal = Journal().tool("c1", "plan", {"done": 0, "open": 1}, planned)
    journal.reply(("c2", "publish", {"model_dir": path}), text="I ask. " * 30)
    journal.tool("c3", "write", {"path": "a sentence about it " * 7}, arguments={"path": "x"})
    journal.ask("a1", "c2", "publish", model_dir=path)
    journal.end("waiting", f"a decision on {path} and more", ("approval:a1",))

    view = _play(screen, journal)
    for asked in view.approvals.values():
        screen.tell(render.approval(asked))

    shown = re.sub(r"\x1b\[[?\d]*[a-zA-Z]", "", stream.getvalue())
    assert shown.count(path) == 2
    assert [line for line in shown.splitlines() if path not in line and len(line) > width] == []
    given = {*step["step"].split(), "I", "ask.", "a", "sentence", "about", "it"}
    parts = {word for line in shown.splitlines() for word in line.split()}
    assert {"Inspect", "sentence", "ask."} <= parts
    assert not {word[:n] for word in given for n in range(2, len(word))} & parts - given


def test_no_escape_sequence_of_a_model_reaches_the_terminal() -> None:
    screen, stream = _terminal(80)
    journal = Journal().reply(("c1", "bash\x1b[31m", {"command": "\x1b[2J"}), text="\x1b]0;x\x07hi")
    journal.finish("c1", "bash\x1b[31m", "\x1b[2Jdone")

    _play(Lines(plain := io.StringIO()), journal)
    _play(screen, journal)

    assert "\x1b" not in plain.getvalue()
    assert "\x1b[2J" not in stream.getvalue()
    assert "\x1b[31m" not in stream.getvalue()
    assert "\x1b]0;" not in stream.getvalue()
