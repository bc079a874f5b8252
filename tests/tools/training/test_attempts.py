from ml_intern.tools.training.attempts import differences
from tests.tools.training.test_write_recipe import SOURCE


def test_changed_arguments_are_named_with_both_values() -> None:
    after = SOURCE.replace("1e-3", "5e-4").replace('"grün"', '"blau"')
    assert differences(SOURCE.encode(), after.encode()) == (
        '`name`: "grün" → "blau"',
        "`rate`: 0.001 → 0.0005",
    )


def test_other_lines_are_counted() -> None:
    assert differences(SOURCE.encode(), (SOURCE + "print(1)\n").encode()) == (
        "1 other lines of the script",
    )


def test_equal_scripts_do_not_differ() -> None:
    assert differences(SOURCE.encode(), SOURCE.encode()) == ()
