"""What the licences of the Hub allow, and where those of model, data and code conflict with a use.

No lawyer's opinion: a reading of well-known licences that errs towards asking. What is not known to
be allowed is a question to a person, and so is every licence that is not on the list.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from ml_intern.tools.foreign import mapping, said, text, texts
from ml_intern.tools.hub.names import Repo
from ml_intern.tools.hub.reading import Info

Use = Literal["private", "publish", "commercial"]
"""Trained and kept; passed on to others; made money of, passed on or not."""
USES: tuple[Use, ...] = get_args(Use)
"""Each asks more of a licence than those before it."""
Class = Literal[
    "permissive",
    "share-alike",
    "non-commercial",
    "non-commercial, share-alike",
    "no derivatives",
    "own terms",
    "research only",
    "unknown",
]
_TELLS: dict[Class, str] = {
    "permissive": "training, publishing and commercial use, with its notice or attribution",
    "share-alike": "all of it, but what is made of it is passed on under the same licence only",
    "non-commercial": "training and publishing, but no commercial use",
    "non-commercial, share-alike": "training, and publishing under the same licence only; "
    "no commercial use",
    "no derivatives": "training for oneself; not to pass on what is made of it",
    "own terms": "training and publishing under terms of its own, with limits of use: read them",
    "research only": "research; neither publishing beyond it nor commercial use",
    "unknown": "not known: it says none, or one that is not on the list",
}
_LISTED: dict[Class, str] = {
    "permissive": "apache-2.0 mit afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause "
    "bsd-3-clause-clear cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cdla-permissive-1.0 "
    "cdla-permissive-2.0 wtfpl ecl-2.0 etalab-2.0 isc ms-pl odc-by openmdw-1.0 postgresql ofl-1.1 "
    "ncsa unlicense zlib pddl",
    "share-alike": "cc-by-sa-3.0 cc-by-sa-4.0 cdla-sharing-1.0 epl-1.0 epl-2.0 eupl-1.1 eupl-1.2 "
    "agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 lgpl-lr lppl-1.3c mpl-2.0 odbl "
    "osl-3.0",
    "non-commercial": "cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0",
    "non-commercial, share-alike": "cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0",
    "no derivatives": "cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0",
    "own terms": "openrail openrail++ bigscience-openrail-m creativeml-openrail-m "
    "bigscience-bloom-rail-1.0 bigcode-openrail-m gemma llama2 llama3 llama3.1 llama3.2 llama3.3 "
    "llama4 apple-ascl grok2-community",
    "research only": "c-uda h-research intel-research apple-amlr deepfloyd-if-license "
    "fair-noncommercial-research-license",
}
_CLASSES: dict[str, Class] = {
    each: kind for kind, listed in _LISTED.items() for each in listed.split()
}
_NO_MONEY: frozenset[Class] = frozenset(
    ("non-commercial", "non-commercial, share-alike", "research only")
)
_SAME: frozenset[Class] = frozenset(("share-alike", "non-commercial, share-alike"))
_TAG = "license:"
_NONE = "none named"


@dataclass(frozen=True, kw_only=True)
class Licence:
    """One, as a card names it."""

    id: str
    """Of the Hub's list, in lower case; empty where none is named."""
    name: str = ""
    """What a card calls one that is on no list (`license_name`)."""
    link: str = ""

    @property
    def kind(self) -> Class:
        """What it is like."""
        return _CLASSES.get(self.id, "unknown")

    @property
    def shown(self) -> str:
        """For people."""
        return self.name or self.id or _NONE

    def head(self) -> dict[str, str]:
        """For the head of a card: what is on no list is `other` there, with its name."""
        if self.kind != "unknown":
            return {"license": self.id}
        named = {"license": "other", "license_name": self.name or self.id}
        return {**named, "license_link": self.link} if self.link else named

    def told(self) -> dict[str, Any]:
        """For the model."""
        pairs = [("id", self.id or _NONE), ("name", self.name), ("link", self.link)]
        return said([*pairs, ("allows", _TELLS[self.kind])])


@dataclass(frozen=True, kw_only=True)
class Ingredient:
    """Something that a model is made of."""

    role: Literal["model", "dataset", "code or data"]
    name: str
    licences: tuple[Licence, ...]
    """All of them bind; none where it is nobody else's."""
    note: str = ""
    repo: Repo | None = None
    """Where it is one of the Hub that was read."""


def licence(said_id: str) -> Licence:
    """By the id that somebody writes, or that `Licence.told` says."""
    return Licence(id="" if said_id == _NONE else re.sub(r"[\s_]+", "-", said_id.strip().lower()))


