"""The README of the repository: what makes the Hub's trace viewer read the files.

What somebody wrote there stays: keys are added where they are missing, and the words below them are
left alone.
"""

from typing import Any

import yaml

from ml_intern.hub.card import parted

MARK = "ml-intern-sessions"
"""The tag by which we know a repository as ours."""
TAGS = ("agent-traces", MARK)
_SESSIONS = {
    "config_name": "default",
    "data_files": [{"split": "train", "path": "sessions/*/*.jsonl"}],
}
_SUBAGENTS = {
    "config_name": "subagents",
    "data_files": [{"split": "train", "path": "sessions/*/*/subagents/*.jsonl"}],
}
_WORDS = """# Sessions of ml-intern

What an agent did, session by session, in the format of Claude Code's own session files: one file a
session, or several for a long one, in the folder of the day on which it began. Written by ml-intern
as it happened, without the secrets that it knew of.
"""
_NEW_BODY = f"\n{_WORDS}"


def is_ours(text: str) -> bool:
    """Whether a card bears our mark."""
    fields = parted(text)[0]
    tags = None if fields is None else fields.get("tags")
    return isinstance(tags, list) and MARK in tags


def lists_subagents(text: str) -> bool:
    """Whether a card has their configuration."""
    return any(_name(one) == "subagents" for one in _configs(parted(text)[0] or {}))


def merged(text: str, *, subagents: bool) -> str:
    """The card with all that is needed; `text` is empty for none.

    Metadata that is no YAML object is left as it is: only a person knows what it was to be.
    """
    fields, rest = parted(text)
    if fields is None:
        return text
    before = dict(fields)
    fields.setdefault("pretty_name", "Sessions of ml-intern")
    fields.setdefault("license", "other")
    tags = fields.get("tags")
    if tags is None or isinstance(tags, list):
        there = tags or []
        fields["tags"] = [*there, *(tag for tag in TAGS if tag not in there)]
    wanted = [_SESSIONS, _SUBAGENTS] if subagents else [_SESSIONS]
    configs = _configs(fields)
    named = {_name(one) for one in configs}
    fields["configs"] = [*configs, *(one for one in wanted if one["config_name"] not in named)]
    if fields == before:
        return text
    head = yaml.safe_dump(fields, sort_keys=False, allow_unicode=True)
    return f"---\n{head}---\n{rest if rest.strip() else _NEW_BODY}"


def _configs(fields: dict[str, Any]) -> list[Any]:
    found = fields.get("configs")
    return found if isinstance(found, list) else []


def _name(config: Any) -> str:
    return str(config.get("config_name")) if isinstance(config, dict) else ""
