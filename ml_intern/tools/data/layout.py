"""Where prepared data lies, and how it gets there: built out of reach, then moved into place whole.

Training and validation go into the workspace, the test split and the record of the preparation
below `held_out`. The folder in the workspace comes last, so that its presence means that all is
there. It is built outside the workspace, so that the session's code cannot interfere meanwhile.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml_intern.errors import InputError
from ml_intern.tools.data.split import Part
from ml_intern.tools.protocol import Workplace

RECORD = "dataset.json"


class Layout:
    """The folders of one prepared dataset."""

    def __init__(self, place: Workplace, name: str) -> None:
        self._visible = place.writable("data") / name
        self._hidden = place.held_out / name
        self._building = place.held_out / f".{name}.building"
        self.relative = f"data/{name}"
        """The visible folder, below the workspace."""

    def begin(self) -> None:
        """Start afresh. Raises InputError when the folder holds something that we did not write."""
        if self._visible.exists() and not (self._hidden / RECORD).exists():
            raise InputError(
                f"{self.relative} exists in the workspace and was not made by prepare_dataset; "
                "use another name, or remove it."
            )
        _remove(self._building)
        for folder in (self._new_visible, self._new_hidden):
            folder.mkdir(parents=True, mode=0o700)

    def folder_for(self, part: Part) -> Path:
        """Where to write this split now."""
        return self._new_hidden if part == "test" else self._new_visible

    def finish(self, record: Mapping[str, Any]) -> None:
        """Write the record and move everything into place; what was there before is gone."""
        text = json.dumps(record, ensure_ascii=False, indent=1) + "\n"
        for folder in (self._new_visible, self._new_hidden):
            (folder / RECORD).write_text(text, encoding="utf-8", errors="replace")
        self._visible.parent.mkdir(parents=True, exist_ok=True)
        # In one step: what is half removed must not look finished.
        if self._visible.is_symlink() or self._visible.exists():
            self._visible.rename(self._building / "old")
        _remove(self._hidden)
        self._new_hidden.rename(self._hidden)
        shutil.move(self._new_visible, self._visible)
        _remove(self._building)

    def abandon(self) -> None:
        """Leave no half-built folder behind."""
        _remove(self._building)

    def finished(self) -> dict[str, Any] | None:
        """The record of a preparation that went to its end, or None."""
        record = self._hidden / RECORD
        if not record.exists() or not (self._visible / RECORD).exists():
            return None
        found: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
        return found

    @property
    def _new_visible(self) -> Path:
        return self._building / "visible"

    @property
    def _new_hidden(self) -> Path:
        return self._building / "hidden"


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)
