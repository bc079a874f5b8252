"""What Prometheus reads: how the service is, as its door tells it, and what was asked here."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ml_intern.api.stream import Streams
from ml_intern.client.door import Door, Health

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


@dataclass(frozen=True, kw_only=True)
class _Gauge:
    """One figure of the service's health, or several under one label."""

    name: str
    words: str
    label: str = ""
    read: Callable[[Health], float | Mapping[str, float]]

    def family(self, health: Health) -> GaugeMetricFamily:
        found = self.read(health)
        if not isinstance(found, Mapping):
            return GaugeMetricFamily(self.name, self.words, value=found)
        family = GaugeMetricFamily(self.name, self.words, labels=(self.label,))
        for value, figure in found.items():
            family.add_metric((value,), figure)
        return family


_GAUGES = (
    _Gauge(
        name="ml_intern_info",
        words="The version that runs.",
        label="version",
        read=lambda health: {health.version: 1},
    ),
    _Gauge(
        name="ml_intern_state",
        words="1 for the state that the service is in.",
        label="state",
        read=lambda health: {state: int(state == health.state) for state in _STATES},
    ),
    _Gauge(
        name="ml_intern_sessions",
        words="Sessions that are worked on, wait for a worker, or wait for something outside.",
        label="state",
        read=lambda health: {
            "running": health.running,
            "queued": health.queued,
            "waiting": health.waiting,
        },
    ),
    _Gauge(
        name="ml_intern_open_approvals",
        words="Calls that wait for a person.",
        read=lambda health: health.open_approvals,
    ),
    _Gauge(
        name="ml_intern_unknown_calls",
        words="Calls that may have taken effect or not, until a person says so "
        "(ml-intern resolve).",
        read=lambda health: health.unknown_calls,
    ),
    _Gauge(
        name="ml_intern_today_micro_usd",
        words="Money of this day (UTC), in millionths of a US dollar.",
        label="state",
        read=lambda health: {
            "spent": health.spent_today_micro_usd,
            "reserved": health.reserved_today_micro_usd,
        },
    ),
    _Gauge(
        name="ml_intern_sessions_without_room",
        words="Sessions that wait because a cap is reached (ml-intern extend).",
        read=lambda health: health.without_room,
    ),
    _Gauge(
        name="ml_intern_sessions_without_model",
        words="Sessions that wait because none of their models answers.",
        read=lambda health: health.without_model,
    ),
    _Gauge(
        name="ml_intern_messages",
        words="Messages to Slack that wait, and those of the last 7 days that it did not take.",
        label="state",
        read=lambda health: {
            "waiting": health.messages_waiting,
            "refused": health.messages_refused,
        },
    ),
    _Gauge(
        name="ml_intern_oldest_message_seconds",
        words="How long the first of the messages that wait has waited.",
        read=lambda health: health.oldest_message_s,
    ),
    _Gauge(
        name="ml_intern_trace_files",
        words="Session files with something to be sent to the Hub, and those that wait for a "
        "person.",
        label="state",
        read=lambda health: {"pending": health.traces_pending, "held": health.traces_held},
    ),
    _Gauge(
        name="ml_intern_traces_in_trouble",
        words="1 where nothing is sent to the Hub (ml-intern traces status).",
        read=lambda health: int(bool(health.traces_trouble)),
    ),
)


class _State(Collector):
    def __init__(self, door: Door, streams: Streams) -> None:
        self._door = door
        self._streams = streams

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """See `Collector`."""
        health = self._door.health()
        yield from (gauge.family(health) for gauge in _GAUGES)
        yield GaugeMetricFamily(
            "ml_intern_api_streams", "Clients that follow a session.", value=len(self._streams)
        )


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
