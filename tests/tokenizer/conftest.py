from __future__ import annotations

import pytest

from malmoi.special import SPECIAL_TOKENS
from malmoi.tokenizer.wordpiece.model import WordPiece
from malmoi.tokenizer.wordpiece.train import learn_wordpiece
from tests.tokenizer.korean import TEXT


@pytest.fixture(scope="session")
def small() -> WordPiece:
    """A vocabulary learned from our few sentences."""
    learned = learn_wordpiece(lambda: [TEXT], size=400, limit_alphabet=500, min_frequency=2)
    return WordPiece([*SPECIAL_TOKENS, *learned.entries])
