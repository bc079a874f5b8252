"""Which lines of a script are for programs."""

from ml_intern.tools.event_lines import last_event, parse_line


def test_lines_for_people_are_passed_over() -> None:
    assert [parse_line(line) for line in ("Epoch 1/3", "", "{", '{"step": 1}', "[1]", "{'a'}")] == [
        None
    ] * 6


def test_a_progress_bar_before_a_metric_line_does_not_hide_it() -> None:
    line = ' 50%|█████     | 1/2\r{"event": "log", "loss": 1.5}'
    assert parse_line(line) == {"event": "log", "loss": 1.5}


def test_the_last_line_of_a_kind_counts() -> None:
    text = '{"event": "smoke", "loss": 2}\nwords\n{"event": "smoke", "loss": 1}\n{"event": "log"}'
    assert last_event(text, "smoke") == {"event": "smoke", "loss": 1}
