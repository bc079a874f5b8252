"""Every operation of `papers`, against services with the real shapes."""

import json
import threading
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError

from ml_intern.tools.papers.papers import Papers
from ml_intern.tools.protocol import ToolContext
from ml_intern.tools.router import Prepared, ToolRouter
from tests.support.papers_server import (
    FORESTS,
    LORA,
    QLORA,
    STRINGS,
    XGBOOST,
    PapersServer,
    record,
)


def query(path: str) -> dict[str, str]:
    return {name: value[0] for name, value in parse_qs(urlsplit(path).query).items()}


def titles(found: dict) -> list[str]:
    return [item["title"] for item in found["items"]]


# search


def test_a_paper_that_all_three_know_is_found_once(ask) -> None:
    found = ask("search", query="qlora")
    (one,) = found["items"]
    assert one == {
        "title": QLORA.title,
        "id": "arXiv:2305.14314",
        "url": "https://arxiv.org/abs/2305.14314",
        "authors": "Tim Dettmers, Artidoro Pagnoni, Ari Holtzman and 1 more",
        "published": "2023-05-23",
        "venue": QLORA.venue,
        "citations": 4000,
        "upvotes": 53,
        "about": "About qlora: efficient finetuning of quantized llms.",
    }
    assert (found["found"], "note" in found) == (1, False)


def test_what_one_index_alone_knows_is_found_too(ask) -> None:
    assert titles(ask("search", query="random forests")) == [FORESTS.title]
    assert titles(ask("search", query="polynomial algorithms")) == [
        "Deterministic Polynomial-Time Algorithms"
    ]


def test_each_index_is_asked_in_its_own_language(ask, server: PapersServer) -> None:
    ask("search", query='the "low rank" adaptation of (models)', when="2021-2023")
    (arxiv,) = server.paths("/api/query")
    assert query(arxiv) == {
        "search_query": 'all:"low rank" AND all:adaptation AND all:models AND '
        "submittedDate:[202101010000 TO 202312312359]",
        "start": "0",
        "max_results": "50",
        "sortBy": "relevance",
        "sortOrder": "descending",
    }
    (scholar,) = server.paths("/graph/v1/paper/search")
    asked = query(scholar)
    assert (asked["query"], asked["year"]) == ('the "low rank" adaptation of (models)', "2021-2023")
    assert "citations" not in asked["fields"].split(","), "that would be every paper that cites it"
    (hub,) = server.paths("/api/papers/search")
    assert query(hub)["q"] == 'the "low rank" adaptation of (models)'
    key = [each.headers.get("x-api-key") for each in server.asked if each.path == scholar]
    assert key == ["s2-fake-key"]


def test_years_hold_for_an_index_that_knows_none(ask) -> None:
    assert titles(ask("search", query="lora", when="2022-")) == [QLORA.title]
    assert titles(ask("search", query="lora", when="2021")) == [LORA.title]


def test_authors_and_categories_are_asked_for_where_that_can_be_done(
    ask, server: PapersServer
) -> None:
    found = ask("search", query="lora", author="Tim Dettmers", categories=["cs.LG", "stat"])
    assert titles(found) == [QLORA.title]
    assert "Only arXiv tells categories" in found["note"]
    (arxiv,) = server.paths("/api/query")
    assert query(arxiv)["search_query"] == (
        'all:lora AND au:"tim dettmers" AND (cat:cs.LG OR cat:stat OR cat:stat.*)'
    )
    (scholar,) = server.paths("/graph/v1/paper/search")
    assert "author" not in query(scholar)


def test_an_author_holds_for_indexes_that_take_none(ask) -> None:
    assert titles(ask("search", query="random forests", author="Leo Breiman")) == [FORESTS.title]
    assert titles(ask("search", query="random forests", author="Ho")) == []


def test_a_category_leaves_out_what_arxiv_has_not_found(ask) -> None:
    assert titles(ask("search", query="random forests", categories=["stat.ML"])) == []
    assert titles(ask("search", query="string", categories=["hep-th"])) == [
        "String Theory on AdS_3"
    ]


