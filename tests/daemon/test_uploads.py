"""Where a session's trace is on the Hub, and why nowhere, as a model card says it."""

from pathlib import Path
from typing import Any

import pytest

from ml_intern.daemon.uploads import trace_link, traces_of
from ml_intern.settings import Settings
from ml_intern.tools.protocol import TraceLink
from ml_intern.tracing.upload.ledger import UPLOADS, Known, Ledger, key_of, release

ENDPOINT = "http://127.0.0.1:9"
SESSION = "11111111-1111-4111-8111-111111111111"
PATH = f"sessions/2026-01-02/{SESSION}.jsonl"
KEY = key_of(ENDPOINT, "ada/ml-intern-sessions")


def settings(folder: Path, **changes: Any) -> Settings:
    given = {"state_dir": folder, "hf_endpoint": ENDPOINT, "hf_token": "hf_not-a-real-one"}
    return Settings(**{**given, **changes})


def link(chosen: Settings, **known: Any) -> TraceLink:
    """For a session whose trace was written, in a dataset of which this is known."""
    traces = traces_of(chosen)
    trace = traces / PATH
    trace.parent.mkdir(parents=True, exist_ok=True)
    trace.touch()
    Ledger(traces / UPLOADS, now=KEY, repositories={KEY: Known(**known)}).save()
    return trace_link(chosen, SESSION, trace)


def test_it_is_the_address_of_the_file_in_the_dataset(tmp_path: Path) -> None:
    assert link(settings(tmp_path)) == TraceLink(url=f"{KEY}/blob/main/{PATH}")


def test_it_follows_a_dataset_that_was_renamed(tmp_path: Path) -> None:
    found = link(settings(tmp_path), moved_to="ada/logs")
    assert found.url == f"{ENDPOINT}/datasets/ada/logs/blob/main/{PATH}"


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"traces_upload": False}, "traces_upload is false"), ({"hf_token": None}, "no token")],
)
def test_where_nothing_is_sent_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], words: str
) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "none"))
    found = link(settings(tmp_path, **changes))
    assert (found.url, words in found.why_none) == ("", True)


def test_before_anything_was_sent_nobody_knows_the_dataset(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    found = trace_link(chosen, SESSION, traces_of(chosen) / PATH)
    assert (found.url, "not known" in found.why_none) == ("", True)


def test_a_trace_that_somebody_deleted_there_is_not_linked(tmp_path: Path) -> None:
    found = link(settings(tmp_path), deleted=[PATH])
    assert (found.url, "deleted it on the Hub" in found.why_none) == ("", True)


def test_a_trace_of_what_came_from_elsewhere_is_linked_once_it_is_released(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    trace = traces_of(chosen) / PATH
    trace.parent.mkdir(parents=True)
    trace.write_text('{"mlIntern": {"model": "replay//elsewhere.jsonl"}}\n')
    assert "came from elsewhere" in link(chosen).why_none
    release(traces_of(chosen), SESSION, "2026-01-02")
    assert link(chosen, released={SESSION: "2026-01-02"}).url
