"""What readers are asked about: the golden sessions, a real one, and a long one in parts."""

from collections.abc import Iterator
from pathlib import Path

from ml_intern.llm.scripted import calling
from ml_intern.messages import AssistantMessage
from ml_intern.tracing.lines import SessionLines
from ml_intern.tracing.redaction import Redactor
from ml_intern.tracing.session_files import SessionFiles
from ml_intern.transcript import parts
from tests.cli.services import scripted_service, started
from tests.support.waiting import wait_until
from tests.tracing import golden
from tests.tracing.fakes import answered, call, recorded, replied, said
from tests.tracing.fakes import started as began

PART_BYTES = 700_000
EXCHANGES = 900
"""So many that the links of lines begin anew in a part, and parts follow."""


def sessions(folder: Path) -> Iterator[Path]:
    """The files; those that are made here lie below `folder`."""
    yield from sorted(golden.EXAMPLES.glob("*.jsonl"))
    yield real(folder / "state")
    yield from in_parts(folder / "parts")


def real(state_dir: Path) -> Path:
    """A session of a real service and real tools: side by side, an error, more than one turn."""
    look = {"bash": {"command": "printf 'a\\u2028b'; exit 3"}, "read": {"path": "missing.txt"}}
    plan = {"items": [{"step": "look", "status": "pending"}]}
    answers = [
        calling(plan=plan),
        calling(**look),
        calling(plan={"items": [{"step": "look", "status": "done"}]}),
        AssistantMessage(text="Nothing is there.", thinking="The folder is empty."),
    ]
    with scripted_service(state_dir, answers) as service:
        session_id = started(service, "Look around — 🤗.")
        service.try_host()
        wait_until(lambda: service.store.session(session_id).outcome == "finished")
    (path,) = state_dir.glob(f"traces/sessions/*/{session_id}.jsonl")
    return path


def in_parts(folder: Path) -> list[Path]:
    """A long session, as the writer cuts it."""
    talk = (
        event
        for number in range(EXCHANGES)
        for event in (
            replied(f"Step {number}.", call(f"c{number}"), reply_id=f"r{number}"),
            answered(f"c{number}", f"out {number} " * 8, ok=number % 7 != 0),
        )
    )
    events = recorded("long", began(), said("Do a lot."), *talk)
    session_id = events[0].session_id
    lines = SessionLines(session_id, Redactor())
    SessionFiles(folder, session_id, part_bytes=PART_BYTES).add(
        entry for event in events for entry in lines.take(event)
    )
    return list(parts.numbered(folder, session_id).values())
