"""Words a domain's text asks for: strings inside its eojeols that the vocabulary cuts into many pieces.

Goes greedily: the string that saves most tokens is taken, the text is cut around it, and what others save is
counted anew, so that of 심부전 and 심부전은 only one is proposed. The same text gives the same words.
"""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from malmoi.hangul.nfc import composed
from malmoi.tokenizer.base import Tokenizer
from malmoi.tokenizer.encoding.characters import bounds_of

LONGEST = 10  # characters of a proposed word
SHORTLIST = 20  # candidates looked at closely, for each word wanted
LETTERS = re.compile(r"[^\W_]{2,60}")


@dataclass(frozen=True, slots=True)
class Proposal:
    """A word, how often it stands in the text (outside of words proposed before it), and the tokens it saves
    there; a token [UNK] counts as one for each character it hides."""

    word: str
    count: int
    saved: int


def propose_words(
    tokenizer: Tokenizer, blocks: Iterable[str], wanted: int, *, min_count: int = 5
) -> list[Proposal]:
    """The `wanted` words that save most tokens on the text, best first; fewer where there are no more."""
    runs: Counter[str] = Counter()
    for block in blocks:
        runs.update(LETTERS.findall(composed(block)))
    costs = _costs(tokenizer, list(runs))
    split = {run: count for (run, count), cost in zip(runs.items(), costs, strict=True) if cost > 1}
    counted = _frequent(split, min_count)
    strings = sorted(counted)
    estimates = np.array([counted[s] for s in strings], np.int64) * (_costs(tokenizer, strings) - 1)
    best = np.lexsort((np.arange(len(strings)), -estimates))[: max(2_000, SHORTLIST * wanted)]
    shortlist = {strings[index] for index in best if estimates[index] > 0}
    return _greedy(_Text(tokenizer, shortlist, split), wanted, min_count)


def _frequent(runs: dict[str, int], min_count: int) -> dict[str, int]:
    """Substrings of 2 to LONGEST characters that stand in the runs `min_count` times, and how often. A string
    is counted only where it could be frequent: where both its shorter halves are."""
    found: dict[str, int] = {}
    before: dict[str, int] | None = None
    for length in range(2, LONGEST + 1):
        counts: Counter[str] = Counter()
        for run, count in runs.items():
            for start in range(len(run) - length + 1):
                string = run[start : start + length]
                if before is None or (string[:-1] in before and string[1:] in before):
                    counts[string] += count
        before = {string: count for string, count in counts.items() if count >= min_count}
        if not before:
            break
        found |= before
    return found


def _costs(tokenizer: Tokenizer, strings: Sequence[str]) -> NDArray[np.int64]:
    """Tokens of each string as a text of its own; [UNK] costs a token for each character it stands for."""
    encoded = tokenizer.encode_batch(list(strings), specials=False)
    lengths = encoded.spans[:, 1] - encoded.spans[:, 0]
    cost_T = np.where(encoded.ids == tokenizer.special.unk, lengths, 1)
    return np.diff(bounds_of(cost_T)[encoded.cu_seqlens])


@dataclass
class _Text:
    """The text as runs of letters with counts, and for each candidate the runs it stands in."""

    tokenizer: Tokenizer
    candidates: set[str]
    runs: dict[str, int]
    inside: dict[str, dict[str, None]] = field(default_factory=dict)
    known: dict[str, int] = field(default_factory=dict)
    """Costs of strings met so far; the empty one is free."""

    def __post_init__(self) -> None:
        self.known[""] = 0
        for run in self.runs:
            self._index(run)

    def candidates_in(self, run: str) -> list[str]:
        strings = {
            run[start : start + length]
            for length in range(2, min(LONGEST, len(run)) + 1)
            for start in range(len(run) - length + 1)
        }
        return sorted(strings & self.candidates)

    def saved(self, words: Sequence[str]) -> list[int]:
        """Tokens that each word would save."""
        cut = [(word, run, run.split(word)) for word in words for run in self.inside.get(word, ())]
        self._learn(part for _, run, parts in cut for part in (run, *parts))
        saved = dict.fromkeys(words, 0)
        for word, run, parts in cut:
            after = sum(self.known[part] for part in parts) + len(parts) - 1
            saved[word] += self.runs[run] * (self.known[run] - after)
        return [saved[word] for word in words]

    def count(self, word: str) -> int:
        return sum(self.runs[run] * run.count(word) for run in self.inside.get(word, ()))

    def take(self, word: str) -> set[str]:
        """Cut the text around a word; returns the candidates that now save something else."""
        touched: set[str] = set()
        for run in list(self.inside.pop(word, ())):
            count = self.runs.pop(run)
            for candidate in self.candidates_in(run):
                self.inside.get(candidate, {}).pop(run, None)
                touched.add(candidate)
            for part in run.split(word):
                if len(part) > 1:
                    self.runs[part] = self.runs.get(part, 0) + count
                    self._index(part)
        self.candidates.discard(word)
        return touched - {word}

    def _index(self, run: str) -> None:
        for candidate in self.candidates_in(run):
            self.inside.setdefault(candidate, {})[run] = None

    def _learn(self, strings: Iterable[str]) -> None:
        new = list(dict.fromkeys(string for string in strings if string not in self.known))
        self.known |= zip(new, _costs(self.tokenizer, new).tolist(), strict=True)


def _greedy(text: _Text, wanted: int, min_count: int) -> list[Proposal]:
    words = sorted(text.candidates)
    # Most saved first; of equals the longer word.
    heap = [(-saved, -len(word), word) for word, saved in zip(words, text.saved(words), strict=True)]
    heapq.heapify(heap)
    stale: set[str] = set()
    chosen: list[Proposal] = []
    while heap and len(chosen) < wanted:
        saved, _, word = heapq.heappop(heap)
        if word in stale:
            stale.discard(word)
            heapq.heappush(heap, (-text.saved([word])[0], -len(word), word))
        elif saved < 0 and (count := text.count(word)) >= min_count:
            chosen.append(Proposal(word, count, -saved))
            stale |= text.take(word)
    return chosen
