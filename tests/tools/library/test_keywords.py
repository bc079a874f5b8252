"""A script's keyword arguments before it runs: what is refused, and that nothing sound is."""

import importlib.util
import json
from pathlib import Path

import pytest

from ml_intern.tools.library.keywords import Keywords, check_keywords
from ml_intern.tools.library.reading.answers import Answers
from tests.support.places import confined_place, context_in, real_place

TRL = importlib.util.find_spec("trl")
pytestmark = pytest.mark.skipif(TRL is None, reason="trl is not installed")
RECIPES = Path(__file__).parents[3] / "ml_intern/recipes"


def test_only_the_wrong_argument_is_told(tmp_path: Path) -> None:
    ctx = context_in(confined_place(tmp_path))
    path = ctx.place.workspace / "train.py"
    path.write_text(
        "from trl import SFTConfig, SFTTrainer\n"
        "args = SFTConfig(output_dir='out', no_such_argument=1)\n"
        "SFTTrainer(model='x', args=args, train_dataset=None, tokenizer=None)\n"
    )
    first, second = check_keywords(ctx, path, path.read_bytes()).wrong
    assert first.startswith("Line 2: SFTConfig has no argument no_such_argument (trl ")
    assert second.startswith("Line 3: SFTTrainer has no argument tokenizer (trl ")


def test_a_deprecated_argument_is_told_and_not_refused(tmp_path: Path) -> None:
    ctx = context_in(confined_place(tmp_path))
    path = ctx.place.workspace / "train.py"
    path.write_text(
        "from transformers import pipeline\n"
        "generator = pipeline('text-generation', model='x', torch_dtype='auto')\n"
    )
    found = check_keywords(ctx, path, path.read_bytes())
    (sentence,) = found.leaving
    assert found.wrong == ()
    assert sentence.startswith("Line 2: pipeline still takes torch_dtype, but warns of it (")
    assert "`dtype`" in sentence


@pytest.mark.parametrize("source", [b"import json, os\njson.dumps(1, nope=2)\n", b"def f(:", b"\0"])
def test_a_script_without_packages_starts_no_process(tmp_path: Path, source: bytes) -> None:
    ctx = context_in(real_place(tmp_path))  # it has no sandbox to start one in
    assert check_keywords(ctx, tmp_path / "train.py", source) == Keywords()


def test_an_environment_that_gives_no_answer_leaves_it_to_the_script(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ctx = context_in(confined_place(tmp_path, training_python=Path("/bin/true")))
    source = b"import trl\ntrl.SFTConfig(nope=1)"
    assert check_keywords(ctx, tmp_path / "train.py", source) == Keywords()
    assert "keywords_not_checked" in caplog.text


def test_there_is_no_alarm_in_our_recipes_and_in_what_trl_ships() -> None:
    answers = Answers()
    scripts = [*RECIPES.rglob("*.py"), *Path(TRL.origin).parent.glob("scripts/*.py")]
    assert len(scripts) > 10
    for path in scripts:
        answer = answers.answer({"operation": "script", "path": str(path)})
        assert answer["wrong"] == [], json.dumps(answer)
