"""No ring is missed, and a silent bell does not hold anybody for ever."""

import threading

from ml_intern.queue.bell import Bell


def test_a_ring_between_looking_and_waiting_is_heard() -> None:
    bell = Bell()
    heard = bell.rings()
    bell.ring(for_all=False)
    bell.wait(heard, 60)
    assert bell.rings() == heard + 1


def test_a_silent_bell_lets_go_after_its_time() -> None:
    bell = Bell()
    bell.wait(bell.rings(), 0.01)
    assert bell.rings() == 0


def test_a_ring_for_all_wakes_all() -> None:
    bell = Bell()
    waiting = [threading.Thread(target=bell.wait, args=(0, 60)) for _ in range(3)]
    for thread in waiting:
        thread.start()
    bell.ring(for_all=True)
    for thread in waiting:
        thread.join(10)
    assert not any(thread.is_alive() for thread in waiting)


def test_after_its_end_nobody_waits() -> None:
    bell = Bell()
    waiting = threading.Thread(target=bell.wait, args=(0, 60), daemon=True)
    waiting.start()
    bell.end()
    waiting.join(10)
    assert not waiting.is_alive()
    late = threading.Thread(target=bell.wait, args=(0, 60), daemon=True)
    late.start()
    late.join(10)
    assert not late.is_alive()
