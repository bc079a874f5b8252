"""The page of a trace: what is on it, and that a browser shows it without any network."""

import asyncio
import io
import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Awaitable, Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from ml_intern.tracing.page import model
from ml_intern.tracing.page.gist import gist
from ml_intern.tracing.page.model import Page, page
from ml_intern.tracing.page.render import render
from ml_intern.transcript import reading
from ml_intern.transcript.conversation import joined
from ml_intern.transcript.problems import Problems
from tests.support.browser import Tab, browsing

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
    return of, "".join(render(of, problems))


def lines(*objects: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in objects)


def said(text: str) -> dict[str, Any]:
    return {"type": "user", "message": {"role": "user", "content": text}}


def noticed(time: str, **extra: Any) -> dict[str, Any]:
    return {
        "type": "system",
        "subtype": "informational",
        "content": "A notice.",
        "timestamp": f"2026-11-20T{time}Z",
        "mlIntern": extra,
    }


def test_spans_have_their_true_lengths() -> None:
    of, _ = made(FINISHED.read_bytes())
    lanes = {span.lane for span in of.spans}
    assert lanes == {"turns", "model", "tools", "waits", "jobs"}
    steps = [span for span in of.spans if span.lane != "turns"]
    longest = max(steps, key=lambda span: span.end_ms - span.begin_ms)
    assert (longest.kind, longest.label) == ("person", "waits for a person's yes")
    assert [span.kind for span in of.spans if span.lane == "waits"] == ["job", "person"]
    assert longest.end_ms - longest.begin_ms > NINE_HOURS_MS
    assert all(0 <= span.begin_ms <= span.end_ms for span in of.spans)
    assert [span.label for span in of.spans if span.kind == "failed"] == ["dummy_forward"]


def test_a_call_that_waited_for_a_yes_runs_only_from_then_on() -> None:
    of, _ = made(INTERRUPTED.read_bytes())
    denied = next(span for span in of.spans if span.label == "propose_change")
    waits = [span for span in of.spans if span.lane == "waits"]
    assert any(span.end_ms == denied.begin_ms for span in waits)
    assert denied.end_ms - denied.begin_ms < 1_000


def test_a_wait_for_a_yes_ends_when_it_is_given() -> None:
    of, _ = made(
        lines(
            said("Publish both."),
            noticed("10:00:00", waitingOn=["approval:a", "approval:b"]),
            noticed("10:00:30", approval={"id": "a", "verdict": "deny"}),
            noticed("10:01:00", approval={"id": "b", "verdict": "approve"}),
            {**said("Thanks."), "timestamp": "2026-11-20T10:09:00Z"},
        )
    )
    (wait,) = (span for span in of.spans if span.lane == "waits")
    assert wait.end_ms - wait.begin_ms == 60_000


def test_each_wait_for_a_model_is_one_of_its_own_and_no_persons() -> None:
    of, text = made(
        lines(
            said("Train."),
            noticed("10:00:00", waitingOn=["model:2026-11-20T10:01:00.000Z"]),
            noticed("10:01:00", waitingOn=["model:2026-11-20T10:03:00.000Z"]),
            {**said("Well?"), "timestamp": "2026-11-20T10:09:00Z"},
        )
    )
    waits = [span for span in of.spans if span.lane == "waits"]
    assert [(span.kind, span.end_ms - span.begin_ms) for span in waits] == [
        ("no-model", 60_000),
        ("no-model", 480_000),
    ]
    assert "waits for a model that answers" in text


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


def test_a_folded_call_tells_its_error_or_its_metrics() -> None:
    of, html = made(FINISHED.read_bytes())
    calls = [call for turn in of.turns for entry in turn.entries for call in entry.calls]
    gists = {call.tool: call.gist for call in calls}
    assert gists["evaluate"] == "accuracy 0.9611, macro_f1 0.9601"
    failed = next(call for call in calls if call.is_error)
    assert failed.gist == "The script failed. Read the traceback and edit it."
    assert f'<span class="gist">{failed.gist}</span>' in html


@pytest.mark.parametrize(
    ("result", "is_error", "told"),
    [
        ("", False, ""),
        ("\n  first\nsecond", False, "first"),
        ("Traceback (most recent call last):\n  deep\nKeyError: 3\n", True, "KeyError: 3"),
        ("refused\nbecause", True, "refused"),
        ('{"error": "no such file", "loss": 1}', True, "no such file"),
        ('{"a": {"eval_loss": 0.25}, "rows": [{"f1": 0.5}]}', False, "eval_loss 0.25, f1 0.5"),
        ('{"done": 1, "open": true, "items": []}', False, "done 1, open true"),
        ('{"loss": 1e999, "score": NaN}', False, "loss inf, score nan"),
        ('{"loss": 1' + "0" * 400 + "}", False, "loss 1" + "0" * 153 + "…"),
        ("[" * 5_000, False, "[" * 159 + "…"),
    ],
)
def test_the_gist_of_a_result(result: str, is_error: bool, told: str) -> None:
    assert gist(result, is_error=is_error) == told


