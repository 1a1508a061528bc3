"""Learn a byte-level BPE: the same text gives the same vocabulary, byte for byte.

All 256 bytes are entries from the start, so nothing is ever [UNK]; and with the alphabet given, the library's
merging has no tie left to settle by chance.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from tokenizers import Tokenizer as Library
from tokenizers import models, pre_tokenizers, trainers

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.hangul.nfc import composed
from malmoi.special import SPECIAL_TOKENS, SpecialIds
from malmoi.tokenizer.bytebpe.model import ByteBPE, make_library
from malmoi.tokenizer.encoding.characters import LONGEST_WORD
from malmoi.tokenizer.learner import LearningTask, Result

BYTES = 256
LETTERS = frozenset(pre_tokenizers.ByteLevel.alphabet())


def is_bytes(word: str) -> bool:
    """Whether a user word would take the place of bytes: · is also how byte 0xB7 is written."""
    return not word.isascii() and set(word) <= LETTERS


def learn(task: LearningTask) -> Result:
    """Learn exactly as many entries as asked. Raises MM0207 (too little text) and MM0232 (no room)."""
    config = task.config
    fixed = len(SPECIAL_TOKENS) + config.unused + len(task.words)
    if config.vocab_size < fixed + BYTES:
        raise MalmoiError(
            Code.NO_ROOM_FOR_PIECES, task.corpus, vocab_size=config.vocab_size, needed=fixed + BYTES
        )
    library = Library(models.BPE())
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=config.vocab_size - config.unused - len(task.words),
        min_frequency=config.min_frequency,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=list(SPECIAL_TOKENS),
        show_progress=False,
    )
    library.train_from_iterator(_lines(task), trainer)
    model = json.loads(library.to_str())["model"]
    vocab: dict[str, int] = model["vocab"]
    words = [word for word in task.words if word not in vocab]
    known = len(task.words) - len(words)  # a Latin word may be an entry already; its place is left [unused]
    vocab |= {word: len(vocab) + index for index, word in enumerate(words)}
    learned = len(vocab)
    if learned + known + config.unused < config.vocab_size:
        filled = learned + config.unused
        raise MalmoiError(Code.TOO_FEW_PAIRS, task.corpus, asked=config.vocab_size, filled=filled)
    unused = config.unused + known + -config.vocab_size % 8
    vocab |= {f"[unused{index}]": learned + index for index in range(unused)}
    merges = [(first, second) for first, second in model["merges"]]
    special = SpecialIds()
    library = make_library(vocab, merges, SPECIAL_TOKENS, special, task.words)
    tokenizer = ByteBPE(library, special, learned=learned, words=task.words)
    return Result(tokenizer, {})


def _lines(task: LearningTask) -> Iterator[str]:
    """The text's lines, one space before each word."""
    for block in task.blocks():
        for line in composed(block).split("\n"):
            yield "".join([f" {word}" for word in line.split() if len(word) <= LONGEST_WORD])
        task.advance(2 * len(block.encode()))  # read once; the bar expects two passes
