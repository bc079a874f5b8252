"""The card says what is needed, and keeps what people wrote."""

import yaml

from ml_intern.tracing.upload import card


def fields(text: str):
    return yaml.safe_load(text.split("---\n")[1])


def test_a_card_of_ours_is_known_by_its_mark_and_needs_nothing_more():
    text = card.merged("", subagents=False)
    assert card.is_ours(text)
    assert not card.lists_subagents(text)
    assert card.merged(text, subagents=False) == text
    assert card.lists_subagents(card.merged(text, subagents=True))


def test_keys_and_words_of_a_person_stay():
    given = "---\nlicense: mit\npretty_name: Ours\ntags:\n- lab\n---\n\n# Words\n--- and lines\n"
    text = card.merged(given, subagents=True)
    found = fields(text)
    assert (found["license"], found["pretty_name"]) == ("mit", "Ours")
    assert found["tags"] == ["lab", "agent-traces", card.MARK]
    assert text.endswith("---\n\n# Words\n--- and lines\n")


def test_a_configuration_of_that_name_is_left_as_it_is():
    given = "---\nconfigs:\n- config_name: default\n  data_files: mine.jsonl\n---\nWords.\n"
    configs = fields(card.merged(given, subagents=True))["configs"]
    assert configs[0] == {"config_name": "default", "data_files": "mine.jsonl"}
    assert [one["config_name"] for one in configs] == ["default", "subagents"]


def test_metadata_that_are_broken_are_not_touched():
    for given in ("---\na: [1\n---\nWords.\n", "---\n- a list\n---\n"):
        assert card.merged(given, subagents=True) == given
        assert not card.is_ours(given)


def test_a_card_without_metadata_gets_them_above_its_words():
    text = card.merged("# Only words\n", subagents=False)
    assert card.is_ours(text)
    assert text.endswith("---\n# Only words\n")


def test_tags_that_are_no_list_are_nobodys_mark():
    given = f"---\ntags: {card.MARK}\n---\n"
    assert not card.is_ours(given)
    assert fields(card.merged(given, subagents=False))["tags"] == card.MARK
