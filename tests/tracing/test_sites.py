"""Two daemons of different sites on one PostgreSQL: each writes the traces of its own sessions."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ml_intern.clock import SystemClock
from ml_intern.messages import SessionId
from ml_intern.ops import UserInput
from ml_intern.queue.address import parse
from ml_intern.queue.postgres import PostgresDatabase
from ml_intern.queue.store import Store
from ml_intern.tracing.redaction import Redactor
from ml_intern.tracing.writer import TraceWriter
from tests.queue.given import HERE
from tests.tracing.fakes import answered, call, replied, said, session_id, started
from tests.tracing.rules import broken_rules

SITES = ("north", "south")


@contextmanager
def stores(url: str) -> Iterator[list[Store]]:
    """One of each site on the same database."""
    with closing(_store(url, "north")) as north, closing(_store(url, "south")) as south:
        yield [north, south]


def _store(url: str, site: str) -> Store:
    return Store(PostgresDatabase(parse(url)), SystemClock(), HERE, site)


def _work(store: Store, session: SessionId, text: str) -> None:
    store.create_session(session, started(), UserInput(text=text, author="ada"))
    claim = store.claim(5.0, only=session)
    assert claim is not None
    store.append(claim.lease, said(text), replied("", call("c1")), answered("c1", text))


def test_each_site_writes_its_own_sessions_and_hides_its_own_secrets(
    postgres_url: str, tmp_path: Path
) -> None:
    sessions = {site: session_id(site) for site in SITES}
    with stores(postgres_url) as both:
        of_site = dict(zip(SITES, both, strict=True))
        for site, store in of_site.items():
            _work(store, sessions[site], f"the key is {site}-secret-value")
        for site, store in of_site.items():
            own = Redactor({f"{site}_KEY": f"{site}-secret-value"})
            TraceWriter(store, tmp_path / site, redactor=own).close()
    for site in SITES:
        (path,) = (tmp_path / site).rglob("*.jsonl")
        assert path.stem == sessions[site]
        assert broken_rules(path) == []
        assert "secret-value" not in path.read_text()
