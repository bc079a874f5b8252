"""Does what people asked for in Slack: reads the inbox, in order, and goes through the door.

One process at a time. Who may do it is judged here, at the moment at which it is done. A letter is
settled after it was dealt with, and every request bears its key: after a crash it is dealt with
again and changes nothing. Answers go to the outbox.
"""

import json
import logging
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, get_args

from ml_intern.client.door import Door, NewSession
from ml_intern.client.view import View
from ml_intern.client.waits import waits_for
from ml_intern.clock import Clock
from ml_intern.errors import (
    Busy,
    ConfigError,
    Draining,
    InputError,
    LeaseLost,
    SlackLimited,
    SlackUnclear,
    StateConflict,
    StoreUnavailable,
    UnknownSession,
)
from ml_intern.events import AccessRefused, Verdict
from ml_intern.messages import Choice, SessionId
from ml_intern.ops import Interrupt, UserInput
from ml_intern.queue.mail import Letter, LetterState
from ml_intern.queue.rows import ApprovalRow, SessionRow
from ml_intern.queue.store import Store
from ml_intern.session.caps import named
from ml_intern.session.said import Said
from ml_intern.slack import blocks, course, drafts
from ml_intern.slack.access import Access, Refusals
from ml_intern.slack.drafts import CHANNEL
from ml_intern.slack.mrkdwn import escaped, person, typed, without_mention
from ml_intern.slack.shift import Shift, in_shifts
from ml_intern.slack.thread import ORIGIN, clean

log = logging.getLogger(__name__)

NAME = "slack-clerk"
LOOK = 100
IDLE_S = 1.0
ASK_AGAIN_S = 5.0
HELP = (
    "Mention me with a task in plain words, or type `/ml-intern TASK`: what to train, on which "
    "data. Reply in the thread to steer or to answer; `stop` stops the session, `status` says how "
    "it goes."
)
FILES = (
    "Files from Slack are not read, so nobody has seen {names}. Name a path on the machine that "
    "ml-intern runs on, or a dataset of the Hub; a short text can be pasted as a message."
)
MAY_NOT = (
    "Sorry, you are not on the list of people who may {what} here; this was noted. Whoever runs "
    "ml-intern keeps the list: the setting {settings}."
)
MAY_START, MAY_DECIDE = "`slack_may_start`", "`slack_may_decide`"
NOT_FOR_US = "not for us"
"""The note on words in a thread in which there is no session."""
BROKE = "This could not be done, and the log says why. `ml-intern sessions` shows how things stand."
_NAME = re.compile(r"[^\w.-]+")
_STATES = {"approve": "approved", "deny": "denied", "edit": "edited"}


