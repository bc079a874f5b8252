"""The tool `prepare_dataset`: clean, divide and lay out a dataset that was inspected.

The same source and arguments give the same bytes. The test split never comes near the workspace.
"""

from collections import Counter
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import Annotated, Any, ClassVar

from pydantic import Field

from ml_intern.errors import InputError, SandboxError
from ml_intern.events import Effect, Fact, Recovery
from ml_intern.tools.data import problems
from ml_intern.tools.data.columns import MAX_FEW
from ml_intern.tools.data.examples import texts
from ml_intern.tools.data.image_folder import ImageSet
from ml_intern.tools.data.inspect import unreadable
from ml_intern.tools.data.layout import Layout
from ml_intern.tools.data.overlap import Overlap
from ml_intern.tools.data.report import capped, map_pictures
from ml_intern.tools.data.source import Dataset, open_source
from ml_intern.tools.data.split import Part, divide
from ml_intern.tools.data.table import TableSet
from ml_intern.tools.data.tally import Tally, tally_pictures, tally_texts
from ml_intern.tools.data.write import PARTS, Counts, Plan, write_pictures, write_texts
from ml_intern.tools.facts import Facts
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome, fail, succeed
from ml_intern.tools.training.dataset import split_sha256

MAX_LABELS_SHOWN = 50
MAX_LABELS_CHARACTERS = 4_000
"""So many classes are always named, and all of them when their names are short."""
Fraction = Annotated[float, Field(gt=0, le=0.4)]


