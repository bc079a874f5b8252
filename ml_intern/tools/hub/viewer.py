"""The Hub's dataset viewer: configurations, splits, sizes, rows and statistics without a download.

It tells of the newest commit of `main` only. Where it has nothing to tell it says why, in an error
code; `NotShown` is that, in words.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ml_intern.errors import InputError, MLInternError, OutsideError
from ml_intern.tools.foreign import items, mapping, number, text
from ml_intern.tools.protocol import ToolContext

SERVICE = "datasets_server"
PAGE_ROWS = 100
PAGES = 5
"""Of a split, spread over it: many are sorted by class."""
MOST_SPLITS = 6
MOST_ANSWER_BYTES = 16 << 20
FRESH_S = 300.0
_WHY = {
    "ResponseNotReady": "it has not prepared this dataset yet; a few minutes later it may have",
    "ResponseNotFound": "it does not know this dataset",
    "ExternalUnauthenticatedError": "it shows this dataset only to who may see it, and there is no "
    "token that may",
    "ExternalAuthenticatedError": "it does not show it to this token, as for most private datasets",
    "DatasetInBlockListError": "the Hub has taken this dataset out of it",
    "DatasetWithTooManyConfigsError": "the dataset has too many configurations for it",
    "StreamingRowsError": "it fails to read the rows of this dataset",
    "UnexpectedError": "it broke over this dataset",
}


class NotShown(MLInternError):
    """The viewer tells nothing of a dataset; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Split:
    """Rows of one split, and what is known of all of them."""

    name: str
    features: dict[str, Any]
    """Types, by the names of the columns."""
    rows: tuple[dict[str, Any], ...]
    """A sample, spread over the split where the viewer gives rows from anywhere."""
    total: int | None
    """None: nobody says."""
    statistics: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By column: `column_type`, and its `column_statistics`."""
    truncated: frozenset[str] = frozenset()
    """Columns of which the viewer has cut values."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What the viewer tells of one configuration."""

    config: str
    configs: tuple[str, ...]
    splits: tuple[Split, ...]
    more_splits: tuple[str, ...] = ()
    size_bytes: int | None = None
    is_partial: bool = False
    """Its counts are of the beginning of the data only."""
    notes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


class Viewer:
    """Asks about one dataset. For one call."""

    def __init__(self, repo_id: str, ctx: ToolContext) -> None:
        self._repo_id = repo_id
        self._ctx = ctx
        self._sources: list[str] = []

    def shown(self, config: str = "") -> Shown:
        """What it tells of a configuration; empty: the default one.

        Raises NotShown; InputError for a configuration that is not there; OutsideError where the
        call is stopped.
        """
        splits = self._splits()
        configs = tuple(dict.fromkeys(name for name, _ in splits))
        chosen = _chosen(config, configs)
        names = [split for name, split in splits if name == chosen]
        size, is_partial = self._size()
        sizes = {
            text(each.get("split")): number(each.get("num_rows"))
            for each in map(mapping, items(size.get("splits")))
            if each.get("config") == chosen
        }
        whole = next(
            (c for c in map(mapping, items(size.get("configs"))) if c.get("config") == chosen), {}
        )
        return Shown(
            config=chosen,
            configs=configs,
            splits=tuple(
                self._split(chosen, name, sizes.get(name)) for name in names[:MOST_SPLITS]
            ),
            more_splits=tuple(names[MOST_SPLITS:]),
            size_bytes=number(whole.get("num_bytes_parquet_files")),
            is_partial=is_partial,
            sources=tuple(dict.fromkeys(self._sources)),
        )

    def _splits(self) -> list[tuple[str, str]]:
        said = self._ask("/splits")
        found = [
            (text(each.get("config"), 500), text(each.get("split"), 500))
            for each in map(mapping, items(said.get("splits")))
        ]
        known = [(config, split) for config, split in found if config and split]
        if not known:
            why = "it has not prepared it yet" if said.get("pending") else "it found no split"
            raise NotShown(f"The dataset viewer shows nothing of {self._repo_id}: {why}.")
        return known

    def _size(self) -> tuple[dict[str, Any], bool]:
        """Nothing where it does not know."""
        try:
            said = self._ask("/size")
        except NotShown:
            return {}, False
        return mapping(said.get("size")), said.get("partial") is True

    def _split(self, config: str, split: str, total: int | None) -> Split:
        first = self._ask("/first-rows", config=config, split=split)
        features = _features(first)
        rows, cut = _rows(first)
        if total is not None and total > PAGE_ROWS:
            rows = self._spread(config, split, total) or rows
        return Split(
            name=split,
            features=features,
            rows=tuple(rows),
            total=total,
            statistics=self._statistics(config, split),
            truncated=cut,
        )

    def _spread(self, config: str, split: str, total: int) -> list[dict[str, Any]]:
        """Pages from all over the split; none where rows are not given so."""
        found: list[dict[str, Any]] = []
        for offset in _offsets(total):
            try:
                said = self._ask(
                    "/rows", config=config, split=split, offset=offset, length=PAGE_ROWS
                )
            except NotShown:
                return []
            found += _rows(said)[0]
        return found

    def _statistics(self, config: str, split: str) -> dict[str, dict[str, Any]]:
        try:
            said = self._ask("/statistics", config=config, split=split)
        except NotShown:
            return {}
        return {
            text(each.get("column_name"), 1000): each
            for each in map(mapping, items(said.get("statistics")))
        }

    def _ask(self, path: str, **params: str | int) -> dict[str, Any]:
        asked: Mapping[str, str | int] = {"dataset": self._repo_id, **params}
        try:
            page = self._ctx.place.web.get(
                SERVICE,
                path,
                asked,
                fresh_s=FRESH_S,
                most_bytes=MOST_ANSWER_BYTES,
                cancelled=self._ctx.cancelled,
            )
            found = mapping(page.json())
        except OutsideError as exc:
            if exc.trouble == "stopped":
                raise
            why = _WHY.get(exc.code) or str(exc).rstrip(".")
            raise NotShown(f"The dataset viewer does not show {self._repo_id}: {why}.") from exc
        self._sources.append(page.url)
        return found


def _chosen(config: str, configs: tuple[str, ...]) -> str:
    """Raises InputError for one that is not there."""
    if config and config not in configs:
        shown = ", ".join(configs[:20]) + (
            f" and {len(configs) - 20:,} more" if configs[20:] else ""
        )
        raise InputError(f"There is no configuration {config[:100]}; there are: {shown}.")
    return config or ("default" if "default" in configs else configs[0])


def _offsets(total: int) -> range | list[int]:
    """Where pages begin that share no row: all of them, or as many as are asked for."""
    if total <= PAGES * PAGE_ROWS:
        return range(0, total, PAGE_ROWS)
    return [page * (total - PAGE_ROWS) // (PAGES - 1) for page in range(PAGES)]


def _features(said: Mapping[str, Any]) -> dict[str, Any]:
    return {
        text(each.get("name"), 1000): each.get("type")
        for each in map(mapping, items(said.get("features")))
    }


def _rows(said: Mapping[str, Any]) -> tuple[list[dict[str, Any]], frozenset[str]]:
    """The rows, and the columns of which values are cut."""
    found = [mapping(each) for each in items(said.get("rows"))]
    cut = frozenset(_names(found))
    return [mapping(each.get("row")) for each in found if isinstance(each.get("row"), dict)], cut


def _names(found: list[dict[str, Any]]) -> Iterator[str]:
    for each in found:
        yield from (name for name in items(each.get("truncated_cells")) if isinstance(name, str))
