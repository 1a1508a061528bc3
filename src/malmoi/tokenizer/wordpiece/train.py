"""Learn a WordPiece vocabulary from blocks of text: the same text gives the same vocabulary, byte for byte.

The library's own WordPiece trainer does not (two runs on one text differ in ids and in entries): it numbers
the `##x` forms in the order of a randomly seeded hash map, and ties between pairs go by those numbers. So
each character is written as one of two private-use characters, for `x` and for `##x`, and the library's plain
pair merging, deterministic once the alphabet is given, does the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer as Library
from tokenizers import models, pre_tokenizers, trainers

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.hangul.nfc import composed
from malmoi.special import SPECIAL_TOKENS
from malmoi.tokenizer.config import TokenizerConfig
from malmoi.tokenizer.encoding.characters import (
    ALONE,
    LETTER,
    LONGEST_WORD,
    Characters,
    Words,
    code_points,
    find_words,
)
from malmoi.tokenizer.encoding.user_words import fit_words
from malmoi.tokenizer.learner import LearningTask, Result
from malmoi.tokenizer.morpheme.marked import MARK, bert_characters
from malmoi.tokenizer.wordpiece.model import PREFIX, WordPiece

PRIVATE = 0x100000
"""Plane 16: 65,534 private-use characters, two for each of at most 30,000 characters."""
PIECE = 65_536
_SPACE = 0x20
_MARK = ord(MARK)


@dataclass(frozen=True)
class Learned:
    """Entries without special tokens: single characters first, then merges in the order they were made."""

    entries: list[str]
    alphabet: int
    """Characters kept."""
    forms: int
    """Entries they take: two for a letter, one for what always stands alone."""
    dropped: int
    """Characters seen but too rare for the limit; words that hold one become [UNK]."""


def learn(task: LearningTask) -> Result:
    """Learn exactly as many entries as asked. Raises MM0207 and MM0212 with a number that will do."""
    config = task.config

    def blocks() -> Iterator[str]:
        for block in task.blocks():
            yield block
            task.advance(len(block.encode()))

    learned = with_words(learn_exactly(config, blocks, task.corpus), task.words, task)
    tokenizer = WordPiece(fill(config, learned), learned=config.vocab_size - config.unused, words=task.words)
    return Result(tokenizer, {"alphabet": learned.alphabet, "alphabet_dropped": learned.dropped})


def with_words(learned: Learned, words: Sequence[str], task: LearningTask) -> Learned:
    """The same number of entries with `words` among them. Raises MM0212 where characters leave no room."""
    room, size = len(learned.entries), task.config.vocab_size
    if learned.forms + len(words) > room:
        needed = size - room + learned.forms + len(words)
        raise MalmoiError(Code.NO_ROOM_FOR_CHARACTERS, task.corpus, vocab_size=size, needed=needed)
    return replace(learned, entries=fit_words(learned.entries, words, room))


def learn_exactly(
    config: TokenizerConfig, blocks: Callable[[], Iterable[str]], corpus: str, *, marked: bool = False
) -> Learned:
    """As many entries as `config` has room for. Raises MM0207 and MM0212 with a number that will do."""

    def attempt(size: int, limit: int) -> Learned:
        return learn_wordpiece(
            blocks, size=size, limit_alphabet=limit, min_frequency=config.min_frequency, marked=marked
        )

    fixed = len(SPECIAL_TOKENS) + config.unused
    room = config.vocab_size - fixed
    # One more than there is room for: does the data hold more, or is it used up?
    learned = attempt(room + 1, config.limit_alphabet)
    found = len(learned.entries)
    if found < room:
        raise MalmoiError(Code.TOO_FEW_PAIRS, corpus, asked=config.vocab_size, filled=fixed + found)
    if found > room and learned.forms > room // 2:
        # 6,000 characters take 12,000 entries; a small vocabulary is better spent on pieces.
        fewer = attempt(room, max(1, room // 4))
        if len(fewer.entries) == room:
            return fewer
    if learned.forms > room:
        needed = fixed + learned.forms
        raise MalmoiError(Code.NO_ROOM_FOR_CHARACTERS, corpus, vocab_size=config.vocab_size, needed=needed)
    return replace(learned, entries=learned.entries[:room])


def fill(config: TokenizerConfig, learned: Learned) -> list[str]:
    """All entries in id order; [unused] ones last, as many as asked and up to the next multiple of 8.

    A matrix of 32,001 rows is slower than one of 32,008 on a GPU, and a model padded behind the vocabulary's
    back no longer fits its vocab.txt: so the filling is part of the vocabulary.
    """
    entries = [*SPECIAL_TOKENS, *learned.entries]
    unused = config.unused + -(len(entries) + config.unused) % 8
    return entries + [f"[unused{index}]" for index in range(unused)]


def learn_wordpiece(
    blocks: Callable[[], Iterable[str]],
    *,
    size: int,
    limit_alphabet: int,
    min_frequency: int,
    marked: bool = False,
) -> Learned:
    """Learn at most `size` entries, or as many as the characters alone take.

    Each kept character gets an entry `x`, and `##x` too unless it always stands alone (punctuation, hanja):
    no word of kept characters is ever [UNK]. `blocks()` is called twice and must give the same text.
    `marked` text is NFC, and a word in it that begins with MARK consists of `##x` forms only.
    """
    characters = bert_characters()
    kept, dropped = _alphabet(_codes(blocks(), marked), characters, limit_alphabet)
    letters = kept[characters.classes(kept) == LETTER]
    alone = kept[characters.classes(kept) == ALONE]
    # Two private characters per letter: even for the start of a word, odd for its inside.
    private_of = np.zeros(0x110000, np.uint32)
    private_of[letters] = PRIVATE + 2 * np.arange(len(letters), dtype=np.uint32)
    library = Library(models.BPE())
    library.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(
        vocab_size=max(0, size - len(alone)),
        min_frequency=min_frequency,
        initial_alphabet=[chr(PRIVATE + index) for index in range(2 * len(letters))],
        special_tokens=[],
        show_progress=False,
    )
    library.train_from_iterator(_private_words(_codes(blocks(), marked), characters, private_of), trainer)
    vocab = library.get_vocab()
    public = [_public(entry, letters) for entry in sorted(vocab, key=lambda entry: vocab[entry])]
    entries = [chr(code) for code in alone] + public
    return Learned(entries, len(kept), len(alone) + 2 * len(letters), dropped)


def _alphabet(
    blocks: Iterable[NDArray[np.uint32]], characters: Characters, limit: int
) -> tuple[NDArray[np.uint32], int]:
    counts = np.zeros(0x110000, np.int64)
    for codes in blocks:
        counts += np.bincount(codes, minlength=0x110000)
    counts[_MARK] = 0
    seen = np.flatnonzero(counts).astype(np.uint32)
    seen = seen[characters.classes(seen) <= ALONE]
    by_count = seen[np.lexsort((seen, -counts[seen]))]
    return np.sort(by_count[:limit]), max(0, len(seen) - limit)


def _codes(blocks: Iterable[str], marked: bool) -> Iterator[NDArray[np.uint32]]:
    for block in blocks:
        # Composing would turn the mark into a letter; marked text is composed already.
        yield code_points(block if marked else composed(block))


def _private_words(
    blocks: Iterable[NDArray[np.uint32]], characters: Characters, private_of: NDArray[np.uint32]
) -> Iterator[str]:
    """Words as private characters, between spaces, in strings of about PIECE characters."""
    for codes in blocks:
        words = find_words(characters.classes(codes))
        line = _private_line(codes, words, private_of)
        start = 0
        while start < len(line):
            end = line.find(" ", start + PIECE)
            end = len(line) if end < 0 else end
            yield line[start:end]
            start = end


def _private_line(codes: NDArray[np.uint32], words: Words, private_of: NDArray[np.uint32]) -> str:
    if not len(words.starts):
        return ""
    kept_K = codes[words.kept]
    private_K, mark_K = private_of[kept_K], kept_K == _MARK
    sizes = np.diff(words.starts, append=len(private_K))
    whole = np.minimum.reduceat(np.where(mark_K, PRIVATE, private_K), words.starts) > 0
    letters_W = sizes - mark_K[words.starts]
    # Words of one character have no pair to merge; words with a dropped character are [UNK] anyway.
    wanted = whole & (letters_W > 1) & (sizes <= LONGEST_WORD)
    inside = np.ones(len(private_K), np.uint32)
    inside[words.starts] = 0
    chosen = np.repeat(wanted, sizes) & ~mark_K
    letters = (private_K + inside)[chosen]
    sizes = letters_W[wanted]
    line = np.full(len(letters) + len(sizes), _SPACE, np.uint32)
    line[np.arange(len(letters)) + np.repeat(np.arange(len(sizes)), sizes)] = letters
    return line.tobytes().decode("utf-32-le")


def _public(private: str, letters: NDArray[np.uint32]) -> str:
    codes = [ord(char) - PRIVATE for char in private]
    shown = "".join(chr(letters[code // 2]) for code in codes)
    return PREFIX + shown if codes[0] % 2 else shown
