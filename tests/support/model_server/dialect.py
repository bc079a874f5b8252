"""What a dialect must be able to say; one module each."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from tests.support.model_server.script import Reply

Body = Mapping[str, Any]


class Dialect(Protocol):
    """Between a script and the bytes of one provider's interface. Holds no state."""

    path: str
    """The end of the paths that are asked in this dialect."""
    content_type: str

    def first_words(self, body: Body) -> str:
        """The first words of a person: what tells conversations apart."""
        ...

    def place(self, body: Body) -> int:
        """How many assistant messages the request holds."""
        ...

    def problem(self, body: Body) -> str | None:
        """Why the real server would answer 400, in its words; None when it would not."""
        ...

    def frames(self, reply: Reply, body: Body) -> Iterator[bytes]:
        """The stream of a reply."""
        ...

    def malformed(self) -> bytes:
        """A frame that is not JSON."""
        ...

    def error(self, status: int, message: str, code: str) -> bytes:
        """The body of an error."""
        ...

    def error_event(self, message: str, code: str) -> bytes:
        """The error as a frame of a stream that had begun."""
        ...


def pieces(text: str, count: int) -> Iterator[str]:
    """`text` in at most `count` pieces."""
    step = max(1, -(-len(text) // max(1, count)))
    for start in range(0, len(text), step):
        yield text[start : start + step]


def text_of(content: Any) -> str:
    """The text of a message's content, which may be blocks."""
    if isinstance(content, str):
        return content
    return "\n".join(block.get("text", "") for block in content or () if isinstance(block, dict))


def first_words_of(messages: Any) -> str:
    """The first text of the role `user`."""
    said = (text_of(each.get("content")) for each in messages if each.get("role") == "user")
    return next((text for text in said if text), "")


def answers_in(messages: Any) -> int:
    return sum(each.get("role") == "assistant" for each in messages)
