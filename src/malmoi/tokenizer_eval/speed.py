"""MB of text a second of CPU time, measured in turns: A B C, A B C, … from the same lines.

CPU time of the process, because other work on the machine would count in a clock's; in turns, because it
wobbles by a third over a minute. The numbers are for comparing in one run, not with another day's.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median

from malmoi.tokenizer.base import Tokenizer

ROUNDS = 3
ROUND_S = 0.5  # CPU seconds a tokenizer may take in one round; analyzers do 0.1 MB in that time
WARM_UP = 20_000  # bytes


def speeds(tokenizers: Sequence[Tokenizer], lines: Sequence[str]) -> list[float]:
    """MB (UTF-8) per CPU second of each, the median over the rounds."""
    sizes = [len(line.encode()) for line in lines]
    tokenizers = [tokenizer.uncached() for tokenizer in tokenizers]
    warm = _portion(lines, sizes, 0, WARM_UP)
    budgets = []
    for tokenizer in tokenizers:
        first = _seconds(tokenizer, warm)  # tables are filled, libraries loaded
        again = min(first, _seconds(tokenizer, warm))
        budgets.append(int(WARM_UP * min(ROUND_S / max(again, 1e-6), 50)))
    found: list[list[float]] = [[] for _ in tokenizers]
    starts = [0] * len(tokenizers)
    for _ in range(ROUNDS):
        for number, tokenizer in enumerate(tokenizers):
            part = _portion(lines, sizes, starts[number], budgets[number])
            starts[number] = (starts[number] + len(part)) % len(lines)
            size = sum(len(line.encode()) for line in part)
            found[number].append(size / 1e6 / max(_seconds(tokenizer, part), 1e-6))
    return [round(median(rounds), 3) for rounds in found]


def _portion(lines: Sequence[str], sizes: Sequence[int], start: int, budget: int) -> list[str]:
    """Lines from `start` on, `budget` bytes of them, from the beginning again where they end."""
    part: list[str] = []
    for step in range(len(lines)):
        index = (start + step) % len(lines)
        part.append(lines[index])
        budget -= sizes[index]
        if budget <= 0:
            break
    return part


def _seconds(tokenizer: Tokenizer, lines: list[str]) -> float:
    begun = time.process_time()
    tokenizer.encode_batch(lines, specials=False)
    return time.process_time() - begun
