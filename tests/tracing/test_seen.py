"""What a trace says of a conversation that was summed up and cut is what the model saw."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from ml_intern.events import Compacted, Shortened, UserSaid
from ml_intern.messages import AssistantMessage, Message
from ml_intern.ops import UserInput
from ml_intern.session import forking
from ml_intern.session.desk import Limits
from ml_intern.tools.protocol import succeed
from ml_intern.tracing.exporting.examples import examples
from ml_intern.transcript.conversation import Stretch, stretches
from ml_intern.transcript.decoding import Record
from ml_intern.transcript.line import Answered, Replied, Said
from ml_intern.transcript.problems import Problems
from tests.session.test_long_turns import Long
from tests.support.desks import SESSION, Bench, calls
from tests.tracing.fakes import fold, records_of, write
from tests.tracing.rules import broken_rules

WORKSPACE = "/workspace"


class Told(Long):
    """Writes at length into files too, and after a while reads the same again and again."""

    def _next(self, size: int):
        answer = super()._next(size)
        if answer.message.tool_calls and self._left % 9 == 4:
            return calls(("effect", f'{{"number": {self._left}, "note": "{"n " * 9_000}"}}'))
        if answer.message.tool_calls and self._left % 7 < 2 and len(self.asked) > 1:
            return calls(("look", '{"number": 7}'))
        return answer


def cut_and_summed_up(folder: Path) -> Bench:
    """A session with dozens of compactions and cuts, of each kind."""
    made = Bench(folder, [], limits=Limits(max_iterations=10_000, max_turn_s=600))
    made.model = Told(8_192, 90)
    made.look.answer = lambda args, _ctx: succeed(
        "long " * (3_500 if args.number % 25 == 3 else 300) + str(args.number)
    )
    made.start("Look at all of it. " * 600)
    made.drive()
    return made


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    made = cut_and_summed_up(tmp_path_factory.mktemp("seen"))
    made.submit(UserInput(text="And once more.", author="ada"))
    made.drive()
    kinds = {(type(event), getattr(event, "why", "")) for event in made.events()}
    assert {(Compacted, ""), (Shortened, "size"), (Shortened, "superseded")} <= kinds
    return made


def records(bench: Bench) -> list[Record]:
    return records_of(fold(bench.store.events(SESSION)))


def test_a_trace_with_many_compactions_and_cuts_keeps_the_rules(bench, tmp_path) -> None:
    assert broken_rules(write(tmp_path, bench.store.events(SESSION))) == []


def test_each_answer_stands_behind_what_the_model_saw_when_it_gave_it(bench) -> None:
    found = list(stretches(records(bench)))
    workspace = str(bench.place.workspace)
    place = 0
    for asked in bench.model.asked:
        seen = _results_and_words(asked[1:], workspace)
        while not _begins_with(found[place], seen, len(asked) - 1):
            place += 1
    assert place > 10


def test_answers_stand_whole_in_an_export_which_says_where_the_model_saw_less(bench) -> None:
    found = list(examples(records(bench), {}))
    cut = [
        any("left out here" in str(message.tool_calls) for message in asked
            if isinstance(message, AssistantMessage))
        for asked in bench.model.asked
    ]  # fmt: skip
    assert any(cut)
    assert {example.seen_whole for example in found} == {True, False}
    for example in found:
        answers = [one for one in example.messages if one["role"] == "assistant"]
        assert "left out here" not in str(answers)


def test_a_notice_names_what_was_cut_by_its_line(bench) -> None:
    by_line = {record.uuid: record.content for record in records(bench)}
    cuts = [
        cut
        for record in records(bench)
        for cut in (record.extra.get("shortened") or {"cuts": []})["cuts"]
    ]
    kinds = {(type(by_line[cut["line"]]), cut["part"]) for cut in cuts}
    assert kinds == {(Answered, "text"), (Said, "text"), (Replied, "arguments")}


def test_who_goes_on_from_it_has_all_of_what_its_model_saw_less_of(bench, tmp_path) -> None:
    journal = bench.store.events(SESSION)
    of_journal = [each for each, _ in forking.of_journal(journal, None).told]
    of_file = [each for each, _ in forking.of_file(write(tmp_path, journal), None, Problems()).told]
    workspace = str(bench.place.workspace)
    assert [each.text for each in of_file] == [
        each.text.replace(workspace, WORKSPACE) for each in of_journal
    ]
    assert "left out here" in str(bench.model.asked[-1])
    kept = [each for each in of_journal if not getattr(each, "summary", False)]
    assert "left out here" not in str(kept)


def test_words_that_are_cut_once_more_for_a_smaller_window_name_their_whole(tmp_path) -> None:
    made = cut_and_summed_up(tmp_path)
    made.model = Told(5_000, 8)
    made.submit(UserInput(text="And once more.", author="ada"))
    made.drive()
    task = made.model.asked[-1][1].text
    (path,) = re.findall(r"the whole is in (\S+)", task)
    assert len(task) < len(_task(made)) / 2
    assert Path(path).read_text() == _task(made)


def test_words_that_are_still_shown_in_part_take_no_room_in_a_summary(bench) -> None:
    summaries = [event.summary for event in bench.all(Compacted)]
    assert not any("Look at all of it." in summary for summary in summaries)


def _task(bench: Bench) -> str:
    return str(bench.all(UserSaid)[0].text)


def _results_and_words(said: Sequence[Message], workspace: str) -> list[str]:
    """Answers stand whole in an export, whatever the model saw of them later."""
    return [
        "" if isinstance(each, AssistantMessage) else each.text.replace(workspace, WORKSPACE)
        for each in said
    ]


def _begins_with(stretch: Stretch, seen: list[str], length: int) -> bool:
    return _results_and_words([each for each, _ in stretch.told[:length]], WORKSPACE) == seen
