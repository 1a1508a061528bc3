"""Files without a header, with one in the middle, with a name twice: read as they are, or stopped."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from malmoi.errors import MalmoiError
from malmoi.tasks.config import TaskConfig
from malmoi.tasks.data import read_task
from malmoi.tasks.examples import Examples, read_examples
from malmoi.tasks.table import open_table
from tests.tiny.heard import Heard


def rows(count: int = 40) -> str:
    return "".join(f"{i % 2},영화 {i}\n" for i in range(count))


def read(tmp_path: Path, content: str, text: str, label: str) -> Examples:
    path = tmp_path / "a.csv"
    path.write_text(content, "utf-8")
    return read_examples(path, tuple(text.split(",")), label)


def error(tmp_path: Path, content: str, text: str, label: str) -> MalmoiError:
    with pytest.raises(MalmoiError) as caught:
        read(tmp_path, content, text, label)
    return caught.value


def test_columns_of_a_file_without_a_header_are_counted(tmp_path: Path) -> None:
    found = read(tmp_path, rows(), "#2", "#1")
    assert (len(found), found.texts[0], found.labels[:2], found.lines[:2]) == (
        40,
        "영화 0",
        ["0", "1"],
        [1, 2],
    )
    data = read_task(TaskConfig(train=tmp_path / "a.csv", text=("#2",), label="#1"), Heard())
    assert len(data.train) + len(data.dev) == 40
    pair = read(tmp_path, "가,나,1\n다,라,0\n다,마,0\n나,라,1\n", "#1,#2", "#3")
    assert pair.texts[0] == ("가", "나")


def test_published_kote_has_no_header(shared_data: Path) -> None:
    path = shared_data / "tasks" / "kote" / "val.tsv"
    found = read_examples(path, ("#2",), "#3")
    assert len(found) == 5000 and found.lines[0] == 1
    with pytest.raises(MalmoiError) as caught:
        read_examples(path, ("text",), "labels")
    assert (caught.value.code, "Did you mean" in caught.value.what) == ("MM0603", False)
    assert "count the columns: --text '#1'" in caught.value.do


def test_a_first_row_taken_for_names_is_said(tmp_path: Path) -> None:
    found = error(tmp_path, rows(), "영화 0", "0")
    assert (found.code, found.where) == ("MM0634", f"{tmp_path / 'a.csv'}:1")
    assert found.what.endswith("'0', the name of the label column, is also the label of 19 rows below.")
    assert found.do == "if the file has no header, count the columns: --text '#2' --label '#1'"


@pytest.mark.parametrize(
    ("first", "said"),
    [
        ("0,만화", True),
        ("hate,참 좋은 사람이다", True),
        ("hate,comments", False),
        ("hate,리뷰글", False),
        ("1,text", False),
    ],
)
def test_a_column_may_be_called_as_one_of_its_labels(first: str, said: bool, tmp_path: Path) -> None:
    label, text = first.split(",")
    content = f"{first}\n" + rows().replace("0,", f"{label},")
    if said:
        assert error(tmp_path, content, text, label).code == "MM0634"
    else:
        assert len(read(tmp_path, content, text, label)) == 40


def test_names_that_pandas_gives_are_names(tmp_path: Path) -> None:
    assert len(read(tmp_path, "0,1\n" + rows(), "1", "0")) == 40
    indexed = "".join(f"{i},영화 {i},{i % 2}\n" for i in range(40))
    assert len(read(tmp_path, ",0,1\n" + indexed, "0", "1")) == 40


@pytest.mark.parametrize("header", ["라벨,글", "label,내용물", "평가,본문", "극성,쓴 글"])
def test_names_taken_for_a_first_row_are_said(header: str, tmp_path: Path) -> None:
    found = error(tmp_path, f"{header}\n{rows()}", "#2", "#1")
    assert (found.code, found.where) == ("MM0635", f"{tmp_path / 'a.csv'}:1")
    assert header.split(",")[0] in found.what and header.split(",")[1] in found.what


def test_a_rare_class_on_the_first_line_is_a_row(tmp_path: Path) -> None:
    assert len(read(tmp_path, "3,영화\n" + rows(), "#2", "#1")) == 41
    assert len(read(tmp_path, "슬픔,영화\n기쁨,영화 둘\n" + rows(), "#2", "#1")) == 42


def test_names_and_places_do_not_mix(tmp_path: Path) -> None:
    assert error(tmp_path, "글,라벨\n가,1\n", "글", "#2").code == "MM0633"
    found = error(tmp_path, rows(), "#2", "#3")
    assert (found.code, found.why) == ("MM0603", "the columns of this file are: #1, #2")
    assert "--label '#1'" in found.do


def test_the_header_once_more_in_the_middle(tmp_path: Path) -> None:
    joined = "글,라벨\n" + "가,1\n나,0\n" * 5 + " 글 ,라벨\n" + "다,1\n라,0\n" * 5 + "글,라벨\n마,1\n"
    found = error(tmp_path, joined, "글", "라벨")
    assert (found.code, found.where) == ("MM0630", f"{tmp_path / 'a.csv'}:12")
    assert found.what == "the first line appears in the file again (lines 12, 23)."
    for header in ("\ufeff글,라벨", "라벨,글", "\ufeff라벨, 글"):  # each file with a mark; in another order
        joined = "글,라벨\n" + "가,1\n나,0\n" * 5 + header + "\n" + "다,1\n라,0\n" * 5
        assert error(tmp_path, joined, "글", "라벨").where == f"{tmp_path / 'a.csv'}:12", header
    capitals = "text,label\n" + "가,1\n나,0\n" * 5 + "Text,LABEL\n다,1\n"
    assert error(tmp_path, capitals, "text", "label").code == "MM0630"
    (tmp_path / "one.csv").write_text("글\n가\n글\n", "utf-8")
    assert open_table(tmp_path / "one.csv").count == 2  # one column: a text may be that word


def test_a_name_that_two_columns_have(tmp_path: Path) -> None:
    content = "글,글,라벨\n1,가,1\n2,나,0\n"
    found = error(tmp_path, content, "글", "라벨")
    assert (found.code, found.what) == ("MM0631", "two columns are called '글'.")
    assert read(tmp_path, content.replace("글,글,", "글,번호,번호,"), "글", "라벨").texts == ["1", "2"]
    nfd = unicodedata.normalize("NFD", "글")
    assert error(tmp_path, content.replace("글,글", f"글,{nfd}"), "글", "라벨").code == "MM0631"


def test_names_are_compared_composed(tmp_path: Path) -> None:
    nfd = unicodedata.normalize("NFD", "본문")
    assert read(tmp_path, f"{nfd},라벨\n가,1\n나,0\n", "본문", "라벨").texts == ["가", "나"]
    assert read(tmp_path, "본문,라벨\n가,1\n나,0\n", nfd, "라벨").texts == ["가", "나"]
