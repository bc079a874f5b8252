"""The tool `hub_details`: what a model, a dataset or a Space of the Hub says of itself."""

from typing import Any, ClassVar

from pydantic import Field

from ml_intern.errors import OutsideError
from ml_intern.events import Effect, Recovery
from ml_intern.tools.foreign import items, mapping, number, said, text, texts
from ml_intern.tools.hub import reading
from ml_intern.tools.hub.licences import licence_of
from ml_intern.tools.hub.names import Kind, repo_named, seen
from ml_intern.tools.hub.reading import Info
from ml_intern.tools.protocol import Arguments, Tool, ToolContext, ToolOutcome
from ml_intern.tools.rendered import as_shown
from ml_intern.tools.untrusted import answered
from ml_intern.wording import size_words

CARD = "README.md"
CARD_CHARACTERS = 2_000
MOST_FILES = 25
MOST_REFS = 30
_GATED = {
    "auto": "its terms must be accepted, which lets in at once",
    "manual": "its owner lets people in one by one",
}


class DetailsArguments(Arguments):
    """Of which repository."""

    repo: str = Field(min_length=1, description="OWNER/NAME, or its address on the Hub.")
    kind: Kind = "model"
    revision: str = Field("main", description="Branch, tag or commit.")
    revisions: bool = Field(False, description="List its branches and tags, too.")
    card_offset: int = Field(0, ge=0, description="Characters of the card to leave out.")


class HubDetails(Tool[DetailsArguments]):
    """Reads only."""

    name: ClassVar[str] = "hub_details"
    description: ClassVar[str] = (
        "Look at a model, dataset or Space on the Hugging Face Hub: commit, licence and what it "
        "allows, gating, size, downloads, languages, tags, files, and its card, part by part. "
        "For a dataset's rows use inspect_dataset."
    )
    arguments = DetailsArguments
    effect: ClassVar[Effect] = "read"
    recovery: ClassVar[Recovery] = "pure"
    reads_outside: ClassVar[bool] = True

    def run(self, args: DetailsArguments, ctx: ToolContext) -> ToolOutcome:
        repo = repo_named(args.repo, args.kind, ctx.place.web.service("hub").base_url)
        info = reading.look(ctx, repo, args.revision)
        card, card_note, card_sources, hidden = _card(ctx, info, args.card_offset)
        refs, ref_sources = _refs(ctx, info) if args.revisions else ({}, ())
        document = said(
            [
                *_described(info),
                *_files(info),
                *refs.items(),
                *card.items(),
                ("note", " ".join(filter(None, (info.note, card_note)))),
            ]
        )
        return answered(document, *info.sources, *card_sources, *ref_sources, hidden=hidden)


def _described(info: Info) -> list[tuple[str, Any]]:
    found = info.said
    card = mapping(found.get("cardData"))
    return [
        ("repo", info.repo.id),
        ("kind", info.repo.kind),
        ("url", info.url),
        ("commit", info.sha),
        ("private", found.get("private") is True or None),
        ("gated", _gated(found.get("gated"))),
        ("disabled", found.get("disabled") is True or None),
        ("licence", licence_of(info).told()),
        ("downloads", number(found.get("downloads"))),
        ("likes", number(found.get("likes"))),
        ("created", text(found.get("createdAt"))[:10]),
        ("changed", text(found.get("lastModified"))[:10]),
        ("task", text(found.get("pipeline_tag")) or texts(card.get("task_categories"))),
        ("library", text(found.get("library_name"))),
        ("sdk", text(found.get("sdk"))),
        ("stage", text(mapping(found.get("runtime")).get("stage"))),
        ("parameters", number(mapping(found.get("safetensors")).get("total"))),
        ("architectures", texts(mapping(found.get("config")).get("architectures"), 3)),
        ("size", _size(found.get("usedStorage"))),
        ("rows_category", texts(card.get("size_categories"), 3)),
        ("languages", texts(card.get("language"))),
        ("base_model", texts(card.get("base_model"), 5)),
        ("datasets", texts(card.get("datasets"), 10)),
        ("tags", _tags(found.get("tags"))),
    ]


def _gated(value: object) -> str:
    return _GATED.get(value, "yes") if isinstance(value, str) and value else ""


def _size(value: object) -> str:
    """Of everything that is stored, old versions too."""
    found = number(value)
    return "" if found is None else f"{size_words(found)} with all its versions"


def _tags(value: object) -> list[str]:
    """Those that say what no other field does."""
    known = ("license:", "language:", "dataset:", "base_model:", "region:", "size_categories:")
    return [each for each in texts(value, 60) if not each.startswith(known)][:20]


def _files(info: Info) -> list[tuple[str, Any]]:
    names = [
        text(mapping(each).get("rfilename"), 1000) for each in items(info.said.get("siblings"))
    ]
    shown = [seen(name) for name in names if name]
    more = len(shown) - MOST_FILES
    return [
        ("files", shown[:MOST_FILES]),
        ("more_files", f"{more:,}; hub_files lists them with their sizes" if more > 0 else None),
    ]


def _refs(ctx: ToolContext, info: Info) -> tuple[dict[str, Any], tuple[str, ...]]:
    where = f"{info.repo.api}/refs"
    page = ctx.place.web.get("hub", where, fresh_s=reading.FRESH_S, cancelled=ctx.cancelled)
    found = mapping(page.json())
    return {
        kind: {
            text(mapping(each).get("name")): text(mapping(each).get("targetCommit"), 40)
            for each in items(found.get(kind))[:MOST_REFS]
        }
        for kind in ("branches", "tags")
    }, (page.url,)


def _card(
    ctx: ToolContext, info: Info, offset: int
) -> tuple[dict[str, Any], str, tuple[str, ...], int]:
    """A part of the card, a note where there is none, where it was read, and how many characters
    of it nobody sees.
    """
    try:
        page = reading.content(ctx, info, CARD)
    except OutsideError as exc:
        match exc.trouble:
            case "missing":
                return {}, "It has no card.", (), 0
            case "forbidden" | "large":
                return {}, f"Its card was not read: {exc}", (), 0
            case _:
                raise
    shown = as_shown(page.text)
    words = _without_head(shown.text)
    end = offset + CARD_CHARACTERS
    return (
        {
            "card": words[offset:end],
            "card_next_offset": end if end < len(words) else None,
        },
        "",
        (page.url,),
        shown.hidden,
    )


def _without_head(card: str) -> str:
    """Without the YAML before it, which the other fields tell."""
    if not card.startswith("---"):
        return card.strip()
    _, _, body = card[3:].partition("\n---")
    return body.strip()
