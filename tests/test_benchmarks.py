"""The benchmarks still run; what they measure is no concern of a test."""

from benchmarks.traces import long_session, turn_ms
from benchmarks.turns import cpu_per_turn


def test_the_cost_of_a_turn_can_be_measured(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    own_ms, commit_ms = cpu_per_turn(1)
    assert own_ms > 0
    assert commit_ms > 0


def test_the_cost_of_traces_can_be_measured(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert all(figure > 0 for figure in turn_ms(5, rounds=1))
    seconds, size_bytes, early, late = long_session(200)
    assert min(seconds, size_bytes, early) > 0
    assert late < 1.5 * early, "an append grows with the file"
