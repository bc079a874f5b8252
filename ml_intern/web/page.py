"""What a service answered."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ml_intern.errors import OutsideError


@dataclass(frozen=True, kw_only=True)
class Page:
    """One whole answer, of now or of the cache."""

    url: str
    """Where it came from, after redirects, without any secret."""
    content: bytes
    content_type: str
    """Without parameters, in lower case; empty where the service does not say."""
    charset: str
    headers: dict[str, str]
    """Names in lower case; only those that `client.KEPT` lists."""
    fetched: datetime
    is_old: bool = False
    """The service is away: this is what it answered earlier."""

    @property
    def text(self) -> str:
        """The content as text; bytes that are none of its charset become U+FFFD."""
        try:
            return self.content.decode(self.charset, "replace")
        except LookupError:  # a charset that nobody knows
            return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The content, parsed. Raises OutsideError for anything else than JSON."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError) as exc:
            what = self.content_type or "something without a type"
            raise OutsideError(
                f"{self.url} answered with {what}, not with JSON ({len(self.content):,} bytes).",
                trouble="broken",
            ) from exc
