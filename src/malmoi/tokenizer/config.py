"""The `[tokenizer]` section of a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from malmoi.analyzers import ANALYZERS, DEFAULT
from malmoi.config import Section, execution
from malmoi.kinds import OneOf
from malmoi.tokenizer.kinds import KINDS


class TokenizerConfig(Section):
    """What vocabulary to learn, and from how much text. There is no seed: nothing in training is random."""

    kind: Annotated[str, OneOf(KINDS)] = Field(
        "wordpiece",
        description="wordpiece; morpheme-wordpiece (an analyzer shapes the vocabulary, no text needs it "
        "later); morpheme (the analyzer cuts every text); unigram, bpe (SentencePiece); bytebpe (no [UNK]).",
    )
    vocab_size: int = Field(
        32_000,
        ge=16,
        le=1_000_000,
        description="Entries asked for, special and [unused] ones included; filled up to a multiple of 8.",
    )
    limit_alphabet: int = Field(
        6_000,
        ge=1,
        le=30_000,
        description="Most characters kept, the commonest first; fewer if they would fill half of it all.",
    )
    min_frequency: int = Field(2, ge=1, description="A pair of pieces seen less often is not merged.")
    unused: int = Field(0, ge=0, le=10_000, description="[unused0], … entries left free for later additions.")
    sample_mb: int = Field(
        200, ge=1, description="Most training text read, in MB, spread evenly over the corpus parts."
    )
    analyzer: Annotated[str, OneOf(ANALYZERS)] = Field(
        DEFAULT, description="What cuts morphemes, for the morpheme kinds."
    )
    user_dictionary: Path | None = execution(
        None, "Words the analyzer must know: a line each, `word<TAB>tag`; the tag is NNP if absent."
    )
    # Its words enter the key, not its path.
    words: Path | None = execution(
        None,
        "Words never split, a line each: one token wherever they stand in a text, also inside an eojeol.",
    )
    inside: Literal["word", "continuation"] = Field(
        "continuation",
        description="morpheme-wordpiece: how a morpheme inside an eojeol is learned: like a word (KLUE's "
        "recipe) or with ##, as it is met when no analyzer runs.",
    )
    form: Literal["surface", "lemma"] = Field(
        "surface", description="morpheme: morphemes as written (줬), or restored (주 었)."
    )
