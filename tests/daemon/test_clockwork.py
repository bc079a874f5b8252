"""What is due is done in time, whatever else breaks."""

import threading

from ml_intern.daemon.clockwork import Clockwork


def test_every_chore_is_done_again_and_again_although_one_breaks() -> None:
    times = 0
    enough = threading.Event()

    def breaking() -> None:
        raise OSError("the disk is away")

    def counting() -> None:
        nonlocal times
        times += 1
        if times == 3:
            enough.set()

    clockwork = Clockwork([breaking, counting], every_s=0.05)
    clockwork.start()
    assert enough.wait(20)
    clockwork.stop()
    assert not [each for each in threading.enumerate() if "clockwork" in each.name]


def test_a_clockwork_that_never_began_stops() -> None:
    Clockwork([]).stop()
