"""Sentences worth looking at, and how each tokenizer cuts them: those the tokenizers disagree about most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from malmoi.analyzers.protocol import Analyzer
from malmoi.corpus.personal import mask
from malmoi.tokenizer.base import Tokenizer
from malmoi.tokenizer.measure import shown
from malmoi.tokenizer_eval.cuts import CutText

COUNT = 6
CHARACTERS = (20, 70)


@dataclass(frozen=True, slots=True)
class Token:
    """`text` is what the token covers of the sentence, `entry` the vocabulary's own spelling, and `shown`
    the same for the eye (`measure.readable`)."""

    text: str
    entry: str
    shown: str
    id: int
    start: int
    end: int
    unknown: bool


@dataclass(frozen=True, slots=True)
class Example:
    """`morphemes`: surface and tag, where an analyzer was asked. `tokens`: for each tokenizer."""

    text: str
    morphemes: list[tuple[str, str]]
    tokens: list[list[Token]]


def choose_lines(lines: Sequence[str], cuts: Sequence[CutText], tokenizers: Sequence[Tokenizer]) -> list[str]:
    """Half of them where the numbers of tokens differ most, a quarter with [UNK], the rest evenly spaced.

    No line with a telephone number or the like in it: the page is made to be handed round.
    """
    low, high = CHARACTERS
    fit = [i for i, line in enumerate(lines) if low <= len(line) <= high and mask(line) == line]
    if not fit:
        fit = sorted(range(len(lines)), key=lambda i: abs(len(lines[i]) - high))[:COUNT]
        return [lines[i][: 2 * high] for i in sorted(fit) if mask(lines[i]) == lines[i]]
    counts = np.stack([cut.counts_N[fit] for cut in cuts])
    apart = (counts.max(0) - counts.min(0)) / counts.min(0).clip(1)
    order = [fit[i] for i in np.argsort(-apart, kind="stable")[: COUNT // 2]] if len(cuts) > 1 else []
    lossy = _with_unknown(cuts, tokenizers)
    unknown = [i for i in fit if i in lossy]
    spread = [fit[len(fit) * k // COUNT] for k in range(COUNT)]
    chosen = list(dict.fromkeys([*order, *unknown[:: max(1, len(unknown) // 2)][: COUNT // 3], *spread]))
    return list(dict.fromkeys(lines[i] for i in sorted(chosen[:COUNT])))


def _with_unknown(cuts: Sequence[CutText], tokenizers: Sequence[Tokenizer]) -> set[int]:
    found: set[int] = set()
    for cut, tokenizer in zip(cuts, tokenizers, strict=True):
        owners = np.repeat(np.arange(len(cut.counts_N)), cut.counts_N)
        found |= set(owners[cut.ids_T == tokenizer.special.unk].tolist())
    return found


def show(
    lines: Sequence[str], tokenizers: Sequence[Tokenizer], analyzer: Analyzer | None = None
) -> list[Example]:
    """`lines` are NFC."""
    cells = [tokens_of(tokenizer, lines) for tokenizer in tokenizers]
    morphemes: list[list[tuple[str, str]]] = [[] for _ in lines]
    if analyzer and lines:
        found = analyzer.analyze(list(lines))
        owners = np.repeat(np.arange(len(lines)), found.counts).tolist()
        for owner, lemma, tag in zip(owners, found.lemmas, found.tags, strict=True):
            morphemes[owner].append((lemma, tag))
    return [Example(line, morphemes[i], [cell[i] for cell in cells]) for i, line in enumerate(lines)]


def tokens_of(tokenizer: Tokenizer, lines: Sequence[str]) -> list[list[Token]]:
    """The tokens of each line, no special ones."""
    encoded = tokenizer.encode_batch(list(lines), specials=False)
    unk = tokenizer.special.unk
    found = []
    for i, line in enumerate(lines):
        row = encoded.row(i)
        ids, spans = encoded.ids[row].tolist(), encoded.spans[row].tolist()
        names = zip(tokenizer.tokens(ids), shown(tokenizer, ids), strict=True)
        found.append(
            [
                Token(line[start:end], *name, token, start, end, token == unk)
                for token, name, (start, end) in zip(ids, names, spans, strict=True)
            ]
        )
    return found
