"""What is not there, told with what to do next instead of by the address that was asked."""

from collections.abc import Iterator
from contextlib import contextmanager

from ml_intern.errors import OutsideError


@contextmanager
def missing_is(words: str) -> Iterator[None]:
    """Says in these words that a service has nothing there."""
    try:
        yield
    except OutsideError as exc:
        if exc.trouble != "missing":
            raise
        raise OutsideError(words, trouble="missing", code=exc.code) from exc
