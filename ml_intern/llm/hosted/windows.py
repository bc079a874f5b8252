"""How many tokens a model takes, from whoever knows it best.

Its server, where it tells; else LiteLLM's list; else the settings; else a cautious guess. A smaller
number in the settings always wins. What was found is kept for ten minutes.
"""

import logging
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ml_intern.clock import Clock
from ml_intern.llm.hosted.meaning import LARGEST_WINDOW, SMALLEST_WINDOW
from ml_intern.llm.hosted.names import Endpoint
from ml_intern.llm.hosted.offline import litellm
from ml_intern.llm.hosted.prices import listed
from ml_intern.llm.hosted.server_window import Told, Untold, told_by_server

GUESS_TOKENS = 8192
"""Of a model that nobody knows: what almost every one takes. A guess that is too large loops."""
KEEP_S = 600.0
RETRY_S = 30.0
SERVER, LIST, SETTINGS, GUESS = "the server", "LiteLLM's list", "context_windows", "a guess"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Found:
    """A window, and whose word it is."""

    tokens: int
    source: str
    bound: int | None = None
    """More than these tokens are never taken, so never paid for; None: nobody is sure."""
    is_away: bool = False
    """The server, which may know, does not answer now."""

    @property
    def is_guess(self) -> bool:
        """Whether nobody knows."""
        return self.source == GUESS


class WindowFinder:
    """Of one model. Safe from any thread; several may ask the server at the same time."""

    def __init__(self, endpoint: Endpoint, settings: Mapping[str, int], clock: Clock) -> None:
        """`settings`: tokens by pattern of names."""
        self._endpoint = endpoint
        self._set = min(
            (size for pattern, size in settings.items() if fnmatchcase(endpoint.name, pattern)),
            default=None,
        )
        self._clock = clock
        self._lock = threading.Lock()  # protects the three fields below
        self._told: Told | None = None
        self._ask_at = float("-inf")
        self._is_away = False

    def find(self) -> Found:
        """May ask the server, for seconds at most."""
        told = self._told_lately() or Told()
        known, source = told.tokens, SERVER
        if known is None:
            known, source = listed_window(self._endpoint), LIST
        if self._set is not None and (known is None or self._set < known):
            tokens, source = self._set, SETTINGS
        elif known is not None:
            tokens = known
        else:
            tokens, source = GUESS_TOKENS, GUESS
        return Found(
            tokens=min(tokens, told.most or tokens),
            source=source,
            bound=known,
            is_away=self._is_away,
        )

    def _told_lately(self) -> Told | None:
        with self._lock:
            if self._clock.monotonic() < self._ask_at:
                return self._told
        try:
            told, keep_s, is_away = self._ask(), KEEP_S, False
        except Untold as exc:
            _log.info("The server of %s does not tell its window: %s", self._endpoint.name, exc)
            told, keep_s, is_away = None, RETRY_S, exc.is_away
        with self._lock:
            self._told = told or self._told
            self._is_away = is_away
            self._ask_at = self._clock.monotonic() + keep_s
            return self._told

    def _ask(self) -> Told | None:
        if is_offline() and not self._endpoint.is_near:
            return None
        return told_by_server(self._endpoint)


def is_offline() -> bool:
    """Whether nothing far away is to be asked, by the variable of the Hub's own libraries."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")


def listed_window(endpoint: Endpoint) -> int | None:
    """What LiteLLM's list says; of many models it names the input alone, which is less."""
    entry = listed(litellm(), endpoint)
    if entry is None:
        return None
    size = entry.get("max_input_tokens") or entry.get("max_tokens")
    is_window = type(size) is int and SMALLEST_WINDOW <= size <= LARGEST_WINDOW
    return size if is_window else None
