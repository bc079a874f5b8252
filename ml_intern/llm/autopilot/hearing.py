"""What a person's later words do to the case: an answer to a question, or steering on the way."""

import re
from dataclasses import replace

from ml_intern.llm.autopilot.case import ALLOWED_CHANGES, Case, Topic
from ml_intern.llm.autopilot.objective import Objective
from ml_intern.llm.autopilot.reading import read
from ml_intern.llm.autopilot.reading.mentions import find_mentions
from ml_intern.llm.autopilot.reading.page import words as pattern
from ml_intern.llm.autopilot.reading.target import read_bare_number

_STOP = pattern(
    r"^\W*(?:(?:no|please|ok(?:ay)?)\W+)?(?:stop|cancel|abort|quit|give up|leave it|forget it"
    r"|end (?:it|here)"
    r"|never mind|enough)\b"
)
_ACCEPT = pattern(
    r"^\W*(?:i )?(?:accept|ok(?:ay)?|fine|good enough|publish|take it|deliver|yes|yep|go ahead|sure"
    r"|keep it|that is (?:fine|ok(?:ay)?|good enough)|that's (?:fine|ok(?:ay)?|good enough))\b"
)
_AGAIN = pattern(
    r"^\W*(?:yes\W+)?(?:again|retry|re-?start|try|continue|go on|keep (?:going|trying)|carry on"
    r"|proceed"
    r"|once more|more|another)\b"
)
_NO_TARGET = pattern(
    r"\bno(?:ne|t|pe)?\b|\bwithout\b|\bskip\b|\bany(?:thing)?\b|\bwhatever\b|\bgo on\b|\bforget\b"
    r"|\bdoes not matter\b|\bdoesn['\u2019]?t matter\b|\bas good as\b|\bbest\b|\bleave\b|\bignore\b"
)
_SCRATCH = pattern(
    r"\bscratch\b|\bnone\b|\bwithout (?:a |any )?(?:pre-?trained )?model\b|\bno model\b"
)
_FILLER = pattern(
    r"^(?:please )?(?:use|take|try|it is|it's|the data(?:set)? is|that is"
    r"|with)?\s*(?:the )?(?:file |folder |column )?"
)


def hear(case: Case, words: str) -> None:
    """Take up words that answer no question."""
    later = _with_columns(case, read(words), words)
    if not later.source:
        later = replace(later, beyond=None)
    if _is(_STOP, words) and not _steers(later):
        case.stopped = True
        return
    case.stopped = False
    if later.publish:
        case.not_published = None
        case.accepted = case.accepted or case.learned_nothing(case.chosen())
    if case.objective.beyond is not None and later.source and later.beyond is None:
        case.objective = later  # what could not be done is replaced by what perhaps can
    elif _steers(later):
        _steer(case, later)
    elif _is(_AGAIN, words):
        _go_on(case)
    else:
        case.objective = case.objective.merged(later)


def _with_columns(case: Case, later: Objective, words: str) -> Objective:
    """What the words say of the columns that the data has by now."""
    columns = case.data.columns if case.data is not None and not later.source else []
    cued: dict[str, list[str]] = {"label": [], "text": []}
    for mention in find_mentions(words, columns):
        if mention.role in cued and not mention.plain:
            cued[mention.role].append(mention.column)
    return replace(
        later,
        label_column=later.label_column or _only(cued["label"]),
        text_column=later.text_column or _only(cued["text"]),
    )


def hear_answer(case: Case, topic: Topic, words: str) -> None:
    """Take up the answer to a question about `topic`."""
    later = read(words)
    if _is(_STOP, words) and not _steers(later):
        case.stopped = True
    elif topic == "handover":
        _decide(case, later, words)
    elif topic in ("dataset", "data"):
        _name_data(case, later, words)
    elif topic == "target":
        _set_target(case, later, words)
    elif topic == "setting":
        _set_settings(case, later)
    elif topic == "model":
        _choose_model(case, later, words)
    else:
        _choose_column(case, topic, later, words)


def _is(command: re.Pattern[str], words: str) -> bool:
    return command.search(words) is not None


def _steers(later: Objective) -> bool:
    """Whether the words change what is to be done."""
    return bool(
        later.asked
        or later.source
        or later.target
        or later.doubt
        or later.unread
        or later.model
        or later.paper
        or later.text_column
        or later.label_column
        or later.scratch
    )


