"""Which trainers of TRL a table fits as it is, or with other names for its columns.

Judged by the names of the columns and by what the first rows hold there; see TRL's page on dataset
formats. Whether the texts are any good is another question.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from ml_intern.tools.data.table import Cells

MOST_ROWS = 50
_PROMPTS = ("prompt", "instruction", "question", "query")
_ANSWERS = ("completion", "response", "output", "answer")
_DIALOGUES = ("messages", "conversations", "conversation", "dialogue", "chosen")
_KEYS = (("role", "content"), ("from", "value"))


def fits(rows: Sequence[Cells]) -> dict[str, Any]:
    """`trainers`: for each, which column stands for which of its own; `messages`: how dialogues are
    written, where a column holds some. Empty where none fits.
    """
    filled = _filled(rows)
    found: dict[str, Any] = {}
    if trainers := dict(_trainers(filled)):
        found["trainers"] = trainers
    for dialogue in (each for each in _DIALOGUES if each in filled):
        if said := _written([row[dialogue] for row in rows]):
            return {**found, "messages": {"column": dialogue, **said}}
    return found


def _filled(rows: Sequence[Cells]) -> set[str]:
    """Columns that hold something in every row."""
    names = set(rows[0]) if rows else set()
    return {name for name in names if all(row.get(name) not in (None, "", [], {}) for row in rows)}


def _trainers(filled: set[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Its own column to that of the table."""
    prompt = next((each for each in _PROMPTS if each in filled), None)
    answer = next((each for each in _ANSWERS if each in filled), None)
    dialogue = next((each for each in _DIALOGUES[:-1] if each in filled), None)
    if dialogue:
        yield "SFT", {"messages": dialogue}
    elif prompt and answer:
        yield "SFT", {"prompt": prompt, "completion": answer}
    elif "text" in filled:
        yield "SFT", {"text": "text"}
    if {"chosen", "rejected"} <= filled:
        pair = {"chosen": "chosen", "rejected": "rejected"}
        yield "Reward", pair
        yield "DPO", {**({"prompt": prompt} if prompt else {}), **pair}
    if prompt and answer and "label" in filled:
        yield "KTO", {"prompt": prompt, "completion": answer, "label": "label"}
    if prompt:
        yield "GRPO", {"prompt": prompt}


def _written(dialogues: Sequence[object]) -> dict[str, Any]:
    """The keys of a message, the roles, and what must be changed for TRL."""
    turns = [
        turn
        for dialogue in dialogues
        if isinstance(dialogue, list)
        for turn in dialogue
        if isinstance(turn, dict)
    ]
    keys = next((pair for pair in _KEYS if turns and all(set(pair) <= set(t) for t in turns)), None)
    if keys is None:
        return {}
    roles = Counter(str(turn[keys[0]])[:40] for turn in turns)
    change = {} if keys == _KEYS[0] else {"change": "rename from to role, and value to content"}
    return {"keys": list(keys), "roles": dict(roles.most_common(6)), **change}
