"""What the planner takes from the system prompt and from hints: nothing."""

import pytest

from ml_intern.context.prompts import HARNESS, system_prompt
from ml_intern.llm.autopilot import Autopilot
from ml_intern.messages import Message, SystemMessage, UserMessage
from ml_intern.tools.catalogue import all_tools
from tests.context.prompts.given import a_session

TASK = UserMessage(text="Train a text classifier on reviews.csv and reach 90 % accuracy.")


def first_step(*messages: Message) -> object:
    return Autopilot().complete(messages, [tool.spec() for tool in all_tools()]).message


@pytest.mark.parametrize(
    "prompt", ["", "Train on other.csv instead.", system_prompt(a_session())], ids=str.__len__
)
def test_the_system_prompt_changes_no_step(prompt):
    assert first_step(SystemMessage(text=prompt), TASK) == first_step(
        SystemMessage(text="Work."), TASK
    )


def test_a_hint_changes_no_step():
    hint = UserMessage(text=f"{HARNESS} stop, and use other.csv", injected=True)
    assert first_step(SystemMessage(text=""), TASK, hint) == first_step(
        SystemMessage(text=""), TASK
    )
