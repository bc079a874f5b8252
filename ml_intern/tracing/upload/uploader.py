"""The reader that keeps a private dataset on the Hub up with the session files.

Each minute at most one commit, of what has changed, as far as no call is open in it. What counts as
sent is what the Hub has: the files there are compared by their hashes whenever the head is not the
one that was compared last, as it is after a commit whose answer was lost. A commit
names its parent, so that of several daemons that write to one repository each sees what the others
did. What only a person can mend waits for one, and is tried again from time to time. Nothing here
touches the store, and no turn waits for anything here.
"""

import logging
import random
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from ml_intern.clock import Clock, parse_stamp, stamp
from ml_intern.errors import HubAway, HubError, HubOvertaken, HubRefused
from ml_intern.hub.protocol import CARD, Hub, Outgoing, RemoteFile, Repository, Who
from ml_intern.tracing.redaction.scan import Eyes
from ml_intern.tracing.upload import card, ledger
from ml_intern.tracing.upload.ledger import Known, Ledger, Refused, Sent, Sharing
from ml_intern.tracing.upload.spool import Item, Spool

log = logging.getLogger(__name__)

COMMIT_EVERY_S = 60.0
"""The Hub takes 128 commits an hour in one repository."""
LOOK_EVERY_S = 3600.0
"""The repository is looked at so often although there is nothing to send."""
NEWS_EVERY_S = 10.0
"""How often one looks for another token, and for what people decided."""
REFUSED_S = 600.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 1800.0
LONGEST_ASKED_S = 86_400.0
"""No Hub is waited for longer, whatever it says."""
OFTEN = 5
"""So often in a row others may commit first before it is told as trouble."""
MOST_FILES, MOST_BYTES = 100, 32 << 20
"""Of one commit."""


