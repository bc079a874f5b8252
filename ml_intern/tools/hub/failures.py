"""Why the Hub does not give what was asked for: for each reason its own sentence, and what to do.

The Hub says the reason in `X-Error-Code`; for a repository that a token may not see it says the
same as for one that is not there.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from ml_intern.errors import OutsideError
from ml_intern.tools.hub.names import Repo
from ml_intern.web import Web


@contextmanager
def explained(web: Web, repo: Repo, revision: str = "", path: str = "") -> Iterator[None]:
    """An OutsideError of the block as one that says what it means for what was asked for."""
    try:
        yield
    except OutsideError as exc:
        words = _words(web, repo, revision, path, exc)
        if words is None:
            raise
        raise OutsideError(
            words, trouble=exc.trouble, retry_after_s=exc.retry_after_s, code=exc.code
        ) from exc


def has_token(web: Web) -> bool:
    """Whether the Hub is asked in somebody's name."""
    return bool(web.service("hub").secrets())


def _words(web: Web, repo: Repo, revision: str, path: str, exc: OutsideError) -> str | None:
    match exc.code:
        case "GatedRepo":
            return _gated(web, repo)
        case "RepoNotFound":
            return _not_there(web, repo)
        case "RevisionNotFound":
            return (
                f"The {repo} has no revision {revision or 'main'}. hub_details lists its branches "
                "and tags with revisions=true."
            )
        case "EntryNotFound":
            return (
                f"The {repo} has no file {path} at {revision or 'main'}. hub_files with "
                "operation=list shows what is there."
            )
        case _ if exc.trouble == "forbidden" and has_token(web):
            return (
                f"The Hub does not accept the token for the {repo}. Tell the person to set "
                "HF_TOKEN to one that may read it."
            )
        case _ if exc.trouble == "missing":
            return _not_there(web, repo) if not path else f"The {repo} has no file {path}."
        case _:
            return None


def _gated(web: Web, repo: Repo) -> str:
    page = web.service("hub").base_url + repo.page
    if not has_token(web):
        return (
            f"The {repo} is gated, and there is no token of the Hub (HF_TOKEN). Its details can be "
            f"read, its files only by who has accepted its terms at {page}. Ask the person; take "
            "nothing else in its place without their yes."
        )
    return (
        f"The {repo} is gated, and the account of the token has not been let in. Ask the person to "
        f"accept its terms at {page} with that account; take nothing else in its place without "
        "their yes."
    )


def _not_there(web: Web, repo: Repo) -> str:
    if has_token(web):
        why = "or it is private and the token may not see it"
    else:
        why = "or it is private; there is no token of the Hub (HF_TOKEN) that could see it"
    return (
        f"There is no {repo} on the Hub, {why}. Look for its name with hub_search, or try another "
        "kind (model, dataset, space); take nothing else in its place without the person's yes."
    )
