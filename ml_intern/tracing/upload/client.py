"""The Hub through its own client, `huggingface_hub`, and what its failures mean.

That client knows no time limit, sleeps for as long as the Hub names, has pools of threads that
Python waits for at its end, and one connection pool for a whole process. So the daemon runs it in a
process of its own (`python -m ml_intern.tracing.upload.client`, see `away`), which is ended when it
takes too long. There it asks once: whoever asked decides when to ask again.
"""

import hashlib
import json
import os
import queue
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

import httpx
import huggingface_hub
from huggingface_hub import CommitOperationAdd, HfApi, hf_raise_for_status
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import build_hf_headers, parse_ratelimit_headers  # type: ignore[attr-defined]

from ml_intern.errors import HubAway, HubError, HubOvertaken, HubRefused
from ml_intern.tracing.upload.hub import Outgoing, RemoteFile, Repository, Who

CONNECT_S, ANSWER_S = 10.0, 60.0
NOT_NOW = frozenset((408, 429, 500, 502, 503, 504))
"""Answers of a Hub that will do it later."""
DATASET = "dataset"


class Client:
    """See `Hub`. Not thread-safe."""

    def __init__(self, endpoint: str, token: str | None) -> None:
        self._api = HfApi(endpoint=endpoint, token=token or False)

    def who(self) -> Who:
        """See `Hub.who`."""
        with _translated("whoami"):
            found = self._api.whoami()
            access = found.get("auth", {}).get("accessToken") or {}
            orgs = tuple(str(one["name"]) for one in found.get("orgs", ()))
            return Who(user=str(found["name"]), orgs=orgs, role=str(access.get("role", "")))

    def look(self, repo_id: str) -> Repository:
        """See `Hub.look`."""
        with _translated(repo_id):
            found = self._api.dataset_info(repo_id, timeout=ANSWER_S)
            return Repository(head=str(found.sha), private=bool(found.private))

    def files(self, repo_id: str, commit: str) -> Sequence[RemoteFile]:
        """See `Hub.files`."""
        with _translated(repo_id):
            entries = self._api.list_repo_tree(
                repo_id, recursive=True, revision=commit, repo_type=DATASET
            )
            return [_remote(one) for one in entries if isinstance(one, RepoFile)]

    def text(self, repo_id: str, commit: str, path: str) -> str:
        """See `Hub.text`."""
        url = huggingface_hub.hf_hub_url(
            repo_id, path, repo_type=DATASET, revision=commit, endpoint=self._api.endpoint
        )
        with _translated(f"{repo_id}/{path}"):
            headers = build_hf_headers(token=self._api.token)
            found = huggingface_hub.get_session().get(url, headers=headers)
            hf_raise_for_status(found)
            return found.content.decode(errors="replace")

    def create(self, repo_id: str) -> None:
        """See `Hub.create`."""
        with _translated(repo_id):
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
        with _translated(repo_id):
            made = self._api.create_commit(
                repo_id,
                [CommitOperationAdd(path, content) for path, content in contents.items()],
                commit_message=message,
                repo_type=DATASET,
                parent_commit=parent,
            )
            return str(made.oid)

    def set_private(self, repo_id: str, private: bool) -> None:
        """See `Hub.set_private`."""
        with _translated(repo_id):
            self._api.update_repo_settings(repo_id, private=private, repo_type=DATASET)

    def download(self, repo_id: str, path: str, revision: str, cache: Path) -> Path:
        """See `Hub.download`."""
        with _translated(f"{repo_id}/{path}"):
            found = self._api.hf_hub_download(
                repo_id, path, repo_type=DATASET, revision=revision, cache_dir=cache
            )
            return Path(found)


def _remote(found: RepoFile) -> RemoteFile:
    if found.lfs is None:
        return RemoteFile(path=found.path, size=found.size, oid=found.blob_id)
    return RemoteFile(path=found.path, size=found.size, oid=found.lfs.sha256, in_lfs=True)


