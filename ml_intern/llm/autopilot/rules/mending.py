"""What a repair is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Repair:
    """Arguments to set, why, and which of them is the person's own, if any."""

    values: Mapping[str, Any]
    why: str
    touches: str | None = None
