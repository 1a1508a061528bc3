"""Ways of doing the same work, one after the other in each round, in seconds of processor time.

Every contender runs on one thread of this process: the ratio of two is taken within a round, and the median
over the rounds told, so that a change of the machine's mood meets both.
"""

from __future__ import annotations

import lzma
import os
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from statistics import median

# Before any library reads them.
os.environ |= {"RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
WIKI = SHARED / "corpus" / "kowiki.txt.xz"
REVIEWS = SHARED / "corpus" / "nsmc_reviews.txt.xz"
VOCABULARY = SHARED / "tokenizers" / "koelectra_32200" / "vocab.txt"


def read_lines(*paths: Path) -> Iterator[str]:
    """The lines of some files, `.xz` or plain, without their ends."""
    for path in paths:
        opener = lzma.open if path.suffix == ".xz" else open
        with opener(path, "rt", encoding="utf-8") as stream:
            for line in stream:
                yield line.removesuffix("\n")


def some_lines(path: Path, megabytes: float) -> tuple[list[str], float]:
    """The first lines of a file, about so many MB, and how many MB they are."""
    lines: list[str] = []
    size, stream = 0, read_lines(path)
    while size < megabytes * 1e6 and (more := list(islice(stream, 1_000))):
        lines += more
        size += sum(len(line.encode()) + 1 for line in more)
    return lines, size / 1e6


def take_turns(
    contenders: dict[str, Callable[[], object]], rounds: int, megabytes: float
) -> dict[str, list[float]]:
    """MB per CPU second of each contender in each round, after one unmeasured round."""
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, work in contenders.items():
            begun = time.process_time()
            work()
            spent = time.process_time() - begun
            if number:
                rates[name].append(megabytes / spent)
        if number:
            shown = ", ".join(f"{name} {found[-1]:.1f}" for name, found in rates.items())
            print(f"  round {number}: {shown} MB per CPU second", flush=True)
    for name, found in rates.items():
        print(f"{name:44} {median(found):6.1f} MB/s", flush=True)
    return rates


def faster(rates: dict[str, list[float]], ours: str, peer: str) -> float | None:
    """The median over the rounds of how many times as fast `ours` is; None where one of them did not run."""
    if not rates.get(ours) or not rates.get(peer):
        return None
    return median(a / b for a, b in zip(rates[ours], rates[peer], strict=True))
