"""The Hub through its own client, `huggingface_hub`, and what its failures mean.

That client knows no time limit, sleeps for as long as the Hub names, has pools of threads that
Python waits for at its end, and one connection pool for a whole process. So the daemon runs it in a
process of its own (`python -m ml_intern.hub.client`, see `away`), which is ended when it
takes too long. There it asks once: whoever asked decides when to ask again.
"""

import hashlib
import itertools
import json
import os
import queue
import re
import resource
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

import httpx
import huggingface_hub
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, hf_raise_for_status
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

from ml_intern.errors import HubAway, HubOvertaken, HubRefused
from ml_intern.hub.connection import ANSWER_S, connections_to
from ml_intern.hub.download import fetch
from ml_intern.hub.failures import translated
from ml_intern.hub.protocol import (
    Change,
    Changed,
    Fetched,
    Outgoing,
    Ref,
    RemoteFile,
    Repository,
    Wanted,
    Who,
)

DATASET = "dataset"
MOST_ENTRIES = 200_000
"""Of a dataset that is compared with; the Hub itself advises against half as many."""
MOST_TEXT_BYTES = 1 << 20
MEMORY_BYTES = 512 << 20
"""Of the process: an answer of the Hub may be of any size."""
_COMMIT = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9_.-]+")


class Client:
    """See `Hub`. Not thread-safe."""

    def __init__(self, endpoint: str, token: str | None) -> None:
        self.endpoint = endpoint
        self._api = HfApi(endpoint=endpoint, token=token or False)

    def who(self) -> Who:
        """See `Hub.who`."""
        with translated("whoami"):
            found = self._api.whoami()
            access = found.get("auth", {}).get("accessToken") or {}
            orgs = tuple(str(one["name"]) for one in found.get("orgs", ()))
            return Who(user=_name(found["name"]), orgs=orgs, role=str(access.get("role", "")))

    def look(self, repo_id: str) -> Repository:
        """See `Hub.look`."""
        with translated(repo_id):
            found = self._api.dataset_info(repo_id, timeout=ANSWER_S, expand=["sha", "private"])
            if not isinstance(found.private, bool):
                raise TypeError("it does not say whether the dataset is private")
            owner, _, name = str(found.id).partition("/")
            repo_id = f"{_name(owner)}/{_name(name)}"
            return Repository(id=repo_id, head=_commit(found.sha), private=found.private)

    def files(self, repo_id: str, commit: str) -> Sequence[RemoteFile]:
        """See `Hub.files`."""
        with translated(repo_id):
            entries = self._api.list_repo_tree(
                repo_id, recursive=True, revision=commit, repo_type=DATASET
            )
            found = list(itertools.islice(entries, MOST_ENTRIES + 1))
            if len(found) > MOST_ENTRIES:
                words = f"{repo_id} holds over {MOST_ENTRIES:,} files; name another in traces_repo"
                raise HubRefused(words, reason="other")
            return [_remote(one) for one in found if isinstance(one, RepoFile)]

    def text(self, repo_id: str, commit: str, path: str) -> str:
        """See `Hub.text`."""
        with translated(f"{repo_id}/{path}"):
            url = self._file_url(repo_id, path, commit)
            headers = build_hf_headers(token=self._api.token)
            with huggingface_hub.get_session().stream("GET", url, headers=headers) as found:
                hf_raise_for_status(found)
                return _bounded(found, f"{repo_id}/{path}").decode(errors="replace")

    def create(self, repo_id: str) -> None:
        """See `Hub.create`."""
        with translated(repo_id):
            self._api.create_repo(repo_id, repo_type=DATASET, private=True)

    def commit(
        self,
        repo_id: str,
        parent: str,
        files: Sequence[Outgoing],
        texts: Mapping[str, str],
        message: str,
    ) -> str:
        """See `Hub.commit`."""
        contents = {path: text.encode() for path, text in texts.items()}
        contents |= {each.path: _content(each) for each in files}
        with translated(repo_id):
            made = self._api.create_commit(
                repo_id,
                [CommitOperationAdd(path, content) for path, content in contents.items()],
                commit_message=message,
                repo_type=DATASET,
                parent_commit=parent,
            )
            return _commit(made.oid)

    def set_private(self, repo_id: str, private: bool) -> None:
        """See `Hub.set_private`."""
        with translated(repo_id):
            self._api.update_repo_settings(repo_id, private=private, repo_type=DATASET)

    def make(self, kind: str, repo_id: str, private: bool) -> None:
        """See `Hub.make`."""
        more = {"space_sdk": "static"} if kind == "space" else {}
        with translated(repo_id):
            self._api.create_repo(repo_id, repo_type=kind, private=private, **more)

    def change(self, change: Change) -> Changed:
        """See `Hub.change`."""
        with translated(change.repo_id), _card_refused():
            made = self._api.create_commit(
                change.repo_id,
                [
                    *map(_addition, change.files),
                    *(CommitOperationDelete(path) for path in change.deleted),
                ],
                commit_message=change.message,
                repo_type=change.kind,
                revision=None if change.as_pull_request else change.branch,
                parent_commit=change.parent,
                create_pr=change.as_pull_request,
            )
            return Changed(commit=_commit(made.oid), pull_request=str(made.pr_url or ""))

    def mark(self, ref: Ref) -> None:
        """See `Hub.mark`."""
        where, kind = ref.repo_id, ref.kind
        with translated(f"{ref.repo_id} ({ref.name})"):
            match ref.act:
                case "create_branch":
                    self._api.create_branch(where, repo_type=kind, branch=ref.name, revision=ref.at)
                case "delete_branch":
                    self._api.delete_branch(where, repo_type=kind, branch=ref.name)
                case "create_tag":
                    self._api.create_tag(where, repo_type=kind, tag=ref.name, revision=ref.at)
                case "delete_tag":
                    self._api.delete_tag(where, repo_type=kind, tag=ref.name)

    def download(self, wanted: Wanted, tell: Callable[[int], None]) -> Fetched:
        """See `Hub.download`."""
        with translated(f"{wanted.repo_id}/{wanted.path}"):
            url = self._file_url(wanted.repo_id, wanted.path, wanted.revision)
            headers = build_hf_headers(token=self._api.token)
            return fetch(url, headers, wanted, _commit, tell)

    def _file_url(self, repo_id: str, path: str, revision: str) -> str:
        return huggingface_hub.hf_hub_url(
            repo_id, path, repo_type=DATASET, revision=revision, endpoint=self._api.endpoint
        )


