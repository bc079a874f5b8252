"""Which messages and tools an example has."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ml_intern.messages import ToolSpec
from ml_intern.tools.catalogue import all_tools
from ml_intern.tracing.exporting import schemas
from ml_intern.tracing.exporting.examples import Example, examples
from ml_intern.transcript import parts
from ml_intern.transcript.problems import Problems
from tests.tracing import golden

KNOWN = {tool.name: tool.spec() for tool in all_tools()}
LS = {"type": "tool_use", "id": "c1", "name": "bash", "input": {"command": "ls"}}


def user(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "user", "message": {"role": "user", "content": text}, **more}


def model(*blocks: dict[str, Any], name: str = "qwen3") -> dict[str, Any]:
    return {"type": "assistant", "message": {"model": name, "content": list(blocks)}}


def says(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def result(call: str, text: str) -> dict[str, Any]:
    block = {"type": "tool_result", "tool_use_id": call, "content": text}
    return {"type": "user", "message": {"role": "user", "content": [block]}}


def compaction(summary: str, kept: int = 0) -> list[dict[str, Any]]:
    boundary = {"type": "system", "subtype": "compact_boundary", "content": "compacted"}
    return [boundary, user(summary, isCompactSummary=True, mlIntern={"kept": kept})]


def made(tmp_path: Path, *lines: dict[str, Any], program: str = "ml-intern") -> list[Example]:
    """The examples of a session of these lines."""
    path = tmp_path / "session.jsonl"
    text = (
        json.dumps({"uuid": str(number), "entrypoint": program} | line)
        for number, line in enumerate(lines)
    )
    path.write_text("".join(f"{line}\n" for line in text))
    return of(path)


def of(path: Path, known: dict[str, ToolSpec] = KNOWN) -> list[Example]:
    return list(examples(tuple(parts.read(path, Problems())), known))


def told(example: Example) -> Sequence[tuple[str, str]]:
    return [(one["role"], one["content"]) for one in example.messages]


def test_results_stand_in_the_order_of_the_calls_whichever_came_first(tmp_path: Path) -> None:
    other = LS | {"id": "c2", "name": "read", "input": {"path": "a"}}
    lines = (user("Go."), model(LS, other), result("c2", "A"), result("c1", "B"))
    (example,) = made(tmp_path, *lines, model(says("Done.")))
    assert [one.get("name") for one in example.messages] == [None, None, "bash", "read", None]
    assert [one["content"] for one in example.messages] == ["Go.", "", "B", "A", "Done."]


def test_an_example_ends_with_the_last_answer_of_a_model(tmp_path: Path) -> None:
    lines = (user("Go."), model(says("Done.")), user("And now?"))
    (example,) = made(tmp_path, *lines, model(says("The model is away."), name="ml-intern"))
    assert told(example) == [("user", "Go."), ("assistant", "Done.")]


def test_a_session_in_which_no_model_answers_gives_none(tmp_path: Path) -> None:
    broken = {**LS, "input": {"_raw": '{"command": '}}
    assert made(tmp_path, user("Go.")) == []
    assert made(tmp_path, user("Go."), model(says("It failed."), name="ml-intern")) == []
    assert made(tmp_path, user("Go."), model(broken), result("c1", "Not JSON.")) == []


def test_a_call_whose_arguments_are_no_object_is_left_out_with_its_result() -> None:
    """The golden session has such a call beside two good ones."""
    (path,) = golden.EXAMPLES.glob("c9f02920*")
    (example,) = of(path)
    asked = [one["tool_calls"] for one in example.messages if "tool_calls" in one]
    names = [[call["function"]["name"] for call in calls] for calls in asked]
    assert ["bash", "read"] in names
    assert "write_recipe" not in json.dumps(example.as_json())


def test_a_compacted_session_gives_an_example_for_each_stretch(tmp_path: Path) -> None:
    first = (user("Go."), model(says("One.")), user("On."), model(says("Two.")))
    before, after = made(tmp_path, *first, *compaction("So far.", kept=1), model(says("Three.")))
    assert [text for _, text in told(before)] == ["Go.", "One.", "On.", "Two."]
    assert [text for _, text in told(after)] == ["Go.", "So far.", "Two.", "Three."]


def test_a_stretch_without_a_new_answer_gives_none(tmp_path: Path) -> None:
    lines = (user("Go."), model(says("One.")), *compaction("So far.", kept=1))
    assert len(made(tmp_path, *lines)) == 1


def test_tools_are_those_that_were_called_with_the_schemas_that_we_know(tmp_path: Path) -> None:
    lines = (user("Go."), model(LS), result("c1", ""), model(says("Done.")))
    (example,) = made(tmp_path, *lines)
    (tool,) = example.tools
    spec = KNOWN["bash"]
    assert tool["function"] == {
        "name": "bash",
        "description": spec.description,
        "parameters": spec.parameters,
    }
    assert example.inferred == ()


def test_a_tool_of_another_program_is_not_ours_whatever_its_name(tmp_path: Path) -> None:
    lines = (user("Go."), model(LS), result("c1", ""), model(says("Done.")))
    (example,) = made(tmp_path, *lines, program="cli")
    (tool,) = example.tools
    assert tool["function"]["description"] == schemas.DESCRIPTION
    assert tool["function"]["parameters"]["required"] == ["command"]
    assert example.inferred == ("bash",)


def test_a_schema_says_what_all_calls_have_in_common() -> None:
    calls = [{"n": 1, "all": True, "names": ["a"]}, {"n": 1.5, "names": []}, {"n": 2, "names": [1]}]
    assert schemas.inferred(calls) == {
        "type": "object",
        "properties": {
            "n": {"type": "number"},
            "all": {"type": "boolean"},
            "names": {"type": "array", "items": {"type": ["integer", "string"]}},
        },
        "required": ["n", "names"],
    }
