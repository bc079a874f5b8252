"""What a model is told of a tool's arguments, and what is only checked."""

from typing import Literal

from pydantic import Field

from ml_intern.tools.protocol import Arguments
from ml_intern.tools.told import told


class Row(Arguments):
    """Words for who reads the code."""

    text: str = Field(min_length=1, max_length=300)


class Rows(Arguments):
    """The same."""

    rows: list[Row] = Field(max_length=40)
    name: str = Field("data", pattern="^[a-z]+$", description="Of the file.")
    count: int = Field(8, ge=1, le=30)
    share: float = Field(0.1, gt=0, le=0.4)
    degrees: int = Field(ge=-40)
    split: Literal["train", "test"] | None = None
    query: str = ""
    tags: list[str] = Field([])


def test_no_word_that_a_model_cannot_act_on():
    row = {
        "additionalProperties": False,
        "properties": {"text": {"type": "string"}},
        "required": ["text"],
        "type": "object",
    }
    properties = {
        "rows": {"items": {"$ref": "#/$defs/Row"}, "maxItems": 40, "type": "array"},
        "name": {
            "default": "data",
            "description": "Of the file.",
            "pattern": "^[a-z]+$",
            "type": "string",
        },
        "count": {"default": 8, "maximum": 30, "type": "integer"},
        "share": {"default": 0.1, "maximum": 0.4, "type": "number"},
        "degrees": {"minimum": -40, "type": "integer"},
        "split": {
            "anyOf": [{"enum": ["train", "test"], "type": "string"}, {"type": "null"}],
        },
        "query": {"type": "string"},
        "tags": {"items": {"type": "string"}, "type": "array"},
    }
    assert told(Rows) == {
        "$defs": {"Row": row},
        "additionalProperties": False,
        "properties": properties,
        "required": ["rows", "degrees"],
        "type": "object",
    }
