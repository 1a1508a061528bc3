"""Learning: reproducible, equal to plain pair merging, and complete in its alphabet."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections import Counter
from itertools import pairwise

from malmoi.tokenizer.wordpiece.model import WordPiece
from malmoi.tokenizer.wordpiece.train import Learned, learn_wordpiece
from tests.tiny.korean import SENTENCES, TEXT


def _learn(text: str, size: int, limit: int = 500, frequency: int = 2) -> Learned:
    return learn_wordpiece(lambda: [text], size=size, limit_alphabet=limit, min_frequency=frequency)


def _merge_slowly(words: Counter[str], alphabet: list[str], merges: int) -> list[str]:
    """Pair merging in its plainest form: the commonest pair first, of equals the one with lower ids."""
    ids = {entry: index for index, entry in enumerate(alphabet)}
    split = {word: [word[0], *(f"##{char}" for char in word[1:])] for word in words}
    made: list[str] = []
    while len(made) < merges:
        pairs: Counter[tuple[str, str]] = Counter()
        for word, pieces in split.items():
            for pair in pairwise(pieces):
                pairs[pair] += words[word]
        left, right = min(pairs, key=lambda pair: (-pairs[pair], ids[pair[0]], ids[pair[1]]))
        new = left + right.removeprefix("##")
        if new not in ids:
            ids[new] = len(ids)
            made.append(new)
        for word, pieces in split.items():
            merged: list[str] = []
            for piece in pieces:
                if merged and merged[-1] == left and piece == right:
                    merged[-1] = new
                else:
                    merged.append(piece)
            split[word] = merged
    return made


def test_pieces_are_those_of_plain_pair_merging() -> None:
    words = Counter(word for word in re.findall(r"[가-힣]+", TEXT) if len(word) > 1)
    text = " ".join(words.elements())
    letters = sorted(set(text) - {" "})
    alphabet = [form for letter in letters for form in (letter, f"##{letter}")]
    learned = _learn(text, size=len(alphabet) + 60)
    assert learned.entries[: len(alphabet)] == alphabet
    assert learned.entries[len(alphabet) :] == _merge_slowly(words, alphabet, 60)


def test_same_text_gives_the_same_vocabulary_in_every_process() -> None:
    code = """
import hashlib
from tests.tokenizer.learn.test_wordpiece_learn import _learn
from tests.tiny.korean import TEXT
print(hashlib.sha256("\\n".join(_learn(TEXT, 400).entries).encode()).hexdigest())
"""
    here = hashlib.sha256("\n".join(_learn(TEXT, 400).entries).encode()).hexdigest()
    for seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert run.stdout.strip() == here


def test_every_letter_has_both_forms_so_no_word_of_known_letters_is_unknown(small: WordPiece) -> None:
    entries = set(small.entries)
    letters = {char for char in TEXT if "가" <= char <= "힣"}
    assert {f"##{char}" for char in letters} <= entries
    assert letters <= entries
    backwards = [sentence[::-1] for sentence in SENTENCES]
    assert small.special.unk not in small.encode_batch(backwards, specials=False).ids


def test_what_always_stands_alone_has_one_form() -> None:
    entries = _learn(TEXT, 400).entries
    assert {"(", ")", "菜", "田", "~", "!"} <= set(entries)
    assert not {"##(", "##菜", "##!"} & set(entries)


def test_rarest_characters_are_dropped_and_their_words_teach_nothing() -> None:
    learned = _learn("가나 가나 가나 가갉 나갉 나나", size=40, limit=2, frequency=1)
    assert (learned.alphabet, learned.forms, learned.dropped) == (2, 4, 1)
    assert learned.entries == ["가", "##가", "나", "##나", "가나", "나나"]


def test_equally_rare_characters_go_by_code_point() -> None:
    assert _learn("나가다", size=40, limit=2, frequency=9).entries == ["가", "##가", "나", "##나"]


def test_decomposed_text_teaches_composed_pieces() -> None:
    import unicodedata

    assert _learn(unicodedata.normalize("NFD", TEXT), 300).entries == _learn(TEXT, 300).entries


def test_words_longer_than_bert_reads_teach_nothing() -> None:
    assert _learn("가나" * 60 + " " + "가나" * 60, size=40).entries == ["가", "##가", "나", "##나"]
