"""How much of the service its clients may take."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Sizes, times and numbers beyond which a client is refused."""

    body_bytes: int = 1_048_576
    """Nothing beyond it is read."""
    body_s: float = 30.0
    """Until the whole body is there."""
    request_s: float = 10.0
    """Until a client has said what it wants, once it is connected or has begun to."""
    idle_s: int = 30
    """For which an answered connection is kept for the next request."""
    connections: int = 256
    streams: int = 100
    keep_alive_s: float = 15.0
    """A silent stream says so often that it is alive, and finds out whether its client is."""
