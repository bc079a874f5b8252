"""Which test splits are not looked at again, by who goes on from a session and who plays it."""

from pathlib import Path

from ml_intern.events import Event, Fact, ForkedFrom, ModelChanged, Replayed
from ml_intern.session import scores
from ml_intern.session.history import History
from ml_intern.session.scores import Scores
from ml_intern.tools.facts import Facts
from tests.tracing.fakes import FakeJournal, answered, session_id, started

EXAMPLE = next(Path("traces/examples").glob("ee27*.jsonl"))


def score(fingerprint: str) -> Fact:
    return Fact(kind="evaluation", data={"split": "test", "fingerprint": fingerprint})


def found(*names: str) -> tuple[Fact, ...]:
    return tuple(map(score, names))


def test_a_fork_that_plays_a_recording_knows_of_all_three() -> None:
    journal = FakeJournal()
    journal.add(
        session_id("s"),
        started(
            forked_from=ForkedFrom(session_id="p", turn=1, scored=found("parent")),
            replayed=Replayed(scored_before=found("earlier"), scored=found("recording")),
        ),
        answered("c", tool="evaluate", facts=found("own")),
    )
    known = scores.of_journal(journal.all)
    assert known == Scores(
        before=found("parent", "earlier"), played=found("recording"), own=found("own")
    )
    assert known.all == found("parent", "earlier", "recording", "own")


def test_what_is_played_may_score_again_what_the_recording_scored_itself() -> None:
    recording = Scores(before=found("a"), played=found("b"), own=found("c"))
    assert recording.replayed == Replayed(scored_before=found("a", "b"), scored=found("c"))


def test_a_replay_of_a_replay_may_score_again_what_both_did() -> None:
    recording = Scores(played=found("a"), own=found("a"))
    assert recording.replayed == Replayed(scored=found("a"))


def test_of_each_split_the_first_score_is_carried_on() -> None:
    first = Fact(kind="evaluation", data={"split": "test", "fingerprint": "a", "rows": 9})
    known = Scores(before=(first, *found("b")), played=found("a"), own=found("a", "c"))
    assert known.all == (first, *found("b", "c"))


def test_a_file_tells_what_was_scored_in_it() -> None:
    told_by, known = scores.of_file(EXAMPLE)
    assert told_by == EXAMPLE.stem
    assert [one.data["split"] for one in known.own] == ["test"]
    assert known == Scores(own=known.own)


def refused(*events: Event) -> set[str]:
    """The splits that this session may not score."""
    history = History()
    for event in events:
        history.apply(event)
    return {one["fingerprint"] for one in Facts(history.facts).all("evaluation", split="test")}


PLAYED = started(replayed=Replayed(scored_before=found("a"), scored=found("b", "c")))
CHANGED = ModelChanged(model="another", asked_by="ada")


def test_a_replay_may_score_what_its_recording_did_until_another_model_decides() -> None:
    assert refused(PLAYED) == {"a"}
    assert refused(PLAYED, CHANGED) == {"a", "b", "c"}


def test_the_score_of_the_replay_itself_stands_before_that_of_the_recording() -> None:
    own = Fact(kind="evaluation", data={"split": "test", "fingerprint": "b", "rows": 9})
    history = History()
    for event in (PLAYED, answered("c", tool="evaluate", facts=(own,)), CHANGED):
        history.apply(event)
    assert Facts(history.facts).latest("evaluation", fingerprint="b") == own.data
