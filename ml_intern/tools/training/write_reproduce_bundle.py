"""Put everything beside the model that is needed to train and measure it again."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from ml_intern.events import Effect, Recovery
from ml_intern.tools.atomic import write_whole
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome, succeed
from ml_intern.tools.training.bundle import (
    as_json,
    copy_split,
    documents,
    layout,
    needed_packages,
    plain_files,
    readme,
    requirements,
    scripts,
)
from ml_intern.tools.training.environment import probe
from ml_intern.tools.training.finished import Finished, find_finished, hardware_report
from ml_intern.tools.training.repository import BUNDLE


class BundleArguments(Arguments):
    """Which model."""

    model_dir: str = Field(min_length=1, description="Folder in the workspace with the weights.")


class WriteReproduceBundle(Tool[BundleArguments]):
    """Writes `reproduce/`. Only after the test split was scored: the bundle holds that split."""

    name: ClassVar[str] = "write_reproduce_bundle"
    description: ClassVar[str] = (
        "Write reproduce/ into the model's folder: script, data splits, resolved requirements, "
        "hardware, metrics, scorer, and reproduce.py, which trains and scores again and compares. "
        "After evaluate on validation and test."
    )
    arguments = BundleArguments
    effect: ClassVar[Effect] = "write"
    # The folder appears whole, from records that do not change.
    recovery: ClassVar[Recovery] = "pure"
    timeout_s: ClassVar[float] = 600.0
    largest_data_bytes: ClassVar[int] = 200_000_000
    """Data above it is described instead of copied."""

    def run(self, args: BundleArguments, ctx: ToolContext) -> ToolOutcome:
        finished = find_finished(ctx, args.model_dir)
        target = ctx.place.writable(f"{finished.model.name}/{BUNDLE}")
        partial = target.with_name(f".{BUNDLE}.partial")
        _remove(partial)
        _fill(partial, ctx, finished, self.largest_data_bytes)
        _remove(target)
        partial.rename(target)
        path = f"{finished.model.name}/{BUNDLE}"
        return succeed({"path": path, "command": f"python {BUNDLE}/reproduce.py"})


def _fill(folder: Path, ctx: ToolContext, finished: Finished, largest_bytes: int) -> None:
    splits = _splits(ctx, finished)
    size = sum(file.stat().st_size for file in plain_files(splits.values()))
    with_data = size <= largest_bytes
    where = layout(finished.dataset.name, splits)
    if with_data:
        for split, source in splits.items():
            copy_split(source, folder / where[split])
    for name, content in _files(ctx, finished, where, with_data=with_data).items():
        write_whole(folder / name, content)


def _splits(ctx: ToolContext, finished: Finished) -> dict[str, Path]:
    return {
        split: finished.dataset.split(ctx.place, split) for split in ("train", "validation", "test")
    }


def _files(
    ctx: ToolContext, finished: Finished, where: Mapping[str, str], *, with_data: bool
) -> dict[str, bytes]:
    environment = probe(ctx, require=needed_packages(finished))
    written = documents(finished, where, hardware_report(ctx))
    return {
        **scripts(finished),
        **{name: as_json(document) for name, document in written.items()},
        "requirements.txt": requirements(environment).encode(),
        "README.md": readme(finished, where, with_data=with_data).encode(),
    }


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)
