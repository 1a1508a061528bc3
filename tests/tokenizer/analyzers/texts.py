"""Texts of every kind that hypothesis builds, and what must hold for the spans of any analysis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from malmoi.analyzers import Analyzer, Morphemes, Surfaces

EOJEOLS = (
    "도와줬습니다만",
    "아름다운",
    "갈",
    "이건",
    "한국어",
    "의사다",
    "거예요",
    "3.5%나",
    "했엌ㅋㅋ",
    "Kim's",
    "우치무라",
    "간조",
    "漢字를",
    "《말모이》는",
    "👩\u200d👩\u200d👧",
    "🇰🇷❤\ufe0f",
    "ㄱㅏ",
    "ㅠㅠ",
    "\u1112\u119e\u11ab글",
    "e\u0323\u0307",
    "뷁쀍",
    "http://말.kr/?a=1",
    "EOS",
    "\U00030000",
)
SPACES = (" ", "", "   ", "\t", "\n", "\r\n", "\u3000", "\xa0", "\u2028", "\0", "\x01", "\u200b", "\ud800")
MIXED = st.lists(st.sampled_from(EOJEOLS + SPACES), max_size=12).map("".join) | st.text(max_size=15)


def check_spans(texts: Sequence[str], found: Morphemes | Surfaces) -> list[list[tuple[int, int]]]:
    """Spans are in order, equal or apart, and cover exactly what is no white space. Returns them by text."""
    assert len(found.counts) == len(texts) and found.counts.sum() == len(found.spans)
    by_text = np.split(found.spans, np.cumsum(found.counts)[:-1]) if texts else []
    spans = [[(int(a), int(b)) for a, b in part] for part in by_text]
    for text, part in zip(texts, spans, strict=True):
        covered: list[int] = []
        for number, (start, end) in enumerate(part):
            assert 0 <= start < end <= len(text)
            if number and (start, end) == part[number - 1]:
                assert isinstance(found, Morphemes), "surfaces are never shared"
                continue
            covered += range(start, end)
        assert covered == [at for at, c in enumerate(text) if not c.isspace()], text
    return spans


def shown(analyzer: Analyzer, text: str) -> str:
    """`lemma/TAG` of each morpheme, those that are written as one joined by +."""
    found = analyzer.analyze([text])
    out, before = "", (-1, -1)
    for lemma, tag, (start, end) in zip(found.lemmas, found.tags, found.spans.tolist(), strict=True):
        out += ("+" if (start, end) == before else " ") + f"{lemma}/{tag}"
        before = start, end
    return out.strip()
