"""The text to compare on: corpora, files of any kind, none at all; and short names for tokenizers."""

from __future__ import annotations

import lzma
import unicodedata
from pathlib import Path

import pytest

from malmoi.errors import MalmoiError
from malmoi.tokenizer_eval.run import name_them
from malmoi.tokenizer_eval.texts import read_texts
from tests.tiny.corpus import make_corpus
from tests.tiny.korean import DOCUMENTS, TEXT


def test_held_out_text_first_then_training_text(tmp_path: Path) -> None:
    both = read_texts(make_corpus(tmp_path / "both", [TEXT], ["떼어 둔 글이다.\n\n둘째 문서.\n끝.\n"]), 1)
    assert (both.part, both.documents) == ("heldout", [["떼어 둔 글이다."], ["둘째 문서.", "끝."]])
    assert both.size == len("떼어 둔 글이다.둘째 문서.끝.".encode())
    training = read_texts(make_corpus(tmp_path / "one", [TEXT], []), 1)
    assert (training.part, training.documents) == ("training", DOCUMENTS)


@pytest.mark.parametrize("encoding", ["cp949", "utf-16", "utf-8-sig"])
def test_raw_files_are_decoded_and_composed(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "글.txt"
    path.write_text(TEXT, encoding)
    assert read_texts(path, 1).documents == DOCUMENTS
    path = tmp_path / "풀린 글.txt.xz"
    path.write_bytes(lzma.compress(unicodedata.normalize("NFD", TEXT).encode()))
    assert read_texts(path, 1).documents == DOCUMENTS


def test_a_table_gives_its_text_column(tmp_path: Path) -> None:
    path = tmp_path / "글.csv"
    path.write_text("번호,본문\n1,아침이 밝았다.\n2,저녁이 왔다.\n", "utf-8")
    assert read_texts(path, 1).lines == ["아침이 밝았다.", "저녁이 왔다."]


def test_lines_are_documents_where_no_blank_line_says_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "댓글.txt"
    path.write_text("첫째다.\n둘째다.\n셋째다.\n", "utf-8")
    assert read_texts(path, 1).documents == [["첫째다."], ["둘째다."], ["셋째다."]]


def test_the_budget_holds_inside_a_long_document(tmp_path: Path) -> None:
    path = tmp_path / "긴 글.txt"
    path.write_text("가나다라마바사아자차\n" * 5000, "utf-8")
    assert 1000 <= read_texts(path, 0.03).size / 30 <= 1001


def test_no_text_at_all(tmp_path: Path) -> None:
    for path in (make_corpus(tmp_path / "empty", [""], []), tmp_path / "빈.txt"):
        if not path.exists():
            path.write_text("\n \n", "utf-8")
        with pytest.raises(MalmoiError) as error:
            read_texts(path, 1)
        assert (error.value.code, error.value.where) == ("MM0250", str(path))
    with pytest.raises(MalmoiError) as error:
        read_texts(tmp_path / "없는.txt", 1)
    assert error.value.code == "MM0101"
    (tmp_path / "그림.txt").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9)
    with pytest.raises(MalmoiError) as error:
        read_texts(tmp_path / "그림.txt", 1)
    assert error.value.code == "MM0106"


def test_names_are_short_and_each_once(tmp_path: Path) -> None:
    paths = [tmp_path / "a/tokenizer", tmp_path / "b/tokenizer", tmp_path / "c/vocab.txt"]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
    assert name_them(paths) == ["a/tokenizer", "b/tokenizer", "c"]
    both = [tmp_path / "c/vocab.txt", tmp_path / "c/tokenizer.json"]
    assert name_them(both) == [str(path) for path in both]
    with pytest.raises(MalmoiError) as error:
        name_them([paths[0], tmp_path / "b" / ".." / "a" / "tokenizer"])
    assert error.value.code == "MM0255"
