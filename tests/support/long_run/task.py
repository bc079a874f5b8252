"""What a long run is about: files of a log, some of which say what must not be forgotten."""

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

FACTS = 20
FILE_CHARS = 2_000
KINDS: tuple[Literal["path", "number", "reason"], ...] = ("path", "number", "reason")


@dataclass(frozen=True)
class Planted:
    """One thing that a result says; `words` are looked for in later requests."""

    kind: Literal["path", "number", "reason"]
    line: str
    words: tuple[str, ...]

    def is_in(self, text: str) -> bool:
        return all(each in text for each in self.words)


class LongTask:
    """`calls` files, one for each call, with `FACTS` facts planted evenly among them."""

    words = "Find out why run 7 is the best one; the budget is “42 dollars”, and not a cent more."

    def __init__(self, calls: int) -> None:
        self.calls = calls
        self.planted = {
            1 + place * max(1, calls // FACTS): _planted(place) for place in range(FACTS)
        }

    @staticmethod
    def path(number: int) -> str:
        return f"logs/{number:04}.log"

    def text(self, number: int) -> str:
        """Of one file: 2 kB of what every log says, the fact somewhere within."""
        chance = random.Random(number)
        lines: list[str] = []
        while sum(map(len, lines)) < FILE_CHARS:
            lines.append(
                f"03:{chance.randrange(60):02}:{chance.randrange(60):02} INFO step "
                f"{number * 100 + len(lines)} | loss: {chance.random():.4f} | lr: 3e-05 | "
                f"{chance.randrange(700, 900)} tok/s"
            )
        if fact := self.planted.get(number):
            lines[chance.randrange(len(lines))] = fact.line
        return "\n".join(lines)

    def write(self, workspace: Path) -> None:
        (workspace / "logs").mkdir()
        for number in range(1, self.calls + 1):
            (workspace / self.path(number)).write_text(self.text(number))

    def plan(self, done: int) -> list[dict[str, str]]:
        """Its five steps, `done` of them done."""
        marks = ["done"] * done + ["in_progress"] + ["pending"] * 5
        return [
            {"step": f"Read part {number} of the logs (“{number}/5”)", "status": marks[number - 1]}
            for number in range(1, 6)
        ]


def _planted(place: int) -> Planted:
    kind = KINDS[place % len(KINDS)]
    match kind:
        case "path":
            path = f"artifacts/run-{place:02}/adapter_model.safetensors"
            return Planted(kind, f"saved the adapter to {path}", (path,))
        case "number":
            # Every second one is called as the others are: none of them replaces another.
            name = "eval_f1" if place % 2 else f"eval_accuracy_{place:02}"
            value = f"0.8{place:02}{place:02}"
            return Planted(kind, f"{name} = {value}", (name, value))
        case "reason":
            reason = f"rows {place}00-{place}99 are dropped because their labels are swapped"
            return Planted(kind, f"decision: {reason}", (reason,))
