"""The beginnings of a dataset's Parquet files that are too large to be fetched, by HTTP range.

Read are the end of a file, which tells its rows and where they lie, and of one file of each split
the first group of rows, as many columns of it as fit into some megabytes. What a file tells of
itself is read in the training environment; where it says that rows lie is checked before it counts.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ml_intern.errors import InputError
from ml_intern.tools.data.parquet import SUFFIX, Plan, first_rows, planned
from ml_intern.tools.data.stop import check
from ml_intern.tools.hub import reading
from ml_intern.tools.hub.reading import Entry, Info
from ml_intern.tools.hub.source import TooMuch, split_in
from ml_intern.tools.protocol import ToolContext
from ml_intern.wording import size_words

MOST_BYTES = 24 << 20
"""Of the rows of all splits together."""
END_BYTES = 128 << 10
"""Asked for at first: mostly all of what the end tells."""
MOST_END_BYTES = 16 << 20
MOST_COUNTED = 16
"""Files whose rows are counted; of more only those that rows are read of."""
GAP_BYTES = 64 << 10
"""That are read along, rather than asking twice."""
_MARK = b"PAR1"


@dataclass(frozen=True, kw_only=True)
class Beginnings:
    """What was read."""

    folder: Path
    """A file of JSON Lines for each split."""
    rows: dict[str, int]
    """Of each split, as far as its files were counted."""
    picture: str | None
    """A column of pictures that was too large."""
    notes: tuple[str, ...]


def read(large: TooMuch, scratch: Path, ctx: ToolContext) -> Beginnings:
    """Raises InputError, also `large` itself where there is nothing that can be read in parts;
    OutsideError, Stopped.
    """
    files = large.files
    if not files or any(not each.path.lower().endswith(SUFFIX) or not each.size for each in files):
        raise large
    firsts = _firsts(files)
    counted = files if len(files) <= MOST_COUNTED else list(firsts.values())
    reader = _Reader(large.info, scratch, ctx)
    ends = {each.path: reader.end(number, each) for number, each in enumerate(counted)}
    plans = dict(zip(ends, planned(list(ends.values()), scratch, ctx), strict=True))
    folder = scratch / "hub"
    folder.mkdir()
    left_out: dict[str, None] = {}
    for split, each in firsts.items():
        plan, place = plans[each.path], ends[each.path]
        if not (columns := that_fit(plan, MOST_BYTES // len(firsts))):
            raise InputError(f"{large} Its first rows alone are larger than is read.")
        reader.fill(place, each, [span for name in columns for span in plan.columns[name]])
        first_rows(place, columns, scratch, ctx).rename(folder / f"{split}.jsonl")
        left_out |= dict.fromkeys(name for name in plan.columns if name not in columns)
    pictures = {plan.picture for plan in plans.values()} & {*left_out}
    return Beginnings(
        folder=folder,
        rows=_counted(counted, plans),
        picture=pictures.pop() if len(pictures) == 1 else None,
        notes=tuple(_notes(large, firsts.values(), counted, left_out, reader.read_bytes)),
    )


def _firsts(files: Sequence[Entry]) -> dict[str, Entry]:
    """The first file of each split; of all where none is for training."""
    found = {split_in(each.path): each for each in reversed(files)}
    if "train" not in found:
        return {"all": files[0]}
    return {split: each for split, each in found.items() if split != "all"}


class _Reader:
    """Reads parts of files into files with holes."""

    def __init__(self, info: Info, scratch: Path, ctx: ToolContext) -> None:
        self._info = info
        self._scratch = scratch
        self._ctx = ctx
        self.read_bytes = 0

    def end(self, number: int, entry: Entry) -> Path:
        """A file of its size that holds its end. Raises InputError, OutsideError."""
        size = entry.size or 0
        end = self._part(entry, size - min(END_BYTES, size), min(END_BYTES, size))
        needed = int.from_bytes(end[-8:-4], "little") + 8
        if end[-4:] != _MARK or needed > size:
            raise InputError(f"{entry.path} is no Parquet file: it has not the end of one.")
        if needed > MOST_END_BYTES:
            raise InputError(
                f"{entry.path} tells of itself in {size_words(needed)}; at most "
                f"{size_words(MOST_END_BYTES)} of that are read."
            )
        if needed > len(end):
            end = self._part(entry, size - needed, needed)
        path = self._scratch / f"part-{number:05d}{SUFFIX}"
        with path.open("wb") as file:
            file.write(_MARK)
            file.truncate(size)
            file.seek(size - len(end))
            file.write(end)
        return path

    def fill(self, path: Path, entry: Entry, spans: Iterable[tuple[int, int]]) -> None:
        """Put these parts, first byte and number of bytes, to their places in `path`."""
        for first, size in joined(spans):
            if first < 0 or size <= 0 or first + size > (entry.size or 0):
                raise InputError(f"{entry.path} says that rows lie outside of it.")
            content = self._part(entry, first, size)
            with path.open("r+b") as file:
                file.seek(first)
                file.write(content)

    def _part(self, entry: Entry, first: int, size: int) -> bytes:
        check(self._ctx.cancelled)
        self.read_bytes += size
        return reading.part(self._ctx, self._info, entry.path, first, size)


def that_fit(plan: Plan, most_bytes: int) -> list[str]:
    """The columns of the first group, the smallest first, that are no more than this together.

    A part of less than no bytes, as a file may claim, makes no room for another.
    """
    sizes = {name: sum(max(0, size) for _, size in parts) for name, parts in plan.columns.items()}
    chosen, total = [], 0
    for name in sorted(sizes, key=lambda name: sizes[name]):
        total += sizes[name]
        if total > most_bytes:
            break
        chosen.append(name)
    return [name for name in plan.columns if name in chosen]


def joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Without small gaps between them, of which there may be `MOST_BYTES` altogether."""
    found: list[tuple[int, int]] = []
    room = MOST_BYTES
    for first, size in sorted(spans):
        begin, end = (found[-1][0], sum(found[-1])) if found else (0, -GAP_BYTES - 1)
        if 0 <= first - end <= min(GAP_BYTES, room):
            room -= first - end
            found[-1] = (begin, first + size - begin)
        else:
            found.append((first, size))
    return found


def _counted(files: Sequence[Entry], plans: Mapping[str, Plan]) -> dict[str, int]:
    rows: Counter[str] = Counter()
    for each in files:
        rows[split_in(each.path)] += plans[each.path].rows
    return dict(rows)


def _notes(
    large: TooMuch,
    read: Iterable[Entry],
    counted: Sequence[Entry],
    left_out: Iterable[str],
    read_bytes: int,
) -> Iterator[str]:
    total = sum(each.size or 0 for each in large.files)
    names = ", ".join(each.path for each in read)
    yield (
        f"The data are {size_words(total)}, too much to be fetched. {size_words(read_bytes)} of it "
        f"were read: the first rows of {names} at commit {large.info.sha}. Columns, examples, "
        "classes and repeats are those of these rows; files are often sorted, so there may be more."
    )
    if len(counted) < len(large.files):
        yield f"Rows are counted in {len(counted)} of {len(large.files):,} files only."
    if names := ", ".join(left_out):
        yield f"Not read, as they are too large: {names}."
