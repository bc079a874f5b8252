"""What is read off files: a package made for the purpose, with what libraries do."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from ml_intern.tools.library.reading.answers import Answers, Trouble

FILES = {
    "__init__.py": """
        import sys
        from typing import TYPE_CHECKING

        from .plain import *
        from .plain import Base as Renamed

        if TYPE_CHECKING:
            from .inner import Config, fit, train
        else:
            sys.modules[__name__] = object()
        """,
    "plain.py": '''
        from dataclasses import KW_ONLY, dataclass, field
        from typing import ClassVar

        @dataclass
        class Base:
            """Of all configurations.

            Args:
                size (`int`):
                    How large,
                    in rows.
                old_size (`int`):
                    Deprecated since 2.0. Use `size` instead.
            """
            size: int
            old_size: int = 0
            hidden: int = field(default=1, init=False)
            kind: ClassVar[str] = "base"
            _: KW_ONLY
            rate: float = field(default=0.1, metadata={"help": "How fast."})

        class Model:
            def __init__(self, config, *, device="cpu"): ...

        class Larger(Model):
            """A larger one."""
            def __init__(self, *args, layers: int = 2, **kwargs):
                self.extra = kwargs.pop("extra", None)
                super().__init__(*args, **kwargs)

            @classmethod
            def load(cls, path, /, strict=True): ...

        class Odd(Model):
            def __new__(cls, *args, **kwargs): ...

        def anything(**kwargs):
            return dict(kwargs)

        def build(name, **kwargs):
            """Build one."""
            return Larger(name, device="gpu", **kwargs)

        @some_decorator
        def decorated(a): ...

        if sys.version_info > (3, 0):
            def either(a): ...
        else:
            def either(b): ...
        ''',
    "inner.py": '''
        from dataclasses import dataclass
        from .plain import Base
        from .deprecation import deprecate_kwarg

        @dataclass
        class Config(Base):
            packing: bool = False
            def __post_init__(self):
                if hasattr(self, "max_rows"):
                    raise ValueError("`max_rows` was removed in 2.0. Use `size` instead.")

        @deprecate_kwarg("steps", version="3.0", new_name="max_steps")
        def train(config, max_steps=1): ...

        def fit(rows, batch=1, half_size=None, seed=0, level=0, **kwargs):
            """Fit.

            Args:
                seed (`int`):
                    Note: `half_size` is deprecated, and `seed` is not.
            """
            if half_size is not None:
                warnings.warn(
                    f"`half_size` is deprecated since {VERSION}, use `batch` instead. Half it.",
                    FutureWarning,
                )
            if "cache" in kwargs:
                logger.warning_once("`cache` will be removed. Use `seed` to the same effect.")
            if level:
                logger.warning("Please remove `level` where it is 0.")
            return helper(kwargs)
        ''',
    "CHANGES.md": "## 2.1\n- `packs` was renamed to `packing`.\n",
}
NAME = "made_for_reading"


@pytest.fixture
def answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    for name, text in FILES.items():
        path = tmp_path / NAME / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(dedent(text))
    monkeypatch.syspath_prepend(tmp_path)
    yield Answers()
    assert NAME not in sys.modules, "it was imported"


def keywords(answers: Answers, name: str) -> list[str]:
    """The names of what a call takes, in the order of the answer."""
    answer = answers.answer({"operation": "signature", "name": f"{NAME}.{name}"})
    shown = [each for several in answer["takes"].values() for each in several]
    return [each.partition(":")[0].partition(" ")[0] for each in shown]


def check(answers: Answers, name: str, *given: str) -> dict[str, Any]:
    request = {"operation": "check", "name": f"{NAME}.{name}", "arguments": list(given)}
    return answers.answer(request)


def test_a_dataclass_takes_its_fields_and_those_of_its_bases_in_other_files(answers: Answers):
    assert keywords(answers, "Config") == ["packing", "size", "old_size", "rate"]


def test_keywords_are_followed_to_where_they_are_passed_on(answers: Answers):
    assert check(answers, "Larger", "layers", "device", "extra", "config")["wrong"] == []
    assert check(answers, "Larger", "depth")["wrong"] == [
        "Larger has no argument depth (made_for_reading)."
    ]
    signature = answers.answer({"operation": "signature", "name": f"{NAME}.build"})
    assert signature["passes_kwargs_to"] == ["Larger", "super().__init__"]
    assert keywords(answers, "build") == ["name", "extra", "config", "layers"]


def test_what_is_given_to_the_inner_call_is_not_taken_twice(answers: Answers):
    assert check(answers, "build", "device")["wrong"]


def test_a_name_is_found_through_stars_renamings_and_lazy_modules(answers: Answers):
    for name, line in (("Larger", "plain.py:26"), ("Renamed", "plain.py:6")):
        answer = answers.answer({"operation": "signature", "name": f"{NAME}.{name}"})
        assert answer["defined"] == f"{NAME}/{line}"


def test_a_wrong_argument_is_told_with_the_nearest_and_the_librarys_own_words(answers: Answers):
    assert check(answers, "Config", "max_rows")["wrong"] == [
        "Config has no argument max_rows (made_for_reading). made_for_reading/inner.py:11 says: "
        "“`max_rows` was removed in 2.0.”"
    ]
    assert check(answers, "Config", "packs", "sise")["wrong"] == [
        "Config has no argument packs (made_for_reading). Nearest: packing. CHANGES.md:2 says: "
        "“- `packs` was renamed to `packing`.”",
        "Config has no argument sise (made_for_reading). Nearest: size.",
    ]


def test_nothing_is_said_to_be_removed_where_the_library_says_nothing(answers: Answers):
    assert check(answers, "Config", "zzz")["wrong"] == [
        "Config has no argument zzz (made_for_reading)."
    ]


def test_what_is_on_its_way_out_is_taken_and_told(answers: Answers):
    assert check(answers, "Config", "old_size")["leaving"] == [
        "Config still takes old_size, but says of it: “Deprecated since 2.0. Use `size` instead.”"
    ]
    assert check(answers, "train", "steps")["leaving"] == [
        "train takes steps only as an old name; give max_steps instead."
    ]


def test_what_the_source_warns_of_is_told_with_what_to_give_instead(answers: Answers):
    found = check(answers, "fit", "half_size", "cache", "batch", "seed", "level", "rows")
    assert found["wrong"] == []
    assert found["leaving"] == [
        "fit still takes half_size, but warns of it (made_for_reading/inner.py:24): “`half_size` "
        "is deprecated since …, use `batch` instead. Half it.”",
        "fit still takes cache, but warns of it (made_for_reading/inner.py:29): “`cache` will be "
        "removed. Use `seed` to the same effect.”",
    ]


@pytest.mark.parametrize("name", ["anything", "Odd", "decorated", "either"])
def test_what_reading_cannot_tell_is_not_called_wrong(answers: Answers, name: str):
    answer = check(answers, name, "whatever")
    assert answer["wrong"] == []
    assert "Reading cannot tell whether it takes whatever" in answer["not_certain"]


def test_a_positional_only_argument_is_none_that_can_be_named(answers: Answers):
    assert check(answers, "Larger.load", "strict")["wrong"] == []
    assert check(answers, "Larger.load", "path")["wrong"]


def test_the_documentation_of_one_argument_is_its_entry(answers: Answers):
    request = {"operation": "doc", "name": f"{NAME}.Config"}
    assert answers.answer({**request, "argument": "size"})["doc"] == (
        "size (`int`):\nHow large,\nin rows."
    )
    assert answers.answer({**request, "argument": "rate"})["doc"] == "rate: float = 0.1\nHow fast."


def test_source_is_read_on_by_lines(answers: Answers):
    request = {"operation": "source", "name": f"{NAME}.plain.Larger", "limit": 2}
    answer = answers.answer(request)
    assert answer["source"] == 'class Larger(Model):\n    """A larger one."""'
    assert (answer["lines"], answer["next"]) == ("26-27 of 26-33", {"offset": 2})
    assert answers.answer({**request, "offset": 6})["lines"] == "32-33 of 26-33"


def test_members_of_classes_and_modules_are_listed(answers: Answers):
    request = {"operation": "members", "name": f"{NAME}.Larger"}
    assert answers.answer(request)["members"] == ["load(path, strict)"]
    found = answers.answer({"operation": "members", "name": NAME})["members"]
    assert {"Config", "Larger", "Renamed", "inner", "plain"} <= set(found)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("no_such_package_here.X", "has no package no_such_package_here"),
        (f"{NAME}.plain.Modell", "has no Modell. Nearest: Model."),
        (f"{NAME}.plain.train", f"train is defined in {NAME}/inner.py"),
        (f"{NAME}.Larger.loads", "has no loads. Nearest: load."),
    ],
)
def test_a_name_that_is_not_there_is_told_with_what_is(answers: Answers, name: str, sentence: str):
    with pytest.raises(Trouble, match=re.escape(sentence)):
        answers.answer({"operation": "signature", "name": name})


def test_a_file_that_does_not_parse_is_imported_and_told(answers: Answers, tmp_path: Path):
    (tmp_path / NAME / "broken.py").write_text("def f(:\n")
    with pytest.raises(Trouble, match="importing it fails"):
        answers.answer({"operation": "signature", "name": f"{NAME}.broken.f"})
    for name in [name for name in sys.modules if name.startswith(NAME)]:
        del sys.modules[name]


def script(answers: Answers, tmp_path: Path, text: str) -> list[list[Any]]:
    """The wrong arguments that are found in a script: line, sentence."""
    path = tmp_path / "script.py"
    path.write_text(dedent(text))
    answer = answers.answer({"operation": "script", "path": str(path)})
    json.dumps(answer)
    return answer["wrong"]


@pytest.mark.parametrize(
    "text",
    [
        "from made_for_reading import Config\nx = Config(size=1, nope=2)",
        "from made_for_reading import Config as C\nx = C(nope=2, **more)",
        "import made_for_reading.inner as m\nif True:\n    m.Config(nope=2)",
        "def f():\n    import made_for_reading\n    made_for_reading.Config(1, nope=2)",
    ],
)
def test_a_wrong_keyword_in_a_script_is_found(answers: Answers, tmp_path: Path, text: str):
    [(line, sentence)] = script(answers, tmp_path, text)
    assert "has no argument nope (made_for_reading)" in sentence
    assert "nope" in text.splitlines()[line - 1]


@pytest.mark.parametrize(
    "text",
    [
        "from made_for_reading import Config\nConfig = make(Config)\nConfig(nope=2)",
        "from made_for_reading import Config\ndef f(Config):\n    Config(nope=2)",
        "from made_for_reading import Config\nclass Config(Config): ...\nConfig(nope=2)",
        "from made_for_reading import Config\nfrom other import Config\nConfig(nope=2)",
        "import made_for_reading\nmade_for_reading.Config = f\nmade_for_reading.Config(nope=2)",
        "from made_for_reading import Config\ntry:\n    Config(nope=2)\nexcept TypeError: ...",
        "import made_for_reading as m\nif m.__version__ < '2':\n    m.Config(nope=2)",
        "from made_for_reading import Config\nwith suppress(TypeError):\n    Config(nope=2)",
        "import sys\nsys.path.insert(0, '.')\nfrom made_for_reading import Config\nConfig(nope=2)",
        "from made_for_reading import anything\nanything(nope=2)",
        "from made_for_reading import not_there\nnot_there(nope=2)",
        "from .made_for_reading import Config\nConfig(nope=2)",
        "import json\njson.dumps(1, nope=2)",
    ],
)
def test_what_is_not_certain_in_a_script_is_no_alarm(answers: Answers, tmp_path: Path, text: str):
    assert script(answers, tmp_path, text) == []
