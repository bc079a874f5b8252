"""The tool `inspect_dataset`: look at a dataset before anything is done with it."""

from typing import ClassVar

from pydantic import Field

from ml_intern.errors import InputError, SandboxError
from ml_intern.events import Effect, Fact, Recovery
from ml_intern.tools.data.report import describe
from ml_intern.tools.data.source import open_source
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome, fail, succeed


class InspectArguments(Arguments):
    """What to look at."""

    source: str = Field(
        description="Path of a CSV, TSV, JSON or JSON Lines file, of a folder with train, "
        "validation and test files, or of a folder of pictures; or words about a dataset that a "
        "package carries."
    )


class InspectDataset(Tool[InspectArguments]):
    """Reads the dataset and reports; changes nothing."""

    name: ClassVar[str] = "inspect_dataset"
    description: ClassVar[str] = (
        "Look at a dataset for text or image classification: columns, which of them are text and "
        "class, class balance, missing values, repeats, contradictions, leaks between splits, "
        "broken rows and pictures. Answers a JSON report; `blocking` says what makes training "
        "impossible. Needed before prepare_dataset."
    )
    arguments = InspectArguments
    effect: ClassVar[Effect] = "read"
    recovery: ClassVar[Recovery] = "pure"
    timeout_s: ClassVar[float] = 600.0

    def run(self, args: InspectArguments, ctx: ToolContext) -> ToolOutcome:
        """Answer the report, or why there is none."""
        try:
            with open_source(args.source, ctx) as dataset:
                report = describe(dataset, ctx.cancelled)
        except (InputError, SandboxError) as exc:
            return fail(str(exc))
        except OSError as exc:
            return fail(unreadable(args.source, exc))
        fact = {key: report[key] for key in ("source", "fingerprint", "task")}
        return succeed(report, Fact(kind="dataset_inspected", data={**fact, "report": report}))


def unreadable(source: str, error: OSError) -> str:
    """Why the system did not let us read, and what to do."""
    return (
        f"{error.filename or source} cannot be read: {error.strerror or error}. "
        "Check that it exists and that this user may read it, or name another dataset."
    )
