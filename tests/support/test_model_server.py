"""The scripted model server: it serves its script, and refuses what a real provider refuses."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.model_server import Call, Fault, ModelServer, Reply, script_from_json
from tests.support.model_server.anthropic_dialect import unpaired as unpaired_for_anthropic
from tests.support.model_server.openai_dialect import UNANSWERED, UNASKED
from tests.support.model_server.openai_dialect import unpaired as unpaired_for_openai
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
USER = {"role": "user", "content": "Train one."}
SAID = {"role": "assistant", "content": "fine"}


def ask(server_url: str, *messages: dict[str, Any]) -> httpx.Response:
    body = {"model": "m", "stream": True, "messages": [USER, *messages]}
    return httpx.post(f"{server_url}/chat/completions", json=body, timeout=30)


def text_in(response: httpx.Response) -> str:
    lines = [line[6:] for line in response.text.splitlines() if line.startswith("data: {")]
    deltas = [json.loads(line)["choices"][0]["delta"] for line in lines]
    return "".join(delta.get("content") or "" for delta in deltas)


def calling(*call_ids: str) -> dict[str, Any]:
    return {"role": "assistant", "tool_calls": [{"id": each} for each in call_ids]}


def answering(call_id: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": "fine"}


@pytest.mark.parametrize(
    ("messages", "problem"),
    [
        ([USER, calling("a", "b"), answering("b"), answering("a"), USER], None),
        ([USER, calling("a", "b"), answering("a")], f"{UNANSWERED}b"),
        ([USER, calling("a"), USER, answering("a")], f"{UNANSWERED}a"),
        ([USER, calling("a"), SAID], f"{UNANSWERED}a"),
        ([USER, answering("a")], UNASKED),
        ([USER, answering("a"), calling("a")], UNASKED),
        ([USER, calling("a"), answering("a"), answering("a")], UNASKED),
        ([USER, calling("a"), answering("b")], UNASKED),
        ([USER, calling("a", "a")], "Duplicate value for 'tool_call_id' of 'a' in message[1]"),
    ],
)
def test_openai_refuses_what_is_not_paired(
    messages: list[dict[str, Any]], problem: str | None
) -> None:
    assert unpaired_for_openai(messages) == problem


def uses(*call_ids: str) -> dict[str, Any]:
    return {"role": "assistant", "content": [{"type": "tool_use", "id": each} for each in call_ids]}


def results(*call_ids: str) -> dict[str, Any]:
    blocks = [{"type": "tool_result", "tool_use_id": each} for each in call_ids]
    return {"role": "user", "content": blocks}


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([USER, uses("a", "b"), results("b", "a")], None),
        ([USER, uses("a", "b"), results("a")], "messages.1: `tool_use` ids were found without"),
        ([USER, uses("a"), USER, results("a")], "messages.1: `tool_use` ids were found without"),
        ([USER, uses("a")], "messages.1: `tool_use` ids were found without"),
        ([USER, results("a")], "messages.1.content.0: unexpected `tool_use_id` found"),
        ([USER, uses("a"), results("a", "a")], "each tool_use must have a single result"),
        ([USER, uses("a", "a"), results("a")], "`tool_use` ids must be unique"),
    ],
)
def test_anthropic_refuses_what_is_not_paired(
    messages: list[dict[str, Any]], words: str | None
) -> None:
    problem = unpaired_for_anthropic(messages)
    assert problem is None if words is None else words in (problem or "")


def test_a_refusal_is_a_400_in_the_providers_form() -> None:
    with ModelServer([Reply(text="x")]) as server:
        response = ask(server.openai_url, calling("a"))
        assert response.status_code == 400
        assert response.json()["error"]["message"] == f"{UNANSWERED}a"
        assert server.last.outcome == "rejected"


def test_the_place_in_a_script_is_the_number_of_answers_in_the_request() -> None:
    with ModelServer([Reply(text="one"), Reply(text="two")]) as server:
        assert text_in(ask(server.openai_url)) == "one"
        assert text_in(ask(server.openai_url)) == "one"
        assert text_in(ask(server.openai_url, SAID, USER)) == "two"
        over = ask(server.openai_url, SAID, USER, SAID, USER)
    assert over.status_code == 400
    assert "The script ends before reply 2" in over.text


def test_faults_come_first_and_then_the_reply() -> None:
    faults = (Fault(kind="status", status=429, retry_after="3"), Fault(kind="html", status=502))
    with ModelServer([Reply(text="at last", faults=faults)]) as server:
        first, second, third = (ask(server.openai_url) for _ in range(3))
    assert (first.status_code, first.headers["retry-after"]) == (429, "3")
    assert (second.status_code, second.text[:9]) == (502, "<!DOCTYPE")
    assert text_in(third) == "at last"
    assert [seen.outcome for seen in server.requests] == ["status", "html", "answered"]


def test_a_function_may_answer() -> None:
    with ModelServer(lambda seen: Reply(text=seen.headers["x-name"])) as server:
        body = {"model": "m", "stream": True, "messages": [USER]}
        url = f"{server.openai_url}/chat/completions"
        assert text_in(httpx.post(url, json=body, headers={"X-Name": "me"})) == "me"


def test_frames_may_be_given_word_for_word() -> None:
    frame = 'data: {"choices": [{"delta": {"content": "odd"}}]}\n\n'
    with ModelServer([Reply(frames=(frame,))]) as server:
        assert ask(server.openai_url).text == frame


def test_a_client_that_hangs_up_is_noticed() -> None:
    with ModelServer([Reply(text="slow", faults=(Fault(kind="stall", after=1),))]) as server:
        body = {"model": "m", "stream": True, "messages": [USER]}
        with httpx.stream("POST", f"{server.openai_url}/chat/completions", json=body) as response:
            pieces = response.iter_bytes()
            next(pieces)
            assert server.last.outcome == "pending"
        wait_until(lambda: server.last.outcome == "left")


def test_a_closed_server_is_down() -> None:
    with ModelServer([Reply(text="x")]) as server:
        pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port))


def test_conversations_are_told_apart_by_their_first_words() -> None:
    script = script_from_json(
        json.dumps(
            {
                "conversations": [{"when": "^Train", "replies": [{"text": "training"}]}],
                "replies": [
                    {
                        "calls": [{"name": "bash", "arguments": {"command": "ls"}}],
                        "faults": [{"kind": "status", "status": 503}],
                    }
                ],
            }
        )
    )
    assert script.reply("Train one.", 0) == Reply(text="training")
    assert script.reply("Train one.", 1) is None
    assert script.reply("Evaluate.", 0) == Reply(
        calls=(Call(name="bash", arguments={"command": "ls"}),),
        faults=(Fault(kind="status", status=503),),
    )


def test_a_misspelt_script_is_not_served() -> None:
    with pytest.raises(ValueError, match="no \\['txt'\\]"):
        script_from_json('{"replies": [{"txt": "x"}]}')


def test_it_runs_as_a_process_until_it_is_told_to_stop(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text('{"replies": [{"text": "from a process"}]}')
    command = [sys.executable, "-m", "tests.support.model_server", "--script", str(script)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[1]
        assert text_in(ask(url)) == "from a process"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
