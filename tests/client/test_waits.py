"""What a session waits for, in two words."""

import pytest

from ml_intern.client.waits import waits_for


@pytest.mark.parametrize(
    ("waiting_on", "words"),
    [
        (("approval:a1",), "needs you"),
        (("answer:c1",), "needs you"),
        (("job:j1", "unknown:c1"), "needs you"),
        (("job:j1", "budget:tokens"), "cap reached"),
        (("job:j1",), "training"),
        ((), "waiting"),
    ],
)
def test_the_most_urgent_is_named(waiting_on: tuple[str, ...], words: str) -> None:
    assert waits_for(waiting_on) == words
