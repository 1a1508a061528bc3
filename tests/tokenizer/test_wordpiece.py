"""Ids equal to the libraries users compare with; spans in the caller's own characters."""

from __future__ import annotations

import lzma
import unicodedata
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from malmoi.tokenizer import load_tokenizer
from malmoi.tokenizer.wordpiece.model import WordPiece
from tests.tiny.korean import ODD, SENTENCES

ALPHABET = "가나할머니는 콩ㅋㅏ\u1100\u1161\u11a8.,(菜)aZ1é\u0301\u200b\u0000\n👍\u200d🇰\u0958"
KOREAN = st.text(st.sampled_from(ALPHABET), max_size=40)


def _ids_and_spans(tokenizer: WordPiece, text: str) -> tuple[list[int], list[tuple[int, int]]]:
    encoded = tokenizer.encode_batch([text], specials=False)
    return encoded.ids.tolist(), [tuple(span) for span in encoded.spans.tolist()]


@pytest.fixture(scope="module")
def koelectra(shared_data: Path) -> WordPiece:
    return load_tokenizer(shared_data / "tokenizers/koelectra_32200/vocab.txt")


@pytest.fixture(scope="module")
def real_lines(shared_data: Path) -> list[str]:
    """10,000 lines of an encyclopedia and 12,000 of reviews."""
    lines: list[str] = []
    for name, count in (("kowiki", 10_000), ("nsmc_reviews", 12_000)):
        with lzma.open(shared_data / "corpus" / f"{name}.txt.xz", "rt", encoding="utf-8") as stream:
            lines += [line.removesuffix("\n") for line in islice(stream, count)]
    return lines


def test_ids_and_spans_of_real_lines_are_those_of_the_library(
    koelectra: WordPiece, real_lines: list[str]
) -> None:
    ours = koelectra.encode_batch(real_lines, specials=False)
    theirs = koelectra._library.encode_batch(real_lines, add_special_tokens=False)
    composed = [unicodedata.is_normalized("NFC", line) for line in real_lines]
    assert sum(composed) > 21_000
    assert koelectra.engine == "tokie"
    for index, expected in enumerate(theirs):
        if composed[index]:
            row = ours.row(index)
            assert ours.ids[row].tolist() == expected.ids
            assert [tuple(span) for span in ours.spans[row].tolist()] == expected.offsets


def test_saved_tokenizer_opens_in_transformers_with_the_same_ids(
    koelectra: WordPiece, real_lines: list[str], tmp_path: Path
) -> None:
    from transformers import AutoTokenizer

    koelectra.save(tmp_path)
    theirs = AutoTokenizer.from_pretrained(tmp_path)
    lines = real_lines[::10]
    ours = koelectra.encode_batch(lines, max_len=64)
    expected = theirs(lines, truncation=True, max_length=64)["input_ids"]
    assert [ours.ids[ours.row(i)].tolist() for i in range(len(lines))] == expected
    pairs = list(zip(lines[::2], lines[1::2], strict=False))
    ours = koelectra.encode_batch(pairs, max_len=64)
    both = theirs([a for a, _ in pairs], [b for _, b in pairs], truncation=True, max_length=64)
    assert [ours.ids[ours.row(i)].tolist() for i in range(len(pairs))] == both["input_ids"]
    assert [ours.segments[ours.row(i)].tolist() for i in range(len(pairs))] == both["token_type_ids"]


def test_spans_hold_the_characters_of_each_piece(small: WordPiece) -> None:
    text = "옆집 고양이가\u200b 콩나\u0000물을"
    ids, spans = _ids_and_spans(small, text)
    pieces = [small.entries[index].removeprefix("##") for index in ids]
    shown = [text[start:end].replace("\u0000", "").replace("\u200b", "") for start, end in spans]
    assert shown == pieces


def test_unknown_word_spans_all_of_it(small: WordPiece) -> None:
    ids, spans = _ids_and_spans(small, "할머니는 뷁뷁이 밤늦게")
    assert [span for index, span in zip(ids, spans, strict=True) if index == small.special.unk] == [(5, 8)]


def test_nothing_is_lower_cased_or_stripped(small: WordPiece) -> None:
    ids, _ = _ids_and_spans(small, "Kim")
    assert "".join(small.tokens(ids)).replace("##", "") == "Kim"
    assert _ids_and_spans(small, "kim")[0] == [small.special.unk]


