"""Events in pages."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_intern.api.journal import PAGE_BYTES
from ml_intern.events import Hinted
from tests.queue.given import S, claimed, new_session
from tests.support.raw_http import answer, request
from tests.support.serving import served
from tests.support.store_door import StoreDoor


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One session with event 1, four small ones and three of two megabytes."""
    folder = tmp_path_factory.mktemp("home")
    door = StoreDoor(folder)
    new_session(door.store)
    claim = claimed(door.store)
    door.store.append(claim.lease, *(Hinted(text="x") for _ in range(4)))
    door.store.append(claim.lease, *(Hinted(text="x" * (PAGE_BYTES // 2)) for _ in range(3)))
    with served(door, folder / "s") as path:
        yield path
    door.close()


def page(daemon: Path, asked: str) -> tuple[list[int], Any]:
    status, found = answer(daemon, request("GET", f"/v1/sessions/{S}/events?{asked}"))
    assert status == 200
    return [entry["seq"] for entry in found["events"]], found["next"]


def test_a_page_says_where_the_next_one_begins(daemon: Path) -> None:
    assert page(daemon, "limit=2") == ([1, 2], 2)
    assert page(daemon, "limit=2&after=2") == ([3, 4], 4)
    assert page(daemon, "limit=3&after=2") == ([3, 4, 5], 5)


def test_the_last_page_has_none_after_it(daemon: Path) -> None:
    assert page(daemon, "after=7") == ([8], None)
    assert page(daemon, "after=7&limit=1") == ([8], None)
    assert page(daemon, "after=8") == ([], None)


def test_a_page_ends_before_it_is_too_heavy(daemon: Path) -> None:
    assert page(daemon, "after=4&limit=5000") == ([5, 6, 7], 7)


def test_no_page_of_an_unknown_session_is_empty(daemon: Path) -> None:
    for wrong in ("zzz", S[:3]):
        status, problem = answer(daemon, request("GET", f"/v1/sessions/{wrong}/events"))
        assert (status, problem["code"]) == (404, "unknown_session")
        assert problem["detail"] == f"No session {wrong}."
