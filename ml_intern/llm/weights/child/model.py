"""A model of transformers: loaded if it fits, asked one conversation at a time."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    StoppingCriteria,
    StoppingCriteriaList,
)
from transformers.generation.streamers import BaseStreamer

from .channel import Cancelled, Failed
from .files import config_of, counts_of, fetched, here
from .memory import Weighed, weigh_model
from .prompt import Prompter

Say = Callable[[str], None]

LEAST_ANSWER = 64
"""Tokens that must be left for an answer, else the conversation is too long."""
LEAST_KNOWN = 16
"""Tokens for which it is worth while not to read them again."""
_UNLOADABLE = (
    ImportError,
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RuntimeError,
    SafetensorError,
)
"""What transformers raises for files that are no whole model, or that it does not know."""
_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


def weigh(order: dict[str, Any]) -> Weighed:
    """Where it would run, and what it needs. Fetches no weights. Raises Failed."""
    return weigh_model(order, config_of(order), counts_of(order))


def load(order: dict[str, Any], weighed: Weighed, progress: Say) -> "Model":
    """The model, ready. Raises Failed, before anything is fetched or read where it does not fit."""
    if not weighed.fits:
        raise Failed(
            "memory",
            f"there is no room for it: {weighed.words()}. Free some, choose a smaller one, or set "
            "context_windows lower.",
        )
    if here(order) is None:
        progress(f"fetching {order['repository']}")
    folder = fetched(order)
    progress(f"loading: {weighed.words()}")
    try:
        return Model(folder, weighed)
    except (MemoryError, torch.OutOfMemoryError) as exc:
        raise Failed("exhausted", f"memory ran out while it was loaded: {exc}") from exc
    except _UNLOADABLE as exc:
        _raise_if_no_memory(exc, "was loaded")
        raise Failed("format", f"transformers cannot load it: {exc}") from exc


class Model:
    """Holds it in memory."""

    def __init__(self, folder: Path, weighed: Weighed) -> None:
        self._tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
        self._prompter = Prompter(self._tokenizer)
        self._model = _loaded(folder, weighed)
        self._model.eval()
        self._is_cancelled: Callable[[], bool] = bool
        self._read = _Read()
        for layer in _layers(self._model):
            layer.register_forward_pre_hook(self._look_up)

    def answer(
        self, order: dict[str, Any], *, say: Say, is_cancelled: Callable[[], bool]
    ) -> dict[str, Any]:
        """Answer `messages` with `tools` in at most `max_new_tokens`. Raises Failed, Cancelled."""
        ids, begins = self._prompter.tokens(order["messages"], order["tools"])
        room = order["window"] - len(ids)
        if room < min(LEAST_ANSWER, order["max_new_tokens"]):
            raise Failed(
                "long",
                f"the conversation has {len(ids):,} tokens, and its window {order['window']:,}.",
                window=order["window"],
            )
        longest = min(room, order["max_new_tokens"])
        stops = [*self._prompter.form.stops, *order["stops"]]
        text = _Text(self._tokenizer, self._ends(), stops, say)
        if begins:
            say(begins)
        self._is_cancelled = is_cancelled
        known = self._read.take(ids)
        try:
            self._generate(ids, longest, text, stops)
        except (MemoryError, torch.OutOfMemoryError) as exc:
            raise Failed("exhausted", f"memory ran out while it answered: {exc}") from exc
        except RuntimeError as exc:
            _raise_if_no_memory(exc, "answered")
            raise
        text.end()
        return {
            "input_tokens": len(ids) - known,
            "cache_read_tokens": known,
            "output_tokens": text.count,
            "stop": "length" if text.count >= longest and not text.has_ended else "end",
        }

    def _generate(self, ids: list[int], longest: int, text: "_Text", stops: list[str]) -> None:
        prompt = torch.tensor([ids], device=self._model.device)
        given: dict[str, Any] = {"past_key_values": self._read.cache}
        self._read.cache = None  # what is cut off in the middle is of no use
        if stops:
            given |= {"stop_strings": stops, "tokenizer": self._tokenizer}
        with torch.inference_mode():
            done = self._model.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                max_new_tokens=longest,
                streamer=text,
                stopping_criteria=StoppingCriteriaList([_Never(self._look_up)]),
                pad_token_id=self._padding(),
                return_dict_in_generate=True,
                **given,
            )
        self._read.keep(done.sequences[0].tolist(), done.past_key_values)

    def _look_up(self, *_given: Any) -> None:
        """Between two layers, so that a long prompt can be given up too."""
        if self._is_cancelled():
            raise Cancelled

    def _ends(self) -> set[int]:
        """Tokens that end an answer and are no part of it."""
        given = self._model.generation_config.eos_token_id
        ends = {given} if isinstance(given, int) else set(given or ())
        return ends | {self._tokenizer.eos_token_id, self._tokenizer.pad_token_id} - {None}

    def _padding(self) -> int:
        padding = self._tokenizer.pad_token_id
        return next(iter(sorted(self._ends())), 0) if padding is None else int(padding)


class _Read:
    """What of the last conversation the model still knows: keys and values of its tokens.

    The next request of a session begins as the last one did, and is read from where they part.
    """

    def __init__(self) -> None:
        self.cache: Any = None
        self._ids: list[int] = []

    def take(self, ids: list[int]) -> int:
        """How many of these tokens need not be read again; the cache is cut to them."""
        # At least one token is read: the answer begins with what comes after it.
        pairs = enumerate(zip(self._ids, ids[:-1], strict=False))
        most = min(len(self._ids), len(ids) - 1)
        same = next((at for at, (old, new) in pairs if old != new), most)
        if self.cache is None or same < LEAST_KNOWN:
            self.cache = None
            return 0
        if same < len(self._ids):
            self.cache.crop(same - len(self._ids))  # below 0: how many to remove
        return same

    def keep(self, ids: list[int], cache: Any) -> None:
        """After an answer: `ids` with the answer. Only a cache that can be cut is of use."""
        layers = getattr(cache, "layers", None)
        is_plain = layers and all(type(layer).__name__ == "DynamicLayer" for layer in layers)
        self.cache = cache if is_plain else None
        self._ids = ids[: cache.get_seq_length()] if is_plain else []


class _Never(StoppingCriteria):
    """Stops nothing itself; looks up after each token, also in a model whose layers are unknown."""

    def __init__(self, look_up: Callable[[], None]) -> None:
        self._look_up = look_up

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
        self._look_up()
        return torch.zeros(input_ids.shape[0], dtype=torch.bool, device=input_ids.device)


class _Text(BaseStreamer):
    """Tokens as they come, said as text as soon as it is whole.

    Control tokens are part of it, but for those that end the answer: calls may begin with one.
    """

    def __init__(self, tokenizer: Any, ends: set[int], stops: list[str], say: Say) -> None:
        self._tokenizer = tokenizer
        self._ends = ends
        self._stops = stops
        self._say = say
        self._ids: list[int] = []
        self._from = self._to = 0
        """What was said last, as tokens; decoded again, since a token's text depends on it."""
        self._held = ""
        """It may be the beginning of a stop string."""
        self._has_seen_prompt = False
        self.count = 0
        self.has_ended = False
        """By itself, or at a stop string."""
        self._is_cut = False
        """At a stop string: nothing more is said."""

    def put(self, value: torch.Tensor) -> None:
        """The prompt first, then one token after another."""
        if not self._has_seen_prompt:
            self._has_seen_prompt = True
            return
        for token in value.reshape(-1).tolist():
            self.count += 1
            if token in self._ends:
                self.has_ended = True
            elif not self.has_ended:
                self._ids.append(token)
                self._settle()

    def end(self) -> None:
        """All tokens are there."""
        self._take(self._decoded(self._from, len(self._ids))[self._size_said() :])
        if self._held and not self._is_cut:
            self._say(self._held)

    def _settle(self) -> None:
        text = self._decoded(self._from, len(self._ids))
        if text.endswith("\ufffd"):  # half a character
            return
        new = text[self._size_said() :]
        self._from, self._to = self._to, len(self._ids)
        self._take(new)

    def _size_said(self) -> int:
        return len(self._decoded(self._from, self._to))

    def _decoded(self, start: int, end: int) -> str:
        return str(
            self._tokenizer.decode(
                self._ids[start:end], skip_special_tokens=False, clean_up_tokenization_spaces=False
            )
        )

    def _take(self, new: str) -> None:
        if self._is_cut:
            return
        self._held += new
        for stop in self._stops:
            before, found, _ = self._held.partition(stop)
            if found:
                self.has_ended = self._is_cut = True
                self._held = before
        kept = 0 if self._is_cut else _begun(self._held, self._stops)
        said, self._held = (
            self._held[: len(self._held) - kept],
            self._held[len(self._held) - kept :],
        )
        if said:
            self._say(said)


