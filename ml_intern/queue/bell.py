"""How threads of one process tell each other that something new stands in the store."""

import threading


class Bell:
    """A count of rings that one can wait for; a ring between looking and waiting is not missed."""

    def __init__(self) -> None:
        # Its lock protects `_rings` and `is_over`.
        self._condition = threading.Condition()
        self._rings = 0
        self.is_over = False
        """Nobody waits for it any more."""

    def rings(self) -> int:
        """How often it has rung; read it before looking, give it to `wait` afterwards."""
        with self._condition:
            return self._rings

    def ring(self, *, for_all: bool) -> None:
        """Wake one waiting thread, or all of them."""
        with self._condition:
            self._rings += 1
            if for_all:
                self._condition.notify_all()
            else:
                self._condition.notify()

    def end(self) -> None:
        """Wake all waiting threads, and let nobody wait again."""
        with self._condition:
            self.is_over = True
            self._condition.notify_all()

    def wait(self, heard: int, timeout_s: float) -> None:
        """Return at the first ring after `heard`, at the end, or after `timeout_s` seconds."""
        with self._condition:
            if self._rings == heard and not self.is_over:
                self._condition.wait(timeout_s)
