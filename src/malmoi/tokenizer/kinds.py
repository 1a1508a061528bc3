"""The kinds of tokenizers: a new one is a file or a package of its own and an entry of `KINDS`.

Functions are named here and imported where they are asked for: a kind needs its own library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

USER_DICTIONARY = "user_dictionary.txt"
"""Words a morpheme tokenizer's analyzer was given."""


@dataclass(frozen=True, slots=True)
class TokenizerKind:
    """How a kind is opened and learned, and what others must know of it.

    Attributes:
        opens: "module:function" of (path, reporter=…, engine=…) → Tokenizer.
        learns: "module:function" of a `Learner`.
        vocabularies: files that can hold its vocabulary; one of them makes a folder a tokenizer's.
        files: those that decide its ids, sealed by the stage that wrote them.
        beside: other files its folder may need.
        by_entries: whether shards know it by the entries of vocab.txt, however they stand there, and not by
            the bytes of `files`.
        deciding: keys of tokenizer.json that decide ids, too, where a peer's folder keeps white space.
        refuses: "module:function" of (user word) → whether it means something else in such a vocabulary.
        takes_words: whether it takes words of the user that are never split.
        with_analyzer: whether an analyzer shapes its vocabulary or cuts its texts.
        starts_morphemes: whether tokens inside an eojeol are known to start morphemes.
        cuts_as: the kind that cuts texts by the same rules; "": none but itself.
        shows: "module:function" of entries → entries for the eye; "": as they are.
    """

    opens: str
    learns: str
    vocabularies: tuple[str, ...] = ("vocab.txt",)
    files: tuple[str, ...] = ("vocab.txt",)
    beside: tuple[str, ...] = ()
    by_entries: bool = False
    deciding: tuple[str, ...] = ()
    refuses: str = ""
    takes_words: bool = True
    with_analyzer: bool = False
    starts_morphemes: bool = False
    cuts_as: str = ""
    shows: str = ""


_HOME = "malmoi.tokenizer"
_SENTENCEPIECE = TokenizerKind(
    f"{_HOME}.sentencepiece.model:open_sentencepiece",
    f"{_HOME}.sentencepiece.train:learn",
    vocabularies=("tokenizer.model", "spiece.model"),
    files=("tokenizer.model",),
    refuses=f"{_HOME}.sentencepiece.train:has_space",
)
KINDS: dict[str, TokenizerKind] = {
    "wordpiece": TokenizerKind(
        f"{_HOME}.wordpiece.load:open_wordpiece",
        f"{_HOME}.wordpiece.train:learn",
        vocabularies=("vocab.txt", "tokenizer.json"),
        by_entries=True,
    ),
    "morpheme-wordpiece": TokenizerKind(
        f"{_HOME}.wordpiece.load:open_wordpiece",
        f"{_HOME}.morpheme.train:learn_shaped",
        vocabularies=("vocab.txt", "tokenizer.json"),
        by_entries=True,
        with_analyzer=True,
        cuts_as="wordpiece",
    ),
    "morpheme": TokenizerKind(
        f"{_HOME}.morpheme.load:open_morpheme",
        f"{_HOME}.morpheme.train:learn_inside",
        beside=(USER_DICTIONARY,),
        takes_words=False,
        with_analyzer=True,
        starts_morphemes=True,
    ),
    "unigram": _SENTENCEPIECE,
    "bpe": _SENTENCEPIECE,
    "bytebpe": TokenizerKind(
        f"{_HOME}.bytebpe.load:open_bytebpe",
        f"{_HOME}.bytebpe.train:learn",
        vocabularies=("tokenizer.json", "vocab.json"),
        files=("vocab.json", "merges.txt"),
        deciding=("normalizer", "pre_tokenizer", "added_tokens", "model"),
        refuses=f"{_HOME}.bytebpe.train:is_bytes",
        shows=f"{_HOME}.bytebpe.letters:readable",
    ),
}


def kind_of(about: Mapping[str, Any]) -> TokenizerKind:
    """By a folder's malmoi.json. One without, a peer's, is known by its entries, like a WordPiece."""
    return KINDS.get(str(about.get("kind", "")), KINDS["wordpiece"])


def vocabularies() -> list[str]:
    """Files that can hold a vocabulary of some kind, in the order in which they are looked for."""
    return list(dict.fromkeys(name for kind in KINDS.values() for name in kind.vocabularies))


def tokenizer_files() -> list[str]:
    """All files that can decide ids of some kind."""
    kinds = KINDS.values()
    files = [name for kind in kinds for name in kind.files]
    beside = [name for kind in kinds for name in kind.beside]
    settings = ("added_tokens.json", "tokenizer_config.json", "malmoi.json")
    return list(dict.fromkeys([*vocabularies(), *files, *settings, *beside]))
