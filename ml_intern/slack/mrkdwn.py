"""Text as Slack writes it: foreign words made harmless and cut to fit, a person's words read."""

import html
import re

from ml_intern.clock import parse_stamp

_PERSON = re.compile(r"(?:[\w.-]{1,80} \()?slack:([UW][A-Z0-9]{2,20})\)?")
_LINK = re.compile(r"<(https?://[^<>|]*)(?:\|[^<>]*)?>|<(mailto:|tel:)([^<>|]*)(?:\|[^<>]*)?>")
_NAMED = re.compile(r"<[#@!][A-Z0-9a-z^_-]*\|([^<>]*)>")
_UNSHOWABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters, and the marks that turn the writing direction: what is approved would look
like something else."""
CUT = "…"
_FENCE, _INNER_FENCE = "```", re.compile("`(?=``)")


def escaped(text: str) -> str:
    """Nothing in it is markup that calls people or points elsewhere, or hides what stands there."""
    text = _UNSHOWABLE.sub("\ufffd", text.replace("\r\n", "\n"))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def fitting(text: str, longest: int) -> str:
    """`escaped`, and cut at the end so that it has at most `longest` characters."""
    text = text.replace("\r\n", "\n")
    whole = escaped(text)
    if len(whole) <= longest:
        return whole
    kept, room = [], longest - len(CUT)
    for character in text:
        written = escaped(character)
        room -= len(written)
        if room < 0:
            break
        kept.append(written)
    return "".join(kept) + CUT


def code(text: str, longest: int) -> str:
    """A block of code; what would end the block within it is broken up."""
    return f"{_FENCE}{fitting(_unfenced(text), longest - 6)}{_FENCE}"


def code_length(text: str) -> int:
    """How long `code` becomes with the whole text in it."""
    return len(escaped(_unfenced(text))) + 2 * len(_FENCE)


def _unfenced(text: str) -> str:
    return _INNER_FENCE.sub("`\u200b", text)


def person(who: str) -> str:
    """A person of the journal: those from Slack by their name there."""
    found = _PERSON.fullmatch(who)
    return f"<@{found[1]}>" if found else fitting(who, 100)


def with_people(markup: str) -> str:
    """Markup of our own words, with the people of the journal by their names in Slack."""
    return _PERSON.sub(r"<@\1>", markup)


def moment(stamp: str) -> str:
    """A time of `clock.stamp`, by the clock of whoever reads it; empty for none."""
    if not stamp:
        return ""
    at = parse_stamp(stamp)
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{at:%Y-%m-%d %H:%M} UTC>"


def typed(text: str) -> str:
    """What somebody typed: Slack escapes it and puts addresses into brackets."""
    text = _LINK.sub(lambda found: found[1] or found[3], text)
    return html.unescape(_NAMED.sub(r"\1", text)).strip()


def without_mention(text: str, bot: str) -> str:
    """Without the mentions of the app itself."""
    return re.sub(rf"<@{re.escape(bot)}(?:\|[^<>]*)?>", " ", text).strip() if bot else text
