"""A whole session that a model drives from its weights, without a network."""

from pathlib import Path

import pytest

from ml_intern import MLIntern, tool
from ml_intern.cli.doctor import models
from ml_intern.events import ModelReplied, ToolFinished
from ml_intern.queue.rows import Recorded
from ml_intern.settings import Settings
from tests.llm.weights import tiny

pytestmark = pytest.mark.timeout(300)


@tool(effect="read")
def double(number: int) -> int:
    """Double a number."""
    return 2 * number


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state directory of the test's own, and no way to any server."""
    monkeypatch.setenv("ML_INTERN_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("ML_INTERN_SANDBOX", "process")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


def test_a_tiny_model_drives_a_session(folder):
    name = f"transformers/{folder}"
    with MLIntern(name, tools=[double]) as intern:
        events = [
            seen.event for seen in intern.stream("What is twice 21?") if isinstance(seen, Recorded)
        ]
    first, last = [event for event in events if isinstance(event, ModelReplied)]
    (answer,) = [event for event in events if isinstance(event, ToolFinished)]

    assert (first.model, first.stop_reason, first.cost_micro_usd) == (name, "tool_calls", 0)
    assert (first.tool_calls[0].name, first.tool_calls[0].arguments) == ("double", '{"number": 21}')
    assert (answer.ok, "42" in answer.output) == (True, True)
    assert (last.text, last.stop_reason) == (tiny.DONE, "end")
    assert last.usage.cache_read_tokens >= first.usage.input_tokens > 1_000


def test_doctor_says_where_it_would_run_and_whether_it_fits(folder):
    check = models.model(
        Settings(model=f"transformers/{folder}", context_windows={"transformers/*": 4096})
    )
    assert (check.verdict, check.next_step) == ("ok", "")
    assert "needs" in check.found
    assert "on cpu in float32" in check.found
    assert "window 4,096 (context_windows), answer 1,024" in check.found
