"""Blocks of a message or a modal: what Slack accepts, and where it says what is wrong.

The types that a bot writes: section, header, context, actions, divider, image, input, markdown,
rich_text, file. Slack has more (table, video, card ...); those are refused here as unknown.
https://docs.slack.dev/reference/block-kit/blocks
"""

from collections.abc import Callable, Iterator
from typing import Any

from tests.support.slack.elements import IN_ACTIONS, IN_INPUT, IN_SECTION, check_element
from tests.support.slack.shapes import ANY_TEXT, PLAIN, Problems, check_image, check_text

Block = dict[str, Any]
Check = Callable[[Problems, str, Block], None]

IN_MESSAGE, IN_VIEW = 50, 100
MARKDOWN_LONGEST = 12_000


def check_blocks(problems: Problems, at: str, blocks: Any, most: int) -> None:
    if not problems.count(at, blocks, most, 0):
        return
    for index, block in enumerate(blocks):
        _check_block(problems, f"{at}/{index}", block, in_view=most == IN_VIEW)
    if not problems.messages:
        _check_ids(problems, at, blocks)


def _check_block(problems: Problems, at: str, block: Any, *, in_view: bool) -> None:
    if not problems.object(at, block):
        return
    kind = block.get("type")
    known = (
        isinstance(kind, str) and kind in CHECKS and not (in_view and kind in ("markdown", "file"))
    )
    if not known:
        problems.add(f"{at}/type", f"unsupported type: {kind}")
        return
    if "block_id" in block:
        problems.length(f"{at}/block_id", block["block_id"], 255, 1)
    CHECKS[kind](problems, at, block)


def _check_ids(problems: Problems, at: str, blocks: list[Block]) -> None:
    """A block id once in a message or modal; an action id once in a block."""
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        block_id = block.get("block_id")
        if block_id in seen:
            problems.add(f"{at}/{index}/block_id", f'`block_id` "{block_id}" already exists')
        seen |= {block_id} if block_id else set()
        actions = [one["action_id"] for one in elements_of(block) if "action_id" in one]
        for twice in {one for one in actions if actions.count(one) > 1}:
            problems.add(
                f"{at}/{index}", f'`action_id` "{twice}" already exists for block_id "{block_id}"'
            )


def elements_of(block: Block) -> Iterator[dict[str, Any]]:
    """What can be pressed or filled in."""
    if block["type"] == "actions":
        yield from block["elements"]
    elif block["type"] == "section" and "accessory" in block:
        yield block["accessory"]
    elif block["type"] == "input":
        yield block["element"]


def markdown_length(blocks: list[Block]) -> int:
    """Counted over all markdown blocks of a message."""
    return sum(len(block["text"]) for block in blocks if block["type"] == "markdown")


def with_ids(blocks: list[Block], number: Callable[[str], str]) -> list[Block]:
    """As Slack keeps them: every block and every element has an id, and no text shares memory."""
    return [_with_id(block, number) for block in blocks]


def _with_id(block: Block, number: Callable[[str], str]) -> Block:
    block = {"block_id": number("b"), **block}
    if block["type"] == "actions":
        block["elements"] = [{"action_id": number("a"), **one} for one in block["elements"]]
    for name in ("accessory", "element"):
        if name in block and block[name]["type"] != "image":
            block[name] = {"action_id": number("a"), **block[name]}
    return block


def _section(problems: Problems, at: str, block: Block) -> None:
    problems.only(at, block, {"type", "block_id", "text", "fields", "accessory", "expand"})
    if "text" not in block and "fields" not in block:
        problems.add(at, "missing required field: text or fields")
    if "text" in block:
        check_text(problems, f"{at}/text", block["text"], ANY_TEXT, 3000)
    if "fields" in block and problems.count(f"{at}/fields", block["fields"], 10):
        for index, text in enumerate(block["fields"]):
            check_text(problems, f"{at}/fields/{index}", text, ANY_TEXT, 2000)
    if "accessory" in block:
        check_element(problems, f"{at}/accessory", block["accessory"], IN_SECTION)


def _header(problems: Problems, at: str, block: Block) -> None:
    problems.only(at, block, {"type", "block_id", "text", "level"})
    if problems.need(at, block, "text"):
        check_text(problems, f"{at}/text", block["text"], PLAIN, 150)


def _divider(problems: Problems, at: str, block: Block) -> None:
    problems.only(at, block, {"type", "block_id"})


def _image(problems: Problems, at: str, block: Block) -> None:
    problems.only(at, block, {"type", "block_id", "image_url", "slack_file", "alt_text", "title"})
    check_image(problems, at, block)
    if "title" in block:
        check_text(problems, f"{at}/title", block["title"], PLAIN, 2000)


def _context(problems: Problems, at: str, block: Block) -> None:
    problems.only(at, block, {"type", "block_id", "elements"})
    if not problems.need(at, block, "elements"):
        return
    if not problems.count(f"{at}/elements", block["elements"], 10):
        return
    for index, element in enumerate(block["elements"]):
        place = f"{at}/elements/{index}"
        if isinstance(element, dict) and element.get("type") == "image":
            check_element(problems, place, element, {"image"})
        else:
            check_text(problems, place, element, ANY_TEXT, 3000)


def _actions(problems: Problems, at: str, block: Block) -> None:
    problems.only(at, block, {"type", "block_id", "elements"})
    if not problems.need(at, block, "elements"):
        return
    if problems.count(f"{at}/elements", block["elements"], 25):
        for index, element in enumerate(block["elements"]):
            check_element(problems, f"{at}/elements/{index}", element, IN_ACTIONS)


def _input(problems: Problems, at: str, block: Block) -> None:
    names = {"type", "block_id", "label", "element", "hint", "optional", "dispatch_action"}
    problems.only(at, block, names)
    if not problems.need(at, block, "label", "element"):
        return
    check_text(problems, f"{at}/label", block["label"], PLAIN, 2000)
    check_element(problems, f"{at}/element", block["element"], IN_INPUT)
    if "hint" in block:
        check_text(problems, f"{at}/hint", block["hint"], PLAIN, 2000)


def _markdown(problems: Problems, at: str, block: Block) -> None:
    problems.only(at, block, {"type", "block_id", "text"})
    if problems.need(at, block, "text"):
        problems.length(f"{at}/text", block["text"], MARKDOWN_LONGEST, 1)


def _rich_text(problems: Problems, at: str, block: Block) -> None:
    problems.only(at, block, {"type", "block_id", "elements"})
    if not problems.need(at, block, "elements"):
        return
    if not problems.count(f"{at}/elements", block["elements"], 1000):
        return
    kinds = {"rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"}
    for index, element in enumerate(block["elements"]):
        place = f"{at}/elements/{index}"
        if problems.object(place, element):
            problems.one_of(f"{place}/type", element.get("type"), kinds)


def _file(problems: Problems, at: str, _block: Block) -> None:
    """Slack writes these itself; an app may read them only."""
    problems.add(f"{at}/type", "unsupported type: file")


CHECKS: dict[str, Check] = {
    "section": _section,
    "header": _header,
    "divider": _divider,
    "image": _image,
    "context": _context,
    "actions": _actions,
    "input": _input,
    "markdown": _markdown,
    "rich_text": _rich_text,
    "file": _file,
}