def test_all_of_an_author_is_a_question_for_arxiv_alone(ask, server: PapersServer) -> None:
    assert titles(ask("search", author="Guestrin", when="2016")) == [XGBOOST.title]
    assert [each.path.partition("?")[0] for each in server.asked] == ["/api/query"]


@pytest.mark.parametrize("wrong", ["cs.LG OR all:x", "CS", "cs.", "*", "cs.LG)"])
def test_what_is_no_category_is_refused(wrong: str) -> None:
    with pytest.raises(ValidationError):
        Papers.arguments(operation="search", query="a", categories=[wrong])


@pytest.mark.parametrize(("order", "first"), [("date", QLORA.title), ("citations", LORA.title)])
def test_what_was_found_can_be_put_in_order(ask, order: str, first: str) -> None:
    assert titles(ask("search", query="lora", sort=order))[0] == first


def test_a_search_goes_on_where_it_stopped_without_asking_again(ask, server: PapersServer) -> None:
    first = ask("search", query="lora", limit=1)
    assert (first["found"], first["next_offset"]) == (2, 1)
    asked = len(server.asked)
    second = ask("search", query="lora", limit=1, offset=first["next_offset"])
    assert len(server.asked) == asked
    assert "next_offset" not in second
    assert {*titles(first), *titles(second)} == {LORA.title, QLORA.title}


def test_behind_the_end_it_is_said_how_far_a_search_goes(ask) -> None:
    assert ask("search", query="lora", offset=40) == {
        "found": 2,
        "items": [],
        "note": "A search looks at the best 50 of each index. Narrower words show others.",
    }


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("4-bit quantization of LLMs", 'all:"4 bit" AND all:quantization AND all:llms'),
        ('"Erd\\H{o}s" OR (cat:cs.LG)', 'all:erdos AND all:"cat cs lg"'),
        ("the of", "all:the AND all:of"),
        ('$\\alpha$-VAE "unclosed', 'all:"alpha vae" AND all:unclosed'),
        ("注意力 机制", "all:注意力 AND all:机制"),
        (
            " ".join(f"w{number}" for number in range(40)),
            " AND ".join(f"all:w{number}" for number in range(12)),
        ),
    ],
)
def test_nothing_in_the_words_is_an_operator_of_arxiv(
    ask, server: PapersServer, words: str, expected: str
) -> None:
    ask("search", query=words)
    assert query(server.paths("/api/query")[0])["search_query"] == expected


def test_nothing_found_is_an_answer(ask) -> None:
    assert ask("search", query="zzzz") == {"found": 0, "items": []}


# trending


def test_trending_is_what_the_hub_says(ask, server: PapersServer) -> None:
    found = ask("trending")
    assert titles(found) == [QLORA.title, LORA.title]
    assert query(server.paths("/api/daily_papers")[0]) == {"sort": "trending", "limit": "100"}
    assert found["items"][0]["upvotes"] == 53
    assert [each["id"] for each in found["items"]] == ["arXiv:2305.14314", "arXiv:2106.09685"]
    assert found["items"][0]["url"] == "https://arxiv.org/abs/2305.14314"


@pytest.mark.parametrize(
    ("when", "name"), [("2026-11-25", "date"), ("2026-W47", "week"), ("2026-11", "month")]
)
def test_of_a_day_week_or_month_the_most_voted_comes_first(
    ask, server: PapersServer, when: str, name: str
) -> None:
    assert titles(ask("trending", when=when)) == [LORA.title, QLORA.title]
    assert query(server.paths("/api/daily_papers")[0])[name] == when


def test_trending_papers_can_be_filtered_and_say_so(ask) -> None:
    found = ask("trending", query="quantized")
    assert titles(found) == [QLORA.title]
    assert found["note"] == "Of 2 trending papers, those with all the words."


# details


@pytest.mark.parametrize(
    "name",
    [
        "2305.14314",
        "https://huggingface.co/papers/2305.14314",
        "10.48550/arXiv.2305.14314",
        QLORA.sha,
        "CorpusId:258841328",
        QLORA.title,
        "{QLoRA}: efficient finetuning of quantized {LLM}s",
    ],
)
def test_details_are_the_same_however_the_paper_is_named(ask, name: str) -> None:
    found = ask("details", paper=name)
    assert (found["id"], found["version"]) == ("arXiv:2305.14314", 1)
    assert found["known_to"].split(", ") == ["arXiv", "Hugging Face", "Semantic Scholar"]
    assert found["code"] == QLORA.code
    assert (found["citations"], found["references"]) == (4000, 60)
    assert (found["licence_of_pdf"], found["categories"]) == ("CCBY", "cs.LG")
    assert found["abstract"] == QLORA.abstract


