"""The arguments of a tool as a model is told of them: only what it can act on.

It pays for each word in every request. Titles repeat names, the words of a class are for who reads
the code, and what may be left out need not be said to be empty then. Nobody counts letters while
writing, nor means to give a count below 1: what is out of such bounds is refused with the bounds.
"""

from copy import deepcopy
from functools import lru_cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

_NOTHING: tuple[object, ...] = (None, "", [], {})


def told(arguments: type[BaseModel]) -> dict[str, Any]:
    """Their JSON Schema, which is the caller's own."""
    return deepcopy(_schema(arguments))


@lru_cache(maxsize=256)
def _schema(arguments: type[BaseModel]) -> dict[str, Any]:
    """Made once in a process: those of all tools are a third of a start."""
    return arguments.model_json_schema(schema_generator=_InFewWords)


class _InFewWords(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        return _without(super().model_schema(schema), "title", "description")

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        found = super().default_schema(schema)
        return _without(found, "default") if found.get("default") in _NOTHING else found

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        return _without(super().str_schema(schema), "minLength", "maxLength")

    def int_schema(self, schema: core_schema.IntSchema) -> JsonSchemaValue:
        return _without_floor(super().int_schema(schema))

    def float_schema(self, schema: core_schema.FloatSchema) -> JsonSchemaValue:
        return _without_floor(super().float_schema(schema))


def _without(schema: JsonSchemaValue, *keys: str) -> JsonSchemaValue:
    return {key: value for key, value in schema.items() if key not in keys}


def _without_floor(schema: JsonSchemaValue) -> JsonSchemaValue:
    if schema.get("minimum") in (0, 1) or schema.get("exclusiveMinimum") == 0:
        return _without(schema, "minimum", "exclusiveMinimum")
    return schema
