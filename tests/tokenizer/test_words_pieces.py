"""User words among pieces (unigram, bpe, bytebpe): whole wherever they stand, and texts on both sides."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
from hypothesis import given, settings

from malmoi.errors import MalmoiError
from malmoi.shards.format import tokenizer_digest
from malmoi.tokenizer import Tokenizer, load_tokenizer
from malmoi.tokenizer.bytebpe.model import ByteBPE
from malmoi.tokenizer.config import TokenizerConfig
from malmoi.tokenizer.learner import LearningTask, learn
from malmoi.tokenizer.sentencepiece import spm
from malmoi.tokenizer.sentencepiece.model import SentencePiece
from tests.tiny.pieces import SHARED
from tests.tokenizer.test_words import KOREAN, WORDS, cut

SIZES: dict[str, int] = {"unigram": 176, "bpe": 232, "bytebpe": 380}
PIECES: list[str] = ["unigram", "bpe", "bytebpe"]


@cache
def pieces(kind: str) -> Tokenizer:
    config = TokenizerConfig(kind=kind, vocab_size=SIZES[kind] + len(WORDS))
    return learn(LearningTask(config, lambda: iter([SHARED]), "corpus", words=WORDS)).tokenizer


@cache
def without(kind: str) -> Tokenizer:
    """The same pieces, and no word is looked for."""
    made = pieces(kind)
    if isinstance(made, ByteBPE):
        return ByteBPE(made._library, made.special)
    assert isinstance(made, SentencePiece)
    hidden = [replace(p, type=spm.CONTROL) if p.type == spm.USER_DEFINED else p for p in made.model.pieces]
    return SentencePiece(replace(made.model, pieces=tuple(hidden)))


@pytest.mark.parametrize("kind", PIECES)
@given(text=KOREAN)
@settings(max_examples=200, deadline=None)
def test_pieces_lie_around_words_as_around_texts(kind: str, text: str) -> None:
    """Leftmost, longest; what stands on both sides is cut as a text of its own."""
    tokenizer, text = pieces(kind), unicodedata.normalize("NFC", text)
    expected, at, begin = [], 0, 0
    strings = sorted([*WORDS, "[MASK]", "[SEP]"], key=len, reverse=True)

    while at < len(text):
        word = next((word for word in strings if text.startswith(word, at)), None)
        if word in WORDS:
            expected += [*cut(without(kind), text[begin:at]), (word, word)]
            begin = at + len(word)
        at += len(word) if word else 1
    assert cut(tokenizer, text) == [*expected, *cut(without(kind), text[begin:])]


@pytest.mark.parametrize("kind", PIECES)
@given(text=KOREAN)
@settings(max_examples=100, deadline=None)
def test_spans_of_pieces_around_words(kind: str, text: str) -> None:
    for form in ("NFC", "NFD"):
        shown = unicodedata.normalize(form, text)
        encoded = pieces(kind).encode_batch([shown], specials=False)
        before = 0
        for token, (a, b) in zip(pieces(kind).tokens(encoded.ids), encoded.spans.tolist(), strict=True):
            assert before <= a < b <= len(shown)
            before = a
            if token in WORDS:
                assert unicodedata.normalize("NFC", shown[a:b]) == token


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_sentencepiece_finds_the_words_of_a_saved_model(kind: str, tmp_path: Path) -> None:
    pieces(kind).save(tmp_path)
    library = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "tokenizer.model"))
    found = library.encode("새말모이를 세종 대왕이 C++", out_type=str)
    assert {"말모이", "세종▁대왕", "C++"} <= set(found)
    assert library.encode("동생 말모이를", out_type=str) == ["▁동생", "▁", "말모이", "를"]
    again = load_tokenizer(tmp_path)
    texts = ["새말모이를", "세종 대왕이", "[MASK]말모이책"]
    ours, same = pieces(kind).encode_batch(texts), again.encode_batch(texts)
    assert np.array_equal(ours.ids, same.ids) and np.array_equal(ours.spans, same.spans)
    assert again.tokens(range(again.vocab_size)) == pieces(kind).tokens(range(again.vocab_size))
    (tmp_path / "again").mkdir()
    again.save(tmp_path / "again")
    assert tokenizer_digest(tmp_path) == tokenizer_digest(tmp_path / "again")
    about = json.loads((tmp_path / "malmoi.json").read_text("utf-8"))
    (tmp_path / "malmoi.json").write_text(json.dumps(about | {"words": ["없는말"]}), "utf-8")
    with pytest.raises(MalmoiError, match=r"MM0203.*없는말"):
        load_tokenizer(tmp_path)


def test_pieces_are_learned_from_what_is_not_a_word() -> None:
    """Entries that hold a word would never be met."""
    for kind in ("unigram", "bpe"):
        config = TokenizerConfig(kind=kind, vocab_size=SIZES[kind])
        found = learn(
            LearningTask(config, lambda: iter([SHARED]), "corpus", words=("할머니", "콩나물", "도서관"))
        )
        entries = found.tokenizer.tokens(range(found.tokenizer.learned))
        assert [entry for entry in entries if "할머니" in entry] == ["할머니"]
        assert found.tokenizer.learned == SIZES[kind]
