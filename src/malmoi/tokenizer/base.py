"""What every tokenizer takes and gives: texts in, flat `Encodings` out, spans in the caller's characters.

Flat arrays instead of an object per text, because shards, batches and evaluation all work on whole columns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from malmoi.errors import MalmoiError
from malmoi.special import SpecialIds

Truncation = Literal["longest_first", "only_first", "only_second"]
Texts = Sequence[str] | Sequence[tuple[str, str]]
Ids = Sequence[int] | NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class Encodings:
    """N rows of tokens laid end to end, T tokens in all. Row i is `[cu_seqlens[i]:cu_seqlens[i + 1]]`."""

    ids: NDArray[np.int32]
    """(T,) token ids."""
    cu_seqlens: NDArray[np.int64]
    """(N + 1,) where each row starts, and T."""
    segments: NDArray[np.uint8]
    """(T,) 0 for the first text, its [CLS] and its [SEP]; 1 for the second text and its [SEP]."""
    spans: NDArray[np.int32]
    """(T, 2) [start, end) in characters of the caller's string, at least one; (0, 0) for special tokens.

    White space is left out at both ends. A token of nothing else has the visible character it leads to (the
    last one, where none comes behind), and in a text of white space alone its own span.
    """
    sources: NDArray[np.int64]
    """(N,) the input each row came from; with `stride` one input may give several rows."""
    morphemes: NDArray[np.bool_] | None = None
    """(T,) where a morpheme starts; None from tokenizers that know none. False for special tokens."""

    def __len__(self) -> int:
        return len(self.sources)

    def row(self, index: int) -> slice:
        """The tokens of one row, as a slice into the flat arrays."""
        return slice(int(self.cu_seqlens[index]), int(self.cu_seqlens[index + 1]))


@dataclass(frozen=True, slots=True)
class LineEncoding:
    """Tokens of L lines laid end to end, T in all, for those who need no spans."""

    ids: NDArray[np.int32]
    """(T,) token ids."""
    cu_seqlens: NDArray[np.int64]
    """(L + 1,) where each line starts, and T."""
    starts_word: NDArray[np.bool_]
    """(T,) where an eojeol starts."""
    ends: NDArray[np.int64]
    """(L,) where each line ends, in characters of the text."""


class Tokenizer(Protocol):
    """Texts to ids with spans. `kind` names the recipe (a key of `KINDS`)."""

    @property
    def kind(self) -> str: ...

    @property
    def vocab_size(self) -> int: ...

    @property
    def learned(self) -> int:
        """Entries that mean something; the rest is [unused] filling."""
        ...

    @property
    def special(self) -> SpecialIds: ...

    @property
    def words(self) -> tuple[str, ...]:
        """Words of the user: entries that are one token wherever they stand."""
        ...

    @property
    def rules(self) -> dict[str, Any]:
        """What makes other ids of nearly every text beside kind and entries, by name. Of a tuple the order
        counts. A name that one of two tokenizers has not is not compared."""
        ...

    @property
    def details(self) -> dict[str, str]:
        """What makes other ids of some texts, by name."""
        ...

    one_spelling: bool
    """Whether Hangul is respelled as the corpus stage does it (`malmoi.hangul.spelling`). What malmoi learns
    does so; a peer's vocabulary was made for text as it is."""

    refusals: tuple[MalmoiError | None, MalmoiError | None]
    """Why it lays no rows of one text, and of two, with special tokens: a peer's file has others (MM0215)."""

    def load(self) -> None:
        """Open what opens late (an analyzer): what is wrong with it should not come up after an hour."""
        ...

    def uncached(self) -> Tokenizer:
        """Itself, but no text leaves a trace in the user's cache: for texts that are not ours to keep, and
        for who measures how fast it is."""
        ...

    def encode_batch(
        self,
        texts: Texts,
        *,
        max_len: int | None = None,
        truncation: Truncation = "longest_first",
        stride: int = 0,
        specials: bool = True,
    ) -> Encodings:
        """Encode texts or pairs.

        `max_len` counts special tokens. Without `stride` a longer input is cut; with it, the text that
        `truncation` names is cut into windows that share `stride` tokens, one row each. Raises MM0215, with
        `specials`, where `refusals` says why.
        """
        ...

    def encode_lines(self, text: str) -> LineEncoding | None:
        """Ids of the lines of a text and where their eojeols start, without spans; None where `encode_batch`
        is as fast, or the text needs its care."""
        ...

    def tokens(self, ids: Ids) -> list[str]:
        """The vocabulary entries behind ids, as written in the vocabulary (`##` included)."""
        ...

    def text(self, ids: Ids, starts_word: NDArray[np.bool_]) -> str:
        """The text of ids, as near as can be told; `starts_word` says of each whether an eojeol starts."""
        ...

    def save(self, folder: Path) -> None:
        """Write the tokenizer's files into a folder: it then opens with `load_tokenizer` and transformers."""
        ...


def digest(data: bytes) -> str:
    """Short, for the eye: what two tokenizers are told apart by."""
    return hashlib.sha256(data).hexdigest()[:12]
