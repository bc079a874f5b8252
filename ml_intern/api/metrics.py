"""What Prometheus reads: how the service is, as its door tells it, and what was asked here."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ml_intern.api.stream import Streams
from ml_intern.client.door import Door

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_STATES = ("ready", "draining", "degraded")
_METHODS = ("GET", "HEAD", "POST")
_NO_PATH = "none"


class Metrics:
    """One registry of our own: two apps in one process do not meet in it. Safe from any thread."""

    def __init__(self, door: Door, streams: Streams) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._requests = Counter(
            "ml_intern_api_requests",
            "Requests that were answered.",
            ("method", "path", "status"),
            registry=self._registry,
        )
        self._registry.register(_State(door, streams))
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """The text format. Asks the door."""
        return generate_latest(self._registry)

    def count(self, method: str, path: str | None, status: int) -> None:
        """One request was answered; `path` is a template, so that there are few of them."""
        named = method if method in _METHODS else "other"
        self._requests.labels(named, path or _NO_PATH, str(status)).inc()


class _State(Collector):
    def __init__(self, door: Door, streams: Streams) -> None:
        self._door = door
        self._streams = streams

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """See `Collector`."""
        health = self._door.health()
        yield _labelled("ml_intern_info", "The version that runs.", "version", {health.version: 1})
        yield _labelled(
            "ml_intern_state",
            "1 for the state that the service is in.",
            "state",
            {state: int(state == health.state) for state in _STATES},
        )
        yield _labelled(
            "ml_intern_sessions",
            "Sessions that are worked on, wait for a worker, or wait for something outside.",
            "state",
            {"running": health.running, "queued": health.queued, "waiting": health.waiting},
        )
        yield GaugeMetricFamily(
            "ml_intern_open_approvals",
            "Calls that wait for a person.",
            value=health.open_approvals,
        )
        yield GaugeMetricFamily(
            "ml_intern_unknown_calls",
            "Calls that may have taken effect or not, until a person says so (ml-intern resolve).",
            value=health.unknown_calls,
        )
        yield _labelled(
            "ml_intern_today_micro_usd",
            "Money of this day (UTC), in millionths of a US dollar.",
            "state",
            {
                "spent": health.spent_today_micro_usd,
                "reserved": health.reserved_today_micro_usd,
            },
        )
        yield GaugeMetricFamily(
            "ml_intern_sessions_without_room",
            "Sessions that wait because a cap is reached (ml-intern extend).",
            value=health.without_room,
        )
        yield GaugeMetricFamily(
            "ml_intern_sessions_without_model",
            "Sessions that wait because none of their models answers.",
            value=health.without_model,
        )
        yield _labelled(
            "ml_intern_messages",
            "Messages to Slack that wait, and those of the last 7 days that it did not take.",
            "state",
            {"waiting": health.messages_waiting, "refused": health.messages_refused},
        )
        yield GaugeMetricFamily(
            "ml_intern_oldest_message_seconds",
            "How long the first of the messages that wait has waited.",
            value=health.oldest_message_s,
        )
        yield _labelled(
            "ml_intern_trace_files",
            "Session files with something to be sent to the Hub, and those that wait for a person.",
            "state",
            {"pending": health.traces_pending, "held": health.traces_held},
        )
        yield GaugeMetricFamily(
            "ml_intern_traces_in_trouble",
            "1 where nothing is sent to the Hub (ml-intern traces status).",
            value=int(bool(health.traces_trouble)),
        )
        yield GaugeMetricFamily(
            "ml_intern_api_streams", "Clients that follow a session.", value=len(self._streams)
        )


def _labelled(name: str, words: str, label: str, values: dict[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=(label,))
    for value, number in values.items():
        family.add_metric((value,), number)
    return family


class Counting:
    """Counts the requests of the app within, by what was answered."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._metrics.count(scope["method"], scope.get("template"), message["status"])
            await send(message)

        await self._app(scope, receive, send_counted)
