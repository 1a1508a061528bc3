"""Tables in csv and tsv: what is a row, what is none, and that no text is cut or swallowed in silence."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.corpus import book
from malmoi.errors import MalmoiError
from malmoi.readers.delimited import tolerant
from malmoi.readers.delimited.tolerant import unquote
from tests.corpus.conftest import Build, rows


def skipped(text: str, kind: str, column: str | None = None) -> tuple[list[str], dict[str, Any]]:
    record: dict[str, Any] = {}
    return rows(text, kind, column, record=record), record


def test_csv_with_quotes_and_newlines() -> None:
    text = 'id,본문\n1,"쉼표, 그리고\n줄바꿈"\n2,"그가 ""네""라고 했다"\n'
    assert rows(text, "csv") == ["쉼표, 그리고\n줄바꿈", '그가 "네"라고 했다']


def test_csv_of_spreadsheets_with_semicolons() -> None:
    assert rows("번호;내용\n1;글 하나\n", "csv") == ["글 하나"]


def test_tsv_has_no_quoting() -> None:
    text = 'id\tdocument\tlabel\n1\t"안녕 하세요\t0\n2\t5" 화면이 좋다\t1\n'
    assert rows(text, "tsv") == ['"안녕 하세요', '5" 화면이 좋다']


def test_a_quoted_cell_of_several_lines_in_a_tsv() -> None:
    text = 'text\tlabel\n"첫 줄은 여기\n둘째 줄은\t여기"\t0\n그냥 글\t1\n'
    assert rows(text, "tsv") == ["첫 줄은 여기\n둘째 줄은\t여기", "그냥 글"]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('"""옛 """"명작""""이 최고다."""', '"옛 ""명작""이 최고다."'),  # as NSMC has it, quoted twice
        ('"그가 ""네""라고 했다"', '그가 "네"라고 했다'),
        ('"진짜"', '"진짜"'),
        ('"하나" 그리고 "둘"', '"하나" 그리고 "둘"'),
        ('"', '"'),
    ],
)
def test_cells_quoted_twice(cell: str, text: str) -> None:
    assert unquote(cell) == unquote(text)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('5" 화면이 좋다', '5" 화면이 좋다'),
        ('"진짜" 재미있다', '"진짜" 재미있다'),
        (' "쉼표, 있음"', "쉼표, 있음"),
        ('"겹", ,', None),
        ('"진짜, 정말" 재미있다', None),
    ],
)
def test_quotes_that_are_not_by_the_rules(cell: str, text: str | None) -> None:
    table = f"id,text,label\n1,{cell},0\n2,다음 줄,1\n"
    found, record = skipped(table, "csv")
    assert found == ([text] if text else []) + ["다음 줄"]
    assert [row[0] for row in record["bad_rows"]] == ([] if text else [2])


@given(st.lists(st.tuples(st.text('가나 ,\n";'), st.text("가,\n")), min_size=1))
def test_what_is_written_by_the_rules_is_read(table: list[tuple[str, str]]) -> None:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([("text", "more"), *table])
    expected = [text for text, _ in table]
    found, record = skipped(stream.getvalue(), "csv")
    assert (found, record["rows_skipped"]) == (expected, 0)


@pytest.mark.parametrize(("kind", "mark"), [("csv", ","), ("tsv", "\t"), ("csv", ";")])
def test_a_separator_outside_quotes_makes_a_bad_row(kind: str, mark: str) -> None:
    text = f"번호{mark}본문\n1{mark}앞 절반{mark} 뒤 절반도 글이다\n2{mark}온전한 글{mark}{mark} \n"
    with pytest.raises(MalmoiError, match="it has 3 cells, the first line 2") as caught:
        rows(text, kind)
    assert (caught.value.code, caught.value.where) == ("MM0108", f"a.{kind}:2")
    found, record = skipped(text, kind)
    assert found == ["온전한 글"]  # cells beyond the header's may be empty
    assert (record["rows_skipped"], record["lines_skipped"]) == (1, 1)


def test_a_table_of_one_column() -> None:
    found, record = skipped("본문\n쉼표가 든 글, 그 뒤도 글\n\n쉼표가 없는 글\n", "csv")
    assert found == ["쉼표가 없는 글"]
    assert [row[0] for row in record["bad_rows"]] == [2]


