"""A dataset of the Hub as the source of a table: `hub:OWNER/NAME[@REVISION][:CONFIGURATION]`.

Pinned to a commit as soon as it is looked up, and fetched as files where its rows are needed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from ml_intern.errors import InputError
from ml_intern.tools.data.names import split_of
from ml_intern.tools.data.stop import check
from ml_intern.tools.hub import reading
from ml_intern.tools.hub.names import Repo, check_id, check_revision, repo_named
from ml_intern.tools.hub.reading import Entry, Info
from ml_intern.tools.protocol import ToolContext, Workplace
from ml_intern.wording import size_words

MARK = "hub:"
FILES = (".parquet", ".jsonl", ".ndjson", ".json", ".csv", ".tsv")
"""In this order: of a dataset that holds several kinds, the first is taken."""
MOST_BYTES = 256 << 20
"""Of all files of a dataset that are fetched."""
MOST_FILES = 64
_FORM = re.compile(r"([^@:]+)(?:@([^:]+))?(?::(.+))?", re.DOTALL)
_BARE = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_ASIDE = frozenset(
    ("dataset_infos.json", "dataset_info.json", "state.json", "config.json", "metadata.jsonl")
)


@dataclass(frozen=True, kw_only=True)
class HubSource:
    """Which dataset, and what of it."""

    repo: Repo
    revision: str = "main"
    config: str = ""

    @property
    def fingerprint(self) -> str:
        """Of a pinned one: what stands in a commit does not change."""
        return f"commit:{self.revision}" + (f":{self.config}" if self.config else "")

    def __str__(self) -> str:
        at = "" if self.revision == "main" else f"@{self.revision}"
        return f"{MARK}{self.repo.id}{at}" + (f":{self.config}" if self.config else "")


def hub_source(words: str, place: Workplace) -> HubSource | None:
    """The dataset of the Hub that the words are; None for all others. Raises InputError.

    The address of a dataset's page is one, too; `OWNER/NAME` alone where nothing of that name lies
    here: neither the path, nor the folder that it would lie in.
    """
    if words.startswith(MARK):
        return read_mark(words)
    if "://" in words:
        return _at_address(words, place)
    if not _BARE.fullmatch(words) or words.endswith(FILES) or _lies_here(words, place):
        return None
    return HubSource(repo=Repo(kind="dataset", id=check_id(words)))


def _at_address(words: str, place: Workplace) -> HubSource | None:
    """None for an address of anything else."""
    if "datasets/" not in words:
        return None
    try:
        repo = repo_named(words, "dataset", place.web.service("hub").base_url)
    except InputError:
        return None
    return HubSource(repo=repo) if repo.kind == "dataset" else None


def read_mark(words: str) -> HubSource:
    """What `hub:OWNER/NAME[@REVISION][:CONFIGURATION]` says. Raises InputError."""
    found = _FORM.fullmatch(words.removeprefix(MARK))
    if found is None:
        raise InputError(f"{words[:200]} is no dataset: say hub:OWNER/NAME, or name a path.")
    name, revision, config = found.groups()
    return HubSource(
        repo=Repo(kind="dataset", id=check_id(name)),
        revision=check_revision(revision or "main"),
        config=config or "",
    )


def _lies_here(words: str, place: Workplace) -> bool:
    first = words.partition("/")[0]
    return any((folder / first).exists() for folder in (place.workspace, place.started_in))


def pinned(source: HubSource, ctx: ToolContext) -> tuple[HubSource, Info]:
    """The source at the commit that its revision is at. Raises InputError, OutsideError."""
    info = reading.look(ctx, source.repo, source.revision)
    return replace(source, repo=info.repo, revision=info.sha), info


class TooMuch(InputError):
    """The files are more than is fetched."""

    def __init__(self, message: str, at: HubSource, info: Info, files: Sequence[Entry]) -> None:
        super().__init__(message)
        self.at = at
        self.info = info
        self.files = files


def fetch(
    source: HubSource, scratch: Path, ctx: ToolContext
) -> tuple[HubSource, Path, tuple[str, ...]]:
    """The files of a dataset in a folder below `scratch`: pinned source, folder, and notes.

    Raises InputError where there are none that are read, TooMuch, OutsideError.
    """
    at, info = pinned(source, ctx)
    chosen = _chosen(at, reading.listing(ctx, info, recursive=True).entries)
    total = sum(each.size or 0 for each in chosen)
    if total > MOST_BYTES or len(chosen) > MOST_FILES:
        raise TooMuch(
            f"The data of {at} are {len(chosen):,} files of {size_words(total)} together; at most "
            f"{MOST_FILES} of {size_words(MOST_BYTES)} are fetched. Name a smaller configuration "
            f"as hub:OWNER/NAME:CONFIGURATION, or take a part of it: {info.url}",
            at,
            info,
            chosen,
        )
    folder = scratch / "hub"
    folder.mkdir()
    for number, each in enumerate(chosen):
        check(ctx.cancelled)
        page = reading.content(ctx, info, each.path, most_bytes=MOST_BYTES)
        # Numbered, as files of several folders may have one name; never by a name from outside.
        target = (
            folder / f"{split_in(each.path)}-{number:05d}{PurePosixPath(each.path).suffix.lower()}"
        )
        target.write_bytes(page.content)
    only = next(folder.iterdir()) if len(chosen) == 1 else folder
    names = ", ".join(each.path for each in chosen[:5])
    more = f" and {len(chosen) - 5} more" if len(chosen) > 5 else ""
    note = f"Read from the files of {info.repo.id} at commit {info.sha}: {names}{more}."
    return at, only, tuple(filter(None, (note, info.note)))


def split_in(path: str) -> str:
    """The split that the name of a file in a dataset speaks of, or that of a folder; else `all`."""
    return split_of(PurePosixPath(path).stem) or split_of(path) or "all"


def _chosen(source: HubSource, entries: tuple[Entry, ...]) -> list[Entry]:
    files = [
        each
        for each in entries
        if not each.is_folder
        and each.path.lower().endswith(FILES)
        and PurePosixPath(each.path).name not in _ASIDE
        and not each.path.startswith(".")
    ]
    if source.config:
        files = [each for each in files if _is_of(source.config, each.path)]
    for suffix in FILES:
        if found := [each for each in files if each.path.lower().endswith(suffix)]:
            return _of_one_configuration(source, found)
    raise InputError(
        f"{source} holds no file of rows that is read here ({', '.join(FILES)}). hub_files lists "
        "what it holds."
    )


def _is_of(config: str, path: str) -> bool:
    """By a folder of that name, or a file whose name begins with it."""
    where = PurePosixPath(path)
    return config in where.parts[:-1] or where.name.startswith((f"{config}-", f"{config}."))


def _of_one_configuration(source: HubSource, files: list[Entry]) -> list[Entry]:
    """The files, if they are of one configuration. Raises InputError where they may be of more."""
    folders = sorted({str(PurePosixPath(each.path).parent) for each in files})
    kinds = {folder for folder in folders if split_of(folder) is None}
    if len(kinds) > 1 and not source.config:
        raise InputError(
            f"{source} has files in several folders: {', '.join(folders[:10])}. Name the "
            "configuration that is meant, as hub:OWNER/NAME:CONFIGURATION."
        )
    return files