class Clerk:
    """Belongs to one thread."""

    def __init__(
        self,
        store: Store,
        door: Door,
        access: Access,
        clock: Clock,
        *,
        folder: Path,
        redact: Callable[[Any], Any],
    ) -> None:
        """`folder`: where the relative paths of tasks begin."""
        self._store = store
        self._mail = store.mail
        self._door = door
        self._access = access
        self._clock = clock
        self._folder = folder
        self._redact = redact
        self._refusals = Refusals(clock)
        self._put_off: dict[str, float] = {}
        """Lanes in which a letter could not be dealt with, and until when they wait."""

    def run(self, stop: threading.Event) -> None:
        """Deal with what comes until `stop` is set."""
        in_shifts(self._mail, self._clock, NAME, lambda shift: self._serve(shift, stop), stop)

    def _serve(self, shift: Shift, stop: threading.Event) -> None:
        while not stop.is_set():
            shift.keep()
            heard = self._mail.rings()
            if not self.work():
                self._mail.wait(heard, IDLE_S)

    def work(self) -> int:
        """Deal with what is there, `LOOK` letters at most; how many were settled."""
        now = self._clock.monotonic()
        self._put_off = {lane: at for lane, at in self._put_off.items() if at > now}
        return sum(self._deal_with(letter) for letter in islice(self._waiting(), LOOK))

    def _waiting(self) -> Iterator[Letter]:
        """Unread letters, but for those that are put off, behind which there may be others."""
        seen = 0
        while letters := self._mail.unread(CHANNEL, LOOK, after=seen):
            yield from (one for one in letters if _lane(one) not in self._put_off)
            seen = letters[-1].id

    def _deal_with(self, letter: Letter) -> bool:
        becomes: LetterState = "done"
        try:
            note = self._do(letter)
        except Draining as exc:
            self._put_off[_lane(letter)] = self._clock.monotonic() + exc.retry_after_s
            return False
        except Busy as exc:
            self._put_off[_lane(letter)] = self._clock.monotonic() + exc.retry_after_s
            self._whisper(letter, f"Not yet: {exc} I try again by myself.", "busy")
            return False
        except (SlackLimited, SlackUnclear) as exc:
            # Slack could not say who is in a group: that is no reason to send anybody away.
            self._put_off[_lane(letter)] = self._clock.monotonic() + ASK_AGAIN_S
            log.warning("slack_group_not_known", extra={"error": str(exc)})
            return False
        except _Refused as exc:
            becomes, note = "refused", exc.what
            self._refuse(letter, exc)
        except (InputError, ConfigError, StateConflict, UnknownSession) as exc:
            note = str(exc)
            self._whisper(letter, note)
        except (LeaseLost, StoreUnavailable):
            raise
        except Exception as exc:  # the border around one letter: the others do not wait for it
            log.exception("slack_letter_broke", extra={"letter": letter.id})
            note = f"{type(exc).__name__}: {exc}"
            with suppress(KeyError, InputError):  # a letter that names no place to answer in
                self._whisper(letter, BROKE)
        note = note.encode(errors="replace").decode().replace("\0", "?")
        return self._mail.settle(letter, becomes, note[:1000])

    def _do(self, letter: Letter) -> str:
        """What was asked for; a note about what came of it."""
        match letter.body.get("kind"):
            case "message":
                return self._hear(letter)
            case "command":
                return self._command(letter)
            case "click":
                return self._click(letter)
            case "submission":
                return self._submit(letter)
            case other:
                raise InputError(f"Nobody knows what {other} is.")

    # Words

    def _hear(self, letter: Letter) -> str:
        body = letter.body
        text = without_mention(body["text"], body["bot"])
        called = text != body["text"].strip() or body["channel"].startswith("D")
        session_id = self._session_of(body["channel"], body["thread_ts"])
        if session_id is None and not called:
            return NOT_FOR_US
        words, files = typed(text), body.get("files", [])
        if session_id is None:
            note = self._start(letter, words)
        elif words or not files:
            note = self._reply(letter, session_id, words)
        else:
            self._demand_start(letter, "steer a session", session_id)
            note = "nothing but files"
        if files:
            self._whisper(letter, FILES.format(names=", ".join(files)), "files")
        return note

    def _reply(self, letter: Letter, session_id: SessionId, text: str) -> str:
        word = text.casefold().strip(" .!")
        if word == "status":
            self._demand_start(letter, "ask how it goes", session_id)
            return self._tell_status(letter, session_id)
        if word == "stop":
            return self._stop(letter, session_id)
        self._demand_start(letter, "steer a session", session_id)
        words = UserInput(text=text, author=_who(letter))
        self._door.submit(session_id, words, key=letter.key)
        return "said"

    def _command(self, letter: Letter) -> str:
        text = letter.body["text"].strip()
        if text.casefold() in ("", "help"):
            self._whisper(letter, HELP)
            return "helped"
        return self._start(letter, text)

    def _start(self, letter: Letter, task: str) -> str:
        body = letter.body
        self._demand_start(letter, "start a session", None)
        if not task:
            self._whisper(letter, HELP)
            return "helped"
        ts = body.get("thread_ts") or body.get("ts", "")
        new = NewSession(
            task=task,
            started_in=str(self._folder),
            author=_who(letter),
            origin=f"{ORIGIN}{body['channel']}:{ts}",
        )
        session_id = self._door.start_session(new, key=letter.key)
        if ts:
            # Replies may come before the journal was read.
            known = drafts.known_root(session_id, channel=body["channel"], ts=ts)
            self._mail.put(CHANNEL, [known])
            # And before the mention itself, where Slack had to repeat that.
            self._mail.reopen(CHANNEL, NOT_FOR_US, place=body["channel"], thread_ts=ts)
        return f"started {session_id}"

    def _stop(self, letter: Letter, session_id: SessionId) -> str:
        """Whoever may decide may say no to all of it."""
        user, team = letter.body["user"], letter.body["team"]
        if not (self._access.may_decide(user, team) or self._access.may_start(user, team)):
            raise _Refused("stop a session", f"{MAY_START} or {MAY_DECIDE}", session_id)
        order = Interrupt(asked_by=_who(letter), reason="asked for in Slack")
        self._door.submit(session_id, order, key=letter.key)
        return "stopped"

    def _tell_status(self, letter: Letter, session_id: SessionId) -> str:
        view = View()
        for recorded in self._store.events(session_id):
            view.apply(clean(recorded, self._redact))
        row = self._door.session(session_id)
        said = course.state(view, _standing(row))
        channel = letter.body["channel"]
        told = drafts.post(session_id, f"status:{letter.key}", said, channel=channel)
        self._mail.put(CHANNEL, [told])
        return "told"

    # Decisions

    def _click(self, letter: Letter) -> str:
        action, value = letter.body["action"], letter.body["value"]
        match action:
            case "approve" | "approve_like":
                like_this = action == "approve_like"
                return self._decide(letter, value, "approve", like_this=like_this)
            case "deny":
                return self._decide(letter, value, "deny")
            case "approve_all":
                return self._decide_all(letter, "approve", _facts(value))
            case "deny_all":
                return self._decide_all(letter, "deny", _facts(value))
            case "edit" | "deny_reason":
                return self._window(letter, value)
            case "extend":
                return self._allow_more(letter, _facts(value))
            case "revoke":
                return self._revoke(letter, _facts(value))
            case "stop":
                return self._stop(letter, SessionId(value))
            case _ if action in get_args(Choice):
                return self._resolve(letter, action, _facts(value))
            case _:
                raise InputError("This button is of another version; see `ml-intern sessions`.")

    def _submit(self, letter: Letter) -> str:
        body = letter.body
        reason, arguments = body.get("reason", ""), body.get("arguments")
        return self._decide(letter, body["approval"], body["verdict"], reason, arguments)

    def _decide(
        self,
        letter: Letter,
        approval_id: str,
        verdict: Verdict,
        reason: str = "",
        arguments: dict[str, Any] | None = None,
        *,
        like_this: bool = False,
    ) -> str:
        row = self._door.approval(approval_id)
        self._demand_decide(letter, f"{verdict} {row.tool}", row.session_id)
        if row.state != "pending":  # an edit for it need not even fit any more
            return self._too_late(letter, row.approval_id, verdict)
        if verdict == "edit" and arguments == row.arguments:
            verdict, arguments = "approve", None
        won = self._door.decide(
            row.approval_id,
            verdict,
            decided_by=_who(letter),
            reason=reason,
            arguments=arguments,
            like_this=like_this,
        )
        return verdict if won else self._too_late(letter, row.approval_id, verdict)

    def _too_late(self, letter: Letter, approval_id: str, verdict: Verdict) -> str:
        """Unless it was this very decision, before a crash or with another click."""
        row = self._door.approval(approval_id)
        if self._is_own(letter, row, verdict):
            return f"{verdict}, before"
        self._show(letter, self._already(row))
        return "too late"

    def _already(self, row: ApprovalRow) -> str:
        """What became of it, as markup."""
        again = self._door.open_approvals(row.session_id) if row.state == "superseded" else ()
        if any(one.tool == row.tool for one in again):
            return (
                f"`{escaped(row.tool)}` was asked anew after this, below in the thread: answer "
                "there. Nothing was decided here."
            )
        return _already(row)

    def _is_own(self, letter: Letter, row: ApprovalRow, verdict: Verdict) -> bool:
        return row.decided_by == _who(letter) and row.state == _STATES.get(verdict)

    def _decide_all(self, letter: Letter, verdict: Verdict, facts: dict[str, Any]) -> str:
        """The calls that the button named; of those that somebody was first with, who it was."""
        session_id, ids = SessionId(str(facts["session"])), [str(one) for one in facts["approvals"]]
        self._demand_decide(letter, f"{verdict} {len(ids)} calls", session_id)
        said = [Said(approval_id=one, verdict=verdict) for one in ids]
        won = self._door.decide_all(said, decided_by=_who(letter))
        rows = [self._door.approval(one) for one in ids if one not in won]
        late = [row for row in rows if not self._is_own(letter, row, verdict)]
        if late:
            lines = [f"`{escaped(row.tool)}`: {self._already(row)}" for row in late]
            self._show(letter, "\n".join(lines)[: blocks.TEXT])
        return f"{verdict} {len(won)}, too late for {len(late)}"

    def _window(self, letter: Letter, approval_id: str) -> str:
        """The listener has opened it, if this person may decide."""
        row = self._door.approval(approval_id)
        self._demand_decide(letter, f"edit {row.tool}", row.session_id)
        if row.state != "pending":
            self._show(letter, self._already(row))
        return "window"

    def _allow_more(self, letter: Letter, facts: dict[str, Any]) -> str:
        session_id, cap = SessionId(str(facts["session"])), str(facts["cap"])
        self._demand_decide(letter, f"extend the budget ({named(cap)})", session_id)
        given = self._door.extend(
            session_id,
            cap,
            int(facts["amount"]),
            extended_by=_who(letter),
            answers=int(facts["seq"]),
            key=letter.key,
        )
        if given:
            return "extended"
        self._whisper(letter, "There is more room already, or somebody gave it.")
        return "too late"

    def _revoke(self, letter: Letter, facts: dict[str, Any]) -> str:
        session_id, rule_id = SessionId(str(facts["session"])), str(facts["rule"])
        self._demand_decide(letter, "take back a rule", session_id)
        if self._door.revoke_rule(session_id, rule_id, revoked_by=_who(letter)):
            return "revoked"
        self._whisper(letter, "This rule was taken back before.")
        return "too late"

    def _resolve(self, letter: Letter, choice: Choice, facts: dict[str, Any]) -> str:
        session_id, call_id = SessionId(str(facts["session"])), str(facts["call"])
        self._demand_decide(letter, "say what became of a call", session_id)
        if self._door.resolve(session_id, call_id, choice, resolved_by=_who(letter)):
            return choice
        self._whisper(letter, "Somebody has answered this already.")
        return "too late"

    # Who may

    def _demand_start(self, letter: Letter, what: str, session_id: SessionId | None) -> None:
        if not self._access.may_start(letter.body["user"], letter.body["team"]):
            raise _Refused(what, MAY_START, session_id)

    def _demand_decide(self, letter: Letter, what: str, session_id: SessionId) -> None:
        if not self._access.may_decide(letter.body["user"], letter.body["team"]):
            raise _Refused(what, MAY_DECIDE, session_id)

    def _refuse(self, letter: Letter, refused: "_Refused") -> None:
        left_out = self._refusals.take(letter.body["user"])
        if left_out is None:
            return
        more = f" (and {left_out:,} times more in an hour before)" if left_out else ""
        what = f"{refused.what}{more}"
        log.warning("slack_refused", extra={"who": _who(letter), "what": what})
        if refused.session_id is not None:
            self._store.note(refused.session_id, AccessRefused(who=_who(letter), what=what))
        self._whisper(letter, MAY_NOT.format(what=refused.what, settings=refused.settings))

    # Answers

    def _whisper(self, letter: Letter, words: str, about: str = "") -> None:
        """To the one person, in the thread; once for each letter, and each that it is about."""
        self._show(letter, escaped(str(self._redact(words))), about)

    def _show(self, letter: Letter, markup: str, about: str = "") -> None:
        channel, thread_ts = self._place(letter)
        if not channel:
            return
        told = drafts.ephemeral(
            f"whisper:{letter.key}:{about}",
            markup,
            channel=channel,
            user=letter.body["user"],
            thread_ts=thread_ts,
        )
        self._mail.put(CHANNEL, [told])

    def _place(self, letter: Letter) -> tuple[str, str]:
        body = letter.body
        if channel := body.get("channel", ""):
            return channel, body.get("thread_ts", "")
        with suppress(InputError):  # no such approval: there is no thread of it
            row = self._door.approval(body.get("approval", ""))
            root = self._mail.find(drafts.root_key(row.session_id))
            if root is not None and root.external_id is not None:
                found, _, ts = root.external_id.partition(":")
                return found, ts
        return "", ""

    def _session_of(self, channel: str, thread_ts: str) -> SessionId | None:
        if not thread_ts:
            return None
        root = self._mail.known_as(CHANNEL, drafts.external_id(channel, thread_ts))
        return None if root is None else root.session_id


