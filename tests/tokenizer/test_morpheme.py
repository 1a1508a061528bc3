"""Ids and spans against cutting word by word in the plainest way, whatever the boundaries."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from malmoi.analyzers import Analyzer, Morphemes, Surfaces, open_analyzer
from malmoi.tokenizer.encoding.characters import ALONE, LETTER, SPACE, code_points
from malmoi.tokenizer.morpheme.marked import bert_characters
from malmoi.tokenizer.morpheme.model import MorphemeWordPiece
from malmoi.tokenizer.wordpiece.model import WordPiece
from tests.tiny.korean import ODD, SENTENCES

ALPHABET = "가나할머니는 콩ㅋㅏ\u1100\u1161\u11a8.,(菜)aZ1é\u0301\u200b\u0000\n👍\u200d🇰\u0958\u2126"
KOREAN = st.text(st.sampled_from(ALPHABET), max_size=40)


class Drawn:
    """Morphemes of whatever lengths are drawn, over all characters but white space; restored as drawn."""

    name = "drawn"

    def __init__(self, lengths: Sequence[int], lemmas: Sequence[str] = ()) -> None:
        self._lengths, self._lemmas = lengths, lemmas
        self.identity = {"lengths": "drawn"}

    def surfaces(self, texts: Sequence[str]) -> Surfaces:
        found = [self._spans(text) for text in texts]
        spans = np.array([span for spans in found for span in spans], np.int32).reshape(-1, 2)
        return Surfaces(np.array([len(spans) for spans in found], np.int64), spans)

    def analyze(self, texts: Sequence[str]) -> Morphemes:
        """A lemma that is not drawn empty stands for the surface; every third morpheme is two fused ones."""
        counts, spans, lemmas = [], [], []
        for text in texts:
            before = len(spans)
            for number, (start, end) in enumerate(self._spans(text)):
                drawn = self._lemmas[number % len(self._lemmas)] if self._lemmas else ""
                spans += [(start, end)] * (1 + (number % 3 == 2))
                lemmas += [drawn or text[start:end], "었"][: 1 + (number % 3 == 2)]
            counts.append(len(spans) - before)
        return Morphemes(
            np.array(counts, np.int64),
            np.array(spans, np.int32).reshape(-1, 2),
            lemmas,
            ["NNG"] * len(lemmas),
        )

    def _spans(self, text: str) -> list[tuple[int, int]]:
        spans, at, number = [], 0, 0
        while at < len(text):
            if text[at].isspace():
                at += 1
                continue
            end = min(len(text), at + self._lengths[number % len(self._lengths)])
            while any(char.isspace() for char in text[at:end]):
                end -= 1
            spans.append((at, end))
            at, number = end, number + 1
        return spans


def _slowly(tokenizer: MorphemeWordPiece, text: str) -> tuple[list[str], list[tuple[int, int]], list[bool]]:
    """Word by word, morpheme by morpheme, the longest entry first; surfaces of an NFC text."""
    classes = bert_characters().classes(code_points(text)).tolist()
    starts = {start for start, _ in tokenizer.analyzer.surfaces([text]).spans.tolist()}
    units: list[tuple[list[int], bool, bool]] = []  # characters; goes on a word; begins a morpheme
    begins, follows = True, False
    for at, kind in enumerate(classes):
        begins = begins or at in starts
        if kind == SPACE:
            follows = False
        if kind > ALONE:
            continue
        if kind == LETTER and follows and not begins:
            units[-1][0].append(at)
        else:
            units.append(([at], kind == LETTER and follows, begins))
        begins, follows = False, kind == LETTER
    tokens, spans, first = [], [], []
    entries = set(tokenizer.entries)
    for places, inner, begins in units:
        word = "".join(text[at] for at in places)
        pieces: list[tuple[str, int, int]] = []
        at = 0
        while at < len(word):
            prefix = "##" if inner or at else ""
            end = next((end for end in range(len(word), at, -1) if prefix + word[at:end] in entries), None)
            if end is None or len(word) + inner > 100:
                pieces = [("[UNK]", 0, len(word))]
                break
            pieces.append((prefix + word[at:end], at, end))
            at = end
        for number, (piece, a, b) in enumerate(pieces):
            tokens.append(piece)
            spans.append((places[a], places[b - 1] + 1))
            first.append(begins and number == 0)
    return tokens, spans, first


@given(KOREAN, st.lists(st.integers(1, 4), min_size=1, max_size=5))
@settings(max_examples=400, deadline=None)
def test_surfaces_as_if_cut_word_by_word(small: WordPiece, text: str, lengths: list[int]) -> None:
    _as_if_cut_word_by_word(MorphemeWordPiece(small.entries, Drawn(lengths)), text)


def _as_if_cut_word_by_word(tokenizer: MorphemeWordPiece, text: str) -> None:
    text = unicodedata.normalize("NFC", text)
    encoded = tokenizer.encode_batch([text], specials=False)
    tokens, spans, first = _slowly(tokenizer, text)
    assert tokenizer.tokens(encoded.ids) == tokens
    assert [tuple(span) for span in encoded.spans.tolist()] == spans
    assert encoded.morphemes is not None
    assert encoded.morphemes.tolist() == first


@pytest.fixture(scope="module")
def mecab() -> Analyzer:
    return open_analyzer("mecab")


@given(st.lists(st.sampled_from(SENTENCES) | KOREAN, max_size=3).map("".join))
@settings(max_examples=200, deadline=None)
def test_morphemes_of_mecab_as_if_cut_word_by_word(small: WordPiece, mecab: Analyzer, text: str) -> None:
    _as_if_cut_word_by_word(MorphemeWordPiece(small.entries, mecab), text)


@given(
    KOREAN | st.text(max_size=30),
    st.lists(st.sampled_from(["", "밤", "주", "뷁뷁", "3.5", "콩나물", "\u2126"]), max_size=4),
)
@settings(max_examples=300, deadline=None)
def test_restored_forms_span_their_morphemes(small: WordPiece, text: str, lemmas: list[str]) -> None:
    tokenizer = MorphemeWordPiece(small.entries, Drawn([2, 1, 3], lemmas), form="lemma")
    encoded = tokenizer.encode_batch([text], specials=False)
    before = (0, 0)
    for start, end in encoded.spans.tolist():
        assert 0 <= start < end <= len(text)
        assert start >= before[0]
        before = (start, end)
    assert len(encoded.morphemes) == len(encoded.ids)


@given(KOREAN)
@settings(max_examples=200, deadline=None)
def test_composed_and_decomposed_forms_agree(small: WordPiece, text: str) -> None:
    nfc, nfd = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    for form in ("surface", "lemma"):
        tokenizer = MorphemeWordPiece(small.entries, Drawn([2, 1, 3], ["", "밤늦게"]), form=form)
        a, b = (tokenizer.encode_batch([each], specials=False) for each in (nfc, nfd))
        assert a.ids.tolist() == b.ids.tolist()
        assert a.morphemes.tolist() == b.morphemes.tolist()
        for (s, e), (t, f) in zip(a.spans.tolist(), b.spans.tolist(), strict=True):
            assert unicodedata.normalize("NFC", nfd[t:f]) == unicodedata.normalize("NFC", nfc[s:e])


@pytest.mark.parametrize("form", ["surface", "lemma"])
def test_odd_texts_among_many_equal_odd_texts_alone(small: WordPiece, form: str) -> None:
    tokenizer = MorphemeWordPiece(small.entries, Drawn([2, 3]), form=form)
    texts = ODD + SENTENCES * 20
    together = tokenizer.encode_batch(texts)
    assert tokenizer.engine == "tokie"
    for index, text in enumerate(ODD):
        alone = tokenizer.encode_batch([text])
        row = together.row(index)
        assert together.ids[row].tolist() == alone.ids.tolist()
        assert together.spans[row].tolist() == alone.spans.tolist()
        assert together.morphemes[row].tolist() == alone.morphemes.tolist()


def test_what_an_analyzer_leaves_out_is_not_lost(small: WordPiece) -> None:
    class Half(Drawn):
        def _spans(self, text: str) -> list[tuple[int, int]]:
            return super()._spans(text)[::2]

    for form in ("surface", "lemma"):
        tokenizer = MorphemeWordPiece(small.entries, Half([2]), form=form)
        encoded = tokenizer.encode_batch(["할머니는 밤늦게까지"], specials=False)
        pieces = "".join(piece.removeprefix("##") for piece in tokenizer.tokens(encoded.ids))
        assert pieces.replace("었", "") == "할머니는밤늦게까지"


def test_pairs_and_windows_keep_the_starts(small: WordPiece) -> None:
    tokenizer = MorphemeWordPiece(small.entries, Drawn([3, 1]))
    plain = tokenizer.encode_batch(["할머니는 밤늦게"], specials=False)
    assert plain.morphemes.any() and not plain.morphemes.all()
    pair = tokenizer.encode_batch([("할머니는 밤늦게", "할머니는 밤늦게")])
    none = [False]
    wanted = plain.morphemes.tolist()
    assert pair.morphemes.tolist() == none + wanted + none + wanted + none


def test_no_texts(small: WordPiece) -> None:
    tokenizer = MorphemeWordPiece(small.entries, Drawn([1]))
    assert tokenizer.encode_batch([]).ids.tolist() == []
    assert tokenizer.encode_batch(["", " "], specials=False).cu_seqlens.tolist() == [0, 0, 0]
