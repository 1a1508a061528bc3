"""The five special tokens every encoder of ours has, as ids.

A root file: model and shards need them without the tokenizer's libraries.
"""

from __future__ import annotations

from dataclasses import dataclass

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
# Files that can hold a vocabulary; one of them makes a folder a tokenizer's.
VOCABULARIES = ("vocab.txt", "tokenizer.json", "tokenizer.model", "spiece.model", "vocab.json")
# Kind of tokenizer → the files that decide its ids. A WordPiece's entries are compared, however they stand.
IDENTITY_FILES = {
    "morpheme": ("vocab.txt",),
    "unigram": ("tokenizer.model",),
    "bpe": ("tokenizer.model",),
    "bytebpe": ("vocab.json", "merges.txt"),
}
# Words a morpheme tokenizer's analyzer was given.
USER_DICTIONARY = "user_dictionary.txt"
# All files that can decide ids.
TOKENIZER_FILES = (
    *VOCABULARIES,
    "merges.txt",
    "added_tokens.json",
    "tokenizer_config.json",
    "malmoi.json",
    USER_DICTIONARY,
)


@dataclass(frozen=True, slots=True)
class SpecialIds:
    """Token ids of [PAD] [UNK] [CLS] [SEP] [MASK]. Ours are 0-4; peers put them elsewhere."""

    pad: int = 0
    unk: int = 1
    cls: int = 2
    sep: int = 3
    mask: int = 4
