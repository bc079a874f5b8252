"""What Prometheus reads."""

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from ml_intern.queue.mail import Draft
from tests.queue.given import S, T, new_session
from tests.support.lost import lose_call
from tests.support.raw_http import RawConnection, request
from tests.support.serving import served
from tests.support.store_door import StoreDoor


def scraped(path: Path) -> dict[tuple[str, ...], float]:
    """Value by name and labels."""
    with RawConnection(path) as connection:
        connection.send(request("GET", "/metrics"))
        head, _, body = connection.rest().partition(b"\r\n\r\n")
    assert b"content-type: text/plain; version=0.0.4; charset=utf-8" in head
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def asked(path: Path, method: str, target: str) -> None:
    with RawConnection(path) as connection:
        connection.send(request(method, target))
        connection.rest()


def test_state_and_requests_are_counted_by_path_not_by_id(tmp_path: Path) -> None:
    door = StoreDoor(tmp_path)
    new_session(door.store, T)
    lose_call(door.store, "send")
    door.store.mail.put("slack", [Draft(lane="a", dedupe="a", body={})])
    new_session(door.store)
    with served(door, tmp_path / "s") as path, RawConnection(path) as follower:
        for _ in range(3):
            asked(path, "GET", f"/v1/sessions/{S}")
        asked(path, "GET", "/v1/sessions/zzz")
        asked(path, "GET", "/nowhere")
        asked(path, "BREW", "/v1")
        follower.send(request("GET", f"/v1/sessions/{S}/stream"))
        follower.until(b"event: journal")
        found = scraped(path)
    door.close()
    requests = "ml_intern_api_requests_total"
    assert found[requests, "GET", "/v1/sessions/{session_id}", "200"] == 3
    assert found[requests, "GET", "/v1/sessions/{session_id}", "404"] == 1
    assert found[requests, "GET", "none", "404"] == 1
    assert found[requests, "other", "/v1", "405"] == 1
    assert found["ml_intern_api_streams",] == 1
    assert found["ml_intern_sessions_without_model",] == 0
    assert found["ml_intern_info", "1.2.3"] == 1
    assert found["ml_intern_state", "ready"] == 1
    assert found["ml_intern_state", "draining"] == 0
    assert [found["ml_intern_sessions", state] for state in ("running", "queued", "waiting")] == [
        *(1, 2, 3)
    ]
    assert found["ml_intern_unknown_calls",] == 1
    assert found["ml_intern_messages", "waiting"] == 1
    assert found["ml_intern_messages", "refused"] == 0
    assert [found["ml_intern_trace_files", state] for state in ("pending", "held")] == [4, 2]
    assert found["ml_intern_traces_in_trouble",] == 1
    assert found["process_open_fds",] > 0
