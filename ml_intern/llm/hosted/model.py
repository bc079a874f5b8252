"""A model behind an HTTP interface as a `ModelClient`."""

import copy
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

from ml_intern.clock import Clock, SystemClock
from ml_intern.credentials import secret
from ml_intern.effort import Effort
from ml_intern.errors import Interrupted
from ml_intern.llm.client import ModelReply, Window, ignore_text, never
from ml_intern.llm.hosted import trouble
from ml_intern.llm.hosted.call import Accepted, Call, Ended, Failed, HungUp, Piece
from ml_intern.llm.hosted.efforts import effort_for, thinks_always
from ml_intern.llm.hosted.loop import RequestLoop
from ml_intern.llm.hosted.names import Endpoint, Secrets, endpoint_of
from ml_intern.llm.hosted.offline import litellm
from ml_intern.llm.hosted.prices import (
    USUAL_ANSWER_TOKENS,
    Price,
    cost_micro_usd,
    is_price_known,
    longest_answer,
    worst_micro_usd,
)
from ml_intern.llm.hosted.stream import Answer
from ml_intern.llm.hosted.trouble import AnswerTooLong, Moment
from ml_intern.llm.hosted.windows import Found, WindowFinder
from ml_intern.llm.hosted.wire import lacks_thought, messages_on_the_wire, tools_on_the_wire
from ml_intern.messages import AssistantMessage, Message, ToolSpec, Usage

REFUSED = "what it refused"
"""The source of a window that a refusal has told."""
LOOK_EVERY_S = 0.1
"""How often `cancelled` is looked at while nothing arrives."""
TEMPLATE_TOKENS = 2_000
"""That a provider may put around what we send, e.g. how tools are to be called."""
NO_KEY = "no-key"
"""Sent where there is no key: without one LiteLLM would take a provider's own from the
environment, and send it to whatever address it was told."""


def hosted_model(
    name: str,
    loop: RequestLoop,
    *,
    api_base: str | None = None,
    api_key: str | None = None,
    is_own: bool = True,
    request_timeout_s: float = 600.0,
    stall_timeout_s: float = 120.0,
    max_output_tokens: int | None = None,
    price: Price | None = None,
    is_free: bool = False,
    context_windows: Mapping[str, int] | None = None,
    effort: Effort | None = None,
    secrets: Secrets = secret,
) -> "HostedModel":
    """The client of the model that people write as `name`.

    `api_base` and `api_key` are those of the settings, and None for another model than theirs,
    which is none of their own (`is_own`).
    `price` and `is_free`: what the settings say of its price; `context_windows`: of windows, in
    tokens by pattern of names. `effort`: with which it is asked to think; None: as it does by
    itself.
    Raises ConfigError for a name or an address that cannot be used, and for a missing key. Makes
    no request and does not import LiteLLM.
    """
    return HostedModel(
        endpoint_of(name, secrets=secrets, api_base=api_base, api_key=api_key, is_own=is_own),
        loop,
        request_timeout_s=request_timeout_s,
        stall_timeout_s=stall_timeout_s,
        max_output_tokens=max_output_tokens,
        price=price,
        is_free=is_free,
        context_windows=context_windows,
        effort=effort,
    )


@dataclass
class _Learned:
    """What is learned of a model once, for all who ask it. Assigned at once, so without a lock."""

    most_answer: int | None = None
    """Tokens, once the provider has refused longer answers."""
    window: tuple[int, int] | None = None
    """Tokens, once it has refused a conversation with its answer for taking more than these; and
    how many it was said to take then.
    """
    efforts: dict[Effort, Effort | None] = field(default_factory=dict)
    """By the wanted one, the nearest that it has."""


