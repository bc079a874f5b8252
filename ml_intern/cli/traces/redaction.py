"""`traces redaction`: what was replaced in a trace, and what a second look still finds in it."""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml_intern.cli import exits
from ml_intern.cli.quantities import count
from ml_intern.daemon.secrets import secrets_of
from ml_intern.settings import Settings, load
from ml_intern.tracing import shelf
from ml_intern.tracing.finding import find
from ml_intern.tracing.redaction import scan
from ml_intern.tracing.redaction.span import MASK
from ml_intern.transcript import parts, reading
from ml_intern.transcript.problems import Problems


@dataclass(frozen=True, kw_only=True)
class _Report:
    """Of one session."""

    path: Path
    """Of its first part."""
    replaced: Counter[str] = field(default_factory=Counter)
    """How often something was, by kind."""
    left: list[tuple[Path, scan.Finding]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        left = [
            {"file": str(path), "line": one.line, "kind": one.kind, "where": one.where}
            for path, one in self.left
        ]
        return {"file": str(self.path), "replaced": dict(self.replaced.most_common()), "left": left}

    def lines(self) -> list[str]:
        """For people."""
        kinds = ", ".join(f"{number} {kind}" for kind, number in self.replaced.most_common())
        replaced = f"{self.replaced.total()} replaced: {kinds}" if kinds else "nothing replaced"
        left = [f"  left in {path.name}, {one}" for path, one in self.left]
        return [f"{self.path.stem}  {replaced}", *left]


def report(arguments: Sequence[str], *, as_json: bool) -> int:
    """Of the named traces, or of all. Status 1 when something is left in one of them."""
    settings = load()
    folder = settings.state_dir / "traces"
    paths = [find(argument, folder) for argument in arguments]
    paths = paths or [trace.path for trace in shelf.traces(folder)]
    reports = [_report(path, settings) for path in paths]
    if as_json:
        sys.stdout.write(json.dumps([one.as_json() for one in reports], indent=2) + "\n")
    else:
        sys.stdout.write("".join(f"{line}\n" for one in reports for line in one.lines()))
        sys.stdout.write(_sum(reports))
    return exits.FAILED if any(one.left for one in reports) else exits.DONE


def _report(path: Path, settings: Settings) -> _Report:
    made = _Report(path=path)
    for file in parts.files(path):
        with file.open("rb") as stream:
            for _, line in reading.lines(stream, Problems()):
                made.replaced.update(MASK.findall(line))
        found = scan.findings(file, secrets=secrets_of(settings), allowed=settings.redact_allow)
        made.left.extend((file, one) for one in found)
    return made


def _sum(reports: Sequence[_Report]) -> str:
    left = sum(len(one.left) for one in reports)
    traces = count(len(reports), "trace")
    if not left:
        return f"{traces}; the second look finds nothing.\n"
    return (
        f"{traces}; the second look finds {count(left, 'place')}. A trace with such a place is not "
        "sent: see docs/redaction.md.\n"
    )
