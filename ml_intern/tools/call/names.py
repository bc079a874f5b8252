"""The name of a tool that does not exist, and which one was probably meant.

It is named, never run in its place: arguments and effects may be others.
"""

import difflib
import re
from collections.abc import Collection

ELSEWHERE: dict[str, tuple[str, ...]] = {
    "apply_patch": ("edit",),
    "ask_followup_question": ("ask_person",),
    "ask_human": ("ask_person",),
    "ask_user": ("ask_person",),
    "ask_user_question": ("ask_person",),
    "cat": ("read",),
    "cmd": ("bash",),
    "command": ("bash",),
    "create_file": ("write",),
    "edit_file": ("edit",),
    "exec": ("bash",),
    "execute_bash": ("bash",),
    "execute_command": ("bash",),
    "file_editor": ("read", "write", "edit"),
    "file_read": ("read",),
    "file_write": ("write",),
    "find": ("bash",),
    "glob": ("bash",),
    "grep": ("bash",),
    "insert": ("edit",),
    "list_dir": ("bash",),
    "list_directory": ("bash",),
    "list_files": ("bash",),
    "ls": ("bash",),
    "multi_edit": ("edit",),
    "open_file": ("read",),
    "python": ("bash",),
    "read_file": ("read",),
    "replace": ("edit",),
    "run": ("bash",),
    "run_command": ("bash",),
    "run_in_terminal": ("bash",),
    "run_shell_command": ("bash",),
    "run_terminal_cmd": ("bash",),
    "save_file": ("write",),
    "search_files": ("bash",),
    "sh": ("bash",),
    "shell": ("bash",),
    "str_replace": ("edit",),
    "str_replace_based_edit_tool": ("read", "write", "edit"),
    "str_replace_editor": ("read", "write", "edit"),
    "terminal": ("bash",),
    "todo": ("plan",),
    "todo_read": ("plan",),
    "todo_write": ("plan",),
    "update_plan": ("plan",),
    "view": ("read",),
    "view_file": ("read",),
    "write_file": ("write",),
    "write_to_file": ("write",),
    "write_todos": ("plan",),
}
"""What other agents call things, and what they are called here."""
ENDINGS = frozenset(
    ("attempt_completion", "complete", "done", "end", "finish", "final_answer", "submit", "stop")
)
"""Other agents end with a call; ours ends with words."""
_WORD_BEGINS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WRITTEN = re.compile(r"[\w./-]*")
_JOINT = re.compile(r"__|[./]")
_MOST_CHARS = 100


def unknown_tool(name: str, known: Collection[str]) -> str:
    """What to answer to a call of a tool that does not exist."""
    plain = _plain(name[:_MOST_CHARS])
    begin = f"There is no tool {name[:_MOST_CHARS]!r}. Nothing ran."
    meant = [tool for tool in (plain, *ELSEWHERE.get(plain, ())) if tool in known]
    if meant:
        return f"{begin} Here this is done with {' or '.join(meant)}; mind its own arguments."
    if plain in ENDINGS:
        return f"{begin} To end the task, answer in words, without a call."
    near = difflib.get_close_matches(plain, known, n=3)
    if near:
        return f"{begin} The nearest names are: {', '.join(near)}."
    return f"{begin} Use one of: {', '.join(sorted(known))}."


def _plain(name: str) -> str:
    """The name in `functions.TodoWrite:0`, `mcp__tools__todo_write`, `todo_write<|channel|>`."""
    written = _WRITTEN.match(name.strip())
    bare = _JOINT.split(written[0].strip("./_"))[-1] if written is not None else ""
    return _WORD_BEGINS.sub("_", bare).lower().replace("-", "_")
