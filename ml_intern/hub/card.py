"""The head of a card on the Hub: YAML between two lines of dashes at the beginning of a README."""

import re
from typing import Any

import yaml

_HEAD = re.compile(r"\A---\r?\n(?P<yaml>.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)


def parted(text: str) -> tuple[dict[str, Any] | None, str]:
    """The metadata, empty where there is no head and None where it is broken; and the rest."""
    head = _HEAD.match(text)
    if head is None:
        return {}, text
    rest = text[head.end() :]
    try:
        found = yaml.safe_load(head["yaml"])
    except (yaml.YAMLError, ValueError, RecursionError):  # ValueError: a day that does not exist
        return None, rest
    if found is None:
        return {}, rest
    return found if isinstance(found, dict) else None, rest