def test_an_old_style_id_and_latex_in_a_title(ask) -> None:
    found = ask("details", paper="hep-th/9806194v2")
    assert (found["title"], found["version"]) == ("String Theory on AdS_3", 2)
    assert found["url"] == "https://arxiv.org/abs/hep-th/9806194v2"
    assert found["doi"] == STRINGS.doi
    assert "only arXiv knows versions" in found["note"]
    assert "The Hub has no page of arXiv:hep-th/9806194v2." in found["note"]


def test_a_doi_leads_to_what_arxiv_has(ask) -> None:
    found = ask("details", paper="https://doi.org/10.1145/2939672.2939785")
    assert (found["id"], found["doi"]) == ("arXiv:1603.02754", XGBOOST.doi)
    only = ask("details", paper=f"doi:{FORESTS.doi}")
    assert (only["id"], only["url"]) == (
        f"doi:{FORESTS.doi}",
        f"https://doi.org/{FORESTS.doi}",
    )
    assert only["known_to"] == "Semantic Scholar"


def test_a_withdrawn_paper_says_so_everywhere(ask) -> None:
    details = ask("details", paper="0812.3775")
    assert details["withdrawn"].startswith("This paper has been withdrawn by the author")
    assert "was withdrawn" in details["note"]
    (listed,) = ask("search", query="polynomial")["items"]
    assert listed["withdrawn"]


def test_a_version_that_is_not_there_is_not_replaced(call) -> None:
    outcome = call("details", paper="2305.14314v9")
    assert not outcome.ok
    assert "arXiv has no arXiv:2305.14314v9" in outcome.output


def test_an_unknown_paper_is_unknown(call) -> None:
    outcome = call("details", paper="2305.99999")
    assert not outcome.ok
    for said in ("arXiv has no", "The Hub has no page of", "Semantic Scholar does not know"):
        assert said in outcome.output


def test_a_title_that_is_only_near_is_told_and_not_taken(call) -> None:
    outcome = call("details", paper="QLoRA")
    assert not outcome.ok
    error = json.loads(outcome.output)["error"]
    assert error.startswith("No paper is exactly called “QLoRA”.")
    assert f"“{QLORA.title}” (arXiv:2305.14314)" in error
    assert outcome.sources, "the titles are text from outside"


def test_a_title_of_two_papers_names_neither(call, server: PapersServer) -> None:
    server.known = [QLORA, replace(LORA, title=QLORA.title)]
    outcome = call("details", paper=QLORA.title)
    error = json.loads(outcome.output)["error"]
    assert error.startswith(f"More than one paper is called “{QLORA.title}”.")
    assert "(arXiv:2305.14314)" in error
    assert "(arXiv:2106.09685)" in error


# citations and references


def link(paper: dict, **more) -> dict:
    return {"isInfluential": False, "contexts": [], "intents": [], "paper": paper, **more}


@pytest.mark.parametrize("operation", ["citations", "references"])
def test_links_show_contexts_intents_and_influence(
    ask, server: PapersServer, operation: str
) -> None:
    server.links = [
        link(record(FORESTS)),
        link(
            record(LORA),
            isInfluential=True,
            contexts=["We build on it.", "x " * 400, "third"],
            intents=["methodology"],
        ),
        {"isInfluential": False, "contexts": None, "intents": None, "paper": {"paperId": None}},
    ]
    found = ask(operation, paper="2305.14314v1")
    assert found[operation] == "arXiv:2305.14314v1"
    assert titles(found) == [LORA.title, FORESTS.title], "the influential one comes first"
    first = found["items"][0]
    assert (first["influential"], first["intents"]) == (True, "methodology")
    assert first["contexts"][0] == "We build on it."
    assert first["contexts"][1].endswith("x …")
    assert (len(first["contexts"][1]) <= 242, first["more_contexts"]) == (True, 1)
    assert found["note"] == "1 of Semantic Scholar's entries could not be read."
    asked = query(server.paths(f"/graph/v1/paper/ARXIV:2305.14314/{operation}")[0])
    assert asked["fields"].startswith("contexts,intents,isInfluential,title")