def test_what_waits_says_for_what() -> None:
    lines = FINISHED.read_bytes().splitlines(keepends=True)
    last = next(n for n, line in enumerate(lines) if b'"waitingOn":["approval' in line)
    _, html = made(b"".join(lines[: last + 1]))
    assert '<b class="end waiting">waits for a person&#39;s yes</b>' in html
    assert '<span class="gist">waits for a person&#39;s yes</span>' in html
    assert "no result" not in html


def answer(number: int, at: str | None = None, cost: float | None = None) -> dict[str, Any]:
    block = {"type": "text", "text": f"answer {number}"}
    message = {"id": f"m{number}", "model": "m", "content": [block]}
    return {"type": "assistant", "message": message, "timestamp": at, "costUSD": cost}


def test_turns_are_listed_with_their_cost_and_result() -> None:
    ended = {"type": "system", "subtype": "turn_duration", "mlIntern": {"outcome": "finished"}}
    of, html = made(
        lines(said("one"), answer(1, cost=0.25), ended, said("two"), answer(2), answer(3, cost=0.5))
    )
    first, second = of.turns
    assert (first.outcome, first.cost, first.seconds) == ("finished", "$0.25", None)
    assert (second.outcome, second.cost) == ("", "at least $0.50")
    assert html.count('<li><a href="#turn-') == 2
    assert "<nav" not in made(lines(said("one")))[1]


def test_unknown_times_are_shown_as_unknown() -> None:
    _, html = made(lines(said("one"), answer(1)))
    assert html.count("<time>—</time>") == 2
    assert "<dt>took</dt><dd>—</dd>" in html


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
    assert html.count(f'<div class="person">{model.LEFT_OUT}') == 2
    assert "y" * 2_000 not in html


def test_a_page_has_no_more_entries_than_a_browser_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "MOST_ENTRIES", 5)
    of, html = made(INTERRUPTED.read_bytes())
    entries = [entry for turn in of.turns for entry in turn.entries]
    words = sum(bool(turn.number) for turn in of.turns)
    assert words + len(entries) + sum(len(entry.calls) for entry in entries) == 5
    assert len(of.spans) < 10
    assert of.left_out > 0
    assert f"{of.left_out} later lines are left out" in html
    assert of.digest.answers == 6


@pytest.mark.parametrize(
    "many",
    [
        [said("go")] * 50,
        [said("go"), {"type": "assistant", "message": {"content": [{"type": "tool_use", "name": "x",
            "input": {}}] * 50}}],
    ],
    ids=["words of a person", "calls of one answer"],
)  # fmt: skip
def test_whatever_there_is_much_of_has_an_end(
    many: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "MOST_ENTRIES", 10)
    of, _ = made(lines(*many))
    calls = sum(len(entry.calls) for turn in of.turns for entry in turn.entries)
    assert (len(of.turns), calls) in ((10, 0), (1, 8))


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
    assert document.count('class="tick"') > 3
    assert document.count("waits for a person</span>") == 1  # the legend
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


async def in_browser(html: str, folder: Path, act: Callable[[Tab, Path], Awaitable[Any]]) -> Any:
    """What `act` finds on the page, once it is shown."""
    assert CHROMIUM is not None
    path = folder / "page.html"
    path.write_text(html)
    async with browsing(CHROMIUM, folder / "profile") as tab:
        return await act(tab, path)


HOSTILE = "x" * 3_000
"""Longer than any line, and without a place to break it."""


@needs_chromium
def test_no_width_needs_a_sideways_scroll_or_hides_a_duration(tmp_path: Path) -> None:
    use = {"type": "tool_use", "id": "t1", "name": f"tool_{HOSTILE}", "input": {"a": HOSTILE}}
    asks = {"id": "m1", "model": HOSTILE, "content": [use]}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": HOSTILE}
    _, html = made(
        lines(
            said(HOSTILE),
            {"type": "assistant", "message": asks},
            {"type": "user", "message": {"content": [result]}, "toolUseResult": {"durationMs": 70}},
            said("two"),
        )
    )

    async def act(tab: Tab, path: Path) -> list[tuple[int, str]]:
        found = []
        for width in (400, 1280):
            await tab.look(path, width, 900)
            beyond = "document.documentElement.scrollWidth - innerWidth"
            right = "document.querySelector('.call .took').getBoundingClientRect().right"
            found.append((await tab.value(beyond), await tab.value(f"{right} < innerWidth")))
        return found

    for beyond, is_seen in asyncio.run(in_browser(html, tmp_path, act)):
        assert beyond <= 0
        assert is_seen


@needs_chromium
def test_without_times_there_is_no_timeline(tmp_path: Path) -> None:
    _, html = made(lines(said("one"), answer(1)))

    async def act(tab: Tab, path: Path) -> list[Any]:
        await tab.look(path, 1280, 900)
        drawn = "document.getElementById('chart').children.length"
        return [await tab.value(drawn), await tab.value("document.body.innerText")]

    drawn, text = asyncio.run(in_browser(html, tmp_path, act))
    assert drawn == 0
    assert "0.0 s" not in text
    assert "unfold all" in text


