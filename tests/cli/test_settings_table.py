from pathlib import Path

from ml_intern.cli.settings_table import table
from ml_intern.settings import Settings

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "settings.md"


def test_the_document_is_the_table_of_the_class() -> None:
    """`make docs` writes it again."""
    assert DOCUMENT.read_text(encoding="utf-8") == table()


def test_every_setting_says_what_it_is_for() -> None:
    assert all(field.description for field in Settings.model_fields.values())
    assert all(f"| `{name}` |" in table() for name in Settings.model_fields)
