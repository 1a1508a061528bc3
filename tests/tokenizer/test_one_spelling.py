"""What the corpus stage makes of Hangul and what a tokenizer makes of it are the same characters."""

from __future__ import annotations

import json
import unicodedata
from copy import copy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.corpus.characters import clean_characters
from malmoi.errors import MalmoiError
from malmoi.hangul.spelling import respell
from malmoi.shards.format import tokenizer_digest
from malmoi.tokenizer import Tokenizer, load_tokenizer
from malmoi.tokenizer.about import ABOUT
from malmoi.tokenizer.config import TokenizerConfig
from malmoi.tokenizer.encoding.frame import compose_all, respell_all
from malmoi.tokenizer.extend import extend
from malmoi.tokenizer.same import Change, contradictions, deviations
from malmoi.tokenizer.train import train_tokenizer
from malmoi.tokenizer.wordpiece.model import WordPiece
from tests.tiny.corpus import make_corpus
from tests.tiny.korean import SENTENCES, TEXT
from tests.tiny.pieces import KINDS, learned

LETTERS = "할머니는 동생ㅋㄱㅏ"
LETTERS += "\u110f\u1112\u1161\u119e\u11ab\u11f0\u115f\u1160\u3164\uffa1\uffbe\uffc2\uffa4\uffa0"
LETTERS += unicodedata.normalize("NFD", "할각")


def spelling(tokenizer: Tokenizer) -> Tokenizer:
    twin = copy(tokenizer)
    twin.one_spelling = True
    return twin


@given(st.lists(st.text(LETTERS, max_size=12), min_size=1, max_size=4))
def test_ids_are_those_of_the_cleaned_text(texts: list[str]) -> None:
    cleaned = [clean_characters(unicodedata.normalize("NFC", text), 0).text for text in texts]
    for kind in KINDS:
        tokenizer = spelling(learned(kind))
        ours, theirs = tokenizer.encode_batch(texts), tokenizer.encode_batch(cleaned)
        assert ours.ids.tolist() == theirs.ids.tolist()
        assert ours.cu_seqlens.tolist() == theirs.cu_seqlens.tolist()


@given(st.text(LETTERS, max_size=12))
def test_each_character_knows_where_it_comes_from(text: str) -> None:
    texts, ways = compose_all([text])
    respell_all(texts, ways)
    assert texts == [respell(unicodedata.normalize("NFC", text))]
    if not ways:
        assert texts == [text]
        return
    way = ways[0]
    assert len(way) == len(texts[0])
    assert (way[:, 0] < way[:, 1]).all() and (np.diff(way, axis=0) >= 0).all()
    assert {place for start, end in way.tolist() for place in range(start, end)} == set(range(len(text)))
    for char, (start, end) in zip(texts[0], way.tolist(), strict=True):
        part = respell(unicodedata.normalize("NFC", text[start:end]))
        assert char in part or end - start == 1  # a letter alone may be spelled otherwise than in its word


def test_every_text_of_several_is_respelled() -> None:
    """Those without anything odd stand before, between and behind the others."""
    texts, ways = compose_all(
        ["마당", "\uffbe\uffc2", "강가", unicodedata.normalize("NFD", "할") + "\u110f", "밤"]
    )
    respell_all(texts, ways)
    assert texts == ["마당", "하", "강가", "할ㅋ", "밤"] and set(ways) == {1, 3}
    assert ways[1].tolist() == [[0, 2]] and ways[3].tolist() == [[0, 3], [3, 4]]


def test_spans_are_in_the_characters_that_were_given(small: WordPiece) -> None:
    text = "\uffbe\uffc2\uffa9머니는 \u110f\u110f 마당"  # half-width 할
    found = spelling(small).encode_batch([text], specials=False)
    assert next(text[a:b] for a, b in found.spans.tolist()).startswith("\uffbe\uffc2\uffa9")
    plain = small.encode_batch(["할머니는 ㅋㅋ 마당"], specials=False)
    assert found.ids.tolist() == plain.ids.tolist()
    assert (found.spans[:, 1] - found.spans[:, 0]).sum() == len(text.replace(" ", ""))
    assert small.encode_batch([text], specials=False).ids.tolist() != plain.ids.tolist()


def test_lines_of_shards_are_encoded_the_same(small: WordPiece) -> None:
    tokenizer = spelling(small)
    assert isinstance(tokenizer, WordPiece)
    assert tokenizer.encode_lines("할머니는\n\u110f\u110f") is None  # goes the careful way
    for text in ("할머니는\n동생", "\u1112\u119e\u11ab 마당"):
        lines = tokenizer.encode_lines(text)
        rows = tokenizer.encode_batch(text.split("\n"), specials=False)
        assert lines is not None and lines.ids.tolist() == rows.ids.tolist()


def test_what_is_learned_says_so_and_a_peer_s_is_left_as_it_is(small: WordPiece, tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path / "corpus", [TEXT], [TEXT[:300]])
    train_tokenizer(TokenizerConfig(vocab_size=260), corpus, tmp_path / "ours")
    assert (
        json.loads((tmp_path / "ours" / ABOUT).read_text("utf-8"))["normalize"]
        == "NFC, one spelling of Hangul"
    )
    for path in (tmp_path / "ours", tmp_path / "ours" / "vocab.txt"):
        ours = load_tokenizer(path)
        assert ours.one_spelling
        assert ours.encode_batch(["\uffbe\uffc2"]).ids.tolist() == ours.encode_batch(["하"]).ids.tolist()
    ours.save(tmp_path / "again")
    assert load_tokenizer(tmp_path / "again").one_spelling
    (tmp_path / "peer").mkdir()
    (tmp_path / "peer" / "vocab.txt").write_text("".join(f"{e}\n" for e in small.entries), "utf-8")
    assert not load_tokenizer(tmp_path / "peer").one_spelling


def test_another_normalization_is_refused(small: WordPiece, tmp_path: Path) -> None:
    small.save(tmp_path)
    about = json.loads((tmp_path / ABOUT).read_text("utf-8"))
    (tmp_path / ABOUT).write_text(json.dumps(about | {"normalize": "NFKC"}), "utf-8")
    with pytest.raises(MalmoiError, match=r"MM0203.*normalize"):
        load_tokenizer(tmp_path)


def test_the_same_entries_with_another_spelling_are_told_apart(small: WordPiece) -> None:
    after = spelling(small)
    assert list(contradictions(small, after)) == []
    change = Change("normalize", "NFC", "NFC, one spelling of Hangul")
    assert list(deviations(small, after, tokenizer_digest)) == [change]
    assert extend(after, ["말모이"]).one_spelling  # type: ignore[arg-type]


def test_usual_text_pays_nothing(small: WordPiece) -> None:
    texts, ways = list(SENTENCES), {}
    respell_all(texts, ways)
    assert texts == list(SENTENCES) and not ways
