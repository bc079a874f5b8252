"""What the model says: a function of the conversation alone, so every life of a daemon hears it.

A person's words are a program: `chaos 3: bash write spill` is the third thing that they say in
their session, and takes three answers of the model, each with its calls; then it says that it is
done. Each effect leaves a label, `3.1` for the second answer to the third words, that nothing else
has.
"""

import json
import re
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ml_intern.llm.scripted import calling
from ml_intern.messages import (
    AssistantMessage,
    CallId,
    Message,
    ToolCall,
    ToolMessage,
    ToolSpec,
    UserMessage,
)
from ml_intern.tools.function_tool import tool
from ml_intern.tools.protocol import ToolContext
from tests.tools.training.scripts import a_script

MODEL = "chaos"
OTHER = "chaos-2"
"""The same model under another name, to change to."""
BEGINS = "chaos "
EFFECTS = "effects.txt"
"""In the workspace: a line for each effect of bash, as it begins."""
ENDS = "ends.txt"
"""A line for each as it ends."""
JOBS = "jobs.txt"
"""A line for each job that came to run."""
SENT = "sent.txt"
"""A line for each effect that reaches outside; here, so that it is found with the others."""
HOLD = "hold"
"""While this is in the workspace, such an effect does not come to its end."""
SENDS_S = 0.1
THINKS_S = 3.0
"""What the model takes for a step that it thinks about."""
SPILLED_CHARS = 40_000
DATA = "data.jsonl"
"""In the folder where the task was typed."""
TRAIN = """\
pathlib.Path("jobs.txt").open("a").write(str(out.name) + "\\n")
    for step in range(1, 9):
        say("log", step=step, max_steps=8, loss=1.0 / step)
        time.sleep({pause})
    (out / "done.json").write_text(json.dumps({{"global_step": 8, "max_steps": 8}}))
"""
WAITS = "while True: time.sleep(0.05)"
_WAITS = re.compile(r"\(request (call_\w+)\)")


def program(number: int, *steps: str) -> str:
    """The words that make the model take these steps."""
    return f"{BEGINS}{number}: {' '.join(steps)}"


def steps_of(text: str) -> list[str]:
    """The steps of a program; none for other words."""
    return text.partition(":")[2].split() if text.startswith(BEGINS) else []


def number_of(text: str) -> int:
    return int(text.removeprefix(BEGINS).partition(":")[0])


def answer(messages: Sequence[Message], _tools: Sequence[ToolSpec]) -> AssistantMessage | str:
    """The model's next words."""
    if any(one.text.startswith("The task, which stays") for one in messages[1:2]):
        return "A summary."
    programs, taken = _under_way(messages)
    while len(programs) > 1 and taken >= len(steps_of(programs[0])):
        programs, taken = programs[1:], 0
    if not programs:
        return "Done."
    steps = steps_of(programs[0])
    if taken >= len(steps):
        return f"Done with {number_of(programs[0])}."
    return _STEPS[steps[taken]](f"{number_of(programs[0])}.{taken}", messages)


def _under_way(messages: Sequence[Message]) -> tuple[list[str], int]:
    """The programs that are not done, the oldest first, and how many steps of that were taken.

    Words come also in the middle of a turn; they wait until the program before them is done. What
    was interrupted, or summed up, is not gone on with.
    """
    programs: list[str] = []
    taken = 0
    ended = False
    for one in messages:
        match one:
            case UserMessage(summary=True):
                programs, taken = [], 0
            case UserMessage() if not _is_ours(one) and one.text.startswith(BEGINS):
                programs, taken = ([], 0) if ended else (programs, taken)
                programs.append(one.text)
                ended = False
            case ToolMessage():
                ended = ended or (one.is_error and "stopped it" in one.text)
            case AssistantMessage() if programs:
                if len(programs) > 1 and taken >= len(steps_of(programs[0])):
                    programs, taken = programs[1:], 0
                programs, taken = (programs, taken + 1) if one.tool_calls else (programs[1:], 0)
            case _:
                pass
    return programs, taken


def _is_ours(message: Message) -> bool:
    return isinstance(message, UserMessage) and (message.injected or message.summary)


def _bash(label: str, _messages: Sequence[Message], *, takes: float = 0.1, more: str = "") -> Any:
    return _calls(("bash", {"command": _effect(label, takes) + more}))


def _effect(label: str, takes: float) -> str:
    return f"echo {label} >> {EFFECTS} && sleep {takes} && echo {label} >> {ENDS}"


def _think(label: str, messages: Sequence[Message]) -> Any:
    time.sleep(THINKS_S)
    return _bash(label, messages)


def _pair(label: str, _messages: Sequence[Message]) -> Any:
    return _calls(*(("bash", {"command": _effect(f"{label}.{part}", 0.05)}) for part in range(2)))


def _spill(label: str, messages: Sequence[Message]) -> Any:
    return _bash(
        label, messages, takes=0, more=f" && head -c {SPILLED_CHARS} /dev/zero | tr '\\0' x"
    )


def note_text(label: str) -> str:
    """What a written file holds; long enough to be seen half written."""
    return f"{label} {'n' * 3000} end"


