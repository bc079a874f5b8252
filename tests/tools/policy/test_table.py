"""Every tool and operation of the product has a stated verdict; docs/policy.md states the same."""

from pathlib import Path
from typing import Any, get_args

import pytest

from ml_intern.events import Effect
from ml_intern.tools.catalogue import all_tools
from ml_intern.tools.policy import Case, judge
from ml_intern.tools.protocol import Tool

CONFINED = {"unconfined": False, "network": False}
OPEN = ({"unconfined": True, "network": False}, {"unconfined": False, "network": True})
TABLE = {
    # tool, operation: (in the sandbox, without one or with the network open)
    ("plan", ""): ("allow", "allow"),
    ("ask_person", ""): ("allow", "allow"),
    ("propose_change", ""): ("ask", "ask"),
    ("memory", ""): ("allow", "allow"),
    ("notify", ""): ("allow", "allow"),
    ("withdraw_request", ""): ("allow", "allow"),
    ("read", ""): ("allow", "allow"),
    ("write", ""): ("allow", "allow"),
    ("edit", ""): ("allow", "allow"),
    ("bash", ""): ("allow", "ask"),
    ("papers", ""): ("allow", "allow"),
    ("read_paper", ""): ("allow", "allow"),
    ("extract_recipe", ""): ("allow", "allow"),
    ("hub_search", ""): ("allow", "allow"),
    ("hub_details", ""): ("allow", "allow"),
    ("hub_files", ""): ("allow", "allow"),
    ("hub_change", "create_private"): ("ask", "ask"),
    ("hub_change", "create_public"): ("ask", "ask"),
    ("hub_change", "upload"): ("ask", "ask"),
    ("hub_change", "delete"): ("ask", "ask"),
    ("hub_change", "pull_request"): ("ask", "ask"),
    ("hub_change", "create_branch"): ("ask", "ask"),
    ("hub_change", "delete_branch"): ("ask", "ask"),
    ("hub_change", "create_tag"): ("ask", "ask"),
    ("hub_change", "delete_tag"): ("ask", "ask"),
    ("check_licences", ""): ("allow", "allow"),
    ("docs", ""): ("allow", "allow"),
    ("library", ""): ("allow", "allow"),
    ("github", ""): ("allow", "allow"),
    ("inspect_dataset", ""): ("allow", "allow"),
    ("prepare_dataset", ""): ("allow", "allow"),
    ("survey_hardware", ""): ("allow", "allow"),
    ("plan_experiment", ""): ("allow", "allow"),
    ("estimate_memory", ""): ("allow", "allow"),
    ("write_recipe", ""): ("allow", "allow"),
    ("dummy_forward", ""): ("allow", "ask"),
    ("smoke_test", ""): ("allow", "ask"),
    ("launch_training", ""): ("allow", "ask"),
    ("watch_job", ""): ("allow", "allow"),
    ("cancel_job", ""): ("allow", "allow"),
    ("evaluate", "validation"): ("allow", "allow"),
    ("evaluate", "test"): ("allow", "allow"),
    ("write_model_card", ""): ("allow", "allow"),
    ("write_reproduce_bundle", ""): ("allow", "allow"),
    ("publish", "create_private"): ("ask", "ask"),
    ("publish", "create_public"): ("ask", "ask"),
    ("publish", "replace_private"): ("ask", "ask"),
    ("publish", "replace_public"): ("ask", "ask"),
}
DOCUMENT = Path(__file__).parents[3] / "docs/policy.md"


def case_of(tool: Tool[Any], operation: str, exposure: dict[str, bool]) -> Case:
    """A call of the tool that has no reason of its own to ask."""
    return Case(
        tool=tool.name,
        operation=operation,
        arguments={},
        effect=tool.effect,
        runs_code=tool.runs_code,
        is_question=tool.is_question,
        **exposure,
    )


def test_every_tool_and_operation_has_a_stated_verdict() -> None:
    found = {
        (tool.name, operation): (
            judge(case_of(tool, operation, CONFINED)).verdict,
            judge(case_of(tool, operation, exposed)).verdict,
        )
        for exposed in OPEN
        for tool in all_tools()
        for operation in tool.operations
    }
    assert found == TABLE
    assert all(tool.operations for tool in all_tools()), "an operation that nobody can list"


def test_the_document_states_the_same() -> None:
    rows = [
        [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        for line in DOCUMENT.read_text().splitlines()
        if line.startswith("| `")
    ]
    stated = {
        (tool, operation): (confined, exposed)
        for tool, operation, confined, exposed, _ in (row for row in rows if len(row) == 5)
    }
    assert stated == TABLE


@pytest.mark.parametrize("exposed", [CONFINED, *OPEN])
def test_no_effect_outside_the_workspace_is_allowed_without_a_rule(
    exposed: dict[str, bool],
) -> None:
    is_open = exposed != CONFINED
    for tool in all_tools():
        for operation in tool.operations:
            reaches_out = tool.effect == "external" or (tool.runs_code and is_open)
            if reaches_out:
                assert judge(case_of(tool, operation, exposed)).verdict == "ask", tool.name


@pytest.mark.parametrize("effect", get_args(Effect))
@pytest.mark.parametrize("cost", [None, 1, 10**9])
def test_nothing_that_may_cost_is_allowed_without_a_rule(effect: Effect, cost: int | None) -> None:
    case = Case(tool="any", arguments={}, effect=effect, cost_micro_usd=cost)
    assert judge(case).verdict == "ask"
