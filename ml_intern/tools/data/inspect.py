"""The tool `inspect_dataset`: look at a dataset before anything is done with it."""

from collections import Counter
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import Field

from ml_intern.errors import InputError, SandboxError
from ml_intern.events import Effect, Fact, Recovery
from ml_intern.tools.data.report import capped, describe
from ml_intern.tools.data.source import open_beginnings, open_source
from ml_intern.tools.hub.dataset import about, by_viewer
from ml_intern.tools.hub.reading import Info, look
from ml_intern.tools.hub.source import HubSource, TooMuch, hub_source, pinned
from ml_intern.tools.hub.viewer import NotShown
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome, fail, succeed
from ml_intern.tools.untrusted import answered


class InspectArguments(Arguments):
    """What to look at."""

    source: str = Field(
        description="Path of a CSV, TSV, JSON, JSON Lines or Parquet file, of a folder with train, "
        "validation and test files, or of a folder of pictures; a dataset of the Hub as "
        "hub:OWNER/NAME or hub:OWNER/NAME:CONFIGURATION; or words about one that a package carries."
    )


class InspectDataset(Tool[InspectArguments]):
    """Reads the dataset and reports; changes nothing."""

    name: ClassVar[str] = "inspect_dataset"
    description: ClassVar[str] = (
        "Look at a dataset for text or image classification: columns, which of them are text and "
        "class, class balance, missing values, repeats, contradictions, leaks between splits, "
        "broken rows and pictures, and which trainers it fits. Answers a JSON report; `blocking` "
        "says what makes training impossible. Needed before prepare_dataset."
    )
    arguments = InspectArguments
    effect: ClassVar[Effect] = "read"
    recovery: ClassVar[Recovery] = "pure"
    timeout_s: ClassVar[float] = 600.0

    def run(self, args: InspectArguments, ctx: ToolContext) -> ToolOutcome:
        """Answer the report, or why there is none."""
        sources: tuple[str, ...] = ()
        try:
            found = hub_source(args.source.strip(), ctx.place)
            if found is None:
                with open_source(args.source, ctx) as dataset:
                    report = describe(dataset, ctx.cancelled)
            else:
                report, sources = _of_hub(found, ctx)
        except (InputError, SandboxError) as exc:
            return fail(str(exc))
        except OSError as exc:
            return fail(unreadable(args.source, exc))
        known = {key: report[key] for key in ("source", "fingerprint", "task")}
        fact = Fact(kind="dataset_inspected", data={**known, "report": report})
        if not sources:
            return succeed(report, fact)
        return replace(answered(report, *sources), facts=(fact,))


def _of_hub(source: HubSource, ctx: ToolContext) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The report, by the viewer or else by the files themselves, and where it was read."""
    at, info = pinned(source, ctx)
    sources: tuple[str, ...] = ()
    if source.revision != "main" and look(ctx, info.repo).sha != info.sha:
        why = "The dataset viewer tells of the newest commit of main only."
        report = _by_files(at, info, why, ctx)
    else:
        try:
            report, shown = by_viewer(at, info, ctx)
            sources = shown.sources
        except NotShown as exc:
            report = _by_files(at, info, str(exc), ctx)
    if info.note:
        report["problems"].insert(0, info.note)
    return report, (*info.sources, *sources)


def _by_files(at: HubSource, info: Info, why: str, ctx: ToolContext) -> dict[str, Any]:
    """Raises InputError where they cannot be read either, with both reasons."""
    try:
        try:
            with open_source(str(at), ctx) as dataset:
                report = describe(dataset, ctx.cancelled)
        except TooMuch as large:
            report = _by_beginnings(large, ctx)
    except InputError as exc:
        raise InputError(f"{why} {exc}") from exc
    report |= about(info)
    report["problems"].insert(0, why)
    return report


def _by_beginnings(large: TooMuch, ctx: ToolContext) -> dict[str, Any]:
    """Of files that are not fetched as a whole. Raises InputError."""
    with open_beginnings(large, ctx) as (dataset, rows):
        report = describe(dataset, ctx.cancelled)
        if (label := report["mapping"]["label"]) and not report["labels"]:
            found = (row.cells.get(label) for _, row in dataset.rows(ctx.cancelled))
            counts = Counter(str(cell).strip() for cell in found if cell not in (None, ""))
            report["labels"], report["num_labels"] = capped(counts), len(counts)
    report["sampled"], report["rows"] = report["rows"], sum(rows.values())
    report["splits"] = rows if len(rows) > 1 else {}
    # What stands against training may be so of these rows alone.
    report["problems"] += [f"In what was read: {each}" for each in report["blocking"]]
    report["blocking"] = [f"prepare_dataset does not fetch so much. {large}"]
    return report


def unreadable(source: str, error: OSError) -> str:
    """Why the system did not let us read, and what to do."""
    return (
        f"{error.filename or source} cannot be read: {error.strerror or error}. "
        "Check that it exists and that this user may read it, or name another dataset."
    )
