"""The page of a trace: what is on it, and that a browser shows it without any network."""

import io
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ml_intern.tracing.page import model
from ml_intern.tracing.page.model import Page, page
from ml_intern.tracing.page.render import render
from ml_intern.transcript import reading
from ml_intern.transcript.conversation import joined
from ml_intern.transcript.problems import Problems

INTERRUPTED = Path("traces/examples/c9f02920-881f-5462-872c-5b98acb62df8.jsonl")
FINISHED = Path("traces/examples/ee272992-1416-5d86-8c4a-bae706edcd42.jsonl")
CHROMIUM = shutil.which("chromium")
NINE_HOURS_MS = 9 * 3_600_000
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="chromium is not installed (Debian: apt-get install chromium)"
)


def made(data: bytes) -> tuple[Page, str]:
    problems = Problems()
    of = page(joined(reading.read_stream(io.BytesIO(data), problems)))
    return of, render(of, problems)


def lines(*objects: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in objects)


def said(text: str) -> dict[str, Any]:
    return {"type": "user", "message": {"role": "user", "content": text}}


def test_spans_have_their_true_lengths() -> None:
    of, _ = made(FINISHED.read_bytes())
    lanes = {span.lane for span in of.spans}
    assert lanes == {"model", "tools", "waits", "jobs"}
    longest = max(of.spans, key=lambda span: span.end_ms - span.begin_ms)
    assert (longest.lane, longest.label) == ("waits", "approval")
    assert longest.end_ms - longest.begin_ms > NINE_HOURS_MS
    assert all(0 <= span.begin_ms <= span.end_ms for span in of.spans)
    assert [span.label for span in of.spans if span.is_error] == ["dummy_forward"]


def test_what_was_used_only_grows() -> None:
    of, _ = made(INTERRUPTED.read_bytes())
    tokens = [point.tokens for point in of.points]
    assert tokens == sorted(tokens)
    assert tokens[-1] == 17_363 + 379
    assert of.points[-1].micro_usd == 5_685


def test_each_call_stands_with_its_answer() -> None:
    of, _ = made(INTERRUPTED.read_bytes())
    calls = [call for turn in of.turns for entry in turn.entries for call in entry.calls]
    assert [call.tool for call in calls if call.is_error] == [
        "inspect_dataset",
        "propose_change",
        "write_recipe",
        "watch_job",
    ]
    assert next(call.result for call in calls if call.tool == "ask_person") == '{"answer": "stars"}'


def test_other_peoples_text_does_not_run_and_breaks_nothing() -> None:
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
    _, html = made(lines(said(evil)))
    assert "<script>alert" not in html
    assert "<img" not in html
    assert html.count("<script") == 2


def test_the_page_names_no_address() -> None:
    _, html = made(FINISHED.read_bytes())
    assert re.findall(r'(?:src|href)="(?!#)[^"]*"', html) == []
    assert "default-src 'none'" in html
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest", html)


def test_problems_of_the_file_are_named() -> None:
    _, html = made(lines(said("go")) + b"broken\n")
    assert "1 problem in the file" in html
    assert "line 2: no JSON" in html


def test_a_page_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "MOST_CHARS", 1_000)
    _, html = made(lines(said("first"), said("x" * 2_000), said("y" * 2_000)))
    assert "first" in html
    assert html.count(model.LEFT_OUT) == 2
    assert "y" * 2_000 not in html


def test_a_page_has_no_more_entries_than_a_browser_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "MOST_ENTRIES", 5)
    of, html = made(INTERRUPTED.read_bytes())
    assert sum(len(turn.entries) for turn in of.turns) == 5
    assert len(of.spans) < 10
    assert of.left_out > 0
    assert f"{of.left_out} later lines are left out" in html
    assert of.digest.answers == 6


def browse(path: Path, profile: Path, fragment: str = "") -> str:
    """The document after its script ran."""
    assert CHROMIUM is not None
    command = (
        *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
        *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
        *("--disable-sync", f"--user-data-dir={profile}", "--dump-dom"),
    )
    address = f"{path.as_uri()}{fragment}"
    return subprocess.run(
        (*command, address), capture_output=True, text=True, check=True, timeout=120
    ).stdout


@needs_chromium
def test_a_browser_draws_the_timeline(tmp_path: Path) -> None:
    of, html = made(FINISHED.read_bytes())
    path = tmp_path / "page.html"
    path.write_text(html)
    document = browse(path, tmp_path / "profile")
    assert document.count("<rect ") == len(of.spans)
    assert document.count("<polyline ") == 1
    assert ">9 h 12 min</text>" in document
    anchors = set(re.findall(r'data-to="([^"]+)"', document))
    assert anchors
    assert all(f'id="{anchor}"' in document for anchor in anchors)


@needs_chromium
def test_a_browser_finds_words_and_unfolds_them(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(made(INTERRUPTED.read_bytes())[1])
    document = browse(path, tmp_path / "profile", "#find=end%20in%20the%20middle")
    assert ">1 place</span>" in document
    found = re.search(r'<pre class="result hit">([^<]*)</pre>', document)
    assert found is not None
    assert "end in the middle" in found[1]
    assert document.count("open=") == 1


@needs_chromium
def test_a_browser_runs_nothing_of_a_trace(tmp_path: Path) -> None:
    evil = "</pre><script>document.title='owned'</script><img src=x onerror=document.title='owned'>"
    path = tmp_path / "page.html"
    html = made(lines(said(evil)))[1]
    # Even where escaping failed, the policy of the page lets nothing run.
    path.write_text(html.replace("</main>", f"{evil}</main>"))
    document = browse(path, tmp_path / "profile")
    assert "<title>owned</title>" not in document
