"""Arguments that fit, that are made to fit, and words for those that do not."""

import json

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from ml_intern.tools.call.schema import fit, problems
from ml_intern.tools.catalogue import all_tools
from ml_intern.tools.files.edit import EditArguments
from ml_intern.tools.files.read import ReadArguments
from ml_intern.tools.plan import PlanArguments
from ml_intern.tools.protocol import Arguments

STEP = {"step": "train", "status": "done"}


class Deep(Arguments):
    """Everything that may be sent as JSON text."""

    names: list[str] | None = None
    counts: dict[str, list[int]] | None = None
    either: list[str] | dict[str, str] | None = None
    text: str = ""


def why(schema: type[BaseModel], given: dict[str, object]) -> str:
    with pytest.raises(ValidationError) as caught:
        fit(schema, given)
    return "\n".join(problems(schema, caught.value))


@pytest.mark.parametrize(
    ("schema", "given", "fitted"),
    [
        (PlanArguments, {"items": json.dumps([STEP])}, {"items": [STEP]}),
        (PlanArguments, {"items": [json.dumps(STEP)]}, {"items": [STEP]}),
        (PlanArguments, {"items": json.dumps([json.dumps(STEP)])}, {"items": [STEP]}),
        (PlanArguments, {"items": "[{'step': 'train', 'status': 'done',},]"}, {"items": [STEP]}),
        (Deep, {"names": '["a"]'}, {"names": ["a"]}),
        (Deep, {"counts": {"a": "[1]"}}, {"counts": {"a": [1]}}),
        (Deep, {"either": '{"a": "b"}'}, {"either": {"a": "b"}}),
    ],
)
def test_json_text_is_decoded_where_an_object_or_a_list_is_wanted(schema, given, fitted):
    before = json.dumps(given)
    args, repairs = fit(schema, given)
    assert args.model_dump(exclude_unset=True) == fitted
    assert repairs
    assert json.dumps(given) == before


def test_text_is_left_alone_where_text_is_wanted():
    args, repairs = fit(Deep, {"text": '{"a": 1}'})
    assert (args.text, repairs) == ('{"a": 1}', ())


@pytest.mark.parametrize("names", ["a, b", "7", "null", '["a"', ""])
def test_text_that_is_no_list_is_explained(names):
    assert "names: Input should be a valid list" in why(Deep, {"names": names})


@pytest.mark.parametrize(
    ("schema", "given", "sentence"),
    [
        (ReadArguments, {"file_path": "a"}, "file_path: there is no such argument; did you mean"),
        (ReadArguments, {"file_path": "a"}, "path: is missing"),
        (EditArguments, {"zzz": 1}, "zzz: there is no such argument; known are path, old, new."),
        (PlanArguments, {"items": [{"steps": "a"}]}, "items.0.steps: there is no such argument; d"),
        (PlanArguments, {"items": [{"content": "a"}]}, "known are step, status."),
        (PlanArguments, {"items": [{"step": "a", "status": "completed"}]}, "'in_progress'"),
        (ReadArguments, {"path": "a", "offset": "first"}, "offset: Input should be a valid integ"),
        (ReadArguments, {"path": 7}, "path: Input should be a valid string"),
    ],
)
def test_what_does_not_fit_is_named(schema, given, sentence):
    assert sentence in why(schema, given)


def test_no_more_problems_are_named_than_one_can_read():
    words = why(PlanArguments, {"items": [{}] * 30}).splitlines()
    assert len(words) == 11
    assert words[-1] == "and 20 more"


FIELDS = [
    pytest.param(field, id=f"{tool.name}-{name}")
    for tool in all_tools()
    for name, field in tool.arguments.model_fields.items()
]


@pytest.mark.parametrize("field", FIELDS)
def test_every_number_and_boolean_may_be_sent_as_text(field):
    """Only where text is not wanted itself."""
    adapter = TypeAdapter(field.annotation)
    for text, value in (("3", 3), ("0.25", 0.25), ("true", True)):
        if fits(adapter, value) and not fits(adapter, text):
            assert adapter.validate_python(text) == value


def fits(adapter: TypeAdapter, value: object) -> bool:
    """Without any conversion."""
    try:
        adapter.validate_python(value, strict=True)
    except ValidationError:
        return False
    return True
