"""The benchmarks still run; what they measure is no concern of a test."""

from benchmarks.turns import cpu_per_turn


def test_the_cost_of_a_turn_can_be_measured(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    own_ms, commit_ms = cpu_per_turn(1)
    assert own_ms > 0
    assert commit_ms > 0
