"""The services outside, as the settings have them, and the one client that asks them."""

from collections.abc import Callable, Iterator, Mapping

from pydantic import SecretStr

from ml_intern import __version__
from ml_intern.clock import Clock
from ml_intern.credentials import secret
from ml_intern.daemon.hub_access import endpoint_of, is_offline, token_of
from ml_intern.settings import Settings
from ml_intern.web import Cache, Service, Web

HOUR_S, DAY_S = 3600.0, 86_400.0
ARXIV_INTERVAL_S = 3.0
"""Its terms: one request in three seconds."""
Secrets = Callable[[], Mapping[str, str]]


def web_of(settings: Settings, clock: Clock) -> Web:
    """One for all sessions of a process."""
    contact = f"; {settings.web_contact}" if settings.web_contact else ""
    return Web(
        services(settings),
        Cache(settings.state_dir / "outside"),
        clock,
        user_agent=f"ml-intern/{__version__} (research assistant{contact})",
        is_offline=is_offline,
    )


def services(settings: Settings) -> Iterator[Service]:
    """By the names that tools know them by."""
    hub = _hub(settings)
    yield Service(
        name="hub",
        title="The Hub",
        base_url=endpoint_of(settings),
        interval_s=0.1,
        fresh_s=HOUR_S,
        secrets=hub,
        without_secrets="There is no token of the Hub (HF_TOKEN).",
    )
    yield Service(
        name="datasets_server",
        title="The dataset viewer of the Hub",
        base_url=settings.datasets_server_url,
        interval_s=0.1,
        fresh_s=HOUR_S,
        secrets=hub,
        without_secrets="There is no token of the Hub (HF_TOKEN).",
    )
    yield Service(
        name="arxiv",
        title="arXiv",
        base_url=settings.arxiv_url,
        interval_s=ARXIV_INTERVAL_S,
        fresh_s=DAY_S,
    )
    yield Service(
        name="arxiv_site",
        title="arXiv",
        base_url=settings.arxiv_site_url,
        interval_s=ARXIV_INTERVAL_S,
        fresh_s=30 * DAY_S,
    )
    yield Service(
        name="ar5iv",
        title="ar5iv",
        base_url=settings.ar5iv_url,
        interval_s=1.0,
        fresh_s=30 * DAY_S,
    )
    yield Service(
        name="semantic_scholar",
        title="Semantic Scholar",
        base_url=settings.semantic_scholar_url,
        interval_s=1.0,
        fresh_s=DAY_S,
        secrets=_headed("x-api-key", "", settings.semantic_scholar_api_key, "S2_API_KEY"),
        without_secrets="There is no key of Semantic Scholar (S2_API_KEY); all who have none share "
        "one limit.",
    )
    yield Service(
        name="github",
        title="GitHub",
        base_url=settings.github_url,
        interval_s=0.2,
        fresh_s=HOUR_S,
        secrets=_headed("Authorization", "Bearer ", settings.github_token, "GITHUB_TOKEN"),
        without_secrets="Without a token (GITHUB_TOKEN) GitHub answers 60 requests an hour.",
    )


def _hub(settings: Settings) -> Secrets:
    def headers() -> Mapping[str, str]:
        token = token_of(settings)
        return {"Authorization": f"Bearer {token}"} if token else {}

    return headers


def _headed(header: str, before: str, given: SecretStr | None, variable: str) -> Secrets:
    """Looked up for each request, as a key may come while the daemon runs."""

    def headers() -> Mapping[str, str]:
        found = given.get_secret_value() if given is not None else secret(variable)
        return {header: f"{before}{found}"} if found else {}

    return headers
