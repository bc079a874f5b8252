"""The rule-based planner: a model client without a language model.

`reading` turns a person's words into an `Objective`; `fold` turns the conversation into a `Case`;
`decide` asks the rules in order for the next `Step`; `client` wraps that as a `ModelClient`.
"""

from ml_intern.llm.autopilot.client import Autopilot

__all__ = ["Autopilot"]
