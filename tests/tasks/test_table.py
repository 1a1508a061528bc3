"""Tables as people have them: encodings, delimiters, quotes, ragged rows, and the errors that name lines."""

from __future__ import annotations

import csv
import io
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.errors import MalmoiError
from malmoi.tasks.table import open_table, some_lines

REVIEWS = "번호,문장,감정\n1,정말 재미있어요,좋음\n2,시간이 아까웠다,나쁨\n"


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
def test_every_korean_encoding_gives_the_same_rows(tmp_path: Path, encoding: str) -> None:
    table = open_table(write(tmp_path / "a.csv", REVIEWS, encoding))
    assert table.columns == ("번호", "문장", "감정")
    assert list(table.rows()) == [
        (2, ["1", "정말 재미있어요", "좋음"]),
        (3, ["2", "시간이 아까웠다", "나쁨"]),
    ]


@pytest.mark.parametrize(
    ("name", "mark"),
    [("a.csv", ","), ("a.tsv", "\t"), ("a.txt", "\t"), ("a.csv", ";"), ("a.csv", "\t")],
)
def test_delimiter_by_name_or_by_what_cuts_the_header(tmp_path: Path, name: str, mark: str) -> None:
    table = open_table(write(tmp_path / name, REVIEWS.replace(",", mark)))
    assert (table.count, len(table.columns)) == (2, 3)


def test_bare_quotes_in_a_tsv_are_kept(tmp_path: Path) -> None:
    table = open_table(
        write(tmp_path / "a.tsv", '글\t라벨\n"최고"라고 했다\t1\n"""명작"""\t1\n"열린 따옴표\t0\n')
    )
    assert [fields[0] for _, fields in table.rows()] == ['"최고"라고 했다', '"""명작"""', '"열린 따옴표']


def test_quoted_tsv_from_a_spreadsheet(tmp_path: Path) -> None:
    table = open_table(write(tmp_path / "a.tsv", '글\t라벨\n"두 줄\n짜리 글"\t1\n한 줄\t0\n'))
    assert list(table.rows()) == [(2, ["두 줄\n짜리 글", "1"]), (4, ["한 줄", "0"])]


def test_short_rows_are_filled_and_empty_lines_are_no_rows(tmp_path: Path) -> None:
    table = open_table(write(tmp_path / "a.csv", "가,나,다\n1\n\n1,2,3,,\n,,\n"))
    assert list(table.rows()) == [(2, ["1", "", ""]), (4, ["1", "2", "3"]), (5, ["", "", ""])]
    assert table.count == 3


def test_line_separators_inside_a_text_do_not_cut_it(tmp_path: Path) -> None:
    table = open_table(write(tmp_path / "a.tsv", "글\t라벨\n앞\u2028뒤\x0c끝\t1\r\n"))
    assert list(table.rows()) == [(2, ["앞\u2028뒤\x0c끝", "1"])]


def error(path: Path) -> MalmoiError:
    with pytest.raises(MalmoiError) as caught:
        open_table(path)
    return caught.value


def test_a_missing_column_names_the_columns(tmp_path: Path) -> None:
    table = open_table(write(tmp_path / "a.csv", REVIEWS))
    with pytest.raises(MalmoiError) as caught:
        table.places(["감정", "문쟝"])
    assert str(caught.value) == (
        f"MM0603 {tmp_path / 'a.csv'}: there is no column '문쟝'. Did you mean '문장'?\n"
        "  the columns of this file are: 번호, 문장, 감정\n"
        "  → name one of them: --text 감정,문장"
        " (if the first line is a row, count the columns: --text '#1')"
    )


def test_a_torn_row_names_its_line(tmp_path: Path) -> None:
    found = error(write(tmp_path / "a.csv", "글,라벨\n좋다,1\n길고, 지루하다,0\n좋다,1\n무섭고, 슬프다,0\n"))
    assert (found.code, found.where) == ("MM0610", f"{tmp_path / 'a.csv'}:3")
    assert found.what == "some rows have more than 2 columns (lines 3, 5)."


