"""Everything that a server can do wrong, over real HTTP: the error's class and its sentence."""

import socket
import threading
from collections.abc import Iterator

import pytest

from ml_intern.errors import ContextOverflow, ModelError, Refused, Retryable
from ml_intern.llm.hosted import RequestLoop, hosted_model
from tests.llm.hosted.given import DIALECTS, NAMES, SAID, TOOLS, address, model_at, no_secrets
from tests.support.model_server import Fault, ModelServer, Reply
from tests.support.waiting import wait_until

KEY = "sk-the-key-of-this-test"


def failing(kind: str, **details: object) -> Reply:
    return Reply(text="half an answer", faults=(Fault(kind=kind, **details),))  # type: ignore[arg-type]


def error_of(
    reply: Reply, loop: RequestLoop, dialect: str, **limits: float
) -> tuple[ModelError, list[str]]:
    """The error and the pieces of text that came before it. Checks what holds for all of them."""
    heard: list[str] = []
    with ModelServer([reply]) as server:
        model = model_at(server, loop, dialect, api_key=KEY, **limits)
        with pytest.raises(ModelError) as raised:
            model.complete(SAID, TOOLS, on_text=heard.append)
        assert address(server, dialect) in str(raised.value)
    error = raised.value
    assert model.name in str(error)
    assert KEY not in str(error)
    assert error.text == "".join(heard)
    return error, heard


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (400, Refused, "rejects the request (400): The server says 400"),
        (401, Refused, "does not accept the key (401)"),
        (402, Refused, "no credit left"),
        (403, Refused, "does not let this key use the model (403)"),
        (404, Refused, "knows no such model or address (404)"),
        (408, Retryable, "waited too long for the request (408)"),
        (422, Refused, "rejects the request (422)"),
        (429, Retryable, "limits how often it may be asked (429)"),
        (500, Retryable, "has trouble of its own (500)"),
        (502, Retryable, "has trouble of its own (502)"),
        (503, Retryable, "is overloaded (503)"),
        (504, Retryable, "no answer from the servers behind it (504)"),
        (529, Retryable, "is overloaded (529)"),
    ],
)
def test_a_status(
    loop: RequestLoop, dialect: str, status: int, kind: type[ModelError], words: str
) -> None:
    error, _ = error_of(failing("status", status=status, retry_after="7"), loop, dialect)
    assert type(error) is kind
    assert words in str(error)
    assert error.is_free == (status not in (408, 500, 502, 504))
    if isinstance(error, Retryable):
        assert error.retry_after_s == 7.0
        assert "again in 7 s" in str(error)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_status_is_asked_for_once(loop: RequestLoop, dialect: str) -> None:
    """Who asks again, and when, is the turn's to say."""
    with ModelServer([failing("status", status=500)]) as server:
        with pytest.raises(Retryable):
            model_at(server, loop, dialect).complete(SAID, TOOLS)
        assert len(server.requests) == 1


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_request_that_is_too_long(loop: RequestLoop, dialect: str) -> None:
    message = "prompt is too long: 210000 tokens > 200000 maximum"
    error, _ = error_of(failing("status", status=400, message=message), loop, dialect)
    assert type(error) is ContextOverflow
    assert message in str(error)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_web_page_in_the_place_of_an_answer(loop: RequestLoop, dialect: str) -> None:
    error, _ = error_of(failing("html", status=200), loop, dialect)
    assert type(error) is Refused
    assert "sent a web page instead of an answer" in str(error)
    assert "`api_base`" in str(error)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("cut", "closed the connection before its answer was complete"),
        ("end", "ended its answer before it was complete"),
        ("error_event", "broke off its answer"),
    ],
)
def test_a_broken_stream_keeps_its_text(
    loop: RequestLoop, dialect: str, kind: str, words: str
) -> None:
    after = {"openai": 2, "anthropic": 3, "ollama": 1}[dialect]
    error, heard = error_of(failing(kind, after=after, message="Overloaded"), loop, dialect)
    assert type(error) is Retryable
    assert words in str(error)
    assert heard == ["half an"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_malformed_piece(loop: RequestLoop, dialect: str) -> None:
    """Of Anthropic's stream LiteLLM waits for the rest of the piece, until the stream ends."""
    after = {"openai": 2, "anthropic": 3, "ollama": 1}[dialect]
    error, heard = error_of(failing("malformed", after=after), loop, dialect)
    assert type(error) is Retryable
    words = "ended its answer" if dialect == "anthropic" else "sent something that is not JSON"
    assert words in str(error)
    assert heard == ["half an"]


def test_an_answer_that_is_no_stream(loop: RequestLoop) -> None:
    error, _ = error_of(Reply(frames=('{"choices": []}',)), loop, "openai")
    assert type(error) is Retryable
    assert "ended its answer (of the type text/event-stream) before it was complete" in str(error)


def test_a_model_that_repeats_itself_without_end(loop: RequestLoop) -> None:
    error, _ = error_of(Reply(text="over " * 1200, pieces=1200), loop, "openai")
    assert type(error) is Retryable
    assert "broke off its answer: The model is repeating the same chunk" in str(error)


def test_a_connection_that_is_closed_without_a_byte(loop: RequestLoop) -> None:
    error, _ = error_of(failing("drop"), loop, "openai")
    assert type(error) is Retryable
    assert "closed the connection without an answer" in str(error)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_stream_that_falls_silent(loop: RequestLoop, dialect: str) -> None:
    after = {"openai": 2, "anthropic": 3, "ollama": 1}[dialect]
    error, heard = error_of(failing("stall", after=after), loop, dialect, stall_timeout_s=0.2)
    assert type(error) is Retryable
    assert "fell silent in the middle of its answer for 0.2 s (`stall_timeout_s`)" in str(error)
    assert heard == ["half an"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_server_that_says_nothing(loop: RequestLoop, dialect: str) -> None:
    with ModelServer([failing("silence")]) as server:
        model = model_at(server, loop, dialect, request_timeout_s=0.5)
        with pytest.raises(Retryable, match=r"not begun to answer within 0.5 s \(`request_timeout"):
            model.complete(SAID, TOOLS)
        wait_until(lambda: all(seen.outcome == "left" for seen in server.requests))


def test_frames_without_content_do_not_begin_an_answer(loop: RequestLoop) -> None:
    """A server may send its first frame at once, and read a long prompt after it."""
    with ModelServer([failing("stall", after=1)]) as server:
        model = model_at(server, loop, request_timeout_s=0.5, stall_timeout_s=0.01)
        with pytest.raises(Retryable, match="not begun to answer within"):
            model.complete(SAID, TOOLS)


@pytest.fixture
def dead_port() -> Iterator[int]:
    """Bound, so that nobody else takes it, and not listening."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_nobody_listens(loop: RequestLoop, dialect: str, dead_port: int) -> None:
    where = f"http://127.0.0.1:{dead_port}"
    model = hosted_model(NAMES[dialect], loop, api_base=where, secrets=no_secrets)
    with pytest.raises(Retryable, match=f"Nobody answers at {where}") as raised:
        model.complete(SAID, TOOLS)
    assert model.name in str(raised.value)
    assert ("`ollama serve`" in str(raised.value)) is (dialect == "ollama")


def test_a_host_that_does_not_exist(loop: RequestLoop) -> None:
    model = hosted_model("vllm/m", loop, api_base="http://nowhere.invalid", secrets=no_secrets)
    with pytest.raises(Retryable, match=r"host of http://nowhere.invalid/v1 is not found"):
        model.complete(SAID, TOOLS)


def test_a_server_that_speaks_no_tls(loop: RequestLoop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        where = f"https://127.0.0.1:{listener.getsockname()[1]}"
        threading.Thread(target=_say_in_plain_text, args=(listener,)).start()
        model = hosted_model("vllm/m", loop, api_base=where, secrets=no_secrets)
        with pytest.raises(Retryable, match=f"{where}/v1 cannot be reached"):
            model.complete(SAID, TOOLS)


def _say_in_plain_text(listener: socket.socket) -> None:
    """To the one who asks how much the model takes, and to the one who asks the model."""
    for _ in range(2):
        connection, _ = listener.accept()
        with connection:
            connection.recv(1)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
