"""Cutting, windows and special tokens, against the library's own truncation."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as Library

from malmoi.errors import MalmoiError
from malmoi.tokenizer.base import Encodings
from malmoi.tokenizer.wordpiece.model import WordPiece
from tests.tiny.korean import SENTENCES

TEXTS = st.lists(st.sampled_from(["", "밤", *SENTENCES[:12]]), min_size=1, max_size=5)


def _rows(encoded: Encodings) -> list[tuple[int, list[int], list[int], list[tuple[int, int]]]]:
    found = []
    for index in range(len(encoded)):
        row = encoded.row(index)
        spans = [tuple(span) for span in encoded.spans[row].tolist()]
        found.append(
            (int(encoded.sources[index]), encoded.ids[row].tolist(), encoded.segments[row].tolist(), spans)
        )
    return found


def _library_rows(
    small: WordPiece, inputs: list[object], max_len: int, stride: int, strategy: str
) -> list[tuple[int, list[int], list[int], list[tuple[int, int]]]]:
    library = Library.from_str(small._library.to_str())
    library.encode_special_tokens = True
    library.enable_truncation(max_len, stride=stride, strategy=strategy)
    found = []
    for source, one in enumerate(inputs):
        encoding = library.encode(*one) if isinstance(one, tuple) else library.encode(one)
        rows = [encoding, *(encoding.overflowing if stride else [])]
        found += [(source, row.ids, row.type_ids, row.offsets) for row in rows]
    return found


@given(TEXTS, st.integers(3, 40))
@settings(deadline=None)
def test_cut_texts(small: WordPiece, texts: list[str], max_len: int) -> None:
    ours = _rows(small.encode_batch(texts, max_len=max_len))
    assert ours == _library_rows(small, list(texts), max_len, 0, "longest_first")


@given(TEXTS, st.integers(8, 40), st.integers(1, 5))
@settings(deadline=None)
def test_windows_of_texts(small: WordPiece, texts: list[str], max_len: int, stride: int) -> None:
    ours = _rows(small.encode_batch(texts, max_len=max_len, stride=stride))
    assert ours == _library_rows(small, list(texts), max_len, stride, "longest_first")


@given(TEXTS, TEXTS, st.integers(5, 60))
@settings(deadline=None)
def test_cut_pairs(small: WordPiece, first: list[str], second: list[str], max_len: int) -> None:
    pairs = list(zip(first, itertools.cycle(second), strict=False))
    ours = _rows(small.encode_batch(pairs, max_len=max_len))
    assert ours == _library_rows(small, list(pairs), max_len, 0, "longest_first")


@pytest.mark.parametrize("stride", [0, 7])
@pytest.mark.parametrize("strategy", ["only_first", "only_second"])
def test_pairs_cut_on_one_side(small: WordPiece, strategy: str, stride: int) -> None:
    long, short = " ".join(SENTENCES[:9]), SENTENCES[10]
    pairs = [(long, short), (long[:200], short[:8]), (short[:5], short)]
    if strategy == "only_second":
        pairs = [(b, a) for a, b in pairs]
    ours = _rows(small.encode_batch(pairs, max_len=64, truncation=strategy, stride=stride))  # type: ignore[arg-type]
    assert ours == _library_rows(small, list(pairs), 64, stride, strategy)
    assert len(ours) > 3 if stride else len(ours) == 3


def test_windows_cover_the_text_and_share_stride_tokens(small: WordPiece) -> None:
    text = " ".join(SENTENCES[:20])
    whole = small.encode_batch([text], specials=False).ids.tolist()
    rows = _rows(small.encode_batch(["밤", text], max_len=32, stride=8))
    assert [source for source, *_ in rows] == [0] + [1] * (len(rows) - 1)
    rebuilt = rows[1][1][1:-1]
    for _, ids, _, _ in rows[2:]:
        assert rebuilt[-8:] == ids[1:9]
        rebuilt += ids[9:-1]
    assert rebuilt == whole


def test_without_special_tokens(small: WordPiece) -> None:
    encoded = small.encode_batch([("밤늦게", "비가 오면")], specials=False)
    apart = small.encode_batch(["밤늦게", "비가 오면"], specials=False)
    assert encoded.ids.tolist() == apart.ids.tolist()
    assert encoded.segments.tolist() == [0] * int(apart.cu_seqlens[1]) + [1] * (
        len(apart.ids) - int(apart.cu_seqlens[1])
    )


def test_no_room_is_an_error_with_the_length_that_would_do(small: WordPiece) -> None:
    question = SENTENCES[0]
    taken = len(small.encode_batch([question], specials=False).ids)
    pairs = [("밤", SENTENCES[1]), (question, SENTENCES[1])]
    with pytest.raises(MalmoiError) as error:
        small.encode_batch(pairs, max_len=taken, truncation="only_second")
    assert (error.value.code, error.value.values["needed"]) == ("MM0210", taken + 4)
    assert error.value.what == f"input 2 does not fit max_len {taken}; it needs at least {taken + 4}."
    assert len(small.encode_batch(pairs, max_len=taken + 4, truncation="only_second")) == 2
    with pytest.raises(MalmoiError, match="MM0210"):
        small.encode_batch(["밤"], max_len=2)
    with pytest.raises(MalmoiError, match="MM0210"):
        small.encode_batch([SENTENCES[0]], max_len=10, stride=8)


def test_what_makes_no_sense_is_refused(small: WordPiece) -> None:
    with pytest.raises(ValueError, match="only_second"):
        small.encode_batch(["밤"], max_len=9, truncation="only_second")
    with pytest.raises(ValueError, match="stride"):
        small.encode_batch([("밤", "낮")], max_len=9, stride=2)
