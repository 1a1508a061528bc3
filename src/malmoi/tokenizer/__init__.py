"""Tokenizers: text to ids with spans in the caller's characters."""
