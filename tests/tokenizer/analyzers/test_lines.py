"""Texts as lines: character for character, nothing lost, cuts where they hurt least."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.analyzers import lines
from malmoi.analyzers.lines import as_line, as_lines, in_chunks


def test_all_of_pythons_white_space_becomes_a_space_and_nothing_else_does() -> None:
    every = [chr(code) for code in range(sys.maxunicode + 1)]
    made = as_line("".join(every))
    assert len(made) == len(every)
    changed = {a: b for a, b in zip(every, made, strict=True) if a != b}
    spaces = {c for c in every if c.isspace() and c != " "}
    surrogates = {c for c in every if "\ud800" <= c <= "\udfff"}
    assert changed == dict.fromkeys(spaces, " ") | dict.fromkeys(surrogates, "\ufffd") | {"\0": "\x01"}


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST", 12)
    monkeypatch.setattr(lines, "CHUNK", 20)


@pytest.mark.usefixtures("short")
@given(texts=st.lists(st.text(st.sampled_from("가나a. !\n"), max_size=60), max_size=4))
def test_lines_joined_are_the_text(texts: list[str]) -> None:
    def whole(text: str) -> list[tuple[int, int]]:
        return [(at, at + 3) for at in range(0, len(text) - 3, 7)]

    laid = as_lines(texts, whole)
    assert all(len(line) <= 12 for line in laid.lines)
    for owner, text in enumerate(texts):
        mine = [n for n in range(len(laid.lines)) if laid.owners[n] == owner]
        assert "".join(laid.lines[n] for n in mine) == text.replace("\n", " ")
        starts = [int(laid.offsets[n]) for n in mine]
        assert starts == [sum(len(laid.lines[m]) for m in mine[:k]) for k in range(len(mine))]
        assert not any(start < cut < end for start, end in whole(text) for cut in starts)


@pytest.mark.usefixtures("short")
def test_cuts_behind_a_sentence_else_a_word_else_anywhere() -> None:
    assert as_lines(["나는 어제 잤다. 너는 왜?"]).lines == ["나는 어제 잤다. ", "너는 왜?"]
    assert as_lines(["동해물과 백두산이 마르고"]).lines == ["동해물과 백두산이 ", "마르고"]
    assert as_lines(["가" * 30]).lines == ["가" * 12, "가" * 12, "가" * 6]


@pytest.mark.usefixtures("short")
def test_chunks_hold_all_texts_in_order() -> None:
    assert list(in_chunks([])) == [[]]
    assert list(in_chunks(["가" * 30, "나", "다" * 18, "라"])) == [["가" * 30], ["나", "다" * 18], ["라"]]
