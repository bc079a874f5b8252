"""`traces export`: sessions as training data, and what was left out and why."""

import json
import shutil
import sys
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from ml_intern.cli import exits
from ml_intern.cli.quantities import count, line, size
from ml_intern.cli.summary import short
from ml_intern.cli.traces.output import STANDARD_OUTPUT, demand_apart, writing
from ml_intern.daemon.secrets import redactor_of, secrets_of
from ml_intern.llm.autopilot.objective import Objective, Target
from ml_intern.llm.autopilot.reading import read
from ml_intern.llm.replay import PREFIX
from ml_intern.messages import ToolSpec
from ml_intern.settings import Settings, load
from ml_intern.tools.catalogue import all_tools
from ml_intern.tracing import shelf
from ml_intern.tracing.exporting import choosing
from ml_intern.tracing.exporting.choosing import REDACTED, Wanted
from ml_intern.tracing.exporting.examples import THOUGHTS, Example, examples
from ml_intern.tracing.finding import find
from ml_intern.tracing.redaction import Redactor, scan
from ml_intern.tracing.redaction.span import MASK
from ml_intern.transcript import parts
from ml_intern.transcript.conversation import TooLong
from ml_intern.transcript.problems import Problems

_LEFT_OUT_SHOWN = 20


@dataclass(kw_only=True)
class _Report:
    """What became of the sessions."""

    sessions: int = 0
    """That were exported."""
    examples: int = 0
    bytes: int = 0
    left_out: dict[str, str] = field(default_factory=dict)
    """Why, by the session's id."""
    tools: Counter[str] = field(default_factory=Counter)
    """In how many examples each is."""
    inferred: set[str] = field(default_factory=set)
    """The tools whose schema is made of their calls."""

    def take(self, example: Example) -> None:
        """One more that was written."""
        self.examples += 1
        self.tools.update(tool["function"]["name"] for tool in example.tools)
        self.inferred.update(example.inferred)

    def add(self, session: "_Report") -> None:
        """What became of one of the sessions."""
        self.sessions += session.sessions
        self.examples += session.examples
        self.bytes += session.bytes
        self.tools += session.tools
        self.inferred |= session.inferred

    def as_json(self, output: str) -> dict[str, Any]:
        """For programs."""
        return {
            "output": output,
            "sessions": self.sessions,
            "examples": self.examples,
            "size_bytes": self.bytes,
            "tools": dict(sorted(self.tools.items())),
            "inferred_tools": sorted(self.inferred),
            "left_out": self.left_out,
            "left_out_by_reason": dict(Counter(self.left_out.values()).most_common()),
        }

    def lines(self, output: str) -> Iterator[str]:
        """For people."""
        if not self.examples:
            yield "Nothing is exported, and nothing written."
        else:
            where = "standard output" if output == STANDARD_OUTPUT else output
            made = f"{count(self.examples, 'example')} of {count(self.sessions, 'session')}"
            yield f"{made} exported to {where}, {size(self.bytes)}."
        for why, number in Counter(self.left_out.values()).most_common():
            some = [short(one) for one, reason in self.left_out.items() if reason == why]
            more = " …" if number > _LEFT_OUT_SHOWN else ""
            yield f"{number} left out, {why}: {' '.join(some[:_LEFT_OUT_SHOWN])}{more}"
        if REDACTED in self.left_out.values():
            yield "--allow-hits takes those too, with their `[REDACTED:…]`."
        if self.inferred:
            named = line(", ".join(sorted(self.inferred)), 1_000)
            yield f"Schemas made of the calls that were seen: {named}."


