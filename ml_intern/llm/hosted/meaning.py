"""What a provider means by its words: patterns over the wordings that are in use. Pure.

Statuses tell little: a conversation that is too long comes as 400, 413, 422, 429 and 500, an empty
account as 400, 402, 403 and 429. The order matters: rates and answers that are too long are told
in the same words as conversations that are.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ml_intern.errors import Trouble

SMALLEST_WINDOW = 256
LARGEST_WINDOW = 100_000_000
"""What lies outside is no window: a number of something else."""
LEAST_ROOM = 8
"""An answer that may be no longer than an eighth of the window: the conversation is too long."""


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """What is wrong, and the number that came with it."""

    trouble: Trouble
    is_of_the_answer: bool = False
    """It is the answer that was to be too long; a shorter one may be asked for."""
    tokens: int | None = None
    """That the model takes, or that its answer may have."""
    window: int | None = None
    """That conversation and answer may have together, where an answer is too long for that."""


_N = r"(?P<tokens>\d[\d,]*)"


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


def _each(*patterns: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(each, re.IGNORECASE) for each in patterns)


_TOO_LARGE_AT_ANY_RATE = re.compile(r"request too large", re.IGNORECASE)
"""One request is more than a whole minute allows: to wait does not help, to shorten it does."""

_NO_CREDIT = _any(
    r"insufficient_quota|insufficient (?:account )?(?:balance|credit|funds)|insufficient_balance",
    r"credit balance|(?:purchase|requires) more credits|out of credit|used all available credits",
    r"credits are depleted|monthly included credits|credit limit exceeded|spend(?:ing)? limit",
    r"billing_(?:error|hard_limit|not_active)|payment required|please recharge|arrearage",
    r"account .* is suspended|account is not active|in good standing|specified api usage limits",
)
_QUOTA = re.compile(r"exceeded your current quota|exceeded_current_quota", re.IGNORECASE)
"""OpenAI says it of an empty account, and Gemini of a minute's rate as well."""

_RATE = _any(
    r"\brate.?limit|too many requests|throttl|quota exceeded for metric|resource_exhausted",
    r"(?:tokens?|requests?) per.?(?:second|sec|minute|min|hour|day)|per-minute",
    r"please (?:wait before|retry in|try again in|slow down)|capacity exceeded",
)

_ANSWERS = _each(
    rf"max_(?:completion_)?tokens\W* is too large: \d+\. this model'?s? supports at most {_N}",
    rf"max_tokens: \d+ > {_N}, which is the maximum allowed number of output",
    rf"max[_ ](?:completion_)?tokens`? must be less than or equal to `?{_N}",
    rf"maxoutputtokens value of \d+ .* range is from \d+ \(inclusive\) to {_N}",
    rf"(?:maximum )?tokens you requested exceeds the model limit of {_N}",
    rf"range of max_tokens is \[\d+, ?{_N}\]",
)
_ANSWER = _any(
    r"max_(?:completion_|output_)?tokens\W{0,3}(?: is| was)? too (?:large|high)",
    r"invalid max_(?:completion_|output_)?tokens",
)
_IN_A_WINDOW = _each(
    r"context length is (?P<window>\d+) tokens and your request has (?P<input>\d+) input",
    r"context length is (?P<window>\d+) tokens\. however, you requested (?:about )?\d+ tokens "
    r"\((?P<input>\d+) (?:in the messages|of text input)",
    r"must be <= ?(?P<window>\d+)\. given: (?P<input>\d+) `inputs`",
    r"exceed context limit: (?P<input>\d+) \+ \d+ > (?P<window>\d+)",
)
"""Servers that count conversation and answer together, and name the sizes."""

_WINDOWS = _each(
    rf"maximum (?:context|prompt|input|model) length(?: is|:| of)? ?{_N}",
    rf"configured limit of {_N}",
    rf"exceed context limit: \d+ \+ \d+ > {_N}",
    rf"> ?{_N} maximum",
    rf"maximum number of tokens allowed \({_N}",
    rf"with {_N} maximum context length",
    rf"number of tokens in the prompt cannot exceed {_N}",
    rf"while limit is {_N}",
    rf"context size \({_N}",
    rf"context length of only {_N}",
    rf"context length \(?{_N}",
    rf"model token limit: {_N}",
    rf"must be <= ?{_N}",
    rf"must have less than {_N} tokens",
    rf"exceed model maximum \({_N}\)",
    rf"prompt token count of \d+ exceeds the limit of {_N}",
    rf"input length should be \[\d+, ?{_N}\]",
    rf"limit {_N}, requested \d",
    rf"n_ctx={_N}",
)
_CONTEXT = _any(
    r"context[ _]length|context[ _]window|context limit|context[ _]size|maximum context",
    r"prompt(?: is)? too long|input is too long|prompt exceeds max length|prompt token count of",
    r"prompt tokens \(\d+\) exceed|maximum (?:prompt|model|input) length|model token limit",
    r"reduce the length of the messages|input tokens exceed|too many (?:input )?tokens",
    r"request[ _]too[ _]large|request exceeds the maximum size|maximum number of tokens allowed",
    r"max_new_tokens` must be|`inputs` must have less|range of input length|longer than the model",
    r"'(?:messages|input|contents?)\b[^']*': string too long",
)

