"""Gathers what the system prompt says of a session: its tools, machine, limits and instructions.

Cheap, because it is done for every op: the machine is looked at once per process and nothing heavy
is imported. What is read here may not change by itself from op to op, see `SessionFacts`.
"""

import functools
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import psutil

from ml_intern.context.prompts import Machine, Project, SessionFacts, ToolFact
from ml_intern.context.prompts.facts import Asks
from ml_intern.errors import InputError
from ml_intern.queue.store import SessionRow
from ml_intern.session.desk import Limits
from ml_intern.tools.files.beneath import read_beneath
from ml_intern.tools.policy import Case, Rule, judge
from ml_intern.tools.protocol import Tool, Workplace
from ml_intern.tools.training.hardware import gpu_names, memory_limit_bytes, usable_cpus

log = logging.getLogger(__name__)

INSTRUCTION_FILES = ("ML_INTERN.md", "AGENTS.md")
"""The first that is found counts; ours before the one that all agents read."""
MOST_BYTES = 32 * 1024
_TOOLS_PACKAGE = "ml_intern.tools."


def session_facts(
    row: SessionRow,
    place: Workplace,
    *,
    tools: Iterable[Tool[Any]],
    limits: Limits,
    instructions: str,
    rules: Sequence[Rule] = (),
) -> SessionFacts:
    """The facts of one session, as they are now."""
    return SessionFacts(
        began=row.created.date(),
        workspace=place.workspace,
        started_in=place.started_in,
        tools=tuple(_tool(tool, place, rules) for tool in tools),
        machine=machine(),
        memory_limit_bytes=memory_limit_bytes(place.memory_bytes),
        sandbox=place.sandbox.name,
        network=place.network,
        max_iterations=limits.max_iterations,
        max_turn_s=limits.max_turn_s,
        job_timeout_s=place.job_timeout_s,
        session_cap_micro_usd=limits.caps.session_micro_usd,
        day_cap_micro_usd=limits.caps.day_micro_usd,
        daemon_cap_micro_usd=limits.caps.daemon_micro_usd,
        max_tokens=limits.caps.tokens,
        max_work_s=limits.caps.seconds,
        instructions=instructions,
        project=find_project(place.started_in, place.workspace),
    )


@functools.cache
def machine() -> Machine:
    """This machine; looked at once."""
    return Machine(
        cpus=usable_cpus(),
        memory_bytes=psutil.virtual_memory().total,
        gpus=gpu_names(Path("/")),
    )


def find_project(started_in: Path, workspace: Path) -> Project | None:
    """The instructions that lie where the task was typed, else in the workspace."""
    for folder in (started_in, workspace):
        for name in INSTRUCTION_FILES:
            text = _instructions(folder / name)
            if text:
                return Project(path=folder / name, text=text, in_workspace=folder == workspace)
    return None


def _instructions(path: Path) -> str:
    """The text of one file, or as much of it as is read; empty when there is none to be used."""
    try:
        content = _content(path)
    except InputError as exc:
        log.warning("instructions_not_used", extra={"path": str(path), "error": str(exc)})
        return ""
    except OSError as exc:  # most often a folder that the daemon's user may not see
        log.info("instructions_not_read", extra={"path": str(path), "error": str(exc)})
        return ""
    return "" if content is None else _shortened(content)


def _content(path: Path) -> bytes | None:
    """The beginning of the file; None when there is none. Raises OSError, InputError."""
    try:
        found = path.resolve()
    except RuntimeError as exc:
        raise InputError(f"{path} is a ring of links.") from exc
    if not found.is_relative_to(path.parent.resolve()):
        raise InputError(f"{path} leads out of its folder.")
    return read_beneath(path.parent, found, MOST_BYTES + 1)


def _shortened(content: bytes) -> str:
    text = content[:MOST_BYTES].decode("utf-8", "replace").removeprefix("\ufeff")
    text = text.replace("\0", "\ufffd").strip()
    if len(content) <= MOST_BYTES:
        return text
    return f"{text}\n[cut here: only the first {MOST_BYTES // 1024} KiB of the file are read]"


def _tool(tool: Tool[Any], place: Workplace, rules: Sequence[Rule]) -> ToolFact:
    return ToolFact(name=tool.name, family=_family(tool), asks=_asks(tool, place, rules))


def _family(tool: Tool[Any]) -> str:
    """Each family has one folder or file of its own."""
    module = type(tool).__module__
    if not module.startswith(_TOOLS_PACKAGE):
        return "own"
    return module.removeprefix(_TOOLS_PACKAGE).partition(".")[0]


def _asks(tool: Tool[Any], place: Workplace, rules: Sequence[Rule]) -> Asks:
    """A rule may be about some of the calls only, and what is denied is not asked either."""
    case = Case(
        tool=tool.name,
        arguments={},
        effect=tool.effect,
        runs_code=tool.runs_code,
        unconfined=place.sandbox.name == "none",
        network=place.network,
        is_question=tool.is_question,
    )
    usual = judge(case).verdict
    if any(rule.is_about(tool.name) and rule.verdict != usual for rule in rules):
        return "sometimes"
    if usual == "ask":
        return "always"
    return "never" if type(tool).ask_reason is Tool.ask_reason else "sometimes"
