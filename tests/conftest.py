"""What holds for all tests."""

import signal


def pytest_configure() -> None:
    """Signals do what they do in a terminal, also where the tests were started in the background.

    A shell starts background commands with SIGINT ignored, `nohup` with SIGHUP, and children
    inherit that.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
