"""What a file shows of other people's texts and values: redacted first, then shortened."""

import json
from pathlib import PurePath
from typing import Any

from ml_intern.events import Fact
from ml_intern.tracing.clip import clip
from ml_intern.tracing.redaction import Redactor
from ml_intern.transcript.line import CWD, ENVELOPE_DEPTH, JsonObject, plain

MAX_RESULT_BYTES = 20_000
"""Of a tool's output; viewers fail on large sessions, and the journal has the whole."""
MAX_WORDS_BYTES = 200_000
"""Of one text of a person or model, or one text in a call's arguments."""
MAX_NOTICE_BYTES = 2_000
MAX_FIELD_BYTES = 500
"""Of a name or a title."""
MAX_FACT_BYTES = 2_000
"""Of one field of a fact."""
WHOLE = ("environment",)
"""Fields of facts by which a run is repeated."""


class Shown:
    """Bound to the secrets of the process and to the folder of one session."""

    def __init__(self, redactor: Redactor, workspace: str = "") -> None:
        """`workspace` is written as the one folder that lines name."""
        self._redactor = redactor.writing(PurePath(workspace), CWD) if workspace else redactor

    def whole(self, text: str) -> str:
        """Not shortened."""
        return self._redactor.text(text)

    def words(self, text: str) -> str:
        """Of a person or a model."""
        return clip(self.whole(text), MAX_WORDS_BYTES)

    def output(self, text: str, spilled_to: str | None = None) -> str:
        """Of a tool; where it is cut, its reader is told in which file the whole lies."""
        where = f"; the whole output is in {self.brief(spilled_to)}" if spilled_to else ""
        return clip(self.whole(text), MAX_RESULT_BYTES, where)

    def notice(self, text: str) -> str:
        """A sentence of ours, with parts of others in it."""
        return clip(self.whole(text), MAX_NOTICE_BYTES)

    def brief(self, text: str) -> str:
        """A name."""
        return clip(self.whole(text), MAX_FIELD_BYTES)

    def value(self, value: JsonObject, limit_bytes: int = MAX_RESULT_BYTES) -> JsonObject:
        """A JSON object, each text in it at most `limit_bytes` long."""
        try:
            tame = plain(value, ENVELOPE_DEPTH)
        except ValueError:
            tame = {"omitted": "nested too deep to be shown"}
        return _clipped(self._redactor.value(tame), limit_bytes)  # type: ignore[no-any-return]

    def fact(self, fact: Fact) -> JsonObject:
        """Without its long fields, of which the names stay; what a run depends on stays whole."""
        data = {
            key: item if key in WHOLE or len(json.dumps(item)) <= MAX_FACT_BYTES else "(long)"
            for key, item in self.value(fact.data).items()
        }
        return {"kind": self.brief(fact.kind), "data": data}


def _clipped(value: Any, limit_bytes: int) -> Any:
    if isinstance(value, str):
        return clip(value, limit_bytes)
    if isinstance(value, dict):
        return {key: _clipped(item, limit_bytes) for key, item in value.items()}
    if isinstance(value, list):
        return [_clipped(item, limit_bytes) for item in value]
    return value
