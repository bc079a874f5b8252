"""From a person's words to an `Objective`. Pure, and linear in the length of the words.

Each reader takes what it has understood off the page, so that the learning rate is never read as
the target, nor a number in a path as anything. Only the first `LIMIT_CHARS` characters are read.
"""

from functools import lru_cache

from ml_intern.llm.autopilot.objective import Objective
from ml_intern.llm.autopilot.reading.columns import read_columns
from ml_intern.llm.autopilot.reading.dataset import read_dataset_words
from ml_intern.llm.autopilot.reading.family import read_beyond, read_family, speaks_of_training
from ml_intern.llm.autopilot.reading.history import take_past
from ml_intern.llm.autopilot.reading.numbers import in_digits
from ml_intern.llm.autopilot.reading.page import Page, words
from ml_intern.llm.autopilot.reading.paper import take_paper
from ml_intern.llm.autopilot.reading.publication import (
    read_private,
    read_publish,
    take_repo_name,
    take_unsettled,
    wants_card,
)
from ml_intern.llm.autopilot.reading.settings import (
    take_fractions,
    take_settings,
    take_time_limit,
)
from ml_intern.llm.autopilot.reading.spelling import corrected
from ml_intern.llm.autopilot.reading.target import read_target
from ml_intern.llm.autopilot.reading.things import Role, Thing, is_file, take_things
from ml_intern.llm.autopilot.reading.unread import take_unread

LIMIT_CHARS = 20_000

_SCRATCH = words(
    r"\bfrom scratch\b|\bfrom zero\b|\brandom(?:ly)?[ -]initiali[sz]\w*|\brandom weights\b"
    r"|\b(?:no|not|without) (?:use )?(?:an? |any )?pre-?train\w*"
)
_FINETUNE = words(r"\bfine-? ?tun\w*|\bpre-? ?trained\b|\btransfer learning\b")
_SMALL = words(
    r"\bscaled[- ]down\b|\bsmall\b|\btiny\b|\blittle\b|\bmini\b|\blight-?weight\b|\bcompact\b"
    r"|\bquick\b"
)
_SPLIT = words(r"(?:^|/)(?:train(?:ing)?|val(?:id|idation)?|dev|test)(?:\.\w+)?/?$")
_OTHER_WORK = words(
    r"^\W*(?:please )?(?:delete|remove|erase|wipe|copy|move|rename|download|install|open|print|list"
    r"|show|zip|unzip|back ?up)\b"
)


@lru_cache(maxsize=64)
def read(text: str) -> Objective:
    """What `text` says of the task. The same words give the same objective."""
    page = Page(text[:LIMIT_CHARS])
    paper = take_paper(page)
    things = take_things(page)
    columns = read_columns(page.text)
    repo_name = take_repo_name(page)
    page.text = corrected(page.text)
    family = read_family(page)
    page.text = in_digits(page.text)
    past = take_past(page)
    asked, several = take_settings(page)
    timeout_s = take_time_limit(page)
    validation_fraction, test_fraction, unclear = take_fractions(page)
    model, scratch = _model(things), page.has(_SCRATCH)
    beyond = read_beyond(page, model)
    unread = (*several, *unclear, *take_unread(page, model))
    target, doubt, metric = read_target(page.text)
    unread = (*unread, *take_unsettled(page, target))
    other_work = page.has(_OTHER_WORK) and not speaks_of_training(page)
    named, other_data = _source(things)
    source = None if other_work else named or read_dataset_words(page.text)
    return Objective(
        words=text[:LIMIT_CHARS],
        family=family,
        beyond=beyond,
        training=speaks_of_training(page) or (bool(things or asked or paper) and not other_work),
        paper=paper,
        source=source,
        model=model,
        scratch=scratch and model is None,
        finetune=page.has(_FINETUNE),
        target=target,
        doubt=doubt if target or doubt or not past else _only_past(past),
        unread=(*unread, *other_data),
        metric=metric,
        asked=asked,
        text_column=columns.get("text"),
        label_column=columns.get("label"),
        validation_fraction=validation_fraction,
        test_fraction=test_fraction,
        output_dir=_first(things, "output"),
        repo_name=_first(things, "repository") or repo_name,
        private=read_private(page),
        publish=read_publish(page),
        card=wants_card(page),
        small=page.has(_SMALL),
        timeout_s=timeout_s,
    )


def _first(things: list[Thing], role: Role) -> str | None:
    return next((thing.text for thing in things if thing.role == role), None)


def _model(things: list[Thing]) -> str | None:
    """The folder to start from; a name beside it says only what is in there."""
    models = [thing.text for thing in things if thing.role == "model"]
    return next(
        (text for text in models if text.startswith(("/", ".", "~"))), _first(things, "model")
    )


def _source(things: list[Thing]) -> tuple[str | None, tuple[str, ...]]:
    """The thing that is surely data, else the first that may be; and other data that is left over.

    Folders or files that are the splits of one folder are that folder.
    """
    data = dict.fromkeys(thing.text for thing in things if thing.role == "data" and thing.certain)
    if not data:
        return next((thing.text for thing in things if thing.role == "data"), None), ()
    parents = {text.rstrip("/").rpartition("/")[0] for text in data}
    if len(data) > 1 and len(parents) == 1 and all(map(_SPLIT.search, data)) and "" not in parents:
        return parents.pop(), ()
    first, *others = data
    return first, tuple(other for other in others if _is_rival(first, other))


def _is_rival(first: str, other: str) -> bool:
    """Another folder or another file; a file beside a folder may well belong to it."""
    inside = other.startswith(f"{first.rstrip('/')}/")
    return not inside and is_file(first) == is_file(other)


def _only_past(score: str) -> str:
    return f"I read {score} as what was reached before, not as what is to be reached now."
