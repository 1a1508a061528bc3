"""Tokenizers: text to ids with spans in the caller's characters."""

from malmoi.tokenizer.base import Encodings, Tokenizer
from malmoi.tokenizer.load import load_tokenizer

__all__ = ["Encodings", "Tokenizer", "load_tokenizer"]