def _begun(text: str, stops: list[str]) -> int:
    """How many characters at the end of `text` may be the beginning of a stop string."""
    longest = max(map(len, stops), default=1) - 1
    sizes = range(min(longest, len(text)), 0, -1)
    return next((n for n in sizes if any(stop.startswith(text[-n:]) for stop in stops)), 0)


def _loaded(folder: Path, weighed: Weighed) -> Any:
    dtype = getattr(torch, weighed.dtype)
    version = tuple(int(part) for part in transformers.__version__.split(".")[:2])
    given: dict[str, Any] = {("dtype" if version >= (4, 56) else "torch_dtype"): dtype}
    if weighed.four_bit:
        given["device_map"] = {"": weighed.device}
        given["quantization_config"] = transformers.BitsAndBytesConfig(  # type: ignore[no-untyped-call]
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_compute_dtype=dtype,
            bnb_4bit_use_double_quant=True,
        )
    model: Any = AutoModelForCausalLM.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, **given
    )
    return model if weighed.four_bit else model.to(weighed.device)


def _layers(model: torch.nn.Module) -> list[torch.nn.Module]:
    """The longest list of modules is that of its layers."""
    lists = [each for each in model.modules() if isinstance(each, torch.nn.ModuleList)]
    return list(max(lists, key=len, default=[]))


def _raise_if_no_memory(error: BaseException, when: str) -> None:
    """A CPU without memory is told from other errors by its words only."""
    if any(words in str(error) for words in _NO_MEMORY):
        line = str(error).splitlines()[0]
        raise Failed("exhausted", f"memory ran out while it {when}: {line}") from error
