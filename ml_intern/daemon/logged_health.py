"""The health of the models, with a line in the log when one is left alone and when it is well."""

import logging
import random
import threading

from ml_intern.clock import Clock
from ml_intern.errors import ModelError
from ml_intern.llm.health import Health

log = logging.getLogger(__name__)


class LoggedHealth(Health):
    """Two lines for each outage of a model, however many sessions ask it, and however often."""

    def __init__(self, clock: Clock, chance: random.Random) -> None:
        super().__init__(clock, chance)
        self._boottime = clock.boottime
        self._telling = threading.Lock()  # protects _since
        self._since: dict[str, float] = {}
        """Since when the models that are left alone are."""

    def failed(self, name: str, exc: ModelError) -> None:
        """See `Health`."""
        super().failed(name, exc)
        for_s = self.wait_s(name)
        with self._telling:
            if not for_s or self.trouble(name) is None or name in self._since:
                return
            self._since[name] = self._boottime()
        about = {"model": name, "trouble": exc.trouble, "for_s": round(for_s), "error": str(exc)}
        log.warning("model_left_alone", extra=about)

    def worked(self, name: str) -> None:
        """See `Health`."""
        super().worked(name)
        with self._telling:
            if self.trouble(name) is not None or name not in self._since:
                return
            after_s = self._boottime() - self._since.pop(name)
        log.info("model_well_again", extra={"model": name, "after_s": round(after_s)})
