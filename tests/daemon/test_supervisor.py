import threading

from ml_intern.clock import SystemClock
from ml_intern.daemon.supervisor import Supervisor
from tests.support.waiting import wait_until


class QuickClock(SystemClock):
    """Pauses are over at once; the time that was asked for is remembered."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        self.pauses.append(timeout_s)
        return event.wait(0.001)


def test_a_reader_that_breaks_is_started_again_after_growing_pauses():
    clock = QuickClock()
    readers = Supervisor(clock)
    starts = []

    def run(stop: threading.Event) -> None:
        starts.append(threading.current_thread().name)
        if len(starts) < 4:
            raise RuntimeError("broken")
        stop.wait()

    readers.start("news", run)
    wait_until(lambda: len(starts) == 4)
    assert readers.stop(5)
    assert set(starts) == {"news"}
    assert clock.pauses[:3] == [1.0, 2.0, 4.0]


def test_one_that_breaks_does_not_disturb_the_others():
    readers = Supervisor(QuickClock())
    rounds = []

    def steady(stop: threading.Event) -> None:
        while not stop.wait(0.001):
            rounds.append(1)

    def broken(stop: threading.Event) -> None:
        raise RuntimeError("broken")

    readers.start("broken", broken)
    readers.start("steady", steady)
    wait_until(lambda: len(rounds) > 5)
    assert readers.stop(5)


def test_stopping_says_when_a_reader_does_not_end():
    readers = Supervisor(SystemClock())
    release = threading.Event()
    readers.start("deaf", lambda _stop: release.wait(20) and None)
    assert not readers.stop(0.05)
    release.set()
    assert readers.stop(5)
