"""Writing a whole file of the workspace."""

import hashlib
from typing import Any, ClassVar

from pydantic import Field

from ml_intern.errors import InputError
from ml_intern.events import Effect, Exhibit, Recovery
from ml_intern.tools.files.beneath import read_beneath, write_beneath
from ml_intern.tools.files.changes import changes
from ml_intern.tools.files.paths import usable
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome, fail, succeed

_MOST_BYTES_TO_COMPARE = 8 << 20


class WriteArguments(Arguments):
    """A file and all that it shall hold."""

    path: str = Field(min_length=1, description="In the workspace.")
    content: str = Field(max_length=5_000_000)


class Write(Tool[WriteArguments]):
    """Makes a file, or replaces it as a whole."""

    name: ClassVar[str] = "write"
    description: ClassVar[str] = (
        "Write a text file in the workspace, replacing what it held; folders are made. "
        "To change a part of a file use edit."
    )
    arguments = WriteArguments
    effect: ClassVar[Effect] = "write"
    # Writing the same bytes once more is as good as having written them.
    recovery: ClassVar[Recovery] = "pure"
    code: ClassVar[tuple[str, ...]] = ("content",)

    def exhibits(self, args: WriteArguments, ctx: ToolContext) -> tuple[Exhibit, ...]:
        """What changes in the file, which for a new one is all of it."""
        return (changes(args.path, self._held(args, ctx), args.content),)

    def _held(self, args: WriteArguments, ctx: ToolContext) -> str:
        """What the file holds now; empty for none."""
        try:
            path = usable(ctx.place.writable, args.path)
            data = read_beneath(ctx.place.workspace, path, _MOST_BYTES_TO_COMPARE)
        except InputError:
            return ""
        return (data or b"").decode("utf-8", "replace")

    def run(self, args: WriteArguments, ctx: ToolContext) -> ToolOutcome:
        path = usable(ctx.place.writable, args.path)
        if path.is_dir():
            return fail(f"{args.path} is a folder; give the name of a file in it.")
        data = args.content.encode()
        write_beneath(ctx.place.workspace, path, data)
        return succeed(described(args.path, data))


def described(path: str, data: bytes) -> dict[str, Any]:
    """A file as the tools answer with it."""
    return {"path": path, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
