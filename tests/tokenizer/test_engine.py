"""tokie is used where it agrees, and dropped where it does not."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from malmoi.tokenizer.bytebpe.model import ByteBPE
from malmoi.tokenizer.encoding.characters import code_points, find_words
from malmoi.tokenizer.wordpiece import engine as engine_module
from malmoi.tokenizer.wordpiece.engine import MOST_CONTRADICTIONS, WORTH_IT, Choice, Engine, _load_tokie
from malmoi.tokenizer.wordpiece.model import WordPiece
from tests.tiny.korean import ODD, SENTENCES
from tests.tiny.pieces import learned

LONG = "\n".join(SENTENCES * 20)


def test_short_texts_do_not_load_tokie(small: WordPiece) -> None:
    engine = Engine(small._library)
    engine.ids(SENTENCES[0])
    assert engine.name == "tokenizers"


def test_long_texts_use_it_and_agree(small: WordPiece) -> None:
    engine = Engine(small._library)
    assert len(LONG) > WORTH_IT
    assert np.array_equal(engine.ids(LONG), engine.reference_ids(LONG.split("\n")))
    assert engine.name == "tokie"
    assert Engine(small._library, "tokenizers").ids(LONG).tolist() == engine.ids(LONG).tolist()


def test_a_fast_library_that_keeps_disagreeing_is_dropped_aloud_and_ids_are_right(small: WordPiece) -> None:
    tokenizer = WordPiece(small.entries)
    # A tokie of another vocabulary: the last merges are missing, so it cuts some words otherwise.
    tokenizer._engine._undecided = False
    other = WordPiece([*small.entries[:200], *(f"[unused{i}]" for i in range(len(small.entries) - 200))])
    tokenizer._engine._tokie = _load_tokie(WordPiece([e for e in other.entries if e != "##니"])._library)
    for _ in range(MOST_CONTRADICTIONS - 1):
        tokenizer.encode_batch(SENTENCES)
        assert tokenizer.engine == "tokie"
    with pytest.warns(UserWarning, match="MM0209"):
        found = tokenizer.encode_batch(SENTENCES)
    assert tokenizer.engine == "tokenizers"
    assert np.array_equal(found.ids, small.encode_batch(SENTENCES).ids)
    assert np.array_equal(found.spans, small.encode_batch(SENTENCES).spans)


def test_where_the_libraries_split_words_differently_the_reference_is_followed(small: WordPiece) -> None:
    # tokenizers 0.23 begins CJK extension E at U+2B920, Unicode (and tokie) at U+2B820.
    lines = [*SENTENCES * 20, "성은 \U0002b893이며 텃밭에"]
    del lines[-2]  # the odd line is not among those the check looks at
    tokenizer = WordPiece(small.entries)
    found = tokenizer.encode_batch(lines, specials=False)
    assert tokenizer.engine == "tokie"
    assert np.array_equal(found.ids, tokenizer._engine.reference_ids(lines))
    last = found.row(len(lines) - 1)
    assert found.spans[last][-1, 1] == len(lines[-1])


def test_a_word_a_line_and_no_space_at_all(small: WordPiece) -> None:
    """tokie cuts long texts at spaces, wherever else they stand: it panicked on both."""
    letters = [entry for entry in small.entries if len(entry) == 1 and "가" <= entry <= "힣"]
    drawn = np.random.default_rng(1).integers(0, len(letters), (20_000, 5))
    words = ["".join(letters[i] for i in row[: 1 + row[0] % 5]) for row in drawn]
    engine = Engine(small._library)
    assert np.array_equal(engine.ids("\n".join(words)), engine.reference_ids(words))
    assert engine.name == "tokie"
    long = "".join(words)
    alone = WordPiece(small.entries).encode_batch([long], specials=False)
    assert (alone.ids.tolist(), alone.spans.tolist()) == ([small.special.unk], [[0, len(long)]])


STONES = ("돌담", "돌문")  # in none of our sentences


class Swapped:
    """A tokie that answers with another entry of the same length: of a pair each in the other's place."""

    def __init__(self, tokie: Any, entries: list[str], pair: tuple[str, str]) -> None:
        self.tokie = tokie
        self.places = np.arange(len(entries))
        one, other = map(entries.index, pair)
        self.places[[one, other]] = other, one

    def encode_batch_flat(self, texts: list[str], add_special_tokens: bool) -> tuple[Any, ...]:
        ids, *rest = self.tokie.encode_batch_flat(texts, add_special_tokens=add_special_tokens)
        return (self.places[np.asarray(ids)], *rest)


def open_tokenizer(kind: str, small: WordPiece, engine: Choice) -> WordPiece | ByteBPE:
    """The small vocabularies; the WordPiece has two words more."""
    if kind == "wordpiece":
        return WordPiece([*small.entries, *STONES], engine=engine)
    taught = learned("bytebpe")
    assert isinstance(taught, ByteBPE)
    return ByteBPE(taught._library, taught.special, engine=engine)


