"""The `[tokenizer]` section of a recipe."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from malmoi.config import Section


class TokenizerConfig(Section):
    """What vocabulary to learn, and from how much text. There is no seed: nothing in training is random."""

    kind: Literal["wordpiece"] = Field("wordpiece", description="Kind of tokenizer.")
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
