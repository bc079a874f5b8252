"""What a session waits for, in two words."""

import pytest

from ml_intern.client.waits import goes_on_by_itself, models_at, waits_for
from ml_intern.clock import parse_stamp


@pytest.mark.parametrize(
    ("waiting_on", "words"),
    [
        (("approval:a1",), "needs you"),
        (("answer:c1",), "needs you"),
        (("job:j1", "unknown:c1"), "needs you"),
        (("job:j1", "budget:tokens"), "cap reached"),
        (("job:j1",), "training"),
        (("model:2026-01-31T12:00:00.000Z", "job:j1"), "training"),
        (("model:2026-01-31T12:00:00.000Z",), "no model"),
        (("model:2026-01-31T12:00:00.000Z", "approval:a1"), "needs you"),
        ((), "waiting"),
    ],
)
def test_the_most_urgent_is_named(waiting_on: tuple[str, ...], words: str) -> None:
    assert waits_for(waiting_on) == words


def test_jobs_end_and_models_are_asked_again_whatever_people_do() -> None:
    assert goes_on_by_itself(("approval:a1", "model:2026-01-31T12:00:00.000Z"))
    assert goes_on_by_itself(("job:j1",))
    assert not goes_on_by_itself(("approval:a1", "budget:tokens"))


def test_the_first_moment_at_which_a_model_is_asked_again_counts() -> None:
    first = "2026-01-31T12:00:00.250Z"
    waiting_on = ("model:2026-01-31T12:05:00.000Z", f"model:{first}", "approval:a1")
    assert models_at(waiting_on) == parse_stamp(first)
    assert models_at(("approval:a1",)) is None
