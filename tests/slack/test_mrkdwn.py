"""Foreign words made harmless and cut to fit; a person's words as they meant them."""

import pytest

from ml_intern.slack.mrkdwn import code, code_length, fitting, person, typed, without_mention
from tests.support.slack.gestures import typed as slack_sends


@pytest.mark.parametrize("text", ["<!channel>", "<@U1> & <https://x|y>", "a" * 99, "&" * 99, ""])
@pytest.mark.parametrize("longest", [10, 50, 500])
def test_what_fits_is_whole_and_nothing_is_markup(text: str, longest: int) -> None:
    found = fitting(text, longest)
    assert len(found) <= longest
    assert "<" not in found
    assert found.endswith("…") or typed(found) == text.strip()


@pytest.mark.parametrize("number", range(1, 12))
def test_no_code_ends_its_block(number: int) -> None:
    found = code(f"a{'`' * number}b", 100)
    assert found.count("```") == 2
    assert len(found) == code_length(f"a{'`' * number}b")


@pytest.mark.parametrize("mark", ["\u202e", "\u2066", "\x1b", "\x00", "\r"])
def test_nothing_turns_the_writing_around(mark: str) -> None:
    assert mark not in fitting(f"rm{mark} safe", 100)


@pytest.mark.parametrize(
    "words",
    [
        "a < b & c > d &amp; e",
        "see https://example.org/a?b=1&c=2 now",
        "https://example.org",
        "two\nlines",
    ],
)
def test_what_was_typed_arrives_as_it_was_typed(words: str) -> None:
    assert typed(slack_sends(words)) == words


def test_the_mention_of_the_app_is_no_part_of_the_words() -> None:
    assert without_mention("<@U0BOT> train it", "U0BOT") == "train it"
    assert without_mention("ask <@U1> <@U0BOT|ml>", "U0BOT") == "ask <@U1>"
    assert without_mention("as it is", "") == "as it is"


@pytest.mark.parametrize(
    ("who", "shown"),
    [
        ("slack:U0123", "<@U0123>"),
        ("ada (slack:U0123)", "<@U0123>"),
        ("ada", "ada"),
        ("<@U9>", "&lt;@U9&gt;"),
        ("x slack:U0123 y", "x slack:U0123 y"),
    ],
)
def test_people_are_named_as_slack_names_them(who: str, shown: str) -> None:
    assert person(who) == shown
