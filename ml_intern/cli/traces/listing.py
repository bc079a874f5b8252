"""`traces list`: what lies on the shelf, for people and as JSON. Asks no daemon."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from ml_intern.cli import exits
from ml_intern.cli.quantities import UNKNOWN, count, duration, line, size
from ml_intern.cli.summary import short
from ml_intern.clock import stamp
from ml_intern.llm.replay import PREFIX
from ml_intern.settings import load
from ml_intern.tracing.shelf import Trace, traces
from ml_intern.transcript.digest import Digest

_STYLES = {
    "finished": "green",
    "failed": "red",
    "stopped": "yellow",
    "interrupted": "yellow",
    "waiting": "cyan",
}
_HEADS = ("session", "began", "result", "model", "cost", "took", "calls", "task")
_MANY = 50
"""So many files are read without a word; more take over two seconds."""


def list_traces(limit: int, *, as_json: bool) -> int:
    """The newest traces of the state directory."""
    folder = load().state_dir / "traces"
    found = traces(folder, _progress)[:limit]
    if as_json:
        sys.stdout.write(json.dumps([document(one) for one in found], indent=2) + "\n")
    elif not found:
        sys.stdout.write(f"No traces in {folder} yet. Every session leaves one.\n")
    else:
        _print(found)
    return exits.DONE


def document(trace: Trace) -> dict[str, Any]:
    """A trace as JSON."""
    digest = trace.digest
    return {
        "session_id": digest.session_id,
        "source_id": digest.source_id or None,
        "task": digest.task,
        "title": digest.title,
        "models": digest.models,
        "outcome": digest.outcome or None,
        "waiting_on": list(digest.waits_on),
        "cost_usd": cost_usd(trace),
        "duration_s": digest.seconds,
        "began_at": stamp(digest.began) if digest.began else None,
        "turns": digest.turns,
        "answers": digest.answers,
        "tool_calls": digest.call_count,
        "calls_by_tool": dict(sorted(digest.calls.items(), key=lambda one: -one[1])),
        "tool_errors": digest.errors,
        "compactions": digest.compactions,
        "usage": {
            "input_tokens": digest.usage.input_tokens,
            "cache_read_input_tokens": digest.usage.cache_read_tokens,
            "cache_creation_input_tokens": digest.usage.cache_write_tokens,
            "output_tokens": digest.usage.output_tokens,
        },
        "program": digest.program,
        "version": digest.version,
        "forked_from": digest.forked_from or None,
        "imported": trace.imported,
        "path": str(trace.path),
        "files": trace.files,
        "size_bytes": trace.size_bytes,
        "problems": trace.problems,
    }


def cost_usd(trace: Trace) -> float | None:
    """None: the cost of an answer is unknown."""
    return None if trace.digest.unpriced else trace.digest.cost_usd


def _progress(read: int) -> None:
    if read % _MANY == 0:
        sys.stderr.write(f"Reading {count(read, 'trace')} …\n")


def _print(found: Sequence[Trace]) -> None:
    console = Console(highlight=False)
    rows = [_fields(trace) for trace in found]
    if not console.is_terminal:
        sys.stdout.writelines("\t".join(row) + "\n" for row in (_HEADS, *rows))
        return
    widths = [max(len(row[column]) for row in (_HEADS, *rows)) for column in range(len(_HEADS) - 1)]
    console.print(Text(_row(_HEADS, widths), "dim"), no_wrap=True, overflow="ellipsis")
    for trace, row in zip(found, rows, strict=True):
        text = Text(_row(row, widths))
        begin = widths[0] + widths[1] + 4
        text.stylize(_STYLES.get(_result(trace.digest), ""), begin, begin + widths[2])
        console.print(text, no_wrap=True, overflow="ellipsis")


def _fields(trace: Trace) -> tuple[str, ...]:
    digest = trace.digest
    began = digest.began.astimezone().strftime("%Y-%m-%d %H:%M") if digest.began else UNKNOWN
    models = list(digest.models)
    model = _model(models[0]) if models else UNKNOWN
    return (
        line(short(digest.session_id or trace.path.stem)),
        began,
        _result(digest),
        f"{model} +{len(models) - 1}" if len(models) > 1 else model,
        digest.cost,
        duration(digest.seconds),
        f"{digest.call_count}{f' ({digest.errors} failed)' if digest.errors else ''}",
        _about(trace),
    )


def _result(digest: Digest) -> str:
    return line(digest.outcome, 24) or ("waiting" if digest.waits_on else "open")


def _about(trace: Trace) -> str:
    """What it is about, behind the id that an imported session has where it came from."""
    digest = trace.digest
    about = digest.title or digest.task or f"({size(trace.size_bytes)})"
    is_renamed = digest.source_id not in ("", digest.session_id)
    return line(f"{digest.source_id} · {about}" if is_renamed else about)


def _model(name: str) -> str:
    """Without who provides it. A replay by the beginning of what it plays: its path is long, and
    says little.
    """
    if name.startswith(PREFIX):
        return line(f"replay {short(Path(name).stem)}", 24)
    return line(name.rpartition("/")[2], 24)


def _row(fields: Sequence[str], widths: Sequence[int]) -> str:
    padded = [f"{field:<{width}}" for field, width in zip(fields, widths, strict=False)]
    return "  ".join((*padded, fields[-1]))
