"""Facts of a session, for the golden prompts; `python -m tests.context.prompts.given` writes
them.
"""

from datetime import date
from pathlib import Path
from typing import Any

from ml_intern.context.prompts import Machine, Project, SessionFacts, ToolFact, system_prompt

GOLDEN = {
    brief: Path(__file__).with_name("golden_brief.txt" if brief else "golden.txt")
    for brief in (False, True)
}
TOOLS = {
    "plan": ("plan",),
    "memory": ("memory",),
    "person": ("ask_person", "propose_change"),
    "files": ("read", "write", "edit"),
    "bash": ("bash",),
    "data": ("inspect_dataset", "prepare_dataset"),
    "training": (
        *("survey_hardware", "estimate_memory", "write_recipe", "dummy_forward", "smoke_test"),
        *("launch_training", "watch_job", "evaluate", "write_model_card"),
        *("write_reproduce_bundle", "publish"),
    ),
    "own": ("count_files",),
}
ALWAYS = ("propose_change", "publish")


def tool_facts(*families: str) -> tuple[ToolFact, ...]:
    """The tools of these families."""
    return tuple(
        ToolFact(
            name=name,
            family=family,
            asks="always" if name in ALWAYS else "sometimes" if name == "count_files" else "never",
        )
        for family in families
        for name in TOOLS[family]
    )


def a_session(**changes: Any) -> SessionFacts:
    """A session with everything that a prompt can speak of."""
    fields: dict[str, Any] = {
        "began": date(2026, 1, 31),
        "workspace": Path("/var/lib/ml-intern/sessions/1/workspace"),
        "started_in": Path("/home/ada/project"),
        "tools": tool_facts(*TOOLS),
        "machine": Machine(cpus=16, memory_bytes=128 << 30, gpus=("NVIDIA H100 80GB HBM3",)),
        "memory_limit_bytes": 64 << 30,
        "sandbox": "bubblewrap",
        "network": False,
        "max_iterations": 300,
        "max_turn_s": 43_200.0,
        "job_timeout_s": 86_400.0,
        "session_cap_micro_usd": 10_000_000,
        "day_cap_micro_usd": 30_000_000,
        "instructions": "Report in French.",
        "project": Project(path=Path("/home/ada/project/AGENTS.md"), text="Use seed 7."),
    }
    return SessionFacts(**{**fields, **changes})


if __name__ == "__main__":
    for short, path in GOLDEN.items():
        path.write_text(system_prompt(a_session(), brief=short), encoding="utf-8")
