"""One request loop for all tests of a module, as one serves all sessions of a daemon."""

from collections.abc import Iterator

import pytest

from ml_intern.llm.hosted import RequestLoop, warm


@pytest.fixture(scope="module")
def loop() -> Iterator[RequestLoop]:
    warm()
    with RequestLoop() as loop:
        yield loop
