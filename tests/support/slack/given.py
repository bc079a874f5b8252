"""Blocks and views as the tests of the stand-in write them."""

from typing import Any

from slack_sdk.errors import SlackApiError

Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def section(text: str = "text", **more: Any) -> Json:
    return {"type": "section", "text": mrkdwn(text), **more}


def button(action_id: str = "approve", text: str = "Approve", **more: Any) -> Json:
    return {"type": "button", "action_id": action_id, "text": plain(text), **more}


def actions(*elements: Json, **more: Any) -> Json:
    return {"type": "actions", "elements": list(elements), **more}


def option(value: str) -> Json:
    return {"text": plain(value), "value": value}


def select(*values: str, **more: Any) -> Json:
    options = [option(value) for value in values]
    return {"type": "static_select", "action_id": "choose", "options": options, **more}


def text_input(block_id: str = "script", **more: Any) -> Json:
    element = {"type": "plain_text_input", "action_id": "text", **more}
    return {"type": "input", "block_id": block_id, "label": plain("Script"), "element": element}


def modal(*blocks: Json, **more: Any) -> Json:
    frame = {"type": "modal", "title": plain("Edit"), "submit": plain("Run")}
    return {**frame, "blocks": list(blocks), **more}


def error_of(refused: SlackApiError) -> str:
    return refused.response["error"]
