"""What a tokenizer's manifest counts: its entries, what it does to text, and what an extension added."""

from __future__ import annotations

from malmoi.artifact.counts import Counts


class TokenizerCounts(Counts):
    """Of an extension that read no text nothing is measured.

    Attributes:
        learned: entries but [unused].
        alphabet: characters among them; byte-level BPE has bytes for one.
        measured_on: heldout or training text.
        samples: sentences, each with its tokens.
    """

    kind: str
    vocab_size: int
    learned: int
    alphabet: int | None = None
    words: int | None = None
    sampled_bytes: int | None = None
    measured_on: str | None = None
    unk_percent: float | None = None
    tokens_per_eojeol: float | None = None
    characters_per_token: float | None = None
    samples: tuple[tuple[str, list[str]], ...] = ()


class Added(Counts):
    """A new entry and the tokens it replaces; `count` and `saved` of one that the text proposed."""

    word: str
    id: int
    tokens_before: list[str]
    count: int | None = None
    saved: int | None = None


class ExtendedCounts(TokenizerCounts):
    """`filled`: entries that were [unused]; the measures of the tokenizer as it was before."""

    vocab_size_before: int
    filled: int
    added: tuple[Added, ...]
    unk_percent_before: float | None = None
    tokens_per_eojeol_before: float | None = None
    characters_per_token_before: float | None = None
