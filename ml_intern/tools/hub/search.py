"""The tool `hub_search`: models, datasets and Spaces of the Hub that fit words and filters."""

import re
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from ml_intern.errors import OutsideError
from ml_intern.events import Effect, Recovery
from ml_intern.tools.foreign import mapping, number, said, text, texts
from ml_intern.tools.hub.names import Kind, Repo
from ml_intern.tools.hub.reading import age_note, next_cursor
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome, fail
from ml_intern.tools.untrusted import answered

MOST_FOUND = 30
FRESH_S = 600.0
_PARAMETERS = re.compile(r"(min:[\d.]+[KMBT]?)?,?(max:[\d.]+[KMBT]?)?")
_SORTS = {
    "downloads": "downloads",
    "likes": "likes",
    "created": "createdAt",
    "changed": "lastModified",
    "trending": "trendingScore",
}
_TELLS: dict[Kind, tuple[str, ...]] = {
    "model": (
        *("downloads", "likes", "gated", "lastModified", "tags"),
        *("pipeline_tag", "library_name", "safetensors"),
    ),
    "dataset": ("downloads", "likes", "gated", "lastModified", "tags"),
    "space": ("likes", "lastModified", "tags", "sdk", "runtime"),
}
_ONLY: dict[str, Kind] = {
    "library": "model",
    "parameters": "model",
}


class SearchArguments(Arguments):
    """What to look for."""

    kind: Kind = "model"
    query: str = Field("", max_length=200, description="Words in the name.")
    author: str = Field("", max_length=100)
    task: str = Field("", max_length=100, description="E.g. text-classification.")
    language: str = Field("", max_length=20, description="Code, e.g. de.")
    licence: str = Field("", max_length=60, description="Id, e.g. apache-2.0.")
    library: str = Field("", max_length=60, description="Of models, e.g. transformers.")
    parameters: str = Field("", max_length=60, description="Of models: min:1B,max:4B.")
    tags: list[str] = Field(
        [],
        max_length=10,
        description="Others: dataset:ID, base_model:ID, size_categories:1K<n<10K.",
    )
    gated: bool | None = Field(None, description="Only those that are, or are not.")
    sort: Literal["downloads", "likes", "created", "changed", "trending"] | None = None
    limit: int = Field(10, ge=1, le=MOST_FOUND)
    cursor: str = Field("", max_length=2000, description="next_cursor of an answer, to read on.")

    @field_validator("parameters")
    @classmethod
    def _parameters_can_be_read(cls, words: str) -> str:
        if _PARAMETERS.fullmatch(words) is None:
            raise ValueError("write it as min:1B,max:4B, or one of the two")
        return words


class HubSearch(Tool[SearchArguments]):
    """Reads only."""

    name: ClassVar[str] = "hub_search"
    description: ClassVar[str] = (
        "Search the Hugging Face Hub for models, datasets or Spaces by words and filters. "
        "hub_details tells more of one."
    )
    arguments = SearchArguments
    effect: ClassVar[Effect] = "read"
    recovery: ClassVar[Recovery] = "pure"
    reads_outside: ClassVar[bool] = True

    def run(self, args: SearchArguments, ctx: ToolContext) -> ToolOutcome:
        if wrong := [
            name for name, kind in _ONLY.items() if getattr(args, name) and kind != args.kind
        ]:
            return fail(
                f"{', '.join(wrong)} cannot be asked of a {args.kind}; leave it out, or set kind "
                f"to {_ONLY[wrong[0]]}."
            )
        page = ctx.place.web.get(
            "hub", f"/api/{args.kind}s", _params(args), fresh_s=FRESH_S, cancelled=ctx.cancelled
        )
        found = page.json()
        if not isinstance(found, list):
            raise OutsideError(f"{page.url} does not answer with a list.", trouble="broken")
        hub_url = ctx.place.web.service("hub").base_url
        told = [_told(mapping(each), args.kind, hub_url) for each in found[: args.limit]]
        document = said(
            [
                ("kind", args.kind),
                ("found", [each for each in told if each]),
                ("next_cursor", next_cursor(page)),
                ("note", " ".join(filter(None, (_note(args, found), age_note(page, ctx))))),
            ]
        )
        return answered({"found": [], **document}, page.url)


def _params(args: SearchArguments) -> dict[str, Any]:
    return {
        "search": args.query or None,
        "author": args.author or None,
        "pipeline_tag": (args.task or None) if args.kind == "model" else None,
        "filter": _filters(args) or None,
        "num_parameters": args.parameters or None,
        "gated": None if args.gated is None else str(args.gated).lower(),
        "sort": _SORTS[args.sort] if args.sort else None,
        "direction": "-1" if args.sort else None,
        "limit": args.limit,
        "expand": _TELLS[args.kind],
        "cursor": args.cursor or None,
    }


def _filters(args: SearchArguments) -> list[str]:
    """As the tags of the Hub are written."""
    is_dataset = args.kind == "dataset"
    named = [
        (args.task if args.kind != "model" else "", "task_categories:" if is_dataset else ""),
        (args.language, "language:" if is_dataset else ""),
        (args.licence, "license:"),
        (args.library, ""),
    ]
    return [*(f"{before}{value}" for value, before in named if value), *args.tags]


def _told(found: dict[str, Any], kind: Kind, hub_url: str) -> dict[str, Any]:
    name = text(found.get("id"), 120)
    if not name:
        return {}
    tags = texts(found.get("tags"), 100)
    return said(
        [
            ("id", name),
            ("url", hub_url + Repo(kind=kind, id=name).page),
            ("task", text(found.get("pipeline_tag")) or _tagged(tags, "task_categories:", 3)),
            ("library", text(found.get("library_name"))),
            ("parameters", number(mapping(found.get("safetensors")).get("total"))),
            ("rows", _tagged(tags, "size_categories:", 1)),
            ("licence", _tagged(tags, "license:", 2)),
            ("languages", _tagged(tags, "language:", 5)),
            ("gated", bool(found.get("gated")) or None),
            ("downloads", number(found.get("downloads"))),
            ("likes", number(found.get("likes"))),
            ("sdk", text(found.get("sdk"))),
            ("stage", text(mapping(found.get("runtime")).get("stage"))),
            ("changed", text(found.get("lastModified"))[:10]),
        ]
    )


def _tagged(tags: list[str], before: str, most: int) -> str:
    named = [tag.removeprefix(before) for tag in tags if tag.startswith(before)]
    return ", ".join(named[:most])


def _note(args: SearchArguments, found: list[Any]) -> str:
    if found:
        return ""
    if args.cursor:
        return "There is no more."
    return "Nothing fits all of it; leave a filter out, or use fewer words."
