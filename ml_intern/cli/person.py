"""The person at the terminal: asks, and waits for a line without going deaf.

Nobody is there when standard input or output is not a terminal. While a line is awaited, the
caller's `look` is called several times per second; it ends the waiting, e.g. when somebody decided
elsewhere.
"""

import json
import os
import select
import shlex
import subprocess
import sys
import tempfile
import termios
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml_intern.cli import render
from ml_intern.cli.quantities import shown
from ml_intern.cli.screen import Screen
from ml_intern.errors import InputError
from ml_intern.events import Verdict
from ml_intern.messages import Choice

LOOK_EVERY_S = 0.2
MOST_EXAMPLE = 40
"""Characters of a value that is shown as an example."""


_CHOICES: Mapping[str, Choice] = {"r": "retry", "d": "done", "s": "skip"}


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a person said about an approval."""

    verdict: Verdict
    reason: str = ""
    arguments: dict[str, Any] | None = field(default=None, hash=False)
    """The edited ones, complete."""
    like_this: bool = False
    """All calls like it, too."""


class Person:
    """Reads lines from a terminal."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def decide(
        self,
        arguments: dict[str, Any],
        look: Callable[[], bool],
        *,
        like_this: bool = False,
        recorded: Decision | None = None,
    ) -> Decision | None:
        """Yes, no or an edit; None: later, or `look` said that it is over.

        `like_this`: whether a yes to all calls like it is offered. `recorded`: what was decided in
        the session that is played.
        """
        given = arguments
        all_like_it = "[a]ll like it  " if like_this else ""
        as_recorded = "" if recorded is None else f"as [r]ecorded: {recorded.verdict}  "
        if recorded is not None and recorded.arguments is not None:
            self._screen.tell(render.edited(recorded.arguments))
        while True:
            prompt = f"[y]es  {all_like_it}[n]o  [e]dit  {as_recorded}[l]ater: "
            match (self.line(prompt, look) or "later").strip().lower():
                case "r" | "recorded" if recorded is not None:
                    return recorded
                case "y" | "yes" if given is arguments:
                    return Decision(verdict="approve")
                case "y" | "yes":
                    return Decision(verdict="edit", arguments=given)
                case "a" | "all" if like_this and given is arguments:
                    return Decision(verdict="approve", like_this=True)
                case "n" | "no":
                    reason = self.line("Why not? The model reads it (may stay empty): ", look)
                    return None if reason is None else Decision(verdict="deny", reason=reason)
                case "e" | "edit":
                    given = self._edit(given, look) or given
                    if given is not arguments:
                        self._screen.tell(render.edited(given))
                case "l" | "later":
                    return None
                case _:
                    self._screen.remark("Type y, n, e or l.")

    def resolve(self, look: Callable[[], bool]) -> tuple[Choice, str] | None:
        """What became of a call, with a note for the model; None: later, or `look` ended it."""
        while True:
            answer = (self.line("[r]etry  [d]one  [s]kip  [l]ater: ", look) or "l").strip().lower()
            if answer in ("l", "later"):
                return None
            if (choice := _CHOICES.get(answer[:1])) is None:
                self._screen.remark("Type r, d, s or l.")
                continue
            note = self.line("A note for the model (may stay empty): ", look)
            return None if note is None else (choice, note.strip())

    def line(self, prompt: str, look: Callable[[], bool]) -> str | None:
        """One line; None at the end of input, or as soon as `look` is true."""
        self._screen.pause()
        descriptor = sys.stdin.fileno()
        termios.tcflush(descriptor, termios.TCIFLUSH)  # typed before it was asked: no answer
        sys.stdout.write(prompt)
        sys.stdout.flush()
        while not look():
            ready, _, _ = select.select([descriptor], [], [], LOOK_EVERY_S)
            # Below Python's own buffer: `select` knows nothing of what lies in there.
            if ready and (typed := os.read(descriptor, 65_536)):
                return typed.decode(errors="replace").rstrip("\n")
            if ready:
                break
        termios.tcflush(descriptor, termios.TCIFLUSH)
        sys.stdout.write("\n")
        return None

    def _edit(self, arguments: dict[str, Any], look: Callable[[], bool]) -> dict[str, Any] | None:
        """In the person's editor where there is one, else typed as one line of JSON."""
        editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
        try:
            if editor:
                text = _edited_in(editor, json.dumps(arguments, ensure_ascii=False, indent=2))
                return as_object(text)
            prompt = f"The fields to change, as JSON, {_example(arguments)}: "
            typed = (self.line(prompt, look) or "").strip()
            return merged(arguments, typed) if typed else None
        except InputError as exc:
            self._screen.remark(str(exc))
            return None


def merged(arguments: dict[str, Any], text: str) -> dict[str, Any]:
    """`arguments` with the fields of the JSON object `text`. Raises InputError when it is none."""
    return {**arguments, **as_object(text)}


def as_object(text: str) -> dict[str, Any]:
    """`text` as a JSON object. Raises InputError."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise InputError(f"The edit is not JSON ({exc}); nothing was decided.") from exc
    if not isinstance(found, dict):
        raise InputError(
            'The edit must be a JSON object such as {"private": true}; nothing was decided.'
        )
    return found


def _example(arguments: dict[str, Any]) -> str:
    """The last field whose value is a text, as an edit that changes nothing."""
    texts = [name for name, value in arguments.items() if isinstance(value, str)]
    field = {name: arguments[name][:MOST_EXAMPLE] for name in texts[-1:]} or {"field": "value"}
    return shown(f"e.g. {json.dumps(field, ensure_ascii=False)}")


def is_there() -> bool:
    """Whether somebody can be asked at this process's terminal."""
    return all(
        stream is not None and not stream.closed and stream.isatty()
        for stream in (sys.stdin, sys.stdout)
    )


def _edited_in(editor: str, text: str) -> str:
    with tempfile.TemporaryDirectory(prefix="ml-intern-") as folder:
        path = Path(folder) / "arguments.json"
        path.write_text(text, encoding="utf-8")
        try:
            subprocess.run([*shlex.split(editor), str(path)], check=False)
        except OSError as exc:
            raise InputError(f"The editor {editor} cannot be started: {exc.strerror}.") from exc
        return path.read_text(encoding="utf-8")