def test_special_tokens_in_a_text_are_text(small: WordPiece) -> None:
    ids, _ = _ids_and_spans(small, "[SEP] [MASK] [PAD] [CLS]")
    assert not {0, 2, 3, 4} & set(ids)


@pytest.mark.parametrize("engine", ["auto", "tokenizers"])
def test_odd_texts_among_many_equal_odd_texts_alone(small: WordPiece, engine: str) -> None:
    tokenizer = WordPiece(small.entries, engine=engine)  # type: ignore[arg-type]
    texts = ODD + SENTENCES * 20  # enough for tokie
    together = tokenizer.encode_batch(texts)
    assert tokenizer.engine == ("tokie" if engine == "auto" else "tokenizers")
    for index, text in enumerate(ODD):
        alone = small.encode_batch([text])
        assert together.ids[together.row(index)].tolist() == alone.ids.tolist()
        assert together.spans[together.row(index)].tolist() == alone.spans.tolist()


@given(KOREAN | st.text(max_size=40))
@settings(max_examples=300, deadline=None)
def test_spans_rise_and_do_not_overlap(small: WordPiece, text: str) -> None:
    ids, spans = _ids_and_spans(small, text)
    assert len(ids) == len(spans)
    before = (0, 0)
    for start, end in spans:
        assert 0 <= start < end <= len(text)
        # Only the parts of one character that NFC takes apart (U+0958) share their span.
        assert start >= before[1] or (start, end) == before
        before = (start, end)


@given(KOREAN)
@settings(max_examples=300, deadline=None)
def test_composed_and_decomposed_forms_agree(small: WordPiece, text: str) -> None:
    nfc, nfd = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    ids, spans = _ids_and_spans(small, nfc)
    decomposed_ids, decomposed_spans = _ids_and_spans(small, nfd)
    assert ids == decomposed_ids
    for (a, b), (c, d) in zip(spans, decomposed_spans, strict=True):
        if (a, b) == (c, d) == (0, 0):
            continue
        assert unicodedata.normalize("NFC", nfd[c:d]) == unicodedata.normalize("NFC", nfc[a:b])


def test_decomposed_korean_gives_spans_of_jamo(small: WordPiece) -> None:
    text = unicodedata.normalize("NFD", "할머니는 콩나물을")
    ids, spans = _ids_and_spans(small, text)
    assert ids == _ids_and_spans(small, "할머니는 콩나물을")[0]
    assert text[spans[0][0] : spans[0][1]] == unicodedata.normalize(
        "NFD", small.entries[ids[0]].removeprefix("##")
    )
    assert spans[-1][1] == len(text)


def test_text_longer_than_a_chunk(small: WordPiece) -> None:
    long = " ".join(SENTENCES) * 200
    encoded = small.encode_batch(["밤", long, "비가"], specials=False)
    assert len(long) > 1_000_000
    assert encoded.spans[encoded.row(1)][-1, 1] == len(long)
    assert len(encoded) == 3
    last = encoded.row(2)
    assert small.tokens(encoded.ids[last])[0].startswith("비")


def test_no_texts(small: WordPiece) -> None:
    encoded = small.encode_batch([])
    assert (len(encoded), encoded.cu_seqlens.tolist(), encoded.spans.shape) == (0, [0], (0, 2))


def test_entries_come_back(small: WordPiece, tmp_path: Path) -> None:
    small.save(tmp_path)
    again = load_tokenizer(tmp_path)
    assert again.tokens(range(again.vocab_size)) == small.entries
    assert np.array_equal(again.encode_batch(SENTENCES).ids, small.encode_batch(SENTENCES).ids)


def test_lower_casing_peer_keeps_its_normaliser_and_offsets_stay_in_range(shared_data: Path) -> None:
    english = load_tokenizer(shared_data / "tokenizers/bert_base_uncased_en/vocab.txt")
    text = "Café Society, İSTANBUL 한국"
    encoded = english.encode_batch([text], specials=False)
    expected = english._library.encode(text, add_special_tokens=False)
    assert encoded.ids.tolist() == expected.ids
    assert english.tokens(encoded.ids)[:2] == ["cafe", "society"]
    assert [text[a:b] for a, b in encoded.spans.tolist()][:3] == ["Café", "Society", ","]
    assert encoded.spans.max() <= len(text)