def test_a_long_list_goes_on_block_by_block(ask, server: PapersServer) -> None:
    server.links = [
        link({**record(LORA), "title": f"Paper {number}", "citationCount": number})
        for number in range(510)
    ]
    first = ask("citations", paper="2305.14314", limit=30)
    assert titles(first)[:2] == ["Paper 499", "Paper 498"]
    assert (first["found"], first["next_offset"]) == (500, 30)
    assert "among the entries 1 to 500" in first["note"]
    last = ask("citations", paper="2305.14314", limit=30, offset=480)
    assert (len(last["items"]), last["next_offset"]) == (20, 500)
    beyond = ask("citations", paper="2305.14314", limit=30, offset=500)
    assert (len(beyond["items"]), "next_offset" in beyond) == (10, False)
    assert "among the entries 501 to 510" in beyond["note"]
    assert len(server.paths("/graph/v1/paper/ARXIV:2305.14314/citations")) == 2


def test_citations_can_be_of_some_years_and_in_order(ask, server: PapersServer) -> None:
    server.links = [
        link(record(LORA)),
        link(record(FORESTS)),
        link(record(XGBOOST), isInfluential=True),
    ]
    found = ask("citations", paper="2305.14314", when="2010-", sort="date")
    assert titles(found) == [LORA.title, XGBOOST.title]
    found = ask("citations", paper="2305.14314", sort="citations")
    assert titles(found) == [FORESTS.title, XGBOOST.title, LORA.title]
    found = ask("citations", paper="2305.14314")
    assert titles(found) == [XGBOOST.title, FORESTS.title, LORA.title]


# snippets, recommend, links

SNIPPET = {
    "score": 0.56,
    "paper": {
        "corpusId": "258841328",
        "title": QLORA.title,
        "authors": ["Tim Dettmers", "Artidoro Pagnoni"],
        "openAccessInfo": {"license": "CCBY", "status": "GREEN", "disclaimer": "Notice"},
    },
    "snippet": {
        "text": "NF4 yields better results than FP4. " * 40,
        "snippetKind": "body",
        "section": "Experiments",
        "snippetOffset": {"start": 24506, "end": 25694},
        "annotations": {"sentences": [{"start": 0, "end": 18}], "refMentions": None},
    },
}


def test_snippets_are_of_all_papers_or_of_one(ask, server: PapersServer) -> None:
    server.snippets = [SNIPPET] * 6
    found = ask("snippets", query="NF4 or FP4?", paper="2305.14314", when="2023")
    assert (found["found"], found["next_offset"]) == (6, 4)
    one = found["items"][0]
    assert (one["where"], one["licence"]) == ("Experiments", "CCBY")
    assert one["url"] == "https://api.semanticscholar.org/CorpusID:258841328"
    assert len(one["text"]) <= 902
    asked = query(server.paths("/graph/v1/snippet/search")[0])
    assert (asked["query"], asked["paperIds"]) == ("NF4 or FP4?", "ARXIV:2305.14314")
    ask("snippets", query="NF4")
    assert "paperIds" not in query(server.paths("/graph/v1/snippet/search")[1])


def test_like_a_paper_are_others(ask, server: PapersServer) -> None:
    found = ask("recommend", paper=QLORA.title, sort="citations")
    assert found["like"] == "arXiv:2305.14314"
    assert titles(found) == [FORESTS.title, XGBOOST.title, LORA.title, STRINGS.title]
    assert titles(ask("recommend", paper=QLORA.title, when="2010-2020")) == [XGBOOST.title]
    (path,) = server.paths("/recommendations")
    assert query(path)["from"] == "all-cs"