@pytest.mark.parametrize(
    ("name", "data", "code", "says"),
    [
        ("a.csv", b"", "MM0604", "there is no row below the header."),
        ("a.csv", "글,라벨\n".encode(), "MM0604", "there is no row below the header."),
        ("a.xlsx", b"PK\x03\x04" + bytes(60), "MM0608", "zip, xlsx, docx or hwpx"),
        ("a.csv", bytes(range(256)) * 4, "MM0608", "cannot be read"),
        ("a.csv", '글,라벨\n"닫지 않은 따옴표,1\n좋다,1\n'.encode(), "MM0629", "is never closed"),
        ("a.csv", '글,라벨\n"정말" 좋다,1\n좋다,1\n'.encode(), "MM0629", "there is text after"),
    ],
)
def test_unreadable_files(tmp_path: Path, name: str, data: bytes, code: str, says: str) -> None:
    (tmp_path / name).write_bytes(data)
    found = error(tmp_path / name)
    assert found.code == code
    assert says in found.what


def test_a_pair_of_stray_quotes_takes_no_rows_in(tmp_path: Path) -> None:
    rows = [f"글 {n},{n % 2}" for n in range(300)]
    rows[9], rows[200] = '"따옴표로 시작한 글,1', '따옴표로 끝난 글",0'
    found = error(write(tmp_path / "a.csv", "\n".join(["글,라벨", *rows]) + "\n"))
    assert (found.code, found.where) == ("MM0629", f"{tmp_path / 'a.csv'}:11")
    rows[9], rows[200] = '"여러 줄\n첫째, 둘째\n셋째, 넷째",1', '"쉼표, 하나",0'
    table = open_table(write(tmp_path / "a.csv", "\n".join(["글,라벨", *rows]) + "\n"))
    assert table.count == 300 and list(table.rows())[9] == (11, ["여러 줄\n첫째, 둘째\n셋째, 넷째", "1"])


def test_what_mends_a_file_that_was_encoded_twice_works_as_printed(tmp_path: Path) -> None:
    texts = "글,라벨\n" + "".join(f"정말 재미있는 영화였어요 {n},{n % 2}\n" for n in range(40))
    path = write(tmp_path / "후기 모음.csv", texts.encode().decode("latin-1"))
    found = error(path)
    assert (found.code, found.where) == ("MM0645", str(path)) and "'글,라벨" in found.what
    command = found.do.partition(": ")[2].replace("python ", f"{shlex.quote(sys.executable)} ", 1)
    subprocess.run(command, shell=True, check=True, cwd=tmp_path)
    assert (tmp_path / "후기 모음-whole.csv").read_text("utf-8") == texts


def test_no_such_file(tmp_path: Path) -> None:
    assert error(tmp_path / "none.csv").code == "MM0608"


def test_a_line_without_end_is_refused(tmp_path: Path) -> None:
    found = error(write(tmp_path / "a.csv", "글,라벨\n" + "가" * 10_000_001))
    assert found.code == "MM0608"


# U+FFFD is what is left of bytes that nobody could read: a file of little else is refused.
cells = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t", exclude_characters="\ufffd"),
    max_size=8,
)


@given(rows=st.lists(st.tuples(cells, cells, st.just("끝")), min_size=1, max_size=6))
def test_what_csv_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]]
) -> None:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([("하나", "둘", "셋"), *rows])
    path = write(tmp_path_factory.mktemp("csv") / "a.csv", stream.getvalue())
    assert [tuple(fields) for _, fields in open_table(path).rows()] == rows


def test_some_lines() -> None:
    assert some_lines([3, 17]) == "3, 17"
    assert some_lines(list(range(1, 13))) == "1, 2, 3, 4, 5, … (12)"
