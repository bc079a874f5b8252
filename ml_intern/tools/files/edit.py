"""Changing one place of a file of the workspace."""

import difflib
from pathlib import Path
from typing import ClassVar, NamedTuple

from pydantic import Field

from ml_intern.errors import InputError
from ml_intern.events import Effect, Exhibit, Recovery
from ml_intern.tools.files.beneath import read_beneath, write_beneath
from ml_intern.tools.files.changes import changes, patch
from ml_intern.tools.files.kinds import HEAD_BYTES, binary_kind
from ml_intern.tools.files.paths import usable
from ml_intern.tools.files.write import described
from ml_intern.tools.protocol import (
    Arguments,
    Tool,
    ToolContext,
    ToolOutcome,
    Workplace,
    fail,
    succeed,
)

_MOST_BYTES = 8 << 20
_MOST_LINES_TO_COMPARE = 5_000
_NEAREST = 3
_LONGEST_LINE = 200


class EditArguments(Arguments):
    """One replacement."""

    path: str = Field(min_length=1, description="In the workspace.")
    old: str = Field(min_length=1)
    new: str


class _Text(NamedTuple):
    path: Path
    text: str
    old: str
    new: str
    """`old` and `new` with the file's line endings."""


class Edit(Tool[EditArguments]):
    """Replaces a piece of text that stands exactly once."""

    name: ClassVar[str] = "edit"
    description: ClassVar[str] = (
        "Replace a piece of text in a file of the workspace. `old` must stand in it exactly once: "
        "give enough of the lines around it. The answer shows the change as a diff."
    )
    arguments = EditArguments
    effect: ClassVar[Effect] = "write"
    recovery: ClassVar[Recovery] = "probe"
    code: ClassVar[tuple[str, ...]] = ("old", "new")

    def exhibits(self, args: EditArguments, ctx: ToolContext) -> tuple[Exhibit, ...]:
        """The change, where it can be made."""
        found = _load(args, ctx.place)
        if found.text.count(found.old) != 1:
            return ()
        return (changes(args.path, found.text, found.text.replace(found.old, found.new)),)

    def run(self, args: EditArguments, ctx: ToolContext) -> ToolOutcome:
        try:
            found = _load(args, ctx.place)
        except InputError as exc:
            return fail(str(exc))
        count = found.text.count(found.old)
        if count != 1:
            return _not_once(found, count, args.path)
        if found.old == found.new:
            return fail("`old` and `new` are the same; nothing was changed.")
        changed = found.text.replace(found.old, found.new)
        write_beneath(ctx.place.workspace, found.path, changed.encode())
        return _answer(args.path, found.text, changed)

    def recover(self, args: EditArguments, ctx: ToolContext) -> ToolOutcome | None:
        """Not done when only the old text stands there; done when only the new one does."""
        try:
            found = _load(args, ctx.place)
        except InputError as exc:
            return fail(str(exc))
        if found.new in found.old or found.old in found.new:
            return None
        old_stands, new_stands = found.old in found.text, found.new in found.text
        if new_stands and not old_stands:
            before = found.text.replace(found.new, found.old, 1)
            return _answer(args.path, before, found.text)
        return self.run(args, ctx) if old_stands and not new_stands else None


def _load(args: EditArguments, place: Workplace) -> _Text:
    path = usable(place.writable, args.path)
    data = read_beneath(place.workspace, path, _MOST_BYTES + 1)
    if data is None:
        raise InputError(f"There is no file {args.path}; make it with write.")
    if len(data) > _MOST_BYTES:
        raise InputError(f"{args.path} is larger than {_MOST_BYTES >> 20} MiB; use bash.")
    kind = binary_kind(data[:HEAD_BYTES])
    if kind is not None:
        raise InputError(f"{args.path} is not text: {kind}.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise InputError(f"{args.path} is not UTF-8 (byte {exc.start}); use bash.") from exc
    return _Text(path, text, *_with_endings_of(text, args.old, args.new))


def _with_endings_of(text: str, old: str, new: str) -> tuple[str, str]:
    """A model writes plain line feeds; a file from Windows shall keep its own endings."""
    if "\r\n" not in text or "\r\n" in old:
        return old, new
    in_windows = old.replace("\n", "\r\n")
    if old in text and in_windows not in text:
        return old, new
    return in_windows, new.replace("\r\n", "\n").replace("\n", "\r\n")


def _not_once(found: _Text, count: int, path: str) -> ToolOutcome:
    if count:
        return fail(
            f"`old` occurs {count} times in {path}; take in more lines around the one you mean.",
            lines=_lines_of_each(found.text, found.old),
        )
    return fail(
        f"`old` does not occur in {path}; read it and copy the text exactly, spaces too.",
        nearest=_nearest(found.text, found.old),
    )


def _lines_of_each(text: str, old: str) -> list[int]:
    starts: list[int] = []
    at = text.find(old)
    while at >= 0 and len(starts) < 20:
        starts.append(text.count("\n", 0, at) + 1)
        at = text.find(old, at + len(old))
    return starts


def _nearest(text: str, old: str) -> list[str]:
    """The lines that look most like the first telling line of `old`."""
    wanted = next((line.strip() for line in old.splitlines() if line.strip()), "")
    lines = text.splitlines()[:_MOST_LINES_TO_COMPARE]
    stripped = [line.strip()[:_LONGEST_LINE] for line in lines]
    choice = dict.fromkeys(stripped)
    close = difflib.get_close_matches(wanted[:_LONGEST_LINE], choice, n=_NEAREST, cutoff=0.4)
    found = (stripped.index(match) for match in close)
    return [f"{at + 1}: {lines[at][:_LONGEST_LINE]}" for at in found]


def _answer(path: str, before: str, after: str) -> ToolOutcome:
    diff = patch(path, before, after)
    return succeed({**described(path, after.encode()), "diff": diff})
