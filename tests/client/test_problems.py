"""Errors come through as what they were."""

import json

import pytest

from ml_intern import errors
from ml_intern.client import problems
from ml_intern.client.problems import KINDS, ApiRefusal


@pytest.mark.parametrize("code", KINDS)
def test_every_kind_comes_back_as_its_error_with_its_words(code: str) -> None:
    sent = problems.problem(code, "What was wrong, and what to do.", retry_after_s=2.5)
    error = problems.error_of(problems.encode(sent))
    assert type(error) is KINDS[code].error
    assert str(error) == sent.detail
    if isinstance(error, errors.Busy):
        assert error.retry_after_s == 2.5
    if isinstance(error, ApiRefusal):
        assert error.code == code


def test_an_error_without_a_kind_of_its_own_is_the_nearest_above_it() -> None:
    assert problems.problem_of(errors.Draining("x", retry_after_s=1)).code == "draining"
    assert problems.problem_of(errors.LeaseLost("x")).code == "failed"
    assert problems.problem_of(ApiRefusal("x", code="unknown_path")).status == 404


def test_a_time_to_come_back_is_told_twice() -> None:
    found = problems.problem_of(errors.Busy("x", retry_after_s=1.2))
    assert found.retry_after_s == 1.2
    assert problems.headers(found)["Retry-After"] == "2"
    assert "Retry-After" not in problems.headers(problems.problem("failed", "x"))


def test_a_code_of_a_newer_daemon_is_kept() -> None:
    document = {"code": "too_hot", "title": "", "status": 418, "detail": "Wait.", "more": 1}
    error = problems.error_of(json.dumps(document).encode())
    assert isinstance(error, ApiRefusal)
    assert (error.code, str(error)) == ("too_hot", "Wait.")


@pytest.mark.parametrize(
    "document", [b"", b"Internal Server Error", b"[]", b"\xff", b'{"code": 7}']
)
def test_what_is_no_document_is_quoted(document: bytes) -> None:
    error = problems.error_of(document)
    assert type(error) is errors.ApiError
    assert document.decode("utf-8", "replace")[:9] in str(error)


def test_words_that_no_utf8_can_hold_do_not_hide_the_error() -> None:
    sent = problems.problem("failed", "\udcff is no folder")
    assert str(problems.error_of(problems.encode(sent))) == "? is no folder"
