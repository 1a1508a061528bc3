"""Exact match and F1 of extractive answers by the rules of the official KorQuAD 1.0 scorer.

The rules are evaluate-v1.0.py's (korquad.github.io): F1 compares bags of *characters*, not words, because a
Korean answer is a part of an eojeol; quotes and brackets become spaces, ASCII punctuation disappears.
"""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Sequence

_TO_SPACE = str.maketrans(dict.fromkeys("'\"《》<>〈〉()‘’", " "))
_NO_PUNCTUATION = str.maketrans(dict.fromkeys(string.punctuation))


def normalize_answer(answer: str) -> str:
    """Marks to spaces, lower case, no ASCII punctuation, single spaces: "《1,000》원" → "1000 원"."""
    return " ".join(answer.translate(_TO_SPACE).lower().translate(_NO_PUNCTUATION).split())


def exact_match(predicted: str, gold: str) -> bool:
    """Whether both are the same once normalized. Inner spaces count."""
    return normalize_answer(predicted) == normalize_answer(gold)


def character_f1(predicted: str, gold: str) -> float:
    """F1 of the bags of characters, spaces aside; 0 where they share none (also where both are empty)."""
    p = Counter(normalize_answer(predicted).replace(" ", ""))
    g = Counter(normalize_answer(gold).replace(" ", ""))
    same = (p & g).total()
    return 2 * same / (p.total() + g.total()) if same else 0.0


def best_over_golds(predicted: str, golds: Sequence[str]) -> tuple[bool, float]:
    """Exact match and F1, each the best over all right answers."""
    return any(exact_match(predicted, gold) for gold in golds), max(
        character_f1(predicted, gold) for gold in golds
    )
