"""One thread that writes, and one wait for the disk for all that came while it waited.

Each work has a savepoint of its own, so that one that fails takes nothing of the others with it.
All get their answers after the commit; when that fails, all fail.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from sqlalchemy import Connection

from ml_intern.queue.database import Work

T = TypeVar("T")

MOST_AT_ONCE = 256
"""Works of one transaction."""


class WriterClosed(Exception):
    """The work came after `close`; it was not done."""


class _Order:
    """One work and the answer to it."""

    def __init__(self, work: Work[Any]) -> None:
        self.work = work
        self.answer: Future[Any] = Future()
        self.outcome: Any = None
        self.error: Exception | None = None

    def settle(self) -> None:
        if self.error is None:
            self.answer.set_result(self.outcome)
        else:
            self.answer.set_exception(self.error)


class GroupCommit:
    """The one writer of a database. Safe from any thread."""

    def __init__(
        self, connection: Connection, alone: Callable[[], AbstractContextManager[None]]
    ) -> None:
        """`alone`: keeps other processes out during a transaction."""
        self._connection = connection
        self._alone = alone
        self._orders: SimpleQueue[_Order | None] = SimpleQueue()
        # Protects `_closed`: no order comes behind the one that ends the thread.
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def write(self, work: Work[T]) -> T:
        """What `work` returns, once that is on disk.

        Raises what it raises, and what the commit does; WriterClosed after `close`.
        """
        order = _Order(work)
        with self._lock:
            if self._closed:
                raise WriterClosed
            self._orders.put(order)
        outcome: T = order.answer.result()
        return outcome

    def close(self) -> None:
        """Write what waits, and end."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._orders.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._orders.get()) is not None:
            group, is_last = self._with_all_that_waits(first)
            self._commit(group)
            if is_last:
                return

    def _with_all_that_waits(self, first: _Order) -> tuple[list[_Order], bool]:
        group = [first]
        while len(group) < MOST_AT_ONCE:
            try:
                order = self._orders.get_nowait()
            except Empty:
                break
            if order is None:
                return group, True
            group.append(order)
        return group, False

    def _commit(self, group: list[_Order]) -> None:
        try:
            with self._alone(), self._connection.begin():
                for order in group:
                    self._do(order, is_one_of_many=len(group) > 1)
        except Exception as exc:  # noqa: BLE001 - whatever it is, whoever waits must hear of it
            for order in group:
                order.error = order.error or exc
        for order in group:
            order.settle()

    def _do(self, order: _Order, *, is_one_of_many: bool) -> None:
        if not is_one_of_many:
            order.outcome = order.work(self._connection)
            return
        self._connection.exec_driver_sql("SAVEPOINT work")
        try:
            order.outcome = order.work(self._connection)
        except Exception as exc:  # noqa: BLE001 - it is whoever gave the work who must hear of it
            order.error = exc
            # Fails when SQLite gave up the whole transaction, e.g. on a full disk.
            self._connection.exec_driver_sql("ROLLBACK TO work")
        self._connection.exec_driver_sql("RELEASE work")
