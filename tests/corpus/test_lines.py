"""Lines of a stream: numbered, whatever the blocks, and none held beyond its limit."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.corpus.book import RowBook
from malmoi.corpus.documents import row_documents
from malmoi.errors import MalmoiError
from malmoi.readers import READERS
from malmoi.readers.lines import LINE_LIMIT, numbered_lines
from tests.corpus.conftest import rows


@given(st.text("가나\n\u2028 "), st.lists(st.integers(0, 30)))
def test_lines_do_not_depend_on_blocks(text: str, cuts: list[int]) -> None:
    blocks, rest = [], text
    for cut in cuts:
        blocks.append(rest[:cut])
        rest = rest[cut:]
    lines = text.removesuffix("\n").split("\n") if text else []
    found = [line for line in numbered_lines([*blocks, rest], RowBook("a", {}, skip=False).bad) if line[1]]
    assert found == [(n, line) for n, line in enumerate(lines, 1) if line]


@given(st.lists(st.text("가나"), min_size=1), st.integers(1, 7))
def test_a_line_over_the_limit_is_booked_and_the_rest_is_read(texts: list[str], size: int) -> None:
    whole = "\n".join(texts)
    blocks = [whole[i : i + size] for i in range(0, len(whole), size)]
    record: dict[str, Any] = {}
    found = list(numbered_lines(blocks, RowBook("a", record, skip=True).bad, limit=5))
    assert [line for line in found if line[1]] == [(n, t) for n, t in enumerate(texts, 1) if 0 < len(t) <= 5]
    assert [row[0] for row in record["bad_rows"]] == [n for n, t in enumerate(texts, 1) if len(t) > 5]


@pytest.mark.parametrize("kind", ["jsonl", "csv", "tsv"])
def test_one_endless_line_is_a_bad_row_in_bounded_memory(kind: str) -> None:
    def blocks(count: int) -> Any:
        yield '{"text": "첫 줄"}\n' if kind == "jsonl" else "text\n첫 줄\n"
        yield '{"text": "'
        for _ in range(count):
            yield "abcd" * (1 << 18)
        yield '"}\n{"text": "끝 줄"}\n' if kind == "jsonl" else "\n끝 줄\n"

    record: dict[str, Any] = {}
    book = RowBook("a", record, skip=True)
    tracemalloc.start()
    found = "".join(row_documents(blocks(60), "a", READERS[kind], None, book))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "첫 줄" in found and "끝 줄" in found and len(found) < 20
    assert record["bad_rows"] == [
        [2 if kind == "jsonl" else 3, "the line is longer than 16,000,000 characters"]
    ]
    assert peak < 40e6  # of 63 MB
    with pytest.raises(MalmoiError, match="MM0108 a:"):
        list(row_documents(blocks(60), "a", READERS[kind], None, RowBook("a", {}, skip=False)))


def test_a_long_line_below_the_limit_is_read_and_cut() -> None:
    novel = "그는 강가를 걸었다. " * 250_000
    assert len(novel) < LINE_LIMIT
    found = rows('{"text": "' + novel + '"}\n', "jsonl")
    assert len(found) == 4 and " ".join(found) == novel
