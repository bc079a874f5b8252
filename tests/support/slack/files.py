"""Uploading in three steps: ask for an address, send the bytes there, complete.

https://docs.slack.dev/messaging/working-with-files#upload
"""

from typing import Any

from tests.support.slack.call import Call, Desk
from tests.support.slack.payloads import as_file, message_event
from tests.support.slack.refusals import Refused
from tests.support.slack.workspace import BOT, BOT_USER, Channel, File, Json, Message, Workspace


def get_upload_url(desk: Desk, call: Call) -> Json:
    """https://docs.slack.dev/reference/methods/files.getUploadURLExternal"""
    call.need("filename", "length")
    length = call.number("length", 0)
    if length <= 0:
        raise Refused("invalid_arguments", messages=["length must be greater than 0"])
    file = File(desk.workspace.number("F"), call.text("filename"), length)
    with desk.workspace.change():
        desk.workspace.files[file.id] = file
    return {"upload_url": f"{desk.url()}/upload/v1/{file.id}", "file_id": file.id}


def receive(workspace: Workspace, file_id: str, content: bytes) -> tuple[int, str]:
    """What the upload address answers: a status and a line of text."""
    file = workspace.files.get(file_id)
    if file is None or file.complete:
        return 404, "not found"
    if len(content) != file.length:
        return 400, f"length mismatch: expected {file.length}, got {len(content)}"
    with workspace.change():
        file.content = content
    return 200, f"OK - {len(content)}"


def complete_upload(desk: Desk, call: Call) -> Json:
    """Shares the files as one message per channel, or keeps them private without a channel.

    https://docs.slack.dev/reference/methods/files.completeUploadExternal
    """
    call.need("files")
    named = call.parsed("files", "invalid_arguments")
    files = [_uploaded(desk.workspace, one) for one in named]
    channels = [_target(desk.workspace, name) for name in _channels(call)]
    for channel in channels:
        _thread(channel, call)
    with desk.workspace.change():
        for file, one in zip(files, named, strict=True):
            file.complete, file.title = True, one.get("title") or file.name
            file.channels = [channel.id for channel in channels]
    for channel in channels:
        _share(desk.workspace, channel, files, call, desk.url())
    return {"files": [as_file(file, desk.url()) for file in files]}


def info(desk: Desk, call: Call) -> Json:
    """https://docs.slack.dev/reference/methods/files.info"""
    call.need("file")
    file = desk.workspace.files.get(call.text("file"))
    if file is None or not file.complete:
        raise Refused("file_not_found")
    return {"file": as_file(file, desk.url()), "comments": []}


def _uploaded(workspace: Workspace, named: Any) -> File:
    file = workspace.files.get(named.get("id", "")) if isinstance(named, dict) else None
    if file is None or file.content is None or file.complete:
        raise Refused("file_not_found")
    return file


def _channels(call: Call) -> list[str]:
    names = [call.text("channel_id"), *call.text("channels").split(",")]
    return [name for name in names if name]


def _target(workspace: Workspace, name: str) -> Channel:
    """Ids only: names and people are not known here."""
    channel = workspace.channels.get(name)
    if channel is None:
        raise Refused("channel_not_found")
    if channel.archived:
        raise Refused("is_archived")
    if BOT_USER not in channel.members:
        raise Refused("not_in_channel")
    return channel


def _thread(channel: Channel, call: Call) -> str | None:
    thread_ts = call.text("thread_ts") or None
    if thread_ts and thread_ts not in channel.messages:
        raise Refused("thread_not_found")
    return thread_ts


def _share(workspace: Workspace, channel: Channel, files: list[File], call: Call, url: str) -> None:
    message = Message(
        channel=channel.id,
        ts=workspace.next_ts(),
        user=BOT_USER,
        bot_id=BOT,
        text=call.text("initial_comment"),
        thread_ts=_thread(channel, call),
        files=[file.id for file in files],
    )
    workspace.store(message)
    workspace.tell(*message_event(workspace, message, url))
