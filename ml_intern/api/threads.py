"""The threads in which a door is asked: it blocks on the store, and the event loop must not."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

MOST_THREADS = 16
T = TypeVar("T")


class Threads:
    """A bounded number of threads, started as they are needed."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(MOST_THREADS, thread_name_prefix="api")

    async def run(self, act: Callable[[], T]) -> T:
        """The answer of `act`. A caller that is cancelled does not wait for it, but it goes on."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, act)

    def finish(self, act: Callable[[], None]) -> None:
        """Run `act` without waiting for it, whatever else happens."""
        try:
            self._pool.submit(act)
        except RuntimeError:  # closed already: the process is about to end
            act()

    def close(self) -> None:
        """Start nothing more, and do not wait for what runs."""
        self._pool.shutdown(wait=False)
