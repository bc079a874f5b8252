"""What is wrong with a dataset, in sentences that say what happens about it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ml_intern.tools.data.columns import Column, Profile
from ml_intern.tools.data.overlap import Overlap
from ml_intern.tools.data.table import Split
from ml_intern.tools.data.tally import Shapes, Tally

IMBALANCE = 10
"""How many times more rows the largest class has than the smallest before it is worth a word."""
RARE = 3
"""A class with fewer rows cannot be in all three splits."""
MOST_NAMES = 5
MANY_UNLABELLED = 0.05
"""A share of the rows: a text that stands for no class in more of them may well be a class."""


def listed(names: Iterable[object], most: int = MOST_NAMES) -> str:
    """The first names, quoted, and how many more there are."""
    shown = [repr(name if len(str(name)) <= 60 else f"{str(name)[:60]}…") for name in names]
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more


def of_table(profile: Profile) -> Iterator[str]:
    """Ragged rows, and what was not looked at."""
    if profile.ragged_rows:
        first = "; ".join(f"line {line}: {fault}" for _, line, fault in profile.ragged[:3])
        yield f"{profile.ragged_rows} rows are broken and left out. {first}."
    if profile.profiled < profile.total:
        yield (
            f"Columns are described by a sample of {profile.profiled:,} of {profile.total:,} rows."
        )


def of_blanks(role: str, column: Column, missing: int) -> Iterator[str]:
    """Rows that will be left out for want of a text or class."""
    if missing:
        ways = ", ".join(
            f"{text!r} x {count}" if text else f"empty x {count}"
            for text, count in column.blanks.most_common(MOST_NAMES)
        )
        yield (
            f"{missing} rows have no {role} in column {column.name!r} ({ways}); they are left out."
        )


def of_tally(tally: Tally) -> Iterator[str]:
    """Everything that the classes and the repeated examples show."""
    yield from _unlabelled(tally)
    yield from _repeats(tally.overlap)
    yield from _spellings(tally.labels)
    yield from _rare(tally.labels)
    yield from _balance(tally.labels)
    yield from _strange(tally.classes)


def of_pictures(shapes: Shapes) -> Iterator[str]:
    """Broken pictures, and pictures that differ in size or kind."""
    if shapes.unreadable:
        names = "; ".join(shapes.unreadable[:3])
        yield f"{len(shapes.unreadable)} pictures cannot be read and are left out: {names}."
    if len(shapes.sizes) > 1:
        smallest, largest = min(shapes.sizes, key=_area), max(shapes.sizes, key=_area)
        yield (
            f"Pictures have {len(shapes.sizes)} different sizes, from {smallest[0]}x{smallest[1]} "
            f"to {largest[0]}x{largest[1]}; training has to bring them to one size."
        )
    if len(shapes.modes) > 1:
        modes = ", ".join(f"{mode} x {count}" for mode, count in shapes.modes.most_common())
        yield f"Pictures have different modes ({modes}); all are prepared as {shapes.mode}."


def blocking(tally: Tally) -> Iterator[str]:
    """Why nothing can be trained on these examples."""
    labels = tally.labels
    if not labels:
        yield "There is not one usable example with a class."
    elif len(labels) == 1:
        yield f"There is one class only, {listed(labels)}; a classifier needs at least two."
    elif max(labels.values()) < RARE:
        yield "Every class has one or two examples; that is too few to train and to validate."


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]


def _repeats(overlap: Overlap) -> Iterator[str]:
    if overlap.duplicates:
        yield (
            f"{overlap.duplicates} examples repeat another one (blanks and case aside); "
            "one of each is kept."
        )
    if overlap.conflicting:
        yield (f"{overlap.conflicting} examples occur with different classes; all are left out.")
    for pair, count in overlap.leaks().items():
        first, second = pair.split("/")
        yield f"{count} examples of {first} are also in {second}; they are taken out of {first}."


def _unlabelled(tally: Tally) -> Iterator[str]:
    """Texts that stand for no class, but so often that they may be one."""
    rows = tally.labels.total() + tally.unlabelled.total()
    for text, count in tally.unlabelled.most_common(MOST_NAMES):
        if text and count > MANY_UNLABELLED * rows:
            yield (
                f"{text!r} stands in {count} of {rows} rows ({count / rows:.0%}) where the class "
                "should be. It was taken for no class, and these rows are left out; if it is a "
                "class of its own, write another word for it into the column, such as 'none'."
            )


def _spellings(labels: Mapping[str, int]) -> Iterator[str]:
    groups: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        groups[" ".join(label.split()).casefold()].append(label)
    same = [names for names in groups.values() if len(names) > 1]
    if same:
        shown = "; ".join(listed(names) for names in same[:3])
        yield (
            f"Some classes differ in case or blanks only: {shown}. They stay different classes; "
            "rewrite the column if they mean the same."
        )


def _rare(labels: Mapping[str, int]) -> Iterator[str]:
    rare = [label for label, count in labels.items() if count < RARE]
    if rare:
        yield (
            f"{len(rare)} classes have fewer than {RARE} examples ({listed(rare)}); they cannot "
            "be in every split and stay in training."
        )


def _balance(labels: Counter[str]) -> Iterator[str]:
    if len(labels) < 2:
        return
    (most, many), (least, few) = labels.most_common()[0], labels.most_common()[-1]
    if many >= IMBALANCE * few:
        yield (
            f"Classes are unbalanced: {listed([most])} has {many} examples, {listed([least])} has "
            f"{few}. Judge by macro F1, not by accuracy alone."
        )


def _strange(classes: Mapping[Split, Counter[str]]) -> Iterator[str]:
    known = classes.get("train")
    if not known:
        return
    for split in classes:
        strange: Sequence[str] = [label for label in classes[split] if label not in known]
        if strange:
            yield (
                f"Classes of {split} that training does not have: {listed(strange)}. "
                "Their examples are left out."
            )