@pytest.mark.parametrize(
    ("kind", "pair", "odd"), [("wordpiece", STONES, "돌담 옆 돌문"), ("bytebpe", ("x", "q"), "x와 q")]
)
def test_another_entry_of_the_same_length_is_found_wherever_it_stands(
    kind: str, pair: tuple[str, str], odd: str, small: WordPiece
) -> None:
    """Lengths and spans agree, and no compared line has either entry: only the letters tell."""
    fast, right = open_tokenizer(kind, small, "auto"), open_tokenizer(kind, small, "tokenizers")
    lines = LONG.split("\n")
    fast.encode_batch(lines)
    assert fast.engine == "tokie"
    fast._engine._tokie = Swapped(fast._engine._tokie, fast.entries, pair)
    lines[1] = odd
    wanted, found = right.encode_batch(lines), fast.encode_batch(lines)
    assert found.ids.tolist() == wanted.ids.tolist()
    assert found.spans.tolist() == wanted.spans.tolist()
    assert (fast.engine, fast._engine._contradictions) == ("tokie", 1)
    if isinstance(fast, WordPiece):
        found_lines = fast.encode_lines("\n".join(lines))
        wanted_ids = right.encode_batch(lines, specials=False).ids
        assert found_lines is not None and found_lines.ids.tolist() == wanted_ids.tolist()


@given(
    st.lists(st.sampled_from([*SENTENCES[::9], "뷁", "뷁이 " + "가" * 101, "", "# ##"]), max_size=8),
    st.data(),
)
@settings(deadline=None, max_examples=100)
def test_ids_that_spell_other_letters_are_never_let_through(
    small: WordPiece, lines: list[str], data: st.DataObject
) -> None:
    """One id put in another's place: refused, unless it is [UNK] for a word of one token."""
    codes = code_points("\n".join(lines))
    words = find_words(small._characters.classes(codes))
    letters, sizes_W = codes[words.kept], np.diff(words.starts, append=len(words.kept))
    ids = small._engine.reference_ids(lines)
    good = small._align(ids, letters, sizes_W)
    assert good is not None and good.sizes_T.sum() == len(letters)
    if len(ids):
        place = data.draw(st.integers(0, len(ids) - 1))
        other = ids.copy()
        other[place] = token = data.draw(st.integers(0, small.vocab_size - 1))
        heads = {*good.heads_W.tolist(), len(ids)}
        alone = token == small.special.unk and {place, place + 1} <= heads
        refused = small._align(other, letters, sizes_W) is None
        assert refused == (token != ids[place] and not alone)


def test_a_fast_library_that_errs_in_a_later_text_is_dropped_at_once(small: WordPiece) -> None:
    engine = Engine(small._library)
    engine.ids(LONG)
    # Another vocabulary with words of the same lengths: only the comparison of lines can tell.
    swapped = [*small.entries[:-2], small.entries[-1], small.entries[-2]]
    engine._tokie = _load_tokie(WordPiece(swapped)._library)
    entry = small.entries[-1].removeprefix("##")
    lines = [line for line in SENTENCES if entry in line] * 100
    text = "\n".join(lines)
    assert len(text) > WORTH_IT
    with pytest.warns(UserWarning, match="MM0209"):
        found = engine.ids(text)
    assert engine.name == "tokenizers"
    assert np.array_equal(found, engine.reference_ids(lines))


def test_entries_that_do_not_spell_their_word_are_noticed_in_any_text(small: WordPiece) -> None:
    """A tokie that gives longer and shorter entries at the right places, in a text whose lines were not
    compared: as many tokens, as many words, and each begins a word where it should."""
    tokenizer = WordPiece(small.entries)
    tokenizer._engine._undecided = False
    known = [sentence.replace("는 ", "이는 ") for sentence in SENTENCES]  # words that are cut into pieces
    used = Counter(small.tokens(small._engine.reference_ids(known)))
    for goes_on in (False, True):
        alike = [entry for entry in small.entries[5:] if entry.startswith("##") == goes_on]
        one = max(alike, key=lambda entry: used[entry])
        two = next(entry for entry in alike if len(entry) != len(one))
        swap = {one: two, two: one}
        other = WordPiece([swap.get(entry, entry) for entry in small.entries])
        tokenizer._engine._tokie = _load_tokie(other._library)
        texts = [text for text in known if one in small.tokens(small._engine.reference_ids([text]))][:4]
        found = tokenizer.encode_batch(texts, specials=False)
        assert texts and tokenizer.engine == "tokie", "few contradictions are forgiven"
        assert found.ids.tolist() == small._engine.reference_ids(texts).tolist()
        lines = tokenizer.encode_lines("\n".join(texts))
        assert lines is not None and lines.ids.tolist() == found.ids.tolist()


@given(st.lists(st.sampled_from([*SENTENCES[::9], *ODD, "뷁", "a" * 100, "#", "##"]), max_size=12))
@settings(deadline=None, max_examples=150)
def test_each_word_once_gives_the_same_ids_and_spans(small: WordPiece, lines: list[str]) -> None:
    """Without tokie, long texts are encoded word by word; here all texts are long."""
    expected = small.encode_batch(lines, specials=False)
    plain = WordPiece(small.entries, engine="tokenizers")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine_module, "WORTH_IT", 0)
        found = plain.encode_batch(lines, specials=False)
    assert found.ids.tolist() == expected.ids.tolist()
    assert found.spans.tolist() == expected.spans.tolist()


def test_long_texts_without_tokie_do_not_reach_the_library_line_by_line(
    small: WordPiece, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = WordPiece(small.entries, engine="tokenizers")
    expected = small.encode_batch(LONG.split("\n"), specials=False).ids
    monkeypatch.setattr(Engine, "reference_ids", lambda self, lines: pytest.fail("line by line"))
    lines = plain.encode_lines(LONG)
    assert lines is not None
    assert lines.ids.tolist() == expected.tolist()
    nothing = plain.encode_lines(" \n" * WORTH_IT)
    assert nothing is not None
    assert len(nothing.ids) == 0
