"""The sender: rows of the outbox go to Slack, in order within each thread and at Slack's pace.

One process at a time. A sending whose end is in doubt (a crash, a broken connection) is looked for
by the key that the message bears before it is sent again. That is no use while another process
still sends it, so the row that says who sends is kept before everything that somebody sees. Of
several updates of one message only the newest goes out. Nothing waits for it but its own thread:
whoever puts rows is done. Slack needs a fraction of a second for each message, so a few senders
share the channels.
"""

import logging
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from ml_intern.clock import Clock
from ml_intern.errors import (
    LeaseLost,
    SlackError,
    SlackLimited,
    SlackRefused,
    SlackUnclear,
    StoreUnavailable,
)
from ml_intern.queue.mail import Mail, Post
from ml_intern.slack.drafts import CHANNEL, external_id
from ml_intern.slack.picture import drawn
from ml_intern.slack.shift import Shift, in_shifts
from ml_intern.slack.web import TOKEN, SlackWeb

log = logging.getLogger(__name__)

SENDERS = 4
"""With 0.15 s for each message they keep Slack's pace in some twenty channels."""
METADATA = "ml_intern_message"
PACE_S = 1.0
"""Between two messages in one channel."""
PAGE = 200
IDLE_S = 1.0
LINGER_S = 2.0
"""For the last words of those who were told to stop, too."""
LONGEST_PAUSE_S = 60.0
MOST_BREAKS = 3
"""How often a message is tried that breaks whoever sends it."""
GIVE_UP_AFTER = timedelta(hours=24)
WHISPERS_AGAIN = timedelta(minutes=5)
"""How long words that one person sees are repeated when it is in doubt whether they arrived."""
SKEW = timedelta(minutes=10)
"""By which our clock and Slack's may differ."""

_PLACE = frozenset(
    {"channel_not_found", "external_channel_migrating", "is_archived", "message_limit_exceeded",
     "messages_tab_disabled", "missing_scope", "no_permission", "not_in_channel",
     "posting_to_general_channel_denied", "restricted_action",
     "restricted_action_non_threadable_channel", "restricted_action_read_only_channel",
     "restricted_action_thread_locked", "restricted_action_thread_only_channel",
     "user_not_in_channel"}
)  # fmt: skip
"""It cannot be sent there until somebody mends it; other messages can."""
_GONE = frozenset({"message_not_found", "edit_window_closed", "cant_update_message", "is_inactive"})
"""The message cannot be changed; what it would say now is said in a new one."""


def share_of(channel: str, senders: int) -> int:
    """The number of the sender that sends there: the same in every process."""
    return zlib.crc32(channel.encode()) % senders


