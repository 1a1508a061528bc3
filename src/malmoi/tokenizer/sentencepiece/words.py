"""A text's words as SentencePiece's trainer is given them: composed, of kept characters, and not too many."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from malmoi.hangul.nfc import composed
from malmoi.tokenizer.encoding.characters import LONGEST_WORD, code_points
from malmoi.tokenizer.encoding.spaces import IS_SPACE
from malmoi.tokenizer.encoding.user_words import cut_out
from malmoi.tokenizer.learner import LearningTask
from malmoi.tokenizer.sentencepiece import spm

MOST_WORDS = 2_500_000
"""unigram takes about 900 bytes for each different word: .6 GB for the 633,531 in 30 MB of encyclopedia, 1.9
GB for 100 MB. Where more are met, those met once are left out: two thirds, and the least sure to be words."""
_BUCKETS = 1 << 26


@dataclass(frozen=True, slots=True)
class Survey:
    """What a first reading of the text finds."""

    characters: list[str]
    """The commonest first."""
    counts: bytes | None
    """How often words were met (255 at most), by a 26-bit checksum, so that words may share one; None where
    they are few enough to be all kept."""


def survey(task: LearningTask) -> Survey:
    """Read the text once."""
    characters = np.zeros(0x110000, np.int64)
    words = np.zeros(_BUCKETS, np.uint8) if task.config.kind == "unigram" else np.zeros(0, np.uint8)
    for block in task.blocks():
        composed = _between(block, task.words)
        characters += np.bincount(code_points(composed), minlength=0x110000)
        if len(words):
            buckets = np.fromiter(map(_bucket, composed.split()), np.int64)
            met, times = np.unique(buckets, return_counts=True)
            words[met] = np.minimum(255, words[met] + times)
        task.advance(len(block.encode()))
    characters[IS_SPACE] = 0
    characters[[0, ord(spm.SPACE)]] = 0  # SentencePiece keeps both for itself
    seen = np.flatnonzero(characters)
    many = np.count_nonzero(words) > MOST_WORDS
    return Survey(
        [chr(code) for code in seen[np.lexsort((seen, -characters[seen]))]], words.tobytes() if many else None
    )


def lines(
    task: LearningTask, known: frozenset[str], counts: bytes | None, advance: Callable[[float], None]
) -> Iterator[str]:
    """Lines without the words that hold a character not `known`, that are too long, or that are one of very
    many met once."""
    for block in task.blocks():
        for line in _between(block, task.words).split("\n"):
            words = line.split()
            odd = set(line).difference(known)
            words = [word for word in words if len(word) <= LONGEST_WORD and odd.isdisjoint(word)]
            if counts is not None:
                words = [word for word in words if counts[_bucket(word)] > 1]
            if words:
                yield " ".join(words)
        advance(len(block.encode()))


def _bucket(word: str) -> int:
    # Not hash(), which differs in each process.
    return crc32(word.encode()) % _BUCKETS


def _between(block: str, words: Sequence[str]) -> str:
    """The text that is not the user's words, composed: it is all that pieces will have to spell."""
    return cut_out(composed(block), words) if words else composed(block)
