"""What is worth a word before the work begins."""

from pathlib import Path

import pytest

from ml_intern.clock import SystemClock
from ml_intern.daemon.cautions import cautions, idle_fallbacks, left_behind, old_sqlite
from ml_intern.queue.store import Store
from ml_intern.settings import Settings
from tests.queue.given import claimed, ended, new_session

SERVER = "postgresql://ada:secret@127.0.0.1/none"


def settings(tmp_path: Path, database: str | None = None) -> Settings:
    return Settings(state_dir=tmp_path, database=database)


@pytest.mark.parametrize(
    ("version", "is_told"),
    [
        ((3, 40, 1), True),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 52, 0), True),
        ((3, 53, 0), False),
        ((4, 0, 0), False),
    ],
)
def test_an_old_sqlite_is_told_where_a_file_is_used(
    tmp_path: Path, version: tuple[int, ...], is_told: bool
) -> None:
    found = old_sqlite(settings(tmp_path), version)
    assert (found is not None) is is_told
    if found is not None:
        assert found.found.startswith(f"SQLite {'.'.join(map(str, version))} ")
    assert old_sqlite(settings(tmp_path, SERVER), version) is None


def test_sessions_that_are_left_in_the_file_are_told_where_a_server_is_used(
    tmp_path: Path,
) -> None:
    store = Store.open(tmp_path / "ml-intern.db", SystemClock())
    new_session(store)
    found = left_behind(settings(tmp_path, SERVER))
    assert found is not None
    assert found.found.startswith(f"{tmp_path}/ml-intern.db holds 1 unfinished session,")
    assert f"ml-intern db copy {tmp_path}/ml-intern.db" in found.next_step
    assert "secret" not in found.found + found.next_step
    assert left_behind(settings(tmp_path)) is None

    store.finish(claimed(store), ended())
    assert left_behind(settings(tmp_path, SERVER)) is None
    store.close()


@pytest.mark.parametrize("content", [None, b"", b"no database" * 1000])
def test_a_file_that_says_nothing_is_no_caution(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "ml-intern.db").write_bytes(content)
    assert cautions(settings(tmp_path, SERVER)) == []


def test_a_fallback_that_lacks_its_key_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    given = Settings(
        state_dir=tmp_path, database=SERVER, model="vllm/a", fallback_models=("vllm/b", "gpt-5.5")
    )
    (found,) = cautions(given)
    assert found.found.startswith("the fallback gpt-5.5 is passed over: ")
    assert "OPENAI_API_KEY" in found.found


def test_fallbacks_beside_a_model_that_has_none_are_told() -> None:
    assert idle_fallbacks(Settings(model="autopilot")) is None
    assert idle_fallbacks(Settings(model="vllm/a", fallback_models=("vllm/b",))) is None
    found = idle_fallbacks(Settings(model="autopilot", fallback_models=("vllm/b",)))
    assert found is not None
    assert "in place of autopilot" in found.found
