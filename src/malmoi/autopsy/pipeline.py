"""From a sample folder to shards, by the real stages; what is already there is kept."""

from __future__ import annotations

from pathlib import Path

from malmoi.context import Context
from malmoi.corpus.build import build_corpus
from malmoi.corpus.config import CorpusConfig
from malmoi.shards.build import build_shards
from malmoi.shards.config import ShardsConfig
from malmoi.tokenizer.config import TokenizerConfig
from malmoi.tokenizer.train import train_tokenizer

VOCABULARY = 4000  # entries; the sample's alphabet alone takes 976


def make_shards(sample: Path, out: Path, context: Context = Context()) -> Path:
    """corpus/, tokenizer/ and shards/ in `out`; returns the last. 5 s for the sample's 5 MB."""
    corpus, tokenizer, shards = out / "corpus", out / "tokenizer", out / "shards"
    inputs = CorpusConfig(inputs=[str(sample / "corpus")], heldout=0.02)
    build_corpus(inputs, corpus, context)
    train_tokenizer(TokenizerConfig(vocab_size=VOCABULARY), corpus, tokenizer, context)
    build_shards(ShardsConfig(), corpus, tokenizer, shards, context)
    return shards
