"""What is put into the outbox: the one form that teller and clerk write and the sender reads.

A body has `act` (`post`, `update`, `file` or `ephemeral`), `channel`, and what that act needs:
`thread`, the key of the row that began the thread (empty: it begins one); `target`, the key of the
row that is replaced; `text` and `blocks`; `name` and `content` of a file; `user` and `thread_ts` of
what one person sees; `curve`, numbers that are drawn and shown below the blocks.
"""

from typing import Any, TypedDict

from ml_intern.messages import SessionId
from ml_intern.queue.mail import Draft

CHANNEL = "slack"
"""Of inbox and outbox."""
Block = dict[str, Any]


class Said(TypedDict):
    """A message: text for notifications and old windows, blocks for all others."""

    text: str
    blocks: list[Block]


def root_key(session_id: SessionId) -> str:
    """Of the row that began the session's thread."""
    return f"{CHANNEL}:{session_id}:root"


def root(session_id: SessionId, said: Said, *, channel: str) -> Draft:
    """The message that begins the session's thread."""
    body = {"act": "post", "channel": channel, "thread": "", **said}
    return _draft(session_id, "root", body)


def known_root(session_id: SessionId, *, channel: str, ts: str) -> Draft:
    """A thread that somebody else began: nothing is sent."""
    body = {"act": "post", "channel": channel, "thread": ""}
    return Draft(
        lane=session_id,
        dedupe=root_key(session_id),
        body=body,
        session_id=session_id,
        external_id=external_id(channel, ts),
    )


def post(session_id: SessionId, key: str, said: Said, *, channel: str, **more: Any) -> Draft:
    """A message in the session's thread."""
    body = {"act": "post", "channel": channel, "thread": root_key(session_id), **said, **more}
    return _draft(session_id, key, body)


def update(
    session_id: SessionId, key: str, target: str, said: Said, *, channel: str, **more: Any
) -> Draft:
    """Other contents for a message of the session."""
    body = {
        "act": "update",
        "channel": channel,
        "thread": root_key(session_id),
        "target": f"{CHANNEL}:{session_id}:{target}",
        **said,
        **more,
    }
    return _draft(session_id, key, body)


def file(session_id: SessionId, key: str, name: str, content: str, *, channel: str) -> Draft:
    """A text file in the session's thread."""
    body = {
        "act": "file",
        "channel": channel,
        "thread": root_key(session_id),
        "name": name,
        "content": content,
    }
    return _draft(session_id, key, body)


def announcement(session_id: SessionId, key: str, said: Said, *, channel: str) -> Draft:
    """A message that belongs to no thread."""
    body = {"act": "post", "channel": channel, "thread": "", **said}
    dedupe = f"{CHANNEL}:{session_id}:{key}"
    return Draft(lane=f"to:{channel}", dedupe=dedupe, body=body, session_id=session_id)


def ephemeral(key: str, text: str, *, channel: str, user: str, thread_ts: str) -> Draft:
    """Words that only one person sees; in a lane of their own, so that they wait for nobody."""
    body = {
        "act": "ephemeral",
        "channel": channel,
        "user": user,
        "thread_ts": thread_ts,
        "text": text,
    }
    return Draft(lane=f"only:{user}", dedupe=f"{CHANNEL}:{key}", body=body)


def external_id(channel: str, ts: str) -> str:
    """What Slack calls a message."""
    return f"{channel}:{ts}"


def _draft(session_id: SessionId, key: str, body: dict[str, Any]) -> Draft:
    dedupe = f"{CHANNEL}:{session_id}:{key}"
    return Draft(lane=session_id, dedupe=dedupe, body=body, session_id=session_id)
