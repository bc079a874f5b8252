"""What the tools say of their calls before they run: to the policy, and to the person."""

from pathlib import Path
from typing import Any

import pytest

from ml_intern.events import Exhibit
from ml_intern.tools.catalogue import all_tools
from ml_intern.tools.policy import Case
from ml_intern.tools.protocol import ToolContext
from ml_intern.tools.router import MOST_EXHIBIT_CHARS, Prepared, ToolRouter
from tests.support.contexts import a_context

SCRIPT = "import sys\nprint(sys.argv)\n"


class Named:
    """A compute or a sandbox that is only asked for its name."""

    def __init__(self, name: str) -> None:
        self.name = name


@pytest.fixture
def ctx(tmp_path: Path) -> ToolContext:
    context = a_context(tmp_path, compute=Named("local"), sandbox=Named("process"))
    context.place.workspace.mkdir()
    (context.place.workspace / "train.py").write_text(SCRIPT)
    return context


@pytest.fixture
def router() -> ToolRouter:
    return ToolRouter(all_tools())


def prepared(router: ToolRouter, tool: str, **arguments: Any) -> Prepared:
    found = router.prepare(tool, arguments)
    assert isinstance(found, Prepared), found
    return found


def launch(router: ToolRouter, path: str = "train.py") -> Prepared:
    return prepared(router, "launch_training", path=path, output_dir="out")


def test_a_case_holds_what_would_run_and_where(router: ToolRouter, ctx: ToolContext) -> None:
    case = router.case(prepared(router, "evaluate", model_dir="out"), ctx)
    assert case == Case(
        tool="evaluate",
        operation="validation",
        arguments={"model_dir": "out", "split": "validation"},
        effect="write",
    )


@pytest.mark.parametrize(
    ("sandbox", "network", "exposure"),
    [
        ("process", False, (False, False)),
        ("none", False, (True, False)),
        ("bubblewrap", True, (False, True)),
    ],
)
def test_a_case_says_what_code_could_reach(
    router: ToolRouter, tmp_path: Path, sandbox: str, network: bool, exposure: tuple[bool, bool]
) -> None:
    place = {"sandbox": Named(sandbox), "network": network}
    case = router.case(prepared(router, "bash", command="ls"), a_context(tmp_path, **place))
    assert (case.unconfined, case.network) == exposure
    assert case.runs_code


@pytest.mark.parametrize(("compute", "cost"), [("local", 0), ("elsewhere", None)])
def test_only_a_job_on_this_machine_is_known_to_be_free(
    router: ToolRouter, tmp_path: Path, compute: str, cost: int | None
) -> None:
    ctx = a_context(tmp_path, compute=Named(compute), sandbox=Named("process"))
    assert router.case(launch(router), ctx).cost_micro_usd == cost


@pytest.mark.parametrize("tool", ["dummy_forward", "smoke_test", "launch_training"])
def test_a_script_is_shown_and_a_yes_holds_for_its_bytes(
    router: ToolRouter, ctx: ToolContext, tool: str
) -> None:
    more = {"output_dir": "out"} if tool == "launch_training" else {}
    call = prepared(router, tool, path="train.py", **more)
    assert router.exhibits(call, ctx) == (Exhibit(title="train.py", kind="python", text=SCRIPT),)
    before = router.content_sha256(call, ctx)
    (ctx.place.workspace / "train.py").write_text("import os\n")
    assert router.content_sha256(call, ctx) != before


def test_what_is_not_there_is_neither_shown_nor_hashed(
    router: ToolRouter, ctx: ToolContext
) -> None:
    call = launch(router, path="nothing.py")
    assert (router.exhibits(call, ctx), router.content_sha256(call, ctx)) == ((), "")


def test_the_text_of_a_file_is_shown_as_a_change(router: ToolRouter, ctx: ToolContext) -> None:
    for call in (
        prepared(router, "write", path="train.py", content="import os\nprint(sys.argv)\n"),
        prepared(router, "edit", path="train.py", old="import sys", new="import os"),
    ):
        (shown,) = router.exhibits(call, ctx)
        assert shown.kind == "diff"
        assert shown.text.splitlines()[3:] == ["-import sys", "+import os", " print(sys.argv)"]
    (new,) = router.exhibits(prepared(router, "write", path="new.py", content="a\n"), ctx)
    assert new.text.endswith("+a")
    assert router.exhibits(prepared(router, "edit", path="train.py", old="x", new="y"), ctx) == ()


def test_a_command_of_several_lines_is_shown_as_it_is(router: ToolRouter, ctx: ToolContext) -> None:
    (shown,) = router.exhibits(prepared(router, "bash", command="cd x\nls"), ctx)
    assert shown.text == "cd x\nls"
    assert router.exhibits(prepared(router, "bash", command="ls"), ctx) == ()


def test_what_is_shown_has_an_end(router: ToolRouter, ctx: ToolContext) -> None:
    (ctx.place.workspace / "train.py").write_text("x" * (MOST_EXHIBIT_CHARS + 1_234))
    (shown,) = router.exhibits(launch(router), ctx)
    assert len(shown.text) < MOST_EXHIBIT_CHARS + 100
    assert shown.text.endswith("[1,234 more characters are not shown]")
