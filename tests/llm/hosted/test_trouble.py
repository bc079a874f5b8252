"""Errors by who must act, from the first cause; over HTTP in `test_faults.py`."""

import ssl
from datetime import UTC, datetime
from email.utils import format_datetime

import httpx
import pytest

from ml_intern.errors import ContextOverflow, ModelError, Refused, Retryable
from ml_intern.llm.hosted.trouble import LONGEST_WORDS, Moment, error_from, retry_after
from tests.llm.hosted.given import an_endpoint

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
ENDPOINT = an_endpoint("vllm/qwen3", api_base="http://box:8000/v1", api_key="sk-secret-1234567")


def error_for(status: int, body: str, moment: Moment | None = None) -> ModelError:
    request = httpx.Request("POST", "http://box:8000/v1/chat/completions")
    response = httpx.Response(status, text=body, request=request)
    cause = httpx.HTTPStatusError("", request=request, response=response)
    return error_from(cause, ENDPOINT, moment or Moment())


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": format_datetime(NOW.replace(minute=2), usegmt=True)}, 120.0),
        ({"retry-after": format_datetime(NOW.replace(hour=11), usegmt=True)}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
    ],
)
def test_retry_after_in_every_form(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == seconds


@pytest.mark.parametrize(
    "words",
    [
        "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens.",
        "prompt is too long: 205000 tokens > 200000 maximum",
        "the request exceeds the available context size (4096 tokens), try increasing it",
        "Input is too long for requested model.",
        "input length and `max_tokens` exceed context limit: 199000 + 8192 > 200000",
        "The input token count exceeds the maximum number of tokens allowed (1048576).",
        "Request too large for gpt-5.5 on tokens per min (TPM): Limit 30000, Requested 40000.",
    ],
)
@pytest.mark.parametrize("status", [400, 413, 429, 500])
def test_too_long_is_told_by_its_words_whatever_the_status(words: str, status: int) -> None:
    error = error_for(status, f'{{"error": {{"message": "{words}"}}}}')
    assert isinstance(error, ContextOverflow)


@pytest.mark.parametrize("body", ["", "<html><h1>413 Request Entity Too Large</h1></html>"])
def test_a_proxy_that_takes_no_larger_request_gets_a_shorter_one(body: str) -> None:
    error = error_for(413, body)
    assert isinstance(error, ContextOverflow)
    assert error.window is None


def test_no_credit_is_not_a_rate_limit() -> None:
    body = '{"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}'
    error = error_for(429, body)
    assert isinstance(error, Refused)
    assert "no credit left" in str(error)


@pytest.mark.parametrize(
    "body",
    [
        '{"error": {"message": "Overloaded", "type": "overloaded_error"}}',
        '{"type": "error", "error": {"message": "Overloaded", "type": "overloaded_error"}}',
        '{"message": "Overloaded", "code": "overloaded_error"}',
    ],
)
def test_the_providers_words_are_found_in_every_body(body: str) -> None:
    assert ": Overloaded (overloaded_error). " in str(error_for(529, body))


def test_a_page_is_not_quoted() -> None:
    error = error_for(502, "<!DOCTYPE html><html><body>Bad gateway</body></html>")
    assert isinstance(error, Retryable)
    assert "html" not in str(error)


def test_words_are_one_short_line_without_the_key() -> None:
    error = error_for(401, f"bad key\n  sk-secret-1234567 {'x' * 1000}")
    assert ": bad key [key] xxx" in str(error)
    assert "sk-secret" not in str(error)
    assert len(str(error)) < LONGEST_WORDS + 200


def test_a_fault_before_the_request_is_not_tried_again() -> None:
    """LiteLLM calls a missing module a connection error."""
    error = error_from(ImportError("No module named 'boto3'"), ENDPOINT, Moment())
    assert isinstance(error, Refused)
    assert "No module named 'boto3'" in str(error)


def test_an_unknown_fault_in_an_answer_is_tried_again_and_keeps_the_text() -> None:
    moment = Moment(content_type="text/event-stream", text="half a")
    error = error_from(KeyError("delta"), ENDPOINT, moment)
    assert isinstance(error, Retryable)
    assert error.text == "half a"


def test_a_certificate_that_is_not_trusted_is_for_a_person() -> None:
    error = httpx.ConnectError("no")
    error.__context__ = ssl.SSLCertVerificationError("self-signed certificate")
    said = error_from(error, ENDPOINT, Moment())
    assert isinstance(said, Refused)
    assert "SSL_CERT_FILE" in str(said)


def test_causes_that_lead_to_each_other_end() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__context__, second.__context__ = second, first
    assert isinstance(error_from(first, ENDPOINT, Moment()), Refused)