def test_links_are_code_models_datasets_and_spaces(ask, server: PapersServer) -> None:
    server.repositories = {
        "models": [
            {
                "_id": "1",
                "id": "timdettmers/guanaco-7b",
                "downloads": 7,
                "likes": 3,
                "private": False,
                "gated": "auto",
                "pipeline_tag": "text-generation",
                "tags": ["arxiv:2305.14314", "license:apache-2.0", "region:us"],
            }
        ],
        "datasets": [
            {
                "id": "timdettmers/openassistant-guanaco",
                "downloads": 9,
                "gated": False,
                "tags": ["task_categories:text-generation", "arxiv:2305.14314"],
            },
            {"downloads": 1},
        ],
        "spaces": [{"id": "uwnlp/guanaco-playground-tgi", "likes": 5, "sdk": "gradio", "tags": []}],
    }
    found = ask("links", paper="https://arxiv.org/pdf/2305.14314v1.pdf")
    assert found["code"] == [
        {"url": QLORA.code, "said_by": "its comment on arXiv"},
    ]
    assert found["models"] == [
        {
            "id": "timdettmers/guanaco-7b",
            "url": f"{server.url}/timdettmers/guanaco-7b",
            "downloads": 7,
            "likes": 3,
            "task": "text-generation",
            "licence": "apache-2.0",
            "gated": True,
        }
    ]
    assert found["datasets"][0]["task"] == "text-generation"
    assert found["datasets"][0]["url"].endswith("/datasets/timdettmers/openassistant-guanaco")
    assert found["spaces"][0]["url"].endswith("/spaces/uwnlp/guanaco-playground-tgi")
    assert found["note"] == "1 of the Hub's datasets's entries could not be read."
    assert {query(path)["filter"] for path in server.paths("/api/models")} == {"arxiv:2305.14314"}


def test_links_say_when_there_may_be_more(ask, server: PapersServer) -> None:
    server.repositories = {"models": [{"id": f"a/b{number}"} for number in range(9)]}
    assert "higher `limit`" in ask("links", paper="2305.14314")["more"]
    assert "more" not in ask("links", paper="2305.14314", limit=10)


def test_a_paper_that_is_not_on_arxiv_has_no_links(call) -> None:
    outcome = call("links", paper=FORESTS.doi)
    assert not outcome.ok
    assert "is not on arXiv" in outcome.output


# What the model is shown


def test_the_output_is_marked_as_data_and_its_sources_are_facts(
    ctx: ToolContext, server: PapersServer
) -> None:
    router = ToolRouter([Papers()])
    call = router.prepare("papers", {"operation": "search", "query": "qlora"})
    assert isinstance(call, Prepared)
    outcome = router.run(call, ctx, threading.Event())
    assert outcome.output.startswith("[OUTSIDE TEXT from http://127.0.0.1")
    (fact,) = outcome.facts
    assert fact.kind == "read_outside"
    assert {urlsplit(each).path for each in fact.data["sources"]} == {
        "/api/query",
        "/graph/v1/paper/search",
        "/api/papers/search",
    }


@pytest.mark.parametrize(
    "given",
    [
        {"operation": "search"},
        {"operation": "search", "query": "?!"},
        {"operation": "search", "query": "a", "when": "next year"},
        {"operation": "search", "query": "arXiv:2305.14314"},
        {"operation": "search", "query": "10.1145/2939672.2939785"},
        {"operation": "snippets"},
        {"operation": "snippets", "query": "a", "offset": 39},
        {"operation": "search", "query": "a", "paper": "2305.14314"},
        {"operation": "citations", "paper": "2305.14314", "query": "a"},
        {"operation": "details", "paper": "2305.14314", "when": "2023"},
        {"operation": "trending", "author": "Hinton"},
        {"operation": "recommend", "paper": "2305.14314", "when": "soon"},
        {"operation": "trending", "when": "2026-13"},
        {"operation": "trending", "when": "2026-W60"},
        {"operation": "details"},
        {"operation": "details", "paper": "2305.1431"},
        {"operation": "citations", "paper": "2305.14314", "offset": 9_999},
        {"operation": "recommend", "paper": "https://example.org/"},
    ],
)
def test_a_question_that_cannot_be_asked_says_what_to_change(
    call, server: PapersServer, given: dict
) -> None:
    outcome = call(**given)
    assert (outcome.ok, server.asked) == (False, [])
    assert json.loads(outcome.output)["error"].endswith(".")