def licences_in(card: Mapping[str, Any]) -> tuple[Licence, ...]:
    """Those that the head of a card names; none where it names none."""
    own = {"name": text(card.get("license_name"), 100), "link": text(card.get("license_link"), 300)}
    found = map(licence, texts(card.get("license"), 10))
    return tuple(replace(each, **own) if each.kind == "unknown" else each for each in found)


def licences_of(info: Info) -> tuple[Licence, ...]:
    """Those that a repository's card names; one that is unknown where it names none."""
    card = mapping(info.said.get("cardData"))
    tags = [tag for tag in texts(info.said.get("tags"), 200) if tag.startswith(_TAG)]
    named = {**card, "license": card.get("license") or [tag.removeprefix(_TAG) for tag in tags]}
    return licences_in(named) or (Licence(id=""),)


def licence_of(info: Info) -> Licence:
    """The one that a repository names; of several, the one that is least clear."""
    order = list(_TELLS)
    return max(licences_of(info), key=lambda each: order.index(each.kind))


def listed(made_of: Sequence[Ingredient]) -> str:
    """Every ingredient with its licences and where they were read, a line each, for people."""
    return "\n".join(
        f"{each.role} {each.name}: {', '.join(one.shown for one in each.licences)} {each.note}"
        for each in made_of
    )


def inherited(made_of: Sequence[Ingredient]) -> Licence | None:
    """The licence that the ingredients leave no choice about, or the base model's own.

    None: one of them is not known, they want different ones, or it is the author's to choose.
    """
    every = {one for each in made_of for one in each.licences}
    if any(one.kind in ("unknown", "no derivatives", "research only") for one in every):
        return None
    binding = {one for one in every if one.kind != "permissive"}
    if binding:
        return binding.pop() if len(binding) == 1 else None
    of_models = {one for each in made_of if each.role == "model" for one in each.licences}
    return of_models.pop() if len(of_models) == 1 else None


def questions(made_of: Sequence[Ingredient], use: Use, under: str = "") -> list[str]:
    """What a person must decide before this use; empty where the licences plainly allow it.

    `under`: the licence that the result is to be passed on under; empty: not said.
    """
    found = [
        words
        for each in made_of
        for one in each.licences
        for words in _of_one(each, one, use, licence(under) if under else None)
    ]
    return [*found, *_among(made_of, use)]


def _of_one(made: Ingredient, one: Licence, use: Use, under: Licence | None) -> Iterator[str]:
    called = f"The {made.role} {made.name} ({one.shown})"
    if one.kind == "unknown":
        if use != "private":
            yield f"{called}: nobody knows whether it allows {_words(use)}. Do you have the right?"
        return
    if use == "commercial" and one.kind in _NO_MONEY:
        yield f"{called} does not allow commercial use. Do you have another licence for it?"
    if use == "commercial" and one.kind == "own terms":
        yield f"{called} has terms of its own for commercial use. Have you read and met them?"
    if use != "private" and one.kind == "no derivatives":
        yield f"{called} does not allow what is made of it to be passed on. Do you have the right?"
    if use == "publish" and one.kind == "research only":
        yield f"{called} is for research only. Is publishing what is made of it part of that?"
    if use != "private" and under is not None:
        yield from _under(called, one, under)


def _under(called: str, one: Licence, under: Licence) -> Iterator[str]:
    if one.kind in _SAME and under.id != one.id:
        yield (
            f"{called} wants what is made of it to be passed on under the same licence, not under "
            f"{under.shown}. Is it to be published so all the same?"
        )
    elif one.kind in _NO_MONEY and under.kind not in _NO_MONEY:
        yield (
            f"{called} does not allow commercial use, and {under.shown} would let others do that. "
            "Is it to be published so all the same?"
        )
    elif one.kind == "own terms" and under.id != one.id:
        yield f"{called} wants its own terms to go on to others, not {under.shown}. Is that meant?"


def _among(made_of: Sequence[Ingredient], use: Use) -> Iterator[str]:
    """Two that each want the result under themselves, and so cannot both have their way."""
    if use == "private":
        return
    wanting = {one.id: each for each in made_of for one in each.licences if one.kind in _SAME}
    if len(wanting) > 1:
        named = " and ".join(f"{each.role} {each.name} ({id_})" for id_, each in wanting.items())
        yield (
            f"{named} each want what is made of them under their own licence. Which one is it to "
            "be, and may it be?"
        )


def _words(use: Use) -> str:
    return {
        "private": "training",
        "publish": "publishing what is made of it",
        "commercial": "commercial use",
    }[use]
