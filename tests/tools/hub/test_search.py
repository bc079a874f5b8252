"""Searching the Hub: filters as it spells them, and page by page."""

from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError

from ml_intern.tools.hub.search import SearchArguments
from tests.support.hub import HubServer
from tests.support.outside import Given, Outside
from tests.tools.hub.conftest import Caller


def test_models_by_words_with_what_is_known_of_each(hub: HubServer, call: Caller) -> None:
    found = hub.models.add("ada/tiny-bert", private=False)
    found.about = {
        "tags": ["license:mit", "language:de", "dataset:ada/rows"],
        "pipeline_tag": "text-classification",
        "downloads": 7,
        "safetensors": {"total": 1000},
        "lastModified": "2026-05-06T07:08:09.000Z",
    }
    hub.models.add("ada/other", private=False)
    answer = call("hub_search", query="bert", licence="mit", tags=["dataset:ada/rows"])
    assert answer["found"] == [
        {
            "id": "ada/tiny-bert",
            "url": f"{hub.url}/ada/tiny-bert",
            "task": "text-classification",
            "parameters": 1000,
            "licence": "mit",
            "languages": "de",
            "downloads": 7,
            "changed": "2026-05-06",
        }
    ]


def test_pages_are_read_on_with_the_cursor_alone(hub: HubServer, call: Caller) -> None:
    for number in range(5):
        hub.spaces.add(f"ada/space-{number}", private=False)
    first = call("hub_search", kind="space", limit=3)
    second = call("hub_search", kind="space", limit=3, cursor=first["next_cursor"])
    names = [each["id"] for each in (*first["found"], *second["found"])]
    assert names == [f"ada/space-{number}" for number in range(5)]
    assert "next_cursor" not in second
    assert first["found"][0]["url"] == f"{hub.url}/spaces/ada/space-0"


def test_private_ones_are_found_by_their_owner_only(hub: HubServer, call: Caller) -> None:
    hub.datasets.add("ada/secret")
    assert len(call("hub_search", kind="dataset", query="secret")["found"]) == 1
    call.token = None
    answer = call("hub_search", kind="dataset", query="secret")
    assert answer["found"] == []
    assert "Nothing fits" in answer["note"]


@pytest.mark.parametrize(
    ("arguments", "query"),
    [
        (
            {"kind": "dataset", "task": "text-classification", "language": "de", "licence": "mit"},
            {
                "filter": [
                    "task_categories:text-classification",
                    "language:de",
                    "license:mit",
                ]
            },
        ),
        (
            {"task": "text-generation", "parameters": "min:1B,max:4B", "gated": False},
            {
                "pipeline_tag": ["text-generation"],
                "num_parameters": ["min:1B,max:4B"],
                "gated": ["false"],
            },
        ),
        ({"sort": "trending"}, {"sort": ["trendingScore"], "direction": ["-1"]}),
        (
            {"library": "trl", "tags": ["base_model:ada/base", "region:us"]},
            {"filter": ["trl", "base_model:ada/base", "region:us"]},
        ),
    ],
)
def test_filters_as_the_hub_spells_them(
    tmp_path, arguments: dict[str, object], query: dict[str, list[str]]
) -> None:
    with Outside(lambda _: Given(content="[]")) as server:
        call = Caller(tmp_path, server.url, server.url)
        call("hub_search", **arguments)
        call.web.close()
    asked = parse_qs(urlsplit(server.asked[0].path).query)
    assert {**asked, **query} == asked


def test_a_filter_of_another_kind_is_refused(hub: HubServer, call: Caller) -> None:
    error = call("hub_search", kind="dataset", library="trl")["error"]
    assert error == "library cannot be asked of a dataset; leave it out, or set kind to model."
    assert hub.requests == []


@pytest.mark.parametrize("words", ["1B", "min:large", "min:1B max:4B", "max:4B\n"])
def test_a_range_of_parameters_that_the_hub_would_not_read_is_refused(words: str) -> None:
    with pytest.raises(ValidationError, match="write it as min:1B,max:4B"):
        SearchArguments(parameters=words)


@pytest.mark.parametrize("content", ['{"error": "x"}', "<html>", '[{"id": "a'])
def test_what_is_no_list(tmp_path, content: str) -> None:
    with Outside(lambda _: Given(content=content)) as server:
        call = Caller(tmp_path, server.url, server.url)
        assert "answer" in call("hub_search")["error"]
        call.web.close()


def test_things_that_are_none_are_left_out_and_a_link_leads_nowhere_else(tmp_path) -> None:
    link = '<https://evil.example/api/models?cursor=abc>; rel="next"'
    answer = Given(content='[1, null, {"id": 5}, {"id": "a/b"}]', headers={"Link": link})
    with Outside(lambda _: answer) as server:
        call = Caller(tmp_path, server.url, server.url)
        found = call("hub_search")
        call("hub_search", cursor=found["next_cursor"])
        call.web.close()
    assert [each["id"] for each in found["found"]] == ["a/b"]
    assert "cursor=abc" in server.asked[1].path


def test_a_limit_on_how_often(hub: HubServer, call: Caller) -> None:
    hub.faults.limit_rate(90, at="/api/models")
    hub.faults.refuse(429, at="/api/models", times=3)
    assert "limits how often" in call("hub_search")["error"]
