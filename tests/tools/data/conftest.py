"""A workplace, the two tools called in it, and files to call them on."""

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from ml_intern.events import Fact
from ml_intern.tools.data.inspect import InspectArguments, InspectDataset
from ml_intern.tools.data.prepare import PrepareArguments, PrepareDataset
from ml_intern.tools.protocol import ToolOutcome, Workplace
from tests.support.places import context_in, real_place


class Bench:
    """Calls the tools as a session would: what one established, the next one knows."""

    def __init__(self, place: Workplace) -> None:
        self.place = place
        self.folder = place.started_in
        self.facts: list[Fact] = []

    def inspect_outcome(self, source: str) -> ToolOutcome:
        outcome = InspectDataset().run(
            InspectArguments(source=source), context_in(self.place, *self.facts)
        )
        self.facts.extend(outcome.facts)
        return outcome

    def inspect(self, source: str) -> dict[str, Any]:
        """The report."""
        outcome = self.inspect_outcome(source)
        assert outcome.ok, outcome.output
        return json.loads(outcome.output)

    def refusal(self, source: str) -> str:
        """Why it cannot be inspected."""
        outcome = self.inspect_outcome(source)
        assert not outcome.ok, outcome.output
        return json.loads(outcome.output)["error"]

    def prepare_outcome(self, source: str, **arguments: Any) -> ToolOutcome:
        outcome = PrepareDataset().run(
            PrepareArguments(source=source, **arguments), context_in(self.place, *self.facts)
        )
        self.facts.extend(outcome.facts)
        return outcome

    def prepare(self, source: str, **arguments: Any) -> dict[str, Any]:
        """Inspect, prepare, and answer."""
        self.inspect(source)
        outcome = self.prepare_outcome(source, **arguments)
        assert outcome.ok, outcome.output
        return json.loads(outcome.output)

    def rows(self, split: str, name: str = "data") -> list[dict[str, str]]:
        """What was written for a split of texts."""
        return read_lines(self.split_folder(split, name) / f"{split}.jsonl")

    def pictures(self, split: str, name: str = "data") -> list[dict[str, str]]:
        """What was written for a split of pictures."""
        return read_lines(self.split_folder(split, name) / split / "metadata.jsonl")

    def split_folder(self, split: str, name: str = "data") -> Path:
        if split == "test":
            return self.place.held_out / name
        return self.place.workspace / "data" / name

    def csv(self, name: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
        """Write a CSV file where the task was typed; its name."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([header, *rows])
        return name

    def lines(self, name: str, records: Sequence[object]) -> str:
        """Write a JSON Lines file where the task was typed; its name."""
        text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        (self.folder / name).write_text(text, encoding="utf-8")
        return name

    def bytes(self, name: str, content: bytes) -> str:
        """Write a file where the task was typed; its name."""
        (self.folder / name).write_bytes(content)
        return name


def read_lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(real_place(tmp_path))


@pytest.fixture
def sentences() -> Callable[[int], list[tuple[str, str]]]:
    """So many different texts of two classes, in turn."""

    def make(count: int) -> list[tuple[str, str]]:
        words = ("plot", "music", "ending", "camera", "dialogue")
        return [
            (f"the {words[n % 5]} of film number {n} was like this", ("good", "bad")[n % 2])
            for n in range(count)
        ]

    return make
