"""Pieces of Block Kit, within Slack's limits. Pure: from text to blocks.

Whatever comes from a model, a script or another person is escaped here and cut to fit; what was
cut is brought as a file beside it.
"""

import json
from collections.abc import Mapping
from typing import Any

from ml_intern.slack.drafts import Block, Said
from ml_intern.slack.mrkdwn import code, code_length, escaped, fitting

SECTION = 3000
"""Characters of a section."""
SHOWN = 2400
"""Characters of a script or of arguments that are shown; longer ones are files."""
FACT = 1800
"""Characters of a fact in a column."""
TEXT = 3000
"""Characters of the text beside the blocks; an update takes 4,000 at most."""
MOST_TEXTS = 10
MOST_FIELDS = 10


def section(text: str) -> Block:
    """A paragraph of markup that is already within bounds."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def fields(facts: Mapping[str, str]) -> list[Block]:
    """Facts by name, in two columns; none for no facts. The values are markup already."""
    listed = [
        {"type": "mrkdwn", "text": f"*{escaped(name)}*\n{value}"}
        for name, value in facts.items()
        if value
    ]
    return [{"type": "section", "fields": listed[:MOST_FIELDS]}] if listed else []


def context(text: str) -> Block:
    """A line of small print."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text}]}


def button(action_id: str, words: str, value: str, style: str = "", confirm: str = "") -> Block:
    """One button; `confirm`: what is asked before it counts."""
    found: Block = {
        "type": "button",
        "action_id": action_id,
        "text": {"type": "plain_text", "text": words},
        "value": value,
    }
    if style:
        found["style"] = style
    if confirm:
        found["confirm"] = {
            "title": {"type": "plain_text", "text": "Sure?"},
            "text": {"type": "plain_text", "text": confirm},
            "confirm": {"type": "plain_text", "text": words[:30]},
            "deny": {"type": "plain_text", "text": "Cancel"},
        }
    return found


def actions(*buttons: Block) -> Block:
    """Buttons side by side."""
    return {"type": "actions", "elements": list(buttons)}


def said(text: str, *blocks: Block) -> Said:
    """A message; `text` is markup already."""
    return {"text": text[:TEXT], "blocks": list(blocks) or [section(text[:SECTION])]}


def arguments(found: Mapping[str, Any]) -> list[Block]:
    """The arguments of a call, each text with lines of its own by itself."""
    return [long(name, text) for name, text in texts(found)]


def texts(arguments: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What has lines of its own stands as it is; the rest is JSON together."""
    lines = {
        name: value for name, value in arguments.items() if isinstance(value, str) and "\n" in value
    }
    lines = dict(list(lines.items())[:MOST_TEXTS])
    rest = {name: value for name, value in arguments.items() if name not in lines}
    together = [("arguments", _json(rest))] if rest or not lines else []
    return [*together, *lines.items()]


def long(title: str, text: str) -> Block:
    """Text as code: whole where it fits, else its beginning."""
    head = f"*{fitting(title, 200)}*"
    if is_long(text):
        shown = f"{head} ({len(text):,} characters; whole in the file below)\n{code(text, 700)}"
        return section(shown)
    return section(f"{head}\n{code(text or ' ', SHOWN)}")


def is_long(text: str) -> bool:
    """Whether it would not be shown whole."""
    return code_length(text) > SHOWN


def _json(arguments: Mapping[str, Any]) -> str:
    return json.dumps(arguments, ensure_ascii=False, indent=2)
