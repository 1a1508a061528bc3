"""Where documents begin and end: blank lines, <doc> tags, rows; and rows that cannot be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.corpus.documents import (
    DOC,
    MAX_DOCUMENT,
    find_column,
    row_documents,
    sniff_rows,
    text_documents,
    unquote,
)
from malmoi.errors import MalmoiError
from tests.corpus.conftest import Build


def no_bad_rows(line: int, detail: str) -> None:
    raise AssertionError(f"{line}: {detail}")


def rows(text: str, kind: str, column: str | None = None) -> list[str]:
    return DOC.join(row_documents([text], "a." + kind, kind, column, no_bad_rows)).split(DOC)


def documents_of(blocks: list[str], separator: str = "blank_line") -> list[str]:
    found = DOC.join(text_documents(blocks, separator)).split(DOC)
    return [document.strip("\n") for document in found if document.strip("\n")]


@given(
    st.lists(st.lists(st.text("가나. ", min_size=1).filter(str.strip), min_size=1), min_size=1),
    st.lists(st.integers(1, 40), max_size=20),
)
def test_documents_do_not_depend_on_blocks(documents: list[list[str]], cuts: list[int]) -> None:
    text = "\n\n".join("\n".join(lines) for lines in documents)
    blocks = []
    rest = text
    for cut in cuts:
        blocks.append(rest[:cut])
        rest = rest[cut:]
    assert documents_of([*blocks, rest]) == ["\n".join(lines) for lines in documents]


def test_chunks_of_a_long_stream_hold_whole_documents() -> None:
    documents = [f"문서 {n}의 첫 줄\n문서 {n}의 둘째 줄" for n in range(30_000)]
    text = "\n\n".join(documents)
    blocks = [text[i : i + 99_991] for i in range(0, len(text), 99_991)]
    assert len(list(text_documents(blocks, "blank_line"))) > 1
    assert documents_of(blocks) == documents


def test_blank_lines_with_spaces_in_them_count() -> None:
    assert documents_of(["하나\n \t\n둘\n\u3000\n\n셋"]) == ["하나", "둘", "셋"]


def test_line_and_file_documents() -> None:
    assert documents_of(["하나\n둘\n\n셋"], "line") == ["하나", "둘", "셋"]
    assert documents_of(["하나\n\n둘"], "file") == ["하나\n\n둘"]


def test_wikiextractor_tags_separate_documents_and_blank_lines_do_not() -> None:
    text = '<doc id="1" title="가">\n가\n\n가는 글자다.\n</doc>\n<doc id="2">\n나\n\n나도 글자다.\n</doc>\n'
    assert documents_of([text]) == ["가\n\n가는 글자다.", "나\n\n나도 글자다."]


def test_an_endless_document_is_cut_where_blocks_do_not_matter() -> None:
    line = "끝없이 이어지는 줄 하나 " * 40
    text = "\n".join([line] * (5 * MAX_DOCUMENT // 2 // len(line)))
    whole = documents_of([text])
    assert documents_of([text[i : i + 300_000] for i in range(0, len(text), 300_000)]) == whole
    assert len(whole) == 3
    assert max(map(len, whole)) <= MAX_DOCUMENT
    assert "\n".join(whole) == text


def test_a_line_without_end_does_not_stall() -> None:
    text = "가나다라 " * (MAX_DOCUMENT // 2)
    assert max(map(len, documents_of([text]))) <= MAX_DOCUMENT


def test_csv_with_quotes_and_newlines() -> None:
    text = 'id,본문\n1,"쉼표, 그리고\n줄바꿈"\n2,"그가 ""네""라고 했다"\n'
    assert rows(text, "csv") == ["쉼표, 그리고\n줄바꿈", '그가 "네"라고 했다']


def test_csv_of_spreadsheets_with_semicolons() -> None:
    assert rows("번호;내용\n1;글 하나\n", "csv") == ["글 하나"]


def test_tsv_has_no_quoting() -> None:
    text = 'id\tdocument\tlabel\n1\t"안녕 하세요\t0\n2\t5" 화면이 좋다\t1\n'
    assert rows(text, "tsv") == ['"안녕 하세요', '5" 화면이 좋다']


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


def test_jsonl_finds_its_text() -> None:
    assert rows('{"id": 1, "text": "하나\\n둘"}\n\n{"text": "셋"}\n', "jsonl") == ["하나\n둘", "셋"]


def test_jsonl_with_half_a_surrogate(tmp_path: Path, build: Build) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"text": "반쪽 \\ud83d 글자가 들어 있는 줄입니다."}\n{"text": "온전한 줄도 하나 있습니다."}\n',
        "utf-8",
    )
    assert build(path)[0] == [["온전한 줄도 하나 있습니다."]]


def test_columns_by_number_and_name() -> None:
    assert rows("가\t첫째 글\n나\t둘째 글\n", "tsv", "#2") == ["첫째 글", "둘째 글"]
    assert find_column(["id", " Text "], None, "a.csv") == (1, True)


def test_column_that_cannot_be_found_lists_the_columns() -> None:
    with pytest.raises(MalmoiError, match=r"which column is the text\? The columns: 가, 나") as caught:
        rows("가,나\n1,2\n", "csv")
    assert caught.value.code == "MM0107"
    with pytest.raises(MalmoiError, match=r"no column '글'. The columns: id, text") as caught:
        rows('{"id": 1, "text": "하나"}\n', "jsonl", "글")
    assert caught.value.code == "MM0111"


def test_text_files_that_are_tables() -> None:
    assert sniff_rows("id\tdocument\tlabel\n1\t글\t0", None) == "tsv"
    assert sniff_rows("번호\t말\n", "말") == "tsv"
    assert sniff_rows("그냥\t탭이 든 글\n", None) == "txt"
    assert sniff_rows('{"text": "하나"}\n', None) == "jsonl"
    assert sniff_rows("{중괄호로 시작하는 글}\n", None) == "txt"


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "a.jsonl"
    lines = ['{"text": "멀쩡한 줄이 하나 있습니다."}', '{"text": "잘린 줄', '{"text": 3}']
    path.write_text("\n".join(lines), "utf-8")
    return path


def test_broken_row_names_its_line(broken: Path, build: Build) -> None:
    with pytest.raises(MalmoiError) as caught:
        build(broken)
    assert caught.value.code == "MM0108"
    assert caught.value.where == f"{broken}:2"


def test_broken_rows_can_be_skipped_and_are_listed(broken: Path, build: Build) -> None:
    with pytest.warns(UserWarning, match="MM0114"):
        documents, folder = build(broken, on_bad_file="skip")
    assert documents == [["멀쩡한 줄이 하나 있습니다."]]
    audit = json.loads((folder / "audit.json").read_text("utf-8"))
    assert [row[0] for row in audit["files"][0]["bad_rows"]] == [2, 3]


def test_a_short_csv_row_is_a_bad_row() -> None:
    seen: list[int] = []

    def bad(line: int, detail: str) -> None:
        seen.append(line)

    found = list(row_documents(["a,text\n1,하나\n2\n"], "a.csv", "csv", None, bad))
    assert (found, seen) == (["하나"], [3])
