"""What extractive question answering can reach at most: gold answers to tokens and back to text.

A model that reads tokens can only answer with whole tokens. A gold answer therefore becomes the tokens it
touches, and the text they cover is scored against it: where a vocabulary glues particles to nouns, no
training will cut them off again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from malmoi.analyzers.protocol import Analyzer
from malmoi.hangul.aligned import through
from malmoi.tasks.squad import Gold, Squad
from malmoi.tasks.squad_scores import best_over_golds
from malmoi.tokenizer.base import Tokenizer
from malmoi.tokenizer.encoding.frame import compose_all

Spans = NDArray[np.int32]
SAMPLES = 8


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Attributes:
    em, f1: the best scores any model can reach with these tokens, in per cent (KorQuAD 1.0's scorer).
    exact: answers whose tokens cover exactly their characters.
    wider: answers whose tokens cover more: a particle, a whole word.
    lost: answers that no token touches; they score 0.
    samples: (gold, what the tokens cover) of answers that cannot be matched exactly.
    """

    questions: int
    em: float
    f1: float
    exact: int
    wider: int
    lost: int
    samples: list[tuple[str, str]]


def tokenizer_spans(tokenizer: Tokenizer, contexts: Sequence[str]) -> list[Spans]:
    """(T, 2) character spans of the tokens of each context."""
    encoded = tokenizer.encode_batch(list(contexts), specials=False)
    return [encoded.spans[encoded.row(i)] for i in range(len(contexts))]


def analyzer_spans(analyzer: Analyzer, contexts: Sequence[str]) -> list[Spans]:
    """The same of an analyzer's surfaces: what tokens that are whole morphemes would reach."""
    composed, ways_back = compose_all(list(contexts))
    found = analyzer.surfaces(composed)
    ends = np.cumsum(found.counts)
    spans = [found.spans[end - count : end] for end, count in zip(ends, found.counts, strict=True)]
    return [through(ways_back[i], part) if i in ways_back else part for i, part in enumerate(spans)]


def eojeol_spans(contexts: Sequence[str]) -> list[Spans]:
    """The same of white-space words."""
    return [
        np.array([match.span() for match in re.finditer(r"\S+", text)], np.int32).reshape(-1, 2)
        for text in contexts
    ]


def ceiling(squad: Squad, spans: Sequence[Spans]) -> Ceiling:
    """`spans[i]` are the tokens of context i."""
    matches = exact = wider = lost = 0
    f1 = 0.0
    samples: list[tuple[str, str]] = []
    for question in squad.questions:
        context, spans_T2 = squad.contexts[question.context], spans[question.context]
        golds = [gold.text for gold in question.answers]
        reached: list[tuple[bool, float, bool, str, str]] = []
        for gold in question.answers:
            tokens = to_tokens(spans_T2, gold)
            start, end = to_text(spans_T2, *tokens) if tokens else (gold.start, gold.start)
            text = context[start:end]
            reached.append((*best_over_golds(text, golds), text == gold.text.strip(), text, gold.text))
        em, score, same, text, asked = max(reached, key=lambda found: found[:3])
        matches, f1 = matches + em, f1 + score
        exact, lost, wider = exact + same, lost + (not text), wider + (bool(text) and not same)
        if not em:
            samples.append((asked, text))
    count = len(squad.questions)
    step = max(1, len(samples) // SAMPLES)
    return Ceiling(
        questions=count,
        em=round(100 * matches / count, 2),
        f1=round(100 * f1 / count, 2),
        exact=exact,
        wider=wider,
        lost=lost,
        samples=samples[::step][:SAMPLES],
    )


def to_tokens(spans_T2: Spans, gold: Gold) -> tuple[int, int] | None:
    """First and last token that the answer touches; None where it touches none."""
    touched = np.flatnonzero((spans_T2[:, 0] < gold.end) & (spans_T2[:, 1] > gold.start))
    return (int(touched[0]), int(touched[-1])) if len(touched) else None


def to_text(spans_T2: Spans, first: int, last: int) -> tuple[int, int]:
    """The characters that tokens `first` … `last` cover; fused morphemes may share theirs."""
    return int(spans_T2[first : last + 1, 0].min()), int(spans_T2[first : last + 1, 1].max())
