"""A small real pipeline: our sentences → corpus → tokenizer → shards."""

from __future__ import annotations

from pathlib import Path

from malmoi.context import Context
from malmoi.corpus.build import build_corpus
from malmoi.corpus.config import CorpusConfig
from malmoi.shards.build import build_shards
from malmoi.shards.config import ShardsConfig
from malmoi.tokenizer.config import TokenizerConfig
from malmoi.tokenizer.train import train_tokenizer


def make_pipeline(raw: Path, out: Path, context: Context = Context(workers=1)) -> Path:
    """`out` with corpus/, tokenizer/ and shards/."""
    build_corpus(CorpusConfig(inputs=[str(raw)], heldout=0.05), out / "corpus", context)
    return add_shards(out / "corpus", out, context, vocab_size=200)


def add_shards(corpus: Path, out: Path, context: Context = Context(workers=1), **tokenizer: object) -> Path:
    """`out` with a tokenizer/ of a corpus and the shards/ of both."""
    train_tokenizer(TokenizerConfig.model_validate(tokenizer), corpus, out / "tokenizer", context)
    build_shards(ShardsConfig(), corpus, out / "tokenizer", out / "shards", context)
    return out
