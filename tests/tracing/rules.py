"""What every line and file must keep so that all known readers of the format take it.

Written without the codec, from the format's rules alone, so that a mistake there shows here.
"""

import json
import math
import re
from pathlib import Path
from typing import Any

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")
ENVELOPE = (
    *("parentUuid", "isSidechain", "userType", "cwd", "sessionId", "version", "type", "uuid"),
    "timestamp",
)
NULL_KILLER = re.compile(
    r'"(id|cwd|model|speed|costUSD|version|sessionId|requestId|isApiErrorMessage|'
    r'cache_read_input_tokens|cache_creation_input_tokens)":null'
)
SECRETS = re.compile(
    r"\bhf_[A-Za-z0-9]{16,}|\bsk-[A-Za-z0-9_-]{16,}|\bxox[abeoprs]-[A-Za-z0-9-]{8,}|"
    r"\bgh[opsur]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}|\bA(?:KIA|SIA)[A-Z0-9]{16}\b|"
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
LONGEST_CHAIN = 900
LONGEST_RESULT_BYTES = 20_000
SCOUT_TYPES: dict[str, type] = {
    "status": str,
    "agentId": str,
    "prompt": str,
    "content": str,
    "totalDurationMs": int,
    "totalTokens": int,
    "totalToolUseCount": int,
}


def broken_rules(path: Path) -> list[str]:
    """One sentence for each rule that the file breaks; none for a good one."""
    raw = path.read_bytes()
    problems = _bytes(raw)
    lines = [json.loads(line) for line in raw.splitlines() if _is_object(line)]
    for number, line in enumerate(lines, 1):
        problems += [f"line {number}: {problem}" for problem in _line(line, path.stem)]
    return problems + _chain(lines) + _pairs(lines) + _responses(lines)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _bytes(raw: bytes) -> list[str]:
    problems = []
    if not raw.endswith(b"\n"):
        problems.append("no newline at the end")
    if not raw.isascii():
        problems.append("a byte that is not ASCII")
    for number, line in enumerate(raw.removesuffix(b"\n").split(b"\n"), 1):
        try:
            value = json.loads(line, parse_constant=_refuse, object_pairs_hook=_once)
        except ValueError as exc:
            problems.append(f"line {number}: not JSON: {exc}")
            continue
        again = json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
        if again != line:
            problems.append(f"line {number}: blanks, or characters that are written otherwise")
        if value.get("type") == "assistant" and NULL_KILLER.search(line.decode()):
            problems.append(f"line {number}: a null that loses the line's usage")
        if SECRETS.search(line.decode()):
            problems.append(f"line {number}: a secret")
        problems += [f"line {number}: {problem}" for problem in _values(value)]
    return problems


def _refuse(name: str) -> None:
    raise ValueError(name)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key occurs twice")
    return dict(pairs)


def _values(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [problem for pair in value.items() for part in pair for problem in _values(part)]
    if isinstance(value, list):
        return [problem for item in value for problem in _values(item)]
    if isinstance(value, str) and any(
        0xD800 <= ord(char) <= 0xDFFF or char == "\0" for char in value
    ):
        return ["half a surrogate pair or a NUL"]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return ["an integer over 64 bits"]
    if isinstance(value, float) and not math.isfinite(value):
        return ["a number that is not finite"]
    return []


def _line(line: dict[str, Any], session_id: str) -> list[str]:
    problems = []
    if line.get("sessionId") != session_id:
        problems.append("the session is not that of the file's name")
    if not isinstance(line.get("mlIntern", {}).get("seq"), int):
        problems.append("no place in the journal")
    if line["type"] == "ai-title":
        return problems + ([] if line["aiTitle"].strip() else ["no title"])
    problems += [f"no {key}" for key in ENVELOPE if key not in line]
    problems += [f"{key} is null" for key in line if line[key] is None and key != "parentUuid"]
    if not UUID.match(line["uuid"]):
        problems.append("uuid is none")
    if not STAMP.match(line["timestamp"]):
        problems.append("timestamp of another form")
    if not re.fullmatch(r"\d+\.\d+\.\d+", line["version"]):
        problems.append("version is not three numbers")
    if (line["userType"], line["isSidechain"], line["cwd"]) != ("external", False, "/workspace"):
        problems.append("userType, isSidechain or cwd")
    kinds = {"user": _user, "assistant": _assistant, "system": _system}
    if line["type"] not in kinds:
        return [*problems, f"type {line['type']}"]
    return problems + kinds[line["type"]](line)


def _user(line: dict[str, Any]) -> list[str]:
    message = line["message"]
    if message["role"] != "user":
        return ["role"]
    if isinstance(message["content"], str):
        return [] if message["content"].strip() else ["an empty message"]
    if len(message["content"]) != 1:
        return ["a result is not alone on its line"]
    result, problems = message["content"][0], []
    if result["type"] != "tool_result" or not result["tool_use_id"]:
        problems.append("not a result")
    if not isinstance(result["content"], str) or not result["content"].strip():
        problems.append("a result without words")
    elif len(json.dumps(result["content"])) - 2 > LONGEST_RESULT_BYTES:
        problems.append("a result that is too long")
    if not isinstance(result["is_error"], bool):
        problems.append("is_error")
    details = line["toolUseResult"]
    if isinstance(details, dict):
        problems += [
            f"toolUseResult.{key}"
            for key, kind in SCOUT_TYPES.items()
            if key in details and not isinstance(details[key], kind)
        ]
    elif not isinstance(details, str):
        problems.append("toolUseResult")
    return problems


def _assistant(line: dict[str, Any]) -> list[str]:
    message, problems = line["message"], []
    if (message["role"], message["type"]) != ("assistant", "message"):
        problems.append("role or type of the message")
    problems += [f"no {key}" for key in ("id", "model", "content") if not message[key]]
    if not line["requestId"]:
        problems.append("no requestId")
    usage = message["usage"]
    for key in ("input", "output", "cache_creation_input", "cache_read_input"):
        if type(usage[f"{key}_tokens"]) is not int:
            problems.append(f"usage.{key}_tokens")
    if not isinstance(line.get("costUSD", 0), int | float):
        problems.append("costUSD")
    order = [block["type"] for block in message["content"]]
    if order != sorted(order, key=["thinking", "text", "tool_use"].index):
        problems.append("blocks are out of order")
    for block in message["content"]:
        if block["type"] == "tool_use":
            if not (block["id"] and block["name"] and isinstance(block["input"], dict)):
                problems.append("a call without id, name or input")
        elif not block[block["type"]].strip():
            problems.append("an empty block")
    return problems


def _system(line: dict[str, Any]) -> list[str]:
    match line["subtype"]:
        case "informational":
            good = line["content"].strip() and line["level"] in ("info", "warning", "error")
        case "turn_duration":
            good = type(line["durationMs"]) is int
        case "compact_boundary":
            good = (
                line["content"]
                and line["level"] == "info"
                and UUID.match(line["logicalParentUuid"])
                and line["compactMetadata"]["trigger"] in ("auto", "manual")
                and type(line["compactMetadata"]["preTokens"]) is int
            )
        case _:
            good = False
    return [] if good else [f"a bad system line of subtype {line['subtype']}"]


def _chain(lines: list[dict[str, Any]]) -> list[str]:
    problems = []
    depth: dict[str, int] = {}
    links = [line for line in lines if line["type"] != "ai-title"]
    if not links or links[0]["type"] != "user" or lines[0]["type"] != "user":
        problems.append("the file does not begin with the person's words")
    if sum(line["type"] == "ai-title" for line in lines) > 1:
        problems.append("two titles")
    for before, line in zip([None, *links], links, strict=False):
        parent, boundary = line["parentUuid"], line.get("subtype") == "compact_boundary"
        if line["uuid"] in depth:
            problems.append("a uuid occurs twice")
        if before is not None and line["timestamp"] <= before["timestamp"]:
            problems.append("two lines in one millisecond, or backwards")
        if parent is None and before is not None and not boundary:
            problems.append("a second line without parent")
        if parent is not None and (before is None or parent != before["uuid"]):
            problems.append("a line does not hang on the one before it")
        after_boundary = before is not None and before.get("subtype") == "compact_boundary"
        if after_boundary != (line.get("isCompactSummary") is True):
            problems.append("a boundary without its summary, or the reverse")
        depth[line["uuid"]] = 1 if parent is None else depth.get(parent, 0) + 1
    if depth and max(depth.values()) > LONGEST_CHAIN:
        problems.append("a chain that is too long for readers that recurse")
    return problems


def _pairs(lines: list[dict[str, Any]]) -> list[str]:
    asked: dict[str, str] = {}
    answered: set[str] = set()
    problems = []
    for line in lines:
        content = line.get("message", {}).get("content")
        for block in content if isinstance(content, list) else []:
            if block["type"] == "tool_use":
                if block["id"] in asked:
                    problems.append("two calls of one id")
                asked[block["id"]] = line["uuid"]
            elif block["type"] == "tool_result":
                use_id = block["tool_use_id"]
                if use_id not in asked or use_id in answered:
                    problems.append("a result without call, or a second one")
                elif line["sourceToolAssistantUUID"] != asked[use_id]:
                    problems.append("a result that names another line as its call's")
                answered.add(use_id)
    return problems + [f"call {use_id} has no result" for use_id in asked if use_id not in answered]


def _responses(lines: list[dict[str, Any]]) -> list[str]:
    replies = [line for line in lines if line["type"] == "assistant"]
    if not replies:
        return ["no answer of a model"]
    ids = {line["message"]["id"] for line in replies} | {line["requestId"] for line in replies}
    return [] if len(ids) == 2 * len(replies) else ["two answers share an id"]
