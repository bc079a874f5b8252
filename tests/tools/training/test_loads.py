"""What a script loads from elsewhere is read from its source."""

import textwrap

import pytest

from ml_intern.tools.training.loads import Load, loads
from ml_intern.tools.training.recipe import source_of


def found(source: str) -> list[tuple[str, str | None, str]]:
    return [(load.kind, load.name, load.revision) for load in of(source)]


def of(source: str) -> list[Load]:
    return loads(textwrap.dedent(source).encode())


@pytest.mark.parametrize(
    ("call", "kind", "name"),
    [
        ('AutoModel.from_pretrained("ada/base")', "model", "ada/base"),
        ('from_pretrained(pretrained_model_name_or_path="gpt2")', "model", "gpt2"),
        ('SFTTrainer(model="ada/base", train_dataset=rows)', "model", "ada/base"),
        ('pipeline("text-generation", model="ada/base")', "model", "ada/base"),
        ('datasets.load_dataset("ada/rows", "de")', "dataset", "ada/rows"),
        ('load_dataset(path="ada/rows")', "dataset", "ada/rows"),
        ('snapshot_download("ada/base")', "model", "ada/base"),
        ('hf_hub_download(repo_id="ada/rows", repo_type="dataset")', "dataset", "ada/rows"),
        (
            'load_dataset("json", data_files={"train": "hf://datasets/ada/rows/a.json"})',
            "dataset",
            "hf://datasets/ada/rows/a.json",
        ),
    ],
)
def test_a_call_that_names_it(call: str, kind: str, name: str) -> None:
    assert found(call) == [(kind, name, "main")]


@pytest.mark.parametrize(
    "call",
    [
        'load_dataset("json", data_files="data/train.jsonl")',
        "AutoModel.from_pretrained(args.output_dir)",
        "AutoModel.from_pretrained(output_dir)",
        "SFTTrainer(model=model)",
        'open("ada/base")',
    ],
)
def test_what_lies_here_is_loaded_from_nowhere(call: str) -> None:
    assert found(call) == []


def test_a_name_is_followed_to_a_constant_and_to_the_default_of_an_argument() -> None:
    source = """
        MODEL: str = "ada/base"
        parser.add_argument("--data-name", default="ada/rows")
        AutoModel.from_pretrained(MODEL, revision="v1")
        load_dataset(args.data_name)
    """
    assert found(source) == [("model", "ada/base", "v1"), ("dataset", "ada/rows", "main")]


@pytest.mark.parametrize(
    "source",
    [
        "AutoModel.from_pretrained(os.environ['BASE'])",
        "AutoModel.from_pretrained(f'{owner}/base')",
        "NAME = 'a/b'\nNAME = 'c/d'\nAutoModel.from_pretrained(NAME)",
        "def f(NAME):\n    AutoModel.from_pretrained(NAME)\nNAME = 'a/b'",
        "for NAME in names:\n    AutoModel.from_pretrained(NAME)",
    ],
)
def test_a_name_that_only_running_it_tells_is_not_guessed(source: str) -> None:
    (load,) = of(source)
    assert load.name is None
    assert "from_pretrained" in source.splitlines()[load.line - 1]


def test_a_recipe_names_its_base_model_in_its_arguments() -> None:
    source = source_of("text_classification").replace(
        'model_name_or_path: str = ""', 'model_name_or_path: str = "ada/base"'
    )
    named = {load.name for load in loads(source.encode()) if load.name is not None}
    assert named == {"ada/base"}


@pytest.mark.parametrize("source", ["def (", "x = " + "+".join("1" * 5_000)])
def test_what_does_not_parse_may_load_anything(source: str) -> None:
    assert of(source) == [Load(kind="model", name=None)]
