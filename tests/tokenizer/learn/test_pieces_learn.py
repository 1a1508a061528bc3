"""Learning unigram, bpe and bytebpe: same text, same files; what cannot be is said with numbers that work."""

from __future__ import annotations

import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from malmoi.errors import MalmoiError
from malmoi.special import SpecialIds
from malmoi.tokenizer.learner import LearningTask, learn
from malmoi.tokenizer.sentencepiece import words
from malmoi.tokenizer.sentencepiece.model import SentencePiece
from malmoi.tokenizer.sentencepiece.train import GRID
from malmoi.tokenizer.sentencepiece.words import lines, survey
from tests.tiny.pieces import KINDS, SHARED, SIZES, learned, task

SENTENCEPIECE: list[str] = ["unigram", "bpe"]


def _files(kind: str, folder: Path, text: str = SHARED) -> dict[str, bytes]:
    learn(task(kind, text)).tokenizer.save(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_text_gives_the_same_files(kind: str, tmp_path: Path) -> None:
    first = _files(kind, tmp_path / "a")
    assert first == _files(kind, tmp_path / "b")
    # However it is decomposed or spaced.
    odd = unicodedata.normalize("NFD", SHARED).replace(" ", "\u3000 \t")
    assert first == _files(kind, tmp_path / "c", odd)


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_do_not_matter(kind: str, tmp_path: Path) -> None:
    whole = _files(kind, tmp_path / "a")
    lines = SHARED.splitlines(keepends=True)
    read: list[float] = []
    parts = LearningTask(task(kind).config, lambda: iter(lines), "corpus", read.append)
    learn(parts).tokenizer.save(tmp_path / "b")
    assert {path.name: path.read_bytes() for path in (tmp_path / "b").iterdir()} == whole
    assert sum(read) == 2 * len(SHARED.encode())


@pytest.mark.parametrize("kind", KINDS)
def test_filled_up_to_a_multiple_of_eight_with_entries_no_text_has(kind: str) -> None:
    size = SIZES[kind] - 3
    tokenizer = learn(task(kind, vocab_size=size, unused=2)).tokenizer
    assert tokenizer.learned == size - 2
    assert tokenizer.vocab_size == -(-size // 8) * 8
    filling = tokenizer.tokens(range(tokenizer.learned, tokenizer.vocab_size))
    assert filling == [f"[unused{index}]" for index in range(len(filling))]
    assert not tokenizer.tokens([tokenizer.learned - 1])[0].startswith("[unused")


@pytest.mark.parametrize("kind", SENTENCEPIECE)
def test_special_tokens_stand_where_kobert_has_them(kind: str) -> None:
    tokenizer = learned(kind)
    assert tokenizer.tokens(range(5)) == ["[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]"]
    assert tokenizer.special == SpecialIds(pad=1, unk=0, cls=2, sep=3, mask=4)


def test_scores_lie_on_the_grid_that_makes_sums_exact() -> None:
    tokenizer = learned("unigram")
    assert isinstance(tokenizer, SentencePiece)
    scores = [piece.score * GRID for piece in tokenizer.model.pieces]
    assert all(score == int(score) for score in scores)
    assert len(set(scores)) > 50


@pytest.mark.parametrize("kind", SENTENCEPIECE)
def test_rare_characters_give_way_and_their_words_are_not_learned(kind: str) -> None:
    rare = " ".join(chr(0x5000 + index) + "가나" for index in range(200))
    result = learn(task(kind, SHARED + rare, limit_alphabet=100, vocab_size=160))
    assert 0 < result.counts["alphabet"] <= 100
    assert result.counts["alphabet_dropped"] >= 200
    entries = result.tokenizer.tokens(range(result.tokenizer.vocab_size))
    assert not any("\u5000" <= char < "\u50c8" for entry in entries for char in entry)
    assert not any("가나" in entry for entry in entries)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("unused", [0, 7])
def test_more_than_the_text_fills_names_a_size_that_works(kind: str, unused: int) -> None:
    with pytest.raises(MalmoiError) as error:
        learn(task(kind, vocab_size=30_000, unused=unused))
    assert error.value.code == ("MM0207" if kind == "bytebpe" else "MM0230")
    filled = error.value.values["filled"]
    assert f"--set tokenizer.vocab_size={filled} " in error.value.do
    tokenizer = learn(task(kind, vocab_size=filled, unused=unused)).tokenizer
    assert tokenizer.learned == filled - unused


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("vocab_size", "unused"), [(16, 0), (16, 100), (60, 50)])
def test_no_room_names_a_size_that_works(kind: str, vocab_size: int, unused: int) -> None:
    with pytest.raises(MalmoiError) as error:
        learn(task(kind, vocab_size=vocab_size, unused=unused))
    assert error.value.code == "MM0232"
    needed = error.value.values["needed"]
    assert learn(task(kind, vocab_size=needed, unused=unused)).tokenizer.learned == needed - unused


@pytest.mark.parametrize("kind", SENTENCEPIECE)
def test_text_without_a_word_to_learn(kind: str) -> None:
    with pytest.raises(MalmoiError, match="MM0211"):
        learn(task(kind, " \n\u3000\n"))
    with pytest.raises(MalmoiError, match="MM0211"):
        learn(task(kind, "가나" * 100))
    with pytest.raises(MalmoiError, match="MM0234") as error:
        learn(task(kind, "가나 나다 다라 라마 가마", limit_alphabet=1))
    assert error.value.do == "keep more: --set tokenizer.limit_alphabet=5"


def test_bytes_are_all_there_and_nothing_is_unknown() -> None:
    tokenizer = learned("bytebpe")
    every = "".join(map(chr, [*range(0x300), *range(0xD7F0, 0xD800), 0xE000, 0x10FFFF, 0x1F44D]))
    encoded = tokenizer.encode_batch([every], specials=False)
    assert tokenizer.special.unk not in encoded.ids
    assert encoded.spans[-1].tolist() == [len(every) - 1, len(every)]


def test_among_too_many_words_those_met_once_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "나무가 나무를 나무가 나무를 " + SHARED + "가재미"
    everything = task("unigram", text)
    read = survey(everything)
    assert read.counts is None
    monkeypatch.setattr(words, "MOST_WORDS", 100)
    counts = survey(everything).counts
    assert counts is not None
    left = [
        word
        for line in lines(everything, frozenset(read.characters), counts, lambda n: None)
        for word in line.split()
    ]
    often = Counter(text.split())
    assert left == [word for word in text.split() if often[word] > 1]
    assert 0 < len(set(left)) < len(often)
    pieces = learn(task("unigram", text, vocab_size=148)).tokenizer
    assert "재" in pieces.tokens(range(pieces.vocab_size))  # a character of 가재미 alone
