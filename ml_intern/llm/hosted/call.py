"""One request on its way: sent in the request loop, waited for in the caller's thread."""

import asyncio
import concurrent.futures
import queue
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ml_intern.llm.hosted.loop import RequestLoop
from ml_intern.llm.hosted.offline import introduce, litellm
from ml_intern.llm.hosted.trouble import MalformedChunk

THROUGH_OPENAI_SDK = ("openai/", "azure/")
KEY_IN_OWN_HEADER = ("anthropic/", "gemini/")


@dataclass(frozen=True)
class Accepted:
    """The provider has taken the request; its answer is to follow."""

    content_type: str


@dataclass(frozen=True)
class Piece:
    """A chunk of the answer, as LiteLLM gives it."""

    chunk: Any


@dataclass(frozen=True)
class Ended:
    """The stream is at its end."""

    is_complete: bool
    """The provider said so. LiteLLM invents a "stop" for a stream that just ends."""
    has_usage: bool
    """The provider counted. LiteLLM makes a count up where it did not."""


@dataclass(frozen=True)
class Failed:
    """LiteLLM, or what lies below it, raised."""

    cause: BaseException


@dataclass(frozen=True)
class HungUp:
    """The request loop was closed."""


Arrival = Accepted | Piece | Ended | Failed | HungUp


class Call:
    """What arrives, in order, for the one thread that waits for it."""

    def __init__(self, loop: RequestLoop, request: Mapping[str, Any]) -> None:
        self._arrivals: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
        self._future = loop.start(_ask(request, self._arrivals.put))
        self._future.add_done_callback(self._finish)

    def next(self, timeout_s: float) -> Arrival | None:
        """What arrives next; None when it is nothing for `timeout_s` seconds."""
        try:
            return self._arrivals.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def hang_up(self) -> None:
        """Close the connection, so that the provider stops. A finished call ignores it."""
        self._future.cancel()

    def _finish(self, future: "concurrent.futures.Future[Ended]") -> None:
        if future.cancelled():
            self._arrivals.put(HungUp())
        elif cause := future.exception():
            self._arrivals.put(Failed(cause))
        else:
            self._arrivals.put(future.result())


async def _ask(request: Mapping[str, Any], put: Callable[[Arrival], None]) -> Ended:
    """Send, and pass on what arrives."""
    await asyncio.get_running_loop().run_in_executor(None, introduce, request["model"])
    request = {**_unburdened(request), **_client_for(request["model"])}
    stream = await litellm().acompletion(**request)
    try:
        put(Accepted(_content_type(stream)))
        _refuse_malformed_lines(stream)
        async for chunk in stream:
            put(Piece(chunk))
    finally:
        await stream.aclose()
    return Ended(
        is_complete=stream.received_finish_reason is not None,
        has_usage=any(getattr(chunk, "usage", None) for chunk in reversed(stream.chunks)),
    )


def _unburdened(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """The request with its messages and tools where OpenAI's SDK does not walk through them.

    That walk takes a quarter of a millisecond for each message, in the one thread through which
    all answers come. Our format is the one that is wanted, so nothing needs to be transformed.
    """
    if not request["model"].startswith(THROUGH_OPENAI_SDK) or _goes_to_responses(request):
        return request
    body = {name: request[name] for name in ("messages", "tools") if name in request}
    rest = {name: value for name, value in request.items() if name not in body}
    body = {**body, **request.get("extra_body", {})}
    return {**rest, "messages": [{"role": "user", "content": "."}], "extra_body": body}


def _goes_to_responses(request: Mapping[str, Any]) -> bool:
    """Whether LiteLLM is going to transform it after all, for OpenAI's other interface.

    Models from gpt-5.4 on take no function tools by this one while they reason. LiteLLM decides
    that by the tools, so it must see them.
    """
    route, _, name = request["model"].partition("/")
    told, _ = litellm().main.responses_api_bridge_check(
        model=name,
        custom_llm_provider=route,
        tools=request.get("tools"),
        reasoning_effort=request.get("reasoning_effort"),
        api_base=request.get("api_base"),
    )
    return bool(told.get("mode") == "responses")


def _client_for(model: str) -> dict[str, Any]:
    """A client that follows no redirect, where the key has a header of its own.

    httpx takes `Authorization` off a request that is sent elsewhere, and no other header.
    """
    if not model.startswith(KEY_IN_OWN_HEADER):
        return {}
    clients = litellm().llms.custom_httpx.http_handler  # keeps one for each event loop
    params = {"follow_redirects": False, "timeout": None}
    return {"client": clients.get_async_httpx_client(model.partition("/")[0], params)}


def _content_type(stream: Any) -> str:
    headers = stream.hidden_params.get("additional_headers") or {}
    return str(headers.get("llm_provider-content-type", ""))


def _refuse_malformed_lines(stream: Any) -> None:
    """LiteLLM drops, without a word, a line of Ollama's that is not JSON; the text gets a hole."""
    chunks = stream.completion_stream
    if stream.custom_llm_provider == "ollama_chat" and hasattr(chunks, "streaming_response"):
        chunks.streaming_response = _whole_lines(chunks.streaming_response)


async def _whole_lines(lines: AsyncIterator[str]) -> AsyncIterator[str]:
    async for line in lines:
        if line.strip() and not (line.startswith("{") and line.rstrip().endswith("}")):
            raise MalformedChunk(line[:80])
        yield line
