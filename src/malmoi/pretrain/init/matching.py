"""Heads that start out comparing two segments: does this word occur in the other text?

Part of `weight_init = "cooccurrence"`. In the second block a head's query and key measure how alike two
words' vectors are, prefer the other segment, and fall back on [SEP] where nothing is alike; what they read
there says "unmatched". In the third block one head averages that over the text. Training then makes of it
what it likes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from malmoi.model.encoder import Block, Embeddings
from malmoi.model.sizes import EncoderConfig

# Shapes: D hidden, W dimensions for words, H heads, d = D / H.

RESERVED = 4  # the last dimensions: which segment, is it [SEP], unmatched (two heads' votes)
SEGMENT, SEPARATOR, UNMATCHED = -4, -3, -2
SEGMENT_SIZE = 2.0  # of the segment mark in the stream
LIKENESS = 12.0  # score of a word beside itself
OTHER = 6.0  # by how much the other segment is preferred
FALLBACK = 9.0  # score of [SEP]: words less alike than this count as unmatched


@dataclass(frozen=True, slots=True)
class ResidualStream:
    """What the first block reads: W dimensions for words, sinusoids of `frequencies` after them, how large
    those are, and how long a word is there."""

    W: int
    frequencies: Tensor
    amplitude: float
    word_norm: float


def mark_segments(embeddings: Embeddings, sep: int, scale: float, stream: ResidualStream) -> None:
    """Say in dimensions of their own which segment a token is in and whether it is [SEP]. `scale` is what
    the embeddings' LayerNorm multiplies by."""
    for table in (embeddings.word, embeddings.position, embeddings.token_type):
        table.weight[:, -RESERVED:] = 0
    embeddings.token_type.weight[0, SEGMENT] = SEGMENT_SIZE / scale
    embeddings.token_type.weight[1, SEGMENT] = -SEGMENT_SIZE / scale
    embeddings.word.weight[sep, SEPARATOR] = _separator_size(stream) / scale


def _separator_size(stream: ResidualStream) -> float:
    return 0.6 * stream.word_norm


def start_matching(
    block: Block, head: int, config: EncoderConfig, stream: ResidualStream, generator: torch.Generator
) -> None:
    """A head whose score is likeness of words + the other segment + [SEP], and that writes "unmatched"."""
    D, d, W = config.hidden, config.hidden // config.heads, stream.W
    query, key, value = (part * D + head * d for part in range(3))
    weight, bias = block.qkv.weight, block.qkv.bias
    for start in (query, key, value):
        weight[start : start + d] *= 0.1
    alike = min(d - 2, W)
    basis = torch.linalg.qr(torch.randn(W, alike, generator=generator))[0].T
    gain = math.sqrt(LIKENESS * math.sqrt(d)) / (stream.word_norm * math.sqrt(alike / W))
    weight[query : query + alike, :W] = gain * basis
    weight[key : key + alike, :W] = gain * basis
    weight[query : query + d, SEPARATOR] = 0
    weight[key : key + d, SEPARATOR] = 0
    push = math.sqrt(OTHER * math.sqrt(d)) / SEGMENT_SIZE
    weight[query + d - 2, SEGMENT] = -push
    weight[key + d - 2, SEGMENT] = push
    weight[query + d - 1] = 0
    bias[query + d - 1] = math.sqrt(d)
    weight[key + d - 1] = 0
    weight[key + d - 1, SEPARATOR] = FALLBACK / _separator_size(stream)
    weight[value, SEPARATOR] = 2 / _separator_size(stream)
    block.out.weight[UNMATCHED + head % 2, head * d] = 1.5


def start_averaging(block: Block, head: int, config: EncoderConfig) -> None:
    """A head that looks at all tokens alike and carries the mean of "unmatched" to each, [CLS] included."""
    D, d = config.hidden, config.hidden // config.heads
    query, key, value = (part * D + head * d for part in range(3))
    weight = block.qkv.weight
    weight[query : query + d] = 0
    weight[key : key + d] *= 0.1
    weight[value : value + d] *= 0.3
    weight[value] = 0
    weight[value, UNMATCHED:] = 2.0
    block.out.weight[:, head * d] = 0
    block.out.weight[UNMATCHED:, head * d] = 1.5
