"""Where a model's files are, and how many numbers its weights hold, before any of them is read.

A repository of the Hub that is in the cache is used as it is there; else its configuration and the
heads of its weights are looked at first, and the weights come when it is known that they fit.
"""

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

from huggingface_hub import (
    get_safetensors_metadata,
    hf_hub_download,
    snapshot_download,
    try_to_load_from_cache,
)
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    NotASafetensorsRepoError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)

from .channel import Failed

CONFIG = "config.json"
INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
WANTED = ["*.json", "*.safetensors", "*.jinja", "*.txt", "*.model", "*.tiktoken"]
"""Weights as safetensors, configuration, template, tokenizer; nothing that is run."""
LARGEST_HEAD_BYTES = 200_000_000
PICKLED = (
    "has no weights as safetensors, and pickled ones run code when they are read. Choose another "
    "model, or one that was saved anew."
)

Counts = dict[str, int]
"""How many numbers of each format, by its name in safetensors (`F32`, `BF16`)."""


def config_of(order: dict[str, Any]) -> dict[str, Any]:
    """The model's config.json. Raises Failed."""
    folder, repository = order["folder"], order["repository"]
    path = Path(folder) / CONFIG if folder else _fetched(repository, CONFIG)
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise Failed("format", f"its {CONFIG} cannot be read: {exc}") from exc
    if not isinstance(config, dict):
        raise Failed("format", f"its {CONFIG} holds no object.")
    return config


def counts_of(order: dict[str, Any]) -> Counts:
    """What its weights hold; of a repository without fetching them. Raises Failed."""
    folder = here(order)
    if folder is not None:
        return _counted(folder)
    repository = order["repository"]
    with _Hub(repository):
        counts = get_safetensors_metadata(repository).parameter_count
    return {str(name): count for name, count in counts.items()}


def here(order: dict[str, Any]) -> Path | None:
    """The folder with all of its files; None for a repository that has to be fetched."""
    if order["folder"]:
        return Path(order["folder"])
    config = try_to_load_from_cache(order["repository"], CONFIG)
    folder = Path(config).parent if isinstance(config, str) else None
    return folder if folder is not None and _is_whole(folder) else None


def fetched(order: dict[str, Any]) -> Path:
    """The folder with all of its files, which are fetched first if need be. Raises Failed."""
    folder = here(order)
    if folder is not None:
        return folder
    with _Hub(order["repository"]):
        return Path(snapshot_download(order["repository"], allow_patterns=WANTED))


def _fetched(repository: str, name: str) -> Path:
    cached = try_to_load_from_cache(repository, name)
    if isinstance(cached, str):
        return Path(cached)
    with _Hub(repository):
        return Path(hf_hub_download(repository, name))


def _is_whole(folder: Path) -> bool:
    if (folder / INDEX).is_file():
        return all((folder / shard).is_file() for shard in _shards(folder))
    return (folder / SINGLE).is_file()


def _shards(folder: Path) -> set[str]:
    try:
        return set(json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, AttributeError) as exc:
        raise Failed("format", f"{INDEX} cannot be read: {exc}") from exc


def _counted(folder: Path) -> Counts:
    names = _shards(folder) if (folder / INDEX).is_file() else {SINGLE}
    if not all((folder / name).is_file() for name in names):
        names = {path.name for path in folder.glob("*.safetensors")}
    if not names:
        raise Failed("format", f"{folder} {PICKLED}")
    counts: Counter[str] = Counter()
    for name in sorted(names):
        counts.update(_head(folder / name))
    return dict(counts)


def _head(path: Path) -> Counts:
    """Of one file, by its head alone."""
    counts: Counter[str] = Counter()
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            # What is longer than any head, or cut off, is no JSON either.
            head = json.loads(file.read(min(size, LARGEST_HEAD_BYTES)))
        for name, tensor in head.items():
            if name != "__metadata__":
                counts[tensor["dtype"]] += math.prod(tensor["shape"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise Failed("format", f"{path.name} is no file of safetensors: {exc}") from exc
    return dict(counts)


class _Hub:
    """Says what the Hub's errors mean for a model."""

    def __init__(self, repository: str) -> None:
        self._repository = repository

    def __enter__(self) -> None:
        """Nothing is held."""

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is not None and (reason := self._reason(error)) is not None:
            raise Failed(*reason) from error

    def _reason(self, error: BaseException) -> tuple[str, str] | None:
        repository = self._repository
        match error:
            case OfflineModeIsEnabled() | LocalEntryNotFoundError():
                return "away", f"{repository} is not in the cache, and the Hub is out of reach."
            case GatedRepoError():
                return (
                    "authentication",
                    f"{repository} is gated: ask for access on its page, and set HF_TOKEN.",
                )
            case RepositoryNotFoundError():
                return (
                    "missing",
                    f"the Hub has no model {repository}, or it is private and HF_TOKEN is not set "
                    "to one who may read it.",
                )
            case NotASafetensorsRepoError():
                return "format", f"{repository} {PICKLED}"
            case EntryNotFoundError():
                return "format", f"{repository} holds no {CONFIG}: it is no model of transformers."
            case HfHubHTTPError() if error.response is not None:
                return _by_status(error.response.status_code, repository)
            case OSError():
                return "away", f"{repository} could not be fetched: {error}"
            case _:
                return None


def _by_status(status: int, repository: str) -> tuple[str, str]:
    if status in (401, 403):
        return "authentication", f"the Hub refuses {repository} to this token ({status})."
    return "away", f"the Hub answered {status} when {repository} was asked for."
