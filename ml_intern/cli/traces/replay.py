"""`ml-intern traces replay`: play a recorded session, and tell what came out otherwise."""

import io
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from ml_intern.cli import exits
from ml_intern.cli.foreground import Manner, follow, working_folder
from ml_intern.cli.opening import Opened, close, log_of, opened
from ml_intern.cli.quantities import count, line, shown
from ml_intern.cli.traces.consent import demand_consent
from ml_intern.cli.traces.fetching import located
from ml_intern.cli.traces.understudy import Understudy
from ml_intern.cli.wishes import Wishes
from ml_intern.client.author import author
from ml_intern.client.door import NewSession
from ml_intern.daemon.secrets import redactor_of
from ml_intern.daemon.service import Service
from ml_intern.daemon.uploads import traces_of
from ml_intern.errors import InputError
from ml_intern.events import SessionStarted
from ml_intern.home import spelled_out
from ml_intern.llm.replay import PREFIX
from ml_intern.messages import SessionId
from ml_intern.queue.rows import Recorded
from ml_intern.settings import load
from ml_intern.tools.recorded import recorded_tools
from ml_intern.tracing.chain import Chain
from ml_intern.tracing.comparing import Comparison, Difference, compare, so_far
from ml_intern.tracing.lines import SessionLines
from ml_intern.transcript import reading
from ml_intern.transcript.line import encode
from ml_intern.transcript.problems import Problems
from ml_intern.transcript.recording import Recording, is_incomplete, record_of, recorded_in

Tools = Literal["real", "recorded"]
MOST_NAMED = 5


def replay(argument: str, manner: Manner, *, tools: Tools) -> int:
    """Play the trace that `argument` names. Status 1 when anything came out otherwise."""
    settings = load()
    path = located(argument, settings)
    problems = Problems()
    recording = _recording(path, problems)
    understudy = Understudy(recording, asks=tools == "real")
    folder = working_folder()
    if tools == "real" and not _is_own(path, traces_of(settings)):
        demand_consent(recording, folder, yes=manner.yes)
    with Wishes() as wishes, _stage(recording, tools, wishes, debug=manner.debug) as found:
        if wishes.any:
            return exits.INTERRUPTED
        strange = _strange(recording, [spec.name for spec in found.door.tools()])
        _warn(recording, problems, strange, folder)
        session_id = found.door.start_session(
            NewSession(
                task=understudy.task,
                started_in=str(folder),
                author=author(),
                model=f"{PREFIX}{path}",
                cpus=_number(recording, "cpus"),
                threads=_number(recording, "threads"),
                # One more than there are: that the recording is over, the model itself says.
                max_iterations=max(settings.max_iterations, len(recording.answers) + 1),
            )
        )
        _remark_scores(found.door.events(session_id))
        status = follow(
            found,
            session_id,
            manner,
            wishes,
            from_start=True,
            understudy=understudy,
            sum_up=tools == "real",
        )
        played = found.door.events(session_id)
    comparison = compare(recording, _as_recording(session_id, played))
    is_whole = status not in (exits.WAITING, exits.INTERRUPTED, exits.TRY_LATER)
    if is_whole:
        status = exits.FAILED if comparison.differences else exits.DONE
    else:
        comparison = so_far(comparison)
    if manner.as_json:
        _write_json(comparison, strange, problems, status)
    else:
        _write(comparison, is_whole=is_whole)
    return status


def _is_own(path: Path, traces: Path) -> bool:
    """Whether it is a session of this machine, whose person said it here."""
    return path.resolve().is_relative_to((traces / "sessions").resolve())


def _recording(path: Path, problems: Problems) -> Recording:
    try:
        recording = record_of(path, problems)
    except OSError as exc:
        raise InputError(f"{path} cannot be read: {exc.strerror}.") from exc
    if not recording.answers:
        raise InputError(f"No model has answered in {path}; there is nothing to play.")
    if not any(act.kind == "say" for act in recording.acts):
        raise InputError(f"Nobody says anything in {path}; there is nothing to begin with.")
    return recording


