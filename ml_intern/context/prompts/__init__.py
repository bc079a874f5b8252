"""The system prompt: how to work, and what is true for one session.

Pure: the same facts give the same bytes, so that a provider's cache holds from turn to turn. It is
for language models alone: `autopilot` takes nothing from it, and no client may look for a fact in
it.
"""

from ml_intern.context.prompts.facts import Machine, Project, SessionFacts, ToolFact
from ml_intern.context.prompts.sections import HARNESS, system_prompt

__all__ = ["HARNESS", "Machine", "Project", "SessionFacts", "ToolFact", "system_prompt"]