def _steer(case: Case, later: Objective) -> None:
    """The person changes the task; what it touches is done again, the rest stays."""
    before, case.objective = case.objective, case.objective.merged(later)
    case.unclear = 0
    case.accepted = False
    case.trouble = None
    if later.paper and later.paper != before.paper:
        case.outline = case.recipe = case.experiment = None
        _outdate(case)
    if later.source and later.source != before.source:
        case.begin_again()
        return
    if later.text_column or later.label_column:
        case.prepared = None
    if later.text_column or later.label_column or later.model or later.scratch:
        _outdate(case)
    if later.asked and case.script is not None:
        values = case.script.values
        changed = {name: v for name, v in later.asked.items() if values.get(name) != v}
        case.steered |= {name: value for name, value in changed.items() if name in values}
    if case.steered:
        case.steered_at = len(case.runs)


def _outdate(case: Case) -> None:
    if case.script is not None:
        case.script.outdated = True
        case.steered_at = len(case.runs)


def _decide(case: Case, later: Objective, words: str) -> None:
    """What becomes of a session that was handed over."""
    if _steers(later):
        _steer(case, later)
    elif _is(_AGAIN, words) or (_is(_ACCEPT, words) and case.best() is None):
        _go_on(case)
    elif _is(_ACCEPT, words):
        case.accepted = True
        case.objective = case.objective.merged(replace(later, words=""))
    else:
        case.unclear += 1
        return
    case.unclear = 0


def _go_on(case: Case) -> None:
    """Another round: what stood in the way is tried once more."""
    case.allowed_changes = case.repairs + ALLOWED_CHANGES
    case.trouble = None
    case.failures.clear()
    case.consents = {change: agreed for change, agreed in case.consents.items() if agreed}


def _name_data(case: Case, later: Objective, words: str) -> None:
    named = later.source or _bare(words)
    columns = later.text_column or later.label_column
    if not named or (columns and not later.source):
        case.objective = case.objective.merged(replace(later, beyond=None))
        case.unclear += not columns
        return
    case.objective = replace(
        case.objective.merged(replace(later, beyond=None)), source=named, training=True
    )
    case.begin_again()
    case.failures.clear()


def _set_target(case: Case, later: Objective, words: str) -> None:
    """A number, or words for "no target"; anything else is asked about once more."""
    target, doubt = read_bare_number(words)
    merged = case.objective.merged(replace(later, beyond=None))
    if target is None and doubt is None and not _is(_NO_TARGET, words):
        doubt = case.objective.doubt
        case.unclear += 1
    else:
        case.unclear = 0
    case.objective = replace(merged, target=target, doubt=doubt)


def _set_settings(case: Case, later: Objective) -> None:
    """What the answer says counts; what was not understood before is left out by consent."""
    merged = case.objective.merged(replace(later, beyond=None, source=None))
    case.objective = replace(merged, unread=later.unread)


def _choose_model(case: Case, later: Objective, words: str) -> None:
    scratch = later.scratch or _is(_SCRATCH, words)
    model = None if scratch else later.model or later.source or _bare(words) or None
    case.objective = replace(case.objective, model=model, scratch=model is None)
    case.trouble = None
    _outdate(case)


def _choose_column(case: Case, topic: Topic, later: Objective, words: str) -> None:
    """The column; whatever else the answer says is taken up too."""
    columns = case.data.columns if case.data is not None else []
    mentions = [m for m in find_mentions(words, columns) if m.role != "aside"]
    other = "text" if topic == "label" else "label"
    spoken = [m.column for m in mentions if m.role != other]
    named = {
        "label": later.label_column,
        "text": later.text_column,
        other: _only([m.column for m in mentions if m.role == other and not m.plain]),
    }
    says_more = later.target or later.doubt or later.asked
    named[topic] = named[topic] or _only(spoken) or (None if says_more else _bare(words))
    merged = case.objective.merged(replace(later, words="", beyond=None, source=None, family=None))
    case.objective = replace(
        merged,
        label_column=named["label"] or merged.label_column,
        text_column=named["text"] or merged.text_column,
    )


def _only(found: list[str]) -> str | None:
    return found[0] if len(found) == 1 else None


def _bare(words: str) -> str:
    """An answer that is nothing but a name, without the words around it."""
    return _FILLER.sub("", words.strip(), count=1).strip().strip("\"'`“”.").strip()[:400]
