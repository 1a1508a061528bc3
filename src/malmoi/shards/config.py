"""The `[shards]` section of a recipe."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from malmoi.config import Section, execution


class ShardsConfig(Section):
    """How a corpus is cut for encoding. Lengths, masking and order are decided in pretraining, never here."""

    slice_mb: int = Field(
        64,
        ge=1,
        le=1_000,
        description="Most corpus text of one part, in MB; a worker's unit of work and memory.",
    )
    engine: Literal["auto", "tokenizers"] = execution(
        "auto", "auto: tokie where it agrees exactly with tokenizers on the text; tokenizers: never tokie."
    )
