"""What a line says of a compaction, in words. Pure."""

from ml_intern.transcript.line import JsonObject


def summed_up(extra: JsonObject) -> str:
    """`the conversation was summed up by m: 14,820 tokens became 6,120`, as far as it is known."""
    words = "the conversation was summed up"
    model = extra.get("model")
    if extra.get("writtenBy") == "rules":
        words += " by rules, without a model"
    elif isinstance(model, str) and model:
        words += f" by {model}"
    conversation = extra.get("conversation")
    if not isinstance(conversation, dict):
        return words
    before, after = conversation.get("before"), conversation.get("after")
    known = isinstance(before, int) and isinstance(after, int)
    return f"{words}: {before:,} tokens became {after:,}" if known else words
