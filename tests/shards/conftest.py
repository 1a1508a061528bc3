"""A tokenizer, a corpus of several files, and the shards of both, for each test to change as it likes."""

from __future__ import annotations

from pathlib import Path

import pytest

from malmoi.shards.build import build_shards
from malmoi.shards.config import ShardsConfig
from malmoi.tokenizer.wordpiece.model import WordPiece
from tests.tiny.corpus import make_corpus
from tests.tiny.korean import DOCUMENTS


@pytest.fixture
def tokenizer(small: WordPiece, tmp_path: Path) -> Path:
    small.save(tmp_path / "tokenizer")
    return tmp_path / "tokenizer"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Two training parts and one of held-out documents."""
    texts = ["\n\n".join("\n".join(d) for d in DOCUMENTS[a:b]) + "\n" for a, b in ((0, 9), (9, 17), (17, 20))]
    return make_corpus(tmp_path / "corpus", texts[:2], texts[2:])


@pytest.fixture
def shards(corpus: Path, tokenizer: Path, tmp_path: Path) -> Path:
    build_shards(ShardsConfig(), corpus, tokenizer, tmp_path / "shards")
    return tmp_path / "shards"
