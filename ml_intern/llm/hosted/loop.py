"""The one thread in which requests to providers run.

asyncio, because that is what hangs up for certain: a cancelled task closes its socket, whether it
waits for the connection, for the first byte or for the next, where a thread in a blocking read
cannot be told anything. One for all models and all sessions; nothing is started per request.
"""

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine
from typing import Any, Self, TypeVar

Result = TypeVar("Result")

PREPARERS = 64
"""Threads, at most, for what LiteLLM does before and between awaits; made as they are needed."""


class RequestLoop:
    """Started by the first request; `close` ends what is still under way. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # protects the two fields below
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="llm-requests", daemon=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, work: Coroutine[Any, Any, Result]) -> "concurrent.futures.Future[Result]":
        """Run `work` there. Cancelling the future cancels it. Raises RuntimeError when closed."""
        with self._lock:
            if self._closed:
                work.close()
                raise RuntimeError("The request loop is closed.")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread.start()
            return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """Cancel what runs, close its connections, end the thread. Again: nothing happens."""
        with self._lock:
            self._closed = True
            loop = self._loop
        if loop is not None and self._thread.is_alive():
            loop.call_soon_threadsafe(loop.stop)
            self._thread.join()

    def _run(self) -> None:
        assert self._loop is not None
        with asyncio.Runner(loop_factory=self._the_loop) as runner:
            runner.get_loop().set_default_executor(
                concurrent.futures.ThreadPoolExecutor(PREPARERS, thread_name_prefix="llm-prepare")
            )
            runner.get_loop().run_forever()

    def _the_loop(self) -> asyncio.AbstractEventLoop:
        assert self._loop is not None
        return self._loop
