"""Kiwi (kiwipiepy): right for 87 % of eojeols where Mecab is for 81 % (docs/analyzers.md), and some fifteen
times slower.

Its tokens may overlap (도와주, 었), have no width (의사 + 이 + 다) and skip characters; here they become
spans that are equal or apart and cover every character that is no space.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from itertools import chain

import kiwipiepy
import numpy as np

from malmoi.analyzers.lines import as_lines, in_chunks
from malmoi.analyzers.protocol import Morphemes, Surfaces, join_morphemes, surfaces_of
from malmoi.analyzers.sejong import compatible, sejong_tag, symbol_tags
from malmoi.analyzers.user_dictionary import UserWords

# No patterns (URL, hashtag, serial number: open-ended tokens that Sejong does not have); 요란히 is one adverb
# in Sejong, not 요란 + 히.
# Kiwi takes control characters of Latin-1 for letters, and of some texts with them it gives no token at all.
_CONTROLS = dict.fromkeys(range(0x80, 0xA0), 1)
_OPTIONS = kiwipiepy.Match.JOIN_ADV_SUFFIX

RULES = "1"  # part of the identity; raised when we make something else of what the library answers

Morpheme = tuple[str, str, int, int]
"""Lemma, tag, start, end."""


class Kiwi:
    """Raises ImportError where the library is missing. `threads` are Kiwi's own: texts spread over cores
    without a second copy of its model (0.5 GB)."""

    name = "kiwi"

    def __init__(self, words: UserWords, threads: int = 1) -> None:
        self._words = words
        # Endings as they are written (았 and 었), as Sejong has them: of 22,496 eojeols of KLUE 91.4 % get
        # the right lemmas, and 87.1 % where Kiwi makes one of both.
        self._library = kiwipiepy.Kiwi(num_workers=threads, integrate_allomorph=False)
        self._identity = {
            "analyzer": self.name,
            "library": f"kiwipiepy {version('kiwipiepy')}",
            "dictionary": f"kiwipiepy_model {version('kiwipiepy_model')}",
            "rules": RULES,
            "user_dictionary": words.digest,
        }

    @property
    def identity(self) -> dict[str, str]:
        return self._identity

    def analyze(self, texts: Sequence[str]) -> Morphemes:
        return join_morphemes([self._analyze(chunk) for chunk in in_chunks(texts)])

    def surfaces(self, texts: Sequence[str]) -> Surfaces:
        return surfaces_of(self.analyze(texts))

    def _analyze(self, texts: list[str]) -> Morphemes:
        laid = as_lines(texts, self._words.find if self._words.tags else None)
        # Words of the user are handed over as tokens already cut: a word that Kiwi merely knows can still
        # lose to another path (사라낱말모이기학과 stays one noun).
        answers = self._library.tokenize(
            [line.translate(_CONTROLS) for line in laid.lines],
            match_options=_OPTIONS,
            pretokenized=self._tagged if self._words.tags else None,
        )
        found = [self._morphemes(line, tokens) for line, tokens in zip(laid.lines, answers, strict=True)]
        counts_L = np.fromiter(map(len, found), np.int64, len(found))
        counts = np.bincount(laid.owners, weights=counts_L, minlength=len(texts)).astype(np.int64)
        every = list(chain.from_iterable(found))
        spans = np.array([(start, end) for _, _, start, end in every], np.int32).reshape(-1, 2)
        spans += np.repeat(laid.offsets, counts_L)[:, None]
        return Morphemes(counts, spans, [lemma for lemma, *_ in every], [tag for _, tag, *_ in every])

    def _tagged(self, line: str) -> list[tuple[int, int, str]]:
        return [(start, end, self._words.tags[line[start:end]]) for start, end in self._words.find(line)]

    def _morphemes(self, line: str, tokens: Sequence[kiwipiepy.Token]) -> list[Morpheme]:
        kept = set(self._words.find(line))
        found: list[Morpheme] = []
        at = 0
        for start, end, group in _groups(tokens):
            found += _skipped(line, at, start)
            found += _group_morphemes(line, start, end, group, whole=(start, end) in kept)
            at = end
        found += _skipped(line, at, len(line))
        return found


def _groups(tokens: Sequence[kiwipiepy.Token]) -> Iterator[tuple[int, int, list[kiwipiepy.Token]]]:
    """Tokens that overlap, and tokens without width together with the next that touches them (else the one
    before), as [start, end) and the tokens."""
    groups: list[tuple[int, int, list[kiwipiepy.Token]]] = []
    for token in tokens:
        start, end, members = token.start, token.end, [token]
        while groups and (start < groups[-1][1] or groups[-1][0] == groups[-1][1] == start):
            before = groups.pop()
            start, end = min(before[0], start), max(before[1], end)
            members = [*before[2], *members]
        groups.append((start, end, members))
    held: list[tuple[int, int, list[kiwipiepy.Token]]] = []
    for start, end, members in groups:
        if start == end and held:
            held[-1][2].extend(members)
        elif start < end:
            held.append((start, end, members))
    yield from held


def _group_morphemes(
    line: str, start: int, end: int, group: list[kiwipiepy.Token], *, whole: bool
) -> Iterator[Morpheme]:
    if len(group) == 1 and not whole and (tags := symbol_tags(line[start:end])):
        for at, tag in zip(range(start, end), tags, strict=True):
            if line[at] != " ":
                yield line[at], tag, at, at + 1
        return
    forms = [(compatible(token.form), sejong_tag(token.tag)) for token in group]
    if " " in line[start:end]:  # a name of several words that Kiwi knows: 우치무라 간조
        *words, last = re.finditer("[^ ]+", line[start:end])
        for word in words:
            yield word.group(), forms[0][1], start + word.start(), start + word.end()
        forms[0] = last.group(), forms[0][1]
        start, end = start + last.start(), start + last.end()
    for lemma, tag in forms:
        yield lemma, tag, start, end


def _skipped(line: str, start: int, end: int) -> Iterator[Morpheme]:
    """Characters that no token covers, one by one."""
    for at in range(start, end):
        if line[at] != " ":
            tag = (symbol_tags(line[at]) or ["NA"])[0]
            yield line[at], tag, at, at + 1