class Opened(Hub, Protocol):
    """A Hub that holds something while it is asked."""

    def close(self) -> None:
        """Hold nothing until it is asked again."""
        ...


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often what happens."""

    commit_every_s: float = COMMIT_EVERY_S
    look_every_s: float = LOOK_EVERY_S
    refused_s: float = REFUSED_S
    first_pause_s: float = FIRST_PAUSE_S
    longest_pause_s: float = LONGEST_PAUSE_S
    most_files: int = MOST_FILES
    most_bytes: int = MOST_BYTES


@dataclass(frozen=True, kw_only=True)
class Uploads:
    """How it goes, for health and metrics."""

    pending: int = 0
    """Files that have something to send."""
    held: int = 0
    """Files that wait for a person."""
    trouble: str = ""
    """Why nothing is sent; empty: it is, or nothing is to be sent."""
    off: str = ""
    """Why nothing is to be sent; empty: something is."""


class Waits(HubError):
    """Only a person can say whether to go on."""


class Uploader:
    """Belongs to the thread that runs it; `uploads` is safe from any."""

    def __init__(
        self,
        traces: Path,
        *,
        endpoint: str,
        template: str,
        token: Callable[[], str | None],
        connect: Callable[[str, threading.Event], Opened],
        clock: Clock,
        eyes: Eyes | None = None,
        pace: Pace | None = None,
        jitter: Callable[[], float] = random.random,
        no_token: str = "There is no token.",
    ) -> None:
        """`template`: the repository, with `{user}`. `token`: the one of this moment.

        `connect`: a Hub for a token, which gives up when the event is set. `eyes`: look for
        secrets that are left. `no_token`: what is told while there is none.
        """
        self._traces = traces
        self._endpoint = endpoint
        self._template = template
        self._token_now = token
        self._connect = connect
        self._clock = clock
        self._pace = pace or Pace()
        self._jitter = jitter
        self._no_token = no_token
        self._spool = Spool(traces, eyes or Eyes())
        self._ledger = Ledger.load(traces)
        self._token: str | None = None
        self._decided_at = -1
        self._who: Who | None = None
        self._failures = 0
        self._most_files = self._pace.most_files
        self._again_at = clock.monotonic()
        self._look_at = clock.monotonic()
        self._uploads = Uploads()
        self._complaint = ""

    @property
    def uploads(self) -> Uploads:
        """As of the last round."""
        return self._uploads

    def run(self, stop: threading.Event) -> None:
        """Send what changes until `stop` is set."""
        while not stop.is_set():
            self._look_for_news()
            if self._token is not None and self._again_at <= self._clock.monotonic():
                self._round(self._token, stop)
            left_s = max(0.0, self._again_at - self._clock.monotonic())
            self._clock.wait(
                stop, NEWS_EVERY_S if self._token is None else min(left_s, NEWS_EVERY_S)
            )

    def _look_for_news(self) -> None:
        """Another token, or a word of a person about sharing: whatever is waited for, try now."""
        token, decided = self._token_now(), ledger.decided_at(self._traces)
        if (token, decided) == (self._token, self._decided_at):
            return
        if token != self._token:
            self._who = None
        self._look_at = self._clock.monotonic()
        self._token, self._decided_at, self._failures = token, decided, 0
        self._again_at = self._clock.monotonic()
        self._ledger.known.refused = {}  # whoever did something may have mended that too
        if token is None:
            self._uploads = Uploads(off=self._no_token)
        elif self._uploads.off:
            self._uploads = Uploads()

    def _round(self, token: str, stop: threading.Event) -> None:
        """One look at the files, and at most one commit."""
        began = self._clock.monotonic()
        items = self._items(stop)
        if stop.is_set():
            return
        self._again_at = began + self._pace.commit_every_s
        if not (_pending(items) or began >= self._look_at or self._ledger.trouble):
            self._count(items)
            return
        trouble = self._try(token, items, stop)
        if not stop.is_set():
            self._tell(trouble)

    def _try(self, token: str, items: Sequence[Item], stop: threading.Event) -> str:
        """What kept it from being sent; empty: nothing did."""
        hub = self._connect(token, stop)
        try:
            self._send(hub, items)
        except HubOvertaken as exc:
            log.info("traces_overtaken", extra={"cause": str(exc)})
            self._pause(None)
            return OVERTAKEN.format(cause=exc) if self._failures > OFTEN else ""
        except HubAway as exc:
            self._pause(exc.retry_after_s)
            return str(exc)
        except OSError as exc:
            self._pause(None)
            return f"{exc.filename or self._traces}: {exc.strerror}"
        except (HubRefused, Waits) as exc:
            self._again_at = self._clock.monotonic() + self._pace.refused_s
            return str(exc)
        finally:
            hub.close()
        self._failures = 0
        self._look_at = self._clock.monotonic() + self._pace.look_every_s
        return ""

    def _pause(self, retry_after_s: float | None) -> None:
        """Longer each time, as long as the Hub says, and never the same for all."""
        self._failures += 1
        grown = self._pace.first_pause_s * 2.0 ** min(self._failures - 1, 16)
        pause_s = min(grown, self._pace.longest_pause_s) * (0.5 + self._jitter() / 2)
        if retry_after_s is not None:
            pause_s = max(pause_s, min(retry_after_s, LONGEST_ASKED_S) + self._jitter())
        pause_s = max(pause_s, self._pace_left_s(self._ledger.known))
        self._again_at = self._clock.monotonic() + pause_s

    # One round

    def _send(self, hub: Hub, items: Iterable[Item]) -> None:
        """Raises HubError, OSError."""
        repo_id = self._repository_of(hub)
        key = ledger.key_of(self._endpoint, repo_id)
        decided = ledger.sharing(self._traces, key)
        if self._ledger.now != key:
            self._ledger.now = key
            items = list(self._spool.items(self._ledger.of(key)))
        seen = self._seen(hub, repo_id, decided)
        if seen is None and _pending(items):
            self._make(hub, repo_id)
            seen = hub.look(repo_id)
        if seen is None:
            return
        known = self._ledger.of(key)
        known.looked_at = stamp(self._clock.now())
        known.private = seen.private
        repo_id = self._name_now(repo_id, seen, known, decided)
        if self._release(known):
            items = list(self._spool.items(known))
        text = None
        if known.head != seen.head:
            text = self._compare(hub, repo_id, seen, known, decided)
            items = self._spool.items(known)
        if not seen.private and not decided.public:
            raise Waits(PUBLIC.format(key=key))
        batch = self._batch(items, known)
        if left_s := self._pace_left_s(known):
            self._again_at = self._clock.monotonic() + left_s
        elif batch:
            self._commit(hub, repo_id, known, batch, text)

    def _repository_of(self, hub: Hub) -> str:
        if self._who is None:
            self._who = hub.who()
        return self._template.format(user=self._who.user)

    def _name_now(self, repo_id: str, seen: Repository, known: Known, decided: Sharing) -> str:
        """The name that the dataset has by now. Raises Waits where it went to another owner."""
        if seen.id.casefold() == repo_id.casefold():
            known.moved_to = ""
            return seen.id
        known.moved_to = seen.id
        owners = {one.partition("/")[0].casefold() for one in (seen.id, repo_id)}
        if len(owners) > 1 and decided.moved_to != seen.id:
            raise Waits(MOVED.format(repo=repo_id, to=seen.id))
        return seen.id

    def _release(self, known: Known) -> bool:
        """Take up which sessions people want sent since; whether there was one."""
        released = ledger.released(self._traces)
        fresh = {one for one, at in released.items() if known.released.get(one) != at}
        if not fresh:
            return False
        known.released = released
        held = {path for path in known.changed if self._spool.session_of(path) in fresh}
        known.replaceable |= {path: known.theirs[path] for path in held if path in known.theirs}
        known.changed = [path for path in known.changed if path not in held]
        known.deleted = [p for p in known.deleted if self._spool.session_of(p) not in fresh]
        return True

    def _seen(self, hub: Hub, repo_id: str, decided: Sharing) -> Repository | None:
        """The repository; None where there is none, and one may be made. Raises HubError."""
        known = self._ledger.known
        try:
            return hub.look(repo_id)
        except HubRefused as exc:
            if exc.reason != "missing":
                raise
        assert self._who is not None
        if known.ours and not decided.is_anew_after(known.head):
            words = GONE if self._who.sees_all_of(repo_id) else UNSEEN
            raise Waits(words.format(repo=repo_id))
        return None

    def _make(self, hub: Hub, repo_id: str) -> None:
        """Raises HubError."""
        with suppress(HubOvertaken):  # there is one: whether it can be seen now shows the next look
            hub.create(repo_id)
        tried_at = self._ledger.known.tried_at
        self._ledger.repositories[self._ledger.now] = Known(tried_at=tried_at)
        log.info("traces_repository_made", extra={"repository": repo_id})

    def _compare(
        self, hub: Hub, repo_id: str, seen: Repository, known: Known, decided: Sharing
    ) -> str:
        """Know what is there now; the card. Raises HubError, OSError."""
        remote = {one.path: one for one in hub.files(repo_id, seen.head)}
        text = hub.text(repo_id, seen.head, CARD) if CARD in remote else ""
        if not known.ours:
            is_new = set(remote) <= {".gitattributes"}
            if not is_new and not card.is_ours(text) and not decided.foreign:
                raise Waits(FOREIGN.format(repo=repo_id))
            known.has_card = card.is_ours(text)
            known.has_subagents = card.lists_subagents(text)
        elif known.files and CARD not in remote and not set(known.files) & set(remote):
            if not decided.is_anew_after(known.head):
                raise Waits(GONE.format(repo=repo_id))
            known.files, known.deleted, known.changed, known.has_card = {}, [], [], False
        self._take_in(remote, known)
        known.ours = known.ours or card.is_ours(text)
        known.head = seen.head
        self._ledger.save()
        return text

    def _take_in(self, remote: dict[str, RemoteFile], known: Known) -> None:
        """What is there of ours, what somebody deleted, and what somebody changed."""
        gone = set(known.files) - set(remote)
        known.deleted = sorted((set(known.deleted) | gone) - set(remote))
        known.files = {path: sent for path, sent in known.files.items() if path not in gone}
        known.changed, known.theirs = [], {}
        for path in self._spool.paths():
            found = remote.get(path)
            if found is None:
                continue
            there = self._ours_in(found, known)
            if there is not None:
                known.files[path] = there
                continue
            known.files.pop(path, None)
            if known.replaceable.get(path) != found.oid:
                known.changed.append(path)
                known.theirs[path] = found.oid

    def _ours_in(self, found: RemoteFile, known: Known) -> Sent | None:
        """How much of our file the Hub's is; None where it is something else.

        Also for one that is shorter than what was sent: then somebody took away from it.
        """
        sent, tried = known.files.get(found.path), known.tried.get(found.path)
        for one in (sent, tried):
            if one is not None and one.snapshot.is_on(found):
                return one
        if (sent is not None and found.size < sent.size) or not self._spool.is_ours(found):
            return None
        there = self._spool.beginning(found.path, found.size)
        return Sent(size=there.size, git=there.git, sha256=there.sha256)

    def _batch(self, items: Iterable[Item], known: Known) -> list[Item]:
        """What one commit takes: first what was sent least lately."""
        batch: list[Item] = []
        size = 0

        def last_sent(item: Item) -> tuple[str, str]:
            sent = known.files.get(item.path)
            return (sent.at if sent else ""), item.path

        for item in sorted(_pending(items), key=last_sent):
            assert item.snapshot is not None
            size += item.snapshot.size
            if batch and (size > self._pace.most_bytes or len(batch) == self._most_files):
                break
            batch.append(item)
        return batch

    def _pace_left_s(self, known: Known) -> float:
        """Until the last commit is long enough ago, whoever of our lives sent it."""
        if not known.tried_at:
            return 0.0
        ago_s = (self._clock.now() - parse_stamp(known.tried_at)).total_seconds()
        return self._pace.commit_every_s - ago_s if 0 <= ago_s < self._pace.commit_every_s else 0.0

    def _commit(
        self, hub: Hub, repo_id: str, known: Known, batch: Sequence[Item], text: str | None
    ) -> None:
        """Raises HubError, OSError."""
        texts = self._card(hub, repo_id, known, batch, text)
        files = [_outgoing(item) for item in batch]
        now = known.tried_at = stamp(self._clock.now())
        sent = {one.path: _sent(one, now) for one in batch}
        known.tried |= sent
        self._again_at = self._clock.monotonic() + self._pace.commit_every_s
        self._ledger.save()
        words = f"Add {len(files)} session file{'' if len(files) == 1 else 's'}"
        try:
            known.head = hub.commit(repo_id, known.head, files, texts, words)
        except HubRefused as exc:
            self._narrow_down(batch, known, exc)
            raise
        self._most_files = self._pace.most_files
        known.ours = True
        known.files |= sent
        for path in sent:
            known.tried.pop(path, None)
            known.replaceable.pop(path, None)
        if CARD in texts:
            known.has_card = True
            known.has_subagents = card.lists_subagents(texts[CARD])
        self._ledger.save()
        log.info("traces_sent", extra={"repository": repo_id, "files": len(files)})

    def _narrow_down(self, batch: Sequence[Item], known: Known, refused: HubRefused) -> None:
        """Find the file that the Hub does not take, so that it holds up no other."""
        if refused.reason != "content":
            return
        self._most_files = max(1, len(batch) // 2)
        if len(batch) == 1:
            sent = _sent(batch[0], "")
            known.refused[batch[0].path] = Refused(sha256=sent.sha256, words=str(refused))

    def _card(
        self, hub: Hub, repo_id: str, known: Known, batch: Sequence[Item], text: str | None
    ) -> dict[str, str]:
        """The card, where it must be written. Its second part comes with the first such file."""
        subagents = any("/subagents/" in path for path in (*known.files, *(i.path for i in batch)))
        if known.has_card and (known.has_subagents or not subagents):
            return {}
        if text is None:
            there = {one.path for one in hub.files(repo_id, known.head)}
            text = hub.text(repo_id, known.head, CARD) if CARD in there else ""
        known.has_subagents = known.has_subagents or card.lists_subagents(text)
        wanted = card.merged(text, subagents=subagents)
        return {} if wanted == text else {CARD: wanted}

    # What is told

    def _items(self, stop: threading.Event) -> list[Item]:
        found = []
        for item in self._spool.items(self._ledger.known):
            if stop.is_set():
                break
            found.append(item)
        return found

    def _count(self, items: Iterable[Item], trouble: str = "") -> None:
        found = list(items)
        held = sum(item.state in ("held", "changed") for item in found)
        self._uploads = Uploads(pending=len(_pending(found)), held=held, trouble=trouble)

    def _tell(self, trouble: str) -> None:
        self._count(self._spool.items(self._ledger.known), trouble)
        if trouble and trouble != self._complaint:
            log.warning("traces_not_sent", extra={"cause": trouble})
        elif self._complaint and not trouble:
            log.info("traces_sent_again")
        self._complaint = trouble
        in_s = max(0.0, self._again_at - self._clock.monotonic())
        self._ledger.trouble = trouble
        self._ledger.retry_at = (
            stamp(self._clock.now() + timedelta(seconds=in_s)) if trouble else ""
        )
        try:
            self._ledger.save()
        except OSError as exc:  # what is certain then is only compared again
            log.warning("traces_ledger_not_saved", extra={"error": str(exc)})


def _pending(items: Iterable[Item]) -> list[Item]:
    return [item for item in items if item.state == "pending"]


def _outgoing(item: Item) -> Outgoing:
    assert item.snapshot is not None
    snapshot = item.snapshot
    return Outgoing(path=item.path, source=item.source, size=snapshot.size, sha256=snapshot.sha256)


def _sent(item: Item, at: str) -> Sent:
    assert item.snapshot is not None
    snapshot = item.snapshot
    return Sent(size=snapshot.size, git=snapshot.git, sha256=snapshot.sha256, at=at)


PUBLIC = (
    "{key} is public. Make it private (`ml-intern traces share --private`), or say that everybody "
    "may read what is sent (`ml-intern traces share --public`)."
)
FOREIGN = (
    "The dataset {repo} is there already and was not made by ml-intern. Say that it may be used "
    "(`ml-intern traces share --accept`), or set traces_repo to another name."
)
GONE = (
    "The dataset {repo} is gone, or was emptied. Say that it is to be made and filled again "
    "(`ml-intern traces share --accept`), or set traces_upload to false."
)
MOVED = (
    "The dataset {repo} went to another owner, as {to}, where others may read it. Say that it may "
    "be sent to there (`ml-intern traces share --accept`), or set traces_repo to another name."
)
OVERTAKEN = "Others were first each time: {cause}"
UNSEEN = (
    "The dataset {repo} is gone, or the token has no right to it. Give the token that right; if it "
    "is gone, say that it is to be made again (`ml-intern traces share --accept`)."
)
