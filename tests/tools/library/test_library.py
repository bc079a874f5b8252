"""The tool, in a real child of the training environment, over what is installed there."""

import inspect
import json
from pathlib import Path
from typing import Any

import datasets
import pytest

from ml_intern.errors import ComputeError
from ml_intern.tools.library.ask import ask
from ml_intern.tools.library.library import Library, LibraryArguments
from ml_intern.tools.library.reading.calls import Calls
from ml_intern.tools.library.reading.modules import Modules
from ml_intern.tools.library.reading.names import Found, Names
from ml_intern.tools.protocol import ToolContext, ToolOutcome
from tests.support.places import confined_place, context_in

pytest.importorskip("trl")


@pytest.fixture
def ctx(tmp_path: Path) -> ToolContext:
    return context_in(confined_place(tmp_path))


def call(ctx: ToolContext, operation: str, name: str, **more: Any) -> ToolOutcome:
    args = LibraryArguments.model_validate({"operation": operation, "name": name, **more})
    outcome = Library().run(args, ctx)
    assert isinstance(outcome, ToolOutcome)
    return outcome


def answer(ctx: ToolContext, operation: str, name: str, **more: Any) -> dict[str, Any]:
    outcome = call(ctx, operation, name, **more)
    assert outcome.ok, outcome.output
    return json.loads(outcome.output)


def test_the_arguments_of_sftconfig_are_those_of_its_bases_too(ctx: ToolContext) -> None:
    found = answer(ctx, "signature", "trl.SFTConfig", match="packing")
    assert "packing: bool = False" in found["takes"]["SFTConfig"]
    inherited = answer(ctx, "signature", "trl.SFTConfig", match="eval_strategy")
    assert list(inherited["takes"]) == ["TrainingArguments"]
    assert "note" not in found, "it was imported"


def test_an_answer_is_short_and_read_on_by_its_next(ctx: ToolContext) -> None:
    first = call(ctx, "signature", "trl.SFTConfig")
    assert len(first.output) < 6000
    page = json.loads(first.output)
    second = answer(ctx, "signature", "trl.SFTConfig", **page["next"])
    shown = [
        each for one in (page, second) for several in one["takes"].values() for each in several
    ]
    assert len(shown) == len(set(shown)) == 80


def test_wrong_arguments_are_told_as_the_issue_wants_it(ctx: ToolContext) -> None:
    given = ["output_dir", "max_seq_length", "evaluation_strategy"]
    found = answer(ctx, "check", "trl.SFTConfig", arguments=given)
    version = found["version"]
    first, second = found["wrong"]
    assert first == f"SFTConfig has no argument max_seq_length ({version}). Nearest: max_length."
    assert second.startswith(
        f"SFTConfig has no argument evaluation_strategy ({version}). Nearest: "
    )
    assert "eval_strategy" in second


def test_what_the_library_deprecates_is_told_in_its_words(ctx: ToolContext) -> None:
    found = answer(ctx, "check", "transformers.TrainingArguments", arguments=DEPRECATED)
    assert found["wrong"] == []
    [sentence] = found["leaving"]
    assert "Deprecated alias of `activation_checkpointing`" in sentence


DEPRECATED = ["gradient_checkpointing", "learning_rate"]


def test_a_class_that_is_gone_is_told_with_what_is_there(ctx: ToolContext) -> None:
    outcome = call(ctx, "signature", "trl.PPOTrainer")
    assert not outcome.ok
    error = json.loads(outcome.output)["error"]
    assert "has no PPOTrainer. Nearest: DPOTrainer" in error


def test_a_name_without_its_package_is_completed(ctx: ToolContext) -> None:
    outcome = call(ctx, "doc", "SFTTrainer")
    assert "Do you mean trl.SFTTrainer?" in json.loads(outcome.output)["error"]


def test_what_cannot_be_read_is_imported_and_said_to_be(ctx: ToolContext) -> None:
    found = answer(ctx, "check", "numpy.array", arguments=["dtyp"])
    assert "this comes of importing it" in found["note"]
    assert "array has no argument dtyp" in found["wrong"][0]


def test_versions_are_those_of_distributions(ctx: ToolContext) -> None:
    assert answer(ctx, "version", "sklearn")["version"].startswith("scikit-learn ")


def test_the_sessions_own_modules_are_not_taken_for_installed_ones(ctx: ToolContext) -> None:
    (ctx.place.workspace / "trl.py").write_text("def SFTConfig(nope): ...\n")
    assert answer(ctx, "check", "trl.SFTConfig", arguments=["nope"])["wrong"]


@pytest.mark.parametrize("name", ["", "a b", "trl.", "../x", "trl;import os", "1x", "x" * 301])
def test_only_names_are_looked_up(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        LibraryArguments.model_validate({"operation": "doc", "name": name})


def test_an_interpreter_that_gives_no_answer_is_told(tmp_path: Path) -> None:
    place = confined_place(tmp_path, training_python=Path("/bin/true"))
    with pytest.raises(ComputeError, match="gave no answer about its packages"):
        ask(context_in(place), {"operation": "version", "name": "trl"})


def test_reading_agrees_with_python_about_every_call_of_datasets() -> None:
    """All that is read as closed takes exactly the keywords that `inspect` tells at run time."""
    names = Names(Modules())
    calls, compared = Calls(names), 0
    for dotted, thing in _callables():
        found = names.find(dotted)
        assert isinstance(found, Found), dotted
        taken = calls.taken(found)
        if not taken.is_open:
            read = set(taken.keywords) - {"self"}
            more = read - _keywords(thing)  # Python does not tell where `**kwargs` goes
            assert _keywords(thing) <= read, dotted
            assert taken.passes_to or not more, dotted
            compared += 1
    assert compared > 150


def _callables() -> list[tuple[str, Any]]:
    found = [
        (f"datasets.{name}", thing)
        for name, thing in vars(datasets).items()
        if not name.startswith("_") and (inspect.isclass(thing) or inspect.isfunction(thing))
    ]
    methods = [
        (f"{dotted}.{name}", method)
        for dotted, thing in found
        if inspect.isclass(thing)
        for name, method in vars(thing).items()
        if inspect.isfunction(method) and not name.startswith("_")
    ]
    return found + methods


def _keywords(thing: Any) -> set[str]:
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = inspect.signature(thing).parameters.values()
    return {each.name for each in parameters if each.kind in kinds} - {"self"}
