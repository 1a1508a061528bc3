"""Learn a SentencePiece vocabulary, unigram or BPE: the same text gives the same model, byte for byte.

Text goes in composed, one space between words, nothing rewritten and nothing drawn by lot. Ids of the special
tokens are KoBERT's. Scores are rounded to a grid, so that other libraries cut alike (`spm_json`).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import sentencepiece
from numpy.typing import NDArray

from malmoi.errors import MalmoiError
from malmoi.special import SPECIAL_TOKENS
from malmoi.tokenizer import nfc, spm
from malmoi.tokenizer.characters import code_points
from malmoi.tokenizer.learn.task import Result, Task
from malmoi.tokenizer.sentencepiece import SentencePiece
from malmoi.tokenizer.stream import IS_SPACE

LONGEST_WORD = 100
"""Longer words are rarely words; the trainer's time goes with the square of a word's length."""
GRID = 1024
"""Scores are multiples of 1 / GRID: sums down to -16,384, 500 characters at 30, are exact in 32 bits."""
LEAST = 16
THREADS = 1
"""Sums of expectations depend on how the words are dealt out to threads, so it is always the same number."""


def learn(task: Task) -> Result:
    """Learn exactly as many pieces as asked. Raises MM0230 (too few words) and MM0232 (no room)."""
    config = task.config
    room = config.vocab_size - len(SPECIAL_TOKENS) - config.unused
    if room < LEAST // 2:
        needed = len(SPECIAL_TOKENS) + config.unused + LEAST
        raise MalmoiError("MM0232", task.corpus, vocab_size=config.vocab_size, needed=needed)
    kept, dropped = _alphabet(task, min(config.limit_alphabet, room // 2))
    model = _train(task, kept, room)
    found = len(model.pieces) - len(SPECIAL_TOKENS)
    if found < room:
        filled = len(model.pieces) + config.unused
        raise MalmoiError("MM0230", task.corpus, asked=config.vocab_size, filled=filled)
    learned = len(model.pieces)
    unused = config.unused + -(learned + config.unused) % 8
    pieces = [replace(piece, score=round(piece.score * GRID) / GRID) for piece in model.pieces]
    pieces += [spm.Piece(f"[unused{index}]", 0.0, spm.CONTROL) for index in range(unused)]
    tokenizer = SentencePiece(replace(model, pieces=tuple(pieces)), learned=learned)
    return Result(tokenizer, {"alphabet": int(np.count_nonzero(kept)), "alphabet_dropped": dropped})


def _train(task: Task, kept: NDArray[np.bool_], room: int) -> spm.Model:
    unk, pad, *control = (SPECIAL_TOKENS[index] for index in (1, 0, 2, 3, 4))
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=_lines(task, kept),
        model_writer=out,
        model_type=task.config.kind,
        vocab_size=len(SPECIAL_TOKENS) + room,
        hard_vocab_limit=False,  # what is missing is counted by us, and said with a number that will do
        normalization_rule_name="identity",
        character_coverage=1.0,
        input_sentence_size=0,
        shuffle_input_sentence=False,
        max_sentence_length=1 << 30,
        num_threads=THREADS,
        unk_id=0,
        pad_id=1,
        bos_id=-1,
        eos_id=-1,
        unk_piece=unk,
        pad_piece=pad,
        control_symbols=control,
        minloglevel=2,
    )
    return spm.parse_model(out.getvalue())


def _alphabet(task: Task, limit: int) -> tuple[NDArray[np.bool_], int]:
    """Whether each code point is kept, the commonest first and never more than `limit`; how many are not."""
    counts = np.zeros(0x110000, np.int64)
    for block in task.blocks():
        counts += np.bincount(code_points(_composed(block)), minlength=0x110000)
        task.advance(len(block.encode()))
    counts[IS_SPACE] = 0
    counts[[0, ord(spm.SPACE)]] = 0  # SentencePiece keeps both for itself
    seen = np.flatnonzero(counts)
    by_count = seen[np.lexsort((seen, -counts[seen]))]
    kept = np.zeros(0x110000, np.bool_)
    kept[by_count[:limit]] = True
    return kept, max(0, len(seen) - limit)


def _lines(task: Task, kept: NDArray[np.bool_]) -> Iterator[str]:
    """The text's lines, without the words that hold a character not kept, or that are too long."""
    known = {chr(code) for code in np.flatnonzero(kept)}
    for block in task.blocks():
        for line in _composed(block).split("\n"):
            words = line.split()
            odd = set(line).difference(known)
            words = [word for word in words if len(word) <= LONGEST_WORD and odd.isdisjoint(word)]
            if words:
                yield " ".join(words)
        task.advance(len(block.encode()))


def _composed(block: str) -> str:
    return block if nfc.is_nfc(block) else nfc.compose(block)[0]