def _content(wanted: Outgoing) -> bytes:
    try:
        with wanted.source.open("rb") as file:
            content = file.read(wanted.size)
    except OSError as exc:
        raise HubOvertaken(f"{wanted.source} cannot be read: {exc}") from exc
    if hashlib.sha256(content).hexdigest() != wanted.sha256:
        raise HubOvertaken(f"{wanted.source} has changed")
    return content


# Failures


@contextmanager
def _translated(about: str) -> Iterator[None]:
    """What the client raises, as ours."""
    try:
        yield
    except OfflineModeIsEnabled as exc:
        raise HubAway("HF_HUB_OFFLINE is set") from exc
    except HfHubHTTPError as exc:
        raise _refused(about, exc) from exc
    except RuntimeError as exc:  # around what went wrong with one file in LFS
        if isinstance(exc.__cause__, HfHubHTTPError):
            raise _refused(about, exc.__cause__) from exc
        raise HubAway(f"{about}: {exc}") from exc
    except (httpx.HTTPError, OSError) as exc:
        raise HubAway(f"the Hub cannot be reached ({type(exc).__name__})") from exc
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise HubAway(f"the Hub's answer cannot be read ({type(exc).__name__}: {exc})") from exc


def _refused(about: str, exc: HfHubHTTPError) -> HubError:
    response = exc.response
    status = response.status_code
    said = response.headers.get("X-Error-Message") or f"status {status}"
    match status:
        case 401:
            return HubRefused(f"the Hub does not accept the token: {said}", reason="token")
        case 403:
            words = f"the token may not do that to {about}: {said}"
            return HubRefused(words, reason="right")
        case 404:
            return HubRefused(f"{about}: {said}", reason="missing")
        case 409 | 412:
            return HubOvertaken(f"{about}: {said}")
        case 429:
            return HubAway("the Hub limits our requests", retry_after_s=wait_s(response.headers))
        case _ if status in NOT_NOW:
            words = f"the Hub answered with status {status}"
            return HubAway(words, retry_after_s=wait_s(response.headers))
        case _:
            return HubRefused(f"{about}: {said}", reason="other")


def wait_s(headers: Mapping[str, str]) -> float | None:
    """The seconds that an answer names until there is room again."""
    limit = parse_ratelimit_headers(headers)
    if limit is not None and limit.remaining == 0:
        return float(limit.reset_in_seconds)
    given = headers.get("Retry-After", "").strip()
    return float(given) if given.isdigit() else None


# The process


def main() -> None:
    """Answer the lines of standard input, JSON each, until it is closed: then end at once."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    huggingface_hub.set_client_factory(_connection)
    threading.Thread(target=_listen, args=(sys.stdin, lines), daemon=True).start()
    client = Client(**json.loads(lines.get()))
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


def _connection() -> httpx.Client:
    return httpx.Client(
        follow_redirects=True,
        timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S),
        event_hooks={"request": [_demand_network], "response": [_once]},
    )


def _demand_network(_request: httpx.Request) -> None:
    if huggingface_hub.constants.is_offline_mode():
        raise OfflineModeIsEnabled("HF_HUB_OFFLINE is set")


def _once(response: httpx.Response) -> None:
    """No second try: the client would sleep for as long as the Hub says."""
    if response.status_code in NOT_NOW:
        response.read()
        hf_raise_for_status(response)


def _answer(client: Client, act: str, given: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"value": _done(client, act, given)}
    except HubAway as exc:
        return {"away": str(exc), "retry_after_s": exc.retry_after_s}
    except HubRefused as exc:
        return {"refused": str(exc), "reason": exc.reason}
    except HubOvertaken as exc:
        return {"overtaken": str(exc)}


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
            files = [Outgoing(**{**f, "source": Path(f["source"])}) for f in given.pop("files")]
            return client.commit(files=files, **given)
        case "set_private":
            return client.set_private(**given)
        case "download":
            return str(client.download(**{**given, "cache": Path(given["cache"])}))
        case _:
            raise ValueError(f"nobody asks for {act}")


if __name__ == "__main__":
    main()
