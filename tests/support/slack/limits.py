"""How fast an app may call, counted on the clock that the server was given.

Messages: one a second in a channel, with a small burst. Other methods: by tier, a minute's worth
at once and then one at a time. https://docs.slack.dev/apis/web-api/rate-limits
"""

import math
from collections.abc import Callable, Hashable

from tests.support.slack.refusals import too_fast

TIERS = {1: 20, 2: 20, 3: 50, 4: 100}
"""Calls a minute. Tier 1 says "1+", and allows "infrequent bursts": taken here as tier 2."""


class Buckets:
    """A bucket for each key: holds `size` calls and regains one every `pace_s`."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._levels: dict[Hashable, tuple[float, float]] = {}

    def take(self, key: Hashable, *, size: int, pace_s: float) -> None:
        now = self._now()
        level, at = self._levels.get(key, (float(size), now))
        level = min(float(size), level + (now - at) / pace_s)
        if level < 1:
            raise too_fast(max(1, math.ceil((1 - level) * pace_s)))
        self._levels[key] = (level - 1, now)


class Limits:
    def __init__(
        self, now: Callable[[], float], *, pace_s: float | None, burst: int, tiers: bool
    ) -> None:
        """`pace_s=None`: as many messages a second as one likes."""
        self._buckets = Buckets(now)
        self._pace_s, self._burst, self._tiers = pace_s, burst, tiers

    def message(self, channel: str) -> None:
        if self._pace_s is not None:
            self._buckets.take(("message", channel), size=self._burst, pace_s=self._pace_s)

    def method(self, name: str, tier: int | None) -> None:
        if self._tiers and tier is not None:
            calls = TIERS[tier]
            self._buckets.take(("method", name), size=calls, pace_s=60 / calls)
