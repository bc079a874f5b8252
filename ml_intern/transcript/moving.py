"""One folder written where texts name another: the files of a session lie elsewhere by now."""

import json
import re


class Move:
    """Names the folder `now` wherever `was` stands, as a whole name or before a slash."""

    def __init__(self, was: str, now: str) -> None:
        """An empty `was` moves nothing."""
        self._was = re.compile(rf"(?<![\w/.-]){re.escape(was)}(?![\w-])") if was else None
        self._now = now

    def text(self, text: str) -> str:
        """Plain text, or one string of a JSON value."""
        return text if self._was is None else self._was.sub(lambda _: self._now, text)

    def json(self, text: str) -> str:
        """The text of a JSON document, which may be malformed."""
        if self._was is None:
            return text
        now = json.dumps(self._now, ensure_ascii=False)[1:-1]
        return self._was.sub(lambda _: now, text)
