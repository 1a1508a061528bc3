"""What a shards manifest counts: text on both sides, and part by part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from malmoi.artifact.counts import Counts
from malmoi.special import SpecialIds


class Sums(Counts):
    """How much text there is. `unk`: tokens that are [UNK]."""

    tokens: int
    sentences: int
    documents: int
    eojeols: int
    unk: int


class PartCounts(Sums):
    """One part, and what is to be said once of the slice it is: MM code → where and values."""

    name: str
    warnings: dict[str, dict[str, Any]] = Field(default_factory=dict)


class ShardsCounts(Counts):
    """The whole; `tokenizer` says with what it was learned, `merged` where several shards became one."""

    tokenizer: Any = None
    vocab_size: int
    special: SpecialIds
    tokenizer_digest: str
    train: Sums
    heldout: Sums
    parts: tuple[PartCounts, ...]
    merged: dict[str, str] = Field(default_factory=dict)

    @field_validator("special", mode="before")
    @classmethod
    def _all_of_them(cls, value: Any) -> Any:
        """`SpecialIds` has defaults, which are another tokenizer's."""
        return {name: value[name] for name in SpecialIds.__slots__} if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _within_the_vocabulary(self) -> Self:
        for name in SpecialIds.__slots__:
            if not 0 <= (index := getattr(self.special, name)) < self.vocab_size:
                raise ValueError(f"special.{name}: {index} ≥ {self.vocab_size}")
        return self


def summed(parts: Sequence[PartCounts], kind: str) -> Sums:
    """Of the parts whose names begin with `kind` (`part`, `heldout`)."""
    own = [part for part in parts if part.name.startswith(kind)]
    return Sums(**{name: sum(getattr(part, name) for part in own) for name in Sums.model_fields})
