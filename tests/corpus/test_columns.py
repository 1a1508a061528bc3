"""Which column is the text: by name (composed), by number, or an error that helps."""

from __future__ import annotations

import unicodedata

import pytest

from malmoi.errors import MalmoiError
from malmoi.readers.columns import Column, find_column
from tests.corpus.conftest import rows

APART = unicodedata.normalize("NFD", "본문")


def test_columns_by_number_and_name() -> None:
    assert rows("가\t첫째 글\n나\t둘째 글\n", "tsv", "#2") == ["첫째 글", "둘째 글"]
    assert find_column(["id", " Text "], None, "a.csv") == Column(1, True)
    assert rows("나,text\n1,첫째 글\n", "csv", "#2") == ["첫째 글"]  # a usual name is no text


@pytest.mark.parametrize("column", [None, "본문", APART])
@pytest.mark.parametrize("header", ["본문", APART, f"\ufeff{APART} "])
def test_names_are_compared_composed(column: str | None, header: str) -> None:
    assert find_column(["번호", header], column, "a.csv") == Column(1, True)


def test_a_name_that_stands_twice_is_refused() -> None:
    for column in (None, "text"):
        with pytest.raises(MalmoiError, match="two columns 'text'") as caught:
            find_column(["text", "label", "Text" if column is None else "text"], column, "a.csv")
        assert (caught.value.code, caught.value.do[-4:]) == ("MM0118", "'#1'")
    assert find_column(["note", "text", "note"], None, "a.csv") == Column(1, True)
    assert rows("text,text\n1,글\n", "csv", "#2") == ["글"]  # the advice works


def test_column_that_cannot_be_found_lists_the_columns() -> None:
    with pytest.raises(MalmoiError, match=r"which column is the text\? The columns: 가, 나") as caught:
        rows("가,나\n1,2\n", "csv")
    assert caught.value.code == "MM0107"
    with pytest.raises(MalmoiError, match=r"no column '글'. The columns: id, text") as caught:
        rows('{"id": 1, "text": "하나"}\n', "jsonl", "글")
    assert caught.value.code == "MM0111"
    assert caught.value.do.endswith("--text COLUMN")
    with pytest.raises(MalmoiError, match="no column '#2'"):
        rows('{"id": 1, "text": "하나"}\n', "jsonl", "#2")


def test_only_a_near_name_is_offered() -> None:
    with pytest.raises(MalmoiError, match="no column 'label'") as caught:
        find_column(["text"], "label", "a.csv")
    assert caught.value.do.endswith("--text COLUMN")
    with pytest.raises(MalmoiError, match="--text 'the text'"):
        find_column(["id", "the text"], "teh text", "a.csv")


def test_a_first_line_that_is_a_text_is_shown_short() -> None:
    header = ["이 영화는 정말 오래 기억에 남을 것 같다는 생각이 들었다", *(str(n) for n in range(40))]
    with pytest.raises(MalmoiError) as caught:
        find_column(header, "본문", "a.csv")
    assert "것 같다는…, 0, 1" in caught.value.what
    assert caught.value.what.endswith("18, …") and len(caught.value.what) < 200
