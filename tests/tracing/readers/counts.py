"""What a session file holds, counted from its lines alone, to hold a reader's figures against."""

import json
from pathlib import Path
from typing import Any

JsonObject = dict[str, Any]


def counts(path: Path, *, with_agents: bool = False) -> JsonObject:
    """By the names under which `probes.py` tells what a reader shows.

    `calls` and `results` are ids; `…_in_chain` those behind the last line of the conversation
    without a parent; `users` are user lines that are no result, `answers` assistant lines.
    `with_agents`: with the files of its sub-agents, which some readers show in it.
    """
    agents = sorted(path.with_suffix("").glob("subagents/*.jsonl")) if with_agents else ()
    lines = [json.loads(line) for one in (*agents, path) for line in one.read_bytes().splitlines()]
    talk = [line for line in lines if line["type"] in ("user", "assistant")]
    users = [line for line in talk if line["type"] == "user" and not _of(line, "tool_result")]
    answers = [line for line in talk if line["type"] == "assistant"]
    calls, results = _calls(talk), _results(talk)
    began = max(place for place, line in enumerate(lines) if _is_root(line))
    chain = [line for line in lines[began:] if line in talk]
    return {
        "calls": calls,
        "call_count": len(calls),
        "results": [one["tool_use_id"] for one in results],
        "result_count": len(results),
        "errors": sum(one["is_error"] for one in results),
        "lines": len(talk),
        "users": len(users),
        "answers": len(answers),
        "texts": sum(len(_of(line, "text")) for line in answers),
        "thoughts": sum(len(_of(line, "thinking")) for line in answers),
        "compactions": sum(line.get("subtype") == "compact_boundary" for line in lines),
        "tokens": sum(_tokens(line["message"]["usage"]) for line in answers),
        "calls_in_chain": _calls(chain),
        "results_in_chain": [one["tool_use_id"] for one in _results(chain)],
    }


def differences(shown: JsonObject, held: JsonObject) -> list[str]:
    """Where a reader shows something else than the file holds; empty: nowhere."""
    if why := shown.get("refused"):
        return [f"refused: {why}"]
    found = [f"complains: {line}" for line in shown.get("complaints", ())]
    for name in sorted(shown.keys() - {"complaints"}):
        a, b = shown[name], held[name]
        if isinstance(b, list) and sorted(a) != sorted(b):
            lost, more = sorted(set(b) - set(a)), sorted(set(a) - set(b))
            found.append(f"{name}: {len(a)} of {len(b)}, lost {lost[:3]}, more {more[:3]}")
        elif not isinstance(b, list) and a != b:
            found.append(f"{name}: {a}, the file has {b}")
    return found


def _is_root(line: JsonObject) -> bool:
    return "uuid" in line and line["parentUuid"] is None


def _of(line: JsonObject, kind: str) -> list[JsonObject]:
    """The blocks of a kind in a message."""
    content = line["message"]["content"]
    return [one for one in content if one["type"] == kind] if isinstance(content, list) else []


def _calls(talk: list[JsonObject]) -> list[str]:
    return [
        one["id"] for line in talk if line["type"] == "assistant" for one in _of(line, "tool_use")
    ]


def _results(talk: list[JsonObject]) -> list[JsonObject]:
    return [one for line in talk if line["type"] == "user" for one in _of(line, "tool_result")]


def _tokens(usage: JsonObject) -> int:
    return sum(value for name, value in usage.items() if name.endswith("_tokens"))