def table(count: int, broken: int, cell: str = '"따옴표로 시작하는 {n}번째 글', quote: str = "") -> str:
    lines = ["id,text,label"]
    for n in range(1, count + 1):
        text = cell.format(n=n) if n == broken else f"{quote}{n}번째로 적은 글{quote}"
        lines.append(f"{n},{text},{n % 2}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("count", [50, 12_000, 40_000])
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_quote_that_is_never_closed_costs_its_own_line(count: int, quote: str) -> None:
    text = table(count, 10, quote=quote)
    with pytest.raises(MalmoiError, match="never closed") as caught:
        rows(text, "csv")
    assert caught.value.where == "a.csv:11"
    found, record = skipped(text, "csv")
    assert len(found) == count - 1
    assert (record["rows_skipped"], record["lines_skipped"]) == (1, 1)
    assert [row[0] for row in record["bad_rows"]] == [11]


def test_a_quote_that_another_row_seems_to_close() -> None:
    text = table(60, 10).replace("40번째로 적은 글", '40번째로 적은 글"')  # rows 10 to 40 look like one cell
    found, record = skipped(text, "csv")
    assert len(found) == 59
    assert found[-21] == '40번째로 적은 글"'
    assert [row[0] for row in record["bad_rows"]] == [11]


def test_texts_of_several_lines_are_not_taken_for_rows() -> None:
    recipes = ["준비물\n1,감자\n2,양파", "차례\n1,씻는다\n2,썬다", "하나, 둘\n셋, 넷\n다섯, 여섯"]
    lines = [f"{n},그냥 적은 글 {n}" for n in range(1, 9)]
    lines += [f'{n},"{recipe}"' for n, recipe in enumerate(recipes, 9)]
    assert rows("id,text\n" + "\n".join(lines), "csv")[-3:] == recipes


def test_a_quoted_text_too_many_costs_its_lines() -> None:
    text = 'id,text\n1,"줄 하나\n줄 둘",군더더기\n2,좋은 글\n'
    found, record = skipped(text, "csv")
    assert found == ["좋은 글"]
    assert (record["rows_skipped"], record["lines_skipped"], record["bad_rows"][0][0]) == (1, 2, 2)


def test_looking_for_the_end_of_quotes_is_linear(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of these rows opens a quote that the next one closes and opens again, to the end of the file."""
    monkeypatch.setattr(tolerant, "LINE_LIMIT", 20_000)
    monkeypatch.setattr(tolerant, "WITHOUT_GAIN", 500)
    reads = []
    inner = tolerant.Rewindable.__next__

    def counted(lines: tolerant.Rewindable) -> Any:
        reads.append(1)
        return inner(lines)

    monkeypatch.setattr(tolerant.Rewindable, "__next__", counted)
    cost = []
    for count in (2_000, 4_000):
        reads.clear()
        assert skipped("a,text,b\n" + '그는",네,"아니\n' * count, "csv")[1]["rows_skipped"] == count
        cost.append(len(reads) / count)
    assert cost[1] < 1.2 * cost[0] < 120


def test_a_row_that_lacks_its_text_is_a_bad_row_and_a_short_one_is_noted() -> None:
    found, record = skipped("a,text,b\n1,하나,0\n2\n3,둘\n", "csv")
    assert found == ["하나", "둘"]
    assert [row[0] for row in record["bad_rows"]] == [3]
    assert (record["short_rows"], record["lines_of"]["short_rows"]) == (1, [4])


@pytest.mark.parametrize(("kind", "mark"), [("csv", ","), ("tsv", "\t")])
def test_a_header_in_the_middle_is_no_text_and_its_order_holds(kind: str, mark: str) -> None:
    lines = ["id,text", "1,첫 글", "\ufeffid,text", "2,둘째 글", "text,id", "셋째 글,3", "4,text"]
    found, record = skipped("\n".join(lines).replace(",", mark), kind)
    assert found == ["첫 글", "둘째 글", "셋째 글", "4"]
    assert (record["headers_again"], record["lines_of"]["headers_again"]) == (2, [3, 5])


def test_headers_in_the_middle_and_short_rows_are_said(tmp_path: Path, build: Build) -> None:
    path = tmp_path / "joined.csv"
    one, two = "1,첫 번째 파일에 적은 글입니다.,0", "2,두 번째 파일에 적은 글입니다."
    path.write_text(f"id,text,label\n{one}\nid,text,label\n{two}\n", "utf-8")
    with pytest.warns(UserWarning, match=r"MM0117.*joined\.csv:3") as caught:
        documents, folder = build(path)
    said = [str(warning.message) for warning in caught]
    assert f"sed -n 3p {path}" in next(text for text in said if "MM0117" in text)
    assert f"sed -n 4p {path}" in next(text for text in said if "MM0121" in text)
    assert documents == [["첫 번째 파일에 적은 글입니다."], ["두 번째 파일에 적은 글입니다."]]
    read = json.loads((folder / "audit.json").read_text("utf-8"))["stages"]["read"]
    assert (read["headers_again"], read["short_rows"], read["rows_skipped"]) == (1, 1, 0)


def test_real_files_with_bare_quotes_lose_no_row(shared_data: Path) -> None:
    for name, column in (("nsmc/ratings_test.txt", "document"), ("korsts/sts-dev.tsv", "sentence1")):
        text = (shared_data / "tasks" / name).read_text("utf-8").replace("\r\n", "\n")
        found, record = skipped(text, "tsv", column)
        lines = [line for line in text.split("\n")[1:] if line]
        assert len(found) == len(lines), name
        assert (record["rows_skipped"], record["short_rows"]) == (0, 0), name


def test_real_csv_of_a_spreadsheet(shared_data: Path) -> None:
    folder = shared_data / "tasks" / "question_pair" / "original_songys"
    text = (folder / "kor_pair_train.csv").read_text("utf-8-sig").replace("\r\n", "\n")
    found, record = skipped(text, "csv", "question1")
    assert found == [row[3] for row in list(csv.reader(io.StringIO(text)))[1:]]
    assert record["rows_skipped"] == 0


def test_of_many_bad_rows_the_first_are_listed_and_all_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book, "LISTED", 3)
    found, record = skipped("text\n" + "가,나\n" * 10 + "다\n", "csv")
    assert (found, record["rows_skipped"], record["lines_skipped"]) == (["다"], 10, 10)
    assert [row[0] for row in record["bad_rows"]] == [2, 3, 4]