class HostedModel:
    """Asks one model at one address, always streaming. Holds no connection and no thread."""

    def __init__(
        self,
        endpoint: Endpoint,
        loop: RequestLoop,
        *,
        request_timeout_s: float = 600.0,
        stall_timeout_s: float = 120.0,
        max_output_tokens: int | None = None,
        price: Price | None = None,
        is_free: bool = False,
        context_windows: Mapping[str, int] | None = None,
        effort: Effort | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.name = endpoint.name
        self._endpoint = endpoint
        self._loop = loop
        self._request_timeout_s = request_timeout_s
        self._stall_timeout_s = stall_timeout_s
        self._max_output_tokens = max_output_tokens
        self._price = price
        self._is_free = is_free or endpoint.is_free
        self._clock = clock or SystemClock()
        self._windows = WindowFinder(endpoint, context_windows or {}, self._clock)
        self._effort = effort
        self._learned = _Learned()

    def with_effort(self, effort: Effort) -> "HostedModel":
        """The same model, asked to think with `effort`; what is learned of it is shared."""
        bound = copy.copy(self)
        bound._effort = effort
        return bound

    def effort_taken(self) -> Effort | None:
        """With which it is asked to think, of what it can; None: as it does by itself."""
        if self._effort is None:
            return None
        efforts = self._learned.efforts
        if self._effort not in efforts:
            efforts[self._effort] = effort_for(self._endpoint, self._effort)
        return efforts[self._effort]

    def complete(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolSpec],
        *,
        on_text: Callable[[str], None] = ignore_text,
        cancelled: Callable[[], bool] = never,
    ) -> ModelReply:
        """See `ModelClient`. `on_text` and `cancelled` are called in the caller's thread."""
        try:
            return self._ask(messages, tools, on_text, cancelled)
        except AnswerTooLong as exc:
            most = exc.most
            if exc.window is not None:
                self._narrow_window(exc.window)
            elif not self._shorten_answers(most):
                raise
        return self._ask(messages, tools, on_text, cancelled, most)

    def _ask(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolSpec],
        on_text: Callable[[str], None],
        cancelled: Callable[[], bool],
        most: int | None = None,
    ) -> ModelReply:
        """`most`: tokens that this answer may have, where that is less than others may."""
        answer = Answer()
        effort = self._effort_now(messages)
        request = self._request(messages, tools, effort)
        request["max_tokens"] = min(request["max_tokens"], most or request["max_tokens"])
        call = Call(self._loop, request)
        try:
            self._listen(call, answer, on_text, cancelled)
        finally:
            call.hang_up()
        return ModelReply(
            message=replace(answer.message(), model=self.name),
            stop_reason=answer.stop_reason,
            model=self.name,
            usage=answer.usage,
            cost_micro_usd=self._cost(answer.usage),
            effort=effort,
        )

    def worst_cost_micro_usd(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec], known: Usage | None
    ) -> int | None:
        """See `ModelClient`: all input at the dearest price, and the longest answer."""
        if self._is_free:
            return 0
        if not is_price_known(litellm(), self._endpoint, self._price):
            return None
        tokens = self._most_tokens(messages, tools, known)
        return worst_micro_usd(litellm(), self._endpoint, tokens, self._longest(), self._price)

    def window(self) -> Window | None:
        """How much it takes, by who knows best; may ask its server, for seconds at most.

        None: its server, which may know, does not answer. Nor will it answer a request, which says
        so better than a conversation that is cut to a guess.
        """
        found = self._found()
        if found.is_away and found.is_guess:
            return None
        answer = self._longest_in(found.tokens)
        thoughts = self._endpoint.provider.takes_thinking or bool(self._signer(self._effort))
        return Window(tokens=found.tokens, answer=answer, source=found.source, thoughts=thoughts)

    def is_away(self) -> bool:
        """Whether its server did not answer when it was last asked what the model takes.

        May ask it, for seconds at most. False for one that is never asked.
        """
        return self._found().is_away

    def _longest(self) -> int:
        """Tokens of an answer at most, in the request as in what is reserved for it."""
        return self._longest_in(self._found().tokens)

    def _longest_in(self, window: int) -> int:
        wanted = self._max_output_tokens
        if wanted is None and not self._is_free:
            wanted = longest_answer(litellm(), self._endpoint, self._price)
        most = (wanted or USUAL_ANSWER_TOKENS, self._learned.most_answer, window // 4)
        return min(each for each in most if each is not None)

    def _shorten_answers(self, most: int | None) -> bool:
        """Ask for no longer ones from now on than the provider gives; false when that is no news.

        `most`: as it said; None: it did not, so half of what was asked for.
        """
        asked = self._longest()
        shorter = most or asked // 2
        if not 0 < shorter < asked:
            return False
        self._learned.most_answer = shorter
        return True

    def _narrow_window(self, tokens: int) -> None:
        """Believe from now on that it takes no more than these."""
        if tokens < self._found().tokens:
            self._learned.window = tokens, self._windows.find().tokens

    def _found(self) -> Found:
        found = self._windows.find()
        if self._learned.window is None:
            return found
        learned, was_said = self._learned.window
        if found.tokens != was_said:  # its server was started anew, with another window
            return found
        return replace(found, tokens=learned, source=REFUSED, bound=learned)

    def _cost(self, usage: Usage) -> int | None:
        return 0 if self._is_free else cost_micro_usd(litellm(), self._endpoint, usage, self._price)

    def _most_tokens(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec], known: Usage | None
    ) -> int:
        """No token is shorter than a byte; what was sent before has been counted.

        More than the window is not taken, so not paid for either.
        """
        counted, new = TEMPLATE_TOKENS, messages
        answers = [at for at, each in enumerate(messages) if isinstance(each, AssistantMessage)]
        if known is not None and known != Usage() and answers:
            counted += known.input_tokens + known.cache_read_tokens + known.cache_write_tokens
            new = messages[answers[-1] :]
        else:
            counted += _bytes(tools_on_the_wire(tools))
        takes_thinking = self._endpoint.provider.takes_thinking
        signer = self.name if self._endpoint.signs_thoughts else ""
        counted += _bytes(messages_on_the_wire(new, takes_thinking=takes_thinking, signer=signer))
        bound = self._found().bound
        return counted if bound is None else min(counted, bound)

    def _listen(
        self,
        call: Call,
        answer: Answer,
        on_text: Callable[[str], None],
        cancelled: Callable[[], bool],
    ) -> None:
        """Return when the answer is complete; raise when it will not be."""
        patience = _Patience(self._clock, self._request_timeout_s, self._stall_timeout_s)
        content_type: str | None = None
        while True:
            match arrival := call.next(LOOK_EVERY_S):
                case None:
                    pass
                case Accepted():
                    content_type = arrival.content_type
                case Piece():
                    patience.renew()
                    if text := answer.take(arrival.chunk):
                        on_text(text)
                case Ended():
                    moment = Moment(content_type=content_type, text=answer.text)
                    self._check_end(arrival, answer, moment)
                    return
                case Failed():
                    moment = Moment(content_type=content_type, text=answer.text)
                    error = trouble.error_from(arrival.cause, self._endpoint, moment)
                    raise error from arrival.cause
                case HungUp():
                    raise Interrupted(text=answer.text)
                case _:
                    assert_never(arrival)
            if cancelled():
                raise Interrupted(text=answer.text)
            patience.check(self._endpoint, answer)

    def _check_end(self, end: Ended, answer: Answer, moment: Moment) -> None:
        if not end.is_complete:
            raise trouble.incomplete(self._endpoint, moment)
        if answer.finish_reason == "content_filter":
            raise trouble.filtered(self._endpoint, answer.text)
        if not end.has_usage:
            answer.usage = Usage()

    def _effort_now(self, messages: Sequence[Message]) -> Effort | None:
        """What is asked for in this request; none in a run that was begun without signed thoughts.

        Anthropic's models refuse to think on in a run whose last answer shows no thought of theirs.
        """
        effort = self.effort_taken()
        if effort not in (None, "none") and self._endpoint.signs_thoughts:
            return "none" if lacks_thought(messages, self.name) else effort
        return effort

    def _signer(self, effort: Effort | None) -> str:
        """The name of this model, where it takes back the thoughts that it has signed."""
        if not self._endpoint.signs_thoughts:
            return ""
        thinks = effort not in (None, "none") or thinks_always(self._endpoint)
        return self.name if thinks else ""

    def _request(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec], effort: Effort | None
    ) -> dict[str, Any]:
        endpoint = self._endpoint
        request: dict[str, Any] = {
            "model": endpoint.model,
            "messages": messages_on_the_wire(
                messages,
                takes_thinking=endpoint.provider.takes_thinking,
                marks_cache=endpoint.marks_cache,
                signer=self._signer(effort),
                signs_ids=endpoint.signs_ids,
            ),
            "stream": True,
            "stream_options": {"include_usage": True},
            "api_base": endpoint.api_base,
            "api_key": endpoint.key or (None if endpoint.provider.has_account else NO_KEY),
            # Only so that LiteLLM has no shorter one of its own: `_Patience` comes first.
            "timeout": self._request_timeout_s + self._stall_timeout_s,
            "num_retries": 0,
            "max_retries": 0,
            "drop_params": True,
            # Otherwise LiteLLM imports its MCP gateway, and fails without the `mcp` package.
            "_skip_mcp_handler": True,
            **endpoint.account,
        }
        if tools:
            request["tools"] = tools_on_the_wire(tools)
        if endpoint.caches_by_key:
            request["prompt_cache_key"] = _cache_key(messages)
        if effort is not None and endpoint.is_like_openai:
            # LiteLLM leaves it out for names that are not OpenAI's own.
            request["extra_body"] = {"reasoning_effort": effort}
        elif effort is not None:
            request["reasoning_effort"] = effort
        found = self._found()
        request["max_tokens"] = self._longest_in(found.tokens)
        if endpoint.provider.route == "ollama_chat":
            # It drops, without a word, what is longer than this; left out, it takes a default.
            request["num_ctx"] = found.tokens
        return request


