"""Rows of money that are not what the journals say are found, with their place."""

from pathlib import Path

import pytest

from ml_intern.events import ModelAsked, Spend
from ml_intern.queue.store import Store
from tests.queue.checked import damage, told
from tests.queue.given import HERE, HandClock, S, claimed, new_session, turn

OWN = "session:aaaa-1"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A session that spent 300 and has reserved 200, after its cap was extended."""
    path = tmp_path / "ml-intern.db"
    store = Store.open(path, HandClock(), HERE)
    new_session(store)
    claim = claimed(store)
    store.append(claim.lease, turn(), asked("model:1", 300), asked("model:2", 200))
    store.extend(S, OWN, 50, "ada")
    store.close()
    return path


def asked(name: str, micro_usd: int) -> ModelAsked:
    spend = Spend(spend_id=name, micro_usd=micro_usd, caps={OWN: 500})
    return ModelAsked(model="m", iteration=1, spend=spend)


SPEND = "spend | session aaaa-1, spend model:2 |"
BROKEN = {
    "whole": ("SELECT 1", []),
    "spent": (
        "UPDATE budget SET spent = 1",
        [f"budget | cap {OWN} | spent is 1; by the journal it is 300"],
    ),
    "reserved": (
        "UPDATE budget SET reserved = -7",
        [f"budget | cap {OWN} | reserved is -7; by the journal it is 200"],
    ),
    "extended": (
        "UPDATE budget SET extended = 0",
        [f"budget | cap {OWN} | extended is 0; by the journal it is 50"],
    ),
    "noticed": (
        "UPDATE budget SET noticed = 80",
        [f"budget | cap {OWN} | noticed is 80; by the journal it is 0"],
    ),
    "no row": (
        "DELETE FROM budget",
        [f"budget | cap {OWN} | the journal knows it, and it has no row"],
    ),
    "one too many": (
        "INSERT INTO budget (cap) VALUES ('daemon')",
        ["budget | cap daemon | the journal knows nothing of this row"],
    ),
    "state": (
        "UPDATE spend SET state = 'held' WHERE spend_id = 'model:2'",
        [f"{SPEND} state is held; by the journal it is reserved"],
    ),
    "caps": (
        "UPDATE spend SET caps = '[\"daemon\"]' WHERE spend_id = 'model:2'",
        [f"""{SPEND} caps are ['daemon']; by the journal they are ['{OWN}']"""],
    ),
    "spend lost": (
        "DELETE FROM spend WHERE spend_id = 'model:2'",
        [f"{SPEND} the journal knows it, and it has no row"],
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_money_that_does_not_add_up_is_found(path: Path, name: str) -> None:
    statement, expected = BROKEN[name]
    damage(path, statement)
    assert told(path) == expected
