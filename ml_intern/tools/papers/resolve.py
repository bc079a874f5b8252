"""From what names a paper to an id that an index knows: a title is looked up, a DOI's arXiv id too.

Nothing like it is taken for what was named: where no title is the same, the nearest are told.
"""

import threading

from ml_intern.errors import InputError
from ml_intern.tools.papers import arxiv, hf_papers, semantic_scholar
from ml_intern.tools.papers.answer import Reading
from ml_intern.tools.papers.found import Found
from ml_intern.tools.papers.gather import Question, ask_all
from ml_intern.tools.papers.identify import PaperId
from ml_intern.tools.papers.merge import merged
from ml_intern.tools.papers.paper import Paper
from ml_intern.tools.papers.semantic_scholar import SemanticScholar
from ml_intern.tools.papers.titles import title_key
from ml_intern.tools.untrusted import cleaned
from ml_intern.web import Web

NEAREST = 3


def resolved(web: Web, paper: PaperId, reading: Reading, cancelled: threading.Event) -> PaperId:
    """An id for it; what was read on the way goes into `reading`.

    Raises InputError where no paper, or more than one, has the title; OutsideError where no index
    answers.
    """
    if not paper.title:
        return paper
    questions: dict[str, Question[Found]] = {
        arxiv.NAME: lambda stop: arxiv.by_title(web, paper.title, stop),
        semantic_scholar.NAME: lambda stop: SemanticScholar(web, stop).by_title(paper.title),
        hf_papers.NAME: lambda stop: hf_papers.search(web, paper.title, limit=10, cancelled=stop),
    }
    answers = ask_all(questions, cancelled)
    silent = {name: exc for name, exc in answers.missing.items() if exc.trouble != "missing"}
    if silent and not answers.given:
        raise next(iter(silent.values()))
    for name, found in answers.given.items():
        reading.took(name, found.page)
    reading.lacks(silent)
    papers = merged(found.papers for found in answers.given.values())
    return _titled(paper.title, papers)


def on_arxiv(web: Web, paper: PaperId, reading: Reading, cancelled: threading.Event) -> PaperId:
    """Its arXiv id, with the version where one was named. Raises as `resolved` does, and InputError
    where it has none.
    """
    found = resolved(web, paper, reading, cancelled)
    if found.arxiv:
        return found
    answer = SemanticScholar(web, cancelled).by_id(found)
    reading.took(semantic_scholar.NAME, answer.page)
    if not answer.papers[0].arxiv:
        raise InputError(
            f"{found} is not on arXiv, as far as Semantic Scholar knows, and only papers of arXiv "
            "have pages there and on the Hub."
        )
    return PaperId(arxiv=answer.papers[0].arxiv)


def _titled(title: str, papers: list[Paper]) -> PaperId:
    key = title_key(title)
    same = [each for each in papers if title_key(each.title) == key and not each.id.title]
    if len(same) == 1:
        return same[0].id
    near = same or papers
    if not near:
        raise InputError(
            f"No index has a paper called “{title}”. Try `search` with its main words."
        )
    what = "More than one paper is" if same else "No paper is exactly"
    shown = "; ".join(f"“{cleaned(each.title).text}” ({each.id})" for each in near[:NEAREST])
    raise InputError(f"{what} called “{title}”. Name one by its id: {shown}.")
