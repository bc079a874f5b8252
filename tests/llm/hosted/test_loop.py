"""The request loop: one thread, started late, ended for certain."""

import asyncio
import threading

import pytest

from ml_intern.llm.hosted.loop import RequestLoop
from tests.support.waiting import wait_until


async def name_of_thread() -> str:
    return threading.current_thread().name


def test_work_of_many_threads_runs_in_one() -> None:
    names: list[str] = []
    with RequestLoop() as loop:
        threads = [
            threading.Thread(target=lambda: names.append(loop.start(name_of_thread()).result()))
            for _ in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert names == ["llm-requests"] * 20


def test_a_loop_that_nobody_used_has_no_thread() -> None:
    before = threading.active_count()
    with RequestLoop():
        assert threading.active_count() == before


def test_cancelling_the_future_cancels_the_work() -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append("yes")

    with RequestLoop() as loop:
        future = loop.start(work())
        loop.start(asyncio.sleep(0)).result()
        future.cancel()
        wait_until(lambda: ended == ["yes"])


def test_close_ends_what_is_under_way_and_every_thread() -> None:
    before = threading.active_count()
    loop = RequestLoop()
    future = loop.start(asyncio.sleep(3600))
    loop.close()
    assert future.cancelled()
    assert threading.active_count() == before
    loop.close()


def test_a_closed_loop_takes_no_work() -> None:
    loop = RequestLoop()
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        loop.start(name_of_thread())
