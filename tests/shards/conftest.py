from __future__ import annotations

from pathlib import Path

import pytest

from malmoi.shards.build import build_shards
from malmoi.shards.config import ShardsConfig
from malmoi.special import SPECIAL_TOKENS
from malmoi.tokenizer.wordpiece.model import WordPiece
from malmoi.tokenizer.wordpiece.train import learn_wordpiece
from tests.tokenizer.korean import DOCUMENTS, TEXT, make_corpus


@pytest.fixture(scope="session")
def small() -> WordPiece:
    learned = learn_wordpiece(lambda: [TEXT], size=260, limit_alphabet=500, min_frequency=2)
    return WordPiece([*SPECIAL_TOKENS, *learned.entries])


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
