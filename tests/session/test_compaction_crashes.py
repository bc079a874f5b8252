"""A process dies in the middle of a compaction: the next one goes on from what stands."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ml_intern.events import Compacted, ModelFailed, ModelReplied, ToolFinished, TurnFinished
from ml_intern.session.desk import Limits
from ml_intern.tools.protocol import succeed
from tests.session.test_long_turns import TASK, Long
from tests.support.desks import Bench, crash, die

pytestmark = pytest.mark.timeout(120)  # some twenty turns

NUMBER = 10
LONG = "2 kB of a log that says nothing. " * 150


class Dying:
    """Ends the process at one `append` to the journal: before it is stored, or right after."""

    def __init__(self, append: Callable[..., Any], at: int, *, stored: bool) -> None:
        self._append, self._at, self._stored = append, at, stored
        self.kinds: list[tuple[str, ...]] = []
        """What each append was to store."""

    def __call__(self, lease: Any, *events: Any, **more: Any) -> Any:
        self.kinds.append(tuple(type(event).__name__ for event in events))
        if len(self.kinds) - 1 != self._at:
            return self._append(lease, *events, **more)
        if self._stored:
            self._append(lease, *events, **more)
        return die()


def a_long_turn(folder: Path, at: int = -1, *, stored: bool = False) -> tuple[Bench, Dying]:
    folder.mkdir()
    limits = Limits(max_iterations=1_000, max_turn_s=600)
    bench = Bench(folder, [], limits=limits)
    bench.model = Long(
        8_192, NUMBER
    )  # refuses what is too long, and looks whether calls have answers
    bench.look.answer = lambda args, _ctx: succeed(f"{args.number}: {LONG}")
    dying = Dying(bench.store.append, at, stored=stored)
    bench.store.append = dying  # type: ignore[method-assign]
    bench.start(TASK)
    return bench, dying


def around_a_compaction(kinds: list[tuple[str, ...]]) -> range:
    """From the answer before the first compaction to the answer after it."""
    compacted = next(place for place, kind in enumerate(kinds) if "Compacted" in kind)
    after = next(n for n, kind in enumerate(kinds) if n > compacted and "ModelReplied" in kind)
    return range(compacted - 4, after + 2)


@pytest.mark.parametrize("stored", [False, True])
def test_a_turn_ends_well_wherever_a_process_dies_around_a_compaction(
    tmp_path: Path, stored: bool
) -> None:
    bench, dying = a_long_turn(tmp_path / "whole")
    assert bench.drive() == TurnFinished(outcome="finished", detail="Done.")
    places = around_a_compaction(dying.kinds)
    assert {"Compacted", "ModelAsked"} <= {kind for place in places for kind in dying.kinds[place]}
    for at in places:
        bench, dying = a_long_turn(tmp_path / str(at), at, stored=stored)
        crash(bench)
        where = str(dying.kinds[at])
        assert bench.drive() == TurnFinished(outcome="finished", detail="Done."), where
        check_whole(bench, where)


def check_whole(bench: Bench, where: str) -> None:
    made = [call.call_id for reply in bench.all(ModelReplied) for call in reply.tool_calls]
    answered = Counter(answer.call_id for answer in bench.all(ToolFinished))
    assert answered == dict.fromkeys(made, 1), where
    assert bench.all(Compacted), where
    assert {each.trouble for each in bench.all(ModelFailed)} <= {"away"}, where
