"""What Slack sends, as the few facts that are stored; whatever it is, nothing breaks."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_intern.slack.envelopes import heard

EVENT = {"type": "message", "user": "U1", "ts": "1.5", "channel": "C1", "text": "hello"}


def message(**changes: Any) -> dict[str, Any]:
    return {"event": {**EVENT, **changes}, "authorizations": [{"user_id": "U0BOT"}]}


def test_a_message_and_its_mention_are_one() -> None:
    first = heard("events_api", message())
    second = heard("events_api", message(type="app_mention"))
    assert first is not None
    assert second is not None
    assert first.key == second.key


@pytest.mark.parametrize(
    "changes",
    [
        {"bot_id": "B1"},
        {"user": "U0BOT"},
        {"subtype": "message_changed"},
        {"subtype": "channel_join"},
        {"user": ""},
        {"ts": None},
        {"type": "reaction_added"},
    ],
)
def test_what_no_person_said_is_not_heard(changes: dict[str, Any]) -> None:
    assert heard("events_api", message(**changes)) is None


def test_half_a_character_keeps_no_message_out_of_the_database() -> None:
    found = heard("events_api", message(text="half \ud83d a smile"))
    assert found is not None
    assert found.body["text"] == "half ? a smile"


@pytest.mark.parametrize("kind", ["hello", "disconnect", ""])
def test_other_envelopes_are_not_heard(kind: str) -> None:
    assert heard(kind, message()) is None


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "event", "user", "actions", "container", "view", "team", "id"])
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    kind=st.sampled_from(["events_api", "slash_commands", "interactive"]),
    payload=st.dictionaries(
        st.sampled_from(["type", "event", "user", "actions", "container", "view", "team"]),
        ANYTHING | st.sampled_from(["block_actions", "view_submission"]),
    ),
)
def test_no_payload_breaks_anything(kind: str, payload: dict[str, Any]) -> None:
    found = heard(kind, payload)
    assert found is None or found.key.startswith("slack:")
