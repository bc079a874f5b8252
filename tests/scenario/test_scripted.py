"""A script in a file drives the real process: `ml-intern run --model scripted/PATH`."""

import json
import re
import signal
from pathlib import Path

import pytest

from ml_intern.cli import exits
from ml_intern.events import Compacted, ModelFailed, ModelReplied, ToolStarted
from tests.llm.test_script_file import written
from tests.scenario.world import ROOT, World

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(240)]


def wrote(number: int, content: str = "", **more: object) -> dict[str, object]:
    """An answer that writes a file."""
    arguments = {"path": f"note-{number}.txt", "content": content}
    calls = [{"name": "write", "arguments": arguments}]
    return {"text": f"Note {number}.", "tool_calls": calls, **more}


def replies(world: World, session_id: str) -> list[str]:
    events = world.events(session_id)
    return [event.text for event in events if isinstance(event, ModelReplied)]


def test_the_example_of_the_documents_does_what_it_says(world: World) -> None:
    text = (ROOT / "docs/models.md").read_text()
    (example,) = re.findall(r"^```jsonl\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (world.folder / "script.jsonl").write_text(example)

    status, said = world.does("run", "--model", "scripted/script.jsonl", "Write a note.")

    assert status == exits.DONE, said
    session_id = world.only_session()
    assert replies(world, session_id) == ["I write down what I found.", "The note is written."]
    (failed,) = (one for one in world.events(session_id) if isinstance(one, ModelFailed))
    assert (failed.error, failed.text, failed.trouble) == (
        "The line broke (line 3 of the script).",
        "The note",
        "away",
    )
    assert (world.state / f"sessions/{session_id}/workspace/note.txt").read_text() == "42"


def test_a_killed_session_goes_on_at_its_line_and_another_begins_at_the_first(world: World) -> None:
    slow = wrote(2) | {"delay_s": 3600}
    script = written(world.folder, wrote(1), {"error": "rate", "retry_after_s": 0.1}, slow)
    running = world.start("run", "--model", f"scripted/{script}", "Write notes.")
    world.wait_for(lambda event: isinstance(event, ModelFailed), "the failure", running)
    running.signal(signal.SIGKILL)
    assert running.ends() == -signal.SIGKILL
    (killed,) = (row.session_id for row in world.sessions())

    written(
        world.folder, wrote(1), {"error": "rate", "retry_after_s": 0.1}, wrote(2), {"text": "Done."}
    )
    assert world.start("resume").ends() == exits.DONE
    assert replies(world, killed) == ["Note 1.", "Note 2.", "Done."]
    failures = [e.error for e in world.events(killed) if isinstance(e, ModelFailed) if e.trouble]
    assert failures == ["It fails: rate (line 2 of the script)."]
    status, said = world.does("run", "--model", f"scripted/{script}", "Write notes again.")
    assert status == exits.DONE, said
    (other,) = (row.session_id for row in world.sessions() if row.session_id != killed)
    assert replies(world, other) == ["Note 1.", "Note 2.", "Done."]


def test_a_script_with_a_window_is_compacted_for(world: World) -> None:
    content = " ".join(f"row {number} of the table" for number in range(400))
    answers = [wrote(number, content) for number in range(12)]
    lines = ({"window": 16_384}, *answers, {"text": "Done."}, {"summary": "Notes are written."})
    script = written(world.folder, *lines)

    status, said = world.does("run", "--quiet", "--model", f"scripted/{script}", "Write notes.")

    assert status == exits.DONE, said
    events = world.events(world.only_session())
    assert sum(isinstance(event, ToolStarted) for event in events) == len(answers)
    summaries = [event for event in events if isinstance(event, Compacted)]
    assert len(summaries) >= 2
    assert [one.written_by for one in summaries][:2] == ["model", "rules"]
    assert "Notes are written." in summaries[0].summary


def test_a_script_that_is_over_or_wrong_says_so(world: World) -> None:
    script = written(world.folder, wrote(1))
    status, said = world.does("run", "--model", f"scripted/{script}", "Write notes.")
    assert status == exits.FAILED
    assert "The script is over: it holds 1 answers" in said
    written(world.folder, json.dumps({"text": "a"}), "{")
    status, said = world.does("run", "--model", f"scripted/{script}", "Write notes.")
    assert status == exits.CONFIGURATION
    assert f"{script} is no script: line 2: it is no JSON" in said


def test_a_session_is_given_a_script_by_its_path_from_here(world: World) -> None:
    first, then = Path("first.jsonl"), Path("then.jsonl")
    written(world.folder, {"text": "One."}).rename(world.folder / first)
    written(world.folder, {"text": "One."}, {"text": "Two."}).rename(world.folder / then)
    status, said = world.does("run", "--model", f"scripted/{first}", "Count.")
    assert status == exits.DONE, said
    session_id = world.only_session()
    status, said = world.does("model", session_id, f"scripted/{then}")
    assert status == exits.DONE, said
    status, said = world.does("say", session_id, "Go on.")
    assert status == exits.DONE, said
    assert replies(world, session_id) == ["One.", "Two."]
