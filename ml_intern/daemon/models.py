"""Model clients by the names in the settings; each is made once. Safe from any thread."""

import threading

from ml_intern.errors import ConfigError
from ml_intern.llm.autopilot import Autopilot
from ml_intern.llm.client import ModelClient
from ml_intern.settings import Settings


class Models:
    """Every model that this process has been asked for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()  # protects _made
        self._made: dict[str, ModelClient] = {}

    def named(self, name: str) -> ModelClient:
        """The client of a model. Raises ConfigError for one that cannot be used."""
        with self._lock:
            if name not in self._made:
                self._made[name] = self._make(name)
            return self._made[name]

    def _make(self, name: str) -> ModelClient:
        if name == "autopilot":
            return Autopilot()
        raise ConfigError(
            f'This version has no model {name!r}. Set model = "autopilot" in the settings, or '
            "unset ML_INTERN_MODEL."
        )
