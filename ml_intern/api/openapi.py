"""The public description of the API (OpenAPI 3.1), written from the operations that serve it."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import TypeAdapter

from ml_intern import __version__
from ml_intern.api import request
from ml_intern.api.operation import AnyOperation
from ml_intern.client import problems, server_sent, wire
from ml_intern.client.wire import LARGEST_NUMBER, LONGEST_ID_CHARS, LONGEST_KEY_CHARS, Codec

_SUBJECT = re.compile(r"\{(\w+)\}")
# What may happen to any request.
_ALWAYS = (
    "malformed_request",
    "invalid_parameter",
    "store_unavailable",
    "too_many_connections",
    "internal_error",
)
_WITH_BODY = (
    "malformed_json",
    "too_slow",
    "too_large",
    "wrong_content_type",
    "invalid_request",
)
_PROBLEM = "problem"
# What the messages of a stream carry, by their `event`.
_MESSAGES: dict[str, Codec[Any]] = {
    "journal": wire.ENTRY,
    "text": wire.TEXT,
    _PROBLEM: problems.DOCUMENT,
}

Json = dict[str, Any]


def describe(operations: Sequence[AnyOperation]) -> Json:
    """The document."""
    schemas = _Schemas(operations)
    paths: dict[str, Json] = {}
    for operation in operations:
        described = _operation(operation, schemas)
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ml-intern",
            "version": __version__,
            "description": "The daemon's Unix socket. Every refusal is an RFC 9457 problem whose "
            "`code` programs match and whose `detail` says what to do next.",
        },
        "paths": paths,
        "components": {"schemas": schemas.definitions},
    }


class _Schemas:
    """The schemas of all documents, with those that they share defined once."""

    def __init__(self, operations: Iterable[AnyOperation]) -> None:
        written = dict(_MESSAGES)
        read: dict[str, Codec[Any]] = {}
        for operation in operations:
            written[f"{operation.name} answer"] = operation.document
            read[f"{operation.name} query"] = operation.query
            if operation.body is not None:
                read[f"{operation.name} body"] = operation.body
        found, rest = TypeAdapter.json_schemas(
            [
                *((name, "serialization", codec.adapter) for name, codec in written.items()),
                *((name, "validation", codec.adapter) for name, codec in read.items()),
            ],
            ref_template="#/components/schemas/{model}",
        )
        self._found = {name: schema for (name, _), schema in found.items()}
        self.definitions: Json = rest.get("$defs", {})
        for schema in self.definitions.values():
            _demand_kind(schema)

    def of(self, name: str) -> Json:
        """The schema of one document."""
        return self._found[name]

    def resolved(self, name: str) -> Json:
        """The same, not as a reference."""
        schema = self.of(name)
        if "$ref" not in schema:
            return schema
        named: Json = self.definitions[schema["$ref"].rpartition("/")[2]]
        return named


def _demand_kind(schema: Json) -> None:
    """The field that parts a union's members must be there, though the classes have it preset."""
    if "const" in schema.get("properties", {}).get("kind", {}):
        required = schema.setdefault("required", [])
        if "kind" not in required:
            required.append("kind")


def _operation(operation: AnyOperation, schemas: _Schemas) -> Json:
    described: Json = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": [
            *_subject(operation.path),
            *_query(operation, schemas),
            *_headers(operation),
        ],
        "responses": _responses(operation, schemas),
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schemas.of(f"{operation.name} body")}},
        }
    return described


def _subject(path: str) -> list[Json]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_ID_CHARS},
        }
        for name in _SUBJECT.findall(path)
    ]


def _query(operation: AnyOperation, schemas: _Schemas) -> list[Json]:
    schema = schemas.resolved(f"{operation.name} query")
    return [
        {"name": name, "in": "query", "required": False, "schema": field}
        for name, field in schema.get("properties", {}).items()
    ]


def _headers(operation: AnyOperation) -> list[Json]:
    found = []
    if operation.keyed:
        key = {"type": "string", "pattern": f"^[!-~]{{1,{LONGEST_KEY_CHARS}}}$"}
        words = "The same key again stores nothing twice."
        found.append(_header(request.KEY_HEADER, key, words))
    if operation.streams != "never":
        number = {"type": "integer", "minimum": 0, "maximum": LARGEST_NUMBER}
        words = "The last event that was seen: the stream goes on after it."
        found.append(_header(request.CURSOR_HEADER, number, words))
    return found


def _header(name: str, schema: Json, words: str) -> Json:
    return {"name": name, "in": "header", "required": False, "schema": schema, "description": words}


def _responses(operation: AnyOperation, schemas: _Schemas) -> Json:
    content: Json = {}
    if operation.streams != "always":
        content[operation.media_type] = {"schema": schemas.of(f"{operation.name} answer")}
    if operation.streams != "never":
        content[server_sent.MEDIA_TYPE] = {"schema": _message(schemas)}
    responses: Json = {str(operation.status): {"description": "As asked.", "content": content}}
    codes = (*_ALWAYS, *(_WITH_BODY if operation.body is not None else ()), *operation.problems)
    kinds = [kind for kind in problems.KINDS.values() if kind.code in codes]
    for status in sorted({kind.status for kind in kinds}):
        words = "; ".join(f"`{kind.code}`: {kind.title}" for kind in kinds if kind.status == status)
        responses[str(status)] = _problem(f"{words}.", schemas)
    return responses


def _message(schemas: _Schemas) -> Json:
    """One message of a stream; only those of the journal have an id."""
    return {"oneOf": [_message_of(event, schemas.of(event)) for event in _MESSAGES]}


def _message_of(event: str, schema: Json) -> Json:
    data = {"type": "string", "contentMediaType": "application/json", "contentSchema": schema}
    return {
        "type": "object",
        "required": ["event", "data"],
        "properties": {"event": {"const": event}, "data": data, "id": {"type": "string"}},
    }


def _problem(words: str, schemas: _Schemas) -> Json:
    return {
        "description": words,
        "content": {problems.MEDIA_TYPE: {"schema": schemas.of(_PROBLEM)}},
    }
