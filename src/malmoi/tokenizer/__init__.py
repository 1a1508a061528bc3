"""Tokenizers: text to ids with spans in the caller's characters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from malmoi.tokenizer.base import Encodings, Tokenizer

if TYPE_CHECKING:
    from malmoi.tokenizer.load import load_tokenizer

__all__ = ["Encodings", "Tokenizer", "load_tokenizer"]


def __getattr__(name: str) -> Any:
    """Late: who asks what kinds there are, such as a bare training machine, needs no library of theirs."""
    if name != "load_tokenizer":
        raise AttributeError(name)
    from malmoi.tokenizer.load import load_tokenizer

    return load_tokenizer
