"""Where documents begin and end: blank lines, <doc> tags, rows; and rows that cannot be read."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from malmoi.corpus.documents import DOC, MAX_DOCUMENT, text_documents
from malmoi.readers.choose import format_seen


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


def test_text_files_that_are_tables() -> None:
    assert format_seen("id\tdocument\tlabel\n1\t글\t0", None) == "tsv"
    assert format_seen("번호\t말\n", "말") == "tsv"
    assert format_seen("그냥\t탭이 든 글\n", None) is None
    assert format_seen('{"text": "하나"}\n', None) == "jsonl"
    assert (
        format_seen('[\n  {"text": "하나"}\n]', None) == "jsonl"
    )  # and then no JSON lines: better than text
    assert format_seen("[{서울} 하나]\n", None) is None
    assert format_seen("{중괄호로 시작하는 글}\n", None) is None
