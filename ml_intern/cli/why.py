"""`why`: what a session waits for, since when, what ends it, and what happened last."""

import json
import sys
from dataclasses import asdict
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from ml_intern.cli import exits
from ml_intern.cli.foreground import session_named
from ml_intern.cli.listing import event_line, state
from ml_intern.cli.opening import opened
from ml_intern.cli.quantities import duration, line, shown
from ml_intern.cli.reasons import Reason, Reasons, is_held_by_another
from ml_intern.cli.screen import json_event
from ml_intern.cli.summary import short
from ml_intern.cli.wishes import Wishes
from ml_intern.clock import SystemClock, stamp
from ml_intern.queue.rows import QueuePlace, Recorded, SessionRow

LAST_EVENTS = 10
_STYLES = {"person": "bold yellow", "worker": "cyan", "nothing": "green"}


def why(prefix: str, *, as_json: bool, debug: bool) -> int:
    """Say it of one session."""
    with Wishes() as wishes, opened(wishes, debug=debug) as found:
        row = session_named(found.door, prefix)
        recorded = found.door.events(row.session_id)
        place = found.door.queue_place(row.session_id)
        pid = found.host_pid
    now = SystemClock().now()
    reasons = Reasons(recorded, place, now, pid).all()
    last = recorded[-LAST_EVENTS:]
    word, _ = state(row, worked_on=pid is not None or is_held_by_another(place))
    if as_json:
        document = _document(row, word, reasons, place)
        document["events"] = [json_event(one) for one in last]
        sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")
    else:
        _print(row, word, reasons, list(last), now)
    return exits.DONE


def _document(
    row: SessionRow, word: str, reasons: list[Reason], place: QueuePlace
) -> dict[str, Any]:
    holder = place.holder
    return {
        "session_id": row.session_id,
        "state": word,
        "waits_for": [
            {
                "kind": reason.awaited,
                "words": reason.words,
                "details": list(reason.details),
                "since": reason.since and stamp(reason.since),
                "until": reason.until and stamp(reason.until),
                "commands": list(reason.commands),
            }
            for reason in reasons
        ],
        "ahead": place.ahead,
        "elsewhere": place.elsewhere and asdict(place.elsewhere),
        "lease": holder and {"pid": holder.pid, "token": holder.token, "left_s": holder.left_s},
        "open_ops": [
            {
                "seq": each.seq,
                "kind": each.kind,
                "state": each.state,
                "attempts": each.attempts,
                "created_at": stamp(each.created),
            }
            for each in place.open_ops
        ],
    }


def _print(
    row: SessionRow, word: str, reasons: list[Reason], last: list[Recorded], now: datetime
) -> None:
    console = Console(highlight=False)
    title = Text.assemble((short(row.session_id), "bold"), (f"  {word}  ", "dim"), line(row.title))
    console.print(title, soft_wrap=True)
    for reason in reasons:
        words = Text(shown(reason.words), _STYLES.get(reason.awaited, ""))
        console.print(Text.assemble(words, (_times(reason, now), "dim")), soft_wrap=True)
        for detail in reason.details:
            console.print(Text(f"  {shown(detail)}"), soft_wrap=True)
        for command in reason.commands:
            console.print(Text(f"  → {command}", "cyan"), soft_wrap=True)
    console.print(Text("\nlast events", "dim"))
    for one in last:
        console.print(event_line(one), soft_wrap=True)


def _times(reason: Reason, now: datetime) -> str:
    """Since when and until when, as far as it is known."""
    found = []
    if reason.since is not None:
        found.append(f"for {duration(max(0.0, (now - reason.since).total_seconds()))}")
    if reason.until is not None:
        left_s = (reason.until - now).total_seconds()
        found.append(f"{duration(left_s)} more" if left_s > 0 else "due now")
    return f"  ({', '.join(found)})" if found else ""