@needs_chromium
def test_a_session_of_centuries_has_few_ticks(tmp_path: Path) -> None:
    times = ("0002-01-01T00:00:00Z", "9998-01-01T00:00:00Z")
    _, html = made(lines(said("one"), *(answer(n, at) for n, at in enumerate(times))))

    async def act(tab: Tab, path: Path) -> list[int]:
        await tab.look(path, 1280, 900)
        ticks = "document.querySelectorAll('.tick').length"
        squeezed = await tab.value(ticks)
        await tab.value("document.getElementById('squeeze').click()")
        return [squeezed, await tab.value(ticks)]

    assert all(1 < count < 20 for count in asyncio.run(in_browser(html, tmp_path, act)))


@needs_chromium
def test_on_paper_all_is_unfolded(tmp_path: Path) -> None:
    async def act(tab: Tab, path: Path) -> list[int]:
        await tab.look(path, 1280, 900)
        folded = "document.querySelectorAll('details:not([open])').length"
        seen = "window.addEventListener('beforeprint', () => { window.onPaper = "
        await tab.value(f"{seen}{folded}; }})")
        before = await tab.value(folded)
        await tab.ask("Page.printToPDF")
        return [before, await tab.value("window.onPaper"), await tab.value(folded)]

    html = made(INTERRUPTED.read_bytes())[1]
    before, on_paper, after = asyncio.run(in_browser(html, tmp_path, act))
    assert on_paper == 0
    assert before == after > 3


@needs_chromium
def test_keys_go_from_answer_to_answer_and_from_turn_to_turn(tmp_path: Path) -> None:
    day = "2026-03-0{}T12:00:00Z"
    _, html = made(
        lines(said("one"), *(answer(n, day.format(n)) for n in (1, 2, 3)), said("two"), answer(4))
    )
    where = "(document.querySelector('.target') || {}).textContent || ''"

    async def act(tab: Tab, path: Path) -> list[str]:
        await tab.look(path, 1280, 900)
        found = []
        for key in ("j", "j", "k", "n", "j", "p", "/", "j"):
            await tab.press(key)
            found.append(str(await tab.value(where)).split()[-2:])
        days = "[...document.querySelectorAll('.day')].map(day => day.textContent).join()"
        found.append(await tab.value(days))
        found.append(await tab.value("document.getElementById('find').value"))
        return found

    *steps, days, typed = asyncio.run(in_browser(html, tmp_path, act))
    told = [" ".join(step) for step in steps]
    assert told[:3] == ["answer 1", "answer 2", "answer 1"]
    assert told[3].startswith("2 ")
    assert told[4] == "answer 4"
    assert told[5].startswith("2 ")
    assert typed == "j"
    assert days == "Sunday, 2026-03-01,Monday, 2026-03-02,Tuesday, 2026-03-03"


OWNED = "document.title='owned'"
EVIL = (
    f'</script></style></pre></title>--><script>{OWNED}</script><svg onload="{OWNED}">'
    f'<img src=x onerror={OWNED}>"\' autofocus onfocus="{OWNED}" x="\u2028javascript:{OWNED}'
)
STRUCTURE = frozenset(
    ("type", "role", "timestamp", "uuid", "parentUuid", "subtype", "level", "entrypoint")
)
"""Without these a line would not be read at all."""


def poisoned(value: Any, key: str = "") -> Any:
    """`value` with what would run behind each text, whatever field it stands in."""
    if isinstance(value, dict):
        return {name: poisoned(item, name) for name, item in value.items()} | {EVIL: EVIL}
    if isinstance(value, list):
        return [poisoned(item, key) for item in value]
    return value + EVIL if isinstance(value, str) and key not in STRUCTURE else value


class Elements(HTMLParser):
    """What a document consists of."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.names: Counter[str] = Counter()
        self.handlers: list[str] = []
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names[tag] += 1
        self.handlers += [name for name, _ in attrs if name.startswith("on")]


@needs_chromium
@pytest.mark.parametrize("example", [INTERRUPTED, FINISHED], ids=["interrupted", "finished"])
def test_a_browser_runs_nothing_whatever_field_it_stands_in(tmp_path: Path, example: Path) -> None:
    data = lines(*(poisoned(json.loads(line)) for line in example.read_text().splitlines()))
    of, html = made(data)
    assert len(of.spans) > 10
    path = tmp_path / "page.html"
    path.write_text(html)
    document = browse(path, tmp_path / "profile")
    assert "<title>owned" not in document
    for found in (Elements(html), Elements(document)):
        assert found.handlers == []
        assert found.names["script"] == 2
        assert found.names["img"] == 0


@needs_chromium
def test_a_browser_runs_nothing_of_a_trace(tmp_path: Path) -> None:
    evil = "</pre><script>document.title='owned'</script><img src=x onerror=document.title='owned'>"
    path = tmp_path / "page.html"
    html = made(lines(said(evil)))[1]
    # Even where escaping failed, the policy of the page lets nothing run.
    path.write_text(html.replace("</main>", f"{evil}</main>"))
    document = browse(path, tmp_path / "profile")
    assert "<title>owned</title>" not in document
