"""An analyzer that knows some particles: where one ends a word, it is a morpheme (학교에서: 학교, 에서)."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from malmoi.analyzers import AnalyzerKind, Morphemes, Surfaces
from malmoi.analyzers.protocol import surfaces_of
from malmoi.analyzers.user_dictionary import UserWords

TAGS = {"은": "JX", "는": "JX", "도": "JX", "을": "JKO", "를": "JKO", "에": "JKB", "에서": "JKB", "의": "JKG"}
WORD = re.compile(rf"(\S+?)({'|'.join(TAGS)})?(?!\S)")


class Particles:
    name = "particles"

    def __init__(self, words: UserWords) -> None:
        self._words = words
        self.identity = {"analyzer": self.name, "rules": "1", "user_dictionary": words.digest}

    def analyze(self, texts: Sequence[str]) -> Morphemes:
        counts, spans, lemmas, tags = [], [], [], []
        for text in texts:
            before = len(spans)
            for word in WORD.finditer(text):
                end = word.end(1) if word[2] and word[0] not in self._words.tags else word.end()
                spans.append((word.start(), end))
                lemmas.append(text[word.start() : end])
                tags.append(self._words.tags.get(word[0], "NNG"))
                if end < word.end():
                    spans.append((end, word.end()))
                    lemmas.append(word[2])
                    tags.append(TAGS[word[2]])
            counts.append(len(spans) - before)
        found = np.array(spans, np.int32).reshape(-1, 2)
        return Morphemes(np.array(counts, np.int64), found, lemmas, tags)

    def surfaces(self, texts: Sequence[str]) -> Surfaces:
        return surfaces_of(self.analyze(texts))


PARTICLES = AnalyzerKind("tests.extension.particles:Particles")
