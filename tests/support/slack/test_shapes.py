"""Whatever is sent as blocks or as a view, the stand-in has an answer."""

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.slack.blocks import CHECKS, IN_MESSAGE, check_blocks
from tests.support.slack.elements import CHECKS as ELEMENTS
from tests.support.slack.modals import check_view
from tests.support.slack.refusals import Refused
from tests.support.slack.shapes import Problems
from tests.support.slack.workspace import Workspace

NAMES = (
    "text", "elements", "element", "accessory", "fields", "label", "options", "value",
    "option_groups", "initial_option", "initial_options", "initial_value", "max_length", "confirm",
    "block_id", "action_id", "image_url", "slack_file", "alt_text", "blocks", "title", "submit",
)  # fmt: skip
KINDS = (*CHECKS, *ELEMENTS, "plain_text", "mrkdwn", "modal", "rich_text_section")
LEAVES = st.sampled_from([*KINDS, "", "x", None, 0, -1, True, 1.5])


def objects(kinds: object, inner: st.SearchStrategy) -> st.SearchStrategy:
    some = st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    return st.builds(lambda kind, rest: {**rest, "type": kind}, st.sampled_from([*kinds]), some)


THINGS = LEAVES | st.lists(LEAVES, max_size=2) | objects(KINDS, LEAVES)
ELEMENT = objects(ELEMENTS, THINGS | st.lists(THINGS, max_size=2))
BLOCK = objects(CHECKS, THINGS | ELEMENT | st.lists(ELEMENT | THINGS, max_size=2))
BLOCKS = THINGS | st.lists(BLOCK | THINGS, max_size=3)
FRAME = ("type", "title", "submit", "close", "private_metadata", "callback_id", "external_id")
VIEW = st.fixed_dictionaries({"blocks": BLOCKS}, optional=dict.fromkeys(FRAME, THINGS))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(BLOCKS)
def test_any_blocks_are_judged(thing: object):
    problems = Problems(lambda _: False)

    check_blocks(problems, "/blocks", thing, IN_MESSAGE)

    assert problems.messages or isinstance(thing, list)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(VIEW | THINGS)
def test_any_view_is_judged(thing: object):
    with contextlib.suppress(Refused):
        assert check_view(Workspace(lambda: 0.0), thing) is thing
