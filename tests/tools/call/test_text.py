"""What is mended, what is explained, and that nothing which was cut off is completed."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_intern.errors import InputError
from ml_intern.tools.call.text import MOST_CHARS, MOST_DEPTH, Given, read_arguments

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(), VALUES, min_size=1, max_size=4)


def why(text: str) -> str:
    with pytest.raises(InputError) as caught:
        read_arguments(text)
    return str(caught.value)


@given(OBJECTS, st.booleans())
def test_json_is_read_as_it_stands(found, ascii_only):
    text = json.dumps(found, ensure_ascii=ascii_only)
    assert read_arguments(text) == Given(arguments=found)


@given(OBJECTS, st.booleans(), st.data())
def test_a_beginning_of_json_is_never_taken_for_the_whole(found, ascii_only, data):
    text = json.dumps(found, ensure_ascii=ascii_only)
    end = data.draw(st.integers(1, len(text) - 1))
    assert "cut off" in why(text[:end])


@given(st.text() | st.builds(json.dumps, VALUES) | st.builds(repr, VALUES))
def test_any_text_is_read_or_explained(text):
    with suppress(InputError):
        assert isinstance(read_arguments(text).arguments, dict)


@pytest.mark.parametrize("text", ["", " \n", "null", "{}", "\ufeff{}"])
def test_nothing_and_null_are_no_arguments(text):
    assert read_arguments(text).arguments == {}


@pytest.mark.parametrize(
    ("text", "arguments", "repair"),
    [
        ('```json\n{"path": "a"}\n```', {"path": "a"}, "a code fence"),
        ('```{"path": "```"}```', {"path": "```"}, "a code fence"),
        ('"{\\"path\\": \\"a\\"}"', {"path": "a"}, "JSON text in a string"),
        ('{"path": "a", "lines": [1, 2,],}', {"path": "a", "lines": [1, 2]}, "a comma"),
        ('{"path": "a,}", "b": 1 ,\n}', {"path": "a,}", "b": 1}, "a comma"),
        ('{"text": "one\ntwo\t"}', {"text": "one\ntwo\t"}, "line breaks"),
        (
            "{'path': \"it's\", 'fast': True, 'x': None}",
            {"path": "it's", "fast": True, "x": None},
            "Python",
        ),
        ('{"fast": True}', {"fast": True}, "Python"),
        ('{"code": """a\nb"""}', {"code": "a\nb"}, "Python"),
        (r"{'text': 'a\nb\\c\u00e9'}", {"text": "a\nb\\cé"}, "Python"),
    ],
)
def test_what_can_mean_one_thing_only_is_mended_and_said(text, arguments, repair):
    found = read_arguments(text)
    assert found.arguments == arguments
    assert repair in found.repairs[0]
    assert len(found.repairs) == 1


def test_several_mends_are_all_said():
    found = read_arguments('```\n{"text": "one\ntwo",}\n```')
    assert found.arguments == {"text": "one\ntwo"}
    assert len(found.repairs) == 3


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[1, 2]", "a JSON list"),
        ("3", "a JSON number"),
        ("true", "a JSON boolean"),
        ('"a path"', "a JSON string"),
        ('Sure: {"path": "a"}', "text before"),
        ('{"path": "a"} Done.', "text after"),
        ('{"path": "a"}{"path": "b"}', "more than one"),
        ('{"command": "echo "hi""}', "near"),
        ("{not json}", "not JSON"),
        ('{"a": 1, "a": 2}', "a is given twice"),
        ("{'a': 1, 'a': 2}", "a is given twice"),
        ('{"a": {"b": 1, "b": true}}', "b is given twice"),
        ('{"rate": NaN}', "rate is not a finite number"),
        ('{"rate": [-Infinity]}', "not a finite number"),
        ('{"rate": 1e999}', "rate is not a finite number"),
        ('{"seed": 18446744073709551616}', "seed does not fit into 64 bits"),
        (f'{{"seed": {"9" * 5000}}}', "a number that cannot be read"),
        ('{"a": ' * 100 + "1" + "}" * 100, "nested"),
        ('{"a": ' * 100_000 + "1" + "}" * 100_000, "nested"),
        ('{"a": ' + "[" * 100_000, "nested"),
        (f'{{"a": "{"x" * MOST_CHARS}"}}', "at most 8,000,000 are read"),
        (r"{'path': 'C:\data'}", "not JSON"),
        ("{'a': {1, 2}}", "not JSON"),
        ("{'a': (1, 2)}", "not JSON"),
        ("{'a': b'x'}", "not JSON"),
        ("{1: 'a'}", "not JSON"),
        ("{'a': open('x')}", "not JSON"),
        ("{'a': " + "(" * 10_000, "not JSON"),
        ('```json\n{"path": "a"}', "cut off"),
        ('{"path": "a', "cut off"),
        ('{"path": "a"', "cut off"),
        ('{"path": "a\\', "cut off"),
        ('{"path": "a", "b": [1,', "cut off"),
        ('{"b": [1,], "path": "one\ntwo', "cut off"),
    ],
)
def test_all_else_is_explained(text, sentence):
    assert sentence in why(text)


def test_the_same_value_given_twice_is_taken_once():
    assert read_arguments('{"a": [1], "a": [1]}') == Given(arguments={"a": [1]})


def test_nesting_is_bounded():
    deep = '{"a": ' * (MOST_DEPTH - 1) + "{}" + "}" * (MOST_DEPTH - 1)
    assert read_arguments(deep).repairs == ()
    assert "nested" in why('{"a": ' * MOST_DEPTH + "{}" + "}" * MOST_DEPTH)


def test_a_large_file_with_raw_line_breaks_is_read():
    line = "print('a, } b')\n"
    text = f'{{"content": "{line * 200_000}",}}'
    found = read_arguments(text)
    assert found.arguments == {"content": line * 200_000}