@contextmanager
def _stage(recording: Recording, tools: Tools, wishes: Wishes, *, debug: bool) -> Iterator[Opened]:
    """Where it is played: as any session, or, with recorded tools, in a place that is then gone."""
    if tools == "real":
        with opened(wishes, debug=debug) as found:
            yield found
        return
    with tempfile.TemporaryDirectory(prefix="ml-intern-replay-") as folder:
        changes = {
            "state_dir": Path(folder) / "state",
            "database": None,
            "sessions_dir": None,
            "policy": (),
        }
        settings = load().model_copy(update=changes)

        def journal(session_id: SessionId, after_seq: int) -> Sequence[Recorded]:
            return service.store.events(session_id, after_seq)

        service = Service.open(settings, tools=recorded_tools(recording, journal))
        try:
            trouble = log_of(settings, debug=debug)
            yield Opened(door=service.door, service=service, trouble=trouble)
        finally:
            close(service, wishes)


def _number(recording: Recording, name: str) -> int | None:
    found = recording.run.get(name)
    return found if isinstance(found, int) and found > 0 else None


def _as_recording(session_id: SessionId, events: Sequence[Recorded]) -> Recording:
    """What the trace of these events says."""
    lines, chain = SessionLines(session_id, redactor_of(load())), Chain(session_id)
    entries = (entry for recorded in events for entry in lines.take(recorded))
    data = b"".join(encode(line) for entry in entries for line in chain.add(entry))
    return recorded_in(reading.read_stream(io.BytesIO(data), Problems()))


# What is said


def _strange(recording: Recording, known: Sequence[str]) -> dict[str, int]:
    """How often it calls tools that are not among ours."""
    return dict(Counter(use.name for use in recording.calls if use.name not in known))


def _warn(recording: Recording, problems: Problems, strange: dict[str, int], folder: Path) -> None:
    for problem in problems.found[:MOST_NAMED]:
        _remark(str(problem))
    if problems.count > MOST_NAMED:
        _remark(f"{problems.count - MOST_NAMED} more lines have problems")
    if strange:
        named = ", ".join(f"{name} ({times})" for name, times in strange.items())
        _remark(f"not among our tools, so these calls fail: {named}")
    if recording.is_fork:
        _remark("it goes on from another session, whose messages and files are not played")
    if recording.interrupted:
        _remark(f"a person stopped it {count(recording.interrupted, 'time')}; nobody does now")
    for answer in recording.answers:
        if any(is_incomplete(use.input) for use in answer.calls):
            _remark(f"line {answer.line}: arguments were shortened or redacted; it ends there")
    began = recording.run.get("startedIn")
    if isinstance(began, str) and spelled_out(began) != folder:
        _remark(f"it was started in {began}; relative paths in its words now start in {folder}")


def _remark_scores(events: Sequence[Recorded]) -> None:
    started = events[0].event
    assert isinstance(started, SessionStarted), "every session begins with it"
    if started.replayed is not None and started.replayed.scored_before:
        _remark("it went on from a session that had scored a test split; that is not scored again")


def _remark(words: str) -> None:
    sys.stderr.write(f"! {line(words, 400)}\n")


def _write(comparison: Comparison, *, is_whole: bool) -> None:
    sys.stdout.write("\n")
    for number, difference in enumerate(comparison.differences, start=1):
        sys.stdout.write(_told(number, difference))
    found = len(comparison.differences)
    words = count(found, "difference") if found else "No difference"
    compared = count(comparison.compared, "result")
    begun = "" if is_whole else " so far: the replay has not come to its end"
    sys.stdout.write(f"{words} in {compared} compared{begun}.\n")
    if comparison.in_part:
        places = "; ".join(comparison.in_part[:MOST_NAMED])
        sys.stdout.write(f"Compared only to where the trace shortens them: {places}.\n")


def _told(number: int, difference: Difference) -> str:
    lines = [
        f"line {place} of the {what}"
        for place, what in (
            (difference.recorded_line, "recording"),
            (difference.new_line, "new trace"),
        )
        if place is not None
    ]
    head = f"{number}. {difference.where}: {difference.what} ({', '.join(lines)})"
    return shown("\n".join([head, *(f"   {one}" for one in difference.diff)])) + "\n\n"


def _write_json(
    comparison: Comparison, strange: dict[str, int], problems: Problems, status: int
) -> None:
    document: dict[str, Any] = {
        "kind": "comparison",
        **asdict(comparison),
        "unknown_tools": strange,
        "problems": [str(problem) for problem in problems.found],
        "exit_code": status,
    }
    sys.stdout.write(json.dumps(document) + "\n")