def _write(label: str, _messages: Sequence[Message]) -> Any:
    return _calls(("write", {"path": f"note-{label}.txt", "content": note_text(label)}))


def _edit(label: str, _messages: Sequence[Message]) -> Any:
    """Of the file that the answer before it wrote."""
    number, _, step = label.partition(".")
    path = f"note-{number}.{int(step) - 1}.txt"
    return _calls(("edit", {"path": path, "old": " end", "new": f" edited-{label}"}))


def _reads(label: str, _messages: Sequence[Message]) -> Any:
    return _calls(*(("read", {"path": EFFECTS, "offset": part + 1}) for part in range(2)))


@tool(effect="external")
def send(label: str, ctx: ToolContext) -> str:
    """Tell somebody outside; nobody can look up whether it was done."""
    with (ctx.place.workspace / SENT).open("a") as sent:
        sent.write(f"{label}\n")
    time.sleep(SENDS_S)
    while (ctx.place.workspace / HOLD).exists():
        time.sleep(0.02)
    return f"sent {label}"


def _send(label: str, _messages: Sequence[Message]) -> Any:
    return _calls(("send", {"label": label}))


def _order(label: str, _messages: Sequence[Message], *, words: str = "approve") -> Any:
    return _calls(("order", {"label": label, "words": words}))


def _withdraw(_label: str, messages: Sequence[Message]) -> Any:
    """The call of which the model has read last that it waits."""
    texts = [one.text for one in messages if isinstance(one, ToolMessage)]
    waits = [found[1] for text in texts if (found := _WAITS.search(text))]
    return _calls(("withdraw_request", {"request": waits[-1]}))


def _orders(label: str, _messages: Sequence[Message]) -> Any:
    """Several calls of one answer, each of which is decided by itself."""
    wanted = ("approve", "edit", "deny")
    return _calls(
        *(("order", {"label": f"{label}.{n}", "words": words}) for n, words in enumerate(wanted))
    )


def _approve(label: str, _messages: Sequence[Message]) -> Any:
    return calling(propose_change={"what": label, "was": "1", "becomes": "2", "why": "chaos"})


def _question(label: str, _messages: Sequence[Message]) -> Any:
    return calling(ask_person={"question": f"{label}?"})


def _prepare(label: str, _messages: Sequence[Message]) -> Any:
    return _calls(
        ("inspect_dataset", {"source": DATA}), ("prepare_dataset", {"source": DATA, "name": "data"})
    )


def _script(_label: str, _messages: Sequence[Message], *, train: str = TRAIN) -> Any:
    content = a_script(train=train.format(pause=0.1) if train is TRAIN else train)
    return _calls(
        ("write", {"path": "train.py", "content": content}),
        ("dummy_forward", {"path": "train.py"}),
        ("smoke_test", {"path": "train.py"}),
    )


def _endless(label: str, messages: Sequence[Message]) -> Any:
    marker = 'pathlib.Path("jobs.txt").open("a").write(str(out.name) + "\\n")\n    '
    return _script(label, messages, train=marker + WAITS)


def _launch(label: str, _messages: Sequence[Message]) -> Any:
    return _calls(("launch_training", {"path": "train.py", "output_dir": f"out-{label}"}))


def _watch(_label: str, messages: Sequence[Message]) -> Any:
    launched = [
        json.loads(one.text)["job_id"]
        for one in messages
        if isinstance(one, ToolMessage) and one.name == "launch_training" and not one.is_error
    ]
    return _calls(("watch_job", {"job_id": launched[-1] if launched else "none"}))


def _publish(label: str, _messages: Sequence[Message]) -> Any:
    return _calls(("publish", {"model_dir": "model", "repo_name": f"m-{label}"}))


def _calls(*wanted: tuple[str, dict[str, Any]]) -> AssistantMessage:
    return AssistantMessage(
        tool_calls=tuple(
            ToolCall(call_id=CallId(f"{index}"), name=name, arguments=json.dumps(arguments))
            for index, (name, arguments) in enumerate(wanted)
        )
    )


_STEPS: dict[str, Callable[[str, Sequence[Message]], AssistantMessage]] = {
    "bash": _bash,
    "slow": lambda label, messages: _bash(label, messages, takes=1.5),
    "think": _think,
    "pair": _pair,
    "spill": _spill,
    "write": _write,
    "edit": _edit,
    "reads": _reads,
    "approve": _approve,
    "question": _question,
    "send": _send,
    "order": _order,
    "orders": _orders,
    "withdraw": _withdraw,
    "order_edit": partial(_order, words="edit"),
    "order_like": partial(_order, words="like"),
    "order_slack": partial(_order, words="slack"),
    "prepare": _prepare,
    "script": _script,
    "endless": _endless,
    "launch": _launch,
    "watch": _watch,
    "publish": _publish,
}


def data_file(folder: Path) -> Path:
    """A small data set of two classes."""
    rows = [
        {"text": f"{word} number {number}", "label": label}
        for number in range(30)
        for label, word in (("good", "lovely"), ("bad", "awful"))
    ]
    path = folder / DATA
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
