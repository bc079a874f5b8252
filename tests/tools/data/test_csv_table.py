"""How CSV and TSV files are read."""

import threading
from pathlib import Path

import pytest

from ml_intern.errors import InputError
from ml_intern.tools.data.csv_table import MAX_CELL_CHARACTERS, CsvTable
from ml_intern.tools.data.text_file import examine


def table(path: Path, content: str, encoding: str = "utf-8") -> CsvTable:
    path.write_bytes(content.encode(encoding))
    return CsvTable(examine(path, threading.Event()))


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    lines = [("text", "label"), ("Good, really; good", "1"), ("Bad | so bad", "0")]
    content = "\n".join(delimiter.join(f'"{cell}"' for cell in line) for line in lines)
    read = table(tmp_path / "a.csv", content)
    assert read.delimiter == delimiter
    assert next(read.rows()).cells == {"text": "Good, really; good", "label": "1"}


def test_commas_in_a_semicolon_file_do_not_mislead(tmp_path: Path) -> None:
    read = table(tmp_path / "a.csv", "text;label\nyes, no, maybe;1\nno, never;0\n")
    assert read.delimiter == ";"
    assert [row.cells["text"] for row in read.rows()] == ["yes, no, maybe", "no, never"]


def test_a_single_column_has_no_delimiter(tmp_path: Path) -> None:
    read = table(tmp_path / "a.csv", "text\none, two\nthree\n")
    assert read.delimiter is None
    assert [row.cells for row in read.rows()] == [{"text": "one, two"}, {"text": "three"}]


def test_newlines_within_quotes_belong_to_the_cell(tmp_path: Path) -> None:
    read = table(tmp_path / "a.csv", 'text,label\r\n"one\r\ntwo ""three""",1\r\nfour,0\r\n')
    rows = list(read.rows())
    assert [row.cells["text"] for row in rows] == ['one\r\ntwo "three"', "four"]
    assert [row.line for row in rows] == [2, 4]


def test_a_byte_order_mark_is_not_part_of_the_first_name(tmp_path: Path) -> None:
    read = table(tmp_path / "a.csv", "text,label\na,1\n", encoding="utf-8-sig")
    assert read.columns == ("text", "label")
    assert read.encoding == "utf-8-sig"


def test_quotes_in_a_file_that_does_not_quote_are_characters(tmp_path: Path) -> None:
    lines = [f'{n}\t"half open {n}\tpos' for n in range(20)]
    read = table(tmp_path / "a.tsv", "\n".join(["id\ttext\tlabel", *lines]))
    rows = list(read.rows())
    assert len(rows) == 20
    assert rows[0].cells["text"] == '"half open 0'


def test_ragged_rows_are_marked_with_their_line(tmp_path: Path) -> None:
    read = table(tmp_path / "a.csv", "a,b,c\n1,2,3\n1,2\n1,2,3,4\n\n1,2,3,,\n4,5,6\n")
    faults = [(row.line, row.fault) for row in read.rows() if row.fault]
    assert faults == [(3, "2 cells instead of 3"), (4, "4 cells instead of 3")]
    assert len(list(read.rows())) == 5


def test_a_quote_that_is_never_closed_is_named_with_its_line(tmp_path: Path) -> None:
    good = "".join(f'"text, {n}",1\n' for n in range(5))
    read = table(tmp_path / "a.csv", f'text,label\n{good}"open,1\nmore,0\nmore,0\n')
    *sound, last = read.rows()
    assert len(sound) == 5
    assert not any(row.fault for row in sound)
    assert (last.line, last.fault) == (7, "it opens a quote that is never closed")


def test_a_stray_quote_where_nothing_is_quoted_costs_no_row(tmp_path: Path) -> None:
    good = "".join(f"text {n},1\n" for n in range(5))
    read = table(tmp_path / "a.csv", f'text,label\n{good}"open,1\nmore,0\nmore,0\n')
    assert [row.cells["text"] for row in read.rows()][5:] == ['"open', "more", "more"]


def test_a_cell_of_ten_megabytes_is_read(tmp_path: Path) -> None:
    read = table(tmp_path / "a.csv", f"text,label\n{'long ' * 2_000_000},1\nshort,0\n")
    assert [len(row.cells["text"]) for row in read.rows()] == [10_000_000, 5]


def test_a_line_beyond_all_measure_is_an_error_not_a_memory_hog(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"text,label\n" + b"x" * (MAX_CELL_CHARACTERS + 10))
    with pytest.raises(InputError, match=r"Line 2 .* is longer than"):
        list(CsvTable(examine(path, threading.Event())).rows())


def test_a_file_without_header_gets_numbered_columns_and_a_note(tmp_path: Path) -> None:
    lines = [f"{n % 3},title {n},body of {n}" for n in range(12)]
    read = table(tmp_path / "a.csv", "\n".join(lines))
    assert read.columns == ("column 1", "column 2", "column 3")
    assert len(list(read.rows())) == 12
    assert "looks like data" in read.notes[0]


def test_columns_that_are_merely_counted_are_names(tmp_path: Path) -> None:
    read = table(tmp_path / "a.csv", "0,1\nsome text,5\nother text,7\n")
    assert read.columns == ("0", "1")
    assert len(list(read.rows())) == 2


def test_nameless_and_repeated_columns_get_names_of_their_own(tmp_path: Path) -> None:
    read = table(tmp_path / "a.csv", ",text,text,text.1\n0,a,b,c\n1,d,e,f\n")
    assert read.columns == ("Unnamed: 0", "text", "text.1", "text.1.1")
    assert "share a name" in read.notes[0]
