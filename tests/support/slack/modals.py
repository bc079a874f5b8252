"""Modals: what a view may hold, and how views lie on a person's screen.

At most three lie on each other. Each change of a view gives it a new `hash`.
https://docs.slack.dev/surfaces/modals and https://docs.slack.dev/reference/views
"""

import json
from typing import Any

from tests.support.slack.blocks import IN_VIEW, check_blocks, with_ids
from tests.support.slack.call import Call, Desk
from tests.support.slack.refusals import Refused
from tests.support.slack.shapes import PLAIN, Problems, check_text
from tests.support.slack.workspace import APP, BOT, TEAM, Json, View, Workspace

DEEPEST = 3
LARGEST = 250_000
FIELDS = {
    "type", "title", "blocks", "close", "submit", "private_metadata", "callback_id",
    "clear_on_close", "notify_on_close", "external_id", "submit_disabled",
}  # fmt: skip


def check_view(workspace: Workspace, view: Any) -> Json:
    """The view when Slack would show it."""
    problems = Problems(lambda named: file_exists(workspace, named))
    if not isinstance(view, dict):
        raise Refused("invalid_arguments", messages=["must be an object [json-pointer:/view]"])
    if len(json.dumps(view)) > LARGEST:
        raise Refused("view_too_large")
    _check_frame(problems, view)
    if "blocks" in view:
        check_blocks(problems, "/view/blocks", view["blocks"], IN_VIEW)
    if not problems.messages:
        _check_submit(problems, view)
    if problems.messages:
        raise Refused("invalid_arguments", messages=problems.messages)
    return view


def _check_frame(problems: Problems, view: Json) -> None:
    problems.only("/view", view, FIELDS)
    problems.need("/view", view, "type", "title", "blocks")
    problems.one_of("/view/type", view.get("type"), {"modal"})
    for name in ("title", "submit", "close"):
        if name in view:
            check_text(problems, f"/view/{name}", view[name], PLAIN, 24)
    for name, longest in (("private_metadata", 3000), ("callback_id", 255), ("external_id", 255)):
        if name in view:
            problems.length(f"/view/{name}", view[name], longest)


def _check_submit(problems: Problems, view: Json) -> None:
    inputs = any(block["type"] == "input" for block in view["blocks"])
    if inputs and "submit" not in view:
        problems.add("/view", "missing required field: submit")


def file_exists(workspace: Workspace, named: Json) -> bool:
    """A Slack file, by id or by its address."""
    for file in workspace.files.values():
        known = named.get("id") == file.id or str(named.get("url", "")).endswith(f"/{file.id}")
        if known and file.complete:
            return True
    return False


def show(workspace: Workspace, user: str, definition: Json, *, on_top: bool) -> View:
    """Put a view on the person's screen: alone, or over those that are there."""
    screen = workspace.screens.setdefault(user, [])
    if not on_top:
        for view in screen:
            view.open = False
        screen.clear()
    view = _new(workspace, user, definition, screen)
    with workspace.change():
        screen.append(view)
        workspace.views[view.id] = view
    return view


def _new(workspace: Workspace, user: str, definition: Json, screen: list[View]) -> View:
    external = definition.get("external_id")
    if external and any(one.open and one.definition.get("external_id") == external
                        for one in workspace.views.values()):  # fmt: skip
        raise Refused("duplicate_external_id")
    view_id = workspace.number("V")
    kept = {**definition, "blocks": with_ids(definition["blocks"], workspace.number)}
    previous = screen[-1] if screen else None
    root = previous.root_id if previous else view_id
    return View(view_id, user, kept, _hash(workspace), root, previous.id if previous else None)


def replace(workspace: Workspace, view: View, definition: Json) -> View:
    with workspace.change():
        view.definition = {**definition, "blocks": with_ids(definition["blocks"], workspace.number)}
        view.hash = _hash(workspace)
        view.errors = {}
    return view


def close(workspace: Workspace, view: View) -> None:
    """Take one view away; what lies below shows again."""
    with workspace.change():
        view.open = False
        workspace.screens[view.user].remove(view)


def clear(workspace: Workspace, user: str) -> None:
    for view in list(workspace.screens.get(user, [])):
        close(workspace, view)


def _hash(workspace: Workspace) -> str:
    return f"{int(workspace.now())}.{workspace.number('h')}"


def shown(view: View, values: Json | None = None) -> Json:
    """A view as Slack gives it to the app."""
    optional = {"submit": None, "close": None, "callback_id": "", "private_metadata": ""}
    switches = {"clear_on_close": False, "notify_on_close": False, "external_id": ""}
    return {
        **optional,
        **switches,
        **view.definition,
        "id": view.id,
        "hash": view.hash,
        "team_id": TEAM,
        "app_id": APP,
        "bot_id": BOT,
        "app_installed_team_id": TEAM,
        "root_view_id": view.root_id,
        "previous_view_id": view.previous_id,
        "state": {"values": values or {}},
    }


def views_open(desk: Desk, call: Call) -> Json:
    """https://docs.slack.dev/reference/methods/views.open"""
    call.need("trigger_id", "view")
    definition = check_view(desk.workspace, call.parsed("view", "invalid_arguments"))
    trigger = desk.triggers.exchange(call.text("trigger_id"))
    return {"view": shown(show(desk.workspace, trigger.user, definition, on_top=False))}


def views_push(desk: Desk, call: Call) -> Json:
    """https://docs.slack.dev/reference/methods/views.push: from within a modal only."""
    call.need("trigger_id", "view")
    definition = check_view(desk.workspace, call.parsed("view", "invalid_arguments"))
    trigger = desk.triggers.exchange(call.text("trigger_id"))
    screen = desk.workspace.screens.get(trigger.user, [])
    if trigger.view_id is None or not screen:
        raise Refused("invalid_trigger_id")
    if len(screen) >= DEEPEST:
        raise Refused("push_limit_reached")
    return {"view": shown(show(desk.workspace, trigger.user, definition, on_top=True))}


def views_update(desk: Desk, call: Call) -> Json:
    """https://docs.slack.dev/reference/methods/views.update"""
    call.need("view")
    definition = check_view(desk.workspace, call.parsed("view", "invalid_arguments"))
    view = _named(desk.workspace, call)
    wanted = call.text("hash")
    if wanted and wanted != view.hash:
        raise Refused("hash_conflict")
    return {"view": shown(replace(desk.workspace, view, definition))}


def _named(workspace: Workspace, call: Call) -> View:
    view_id, external = call.text("view_id"), call.text("external_id")
    if not view_id and not external:
        call.need("view_id")
    for view in workspace.views.values():
        named = view.id == view_id or (external and view.definition.get("external_id") == external)
        if named and view.open:
            return view
    raise Refused("not_found")
