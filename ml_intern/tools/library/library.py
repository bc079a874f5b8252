"""Look up what the installed packages really offer, instead of remembering it."""

from typing import ClassVar, Literal

from pydantic import Field, field_validator

from ml_intern.events import Effect, Recovery
from ml_intern.tools.library.ask import TIMEOUT_S, ask
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome, fail, succeed


class LibraryArguments(Arguments):
    """What to look up, and which part of it."""

    operation: Literal["signature", "doc", "source", "members", "check", "version"]
    name: str = Field(max_length=300, description="In full, e.g. trl.SFTConfig or datasets.")
    arguments: list[str] = Field(
        [], max_length=200, description="For check: keyword arguments of a call."
    )
    argument: str | None = Field(None, description="For doc: only of this argument.")
    match: str | None = Field(
        None, description="For signature and members: only names that contain this."
    )
    offset: int = Field(0, ge=0, description="`next` of the answer before.")
    limit: int | None = Field(
        None, ge=1, description="Entries, lines of source or characters of doc."
    )

    @field_validator("name")
    @classmethod
    def _name_is_one(cls, name: str) -> str:
        if not all(part.isidentifier() for part in name.split(".")):
            raise ValueError("write the dotted name alone, e.g. trl.SFTConfig")
        return name


class Library(Tool[LibraryArguments]):
    """Reads the files of packages; imports one only where reading cannot say, and says so."""

    name: ClassVar[str] = "library"
    description: ClassVar[str] = (
        "Look up a name of a Python package in exactly the version that training runs with, or "
        "check which keyword arguments it does not take. Do so before writing a call from memory."
    )
    arguments = LibraryArguments
    effect: ClassVar[Effect] = "read"
    recovery: ClassVar[Recovery] = "pure"
    timeout_s: ClassVar[float] = TIMEOUT_S + 10

    def run(self, args: LibraryArguments, ctx: ToolContext) -> ToolOutcome:
        answer = ask(ctx, args.model_dump())
        if "error" in answer:
            return fail(answer["error"])
        return succeed(answer)
