import pytest

from ml_intern import errors
from ml_intern.cli import exits


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        ("finished", 0),
        ("failed", 1),
        ("stopped", 3),
        ("waiting", 4),
        (None, 75),
        ("interrupted", 130),
    ],
)
def test_each_end_has_a_status_of_its_own(outcome: str | None, status: int) -> None:
    assert exits.of_outcome(outcome) == status


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InputError("x"), 2),
        (errors.UnknownSession("x"), 2),
        (errors.Busy("x", retry_after_s=1.0), 75),
        (errors.StoreUnavailable("x"), 75),
        (errors.ConfigError("x"), 78),
        (errors.SandboxError("x"), 78),
        (errors.ComputeError("x"), 1),
    ],
)
def test_errors_are_sorted_by_who_must_act(error: errors.MLInternError, status: int) -> None:
    assert exits.of_error(error) == status