_THINKING = _any(
    r"expected `?thinking`? or `?redacted_thinking|`?thinking`? blocks .* cannot be modified",
    r"(?:invalid|missing|corrupted) (?:a )?`?(?:thought[_ ])?signature|thought[_ ]signature",
    r"invalid_encrypted_content|encrypted content .* could not be verified",
    r"of type 'reasoning' was provided without|reasoning_content`?(?: field)?(?: is missing| in)",
)
_EFFORT = _any(
    r"reasoning[_. ]?effort|\beffort\b.*(?:not support|parameter|input should be)",
    r"support the effort parameter|does not support (?:think|reason)|think value \S+ is not",
    r"thinking[_ ](?:level|budget)|thinking\.(?:type|budget)|adaptive thinking is not",
    r"only works in thinking mode|thinking is not supported",
)
_CONTENT = _any(
    r"content[_ ](?:filter|policy)|content management policy|responsible ?ai",
    r"safety (?:system|polic)|flagged as potentially|content exists risk|data_inspection_failed",
    r"inappropriate content|unsafe or sensitive content|considered high risk",
    r"violates? (?:usage|our|the) (?:guid|usage)|prohibited_content",
    r"requires moderation|blocked by .*(?:guardrail|polic)",
)
_MODEL = _any(
    r"^model: \S+$|model_not_(?:found|supported)|model_decommissioned",
    r"invalid_model|invalid model\b",
    r"model\b[^.]* (?:does not exist|not found|is not found|not exist|is not supported by any)",
    r"models?/\S+ is not found|not_found_error|deploymentnotfound|not a valid model",
    r"no endpoints found|model identifier is invalid|unable to access model|no models? loaded",
    r"does not have access to (?:the )?model|has been (?:decommissioned|deprecated|retired)",
)
_AUTHENTICATION = _any(
    r"(?:invalid|incorrect|wrong|missing|no) (?:x-)?api[_ -]?(?:key|token)|api key not valid",
    r"(?:invalid_api_key|api_key_invalid|authentication_error|permission_error|unauthenticated)\b",
    r"security token included|authentication fails|invalid username or password",
    r"authentication method does not have sufficient permissions",
)

_BY_WORDS: tuple[tuple[Trouble, re.Pattern[str]], ...] = (
    ("thinking", _THINKING),
    ("effort", _EFFORT),
    ("content", _CONTENT),
    ("authentication", _AUTHENTICATION),
    ("model", _MODEL),
)


def meaning_of(words: str) -> Meaning | None:
    """Of a provider's words with its codes; None: they tell nothing that the status does not."""
    if _NO_CREDIT.search(words):
        return Meaning(trouble="billing")
    if _RATE.search(words) and not _TOO_LARGE_AT_ANY_RATE.search(words):
        return Meaning(trouble="rate")
    if _QUOTA.search(words):
        return Meaning(trouble="billing")
    if (found := _of_an_answer(words) or _of_the_length(words)) is not None:
        return found
    for trouble, pattern in _BY_WORDS:
        if pattern.search(words):
            return Meaning(trouble=trouble)
    return None


def by_status(status: int) -> Trouble:
    """What a status means where the words do not say more."""
    match status:
        case 401 | 403:
            return "authentication"
        case 402:
            return "billing"
        case 404:
            return "model"
        case 413:  # of a proxy, which says no more
            return "context"
        case 429:
            return "rate"
        case 408 | 409 | 425:
            return "away"
        case _:
            return "away" if status >= 500 else "request"


def _of_an_answer(words: str) -> Meaning | None:
    for pattern in _IN_A_WINDOW:
        if found := pattern.search(words):
            return _of_both(window=int(found["window"]), conversation=int(found["input"]))
    most = _number(words, _ANSWERS)
    if most is None and not _ANSWER.search(words):
        return None
    if most is not None and "(exclusive)" in words:
        most -= 1
    return Meaning(trouble="request", is_of_the_answer=True, tokens=most)


def _of_both(*, window: int, conversation: int) -> Meaning:
    room = window - conversation
    if room * LEAST_ROOM >= window:
        taken = _plausible(window)
        return Meaning(trouble="request", is_of_the_answer=True, tokens=room, window=taken)
    return Meaning(trouble="context", tokens=_plausible(window))


def _of_the_length(words: str) -> Meaning | None:
    if not _CONTEXT.search(words):
        return None
    found = _number(words, _WINDOWS)
    return Meaning(trouble="context", tokens=_plausible(found))


def _number(words: str, patterns: Iterable[re.Pattern[str]]) -> int | None:
    for pattern in patterns:
        if found := pattern.search(words):
            return int(found["tokens"].replace(",", ""))
    return None


def _plausible(tokens: int | None) -> int | None:
    return tokens if tokens and SMALLEST_WINDOW <= tokens <= LARGEST_WINDOW else None