class PrepareArguments(Arguments):
    """What to prepare, and how."""

    source: str = Field(description="As inspect_dataset was given or has reported it.")
    name: str = Field(default="data", pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")
    text_column: str | None = Field(default=None, description="Instead of the report's.")
    label_column: str | None = Field(default=None, description="Instead of the report's.")
    seed: int = Field(default=42, ge=0, lt=2**63)
    validation_fraction: Fraction = 0.1
    test_fraction: Fraction = 0.1


@dataclass(frozen=True)
class _Prepared:
    """What was written, and what was left out."""

    columns: dict[str, str]
    tally: Tally
    counts: Counts
    strange: int
    """Examples of validation and test whose class training does not have."""
    notes: tuple[str, ...] = ()


class PrepareDataset(Tool[PrepareArguments]):
    """Writes the prepared dataset below `data/` in the workspace, its test split out of reach."""

    name: ClassVar[str] = "prepare_dataset"
    description: ClassVar[str] = (
        "Prepare an inspected dataset for training: leaves out rows without text or class, repeats "
        "and contradictions, keeps the source's splits and makes missing ones, stratified. "
        "Training and validation data come to data/NAME in the workspace; the test split is held "
        "out for evaluate."
    )
    arguments = PrepareArguments
    effect: ClassVar[Effect] = "write"
    recovery: ClassVar[Recovery] = "probe"
    timeout_s: ClassVar[float] = 1800.0

    def run(self, args: PrepareArguments, ctx: ToolContext) -> ToolOutcome:
        """Answer where the data lies and what was left out, or why nothing was written."""
        try:
            with open_source(args.source, ctx) as dataset:
                report = _report_of(dataset, ctx.facts)
                record = _prepare(dataset, report, args, ctx)
        except (InputError, SandboxError) as exc:
            return fail(str(exc))
        except OSError as exc:
            return fail(unreadable(args.source, exc))
        return _outcome(record)

    def recover(self, args: PrepareArguments, ctx: ToolContext) -> ToolOutcome:
        """A folder in place is the whole effect; without it, nothing has happened that counts."""
        layout = Layout(ctx.place, args.name)
        record = layout.finished()
        if record and record["arguments"] == args.model_dump() and _is_inspected(record, ctx.facts):
            layout.abandon()
            return _outcome(record)
        return self.run(args, ctx)


def _report_of(dataset: Dataset, facts: Facts) -> dict[str, Any]:
    """The report of exactly this content. Raises InputError when there is none."""
    fact = facts.latest("dataset_inspected", source=dataset.source, fingerprint=dataset.fingerprint)
    if fact is not None:
        report: dict[str, Any] = fact["report"]
        return report
    if facts.latest("dataset_inspected", source=dataset.source):
        raise InputError(
            f"{dataset.source} has changed since it was inspected; run inspect_dataset again."
        )
    raise InputError(f"{dataset.source} was not inspected; run inspect_dataset on it first.")


def _is_inspected(record: dict[str, Any], facts: Facts) -> bool:
    """Whether it is of what the source held when it was looked at last."""
    fact = facts.latest("dataset_inspected", source=record["source"])
    return fact is not None and fact["fingerprint"] == record["fingerprint"]


def _prepare(
    dataset: Dataset, report: dict[str, Any], args: PrepareArguments, ctx: ToolContext
) -> dict[str, Any]:
    if report["blocking"] and not (args.text_column or args.label_column):
        raise InputError(f"This dataset cannot be trained on. {' '.join(report['blocking'])}")
    layout = Layout(ctx.place, args.name)
    layout.begin()
    try:
        if isinstance(dataset, ImageSet):
            task, done = "image-classification", _prepare_pictures(dataset, args, layout, ctx)
        else:
            task = "text-classification"
            done = _prepare_texts(dataset, report["mapping"], args, layout, ctx)
        record = _record(dataset, task, done, args, layout)
        layout.finish(record)
    finally:
        layout.abandon()
    return record


def _prepare_texts(
    dataset: TableSet,
    mapping: dict[str, Any],
    args: PrepareArguments,
    layout: Layout,
    ctx: ToolContext,
) -> _Prepared:
    text, label = _columns(dataset, mapping, args, ctx)
    tally = tally_texts(dataset, text, label, ctx.cancelled)
    plan, strange = _plan(tally, label, args)
    again = texts(dataset, text, label, ctx.cancelled, Counter(), Counter())
    counts = write_texts(again, tally.overlap, plan, layout)
    return _Prepared({"text": text, "label": label}, tally, counts, strange)


def _prepare_pictures(
    dataset: ImageSet, args: PrepareArguments, layout: Layout, ctx: ToolContext
) -> _Prepared:
    label = _picture_label(dataset, args)
    tally, shapes, found = tally_pictures(dataset.entries, label, ctx.cancelled)
    plan, strange = _plan(tally, label, args)
    counts = write_pictures(found, tally.overlap, plan, layout, shapes.mode, ctx.cancelled)
    notes = tuple(problems.of_pictures(shapes))
    return _Prepared({"image": "image", "label": label}, tally, counts, strange, notes)


def _columns(
    dataset: TableSet, mapping: dict[str, Any], args: PrepareArguments, ctx: ToolContext
) -> tuple[str, str]:
    """The text and label columns. Raises InputError when one is unknown or missing."""
    text, label = args.text_column or mapping["text"], args.label_column or mapping["label"]
    first = islice(dataset.rows(ctx.cancelled), 1000)
    names = list(dict.fromkeys(name for _, row in first for name in row.cells))
    for argument, name in (("text_column", text), ("label_column", label)):
        if name is None:
            shown = problems.listed(names, 20)
            raise InputError(f"Name {argument}: the report leaves it open. Columns are {shown}.")
        if name not in names:
            near = get_close_matches(name, names) or names
            raise InputError(
                f"There is no column {name!r}. Columns are {problems.listed(near, 20)}."
            )
    if text == label:
        raise InputError(f"Column {text!r} cannot be both text and class; name the other one too.")
    return text, label


def _picture_label(dataset: ImageSet, args: PrepareArguments) -> str:
    found, chosen = map_pictures(dataset)
    label = args.label_column or chosen.label
    if args.text_column:
        raise InputError("These are pictures; leave text_column out.")
    if label is None or label not in found.names:
        shown = problems.listed(found.names)
        raise InputError(f"Name label_column; the columns beside the picture are {shown}.")
    return label


def _plan(tally: Tally, label: str, args: PrepareArguments) -> tuple[Plan, int]:
    """Where each example goes, and how many go nowhere as training lacks their class.

    Raises InputError when nothing could be trained or scored.
    """
    if len(tally.labels) > MAX_FEW:
        raise InputError(
            f"Column {label!r} has {len(tally.labels):,} different values; those are not classes. "
            "Name another label_column."
        )
    if reasons := list(problems.blocking(tally)):
        raise InputError(f"This dataset cannot be trained on. {' '.join(reasons)}")
    plan = divide(_training(tally.overlap), _missing(tally.overlap, args), args.seed)
    known = {name for _, name in _training(tally.overlap)}
    strange = 0
    for split, key, name in tally.overlap.kept():
        if split in ("validation", "test"):
            strange += name not in known
            plan.update({key: split} if name in known else {})
    _check_sizes(plan, known)
    return plan, strange


def _training(overlap: Overlap) -> Any:
    return ((key, name) for split, key, name in overlap.kept() if split == "train")


def _missing(overlap: Overlap, args: PrepareArguments) -> dict[Part, float]:
    """The splits that the source does not have, and how large they shall be."""
    given = {split for split, _, _ in overlap.kept()}
    wanted: dict[Part, float] = {"test": args.test_fraction, "validation": args.validation_fraction}
    return {part: fraction for part, fraction in wanted.items() if part not in given}


def _check_sizes(plan: Plan, known: set[str]) -> None:
    sizes = Counter(plan.values())
    if len(known) < 2:
        raise InputError("Training data has fewer than two classes after repeats are left out.")
    for part in PARTS:
        if not sizes[part]:
            raise InputError(
                f"No example is left for {part}: there are too few different ones. Add data."
            )


def _record(
    dataset: Dataset, task: str, done: _Prepared, args: PrepareArguments, layout: Layout
) -> dict[str, Any]:
    """All that is known of the preparation, for people, for `recover` and for the answer."""
    suffix = "" if isinstance(dataset, ImageSet) else ".jsonl"
    totals: Counter[str] = sum(done.counts.values(), Counter())
    return {
        "arguments": args.model_dump(),
        "source": dataset.source,
        "fingerprint": dataset.fingerprint,
        "task": task,
        "columns": done.columns,
        "seed": args.seed,
        "fractions": {"validation": args.validation_fraction, "test": args.test_fraction},
        "train": f"{layout.relative}/train{suffix}",
        "validation": f"{layout.relative}/validation{suffix}",
        "test": args.name,
        "labels": sorted(totals, key=_natural),
        "rows": {part: done.counts[part].total() for part in PARTS},
        "validation_sha256": split_sha256(layout.folder_for("validation") / f"validation{suffix}"),
        "test_sha256": split_sha256(layout.folder_for("test") / f"test{suffix}"),
        "class_counts": dict(sorted(totals.items())),
        "dropped": _dropped(done),
        "taken_for_no_label": dict(_words_for_nothing(done.tally)),
        "notes": [*done.notes, *problems.of_tally(done.tally)],
    }


def _dropped(done: _Prepared) -> dict[str, int]:
    dropped, overlap = done.tally.dropped, done.tally.overlap
    return {
        "missing_label": dropped["missing_label"],
        "missing_text": dropped["missing_text"],
        "duplicate": overlap.duplicates,
        "conflicting": overlap.conflicting,
        "leaked": overlap.leaked,
        "ragged": dropped["ragged"],
        "unreadable": dropped["unreadable"],
        "unseen_class": done.strange,
    }


def _words_for_nothing(tally: Tally) -> Counter[str]:
    """Texts in the column of classes that were taken for no class, and how often."""
    return Counter({text: count for text, count in tally.unlabelled.items() if text})


def _natural(label: str) -> tuple[int, int, str]:
    """Numbers by their value, before words."""
    is_number = label.isascii() and label.isdigit() and len(label) < 20
    return (0, int(label), label) if is_number else (1, 0, label)


def _shown(labels: list[str]) -> list[str]:
    if sum(len(label) + 4 for label in labels) <= MAX_LABELS_CHARACTERS:
        return labels
    return [f"{label[:79]}…" if len(label) > 80 else label for label in labels[:MAX_LABELS_SHOWN]]


def _outcome(record: dict[str, Any]) -> ToolOutcome:
    facts = ("source", "fingerprint", "task", "train", "validation", "test", "labels", "rows")
    inner = ("arguments", "fractions", "validation_sha256", "test_sha256")
    answer = {key: value for key, value in record.items() if key not in inner}
    answer |= {
        "test": "held out",
        "labels": _shown(record["labels"]),
        "num_labels": len(record["labels"]),
        "class_counts": capped(Counter(record["class_counts"])),
    }
    fact = Fact(kind="dataset_prepared", data={key: record[key] for key in facts})
    return succeed(answer, fact)
