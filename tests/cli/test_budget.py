"""`budget`, `extend`, and what a session that waits for room says of itself."""

import json
from pathlib import Path

import pytest

from ml_intern.cli import budget
from ml_intern.cli.foreground import Manner
from ml_intern.cli.reasons import Reasons
from ml_intern.cli.summary import heading, how_much, how_to_answer
from ml_intern.client.view import fold
from ml_intern.clock import SystemClock
from ml_intern.errors import InputError
from ml_intern.events import BudgetReached
from ml_intern.queue.store import Store
from ml_intern.settings import load
from tests.queue.given import S, claimed, ended, new_session, turn

OWN = f"session:{S}"


def waits(store: Store, cap: str = OWN, limit: int = 10_000_000) -> None:
    new_session(store)
    claim = claimed(store)
    reached = BudgetReached(cap=cap, used=9_000_000, limit=limit, needed=2_000_000)
    store.finish(claim, turn(), reached, ended("waiting", f"budget:{cap}"))


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ML_INTERN_STATE_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def store(state: Path):
    store = Store.open(load().state_dir / "ml-intern.db", SystemClock())
    yield store
    store.close()


@pytest.mark.parametrize(
    ("cap", "option"),
    [(OWN, "--usd 5.00"), ("day:2026-01-31", "--usd 5.00 --cap day"),
     ("tokens", "--tokens 5000000"), ("seconds", "--hours 1388.9"),
     ("iterations", "--iterations 5000000"), ("price:m", "--calls 10")],
)  # fmt: skip
def test_what_is_typed_to_go_on_is_shown(store: Store, cap: str, option: str) -> None:
    waits(store, cap)
    view = fold(store.events(S))
    assert view.needs_person
    assert heading(view) == "Waiting for you"
    assert how_to_answer(view) == [f"ml-intern extend {S} {option}"]
    assert view.reached is not None
    assert how_much(view.reached) == option
    (reason,) = Reasons(store.events(S), store.queue_place(S), SystemClock().now(), None).all()
    assert reason.awaited == "person"
    assert reason.commands == (f"ml-intern extend {S} {option}",)


def extends(cap: str | None = None, **given: float) -> None:
    budget.extend("aaaa", given, cap, "", Manner(), wait=False)


def test_a_session_that_waits_is_extended_once(store: Store, capsys) -> None:
    waits(store)
    extends(usd=2.5)
    assert (
        capsys.readouterr().out == "$2.50 more for the session's money: now $12.50, $0.00 used.\n"
    )
    assert store.budgets(OWN)[OWN].extended == 2_500_000
    assert fold(store.events(S)).reached is None
    budget.budget("aaaa", as_json=False, debug=False)
    shown = capsys.readouterr().out
    assert "the session's money: $0.00 of $12.50 used, $2.50 of it given later\n" in shown
    with pytest.raises(InputError, match="Somebody else"):
        extends(usd=2.5)


def test_the_day_whose_cap_is_extended_is_named(store: Store, capsys) -> None:
    waits(store)
    extends("day", usd=1)
    said = capsys.readouterr().out
    today = SystemClock().now().date().isoformat()
    assert said == f"$1.00 more for the money of {today} (UTC): now $31.00, $0.00 used.\n"


@pytest.mark.parametrize(
    ("cap", "given", "words"),
    [(None, {}, "It waits for: ml-intern extend"), (None, {"usd": 1, "tokens": 5}, "Say one of"),
     (None, {"usd": 0}, "above 0"), ("day", {"tokens": 5}, "for money only"),
     ("moon", {"usd": 1}, "There is no cap .moon. on money; known: session, day, daemon"),
     ("sesion", {"usd": 0.08}, "There is no cap .sesion."),
     ("tokens", {"usd": 5}, "give tokens"), ("price:m", {"usd": 5}, "give calls")],
)  # fmt: skip
def test_what_makes_no_sense_changes_nothing(store: Store, cap, given, words: str) -> None:
    waits(store)
    with pytest.raises(InputError, match=words):
        extends(cap, **given)
    assert store.budgets(OWN)[OWN].extended == 0


def test_what_all_share_is_shown(store: Store, capsys) -> None:
    budget.budget(None, as_json=False, debug=False)
    today, always = capsys.readouterr().out.splitlines()
    assert today.endswith("(UTC): $0.00 of $30.00 used")
    assert always == "the money of all sessions together: $0.00 used, no cap"
    budget.budget(None, as_json=True, debug=False)
    assert [each["limit"] for each in json.loads(capsys.readouterr().out)] == [30_000_000, None]
