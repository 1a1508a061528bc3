"""Learn a SentencePiece vocabulary, unigram or BPE: the same text gives the same model, byte for byte.

Text goes in composed, one space between words, nothing rewritten and nothing drawn by lot. Ids of the special
tokens are KoBERT's. Scores are rounded to a grid, so that other libraries cut alike (`spm_json`).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace

import sentencepiece

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.special import SPECIAL_TOKENS
from malmoi.tokenizer.learner import LearningTask, Result
from malmoi.tokenizer.sentencepiece import spm
from malmoi.tokenizer.sentencepiece.model import SentencePiece
from malmoi.tokenizer.sentencepiece.words import lines, survey

GRID = 1024
"""Scores are multiples of 1 / GRID: sums down to -16,384, 500 characters at 30, are exact in 32 bits."""
THREADS = 1
"""Sums of expectations depend on how the words are dealt out to threads, so it is always the same number."""


def has_space(word: str) -> bool:
    """Whether a user word holds ▁, the sign for a space."""
    return spm.SPACE in word


def learn(task: LearningTask) -> Result:
    """Learn exactly as many pieces as asked, the user's words among them.

    Raises MM0211 (no words), MM0230 (too few words to fill the vocabulary), MM0232 (no room for pieces) and
    MM0234 (no word of so few characters).
    """
    config = task.config
    room = config.vocab_size - len(SPECIAL_TOKENS) - config.unused - len(task.words)
    read = survey(task)
    characters = read.characters
    # Characters may take half of the room, or all of it (less one for ▁) where the text cannot fill the rest.
    for most, advance in ((room // 2, task.advance), (room - 1, _silent)):
        alphabet = characters[: max(0, min(config.limit_alphabet, most))]
        if not any(lines(task, frozenset(alphabet), read.counts, _silent)):
            raise _no_words(task, len(alphabet), len(characters), room)
        model = _train(task, lines(task, frozenset(alphabet), read.counts, advance), alphabet, room)
        found = len(model.pieces) - len(SPECIAL_TOKENS)
        if found >= room or len(alphabet) in (len(characters), config.limit_alphabet):
            break
    if found < room:
        filled = len(model.pieces) + len(task.words) + config.unused
        raise MalmoiError(Code.TOO_FEW_PIECES, task.corpus, asked=config.vocab_size, filled=filled)
    words = {spm.as_piece(word) for word in task.words}
    pieces = [replace(piece, score=round(piece.score * GRID) / GRID) for piece in model.pieces]
    # A piece that is a word comes only from a text that names special tokens; its place is left [unused].
    pieces = [piece for piece in pieces if piece.text not in words]
    pieces += [spm.Piece(spm.as_piece(word), 0.0, spm.USER_DEFINED) for word in task.words]
    learned = len(pieces)
    unused = config.vocab_size - learned + -config.vocab_size % 8
    pieces += [spm.Piece(f"[unused{index}]", 0.0, spm.CONTROL) for index in range(unused)]
    tokenizer = SentencePiece(replace(model, pieces=tuple(pieces)), learned=learned, words=task.words)
    return Result(tokenizer, {"alphabet": len(alphabet), "alphabet_dropped": len(characters) - len(alphabet)})


def _no_words(task: LearningTask, kept: int, seen: int, room: int) -> MalmoiError:
    """Why not a single word is left of characters that are kept."""
    config = task.config
    if kept == seen:
        return MalmoiError(Code.NO_TRAINING_TEXT, task.corpus)
    if kept == config.limit_alphabet:
        return MalmoiError(Code.ALPHABET_TOO_SMALL, task.corpus, limit=kept, needed=seen)
    needed = config.vocab_size - room + min(seen, config.limit_alphabet) + 1
    return MalmoiError(Code.NO_ROOM_FOR_PIECES, task.corpus, vocab_size=config.vocab_size, needed=needed)


def _train(task: LearningTask, text: Iterator[str], alphabet: list[str], room: int) -> spm.Model:
    unk, pad, *control = (SPECIAL_TOKENS[index] for index in (1, 0, 2, 3, 4))
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=text,
        model_writer=out,
        model_type=task.config.kind,
        vocab_size=len(SPECIAL_TOKENS) + room,
        hard_vocab_limit=False,  # what is missing is counted by us, and said with a number that will do
        normalization_rule_name="identity",
        character_coverage=1.0,
        required_chars="".join(alphabet),  # also those whose words are all left out
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


def _silent(amount: float) -> None:
    """The bar has been moved over this text before."""