def export(
    arguments: Sequence[str],
    output: str,
    *,
    finished: bool,
    target_met: bool,
    thoughts: str = THOUGHTS,
    allow_hits: bool,
    as_json: bool,
) -> int:
    """Of the named traces, or of all. Status 1 when nothing is exported; nothing is written then.

    Raises InputError when the output cannot be written or an argument names no trace.
    """
    settings = load()
    folder = settings.state_dir / "traces"
    named = [parts.files(find(argument, folder))[0] for argument in arguments]
    paths = dict.fromkeys(named or [trace.path for trace in shelf.traces(folder)])
    wanted = Wanted(
        finished=finished,
        goal_of=target_of if target_met else None,
        redacted=allow_hits,
        replayed="" if named else PREFIX,
    )
    exporter = _Exporter(settings, wanted, thoughts)
    demand_apart(output, (file for path in paths for file in parts.files(path)), folder)
    with writing(output) as file:
        for path in paths:
            _write(exporter, path, file)
    report = exporter.report
    told = sys.stderr if output == STANDARD_OUTPUT else sys.stdout
    if as_json:
        told.write(json.dumps(report.as_json(output), indent=2) + "\n")
    else:
        told.writelines(f"{words}\n" for words in report.lines(output))
    return exits.DONE if report.examples else exits.FAILED


def target_of(words: Iterable[str]) -> Target | None:
    """What all these words of a person ask for; later ones win. None: no clear number."""
    return reduce(lambda so_far, text: so_far.merged(read(text)), words, Objective()).target


class _Exporter:
    """Knows the secrets of this process and the tools of this version. Not thread-safe."""

    def __init__(self, settings: Settings, wanted: Wanted, thoughts: str) -> None:
        """`thoughts`: see `examples`."""
        self.report = _Report()
        self._thoughts = thoughts
        self._wanted = wanted
        self._secrets = secrets_of(settings)
        self._allowed = settings.redact_allow
        self._redactor: Redactor = redactor_of(settings)
        self._known: Mapping[str, ToolSpec] = {tool.name: tool.spec() for tool in all_tools()}

    def pieces(self, path: Path) -> Iterator[bytes]:
        """The examples of one session, line by line, each in pieces: it may be larger than memory.

        When the session is left out, which may turn out at its end, the report says so, and what
        was yielded is not to be kept. Otherwise it is counted.
        """
        session = _Report(sessions=1)
        try:
            why = yield from self._pieces(path, session)
        except TooLong:
            why = choosing.TOO_LONG
        except OSError as exc:
            why = f"cannot be read ({exc.strerror})"
        if why:
            self.report.left_out[path.stem] = why
        else:
            self.report.add(session)

    def _pieces(self, path: Path, session: _Report) -> Generator[bytes, None, str]:
        """Returns why it is left out; empty: it is not."""
        if why := self._wanted.refusal(path) or self._refusal(path):
            return why
        for example in examples(parts.read(path, Problems()), self._known, self._thoughts):
            for piece in self._line(example):
                if not self._wanted.redacted and MASK.search(piece.decode()):
                    return choosing.REDACTED
                session.bytes += len(piece)
                yield piece
            session.take(example)
        return "" if session.examples else choosing.NO_ANSWER

    def _line(self, example: Example) -> Iterator[bytes]:
        """The example as JSON, a message at a time: its whole text is several times as large."""
        yield b'{"messages": ['
        for number, message in enumerate(example.messages):
            yield (b", " if number else b"") + _encoded(self._redactor.value(message))
        yield b'], "tools": ' + _encoded(self._redactor.value(example.tools))
        yield b', "seen_whole": ' + _encoded(example.seen_whole) + b"}\n"

    def _refusal(self, path: Path) -> str:
        """Why a session is left out for what is written in its files."""
        if not self._wanted.redacted and choosing.is_redacted(path):
            return choosing.REDACTED
        kinds = {
            one.kind
            for file in parts.files(path)
            for one in scan.findings(file, secrets=self._secrets, allowed=self._allowed)
        }
        if kinds - {scan.UNREAD}:
            return choosing.SUSPECT
        return choosing.UNREAD if kinds else ""


def _write(exporter: _Exporter, path: Path, file: BinaryIO) -> None:
    """Write the examples of one session, when all of them are known to be wanted."""
    before = exporter.report.sessions
    with TemporaryFile() as spool:
        spool.writelines(exporter.pieces(path))
        if exporter.report.sessions > before:
            spool.seek(0)
            shutil.copyfileobj(spool, file)


def _encoded(value: Any) -> bytes:
    # ASCII: `datasets` takes some of Unicode's separators for the end of a line.
    return json.dumps(value, ensure_ascii=True, allow_nan=False).encode("ascii")
