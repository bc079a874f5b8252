"""How many tokens a conversation has, as we count them: each message once, without a network.

Every model has a tokenizer of its own, which we mostly cannot have. We count with one of OpenAI's,
`o200k_base` of tiktoken, and correct by what each provider counted (`ml_intern/session/meter.py`).
"""

import functools
import importlib.util
import json
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import tiktoken

from ml_intern.messages import AssistantMessage, Message, ToolSpec

log = logging.getLogger(__name__)

CountText = Callable[[str], int]

ENCODING = "o200k_base"
AROUND_MESSAGE = 4
"""Tokens that a chat template puts around one message."""
AROUND_CALL = 12
"""And around one call, with its id."""
AROUND_TOOL = 10
PIECE_CHARS = 50_000
"""Longer texts are counted in pieces: no text makes the tokenizer slow, and a border costs at most
a token.
"""
CHARS_A_TOKEN = 3
"""Where there is no tokenizer; of English and code there are four, so this is cautious."""


def count_text(text: str) -> int:
    """The tokens of `text`; special tokens in it are counted as the text that they are."""
    if len(text) <= PIECE_CHARS:
        return _count()(text)
    pieces = range(0, len(text), PIECE_CHARS)
    return sum(_count()(text[start : start + PIECE_CHARS]) for start in pieces)


def count_message(message: Message, count: CountText = count_text) -> int:
    """The tokens of one message, without the thoughts of a model (`count_thinking`)."""
    tokens = AROUND_MESSAGE + count(message.text)
    if isinstance(message, AssistantMessage):
        for call in message.tool_calls:
            tokens += AROUND_CALL + count(call.name) + count(call.arguments)
    return tokens


def count_thinking(message: Message, count: CountText = count_text) -> int:
    """The tokens of the thoughts in one message, which go back to some providers only."""
    return count(message.thinking) if isinstance(message, AssistantMessage) else 0


def count_tools(tools: Sequence[ToolSpec], count: CountText = count_text) -> int:
    """The tokens of what a model is told of its tools."""
    return sum(_count_tool(tool, count) for tool in tools)


@functools.lru_cache(maxsize=1_000)
def _count_tool(tool: ToolSpec, count: CountText) -> int:
    """They are the same for each request of a session."""
    parameters = json.dumps(tool.parameters, ensure_ascii=False)
    return AROUND_TOOL + count(tool.name) + count(tool.description) + count(parameters)


@functools.cache
def _count() -> CountText:
    """Loaded when it is first needed: a second, and 80 MB."""
    folder = _vocabularies()
    if folder is None:
        log.warning("no_tokenizer", extra={"chars_a_token": CHARS_A_TOKEN})
        return lambda text: -(-len(text.encode(errors="replace")) // CHARS_A_TOKEN)
    # LiteLLM sets the same variable to the same folder when it is imported.
    os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(folder))
    encoding = tiktoken.get_encoding(ENCODING)
    return lambda text: len(encoding.encode_ordinary(text))


def _vocabularies() -> Path | None:
    """Where LiteLLM carries the files that tiktoken would download; found without importing it."""
    found = importlib.util.find_spec("litellm")
    for place in (found.submodule_search_locations if found else None) or ():
        folder = Path(place) / "litellm_core_utils" / "tokenizers"
        if folder.is_dir():
            return folder
    return None
