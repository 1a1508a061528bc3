"""Morpheme analyzers: `open_analyzer("kiwi")`. Each needs its own library, which is loaded late."""

from malmoi.tokenizer.analyzers.base import Analyzer, Morphemes, Surfaces

__all__ = ["Analyzer", "Morphemes", "Surfaces"]
