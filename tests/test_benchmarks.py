"""The benchmarks still run; what they measure is no concern of a test."""

from xml.etree import ElementTree

from benchmarks.chart import Curve, chart
from benchmarks.context import compactions, own_ms, taking_up_ms
from benchmarks.papers import search_ms
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


def test_the_cost_of_long_turns_and_of_compactions_can_be_measured(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert min(own_ms(5), taking_up_ms(5)) > 0
    found = compactions(30, window=40_000)
    assert found
    assert all(tokens > 0 and ms > 0 for tokens, ms in found)


def test_the_cost_of_a_search_for_papers_can_be_measured():
    assert all(figure > 0 for figure in search_ms(searches=1))


def test_a_chart_shows_every_point_and_its_names():
    picture = ElementTree.fromstring(chart("T", "calls", "ms", [Curve("a < b", [(1, 2), (3, 4)])]))
    words = [each.text for each in picture.iter() if each.text]
    assert {"T", "calls", "ms", "a < b", "2.0", "4.0"} <= set(words)
