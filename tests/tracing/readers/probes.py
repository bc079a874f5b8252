"""Asks one reader about files; runs in the readers' environment, where there is nothing of ours.

`python probes.py READER FILE...` writes a JSON object for each file, in order: what the reader
shows of it, under the names that `counts.py` explains, or why it does not (`refused`).
"""

import asyncio
import contextlib
import io
import json
import logging
import os
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

Shown = dict[str, Any]

_COMPLAINT = re.compile(
    r"validation error|unrecognized|JSON decode error|Traceback|^\s*Line \d+ of"
)


def claude_code_log(path: Path) -> Shown:
    """Its JSON, with everything unfolded."""
    from claude_code_log.cli import main

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out.json"
        how = ["-f", "json", "--depth", "hook", "--no-cache", "-o", str(target)]
        said = _command(main, [str(path), *how])
        document = json.loads(target.read_text(encoding="utf-8"))
    nodes, left = [], list(document["messages"])
    while left:
        nodes.append(left.pop())
        left += nodes[-1].get("children", [])
    results = [node["content"] for node in nodes if node["type"] == "tool_result"]
    session = next(one for one in document["sessions"] if one["id"] == path.stem)
    return {
        "calls": [one["content"]["tool_use_id"] for one in nodes if one["type"] == "tool_use"],
        "results": [one["tool_use_id"] for one in results],
        "errors": sum(bool(one.get("is_error")) for one in results),
        "users": sum(node["type"] == "user" for node in nodes),
        "thoughts": sum(node["type"] == "thinking" for node in nodes),
        "tokens": sum(map(int, re.findall(r": (\d+)", session.get("token_summary") or ""))),
        "complaints": [line for line in said.splitlines() if _COMPLAINT.search(line)],
    }


def claude_code_transcripts(path: Path) -> Shown:
    """Its pages."""
    from claude_code_transcripts import cli

    with tempfile.TemporaryDirectory() as folder:
        _command(cli, ["json", str(path), "-o", folder])
        pages = "".join(page.read_text("utf-8") for page in Path(folder).glob("page-*.html"))
        index = (Path(folder) / "index.html").read_text("utf-8")
    figures = re.search(r"(\d+) prompts . (\d+) messages . (\d+) tool calls", index)
    assert figures is not None, "the index has no figures"
    return {
        "calls": re.findall(r'data-tool-id="([^"]+)"', pages),
        "result_count": len(re.findall(r'<div class="tool-result[ "]', pages)),
        "errors": pages.count('<div class="tool-result tool-error"'),
        "lines": int(figures[2]),
    }


def claude_agent_sdk(path: Path) -> Shown:
    """What it would go on from: by its own rule, only what follows the last new chain."""
    import shutil

    import claude_agent_sdk as sdk

    with tempfile.TemporaryDirectory() as folder:
        os.environ["CLAUDE_CONFIG_DIR"] = folder
        project = Path(folder) / "projects" / "-workspace"
        project.mkdir(parents=True)
        shutil.copy(path, project)
        messages = sdk.get_session_messages(path.stem)
        listed = [one.session_id for one in sdk.list_sessions()]
    assert listed == [path.stem], f"it lists {listed}"
    blocks = [
        block
        for message in messages
        if isinstance(content := message.message["content"], list)
        for block in content
    ]
    return {
        "calls_in_chain": [one["id"] for one in blocks if one["type"] == "tool_use"],
        "results_in_chain": [one["tool_use_id"] for one in blocks if one["type"] == "tool_result"],
    }


def inspect_scout(path: Path) -> Shown:
    """Its events."""
    return asyncio.run(_scout(path))


async def _scout(path: Path) -> Shown:
    from inspect_scout.sources import claude_code

    (one,) = [transcript async for transcript in claude_code(path=path)]
    kinds = [type(event).__name__ for event in one.events]
    tools = [event for event in one.events if type(event).__name__ == "ToolEvent"]
    return {
        "calls": [event.id for event in tools],
        "result_count": sum(bool(event.result) or event.error is not None for event in tools),
        "errors": sum(event.error is not None for event in tools),
        "answers": kinds.count("ModelEvent"),
        "compactions": kinds.count("CompactionEvent"),
        "tokens": one.total_tokens or 0,
    }


