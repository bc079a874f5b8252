"""What the tool `papers` is given."""

import re
from typing import Literal

from pydantic import Field, field_validator

from ml_intern.tools.papers.identify import MOST_CHARS
from ml_intern.tools.protocol import Arguments

Operation = Literal[
    "search", "trending", "details", "citations", "references", "snippets", "recommend", "links"
]


_CATEGORY = re.compile(r"[a-z]+(?:-[a-z]+)?(?:\.[A-Za-z]{2,}(?:-[a-z]+)?)?", re.ASCII)


class PapersArguments(Arguments):
    """What to look for, or which paper it is about."""

    operation: Operation = Field(
        description="`search`: arXiv, Semantic Scholar and the Hub at once. `trending`: on the "
        "Hub. Of one `paper`: `details`; `citations` (who cites it) and `references` (whom it "
        "cites), with the citing sentences; `recommend`: papers like it; `links`: its code, "
        "models, datasets and Spaces. `snippets`: passages of full texts, of all papers or of one."
    )
    query: str = Field(
        "",
        max_length=300,
        description="Words for `search`, with phrases in quotes (may be empty with `author` or "
        "`categories`), and for `snippets`; a filter for `trending`.",
    )
    paper: str = Field(
        "",
        max_length=MOST_CHARS,
        description="arXiv id (2305.14314), DOI, address or title.",
    )
    when: str = Field(
        "",
        max_length=20,
        description="Years: `2023`, `2021-2023`, `2023-`; for `trending` `2026-11-25`, "
        "`2026-W47` or `2026-11`.",
    )
    author: str = Field(
        "",
        max_length=100,
        description="For `search`: of whom they are, `Tim Dettmers` or `Hinton`.",
    )
    categories: list[str] = Field(
        [],
        max_length=5,
        description="For `search`: of arXiv, any of them: `cs.CL`, `stat.ML`, `cs`.",
    )
    sort: Literal["relevance", "date", "citations"] = "relevance"
    limit: int | None = Field(None, ge=1, le=30, description="Of entries.")
    offset: int = Field(0, ge=0, le=10_000, description="`next_offset` of the answer before.")

    @field_validator("categories")
    @classmethod
    def _of_arxiv(cls, given: list[str]) -> list[str]:
        for each in given:
            if not _CATEGORY.fullmatch(each):
                raise ValueError(f"{each!r} is no category of arXiv; write cs.CL, stat.ML or cs")
        return given