class _Refused(Exception):
    """Somebody who is not on the list asked for it."""

    def __init__(self, what: str, settings: str, session_id: SessionId | None) -> None:
        """`settings`: that name those who may."""
        super().__init__(what)
        self.what = what
        self.settings = settings
        self.session_id = session_id


def _standing(row: SessionRow) -> str:
    """How a session stands, in a word or two."""
    if row.state == "waiting":
        return waits_for(row.waiting_on)
    return row.outcome or {"leased": "at work", "ready": "queued"}.get(row.state, row.state)


def _who(letter: Letter) -> str:
    """As it stands in the journal."""
    user = f"slack:{letter.body['user']}"
    name = _NAME.sub("", letter.body.get("name", ""))[:80]
    return f"{name} ({user})" if name else user


def _lane(letter: Letter) -> str:
    """Letters of one thread are dealt with in order; clicks wait for no words."""
    body = letter.body
    if body.get("kind") not in ("message", "command"):
        return f"decisions:{letter.id}"
    return f"{body.get('channel')}:{body.get('thread_ts') or body.get('ts') or letter.id}"


def _already(row: ApprovalRow) -> str:
    """As markup."""
    if row.state == "superseded":
        return "This is no longer needed: the session went on without it."
    if row.state == "expired":
        return "This has expired: nobody decided in time."
    words = {"edited": "edited and approved"}.get(row.state, row.state)
    return f"Already {words} by {person(row.decided_by or 'somebody')}."


def _facts(value: str) -> dict[str, Any]:
    """What a button carries. Raises InputError for one that is not ours."""
    try:
        found = json.loads(value)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not {"session"} <= set(found):
        raise InputError("This button is of another version; see `ml-intern sessions`.")
    return found
