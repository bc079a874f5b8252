"""What providers say when they refuse, word for word as they send it. Data only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ml_intern.errors import Trouble


@dataclass(frozen=True)
class Refusal:
    """An error as it comes over the wire, and what we make of it."""

    who: str
    status: int
    body: Mapping[str, Any] | list[Any]
    trouble: Trouble
    tokens: int | None = None
    """Of the window, where the trouble is `context` and the provider says so."""
    dialect: str = "openai"


def _openai(
    message: str, code: Any = None, kind: str = "invalid_request_error", **more: Any
) -> Any:
    return {"error": {"message": message, "type": kind, "param": None, "code": code, **more}}


def _anthropic(message: str, kind: str = "invalid_request_error") -> Any:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_01"}


def _gemini(code: int, message: str, status: str) -> Any:
    return {"error": {"code": code, "message": message, "status": status}}


def _through_openrouter(raw: str) -> Any:
    metadata = {"raw": raw, "provider_name": "Upstream"}
    return {"error": {"message": "Provider returned error", "code": 400, "metadata": metadata}}


TOO_LONG = (
    Refusal(
        "OpenAI",
        400,
        _openai(
            "This model's maximum context length is 128000 tokens. However, your messages resulted "
            "in 130012 tokens. Please reduce the length of the messages.",
            "context_length_exceeded",
        ),
        "context",
        128_000,
    ),
    Refusal(
        "OpenAI, newer models",
        400,
        _openai(
            "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in "
            "280411 tokens. Please reduce the length of the messages.",
            "context_length_exceeded",
        ),
        "context",
        272_000,
    ),
    Refusal(
        "OpenAI, responses",
        400,
        _openai(
            "Your input exceeds the context window of this model. Please adjust your input and try "
            "again.",
            "context_length_exceeded",
        ),
        "context",
    ),
    Refusal(
        "OpenAI, more than a minute's rate",
        429,
        _openai(
            "Request too large for gpt-5.5 in organization org-x on tokens per min (TPM): Limit "
            "30000, Requested 40112. The input or output tokens must be reduced in order to run "
            "successfully.",
            "rate_limit_exceeded",
            "tokens",
        ),
        "context",
        30_000,
    ),
    Refusal(
        "OpenAI, one message",
        400,
        _openai(
            "Invalid 'messages[3].content': string too long. Expected a string with maximum length "
            "10485760, but got a string with length 20000000 instead.",
            "string_above_max_length",
        ),
        "context",
    ),
    Refusal(
        "Azure",
        400,
        _openai(
            "This model's maximum context length is 8192 tokens. However, you requested 9101 tokens"
            " (8001 in the messages, 100 in the functions, and 1000 in the completion). Please "
            "reduce the length of the messages, functions, or completion.",
            "context_length_exceeded",
        ),
        "context",
        8192,
    ),
    Refusal(
        "Anthropic",
        400,
        _anthropic("prompt is too long: 210000 tokens > 200000 maximum"),
        "context",
        200_000,
        dialect="anthropic",
    ),
    Refusal(
        "Anthropic, with the answer",
        400,
        _anthropic(
            "input length and `max_tokens` exceed context limit: 199000 + 8192 > 200000, decrease "
            "input length or `max_tokens` and try again"
        ),
        "context",
        200_000,
        dialect="anthropic",
    ),
    Refusal(
        "Anthropic, by bytes",
        413,
        _anthropic("Request exceeds the maximum size", "request_too_large"),
        "context",
        dialect="anthropic",
    ),
    Refusal(
        "Gemini",
        400,
        [
            _gemini(
                400,
                "The input token count (1200345) exceeds the maximum number of tokens allowed "
                "(1048576).",
                "INVALID_ARGUMENT",
            )
        ],
        "context",
        1_048_576,
    ),
    Refusal(
        "Mistral",
        400,
        {
            "object": "error",
            "message": "Prompt contains 40021 tokens and 0 draft tokens, too large for model with "
            "32768 maximum context length",
            "type": "invalid_request_error",
            "param": None,
            "code": "3051",
        },
        "context",
        32_768,
    ),
    Refusal(
        "Groq",
        400,
        _openai(
            "Please reduce the length of the messages or completion.", "context_length_exceeded"
        ),
        "context",
    ),
    Refusal(
        "Groq, more than a minute's rate",
        413,
        _openai(
            "Request too large for model `openai/gpt-oss-120b` in organization `org_x` service tier"
            " `on_demand` on tokens per minute (TPM): Limit 8000, Requested 9012, please reduce "
            "your message size and try again.",
            "rate_limit_exceeded",
            "tokens",
        ),
        "context",
        8000,
    ),
    Refusal(
        "Cerebras",
        400,
        {
            "message": "Please reduce the length of the messages or completion. Current length is "
            "9001 while limit is 8192",
            "type": "invalid_request_error",
            "param": "messages",
            "code": "context_length_exceeded",
        },
        "context",
        8192,
    ),
    Refusal(
        "xAI",
        400,
        {
            "code": "Client specified an invalid argument",
            "error": "This model's maximum prompt length is 131072 but the request contains 140000 "
            "tokens.",
        },
        "context",
        131_072,
    ),
    Refusal(
        "vLLM",
        400,
        _openai(
            "This model's maximum context length is 8192 tokens. However, your request has 9000 "
            "input tokens. Please reduce the length of the input messages.",
            400,
            "BadRequestError",
        ),
        "context",
        8192,
    ),
    Refusal(
        "vLLM, its engine",
        400,
        {
            "object": "error",
            "message": "The decoder prompt (length 9000) is longer than the maximum model length "
            "of 8192. Make sure that `max_model_len` is no smaller than the number of text tokens.",
            "type": "BadRequestError",
            "code": 400,
        },
        "context",
        8192,
    ),
    Refusal(
        "vLLM, no room for an answer",
        400,
        _openai(
            "'max_tokens' or 'max_completion_tokens' is too large: 2048. This model's maximum "
            "context length is 8192 tokens and your request has 8100 input tokens (2048 > 8192 - "
            "8100).",
            400,
            "BadRequestError",
        ),
        "context",
        8192,
    ),
    Refusal(
        "SGLang",
        400,
        {
            "object": "error",
            "message": "The input (9000 tokens) is longer than the model's context length (8192 "
            "tokens).",
            "type": "BadRequestError",
            "code": 400,
        },
        "context",
        8192,
    ),
    Refusal(
        "llama.cpp",
        400,
        {
            "error": {
                "code": 400,
                "message": "the request exceeds the available context size. try increasing the "
                "context size or enable context shift",
                "type": "exceed_context_size_error",
                "n_prompt_tokens": 5000,
                "n_ctx": 4096,
            }
        },
        "context",
        4096,
    ),
    Refusal(
        "llama.cpp, newer",
        400,
        {
            "error": {
                "code": 400,
                "message": "request (5000 tokens) exceeds the available context size (4096 tokens),"
                " try increasing it",
                "type": "exceed_context_size_error",
            }
        },
        "context",
        4096,
    ),
    Refusal(
        "LM Studio",
        400,
        {
            "error": "Trying to keep the first 5213 tokens when context the overflows. However, "
            "the model is loaded with context length of only 4096 tokens, which is not enough. Try "
            "to load the model with a larger context length, or provide a shorter input"
        },
        "context",
        4096,
    ),
    Refusal(
        "Ollama",
        400,
        {"error": "the input length exceeds the context length"},
        "context",
        dialect="ollama",
    ),
    Refusal(
        "Ollama's cloud",
        500,
        {"error": "prompt too long; exceeded max context length by 5021 tokens"},
        "context",
        dialect="ollama",
    ),
    Refusal(
        "Moonshot",
        400,
        _openai("Invalid request: Your request exceeded model token limit: 262144"),
        "context",
        262_144,
    ),
    Refusal(
        "Z.ai",
        400,
        {"error": {"code": "1261", "message": "Prompt exceeds max length"}},
        "context",
    ),
    Refusal(
        "Together",
        422,
        _openai(
            "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 32769. Given: "
            "30000 `inputs` tokens and 4096 `max_new_tokens`"
        ),
        "context",
        32_769,
    ),
    Refusal(
        "Text Generation Inference",
        422,
        {"error": "Input validation error: `inputs` must have less than 4096 tokens. Given: 5000"},
        "context",
        4096,
    ),
    Refusal(
        "OpenRouter",
        400,
        {
            "error": {
                "message": "This endpoint's maximum context length is 131072 tokens. However, you "
                "requested about 150001 tokens (140001 of text input, 10000 in the output). Please "
                'reduce the length of either one, or use the "middle-out" transform to compress '
                "your prompt automatically.",
                "code": 400,
            }
        },
        "context",
        131_072,
    ),
    Refusal(
        "OpenRouter, for another",
        400,
        _through_openrouter(
            '{"error": {"message": "prompt token count of 140000 exceeds the limit of 128000"}}'
        ),
        "context",
        128_000,
    ),
    Refusal("Bedrock", 400, {"message": "Input is too long for requested model."}, "context"),
    Refusal(
        "Bedrock, newer",
        400,
        _openai("prompt tokens (5000) exceed model maximum (4096)", "validation_error"),
        "context",
        4096,
    ),
    Refusal(
        "Fireworks",
        400,
        {
            "error": {
                "object": "error",
                "type": "invalid_request_error",
                "message": "The prompt is too long: 150000, model maximum context length: 131071",
            }
        },
        "context",
        131_071,
    ),
    Refusal(
        "DashScope",
        400,
        _openai(
            "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 129024]"
        ),
        "context",
        129_024,
    ),
    Refusal(
        "Cohere",
        400,
        {
            "message": "too many tokens: total number of tokens in the prompt cannot exceed 4081 - "
            "received 4292. Try using a shorter prompt."
        },
        "context",
        4081,
    ),
    Refusal(
        "MiniMax", 400, _openai("invalid params, context window exceeds limit (2013)"), "context"
    ),
)

RATE = (
    Refusal(
        "OpenAI",
        429,
        _openai(
            "Rate limit reached for gpt-5.5 in organization org-x on tokens per min (TPM): Limit "
            "30000, Used 29000, Requested 2000. Please try again in 2s.",
            "rate_limit_exceeded",
            "tokens",
        ),
        "rate",
    ),
    Refusal("a gateway", 429, _openai("Rate limit: too many tokens per minute"), "rate"),
    Refusal(
        "Anthropic",
        429,
        _anthropic(
            "This request would exceed your organization's rate limit of 40,000 input tokens per "
            "minute. Please reduce the prompt length or the maximum tokens requested.",
            "rate_limit_error",
        ),
        "rate",
        dialect="anthropic",
    ),
    Refusal(
        "Bedrock",
        429,
        {"message": "Too many tokens, please wait before trying again."},
        "rate",
    ),
    Refusal(
        "Cerebras",
        429,
        {
            "message": "Tokens per minute limit exceeded - too many tokens processed.",
            "type": "too_many_tokens_error",
            "param": "quota",
            "code": "token_quota_exceeded",
        },
        "rate",
    ),
    Refusal(
        "Gemini",
        429,
        [
            _gemini(
                429,
                "You exceeded your current quota, please check your plan and billing details. * "
                "Quota exceeded for metric: generate_content_free_tier_input_token_count, limit: "
                "250000 Please retry in 31.2s.",
                "RESOURCE_EXHAUSTED",
            )
        ],
        "rate",
    ),
    Refusal(
        "Mistral",
        429,
        {"message": "Service tier capacity exceeded for this model.", "code": "3505"},
        "rate",
    ),
)

BILLING = (
    Refusal(
        "OpenAI",
        429,
        _openai(
            "You exceeded your current quota, please check your plan and billing details.",
            "insufficient_quota",
            "insufficient_quota",
        ),
        "billing",
    ),
    Refusal(
        "Anthropic",
        400,
        _anthropic(
            "Your credit balance is too low to access the Anthropic API. Please go to Plans & "
            "Billing to upgrade or purchase credits."
        ),
        "billing",
        dialect="anthropic",
    ),
    Refusal(
        "Hugging Face",
        402,
        {
            "error": "You have exceeded your monthly included credits for Inference Providers. "
            "Subscribe to PRO to get 20x more monthly included credits."
        },
        "billing",
    ),
    Refusal(
        "OpenRouter",
        402,
        {
            "error": {
                "message": "This request requires more credits, or fewer max_tokens. You requested "
                "up to 16384 tokens, but can only afford 1000.",
                "code": 402,
            }
        },
        "billing",
    ),
    Refusal("DeepSeek", 402, _openai("Insufficient Balance", "invalid_request_error"), "billing"),
    Refusal(
        "Z.ai",
        429,
        {"error": {"code": "1113", "message": "Insufficient balance or no resource package."}},
        "billing",
    ),
    Refusal(
        "xAI",
        403,
        {
            "code": "The caller does not have permission to execute the specified operation",
            "error": "Your team x has either used all available credits or reached its monthly "
            "spending limit.",
        },
        "billing",
    ),
)

AUTHENTICATION = (
    Refusal(
        "OpenAI",
        401,
        _openai("Incorrect API key provided: sk-x. You can find your API key.", "invalid_api_key"),
        "authentication",
    ),
    Refusal(
        "Anthropic",
        401,
        _anthropic("invalid x-api-key", "authentication_error"),
        "authentication",
        dialect="anthropic",
    ),
    Refusal(
        "Gemini",
        400,
        [_gemini(400, "API key not valid. Please pass a valid API key.", "INVALID_ARGUMENT")],
        "authentication",
    ),
    Refusal("xAI", 400, {"error": "Incorrect API key provided: xa***."}, "authentication"),
    Refusal(
        "Hugging Face",
        403,
        {
            "error": "This authentication method does not have sufficient permissions to call "
            "Inference Providers on behalf of user someone"
        },
        "authentication",
    ),
)

NO_MODEL = (
    Refusal(
        "OpenAI",
        404,
        _openai(
            "The model `gpt-9` does not exist or you do not have access to it.", "model_not_found"
        ),
        "model",
    ),
    Refusal(
        "OpenAI, by project",
        403,
        _openai("Project `proj_x` does not have access to model `gpt-5.5`", "model_not_found"),
        "model",
    ),
    Refusal(
        "Anthropic",
        404,
        _anthropic("model: claude-nope", "not_found_error"),
        "model",
        dialect="anthropic",
    ),
    Refusal(
        "Ollama",
        404,
        {"error": "model 'qwen9' not found, try pulling it first"},
        "model",
        dialect="ollama",
    ),
    Refusal("vLLM", 404, _openai("The model `x` does not exist.", 404, "NotFoundError"), "model"),
    Refusal(
        "Hugging Face",
        400,
        _openai(
            "The requested model 'x/y' is not supported by any provider you have enabled.",
            "model_not_supported",
        ),
        "model",
    ),
    Refusal("OpenRouter", 400, _openai("x/y is not a valid model ID", 400), "model"),
    Refusal("Mistral", 400, {"message": "Invalid model: mistral-nope", "code": "1500"}, "model"),
    Refusal("DeepSeek", 400, _openai("Model Not Exist"), "model"),
    Refusal(
        "Groq",
        400,
        _openai(
            "The model `x` has been decommissioned and is no longer supported.",
            "model_decommissioned",
        ),
        "model",
    ),
    Refusal("Bedrock", 400, {"message": "The provided model identifier is invalid."}, "model"),
    Refusal(
        "LM Studio",
        404,
        _openai("No models loaded. Please load a model in the developer page or use `lms load`."),
        "model",
    ),
)

CONTENT = (
    Refusal(
        "Azure",
        400,
        _openai(
            "The response was filtered due to the prompt triggering Azure OpenAI's content "
            "management policy. Please modify your prompt and retry.",
            "content_filter",
        ),
        "content",
    ),
    Refusal(
        "OpenAI",
        400,
        _openai(
            "Invalid prompt: your prompt was flagged as potentially violating our usage policy.",
            "invalid_prompt",
        ),
        "content",
    ),
    Refusal(
        "Anthropic",
        400,
        _anthropic("Output blocked by content filtering policy"),
        "content",
        dialect="anthropic",
    ),
    Refusal("DeepSeek", 400, _openai("Content Exists Risk"), "content"),
    Refusal(
        "DashScope",
        400,
        _openai("Input data may contain inappropriate content.", "data_inspection_failed"),
        "content",
    ),
    Refusal(
        "Moonshot",
        400,
        _openai("The request was rejected because it was considered high risk", kind="x"),
        "content",
    ),
)

EFFORT = (
    Refusal(
        "OpenAI",
        400,
        _openai(
            "Unsupported value: 'xhigh' is not supported with the 'gpt-5.1' model. Supported values"
            " are: 'none', 'low', 'medium', and 'high'.",
            "unsupported_value",
            param="reasoning.effort",
        ),
        "effort",
    ),
    Refusal(
        "OpenAI, with tools",
        400,
        _openai(
            "Function tools with reasoning_effort are not supported for gpt-5.5 in "
            "/v1/chat/completions. Please use /v1/responses instead."
        ),
        "effort",
    ),
    Refusal(
        "Anthropic",
        400,
        _anthropic("This model does not support the effort parameter."),
        "effort",
        dialect="anthropic",
    ),
    Refusal(
        "Anthropic, more thoughts than answer",
        400,
        _anthropic("`max_tokens` must be greater than `thinking.budget_tokens`"),
        "effort",
        dialect="anthropic",
    ),
    Refusal(
        "xAI",
        400,
        {"error": "Model grok-4 does not support parameter reasoningEffort."},
        "effort",
    ),
    Refusal(
        "Ollama", 400, {"error": '"llama3.2" does not support thinking'}, "effort", dialect="ollama"
    ),
    Refusal(
        "Mistral",
        422,
        {
            "detail": [
                {
                    "type": "extra_forbidden",
                    "loc": ["body", "reasoning_effort"],
                    "msg": "Extra inputs are not permitted",
                    "input": "what is said in a request, such as its context length, is ignored",
                }
            ]
        },
        "effort",
    ),
    Refusal(
        "Gemini",
        400,
        [_gemini(400, "Thinking level is not supported for this model.", "INVALID_ARGUMENT")],
        "effort",
    ),
)

THINKING = (
    Refusal(
        "Anthropic, none",
        400,
        _anthropic(
            "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found "
            "`tool_use`. When `thinking` is enabled, a final `assistant` message must start with a "
            "thinking block."
        ),
        "thinking",
        dialect="anthropic",
    ),
    Refusal(
        "Anthropic, of another",
        400,
        _anthropic("messages.1.content.0: Invalid `signature` in `thinking` block"),
        "thinking",
        dialect="anthropic",
    ),
    Refusal(
        "Anthropic, changed",
        400,
        _anthropic(
            "messages.5.content.0: `thinking` or `redacted_thinking` blocks in the latest assistant"
            " message cannot be modified."
        ),
        "thinking",
        dialect="anthropic",
    ),
    Refusal(
        "Gemini",
        400,
        [
            _gemini(
                400,
                "Function call is missing a thought_signature in functionCall parts.",
                "INVALID_ARGUMENT",
            )
        ],
        "thinking",
    ),
    Refusal(
        "OpenAI",
        400,
        _openai("The encrypted content gAAA could not be verified.", "invalid_encrypted_content"),
        "thinking",
    ),
    Refusal(
        "DeepSeek",
        400,
        _openai("Missing `reasoning_content` field in the assistant message at message index 3."),
        "thinking",
    ),
)

REQUEST = (
    Refusal(
        "OpenAI, a tool's description",
        400,
        _openai(
            "Invalid 'tools[0].function.description': string too long. Expected a string with "
            "maximum length 1024, but got a string with length 5000 instead.",
            "string_above_max_length",
        ),
        "request",
    ),
    Refusal(
        "Anthropic",
        400,
        _anthropic("messages.2: all messages must have non-empty content"),
        "request",
        dialect="anthropic",
    ),
)

REFUSALS = (
    *TOO_LONG,
    *RATE,
    *BILLING,
    *AUTHENTICATION,
    *NO_MODEL,
    *CONTENT,
    *EFFORT,
    *THINKING,
    *REQUEST,
)


@dataclass(frozen=True)
class TooMuchAsked:
    """A request for a longer answer than the model gives."""

    who: str
    message: str
    most: int | None
    window: int | None = None
    """Where it is the conversation with its answer that is too long for it."""


ANSWERS_TOO_LONG = (
    TooMuchAsked(
        "OpenAI",
        "max_tokens is too large: 32000. This model supports at most 16384 completion tokens, "
        "whereas you provided 32000.",
        16_384,
    ),
    TooMuchAsked(
        "Anthropic",
        "max_tokens: 100000 > 64000, which is the maximum allowed number of output tokens for "
        "claude-x",
        64_000,
    ),
    TooMuchAsked(
        "Groq",
        "`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is "
        "less than the `context_window` for this model",
        8192,
    ),
    TooMuchAsked(
        "Gemini",
        "Unable to submit request because it has a maxOutputTokens value of 100000 but the "
        "supported range is from 1 (inclusive) to 65537 (exclusive). Update the value and try "
        "again.",
        65_536,
    ),
    TooMuchAsked(
        "Bedrock",
        "The maximum tokens you requested exceeds the model limit of 4096. Try again with a "
        "maximum tokens value that is lower than 4096.",
        4096,
    ),
    TooMuchAsked(
        "DeepSeek", "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", 8192
    ),
    TooMuchAsked(
        "vLLM",
        "'max_tokens' or 'max_completion_tokens' is too large: 9000. This model's maximum context "
        "length is 8192 tokens and your request has 120 input tokens (9000 > 8192 - 120).",
        8072,
        8192,
    ),
    TooMuchAsked(
        "DeepSeek, of both",
        "This model's maximum context length is 65536 tokens. However, you requested 70000 tokens "
        "(20000 in the messages, 50000 in the completion). Please reduce the length of the "
        "messages or completion.",
        45_536,
        65_536,
    ),
    TooMuchAsked("a gateway", "max_tokens too large", None),
)
