"""The dataset that a session has prepared, as training, scoring and publishing need it."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ml_intern.errors import InputError
from ml_intern.tools.hub.source import MARK, HubSource, read_mark
from ml_intern.tools.protocol import ToolContext, Workplace

Split = Literal["validation", "test"]
_RECORD = "dataset.json"


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """One preparation: the record that was kept out of the session's reach, or else the fact."""

    record: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Of its folders in the workspace and under `held_out`."""
        return str(self.record["test"])

    @property
    def fingerprint(self) -> str:
        """Of the source: what "scored once" is counted by."""
        return str(self.record["fingerprint"])

    @property
    def identity(self) -> str:
        """Of this very preparation: the source, and how it was split."""
        text = json.dumps(self.record, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def task(self) -> str:
        """`image-classification` or `text-classification`."""
        return str(self.record["task"])

    @property
    def source_name(self) -> str:
        """Where it comes from, without the folders of this machine."""
        source = str(self.record["source"])
        return Path(source).name if source.startswith(("/", ".", "~")) else source

    @property
    def on_hub(self) -> HubSource | None:
        """Which dataset of the Hub it is, at the commit that was read; None: it is a local one."""
        source = str(self.record["source"])
        return read_mark(source) if source.startswith(MARK) else None

    def split(self, place: Workplace, split: str) -> Path:
        """The file or folder of one split. Raises InputError when it is gone."""
        if split == "test":
            path = _test(place, self.name)
        else:
            path = place.writable(str(self.record[split]))
        if not path.exists():
            raise InputError(f"The {split} data is gone; call prepare_dataset again.")
        return path

    def check_unchanged(self, place: Workplace, split: str) -> None:
        """Raise InputError when the split is not what was prepared, where its hash was recorded."""
        recorded = self.record.get(f"{split}_sha256")
        if recorded is not None and recorded != split_sha256(self.split(place, split)):
            raise InputError(
                f"The {split} data was changed after it was prepared, so a score on it would mean "
                "nothing; call prepare_dataset again."
            )


def prepared(ctx: ToolContext) -> Dataset | None:
    """The newest preparation, if there is one."""
    fact = ctx.facts.latest("dataset_prepared")
    return None if fact is None else _recorded(ctx, fact)


def preparations(ctx: ToolContext) -> Iterator[Dataset]:
    """Every one of the session, oldest first."""
    return (_recorded(ctx, fact) for fact in ctx.facts.all("dataset_prepared"))


def _recorded(ctx: ToolContext, fact: Mapping[str, Any]) -> Dataset:
    path = ctx.place.held_out / str(fact["test"]) / _RECORD
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError):
        record = {}
    return Dataset(record={**record, **fact})


def split_sha256(path: Path) -> str:
    """Of a file's bytes, or of the names and bytes of all files in a folder."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    digest = hashlib.sha256()
    for entry in sorted(path.rglob("*")):
        if entry.is_file():
            with entry.open("rb") as file:
                own = hashlib.file_digest(file, "sha256").hexdigest()
            digest.update(f"{entry.relative_to(path).as_posix()}\0{own}\n".encode())
    return digest.hexdigest()


def _test(place: Workplace, name: str) -> Path:
    folder = place.held_out / name
    file = folder / "test.jsonl"
    return file if file.is_file() else folder / "test"
