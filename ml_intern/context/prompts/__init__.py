"""The system prompt: how to work, and what is true for one session.

Pure: the same facts give the same bytes, so that a provider's cache holds from turn to turn. It is
for language models alone: `autopilot` takes nothing from it, and no client may look for a fact in
it.
"""

from ml_intern.context.prompts.brief import in_brief
from ml_intern.context.prompts.facts import Machine, Project, SessionFacts, ToolFact
from ml_intern.context.prompts.phrases import HARNESS
from ml_intern.context.prompts.sections import in_full

__all__ = ["HARNESS", "Machine", "Project", "SessionFacts", "ToolFact", "system_prompt"]


def system_prompt(facts: SessionFacts, *, brief: bool = False) -> str:
    """The prompt of one session; the same facts give the same text, byte for byte.

    `brief`: about half as long, for a small window (`context/room.py`).
    """
    return in_brief(facts) if brief else in_full(facts)