def _name(found: object) -> str:
    """Of a user or a dataset. Raises ValueError for what cannot be one."""
    if not isinstance(found, str) or not _NAME.fullmatch(found):
        raise ValueError(f"{found!r} is nobody's name")
    return found


def _commit(found: object) -> str:
    """Raises ValueError for what cannot be the id of one."""
    if not isinstance(found, str) or not _COMMIT.fullmatch(found):
        raise ValueError(f"{found!r} is no commit")
    return found


def _bounded(found: httpx.Response, about: str) -> bytes:
    """What it holds. Raises HubRefused when that is more than a text has."""
    held = bytearray()
    for piece in found.iter_bytes():
        held += piece
        if len(held) > MOST_TEXT_BYTES:
            words = f"{about} is larger than {MOST_TEXT_BYTES >> 20} MiB, and is not read"
            raise HubRefused(words, reason="other")
    return bytes(held)


def _remote(found: RepoFile) -> RemoteFile:
    """Raises TypeError for what cannot be a file."""
    oid = found.blob_id if found.lfs is None else found.lfs.sha256
    if not (isinstance(found.path, str) and isinstance(found.size, int) and isinstance(oid, str)):
        raise TypeError("it lists what is no file")
    return RemoteFile(path=found.path, size=found.size, oid=oid, in_lfs=found.lfs is not None)


@contextmanager
def _card_refused() -> Iterator[None]:
    """What the client raises before anything is sent, where the Hub does not like a card."""
    try:
        yield
    except ValueError as exc:
        if not str(exc).startswith("Invalid metadata"):
            raise
        raise HubRefused(" ".join(str(exc).split()), reason="content") from exc


def _addition(wanted: Outgoing) -> CommitOperationAdd:
    """Read from its file, however large it is."""
    try:
        made = CommitOperationAdd(wanted.path, str(wanted.source))
    except (OSError, ValueError) as exc:  # ValueError: there is no file
        raise HubOvertaken(f"{wanted.source} cannot be read: {exc}") from exc
    if made.upload_info.sha256.hex() != wanted.sha256:
        raise HubOvertaken(f"{wanted.source} has changed")
    return made


def _content(wanted: Outgoing) -> bytes:
    try:
        with wanted.source.open("rb") as file:
            content = file.read(wanted.size)
    except OSError as exc:
        raise HubOvertaken(f"{wanted.source} cannot be read: {exc}") from exc
    if hashlib.sha256(content).hexdigest() != wanted.sha256:
        raise HubOvertaken(f"{wanted.source} has changed")
    return content


# The process


def main() -> None:
    """Answer the lines of standard input, JSON each, until it is closed: then end at once."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin, lines), daemon=True).start()
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, most))
    client = Client(**json.loads(lines.get()))
    huggingface_hub.set_client_factory(connections_to(client.endpoint))
    _write({"ready": True})
    while True:
        request = json.loads(lines.get())
        _write(_answer(client, request["act"], request["given"]))


def _write(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _listen(requests: TextIO, lines: "queue.SimpleQueue[str]") -> None:
    """Nobody waits for an answer any more when the other end is gone."""
    for line in requests:
        lines.put(line)
    os._exit(0)


def _answer(client: Client, act: str, given: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"value": _done(client, act, given)}
    except HubAway as exc:
        return {"away": str(exc), "retry_after_s": exc.retry_after_s}
    except HubRefused as exc:
        return {"refused": str(exc), "reason": exc.reason}
    except HubOvertaken as exc:
        return {"overtaken": str(exc)}
    except MemoryError:
        return {"away": "the Hub's answer does not fit into memory", "retry_after_s": None}


def _done(client: Client, act: str, given: dict[str, Any]) -> Any:
    match act:
        case "who":
            return asdict(client.who())
        case "look":
            return asdict(client.look(**given))
        case "files":
            return [asdict(one) for one in client.files(**given)]
        case "text":
            return client.text(**given)
        case "create":
            return client.create(**given)
        case "commit":
            files = [_outgoing(each) for each in given.pop("files")]
            return client.commit(files=files, **given)
        case "set_private":
            return client.set_private(**given)
        case "make":
            return client.make(**given)
        case "change":
            outgoing = tuple(map(_outgoing, given.pop("files")))
            deleted = tuple(given.pop("deleted"))
            return asdict(client.change(Change(files=outgoing, deleted=deleted, **given)))
        case "mark":
            return client.mark(Ref(**given))
        case "download":
            wanted = Wanted(**{**given, "cache": Path(given["cache"])})
            found = client.download(wanted, lambda size: _write({"progress": size}))
            return {**asdict(found), "path": str(found.path)}
        case _:
            raise ValueError(f"nobody asks for {act}")


def _outgoing(given: dict[str, Any]) -> Outgoing:
    return Outgoing(**{**given, "source": Path(given["source"])})


if __name__ == "__main__":
    main()