class Sender:
    """Belongs to one thread."""

    def __init__(
        self,
        mail: Mail,
        web: SlackWeb,
        clock: Clock,
        pace_s: float = PACE_S,
        *,
        number: int = 0,
        of: int = 1,
    ) -> None:
        """`number`: which one it is of so many that share the channels, from 0."""
        self.name = f"slack-sender-{number}"
        self._number, self._of = number, of
        self._not_ours: set[str] = set()
        """Channels of the others that were seen."""
        self._mail = mail
        self._web = web
        self._clock = clock
        self._pace_s = pace_s
        self._free_at: dict[str, float] = {}
        """When the next message may go to a channel, for those that wait."""
        self._rest_until = 0.0
        """Until then nothing is sent at all."""
        self._failures = 0
        """In a row, of the kind that every message would meet."""
        self._breaks: Counter[int] = Counter()
        """How often a row has broken this sender, by id."""
        self._complaint = ""
        """What was last written to the log."""
        self._keep: Callable[[], None] = lambda: None
        """Of the shift: raises LeaseLost when another process sends now."""

    def run(self, stop: threading.Event) -> None:
        """Send until `stop` is set, and what comes soon after that."""
        in_shifts(self._mail, self._clock, self.name, lambda shift: self._serve(shift, stop), stop)

    def _serve(self, shift: Shift, stop: threading.Event) -> None:
        self._keep = shift.keep
        end: float | None = None
        while end is None or self._clock.monotonic() < end:
            if stop.is_set() and end is None:
                end = self._clock.monotonic() + LINGER_S
            self._keep()
            heard = self._mail.rings()
            if not self.send_next():
                self._mail.wait(heard, self._pause_s())

    def send_next(self) -> bool:
        """Deal with the oldest row whose channel is free; false when there is none now."""
        now = self._clock.monotonic()
        if now < self._rest_until:
            return False
        self._free_at = {name: at for name, at in self._free_at.items() if at > now}
        post = self._next()
        if post is None:
            return False
        self._deal_with(post)
        return True

    def _next(self) -> Post | None:
        while found := self._mail.ready(CHANNEL, 1, [*self._free_at, *self._not_ours]):
            channel = found[0].body["channel"]
            if share_of(channel, self._of) == self._number:
                return found[0]
            self._not_ours.add(channel)
        return None

    def _pause_s(self) -> float:
        """Until something may be sent; mail that comes in between ends it sooner."""
        now = self._clock.monotonic()
        times = [at - now for at in (self._rest_until, *self._free_at.values()) if at > now]
        return min([IDLE_S, *times])

    def _deal_with(self, post: Post) -> None:
        if self._is_overtaken(post) or self._is_stale(post):
            self._mail.drop(post, "superseded")
            return
        in_doubt = post.state == "sending"
        try:
            found = self._found(post) if in_doubt else None
            if found is None:
                in_doubt = False
                if not self._mail.begin(post):
                    return
                found = self._send(post)
        except SlackLimited as exc:
            self._wait(post, exc, in_doubt=in_doubt)
        except SlackUnclear as exc:
            self._doubt(post, exc)
        except SlackRefused as exc:
            self._face(post, exc, in_doubt=in_doubt)
        except (LeaseLost, StoreUnavailable):
            raise
        except Exception:  # the border around one message: the others do not wait for it for ever
            log.exception("slack_message_broke", extra={"row": post.dedupe})
            self._breaks[post.id] += 1
            if self._breaks[post.id] < MOST_BREAKS:
                self._mail.again(post, self._clock.now(), doubtful=True)
                self._rest()
            else:
                self._mail.drop(post, "failed")
        else:
            self._failures = 0
            self._complaint = ""
            self._mail.sent(post, found)
            self._take_pace(post)

    def _take_pace(self, post: Post) -> None:
        self._free_at[post.body["channel"]] = self._clock.monotonic() + self._pace_s

    def _is_overtaken(self, post: Post) -> bool:
        if post.body["act"] != "update":
            return False
        return any(
            one.body["act"] == "update" and one.body["target"] == post.body["target"]
            for one in self._mail.behind(CHANNEL, post, PAGE)
        )

    def _is_stale(self, post: Post) -> bool:
        """Slack cannot say whether a whisper arrived: twice is better than never, but not late."""
        if post.body["act"] != "ephemeral" or post.state != "sending":
            return False
        return self._clock.now() - post.created > WHISPERS_AGAIN

    # One message

    def _send(self, post: Post) -> str | None:
        """What Slack calls it now. What it refuses with its blocks may pass as mere words."""
        try:
            return self._act(post)
        except SlackRefused as exc:
            is_message = post.body["act"] in ("post", "update")
            if not is_message or not exc.error.startswith("invalid_"):
                raise
            log.error("slack_refuses_blocks", extra={"row": post.dedupe, "error": str(exc)})  # noqa: TRY400
            return self._post(post, {**post.body, "blocks": [], "curve": []})

    def _act(self, post: Post) -> str | None:
        match post.body["act"]:
            case "post":
                return self._post(post, post.body)
            case "update":
                return self._update(post)
            case "file":
                return self._file(post)
            case "ephemeral":
                self._ephemeral(post.body)
                return None
            case other:
                raise SlackRefused(f"No such act: {other}.", error="unknown_act")

    def _post(self, post: Post, body: Mapping[str, Any]) -> str:
        metadata = {"event_type": METADATA, "event_payload": {"row": post.dedupe}}
        thread_ts, shown = self._thread_ts(body), self._blocks(body)
        self._keep()
        answer = self._web.call(
            "chat.postMessage",
            channel=body["channel"],
            thread_ts=thread_ts,
            text=body["text"],
            blocks=shown,
            metadata=metadata,
            unfurl_links=False,
            unfurl_media=False,
        )
        return external_id(answer["channel"], answer["ts"])

    def _update(self, post: Post) -> str | None:
        body = post.body
        target = self._mail.find(body["target"])
        if target is None or target.external_id is None:
            return self._post(post, body)
        channel, ts = target.external_id.split(":", 1)
        shown = self._blocks(body)
        self._keep()
        try:
            self._web.call("chat.update", channel=channel, ts=ts, text=body["text"], blocks=shown)
        except SlackRefused as exc:
            if exc.error not in _GONE:
                raise
            return self._post(post, body)
        return None

    def _file(self, post: Post) -> str:
        body = post.body
        file_id = self._web.upload(body["name"], body["content"].encode(), self._keep)
        thread_ts, channel_id = self._thread_ts(body), self._web.channel_id(body["channel"])
        self._keep()
        self._mail.note(post, f"file:{file_id}")
        self._web.call(
            "files.completeUploadExternal",
            files=[{"id": file_id, "title": body["name"]}],
            channel_id=channel_id,
            thread_ts=thread_ts,
        )
        return f"file:{file_id}"

    def _ephemeral(self, body: Mapping[str, Any]) -> None:
        self._keep()
        self._web.call(
            "chat.postEphemeral",
            channel=body["channel"],
            user=body["user"],
            thread_ts=body["thread_ts"] or None,
            text=body["text"],
        )

    def _blocks(self, body: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        blocks = list(body.get("blocks", ()))
        if curve := body.get("curve"):
            blocks += self._picture(curve)
        return blocks or None

    def _picture(self, curve: list[float]) -> list[dict[str, Any]]:
        """The picture below the facts; a message is as good without it."""
        try:
            file_id = self._web.upload("loss.png", drawn(curve, "training loss"), self._keep)
            self._keep()
            self._web.call("files.completeUploadExternal", files=[{"id": file_id, "title": "loss"}])
        except SlackError as exc:
            log.warning("slack_picture_not_sent", extra={"error": str(exc)})
            return []
        return [{"type": "image", "slack_file": {"id": file_id}, "alt_text": "training loss"}]

    def _thread_ts(self, body: Mapping[str, Any]) -> str | None:
        if not body["thread"]:
            return None
        root = self._mail.find(body["thread"])
        if root is None or root.external_id is None:
            raise SlackRefused("The thread could not be begun.", error="thread_not_begun")
        return root.external_id.split(":", 1)[1]

    # Doubt

    def _found(self, post: Post) -> str | None:
        """What Slack calls the message when it has it already."""
        body = post.body
        if body["act"] in ("update", "ephemeral"):
            return None  # the one may be done twice, the other cannot be found
        for message in self._messages(post):
            if self._is_ours(message, post):
                return external_id(self._web.channel_id(body["channel"]), message["ts"])
        return None

    def _is_ours(self, message: Mapping[str, Any], post: Post) -> bool:
        if post.body["act"] == "file":
            listed = [f"file:{one.get('id')}" for one in message.get("files", ())]
            return post.external_id is not None and post.external_id in listed
        metadata = message.get("metadata") or {}
        payload = metadata.get("event_payload") or {}
        return metadata.get("event_type") == METADATA and payload.get("row") == post.dedupe

    def _messages(self, post: Post) -> list[dict[str, Any]]:
        """Those of the thread, or of the channel, since the row was made."""
        thread_ts = self._thread_ts(post.body)
        method = "conversations.history" if thread_ts is None else "conversations.replies"
        pages = self._web.pages(
            method,
            channel=self._web.channel_id(post.body["channel"]),
            ts=thread_ts,
            oldest=f"{(post.created - SKEW).timestamp():.6f}",
            include_all_metadata=True,
            limit=PAGE,
        )
        found: list[dict[str, Any]] = []
        for page in pages:
            self._keep()
            found += page.get("messages", ())
        return found

    # Failure

    def _wait(self, post: Post, exc: SlackLimited, *, in_doubt: bool) -> None:
        """What was asked just now was certainly not done. Other channels may go on."""
        at = self._clock.now() + timedelta(seconds=exc.retry_after_s)
        self._mail.again(post, at, doubtful=in_doubt)
        self._free_at[post.body["channel"]] = self._clock.monotonic() + exc.retry_after_s

    def _doubt(self, post: Post, exc: SlackUnclear) -> None:
        self._complain("slack_out_of_reach", exc)
        self._mail.again(post, self._clock.now(), doubtful=True)
        self._rest()

    def _face(self, post: Post, exc: SlackRefused, *, in_doubt: bool) -> None:
        if exc.error in TOKEN:
            self._complain("slack_refuses_token", exc)
            self._mail.again(post, self._clock.now(), doubtful=in_doubt)
            self._rest()
            return
        too_old = self._clock.now() - post.created > GIVE_UP_AFTER
        if exc.error in _PLACE and post.body["act"] != "ephemeral" and not too_old:
            self._complain("slack_refuses_channel", exc)
            wait_s = min(10 * LONGEST_PAUSE_S, 2.0**post.attempts)
            at = self._clock.now() + timedelta(seconds=wait_s)
            self._mail.again(post, at, doubtful=in_doubt)
            return
        log.error("slack_message_lost", extra={"row": post.dedupe, "error": str(exc)})
        self._mail.drop(post, "failed")
        self._take_pace(post)

    def _rest(self) -> None:
        """Every message would meet the same: none is sent for a while, longer each time."""
        self._failures += 1
        pause_s = min(LONGEST_PAUSE_S, 0.5 * 2.0**self._failures)
        self._rest_until = self._clock.monotonic() + pause_s

    def _complain(self, what: str, exc: SlackError) -> None:
        """Once, however often it comes in a row."""
        if self._complaint != what:
            self._complaint = what
            log.error(what, extra={"error": str(exc)})