def _cache_key(messages: Sequence[Message]) -> str:
    """The same for every request of a conversation, so that they meet where its cache is."""
    begins = "\n".join(each.text for each in messages[:2])
    return hashlib.sha256(begins.encode("utf-8", "replace")).hexdigest()[:32]


def _bytes(wire: list[dict[str, Any]]) -> int:
    return len(json.dumps(wire, ensure_ascii=False).encode())


class _Patience:
    """How long a silent provider is waited for."""

    def __init__(self, clock: Clock, request_timeout_s: float, stall_timeout_s: float) -> None:
        self._clock = clock
        self._request_timeout_s = request_timeout_s
        self._stall_timeout_s = stall_timeout_s
        self._asked_at = self._heard_at = clock.monotonic()

    def renew(self) -> None:
        """Something arrived."""
        self._heard_at = self._clock.monotonic()

    def check(self, endpoint: Endpoint, answer: Answer) -> None:
        """Raises Retryable when it is over.

        A frame without content does not begin an answer: some servers send it at once, and then
        read a long prompt, or think, in silence.
        """
        now = self._clock.monotonic()
        if answer.has_begun:
            if now > self._heard_at + self._stall_timeout_s:
                raise trouble.silent(endpoint, answer.text, self._stall_timeout_s)
        elif now > self._asked_at + self._request_timeout_s:
            raise trouble.late(endpoint, self._request_timeout_s)