def data_designer(path: Path) -> Shown:
    """Its seed records."""
    from data_designer.engine.resources.agent_rollout.claude_code import (
        ClaudeCodeAgentRolloutFormatHandler,
    )

    handler = ClaudeCodeAgentRolloutFormatHandler()
    (record,) = handler.parse_file(root_path=path.parent, relative_path=path.name)
    roles = [message["role"] for message in record.messages]
    return {
        "call_count": record.tool_call_count,
        "result_count": roles.count("tool"),
        "users": roles.count("user"),
        "answers": roles.count("assistant"),
    }


def dataclaw(path: Path) -> Shown:
    """Its parsed session."""
    from dataclaw.anonymizer import Anonymizer
    from dataclaw.parsers.claude import parse_session_file

    session = parse_session_file(path, Anonymizer())
    assert session is not None, "it sees no session"
    stats = session["stats"]
    uses = [use for message in session["messages"] for use in message.get("tool_uses", [])]
    return {
        "call_count": stats["tool_uses"],
        "result_count": sum(bool(use.get("status")) for use in uses),
        "errors": sum(use.get("status") == "error" for use in uses),
        "users": stats["user_messages"],
        "answers": stats["assistant_messages"],
        "tokens": stats["input_tokens"] + stats["output_tokens"],
    }


def trackio(path: Path) -> Shown:
    """Its timeline."""
    from trackio.logbook_trace import normalize_trace

    trace = normalize_trace(path)
    assert trace["provider"] == "Claude Code", f"it takes it for one of {trace['provider']}"
    by_kind: dict[str, list[Any]] = {}
    for event in trace["events"]:
        by_kind.setdefault(event["kind"], []).append(event)
    results = by_kind.get("tool_result", [])
    return {
        "calls": [event["call_id"] for event in by_kind.get("tool_call", [])],
        "results": [event["call_id"] for event in results],
        "errors": sum(event.get("status") == "error" for event in results),
        "users": len(by_kind.get("user", [])),
        "texts": len(by_kind.get("assistant", [])),
        "thoughts": len(by_kind.get("reasoning", [])),
    }


def hub(folder: Path) -> Shown:
    """The rows that the Hub's conversion makes of a dataset's folder, by session."""
    import datasets
    from datasets.packaged_modules.json.json import AGENT_TRACES_FEATURES

    datasets.disable_progress_bars()
    found = []
    for streaming in (False, True):
        with tempfile.TemporaryDirectory() as cache:
            how = {"split": "train", "streaming": streaming, "cache_dir": cache}
            rows = datasets.load_dataset(str(folder), "default", **how)
            assert rows.features == AGENT_TRACES_FEATURES, f"no agent traces: {rows.features}"
            found.append({row["session_id"]: _row(row) for row in rows})
    assert found[0] == found[1], "streaming gives other rows"
    return found[0]


def _row(row: dict[str, Any]) -> Shown:
    assert (row["harness"], bool(row["prompt"])) == ("claude_code", True), "no prompt"
    messages = row["messages"]
    calls = [call["id"] for message in messages for call in message.get("tool_calls") or []]
    assert row["num_tool_calls"] == len(calls), "it counts other calls than it shows"
    return {
        "calls": calls,
        "results": [one["tool_call_id"] for one in messages if one["role"] == "tool"],
        "users": row["num_user_messages"],
    }


def _command(command: Any, arguments: list[str]) -> str:
    """A click command in this process; all that it says. Raises what it raises."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            command.main(arguments, standalone_mode=False)
        except SystemExit as exc:
            if exc.code:
                raise RuntimeError(f"status {exc.code}: {said.getvalue()[-400:]}") from exc
    return said.getvalue()


class _Complaints(logging.Handler):
    """Keeps what is logged as a warning or worse."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.kept: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(record.getMessage())


def _ask(probe: Callable[[Path], Shown], path: Path) -> Shown:
    complaints = _Complaints()
    logging.getLogger().addHandler(complaints)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            shown = probe(path)
    except Exception as exc:  # noqa: BLE001 - whatever a reader does with a file is its answer
        return {"refused": f"{type(exc).__name__}: {str(exc)[:400]}"}
    finally:
        logging.getLogger().removeHandler(complaints)
    if complaints.kept:
        shown["complaints"] = [*shown.get("complaints", ()), *complaints.kept]
    return shown


def main() -> None:
    """See above."""
    reader, *paths = sys.argv[1:]
    for path in paths:
        answer = _ask(globals()[reader], Path(path))
        sys.__stdout__.write(json.dumps(answer) + "\n")
        sys.__stdout__.flush()


if __name__ == "__main__":
    main()
