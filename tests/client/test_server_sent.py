"""Messages survive every way of cutting the bytes."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from ml_intern.client.server_sent import KEEP_ALIVE, Message, Parser, encode

MESSAGES = [
    Message(event="journal", data=b'{"a": "b\\n\xe2\x80\xa8\xc2\x85\x0b: "}', last_id=12),
    Message(event="text", data=b"{}"),
    Message(event="journal", data=b'"id: 7"', last_id=0),
]
BYTES = KEEP_ALIVE + b"retry: 1000\n\n" + KEEP_ALIVE.join(encode(each) for each in MESSAGES)


@given(st.lists(st.integers(0, len(BYTES)), max_size=8))
def test_messages_are_the_same_however_their_bytes_are_cut(cuts: list[int]) -> None:
    parser = Parser()
    places = [0, *sorted(cuts), len(BYTES)]
    found = [
        message
        for start, end in itertools.pairwise(places)
        for message in parser.feed(BYTES[start:end])
    ]
    assert found == MESSAGES


def test_byte_by_byte_is_no_exception() -> None:
    parser = Parser()
    assert [each for byte in BYTES for each in parser.feed(bytes([byte]))] == MESSAGES


def test_an_unfinished_message_is_waited_for() -> None:
    parser = Parser()
    assert parser.feed(b"event: text\ndata: {}\n") == []
    assert parser.feed(b"\nda") == [Message(event="text", data=b"{}")]


def test_what_is_no_number_is_no_id() -> None:
    assert Parser().feed(b"id: x\nevent: text\ndata: 1\n\n") == [
        Message(event="text", data=b"1", last_id=None)
    ]
